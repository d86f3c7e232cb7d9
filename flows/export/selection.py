"""What is exported: tables of one release, of all payers or of one, and each column as text.

Every file is held against the manifest before it is read. Which format comes out is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.answers.payer_lists import is_called, payer_names, read_versions
from flows.releases import PARQUET, Release, intact, opened
from schemas.fields import Field, Kind
from schemas.tables import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Between the items of a list; a semicolon within an item has a backslash before it.
JOIN = "; "
# Kinds whose text is a publisher's words, or has them in it.
WORDS: tuple[Kind, ...] = ("string", "strings", "conditions", "cells")


class ExportError(ValueError):
    """Something that cannot be exported; the message says what and what to do."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Tables of a release, in declared order. `payers` are ids, empty for all of them."""

    release: Release
    tables: tuple[str, ...]
    payers: tuple[str, ...] = ()

    @property
    def whose(self) -> str:
        """Whose rows these are, in words."""
        return f"only of {', '.join(self.payers)}" if self.payers else "of all payers"


def select(
    release: Release,
    names: Iterable[str] = (),
    payer: str | None = None,
    default: Iterable[str] | None = None,
) -> Selection:
    """The tables named, else those of `default` that the release has, else all that it has.

    Raises `ExportError` for a table or a payer that the release does not have.
    """
    there = tuple(name for name in TABLES if f"{name}.parquet" in release.files)
    wanted = set(names)
    unknown = sorted(wanted - set(there))
    if unknown:
        raise ExportError(
            f"release {release} has no table {unknown[0]!r}: it has {', '.join(there)}"
        )
    chosen = wanted or set(there if default is None else default)
    tables = tuple(name for name in there if name in chosen)
    return Selection(release, tables, () if payer is None else _payers(release, payer))


def _payers(release: Release, wanted: str) -> tuple[str, ...]:
    with opened() as connection:
        names = payer_names(
            connection,
            intact(release, "prior_authorization"),
            read_versions(connection, release),
        )
    meant = tuple(payer for payer, name in names.items() if is_called(wanted, payer, name))
    if not meant:
        known = ", ".join(names) or "none"
        raise ExportError(f"{wanted!r} is no payer of release {release}: known are {known}")
    return meant


def columns(connection: DuckDBPyConnection, path: str, table: str) -> tuple[Field, ...]:
    """The columns that a table's file has, in its order: earlier releases have fewer.

    Raises `ExportError` for one that is not declared, since leaving it out would lose it.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {PARQUET}", {"path": path}).fetchall()
    declared = {field.name: field for field in TABLES[table]}
    unknown = [name for name, *_ in described if name not in declared]
    if unknown:
        raise ExportError(
            f"table {table} has a column {unknown[0]!r} that this version of precert does not "
            "know: export it with the version that made the release"
        )
    return tuple(declared[name] for name, *_ in described)


def rows_of(selection: Selection, table: str, path: str, columns: str) -> tuple[str, Any]:
    """A query for the rows of a table in their order, and its parameters.

    Of one payer are the rows that name it, and those of its own publications.
    """
    query = f"SELECT {columns} FROM {PARQUET}"
    if not selection.payers:
        return query, {"path": path}
    parameters: dict[str, Any] = {"path": path, "payers": list(selection.payers)}
    names = TABLES[table].names
    asked = "(SELECT unnest($payers))"
    if "payer" in names:
        return f"{query} WHERE payer IN {asked}", parameters
    if "left_payer" in names:
        return f"{query} WHERE left_payer IN {asked} OR right_payer IN {asked}", parameters
    parameters["documents"] = intact(selection.release, "documents")
    documents = PARQUET.replace("$path", "$documents")
    return (
        f"{query} WHERE (source, document) IN "
        f"(SELECT (source, document) FROM {documents} WHERE payer IN {asked})"
    ), parameters


def as_text(field: Field) -> str:
    """The SQL of a column as text: dates ISO, instants ISO with Z, structs as JSON."""
    name = f'"{field.name}"'
    if field.kind == "string":
        return name
    if field.kind == "instant":
        # No time zone of the machine comes in.
        return f"replace(make_timestamp(epoch_us({name}))::VARCHAR, ' ', 'T') || 'Z' AS {name}"
    if field.kind == "strings":
        item = r"replace(replace(coalesce(x, ''), '\', '\\'), ';', '\;')"
        return f"array_to_string(list_transform({name}, lambda x: {item}), '{JOIN}') AS {name}"
    if field.kind in ("numbers", "conditions", "cells"):
        return f"to_json({name})::VARCHAR AS {name}"
    return f"{name}::VARCHAR AS {name}"


def checked(selection: Selection, table: str, rows: int) -> int:
    """The number of rows written; raises `ExportError` if it is not the one published."""
    published = selection.release.rows(table)
    if not selection.payers and rows != published:
        raise ExportError(
            f"table {table} gave {rows:,} rows where the manifest says {published}: run `precert "
            "releases verify`"
        )
    return rows


def opened_tables(
    selection: Selection,
) -> Iterator[tuple[DuckDBPyConnection, str, str, tuple[Field, ...]]]:
    """Each table with a connection to read it by, the path of its file, and its columns."""
    with opened() as connection:
        for table in selection.tables:
            path = intact(selection.release, table)
            yield connection, table, path, columns(connection, path, table)
