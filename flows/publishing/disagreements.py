"""The table `contradictions` of a release, worked out for some codes at a time.

What is said of a code follows from the rows that name it, so that the codes can be gone through in
order, whatever the number of rules. What contradicts what is pure and in
`extractors.reference.contradictions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from extractors.reference.contradictions import ROW_COLUMNS, RULE_COLUMNS, contradictions
from extractors.reference.known_codes import KnownCodes
from extractors.reference.other_descriptions import OfficialTexts
from flows.publishing.spool import opened, view_of
from schemas.fields import Table, nullable_schema
from schemas.tables import CODES, PRIOR_AUTHORIZATION, TABLE_ROWS

# How many rows are gone through at once, as far as one code has not more.
ROWS = 100_000
_LARGE = ((PRIOR_AUTHORIZATION, RULE_COLUMNS), (TABLE_ROWS, ROW_COLUMNS))

# A first code, and the first code after; None where there is no bound.
Window = tuple[str | None, str | None]


def disagreements(
    folder: Path, small: Mapping[str, pa.Table], known: KnownCodes, days: Mapping[str, date]
) -> Iterator[pa.Table]:
    """The rows of `contradictions`, in no order.

    The rules and the rows of other tables lie in `folder`, sorted and whole; `small` has the other
    tables that are needed, by name.
    """
    official = OfficialTexts.of(small[CODES.name])
    with opened(folder / ".windows") as connection:
        for table, _ in _LARGE:
            view_of(connection, table.name, folder / f"{table.name}.parquet")
        for window in _windows(connection):
            tables = {
                name: rows if name == CODES.name else _within(rows, window)
                for name, rows in small.items()
            }
            for table, columns in _LARGE:
                tables[table.name] = _read(connection, table, columns, window)
            found = contradictions(tables, known, days, official)
            yield _within(found, window)


def _windows(connection: duckdb.DuckDBPyConnection) -> Iterator[Window]:
    """Parts of the order of codes with about as many rows each, all codes between them."""
    both = " UNION ALL ".join(f"SELECT code FROM {table.name}" for table, _ in _LARGE)
    counts = connection.execute(
        f"SELECT code, count(*) FROM ({both}) WHERE code IS NOT NULL GROUP BY code ORDER BY code"
    ).fetchall()
    first, rows = None, 0
    for code, count in counts:
        if rows and rows + count > ROWS:
            yield first, code
            first, rows = code, 0
        rows += count
    yield first, None


def _read(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: tuple[str, ...], window: Window
) -> pa.Table:
    """The rows that name a code of the window, alone or within a span."""
    first, after = window
    names = ", ".join(f'"{name}"' for name in columns)
    found: pa.Table = connection.sql(
        f"SELECT {names} FROM {table.name} WHERE ($after IS NULL OR code < $after) "
        "AND ($first IS NULL OR coalesce(code_end, code) >= $first)",
        params={"first": first, "after": after},
    ).to_arrow_table()
    schema = nullable_schema(table)
    return found.cast(pa.schema([schema.field(name) for name in columns]))


def _within(rows: pa.Table, window: Window) -> pa.Table:
    """The rows of the codes of a window; all rows of a table that has no codes."""
    if "code" not in rows.column_names:
        return rows
    first, after = window
    if first is not None:
        rows = rows.filter(pc.greater_equal(rows["code"], pa.scalar(first)))
    if after is not None:
        rows = rows.filter(pc.less(rows["code"], pa.scalar(after)))
    return rows
