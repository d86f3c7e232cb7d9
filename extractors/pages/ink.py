"""What one page of a PDF shows, and the tables found in it, as arrays: the common ground of all.

An engine parses a page into `Ink`; what finds tables, ruled or aligned, gives `Grid`s; everything
after that is the same for all. Coordinates are points from the top left corner of the page as a
reader holds it: a page that is to be turned is turned here already. What a word, a line or a
cell's text is, others know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Left, top, right and bottom in points.
Box = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """The letters, ruling lines, fills and pictures of one page, `n` letters in drawing order.

    A letter is what one character code shows: mostly one character, sometimes several (a
    ligature). Blanks that the page itself draws are letters too; what an engine only guesses to
    be a blank is not.
    """

    number: int
    width: float
    height: float
    text: tuple[str, ...]  # n
    boxes: Floats  # (n, 4): x0, top, x1, bottom; the advance width by the font size
    sizes: Floats  # (n,): the font size as it appears on the page
    runs: Ints  # (n,): letters shown by one operation of the page share a number
    upright: Bools  # (n,): stands on its feet, on the page as turned
    hidden: Bools  # (n,): drawn without ink, or in the colour of what lies behind it
    rules: Floats  # (m, 4): straight lines, x0 == x1 or top == bottom, thin filled boxes included
    frames: Floats  # (f, 4): stroked boxes, whose four sides are ruling lines
    fills: Floats  # (k, 4): filled boxes too wide to be lines, such as shaded bands
    shades: Floats  # (k, 3): their colours as red, green, blue from 0 to 1
    pictures: Floats  # (p, 4)
    curves: int  # other drawings: an outline font, a chart


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A table on a page: `c` cells, each in the row and column of its top left corner.

    `homes` gives for each letter of the page the cell that it belongs to, or -1. A place of the
    grid that no cell begins at is covered by a cell above it or to its left.
    """

    box: Box
    shape: tuple[int, int]  # rows, columns
    cells: Floats  # (c, 4)
    rows: Ints  # (c,)
    columns: Ints  # (c,)
    homes: Ints  # (n,)
