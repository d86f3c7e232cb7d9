"""Which header holds for a row.

A header holds for its own table, wherever the rows of another stand between; a table without
one is read under the last header of as many columns. What is printed once above is carried into
such a table only where it stands below the table whose header it has, not where it stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractors.lists.headers import Header
from extractors.lists.rows import ListRow
from extractors.reading import Row
from schemas.provenance import Place


@dataclass(slots=True)
class OpenTable:
    """A table under its header: for each list in it, what is printed once and its last row.

    `opens` says that no row of it has been read since its header, `page` is that of the last.
    """

    header: Header
    above: list[dict[str, str]]
    last: list[int | None]
    opens: bool = True
    page: int | None = None
    is_borrowed: bool = False

    @property
    def width(self) -> int:
        return len(self.header.columns)


class OpenTables:
    """The tables of a document as far as it has been read."""

    def __init__(self) -> None:
        self.latest: OpenTable | None = None
        self._tables: dict[int, OpenTable] = {}
        self._of_width: dict[int, OpenTable] = {}

    def of(self, row: Row) -> OpenTable | None:
        """The table of a row, if a header of it or a row under a borrowed one was read."""
        return self._tables.get(row.table)

    def open(self, row: Row, header: Header) -> None:
        """Note that a row is a header; rows below it may continue those before it."""
        before = self._tables.get(row.table) or self.latest
        parts = max(len(header.parts), 1)
        table = OpenTable(header, [{} for _ in range(parts)], [None] * parts)
        if before is not None and before.header.is_like(header):
            table.last = list(before.last)
        self._put(row, table)

    def borrow(self, row: Row, rows: Sequence[ListRow]) -> OpenTable | None:
        """The table of a row whose own has no header; None where the document had none so far.

        It has as many columns, or it is the last one, whose header the row then does not fit.
        """
        earlier = self._of_width.get(len(row.cells))
        if earlier is None:
            return self.latest
        last = [number for number in earlier.last if number is not None]
        follows = bool(last) and is_below(row.place, rows[last[-1]].place)
        above = [dict(above) if follows else {} for above in earlier.above]
        table = replace(earlier, above=above, last=list(earlier.last), is_borrowed=True)
        self._put(row, table)
        return table

    def _put(self, row: Row, table: OpenTable) -> None:
        self.latest = self._tables[row.table] = self._of_width[len(row.cells)] = table


def is_below(place: Place, above: Place) -> bool:
    """Whether a row stands in the same columns of a page as one before it, and not beside it."""
    if place.bbox is None or above.bbox is None:
        return True
    left, right = max(place.bbox[0], above.bbox[0]), min(place.bbox[2], above.bbox[2])
    narrower = min(place.bbox[2] - place.bbox[0], above.bbox[2] - above.bbox[0])
    return right - left > narrower / 2
