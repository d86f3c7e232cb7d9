"""Rows that a list prints again, cell by cell the same.

Only whole rows are compared, within one section (and one sheet): two rows for one code that
differ in any cell are two statements, and both stay. What a footnote says of a row counts where
the row carries its mark.
"""

from __future__ import annotations

from collections.abc import Sequence

from extractors.lists.rows import ListRow

DUPLICATE = "exact duplicate of an earlier row"


def duplicates(rows: Sequence[ListRow], *, by_page: bool) -> set[int]:
    """Which rows, by number from 0, are exact repeats of one before; rows with a fault never."""
    seen: dict[int, list[ListRow]] = {}
    found: set[int] = set()
    for number, row in enumerate(rows):
        if row.fault or not row.cells:
            continue
        # Rows that print the same are few; only they are compared in all that they say.
        alike = seen.setdefault(hash(row.printed), [])
        if any(_is_repeat(row, other, by_page=by_page) for other in alike):
            found.add(number)
        else:
            alike.append(row)
    return found


def _is_repeat(row: ListRow, other: ListRow, *, by_page: bool) -> bool:
    return (
        row.printed == other.printed
        and row.cells == other.cells
        and row.labelled == other.labelled
        and row.carried == other.carried
        and row.flags == other.flags
        and _bound(row) == _bound(other)
        and not (by_page and row.place.page != other.place.page)
    )


def _bound(row: ListRow) -> list[tuple[str, str]]:
    """The footnotes whose mark a row carries."""
    return [note for note in row.footnotes if any(note[0] in cell for cell in row.cells.values())]
