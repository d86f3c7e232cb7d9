"""The FHIR export: each published code is in a value set that says what the list says, or named."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.valueset import (
    ValueSet,
    ValueSetCompose,
    ValueSetComposeInclude,
    ValueSetComposeIncludeConcept,
)

from flows.export import fhir, value_sets
from flows.export.fhir import CANONICAL, CRD_CODES, export_fhir
from flows.export.selection import ExportError, select
from flows.export.value_sets import CDT, CPT, HCPCS
from flows.settings import Settings
from schemas.codes import SYSTEMS
from schemas.statuses import STATUSES
from tests.release_fixture import (
    SECOND,
    SECOND_MADE,
    Store,
    build_store,
    document,
    held_back,
    rule,
    write_release,
)
from tests.test_export import published, release_of

Sets = list[dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


def exported(curated: Path, out: Path, **more: Any) -> Sets:
    export_fhir(select(release_of(curated)), out, **more)
    return read(out)


def read(out: Path) -> Sets:
    lines = (out / "ValueSet.ndjson").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def own(resource: dict[str, Any], name: str, key: str = "extension") -> list[dict[str, Any]]:
    url = f"{CANONICAL}/StructureDefinition/{name}"
    return [item for item in resource.get(key, ()) if item["url"] == url]


def codes_of(resource: dict[str, Any]) -> list[str]:
    includes = resource.get("compose", {}).get("include", ())
    return [concept["code"] for include in includes for concept in include["concept"]]


def status_of(resource: dict[str, Any]) -> str:
    return str(own(resource, "pa-status")[0]["valueCode"])


def release_with(store: Store, *rules: dict[str, Any], **listed: Any) -> None:
    tables = {
        "prior_authorization": list(rules),
        "documents": [document(store, "acme_dme", "acme", **listed)],
    }
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, tables)


def test_models_of_r4b_have_the_elements_of_r4() -> None:
    elements = {
        ValueSet: "url identifier version name title status experimental date publisher contact "
        "description useContext jurisdiction immutable purpose copyright compose expansion",
        ValueSetCompose: "lockedDate inactive include exclude",
        ValueSetComposeInclude: "system version concept filter valueSet",
        ValueSetComposeIncludeConcept: "code display designation",
    }
    of_all = {"id", "meta", "implicitRules", "language", "text", "contained", "extension"}
    of_all |= {"modifierExtension", "resourceType", "resource_type", "fhir_comments"}
    for model, names in elements.items():
        there = {name for name in model.model_fields if not name.endswith("__ext")}
        assert there - of_all == set(names.split())


def test_every_published_code_is_in_one_set_of_its_list_and_status(
    released: Settings, tmp_path: Path
) -> None:
    release = release_of(released.curated)
    sets = exported(released.curated, tmp_path / "out")
    listed: dict[str, set[str]] = defaultdict(set)
    for row in published(release, "prior_authorization"):
        listed[row["pa_status"]].add(row["code"])
    for status, codes in listed.items():
        of_status = [one for one in sets if status_of(one) == status]
        plain = [one for one in of_status if "modifierExtension" not in one]
        found = [code for one in of_status for code in codes_of(one)]
        assert set(found) == codes
        assert all(len(codes_of(one)) == len(set(codes_of(one))) for one in of_status)
        assert len(plain) <= 1
    assert (tmp_path / "out" / "not-included.ndjson").read_text() == ""
    # Two sets have a code only where it has a rule of each status and scope.
    narrowing = ("state", "modifiers", "conditions", "effective_from", "effective_to")
    rules = {
        (
            row["code"],
            row["pa_status"],
            any(row[name] for name in narrowing) or "note_not_interpreted" in (row["flags"] or ()),
        )
        for row in published(release, "prior_authorization")
    }
    members = [
        (code, status_of(one), "modifierExtension" in one) for one in sets for code in codes_of(one)
    ]
    assert sorted(members) == sorted(rules)


def test_every_resource_is_valid_and_the_files_are_those_of_the_bundle(
    released: Settings, tmp_path: Path
) -> None:
    sets = exported(released.curated, tmp_path / "out")
    files = sorted((tmp_path / "out").glob("ValueSet-*.json"))
    assert [path.stem for path in files] == sorted(f"ValueSet-{one['id']}" for one in sets)
    for path in files:
        resource = ValueSet.model_validate_json(path.read_bytes())
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", resource.id)
        assert re.fullmatch(r"[A-Z]([A-Za-z0-9_]){0,254}", resource.name)
        assert json.loads(path.read_bytes()) in sets
    assert len({one["url"] for one in sets}) == len(sets)
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    assert [entry["url"] for entry in index["sets"]] == [one["url"] for one in sets]


def test_same_release_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    exported(store.curated, tmp_path / "one")
    exported(store.curated, tmp_path / "two")
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two


@pytest.mark.parametrize("status", STATUSES.values(), ids=lambda status: status.name)
def test_set_carries_the_crd_code_of_its_status_or_none(
    store: Store, tmp_path: Path, status: Any
) -> None:
    condition = {"type": "age", "operator": None, "value": None, "unit": None, "raw": "over 21"}
    given = {"conditions": [condition]} if status.name == "conditional" else {}
    release_with(store, rule(store, "acme_dme", 5, "E0601", pa_status=status.name, **given))
    (one,) = exported(store.curated, tmp_path / "out")
    assert "modifierExtension" not in one
    assert status.meaning in one["description"]
    needed = own(one, "pa-needed")
    if status.crd_pa_needed is None:
        assert needed == []
    else:
        coding = {"system": CRD_CODES, "version": "2.2.1", "code": status.crd_pa_needed}
        assert [item["valueCoding"] for item in needed] == [coding]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"modifiers": ["RR"]}, "only with modifier RR"),
        ({"modifiers": ["26", "LT"]}, "only with modifier 26 and LT"),
        ({"state": "AK"}, "only in AK"),
        (
            {"effective_from": date(2027, 1, 1), "date_semantics": "request"},
            "only from 2027-01-01 on, dates of the request",
        ),
        (
            {"effective_to": date(2024, 8, 12), "date_semantics": "dos"},
            "only until 2024-08-11, dates of service",
        ),
    ],
)
def test_narrowed_rule_is_never_in_the_set_of_the_others(
    store: Store, tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    plain = rule(store, "acme_dme", 5, "E0601", pa_status="not_required")
    narrow = rule(store, "acme_dme", 6, "E0470", pa_status="not_required", **given)
    release_with(store, plain, narrow)
    sets = exported(store.curated, tmp_path / "out")
    by_code = {tuple(codes_of(one)): one for one in sets}
    assert by_code.keys() == {("E0601",), ("E0470",)}
    assert "modifierExtension" not in by_code["E0601",]
    (scope,) = own(by_code["E0470",], "scope", "modifierExtension")
    parts = {part["url"]: part for part in scope["extension"]}
    assert parts["text"]["valueString"] == words
    assert words in by_code["E0470",]["title"]
    assert words in by_code["E0470",]["description"]


def test_state_is_the_jurisdiction_and_dates_are_the_effective_period(
    store: Store, tmp_path: Path
) -> None:
    dated = {"effective_from": date(2024, 1, 1), "effective_to": date(2025, 1, 1)}
    release_with(store, rule(store, "acme_dme", 5, "E0601", state="AK", **dated))
    (one,) = exported(store.curated, tmp_path / "out")
    assert one["jurisdiction"][0]["coding"][0]["code"] == "US-AK"
    periods = [item["valuePeriod"] for item in one["extension"] if item["url"] == fhir.EFFECTIVE]
    # FHIR's end is a day of the period, ours the first day after it.
    assert periods == [{"start": "2024-01-01", "end": "2024-12-31"}]


def test_conditions_of_a_required_rule_keep_it_out_of_the_plain_set(
    store: Store, tmp_path: Path
) -> None:
    sets = exported(store.curated, tmp_path / "out")
    (wheelchair,) = [one for one in sets if "K0848" in codes_of(one)]
    assert codes_of(wheelchair) == ["K0848"]
    assert own(wheelchair, "scope", "modifierExtension")
    (concept,) = wheelchair["compose"]["include"][0]["concept"]
    assert own(concept, "printed-at")[0]["valueString"] == "page 1, line 7: Purchase only"


def test_note_that_nobody_interpreted_keeps_a_rule_out_of_the_plain_set(
    store: Store, tmp_path: Path
) -> None:
    noted = {"pa_status": "not_required", "notes": "up to 3 units"}
    unread = rule(store, "acme_dme", 5, "E0601", flags=["note_not_interpreted"], **noted)
    read_note = rule(store, "acme_dme", 6, "E0470", **noted)
    release_with(store, unread, read_note)
    sets = exported(store.curated, tmp_path / "out")
    scoped = {"modifierExtension" in one: one for one in sets}
    assert codes_of(scoped[True]) == ["E0601"]
    assert codes_of(scoped[False]) == ["E0470"]
    for one in sets:
        (concept,) = one["compose"]["include"][0]["concept"]
        assert own(concept, "printed-at")[0]["valueString"].endswith(": up to 3 units")


def test_sets_of_one_payer_are_those_of_its_lists(store: Store, tmp_path: Path) -> None:
    export_fhir(select(release_of(store.curated), payer="Borealis Health Plan"), tmp_path / "out")
    (one,) = read(tmp_path / "out")
    assert codes_of(one) == ["A4253"]
    assert one["title"].startswith("Borealis Health Plan: required on Borealis Medicaid list")
    assert one["useContext"][0]["valueCodeableConcept"] == {"text": "medicaid"}


def test_code_printed_twice_is_one_concept_with_both_places(store: Store, tmp_path: Path) -> None:
    sets = exported(store.curated, tmp_path / "out")
    (plain,) = [one for one in sets if "E0601" in codes_of(one) and one["title"].startswith("Acme")]
    (concept,) = [c for c in plain["compose"]["include"][0]["concept"] if c["code"] == "E0601"]
    places = [item["valueString"] for item in own(concept, "printed-at")]
    assert places == ["page 1, line 5", "page 2, line 16: see also page 1"]


def test_range_without_known_members_is_named_and_not_enumerated(
    store: Store, tmp_path: Path
) -> None:
    sets = exported(store.curated, tmp_path / "out")
    said = "A4206-A4210 (page 1, line 9): no code reference says which codes it has"
    (named,) = [one for one in sets if own(one, "not-included")]
    assert own(named, "not-included")[0]["valueString"] == said
    assert said in named["description"]
    assert not {"A4206", "A4210"} & {code for one in sets for code in codes_of(one)}
    lines = (tmp_path / "out" / "not-included.ndjson").read_text().splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["A4206-A4210"]


def test_range_with_known_members_is_those(store: Store, tmp_path: Path) -> None:
    members = ["A4206", "A4207", "A4209"]
    ranged = rule(store, "acme_dme", 9, "A4206", code_end="A4210", code_members=members)
    single = rule(store, "acme_dme", 8, "A4207", pa_status="not_required")
    release_with(store, ranged, single)
    sets = {status_of(one): one for one in exported(store.curated, tmp_path / "out")}
    assert codes_of(sets["required"]) == members
    concept = sets["required"]["compose"]["include"][0]["concept"][0]
    said = own(concept, "printed-at")[0]["valueString"]
    assert said == "within A4206-A4210, page 1, line 9"
    # The list contradicts itself, and both sets say so.
    for one in sets.values():
        assert "another status or scope too, in other value sets: A4207." in one["description"]


def test_list_of_nothing_but_unknown_ranges_has_a_set_that_includes_nothing(
    store: Store, tmp_path: Path
) -> None:
    release_with(store, rule(store, "acme_dme", 9, "A4206", code_end="A4210"))
    (one,) = exported(store.curated, tmp_path / "out")
    assert "compose" not in one
    assert own(one, "not-included")


def test_code_systems_are_those_of_hl7_terminology(store: Store, tmp_path: Path) -> None:
    assert set(value_sets.ADDRESSES) == set(SYSTEMS)
    printed = {"E0601": "HCPCS", "95810": "CPT", "0075T": "CPT3", "D0120": "CDT"}
    rules = [
        rule(store, "acme_dme", line, code, code_system=system)
        for line, (code, system) in enumerate(printed.items(), start=5)
    ]
    release_with(store, *rules)
    (one,) = exported(store.curated, tmp_path / "out")
    includes = {
        include["system"]: [concept["code"] for concept in include["concept"]]
        for include in one["compose"]["include"]
    }
    assert includes == {HCPCS: ["E0601"], CPT: ["0075T", "95810"], CDT: ["D0120"]}
    assert "American Medical Association" in one["copyright"]
    assert "American Dental Association" in one["copyright"]
    assert "display" not in json.dumps(one)


def test_code_of_a_system_without_an_address_is_named(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(value_sets.ADDRESSES, "CDT")
    release_with(store, rule(store, "acme_dme", 5, "D0120", code_system="CDT"))
    (one,) = exported(store.curated, tmp_path / "out")
    assert codes_of(one) == []
    assert "CDT has no address" in own(one, "not-included")[0]["valueString"]


@pytest.mark.parametrize(
    ("listed", "status", "said"),
    [
        ({}, "active", "not the same as 'no authorization needed'"),
        ({"status": "stale"}, "draft", "A newer version of the list is held back"),
        ({"is_specimen": True}, "draft", "a specimen in our own words"),
        ({"is_truncated": True}, "active", "ends in the middle"),
        ({"quarantined": 3}, "active", "3 of its lines could not be published"),
    ],
)
def test_set_says_what_its_list_is_worth(
    store: Store, tmp_path: Path, listed: dict[str, Any], status: str, said: str
) -> None:
    release_with(store, rule(store, "acme_dme", 5, "E0601"), **listed)
    (one,) = exported(store.curated, tmp_path / "out")
    assert one["status"] == status
    assert said in one["description"]


def test_index_names_the_lists_that_have_no_set(store: Store, tmp_path: Path) -> None:
    exported(store.curated, tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    without = {entry["source"]: entry["status"] for entry in index["lists_without_sets"]}
    assert without == {"borealis_exchange": "missing", "dune_dme": "missing"}


def test_addresses_begin_with_the_one_given(store: Store, tmp_path: Path) -> None:
    base = "https://example.org/fhir"
    sets = exported(store.curated, tmp_path / "out", canonical=f"{base}/")
    ours = exported(store.curated, tmp_path / "ours")
    assert all(one["url"] == f"{base}/ValueSet/{one['id']}" for one in sets)
    assert CANONICAL not in (tmp_path / "out" / "ValueSet.ndjson").read_text()
    assert [one["id"] for one in sets] == [one["id"] for one in ours]
    with pytest.raises(ExportError, match="is no address"):
        exported(store.curated, tmp_path / "no", canonical="not one")


def test_ids_are_the_same_in_the_next_release(store: Store, tmp_path: Path) -> None:
    before = {one["id"]: one for one in exported(store.curated, tmp_path / "one")}
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, store.rows)
    after = {one["id"]: one for one in exported(store.curated, tmp_path / "two")}
    assert before.keys() == after.keys()
    assert {one["version"] for one in after.values()} == {"000003-0c0c0c0c"}


def test_hostile_words_are_shown_and_valid(store: Store, tmp_path: Path) -> None:
    raw = 'over 21 \x1b[2J\x00\u202e"<script>\ud7ff\uffff'
    condition = {"type": "age", "operator": None, "value": None, "unit": None, "raw": raw}
    hostile = rule(store, "acme_dme", 5, "E0601", payer_name="Acme\n\x00", conditions=[condition])
    release_with(store, hostile, title="A\x07 list\r\n\tof \ufffe", publisher=" \x01 ")
    (one,) = exported(store.curated, tmp_path / "out")
    ValueSet.model_validate(one)
    text = json.dumps(one, ensure_ascii=False)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\u202e]", text)
    assert r"over 21 \\x1b[2J\\x00\\u202e" in text


NOT_LISTED = "A code that is in no value set of this list is not listed"
MAY_BE_LISTED = "A code that is in no value set of this list may be listed all the same"


@pytest.mark.parametrize(
    ("listed", "is_range", "why"),
    [
        ({}, False, None),
        ({}, True, "not-included.ndjson"),
        ({"quarantined": 1}, False, "quarantine"),
        ({"is_truncated": True}, False, "read to its end"),
        ({"is_truncated": None}, False, "read to its end"),
    ],
)
def test_absence_means_something_only_where_all_of_a_list_is_told(
    store: Store, tmp_path: Path, listed: dict[str, Any], is_range: bool, why: str | None
) -> None:
    rules = [
        rule(store, "acme_dme", 5, "E0601"),
        rule(store, "acme_dme", 8, "A4253", pa_status="not_required", pa_raw="No"),
    ]
    if is_range:
        rules.append(rule(store, "acme_dme", 9, "A4206", code_end="A4210", code_raw="A4206-A4210"))
    release_with(store, *rules, **listed)
    sets = exported(store.curated, tmp_path / "out")
    assert len(sets) == 2
    for one in sets:
        assert (NOT_LISTED in one["description"]) == (why is None)
        assert (MAY_BE_LISTED in one["description"]) == (why is not None)
        assert why is None or why in one["description"].partition(MAY_BE_LISTED)[2]


def test_row_in_the_quarantine_table_leaves_absence_open(store: Store, tmp_path: Path) -> None:
    tables = {
        "prior_authorization": [rule(store, "acme_dme", 5, "E0601")],
        "documents": [document(store, "acme_dme", "acme")],
        "quarantine": [held_back(store, "acme_dme", 11, "E0483", "E0483")],
    }
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, tables)
    (one,) = exported(store.curated, tmp_path / "out")
    assert MAY_BE_LISTED in one["description"]
