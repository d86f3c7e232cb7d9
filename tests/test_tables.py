"""Header logic on small lists written out here: one situation a test."""

from __future__ import annotations

from typing import Any

from extractors.lists.duplicates import DUPLICATE
from extractors.lists.lookahead import ABOVE_HEADER, NO_LIST
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


def test_carried_cell_ends_with_its_section() -> None:
    found = read(
        "Category\tCode\tPA Required?", "DME\tA1000\tYes", "List: Two", "\tA1001\tYes",
        carry_down=["category"],
    )  # fmt: skip
    assert [row.cells["category"] for row in found.rows] == ["DME", ""]


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


def row(line: int, *cells: str, page: int = 1, table: int = 1, **said: Any) -> Row:
    return Row(Place(page, line, said.pop("bbox", None)), cells, "\t".join(cells), table, **said)


def drawn(
    *lines: Row | Passage, pages: int = 9, sheets: tuple[str, ...] = (), **said: Any
) -> Assembly:
    """What is assembled of the lines of a format with pages."""
    reading = Reading(lines, len(lines), pages, sheets=sheets)
    return assemble(reading, rules(**said))


def codes(assembly: Assembly) -> list[str]:
    return [row.cells["code"] for row in assembly.rows]


def balanced(assembly: Assembly) -> bool:
    return assembly.tally.unaccounted == 0 and not any(p.holds for p in assembly.problems)


LABELS = ("Code", "Description", "PA Required?")


def test_table_without_a_header_has_the_last_header_of_as_many_columns() -> None:
    found = drawn(
        row(1, *LABELS),
        row(2, "A1000", "x", "Yes"),
        row(1, "Category", "Code", "PA Required?", page=2, table=2),
        row(2, "DME", "A1001", "Yes", page=2, table=2),
        row(1, "DME", "A1002", "Yes", page=3, table=3),
    )
    assert codes(found) == ["A1000", "A1001", "A1002"]
    assert found.rows[2].cells["category"] == "DME"
    (remark,) = found.problems
    assert not remark.holds
    assert str(remark).startswith("page 3, line 1: 1 tables without a header of their own")
    assert balanced(found)


def test_table_of_another_width_without_a_header_becomes_rows_with_faults() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "x", "Yes"), row(1, "A1001", "Yes", page=2, table=2)
    )
    assert found.rows[1].fault == "the row has 2 cells where its header has 3"


def test_rows_of_two_tables_side_by_side_are_each_read_under_their_own_header() -> None:
    left, right = (0.0, 0.0, 90.0, 9.0), (110.0, 0.0, 200.0, 9.0)
    found = drawn(
        row(1, *LABELS, bbox=left),
        row(2, "PA Required?", "Code", "Description", table=2, bbox=right),
        row(3, "A1000", "x", "Yes", bbox=left),
        row(4, "Yes", "A1001", "y", table=2, bbox=right),
        row(5, "A1002", "x", "Yes", bbox=left),
        row(6, "Yes", "A1003", "y", table=2, bbox=right),
    )
    assert codes(found) == ["A1000", "A1001", "A1002", "A1003"]
    assert [cell["pa"] for cell in cells(found)] == ["Yes"] * 4
    assert balanced(found)


def test_cell_printed_once_is_not_carried_into_the_table_beside() -> None:
    left, right = (0.0, 0.0, 90.0, 9.0), (110.0, 0.0, 200.0, 9.0)
    found = drawn(
        row(1, "Category", "Code", "PA Required?", bbox=left),
        row(2, "DME", "A1000", "Yes", bbox=left),
        row(3, "", "A1001", "Yes", table=2, bbox=right),
        row(4, "", "A1002", "Yes", table=3, bbox=left, page=2),
        carry_down=["category"],
    )
    assert [cell["category"] for cell in cells(found)] == ["DME", "", ""]


