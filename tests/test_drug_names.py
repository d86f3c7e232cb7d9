"""Names of drugs: what a table of drugs names, on drawn tables and the real one."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from extractors.extract import extract
from extractors.lists.references import split_reference
from extractors.records import Extract, arrange
from extractors.reference.drug_names import drug_names, names_drugs
from flows.registry import load_source
from schemas.codes import parse_expression
from schemas.source import Source
from schemas.tables import TABLE_ROWS
from tests.conftest import ROOT, shared
from tests.test_table_rows import ORIGIN, source

COLUMNS = {"description": ["Drug"], "dosage": ["Dose"], "route": ["Way"], "code": ["Code"]}
TABLE: dict[str, Any] = {
    "columns": COLUMNS,
    "layouts": [list(COLUMNS)],
    "unheaded": list(COLUMNS),
    "entries": [".+, see .+"],
    "wrapped_rows": "anywhere",
    "carry_down": ["description"],
    "extra_columns": [],
    "lines": [],
}

ONLY_IN_QUARANTINE = (
    "A9500", "J0558", "J0561", "J2326", "J2353", "J2354", "J7188", "J8700", "J9057", "J9328",
    "J9999", "Q4079",
)  # fmt: skip


def index() -> Source:
    return source("code_reference", **TABLE)


def read(*rows: str) -> Extract:
    return extract("\n".join(rows).encode(), index())


def made(said: Extract, of: Source) -> list[dict[str, Any]]:
    """The names in the rows that have no fault."""
    assert of.table is not None
    rows = arrange(TABLE_ROWS, said.records, ORIGIN)
    found = drug_names(rows.filter(pc.is_null(rows["faults"])), of.table).to_pylist()
    wanted = ("name", "dosage", "route", "code", "code_end", "see")
    return [{name: row[name] for name in wanted if row[name] is not None} for row in found]


def names(*rows: str) -> list[dict[str, Any]]:
    return made(read(*rows), index())


def faults(*rows: str) -> list[tuple[str, ...]]:
    return [record.faults for record in read(*rows).records]


@cache
def real() -> tuple[Extract, list[dict[str, Any]]]:
    of = load_source(ROOT / "sources" / "cms_table_of_drugs.yml")
    said = extract(shared("corpus", "cms", "hcpcs_2019_table_of_drugs.pdf").read_bytes(), of)
    return said, made(said, of)


@cache
def truth() -> dict[str, Any]:
    path = shared("corpus", "truth", "hcpcs_2019_table_of_drugs.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_third_page_of_the_real_table_names_what_an_eye_reads_there() -> None:
    found = real()[1]
    for printed, dosage, route, code in truth()["page_3_rows_read_by_eye"]:
        name, see = split_reference(printed)
        wanted = {"name": name, "dosage": dosage, "route": route, "see": see}
        for span in parse_expression(code) or ():
            wanted |= {"code": span.code, "code_end": span.code_end}
        assert {name: value for name, value in wanted.items() if value} in found


def test_real_table_has_every_code_but_those_whose_rows_are_in_quarantine() -> None:
    said, found = real()
    named = {row.get(column) for row in found for column in ("code", "code_end")} - {None}
    # Of the 776 printed codes, twelve stand only in rows that no one can read for sure.
    assert len(named) == truth()["distinct_codes"] - len(ONLY_IN_QUARANTINE)
    assert named.isdisjoint(ONLY_IN_QUARANTINE)
    unread = " ".join(record.raw_text for record in said.records if record.faults)
    assert all(code in unread for code in ONLY_IN_QUARANTINE)
    doubtful = [record for record in said.records if record.faults]
    assert len(doubtful) == 22
    assert len(found) == len(said.records) - len(doubtful)


def test_every_name_of_the_real_table_has_a_code_or_refers_to_another() -> None:
    assert [row for row in real()[1] if ("code" in row) == ("see" in row)] == []


def test_real_table_gives_each_dosage_of_one_cell_to_its_own_code() -> None:
    by_code = {row["code"]: row["dosage"] for row in real()[1] if "Naloxone" in row["name"]}
    assert by_code["J0571"] == "1 mg"
    assert by_code["J0573"] == ">3 mg but <=6 mg"


@pytest.mark.parametrize(
    ("printed", "name", "see"),
    [
        ("Amphocin, see Amphotericin B", "Amphocin", "Amphotericin B"),
        ("Amygdalin, see Laetrile, Amygdalin", "Amygdalin", "Laetrile, Amygdalin"),
        ("Andro L.A., see Testosterone", "Andro L.A.", "Testosterone"),
        ("LMD (10%), see Dextran 40", "LMD (10%)", "Dextran 40"),
        ("Gynogen A10,@ see Estradiol", "Gynogen A10", "Estradiol"),
        ("Thymoglobulin, also see Immune globulin", "Thymoglobulin", "Immune globulin"),
        ("Drugs (see also Others)", "Drugs (see also Others)", None),
        ("Seesaw, seed oil", "Seesaw, seed oil", None),
    ],
)
def test_entry_is_split_into_its_name_and_the_name_it_refers_to(
    printed: str, name: str, see: str | None
) -> None:
    assert split_reference(printed) == (name, see)


def test_name_printed_once_is_the_name_of_each_dosage_below_it() -> None:
    assert names("Abatacept\t10 mg\tIV\tJ0129", "\t20 mg\tIV\tJ0130") == [
        {"name": "Abatacept", "dosage": "10 mg", "route": "IV", "code": "J0129"},
        {"name": "Abatacept", "dosage": "20 mg", "route": "IV", "code": "J0130"},
    ]


def test_several_codes_of_one_cell_share_its_only_dosage() -> None:
    assert [(row["code"], row["dosage"]) for row in names("Acid\t1 g\tIV\tJ7604, J7608")] == [
        ("J7604", "1 g"), ("J7608", "1 g"),
    ]  # fmt: skip


def test_name_below_a_row_in_quarantine_is_doubtful_too() -> None:
    above, below, after = faults(
        "Abatacept\t10 mg\tIV\tJ0129 5", "\t20 mg\tIV\tJ0130", "Acid\t1 g\tIV\tJ7604"
    )
    assert above == ("'J0129 5' is not a code",)
    assert below == ("it goes on from the row above, which was not read for sure",)
    assert after == ()


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (("Actemra, see Tocilizumab\t\tIV\tJ0129",), "stands beside a code"),
        (("Actemra, see Tocilizumab Acthar, see Corticotropin\t\t\t",), "may be several entries"),
        (("Actemra, see Tocilizumab Act-\t\t\t",), "breaks off"),
        (("compounded Actemra, see Tocilizumab\t\t\t",), "may be the end of another entry"),
        (("Abatacept\t10 mg\tIV\tJ0129", "Immune globulin\t\t\t"), "may be two names"),
    ],
)
def test_lines_that_may_be_several_names_or_a_part_of_one_are_doubtful(
    rows: tuple[str, ...], why: str
) -> None:
    ((fault,),) = faults(*rows)
    assert why in fault


def test_line_that_goes_on_in_small_letters_is_part_of_the_name() -> None:
    assert faults("Abatacept,\t10 mg\tIV\tJ0129", "extended release\t\t\t") == [()]


def test_table_without_rows_has_no_names() -> None:
    rules = index().table
    assert rules is not None
    assert drug_names(arrange(TABLE_ROWS, [], ORIGIN), rules).num_rows == 0


def test_codes_carry_what_the_code_reference_said_of_them() -> None:
    rules = index().table
    assert rules is not None
    rows = arrange(TABLE_ROWS, read("Abatacept\t10 mg\tIV\tJ0129").records, ORIGIN)
    at = rows.schema.get_field_index("code_active")
    known = rows.set_column(at, "code_active", pa.array([True]))
    assert drug_names(known, rules)["code_active"].to_pylist() == [True]


def test_only_a_table_of_dosages_and_routes_names_drugs() -> None:
    rules, other = index().table, source().table
    assert rules is not None
    assert other is not None
    assert names_drugs(rules)
    assert not names_drugs(other)
