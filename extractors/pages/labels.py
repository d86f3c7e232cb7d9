"""Header lines on a page of a PDF without ruling lines, found by the labels that they print.

A label may be wrapped over several lines, and its lines may be set to the left, to the right or
in the middle of their column: what stands in one column are pieces that lie above each other. How
far the columns reach below their labels is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from extractors.pages.pieces import Pieces
from schemas.codes import header_key

# As many columns must be labelled; one label alone may be a word of a sentence.
FEWEST = 2
# Printed lines of one header; labels set in the middle of their cells stand between the others'.
MOST_LINES = 9
# Shares of the letters' size. Lines further apart are of different headers. Words nearer than one
# of the gaps are of one label, the one under which most labels are found.
FARTHEST = 2.5
GAPS = (0.6, 0.35, 1.0)

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class HeaderLines:
    """Printed lines `first` to `last` of a page as a header: where its columns' labels stand.

    Lines up to `upper` hold labels over several columns; there are none if it is before `first`.
    `keys` are the labels for comparison; a key that is not among those looked for is of a column
    that the source does not know.
    """

    first: int
    last: int
    upper: int
    spans: tuple[Span, ...]
    keys: tuple[str, ...]
    matches: int


def header_lines(pieces: Pieces, labels: frozenset[str]) -> list[HeaderLines]:
    """The headers among the printed lines, from the top; those with most known labels count."""
    if not len(pieces.texts) or not labels:
        return []
    page = _Page(pieces, labels)
    candidates = [line for line in range(page.count) if page.may_be_header(line)]
    found: list[HeaderLines] = []
    for first in candidates:
        for last in candidates:
            if first <= last < first + MOST_LINES and page.is_close(first, last):
                found += page.headers(first, last)
    found.sort(key=lambda each: (-each.matches, len(each.keys), each.last - each.first))
    chosen: list[HeaderLines] = []
    for header in found:
        if all(header.last < other.first or header.first > other.last for other in chosen):
            chosen.append(header)
    return sorted(chosen, key=lambda each: each.first)


class _Segment(NamedTuple):
    """Text on one printed line that stands together."""

    x0: float
    x1: float
    text: str
    line: int


def _by_line(segment: _Segment) -> tuple[int, float]:
    return segment.line, segment.x0


def _stacked(segments: list[_Segment]) -> list[list[_Segment]]:
    """Segments that lie above each other, stack by stack from the left."""
    stacks: list[list[_Segment]] = []
    end = -np.inf
    for segment in sorted(segments):
        if segment.x0 < end:
            stacks[-1].append(segment)
        else:
            stacks.append([segment])
        end = max(end, segment.x1)
    return stacks


def _spans_others(segment: _Segment, stack: list[_Segment]) -> bool:
    """Whether two texts of one line stand below a segment."""
    below = [
        other.line
        for other in stack
        if other.line > segment.line and other.x0 < segment.x1 and other.x1 > segment.x0
    ]
    return len(below) > len(set(below))


class _Page:
    """The pieces of a page by printed line, for looking at few of them closely."""

    def __init__(self, pieces: Pieces, labels: frozenset[str]) -> None:
        self.pieces = pieces
        self.labels = labels
        self.count = int(pieces.lines[-1]) + 1
        self._joined = "\n".join(sorted(labels))
        self._starts = np.searchsorted(pieces.lines, np.arange(self.count + 1)).tolist()
        self._boxes = pieces.boxes.tolist()
        self._sizes = pieces.sizes.tolist()
        self._found: dict[tuple[int, float], list[_Segment]] = {}

    def on_line(self, line: int) -> range:
        return range(self._starts[line], self._starts[line + 1])

    def may_be_header(self, line: int) -> bool:
        """Whether at least half of a line's pieces are parts of labels, as the first or last is."""
        at = self.on_line(line)
        if not any(self._is_part(piece) for piece in (at[0], at[-1])):
            return False
        return 2 * sum(map(self._is_part, at)) >= len(at)

    def _is_part(self, piece: int) -> bool:
        text = self.pieces.texts[piece]
        return len(text) < len(self._joined) * 2 and header_key(text) in self._joined

    def is_close(self, first: int, last: int) -> bool:
        tops = [self._boxes[self.on_line(line)[0]][1] for line in range(first, last + 1)]
        size = max(self._sizes[self.on_line(line)[0]] for line in range(first, last + 1))
        return all(below - above <= FARTHEST * size for above, below in pairwise(tops))

    def headers(self, first: int, last: int) -> Iterator[HeaderLines]:
        """What these lines may be as a header, by how far apart the words of a label may be."""
        for gap in GAPS:
            header = self.header(first, last, gap)
            if header.matches >= FEWEST:
                yield header
            if header.matches == len(header.keys):
                return

    def header(self, first: int, last: int, gap: float) -> HeaderLines:
        """The columns that these lines would have as a header, and how many have known labels."""
        segments = [
            segment for line in range(first, last + 1) for segment in self._segments(line, gap)
        ]
        upper = first - 1
        stacks: list[list[_Segment]] = []
        for stack in _stacked(segments):
            over = [each for each in stack if _spans_others(each, stack)]
            if over:  # a label over several columns, whose own labels stand below it
                upper = max(upper, *(each.line for each in over))
                stacks += _stacked([each for each in stack if each not in over])
            else:
                stacks.append(stack)
        keys = tuple(
            header_key("".join(each.text for each in sorted(stack, key=_by_line)))
            for stack in stacks
        )
        return HeaderLines(
            first=first,
            last=last,
            upper=upper,
            spans=tuple(
                (min(each.x0 for each in stack), max(each.x1 for each in stack)) for stack in stacks
            ),
            keys=keys,
            matches=sum(key in self.labels for key in keys),
        )

    def _segments(self, line: int, gap: float) -> list[_Segment]:
        if (line, gap) not in self._found:
            self._found[line, gap] = self._parted(line, gap)
        return self._found[line, gap]

    def _parted(self, line: int, gap: float) -> list[_Segment]:
        segments: list[_Segment] = []
        for piece in self.on_line(line):
            x0, _, x1, _ = self._boxes[piece]
            text = self.pieces.texts[piece]
            if segments and x0 - segments[-1].x1 <= gap * self._sizes[piece]:
                before = segments[-1]
                segments[-1] = _Segment(
                    before.x0, max(before.x1, x1), f"{before.text} {text}", line
                )
            else:
                segments.append(_Segment(x0, x1, text, line))
        return segments
