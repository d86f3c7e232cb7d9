"""Words as they were drawn, whatever cells they are over, and the lines of cells they agree with.

The order of drawing knows what the page does not show: which letters over a border go on from
those before it. What cell a word belongs to is decided elsewhere (pdf_overflow).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractors.pages.cells import Cells
from extractors.pages.ink import Bools, Floats, Ink, Ints
from extractors.pages.words import SAME_LINE, TOUCHING, WORD_GAP, blanks

# A letter may be over the border by this share of its width: side bearings, slanted fonts.
OVER = 0.25
# Lines of a column begin at one place if they differ by less than this many points.
ALIGNED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class DrawnWords:
    """The `w` words of a page as they were drawn; a blank is a word of its own."""

    numbers: Ints  # (n,): the word of each letter
    starts: Ints  # (w + 1,)
    boxes: Floats  # (w, 4)
    sizes: Floats  # (w,)
    runs: Ints  # (w, 2): of its first letter and of its last
    inked: Bools  # (w,)
    firsts: Ints  # (w,): the cell of its first letter
    lasts: Ints  # (w,)
    middles: Ints  # (w,): the cell at its middle
    crosses: Bools  # (w,): sticks out of its cell, or has letters in several


@dataclass(frozen=True, slots=True, eq=False)
class CellLines:
    """The `k` printed lines of the cells of a page, words over borders aside."""

    homes: Ints  # (k,)
    boxes: Floats  # (k, 4)
    offsets: Floats  # (k, 3): from the left and the right of their cells, and from their middles
    columns: Ints  # (c,): the column of each cell

    def count(self, cell: int, kind: int, offset: float) -> int:
        """How many lines in other cells of a cell's column have about this offset."""
        others = (self.columns[self.homes] == self.columns[cell]) & (self.homes != cell)
        return int((np.abs(self.offsets[others, kind] - offset) <= ALIGNED).sum())

    def is_padding(self, offset: float) -> bool:
        """Whether lines of all columns begin with about so much white before them."""
        return bool(len(self.homes) and abs(offset - np.median(self.offsets[:, 0])) <= ALIGNED)

    def begin_together(self, cell: int) -> bool:
        """Whether most lines of a cell's column, and several, begin at one place."""
        left = self.offsets[self.columns[self.homes] == self.columns[cell], 0]
        alike = np.abs(left - np.median(left)) <= ALIGNED if len(left) else left
        return bool(alike.sum() >= max(3, len(left) / 2))


def sticking_out(ink: Ink, cells: Cells, homes: Ints) -> Bools:
    """Letters with a good part of them on the other side of their cell's left or right border."""
    left, right = ink.boxes[:, 0], ink.boxes[:, 2]
    allowed = OVER * (right - left)
    # A letter in no cell, -1, sticks out of none.
    borders_left = np.append(cells.boxes[:, 0], -np.inf)
    borders_right = np.append(cells.boxes[:, 2], np.inf)
    out: Bools = left + allowed < borders_left.take(homes)
    out |= right - allowed > borders_right.take(homes)
    out &= ~blanks(ink)
    return out


def beginnings(ink: Ink) -> tuple[Bools, Bools]:
    """Letters that begin a word where they stand, and those that may: another run begins there.

    A page drawn letter by letter has runs of one letter, which tell nothing.
    """
    blank, boxes, sizes = blanks(ink), ink.boxes, ink.sizes
    heights = boxes[:, 1] + boxes[:, 3]
    gaps = (boxes[1:, 0] - boxes[:-1, 2]) / sizes[1:]
    certain = np.ones(len(blank), np.bool_)
    certain[1:] = blank[1:] | blank[:-1] | (sizes[1:] != sizes[:-1])
    certain[1:] |= np.abs(heights[1:] - heights[:-1]) >= 2 * TOUCHING * sizes[1:]
    certain[1:] |= (np.abs(gaps) > WORD_GAP) | (ink.upright[1:] != ink.upright[:-1])
    runs = ink.runs - ink.runs.min()
    length = np.bincount(runs)[runs]
    possible = ~certain
    possible[1:] &= (runs[1:] != runs[:-1]) & (np.maximum(length[1:], length[:-1]) > 1)
    return certain, possible


def drawn_words(ink: Ink, cells: Cells, homes: Ints, begins: Bools) -> DrawnWords:
    blank, boxes, sizes = blanks(ink), ink.boxes, ink.sizes
    out = sticking_out(ink, cells, homes)
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(blank)) - 1
    low = np.minimum.reduceat(boxes[:, :2], starts, axis=0)
    high = np.maximum.reduceat(boxes[:, 2:], starts, axis=0)
    several = np.minimum.reduceat(homes, starts) != np.maximum.reduceat(homes, starts)
    return DrawnWords(
        numbers=begins.cumsum() - 1,
        starts=np.append(starts, len(blank)),
        boxes=np.hstack([low, high]),
        sizes=sizes[starts],
        runs=np.stack([ink.runs[starts], ink.runs[ends]], axis=1),
        inked=~blank[starts],
        firsts=homes[starts],
        lasts=homes[ends],
        middles=cells.at(*((low + high) / 2).T),
        crosses=(several | np.logical_or.reduceat(out, starts)) & ~blank[starts],
    )


def cell_lines(drawn: DrawnWords, cells: Cells) -> CellLines:
    inside = np.flatnonzero(drawn.inked & ~drawn.crosses & (drawn.firsts >= 0))
    homes, boxes, sizes = drawn.firsts[inside], drawn.boxes[inside], drawn.sizes[inside]
    heights = (boxes[:, 1] + boxes[:, 3]) / 2
    order = np.lexsort((heights, homes))
    homes, heights, sizes, boxes = homes[order], heights[order], sizes[order], boxes[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (homes[1:] != homes[:-1]) | (np.diff(heights) > SAME_LINE * sizes[1:])
    starts = np.flatnonzero(begins)
    low = np.minimum.reduceat(boxes[:, :2], starts, axis=0) if len(starts) else boxes[:, :2]
    high = np.maximum.reduceat(boxes[:, 2:], starts, axis=0) if len(starts) else boxes[:, 2:]
    homes, boxes = homes[starts], np.hstack([low, high])
    columns = cells.spans[:, 0] * cells.count + cells.tables
    return CellLines(homes, boxes, offsets_in(boxes, cells.boxes[homes]), columns)


def offsets_in(boxes: Floats, cells: Floats) -> Floats:
    """How far lines stand from the left and the right of their cells and from their middles."""
    left, right = boxes[:, 0] - cells[:, 0], cells[:, 2] - boxes[:, 2]
    return np.stack([left, right, (left - right) / 2], axis=1)
