"""What differs between two releases, row by row, and whose doing it is.

Compares by `row_key` over the columns that carry content; where a row is printed and when it was
seen are no differences. Where a publication changed and we read it otherwise too, its version
before, as it is read now (`versions_before`), stands between the two releases: the step to it is
our doing, the step from it the publisher's. DuckDB does it over the Parquet files, first by a hash
of each row and then in full for those that differ, so that memory does not grow with the releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from extractors.reference.code_states import REFERENCE_FLAGS
from extractors.reference.same_bulletins import FILLED
from flows.answers.materiality import MATERIALITY
from flows.publishing.spool import opened, view_of
from schemas.fields import ARROW_TYPES, Field, Table, arrow_schema
from schemas.tables import (
    CHANGES,
    DOCUMENT_TABLES,
    DOCUMENTS,
    PRIOR_AUTHORIZATION,
    PRIOR_AUTHORIZATION_HISTORY,
    PUBLISHED_STATUSES,
    QUARANTINE,
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
_IS_PUBLISHED = f"status IN {PUBLISHED_STATUSES}"
_OF_REFERENCE_QUOTED = ", ".join(f"'{name}'" for name in _OF_REFERENCE)
_READ = (*DOCUMENT_TABLES, DOCUMENTS, QUARANTINE, PRIOR_AUTHORIZATION_HISTORY)
_RULES, _HISTORY = PRIOR_AUTHORIZATION.name, PRIOR_AUTHORIZATION_HISTORY.name
_BATCH = 65_536
_LISTS = tuple(kind for kind in ARROW_TYPES.values() if pa.types.is_list(kind))
# The flags of a row that the code reference gives it, or all others.
_FLAGS = (
    "coalesce(list_filter({side}flags, lambda flag: {no} list_contains("
    f"{list(REFERENCE_FLAGS)}, flag)), [])"
)


@dataclass(frozen=True, slots=True)
class Between:
    """The rows of versions before as they are read now, by table, and whose they are.

    Of `merged` sources it has no bulletins: theirs stood under another source's name, or for it.
    """

    folder: Path
    sources: tuple[str, ...]
    merged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    """Two sides of a comparison: views of the same table, and how the difference came about.

    `compared` are columns, or what is compared of one; all columns of `shown` are told. `cause` is
    given where all of it is of one; else it is worked out row by row.
    """

    left: str
    right: str
    compared: Mapping[str, str]
    shown: tuple[str, ...]
    where: str
    cause: str | None = None


def compare(before: Path, after: Path, between: Between | None = None) -> Iterator[pa.Table]:
    """The rows of `changes` between the release folders `before` and `after`, in their order."""
    schema = arrow_schema(CHANGES)
    with opened(after / ".comparing") as connection:
        _open(connection, "before", before)
        _open(connection, "after", after)
        if between is not None:
            _open(connection, "between", between.folder)
        _open_causes(connection, between)
        for table in sorted(DOCUMENT_TABLES, key=lambda table: table.name):
            for number, step in enumerate(_steps(table, before, between)):
                _find(connection, table, step, number)
            names = ", ".join(f'"{name}"' for name in schema.names)
            found = connection.sql(
                f"SELECT {names} FROM found "
                'ORDER BY "table", payer NULLS FIRST, code NULLS FIRST, row_key, step'
            ).to_arrow_reader(_BATCH)
            assert found is not None
            for batch in found:
                yield pa.Table.from_batches([batch]).cast(schema)
            connection.execute("DROP TABLE found")


def _open(connection: duckdb.DuckDBPyConnection, side: str, folder: Path) -> None:
    """Views of a release's tables, those that it does not have yet as empty ones."""
    for table in _READ:
        path = folder / f"{table.name}.parquet"
        name = f"{side}_{table.name}"
        if path.exists():
            view_of(connection, name, path)
        else:
            connection.register(name, arrow_schema(table).empty_table())


