"""The worker: reads one untrusted document in a process of its own and writes its part.

Runs as `python -m flows.worker` with a job on standard input. The process is bounded in memory,
processor time, file size and open files, and may open no connection and start no program: a
document that does any of this to a parser ends its own worker and nothing else.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from extractors.extract import extract
from extractors.reading import ExtractionError, Problem
from extractors.records import Extract, arrange
from flows.confine import Limits, confine
from flows.files import dump_json
from schemas.source import Source
from schemas.tables import TABLES

MEMORY = 4 << 30
FILE_SIZE = 512 << 20
OPEN_FILES = 64


def main() -> None:
    job = json.load(sys.stdin)
    _confine(job["cpu_seconds"])
    data = Path(job["path"]).read_bytes()
    source = Source.model_validate(job["source"])
    folder = Path(job["folder"])
    try:
        outline = _write(extract(data, source), folder, job["origin"])
    except ExtractionError as error:
        outline = {"unreadable": str(error), "problems": [_problem(Problem(str(error)))]}
    (folder / "outline.json").write_bytes(dump_json(outline))


def _confine(cpu_seconds: int) -> None:
    confine(Limits(MEMORY, cpu_seconds, FILE_SIZE, OPEN_FILES))


def _write(extracted: Extract, folder: Path, origin: dict[str, Any]) -> dict[str, Any]:
    by_table = sorted(extracted.records, key=lambda record: record.table)
    for name, records in groupby(by_table, key=lambda record: record.table):
        rows = arrange(TABLES[name], records, origin)
        pq.write_table(rows, folder / f"{name}.parquet", compression="zstd")
    return {
        "tally": asdict(extracted.tally) | {"unaccounted": extracted.tally.unaccounted},
        "problems": [_problem(problem) for problem in extracted.problems],
        "title": extracted.title,
        "member": extracted.member,
        "pages": extracted.pages,
        "is_truncated": extracted.is_truncated,
        "posted_on": extracted.posted_on and extracted.posted_on.isoformat(),
        "effective_on": extracted.effective_on and extracted.effective_on.isoformat(),
        "updated_on": extracted.updated_on and extracted.updated_on.isoformat(),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "message": str(problem),
        "holds": problem.holds,
        "leaves_unread": problem.leaves_unread,
    }


if __name__ == "__main__":
    main()
