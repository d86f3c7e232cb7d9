"""Header logic on small lists written out here: one situation a test."""

from __future__ import annotations

from typing import Any

from extractors.reading import Passage, Reading, Row
from extractors.tables import BELOW_BAD_HEADER, CONTINUATION, Assembly, assemble
from extractors.text import read_text
from schemas.provenance import Place
from schemas.source import TableRules

HEADER = "Code\tDescription\tPA Required?"


def rules(**said: Any) -> TableRules:
    return TableRules.model_validate(
        {
            "columns": {
                "code": ["Code", "CPT® Code"],
                "description": ["Description"],
                "pa": ["PA Required?", "Prior Authorization Required?"],
                "category": ["Category"],
            },
            "layouts": [["code", "description", "pa"], ["category", "code", "pa"]],
            "statuses": {"Yes": "required"},
            "lines": [
                {"rule": "title", "pattern": "List: (?P<section>.+)"},
                {"rule": "page_number", "pattern": r"Page \d+ of \d+"},
            ],
        }
        | said
    )


def read(*lines: str, **said: Any) -> Assembly:
    return assemble(read_text("\n".join(lines).encode()), rules(**said))


def cells(assembly: Assembly) -> list[dict[str, str]]:
    return [row.cells for row in assembly.rows]


def test_header_repeated_with_other_case_spacing_and_marks_is_dropped() -> None:
    found = read(
        HEADER, "A1000\tx\tYes", "CPT®  CODE\tdescription\tPA  REQUIRED ?", "A1001\ty\tYes"
    )
    assert [row.cells["code"] for row in found.rows] == ["A1000", "A1001"]
    assert [row.place.page for row in found.rows] == [1, 2]
    assert (found.tally.headers, found.tally.unaccounted, found.problems) == (2, 0, ())


def test_columns_in_another_order_after_a_section_break_are_read_by_name() -> None:
    found = read(HEADER, "A1000\tx\tYes", "PA Required?\tCode\tDescription", "Yes\tA1001\ty")
    assert cells(found)[1] == {"code": "A1001", "description": "y", "pa": "Yes"}


def test_second_layout_has_its_own_columns() -> None:
    found = read(HEADER, "A1000\tx\tYes", "Category\tCode\tPA Required?", "DME\tA1001\tYes")
    assert cells(found)[1] == {"category": "DME", "code": "A1001", "pa": "Yes"}


def test_title_is_carried_to_the_rows_below_it() -> None:
    found = read("List: One", HEADER, "A1000\tx\tYes", "List: Two", HEADER, "A1001\ty\tYes")
    assert [row.carried["section"] for row in found.rows] == ["One", "Two"]
    assert found.tally.ignored == {"title": 2}


def test_header_with_an_unknown_column_is_a_problem_that_names_the_line() -> None:
    found = read(HEADER, "A1000\tx\tYes", "Code\tDescription\tPA Required?\tTier", "A1\tx\tYes\t1")
    (problem,) = found.problems
    assert problem.holds
    assert "unknown column 'Tier'" in str(problem)
    assert "line 3" in str(problem)
    assert len(found.rows) == 1
    assert found.tally.ignored == {BELOW_BAD_HEADER: 1}
    assert found.tally.unaccounted == 0


def test_header_with_a_missing_column_is_a_problem_that_names_the_column() -> None:
    (problem,) = read("Code\tDescription", "A1000\tx").problems
    assert "'PA Required?'" in str(problem)
    assert "missing" in str(problem)


def test_header_with_a_column_twice_is_a_problem() -> None:
    (problem,) = read("Code\tDescription\tPA Required?\tCode", "A1000\tx\tYes\tA1001").problems
    assert "twice" in str(problem)


def test_rows_without_any_header_are_problems_and_no_rows() -> None:
    found = read("A1000\tx\tYes", "A1001\ty\tYes")
    assert found.rows == ()
    assert len(found.problems) == 3
    assert found.tally.unaccounted == 0


