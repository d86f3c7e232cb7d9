"""The ruled tables of a page: which letters are in which cell, and what is doubtful about it.

A table is what is ruled: cells closed on all sides by lines that a reader sees. What a row or a
header is, others know, and tables without ruling lines too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractors.pages.boxes import middles, union
from extractors.pages.cells import Cells, enclosed_cells, ranks
from extractors.pages.doubts import Doubt, RowOf, doubtful_rows, doubts
from extractors.pages.ink import Grid, Ink, Ints
from extractors.pages.open_sides import closed_sides
from extractors.pages.overflow import settled
from extractors.pages.rules import rules_of
from extractors.pages.unparted import parted_rows
from extractors.pages.words import blanks


@dataclass(frozen=True, slots=True, eq=False)
class RuledTables:
    """The ruled tables of a page from the top, and what may not be as they say.

    `over` has for each grid the numbers of those cells that a word is printed over the border of:
    the word is in the cell it belongs to. Every doubt is one to hold the document for; those in
    `doubtful_rows` are each about one row, named by the numbers of its grid and in it.
    """

    grids: tuple[Grid, ...]
    over: tuple[frozenset[int], ...]
    doubts: tuple[Doubt, ...]
    doubtful_rows: dict[RowOf, Doubt]


def ruled_tables(ink: Ink) -> RuledTables:
    """The ruled tables of a page; one without any text is a drawing and left out.

    Raises `ExtractionError` for a page with too many crossings of ruling lines to be a list.
    """
    rules, sides = closed_sides(ink, rules_of(ink))
    cells = enclosed_cells(rules, ink.number)
    homes = cells.at(*middles(ink.boxes))
    if not ink.upright.all():
        homes[~ink.upright] = -1
    overflow = settled(ink, cells, homes)
    grids: list[Grid] = []
    over: list[frozenset[int]] = []
    unsure: dict[RowOf, Doubt] = {}
    for own in _filled_tables(ink, cells, overflow.homes):
        number = np.full(len(cells.boxes) + 1, -1)
        number[own] = np.arange(len(own))
        parted = parted_rows(ink, _grid(cells, own, number[overflow.homes]), sides)
        unsure |= {(len(grids), row): _unsure(parted.grid, row) for row in parted.unsure}
        grids.append(parted.grid)
        crossed = [int(number[cell]) for cell in overflow.over if number[cell] >= 0]
        over.append(frozenset(np.flatnonzero(np.isin(parted.origins, crossed)).tolist()))
    return RuledTables(
        grids=tuple(grids),
        over=tuple(over),
        doubts=tuple(doubts(ink, rules, grids, overflow)),
        doubtful_rows=unsure | dict(doubtful_rows(ink, grids, overflow)),
    )


def _unsure(grid: Grid, row: int) -> Doubt:
    message = "several codes stand in one cell and may be several rows; compare the page"
    return message, union(grid.cells[grid.rows == row])


def _filled_tables(ink: Ink, cells: Cells, homes: Ints) -> list[Ints]:
    """The cells of each table that has text, the tables from the top and then from the left."""
    filled = np.zeros(len(cells.boxes) + 1, np.bool_)
    filled[homes[~blanks(ink)]] = True
    tables = [np.flatnonzero(cells.tables == table) for table in range(cells.count)]
    tables = [own for own in tables if filled[own].any()]
    return sorted(tables, key=lambda own: tuple(cells.boxes[own][:, [1, 0]].min(axis=0).tolist()))


def _grid(cells: Cells, own: Ints, homes: Ints) -> Grid:
    boxes = cells.boxes[own]
    rows, columns = ranks(cells.spans[own, 1]), ranks(cells.spans[own, 0])
    x0, top = boxes[:, :2].min(axis=0).tolist()
    x1, bottom = boxes[:, 2:].max(axis=0).tolist()
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    return Grid((x0, top, x1, bottom), shape, boxes, rows, columns, homes)