def _open_causes(connection: duckdb.DuckDBPyConnection, between: Between | None) -> None:
    """Tables of what tells a cause: sources read otherwise, cut lists, rows in quarantine."""
    connection.execute(
        f"""
        CREATE TEMP TABLE held_back AS
            SELECT 'add' AS op, row_key FROM before_quarantine
            WHERE sha256 IN (SELECT sha256 FROM before_documents WHERE {_IS_PUBLISHED})
            UNION SELECT 'remove', row_key FROM after_quarantine
            WHERE sha256 IN (SELECT sha256 FROM after_documents WHERE {_IS_PUBLISHED});
        CREATE TEMP TABLE read_again AS
            SELECT b.source FROM before_documents AS b JOIN after_documents AS a
            ON a.source = b.source AND a.sha256 = b.sha256
            WHERE a.{_IS_PUBLISHED} AND b.{_IS_PUBLISHED}
            UNION SELECT source FROM before_documents WHERE status = 'archived'
            UNION SELECT source FROM after_documents WHERE status = 'archived';
        CREATE TEMP TABLE cut AS
            SELECT DISTINCT source FROM after_documents
            WHERE {_IS_PUBLISHED} AND is_truncated IS DISTINCT FROM false;
        CREATE TEMP TABLE left_open AS
            SELECT 'remove' AS op, row_key, row_hash FROM after_{_HISTORY}
            WHERE known_until IS NULL AND len(unseen_in) > 0
            UNION ALL SELECT 'add', row_key, row_hash FROM before_{_HISTORY}
            WHERE known_until IS NULL AND len(unseen_in) > 0;
        -- Rules that the release before left open and that ended since, unseen in both.
        CREATE VIEW ended_{_RULES} AS
            SELECT * FROM before_{_HISTORY}
            WHERE known_until IS NULL AND len(unseen_in) > 0
            AND row_key NOT IN (SELECT row_key FROM before_{_RULES})
            AND row_key NOT IN (SELECT row_key FROM after_{_RULES}) AND row_key IN (
                SELECT row_key FROM after_{_HISTORY} GROUP BY row_key
                HAVING count(*) = count(known_until)
            );
        CREATE VIEW nothing_{_RULES} AS SELECT * FROM before_{_RULES} WHERE false;
        CREATE TEMP TABLE read_both (source VARCHAR, is_merged BOOLEAN);
        """
    )
    for source in between.sources if between else ():
        is_merged = source in between.merged if between else False
        connection.execute("INSERT INTO read_both VALUES (?, ?)", [source, is_merged])


def _steps(table: Table, before: Path, between: Between | None) -> Iterator[_Step]:
    # A column that a release before did not have yet is no change by a payer.
    path = before / f"{table.name}.parquet"
    known = set(pq.read_schema(path).names if path.exists() else table.names)
    compared = [
        field
        for field in table
        if field.role in ("identity", "content", "derived")
        and field.name not in _NOT_COMPARED
        and field.name in known
    ]
    every = tuple(field.name for field in compared)
    whole = {field.name: _column(field) for field in compared}
    if table is PRIOR_AUTHORIZATION:
        yield _Step("ended", "nothing", whole, every, "true")
    if between is None:
        yield _Step("before", "after", whole, every, "true")
        return
    read_both = "source IN (SELECT source FROM read_both)"
    if table.name in FILLED:
        read_both = "source IN (SELECT source FROM read_both WHERE NOT is_merged)"
    yield _Step("before", "after", whole, every, f"NOT {read_both}")
    printed = {field.name: _column(field) for field in compared if field.role != "derived"}
    said = {field.name: _column(field) for field in compared if field.role == "derived"}
    if "flags" in printed:
        # Some flags are what the code reference says, the others what is printed.
        printed["flags"] = _FLAGS.format(no="NOT", side="{side}")
        said["flags"] = _FLAGS.format(no="", side="{side}")
    yield _Step("before", "between", printed, every, read_both, cause="reading")
    yield _Step("between", "after", printed, every, read_both)
    in_both = " AND ".join(
        f"row_key IN (SELECT row_key FROM {side}_{table.name})" for side in ("before", "after")
    )
    if said:
        yield _Step("before", "after", said, every, f"{read_both} AND {in_both}")


def _column(field: Field) -> str:
    """A column, of the side that is still to be named."""
    return f'{{side}}"{field.name}"'


def _as_json(side: str, columns: tuple[str, ...]) -> str:
    members = ", ".join(f"'{name}': {side}.\"{name}\"" for name in columns)
    return f"to_json({{{members}}})::VARCHAR"


