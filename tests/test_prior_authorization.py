"""Cells to rules, one situation a test, on small lists written out here."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from extractors.lists.prior_authorization import prior_authorization
from extractors.reading import Problem, Tally
from extractors.records import Record
from extractors.tables import Assembly, ListRow
from flows.registry import load_source
from schemas.provenance import Place
from schemas.source import Source
from tests.conftest import ROOT

COLUMNS = ("category", "code", "description", "pa", "reviewer", "notes")
NOTES = [
    {"pattern": "Purchase only", "means": "x", "condition": {"type": "purchase_only"}},
    {"pattern": r"Required from (?P<effective_from>[\d./]+)", "means": "x"},
    {"pattern": r"Removed (?P<effective_to>[\d./]+)", "means": "no longer on the list"},
    {"pattern": "Call us", "means": "whom to call"},
    {
        "pattern": r"Above \$(?P<value>\d+)",
        "means": "x",
        "condition": {"type": "amount", "operator": ">", "unit": "USD"},
    },
]


def source(columns: tuple[str, ...] = COLUMNS, **said: Any) -> Source:
    shipped = load_source(ROOT / "sources" / "cigna_commercial_dme.yml").model_dump(mode="json")
    table = {
        "columns": {name: [name.replace("_", " ").title()] for name in columns},
        "layouts": [list(columns)],
        "statuses": {"Yes": "required", "No": "not_required", "Maybe": "conditional"},
        "reviewers": {"UM Inc": "UM Incorporated"},
        "notes": NOTES,
    }
    return Source.model_validate(shipped | {"table": table | said})


def row(*cells: str, columns: tuple[str, ...] = COLUMNS, **more: Any) -> ListRow:
    """A row as header logic hands it on; cells left out at its end are empty."""
    cells = (*cells, *("" for _ in columns[len(cells) :]))
    labelled = tuple(zip((name.replace("_", " ").title() for name in columns), cells, strict=True))
    return ListRow(
        place=Place(1, 2),
        cells=dict(zip(columns, cells, strict=True)),
        carried={},
        raw_text="\t".join(cells),
        printed=cells,
        labelled=labelled,
        **more,
    )


def found(
    *rows: ListRow, columns: tuple[str, ...] = COLUMNS, **said: Any
) -> tuple[list[Record], list[Problem]]:
    assembly = Assembly(rows, Tally(len(rows), 0, len(rows)), (), 1, (), {})
    return prior_authorization(assembly, source(columns, **said))


def read(*rows: str, **said: Any) -> list[Record]:
    return found(*(row(*printed.split("\t")) for printed in rows), **said)[0]


def only(printed: str, **said: Any) -> Record:
    (record,) = read(printed, **said)
    return record


def test_unmapped_value_is_named_and_never_given_a_default() -> None:
    record = only("X\tA1000\tx\tPerhaps\tUM Inc\t")
    assert record.values["pa_status"] is None
    assert record.values["pa_raw"] == "Perhaps"
    assert record.faults == ("the PA value is 'Perhaps', which table.statuses does not map",)


def test_empty_value_is_no_default_either() -> None:
    record = only("X\tA1000\tx\t\tUM Inc\t")
    assert record.values["pa_status"] is None
    assert "an empty cell" in record.faults[0]


@pytest.mark.parametrize("printed", ["YES", " yes ", "Y\u200bes", "Ｙｅｓ"])
def test_value_is_compared_without_case_space_and_width(printed: str) -> None:
    assert only(f"X\tA1000\tx\t{printed}\tUM Inc\t").values["pa_status"] == "required"


def test_damaged_code_is_named_and_its_printed_form_kept() -> None:
    record = only("X\tA1OOO\tx\tYes\tUM Inc\t")
    assert (record.values.get("code"), record.values["code_raw"]) == (None, "A1OOO")
    assert record.faults == ("'A1OOO' is not a code; it may be A1000",)


def test_cell_with_several_codes_becomes_as_many_rules_at_one_place() -> None:
    first, second = read("X\tA1000, A1001-A1009\tx\tYes\tUM Inc\t")
    assert (first.values["code"], second.values["code"]) == ("A1000", "A1001")
    assert second.values["code_end"] == "A1009"
    assert first.place == second.place


@pytest.mark.parametrize("status", ["Yes", "Maybe"])
def test_note_limits_a_rule_that_asks_for_something(status: str) -> None:
    record = only(f"X\tA1000\tx\t{status}\tUM Inc\tAbove $500")
    (condition,) = record.values["conditions"]
    assert condition == {
        "type": "amount", "operator": ">", "value": "500", "unit": "USD", "raw": "Above $500",
    }  # fmt: skip


@pytest.mark.parametrize("note", ["Above $500", "Required from 1/1/2027", "PA if billed above $9"])
def test_note_that_asks_for_something_where_the_row_says_no_is_a_fault(note: str) -> None:
    record = only(f"X\tA1000\tx\tNo\tUM Inc\t{note}")
    assert any(note in fault for fault in record.faults)
    assert record.values.get("effective_from") is None


@pytest.mark.parametrize(
    "note", ["No PA required for adults", "Removed from the list", "PA is not needed"]
)
def test_note_that_may_deny_what_the_row_asks_for_is_a_fault(note: str) -> None:
    assert only(f"X\tA1000\tx\tYes\tUM Inc\t{note}").faults == (
        f"the row says required, and its note {note!r} may deny it",
    )


@pytest.mark.parametrize(
    ("printed", "rules"),
    [
        ("26/TC", [["26"], ["TC"]]),
        ("NU, RR or UE", [["NU"], ["RR"], ["UE"]]),
        ("NU, or RR,", [["NU"], ["RR"]]),
        ("KX RR", [["KX", "RR"]]),
        ("", [None]),
    ],
)
def test_row_is_a_rule_of_each_modifier_that_it_names_as_an_alternative(
    printed: str, rules: list[list[str] | None]
) -> None:
    columns = ("code", "modifiers", "pa")
    records, _ = found(row("A1000", printed, "Yes", columns=columns), columns=columns)
    assert [record.values["modifiers"] for record in records] == rules
    assert not any(record.faults for record in records)


def test_what_is_no_modifier_is_a_fault_of_every_rule_of_its_row() -> None:
    columns = ("code", "modifiers", "pa")
    records, _ = found(row("A1000", "NU, any", "No", columns=columns), columns=columns)
    assert [record.faults for record in records] == [("'ANY' is not a modifier",)] * 2


def test_harmless_note_may_stand_where_the_row_says_no() -> None:
    assert only("X\tA1000\tx\tNo\tUM Inc\tCall us").faults == ()


def test_note_dates_a_rule_that_asks_for_something() -> None:
    values = only("X\tA1000\tx\tYes\tUM Inc\tRequired from 1/1/2027").values
    assert (str(values["effective_from"]), values["effective_basis"]) == ("2027-01-01", "note")


def test_note_with_an_impossible_date_is_a_fault() -> None:
    record = only("X\tA1000\tx\tYes\tUM Inc\tRequired from 2/30/2027")
    assert "'2/30/2027'" in record.faults[0]


def test_note_that_no_rule_reads_is_flagged_published_and_told() -> None:
    (record,), (problem,) = found(row("X", "A1000", "x", "Yes", "UM Inc", "Ask first"))
    assert record.values["notes"] == "Ask first"
    assert record.values["flags"] == ["note_not_interpreted"]
    assert "'Ask first'" in str(problem)
    assert not problem.holds


def test_reviewer_without_a_name_keeps_its_printed_value() -> None:
    values = only("X\tA1000\tx\tYes\tSomeone\t").values
    assert (values["reviewer"], values["reviewer_raw"]) == (None, "Someone")
    assert values["flags"] == ["reviewer_not_mapped"]


def test_descriptor_of_a_licensed_code_is_not_published() -> None:
    values = only("X\t00100\tsome words\tYes\tUM Inc\t").values
    assert (values["code_system"], values["description"]) == ("CPT", None)
    assert values["description_raw"] is None
    assert "description_withheld" in values["flags"]


def test_printed_words_of_a_licensed_code_are_in_no_cell_and_no_line() -> None:
    record = only("X\t00100\tsome words here\tYes\tUM Inc\tCall us")
    assert record.raw_text == "X\t00100\t…\tYes\tUM Inc\tCall us"
    assert "words" not in repr(record)


@pytest.mark.parametrize("code", ["0010O", "00100, and more", "D012O"])
def test_words_of_what_may_be_a_licensed_code_are_withheld_in_quarantine(code: str) -> None:
    record = only(f"X\t{code}\tsome words here\tYes\tUM Inc\t")
    assert record.faults
    assert "words" not in repr(record)


def test_words_of_a_licensed_code_are_withheld_where_the_cells_have_no_names() -> None:
    printed = ("X", "00100", "some words here", "Yes")
    unnamed = replace(row(), cells={}, labelled=(), printed=printed, fault="the row has 4 cells")
    (record,), _ = found(replace(unnamed, raw_text="\t".join(printed)))
    assert record.faults == ("the row has 4 cells",)
    assert "words" not in repr(record)


def test_description_printed_over_several_lines_is_withheld_too() -> None:
    printed = ("X", "00100", "some words", "Yes", "UM Inc", "")
    joined = replace(row(*printed), raw_text="\t".join(printed) + "\n\t\there\t\t\t")
    joined = replace(joined, cells={**joined.cells, "description": "some words\nhere"})
    (record,), _ = found(joined)
    assert "words" not in repr(record)
    assert "here" not in repr(record)


def test_column_without_a_name_of_ours_is_withheld_where_its_label_says_description() -> None:
    printed = ("X", "00100", "some words", "Yes", "UM Inc", "", "same words at length", "2")
    labels = (("Long Description", printed[6]), ("Units", "2"))
    extra = replace(row(*printed[:6]), printed=printed, labelled=labels)
    (record,), _ = found(extra)
    assert record.cells == ("X", "00100", "…", "Yes", "UM Inc", "", "…", "2")
    assert "words" not in repr(record)


@pytest.mark.parametrize("cell", ["00100 some words", "some words here 00100", "0010O - words"])
def test_words_beside_a_licensed_code_in_its_cell_are_withheld(cell: str) -> None:
    record = only(f"X\t{cell}\t\tYes\tUM Inc\t")
    assert record.faults
    assert "words" not in repr(record)


def test_line_of_a_public_code_stays_as_printed() -> None:
    record = only("X\tA1000\tsome words here\tYes\tUM Inc\t")
    assert record.raw_text == "X\tA1000\tsome words here\tYes\tUM Inc\t"
    assert record.values["description"] == "some words here"


# Values of the PA column


def test_empty_value_means_what_the_source_says_it_means() -> None:
    record = only("X\tA1000\tx\t\tUM Inc\t", statuses={"Yes": "required", "": "not_required"})
    assert (record.values["pa_status"], record.values["pa_raw"]) == ("not_required", "(empty)")
    assert record.faults == ()


@pytest.mark.parametrize("printed", ["*", "†", "N/A", "null"])
def test_mark_alone_or_a_word_for_nothing_is_no_empty_cell(printed: str) -> None:
    record = only(f"X\tA1000\tx\t{printed}", statuses={"Yes": "required", "": "not_required"})
    assert record.values["pa_status"] is None
    assert repr(printed) in record.faults[0]


def test_list_without_pa_column_states_one_status_for_every_row() -> None:
    columns = ("code", "description")
    printed = row("A1000, A1001", "x", columns=columns)
    records, _ = found(printed, columns=columns, statuses={}, listed_means="required")
    assert [r.values["code"] for r in records] == ["A1000", "A1001"]
    assert {(r.values["pa_status"], r.values["pa_raw"]) for r in records} == {
        ("required", "(listed)")
    }


SCOPES = ("code", "pa_medicaid", "pa_exchange")


def test_row_is_a_rule_of_each_scope_that_has_a_column() -> None:
    records, _ = found(
        row("A1000", "Yes", "No", columns=SCOPES),
        columns=SCOPES,
        scopes={"pa_medicaid": {"line_of_business": "medicaid", "state": "TX"}, "pa_exchange": {}},
    )
    said = [
        [r.values[name] for name in ("line_of_business", "state", "pa_raw", "pa_status")]
        for r in records
    ]
    assert said == [
        ["medicaid", "TX", "Yes", "required"],
        ["commercial", None, "No", "not_required"],
    ]


def test_scope_with_an_empty_cell_is_a_fault_of_that_scope_alone() -> None:
    scopes: dict[str, Any] = {"pa_medicaid": {"line_of_business": "medicaid"}, "pa_exchange": {}}
    first, second = found(row("A1000", "", "No", columns=SCOPES), columns=SCOPES, scopes=scopes)[0]
    assert "an empty cell" in first.faults[0]
    assert second.faults == ()


MARKED = ("code", "pa_needed", "pa_notice")
MARKS: dict[str, Any] = {
    "columns": MARKED,
    "statuses": {},
    "marked": {"pa_needed": "required", "pa_notice": "notification"},
    "marks": ["X", "✓"],
}


@pytest.mark.parametrize(
    ("needed", "notice", "status", "pa_raw"),
    [("X", "", "required", "Pa Needed: X"), ("", " ✓ ", "notification", "Pa Notice: ✓"),
     ("x", "", "required", "Pa Needed: x")],
)  # fmt: skip
def test_mark_stands_for_the_status_of_its_column(
    needed: str, notice: str, status: str, pa_raw: str
) -> None:
    (record,), _ = found(row("A1000", needed, notice, columns=MARKED), **MARKS)
    assert (record.values["pa_status"], record.values["pa_raw"]) == (status, pa_raw)
    assert record.faults == ()


@pytest.mark.parametrize(
    ("needed", "notice", "said"),
    [("X", "X", "under 'Pa Needed' and 'Pa Notice'"), ("", "", "under none of"),
     ("X", "soon", "'soon', which is none of table.marks"), ("Yes", "", "'Yes', which is none")],
)  # fmt: skip
def test_row_with_two_marks_none_or_other_words_has_no_status(
    needed: str, notice: str, said: str
) -> None:
    (record,), _ = found(row("A1000", needed, notice, columns=MARKED), **MARKS)
    assert record.values["pa_status"] is None
    assert said in record.faults[0]


def test_row_with_no_mark_means_what_an_empty_cell_means() -> None:
    rules = MARKS | {"statuses": {"": "not_required"}}
    (record,), _ = found(row("A1000", "", "", columns=MARKED), **rules)
    assert (record.values["pa_status"], record.values["pa_raw"]) == ("not_required", "(empty)")


# Codes


def test_wildcard_keeps_its_bounds_and_its_printed_form() -> None:
    values = only("X\tA42xx\tx\tYes").values
    assert [values[name] for name in ("code", "code_end", "code_pattern", "code_raw")] == [
        "A4200", "A4299", "A42XX", "A42xx",
    ]  # fmt: skip


def test_what_is_odd_about_a_code_is_flagged() -> None:
    values = only("X\t+a 1000\tx\tYes\tUM Inc").values
    assert values["flags"] == ["addon_code", "code_lower_case", "code_spaced"]


@pytest.mark.parametrize("cell", ["A1\u200b000", "A10\u00ad00", "\u00a0A1000"])
def test_code_with_invisible_characters_is_read_and_flagged(cell: str) -> None:
    values = only(f"X\t{cell}\tx\tYes\tUM Inc").values
    assert (values["code"], values["flags"]) == ("A1000", ["invisible_characters"])


def test_code_of_a_row_with_a_fault_is_read_all_the_same() -> None:
    (record,), _ = found(
        row("X", "A1000", "x", "Yes", fault="the row is hidden", flags=("code_from_number",))
    )
    assert (record.values["code"], record.faults) == ("A1000", ("the row is hidden",))
    assert "code_from_number" in record.values["flags"]


# Footnotes


FOOTNOTES = (("*", "Removed 8/12/2024"), ("**", "Above $500"), ("1", "Asked for in prose"))


def test_footnote_of_a_marked_code_dates_its_rule_alone() -> None:
    first, second = found(row("X", "A1000*, A1001", "x", "Yes", footnotes=FOOTNOTES))[0]
    assert first.values["effective_to"] == date(2024, 8, 12)
    assert (first.values["effective_basis"], first.values["notes"]) == ("note", "Removed 8/12/2024")
    assert (second.values.get("effective_to"), second.values["notes"]) == (None, None)


def test_conditions_of_note_and_footnote_hold_both() -> None:
    printed = row("X", "A1000**", "x", "Yes", "UM Inc", "Purchase only", footnotes=FOOTNOTES)
    (record,), _ = found(printed)
    assert [condition["type"] for condition in record.values["conditions"]] == [
        "purchase_only", "amount",
    ]  # fmt: skip
    assert record.values["notes"] == "Purchase only; Above $500"


def test_superscript_binds_the_footnote_with_its_number() -> None:
    (record,), (problem,) = found(row("X", "A1000¹", "x", "Yes", footnotes=FOOTNOTES))
    assert record.values["notes"] == "Asked for in prose"
    assert "note_not_interpreted" in record.values["flags"]
    assert "'Asked for in prose'" in str(problem)


def test_mark_without_a_footnote_is_flagged() -> None:
    (record,), _ = found(row("X", "A1000†", "x", "Yes", footnotes=FOOTNOTES))
    assert "footnote_missing" in record.values["flags"]
    assert record.faults == ()


@pytest.mark.parametrize("printed", [("A1000†", "No"), ("A1000", "No†"), ("A1000*", "No"),
                                     ("A1000", "No**"), ("A1000¹", "No")])  # fmt: skip
def test_mark_that_may_ask_for_something_where_the_row_says_no_is_a_fault(
    printed: tuple[str, str],
) -> None:
    (record,), _ = found(row("X", printed[0], "x", printed[1], footnotes=FOOTNOTES))
    assert record.values["pa_status"] == "not_required"
    assert record.faults


def test_mark_at_a_value_binds_its_footnote_and_stays_as_printed() -> None:
    (record,), _ = found(row("X", "A1000", "x", "Yes**", footnotes=FOOTNOTES))
    assert (record.values["pa_status"], record.values["pa_raw"]) == ("required", "Yes**")
    assert record.values["notes"] == "Above $500"


def test_value_that_the_source_maps_with_its_mark_means_what_the_source_says() -> None:
    statuses = {"Yes": "required", "Yes*": "notification"}
    (record,), _ = found(row("X", "A1000", "x", "Yes*", footnotes=FOOTNOTES), statuses=statuses)
    assert (record.values["pa_status"], record.values["notes"]) == ("notification", None)


# Dates


DATED = ("code", "pa", "notes", "effective_from", "effective_to")


def dated(*cells: str) -> Record:
    (record,), _ = found(row(*cells, columns=DATED), columns=DATED)
    return record


def test_dates_of_columns_are_stated() -> None:
    values = dated("A1000", "Yes", "", "2026-01-01", "7/1/2026").values
    assert (values["effective_from"], values["effective_to"]) == (
        date(2026, 1, 1),
        date(2026, 7, 1),
    )
    assert values["effective_basis"] == "stated"


def test_last_day_of_the_year_9999_is_no_end() -> None:
    record = dated("A1000", "Yes", "", "1/1/2026", "12/31/9999")
    assert record.values.get("effective_to") is None
    assert record.faults == ()


@pytest.mark.parametrize("printed", ["12/31/9999", "13/04/2026", "02/30/2026", "01/01/0206",
                                     "45658", "2026-01-01T00:00:00+14:00"])  # fmt: skip
def test_what_is_no_first_day_is_a_fault(printed: str) -> None:
    record = dated("A1000", "Yes", "", printed)
    assert repr(printed) in record.faults[0]
    assert record.values["effective_from"] is None


def test_column_and_note_with_different_dates_are_a_fault() -> None:
    record = dated("A1000", "Yes", "Required from 1/1/2027", "1/1/2026")
    assert record.faults == ("'1/1/2026' and '1/1/2027' both stand for effective_from",)


def test_date_above_the_rows_holds_where_a_row_has_none() -> None:
    plain = row("A1000", "Yes", "", "", columns=DATED)
    own = row("A1001", "Yes", "", "7/1/2026", columns=DATED)
    carried = {"effective_on": "1/1/2026"}
    records, _ = found(
        replace(plain, carried=carried), replace(own, carried=carried), columns=DATED
    )
    assert [r.values["effective_from"] for r in records] == [date(2026, 1, 1), date(2026, 7, 1)]


# Words in the code cell


ORTHOSES = (
    "L0648, L0650, L1832, L1851 Effective August 12, 2024: L0631, L0637, L0639, L1843, L1845, "
    "L1951 *L1833 removed from list effective August 12, 2024"
)
CELL_NOTES = [
    {
        "pattern": r"Effective (?P<effective_from>[A-Z][a-z]+ \d+, \d{4}):",
        "means": "the codes after it are on the list since that day",
        "applies": "below",
    },
    {
        "pattern": r"\*(?P<codes>[A-Z]\d{4}) removed from list effective (?P<effective_to>.+)",
        "means": "the code was on the list until that day",
        "applies": "named",
    },
]


def test_cell_with_two_notes_gives_open_dated_and_closed_rules() -> None:
    printed = row("Orthoses", ORTHOSES, "x", "Yes", "UM Inc", "Call us")
    records, _ = found(printed, cell_notes=CELL_NOTES)
    day = date(2024, 8, 12)
    assert [
        (r.values["code"], r.values.get("effective_from"), r.values.get("effective_to"))
        for r in records
    ] == [
        *((code, None, None) for code in ("L0648", "L0650", "L1832", "L1851")),
        *((code, day, None) for code in ("L0631", "L0637", "L0639", "L1843", "L1845", "L1951")),
        ("L1833", None, day),
    ]
    assert [r.values["effective_basis"] for r in records] == ["none"] * 4 + ["note"] * 7
    assert [r.values["notes"] for r in records] == [
        *["Call us"] * 4,
        *["Call us; Effective August 12, 2024:"] * 6,
        "Call us; *L1833 removed from list effective August 12, 2024",
    ]
    assert not any(r.faults for r in records)
    assert not any("footnote_missing" in (r.values["flags"] or ()) for r in records)


def test_impossible_date_in_a_code_cell_is_a_fault_of_the_codes_that_it_dates() -> None:
    printed = row("X", "A1000 Effective June 31, 2024: A1001", "x", "Yes", "UM Inc")
    first, second = found(printed, cell_notes=CELL_NOTES)[0]
    assert first.faults == ()
    assert "'June 31, 2024'" in second.faults[0]


def test_cell_with_words_that_no_note_reads_is_not_read_by_half() -> None:
    (record,), _ = found(row("X", "A1000 and others", "x", "Yes"), cell_notes=CELL_NOTES)
    assert record.values.get("code") is None
    assert record.faults
