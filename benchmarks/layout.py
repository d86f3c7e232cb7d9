"""How rules lie in Parquet: size, time to write, and a point lookup beside a DuckDB table.

Run as `python -m benchmarks.layout [MILLIONS]`, ten by default. The rules of
`benchmarks.many_rules` are written by `table_files` in the layout that releases have and in
others, one choice changed at a time. Each file answers the same lookups of a payer and a code
through DuckDB, warm and in one connection, in turn with a DuckDB table of the same rows. The table
has an index on (payer, code), which DuckDB 2.0 does not use for two columns: it skips row groups by
their least and greatest values. So it has another index too, on one column with both, which it does
use. Every answer is held against the table's.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from benchmarks.many_rules import SCHEMA, rules
from benchmarks.results import write
from flows.publishing.table_files import LAYOUT, Layout, write_rows
from schemas.tables import PRIOR_AUTHORIZATION

MILLION = 1_000_000
LOOKUPS, WARM = 120, 20
# The release's own layout comes first: the table is made of its rows.
LAYOUTS = {
    "as released": LAYOUT,
    "groups of 65,536 rows": replace(LAYOUT, row_group=65_536),
    "groups of 1,048,576 rows": replace(LAYOUT, row_group=1_048_576),
    "pages of 1 MiB": replace(LAYOUT, page=1_048_576),
    "statistics of all columns": replace(LAYOUT, statistics=True),
    "every column as dictionary": replace(LAYOUT, dictionary=True),
    "no Bloom filter of row keys": replace(LAYOUT, bloom=None),
    "with a page index": replace(LAYOUT, page_index=True),
    "zstd level 6": replace(LAYOUT, level=6),
}
# What an answer of `precert lookup` shows.
ANSWER = (
    "pa_status, pa_raw, section, line_of_business, state, conditions, reviewer, notes, "
    "effective_from, effective_to, date_semantics, code_active, source, document, url, page, "
    "line, raw_text"
)
ALL = ", ".join(f'"{name}"' for name in SCHEMA.names)
COLUMNS = {"all columns": ALL, "an answer's": ANSWER}
CACHED = ("SET parquet_metadata_cache = true",)
BOUNDED = {"memory_limit": "1500MB"}

Pair = tuple[str, str]
Ask = Callable[[Pair], list[Any]]


@dataclass(slots=True)
class Asked:
    """Lookups of one kind in one place: how to ask, what came, and the seconds of each."""

    ask: Ask
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1] * 1000


def asked(connection: duckdb.DuckDBPyConnection, columns: str, place: str) -> Asked:
    """Lookups by payer and code in a table or file."""
    query = f"SELECT {columns} FROM {place} WHERE payer = ? AND code = ?"
    return Asked(lambda pair: connection.execute(query, pair).fetchall())


def prepared(connection: duckdb.DuckDBPyConnection, columns: str, place: str) -> Asked:
    """The same, planned once."""
    name = f"lookup_{len(columns)}"
    connection.execute(
        f"PREPARE {name} AS SELECT {columns} FROM {place} WHERE payer = ? AND code = ?"
    )
    return Asked(
        lambda pair: connection.execute(f"EXECUTE {name}('{pair[0]}', '{pair[1]}')").fetchall()
    )


def by_index(connection: duckdb.DuckDBPyConnection, columns: str) -> Asked:
    """The same in the table, by the index that DuckDB uses."""
    query = f"SELECT {columns} FROM rules WHERE place = ?"
    return Asked(lambda pair: connection.execute(query, ["/".join(pair)]).fetchall())


def take_turns(kinds: Mapping[Any, Asked], pairs: Sequence[Pair]) -> None:
    """Ask each pair everywhere, one place after the other, first some that do not count."""
    for pair in pairs[:WARM]:
        for one in kinds.values():
            one.ask(pair)
    for pair in pairs:
        counts = set()
        for one in kinds.values():
            start = time.perf_counter()
            rows = one.ask(pair)
            one.seconds.append(time.perf_counter() - start)
            counts.add(len(rows))
        assert len(counts) == 1, f"{pair} has {counts} rows"
        assert counts != {0}, pair


def opened(settings: Sequence[str] = CACHED) -> duckdb.DuckDBPyConnection:
    """An empty DuckDB that a reader set up once."""
    connection = duckdb.connect(config=BOUNDED)
    for statement in settings:
        connection.execute(statement)
    return connection


def table_of(path: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB database with the file's rows and both indexes, opened to read."""
    database = folder / "table.duckdb"
    with duckdb.connect(str(database), config=BOUNDED) as connection:
        connection.execute(
            "CREATE TABLE rules AS SELECT *, payer || '/' || code AS place "
            f"FROM read_parquet('{path}')"
        )
        connection.execute("CREATE INDEX by_payer_and_code ON rules (payer, code)")
        connection.execute("CREATE INDEX by_place ON rules (place)")
    return duckdb.connect(str(database), read_only=True, config=BOUNDED)