def test_lists_side_by_side_in_one_row_become_a_row_each() -> None:
    found = drawn(
        row(1, "Code", "PA Required?", "Code", "PA Required?"),
        row(2, "A1000", "Yes", "A1001", "No"),
        row(3, "A1002", "Yes", "", ""),
        layouts=[["code", "pa"]],
        statuses={"Yes": "required", "No": "not_required"},
    )
    assert codes(found) == ["A1000", "A1001", "A1002"]
    assert [r.printed for r in found.rows[:2]] == [("A1000", "Yes"), ("A1001", "No")]
    assert [r.place.line for r in found.rows] == [2, 2, 3]
    assert found.tally.row_lines == 2
    assert balanced(found)


def test_header_on_two_lines_counts_as_two_header_lines() -> None:
    found = drawn(
        row(1, "", "", "PA"),
        row(2, "Code", "Description", "Required?"),
        row(3, "A1000", "x", "Yes"),
        row(1, "Code", "", "PA", page=2),
        row(2, "", "Description", "Required?", page=2),
        row(3, "A1001", "y", "Yes", page=2),
    )
    assert codes(found) == ["A1000", "A1001"]
    assert found.tally.headers == 4
    assert balanced(found)


def test_unknown_column_under_a_header_on_two_lines_is_named() -> None:
    found = drawn(
        row(1, "CPT", "Descrip-", "Zone"),
        row(2, "Code", "tion", "Number"),
        row(3, "A1000", "x", "7"),
    )
    (problem,) = found.problems
    assert "unknown column 'Zone Number'" in str(problem)
    assert found.tally.unaccounted == 0


def test_title_over_the_whole_width_that_a_rule_explains_is_carried() -> None:
    found = drawn(row(1, *LABELS), row(2, "List: One", "", ""), row(3, "A1000", "x", "Yes"))
    assert found.rows[0].carried == {"section": "One"}
    assert balanced(found)


def test_title_over_the_whole_width_that_no_rule_explains_is_a_problem_and_no_row() -> None:
    found = drawn(row(1, *LABELS), row(2, "Orthotics", "", ""), row(3, "A1000", "x", "Yes"))
    assert codes(found) == ["A1000"]
    (problem,) = found.problems
    assert problem.holds
    assert "'Orthotics" in str(problem)
    assert found.tally.unaccounted == 1


def test_codes_alone_in_a_row_may_be_a_title_and_have_a_fault() -> None:
    found = drawn(
        row(1, "Code", "Description"),
        row(2, "K0800-K0898", ""),
        row(3, "K0801", "x"),
        layouts=[["code", "description"]],
        columns={"code": ["Code"], "description": ["Description"]},
        statuses={},
        listed_means="required",
    )
    assert [r.fault for r in found.rows] == [
        "only its code cell is filled; it may be a title",
        None,
    ]


def test_section_of_a_sheet_ends_with_it_and_that_of_a_cover_does_not() -> None:
    found = drawn(
        row(1, "List: All"),
        row(1, "List: One", page=2, table=2), row(2, *LABELS, page=2, table=2),
        row(3, "A1000", "x", "Yes", page=2, table=2),
        row(1, *LABELS, page=3, table=3), row(2, "A1001", "y", "Yes", page=3, table=3),
        sheets=("Cover", "One", "Two"),
    )  # fmt: skip
    assert [r.carried["section"] for r in found.rows] == ["One", "All"]


def test_continued_section_is_the_same_section() -> None:
    found = read(
        "List: Orthoses", HEADER, "A1000\tx\tYes", "List: Orthoses (cont.)", HEADER, "A1001\ty\tYes"
    )
    assert {r.carried["section"] for r in found.rows} == {"Orthoses"}


def test_continued_label_is_the_value_above_and_another_one_is_taken_at_its_word() -> None:
    header = "Category\tCode\tPA Required?"
    found = read(
        header, "Shoulder\tA1000\tYes", "Shoulder (Cont'd)\tA1001\tYes", "\tA1002\tYes",
        "Knee (continued)\tA1003\tYes", "\tA1004\tYes", carry_down=["category"],
    )  # fmt: skip
    assert [cell["category"] for cell in cells(found)] == [
        "Shoulder", "Shoulder", "Shoulder", "Knee", "Knee",
    ]  # fmt: skip
    assert found.rows[1].printed[0] == "Shoulder (Cont'd)"


