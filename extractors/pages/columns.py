"""Tables on a page of a PDF without a ruled grid: columns that stand apart by white space alone.

Columns are anchored by a header whose labels the source knows, or else taken from the page before
or from the white rivers that several lines share. Text in no column of a table is left to the
prose: titles over the width of a table, footers, paragraphs. Text that runs over its column
belongs to the column in which it begins.

What a title or footer at the edge of a table is cannot always be seen: one that begins where the
first column begins becomes a row of one cell, which header logic knows by the source's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from extractors.pages.aligned import aligned_grid
from extractors.pages.ink import Grid, Ink, Ints
from extractors.pages.labels import HeaderLines, header_lines
from extractors.pages.lanes import Span, cuts_among, snapped, voting
from extractors.pages.pieces import Pieces, pieces_of
from extractors.pages.rivers import Region, regions_of, side_by_side

# The share of text that may cross the columns of the page before for a page to go on with them.
CROSSING = 0.1


def aligned_grids(
    ink: Ink, free: Ints, labels: frozenset[str], before: Sequence[Grid] = ()
) -> list[Grid]:
    """The tables among letters that no ruled cell holds, from the top, then from the left.

    `free` are upright, visible letters. `labels` are the labels of the source's columns as
    `header_key` gives them, none where the source is unknown. `before` are the tables that this
    function found on the page before: where a page begins without a header, its first table goes
    on with their columns. Every cell of a grid has a place of its own, the empty ones too.
    """
    pieces = pieces_of(ink, free)
    if not len(pieces.texts):
        return []
    last = int(pieces.lines[-1])
    headers = header_lines(pieces, labels)
    grids: list[Grid] = []
    ends = [*(header.first - 1 for header in headers), last]
    if ends[0] >= 0:
        grids += _headless(ink, pieces, ends[0], before)
    for header, end in zip(headers, ends[1:], strict=True):
        grids += _headed(ink, pieces, header, end, before or grids)
    return grids


def _headed(
    ink: Ink, pieces: Pieces, header: HeaderLines, end: int, before: Sequence[Grid]
) -> Iterator[Grid]:
    """The tables below a header, down to a line: several where its labels are repeated."""
    starts = _repeats(header)
    bounds = [-np.inf, *(_gap_before(header.spans, at) for at in starts[1:]), np.inf]
    for first, stop, (left, right) in zip(
        starts, [*starts[1:], len(header.spans)], pairwise(bounds), strict=True
    ):
        at = _within(pieces, header.first, end, left, right)
        body = at[pieces.lines[at] > header.last]
        cuts = cuts_among(pieces, body, header.spans[first:stop])
        grid = aligned_grid(ink, pieces, at, cuts, before, header)
        if grid is not None:
            yield grid


def _headless(ink: Ink, pieces: Pieces, end: int, before: Sequence[Grid]) -> Iterator[Grid]:
    """The tables from the top of the page down to a line."""
    own = [table for region in regions_of(pieces, 0, end) for table in _split(pieces, region)]
    known = _beside(before)
    if known and _goes_on(pieces, end, own, known):
        first = own[0].first if own else 0
        last = own[-1].last if own else end
        size = float(np.median(pieces.sizes))
        found = [cut for table in own for cut in table.cuts]
        for grid, (left, right) in zip(known, _strips(known), strict=True):
            cuts = [snapped(cut, found, size) for cut in _cuts_of(grid)]
            at = _within(pieces, first, last, left, right)
            going_on = aligned_grid(ink, pieces, at, cuts, before)
            if going_on is not None:
                yield going_on
        return
    for table in own:
        at = _within(pieces, table.first, table.last, table.left, table.right)
        found_here = aligned_grid(ink, pieces, at, table.cuts, before)
        if found_here is not None:
            yield found_here


@dataclass(frozen=True, slots=True)
class _Table:
    """Where a table stands: its printed lines, its outer borders and the cuts between columns."""

    first: int
    last: int
    left: float
    right: float
    cuts: list[float]


def _split(pieces: Pieces, region: Region) -> Iterator[_Table]:
    """The tables of a region: two where they stand side by side."""
    tables = side_by_side(region.spans, float(np.median(pieces.sizes)))
    bounds = [-np.inf, *((a[-1][1] + b[0][0]) / 2 for a, b in pairwise(tables)), np.inf]
    for spans, (left, right) in zip(tables, pairwise(bounds), strict=True):
        at = _within(pieces, region.first, region.last, left, right)
        cuts = cuts_among(pieces, at, spans)
        yield _Table(region.first, region.last, left, right, cuts)


def _goes_on(pieces: Pieces, end: int, own: Sequence[_Table], known: Sequence[Grid]) -> bool:
    """Whether a page goes on with the columns of the one before, and shows fewer by itself."""
    columns = max((len(table.cuts) + 1 for table in own), default=0)
    if columns >= max(grid.shape[1] for grid in known):
        return False
    return _fits(pieces, _within(pieces, 0, end), known)


def _repeats(header: HeaderLines) -> list[int]:
    """Where a list begins among the columns: lists side by side repeat their labels."""
    keys = header.keys
    for width in range(2, len(keys) // 2 + 1):
        if len(keys) % width == 0 and keys == keys[:width] * (len(keys) // width):
            return list(range(0, len(keys), width))
    return [0]


def _gap_before(spans: Sequence[Span], at: int) -> float:
    return spans[at][0] - min(2.0, (spans[at][0] - spans[at - 1][1]) / 2)


def _within(
    pieces: Pieces, first: int, last: int, left: float = -np.inf, right: float = np.inf
) -> Ints:
    inside = (pieces.lines >= first) & (pieces.lines <= last)
    inside &= (pieces.boxes[:, 0] >= left) & (pieces.boxes[:, 0] < right)
    return np.flatnonzero(inside)


def _beside(before: Sequence[Grid]) -> list[Grid]:
    """The lowest tables of a page: the last one and those beside it, from the left."""
    if not before:
        return []
    lowest = max(before, key=lambda grid: grid.box[3])
    beside = [grid for grid in before if grid.box[3] > lowest.box[1]]
    apart = sorted(beside, key=lambda grid: grid.box[0])
    if any(left.box[2] > right.box[0] for left, right in pairwise(apart)):
        return [lowest]
    return apart


def _strips(grids: Sequence[Grid]) -> list[Span]:
    middles = [(left.box[2] + right.box[0]) / 2 for left, right in pairwise(grids)]
    return list(pairwise([-np.inf, *middles, np.inf]))


def _cuts_of(grid: Grid) -> list[float]:
    lefts = [grid.cells[grid.columns == column, 0] for column in range(1, grid.shape[1])]
    return [float(left.min()) for left in lefts]


def _fits(pieces: Pieces, at: Ints, known: Sequence[Grid]) -> bool:
    """Whether text stands in the columns of the page before and hardly any crosses them."""
    votes = voting(pieces, at)
    boxes = pieces.boxes[votes]
    cuts = [cut for grid in known for cut in _cuts_of(grid)]
    cuts += [strip[0] for strip in _strips(known)[1:]]
    places = np.array(sorted(cuts))
    starts = np.searchsorted(places, boxes[:, 0] + 0.5, side="right")
    ends = np.searchsorted(places, boxes[:, 2] - 0.5, side="left")
    if len(np.unique(starts)) < 2:
        return False
    return bool(np.mean(starts != ends) <= CROSSING)
