"""Rows of a table set down in any order and read back in the table's own, however many there are.

    <folder>/<table>/<number>.parquet   the rows of one document

Sorting is DuckDB's, which goes to disk where memory ends. Documents whose rows all share the first
column that a table is sorted by (its payer, its source) are sorted with those alone that share it,
so that the size of a release does not matter to a sort. What the rows mean is not known here.
"""

from __future__ import annotations

import glob
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.releases import literal
from schemas.fields import Table, arrow_schema, nullable_schema

# What DuckDB may hold in memory; Arrow holds some row groups beside it.
MEMORY = "640MB"
_BATCH = 65_536


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a table with the value that the first sort column has in all their rows."""

    by_first: dict[object, list[Path]] = field(default_factory=lambda: defaultdict(list))
    mixed: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows that wait to be sorted, in a folder that `close` removes."""

    folder: Path
    _files: dict[str, _Files] = field(default_factory=lambda: defaultdict(_Files))

    def add(self, table: Table, rows: pa.Table) -> None:
        """Set down rows of a table, in its columns."""
        if not rows.num_rows:
            return
        files = self._files[table.name]
        number = len(files.mixed) + sum(map(len, files.by_first.values()))
        path = self.folder / table.name / f"{number:06d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            rows.select(table.names).cast(nullable_schema(table)), path, compression="lz4"
        )
        ends = pc.min_max(rows[table.sort_by[0]])
        first, last = ends["min"].as_py(), ends["max"].as_py()
        has_null = rows[table.sort_by[0]].null_count > 0
        if first == last and has_null == (first is None):
            files.by_first[first].append(path)
        else:
            files.mixed.append(path)

    def in_order(self, table: Table) -> Iterator[pa.Table]:
        """All rows of a table in its order; those that it does not tell apart as they came."""
        files = self._files[table.name]
        with opened(self.folder / "sorting") as connection:
            if files.mixed:
                every = sorted([*files.mixed, *(p for of in files.by_first.values() for p in of)])
                yield from _sorted(connection, table, every)
                return
            for first in sorted(files.by_first, key=lambda value: (value is not None, value)):
                yield from _sorted(connection, table, files.by_first[first])

    def close(self) -> None:
        """Remove what was set down."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def opened(aside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB within bounds of memory that puts what it cannot hold into the folder `aside`.

    The folder is gone afterwards.
    """
    connection = duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": str(aside), "threads": 2}
    )
    try:
        # A bar would be in the midst of what is printed.
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield connection
    finally:
        connection.close()
        shutil.rmtree(aside, ignore_errors=True)


def view_of(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """Make a view of a Parquet file, whatever characters its path has."""
    file = literal(glob.escape(str(path)))
    connection.execute(
        f"CREATE VIEW {name} AS SELECT * FROM read_parquet({file}, hive_partitioning = false)"
    )


def _sorted(
    connection: duckdb.DuckDBPyConnection, table: Table, paths: list[Path]
) -> Iterator[pa.Table]:
    schema = arrow_schema(table)
    nullable = nullable_schema(table)
    columns = ", ".join(f'"{name}"' for name in schema.names)
    keys = ", ".join(f'"{name}" ASC NULLS FIRST' for name in table.sort_by)
    # Characters that DuckDB takes for a pattern are escaped.
    rows = connection.sql(
        f"SELECT {columns} FROM read_parquet($paths, hive_partitioning = false, "
        f"filename = true, file_row_number = true) ORDER BY {keys}, filename, file_row_number",
        params={"paths": [glob.escape(str(path)) for path in paths]},
    )
    reader = rows.to_arrow_reader(_BATCH)
    assert reader is not None
    for batch in reader:
        yield pa.Table.from_batches([batch]).cast(nullable)
