"""The net of several releases' changes: what differs between the ends, whatever came between.

The changes of a row, one after the other, are its steps: in the order of the releases, and within
one release our own before the publication's. The net of a row is the content before its first step
against that after its last; nothing where both are the same. Its operation, its fields and its
materiality are worked out anew.

Its cause is `publication` as soon as one step was the publication's, even where that step made
another difference than the one that is left; another cause is the net's only if every step was our
own: the one that they share, else `reading`.

In memory are the numbers of steps alone. The contents, by far the most of a change, are read where
they are needed, some thousand at once. Which releases and which payers is not known here.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from flows.answers.materiality import MATERIALITIES, materiality_of
from flows.releases import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A step's number: the release, whether it is the publication's, the row in the file.
_OF_RELEASE, _OF_CAUSE = 41, 40
_STEP = (
    f"({{nth}}::BIGINT << {_OF_RELEASE}) | ((cause = 'publication')::BIGINT << {_OF_CAUSE}) "
    "| file_row_number"
)
_FROM = "read_parquet({path}, hive_partitioning = false, file_row_number = true)"
# In the order of the files, so that rows that follow each other lie together there.
_FOLD = """
CREATE OR REPLACE TABLE folded AS
SELECT "table", row_key, arg_max_null(payer, step) AS payer, arg_max_null(code, step) AS code,
    min(step) AS first, max(step) AS last, count(*) AS times,
    CASE WHEN bool_or(cause = 'publication') THEN 'publication'
         WHEN min(cause) = max(cause) THEN min(cause) ELSE 'reading' END AS cause,
    CASE WHEN bool_and(op = 'modify') THEN 'modify' WHEN times = 1 THEN min(op) END AS op,
    min(materiality) AS materiality,
    coalesce(list_distinct(flatten(list(fields_changed))), []) AS named
