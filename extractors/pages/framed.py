"""Tables that lines frame, and perhaps part into rows, but do not part into columns.

A box around a list, a line under its header, lines between its rows: cells as wide as the table,
each with the text of all columns. Such a table is read as one without ruling lines is.
"""

from __future__ import annotations

import numpy as np

from extractors.pages.ink import Grid, Ink
from extractors.pages.labels import header_lines
from extractors.pages.pieces import Pieces, pieces_of
from extractors.pages.rows import begins_with_code
from extractors.pages.words import blanks

# Text further apart than this share of its size stands in different columns.
APART = 1.0
# The share of lines in the widest cells that must have text in several columns: of those with a
# code, since lines of a long text beside the others have it in one; or else of all.
SHARE, SHARE_OF_ALL = 0.5, 0.25


def is_framed_only(ink: Ink, grid: Grid, labels: frozenset[str], *, goes_on: bool) -> bool:
    """Whether a ruled table has several columns that no line parts.

    Either it prints two labels of the source's columns or more, or it `goes_on` from a table
    without ruling lines on the page before.
    """
    width = grid.box[2] - grid.box[0]
    is_wide = np.append(grid.cells[:, 2] - grid.cells[:, 0] > width - 1, False)
    inked = ~blanks(ink)
    letters = np.flatnonzero(is_wide[grid.homes] & inked)
    if 2 * len(letters) <= np.count_nonzero((grid.homes >= 0) & inked):
        return False
    if not _has_columns(pieces_of(ink, letters)):
        return False
    own = pieces_of(ink, np.flatnonzero(grid.homes >= 0))
    return goes_on or bool(header_lines(own, labels))


def _has_columns(pieces: Pieces) -> bool:
    boxes, lines = pieces.boxes, pieces.lines
    gaps = boxes[1:, 0] - boxes[:-1, 2] > APART * pieces.sizes[1:]
    is_wide = np.isin(lines, lines[1:][gaps & (lines[1:] == lines[:-1])])
    with_code = np.array([begins_with_code(text) for text in pieces.texts])
    if with_code.any():
        return bool(is_wide[with_code].mean() >= SHARE)
    _, firsts = np.unique(lines, return_index=True)
    return bool(is_wide[firsts].mean() >= SHARE_OF_ALL)
