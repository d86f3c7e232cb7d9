"""The words beside codes in a cell: what they date, and what is not read at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.lists.cell_notes import CodeCell, compiled, read_code_cell
from schemas.source import CellNote

SINCE = CellNote(
    pattern=r"Effective (?P<effective_from>[\d/]+):", means="since that day", applies="below"
)
REMOVED = CellNote(
    pattern=r"(?P<codes>[A-Z]\d{4}(?:, [A-Z]\d{4})*) removed (?P<effective_to>[\d/]+)",
    means="until that day",
    applies="named",
)
NOTES = compiled((SINCE, REMOVED))


def read(cell: str) -> CodeCell:
    return read_code_cell(cell, NOTES)


def dates(cell: str) -> list[tuple[str, str | None, str | None]]:
    found = read(cell)
    assert found.fault is None
    return [(code.span.code, code.effective_from, code.effective_to) for code in found.codes]


def test_note_dates_the_codes_after_it_up_to_the_next() -> None:
    assert dates("A1000\nEffective 1/1/2025:\nA1001, A1002\nEFFECTIVE 7/1/2025: A1003") == [
        ("A1000", None, None),
        ("A1001", "1/1/2025", None),
        ("A1002", "1/1/2025", None),
        ("A1003", "7/1/2025", None),
    ]


def test_named_note_dates_the_codes_that_it_names_and_no_other() -> None:
    assert dates("A1000 *A1001, A1002 removed 1/1/2025; A1003") == [
        ("A1000", None, None),
        ("A1001", None, "1/1/2025"),
        ("A1002", None, "1/1/2025"),
        ("A1003", None, None),
    ]


def test_code_that_is_listed_and_named_is_one_rule_with_both_dates() -> None:
    found = read("Effective 1/1/2025: A1000*, A1001 *A1000 removed 7/1/2025")
    first, second = found.codes
    assert (first.effective_from, first.effective_to) == ("1/1/2025", "7/1/2025")
    assert first.notes == ("Effective 1/1/2025:", "*A1000 removed 7/1/2025")
    assert first.span.marks == ()
    assert second.effective_to is None


def test_mark_that_the_note_does_not_explain_stays() -> None:
    found = read("A1000**, A1001* *A1001 removed 7/1/2025")
    assert [code.span.marks for code in found.codes] == [("**",), ()]


def test_mark_before_a_note_is_not_one_of_the_code_before_it() -> None:
    found = read("A1000, A1002 *A1001 removed 7/1/2025")
    assert [code.span.marks for code in found.codes] == [(), (), ()]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "the code cell is empty"),
        (" \u00a0", "the code cell is empty"),
        ("I6692", "'I6692' is not a code; it may be 16692 or L6692"),
        ("E06O1*", "'E06O1*' is not a code; it may be E0601"),
        ("see above", "'see above' is not a code"),
        ("A1000 new Effective 1/1/2025: A1001", "'A1000 new' in the code cell is neither"),
        ("A1000 Effective 1/1/2025: A1001 or so", "'A1001 or so' in the code cell is neither"),
        ("A1000 Effective 1/1/2025:", "'Effective 1/1/2025:' in the code cell dates no code"),
        ("A1000, F1001 removed 1/1/2025", "neither codes nor a note"),
        (
            "A1000 removed 1/1/2025 A1000 removed 7/1/2025",
            "the notes in the code cell date A1000 '1/1/2025' and '7/1/2025'",
        ),
    ],
)
def test_cell_that_is_not_codes_and_notes_as_a_whole_gives_no_code(cell: str, said: str) -> None:
    found = read(cell)
    assert found.codes == ()
    assert found.fault is not None
    assert said in found.fault


def test_without_notes_of_the_source_words_are_never_read() -> None:
    found = read_code_cell("A1000 Effective 1/1/2025: A1001", ())
    assert (found.codes, found.fault) == (
        (),
        "'A1000 Effective 1/1/2025: A1001' is not a code",
    )


def test_pattern_that_matches_nothing_at_all_finds_nothing() -> None:
    empty = CellNote(pattern="(?P<effective_from>x*)", means="x", applies="below")
    assert read_code_cell("A1000 words", compiled((empty,))).fault is not None


@given(st.text(alphabet="AL10 ,*¹†\nEfectiv:/25rmod-x", max_size=60))
def test_any_cell_has_codes_or_a_fault_and_never_both(cell: str) -> None:
    found = read(cell)
    assert bool(found.codes) != bool(found.fault)