def test_line_that_no_rule_explains_is_a_problem_and_stays_unaccounted() -> None:
    found = read(HEADER, "A1000\tx\tYes", "Effective next year")
    (problem,) = found.problems
    assert "'Effective next year'" in str(problem)
    assert found.tally.unaccounted == 1


def test_row_with_too_few_cells_is_kept_with_its_fault() -> None:
    found = read(HEADER, "A1000\tYes", "A1001\ty\tYes")
    first, second = found.rows
    assert first.fault == "the row has 2 cells where its header has 3"
    assert (first.cells, first.printed) == ({}, ("A1000", "Yes"))
    assert second.fault is None


def test_empty_cells_beyond_the_header_are_no_fault_and_others_are() -> None:
    first, second = read(HEADER, "A1000\tx\tYes\t", "A1001\ty\tYes\tz").rows
    assert first.fault is None
    assert second.fault == "the row has 4 cells where its header has 3"


def test_wrapped_row_is_joined_only_where_the_source_says_so() -> None:
    lines = (HEADER, "A1000\tlong\tYes", "\tdescription\t")
    (joined,) = read(*lines, wrapped_rows="anywhere").rows
    assert joined.cells["description"] == "long\ndescription"
    assert joined.raw_text == "A1000\tlong\tYes\n\tdescription\t"
    assert len(read(*lines).rows) == 2


def test_row_cut_by_a_page_break_is_joined_across_the_header() -> None:
    found = read(
        HEADER, "A1000\tlong\tYes", HEADER, "\tdescription\t", "\tlost\t", wrapped_rows="page_break"
    )
    first, second = found.rows
    assert first.cells["description"] == "long\ndescription"
    assert first.place == Place(1, 2)
    assert second.cells["description"] == "lost"
    assert found.tally.ignored == {CONTINUATION: 1}
    assert found.tally.unaccounted == 0


def test_cell_printed_once_is_carried_down_only_where_the_source_says_so() -> None:
    lines = ("Category\tCode\tPA Required?", "DME\tA1000\tYes", "\tA1001\tYes")
    assert [c["category"] for c in cells(read(*lines, carry_down=["category"]))] == ["DME", "DME"]
    assert [c["category"] for c in cells(read(*lines))] == ["DME", ""]


def test_carried_cell_ends_at_the_next_header() -> None:
    header = "Category\tCode\tPA Required?"
    found = read(header, "DME\tA1000\tYes", header, "\tA1001\tYes", carry_down=["category"])
    assert cells(found)[1]["category"] == ""


def test_pages_of_a_paged_format_are_the_formats_own() -> None:
    reading = Reading(
        lines=(
            Row(Place(3, 1), tuple(HEADER.split("\t")), HEADER, 1),
            Row(Place(3, 2), ("A1000", "x", "Yes"), "A1000\tx\tYes", 1),
            Passage(Place(4, 1), "Page 4 of 4", "Page 4 of 4"),
        ),
        lines_seen=3,
        pages=4,
    )
    found = assemble(reading, rules())
    assert (found.rows[0].place.page, found.pages, found.tally.unaccounted) == (3, 4, 0)


def test_data_row_that_holds_a_header_word_is_still_a_row() -> None:
    found = read(HEADER, "A1000\tDescription\tYes", "A1001\tCode\tYes")
    assert len(found.rows) == 2
    assert found.problems == ()


def test_header_whose_columns_were_all_renamed_is_a_problem_and_hides_what_is_below() -> None:
    found = read(HEADER, "A1000\tx\tYes", "Procedure\tText\tAuth", "A1001\ty\tYes")
    (problem,) = found.problems
    assert "'Procedure | Text | Auth'" in str(problem)
    assert str(problem).startswith("page 2, line 3")
    assert [row.cells["code"] for row in found.rows] == ["A1000"]
    assert found.tally.ignored == {BELOW_BAD_HEADER: 1}


def test_row_with_a_damaged_code_or_value_alone_is_no_header() -> None:
    found = read(HEADER, "A1OOO\tx\tYes", "A1001\ty\tPerhaps")
    assert len(found.rows) == 2
    assert found.problems == ()
