"""Hostile pages: each ends as a careful reader would end it, and quickly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extractors.extract import extract
from extractors.reading import ExtractionError
from extractors.records import Extract
from tests.conftest import SHARED, shared
from tests.kit import SOURCE


def expectations() -> list[tuple[str, dict[str, Any]]]:
    path = SHARED / "hostile" / "EXPECT.json"
    if not path.exists():
        return []
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return [(name, said) for name, said in found.items() if name.startswith("html_")]


# A page may be accepted with a word about what stands beside its list.
GOOD_ENOUGH = {"accept": {"accept", "accept_with_warning"}}


def outcome(data: bytes) -> tuple[str, int]:
    """What becomes of a page, and how many of its rows are published."""
    try:
        extracted = extract(data, SOURCE)
    except ExtractionError:
        return "reject_document", 0
    return _outcome(extracted), sum(not record.faults for record in extracted.records)


def _outcome(extracted: Extract) -> str:
    records = extracted.records
    assert extracted.tally.unaccounted == 0 or any(each.holds for each in extracted.problems)
    if not records or any(problem.holds for problem in extracted.problems):
        return "reject_document"
    faulty = [record for record in records if record.faults]
    if faulty:
        assert len(faulty) < len(records)
        assert all(record.place.line >= 1 for record in faulty)
        return "quarantine_rows"
    has_flags = any(record.values["flags"] for record in records)
    return "accept_with_warning" if extracted.problems or has_flags else "accept"


@pytest.mark.parametrize(
    ("name", "said"), expectations(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_hostile_page_ends_as_expected(name: str, said: dict[str, Any]) -> None:
    found, rows = outcome(shared("hostile", name).read_bytes())
    assert found in GOOD_ENOUGH.get(said["outcome"], {said["outcome"]}), said["reason"]
    if "rows" in said:
        assert rows == said["rows"]


def test_page_without_anything_odd_is_accepted_without_a_word() -> None:
    data = shared("hostile", "html_ok_baseline.html").read_bytes()
    assert outcome(data) == ("accept", 40)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<p>" + "<!--" * 100_000, "without '>'"),
        ("<p>" + "<!--x" * 100_000 + ">", "'<!--' without '-->'"),
        ("<p>" + "<![CDATA[" * 100_000 + ">", "'<!\\[' without '\\]>'"),
        ("<p>" + "<a" * 100_000, "without '>'"),
        ("<p " + "a=b " * 600_000 + ">", "a tag of more than 2 MiB"),
        ("<table>" + "<td>" * 1_600_000, "more than 1,500,000 elements"),
        ("<table><tr><td rowspan=65535>x</table>", "rowspan=65535 spans more than 65,534"),
        ("<table>" + f"<tr><td rowspan=0>{'x' * 9999}" * 120 + "</table>", "67,108,864 characters"),
    ],
)
def test_page_beyond_measure_is_an_error_before_it_costs_much(page: str, said: str) -> None:
    with pytest.raises(ExtractionError, match=said):
        extract(f"<!doctype html><html>{page}".encode(), SOURCE)
