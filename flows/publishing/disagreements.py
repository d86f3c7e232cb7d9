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
_KINDS = {"singles": "IS NULL", "spans": "IS NOT NULL"}
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
        for table, columns in _LARGE:
            _sort(connection, table, columns, folder / f"{table.name}.parquet")
        for window in _windows(connection):
            tables = {
                name: rows if name == CODES.name else _within(rows, window)
                for name, rows in small.items()
            }
            for table, columns in _LARGE:
                tables[table.name] = _read(connection, table, columns, window)
            found = contradictions(tables, known, days, official)
            yield _within(found, window)


def _sort(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: tuple[str, ...], path: Path
) -> None:
    """Put the rows of a table in the order of their codes, single codes apart from spans.

    In the table itself the codes of each payer are in order: to look for some would be to read all.
    """
    view_of(connection, f"all_{table.name}", path)
    names = ", ".join(f'"{name}"' for name in columns)
    for kind, which in _KINDS.items():
        connection.execute(
            f"CREATE TEMP TABLE {kind}_{table.name} AS SELECT {names} FROM all_{table.name} "
            f"WHERE code IS NOT NULL AND code_end {which} ORDER BY code"
        )


def _windows(connection: duckdb.DuckDBPyConnection) -> Iterator[Window]:
    """Parts of the order of codes with about as many rows each, all codes between them."""
    every = " UNION ALL ".join(
        f"SELECT code FROM {kind}_{table.name}" for table, _ in _LARGE for kind in _KINDS
    )
    counts = connection.execute(
        f"SELECT code, count(*) FROM ({every}) GROUP BY code ORDER BY code"
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
    rows: pa.Table = connection.sql(
        f"FROM singles_{table.name} WHERE ($after IS NULL OR code < $after) "
        "AND ($first IS NULL OR code >= $first) "
        f"UNION ALL FROM spans_{table.name} WHERE ($after IS NULL OR code < $after) "
        "AND ($first IS NULL OR code_end >= $first)",
        params={"first": first, "after": after},
    ).to_arrow_table()
    schema = nullable_schema(table)
    return rows.cast(pa.schema([schema.field(name) for name in columns]))


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