def scan_of(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """How DuckDB says that it scans: by an index, or in sequence."""
    plan = connection.sql(f"EXPLAIN ANALYZE {query}").fetchall()[0][1]
    return "Index Scan" if "Index Scan" in plan else "Sequential Scan"


def row_key_lookup(path: Path, keys: Sequence[str]) -> float:
    """Milliseconds to find one row by its key, the median."""
    connection = opened()
    query = f"SELECT {ALL} FROM read_parquet('{path}') WHERE row_key = ?"
    seconds = []
    for key in keys:
        start = time.perf_counter()
        (_row,) = connection.execute(query, [key]).fetchall()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:]) * 1000


def compared(folder: Path, count: int) -> list[str]:
    """The layouts, one after the other, each beside the table."""
    lines = [
        (
            "| layout | MiB | s a million written | footer, KiB | all columns, ms | x table "
            "| an answer's columns, ms | x table | by row key, ms |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    table: duckdb.DuckDBPyConnection | None = None
    pairs: list[Pair] = []
    keys: list[str] = []
    for name, layout in LAYOUTS.items():
        path = folder / "rules.parquet"
        took = written(path, count, layout)
        if table is None:
            table = table_of(path, folder)
            pairs, keys = sample(table)
            settings = reader_settings(path, table, pairs)
        kinds = {}
        reading = opened()
        for which, columns in COLUMNS.items():
            kinds["file", which] = asked(reading, columns, f"read_parquet('{path}')")
            kinds["table", which] = asked(table, columns, "rules")
        take_turns(kinds, pairs)
        cells = [
            f"{name}",
            f"{path.stat().st_size / 2**20:.0f}",
            f"{took / (count / MILLION):.1f}",
            f"{pq.read_metadata(path).serialized_size / 1024:.0f}",
        ]
        for which in COLUMNS:
            file, beside = kinds["file", which].median, kinds["table", which].median
            cells += [f"{file:.1f}", f"{file / beside:.1f}"]
        lines.append(f"| {' | '.join([*cells, f'{row_key_lookup(path, keys):.0f}'])} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return [*settings, "", *lines]


def written(path: Path, count: int, layout: Layout) -> float:
    """Write the rules; the seconds that it took, those of making them not counted."""
    making = 0.0

    def batches() -> Any:
        nonlocal making
        source = rules(count)
        while True:
            start = time.perf_counter()
            batch = next(source, None)
            making += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    start = time.perf_counter()
    assert write_rows(PRIOR_AUTHORIZATION, batches(), path, layout) == count
    return time.perf_counter() - start - making


def sample(table: duckdb.DuckDBPyConnection) -> tuple[list[Pair], list[str]]:
    """Pairs and row keys that there are, the same every time."""
    query = f"SELECT payer, code, row_key FROM rules USING SAMPLE {LOOKUPS} ROWS (reservoir, 42)"
    found = table.sql(query).fetchall()
    return [(payer, code) for payer, code, _ in found], [key for _, _, key in found[:11]]


def reader_settings(
    path: Path, table: duckdb.DuckDBPyConnection, pairs: Sequence[Pair]
) -> list[str]:
    """What a reader may set, on the layout of releases, beside both ways into the table."""
    file = f"read_parquet('{path}')"
    plain, cached, one_thread = opened(()), opened(), opened((*CACHED, "SET threads = 1"))
    kinds: dict[tuple[str, str], Asked] = {}
    for which, columns in COLUMNS.items():
        kinds["Parquet, nothing set", which] = asked(plain, columns, file)
        kinds["Parquet, `parquet_metadata_cache`", which] = asked(cached, columns, file)
        kinds["the same, one thread", which] = asked(one_thread, columns, file)
        kinds["the same, prepared", which] = prepared(cached, columns, file)
        kinds["DuckDB table, index on (payer, code)", which] = asked(table, columns, "rules")
        kinds["DuckDB table, index on payer/code in one", which] = by_index(table, columns)
    take_turns(kinds, pairs)
    payer, code = pairs[0]
    scans = {
        "(payer, code)": f"payer = '{payer}' AND code = '{code}'",
        "payer/code in one": f"place = '{payer}/{code}'",
    }
    used = ", ".join(
        f"{name}: {scan_of(table, f'SELECT * FROM rules WHERE {where}')}"
        for name, where in scans.items()
    )
    lines = [
        (
            f"{len(pairs)} lookups of a payer and a code, in turn. What DuckDB says of the table's "
            f"indexes: {used}."
        ),
        "",
        "| where | columns | median, ms | p95, ms | x first table | x second |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for (where, which), one in kinds.items():
        first = kinds["DuckDB table, index on (payer, code)", which].median
        second = kinds["DuckDB table, index on payer/code in one", which].median
        lines.append(
            f"| {where} | {which} | {one.median:.1f} | {one.p95:.1f} "
            f"| {one.median / first:.1f} | {one.median / second:.1f} |"
        )
    print("\n".join(lines), file=sys.stderr, flush=True)
    return lines


def main() -> None:
    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    count = int(millions * MILLION)
    with tempfile.TemporaryDirectory() as aside:
        lines = compared(Path(aside), count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    head = [
        f"{count:,} rules, DuckDB {duckdb.__version__}; peak of the process {peak:.0f} MiB.",
        "",
    ]
    write("layout", [*head, *lines])


if __name__ == "__main__":
    main()
