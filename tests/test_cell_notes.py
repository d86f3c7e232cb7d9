"""The words beside codes in a cell: what they date, and what is not read at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from extractors.lists.cell_notes import CodeCell, compiled, read_code_cell
from schemas.source import CellNote
from schemas.states import states_in

SINCE = CellNote(
    pattern=r"Effective (?P<effective_from>[\d/]+):", means="since that day", applies="below"
)
REMOVED = CellNote(
    pattern=r"(?P<codes>[A-Z]\d{4}(?:, [A-Z]\d{4})*) removed (?P<effective_to>[\d/]+)",
    means="until that day",
    applies="named",
)
PAUSED = CellNote(
    pattern=r"paused(?: (?P<effective_from>[\d/]+))?(?: to (?P<effective_to>[\d/]+))?",
    means="not asked for between these days",
    applies="above",
    status="suspended",
)
PHASED = CellNote(
    pattern=r"In (?P<states>[A-Z, ]+) (?P<effective_from>[\d/]+)"
    r"(?:, else (?P<elsewhere_from>[\d/]+))?:",
    means="since these days",
    applies="below",
)
NOTES = compiled((SINCE, REMOVED, PAUSED, PHASED))


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


def rules(cell: str) -> list[tuple[str, str | None, str | None, str | None, str | None]]:
    found = read(cell)
    assert found.fault is None
    return [
        (one.span.code, one.state, one.status, one.effective_from, one.effective_to)
        for one in found.codes
    ]


def test_range_of_which_notes_say_the_same_as_of_a_code_in_it_is_read() -> None:
    found = dates("Effective 1/1/2025: A1000-A1008, A1005 *A2000 removed 7/1/2025")
    assert [code for code, _, _ in found] == ["A1000", "A1005", "A2000"]


def test_note_on_one_modifier_says_nothing_of_another() -> None:
    assert dates("A1000-NU Effective 1/1/2025: A1000-RR") == [
        ("A1000", None, None),
        ("A1000", "1/1/2025", None),
    ]


def test_note_with_a_status_parts_the_codes_before_it_in_time() -> None:
    assert rules("A1000 Effective 1/1/2025: A1001, A1002 paused 7/1/2025 to 8/1/2025 A1003") == [
        ("A1000", None, None, None, None),
        ("A1001", None, None, "1/1/2025", "7/1/2025"),
        ("A1001", None, "suspended", "7/1/2025", "8/1/2025"),
        ("A1001", None, None, "8/1/2025", None),
        ("A1002", None, None, "1/1/2025", "7/1/2025"),
        ("A1002", None, "suspended", "7/1/2025", "8/1/2025"),
        ("A1002", None, None, "8/1/2025", None),
        ("A1003", None, None, "1/1/2025", None),
    ]


def test_note_behind_a_mark_is_of_the_codes_that_carry_it() -> None:
    assert rules("A1000*\nA1001†, A1002*\n* paused 7/1/2025 to 8/1/2025\nA1003") == [
        ("A1000", None, None, None, "7/1/2025"),
        ("A1000", None, "suspended", "7/1/2025", "8/1/2025"),
        ("A1000", None, None, "8/1/2025", None),
        ("A1001", None, None, None, None),
        ("A1002", None, None, None, "7/1/2025"),
        ("A1002", None, "suspended", "7/1/2025", "8/1/2025"),
        ("A1002", None, None, "8/1/2025", None),
        ("A1003", None, None, None, None),
    ]
    marks = [code.span.marks for code in read("A1000*, A1001† * paused 7/1/2025").codes]
    assert marks == [(), (), ("†",)]


def test_status_before_the_code_joined_the_list_begins_with_it() -> None:
    assert rules("Effective 7/1/2025: A1000 paused 1/1/2025 to 8/1/2025") == [
        ("A1000", None, "suspended", "7/1/2025", "8/1/2025"),
        ("A1000", None, None, "8/1/2025", None),
    ]


def test_states_have_a_rule_each_and_all_others_one_without_state() -> None:
    assert rules("In OH, TX 1/1/2025, else 7/1/2025: A1000 *A1000 removed 8/1/2025") == [
        ("A1000", "OH", None, "1/1/2025", "8/1/2025"),
        ("A1000", "TX", None, "1/1/2025", "8/1/2025"),
        ("A1000", None, None, "7/1/2025", "8/1/2025"),
    ]
    assert rules("In OH 1/1/2025: A1000") == [("A1000", "OH", None, "1/1/2025", None)]


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
        ("A1000 A1001 removed 1/1/2025", "of which codes 'A1001 removed 1/1/2025' in the code"),
        ("A1000,\nA1001 removed 1/1/2025", "of which codes 'A1000, A1001 removed 1/1/2025'"),
        ("A1000\nA1001\nremoved 1/1/2025", "of which codes 'A1001 removed 1/1/2025'"),
        ("A1000\nA1001\npaused 1/1/2025", "of which codes 'paused 1/1/2025' in the code cell"),
        ("A1000 † paused 1/1/2025", "'† paused 1/1/2025' in the code cell dates no code"),
        ("Effective 1/1/2025: A1000 paused to 7/1/2025", "since when A1000 is suspended"),
        ("A1000 paused 7/1/2025 to 1/1/2025", "A1000 is suspended from '7/1/2025' until"),
        ("In OH, XX 1/1/2025: A1000", "'XX' among the states of A1000 in the code cell is no"),
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


@pytest.mark.parametrize(
    ("applies", "pattern", "status", "said"),
    [
        ("below", "since", None, "needs a group effective_from or effective_to"),
        ("below", "(?P<codes>A) (?P<effective_from>x)", None, "group codes belongs"),
        ("named", "(?P<effective_from>x)", None, "group codes belongs"),
        ("below", "(?P<effective_from>x)(?P<state>y)", None, "group 'state' is not one of"),
        ("below", "(?P<effective_to>x)(?P<states>y)", None, "states needs the group effective_fr"),
        ("below", "(?P<effective_from>x)(?P<states>y)", "suspended", "and no status"),
        ("below", "(?P<effective_from>x)(?P<elsewhere_from>y)", None, "needs the group states"),
        ("below", "(?P<effective_from>x)", "paused", "paused"),
    ],
)
def test_note_that_would_say_nothing_or_too_much_is_no_note(
    applies: str, pattern: str, status: str | None, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        CellNote.model_validate(
            {"applies": applies, "pattern": pattern, "status": status, "means": "x"}
        )


def test_states_are_named_in_words_or_letters() -> None:
    assert states_in("CA, florida; New York and DC & West Virginia, CA") == (
        *("CA", "FL", "NY", "DC", "WV"),
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("", ""), ("ca", "ca"), ("CA, ", ""), ("Ohio, Columbia", "Columbia"), ("CA FL", "CA FL")],
)
def test_name_of_no_state_is_told(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrong}$"):
        states_in(text)


def test_without_notes_of_the_source_words_are_never_read() -> None:
    found = read_code_cell("A1000 Effective 1/1/2025: A1001", ())
    assert (found.codes, found.fault) == (
        (),
        "'A1000 Effective 1/1/2025: A1001' is not a code",
    )


def test_pattern_that_matches_nothing_at_all_finds_nothing() -> None:
    empty = CellNote(pattern="(?P<effective_from>x*)", means="x", applies="below")
    assert read_code_cell("A1000 words", compiled((empty,))).fault is not None


@given(st.text(alphabet="AL10 ,*¹†\nEfectiv:/25rmod-xpausdInOH", max_size=60))
def test_any_cell_has_codes_or_a_fault_and_never_both(cell: str) -> None:
    found = read(cell)
    assert bool(found.codes) != bool(found.fault)
