"""A release as CSV: a file for each table, and beside them what the columns mean.

UTF-8 without a byte order mark, a comma between cells, LF after rows, quotation marks where a cell
needs them. Everything is text: dates are ISO, instants ISO with Z, booleans true and false; lists
are joined by '; ' with a backslash before a semicolon or backslash within an item; lists of numbers
and of structs are JSON. Text that a spreadsheet would compute has an apostrophe before it, and so
has text that begins with one; the Parquet has it without. There is no byte order mark because these
files are for programs: who opens one in a spreadsheet by a double click loses the zeros of 00100,
and is better served by the XLSX.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv

from flows.export.place import placed_folder
from flows.export.selection import WORDS, Selection, as_text, checked, opened_tables, rows_of
from flows.export.words import about
from flows.files import dump_json
from flows.publishing.data_package import DATA_PACKAGE
from flows.spreadsheet_text import neutral
from schemas.dictionary import data_dictionary
from schemas.fields import Field, frictionless_schema
from schemas.tables import TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Rows in memory at a time.
_BATCH = 16_384
_CONVENTIONS = """\
Each file is a table; what its columns mean is below. UTF-8 without a byte order mark, comma, LF.
Codes are text: tell your program so, or use the XLSX in a spreadsheet. Dates and instants (UTC) are
ISO. An empty cell is no value. Lists are joined by `; `, with a backslash before a semicolon or
backslash within an item; lists of numbers and of structs are JSON. Text that a spreadsheet would
compute, and text that begins with an apostrophe, has one more before it, which the release's
Parquet does not have.
"""


def export_csv(selection: Selection, out: Path, *, force: bool = False) -> dict[str, int]:
    """Write the tables into the folder `out`; the number of rows of each.

    The folder has a `<table>.csv` each, `datapackage.json` with the type of every column, and
    `data-dictionary.md`.
    """
    written: dict[str, int] = {}
    schemas: dict[str, tuple[Field, ...]] = {}
    with placed_folder(out, force=force) as folder:
        for connection, table, path, fields in opened_tables(selection):
            rows = _write(connection, selection, table, path, fields, folder / f"{table}.csv")
            written[table] = checked(selection, table, rows)
            schemas[table] = fields
        package = dump_json(_package(selection, schemas))
        (folder / "datapackage.json").write_bytes(package)
        (folder / "data-dictionary.md").write_text(_page(selection), encoding="utf-8")
    return written


def _write(
    connection: DuckDBPyConnection,
    selection: Selection,
    table: str,
    path: str,
    fields: tuple[Field, ...],
    out: Path,
) -> int:
    query, parameters = rows_of(selection, table, path, ", ".join(map(as_text, fields)))
    schema = pa.schema([pa.field(field.name, pa.string()) for field in fields])
    rows = 0
    # Not by its path: arrow would take a name that ends in .gz for a wish to compress.
    with out.open("wb") as file, csv.CSVWriter(file, schema) as writer:
        for batch in connection.sql(query, params=parameters).to_arrow_reader(_BATCH):
            cells = [
                _neutral(column) if field.kind in WORDS else column.cast(pa.string())
                for field, column in zip(fields, batch.columns, strict=True)
            ]
            writer.write_batch(pa.record_batch(cells, schema=schema))
            rows += batch.num_rows
    return rows


def _neutral(column: pa.Array[Any]) -> pa.Array[Any]:
    """A column of text whose cells no spreadsheet computes; equal texts are looked at once."""
    encoded = column.cast(pa.string()).dictionary_encode()
    words = [neutral(str(word)) for word in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(words, pa.string())).cast(
        pa.string()
    )


def _package(selection: Selection, schemas: dict[str, tuple[Field, ...]]) -> dict[str, Any]:
    return {
        "$schema": DATA_PACKAGE,
        "name": "precert-csv",
        "title": f"Release {selection.release} of precert as CSV, {selection.whose}",
        "version": selection.release.id,
        "created": selection.release.said["created_at"],
        "resources": [
            {
                "name": table,
                "path": f"{table}.csv",
                "type": "table",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "description": f"One row is {TABLES[table].row_is}.",
                "schema": _schema(table, fields),
            }
            for table, fields in schemas.items()
        ],
    }


def _schema(table: str, fields: tuple[Field, ...]) -> dict[str, Any]:
    schema = frictionless_schema(TABLES[table])
    names = [field.name for field in fields]
    described = [entry for entry in schema["fields"] if entry["name"] in names]
    for entry in described:
        if entry["type"] == "list":
            entry["type"] = "string"
            entry["description"] += " Items are joined by '; '."
    return {**schema, "fields": described, "missingValues": [""]}


def _page(selection: Selection) -> str:
    lines = [f"- {label}: {text}" if text else label for label, text in about(selection)]
    head = "# This export\n\n" + "\n".join(lines) + "\n\n" + _CONVENTIONS
    return head + "\n" + data_dictionary()
