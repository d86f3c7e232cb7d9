"""Cells to rules, one situation a test, on small lists written out here."""

from __future__ import annotations

from typing import Any

import pytest

from extractors.extract import extract
from extractors.records import Record
from flows.registry import load_source
from schemas.source import Source
from tests.conftest import ROOT

HEADER = "Category\tCode\tDescription\tPA\tReviewer\tNotes"
NOTES = [
    {"pattern": "Purchase only", "means": "x", "condition": {"type": "purchase_only"}},
    {"pattern": r"Required from (?P<effective_from>[\d./]+)", "means": "x"},
    {"pattern": "Call us", "means": "whom to call"},
    {
        "pattern": r"Above \$(?P<value>\d+)",
        "means": "x",
        "condition": {"type": "amount", "operator": ">", "unit": "USD"},
    },
]


def source(**said: Any) -> Source:
    shipped = load_source(ROOT / "sources" / "cigna_commercial_dme.yml").model_dump(mode="json")
    table = {
        "columns": {
            "category": ["Category"], "code": ["Code"], "description": ["Description"],
            "pa": ["PA"], "reviewer": ["Reviewer"], "notes": ["Notes"],
        },
        "layouts": [["category", "code", "description", "pa", "reviewer", "notes"]],
        "statuses": {"Yes": "required", "No": "not_required", "Maybe": "conditional"},
        "reviewers": {"UM Inc": "UM Incorporated"},
        "notes": NOTES,
    }  # fmt: skip
    return Source.model_validate(shipped | {"table": table | said})


def read(*rows: str, **said: Any) -> list[Record]:
    return list(extract("\n".join([HEADER, *rows]).encode(), source(**said)).records)


def only(row: str, **said: Any) -> Record:
    (record,) = read(row, **said)
    return record


def test_unmapped_value_is_named_and_never_given_a_default() -> None:
    record = only("X\tA1000\tx\tPerhaps\tUM Inc\t")
    assert record.values["pa_status"] is None
    assert record.values["pa_raw"] == "Perhaps"
    assert record.faults == ("the PA value is 'Perhaps', which table.statuses does not map",)


def test_empty_value_is_no_default_either() -> None:
    record = only("X\tA1000\tx\t\tUM Inc\t")
    assert record.values["pa_status"] is None
    assert "an empty cell" in record.faults[0]


@pytest.mark.parametrize("printed", ["YES", " yes ", "Y\u200bes", "Ｙｅｓ"])
def test_value_is_compared_without_case_space_and_width(printed: str) -> None:
    assert only(f"X\tA1000\tx\t{printed}\tUM Inc\t").values["pa_status"] == "required"


def test_damaged_code_is_named_and_its_printed_form_kept() -> None:
    record = only("X\tA1OOO\tx\tYes\tUM Inc\t")
    assert (record.values.get("code"), record.values["code_raw"]) == (None, "A1OOO")
    assert record.faults == ("'A1OOO' is not a code",)


def test_cell_with_several_codes_becomes_as_many_rules_at_one_place() -> None:
    first, second = read("X\tA1000, A1001-A1009\tx\tYes\tUM Inc\t")
    assert (first.values["code"], second.values["code"]) == ("A1000", "A1001")
    assert second.values["code_end"] == "A1009"
    assert first.place == second.place


@pytest.mark.parametrize("status", ["Yes", "Maybe"])
def test_note_limits_a_rule_that_asks_for_something(status: str) -> None:
    record = only(f"X\tA1000\tx\t{status}\tUM Inc\tAbove $500")
    (condition,) = record.values["conditions"]
    assert condition == {
        "type": "amount", "operator": ">", "value": "500", "unit": "USD", "raw": "Above $500",
    }  # fmt: skip


@pytest.mark.parametrize("note", ["Above $500", "Required from 1/1/2027", "PA if billed above $9"])
def test_note_that_asks_for_something_where_the_row_says_no_is_a_fault(note: str) -> None:
    record = only(f"X\tA1000\tx\tNo\tUM Inc\t{note}")
    assert any(note in fault for fault in record.faults)
    assert record.values.get("effective_from") is None


def test_harmless_note_may_stand_where_the_row_says_no() -> None:
    assert only("X\tA1000\tx\tNo\tUM Inc\tCall us").faults == ()


def test_note_dates_a_rule_that_asks_for_something() -> None:
    values = only("X\tA1000\tx\tYes\tUM Inc\tRequired from 1/1/2027").values
    assert (str(values["effective_from"]), values["effective_basis"]) == ("2027-01-01", "note")


def test_note_with_an_impossible_date_is_a_fault() -> None:
    record = only("X\tA1000\tx\tYes\tUM Inc\tRequired from 2/30/2027")
    assert "'2/30/2027'" in record.faults[0]


def test_note_that_no_rule_reads_is_flagged_published_and_told() -> None:
    found = extract(f"{HEADER}\nX\tA1000\tx\tYes\tUM Inc\tAsk first".encode(), source())
    (record,) = found.records
    assert record.values["notes"] == "Ask first"
    assert record.values["flags"] == ["note_not_interpreted"]
    (problem,) = found.problems
    assert "'Ask first'" in str(problem)
    assert not problem.holds


def test_reviewer_without_a_name_keeps_its_printed_value() -> None:
    values = only("X\tA1000\tx\tYes\tSomeone\t").values
    assert (values["reviewer"], values["reviewer_raw"]) == (None, "Someone")
    assert values["flags"] == ["reviewer_not_mapped"]


def test_descriptor_of_a_licensed_code_is_not_published() -> None:
    values = only("X\t00100\tsome words\tYes\tUM Inc\t").values
    assert (values["code_system"], values["description"]) == ("CPT", None)
    assert values["description_raw"] is None
    assert "description_withheld" in values["flags"]
