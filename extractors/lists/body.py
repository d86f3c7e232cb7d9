"""The rows of a list as they are read, one below the other.

Puts each row below the ones before it: joins it to the row that it continues, gives it what is
printed once above it, and marks both where it may be the other half of the row above. At the end
it binds the footnotes and leaves out exact repeats. Which lines are rows is not known here.
"""

from __future__ import annotations

from dataclasses import replace

from extractors.lists.duplicates import duplicates
from extractors.lists.footnotes import Footnotes
from extractors.lists.open_tables import OpenTable, is_below
from extractors.lists.rows import ListRow, ListShape
from extractors.lists.wrapped_rows import carried_down, continues, doubt, joined, may_be_a_title
from extractors.reading import Problem


class ListBody:
    """The rows of a list so far.

    `lines` counts the lines that became rows, which are fewer than the rows where lists stand
    side by side; `left_out` those of exact repeats, which `remarks` name.
    """

    def __init__(self, shape: ListShape, *, has_sheets: bool) -> None:
        self.rows: list[ListRow] = []
        self.remarks: list[Problem] = []
        self.left_out = 0
        self._lines: list[int] = []
        self._shape = shape
        self._has_sheets = has_sheets

    @property
    def lines(self) -> int:
        return len(set(self._lines))

    def goes_on(self, number: int, row: ListRow, table: OpenTable) -> bool:
        """Whether a row of the list with that number in its table is more of the row above it."""
        if self._shape.wrapped == "never" or row.fault or self._shape.is_whole(row.cells):
            return False
        last = self._above(number, row, table)
        if last is None:
            return False
        at_break = self._at_break(row, table)
        return continues(row.cells, self.rows[last], self._shape, at_break=at_break)

    def join(self, number: int, row: ListRow, table: OpenTable) -> None:
        """Join a row to the one that it continues."""
        last = table.last[number]
        assert last is not None
        self.rows[last] = joined(self.rows[last], row)

    def add(self, line: int, number: int, row: ListRow, table: OpenTable) -> None:
        """Add the row that a line of the reading makes."""
        if not row.fault:
            row = self._completed(number, row, table)
        table.last[number] = len(self.rows)
        self.rows.append(row)
        self._lines.append(line)

    def finish(self, footnotes: Footnotes) -> tuple[ListRow, ...]:
        """The rows with the footnotes that hold for them, and without exact repeats."""
        rows = self.rows
        if footnotes:
            rows = [replace(row, footnotes=footnotes.on(row.place.page)) for row in rows]
        # Two notices of one day may be alike in every cell; two rules may not.
        again = duplicates(rows, by_page=self._has_sheets) if self._shape.is_pa_list else set()
        if not again:
            return tuple(rows)
        kept = [number for number in range(len(rows)) if number not in again]
        before = self.lines
        self._lines = [self._lines[number] for number in kept]
        self.left_out = before - self.lines
        message = f"{len(again)} exact duplicates of earlier rows were left out; the first"
        self.remarks.append(Problem(message, rows[min(again)].place, holds=False))
        return tuple(rows[number] for number in kept)

    def _completed(self, number: int, row: ListRow, table: OpenTable) -> ListRow:
        before = table.last[number]
        if before is not None and _part_of(self.rows[before]) != _part_of(row):
            table.above[number].clear()
        cells = carried_down(row.cells, table.above[number], self._shape.carry_down)
        at_break = self._at_break(row, table)
        if self._shape.is_whole(cells) and not at_break:
            return row if cells is row.cells else replace(row, cells=cells)
        fault = None
        if may_be_a_title(cells, self._shape):
            fault = "only its code cell is filled; it may be a title"
        last = self._above(number, row, table)
        if last is not None:
            above = self.rows[last]
            why = doubt(cells, above, self._shape, at_break=at_break)
            if why is not None:
                fault = f"may be one row with the row above: {why}"
                other = f"may be one row with the row below: {why}"
                self.rows[last] = replace(above, fault=above.fault or other)
        if fault is None and cells is row.cells:
            return row
        return replace(row, cells=cells, fault=fault)

    def _above(self, number: int, row: ListRow, table: OpenTable) -> int | None:
        """The number of the row that a row may continue: above it and in the same section."""
        last = table.last[number]
        if last is None:
            return None
        above = self.rows[last]
        is_next = above.carried == row.carried and is_below(row.place, above.place)
        return last if is_next else None

    def _at_break(self, row: ListRow, table: OpenTable) -> bool:
        """Whether a page or a header stands between a row and the one above it."""
        return not self._has_sheets and (table.opens or table.page != row.place.page)


def _part_of(row: ListRow) -> tuple[str | None, str | None]:
    """The section and the category that lines above a row name, over which nothing is carried."""
    return row.carried.get("section"), row.carried.get("category")
