"""A release as a DuckDB file: its tables with what each column means, and views that answer.

The rows lie in the order of the Parquet. The file needs nothing beside it and opens read-only.
What a view or macro is for is said in its comment, which `duckdb_views()` and `duckdb_functions()`
show.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.export.place import placed_file
from flows.export.selection import ExportError, Selection, checked, columns, rows_of
from flows.export.words import about
from flows.releases import intact, literal
from schemas.fields import Field, Kind
from schemas.statuses import STATUSES
from schemas.tables import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TYPES: dict[Kind, str] = {
    "string": "VARCHAR",
    "date": "DATE",
    "instant": "TIMESTAMPTZ",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "strings": "VARCHAR[]",
    "numbers": "DOUBLE[]",
    "conditions": (
        "STRUCT(type VARCHAR, operator VARCHAR, value VARCHAR, unit VARCHAR, raw VARCHAR)[]"
    ),
    "cells": 'STRUCT("column" VARCHAR, value VARCHAR)[]',
}
# With an index on the code, by which one code in a million rows is found in 6 ms instead of 16. One
# on payer and code is of no use: the rows lie in that order, and a question of both takes 4 ms.
_LOOKED_UP = ("prior_authorization", "prior_authorization_history")
_PLACE = "source, document, sha256, url, page, line, raw_text"
_NOT_AN_ANSWER = "No row is no answer: see the three answers in the table about."
_IN_FORCE = (
    "(effective_from IS NULL OR effective_from <= {0}) "
    "AND (effective_to IS NULL OR effective_to > {0})"
)
# The end of a day in UTC, in microseconds: no time zone of the reader's machine comes in.
_END_OF_DAY = "epoch_us((CAST(w AS DATE) + INTERVAL 1 DAY)::TIMESTAMP)"
_KNOWN = (
    f"epoch_us(first_seen) < {_END_OF_DAY} "
    f"AND (known_until IS NULL OR epoch_us(known_until) >= {_END_OF_DAY})"
)
# Whether the version that stood then may have the rule, and was not seen to: of such a rule, which
# nothing has ended, nothing was known.
_LEFT_OPEN = f"""EXISTS (
    FROM (
        SELECT source, document, max_by(sha256, first_seen) AS standing FROM document_history
        WHERE outcome = 'accepted' AND epoch_us(first_seen) < {_END_OF_DAY}
        GROUP BY source, document
    ) v
    WHERE v.source = h.source AND v.document = h.document
        AND list_contains(h.unseen_in, v.standing)
)"""
_KNOWN_TIME = ("prior_authorization_history", "document_history")


@dataclass(frozen=True, slots=True)
class _Answer:
    """A view or, where `parameters` are given, a table macro; made where its tables are there."""

    name: str
    needs: tuple[str, ...]
    comment: str
    sql: str
    parameters: str | None = None


_ANSWERS = (
    _Answer(
        "rules_on",
        ("prior_authorization",),
        "What the lists of this release say of a day: FROM rules_on(DATE '2026-01-15').",
        f"FROM prior_authorization WHERE {_IN_FORCE.format('CAST(d AS DATE)')}",
        "d",
    ),
    _Answer(
        "rules_today",
        ("prior_authorization",),
        "What the lists of this release say of today; they are as old as the release.",
        f"FROM prior_authorization WHERE {_IN_FORCE.format('current_date')}",
    ),
    _Answer(
        "rules_as_known",
        _KNOWN_TIME,
        "The rules as known at the end of a day (UTC): FROM rules_as_known(DATE '2026-02-01'). "
        "Without those in rules_left_open.",
        f"FROM prior_authorization_history h WHERE {_KNOWN} AND NOT {_LEFT_OPEN}",
        "w",
    ),
    _Answer(
        "rules_on_as_known",
        _KNOWN_TIME,
        "The rules for the day d as known at the end of the day w (UTC). Without those in "
        "rules_left_open.",
        f"FROM prior_authorization_history h WHERE {_KNOWN} "
        f"AND {_IN_FORCE.format('CAST(d AS DATE)')} AND NOT {_LEFT_OPEN}",
        "d, w",
    ),
    _Answer(
        "rules_left_open",
        _KNOWN_TIME,
        "Rules of earlier versions of which nothing was known at the end of the day w (UTC): the "
        "version that stood then was not seen to have them and does not end them, since it is cut "
        "or has rows that could not be read. Their code is not ingested then, whatever they say.",
        f"FROM prior_authorization_history h WHERE {_KNOWN} AND {_LEFT_OPEN}",
        "w",
    ),
    _Answer(
        "disagreements",
        ("contradictions",),
        "Who disagrees with whom about a code, with the place of both sides; both may be right.",
        "FROM contradictions",
    ),
    _Answer(
        "lists",
        ("documents",),
        "Every list of rules with its state and age: what was read, when, and whether to its end.",
        "FROM documents WHERE kind = 'pa_list'",
    ),
    _Answer(
        "unpublished",
        ("quarantine", "documents"),
        "What this release does not answer for: rows in quarantine, and documents that are held, "
        "missing, archived or end in the middle.",
        """
        SELECT
            'row in quarantine' AS what,
            (SELECT max(payer) FROM documents d
                WHERE d.source = q.source AND d.document = q.document) AS payer,
            code, reasons, source, document, sha256, url, page, line, raw_text
        FROM quarantine q
        UNION ALL BY NAME
        SELECT
            CASE WHEN status IN ('current', 'stale') THEN 'cut' ELSE status END || ' document'
                AS what,
            payer, title, CASE WHEN held_reason IS NOT NULL THEN [held_reason] END AS reasons,
            source, document, sha256, url
        FROM documents
        WHERE status NOT IN ('current', 'stale', 'superseded') OR is_truncated
        """,
    ),
    _Answer(
        "pa_changes",
        ("changes", "prior_authorization", "prior_authorization_history"),
        "What changed in the rules since the release before, with the place of the rule as it is "
        "now or as it last was. Only where cause is publication did the payer change something.",
        f"""
        WITH place AS (
            SELECT row_key, {_PLACE}, 'infinity'::TIMESTAMP AS seen FROM prior_authorization
            UNION ALL
            SELECT row_key, {_PLACE}, first_seen::TIMESTAMP FROM prior_authorization_history
        )
        SELECT
            op, cause, payer, code, fields_changed,
            json_extract_string("before", '$.pa_status') AS pa_status_before,
            json_extract_string("after", '$.pa_status') AS pa_status_after,
            "before", "after", materiality, row_key, {_PLACE}
        FROM changes
        LEFT JOIN (
            FROM place QUALIFY row_number() OVER (PARTITION BY row_key ORDER BY seen DESC) = 1
        ) USING (row_key)
        WHERE "table" = 'prior_authorization'
        """,
    ),
)


def export_duckdb(selection: Selection, out: Path, *, force: bool = False) -> dict[str, int]:
    """Write the tables and the views that they allow to the file `out`; the rows of each table.

    Raises `ExportError` where something is there already.
    """
    import duckdb  # noqa: PLC0415 (half of a start that may not need it)

    written: dict[str, int] = {}
    with placed_file(out, _is_ours, force=force) as path:
        with duckdb.connect(str(path), config=_CONFIG) as connection:
            for table in selection.tables:
                written[table] = _fill(connection, selection, table)
            _explain(connection, selection)
            _answer(connection, selection.tables)
            connection.execute("CHECKPOINT")
        left = sorted(other.name for other in path.parent.iterdir() if other != path)
        if left:
            raise ExportError(f"{path} was not written to its end ({left[0]} is left): try again")
    return written


def _is_ours(path: Path) -> bool:
    """Whether a file is a DuckDB file that an export wrote: one with the table `about`."""
    import duckdb  # noqa: PLC0415 (half of a start that may not need it)

    with path.open("rb") as file:
        if file.read(12)[8:] != b"DUCK":
            return False
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute("SELECT 1 FROM about WHERE label = 'release'").fetchone()
    except duckdb.Error:
        return False
    return found is not None


_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # More is spilled to a folder beside the file, for as long as it is written.
    "memory_limit": "1GiB",
    # What DuckDB from 1.2 on can open.
    "storage_compatibility_version": "v1.2.0",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def _fill(connection: DuckDBPyConnection, selection: Selection, table: str) -> int:
    path = intact(selection.release, table)
    fields = columns(connection, path, table)
    declared = ", ".join(f'"{item.name}" {_TYPES[item.kind]}' for item in fields)
    connection.execute(f'CREATE TABLE "{table}" ({declared})')
    query, parameters = rows_of(selection, table, path, ", ".join(f'"{f.name}"' for f in fields))
    connection.execute(f'INSERT INTO "{table}" {query}', parameters)
    if table in _LOOKED_UP:
        connection.execute(f'CREATE INDEX "{table}_code" ON "{table}" (code)')
    rows = _count(connection, table)
    _describe(connection, table, fields)
    return checked(selection, table, rows)


def _count(connection: DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    return int(found[0]) if found else 0


def _describe(connection: DuckDBPyConnection, table: str, fields: tuple[Field, ...]) -> None:
    connection.execute(f'COMMENT ON TABLE "{table}" IS {literal(f"One row is {_row_is(table)}.")}')
    for item in fields:
        meaning = item.meaning
        if item.allowed:
            meaning += f" One of: {', '.join(item.allowed)}."
        connection.execute(f'COMMENT ON COLUMN "{table}"."{item.name}" IS {literal(meaning)}')


def _row_is(table: str) -> str:
    return TABLES[table].row_is


def _explain(connection: DuckDBPyConnection, selection: Selection) -> None:
    connection.execute("CREATE TABLE about (label VARCHAR, text VARCHAR)")
    lines: list[Any] = [list(line) for line in about(selection) if any(line)]
    connection.executemany("INSERT INTO about VALUES (?, ?)", lines)
    connection.execute(
        "CREATE TABLE statuses (pa_status VARCHAR, crd_pa_needed VARCHAR, meaning VARCHAR)"
    )
    connection.executemany(
        "INSERT INTO statuses VALUES (?, ?, ?)",
        [[status.name, status.crd_pa_needed, status.meaning] for status in STATUSES.values()],
    )
    connection.execute(
        "COMMENT ON TABLE about IS 'Which release this is, and how to read the absence of a row.'"
    )
    connection.execute("COMMENT ON TABLE statuses IS 'What each pa_status means.'")


def _answer(connection: DuckDBPyConnection, tables: tuple[str, ...]) -> None:
    for answer in _ANSWERS:
        if not set(answer.needs) <= set(tables):
            continue
        comment = literal(f"{answer.comment} {_NOT_AN_ANSWER}")
        if answer.parameters is None:
            connection.execute(f"CREATE VIEW {answer.name} AS {answer.sql}")
            connection.execute(f"COMMENT ON VIEW {answer.name} IS {comment}")
        else:
            connection.execute(
                f"CREATE MACRO {answer.name}({answer.parameters}) AS TABLE {answer.sql}"
            )
            connection.execute(f"COMMENT ON MACRO TABLE {answer.name} IS {comment}")
