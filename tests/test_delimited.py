"""Comma-separated text: quotation marks, ragged rows, and what is no table at all."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.reading import ExtractionError, Passage, Reading, Row
from extractors.text import read_text
from schemas.source import TableRules

COLUMNS = {"code": ("Code",), "description": ("Description",), "pa": ("PA Required",)}
RULES = TableRules(columns=COLUMNS, layouts=(("code", "description", "pa"),))
HEADER = "Code,Description,PA Required\n"


def read(text: str, rules: TableRules | None = RULES) -> Reading:
    reading = read_text(text.encode(), rules)
    assert reading.lines_seen == len(reading.lines)
    return reading


def rows_of(text: str, rules: TableRules | None = RULES) -> list[Row]:
    return [line for line in read(text, rules).lines if isinstance(line, Row)]


def test_values_stay_as_printed() -> None:
    rows = rows_of(HEADER + '00100,1E5,NA\nE0601,null,"  None "\n,,\n')
    assert [row.cells for row in rows[1:]] == [
        ("00100", "1E5", "NA"),
        ("E0601", "null", "  None "),
        ("", "", ""),
    ]
    assert rows[1].raw_text == "00100,1E5,NA"


def test_a_quoted_cell_may_hold_commas_quotes_and_lines() -> None:
    rows = rows_of(HEADER + 'E0601,"a, ""b""\nc",Yes\nE0602,x,No\n')
    assert rows[1].cells == ("E0601", 'a, "b"\nc', "Yes")
    assert [row.place.line for row in rows] == [1, 2, 4]
    assert rows[1].raw_text == 'E0601,"a, ""b""\nc",Yes'
    assert not any(row.fault for row in rows)


def test_lines_above_the_header_are_passages() -> None:
    reading = read('A list, of 5" things, for you\n\n' + HEADER + "E0601,x,Yes\n")
    assert [type(line) for line in reading.lines] == [Passage, Passage, Row, Row]
    assert reading.lines[-1].place.line == 4
    assert reading.pages is None


def test_a_line_above_the_header_has_no_marks_of_the_program_that_wrote_it() -> None:
    reading = read('"Effective 1/1/2026, revised",,\nAll plans,,\n' + HEADER + "E0601,x,Yes\n")
    above = [line for line in reading.lines if isinstance(line, Passage)]
    assert [line.text for line in above] == ["Effective 1/1/2026, revised", "All plans"]
    assert above[0].raw_text == '"Effective 1/1/2026, revised",,'


def test_a_quotation_mark_inside_a_cell_is_a_character() -> None:
    assert rows_of(HEADER + 'E0601,10" brace,Yes\n')[1].cells == ("E0601", '10" brace', "Yes")


def test_ragged_rows_are_handed_on_as_they_are() -> None:
    rows = rows_of(HEADER + "E0601,extra,Yes,surplus\nE0602\n")
    assert [row.cells for row in rows[1:]] == [("E0601", "extra", "Yes", "surplus"), ("E0602",)]


def test_a_mark_that_is_never_closed_names_its_line() -> None:
    with pytest.raises(ExtractionError, match="line 3 opens a quotation mark"):
        read(HEADER + 'E0601,x,Yes\nE0602,"y,No\nE0603,z,No\n')


def test_a_mark_closed_only_by_the_next_one_names_its_line() -> None:
    with pytest.raises(ExtractionError, match="line 2 opens a quotation mark"):
        read(HEADER + 'E0602,"y,No\nE0603,"z, w",No\n')


def test_a_cell_that_may_have_swallowed_a_row_is_a_fault() -> None:
    (_, row) = rows_of(HEADER + 'E0602,"y,No\nE0603,z,No\nE0604,w",No\n')
    assert row.fault == "a quoted cell holds what looks like a row: 'E0603,z,No'"
    assert "E0603,z,No" in row.raw_text


def test_text_after_a_closing_mark_is_a_fault() -> None:
    (_, row) = rows_of(HEADER + 'E0602,"y" z,No\n')
    assert row.cells == ("E0602", "y z", "No")
    assert row.fault == "text after a closing quotation mark: 'z'"


def test_a_cell_too_long_to_be_one_is_cut_and_a_fault() -> None:
    row = rows_of(HEADER + f"E0601,{'A' * 900_000},Yes\n")[1]
    assert row.fault == "a cell has 900,000 characters, more than 65,536"
    assert len(row.raw_text) < 1_000
    assert row.cells[0] == "E0601"


def test_more_columns_than_any_list_has_are_refused() -> None:
    with pytest.raises(ExtractionError, match="line 1 has 1,003 columns"):
        read("Code,PA Required," + "," * 1_000 + "\n")


def test_characters_that_deceive_are_flagged_or_faulted() -> None:
    rows = rows_of(HEADER + "E06\u200b01,x,Yes\nE0603,\u00a0NBSP,Yes\n\u202e1060E,x,Yes\n")
    assert [row.flags for row in rows[1:3]] == [("invisible_characters",)] * 2
    assert rows[3].fault == "a cell has the character U+202E, which reorders text"


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_another_delimiter_is_read_where_the_rules_say_so(delimiter: str) -> None:
    text = (HEADER + 'E0601,"a, b",Yes\n').replace(",", delimiter)
    with pytest.raises(ExtractionError, match=r"line 1 looks like a header.*table\.delimiter"):
        read(text)
    rules = RULES.model_copy(update={"delimiter": delimiter})
    assert rows_of(text, rules)[1].cells == ("E0601", f"a{delimiter} b", "Yes")


def test_a_header_that_the_source_does_not_know_is_still_a_row() -> None:
    rows = rows_of("Kode,Words,Needs it\nE0601,x,Yes\nE0602,y,No\n")
    assert rows[0].cells == ("Kode", "Words", "Needs it")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_any_encoding_that_text_has_is_read(encoding: str) -> None:
    data = (HEADER + "E0601,café – x,Yes\n").encode(encoding)
    (_, row) = (line for line in read_text(data, RULES).lines if isinstance(line, Row))
    assert row.cells[1] == "café – x"


def test_a_table_without_rules_has_the_same_number_of_cells_on_most_lines() -> None:
    assert len(rows_of("a,b,c\n1,2,3\n4,5,6\n", None)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "The brace, the walker, and the bed are covered.\nSo is, for example, the wheelchair.\n",
        "One, two, three.\nA line without any.\nAnd one, with one.\nFour, five, six.\n",
        "Dear, reader, of\nprose\n",
    ],
)
def test_prose_with_commas_stays_prose(text: str) -> None:
    assert not rows_of(text, None)
    assert not rows_of(text, RULES)


cells = st.text(st.sampled_from('aE0 ,"\n;|é'), max_size=8)


@settings(max_examples=200)
@given(st.lists(st.tuples(cells, cells, cells), max_size=6))
def test_what_is_written_by_the_rules_comes_back(table: list[tuple[str, str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(("Code", "Description", "PA Required"))
    writer.writerows(table)
    reading = read(buffer.getvalue())
    read_back = [line.cells for line in reading.lines if isinstance(line, Row)]
    assert read_back[1:] == [row for row in table if any(row)] or read_back[1:] == table