def test_row_cut_by_a_page_break_takes_the_value_that_it_lacks_from_its_second_half() -> None:
    found = drawn(
        row(1, *LABELS),
        row(2, "A1000", "long", ""),
        row(1, "", "text", "Yes", page=2, table=2),
        row(2, "A1001", "y", "Yes", page=2, table=2),
        wrapped_rows="page_break",
    )
    assert cells(found)[0] == {"code": "A1000", "description": "long\ntext", "pa": "Yes"}
    assert found.tally.ignored == {CONTINUATION: 1}
    assert balanced(found)


def test_halves_of_a_row_that_cannot_be_told_both_have_a_fault() -> None:
    cut = (
        row(1, *LABELS),
        row(2, "A0999", "x", "Yes"),
        row(3, "A1000", "long", "Y"),
        row(1, "", "text", "es", page=2, table=2),
        row(2, "A1001", "y", "Yes", page=2, table=2),
    )
    for wrapped in ("never", "page_break"):
        found = drawn(*cut, wrapped_rows=wrapped)
        assert [bool(r.fault) for r in found.rows] == [False, True, True, False]
        assert "the lower has no code" in str(found.rows[1].fault)
        assert balanced(found)


def test_row_without_value_before_a_page_break_makes_the_next_row_doubtful() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "x", ""), row(1, "A1001", "y", "Yes", page=2, table=2)
    )
    assert all("the upper has no PA value" in str(r.fault) for r in found.rows)


def test_words_below_a_row_that_are_not_joined_make_the_row_doubtful() -> None:
    found = drawn(row(1, *LABELS), row(2, "A1000", "unless", "Yes"), row(3, "", "billed", ""))
    assert all(r.fault for r in found.rows)


def test_value_alone_below_a_row_without_one_makes_both_doubtful() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "unless", ""), row(3, "", "billed", "Yes"),
        statuses={"Yes": "required", "": "not_required"},
    )  # fmt: skip
    assert all("the lower has a PA value and no code" in str(r.fault) for r in found.rows)


def test_section_between_two_rows_keeps_them_apart() -> None:
    found = read(
        "List: One", HEADER, "A1000\tx\tYes", "List: Two", HEADER, "\ty\t", wrapped_rows="anywhere"
    )
    assert len(found.rows) == 2


def test_codes_below_a_row_with_a_value_are_more_codes_of_it() -> None:
    lines = ("Category\tCode\tPA Required?", "Knee\t27440, 27441\tYes", "\t27442 27443\t")
    (joined,) = read(*lines, wrapped_rows="anywhere").rows
    assert joined.cells["code"] == "27440, 27441\n27442 27443"
    blank = read(*lines, wrapped_rows="anywhere", statuses={"Yes": "required", "": "not_required"})
    assert len(blank.rows) == 2


def test_grid_of_codes_over_cells_without_label_is_one_cell_with_a_line_each() -> None:
    found = drawn(
        row(1, "Category", "Code", "", ""),
        row(2, "Knee", "27440", "27441", "27442"),
        row(3, "", "27443", "", ""),
        columns={"code": ["Code"], "category": ["Category"]},
        layouts=[["category", "code"]],
        statuses={},
        listed_means="required",
        carry_down=["category"],
    )
    assert [(c["category"], c["code"]) for c in cells(found)] == [
        ("Knee", "27440\n27441\n27442"), ("Knee", "27443"),
    ]  # fmt: skip
    assert found.rows[0].labelled == (("Category", "Knee"), ("Code", "27440\n27441\n27442"))
    assert balanced(found)


def test_code_in_a_column_of_words_is_a_fault() -> None:
    (found,) = read(HEADER, "A1000\tA1001\tYes").rows
    assert found.fault == "'A1001' is a code, but stands in the column 'description'"


