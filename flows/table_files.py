"""How a table lies in a Parquet file: its row groups, encodings, statistics and descriptions.

Takes rows that are in order already, in batches, so that no table has to be in memory. Which rows
these are, and their order, is not known here. The choices are measured by `benchmarks/layout.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.fields import Table, arrow_schema

# Rows of a row group: what a reader that looks for one code reads at least.
ROW_GROUP = 65_536


class EmptyValueError(ValueError):
    """A row without a value in a column in which none may be empty."""


def write_rows(table: Table, batches: Iterable[pa.Table], path: Path) -> int:
    """Write rows, in the order in which they come, and give their number.

    Raises `EmptyValueError` where a column that must not be empty is.
    """
    schema = arrow_schema(table)
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
        for group in _groups(batches, schema):
            _check(table, group)
            # One chunk a column, or the file would depend on how the rows came.
            group = pa.Table.from_arrays(
                [group[name].combine_chunks() for name in schema.names], schema=schema
            )
            writer.write_table(group, row_group_size=ROW_GROUP)
            rows += group.num_rows
    return rows


def _groups(batches: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in tables of one row group each, however they come."""
    waiting: list[pa.Table] = []
    count = 0
    for batch in batches:
        waiting.append(batch.select(schema.names))
        count += batch.num_rows
        while count >= ROW_GROUP:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, ROW_GROUP)
            waiting = [joined.slice(ROW_GROUP)]
            count -= ROW_GROUP
    if count:
        yield pa.concat_tables(waiting)


def _check(table: Table, rows: pa.Table) -> None:
    for field in table:
        missing = rows[field.name].null_count
        if missing and field.required:
            raise EmptyValueError(
                f"{table.name}.{field.name}: {missing} rows have no value, and none may be empty"
            )
