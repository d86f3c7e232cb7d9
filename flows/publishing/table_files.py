"""How a table lies in a Parquet file: its row groups, encodings, statistics and descriptions.

Takes rows that are in order already, in batches, so that no table has to be in memory. Which rows
these are, and their order, is not known here. The choices are measured by `benchmarks/layout.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.fields import ARROW_TYPES, Table, arrow_schema
from schemas.version import SCHEMA_VERSION

# Columns that readers limit rows by, beside those that a table is sorted by.
_FILTERED = (
    "cause",
    "code",
    "code_end",
    "code_system",
    "effective_from",
    "effective_to",
    "first_seen",
    "known_until",
    "line_of_business",
    "op",
    "pa_status",
    "payer",
    "state",
    "table",
)
# Texts of which a row group has nearly as many as rows, or that are long beside what they save.
_NEVER_ALIKE = ("description", "description_raw", "raw_text", "row_hash", "row_key", "sentence")
# Columns by which one row of a table is asked for, whatever the table is sorted by.
_ASKED_FOR = ("row_key",)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file's readers pay for, apart from its rows.

    `row_group` is in rows, `page` in bytes before compression. `statistics` keeps least and
    greatest values for the columns that are filtered by, or for all. `dictionary` is for strings
    that are alike, or for all. `page_index` takes the statistics out of the headers of pages, where
    DuckDB 2.0 looks for them. `bloom` is the share of false finds of a Bloom filter of row keys.
    """

    row_group: int = 131_072
    page: int = 32_768
    statistics: bool | None = None
    dictionary: bool | None = None
    page_index: bool = False
    bloom: float | None = 0.05
    level: int | None = None

    def options(self, table: Table, rows: int) -> dict[str, Any]:
        """The options of a `pyarrow.parquet.ParquetWriter` of groups of so many rows."""
        leaves = _leaves(table)
        options: dict[str, Any] = {
            "compression": "zstd",
            "compression_level": self.level,
            "version": "2.6",
            "data_page_size": self.page,
            "write_page_index": self.page_index,
            "sorting_columns": _sorting(table),
            "write_statistics": _filtered(table),
            "use_dictionary": [p for n, paths in leaves if n not in _NEVER_ALIKE for p in paths],
        }
        if self.statistics is not None:
            options["write_statistics"] = self.statistics
        if self.dictionary is not None:
            options["use_dictionary"] = self.dictionary
        keys = [name for name in table.names if name in _ASKED_FOR]
        if self.bloom is not None and keys and rows:
            options["bloom_filter_options"] = {
                key: {"ndv": rows, "fpp": self.bloom} for key in keys
            }
        return options


LAYOUT = Layout()


class EmptyValueError(ValueError):
    """A row without a value in a column in which none may be empty."""


def write_rows(
    table: Table, batches: Iterable[pa.Table], path: Path, layout: Layout = LAYOUT
) -> int:
    """Write rows, in the order in which they come, and give their number.

    The same rows give the same bytes, whatever their batches. Raises `EmptyValueError` where a
    column that must not be empty is.
    """
    schema = _described(table)
    rows = 0
    writer: pq.ParquetWriter | None = None
    try:
        for group in _groups(batches, schema, layout.row_group):
            _check(table, group)
            if writer is None:
                options = layout.options(table, group.num_rows)
                writer = pq.ParquetWriter(path, schema, **options)
            # One chunk a column, or the file would depend on how the rows came.
            group = pa.Table.from_arrays(
                [group[name].combine_chunks() for name in schema.names], schema=schema
            )
            writer.write_table(group, row_group_size=layout.row_group)
            rows += group.num_rows
        if writer is None:
            writer = pq.ParquetWriter(path, schema, **layout.options(table, 0))
    finally:
        if writer is not None:
            writer.close()
    return rows


def _described(table: Table) -> pa.Schema:
    """The schema with what the file says of itself, the schema's version among it."""
    schema = arrow_schema(table)
    return schema.with_metadata({**(schema.metadata or {}), b"schema_version": SCHEMA_VERSION})


def _filtered(table: Table) -> list[str]:
    return [
        name
        for name in table.names
        if name in (*table.sort_by, *_FILTERED) and name not in _NEVER_ALIKE
    ]


def _leaves(table: Table) -> list[tuple[str, list[str]]]:
    """Each column with the paths of the Parquet columns that hold it."""
    return [(field.name, _paths(field.name, ARROW_TYPES[field.kind])) for field in table]


def _paths(path: str, kind: pa.DataType) -> list[str]:
    if isinstance(kind, pa.ListType):
        return _paths(f"{path}.list.element", kind.value_type)
    if isinstance(kind, pa.StructType):
        return [leaf for part in kind for leaf in _paths(f"{path}.{part.name}", part.type)]
    return [path]


def _sorting(table: Table) -> list[pq.SortingColumn] | None:
    """The order that the file says its rows are in, counted in Parquet columns."""
    leaves = [path for _name, paths in _leaves(table) for path in paths]
    return [
        pq.SortingColumn(leaves.index(name), descending=False, nulls_first=True)
        for name in table.sort_by
    ] or None


def _groups(batches: Iterable[pa.Table], schema: pa.Schema, row_group: int) -> Iterator[pa.Table]:
    """The rows in tables of one row group each, however they come."""
    waiting: list[pa.Table] = []
    count = 0
    for batch in batches:
        waiting.append(batch.select(schema.names))
        count += batch.num_rows
        while count >= row_group:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, row_group)
            waiting = [joined.slice(row_group)]
            count -= row_group
    if count:
        yield pa.concat_tables(waiting)


def _check(table: Table, rows: pa.Table) -> None:
    for field in table:
        missing = rows[field.name].null_count
        if missing and field.required:
            raise EmptyValueError(
                f"{table.name}.{field.name}: {missing} rows have no value, and none may be empty"
            )
