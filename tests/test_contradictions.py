"""Who contradicts whom about a code: invented rows for each kind, and the list that ships.

The A5507 of the shipped list stands against CMS's workbook of October 2025, read by Calamine.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from extractors.extract import extract
from extractors.records import arrange
from extractors.reference.contradictions import contradictions
from extractors.reference.known_codes import KnownCodes
from flows.registry import load_source
from schemas.fields import Table, arrow_schema, nullable_schema
from schemas.provenance import digest
from schemas.statuses import STATUSES
from schemas.tables import (
    CODE_CLAIMS,
    CODES,
    CONTRADICTIONS,
    DOCUMENT_TABLES,
    PRIOR_AUTHORIZATION,
    REQUIREMENTS,
    TABLE_ROWS,
    TABLES,
)
from tests.conftest import ROOT, shared, shipped

DAY = date(2025, 11, 1)
CIGNA = {"payer": "cigna", "source": "cigna_dme", "line_of_business": "commercial"}
MEDICARE = {"payer": "medicare", "source": "cgs_pa", "line_of_business": "medicare_ffs"}
_NUMBERS = count(1)

Row = dict[str, Any]


def placed(table: Table, row: Row) -> Row:
    """A row with provenance: its place is its own, and stays when rows are shuffled."""
    number = next(_NUMBERS)
    row = {"document": "list", "page": 1, "line": number, "raw_text": "as printed", **row}
    row.setdefault("sha256", digest([row["source"], row["document"]]).ljust(64, "0"))
    row.setdefault("url", f"https://example.org/{row['source']}")
    return {"row_key": digest([table.name, number]), "row_hash": "0" * 24, **row}


def rule(code: str, status: str, **values: Any) -> Row:
    row = {**CIGNA, "code_system": "HCPCS", "code": code, "pa_status": status, "pa_raw": "Printed"}
    row |= values
    row.setdefault("payer_name", row["payer"].title())
    return placed(PRIOR_AUTHORIZATION, row)


def duty(code: str, starts: date, **values: Any) -> Row:
    row = {
        "source": "cms_program",
        "code_system": "HCPCS",
        "code": code,
        "requirement": "prior_authorization",
        "effective_from": starts,
        "date_semantics": "dos",
        "sentence": f"{code} needs prior authorization.",
    }
    return placed(REQUIREMENTS, row | values)


def official(code: str, long: str, short: str, release: str = "2025-10", **values: Any) -> Row:
    row = {
        "source": "cms_hcpcs",
        "code_system": "HCPCS",
        "code": code,
        "effective_from": date(2020, 1, 1),
        "long_description": long,
        "short_description": short,
        "first_release": release,
        "source_release": release,
    }
    return placed(CODES, row | values)


SCHEMAS = {name: nullable_schema(table) for name, table in TABLES.items()}
FULL = arrow_schema(CONTRADICTIONS)
NONE = {table.name: SCHEMAS[table.name].empty_table() for table in DOCUMENT_TABLES}


def tables_of(**rows: list[Row]) -> dict[str, pa.Table]:
    return NONE | {
        name: pa.Table.from_pylist(listed, schema=SCHEMAS[name]) for name, listed in rows.items()
    }


def found(days: dict[str, date] | None = None, **rows: list[Row]) -> list[Row]:
    tables = tables_of(**rows)
    table = contradictions(tables, KnownCodes.of(tables["codes"]), days or {})
    assert table.schema == SCHEMAS[CONTRADICTIONS.name]
    # Raises where a column that must not be empty is.
    table.cast(FULL)
    listed: list[Row] = table.to_pylist()
    return listed


def between(*rules: Row) -> list[Row]:
    return found(prior_authorization=list(rules))


def assert_side(row: Row, side: str, table: str, printed: Row) -> None:
    assert row[f"{side}_table"] == table
    for name in ("source", "document", "row_key", "sha256", "url", "page", "line"):
        assert row[f"{side}_{name}"] == printed[name], name


def test_two_payers_of_whom_one_asks_differ_with_both_places() -> None:
    cigna = rule("L1832", "out_of_scope", pa_raw="Out Of Scope", section="DME", modifiers=["RT"])
    medicare = rule("L1832", "required", **MEDICARE, pa_raw="Yes", effective_from=date(2024, 4, 17))
    (row,) = between(cigna, medicare)
    assert (row["kind"], row["code"], row["strength"]) == ("payers_differ", "L1832", "different")
    assert row["both_may_hold"] is True
    assert_side(row, "left", "prior_authorization", cigna)
    assert_side(row, "right", "prior_authorization", medicare)
    assert (row["left_payer"], row["right_payer"]) == ("cigna", "medicare")
    assert row["left_says"] == 'out_of_scope, printed "Out Of Scope"'
    assert row["right_says"] == 'required, printed "Yes"'
    assert row["left_scope"] == "commercial; section DME; modifiers RT"
    assert row["right_scope"] == "medicare_ffs; from 2024-04-17"
    assert row["explanation"] == (
        "Of L1832, Cigna (commercial, DME, RT) says out_of_scope, and Medicare (medicare_ffs) "
        "says required."
    )


ASKS, FREE = {"required", "required_performer", "conditional"}, {"not_required", "suspended"}
APART = {"out_of_scope", "not_covered", "voluntary"}


@pytest.mark.parametrize("one", sorted(STATUSES))
@pytest.mark.parametrize("other", sorted(STATUSES))
def test_strength_of_each_pair_of_statuses(one: str, other: str) -> None:
    rows = between(rule("E0607", one), rule("E0607", other, **MEDICARE))
    sides = [(one, other), (other, one)]
    if any(a in ASKS and b in FREE for a, b in sides):
        expected = ["opposite"]
    elif any(a in ASKS and b in APART for a, b in sides) or (
        "notification" in (one, other) and {one, other} & FREE
    ):
        expected = ["different"]
    else:
        expected = []
    assert [row["strength"] for row in rows] == expected


SPRING, SUMMER, AUTUMN = date(2025, 3, 1), date(2025, 6, 1), date(2025, 9, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"effective_to": SUMMER}, {"effective_from": SUMMER}),
        ({"effective_from": AUTUMN}, {"effective_from": SPRING, "effective_to": SUMMER}),
        ({"modifiers": ["NU"]}, {"modifiers": ["RR"]}),
        ({"state": "TX"}, {"state": "FL"}),
        ({"code": "E0607"}, {"code": "E0608"}),
        ({"code_end": "E0609"}, {"code": "E0610", "code_end": "E0620"}),
        ({"code_end": "E0609"}, {"code": "E0610"}),
    ],
    ids=["follow", "apart", "modifiers", "states", "codes", "spans", "beyond"],
)
def test_rules_that_never_meet_do_not_contradict(one: Row, other: Row) -> None:
    left, right = {"code": "E0607"} | one, {"code": "E0607"} | other
    lists = {"source": "another_list"}
    assert not between(
        rule(status="required", **left), rule(status="not_required", **right, **lists)
    )
    assert not between(
        rule(status="required", **left), rule(status="not_required", **right, **MEDICARE)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"effective_to": AUTUMN}, {"effective_from": SUMMER}),
        ({"code_end": "E0610"}, {"code_end": "E0610"}),
        ({"code_end": "E0610"}, {"code_end": "E0620"}),
        ({"code": "E0600", "code_end": "E0610"}, {"code_end": "E0620"}),
    ],
    ids=["overlap", "same_span", "same_first_code", "spans_that_overlap"],
)
def test_rules_that_meet_contradict_once(one: Row, other: Row) -> None:
    (row,) = between(
        rule(status="required", **({"code": "E0607"} | one)),
        rule("E0607", "not_required", **other, **MEDICARE),
    )
    assert row["code"] == "E0607"


def test_members_of_a_span_contradict_rules_of_single_codes() -> None:
    span = rule("K0800", "required", code_end="K0812", code_members=["K0800", "K0801", "K0812"])
    lines = [rule(code, "not_required", **MEDICARE) for code in ("K0801", "K0805", "K0812")]
    rows = between(span, *lines)
    assert [row["code"] for row in rows] == ["K0801", "K0812"]
    assert rows[0]["left_scope"] == "commercial; codes K0800 to K0812"


def test_two_spans_contradict_at_each_member_that_both_have() -> None:
    members = {"code_end": "K0812", "code_members": ["K0800", "K0812"]}
    rows = between(
        rule("K0800", "required", **members), rule("K0800", "not_required", **members, **MEDICARE)
    )
    assert [row["code"] for row in rows] == ["K0800", "K0812"]
    assert len({row["contradiction_key"] for row in rows}) == 2


def test_span_and_its_first_code_of_one_payer_are_one_group() -> None:
    span = {"code_system": "CPT", "code_end": "01999"}
    rows = [rule("00100", "not_required", code_system="CPT", **MEDICARE)]
    rows += [rule("00100", "not_required", **span, **MEDICARE)]
    (row,) = between(rule("00100", "required", **span), *rows)
    assert row["right_row_key"] == rows[0]["row_key"]
    (row,) = against(duty("00100", SPRING, code_system="CPT"), lists=rows)
    assert row["left_row_key"] == rows[0]["row_key"]


def test_single_code_within_the_bounds_of_an_unexpanded_span_meets_it() -> None:
    span = rule("00100", "required", code_system="CPT", code_end="01999")
    inside = rule("00300", "not_required", code_system="CPT", **MEDICARE)
    other_system = rule("0042T", "not_required", code_system="CPT3", **MEDICARE)
    assert [row["code"] for row in between(span, inside, other_system)] == ["00300"]


def test_many_rows_of_two_groups_are_one_contradiction_shown_by_the_first() -> None:
    first = rule("A5507", "required", section="part 1")
    others = [rule("A5507", "required", section=f"part {n}") for n in range(2, 30)]
    medicare = [rule("A5507", "not_required", **MEDICARE) for _ in range(30)]
    (row,) = between(*reversed(others), *reversed(medicare), first)
    assert row["left_row_key"] == first["row_key"]
    assert row["right_row_key"] == medicare[0]["row_key"]


def test_group_is_shown_by_rows_that_meet_where_its_first_does_not() -> None:
    early = rule("E0784", "required", effective_to=SPRING)
    late = rule("E0784", "required", effective_from=SUMMER)
    (row,) = between(early, late, rule("E0784", "not_required", **MEDICARE, effective_from=SUMMER))
    assert row["left_row_key"] == late["row_key"]


@pytest.mark.parametrize(
    ("other", "both_may_hold"),
    [
        ({"source": "second"}, False),
        ({"source": "second", "section": "Sleep"}, False),
        ({"document": "annex"}, False),
        ({"source": "second", "line_of_business": "medicaid"}, True),
        ({"source": "second", "state": "TX"}, True),
        ({"source": "second", "modifiers": ["NU"]}, True),
    ],
)
def test_two_lists_of_one_payer_differ(other: Row, both_may_hold: bool) -> None:
    (row,) = between(rule("E0601", "required"), rule("E0601", "not_required", **CIGNA | other))
    assert (row["kind"], row["strength"]) == ("lists_differ", "opposite")
    assert row["both_may_hold"] is both_may_hold
    assert row["explanation"].endswith("one of them is wrong.") is not both_may_hold


def test_two_sections_of_one_list_differ_and_both_may_hold() -> None:
    sleep, diabetes = (
        rule("E0601", status, section=section)
        for status, section in (("required", "Sleep"), ("not_required", "Diabetes"))
    )
    (row,) = between(sleep, diabetes)
    assert (row["kind"], row["both_may_hold"]) == ("lists_differ", True)


def test_two_rows_of_one_section_are_left_to_the_document_gate() -> None:
    assert not between(rule("E0601", "required"), rule("E0601", "not_required"))


def test_pair_of_which_one_is_wrong_is_shown_rather_than_the_first_pair() -> None:
    used = rule("E0601", "required", modifiers=["UE"])
    any_one = rule("E0601", "required")
    (row,) = between(used, any_one, rule("E0601", "not_required", source="second"))
    assert (row["left_row_key"], row["both_may_hold"]) == (any_one["row_key"], False)


def against(*duties: Row, lists: list[Row], days: dict[str, date] | None = None) -> list[Row]:
    payers = [{"source": "cms_program", "payer": "medicare", "rows": 0, "quarantined": 0}]
    return found(days, prior_authorization=lists, requirements=list(duties), documents=payers)


def test_list_that_asks_for_nothing_contradicts_a_dated_duty() -> None:
    asked = duty("L1832", date(2024, 4, 17), authority="the DME MAC")
    listed = rule("L1832", "not_required", **MEDICARE)
    (row,) = against(asked, lists=[listed])
    assert (row["kind"], row["strength"]) == ("list_against_duty", "opposite")
    assert row["both_may_hold"] is False
    assert_side(row, "left", "prior_authorization", listed)
    assert_side(row, "right", "requirements", asked)
    assert row["right_payer"] == "medicare"
    assert row["right_says"] == "L1832 needs prior authorization."
    assert row["right_scope"] == "from 2024-04-17 (dos); decided by the DME MAC"


def test_list_of_another_payer_than_the_duty_may_hold_beside_it() -> None:
    listed = rule("L1832", "out_of_scope")
    (row,) = against(duty("L1832", SPRING), lists=[listed])
    assert (row["strength"], row["both_may_hold"]) == ("different", True)
    # Without the payer of the duty nobody knows that it speaks to the same people.
    (row,) = found(
        prior_authorization=[rule("L1832", "not_required", **MEDICARE)],
        requirements=[duty("L1832", SPRING)],
    )
    assert (row["right_payer"], row["both_may_hold"]) == (None, True)


def test_list_of_a_day_before_the_duty_may_hold_beside_it() -> None:
    listed = rule("L1832", "not_required", **MEDICARE)
    for day, both_may_hold in ((SPRING, True), (AUTUMN, False)):
        (row,) = against(duty("L1832", SUMMER), lists=[listed], days={listed["sha256"]: day})
        assert row["both_may_hold"] is both_may_hold
        assert row["left_scope"] == f"medicare_ffs; undated, as of {day}"


def test_suspension_that_begins_after_the_duty_does_not_contradict_it() -> None:
    later = rule("E0747", "suspended", effective_from=SUMMER, **MEDICARE)
    assert not against(duty("E0747", SPRING), lists=[later])
    (row,) = against(duty("E0747", SUMMER), lists=[later])
    assert row["both_may_hold"] is False


def test_list_that_frees_a_code_after_the_duty_began_may_hold_beside_it() -> None:
    freed = rule("L1832", "not_required", effective_from=SUMMER, **MEDICARE)
    (row,) = against(duty("L1832", SPRING), lists=[freed])
    assert row["both_may_hold"] is True


@pytest.mark.parametrize("scope", [{"state": "TX"}, {"modifiers": ["NU"]}])
def test_list_of_a_narrower_scope_may_hold_beside_the_duty(scope: Row) -> None:
    narrow = rule("L1832", "not_required", **MEDICARE, **scope)
    (row,) = against(duty("L1832", SPRING), lists=[narrow])
    assert row["both_may_hold"] is True


def test_span_without_members_contradicts_a_duty_on_a_code_within() -> None:
    span = rule("K0800", "not_required", code_end="K0812", **MEDICARE)
    assert [row["code"] for row in against(duty("K0801", SPRING), lists=[span])] == ["K0801"]


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ({"requirement": "coding_verification"}, {}),
        ({"effective_from": SUMMER}, {"effective_to": SUMMER}),
        ({}, {"pa_status": "required"}),
        ({}, {"pa_status": "notification"}),
        ({}, {"pa_status": "unknown"}),
        ({"code": "L1833"}, {}),
    ],
    ids=["verification", "ended", "asks", "notice", "unknown", "code"],
)
def test_no_contradiction_of_a_duty(asked: Row, listed: Row) -> None:
    lists = [{**rule("L1832", "not_required", **MEDICARE), **listed}]
    assert not against({**duty("L1832", SPRING), **asked}, lists=lists)


WIDGET = official("A4649", "Invented widget; miscellaneous", "Invented widgets")
SHOE = official("A5507", "Depth-inlay shoe of the diabetic, fitted", "Shoe diabetic")
TWIN = official("A4650", "Invented widget; miscellaneous", "Inv widgets, other")


def described(text: str | None, *reference: Row, code: str = "A5507", **values: Any) -> list[Row]:
    listed = rule(code, "required", description=text, **values)
    return found(
        {listed["sha256"]: DAY},
        prior_authorization=[listed],
        codes=list(reference or (WIDGET, SHOE)),
    )


@pytest.mark.parametrize(
    "text",
    ["Invented widget; miscellaneous", "INVENTED WIDGETS", "Invented widget,\nmiscelaneous"],
    ids=["long", "short", "misspelt"],
)
def test_description_with_the_words_of_another_code(text: str) -> None:
    (row,) = described(text)
    assert (row["kind"], row["code"]) == ("other_description", "A5507")
    assert row["both_may_hold"] is False
    assert_side(row, "right", "codes", SHOE)
    assert row["left_says"] == " ".join(text.split())
    assert row["right_says"] == SHOE["long_description"]
    assert "the official words of A4649 in release 2025-10" in row["explanation"]


def test_words_that_several_codes_share_name_the_first_and_their_number() -> None:
    (row,) = described("Invented widget; miscellaneous", TWIN, WIDGET, SHOE)
    assert "words of A4649 (and 1 more) in" in row["explanation"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "Depth-inlay shoe of the diabetic, fitted",
        "Shoe diabetic",
        "A widget of our own words",
        "Invented widget",
    ],
)
def test_own_and_free_words_are_no_finding(text: str | None) -> None:
    assert not described(text)


def test_codes_that_share_their_official_words_do_not_contradict() -> None:
    assert not described("Invented widget; miscellaneous", WIDGET, TWIN, code="A4650")


def test_words_that_the_code_had_in_an_earlier_release_are_its_own() -> None:
    once = official("A5507", WIDGET["long_description"], "Widget", "2019-01")
    now = {**SHOE, "effective_from": date(2024, 1, 1)}
    assert not described("Invented widget; miscellaneous", WIDGET, once, now)


def test_words_that_the_other_code_no_longer_had_on_the_day_are_no_finding() -> None:
    later = official("A4649", "Gadget of some kind", "Gadget", effective_from=date(2025, 1, 1))
    assert not described("Invented widget; miscellaneous", WIDGET, later, SHOE)


def test_words_of_a_code_that_had_ended_by_then_are_no_finding() -> None:
    for ended, findings in ((date(2025, 10, 31), 0), (date(2025, 11, 30), 1)):
        other = {**WIDGET, "terminated_on": ended}
        assert len(described("Invented widgets", other, SHOE)) == findings


def test_one_word_alone_is_no_finding() -> None:
    assert not described("Gadget", official("A4649", "Gadget", "Gadget"), SHOE)


def test_official_words_have_the_place_of_the_newest_release() -> None:
    older = {**SHOE, "row_key": "f" * 24, "source_release": "2020-01"}
    (row,) = described("Invented widgets", WIDGET, SHOE, older)
    assert_side(row, "right", "codes", SHOE)


@pytest.mark.parametrize(
    "words", ["Depth-inlay shoe, leather boots", "Depth-inlay shoe of the diabetic, unfitted, each"]
)
def test_other_code_with_much_the_same_meaning_is_no_finding(words: str) -> None:
    assert not described(words, official("A5508", words, "Another"), SHOE)


def test_words_of_a_sibling_that_exclude_the_code_are_a_finding() -> None:
    left, right = (
        official(code, f"Invented brace of the knee, with straps, {kind}", f"Brace {kind}")
        for code, kind in (("L1801", "prefabricated"), ("L1802", "custom fabricated"))
    )
    (row,) = described(left["long_description"], left, right, code="L1802")
    assert (row["code"], row["right_says"]) == ("L1802", right["long_description"])


def test_code_of_licensed_words_or_of_no_reference_is_no_finding() -> None:
    assert not described("Invented widget; miscellaneous", code="99999", code_system="CPT")
    assert not described("Invented widget; miscellaneous", code="A9999")


def test_rows_of_a_table_without_rules_are_described_too() -> None:
    fee = placed(
        TABLE_ROWS,
        {
            "source": "fees",
            "code_system": "HCPCS",
            "code": "A5507",
            "description": "Invented widgets",
        },
    )
    (row,) = found(table_rows=[fee], codes=[WIDGET, SHOE])
    assert_side(row, "left", "table_rows", fee)


def claim(**values: Any) -> Row:
    row = {
        "source": "vendor_l1320",
        "code_system": "HCPCS",
        "code": "A5507",
        "claimed_text": "a flexible widget",
        "official_text": SHOE["long_description"],
        "official_source": "cms_hcpcs",
        "agreement": "conflicts",
        "terms_in_conflict": ["flexible", "rigid"],
    }
    return placed(CODE_CLAIMS, row | values)


def test_claim_that_the_official_words_deny_has_the_place_of_both() -> None:
    claimed = claim()
    (row,) = found(code_claims=[claimed], codes=[WIDGET, SHOE])
    assert (row["kind"], row["strength"], row["both_may_hold"]) == ("claim", "opposite", False)
    assert_side(row, "left", "code_claims", claimed)
    assert_side(row, "right", "codes", SHOE)
    assert row["right_scope"] == "release 2025-10"
    assert row["explanation"].endswith("(flexible against rigid).")


def test_claim_that_agrees_or_is_of_licensed_words_is_no_contradiction() -> None:
    claims = [claim(agreement="compatible"), claim(code_system="CPT", code="99999")]
    assert not found(code_claims=claims, codes=[SHOE])


def test_claim_against_words_of_a_list_has_the_place_in_the_list() -> None:
    listed = rule("A5507", "required", description=SHOE["long_description"])
    (row,) = found(code_claims=[claim(official_source="cigna_dme")], prior_authorization=[listed])
    assert_side(row, "right", "prior_authorization", listed)
    assert (row["right_payer"], row["right_says"]) == ("cigna", SHOE["long_description"])


def test_claim_against_words_that_have_no_row_names_their_source() -> None:
    (row,) = found(code_claims=[claim(official_source="cigna_dme")])
    assert (row["right_source"], row["right_row_key"]) == ("cigna_dme", None)


LISTED = [
    rule(code, status, **who, section=section, modifiers=modifiers)
    for code in ("E0601", "E0607")
    for status in ("required", "not_required", "out_of_scope")
    for who in (CIGNA, MEDICARE)
    for section in (None, "Sleep")
    for modifiers in (None, ["NU"])
]
DUTIES = [duty("E0601", SPRING), duty("E0601", SUMMER), duty("E0607", SPRING)]


@settings(max_examples=15, deadline=None)
@given(st.permutations(LISTED), st.permutations(DUTIES), st.permutations([WIDGET, TWIN, SHOE]))
def test_order_of_the_rows_does_not_matter(
    lists: list[Row], duties: list[Row], codes: list[Row]
) -> None:
    shoe = rule("A5507", "required", description="Invented widgets", row_key="f" * 24, line=9)
    rest = {"code_claims": [claim(row_key="e" * 24, line=9)]}
    shuffled = found(prior_authorization=[*lists, shoe], requirements=duties, codes=codes, **rest)
    ordered = found(
        prior_authorization=[shoe, *LISTED], requirements=DUTIES, codes=[SHOE, TWIN, WIDGET], **rest
    )
    assert shuffled == ordered
    keys = [row["contradiction_key"] for row in ordered]
    assert len(set(keys)) == len(keys)
    assert {row["kind"] for row in ordered} == {
        "payers_differ",
        "lists_differ",
        "list_against_duty",
        "other_description",
        "claim",
    }
    order = [tuple(row[name] for name in CONTRADICTIONS.sort_by) for row in ordered]
    assert order == sorted(order)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(STATUSES)),
    st.sampled_from(sorted(STATUSES)),
    st.sampled_from([None, ["NU"], ["RR"]]),
    st.sampled_from([None, "TX"]),
)
def test_sides_that_change_places_contradict_as_before(
    one: str, other: str, modifiers: list[str] | None, state: str | None
) -> None:
    scopes = [{"modifiers": modifiers, "state": state}, {"modifiers": ["NU"], "state": None}]

    def judged(*sides: tuple[str, Row]) -> Iterator[tuple[Any, ...]]:
        (one, left), (other, right) = sides
        for who in (MEDICARE, {"source": "second"}):
            for row in between(rule("E0601", one, **left), rule("E0601", other, **(right | who))):
                yield row["kind"], row["strength"], row["both_may_hold"]

    sides = list(zip((one, other), scopes, strict=True))
    assert list(judged(*sides)) == list(judged(*reversed(sides)))


def test_key_outlives_a_change_of_words() -> None:
    listed, medicare = rule("E0601", "required"), rule("E0601", "not_required", **MEDICARE)
    (before,) = between(listed, medicare)
    (after,) = between({**listed, "pa_raw": "Yes!", "line": 99}, medicare)
    assert before["contradiction_key"] == after["contradiction_key"]
    assert before["left_says"] != after["left_says"]


def workbook() -> Iterator[Row]:
    """The codes of CMS's workbook with their words; a long text goes on in the next row."""
    path = shared("corpus", "cms", "hcpcs_2025_oct_anweb.xlsx")
    lines = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    start = next(number for number, line in enumerate(lines) if line[0] == "HCPC")
    for line in lines[start + 1 :]:
        code, _, record, long, short, *_ = (str(cell).strip() for cell in line)
        if record.startswith("3"):
            yield official(code, long, short)


def test_shipped_list_gives_a5507_and_no_other_code_the_words_of_another() -> None:
    source = load_source(ROOT / "sources" / "cigna_commercial_dme.yml")
    path = shipped("cigna_commercial_dme", "prior_authorization_list")
    origin = {"source": source.source, "document": source.document, "sha256": "d" * 64, "url": None}
    rules = arrange(PRIOR_AUTHORIZATION, extract(path.read_bytes(), source).records, origin)
    tables = tables_of(codes=list(workbook())) | {"prior_authorization": rules}
    known = KnownCodes.of(tables["codes"])
    rows = contradictions(tables, known, {"d" * 64: DAY}).to_pylist()
    (row,) = [row for row in rows if row["kind"] == "other_description"]
    assert (row["code"], row["left_page"], row["left_line"]) == ("A5507", 2, 27)
    assert "the official words of A4649 in release 2025-10" in row["explanation"]
