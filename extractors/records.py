"""Canonical rows: what extraction hands on, and the Arrow tables made of it.

A `Record` is one candidate row of one curated table with the place it is printed at. Values that
could not be read stay None: whether that is allowed is for the row gate to say, never for this
module. Identity and content hashes are computed here, for every table alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from extractors.reading import Problem, Tally
from schemas.fields import ARROW_TYPES, Table
from schemas.provenance import Place, digest

CELLS = pa.field("cells", pa.list_(pa.string()))


@dataclass(frozen=True, slots=True)
class Record:
    """One candidate row of a curated table: its values by column name, and its printed form."""

    table: str
    values: dict[str, Any]
    place: Place
    raw_text: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """All that one snapshot says. Dates are those that the publication itself states."""

    records: tuple[Record, ...]
    tally: Tally
    problems: tuple[Problem, ...] = ()
    title: str | None = None
    posted_on: date | None = None
    effective_on: date | None = None
    updated_on: date | None = None
    pages: int | None = None
    is_truncated: bool = False
    header_signatures: tuple[tuple[str, ...], ...] = field(default=())


def arrange(
    table: Table, records: Iterable[Record], origin: dict[str, Any]
) -> pa.Table:
    """The records of one table as Arrow, in the order given, with row_key and row_hash.

    `origin` holds source, document, sha256 and url. The result has the table's columns, all
    nullable because nothing is validated yet, and `cells` as printed. Records that share an
    identity, as mentions of one code do, are told apart by their order; in a table of rules a
    shared identity stays, for the document gate to find.
    """
    rows = [_row(table, record, origin) for record in records]
    _add_hashes(table, rows)
    schema = pa.schema([*((f.name, ARROW_TYPES[f.kind]) for f in table), CELLS])
    return pa.Table.from_pylist(rows, schema=schema)


def _row(table: Table, record: Record, origin: dict[str, Any]) -> dict[str, Any]:
    unknown = set(record.values) - set(table.names)
    if unknown:
        raise ValueError(f"{record.table} has no column {sorted(unknown)[0]!r}")
    return {
        **dict.fromkeys(table.names),
        **origin,
        **record.values,
        "page": record.place.page,
        "line": record.place.line,
        "bbox": list(record.place.bbox) if record.place.bbox else None,
        "raw_text": record.raw_text,
        "cells": list(record.cells),
    }


def _add_hashes(table: Table, rows: Sequence[dict[str, Any]]) -> None:
    identity = table.names_of("identity")
    content = table.names_of("content")
    seen: Counter[str] = Counter()
    numbered = table.name != "prior_authorization"
    for row in rows:
        key = digest([table.name, *(row[name] for name in identity)])
        seen[key] += 1
        if numbered and seen[key] > 1:
            key = digest([key, seen[key]])
        row["row_key"] = key
        row["row_hash"] = digest([row[name] for name in (*identity, *content)])
