"""Golden files: everything that the shipped publications say, as it was last looked at.

`tests/golden/` has one file a source, of our own specimens in full and of the Cigna list in
facts only. After a change that is meant, `make golden` writes them anew; read the difference.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from extractors.extract import extract
from extractors.records import Record
from flows.registry import load_sources
from schemas.source import Source
from tests.conftest import ROOT, shipped

GOLDEN = ROOT / "tests" / "golden"
# A source that ships no snapshot has no golden rows.
SOURCES = {
    source.source: source
    for source in load_sources(ROOT / "sources")
    if (ROOT / "raw" / source.source).is_dir()
}
# Of a list that others wrote, facts alone: no descriptions.
FACTS = (
    "code", "code_end", "modifiers", "section", "category", "pa_status", "reviewer",
    "conditions", "effective_from", "effective_basis", "flags",
)  # fmt: skip


def facts(source: Source) -> dict[str, Any]:
    found = extract(shipped(source.source, source.document).read_bytes(), source)
    only = FACTS if source.kind == "pa_list" else None

    def said(record: Record) -> dict[str, Any]:
        return {k: v for k, v in record.values.items() if v and (only is None or k in only)}

    return {
        "tally": asdict(found.tally),
        "problems": [str(problem) for problem in found.problems],
        "dates": [found.posted_on, found.effective_on, found.updated_on],
        "is_truncated": found.is_truncated,
        "records": [
            (record.table, record.place.page, record.place.line, said(record))
            for record in found.records
        ],
    }


def printed(said: dict[str, Any]) -> str:
    """One record a line, so that a difference reads as one."""
    head = {name: value for name, value in said.items() if name != "records"}
    lines = [head, *said["records"]]
    return "\n".join(json.dumps(line, ensure_ascii=False, default=str) for line in lines) + "\n"


@pytest.mark.parametrize("source", SOURCES)
def test_publication_says_what_it_said_when_last_looked_at(source: str) -> None:
    path = GOLDEN / f"{source}.jsonl"
    assert printed(facts(SOURCES[source])) == path.read_text(encoding="utf-8")


def write(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, source in SOURCES.items():
        (folder / f"{name}.jsonl").write_text(printed(facts(source)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write(GOLDEN))
