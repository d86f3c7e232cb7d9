"""Tables on a page of a PDF that nothing but white space shows, by the rivers between columns.

A river is white that several printed lines share. Lines that share rivers with those above them
are of one table. Prose set in two columns has a river too and is told by how it fills them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from extractors.pages.lanes import ALIGNED, LEADING, RIVER, Span
from extractors.pages.pieces import Pieces

# A share of the letters' size: lines further apart are of different tables.
FARTHEST = 4.5
# Lines whose rivers a line of the same table has in common, and the share of a table's lines that
# may cross a river, provided that each column beside it has text on this share of the lines.
RECENT = 4
STRAY = 0.1
SUPPORT = 0.25
# Running text fills columns of at least this many times the letters' size by this share.
PROSE_WIDTH = 8.0
FILLED = 0.8
# The river between two tables side by side is this many times as wide as any within them.
BESIDE = 2.0


@dataclass(frozen=True, slots=True)
class Region:
    """Printed lines `first` to `last` and the columns that their text stands in."""

    first: int
    last: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A printed line as the stretches of text that wide gaps leave."""

    number: int
    level: float
    size: float
    spans: tuple[Span, ...]


def regions_of(pieces: Pieces, first: int, last: int) -> list[Region]:
    """Tables among printed lines, by the rivers that their lines share."""
    lines = _lines(pieces, first, last)
    regions: list[Region] = []
    start = 0
    while start < len(lines):
        if len(lines[start].spans) < 2:
            start += 1
            continue
        end = _grown(lines, start)
        voters = [line for line in lines[start : end + 1] if len(line.spans) > 1]
        river = RIVER * lines[start].size
        spans = _columns([line.spans for line in voters], river)
        enough = len(voters) >= 3 or (len(voters) == 2 and len(spans) > 2)
        if enough and len(spans) > 1 and not _is_prose(voters, spans):
            regions.append(_extended(lines, start, end, spans))
        start = end + 1
    return regions


def side_by_side(spans: Sequence[Span], size: float) -> list[Sequence[Span]]:
    """The columns of each table of a region: two, where a river parts columns of one pattern."""
    half = len(spans) // 2
    if len(spans) % 2 or half < 2:
        return [spans]
    rivers = [right - left for left, right in rivers_of(spans)]
    middle = rivers.pop(half - 1)
    centres = np.array(spans).mean(axis=1).reshape(2, half)
    apart = centres[1] - centres[0]
    if middle < BESIDE * max(rivers) or np.ptp(apart) > 2 * size:
        return [spans]
    return [spans[:half], spans[half:]]


def _lines(pieces: Pieces, first: int, last: int) -> list[_Line]:
    low, high = np.searchsorted(pieces.lines, (first, last + 1)).tolist()
    lines: list[_Line] = []
    spans: list[Span] = []
    on = -1
    for (x0, top, x1, bottom), number, size in zip(
        pieces.boxes[low:high].tolist(),
        pieces.lines[low:high].tolist(),
        pieces.sizes[low:high].tolist(),
        strict=True,
    ):
        if number != on:
            on, spans = number, [(x0, x1)]
            lines.append(_Line(number, (top + bottom) / 2, size, ()))
        elif x0 - spans[-1][1] <= RIVER * size:
            spans[-1] = (spans[-1][0], max(spans[-1][1], x1))
        else:
            spans.append((x0, x1))
        lines[-1] = _Line(number, lines[-1].level, max(lines[-1].size, size), tuple(spans))
    return lines


def _grown(lines: Sequence[_Line], start: int) -> int:
    """The last line of the table that begins at a line: each has rivers in common with some above.

    One line that has not may stand between, a title in two parts or a row out of place.
    """
    recent = [lines[start].spans]
    end = start
    refused = crossed = 0
    for at in range(start + 1, len(lines)):
        line = lines[at]
        if line.level - lines[at - 1].level > FARTHEST * line.size:
            break
        left, right = line.spans[0][0], line.spans[-1][1]
        if len(line.spans) < 2:
            across = left < recent[-1][0][1] and right > recent[-1][-1][0]
            crossed = crossed + 1 if across else 0
            if crossed > 1:
                break
            continue
        crossed = 0
        together = _lanes([*recent, line.spans], RIVER * line.size, 0)
        if len(together) < max(2, (len(recent[-1]) + 1) / 2):
            refused += 1
            if refused > 1:
                break
            continue
        recent = [*recent[1 - RECENT :], line.spans]
        end, refused = at, 0
    return end


