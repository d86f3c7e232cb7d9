"""Tables that state no PA rule: each row with all its printed cells, on small tables drawn here."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from extractors.extract import extract
from extractors.records import Extract, Record, arrange
from schemas.provenance import Place
from schemas.source import Source
from schemas.tables import PRIOR_AUTHORIZATION, TABLE_ROWS

HEADER = "HCPCS\tMod\tMod2\tAL (NR)\tAL (R)\tStarts\tDescription"
ORIGIN = {"source": "fees", "document": "schedule", "sha256": "0" * 64, "url": None}


def source(kind: str = "fee_schedule", **said: Any) -> Source:
    table = {
        "columns": {
            "code": ["HCPCS"], "modifiers": ["Mod"], "modifiers_2": ["Mod2"],
            "effective_from": ["Starts"], "description": ["Description"],
        },
        "layouts": [["code", "modifiers", "modifiers_2", "effective_from", "description"]],
        "extra_columns": [r"[A-Z]{2} \((NR|R)\)"],
        "lines": [{"rule": "section", "pattern": "Part (?P<section>.+)"}],
    }  # fmt: skip
    return Source.model_validate(
        {
            "source": "fees",
            "document": "schedule",
            "title": "Fees",
            "publisher": "A state",
            "kind": kind,
            "tier": 1,
            "payer": {"id": "a_state", "name": "A state"},
            "cadence": "quarterly",
            "table": table | said,
            "expect": {"rows": [1, 100]},
        }
    )


def read(*rows: str, kind: str = "fee_schedule", header: str = HEADER, **said: Any) -> Extract:
    return extract("\n".join([header, *rows]).encode(), source(kind, **said))


def only(row: str, kind: str = "fee_schedule", **said: Any) -> Record:
    (record,) = read(row, kind=kind, **said).records
    return record


def arranged(*rows: str, kind: str = "fee_schedule") -> pa.Table:
    return arrange(TABLE_ROWS, read(*rows, kind=kind).records, ORIGIN)


def test_row_has_code_modifiers_dates_and_every_printed_cell() -> None:
    record = only("E0776\tNU\tKE\t0\t84.22\t01/01/2026\tA pole")
    assert record.table == TABLE_ROWS.name
    assert record.faults == ()
    assert record.place.line == 2
    found = {name: value for name, value in record.values.items() if value is not None}
    assert found == {
        "payer": "a_state",
        "code_system": "HCPCS",
        "code": "E0776",
        "code_raw": "E0776",
        "modifiers": ["NU", "KE"],
        "description": "A pole",
        "description_license": "public",
        "effective_from": date(2026, 1, 1),
        "cells": [
            ("HCPCS", "E0776"),
            ("Mod", "NU"),
            ("Mod2", "KE"),
            ("AL (NR)", "0"),
            ("AL (R)", "84.22"),
            ("Starts", "01/01/2026"),
            ("Description", "A pole"),
        ],
    }


def test_empty_cell_is_absent_and_a_zero_is_there() -> None:
    record = only("E0776\t\t\t0\t\t\tA pole")
    assert dict(record.values["cells"]) == {
        "HCPCS": "E0776", "AL (NR)": "0", "Description": "A pole",
    }  # fmt: skip
    assert record.values["modifiers"] is None
    assert record.values["effective_from"] is None


def test_no_rule_of_prior_authorization_is_made() -> None:
    records = read("E0776\tNU\t\t1\t2\t\tPrior authorization required: Yes").records
    assert {record.table for record in records} == {TABLE_ROWS.name}
    assert "pa_status" not in records[0].values


def test_every_code_of_a_cell_becomes_a_row_of_its_own() -> None:
    records = read("J7604, J7608\t\t\t1\t2\t\tA drug", "J0287-J0289\t\t\t3\t4\t\tOthers").records
    codes = [(r.values["code"], r.values.get("code_end"), r.place.line) for r in records]
    assert codes == [("J7604", None, 2), ("J7608", None, 2), ("J0287", "J0289", 3)]


@pytest.mark.parametrize("printed", ["E07761", "total", "NU"])
def test_code_that_does_not_parse_is_a_fault(printed: str) -> None:
    record = only(f"{printed}\t\t\t1\t2\t\tA pole")
    assert record.faults == (f"'{printed}' is not a code",)
    assert record.values["code_raw"] == printed


def test_fee_without_a_code_is_a_fault() -> None:
    (fault,) = only("\tNU\t\t1\t2\t\tA pole").faults
    assert "the code cell is empty" in fault


def test_entry_without_a_code_is_no_fault_in_a_code_set() -> None:
    record = only("\t\t\t\t\t\tOld name, see new name", kind="code_reference")
    assert record.faults == ()
    assert record.values["entry"] == "Old name, see new name"
    assert "code" not in record.values


def test_modifier_in_the_code_column_of_a_code_set_is_a_modifier_without_code() -> None:
    record = only("   A1\t\t\t\t\t\tDressing for one", kind="code_reference")
    assert record.faults == ()
    assert record.values["modifiers"] == ["A1"]
    assert record.values["code_raw"] == "A1"
    assert "code" not in record.values
    assert "entry" not in record.values


def test_cell_that_is_no_modifier_is_a_fault() -> None:
    assert only("E0776\tNEW\t\t1\t2\t\tA pole").faults == ("'NEW' is not a modifier",)


def test_date_that_cannot_be_read_is_a_fault() -> None:
    (fault,) = only("E0776\t\t\t1\t2\t01/0/12019\tA pole").faults
    assert "'01/0/12019' is not a date" in fault


@pytest.mark.parametrize("code", ["00100", "D0120", "0001F"])
def test_licensed_words_are_nowhere_in_the_row(code: str) -> None:
    record = only(f"{code}\t\t\t1\t2\t\tInvented words of a licensed text")
    assert "Invented" not in repr(record)
    assert record.values["description"] is None
    assert record.values["flags"] == ["description_withheld"]
    assert dict(record.values["cells"])["Description"] == "…"
    assert record.raw_text == f"{code}\t\t\t1\t2\t\t…"


@pytest.mark.parametrize(
    ("code", "owner"),
    [
        ("E0776", "public"), ("00100", "ama"), ("0001F", "ama"), ("0042U", "ama"), ("D0120", "ada"),
        ("A1", "public"), ("DA", "public"), ("25", "ama"), ("", None), ("Total", None),
    ],
)  # fmt: skip
def test_each_row_says_whose_the_official_words_of_its_code_are(
    code: str, owner: str | None
) -> None:
    record = only(f"{code}\t\t\t1\t2\t\tWords", kind="code_reference")
    assert record.values["description_license"] == owner


def test_row_of_a_code_and_nothing_else_is_doubtful() -> None:
    assert only("E0776\t\t\t\t\t\t").faults == ("the row has nothing but a code",)


INDEX = {
    "columns": {"description": ["Drug"], "dosage": ["Dosage"], "code": ["Code"]},
    "layouts": [["description", "dosage", "code"]],
    "unheaded": ["description", "dosage", "code"],
    "entries": [".+, see .+"],
    "wrapped_rows": "anywhere",
    "extra_columns": [],
    "lines": [],
}


def index(*rows: str) -> Extract:
    return extract("\n".join(rows).encode(), source("code_reference", **INDEX))


def test_table_without_header_is_read_by_the_order_of_its_columns() -> None:
    said = index(
        "Abatacept\t10 mg\tJ0129", "Actemra, see Tocilizumab\t\t", "Adenosine\t1 mg\tJ0153"
    )
    assert [r.values.get("code") for r in said.records] == ["J0129", None, "J0153"]
    assert said.records[1].values["entry"] == "Actemra, see Tocilizumab"
    assert dict(said.records[0].values["cells"]) == {
        "Drug": "Abatacept", "Dosage": "10 mg", "Code": "J0129",
    }  # fmt: skip
    assert (said.tally.headers, said.tally.unaccounted, said.problems) == (0, 0, ())


def test_entry_among_prose_is_a_row_of_the_table_above_and_a_wrapped_word_joins_it() -> None:
    said = index("Abatacept\t10 mg\tJ0129", "extended\t\t", "Actemra, see Tocilizumab", "")
    assert [r.values["description"] for r in said.records] == [
        "Abatacept extended", "Actemra, see Tocilizumab",
    ]  # fmt: skip
    assert [record.place.line for record in said.records] == [1, 3]
    assert [record.faults for record in said.records] == [(), ()]
    assert said.tally.unaccounted == 0


@pytest.mark.parametrize("lost", ["Adenosine 1 mg J0153\t\t", "Adenosine\t1 mg J0153\t"])
def test_code_read_into_another_column_is_never_lost_in_the_row_above(lost: str) -> None:
    (record,) = index("Abatacept\t10 mg\tJ0129", lost).records
    (fault,) = record.faults
    assert "J0153" in fault


def test_code_mentioned_in_an_entry_is_no_fault() -> None:
    (record,) = index("Solution, see hydrocortisone (J1710)\t\t").records
    assert record.faults == ()


def test_level_ii_modifier_that_begins_as_a_licensed_code_keeps_its_words() -> None:
    record = only("   DA\t\t\t\t\t\tOral assessment", kind="code_reference")
    assert record.values["description"] == "Oral assessment"
    numeric = only("25\t\t\t\t\t\tInvented words", kind="code_reference")
    assert "Invented" not in repr(numeric)


def test_title_above_a_part_is_its_section() -> None:
    records = read("Part one\t\t\t\t\t\t", "E0776\t\t\t1\t2\t\tA pole").records
    assert [record.values["section"] for record in records] == ["one"]


def test_one_code_with_two_modifiers_is_two_identities_and_a_changed_fee_is_none() -> None:
    first, second = arranged("E0776\tNU\t\t1\t2\t\tx", "E0776\tRR\t\t1\t2\t\tx").to_pylist()
    assert first["row_key"] != second["row_key"]
    (changed,) = arranged("E0776\tNU\t\t1\t3\t\tx").to_pylist()
    assert changed["row_key"] == first["row_key"]
    assert changed["row_hash"] != first["row_hash"]


def test_row_printed_twice_is_published_twice() -> None:
    row = "E0776\tNU\t\t1\t2\t\tx"
    keys = arranged(row, row)["row_key"].to_pylist()
    assert len(set(keys)) == 2


def test_rows_without_code_keep_their_identity_when_others_come_before_them() -> None:
    kind = "code_reference"
    (alone,) = arranged("\t\t\t\t\t\tB, see C", kind=kind)["row_key"].to_pylist()
    _, after = arranged("\t\t\t\t\t\tA, see C", "\t\t\t\t\t\tB, see C", kind=kind)[
        "row_key"
    ].to_pylist()
    assert after == alone


def test_notices_need_no_codes() -> None:
    columns = {"noticed_on": ["Notice Date"], "description": ["Company"], "city": ["City"]}
    said = read(
        "06/22/2015\tA company\tRome",
        "06/30/2015\tAnother\tOslo",
        kind="notice_list",
        header="Notice Date\tCompany\tCity",
        columns=columns,
        layouts=[list(columns)],
        extra_columns=[],
    )
    assert [record.faults for record in said.records] == [(), ()]
    assert [record.values["entry"] for record in said.records] == ["A company", "Another"]
    assert said.tally.unaccounted == 0


def test_identities_that_repeat_are_counted_over_the_whole_table_however_long() -> None:
    record = only("E0776\t\t\t1\t2\t\tx")
    keys = arrange(TABLE_ROWS, [record] * 9000, ORIGIN)["row_key"].to_pylist()
    assert len(set(keys)) == 9000
    assert keys[:2] == arrange(TABLE_ROWS, [record] * 2, ORIGIN)["row_key"].to_pylist()


def test_hashes_of_rules_are_what_they_always_were() -> None:
    """Keys are cited by readers: a change of their definition would break every one of them."""
    values = {
        "payer": "acme", "line_of_business": "commercial", "code_system": "HCPCS",
        "code": "E0776", "code_raw": "E0776", "pa_status": "required", "pa_raw": "Yes",
    }  # fmt: skip
    record = Record(PRIOR_AUTHORIZATION.name, values, Place(1, 2), "E0776\tYes")
    (row,) = arrange(PRIOR_AUTHORIZATION, [record], ORIGIN).to_pylist()
    assert (row["row_key"], row["row_hash"]) == (
        "9973eb98b8f5dde6aecc6a11",
        "684dd7bfd1bea88bd340e8a8",
    )
