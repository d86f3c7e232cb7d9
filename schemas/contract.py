"""What a reader of a release relies on, a line a column, and which version a change of it asks for.

The lines hold names, types, keys and allowed values and no prose: words may change freely. Which
version the tables have is said in `schemas.version`, by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

from schemas.fields import ARROW_TYPES, Field, Table

Step = Literal["major", "minor", "patch"]
# The cells of a line about a column, after its name.
_TYPE, _REQUIRED, _VALUES, _PATTERN = range(4)


def contract(tables: Iterable[Table]) -> list[str]:
    """The lines in alphabetical order, cells separated by tabs.

    A table's is `<table>`, `key` and the key's columns; a column's `<table>.<column>`, its Arrow
    type, `required` or `optional`, its allowed values and its pattern.
    """
    lines = []
    for table in tables:
        lines.append("\t".join((table.name, "key", ",".join(table.key))))
        lines += [_line(table, field) for field in table]
    return sorted(lines)


def _line(table: Table, field: Field) -> str:
    cells = (
        f"{table.name}.{field.name}",
        str(ARROW_TYPES[field.kind]),
        "required" if field.required else "optional",
        ",".join(sorted(field.allowed)),
        field.pattern or "",
    )
    return "\t".join(cells)


def fingerprint(lines: Iterable[str]) -> str:
    """Twelve hexadecimal digits that stand for the lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def step_needed(before: Iterable[str], after: Iterable[str]) -> Step:
    """The number of the version that must rise where one contract takes the place of another.

    What a reader of the one before may rely on holds in the minor versions after it: columns, their
    types, values and patterns, that a column is never empty, and keys. A value that is added is a
    minor change: readers are told to expect values that they do not know.
    """
    old, new = _by_name(before), _by_name(after)
    if any(name not in new or _breaks(cells, new[name]) for name, cells in old.items()):
        return "major"
    return "patch" if old == new else "minor"


def changed_names(before: Iterable[str], after: Iterable[str]) -> set[str]:
    """The tables and columns that differ; a table that came or went stands for its columns."""
    old, new = _by_name(before), _by_name(after)
    names = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    tables = {name for name in names if "." not in name and not (name in old and name in new)}
    return {name for name in names if name in tables or name.partition(".")[0] not in tables}


def _by_name(lines: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    split = [line.split("\t") for line in lines]
    return {name: tuple(cells) for name, *cells in split}


def _breaks(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether a line promises less than it did: a narrower promise is one more."""
    if before == after:
        return False
    if len(before) != _PATTERN + 1 or len(after) != _PATTERN + 1:
        return True  # the key of a table
    values = {*before[_VALUES].split(",")} - {""}
    return (
        before[_TYPE] != after[_TYPE]
        or (before[_REQUIRED] == "required" and after[_REQUIRED] == "optional")
        or not values <= {*after[_VALUES].split(",")}
        or (before[_PATTERN] != "" and before[_PATTERN] != after[_PATTERN])
    )