def _columns(lines: Sequence[Sequence[Span]], river: float) -> tuple[Span, ...]:
    """The columns of a table: a river that a stray line crosses parts columns that many lines have.

    What stands between such rivers on few lines is part of the column next to it.
    """
    clear = _lanes(lines, river, 0)
    lanes = list(_lanes(lines, river, int(STRAY * len(lines))))
    if len(lanes) <= len(clear):
        return clear
    columns: list[Span] = []
    for left, right in clear:
        inside = [lane for lane in lanes if left <= lane[0] and lane[1] <= right]
        while len(inside) > 1:
            weak = min(range(len(inside)), key=lambda at: _support(lines, inside[at]))
            if _support(lines, inside[weak]) >= SUPPORT * len(lines):
                break
            gaps = rivers_of(inside)
            near = min(
                (at for at in (weak - 1, weak) if 0 <= at < len(gaps)),
                key=lambda at: gaps[at][1] - gaps[at][0],
            )
            inside[near : near + 2] = [(inside[near][0], inside[near + 1][1])]
        columns += inside if len(inside) > 1 else [(left, right)]
    return tuple(columns)


def _support(lines: Sequence[Sequence[Span]], lane: Span) -> int:
    """How many lines have text whose middle is in a lane."""
    return sum(any(lane[0] <= (x0 + x1) / 2 <= lane[1] for x0, x1 in spans) for spans in lines)


def rivers_of(spans: Sequence[Span]) -> list[Span]:
    """The white between columns."""
    return [(left[1], right[0]) for left, right in pairwise(spans)]


def _lanes(lines: Sequence[Sequence[Span]], river: float, crossing: int) -> tuple[Span, ...]:
    """Where the text of lines stands, apart by rivers that at most so many lines cross."""
    steps = sorted(
        [(x0, 1) for spans in lines for x0, _ in spans]
        + [(x1, -1) for spans in lines for _, x1 in spans]
    )
    lanes: list[Span] = []
    deep, begin = 0, None
    for x, step in steps:
        deep += step
        if begin is None and deep > crossing:
            begin = x
        elif begin is not None and deep <= crossing:
            if lanes and begin - lanes[-1][1] < river:
                begin = lanes.pop()[0]
            lanes.append((begin, x))
            begin = None
    return tuple(lanes)


def _is_prose(voters: Sequence[_Line], spans: Sequence[Span]) -> bool:
    """Whether the columns are filled as only running text fills them."""
    if len(spans) > 3:
        return False
    if sum(len(line.spans) >= len(spans) for line in voters) < 0.8 * len(voters):
        return False
    for left, right in spans:
        width = right - left
        texts = [x1 - x0 for line in voters for x0, x1 in line.spans if left <= x0 < right]
        size = voters[0].size
        if width < PROSE_WIDTH * size or np.median(texts) < FILLED * width:
            return False
    return True


def _extended(lines: Sequence[_Line], start: int, end: int, spans: tuple[Span, ...]) -> Region:
    """A region with the lines around it that have text in the first column alone."""
    levels = [line.level for line in lines[start : end + 1]]
    size = lines[start].size
    usual, widest = np.quantile(np.diff(levels), (0.5, 0.8)) if len(levels) > 1 else (size, size)
    usual = max(usual, size)

    def belongs(at: int, neighbor: int, limit: float) -> bool:
        line = lines[at]
        left, right = line.spans[0]
        away = abs(line.level - lines[neighbor].level)
        if len(line.spans) > 1 or right > spans[-1][1] + line.size:
            return False
        if abs(left - spans[0][0]) <= 2 * ALIGNED and right <= spans[-1][0]:
            return away <= limit * usual
        return away <= max(1.1 * widest, LEADING * line.size) and any(
            x0 - line.size <= left and right <= x1 + line.size for x0, x1 in spans[1:]
        )

    while start > 0 and belongs(start - 1, start, 1.25):
        start -= 1
    while end + 1 < len(lines) and belongs(end + 1, end, 2.2):
        end += 1
    return Region(lines[start].number, lines[end].number, spans)
