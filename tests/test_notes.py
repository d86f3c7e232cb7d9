"""NOTES.md of a release: whose change it is, the most material first, and never all of a million.

The changes, documents and rows in quarantine are made by hand, in the form of a release's tables.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.publishing import notes
from flows.publishing.attention import attention
from flows.publishing.notes import release_notes
from schemas.provenance import digest
from tests.release_fixture import (
    SECOND,
    SECOND_MADE,
    Store,
    build_store,
    document,
    held_back,
    write_release,
)

THIRD = "000003-0c0c0c0c"
BALANCE = {
    "source": "acme_dme",
    "lines_seen": 20,
    "headers": 4,
    "row_lines": 10,
    "quarantined": 1,
    "ignored": {"blank": 5},
    "rows": 10,
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


def change(code: str | None, before: Any, after: Any, **given: Any) -> dict[str, Any]:
    """A row of `changes`: of a rule of acme that the payer changed, unless given otherwise."""
    op = "add" if before is None else "remove" if after is None else "modify"
    fields = [name for name in after if before.get(name) != after[name]] if op == "modify" else None
    return {
        "op": op,
        "cause": "publication",
        "table": "prior_authorization",
        "row_key": digest([code, before, after, sorted(given.items())]),
        "payer": "acme",
        "code": code,
        "fields_changed": fields,
        "before": before and json.dumps(before),
        "after": after and json.dumps(after),
        "materiality": "high",
        **given,
    }


def notes_of(store: Store, changes: list[dict[str, Any]], **tables: Any) -> str:
    """The notes of a third release with these changes, sorted as the table is."""
    rows = sorted(changes, key=lambda c: (c["table"], c["payer"] or "", c["code"] or ""))
    made = SECOND_MADE + timedelta(days=7)
    write_release(store, THIRD, 3, SECOND, made, {**store.rows, "changes": rows, **tables})
    folder = store.curated / "releases" / THIRD
    said = json.loads((folder / "release.json").read_text())
    return release_notes(said | {"balance": [BALANCE]}, folder)


def under(text: str, heading: str) -> list[str]:
    """The lines below a heading, up to the next one of its level or above."""
    level = heading.partition(" ")[0]
    lines = text.splitlines()
    found = lines[lines.index(heading) + 1 :]
    ends = (
        n for n, line in enumerate(found) if line[:1] == "#" and len(line.split()[0]) <= len(level)
    )
    return [line for line in found[: next(ends, len(found))] if line]


def test_each_payer_has_what_it_added_changed_and_removed(store: Store) -> None:
    rule = {"pa_status": "required", "section": "Orthotics"}
    text = notes_of(
        store,
        [
            change("E0466", rule, {**rule, "pa_status": "not_required"}),
            change("K0001", None, rule),
            change("L1833", rule, None, payer="borealis"),
            change(None, None, {"title": "Powered exoskeletons"}, payer=None, table="bulletins"),
        ],
    )
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        f"# Release {THIRD}",
        "## Attention",
        "## acme",
        "### Added",
        "### Changed",
        "## borealis",
        "### Removed",
        "## publications",
        "### Added",
        "## Balance",
    ]
    assert under(text, "## acme") == [
        "1 added, 1 changed; 2 of high materiality.",
        "### Added",
        "- prior_authorization: K0001 in Orthotics, required",
        "### Changed",
        "- prior_authorization: E0466 in Orthotics: pa_status from required to not_required",
    ]
    assert "- prior_authorization: L1833 in Orthotics, required" in under(text, "## borealis")
    assert "- bulletins: Powered exoskeletons" in under(text, "## publications")
    (balance,) = under(text, "## Balance")
    assert balance.startswith("- acme_dme: 20 lines = 4 headers + 10 published + 1 quarantined")
    assert balance.endswith("+ 5 ignored (blank 5); 10 rows")


def test_what_is_ours_stands_apart_from_what_the_payer_did(store: Store) -> None:
    rule = {"pa_status": "required", "notes": None}
    reread = {**rule, "notes": "Purchase only"}
    text = notes_of(
        store,
        [
            change("E0466", rule, reread, cause="reading", materiality="medium"),
            change("E0466", reread, {**reread, "pa_status": "not_required"}),
            change("K0001", rule, None, cause="quarantine"),
            change("K0002", rule, None, cause="unread"),
            change("K0003", rule, {**rule, "code_active": False}, cause="reference"),
            change("L1833", None, rule, cause="reading", payer="borealis"),
        ],
    )
    lines = under(text, "## acme")
    apart = lines.index("### Our own doing, not the publication's")
    theirs, ours = lines[:apart], lines[apart:]
    assert theirs == [
        "1 changed; 1 of high materiality.",
        "### Changed",
        "- prior_authorization: E0466: pa_status from required to not_required",
    ]
    assert [line for line in ours if "K000" in line or "E0466" in line] == [
        "- Removed: prior_authorization: K0001, required",
        "- Changed: prior_authorization: E0466: notes from (empty) to Purchase only",
        "- Changed: prior_authorization: K0003: code_active from (empty) to no",
        "- Removed: prior_authorization: K0002, required",
    ]
    said = " ".join(ours)
    for words in ("to quarantine", "read otherwise", "code reference", "being cut"):
        assert words in said
    other = under(text, "## borealis")
    assert other[0] == "No publication changed."
    assert not any(line in ("### Added", "### Changed", "### Removed") for line in other)


def test_what_the_code_reference_says_is_counted_unless_a_code_ended(store: Store) -> None:
    rule = {"pa_status": "required", "code_active": None, "code_active_on": None}
    rule |= {"code_ended_on": None, "code_replaced_by": None}
    valid = {**rule, "code_active": True, "code_active_on": "2026-11-01"}
    ended = {**rule, "code_active": False, "code_ended_on": "2025-12-31"}
    replaced = {**ended, "code_replaced_by": ["A4239"]}
    ours = {"cause": "reference", "materiality": "low"}
    text = notes_of(
        store,
        [
            *(change(f"E0{n}", rule, valid, **ours) for n in range(100, 300)),
            change("K0553", rule, ended, **ours),
            change("K0554", ended, replaced, **ours),
            change("K0555", ended, {**ended, "code_active_on": "2026-11-01"}, **ours),
            change("E0466", rule, valid, payer="borealis", **ours),
            change("E0467", valid, {**valid, "pa_status": "not_required"}),
        ],
    )
    lines = [line for line in under(text, "## acme") if line.startswith("- ")]
    ended_words = "code_active from (empty) to no; code_ended_on from (empty) to 2025-12-31"
    counted = "201 rows differ only in what the code reference says of the code"
    assert [line.partition(" (valid")[0] for line in lines] == [
        "- prior_authorization: E0467: pa_status from required to not_required",
        f"- Changed: prior_authorization: K0553: {ended_words}",
        "- Changed: prior_authorization: K0554: code_replaced_by from (empty) to A4239",
        f"- Changed: {counted}",
    ]
    assert any("203 changed" in line for line in under(text, "## acme"))
    (one,) = [line for line in under(text, "## borealis") if line.startswith("- ")]
    assert one.startswith("- Changed: 1 row differs only in what")


def test_status_changes_come_before_words(store: Store) -> None:
    words = {"pa_status": "required", "description": "Wheelchair"}
    text = notes_of(
        store,
        [
            change("A0001", words, {**words, "description": "Chair"}, materiality="low"),
            change("A0002", words, {**words, "notes": "Call us"}, materiality="medium"),
            change("Z9999", words, {**words, "pa_status": "not_required"}),
        ],
    )
    assert [line.split()[2][:5] for line in under(text, "### Changed")] == [
        "Z9999",
        "A0002",
        "A0001",
    ]


def test_many_changes_are_counted_and_the_first_are_told(store: Store) -> None:
    rule = {"pa_status": "required"}
    many = [change(f"A{n:04}", None, rule) for n in range(notes.LISTED + 1_234)]
    text = notes_of(store, [*many, change("Z0001", rule, None)])
    added = under(text, "### Added")
    assert len(added) == notes.LISTED + 1
    assert added[0] == "- prior_authorization: A0000, required"
    assert added[-1] == (
        f"- and 1,234 more (in all: prior_authorization {len(many):,}); see changes.parquet"
    )
    assert under(text, "### Removed") == ["- prior_authorization: Z0001, required"]


def test_long_words_are_cut_where_they_begin_to_differ(store: Store) -> None:
    long = "Power wheelchair, group 3 standard, sling/solid seat/back, " * 3
    before, after = {"description": long + "old"}, {"description": long + "new"}
    text = notes_of(store, [change("K0848", before, after, materiality="low")])
    (line,) = under(text, "### Changed")
    assert line == (
        "- prior_authorization: K0848: description from … seat/back, old to … seat/back, new"
    )


def test_words_of_a_publisher_are_no_markup(store: Store) -> None:
    before, after = {"notes": None}, {"notes": "<img src=x>\n# Heading `code` [a](b)\x1b[2J"}
    text = notes_of(store, [change("K0848", before, after, materiality="medium")])
    (line,) = under(text, "### Changed")
    assert r"\<img src=x> # Heading \`code\` \[a](b)\x1b" in line.replace("\\\\x1b", r"\x1b")
    assert "\x1b" not in text


def test_only_rows_of_versions_that_matter_now_are_told_of(store: Store) -> None:
    quarantine = [
        held_back(store, "acme_dme", 11, "E0483", "of the list that is published"),
        held_back(store, "acme_dme", 12, "E0484", "of an earlier one", sha256="d" * 64),
        held_back(store, "borealis_medicaid", 5, "E0485", "of the one held", sha256="e" * 64),
    ]
    told = "\n".join(under(notes_of(store, [], quarantine=quarantine), "## Attention"))
    assert "E0483" in told
    assert "E0485" in told
    assert "E0484" not in told
    assert attention(store.rows["documents"], quarantine) == attention(
        iter(store.rows["documents"]), [quarantine[0], quarantine[2]]
    )


def test_attention_counts_what_it_does_not_list(store: Store) -> None:
    rows = [held_back(store, "acme_dme", n, None, "x") for n in range(1, notes.LISTED + 51)]
    documents = [document(store, "acme_dme", "acme", status="current", problems=["page 1: cut"])]
    text = notes_of(store, [], quarantine=rows, documents=documents)
    told = [line for line in under(text, "## Attention") if line.startswith("- ")]
    assert len(told) == notes.LISTED + 1
    assert told[0] == "- acme_dme: page 1: cut"
    assert told[1] == ("- acme_dme: in quarantine, page 1, line 1: its code cell cannot be read")
    assert told[-1] == "- and 51 more; see documents.parquet and quarantine.parquet"


def test_first_release_and_one_without_changes_say_so(store: Store) -> None:
    assert f"No row differs from {SECOND}." in notes_of(store, [])
    folder = store.curated / "releases" / THIRD
    said = json.loads((folder / "release.json").read_text()) | {"balance": [], "previous": None}
    assert "there is nothing to compare it with" in release_notes(said, folder)