def test_cell_under_no_label_is_a_fault_that_names_it() -> None:
    found = drawn(
        row(1, "Code", "Description", "", "PA Required?"),
        row(2, "A1000", "x", "y", "Yes"),
        row(3, "A1001", "x", "", "Yes"),
    )
    assert [r.fault for r in found.rows] == ["'y' stands in a column without a label", None]


def test_exact_duplicate_is_left_out_and_a_row_that_differs_in_a_cell_stays() -> None:
    found = read(HEADER, "A1000\tx\tYes", "A1001\tx\tYes", "A1000\tx\tYes", "A1000\ty\tYes")
    assert codes(found) == ["A1000", "A1001", "A1000"]
    assert found.tally.ignored == {DUPLICATE: 1}
    (remark,) = found.problems
    assert not remark.holds
    assert "line 4: 1 exact duplicates" in str(remark)
    assert balanced(found)


def test_same_row_in_another_section_is_no_duplicate() -> None:
    found = read("List: One", HEADER, "A1000\tx\tYes", "List: Two", HEADER, "A1000\tx\tYes")
    assert len(found.rows) == 2


def test_row_that_its_reader_doubts_is_kept_with_its_cells_fault_and_flags() -> None:
    (found,) = drawn(
        row(1, *LABELS),
        row(2, "A1000", "x", "Yes", fault="the row is hidden", flags=("text_over_border",)),
    ).rows
    assert found.fault == "the row is hidden"
    assert found.flags == ("text_over_border",)
    assert found.cells["code"] == "A1000"


def test_list_without_pa_column_is_read_by_the_columns_it_has() -> None:
    presence: dict[str, Any] = {
        "columns": {"description": ["Procedure"], "code": ["CPT code(s)"]},
        "layouts": [["description", "code"]],
        "statuses": {},
        "listed_means": "required",
    }
    found = read("Procedure\tCPT code(s)", "Knee\t27440, 27441", "Hip\tcall us", **presence)
    assert codes(found) == ["27440, 27441", "call us"]
    assert balanced(found)


def test_list_of_one_column_has_a_header_of_one_label() -> None:
    one: dict[str, Any] = {
        "columns": {"code": ["Code"]}, "layouts": [["code"]], "statuses": {},
        "listed_means": "required",
    }  # fmt: skip
    found = drawn(row(1, "Code"), row(2, "A1000"), row(3, "A1001"), **one)
    assert codes(found) == ["A1000", "A1001"]
    assert balanced(found)


def test_damaged_row_of_a_list_with_marked_columns_is_no_header() -> None:
    marked: dict[str, Any] = {
        "columns": {"code": ["Code"], "pa_yes": ["PA"], "pa_no": ["No PA"]},
        "layouts": [["code", "pa_yes", "pa_no"]],
        "statuses": {},
        "marked": {"pa_yes": "required", "pa_no": "not_required"},
    }
    found = read("Code\tPA\tNo PA", "A1000\tX\t", "A1OOO\t\tx", "Item\tAsk\tFree", **marked)
    assert len(found.rows) == 2
    assert "'Item | Ask | Free'" in str(found.problems[0])


def test_reference_list_without_code_and_pa_columns_is_read() -> None:
    found = read(
        "Company\tNotice Date\tEmployees", "Acme\t1/2/2026\t7", "Bolt\t1/3/2026\t9",
        columns={"company": ["Company"], "noticed": ["Notice Date"]},
        layouts=[["company", "noticed"]],
        statuses={},
        extra_columns=["Employ.*"],
    )  # fmt: skip
    assert cells(found)[1] == {"company": "Bolt", "noticed": "1/3/2026"}
    assert found.rows[1].labelled == (
        ("Company", "Bolt"), ("Notice Date", "1/3/2026"), ("Employees", "9"),
    )  # fmt: skip
    assert balanced(found)


