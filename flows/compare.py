"""What differs between two releases, row by row.

Compares by `row_key` over the columns that carry content; where a row is printed and when it was
seen are no differences. DuckDB does it over the Parquet files, so that memory does not grow with
the releases.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from schemas.fields import Table, arrow_schema
from schemas.tables import (
    CHANGES,
    DOCUMENT_TABLES,
    DOCUMENTS,
    PRIOR_AUTHORIZATION,
    PUBLISHED_STATUSES,
    QUARANTINE,
    REQUIREMENTS,
)

_NOT_COMPARED = (
    "row_key",
    "row_hash",
    "first_seen",
    "last_seen",
    "code_active_on",
    "first_release",
    "source_release",
)
# What the code reference says of a row; the row itself may be the same.
_OF_REFERENCE = ("code_active", "code_ended_on", "code_members", "code_replaced_by")
_MEDIUM = ("conditions", "effective_from", "effective_to", "reviewer", "notes")
_IS_PUBLISHED = f"status IN {PUBLISHED_STATUSES}"
_OF_REFERENCE_QUOTED = ", ".join(f"'{name}'" for name in _OF_REFERENCE)
_MEDIUM_QUOTED = ", ".join(f"'{name}'" for name in _MEDIUM)


def compare(before: Path, after: Path) -> pa.Table:
    """The `changes` between the release folders `before` and `after`."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for side, folder in (("before", before), ("after", after)):
            _open(connection, side, folder)
        found = [_compare_table(connection, table, before) for table in DOCUMENT_TABLES]
    return pa.concat_tables(found).cast(arrow_schema(CHANGES))


def _open(connection: duckdb.DuckDBPyConnection, side: str, folder: Path) -> None:
    """Views of a release's tables, those that it does not have yet as empty ones."""
    for table in (*DOCUMENT_TABLES, DOCUMENTS, QUARANTINE):
        path = folder / f"{table.name}.parquet"
        name = f"{side}_{table.name}"
        if path.exists():
            # Read by Arrow, since a path may hold characters that DuckDB takes for a pattern.
            connection.register(name, ds.dataset(path, format="parquet"))
        else:
            connection.register(name, arrow_schema(table).empty_table())


def _compared(table: Table, before: Path) -> list[str]:
    # A column that a release before did not have yet is no change by a payer.
    path = before / f"{table.name}.parquet"
    known = set(pq.read_schema(path).names if path.exists() else table.names)
    return [
        field.name
        for field in table
        if field.role in ("identity", "content", "derived")
        and field.name not in _NOT_COMPARED
        and field.name in known
    ]


def _as_json(side: str, columns: list[str]) -> str:
    members = ", ".join(f"'{name}': {side}.{name}" for name in columns)
    return f"to_json({{{members}}})::VARCHAR"


def _compare_table(connection: duckdb.DuckDBPyConnection, table: Table, before: Path) -> pa.Table:
    columns = _compared(table, before)
    differs = ", ".join(
        f"CASE WHEN b.{name} IS DISTINCT FROM a.{name} THEN '{name}' END" for name in columns
    )
    payer = "coalesce(a.payer, b.payer)" if "payer" in columns else "NULL::VARCHAR"
    code = "coalesce(a.code, b.code)" if "code" in columns else "NULL::VARCHAR"
    query = f"""
        WITH compared AS (
            SELECT
                CASE WHEN b.row_key IS NULL THEN 'add'
                     WHEN a.row_key IS NULL THEN 'remove' ELSE 'modify' END AS op,
                coalesce(a.row_key, b.row_key) AS row_key,
                coalesce(a.source, b.source) AS source,
                {payer} AS payer,
                {code} AS code,
                CASE WHEN a.row_key IS NOT NULL AND b.row_key IS NOT NULL
                     THEN list_filter([{differs}], lambda x: x IS NOT NULL) END AS fields_changed,
                CASE WHEN b.row_key IS NOT NULL
                     THEN {_as_json("b", columns)} END AS before,
                CASE WHEN a.row_key IS NOT NULL
                     THEN {_as_json("a", columns)} END AS after
            FROM before_{table.name} AS b FULL OUTER JOIN after_{table.name} AS a
            ON a.row_key = b.row_key
        ),
        held_back AS (
            SELECT 'add' AS op, row_key FROM before_quarantine
            WHERE sha256 IN (SELECT sha256 FROM before_documents WHERE {_IS_PUBLISHED})
            UNION SELECT 'remove', row_key FROM after_quarantine
            WHERE sha256 IN (SELECT sha256 FROM after_documents WHERE {_IS_PUBLISHED})
        ),
        read_again AS (
            SELECT b.source FROM before_documents AS b JOIN after_documents AS a
            ON a.source = b.source AND a.sha256 = b.sha256
            WHERE a.{_IS_PUBLISHED} AND b.{_IS_PUBLISHED}
            UNION SELECT source FROM before_documents WHERE status = 'archived'
            UNION SELECT source FROM after_documents WHERE status = 'archived'
        )
        SELECT op, '{table.name}' AS "table", row_key,
            CASE WHEN (op, row_key) IN (SELECT (op, row_key) FROM held_back) THEN 'quarantine'
                 WHEN op = 'modify' AND list_has_any(fields_changed, [{_OF_REFERENCE_QUOTED}])
                     AND list_has_all([{_OF_REFERENCE_QUOTED}, 'flags'], fields_changed)
                     THEN 'reference'
                 WHEN source IN (SELECT source FROM read_again) THEN 'reading'
                 WHEN source NOT IN (SELECT source FROM after_documents) THEN 'reading'
                 ELSE 'publication' END AS cause, payer, code, fields_changed, before, after,
            {_materiality(table)} AS materiality
        FROM compared WHERE op <> 'modify' OR len(fields_changed) > 0
        ORDER BY "table", payer, code, row_key
    """
    found: pa.Table = connection.sql(query).to_arrow_table()
    return found


def _materiality(table: Table) -> str:
    if table is REQUIREMENTS:
        return "'high'"
    if table is not PRIOR_AUTHORIZATION:
        return "'low'"
    return f"""CASE WHEN op <> 'modify' OR list_contains(fields_changed, 'pa_status') THEN 'high'
        WHEN list_has_any(fields_changed, [{_MEDIUM_QUOTED}]) THEN 'medium' ELSE 'low' END"""
