"""The reader of workbooks: what a cell shows, which rows are read, and what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from extractors.extract import extract
from extractors.reading import ExtractionError, Row
from extractors.records import Extract
from extractors.sheet import read_sheet
from extractors.sheets.survey import MAX_GAP
from extractors.sheets.workbook import padding_of
from schemas.source import Source, TableRules
from tests.conftest import shared
from tests.kit import KIT
from tests.sheets import Cell, Printed, Sheet, draw_xlsx

HEADER = ("Code", "Description", "PA Required")
NAMED = {"code": "Code", "description": "Description", "pa": "PA Required"}


def choosing(*patterns: str) -> TableRules:
    return TableRules(columns={"code": ("Code",)}, layouts=(("code",),), sheets=patterns)


def rows_of(data: bytes, rules: TableRules | None = None) -> list[Row]:
    reading = read_sheet(data, rules)
    assert reading.lines_seen == len(reading.lines)
    return [line for line in reading.lines if isinstance(line, Row)]


def extracted(data: bytes, columns: dict[str, str], **said: Any) -> Extract:
    """What comes of a list in which an empty cell means no."""
    table = {
        "columns": {name: [label] for name, label in columns.items()},
        "layouts": [list(columns)],
        "statuses": {"Yes": "required", "": "not_required"},
    }
    return extract(data, Source.model_validate(KIT | {"table": table | said}))


def listed(data: bytes, columns: dict[str, str], **said: Any) -> dict[str, list[Any]]:
    """The PA statuses of each code of such a list, or its faults."""
    found: dict[str, list[Any]] = {}
    for record in extracted(data, columns, **said).records:
        code = record.values.get("code") or record.values["code_raw"]
        found.setdefault(code, []).append(record.faults or record.values["pa_status"])
    return found


def one_row(*cells: Printed, **said: Any) -> Row:
    (row,) = rows_of(draw_xlsx(Sheet("List", [cells], **said)))
    return row


def messages(data: bytes, rules: TableRules | None = None) -> list[str]:
    problems = read_sheet(data, rules).problems
    assert not any(problem.holds for problem in problems)
    return [problem.message for problem in problems]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("E0601", "E0601"),
        ("00100", "00100"),
        (100.0, "100"),
        (12345.0, "12345"),
        (137.83, "137.83"),
        (0.1 + 0.2, "0.3"),
        (0.00001, "0.00001"),
        (Cell(0.2, "0%"), "0.2"),
        (Cell(1234.5, "#,##0.00"), "1234.5"),
        (True, "TRUE"),
        (False, "FALSE"),
        (Cell(46023, "yyyy-mm-dd"), "2026-01-01"),
        (Cell(46023.5, "m/d/yyyy h:mm"), "2026-01-01 12:00:00"),
        (Cell(error="#N/A"), "#N/A"),
        (Cell(error="#REF!", formula="A1"), "#REF!"),
        (Cell("Yes", formula="B1"), "Yes"),
        (Cell(7.0, formula="B1"), "7"),
    ],
)
def test_a_cell_is_what_it_shows(cell: Printed, shown: str) -> None:
    row = one_row("first", cell)
    assert row.cells == ("first", shown)
    assert row.fault is None
    assert row.flags == ()


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Cell(100, "00000"), "00100"),
        (Cell(100.0, "0####"), "00100"),
        (Cell(601, '"E"0000'), "E0601"),
    ],
)
def test_zeros_of_a_number_format_are_shown_and_flagged(cell: Printed, shown: str) -> None:
    row = one_row(cell, "Anything")
    assert row.cells[0] == shown
    assert row.flags == ("code_from_number",)


def test_a_number_as_long_as_its_format_needs_no_flag() -> None:
    row = one_row(Cell(70551, "00000"))
    assert (row.cells, row.flags) == (("70551",), ())


@pytest.mark.parametrize("code", ["General", "0", "0.00", "#,##0", "yyyy-mm-dd", "0%", "@"])
def test_a_format_that_pads_nothing_is_none(code: str) -> None:
    assert padding_of(code) is None


def test_dates_count_from_1904_where_the_workbook_says_so() -> None:
    data = draw_xlsx(Sheet("List", [[Cell(44561, "yyyy-mm-dd")]]), is_1904=True)
    assert rows_of(data)[0].cells == ("2026-01-01",)
    assert messages(data) == ["the workbook counts dates from 1904, and they were read so"]


def test_a_row_has_its_sheet_and_the_number_that_excel_shows() -> None:
    data = draw_xlsx(
        Sheet("About", [["words"]]),
        Sheet("List", [HEADER, ("E0601", "Device", "Yes")], row_numbers={1: 9, 2: 12}),
    )
    rows = rows_of(data)
    places = [(row.place.page, row.place.line) for row in rows if any(row.cells)]
    assert places == [(1, 1), (2, 9), (2, 12)]
    assert [row.table for row in rows if any(row.cells)] == [1, 2, 2]
    assert rows[-1].place.bbox is None
    assert rows[-1].raw_text == "E0601\tDevice\tYes"


def test_empty_rows_inside_are_lines_and_those_below_are_not() -> None:
    data = draw_xlsx(Sheet("List", [("a", "b"), (None, None), ("c", "d"), (None, None)]))
    assert [row.cells for row in rows_of(data)] == [("a", "b"), ("", ""), ("c", "d")]


def test_every_row_is_as_wide_as_the_sheet() -> None:
    data = draw_xlsx(Sheet("List", [("Title",), HEADER, ("E0601",)]))
    assert {len(row.cells) for row in rows_of(data)} == {3}


def test_a_hidden_row_has_a_fault_and_keeps_its_cells() -> None:
    data = draw_xlsx(Sheet("List", [HEADER, ("E0601", "x", "No")], hidden_rows=frozenset({2})))
    header, row = rows_of(data)
    assert header.fault is None
    assert row.fault == "the row is hidden in the workbook"
    assert row.cells == ("E0601", "x", "No")


def test_a_hidden_column_is_not_read_and_reported() -> None:
    data = draw_xlsx(Sheet("List", [HEADER, ("E0601", "x", "No")], hidden_columns=[2]))
    assert [row.cells for row in rows_of(data)] == [
        ("Code", "", "PA Required"),
        ("E0601", "", "No"),
    ]
    assert messages(data) == ["the sheet 'List' has hidden columns, which were not read: 2"]


def test_a_formula_without_its_value_is_a_fault_and_never_an_empty_cell() -> None:
    row = one_row("E0601", Cell(formula='IF(C1="x","Yes","No")'))
    assert row.fault == "the formula in B1 was stored without its value"


def test_merged_cells_have_their_value_in_the_first() -> None:
    rows = rows_of(
        draw_xlsx(
            Sheet("List", [("Title", None), ("Both", "a"), (None, "b")], merged=["A1:B1", "A2:A3"])
        )
    )
    assert [row.cells for row in rows] == [("Title", ""), ("Both", "a"), ("", "b")]
    assert not any(row.fault for row in rows)


def test_a_value_that_a_merged_cell_covers_is_a_fault() -> None:
    row = one_row("No", "Yes", merged=["A1:B1"])
    assert row.cells == ("No", "")
    assert row.fault == "a merged cell covers 'Yes'"


def test_a_pa_value_merged_down_over_rows_is_the_value_of_each() -> None:
    rows = [HEADER, ("E0601", "x", "Yes"), ("E0602", "y"), ("E0603", "z")]
    data = draw_xlsx(Sheet("List", rows, merged=["C2:C3"]))
    assert listed(data, NAMED) == {
        "E0601": ["required"],
        "E0602": ["required"],
        "E0603": ["not_required"],
    }


def test_a_pa_value_merged_over_pa_columns_is_the_value_of_each_and_other_words_are_a_fault() -> (
    None
):
    columns = {"code": "Code", "description": "Words", "pa_one": "One", "pa_two": "Two"}
    scopes = {name: {"line_of_business": name} for name in ("medicaid", "commercial")}
    rows = [tuple(columns.values()), ("E0601", "x", "Yes"), ("E0602", "y")]
    found = listed(
        draw_xlsx(Sheet("List", rows, merged=["C2:D2", "B3:C3"])),
        columns,
        scopes=dict(zip(("pa_one", "pa_two"), scopes.values(), strict=True)),
    )
    assert found["E0601"] == ["required", "required"]
    assert all("'y' in another column covers the PA value" in faults for faults in found["E0602"])


def test_words_over_pa_columns_alone_are_no_title_to_pass_over() -> None:
    columns = {"code": "Code", "description": "Words", "pa_one": "One", "pa_two": "Two"}
    rows = [("Acme",), (), ("", "", "NOT required for"), tuple(columns.values())]
    data = draw_xlsx(Sheet("List", [*rows, ("E0601", "x", "Yes")], merged=["C3:D3"]))
    scopes = {
        "pa_one": {"line_of_business": "medicaid"},
        "pa_two": {"line_of_business": "exchange"},
    }
    found = extracted(data, columns, scopes=scopes)
    (problem,) = [problem for problem in found.problems if problem.holds]
    assert "NOT required for" in str(problem)
    assert problem.place.line == 3


def test_a_struck_row_or_code_is_a_fault_and_never_a_rule() -> None:
    strings = ("<r><rPr><strike/></rPr><t>E0602</t></r><r><t>, E0603</t></r>", "<t>E0604</t>")
    rows = [
        (Cell("E0601", is_struck=True), "x", "Yes"),
        (Cell(shared=0), "y", "Yes"),
        (Cell(shared=1), "z", "Yes"),
    ]
    assert listed(draw_xlsx(Sheet("List", [HEADER, *rows]), strings=strings), NAMED) == {
        "E0601": [("the text in A2 is struck out",)],
        "E0602": [("the text in A3 is struck out",)],
        "E0603": [("the text in A3 is struck out",)],
        "E0604": ["required"],
    }


@pytest.mark.parametrize(
    ("look", "why"),
    [
        ("<strike/>", "the text in A2 is struck out"),
        ('<vertAlign val="superscript"/>', "the text in A2 has a raised digit"),
        ('<strike val="0"/>', None),
    ],
)
def test_the_look_of_text_in_the_sheet_itself_counts_too(look: str, why: str | None) -> None:
    code = Cell(runs=f"<r><t>E060</t></r><r><rPr>{look}</rPr><t>1</t></r>")
    data = draw_xlsx(Sheet("List", [HEADER, (code, "x", "Yes"), ("E0602", "y", "Yes")]))
    assert listed(data, NAMED) == {"E0601": [(why,) if why else "required"], "E0602": ["required"]}


def test_a_digit_raised_beside_a_code_is_no_digit_of_it() -> None:
    raised = '<r><t>E060</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>1</t></r>'
    data = draw_xlsx(Sheet("List", [HEADER, (Cell(shared=0), "x", "Yes")]), strings=[raised])
    assert listed(data, NAMED) == {"E060¹": [("'E060¹' is not a code",)]}


def test_a_hidden_sheet_is_reported_and_not_read() -> None:
    data = draw_xlsx(Sheet("Old", [HEADER], state="hidden"), Sheet("New", [("E0601",)]))
    assert [row.cells for row in rows_of(data)] == [("E0601",)]
    assert read_sheet(data).sheets == ("Old", "New")
    assert messages(data) == ["the sheet 'Old' is hidden: its 1 rows were not read"]


def test_a_pattern_that_matches_a_hidden_sheet_does_not_choose_it() -> None:
    data = draw_xlsx(Sheet("List 1", [("old",)], state="veryHidden"), Sheet("List 2", [("new",)]))
    assert [row.cells for row in rows_of(data, choosing(r"List \d"))] == [("new",)]


def test_a_hidden_sheet_is_read_where_it_is_named_and_reported() -> None:
    data = draw_xlsx(Sheet("Old", [("old",)], state="hidden"), Sheet("New", [("new",)]))
    assert [row.cells for row in rows_of(data, choosing("Old"))] == [("old",)]
    assert messages(data, choosing("Old")) == [
        "the sheet 'Old' is hidden, and read as named",
        "the sheet 'New' is not named under table.sheets: its 1 rows were not read",
    ]


def test_no_sheet_of_the_name_asked_for_names_those_there_are() -> None:
    with pytest.raises(ExtractionError, match=r"no sheet is chosen of 'List'.*table\.sheets"):
        read_sheet(draw_xlsx(Sheet("List", [HEADER])), choosing("Codes"))


def test_macros_are_reported() -> None:
    data = draw_xlsx(Sheet("List", [HEADER]), others={"xl/vbaProject.bin": b"anything"})
    assert messages(data) == ["the workbook has macros (xl/vbaProject.bin), which were not run"]


def test_characters_that_deceive_are_flagged_or_faulted() -> None:
    data = draw_xlsx(Sheet("List", [("E06\u200b01",), ("\u202e1060E",)]))
    flagged, faulted = rows_of(data)
    assert (flagged.flags, flagged.fault) == (("invisible_characters",), None)
    assert faulted.fault == "a cell has the character U+202E, which reorders text"


def test_a_cell_too_long_to_be_one_is_cut_and_a_fault() -> None:
    row = one_row("E0601", "x" * 70_000)
    assert row.fault == "a cell has 70,000 characters, more than 65,536"
    assert len(row.raw_text) < 1_000


# ---------------------------------------------------------------- what is refused


def test_a_cell_far_below_the_others_is_refused() -> None:
    sheet = Sheet("List", [HEADER, ("x",)], row_numbers={2: MAX_GAP + 5})
    with pytest.raises(ExtractionError, match=r"'List' has a cell in row 10,005"):
        read_sheet(draw_xlsx(sheet))


def test_rows_declared_far_below_and_empty_cost_nothing() -> None:
    sheet = Sheet("List", [HEADER, (None,)], row_numbers={2: 1_048_576})
    assert len(rows_of(draw_xlsx(sheet))) == 1


def test_a_cell_far_to_the_right_is_refused() -> None:
    with pytest.raises(ExtractionError, match=r"column 1,001, more than 1,000"):
        read_sheet(draw_xlsx(Sheet("List", [[*[None] * 1_000, "x"]])))


def test_rows_out_of_order_are_refused() -> None:
    sheet = Sheet("List", [("a",), ("b",)], row_numbers={1: 5, 2: 3})
    with pytest.raises(ExtractionError, match="row 3 below row 5"):
        read_sheet(draw_xlsx(sheet))


@pytest.mark.parametrize("part", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "xl/x.xml"])
def test_a_document_type_in_any_part_is_refused(part: str) -> None:
    content = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    data = BytesIO()
    with zipfile.ZipFile(BytesIO(draw_xlsx(Sheet("List", [HEADER])))) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(data, "w") as archive:
        for name, old in (parts | {part: content}).items():
            archive.writestr(name, content if name == part else old)
    with pytest.raises(ExtractionError, match="declares a document type"):
        read_sheet(data.getvalue())


def test_a_part_that_grows_beyond_measure_is_refused() -> None:
    data = draw_xlsx(Sheet("List", [HEADER]), others={"xl/media/x.bin": bytes(4 << 20)})
    with pytest.raises(ExtractionError, match="more than 100 times its packed size"):
        read_sheet(data)


def test_a_workbook_cut_anywhere_is_refused_or_whole() -> None:
    data = draw_xlsx(Sheet("List", [HEADER]))
    for end in range(1, len(data), 97):
        with pytest.raises(ExtractionError):
            read_sheet(data[:end])


def test_an_empty_workbook_is_refused() -> None:
    with pytest.raises(ExtractionError, match="the sheets are empty"):
        read_sheet(draw_xlsx(Sheet("List", [])))


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def test_an_encrypted_workbook_is_named() -> None:
    with pytest.raises(ExtractionError, match="encrypted"):
        read_sheet(OLE + "EncryptedPackage".encode("utf-16-le"))


def test_another_ole_file_is_no_workbook() -> None:
    with pytest.raises(ExtractionError, match="OLE container without a workbook"):
        read_sheet(OLE + "WordDocument".encode("utf-16-le"))


# ---------------------------------------------------------------- properties


texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=12).map(
    str.strip
)
tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(max_examples=60)
@given(tables)
def test_any_table_of_text_comes_back(table: Sequence[Sequence[str]]) -> None:
    data = draw_xlsx(Sheet("List", table))
    if not any(any(row) for row in table):
        with pytest.raises(ExtractionError, match="empty"):
            read_sheet(data)
        return
    read = [list(row.cells) for row in rows_of(data)]
    width = max(len(row) for row in read)
    wanted = [list(row[:width]) for row in table]
    while not any(wanted[-1]):
        wanted.pop()
    assert read == wanted


@pytest.mark.parametrize(
    "name",
    [
        "cms/dmepen26_jan.xlsx",
        "cms/hcpcs_2020_10_trans_alpha.xlsx",
        "payer/medicaid_az_fee_2026_01_01.xlsx",
        "payer/medicaid_co_pad_fee_2026_q1q2.xlsx",
    ],
)
def test_texts_of_real_workbooks_are_those_that_calamine_alone_reads(name: str) -> None:
    data = shared("corpus", *name.split("/")).read_bytes()
    workbook = CalamineWorkbook.from_filelike(BytesIO(data))
    alone = [
        [cell for cell in cells if isinstance(cell, str) and cell]
        for sheet in workbook.sheet_names
        for cells in workbook.get_sheet_by_name(sheet).iter_rows()
    ]
    for row, texts_alone in zip(rows_of(data), alone, strict=True):
        assert set(texts_alone) <= set(row.cells)
