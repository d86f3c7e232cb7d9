"""Real publications against facts about them that were obtained by other means than a reader.

The files and their facts lie beside the project, in ../shared/corpus, and are never copied; where
they are not, these tests are skipped.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from extractors.extract import extract
from extractors.records import Extract, Record
from flows import journey, store
from flows.registry import load_source
from flows.releases import latest
from flows.settings import Settings
from schemas.codes import parse_expression
from tests.conftest import ROOT, shared
from tests.test_refresh import documents

# The series of publications, each with its versions from the oldest on.
HCPCS_2019 = "cms/hcpcs_2019_alpha_numeric_hcpcs_file.zip"
SERIES = {
    "ca_warn": ["tables/ca-warn-report.pdf"],
    "cms_dmepen": ["cms/dmepen26_jan.xlsx"],
    "cms_dmepos": ["cms/dmepos26_jan.xlsx"],
    "cms_hcpcs_alphanumeric": [
        HCPCS_2019,
        "cms/hcpcs_2020_07_anweb.xlsx",
        "cms/hcpcs_2020_10_anweb.xlsx",
        "cms/hcpcs_2025_oct_anweb.xlsx",
    ],
    "cms_hcpcs_changes": [HCPCS_2019, "cms/hcpcs_2020_10_trans_alpha.xlsx"],
    "cms_hcpcs_corrections": ["cms/hcpcs_2019_hcpcs_alpha_numeric_corrections.zip"],
    "cms_table_of_drugs": ["cms/hcpcs_2019_table_of_drugs.pdf"],
    "medicaid_az_physician_drugs": ["payer/medicaid_az_fee_2026_01_01.xlsx"],
    "medicaid_co_physician_drugs": ["payer/medicaid_co_pad_fee_2026_q1q2.xlsx"],
}
FILES = [(source, file) for source, files in SERIES.items() for file in files]
# Rows that are printed so that nobody can say where one ends, such as a code beside "25 mcg" or
# "Taxol, see Paclitaxel Taxotere,".
# One of the corrections has a mistyped date.
DOUBTFUL = {"cms_table_of_drugs": 22, "cms_hcpcs_corrections": 1}
EXCEL_EPOCH = date(1899, 12, 30)
CODE_IN_TEXT = re.compile(r"(?<![A-Za-z0-9])[A-Z]\d{4}(?![A-Za-z0-9])")


@cache
def truth(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shared("corpus", "truth", f"{name}.json").read_text("utf-8"))
    return found


def only_sheet(name: str) -> dict[str, Any]:
    (sheet,) = truth(name)["sheets"].values()
    found: dict[str, Any] = sheet
    return found


@cache
def said(source: str, file: str) -> Extract:
    data = shared("corpus", *file.split("/")).read_bytes()
    return extract(data, load_source(ROOT / "sources" / f"{source}.yml"))


def hcpcs_text_of_2019() -> bytes:
    return zipfile.ZipFile(shared("corpus", *HCPCS_2019.split("/"))).read(
        "HCPC2019_CONTR_ANWEB.txt"
    )


def codes(records: Iterable[Record]) -> list[str]:
    return [record.values["code"] for record in records if record.values.get("code")]


def cells(record: Record) -> dict[str, str]:
    return dict(record.values["cells"])


def same(one: str, other: str) -> bool:
    """Whether two cells hold the same text, or the same number in other digits."""
    try:
        return float(one) == pytest.approx(float(other), abs=1e-9)
    except ValueError:
        return one.split() == other.split()


def assert_cells_are(record: Record, place: dict[str, Any], labels: dict[str, str]) -> None:
    """The record stands on its sheet's row and has the cells that the sheet's XML has there."""
    assert record.place.line == place["sheet_row"]
    found = cells(record)
    for column, expected in place["cells"].items():
        if not expected.strip():
            assert labels[column] not in found
        elif found[labels[column]] != "…":
            assert same(found[labels[column]], expected), labels[column]


def number(printed: str) -> int:
    return int(printed.replace(",", ""))


def letters(labels: Iterable[str]) -> dict[str, str]:
    return {chr(ord("A") + at): label for at, label in enumerate(labels)}


@pytest.mark.parametrize(("source", "file"), FILES)
def test_every_line_is_accounted_for_and_nothing_holds_the_document(source: str, file: str) -> None:
    found = said(source, file)
    assert found.tally.unaccounted == 0
    assert [str(problem) for problem in found.problems if problem.holds] == []
    doubtful = [record.faults for record in found.records if record.faults]
    assert len(doubtful) <= DOUBTFUL.get(source, 0), doubtful
    assert not found.is_truncated


def test_dmepos_schedule_has_every_row_with_the_cells_of_its_xml() -> None:
    records, known = said("cms_dmepos", "cms/dmepos26_jan.xlsx").records, only_sheet("dmepos26_jan")
    labels = truth("dmepos26_jan")["header_row_cells"]
    assert len(records) == known["rows_with_a_well_formed_code_in_col_A"]
    assert len(set(codes(records))) == known["distinct_codes"]
    assert_cells_are(records[0], known["first"], labels)
    assert_cells_are(records[-1], known["last"], labels)
    assert {record.values["effective_from"] for record in records} == {date(2026, 1, 1)}
    printed = {label for record in records for label in cells(record)}
    assert printed == set(labels.values())


def test_modifiers_of_the_dmepos_schedule_tell_its_rows_apart() -> None:
    records = said("cms_dmepos", "cms/dmepos26_jan.xlsx").records
    keys = Counter((r.values["code"], tuple(r.values["modifiers"] or ())) for r in records)
    assert max(keys.values()) == 1


def test_nutrition_schedule_has_every_row_with_the_cells_of_its_xml() -> None:
    records, known = said("cms_dmepen", "cms/dmepen26_jan.xlsx").records, only_sheet("dmepen26_jan")
    states = ["AL", "AR", "AZ", "CA", "CO", "CT"]
    labels = letters(["HCPCS", "MOD", "MOD2", *(f"{s}({k})" for s in states for k in ("NR", "R"))])
    assert len(records) == known["rows_with_a_well_formed_code_in_col_A"]
    assert len(set(codes(records))) == known["distinct_codes"]
    assert_cells_are(records[0], known["first"], labels)
    assert_cells_are(records[-1], known["last"], labels)
    assert records[-1].values["modifiers"] == ["UE", "KE"]
    assert cells(records[-1])["AL(NR)"] == "0"


@pytest.mark.parametrize(
    ("file", "modifiers", "month"),
    [
        (HCPCS_2019, 360, "2019-01"),
        ("cms/hcpcs_2020_07_anweb.xlsx", 369, "2020-07"),
        # One modifier more than the facts have, which were counted over cells of text.
        ("cms/hcpcs_2020_10_anweb.xlsx", 371, "2020-10"),
        ("cms/hcpcs_2025_oct_anweb.xlsx", 383, "2025-10"),
    ],
)
def test_release_has_each_code_and_modifier_once_and_says_its_month(
    file: str, modifiers: int, month: str
) -> None:
    quarters = truth("hcpcs_2020_quarters")["quarters"]
    known = {
        "2019-01": truth("hcpcs_2019_alpha_numeric")["xlsx_distinct_codes"],
        "2020-07": quarters["07"]["distinct"],
        "2020-10": quarters["10"]["distinct"],
        "2025-10": only_sheet("hcpcs_2025_oct_anweb")["distinct_codes"],
    }
    found = said("cms_hcpcs_alphanumeric", file)
    systems = Counter(record.values["code_system"] for record in found.records)
    assert systems == {"HCPCS": known[month], "HCPCS_MOD": modifiers}
    assert len(set(codes(found.records))) == len(found.records)
    assert {record.table for record in found.records} == {"codes"}
    assert {record.values["source_release"] for record in found.records} == {month}
    assert found.effective_on == date(int(month[:4]), int(month[5:]), 1)
    assert found.tally.row_lines == len(found.records)


def test_hcpcs_of_october_2025_has_the_values_of_its_xml() -> None:
    records = said("cms_hcpcs_alphanumeric", "cms/hcpcs_2025_oct_anweb.xlsx").records
    procedures = [record for record in records if record.values["code_system"] == "HCPCS"]
    sheet = only_sheet("hcpcs_2025_oct_anweb")
    for record, place in ((procedures[0], sheet["first"]), (procedures[-1], sheet["last"])):
        assert record.place.line == place["sheet_row"]
        assert record.values["code"] == place["cells"]["A"]
        assert record.values["long_description"] == place["cells"]["D"]
        assert record.values["short_description"] == place["cells"]["E"]
        assert record.values["pricing"] == [place["cells"]["F"]]


def test_hcpcs_of_2019_has_the_same_codes_in_both_formats_of_its_archive() -> None:
    known = truth("hcpcs_2019_alpha_numeric")
    found = said("cms_hcpcs_alphanumeric", HCPCS_2019)
    assert found.member == "HCPC2019_CONTR_ANWEB.xlsx, HCPC2019_CONTR_ANWEB.txt"
    lines = hcpcs_text_of_2019().decode("cp1252").splitlines()
    in_text = {line[:5] for line in lines if re.fullmatch(r"[A-Z]\d{4}", line[:5])}
    modifiers = {line[3:5] for line in lines if line[:3] == "   " and line[10:11] == "7"}
    assert set(codes(found.records)) == in_text | modifiers
    assert len(in_text) == known["txt_distinct_codes"] == known["xlsx_distinct_codes"]
    ended = {line[:5]: line[284:292] for line in lines if line[284:292].strip()}
    assert ended == {
        r.values["code"].rjust(5): f"{r.values['terminated_on']:%Y%m%d}"
        for r in found.records
        if r.values["terminated_on"]
    }


def test_text_of_the_2019_archive_alone_says_what_workbook_and_text_say() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("HCPC2019_CONTR_ANWEB.txt", hcpcs_text_of_2019())
    source = load_source(ROOT / "sources" / "cms_hcpcs_alphanumeric.yml")
    alone, both = extract(buffer.getvalue(), source), said(source.source, HCPCS_2019)
    assert {record.values["code"]: record.values for record in alone.records} == {
        record.values["code"]: record.values for record in both.records
    }
    assert [str(problem) for problem in alone.problems if problem.holds] == []
    assert alone.tally.unaccounted == 0


def test_description_that_the_workbook_continues_is_one_text() -> None:
    found = said("cms_hcpcs_alphanumeric", "cms/hcpcs_2020_10_anweb.xlsx")
    (record,) = [each for each in found.records if each.values["code"] == "G0503"]
    assert record.values["long_description"].endswith(
        "symptoms and/or other treatment goals and are prepared for discharge from active treatment"
    )
    assert found.tally.ignored["continuation of the row above"] == 1


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        (HCPCS_2019, HCPCS_2019),
        ("cms/hcpcs_2020_10_trans_alpha.xlsx", "cms/hcpcs_2020_10_anweb.xlsx"),
    ],
)
def test_changes_name_the_codes_of_the_release_they_belong_to(changes: str, whole: str) -> None:
    listed = said("cms_hcpcs_changes", changes).records
    known = said("cms_hcpcs_alphanumeric", whole).records
    procedures = [record for record in known if record.values["code_system"] == "HCPCS"]
    assert set(codes(listed)) == set(codes(procedures))
    assert len(codes(listed)) == len(set(codes(listed)))


def test_both_lists_of_corrections_are_read_one_behind_the_other() -> None:
    found = said("cms_hcpcs_corrections", SERIES["cms_hcpcs_corrections"][0])
    assert [record.place.page for record in found.records] == [1] * 11 + [2] * 3
    assert Counter(record.values["correction"] for record in found.records) == {
        "add": 6,
        "change": 3,
        "discontinue": 1,
        "other": 4,
    }
    assert {record.values["release"] for record in found.records} == {"2019-01"}
    assert found.tally.row_lines == 14


def test_corrected_values_come_from_columns_and_from_words() -> None:
    found = said("cms_hcpcs_corrections", SERIES["cms_hcpcs_corrections"][0])
    first = {r.values["code"]: r.values for r in found.records if r.place.page == 1}
    assert first["B4105"]["coverage"] == "carrier_judgment"
    assert first["B4105"]["pricing"] == ["39"]
    assert first["C9468"]["cross_references"] == ["J7203"]
    assert first["C9034"]["cross_references"] == ["J1095"]
    assert first["C1890"]["comments"] == "Statute 1833(t)"
    assert first["A5513"]["correction_raw"].startswith('Change Action code to "F"')


def test_mistyped_date_of_a_correction_is_a_fault_of_its_row() -> None:
    found = said("cms_hcpcs_corrections", SERIES["cms_hcpcs_corrections"][0])
    (faulty,) = [record for record in found.records if record.faults]
    assert faulty.values["code"] == "Q5111"
    assert "'01/0/12019' is not a date" in faulty.faults[0]


def test_arizona_has_every_rate_and_no_rule_of_prior_authorization() -> None:
    found = said("medicaid_az_physician_drugs", "payer/medicaid_az_fee_2026_01_01.xlsx")
    known = only_sheet("medicaid_az_fee_2026_01_01")
    assert {record.table for record in found.records} == {"table_rows"}
    assert len(found.records) == known["rows_with_a_well_formed_code_in_col_A"]
    assert len(set(codes(found.records))) == known["distinct_codes"]
    for record, place in ((found.records[0], known["first"]), (found.records[-1], known["last"])):
        assert record.place.line == place["sheet_row"]
        assert record.values["code"] == place["cells"]["A"]
        assert same(cells(record)["Fee for Service Rate"], place["cells"]["C"])
        day = EXCEL_EPOCH + timedelta(days=int(place["cells"]["D"]))
        assert record.values["effective_from"] == day
    assert found.effective_on == date(2026, 1, 1)


def test_colorado_says_yes_where_it_is_printed_and_never_no() -> None:
    found = said("medicaid_co_physician_drugs", "payer/medicaid_co_pad_fee_2026_q1q2.xlsx")
    known = truth("medicaid_co_pad_fee_2026_q1q2")
    sheet = only_sheet("medicaid_co_pad_fee_2026_q1q2")
    assert len(found.records) == sheet["rows_with_a_well_formed_code_in_col_A"]
    assert len(set(codes(found.records))) == sheet["distinct_codes"]
    printed = {text.strip("'"): times for text, times in known["par_required_value_counts_col_G"]}
    printed.pop("None")
    raw = Counter(record.values["pa_raw"] for record in found.records)
    assert raw.pop("(empty)") == len(found.records) - sum(printed.values())
    assert raw == printed
    statuses = Counter(record.values["pa_status"] for record in found.records)
    required = sum(printed.values())
    assert statuses == {"required": required, "unknown": len(found.records) - required}
    for record, place in ((found.records[0], sheet["first"]), (found.records[-1], sheet["last"])):
        assert (record.place.line, record.values["code"]) == (
            place["sheet_row"],
            place["cells"]["A"],
        )
    dated = [r.values["code"] for r in found.records if r.values.get("effective_from")]
    assert dated == ["J1305"]


def test_table_of_drugs_has_every_code_that_its_pages_print() -> None:
    file = SERIES["cms_table_of_drugs"][0]
    known, found = truth("hcpcs_2019_table_of_drugs"), said("cms_table_of_drugs", file)
    assert found.pages == known["pages"]
    pages = pypdfium2.PdfDocument(shared("corpus", *file.split("/")))
    every = set()
    for number, page in enumerate(known["per_page"], start=1):
        rows = [record for record in found.records if record.place.page == number]
        named = {code for r in rows for code in (r.values.get("code"), r.values.get("code_end"))}
        # Codes in rows that are in quarantine, and those that an entry's own words mention.
        others = [r for r in rows if r.faults or r.values.get("entry")]
        named |= {code for r in others for code in CODE_IN_TEXT.findall(r.raw_text)}
        text = pages[number - 1].get_textpage().get_text_range()
        printed = set(CODE_IN_TEXT.findall(text))
        assert printed <= named, f"page {number}"
        assert len(printed) == page["distinct"]
        every |= named - {None}
    assert len(every) == known["distinct_codes"]
    ranges = [record for record in found.records if record.values.get("code_end")]
    assert len(ranges) == known["code_ranges"]


def test_table_of_drugs_reads_its_third_page_as_an_eye_does() -> None:
    found = said("cms_table_of_drugs", SERIES["cms_table_of_drugs"][0])
    rows = [record for record in found.records if record.place.page == 3]
    by_name: dict[str, list[Record]] = {}
    for record in rows:
        by_name.setdefault(record.values["description"], []).append(record)
    for name, dosage, route, printed in truth("hcpcs_2019_table_of_drugs")[
        "page_3_rows_read_by_eye"
    ]:
        records = by_name[name]
        spans = parse_expression(printed) or ()
        assert [(r.values.get("code"), r.values.get("code_end")) for r in records] == [
            (span.code, span.code_end) for span in spans
        ] or (not spans and "code" not in records[0].values)
        for record in records:
            assert cells(record).get("Dosage", "") == dosage
            assert cells(record).get("Route", "") == route


def test_notices_add_up_to_the_totals_that_the_report_prints() -> None:
    found = said("ca_warn", "tables/ca-warn-report.pdf")
    notices = [cells(r) for r in found.records if "Notice Date" in cells(r)]
    months = [cells(r) for r in found.records if "Notices" in cells(r)]
    (total,) = [row for row in months if row["Summary by Month"] == "Total"]
    # A notice that its company took back is printed with a mark and not counted.
    counted = [row for row in notices if "(CANCELLED)**" not in row["Company"]]
    assert len(counted) == len(notices) - 1 == number(total["Notices"])
    assert sum(number(row["No. Of"]) for row in counted) == number(total["Employees Affected"])
    kinds = Counter(row["Layoff/Closure"] for row in counted)
    assert kinds == {
        "Layoff Permanent": number(total["Permanent Layoff"]),
        "Layoff Temporary": number(total["Temporary Layoff"]),
        "Layoff Unknown at this time": number(total["Not Identified Layoff"]),
        "Closure Permanent": number(total["Permanent Closure"]),
        "Closure Temporary": number(total["Temporary Closure"]),
        "Closure Unknown at this time": number(total["Not Identified Closure"]),
    }
    for column in ("Notices", "Employees Affected", "Permanent Layoff"):
        assert sum(number(row[column]) for row in months if row is not total) == number(
            total[column]
        )


def test_whole_corpus_is_published_with_its_balance_and_without_a_hold(tmp_path: Path) -> None:
    project = Settings(tmp_path / "raw", tmp_path / "curated", ROOT / "sources")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for name, files in SERIES.items():
        source = load_source(ROOT / "sources" / f"{name}.yml")
        for number, file in enumerate(files):
            data = shared("corpus", *file.split("/")).read_bytes()
            at = start + timedelta(days=number)
            store.put(project.raw, name, source.document, data, came="added", at=at)
    assert journey.run(project, offline=True, prefect=False) == journey.PUBLISHED
    states = documents(project)
    assert {name for name, status in states if status == "current"} == SERIES.keys()
    assert {status for _, status in states} == {"current", "superseded", "missing"}
    assert {name for name, status in states if status == "superseded"} == {"cms_hcpcs_alphanumeric"}
    for name in SERIES:
        state = states[name, "current"]
        assert state["quarantined"] <= DOUBTFUL.get(name, 0)
        explained = state["headers"] + state["row_lines"] + state["quarantined"] + state["ignored"]
        assert state["lines_seen"] == explained
        lists = "HCPC2019_Corrections_ALPHA.xlsx, HCPC2019_Corrections_ALPHA_v2.xlsx"
        assert state["member"] == (lists if "corr" in name else None)
    assert states["cms_hcpcs_alphanumeric", "current"]["rows"] == 8846
    release = latest(project.curated)
    assert release is not None
    assert release.files["fees.parquet"].rows == 372_590 + 5_300
    assert release.files["codes.parquet"].rows > 9_500
    assert release.files["prior_authorization.parquet"].rows == 977