def test_lines_above_the_header_of_a_sheet_are_passed_over_and_named() -> None:
    found = drawn(
        row(1, "Acme list", "", ""),
        row(2, "Revised", "2026-01-01", ""),
        row(3, *LABELS),
        row(4, "A1000", "x"),
        row(1, "Instructions", page=2, table=2),
        row(2, "Call us", page=2, table=2),
        sheets=("List", "Help"),
        statuses={"Yes": "required"},
    )
    assert codes(found) == ["A1000"]
    assert found.tally.ignored == {ABOVE_HEADER: 2, NO_LIST: 2}
    assert "'Acme list / Revised 2026-01-01'" in str(found.problems[0])
    assert balanced(found)


def test_code_above_the_header_of_a_sheet_is_a_problem() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "x", "Yes"),
        row(1, "A1001", "y", "Yes", page=2, table=2), row(2, *LABELS, page=2, table=2),
        sheets=("One", "Two"),
    )  # fmt: skip
    assert "a row before any header" in str(found.problems[0])
    assert codes(found) == ["A1000"]


def test_table_without_codes_above_the_list_is_passed_over() -> None:
    found = drawn(
        row(1, "Menu", "Link"), row(2, "x", "y"),
        row(3, *LABELS, table=2), row(4, "A1000", "x", "Yes", table=2),
    )  # fmt: skip
    assert found.tally.ignored == {NO_LIST: 2}
    assert balanced(found)


def test_words_above_the_header_in_the_lists_own_table_are_a_problem() -> None:
    found = drawn(row(1, "Acme", "list", ""), row(2, *LABELS), row(3, "A1000", "x", "Yes"))
    assert "a row before any header" in str(found.problems[0])


def test_rule_for_a_line_comes_before_a_header_with_a_fault() -> None:
    ignored = {"rule": "legend", "pattern": "Code Description of columns"}
    found = read(HEADER, "Code\tDescription\tof columns", "A1000\tx\tYes", lines=[ignored])
    assert codes(found) == ["A1000"]
    assert found.tally.ignored == {"legend": 1}


def test_columns_in_an_order_of_no_layout_are_read_by_name_and_remarked() -> None:
    found = read("PA Required?\tDescription\tCode", "Yes\tx\tA1000")
    assert codes(found) == ["A1000"]
    (remark,) = found.problems
    assert not remark.holds
    assert "another order" in str(remark)


def test_second_table_of_a_sheet_without_header_is_read_under_the_header_above_it() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "x", "Yes"), row(4, "A1001", "y", "Yes", table=2),
        sheets=("List",),
    )  # fmt: skip
    assert codes(found) == ["A1000", "A1001"]
    assert balanced(found)


def test_sheet_without_header_is_held_though_its_rows_have_as_many_columns() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "x", "Yes"), row(1, "A1001", "y", "Yes", page=2, table=2),
        sheets=("List", "Removed codes"),
    )  # fmt: skip
    (problem,) = [problem for problem in found.problems if problem.holds]
    assert "a sheet without a header of its own" in str(problem)
    assert problem.place == Place(2, 1)


def test_label_known_by_its_lower_line_alone_is_told_whole() -> None:
    found = drawn(
        row(1, "Code", "Description", "Plan"), row(2, "", "", "PA Required?"), row(3, "A1", "x", "")
    )
    assert "as 'Plan PA Required?'" in str(found.problems[0])


def test_header_of_another_sheet_that_cannot_be_read_names_the_key_that_chooses() -> None:
    found = drawn(
        row(1, *LABELS), row(2, "A1000", "x", "Yes"),
        row(1, "Code", "Description", "Change", page=2, table=2),
        sheets=("List", "Revisions"),
    )  # fmt: skip
    assert "'Change'" in str(found.problems[0])
    assert "table.sheets" in str(found.problems[0])


def test_many_rows_before_any_header_are_told_by_the_first_of_them() -> None:
    found = drawn(*(row(line, f"A{line:04d}", "x", "Yes") for line in range(1, 101)))
    assert len(found.problems) == 22
    assert "100 rows stand before any header" in str(found.problems[-1])
