"""Workbooks, delimited text, archives and XML that were made to break readers end in their class.

`EXPECT.json` of the kit says what a good pipeline does with each file. This looks at what
extraction alone decides; what compares with a version before is the document gate's.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from extractors.extract import extract
from extractors.reading import ExtractionError
from extractors.records import Extract
from schemas.source import Source
from tests.conftest import SHARED, shared
from tests.kit import SOURCE

# Decided by the version before.
ELSEWHERE = (
    "csv_shrunk_90pct.csv",
    "txt_cut_at_line_end.txt",
)
# The texts of the kit print no header.
POSITIONS = {"code": (1, 6), "description": (7, 46), "pa": (47, 50), "effective_from": (51, 60)}
STATED = SOURCE.model_copy(
    update={"table": SOURCE.table and SOURCE.table.model_copy(update={"positions": POSITIONS})}
)
# Every list with CPT codes has it.
EXPECTED_FLAGS = {"description_withheld"}
KINDS = ("xlsx_", "csv_", "txt_", "zip_", "xml_")


def kit() -> dict[str, dict[str, Any]]:
    path = SHARED / "hostile" / "EXPECT.json"
    if not path.exists():
        return {}
    said: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: expected
        for name, expected in said.items()
        if name.startswith(KINDS) and name not in ELSEWHERE
    }


def read(data: bytes, source: Source) -> tuple[Extract | None, list[str]]:
    """What a file says and the problems of its reading; nothing of a file that is refused."""
    try:
        extracted = extract(data, source)
    except ExtractionError as error:
        return None, [str(error)]
    return extracted, [str(problem) for problem in extracted.problems]


def outcome(extracted: Extract | None) -> str:
    """The class of a file before the gates."""
    if extracted is None:
        return "reject_document"
    faulty = sum(bool(record.faults) for record in extracted.records)
    if any(problem.holds for problem in extracted.problems) or not extracted.records:
        return "reject_document"
    if faulty:
        return "quarantine_rows"
    flagged = any(
        set(record.values["flags"] or ()) - EXPECTED_FLAGS for record in extracted.records
    )
    return "accept_with_warning" if flagged or extracted.problems else "accept"


@pytest.mark.parametrize("name", sorted(kit()) or ["EXPECT.json"])
def test_a_file_made_to_break_readers_ends_in_its_class(name: str) -> None:
    data = shared("hostile", name).read_bytes()
    expected = kit()[name]
    source = STATED if name.startswith("txt_") else SOURCE
    extracted, problems = read(data, source)
    assert outcome(extracted) == expected["outcome"], problems
    if extracted is None or expected["outcome"] == "reject_document":
        return
    assert extracted.tally.unaccounted == 0
    if "rows" in expected:
        assert len(extracted.records) == expected["rows"]
