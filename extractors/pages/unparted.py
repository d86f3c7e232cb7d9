"""Rows of a ruled table that no line parts: one tall cell in each column, and a row on each line.

A cell may as well hold several codes of one row, so nothing is parted unless the columns agree:
each row has one code, and the other columns have texts of their own beside it. How lines make
rows is weighed as for tables without ruling lines. Where the columns neither agree nor are those
of one row, it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from extractors.pages.aligned import rows_of_pieces
from extractors.pages.boxes import changes
from extractors.pages.ink import Bools, Floats, Grid, Ink, Ints
from extractors.pages.pieces import Pieces, pieces_of
from extractors.pages.rows import begins_with_code
from extractors.pages.words import blanks

_CODE = re.compile(r"[0-9]{4}")
# Rows, the first aside, that must have exactly one line with a code.
ONE_CODE = 0.9
# A column of answers has a text in this share of rows, and most texts more than once.
ANSWERED = 0.8
# Rows enough to tell a column of answers from a cell of several lines.
SEVERAL = 4
# The share of rows that must have texts in two columns beside the code.
BESIDE = 0.5
# Codes further apart than this share of their size have lines of other text between them.
APART = 2.0
# The share of a cell's width that its text has, what is left white aside.
ROOM = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """A ruled table with the rows that no line parts taken apart.

    `origins` has for each cell the one that it was of, `unsure` the rows that may be several.
    """

    grid: Grid
    origins: Ints
    unsure: tuple[int, ...] = ()


def parted_rows(ink: Ink, grid: Grid, sides: Floats) -> Parted:
    """A table as its columns say that its rows are. `sides` are heights of lines not drawn."""
    origins = np.arange(len(grid.cells))
    full = _with_several_codes(ink, grid) if grid.shape[1] > 1 else []
    if not full:
        return Parted(grid, origins)
    strips = _strips(grid)
    tall = [cells for cells in strips if _code_lines(ink, grid, cells[np.isin(cells, full)]) > 1]
    is_lone = len(tall) == 1 and sum(_code_lines(ink, grid, cells) > 0 for cells in strips) == 1
    unsure: list[int] = []
    # From below, so that the rows above keep their numbers.
    for cells in reversed(tall):
        pieces, columns = _stretches(ink, grid, cells)
        widths = grid.cells[cells, 2] - grid.cells[cells, 0]
        titled = _lines_below_labels(pieces, columns)
        rows = rows_of_pieces(ink, pieces, np.arange(len(columns)), columns, titled)
        row, before = int(grid.rows[cells[0]]), grid.shape[0]
        if _are_rows(pieces, columns, rows, widths, is_lone=is_lone):
            grid, of = _taken_apart(grid, cells, pieces, rows)
            origins = origins[of]
            unsure = [each + grid.shape[0] - before for each in unsure]
        elif _may_be_several(grid, cells, pieces, columns, sides, is_lone=is_lone):
            unsure.append(row)
    return Parted(grid, origins, tuple(unsure))


def _may_be_several(
    grid: Grid, cells: Ints, pieces: Pieces, columns: Ints, sides: Floats, *, is_lone: bool
) -> bool:
    """Whether cells with several codes may be several rows all the same.

    They may where the page does not close them, or has nothing but them and leaves lines between
    the codes or ends a line where the next word had room.
    """
    edges = grid.cells[cells[0], [1, 3]]
    if (np.abs(edges[:, None] - sides) < 1).any():
        return True
    if not is_lone:
        return False
    coded = _column_of_codes(pieces, columns)
    codes = np.flatnonzero(_codes(pieces) & (columns == coded))
    if (np.diff(pieces.boxes[codes, 3]) > APART * pieces.sizes[codes][1:]).any():
        return True
    widths = grid.cells[cells, 2] - grid.cells[cells, 0]
    others = [column for column in np.unique(columns).tolist() if column != coded]
    return any(_breaks_early(pieces, columns == column, float(widths[column])) for column in others)


def _strips(grid: Grid) -> list[Ints]:
    """The cells of each row of a grid that is closed above and below at one height."""
    found = []
    for row in range(grid.shape[0]):
        cells = np.flatnonzero(grid.rows == row)
        boxes = grid.cells[cells]
        widths = (boxes[:, 2] - boxes[:, 0]).sum()
        is_whole = abs(widths - (grid.box[2] - grid.box[0])) < 1
        if len(cells) > 1 and is_whole and np.ptp(boxes[:, 3]) < 1:
            found.append(cells)
    return found


def _with_several_codes(ink: Ink, grid: Grid) -> list[int]:
    """The cells that may have several codes: most tables have none, and this tells it fast."""
    letters = np.flatnonzero(grid.homes >= 0)
    letters = letters[grid.homes[letters].argsort(kind="stable")]
    starts = np.flatnonzero(changes(grid.homes[letters])).tolist()
    texts = [ink.text[letter] for letter in letters.tolist()]
    return [
        int(grid.homes[letters[start]])
        for start, end in pairwise([*starts, len(texts)])
        if len(_CODE.findall("".join(texts[start:end]))) > 1
    ]


def _code_lines(ink: Ink, grid: Grid, cells: Ints) -> int:
    """At most how many lines of a cell begin with a code."""
    most = 0
    for cell in cells.tolist():
        letters = np.flatnonzero(grid.homes == cell)
        if len(letters) and not blanks(ink)[letters].all():
            pieces = pieces_of(ink, letters)
            most = max(most, len(np.unique(pieces.lines[_codes(pieces)])))
    return most


def _codes(pieces: Pieces) -> Bools:
    return np.array([begins_with_code(text) for text in pieces.texts], np.bool_)


def _stretches(ink: Ink, grid: Grid, cells: Ints) -> tuple[Pieces, Ints]:
    """The pieces of text in cells, none of them over a border, and the column of each."""
    letters = np.flatnonzero(np.isin(grid.homes, cells))
    whole = pieces_of(ink, letters)
    line_of = np.full(len(ink.text), -1)
    line_of[whole.letters] = np.repeat(whole.lines, np.diff(whole.starts))
    found = [pieces_of(ink, letters[grid.homes[letters] == cell]) for cell in cells.tolist()]
    columns = np.repeat(np.arange(len(cells)), [len(each.texts) for each in found])
    first = np.cumsum([0, *(len(each.letters) for each in found)])
    starts = [each.starts[:-1] + start for each, start in zip(found, first[:-1], strict=True)]
    pieces = Pieces(
        texts=tuple(text for each in found for text in each.texts),
        boxes=np.concatenate([each.boxes for each in found]),
        lines=np.concatenate([line_of[each.letters[each.starts[:-1]]] for each in found]),
        sizes=np.concatenate([each.sizes for each in found]),
        firsts=np.concatenate([each.firsts for each in found]),
        glued=np.concatenate([each.glued for each in found]),
        starts=np.append(np.concatenate(starts), first[-1]),
        letters=np.concatenate([each.letters for each in found]),
    )
    return pieces, columns


def _lines_below_labels(pieces: Pieces, columns: Ints) -> list[int]:
    """The line with which the first row begins, where labels stand above the codes.

    It is the first line with a code, or the one above it that is furthest from the labels.
    """
    coded = columns == _column_of_codes(pieces, columns)
    codes = _codes(pieces)
    first = int(pieces.lines[codes & coded].min())
    labels = pieces.lines[coded & ~codes & (pieces.lines < first)]
    if not len(labels):
        return []
    lines = np.unique(pieces.lines[(pieces.lines >= labels.max()) & (pieces.lines <= first)])
    levels = [float(pieces.boxes[pieces.lines == line, 1::2].mean()) for line in lines.tolist()]
    return [int(lines[1:][np.diff(levels).argmax()])]


def _column_of_codes(pieces: Pieces, columns: Ints) -> int:
    return int(np.bincount(columns[_codes(pieces)]).argmax())


def _are_rows(pieces: Pieces, columns: Ints, rows: Ints, widths: Floats, *, is_lone: bool) -> bool:
    """Whether the columns agree that these are rows; `is_lone` if no other cells have codes.

    `widths` are those of the cells.
    """
    codes = _codes(pieces)
    coded = _column_of_codes(pieces, columns)
    count = int(rows.max()) + 1
    lines = np.unique(np.column_stack((rows, pieces.lines))[codes & (columns == coded)], axis=0)
    with_code = np.bincount(lines[:, 0], minlength=count)
    first = int(with_code[0] == 0)  # a header, or the rest of a row
    if count - first < 2 or (with_code[first:] == 1).mean() < ONE_CODE:
        return False
    has_text = np.zeros((count, int(columns.max()) + 1), np.bool_)
    has_text[rows, columns] = True
    has_text[:, coded] = False
    texts = has_text[first:]
    count -= first
    if is_lone and _stand_beside(texts, pieces, columns, widths):
        return True
    least = 0 if is_lone else ANSWERED
    return count >= SEVERAL and any(
        texts[:, column].mean() >= least and _are_answers(pieces, columns == column)
        for column in np.flatnonzero(texts.any(axis=0)).tolist()
    )


def _stand_beside(has_text: Bools, pieces: Pieces, columns: Ints, widths: Floats) -> bool:
    """Whether the codes of rows have texts in other columns beside them that are their own.

    A long text is broken into lines as well; so few rows need a column that was not.
    """
    count, width = has_text.shape
    beside = has_text.sum(axis=1)
    if width == 2:
        return bool(count >= 2 * SEVERAL and (beside == 1).mean() >= ANSWERED)
    if count >= SEVERAL:
        return bool((beside >= 2).mean() >= BESIDE)
    whole = np.flatnonzero(has_text.all(axis=0)).tolist()
    return bool((beside >= 2).all()) and any(
        _has_room(pieces, columns == column, float(widths[column])) for column in whole
    )


def _has_room(pieces: Pieces, at: Bools, width: float) -> bool:
    """Whether each line of a column has room for a word of the next: it goes on with nothing."""
    return bool(_with_room(pieces, at, width).all())


def _breaks_early(pieces: Pieces, at: Bools, width: float) -> bool:
    return bool(_with_room(pieces, at, width).any())


def _with_room(pieces: Pieces, at: Bools, width: float) -> Bools:
    """Whether each line of a column but the last has room for the first word of the next."""
    boxes = pieces.boxes[at]
    with_room: Bools = boxes[:-1, 2] - boxes[:-1, 0] + pieces.firsts[at][1:] < ROOM * width
    return with_room


def _are_answers(pieces: Pieces, at: Bools) -> bool:
    texts = [pieces.texts[piece] for piece in np.flatnonzero(at).tolist()]
    return len(texts) >= SEVERAL and 2 * len(set(texts)) <= len(texts)


def _taken_apart(grid: Grid, cells: Ints, pieces: Pieces, rows: Ints) -> tuple[Grid, Ints]:
    """A grid with one row of cells as several, and the old number of each cell."""
    count = int(rows.max()) + 1
    row = int(grid.rows[cells[0]])
    tops = np.full(count, np.inf)
    bottoms = np.full(count, -np.inf)
    np.minimum.at(tops, rows, pieces.boxes[:, 1])
    np.maximum.at(bottoms, rows, pieces.boxes[:, 3])
    order = np.argsort(grid.columns[cells], kind="stable")
    cells = cells[order]
    before, after = np.flatnonzero(grid.rows < row), np.flatnonzero(grid.rows > row)
    of = np.concatenate((before, np.tile(cells, count), after))
    boxes = grid.cells[of]
    own = slice(len(before), len(before) + count * len(cells))
    boxes[own, 1], boxes[own, 3] = np.repeat(tops, len(cells)), np.repeat(bottoms, len(cells))
    new_rows = grid.rows[of] + (grid.rows[of] > row) * (count - 1)
    new_rows[own] += np.repeat(np.arange(count), len(cells))
    number = np.full(len(grid.cells) + 1, -1)
    number[before] = np.arange(len(before))
    number[after] = np.arange(own.stop, len(of))
    number[cells] = np.arange(own.start, own.start + len(cells))
    homes = number[grid.homes]
    row_of = np.repeat(rows, np.diff(pieces.starts))
    homes[pieces.letters] += row_of * len(cells)
    # Blanks that belong to no piece stay in the first row, and are read in none.
    shape = (grid.shape[0] + count - 1, grid.shape[1])
    return Grid(grid.box, shape, boxes, new_rows, grid.columns[of], homes), of
