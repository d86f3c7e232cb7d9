"""Fields and tables, from which every description of the data is computed.

A `Field` says once what a column holds, whether it may be empty and which values it may take.
The Arrow schema, the Great Expectations suite (`schemas.suites`), `datapackage.json` and the data
dictionary are all derived from it. Nothing here knows a payer, a format or a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

Kind = Literal[
    "string",
    "date",
    "instant",
    "integer",
    "number",
    "boolean",
    "strings",
    "numbers",
    "conditions",
    "cells",
]
Role = Literal["identity", "content", "context", "place", "derived"]

CONDITION = pa.struct(
    [
        pa.field("type", pa.string()),
        pa.field("operator", pa.string()),
        pa.field("value", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("raw", pa.string()),
    ]
)

# A printed cell: the label of its column, and what stands in it.
CELL = pa.struct([pa.field("column", pa.string()), pa.field("value", pa.string())])

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "date": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "strings": pa.list_(pa.string()),
    "numbers": pa.list_(pa.float64()),
    "conditions": pa.list_(CONDITION),
    "cells": pa.list_(CELL),
}

FRICTIONLESS_TYPES: dict[Kind, str] = {
    "string": "string",
    "date": "date",
    "instant": "datetime",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "strings": "list",
    "numbers": "array",
    "conditions": "array",
    "cells": "array",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name, its kind, what it means, and the values it may take.

    `allowed` closes the vocabulary; for list columns it closes that of the items (for
    `conditions`, that of their `type`). `pattern` must match the whole value. `role` says what
    the column is to a row: part of its identity (`row_key`), of its content (`row_hash`),
    context repeated from its document, the place where it is printed, or derived afterwards.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    pattern: str | None = None
    role: Role = "content"

    def __post_init__(self) -> None:
        if self.pattern is not None:
            re.compile(self.pattern)
        if self.allowed and self.kind not in ("string", "strings", "conditions"):
            raise ValueError(f"field {self.name}: a {self.kind} has no closed vocabulary")


@dataclass(frozen=True, slots=True)
class PatternBy:
    """`column` must match the pattern that `patterns` has for the value of `by`."""

    column: str
    by: str
    patterns: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class RequiredWhen:
    """`column` must not be empty in the rows where `when` equals `equals`."""

    column: str
    when: str
    equals: str
    reason: str


@dataclass(frozen=True, slots=True)
class After:
    """`later` must be after `earlier` wherever both are known."""

    later: str
    earlier: str
    reason: str


Rule = PatternBy | RequiredWhen | After


@dataclass(frozen=True, slots=True)
class Table:
    """A curated table: what one row is, its columns, and the rules that span columns.

    `identity_repeats` says that several rows of a document may share the identity columns, as
    mentions of one code do; their row keys then count them. `period` are the columns of the first
    day of a row and of the first day after it: a row that begins when those of its identity before
    it have ended is no repeat, and its first day is part of its row key.
    """

    name: str
    row_is: str
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    sort_by: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    identity_repeats: bool = True
    period: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name}: a column is declared twice")

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> Field:
        """The column of that name; raises `KeyError`."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"table {self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def names_of(self, role: Role) -> tuple[str, ...]:
        """The columns that play one role, in declared order."""
        return tuple(field.name for field in self.fields if field.role == role)


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table, each column carrying its description in the file."""
    return pa.schema(
        [
            pa.field(
                field.name,
                ARROW_TYPES[field.kind],
                nullable=not field.required,
                metadata={"description": field.meaning},
            )
            for field in table
        ],
        metadata={"table": table.name, "description": f"One row is {table.row_is}."},
    )


def nullable_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table in which every column may still be empty."""
    return pa.schema([field.with_nullable(True) for field in arrow_schema(table)])


def frictionless_schema(table: Table) -> dict[str, Any]:
    """The Table Schema (Data Package v2) of a table.

    The standard has no constraints for the items of a list: they stand in `itemConstraints`.
    """
    fields = []
    for field in table:
        entry: dict[str, Any] = {
            "name": field.name,
            "type": FRICTIONLESS_TYPES[field.kind],
            "description": field.meaning,
        }
        constraints: dict[str, Any] = {"required": True} if field.required else {}
        values: dict[str, Any] = {"enum": list(field.allowed)} if field.allowed else {}
        if field.pattern:
            # The standard's patterns are those of XML Schema, whose groups have no other form.
            values["pattern"] = field.pattern.replace("(?:", "(")
        if field.kind == "string":
            constraints |= values
        elif values:
            entry["itemConstraints"] = values
        if constraints:
            entry["constraints"] = constraints
        fields.append(entry)
    schema: dict[str, Any] = {"fields": fields, "missingValues": []}
    if table.key:
        schema["primaryKey"] = list(table.key)
    return schema


def markdown(table: Table) -> str:
    """The data-dictionary section of a table, as Markdown."""
    lines = [f"## {table.name}", "", f"One row is {table.row_is}.", ""]
    lines += ["| column | type | may be empty | meaning |", "| --- | --- | --- | --- |"]
    for field in table:
        meaning = field.meaning
        if field.allowed:
            meaning += " One of: " + ", ".join(f"`{value}`" for value in field.allowed) + "."
        empty = "no" if field.required else "yes"
        lines.append(f"| `{field.name}` | {ARROW_TYPES[field.kind]} | {empty} | {meaning} |")
    for rule in table.rules:
        lines += ["", f"- {rule.reason[0].upper()}{rule.reason[1:]}."]
    return "\n".join(lines) + "\n"
