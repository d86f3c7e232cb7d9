"""Plain text: columns of fixed width, pages, and tables marked by tabs or pipes."""

from __future__ import annotations

import pytest

from extractors.reading import ExtractionError, Passage, Reading, Row
from extractors.text import read_text
from schemas.source import TableRules

COLUMNS = {
    "code": ("Code",),
    "description": ("Description",),
    "pa": ("PA Required",),
    "fee": ("Fee",),
}
RULES = TableRules(columns=COLUMNS, layouts=(("code", "description", "pa"),))
TABLE = """\
Code   Description       PA Required      Fee
E0601  Breathing device  Yes           100.00
E0602  Walker            No              9.50
"""


def read(text: str, rules: TableRules | None = RULES) -> Reading:
    reading = read_text(text.encode(), rules)
    assert reading.lines_seen == len(reading.lines)
    return reading


def rows_of(text: str) -> list[Row]:
    return [line for line in read(text).lines if isinstance(line, Row)]


def test_the_labels_of_the_header_say_where_columns_begin() -> None:
    header, first, second = rows_of(TABLE)
    assert header.cells == ("Code", "Description", "PA Required", "Fee")
    assert first.cells == ("E0601", "Breathing device", "Yes", "100.00")
    assert second.cells == ("E0602", "Walker", "No", "9.50")
    assert not first.fault
    assert second.place.line == 3


def test_without_rules_nobody_knows_a_header() -> None:
    assert not [line for line in read(TABLE, None).lines if isinstance(line, Row)]


def test_a_row_shifted_into_the_next_column_is_a_fault() -> None:
    rows = [f"E{number:04d}  Walker            No\n" for number in range(20)]
    header = "Code   Description       PA Required\n"
    (*_, row) = rows_of(header + "".join(rows) + "E0603  Breathing apparatus Yes\n")
    assert row.fault == "'apparatus' runs over the start of column 3: the row is shifted"


def test_a_row_shifted_by_a_blank_is_a_fault_where_the_others_keep_to_the_column() -> None:
    rows = [f"E{number:04d}  Walker            No\n" for number in range(20)]
    shifted = "E0603   Walker            No\n"
    found = rows_of("Code   Description       PA Required\n" + "".join(rows) + shifted)
    assert [row.fault for row in found[:-1]] == [None] * 21
    assert found[-1].fault == "'Walker' does not begin where column 2 does"


STATED = RULES.model_copy(
    update={"positions": {"code": (1, 6), "description": (7, 17), "pa": (18, 21)}}
)
BODY = "".join(f"E{number:04d} Walker     No\n" for number in range(20))


def test_the_source_may_state_where_columns_stand_that_no_header_names() -> None:
    header, *rows = (line for line in read(BODY, STATED).lines if isinstance(line, Row))
    assert (header.cells, header.raw_text) == (("Code", "Description", "PA Required"), "")
    assert [row.cells for row in rows] == [(f"E{n:04d}", "Walker", "No") for n in range(20)]
    assert [row.place.line for row in rows] == list(range(1, 21))
    assert not any(row.fault for row in rows)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("E0603  Walker     No", "'Walker' does not begin where column 2 does"),
        ("E0603 Walker     XNo", None),
        ("E0603 Walker, roll No", "runs over the start of column 3"),
        ("E0603 Walker     No  x", "text stands outside"),
    ],
)
def test_a_row_beside_the_stated_columns_is_a_fault(line: str, fault: str | None) -> None:
    *_, row = (line for line in read(BODY + line + "\n", STATED).lines if isinstance(line, Row))
    assert fault in row.fault if fault and row.fault else row.fault is fault


def test_a_line_of_words_over_the_columns_is_a_passage() -> None:
    reading = read(TABLE + "\nThis list is for members of all plans and changes monthly.\n")
    assert [type(line) for line in reading.lines[3:]] == [Passage, Passage]


def test_a_form_feed_begins_a_page() -> None:
    reading = read(TABLE + "\f" + TABLE)
    assert reading.pages == 2
    assert [line.place.page for line in reading.lines] == [1, 1, 1, 2, 2, 2]
    assert [row.cells for row in rows_of(TABLE + "\f" + TABLE)[3:]] == [
        row.cells for row in rows_of(TABLE)
    ]


def test_a_header_printed_again_may_move_the_columns() -> None:
    moved = "Code       Description    PA Required\nE0609      Bed            Yes\n"
    (*_, row) = rows_of(TABLE + moved)
    assert row.cells == ("E0609", "Bed", "Yes")


def test_quoted_cells_between_tabs_lose_their_quotation_marks() -> None:
    text = 'Code\tDescription\tPA Required\n"E0601, E0602"\t"a\n12"" b"\tYes\nE0603\tc\tNo\n'
    _, first, second = rows_of(text)
    assert first.cells == ("E0601, E0602", 'a\n12" b', "Yes")
    assert (second.cells, second.place.line) == (("E0603", "c", "No"), 4)


def test_quotation_marks_that_belong_to_cells_between_tabs_stay() -> None:
    text = 'Code\tDescription\tPA Required\nE0601\t"a" brace\tYes\nE0602\t10"\tNo\n'
    assert [row.cells[1] for row in rows_of(text)[1:]] == ['"a" brace', '10"']


def test_tabs_and_pipes_are_cells_with_and_without_rules() -> None:
    text = "Code\tDescription, in words\tPA Required\nE0601\tx, y\tYes\n"
    assert [row.cells for row in rows_of(text)][1] == ("E0601", "x, y", "Yes")
    (row,) = rows_of("| E0601 | x | Yes |\n")
    assert row.cells == ("E0601", "x", "Yes")


def test_a_file_of_nothing_is_refused() -> None:
    with pytest.raises(ExtractionError, match="no text"):
        read(" \n\f\n")
