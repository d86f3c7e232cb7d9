"""Releases of a code set and lists of corrections: their files, rows and differences, invented.

The real ones are in `test_corpus`.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date

import pytest

from extractors.extract import extract
from extractors.reading import ExtractionError
from extractors.records import Extract, Record
from flows.registry import load_source
from schemas.source import Source
from tests.conftest import ROOT, shared
from tests.sheets import Sheet, draw_xlsx

WORKBOOK, TEXT = "HCPC2019_CONTR_ANWEB.xlsx", "HCPC2019_CONTR_ANWEB.txt"
LAYOUT = "HCPCS2019_recordlayout.txt"
CODES = load_source(ROOT / "sources" / "cms_hcpcs_alphanumeric.yml")
CORRECTIONS = load_source(ROOT / "sources" / "cms_hcpcs_corrections.yml")
assert CODES.table
assert CODES.code_set
assert CODES.code_set.twin
POSITIONS = CODES.code_set.twin.positions
LABELS = {name: CODES.table.columns[name][0] for name in CODES.table.columns}

# One code and one modifier, as the files print them: only the columns that are filled.
Printed = dict[str, str]
CHAIR: Printed = {
    "code": "E9901",
    "sequence": "0010",
    "record": "3",
    "long_description": "Invented chair",
    "short_description": "Inv chair",
    "pricing_1": "32",
    "cross_reference_1": "E9902",
    "coverage": "C",
    "betos": "D1A",
    "added_on": "20190101",
    "effective_from": "20190101",
    "action": "A",
}
MODIFIER: Printed = {
    "code": "   ZQ",
    "sequence": "0010",
    "record": "7",
    "long_description": "Invented side",
    "short_description": "Inv side",
    "coverage": "C",
    "added_on": "20180101",
    "effective_from": "20180101",
    "action": "N",
}
ROWS = (MODIFIER, CHAIR)


def workbook(rows: Sequence[Printed], sheet: str = "A") -> bytes:
    printed = [[row.get(name, "") for name in LABELS] for row in rows]
    return draw_xlsx(Sheet(sheet, [list(LABELS.values()), *printed]))


def line(row: Printed) -> str:
    cells = [" "] * 320
    for name, text in row.items():
        first, last = POSITIONS[name]
        cells[first - 1 : last] = (text.zfill(5) if name == "sequence" else text).ljust(
            last - first + 1
        )
    return "".join(cells)


def lines(rows: Sequence[Printed]) -> bytes:
    return "\r\n".join(map(line, rows)).encode("cp1252")


def archive(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def release(**changed: bytes) -> Extract:
    """The extract of an archive with the two invented records in both formats, and more files."""
    members = {WORKBOOK: workbook(ROWS), TEXT: lines(ROWS)}
    names = {"workbook": WORKBOOK, "text": TEXT, "noc": "2019 NOC codes.xlsx", "layout": LAYOUT}
    return extract(archive(members | {names[key]: data for key, data in changed.items()}), CODES)


def holding(found: Extract) -> list[str]:
    return [str(problem) for problem in found.problems if problem.holds]


def by_code(found: Extract) -> dict[str, Record]:
    return {record.values["code"]: record for record in found.records}


def test_record_is_read_with_all_its_columns() -> None:
    found = release()
    assert holding(found) == []
    assert by_code(found)["E9901"].values == {
        "code_system": "HCPCS",
        "code": "E9901",
        "long_description": "Invented chair",
        "short_description": "Inv chair",
        "pricing": ["32"],
        "cross_references": ["E9902"],
        "coverage": "carrier_judgment",
        "betos": "D1A",
        "added_on": date(2019, 1, 1),
        "effective_from": date(2019, 1, 1),
        "terminated_on": None,
        "action": "added",
        "description_license": "public",
        "is_noc": None,
        "source_release": "2019-01",
    }
    assert by_code(found)["ZQ"].values["code_system"] == "HCPCS_MOD"


def test_words_of_a_numeric_modifier_are_published_nowhere() -> None:
    rows = (MODIFIER | {"code": "   59"}, CHAIR)
    found = release(workbook=workbook(rows), text=lines(rows))
    record = by_code(found)["59"]
    assert record.values["code_system"] == "CPT_MOD"
    assert record.values["description_license"] == "ama"
    assert "Inv" not in f"{record.values} {record.raw_text} {record.cells}"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"long_description": "Invented stool"}, "'Invented chair' in .+ and 'Invented stool' in"),
        ({"coverage": "D"}, "coverage is 'carrier_judgment' in .+'special_instructions' in"),
        ({"terminated_on": "20190331"}, "terminated_on is empty in .+ and 2019-03-31 in"),
        ({"cross_reference_1": "E9903"}, "cross_references is E9902 in .+ and E9903 in"),
        ({"effective_from": "20180101"}, "effective_from is 2019-01-01 in .+ and 2018-01-01 in"),
        ({"code": "E9900"}, "E9900 is in .+txt, line 2, and not in .+xlsx"),
        ({"code": "X9901"}, "txt, line 2: 'X9901' is neither a code nor"),
        ({"action": "Q"}, "txt, line 2: 'Q' is no action code"),
        ({"record": "9"}, "'9' is no kind of record"),
    ],
)
def test_difference_between_the_formats_holds_the_document(change: Printed, told: str) -> None:
    found = release(text=lines((MODIFIER, CHAIR | change)))
    assert any(re.search(told, problem) for problem in holding(found)), holding(found)


def test_many_differences_are_counted_after_the_first_twenty() -> None:
    many = [CHAIR | {"code": f"E{9000 + number}"} for number in range(30)]
    others = [row | {"short_description": "Other"} for row in many]
    found = holding(release(workbook=workbook(many), text=lines(others)))
    assert len(found) == 21
    assert "10 more differences" in found[-1]


def test_day_that_one_format_leaves_empty_is_that_of_the_other() -> None:
    found = release(workbook=workbook((MODIFIER | {"effective_from": ""}, CHAIR)))
    assert holding(found) == []
    assert by_code(found)["ZQ"].values["effective_from"] == date(2018, 1, 1)


def test_line_of_the_text_that_is_no_record_holds_the_document() -> None:
    found = release(text=lines(ROWS) + b"\r\nE9903 cut")
    assert any("a line that is no row" in problem for problem in holding(found))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"code": "E99"}, "is neither a code nor a modifier"),
        ({"action": "Q"}, "'Q' is no action code"),
        ({"coverage": "Z"}, "'Z' is no coverage code"),
        ({"terminated_on": "20190231"}, "'20190231' is not a date"),
        ({"record": "7"}, "a record of kind 7 cannot be of 'E9901'"),
        ({"record": "4"}, "it continues a description"),
        ({"long_description": "", "short_description": ""}, "the row has no description"),
    ],
)
def test_row_that_cannot_be_read_has_a_fault(change: Printed, fault: str) -> None:
    found = extract(workbook((MODIFIER, CHAIR | change)), CODES)
    assert [fault in f for record in found.records for f in record.faults] == [True]
    assert found.tally.unaccounted == 0


def test_description_over_several_rows_is_one_text_of_one_row() -> None:
    more = {"code": "E9901", "sequence": "0020", "record": "4", "long_description": "with wheels"}
    found = release(workbook=workbook((*ROWS, more)), text=lines((*ROWS, more)))
    assert holding(found) == []
    record = by_code(found)["E9901"]
    assert record.values["long_description"] == "Invented chair with wheels"
    assert record.raw_text.count("\n") == 1
    assert found.tally.ignored == {"continuation of the row above": 1}
    assert (found.tally.row_lines, found.tally.unaccounted) == (2, 0)


def test_row_of_the_same_code_with_more_than_words_is_no_continuation() -> None:
    more = {"code": "E9901", "record": "4", "long_description": "with wheels", "coverage": "C"}
    found = extract(workbook((*ROWS, more)), CODES)
    (fault,) = found.records[-1].faults[:1]
    assert "has more than words" in fault


def test_code_that_is_listed_twice_has_a_fault_the_second_time() -> None:
    found = extract(workbook((CHAIR, MODIFIER, CHAIR)), CODES)
    assert [record.faults for record in found.records] == [
        (),
        (),
        ("'E9901' is listed twice, on line 2 too",),
    ]


def test_code_that_is_listed_again_with_another_day_has_a_fault_too() -> None:
    found = extract(workbook((CHAIR, CHAIR | {"effective_from": "20180101"})), CODES)
    assert found.records[1].faults == ("'E9901' is listed twice, on line 2 too",)


def test_licensed_words_beside_a_code_are_published_nowhere() -> None:
    found = extract(workbook((CHAIR | {"code": "99999 Invented visit"}, CHAIR)), CODES)
    record = found.records[0]
    assert record.faults
    assert "nvented" not in f"{record.values} {record.raw_text} {record.cells} {record.faults}"


def test_list_of_codes_not_otherwise_classified_marks_them() -> None:
    noc = draw_xlsx(Sheet("NOC", [["NOC codes"], ["HCPCS", "Words"], ["E9901", "Other chair"]]))
    found = release(noc=noc)
    assert holding(found) == []
    assert {code: r.values["is_noc"] for code, r in by_code(found).items()} == {
        "E9901": True,
        "ZQ": False,
    }
    assert found.member == f"{WORKBOOK}, {TEXT}, 2019 NOC codes.xlsx"


def test_list_of_codes_not_otherwise_classified_without_a_code_holds_the_document() -> None:
    found = release(noc=draw_xlsx(Sheet("NOC", [["NOC codes"], ["none this quarter"]])))
    assert any("has no code in its first column" in problem for problem in holding(found))


def layout() -> bytes:
    return zipfile.ZipFile(shared("corpus", "cms", "hcpcs_2019_hcpcs_record_layout.zip")).read(
        LAYOUT
    )


def test_record_layout_of_the_publisher_says_what_the_source_says() -> None:
    found = release(layout=layout())
    assert holding(found) == []
    assert found.member == f"{WORKBOOK}, {TEXT}, {LAYOUT}"


@pytest.mark.parametrize(
    ("printed", "other", "told"),
    [
        (b"8    285    292", b"8    284    291", "'terminated_on' at characters 285 to 292, but"),
        (b"5    205    209", b"4    205    208", "'cross_reference_1' at characters 205 to 209"),
        (b"OCCURS MIN: 1 OCCURS MAX: 4", b"OCCURS MIN: 1 OCCURS MAX: 3", "'pricing_4' at"),
        (b"HCPCS Code Added Date", b"HCPCS Termination Date", "'added_on'|'terminated_on'"),
    ],
)
def test_record_layout_with_other_places_holds_the_document(
    printed: bytes, other: bytes, told: str
) -> None:
    changed = layout().replace(printed, other)
    assert changed != layout()
    if b"Added" in printed:  # and the other way round, so that both places are there
        changed = changed.replace(b"29.  HCPCS Termination Date", b"29.  HCPCS Code Added Date")
    assert any(re.search(told, problem) for problem in holding(release(layout=changed)))


def test_record_layout_that_cannot_be_read_holds_the_document() -> None:
    found = release(layout=b"The layout is on our website.\n")
    assert any("no item with its places" in problem for problem in holding(found))


def test_name_of_another_quarter_holds_the_document() -> None:
    found = extract(workbook(ROWS, "HCPC2019_APR_ANWEB"), CODES)
    assert any("names another release than 2019-01" in problem for problem in holding(found))


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html><p>Gone</p>", b"%PDF-1.4\n"])
def test_file_of_another_kind_is_named_for_what_it_is(data: bytes) -> None:
    with pytest.raises(ExtractionError, match="a release of a code set is a workbook"):
        extract(data, CODES)


def test_text_that_is_no_archive_is_read_as_records() -> None:
    found = extract(lines(ROWS), CODES)
    assert list(by_code(found)) == ["ZQ", "E9901"]
    assert found.member is None
    assert holding(found) == []


def test_archive_without_the_files_of_a_release_is_refused() -> None:
    with pytest.raises(ExtractionError, match="no member of the archive matches the pattern"):
        extract(archive({"notes.txt": b"Nothing.\n"}), CODES)


# ---------------------------------------------------------------- corrections


def corrected(*rows: Sequence[str], title: str = "2019 ALPHA-NUMERIC HCPCS CORRECTIONS") -> bytes:
    labels = "CODE,ACTION,EFF DATE,SHORT DESC,LONG DESC,TOS,BETOS,COV,PRICE,XREF CODE,COMMENTS"
    printed = [[*row, *[""] * (11 - len(row))] for row in rows]
    return draw_xlsx(Sheet("C", [["", "", "", title], labels.split(","), *printed]))


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (
            ("E9901", "Change Cov to M, and BETOS to D1B"),
            {"coverage": "not_covered", "betos": "D1B"},
        ),
        (("E9901", "change price to 32"), {"pricing": ["32"], "correction": "change"}),
        (("E9901", "Change sequence to 20"), {"correction": "other"}),
        (("ZQ", "Discontinued code"), {"correction": "discontinue", "code_system": "HCPCS_MOD"}),
    ],
)
def test_words_of_an_action_are_read(row: Sequence[str], values: Mapping[str, object]) -> None:
    (record,) = extract(corrected(row), CORRECTIONS).records
    assert values.items() <= record.values.items()
    assert record.faults == ()


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (("E9901", "Change Cov to C", "", "", "", "", "", "M"), "says 'C' for coverage, and its"),
        (("E9901", "Change Cov to Z"), "'Z' is no coverage code"),
        (("E99", "Discontinue"), "is neither a code nor a modifier"),
    ],
)
def test_correction_that_contradicts_itself_has_a_fault(row: Sequence[str], fault: str) -> None:
    (record,) = extract(corrected(row), CORRECTIONS).records
    assert fault in " ".join(record.faults)


@pytest.mark.parametrize(
    "row",
    [
        ("99999", "Change Long Desc to Invented visit"),
        ("D9999", 'Rewrite to "Invented tooth"', "", "", "Invented teeth"),
        ("99999", "Change Long Desc to Invented visit", "", "", "Invented stay"),
        (
            "D9999",
            "ADD CODE",
            "",
            "",
            "Invented tooth",
            "",
            "",
            "",
            "",
            "",
            "Invented tooth, again",
        ),
        ("99999 Invented visit", "ADD CODE"),
    ],
)
def test_licensed_words_of_a_correction_are_published_nowhere(row: Sequence[str]) -> None:
    (record,) = extract(corrected(row), CORRECTIONS).records
    assert "nvented" not in f"{record.values} {record.raw_text} {record.cells} {record.faults}"
    assert record.values["correction_raw"]


def test_third_list_of_corrections_follows_the_second() -> None:
    name = "HCPC2020_Corrections_ALPHA{}.xlsx"
    lists = {
        name.format("_v10"): corrected(("E9903", "Discontinue")),
        name.format("_v2"): corrected(("E9902", "Discontinue")),
        name.format(""): corrected(("E9901", "Discontinue")),
    }
    found = extract(archive(lists), CORRECTIONS)
    assert [record.values["code"] for record in found.records] == ["E9901", "E9902", "E9903"]


def test_source_whose_text_has_a_column_that_its_table_lacks_is_refused() -> None:
    said = CODES.model_dump()
    said["code_set"]["twin"]["positions"] |= {"colour": (300, 301)}
    with pytest.raises(ValueError, match=r"twin.positions has 'colour'"):
        Source.model_validate(said)
