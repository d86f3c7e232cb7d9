"""Headers and their labels, as rows of cells written out here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.lists.headers import (
    Header,
    Labels,
    is_code,
    label_key,
    match_header,
    stacked_fault,
    stacked_header,
)
from schemas.codes import header_key, parse_expression
from schemas.source import TableRules


def labels(**said: Any) -> Labels:
    return Labels(
        TableRules.model_validate(
            {
                "columns": {
                    "code": ["CPT® Code", "Codes From"],
                    "code_to": ["Codes To", "To"],
                    "pa": ["Prior Authorization Required?"],
                    "description": ["Description"],
                },
                "layouts": [
                    ["code", "description", "pa"],
                    ["code", "code_to", "pa"],
                    ["code", "pa"],
                ],
                "statuses": {"Yes": "required"},
            }
            | said
        )
    )


def matched(*cells: str, **said: Any) -> Header | None:
    return match_header(cells, labels(**said))


def fault(*cells: str, **said: Any) -> str | None:
    found = matched(*cells, **said)
    assert found is not None
    return found.fault


@pytest.mark.parametrize(
    "code",
    [
        "CPT® Code", "CPT™ CODE*", "cpt  code†", "CPT\nCode", "CP\nT Co-\nde",
        "CPT\u00a0Code", "CPT\u200b Co\u00adde", "CPT Code²", "ＣＰＴ Code",
    ],
)  # fmt: skip
def test_label_with_other_marks_breaks_spacing_and_case_is_the_same(code: str) -> None:
    assert fault(code, "Prior Authori-\nzation Required?") is None


@given(st.text(st.characters(max_codepoint=127)))
def test_short_way_to_a_label_is_the_long_way(cell: str) -> None:
    assert label_key(cell) == header_key(cell)


@given(st.text("A4K0 -–,;+*®19\nLx", max_size=12))
def test_cheap_test_for_codes_passes_all_that_the_parser_reads(cell: str) -> None:
    assert is_code(cell) == (parse_expression(cell) is not None)


def test_row_with_a_code_is_no_header() -> None:
    assert matched("CPT Code", "Description", "A1000") is None


def test_row_with_one_label_alone_is_no_header() -> None:
    assert matched("Description", "", "") is None


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (("CPT Code", "Description", "Zone"), "unknown column 'Zone'"),
        (("Page 3 of 7 CPT Code", "Description", "Prior Authorization Required?"),
         "unknown column 'Page 3 of 7 CPT Code'"),
        (("CPT Code", "Description", ""), "column 'pa' ('Prior Authorization Required?')"),
        (("CPT Code", "Description", "Description", "Prior Authorization Required?"), "twice"),
        (("CPT Code", "Codes To", "Description", "Prior Authorization Required?"),
         "in no layout together with the others"),
    ],
)  # fmt: skip
def test_fault_of_a_header_names_the_column(cells: tuple[str, ...], reason: str) -> None:
    assert reason in str(fault(*cells))


def test_label_that_needs_no_name_is_neither_unknown_nor_of_a_layout() -> None:
    found = matched(
        "CPT Code",
        "Prior Authorization Required?",
        "Rate 1/1 to\n3/31",
        "",
        extra_columns=["Rate .*"],
    )
    assert found is not None
    assert found.fault is None
    (part,) = found.parts
    assert part.labels[-1] == (2, "Rate 1/1 to 3/31")
    assert part.unlabelled == (3,)


def test_label_above_several_columns_is_read_for_each_that_the_source_names_so() -> None:
    found = stacked_header(
        [
            ("Codes", "", "Prior", ""),
            ("From", "To", "Authorization", ""),
            ("", "", "Required?", ""),
        ],
        labels(),
    )
    assert found is not None
    assert (found.names, found.lines) == (("code", "code_to", "pa"), 3)
    assert found.signature == ("Codes From", "Codes To", "Prior Authorization Required?", "")


def test_title_above_a_header_is_no_part_of_it() -> None:
    below = ("CPT Code", "Prior Authorization Required?")
    assert stacked_header([("Prior", ""), below], labels()) is None
    assert stacked_fault([("Prior", ""), below], labels()) is None


def test_rows_with_a_code_are_never_stacked() -> None:
    rows = [("CPT", "Prior Authorization"), ("Code", "Required?"), ("A1000", "Yes")]
    assert stacked_header(rows, labels()) is not None
    assert stacked_header([rows[0], ("A1000", "Yes"), rows[1]], labels()) is None


def test_header_on_two_lines_with_an_unknown_label_has_a_fault() -> None:
    rows = [("CPT", "Prior Authorization", "Zone"), ("Code", "Required?", "")]
    assert stacked_header(rows, labels()) is None
    found = stacked_fault(rows, labels())
    assert found is not None
    assert found.fault == "unknown column 'Zone'"


def test_same_labels_twice_are_two_lists_side_by_side() -> None:
    found = matched(
        "CPT Code", "Prior Authorization Required?", "",
        "CPT Code", "Prior Authorization Required?",
    )  # fmt: skip
    assert found is not None
    assert found.fault is None
    assert [(part.start, part.end, part.code) for part in found.parts] == [(0, 3, 0), (3, 5, 3)]


def test_lists_side_by_side_with_other_columns_each_are_a_fault() -> None:
    assert fault(
        "CPT Code", "Prior Authorization Required?",
        "CPT Code", "Description", "Prior Authorization Required?",
    ) == "column 'code' twice"  # fmt: skip
