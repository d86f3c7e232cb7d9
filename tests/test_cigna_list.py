"""The Cigna list: every row of the file, as the file's own columns say.

The expected rows come from splitting the file's lines at tabs, which knows nothing of the
extractor. The list ships in raw/ as it is; the copy in ../shared/seeds must be the same.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from extractors.extract import extract
from extractors.records import Extract
from flows.registry import load_source
from tests.conftest import ROOT, shared, shipped

LIST = ("cigna_commercial_dme", "prior_authorization_list")
STATUS = {"Yes": "required", "No": "not_required", "Out Of Scope": "out_of_scope"}


@pytest.fixture(scope="module")
def extracted() -> Extract:
    source = load_source(ROOT / "sources" / "cigna_commercial_dme.yml")
    return extract(shipped(*LIST).read_bytes(), source)


@pytest.fixture(scope="module")
def rules(extracted: Extract) -> list[dict[str, Any]]:
    return [record.values for record in extracted.records]


def printed_rows() -> list[tuple[int, int, list[str]]]:
    """Page (ordinal of the header above), line and cells of every data row."""
    rows, page = [], 0
    for number, line in enumerate(shipped(*LIST).read_text(encoding="utf-8").split("\n"), start=1):
        cells = line.split("\t")
        if "CPT® Code" in cells:
            page += 1
        elif len(cells) > 1:
            rows.append((page, number, cells if len(cells) == 7 else ["", *cells, ""]))
    return rows


def by_code(rules: list[dict[str, Any]], code: str) -> list[dict[str, Any]]:
    return [rule for rule in rules if rule["code"] == code]


def test_shipped_list_is_the_seed_verbatim() -> None:
    seed = shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt")
    assert shipped(*LIST).read_bytes() == seed.read_bytes()


def test_every_printed_row_is_one_rule_at_its_place(extracted: Extract) -> None:
    expected = [
        (page, line, cells[2], STATUS[cells[4]], cells[4], cells[3], "\t".join(cells).strip("\t"))
        for page, line, cells in printed_rows()
    ]
    found = [
        (
            record.place.page,
            record.place.line,
            record.values["code"],
            record.values["pa_status"],
            record.values["pa_raw"],
            record.values["description_raw"],
            record.raw_text.strip("\t"),
        )
        for record in extracted.records
    ]
    assert len(expected) == 643
    assert found == expected


def test_line_fates_add_up_to_the_whole_file(extracted: Extract) -> None:
    tally = extracted.tally
    assert (tally.lines_seen, tally.headers, tally.row_lines) == (738, 42, 643)
    assert tally.ignored == {"blank": 47, "publisher": 2, "title": 2, "copyright": 2}
    assert tally.unaccounted == 0
    assert extracted.problems == ()
    assert extracted.pages == 42


def test_statuses_and_sections_are_counted_as_printed(rules: list[dict[str, Any]]) -> None:
    assert Counter(rule["pa_status"] for rule in rules) == {
        "out_of_scope": 402,
        "required": 216,
        "not_required": 25,
    }
    assert list(Counter(rule["section"] for rule in rules).values()) == [567, 76]
    codes = Counter(rule["code"] for rule in rules)
    assert len(codes) == 604
    assert sum(times == 2 for times in codes.values()) == 39


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("E0466", "required"),
        ("A6515", "not_required"),
        ("A4239", "out_of_scope"),
        ("K0848", "required"),
        ("L1832", "out_of_scope"),
        ("L0627", "out_of_scope"),
    ],
)
def test_known_codes_have_their_status(rules: list[dict[str, Any]], code: str, status: str) -> None:
    assert {rule["pa_status"] for rule in by_code(rules, code)} == {status}


@pytest.mark.parametrize("code", ["K1007", "L1320", "L2387", "L0454"])
def test_codes_of_the_bulletins_are_not_listed(rules: list[dict[str, Any]], code: str) -> None:
    assert by_code(rules, code) == []


def test_purchase_only_is_a_structured_condition_of_a_required_rule(
    rules: list[dict[str, Any]],
) -> None:
    (rule,) = by_code(rules, "K0848")
    (condition,) = rule["conditions"]
    assert (condition["type"], condition["raw"]) == ("purchase_only", "Purchase only")
    limited = [rule for rule in rules if rule.get("conditions")]
    assert Counter(rule["notes"] for rule in limited) == {
        "Purchase only": 15,
        "If requested with >4 components, purchase only.": 13,
    }
    assert all(rule["pa_status"] == "required" for rule in limited)


def test_component_limit_is_read_out_of_its_note(rules: list[dict[str, Any]]) -> None:
    found = [
        condition
        for rule in rules
        for condition in rule.get("conditions") or ()
        if condition["unit"] == "components"
    ]
    assert {(c["operator"], c["value"]) for c in found} == {(">", "4")}


def test_placeholder_category_is_null_with_its_printed_form_and_a_flag(
    rules: list[dict[str, Any]],
) -> None:
    first, second = by_code(rules, "L2006")
    assert (first.get("category"), first["category_raw"]) == (None, "#N/A")
    assert "category_placeholder" in first["flags"]
    assert second["category"] is not None
    (rule,) = by_code(rules, "K0553")
    assert (rule.get("category"), rule["category_raw"]) == (None, "0")


def test_empty_category_is_null_and_flagged(rules: list[dict[str, Any]]) -> None:
    empty = [rule["code"] for rule in rules if "category_missing" in (rule["flags"] or ())]
    assert empty == ["E0782", "E0783", "E0785", "E0786"]


def test_note_repeated_in_a_description_is_removed_and_stays_in_the_raw_one(
    rules: list[dict[str, Any]],
) -> None:
    trimmed = [rule for rule in rules if "note_appended" in (rule["flags"] or ())]
    assert [rule["code"] for rule in trimmed] == [
        "A4239", "E0784", "E2100", "E2101", "E2103", "K0553",
    ]  # fmt: skip
    for rule in trimmed:
        assert rule["notes"] not in rule["description"]
        assert rule["description_raw"].endswith(rule["notes"])
        assert rule["description_raw"].startswith(rule["description"])


def test_note_with_a_date_dates_its_rule(rules: list[dict[str, Any]]) -> None:
    dated = [rule for rule in rules if rule["effective_basis"] != "none"]
    (rule,) = dated
    assert (rule["code"], str(rule["effective_from"]), rule["effective_basis"]) == (
        "K0553", "2021-07-01", "note",
    )  # fmt: skip


def test_reviewer_is_named_and_its_printed_value_kept(rules: list[dict[str, Any]]) -> None:
    assert {(rule["reviewer"], rule["reviewer_raw"]) for rule in rules} == {
        ("eviCore", "CareCore National")
    }


def test_rigid_supports_keep_their_descriptions(rules: list[dict[str, Any]]) -> None:
    for code in ("L1832", "L0627"):
        assert all("rigid" in rule["description"] for rule in by_code(rules, code))


def test_stray_apostrophe_is_flagged_and_nothing_else_is(rules: list[dict[str, Any]]) -> None:
    odd = [rule["code"] for rule in rules if "unbalanced_quote" in (rule["flags"] or ())]
    assert odd == ["S1040"]
