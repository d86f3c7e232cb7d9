"""What comes further down: the rows of a stacked header, and whether a table has a header at all.

A workbook's sheet often begins with titles and notices above its list, and a page of the web with
a table of links. They are passed over where they hold no code and the list stands below; a row
with a code above any header is left for the header logic to name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from extractors.lists.headers import MOST_LINES, Labels, is_code, match_header, stacked_header
from extractors.reading import Passage, Row
from schemas.codes import printable

ABOVE_HEADER = "above the header"
NO_LIST = "in a table or sheet without codes and header"
_FAR = 8


def rows_from(lines: Sequence[Row | Passage], at: int) -> tuple[tuple[str, ...], ...]:
    """The cells of a row and of the rows below it in its table, as many as a header may take."""
    return tuple(line.cells for _, line in _rows_from(lines, at))


def places_from(lines: Sequence[Row | Passage], at: int, count: int) -> tuple[int, ...]:
    """Where in the reading those rows are, `count` of them."""
    return tuple(number for number, _ in _rows_from(lines, at))[:count]


def _rows_from(lines: Sequence[Row | Passage], at: int) -> Iterator[tuple[int, Row]]:
    first = lines[at]
    assert isinstance(first, Row)
    found = 0
    for number in range(at, min(at + _FAR, len(lines))):
        line = lines[number]
        if isinstance(line, Passage) or found == MOST_LINES:
            return
        if line.table == first.table and line.place.page == first.place.page:
            found += 1
            yield number, line


def whole_label(rows: Sequence[tuple[str, ...]], labels: Labels) -> str | None:
    """A label that only its lower line is known of, with the words over it; None without one."""
    if len(rows) < 2 or any(map(is_code, rows[1])):
        return None
    for over, under in zip(*rows[:2], strict=False):
        if over.strip() and labels.name(over) is None and labels.name(under) is not None:
            return f"{printable(over)} {printable(under)}"
    return None


class Surroundings:
    """The tables of a reading (the sheets of a workbook), and where each has its first header."""

    def __init__(self, lines: Sequence[Row | Passage], labels: Labels, *, has_sheets: bool) -> None:
        self._lines = lines
        self._labels = labels
        self._has_sheets = has_sheets
        self._units: dict[int, list[int]] | None = None
        self._headers: dict[int, int | None] = {}
        self._has_code: dict[int, bool] = {}

    def passed_over(self, at: int, row: Row, *, before_any_header: bool) -> str | None:
        """The rule by which a row that is no header is passed over; None where none applies."""
        if self.is_above_list(at, row):
            is_list = any(map(is_code, row.cells)) or self._is_above_pa(at, row)
            return None if is_list else ABOVE_HEADER
        if (
            self.first_header(row) is not None
            or "code" not in self._labels.columns
            or self._may_have_codes(row)
        ):
            return None
        return NO_LIST if self._has_sheets or before_any_header else None

    def is_above_list(self, at: int, row: Row) -> bool:
        """Whether a row stands on a sheet above the first header."""
        header = self.first_header(row) if self._has_sheets else None
        return header is not None and at < header

    def _is_above_pa(self, at: int, row: Row) -> bool:
        """Whether a row right above the first header has words over its PA columns and no title."""
        header_at = self.first_header(row)
        if header_at != at + 1 or row.cells[0].strip():
            return False
        line = self._lines[header_at]
        header = match_header(line.cells, self._labels) if isinstance(line, Row) else None
        names = header.columns if header else ()
        over = [name for name, cell in zip(names, row.cells, strict=False) if cell.strip()]
        return bool(over) and any(name and name.split("_")[0] == "pa" for name in over)

    def has_no_header(self, row: Row) -> bool:
        """Whether the table or sheet of a row has no header anywhere."""
        return self.first_header(row) is None

    def first_header(self, row: Row) -> int | None:
        """Where the table of a row has its first header."""
        unit = self._unit(row)
        if unit not in self._headers:
            self._headers[unit] = next(filter(self._is_header, self._rows(unit)), None)
        return self._headers[unit]

    def _is_header(self, at: int) -> bool:
        rows = rows_from(self._lines, at)
        if match_header(rows[0], self._labels) is not None:
            return True
        return stacked_header(rows, self._labels) is not None

    def _may_have_codes(self, row: Row) -> bool:
        unit = self._unit(row)
        if unit not in self._has_code:
            self._has_code[unit] = any(
                isinstance(line, Row) and (line.fault or any(map(is_code, line.cells)))
                for line in (self._lines[at] for at in self._rows(unit))
            )
        return self._has_code[unit]

    def _unit(self, row: Row) -> int:
        return row.place.page if self._has_sheets else row.table

    def _rows(self, unit: int) -> Sequence[int]:
        if self._units is None:
            self._units = {}
            for at, line in enumerate(self._lines):
                if isinstance(line, Row):
                    self._units.setdefault(self._unit(line), []).append(at)
        return self._units.get(unit, ())
