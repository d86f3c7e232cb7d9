"""Columns of text on a page of a PDF as lanes, and the column that each piece of text is in.

A cut is the place where one lane ends and the next begins. Text that runs over a cut stays in the
column in which it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from extractors.pages.ink import Floats, Ints
from extractors.pages.pieces import OVERLAP, Pieces

# Shares of the letters' size. Pieces further apart stand in different columns where nothing else
# tells; a river must be as wide.
RIVER = 0.5
# A column may begin this far from where it does on the page before, as centred text does.
NEARBY = 3.0
# Text runs on over its column where the next word is this near.
RUNS_ON = 0.6
# The width of a blank, and a little more.
BLANK = 0.33
# Points within which lines of a column begin or end at the same place.
ALIGNED = 0.75
# The share of a column's lines that must do so for it to count as set to the left or right.
MOSTLY = 0.6
# Lines of one cell are at most this share of the letters' size apart.
LEADING = 1.3

Span = tuple[float, float]


def cuts_between(spans: Sequence[Span], boxes: Floats, others: Floats) -> list[float]:
    """Where each column begins but the first: between the labels, where the least text crosses.

    Among such places it is the widest gap, and in it the place just before the next column, which
    `others` may reach that stand alone on their lines.
    """
    cuts = []
    for (_, low), (high, _) in pairwise(spans):
        if high <= low:
            cuts.append((low + high) / 2)
            continue
        inside = boxes[(boxes[:, 2] > low) & (boxes[:, 0] < high)]
        ends = np.clip(inside[:, 2], low, high)
        starts = np.clip(inside[:, 0], low, high)
        places = np.unique(np.concatenate((ends, starts, (low, high))).round(2))
        left, right = places[:-1], places[1:]
        middles = (left + right) / 2
        crossing = np.searchsorted(np.sort(starts), middles) - np.searchsorted(
            np.sort(ends), middles
        )
        # Neighboring stretches crossed by as much text are one gap.
        same = np.append(0, np.cumsum(np.diff(crossing) != 0))
        firsts = np.searchsorted(same, np.arange(same[-1] + 1))
        lasts = np.append(firsts[1:], len(same)) - 1
        widths = right[lasts] - left[firsts]
        best = min(range(len(firsts)), key=lambda at: (crossing[firsts[at]], -widths[at]))
        start, end = float(left[firsts[best]]), float(right[lasts[best]])
        reaching = others[(others[:, 0] > start) & (others[:, 0] < end) & (others[:, 2] > end), 0]
        end = float(reaching.min()) if len(reaching) else end
        cuts.append(end - min(1.0, (end - start) / 2))
    return cuts


def snapped(cut: float, found: Sequence[float], size: float) -> float:
    """A cut known from elsewhere, or the one found nearby."""
    nearest = min(found, key=lambda other: abs(other - cut), default=cut)
    return nearest if abs(nearest - cut) <= NEARBY * size else cut


def placed(pieces: Pieces, at: Ints, cuts: Sequence[float]) -> Ints:
    """The column of each of these pieces: the one it begins in, or that of the text it goes on."""
    boxes = pieces.boxes[at]
    columns = np.searchsorted(np.array(cuts), boxes[:, 0], side="right")
    count = len(cuts) + 1
    lefts = [_edge(boxes[columns == column, 0]) for column in range(count)]
    rights = [_edge(boxes[columns == column, 2]) for column in range(count)]
    lines = pieces.lines[at]
    is_next = np.append((np.diff(lines) == 0) & (np.diff(columns) == 1), False)
    found: list[int] = []
    previous, end, line, runs_over = 0, 0.0, -1, False
    for column, has_next, (x0, _, x1, _), on, size, glued in zip(
        columns.tolist(),
        is_next.tolist(),
        boxes.tolist(),
        lines.tolist(),
        pieces.sizes[at].tolist(),
        pieces.glued[at].tolist(),
        strict=True,
    ):
        if on != line:
            previous, end, line, runs_over = 0, -np.inf, on, False
        begins = lefts[column] is not None and abs(x0 - lefts[column]) <= ALIGNED
        gap = x0 - end
        reach = RUNS_ON if runs_over else BLANK
        near = glued or -OVERLAP * size <= gap <= reach * size
        if column > previous and near and not begins:
            column = previous
        elif column < count - 1 and x1 > cuts[column] and not begins:
            right = rights[column + 1]
            ends = right is not None and abs(x1 - right) <= ALIGNED and gap > RUNS_ON * size
            leans = previous == column and gap > BLANK * size and x0 + x1 > 2 * cuts[column]
            if ends or (leans and not has_next):
                column += 1
        found.append(column)
        runs_over = column < count - 1 and x1 > cuts[column]
        previous, end = column, max(end, x1)
    return np.array(found, dtype=np.int64)


def _edge(places: Floats) -> float | None:
    """Where most lines of a column begin, or end, if they do so at one place."""
    if not len(places):
        return None
    ordered = np.sort(places)
    near = np.searchsorted(ordered, ordered + ALIGNED, side="right") - np.arange(len(ordered))
    best = int(near.argmax())
    if near[best] < max(2, MOSTLY * len(ordered)):
        return None
    return float(ordered[best + near[best] // 2])


def cuts_among(pieces: Pieces, at: Ints, spans: Sequence[Span]) -> list[float]:
    """The cuts between labels or columns, by the pieces that stand below or in them."""
    votes = voting(pieces, at)
    others = np.setdiff1d(at, votes)
    firsts = np.flatnonzero(np.diff(pieces.lines[others], prepend=-1))
    return cuts_between(spans, pieces.boxes[votes], pieces.boxes[others[firsts]])


def voting(pieces: Pieces, at: Ints) -> Ints:
    """Those pieces on lines with a gap: a line without one may run over all columns."""
    if not len(at):
        return at
    lines, boxes = pieces.lines[at], pieces.boxes[at]
    same = np.append(False, np.diff(lines) == 0)
    gaps = np.append(0.0, boxes[1:, 0] - boxes[:-1, 2])
    votes = np.unique(lines[same & (gaps > RIVER * pieces.sizes[at])])
    chosen = at[np.isin(lines, votes)]
    return chosen if len(chosen) else at
