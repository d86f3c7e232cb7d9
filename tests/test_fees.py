"""Fees: every amount of a schedule, once and unchanged, on drawn tables and the real schedules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from extractors.dates import parse_first_day
from extractors.extract import extract
from extractors.lists.amounts import amount_columns, read_amount
from extractors.records import Extract, arrange
from extractors.reference.fees import fees, has_fees
from extractors.reference.hashes import with_hashes
from flows.registry import load_source
from schemas.provenance import digest
from schemas.source import Source
from schemas.tables import FEES, TABLE_ROWS
from tests.conftest import ROOT, shared
from tests.test_table_rows import ORIGIN, source

SCHEDULES = {"cms_dmepos": "dmepos26_jan", "cms_dmepen": "dmepen26_jan"}
JANUARY = date(2026, 1, 1)
HEADER = "HCPCS\tMod\tMod2\tJURIS\tCeiling\tFloor\tAL (NR)\tAL(R)\tDescription"
PATTERN = r"(?P<state>[A-Z]{2}) ?\((?P<rural>NR|R)\)"


def schedule(**said: Any) -> Source:
    names = {"code": "HCPCS", "modifiers": "Mod", "modifiers_2": "Mod2", "jurisdiction": "JURIS"}
    names |= {"ceiling": "Ceiling", "floor": "Floor", "description": "Description"}
    columns = {name: [label] for name, label in names.items()}
    rules = {"columns": columns, "layouts": [list(columns)], "amounts": PATTERN}
    return source(**(rules | {"extra_columns": [r"[A-Z]{2} ?\((NR|R)\)"]} | said))


def read(*rows: str, header: str = HEADER, **said: Any) -> Extract:
    return extract("\n".join([header, *rows]).encode(), schedule(**said))


def found(*rows: str, header: str = HEADER, on: date | None = JANUARY, **said: Any) -> pa.Table:
    of_schedule = schedule(**said)
    assert of_schedule.table is not None
    accepted = arrange(TABLE_ROWS, read(*rows, header=header, **said).records, ORIGIN)
    return fees(accepted, of_schedule.table, on)


@dataclass(frozen=True)
class Schedule:
    """A real schedule: what was read of it, its fees, and the cells of its workbook."""

    said: Extract
    rows: pa.Table
    fees: pa.Table
    labels: list[str]
    sheet: list[list[Any]]


@cache
def real(name: str) -> Schedule:
    path = shared("corpus", "cms", f"{SCHEDULES[name]}.xlsx")
    of_schedule = load_source(ROOT / "sources" / f"{name}.yml")
    assert of_schedule.table is not None
    said = extract(path.read_bytes(), of_schedule)
    rows = arrange(TABLE_ROWS, said.records, ORIGIN)
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    head = next(number for number, row in enumerate(sheet) if row[0] == "HCPCS")
    made = fees(rows, of_schedule.table, said.effective_on)
    return Schedule(said, rows, made, list(map(str, sheet[head])), sheet[head + 1 :])


@pytest.mark.parametrize("name", SCHEDULES)
def test_real_schedule_has_every_amount_of_its_workbook_in_its_place(name: str) -> None:
    of = real(name)
    printed = [
        (row[0], " ".join(filter(None, row[1:3])), label.replace(" ", ""), cell)
        for row in of.sheet
        if row[0]
        for label, cell in zip(of.labels, row, strict=True)
        if "(" in label and cell != ""
    ]
    area = pc.if_else(of.fees["is_rural"], "(R)", "(NR)")
    found = (
        of.fees["code"],
        pc.fill_null(pc.binary_join(of.fees["modifiers"], " "), ""),
        pc.binary_join_element_wise(of.fees["state"], area, ""),
        of.fees["amount"],
    )
    assert of.fees.num_rows > 5_000
    # Not compared with ==, whose failure would show every one of them.
    pairs = zip(printed, zip(*(column.to_pylist() for column in found), strict=True), strict=True)
    assert next((pair for pair in pairs if pair[0] != pair[1]), None) is None


@pytest.mark.parametrize("name", SCHEDULES)
def test_real_schedule_has_each_code_with_its_modifiers_once_a_state_and_area(name: str) -> None:
    made = real(name).fees
    assert len(set(made["row_key"].to_pylist())) == made.num_rows
    assert made["row_key"][:100].to_pylist() == [
        digest([FEES.name, *(row[column] for column in FEES.names_of("identity"))])
        for row in made.slice(0, 100).to_pylist()
    ]


@pytest.mark.parametrize("name", SCHEDULES)
def test_real_schedule_holds_from_the_first_day_of_its_month(name: str) -> None:
    assert real(name).said.effective_on == JANUARY
    assert set(real(name).rows["effective_from"].to_pylist()) == {JANUARY}
    assert set(real(name).fees["effective_from"].unique().to_pylist()) == {JANUARY}


def test_ceilings_and_floors_of_the_workbook_are_there_and_its_zeros_are_none() -> None:
    of = real("cms_dmepos")
    for name, label in (("ceiling", "Ceiling"), ("floor", "Floor")):
        at = of.labels.index(label)
        printed = Counter(row[at] or None for row in of.sheet if row[0])
        by_row = dict(zip(of.fees["line"].to_pylist(), of.fees[name].to_pylist(), strict=True))
        assert Counter(by_row.values()) == printed
        assert printed[None] == 1296
    # Zero is no bound: rows that print it have fees.
    unbounded = of.fees.filter(pc.and_(of.fees["ceiling"].is_null(), of.fees["has_fee"]))
    assert len(unbounded["line"].unique()) == 1227


def test_row_of_the_real_schedule_says_where_it_stands() -> None:
    first = real("cms_dmepos").fees.slice(0, 1).to_pylist()[0]
    about = {name: first[name] for name in ("code", "state", "is_rural", "amount", "column")}
    assert about == {
        "code": "A4216", "state": "AL", "is_rural": False, "amount": 0.58, "column": "AL (NR)",
    }  # fmt: skip
    assert (first["jurisdiction"], first["category"], first["line"]) == ("J", "OS", 8)
    assert first["raw_text"] == first["amount_raw"] == "0.58"


def test_empty_cell_is_no_row_and_a_zero_is_an_amount_without_fee() -> None:
    made = found("E0776\tNU\tKE\tD\t\t\t0\t\tA pole", "E0777\t\t\tD\t9\t8\t$1,084.20\t8.5\tTwo")
    wanted = ["code", "modifiers", "is_rural", "amount", "amount_raw", "has_fee", "ceiling"]
    assert [tuple(row.values()) for row in made.select(wanted).to_pylist()] == [
        ("E0776", ["NU", "KE"], False, 0.0, "0", False, None),
        ("E0777", None, False, 1084.2, "$1,084.20", True, 9.0),
        ("E0777", None, True, 8.5, "8.5", True, 9.0),
    ]


def test_schedule_without_areas_does_not_say_whether_an_amount_is_rural() -> None:
    header = HEADER.replace("AL (NR)\tAL(R)", "AL\tAK")
    row = "E0776\t\t\tD\t0\t0\t1\t2\tA pole"
    made = found(row, header=header, amounts="(?P<state>[A-Z]{2})", extra_columns=["[A-Z]{2}"])
    assert made["state"].to_pylist() == ["AL", "AK"]
    assert made["is_rural"].to_pylist() == [None, None]


def test_pattern_that_finds_another_word_for_rural_is_refused() -> None:
    rules = schedule(amounts=r"(?P<state>[A-Z]{2}) (?P<rural>\w+)").table
    assert rules is not None
    with pytest.raises(ValueError, match="'URBAN' as rural in the column 'AL URBAN'"):
        amount_columns(["AL URBAN"], rules)


@pytest.mark.parametrize("printed", ["n/a", "1.2.3", "-4", "1,23", "12%", "see note", "1E3", "$"])
def test_words_in_a_column_of_amounts_are_a_fault_that_names_cell_and_label(printed: str) -> None:
    (record,) = read(f"E0776\t\t\tD\t0\t0\t1\t{printed}\tA pole").records
    assert record.faults == (f"'{printed}' under 'AL(R)' is no amount",)


@pytest.mark.parametrize("bound", ["none\t0", "0\tnone"])
def test_words_as_a_bound_are_a_fault(bound: str) -> None:
    (record,) = read(f"E0776\t\t\tD\t{bound}\t1\t1\tA pole").records
    assert len(record.faults) == 1
    assert record.faults[0].startswith("'none' under ")


def test_words_of_an_amount_that_was_accepted_all_the_same_stop_the_fees() -> None:
    with pytest.raises(ValueError, match=r"fees/schedule, page 1, line 2: 'n/a' under 'AL\(R\)'"):
        found("E0776\t\t\tD\t0\t0\t1\tn/a\tA pole")


def test_amount_of_a_range_is_a_fault() -> None:
    (record,) = read("E0776-E0778\t\t\tD\t0\t0\t1\t1\tPoles").records
    assert record.faults == ("'E0776-E0778' is several codes, and an amount is of one",)


def test_licensed_words_beside_a_code_are_published_nowhere() -> None:
    (record,) = read("99999 Invented visit\t\t\tD\t0\t0\t1.00\t2.00\tInvented").records
    assert record.faults
    assert "nvented" not in f"{record.values} {record.raw_text} {record.cells} {record.faults}"


def test_columns_of_words_are_not_held_against_numbers_without_amounts() -> None:
    (record,) = read("E0776\t\t\tD\tnone\t0\tn/a\t1\tA pole", amounts=None).records
    assert record.faults == ()


@pytest.mark.parametrize(
    ("printed", "amount"),
    [
        ("0", 0.0), ("0.57999999999999996", 0.58), ("4.0199999999999996", 4.02), ("$ 5", 5.0),
        ("0.30000000000000004", 0.3), ("0.0123", 0.0123), (".5", 0.5),
        ("1,234,567.891", 1234567.891),
    ],
)  # fmt: skip
def test_amount_is_the_number_that_is_printed(printed: str, amount: float) -> None:
    assert read_amount(printed) == amount


def test_more_digits_than_a_number_can_have_are_no_amount() -> None:
    assert read_amount("9" * 400) is None


@settings(max_examples=25)
@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=6))
def test_fees_add_up_to_the_cells(cents: list[int]) -> None:
    printed = [f"{amount / 100:,.2f}" for amount in cents]
    rows = [f"E{776 + n:04d}\t\t\tD\t0\t0\t{text}\t\tx" for n, text in enumerate(printed)]
    assert sum(found(*rows)["amount"].to_pylist()) == pytest.approx(sum(cents) / 100)


def test_row_printed_twice_is_two_fees() -> None:
    row = "E0776\t\t\tD\t0\t0\t1\t\tA pole"
    first, second = found(row, row)["row_key"].to_pylist()
    assert second == digest([first, 2])


def test_day_of_the_row_goes_before_the_day_of_the_schedule() -> None:
    titled = {"lines": [{"rule": "title", "pattern": r"From (?P<effective_on>\w+ \d{4})"}]}
    rows = ("From April 2025\t\t\t\t\t\t\t\t", "E0776\t\t\tD\t0\t0\t1\t\tA pole")
    assert found(*rows, **titled)["effective_from"].to_pylist() == [date(2025, 4, 1)]
    assert found(rows[1])["effective_from"].to_pylist() == [JANUARY]
    assert found(rows[1], on=None)["effective_from"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("printed", "day"),
    [
        ("January 2026", JANUARY), ("JULY 2025", date(2025, 7, 1)), ("Jan 1, 2026", JANUARY),
        ("Juli 2025", None), ("2025", None), ("13/2025", None), ("January 26", None),
    ],
)  # fmt: skip
def test_title_of_a_month_says_its_first_day(printed: str, day: date | None) -> None:
    assert parse_first_day(printed) == day


def test_schedule_without_rows_has_no_fees() -> None:
    rules = schedule().table
    assert rules is not None
    assert fees(arrange(TABLE_ROWS, [], ORIGIN), rules, JANUARY).num_rows == 0


def test_only_a_source_that_names_columns_of_amounts_has_fees() -> None:
    rules, other = schedule().table, source().table
    assert rules is not None
    assert other is not None
    assert has_fees(rules)
    assert not has_fees(other)


ODD = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)


@settings(max_examples=50)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "code": st.none() | ODD,
                "modifiers": st.none() | st.lists(ODD, max_size=3),
                "is_rural": st.none() | st.booleans(),
                "amount": st.none() | st.floats(0, 1e9),
                "effective_from": st.none() | st.dates(),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_hashes_made_by_columns_are_those_of_single_rows(rows: list[dict[str, Any]]) -> None:
    schema = pa.schema([FEES_TYPES.field(name) for name in rows[0]])
    hashed = with_hashes(FEES, pa.Table.from_pylist(rows, schema=schema)).to_pylist()
    identity, content = FEES.names_of("identity"), FEES.names_of("content")
    seen: Counter[str] = Counter()
    for row in hashed:
        key = digest([FEES.name, *(row[name] for name in identity)])
        seen[key] += 1
        assert row["row_key"] == (key if seen[key] == 1 else digest([key, seen[key]]))
        assert row["row_hash"] == digest([row[name] for name in (*identity, *content)])


FEES_TYPES = with_hashes(FEES, pa.table({"code": pa.array([], pa.string())})).schema
