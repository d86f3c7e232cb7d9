"""What on a page may not be as its ruled tables say: text in no closed cell, or struck through.

Every doubt is one that a person compares the page for. Where it is about text that runs over a
border within one row, it is that row's alone; otherwise the document is held. Nothing is decided
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from extractors.pages.boxes import changes, union
from extractors.pages.cells import MEET
from extractors.pages.ink import Box, Floats, Grid, Ink, Ints
from extractors.pages.overflow import Overflow
from extractors.pages.rules import Rules
from extractors.pages.words import blanks, sample

# A line nearer than this share of the size to the middle of letters strikes them through; an
# underline is 0.4 away.
THROUGH_MIDDLE = 0.2

# A doubt in words, and the place of the text that it is about.
Doubt = tuple[str, Box]
# The number of a table and of its row.
RowOf = tuple[int, int]


def doubts(ink: Ink, rules: Rules, grids: Sequence[Grid], overflow: Overflow) -> Iterator[Doubt]:
    """The doubts about the ruled tables of a page, each in words and with its place."""
    yield from _open_cells(ink, rules, grids, overflow.homes)
    yield from (doubt for doubt, row in _crossed_borders(ink, grids, overflow) if row is None)
    yield from _struck(ink, rules)


def _open_cells(ink: Ink, rules: Rules, grids: Sequence[Grid], homes: Ints) -> Iterator[Doubt]:
    """Text that ruling lines of a table run along without enclosing it: a cell with a missing side.

    Unreported, a missing border would take a row or a column out of its table.
    """
    loose = np.flatnonzero((homes < 0) & ink.upright & ~blanks(ink))
    if not len(loose) or not grids:
        return
    areas = [area for grid in grids for area in _ruled_areas(grid, rules)]
    areas += [area for grid in grids for area in _gap_beside(grid, grids)]
    x, y = _middles(ink, loose)
    x0, top, x1, bottom = np.array(areas).T[:, :, None]
    inside = (x0 <= x) & (x <= x1) & (top <= y) & (y <= bottom)
    between = loose[inside.any(axis=0)]
    if len(between):
        message = (
            "text stands between the ruling lines of a table in no closed cell: "
            f"{sample(ink, between)}; compare the page"
        )
        yield message, union(ink.boxes[between])


def _gap_beside(grid: Grid, grids: Sequence[Grid]) -> list[Box]:
    """The area between a table and the next one to its right, where a column may have been lost."""
    _, top, left, bottom = grid.box
    beside = [
        (x0, high, x1, low)
        for x0, high, x1, low in (each.box for each in grids)
        if x0 > left and high <= bottom + MEET and low >= top - MEET
    ]
    if not beside:
        return []
    right, high, _, low = min(beside)
    return [(left, max(top, high), right, min(bottom, low))]


def _ruled_areas(grid: Grid, rules: Rules) -> tuple[Box, Box]:
    """How far a table's vertical lines run on above and below it, its horizontal ones aside."""
    x0, top, x1, bottom = grid.box
    above, below = _reach(rules.down, (x0, x1), (top, bottom))
    left, right = _reach(rules.across, (top, bottom), (x0, x1))
    return (x0, above, x1, below), (left, top, right, bottom)


def _reach(
    lines: Floats, within: tuple[float, float], extent: tuple[float, float]
) -> tuple[float, float]:
    """How far lines positioned within a table's extent one way run beyond it the other way."""
    low, high = extent
    at, start, end = lines.T
    met = (start <= high + MEET) & (end >= low - MEET) & (at >= within[0]) & (at <= within[1])
    return float(start[met].min(initial=low)), float(end[met].max(initial=high))


def doubtful_rows(
    ink: Ink, grids: Sequence[Grid], overflow: Overflow
) -> Iterator[tuple[RowOf, Doubt]]:
    """Rows of which some text may belong to another cell of the same row."""
    for doubt, row in _crossed_borders(ink, grids, overflow):
        if row is not None:
            yield row, doubt


def _crossed_borders(
    ink: Ink, grids: Sequence[Grid], overflow: Overflow
) -> Iterator[tuple[Doubt, RowOf | None]]:
    """Text that runs on over the border of its cell, where it would be read as the next cell's.

    The row that it is all in, if there is one.
    """
    if not len(overflow.undecided):
        return
    inked = np.sort(overflow.undecided)
    heights = ink.boxes[inked, 1] + ink.boxes[inked, 3]
    far = np.abs(np.diff(heights)) > ink.sizes[inked[1:]]
    for letters in np.split(inked, np.flatnonzero(far) + 1):
        first = int(letters[0])
        around = np.arange(max(first - 20, 0), min(first + 20, len(ink.text)))
        message = (
            f"text runs over the border of its cell in {sample(ink, around)}; compare the page"
        )
        yield (message, union(ink.boxes[letters])), _row_of(ink, grids, letters)


def _row_of(ink: Ink, grids: Sequence[Grid], letters: Ints) -> RowOf | None:
    """The row of a table that letters are in, all text beside them too, if no cell is of two."""
    heights = (ink.boxes[:, 1] + ink.boxes[:, 3]) / 2
    first = int(letters[0])
    beside = np.abs(heights - heights[first]) < ink.sizes[first] / 2
    inked = np.flatnonzero(beside & ~blanks(ink))
    for number, grid in enumerate(grids):
        homes = grid.homes[inked]
        if len(grid.cells) == grid.shape[0] * grid.shape[1] and (homes >= 0).all():
            rows = np.unique(grid.rows[homes])
            return (number, int(rows[0])) if len(rows) == 1 else None
    return None


def _struck(ink: Ink, rules: Rules) -> Iterator[Doubt]:
    """Text with a line through its middle: what it says may be withdrawn."""
    at, start, end = rules.across.T
    if not len(at) or not len(ink.text):
        return
    heights = (ink.boxes[:, 1] + ink.boxes[:, 3]) / 2
    # Letters drawn one after the other are mostly of one height: the first of them tells.
    turns = np.flatnonzero(changes(heights) | changes(ink.sizes))
    heights = heights[turns]
    below = at.searchsorted(heights)
    lower, upper = at[np.minimum(below, len(at) - 1)], at[np.maximum(below - 1, 0)]
    away = np.minimum(np.abs(lower - heights), np.abs(heights - upper))
    near = away < THROUGH_MIDDLE * ink.sizes[turns]
    if not near.any():
        return
    near = np.repeat(near, np.diff(np.append(turns, len(ink.text))))
    inked = np.flatnonzero(near & ink.upright & ~blanks(ink))
    x, y = _middles(ink, inked)
    for height, left, right in zip(at.tolist(), start.tolist(), end.tolist(), strict=True):
        through = np.abs(y - height) < THROUGH_MIDDLE * ink.sizes[inked]
        through &= (left - 1 <= x) & (x <= right + 1)
        struck = inked[through][np.argsort(x[through], kind="stable")]
        if len(struck) > 1:
            message = f"text is struck through: {sample(ink, struck)}; compare the page"
            yield message, union(ink.boxes[struck])


def _middles(ink: Ink, letters: Ints) -> tuple[Floats, Floats]:
    boxes = ink.boxes[letters]
    return (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