def _find(connection: duckdb.DuckDBPyConnection, table: Table, step: _Step, number: int) -> None:
    """Add the differences of a step to the table `found`."""
    left, right = f"{step.left}_{table.name}", f"{step.right}_{table.name}"
    lists = [name for name in step.compared if ARROW_TYPES[table[name].kind] in _LISTS]
    hashed = ", ".join(
        [
            *(what.format(side="") for what in step.compared.values()),
            # Its hash tells no empty list from none.
            *(f'len("{name}")' for name in lists),
        ]
    )
    sides = (
        f"SELECT row_key, hash({hashed}) AS h FROM {side} WHERE {step.where}"
        for side in (left, right)
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE differing AS
            SELECT coalesce(l.row_key, r.row_key) AS row_key
            FROM ({next(sides)}) AS l FULL OUTER JOIN ({next(sides)}) AS r
            ON l.row_key = r.row_key
            WHERE l.h IS DISTINCT FROM r.h OR l.row_key IS NULL OR r.row_key IS NULL
        """
    )
    differs = ", ".join(
        f"CASE WHEN {what.format(side='l.')} IS DISTINCT FROM {what.format(side='r.')} "
        f"THEN '{name}' END"
        for name, what in step.compared.items()
    )
    payer = "coalesce(r.payer, l.payer)" if "payer" in step.shown else "NULL::VARCHAR"
    code = "coalesce(r.code, l.code)" if "code" in step.shown else "NULL::VARCHAR"
    rows = f"row_key IN (SELECT row_key FROM differing) AND {step.where}"
    query = f"""
        WITH compared AS (
            SELECT
                '{table.name}' AS "table",
                CASE WHEN l.row_key IS NULL THEN 'add'
                     WHEN r.row_key IS NULL THEN 'remove' ELSE 'modify' END AS op,
                coalesce(r.row_key, l.row_key) AS row_key,
                coalesce(r.source, l.source) AS source,
                coalesce(r.row_hash, l.row_hash) AS row_hash,
                {payer} AS payer,
                {code} AS code,
                CASE WHEN r.row_key IS NOT NULL AND l.row_key IS NOT NULL
                     THEN list_filter([{differs}], lambda x: x IS NOT NULL) END AS fields_changed,
                CASE WHEN l.row_key IS NOT NULL THEN {_as_json("l", step.shown)} END AS before,
                CASE WHEN r.row_key IS NOT NULL THEN {_as_json("r", step.shown)} END AS after
            FROM (SELECT * FROM {left} WHERE {rows}) AS l
            FULL OUTER JOIN (SELECT * FROM {right} WHERE {rows}) AS r
            ON r.row_key = l.row_key
        )
        SELECT {number} AS step, op, "table", row_key, {_cause(table, step)} AS cause, payer, code,
            fields_changed, before, after, {MATERIALITY} AS materiality
        FROM compared WHERE op <> 'modify' OR len(fields_changed) > 0
    """
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS found AS {query} LIMIT 0")
    connection.execute(f"INSERT INTO found {query}")


def _cause(table: Table, step: _Step) -> str:
    held_back = "WHEN (op, row_key) IN (SELECT (op, row_key) FROM held_back) THEN 'quarantine'"
    if step.cause is not None:
        return f"CASE {held_back} ELSE '{step.cause}' END"
    if table is PRIOR_AUTHORIZATION:
        # One that comes back with other words was changed by the payer, whoever saw it in between.
        unread = "(op, row_key, row_hash) IN (SELECT (op, row_key, row_hash) FROM left_open)"
    else:
        unread = "op = 'remove' AND source IN (SELECT source FROM cut)"
    return f"""CASE {held_back}
        WHEN op = 'modify' AND list_has_any(fields_changed, [{_OF_REFERENCE_QUOTED}])
            AND list_has_all([{_OF_REFERENCE_QUOTED}, 'flags'], fields_changed)
            THEN 'reference'
        WHEN source IN (SELECT source FROM read_again) THEN 'reading'
        WHEN source NOT IN (SELECT source FROM after_documents) THEN 'reading'
        WHEN {unread} THEN 'unread'
        ELSE 'publication' END"""
