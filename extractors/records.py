"""Canonical rows: what extraction hands on, and the Arrow tables made of it.

A `Record` is one candidate row of one curated table with the place it is printed at. Values that
could not be read stay None and are named in `faults`: whether the row may be published is for
the row gate to say, never for this module. Identity and content hashes are computed here, for
every table alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import pyarrow as pa

from extractors.reading import Problem, Tally
from schemas.fields import ARROW_TYPES, Table
from schemas.periods import Period, follows
from schemas.provenance import Place, digest

# What a candidate row carries beside its table's columns: its printed cells, and what was
# wrong with them in words.
CANDIDATE_COLUMNS = (
    pa.field("printed", pa.list_(pa.string())),
    pa.field("faults", pa.list_(pa.string())),
)
_BATCH = 4096


@dataclass(frozen=True, slots=True)
class Record:
    """One candidate row of a curated table: its values by column name, and its printed form."""

    table: str
    values: dict[str, Any]
    place: Place
    raw_text: str
    cells: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """All that one snapshot says. Dates are those that the publication itself states.

    `member` is the file of an archive that was read.
    """

    records: tuple[Record, ...]
    tally: Tally
    problems: tuple[Problem, ...] = ()
    title: str | None = None
    posted_on: date | None = None
    effective_on: date | None = None
    updated_on: date | None = None
    pages: int | None = None
    is_truncated: bool = False
    member: str | None = None


def candidate_schema(table: Table) -> pa.Schema:
    """The Arrow schema of unvalidated rows: the table's columns, all nullable, and two more."""
    columns = [pa.field(field.name, ARROW_TYPES[field.kind]) for field in table]
    return pa.schema([*columns, *CANDIDATE_COLUMNS])


def arrange(table: Table, records: Iterable[Record], origin: dict[str, Any]) -> pa.Table:
    """The records of one table as Arrow, in the order given, with row_key and row_hash.

    `origin` holds source, document, sha256 and url. Where the table says that identities repeat,
    as those of mentions of one code do, the repeats are told apart by their order; in a table of
    rules a shared identity stays, for the document gate to find.
    """
    schema = candidate_schema(table)
    seen: Counter[str] = Counter()
    periods: dict[str, Period] = {}
    batches = [schema.empty_table()]
    pending = iter(records)
    # In batches, since a row as Python objects takes many times its room in Arrow.
    while chosen := list(islice(pending, _BATCH)):
        rows = [_row(table, record, origin) for record in chosen]
        add_hashes(table, rows, seen, periods)
        batches.append(pa.Table.from_pylist(rows, schema=schema))
    return pa.concat_tables(batches)


def _row(table: Table, record: Record, origin: dict[str, Any]) -> dict[str, Any]:
    unknown = set(record.values) - set(table.names)
    if unknown:
        raise ValueError(f"{record.table} has no column {min(unknown)!r}")
    return {
        **dict.fromkeys(table.names),
        **origin,
        **record.values,
        "page": record.place.page,
        "line": record.place.line,
        "bbox": list(record.place.bbox) if record.place.bbox else None,
        "raw_text": record.raw_text,
        "printed": list(record.cells) or None,
        "faults": list(record.faults) or None,
    }


def add_hashes(
    table: Table,
    rows: Sequence[dict[str, Any]],
    seen: Counter[str],
    periods: dict[str, Period] | None = None,
) -> None:
    """Gives rows their row_key and row_hash; `seen` counts identities over all calls for a table.

    A row is a mapping that has at least the columns of identity and content.
    """
    identity = table.names_of("identity")
    content = table.names_of("content")
    periods = {} if periods is None else periods
    for row in rows:
        key = digest([table.name, *(row[name] for name in identity)])
        if table.period is not None:
            first, end = table.period
            key = _in_time(key, (row[first], row[end]), periods)
        seen[key] += 1
        if table.identity_repeats and seen[key] > 1:
            key = digest([key, seen[key]])
        row["row_key"] = key
        row["row_hash"] = digest([row[name] for name in (*identity, *content)])


def _in_time(key: str, period: Period, periods: dict[str, Period]) -> str:
    """The key of a row that has a period: the first of its identity has the key of that, one that
    follows those before it in time a key with its first day. `periods` has the last of each."""
    before = periods.get(key)
    if before is not None and not follows(period, before):
        return key
    periods[key] = period
    return key if before is None else digest([key, period[0]])
