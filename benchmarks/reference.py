"""The dated code reference: how long it takes to make, to hold and to ask, and in what memory.

Run as `make bench`. Four releases are those of the corpus; twenty quarters are its newest release
again and again, with a share of the codes changed, added and ended in each. The releases are in
memory before the clock starts; the memory is the peak of the whole process, them included.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.results import write
from extractors.reference.code_states import with_code_states
from extractors.reference.dated_codes import dated_codes
from extractors.reference.known_codes import KnownCodes
from schemas.fields import nullable_schema
from schemas.tables import PRIOR_AUTHORIZATION
from tests.code_releases import corpus_corrections, corpus_releases

QUARTERS = 20
ROWS = 400_000
DOCUMENTS = 20
# One code in so many is another one in each quarter.
CHANGED = 50
FIRST_YEAR = 2021


def quarters(newest: pa.Table) -> list[pa.Table]:
    """Twenty releases like the newest one, each with other codes changed."""
    return [
        _quarter(newest, number, f"{FIRST_YEAR + number // 4}-{number % 4 * 3 + 1:02}")
        for number in range(QUARTERS)
    ]


def _quarter(newest: pa.Table, number: int, release: str) -> pa.Table:
    rows = np.arange(newest.num_rows)
    # What changed in a quarter stays so in those after it.
    changed = pa.array(rows % CHANGED < number)
    others = {
        "betos": pa.array([f"Z{min(row % CHANGED, number)}" for row in rows.tolist()]),
        "source_release": pa.nulls(len(rows), pa.string()).fill_null(release),
        "sha256": pa.nulls(len(rows), pa.string()).fill_null(f"{number:064x}"),
    }
    others["betos"] = pc.if_else(changed, others["betos"], newest["betos"])
    columns = {name: others.get(name, newest[name]) for name in newest.schema.names}
    table = pa.table(columns, schema=newest.schema)
    return table.filter(pa.array(rows % 1000 != 999 - number))


def rules(codes: pa.Table) -> pa.Table:
    """Rows of rules, in several documents, of codes by chance; one code in ten a range."""
    known = codes.filter(pc.equal(codes["code_system"], "HCPCS"))["code"].unique()
    chance = np.random.default_rng(1)
    schema = nullable_schema(PRIOR_AUTHORIZATION)
    code = known.take(pa.array(chance.integers(0, len(known), ROWS)))
    is_range = pc.and_(pc.starts_with(code, "K08"), pa.array(np.arange(ROWS) % 10 == 0))
    columns = {
        "code": code,
        "code_end": pc.if_else(is_range, "K0899", pa.scalar(None, pa.string())),
        "sha256": pa.array([f"{number:064x}" for number in range(DOCUMENTS)]).take(
            pa.array(chance.integers(0, DOCUMENTS, ROWS))
        ),
    }
    return pa.table(
        [columns.get(field.name, pa.nulls(ROWS, field.type)) for field in schema], schema=schema
    )


def main() -> None:
    lines = [
        "| what | rows | made | processor s | peak memory, MiB |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]

    def measured(what: str, rows: int, make: Callable[[], pa.Table | KnownCodes]) -> None:
        start = time.process_time()
        made = make()
        used = time.process_time() - start
        count = made.num_rows if isinstance(made, pa.Table) else ""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        lines.append(f"| {what} | {rows:,} | {count} | {used:.2f} | {peak:.0f} |")

    corrections = corpus_corrections()
    four = pa.concat_tables(corpus_releases())
    measured("four releases to dated codes", len(four), lambda: dated_codes(four, corrections))
    many = pa.concat_tables(quarters(corpus_releases()[-1]))
    measured("twenty quarters to dated codes", len(many), lambda: dated_codes(many, corrections))
    codes = dated_codes(many, corrections)
    measured("dated codes to a reference", len(codes), lambda: KnownCodes.of(codes))
    known = KnownCodes.of(codes)
    asked = rules(codes)
    days = {f"{number:064x}": date(2021 + number % 5, 3, 1) for number in range(DOCUMENTS)}
    measured("states of rules' codes", len(asked), lambda: with_code_states(asked, days, known))
    write("reference", lines)


if __name__ == "__main__":
    main()