FROM ({steps}) WHERE $payers IS NULL OR payer IN $payers
GROUP BY "table", row_key
ORDER BY "table", payer NULLS FIRST, code NULLS FIRST, row_key
"""
_FOLDED = """
SELECT rowid, "table", row_key, payer, code, first, last, times, cause, op, materiality, named
FROM folded
"""
_CHOSEN = f"{_FOLDED} JOIN (SELECT unnest($numbers) AS chosen) ON rowid = chosen"
_CONTENTS = f"""
SELECT file_row_number, before, after
FROM {_FROM.format(path="$path")} JOIN (SELECT unnest($rows) AS chosen) ON file_row_number = chosen
"""
_AT_ONCE = 4_000
_NOTHING = 255


@dataclass(frozen=True, slots=True)
class Net:
    """The net of one row: `nth` is the release of its last step, `steps` how many there were."""

    nth: int
    steps: int
    op: str
    cause: str
    table: str
    payer: str | None
    code: str | None
    fields_changed: tuple[str, ...]
    before: str | None
    after: str | None
    materiality: str
    row_key: str


@dataclass(frozen=True, slots=True)
class _Folded:
    """The steps of one row; `op` is None where it came or went in one of several."""

    number: int
    table: str
    row_key: str
    payer: str | None
    code: str | None
    first: int
    last: int
    times: int
    cause: str
    op: str | None
    materiality: str
    named: Sequence[str]


def net_changes(
    connection: DuckDBPyConnection,
    paths: Sequence[str],
    ops: Sequence[str],
    payers: Collection[str] | None,
    materialities: Collection[str],
) -> Iterator[Net]:
    """The net of the `changes` at `paths`, oldest release first, as DuckDB reads them.

    The most material comes first, then as in `ops`; of these by table, payer and code.
    """
    _fold(connection, paths, payers)
    ranks = [(materiality, op) for materiality in MATERIALITIES for op in ops]
    rank_of = bytearray()
    fields_of = array("L")
    known_fields: dict[tuple[str, ...], int] = {}
    folded = _each(connection.cursor().execute(_FOLDED))
    while some := list(islice(folded, _AT_ONCE)):
        contents = _contents(connection, paths, [row for row in some if row.times > 1])
        for row in some:
            found = _difference(row, contents)
            op, fields = found or ("", ())
            materiality = row.materiality
            if found and row.times > 1:
                materiality = materiality_of(row.table, op, fields)
            is_told = found and materiality in materialities
            rank_of.append(ranks.index((materiality, op)) if is_told else _NOTHING)
            fields_of.append(known_fields.setdefault(fields, len(known_fields)))
    fields_called = tuple(known_fields)
    in_order = (n for rank in range(len(ranks)) for n in _places(rank_of, rank))
    while numbers := list(islice(in_order, _AT_ONCE)):
        of = {row.number: row for row in _each(connection.execute(_CHOSEN, {"numbers": numbers}))}
        contents = _contents(connection, paths, of.values())
        for number in numbers:
            row = of[number]
            materiality, op = ranks[rank_of[number]]
            yield Net(
                nth=row.last >> _OF_RELEASE,
                steps=row.times,
                op=op,
                cause=row.cause,
                table=row.table,
                payer=row.payer,
                code=row.code,
                fields_changed=fields_called[fields_of[number]],
                before=contents[row.first][0],
                after=contents[row.last][1],
                materiality=materiality,
                row_key=row.row_key,
            )


def changed_fields(
    before: Mapping[str, Any], after: Mapping[str, Any], named: Collection[str] | None
) -> tuple[str, ...]:
    """The fields in which two contents of one row differ.

    `named` are the fields of its steps, for a row that was there all the time: it differs in no
    others, and in one that the beginning does not have yet. Of a row that went and came back, only
    what both contents have is known.
    """
    if named is None:
        return tuple(name for name in after if name in before and before[name] != after[name])
    return tuple(name for name in named if name not in before or before[name] != after.get(name))


def _fold(
    connection: DuckDBPyConnection, paths: Sequence[str], payers: Collection[str] | None
) -> None:
    steps = " UNION ALL ".join(
        f"SELECT {_STEP.format(nth=nth)} AS step, * EXCLUDE (before, after) "
        f"FROM {_FROM.format(path=literal(path))}"
        for nth, path in enumerate(paths)
    )
    wanted = {"payers": None if payers is None else sorted(payers)}
    connection.execute(_FOLD.format(steps=steps), wanted)


def _difference(
    row: _Folded, contents: Mapping[int, tuple[str | None, str | None]]
) -> tuple[str, tuple[str, ...]] | None:
    """The operation and fields of a row's net; None where its ends are the same."""
    if row.times == 1:
        return str(row.op), tuple(row.named)
    before, after = contents[row.first][0], contents[row.last][1]
    if before == after:
        return None
    if before is None or after is None:
        return ("add" if before is None else "remove"), ()
    named = row.named if row.op == "modify" else None
    fields = changed_fields(json.loads(before), json.loads(after), named)
    return ("modify", fields) if fields else None


def _each(found: DuckDBPyConnection) -> Iterator[_Folded]:
    while rows := found.fetchmany(_AT_ONCE):
        yield from (_Folded(*row) for row in rows)


def _places(ranks: bytearray, rank: int) -> Iterator[int]:
    place = ranks.find(rank)
    while place >= 0:
        yield place
        place = ranks.find(rank, place + 1)


def _contents(
    connection: DuckDBPyConnection, paths: Sequence[str], rows: Iterable[_Folded]
) -> dict[int, tuple[str | None, str | None]]:
    """The content before and after, as JSON, of the first and last steps of some rows."""
    wanted: dict[int, dict[int, int]] = {}
    for row in rows:
        for step in (row.first, row.last):
            in_file = step & ((1 << _OF_CAUSE) - 1)
            wanted.setdefault(step >> _OF_RELEASE, {})[in_file] = step
    found = {}
    for nth, steps in wanted.items():
        of = {"path": paths[nth], "rows": list(steps)}
        for in_file, before, after in connection.execute(_CONTENTS, of).fetchall():
            found[steps[in_file]] = before, after
    return found
