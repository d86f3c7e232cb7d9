"""Lookups as things were known on an earlier day, from the history that a release has."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from extractors.reference.code_states import REFERENCE_FLAGS
from extractors.reference.rule_history import Edition, spells
from flows.answers import rule_facts
from flows.answers.known import last_instant
from flows.answers.lookup import Question, codes_asked, lookup
from flows.cli import main
from flows.commands.answering import NOT_INGESTED
from flows.releases import latest
from schemas.provenance import digest
from tests.release_fixture import (
    ACME_FIRST_SHA256,
    ACME_SECOND_SHA256,
    FIRST,
    HELD_REASON,
    HELD_SINCE,
    SECOND,
    SECOND_MADE,
    Store,
    build_store,
    code_version,
    document,
    held_back,
    rule,
    rule_version,
    run_of_looks,
    write_release,
)

THIRD = "000003-0c0c0c0c"
TODAY = SECOND_MADE.date().isoformat()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_store(tmp_path_factory.mktemp("store"))


def run(store: Store, *words: str) -> Result:
    return CliRunner().invoke(main, [*store.options, "lookup", *words])


def ask(store: Store, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(store, *words, "--json").stdout)
    return found


def ask_one(store: Store, code: str, payer: str, day: str, *words: str) -> dict[str, Any]:
    (only,) = ask(store, code, "--payer", payer, "--as-known", day, *words)
    return only


def statuses(answer: dict[str, Any]) -> list[str]:
    return [found["pa_status"] for found in answer["rules"]]


@pytest.mark.parametrize(
    ("day", "known"),
    [("2026-09-01", ["required"]), ("2026-10-04", ["required"]), ("2026-10-05", ["not_required"])],
)
def test_rule_that_changed_is_told_as_it_was_known_at_the_end_of_the_day(
    store: Store, day: str, known: list[str]
) -> None:
    assert statuses(ask_one(store, "A4253", "acme", day)) == known


def test_rule_of_an_earlier_day_says_when_and_how_it_ended_and_where_it_was_printed(
    store: Store,
) -> None:
    (found,) = ask_one(store, "A4253", "acme", "2026-09-10")["rules"]
    assert (found["known_until"], found["end_basis"]) == ("2026-10-05T05:00:00Z", "changed")
    assert found["place"]["sha256"] == ACME_FIRST_SHA256
    shown = run(store, "A4253", "--payer", "acme", "--as-known", "2026-09-10").stdout
    assert "since then  the list says something else, found on 2026-10-05" in shown


def test_rule_that_was_removed_is_listed_before_and_not_listed_after(store: Store) -> None:
    assert ask_one(store, "E0748", "acme", "2026-10-04")["answer"] == "listed"
    assert ask_one(store, "E0748", "acme", "2026-10-05")["answer"] == "not_listed"


def test_rule_that_came_back_is_absent_between_and_marked_afterwards(store: Store) -> None:
    between = ask_one(store, "E0260", "acme", "2026-10-20")
    assert (between["answer"], between["rules"]) == ("not_listed", [])
    (again,) = ask_one(store, "E0260", "acme", "2026-10-30")["rules"]
    assert again["reappeared"] is True
    (before,) = ask_one(store, "E0260", "acme", "2026-09-30")["rules"]
    assert before["reappeared"] is False


def test_last_look_is_never_later_than_the_day_asked_about(store: Store) -> None:
    (found,) = ask_one(store, "K0848", "acme", "2026-09-10")["rules"]
    assert found["first_seen"] == "2026-09-01T05:00:00Z"
    assert found["last_seen"].startswith("2026-09-10T23:59:59")
    freshness = ask_one(store, "K0848", "acme", "2026-09-10")["list_freshness"]
    assert freshness == "read on 2026-09-01"


def test_list_is_the_one_that_had_come_by_then(store: Store) -> None:
    answer = ask_one(store, "E2402", "acme", "2026-10-20")
    assert (answer["answer"], answer["list_read_on"]) == ("not_listed", "2026-10-05")
    assert answer["as_known"] == "2026-10-20"


def test_place_in_a_copy_that_is_not_the_one_of_the_day_says_which_copy(store: Store) -> None:
    shown = run(store, "K0848", "--payer", "acme", "--as-known", "2026-10-20").stdout
    assert "list read on 2026-10-05" in " ".join(shown.split())
    assert "acme_dme/list, page 1, line 7 of the copy first seen on 2026-09-01\n" in shown
    same = run(store, "K0848", "--payer", "acme", "--as-known", "2026-09-10").stdout
    assert "acme_dme/list, page 1, line 7\n" in same
    (row,) = csv.DictReader(
        io.StringIO(
            run(store, "K0848", "--payer", "acme", "--as-known", "2026-10-20", "--csv").stdout
        )
    )
    assert row["sha256"] == ACME_FIRST_SHA256


def test_day_after_the_release_is_answered_with_a_remark_that_it_knows_nothing_later(
    store: Store,
) -> None:
    for day in ("2026-11-22", "9999-12-31"):
        result = run(store, "K0848", "--payer", "acme", "--as-known", day)
        assert result.exit_code == 0
        assert f"release {SECOND} was made on {TODAY} and knows nothing of what" in result.stderr
    assert "knows nothing" not in run(store, "K0848", "--as-known", TODAY).stderr


def with_code_reference(folder: Path) -> Store:
    """The store with a code reference, first seen long after acme's list, that ended K0848."""
    store = build_store(folder)
    codes_sha256 = "f" * 64
    seen = {"retrieved_at": HELD_SINCE, "first_seen": HELD_SINCE}
    reference = document(
        store, "code_set", None, kind="code_reference", sha256=codes_sha256, **seen
    )
    ended = {
        "code_active": False,
        "code_active_on": date(2026, 10, 30),
        "code_ended_on": date(2024, 3, 31),
        "code_replaced_by": ["K0849"],
        "flags": ["code_ended", "of_the_row"],
    }
    history = [
        {**row, **ended} if row["code"] == "K0848" else row
        for row in store.rows["prior_authorization_history"]
    ]
    looks = [
        {**row, "newest_code_added_on": date(2020, 1, 1)} if row["payer"] == "acme" else row
        for row in store.rows["document_history"]
    ]
    tables = {
        **store.rows,
        "codes": [code_version("E0430", date(2016, 12, 31), ["E0431"])],
        "documents": [*store.rows["documents"], reference],
        "document_history": [*looks, run_of_looks(reference)],
        "prior_authorization_history": history,
    }
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    return store


def test_what_the_code_reference_says_is_not_told_of_a_day_before_it_came(tmp_path: Path) -> None:
    store = with_code_reference(tmp_path)
    before = ask_one(store, "K0848", "acme", "2026-11-19")
    (found,) = before["rules"]
    states = ("code_active", "code_active_on", "code_ended_on", "code_replaced_by")
    assert [found[name] for name in states] == [None] * 4
    assert found["flags"] == ["of_the_row"]
    assert "newest code" not in before["list_freshness"]
    assert ask_one(store, "E0430", "acme", "2026-11-19")["code_active"] is None
    after = ask_one(store, "K0848", "acme", "2026-11-20")
    (known,) = after["rules"]
    assert (known["code_ended_on"], known["flags"]) == ("2024-03-31", ["code_ended", "of_the_row"])
    assert "its newest code was added on 2020-01-01" in after["list_freshness"]
    assert ask_one(store, "E0430", "acme", "2026-11-20")["code_ended_on"] == "2016-12-31"
    said = run(store, "K0848", "--payer", "acme", "--as-known", "2026-11-20").stderr
    assert "what the code reference of the release says" in said


def test_flags_of_the_code_reference_are_those_of_the_module_that_sets_them() -> None:
    assert rule_facts.REFERENCE_FLAGS == REFERENCE_FLAGS


def test_list_that_had_not_come_by_then_is_not_ingested(store: Store) -> None:
    result = run(store, "A4253", "--payer", "acme", "--as-known", "2026-08-31")
    assert "NOT INGESTED: we have no such list" in result.stdout
    assert "had not been retrieved by the end of 2026-08-31" in result.stdout
    assert result.exit_code == NOT_INGESTED


def test_payers_whose_lists_had_not_come_are_not_asked_unless_named(store: Store) -> None:
    asked = {answer["payer"] for answer in ask(store, "E0601", "--as-known", "2026-10-04")}
    assert asked == {"acme"}
    (nobody,) = ask(store, "E0601", "--as-known", "2026-08-31")
    assert (nobody["answer"], nobody["payer"]) == ("not_ingested", None)
    assert "by the end of 2026-08-31" in nobody["explanation"]


def test_list_never_retrieved_says_so_on_any_day(store: Store) -> None:
    answer = ask_one(store, "E0601", "dune", "2026-10-20")
    assert "precert refresh dune_dme" in answer["explanation"]


def test_newer_version_that_is_held_makes_the_older_one_stale_from_its_day_on(
    store: Store,
) -> None:
    before = ask_one(store, "A4253", "borealis", "2026-11-19")
    after = ask_one(store, "A4253", "borealis", "2026-11-20")
    assert statuses(before) == statuses(after) == ["required"]
    assert "held" not in before["list_freshness"]
    assert HELD_REASON in after["list_freshness"]
    held = [v["status"] for v in after["lists"] if v["source"] == "borealis_medicaid"]
    assert sorted(held) == ["held", "stale"]


@pytest.mark.parametrize("words", [(), ("--as-known", TODAY)], ids=["today", "as known"])
def test_rule_that_a_cut_version_does_not_reach_is_told_and_never_not_listed(
    store: Store, words: tuple[str, ...]
) -> None:
    (answer,) = ask(store, "E0424", "--payer", "cobalt", *words)
    assert (answer["answer"], answer["rules"]) == ("not_ingested", [])
    assert statuses({"rules": answer["earlier_rules"]}) == ["required"]
    said = "an earlier version, first seen on 2026-10-10, listed it as REQUIRED (cobalt_dme/list"
    assert said in answer["explanation"]
    assert "the newer one is cut before it" in answer["explanation"]


def test_version_that_was_whole_lists_what_the_cut_one_does_not_reach(store: Store) -> None:
    answer = ask_one(store, "E0424", "cobalt", "2026-10-12")
    assert (answer["answer"], answer["earlier_rules"]) == ("listed", [])
    assert ask_one(store, "E2402", "cobalt", "2026-10-12")["answer"] == "not_listed"
    assert ask_one(store, "E2402", "cobalt", "2026-10-30")["answer"] == "not_ingested"


def test_row_held_back_in_the_version_of_that_day_decides_on_that_day_alone(
    tmp_path: Path,
) -> None:
    store = build_store(tmp_path)
    of_second = held_back(store, "acme_dme", 12, None, "EO466\tYes", sha256=ACME_SECOND_SHA256)
    history = [
        {**row, "quarantined": 1, "is_whole": False} if row["sha256"] == ACME_SECOND_SHA256 else row
        for row in store.rows["document_history"]
    ]
    quarantine = [*store.rows["quarantine"], of_second]
    tables = {**store.rows, "quarantine": quarantine, "document_history": history}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    assert ask_one(store, "E0466", "acme", "2026-10-04")["answer"] == "not_listed"
    unread = ask_one(store, "E0466", "acme", "2026-10-20")
    assert unread["answer"] == "not_ingested"
    assert unread["held_back"][0]["place"]["raw_text"] == "EO466\tYes"
    assert ask_one(store, "E0466", "acme", TODAY)["answer"] == "not_listed"


def test_version_that_is_not_whole_for_no_stated_reason_leaves_absence_open(
    tmp_path: Path,
) -> None:
    store = build_store(tmp_path)
    history = [
        {**row, "is_whole": False} if row["sha256"] == ACME_SECOND_SHA256 else row
        for row in store.rows["document_history"]
    ]
    tables = {**store.rows, "document_history": history}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    answer = ask_one(store, "E2402", "acme", "2026-10-20")
    assert answer["answer"] == "not_ingested"
    assert "read whole is not known" in answer["explanation"]


def test_day_of_knowledge_and_day_of_force_go_together(store: Store) -> None:
    known = ("2026-09-10", "--on")
    assert statuses(ask_one(store, "L1833", "acme", *known, "2024-08-11")) == ["required"]
    ended = ask_one(store, "L1833", "acme", *known, "2024-08-12")
    assert (ended["rules"], ended["not_in_force_on"]) == ([], "2024-08-12")


def test_duty_and_contradiction_are_told_from_the_day_that_their_publications_came(
    store: Store,
) -> None:
    told = {
        day: ask_one(store, "K1007", "acme", day)["requirements"] for day in ("2026-10-20", TODAY)
    }
    assert [len(duties) for duties in told.values()] == [0, 1]
    disputed = {
        day: len(ask_one(store, "A4253", "acme", day)["contradictions"])
        for day in ("2026-10-20", TODAY)
    }
    assert list(disputed.values()) == [0, 1]
    result = run(store, "K1007", "--as-known", "2026-10-20")
    assert "duties and contradictions are told where" in result.stderr


def test_kept_release_answers_as_it_was_published(store: Store) -> None:
    (then,) = ask(store, "A4253", "--payer", "acme", "--release", FIRST)
    assert (statuses(then), then["release"]) == (["required"], FIRST)
    (now,) = ask(store, "A4253", "--payer", "acme", "--release", SECOND)
    assert statuses(now) == ["not_required"]


def test_release_that_is_not_kept_is_one_sentence(store: Store) -> None:
    result = run(store, "A4253", "--release", "000009-99999999")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no release 000009-99999999" in result.stderr


def test_days_are_answered_when_older_releases_are_gone(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    for path in (store.curated / "releases" / FIRST).iterdir():
        path.unlink()
    (store.curated / "releases" / FIRST).rmdir()
    assert statuses(ask_one(store, "A4253", "acme", "2026-09-10")) == ["required"]


def test_release_without_a_history_says_to_refresh(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    manifest = store.curated / "releases" / SECOND / "release.json"
    said = json.loads(manifest.read_text())
    for table in ("prior_authorization_history", "document_history"):
        del said["files"][f"{table}.parquet"]
    manifest.write_text(json.dumps(said))
    result = run(store, "A4253", "--as-known", "2026-10-20")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "run `precert refresh`" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert statuses(ask(store, "A4253", "--payer", "acme")[0]) == ["not_required"]


def test_last_instant_of_a_day_is_the_microsecond_before_the_next(store: Store) -> None:
    after = datetime(2026, 2, 2, tzinfo=UTC)
    assert last_instant(date(2026, 2, 1)) == int(after.timestamp()) * 1_000_000 - 1


# A random history of two lists, and what a release at its end must say in both ways.

START = datetime(2026, 1, 1, 5, 0, tzinfo=UTC)
CODES = ("E0601", "E0466", "A4253", "K0848")
edition = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(["accepted", "accepted", "accepted", "held"]),
        "is_truncated": st.sampled_from([False, False, True]),
        "unread": st.sampled_from([None, None, None, "", *CODES]),
        "rules": st.dictionaries(
            st.sampled_from(CODES), st.sampled_from(["required", "not_required"])
        ),
    }
)


def sha256_of(source: str, number: int) -> str:
    return (digest([source, number]) * 3)[:64]


def tables_of(store: Store, histories: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The tables of a release made after all looks, one a day."""
    tables: dict[str, Any] = {
        name: []
        for name in (
            "documents",
            "document_history",
            "prior_authorization",
            "prior_authorization_history",
            "quarantine",
        )
    }
    for source, editions in histories.items():
        _add(tables, store, source, editions)
    return tables


def _add(tables: dict[str, Any], store: Store, source: str, editions: list[dict[str, Any]]) -> None:
    looks = []
    for number, said in enumerate(editions):
        at = START + timedelta(days=number)
        sha256 = sha256_of(source, number)
        is_accepted = said["outcome"] == "accepted"
        seen = {"retrieved_at": at, "first_seen": at, "last_seen": at, "sha256": sha256}
        reason = None if is_accepted else HELD_REASON
        unread = [said["unread"]] if said["unread"] is not None else []
        row = document(
            store,
            source,
            source.partition("_")[0],
            is_truncated=said["is_truncated"],
            quarantined=len(unread) if is_accepted else 0,
            held_reason=reason,
            **seen,
        )
        rules = [
            rule(store, source, 5, code, pa_status=status, sha256=sha256, **seen_by(at))
            for code, status in sorted(said["rules"].items())
            if code not in unread
        ]
        looks.append((said, row, rules, unread))
        newer = START + timedelta(days=number + 1) if number + 1 < len(editions) else None
        is_whole = is_accepted and not said["is_truncated"] and "" not in unread
        tables["document_history"].append(
            run_of_looks(row, said["outcome"], known_until=newer, is_whole=is_whole)
        )
        if is_accepted:
            tables["quarantine"] += [
                held_back(store, source, 6, code or None, f"{code or '?'}\tAsk us", sha256=sha256)
                for code in unread
            ]
    accepted = [look for look in looks if look[0]["outcome"] == "accepted"]
    newest = looks[-1]
    if newest[0]["outcome"] == "held":
        tables["documents"].append({**newest[1], "status": "held", "rows": 0})
    if accepted:
        status = "current" if accepted[-1] is newest else "stale"
        tables["documents"].append({**accepted[-1][1], "status": status})
        tables["prior_authorization"] += accepted[-1][2]
        tables["prior_authorization_history"] += versions_of(accepted)


def seen_by(at: datetime) -> dict[str, datetime]:
    return {"first_seen": at, "last_seen": at}


def versions_of(accepted: list[Any]) -> list[dict[str, Any]]:
    editions = [
        Edition(
            sha256=row["sha256"],
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            keys=[found["row_key"] for found in rules],
            hashes=[found["row_hash"] for found in rules],
            codes=[found["code"] for found in rules],
            is_whole=not said["is_truncated"] and "" not in unread,
            unread=[(code, code) for code in unread if code],
        )
        for said, row, rules, unread in accepted
    ]
    return [
        rule_version(
            accepted[spell.edition][2][spell.row],
            spell.first_seen,
            last_seen=spell.last_seen,
            last_sha256=spell.last_sha256,
            known_until=spell.known_until,
            end_basis=spell.end_basis,
            reappeared=spell.reappeared,
            unseen_in=list(spell.unseen_in) or None,
        )
        for spell in spells(editions)
    ]


def comparable(answer: Any) -> Any:
    """An answer without what only a history tells: the first place of a rule, and its looks."""
    said = answer.as_json()
    for name in ("rules", "earlier_rules"):
        said[name] = [
            {
                key: value
                for key, value in found.items()
                if key not in ("place", "first_seen", "last_seen", "reappeared")
            }
            for found in said[name]
        ]
    # A payer's name is that of any of its rules, whenever it was printed.
    del said["as_known"], said["release"], said["payer_name"]
    return said


# Without shrinking, which writes thousands of releases.
@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    acme=st.lists(edition, min_size=1, max_size=5), cobalt=st.lists(edition, min_size=1, max_size=4)
)
def test_any_day_of_a_history_is_answered_as_a_release_made_that_day_would(
    tmp_path_factory: pytest.TempPathFactory,
    acme: list[dict[str, Any]],
    cobalt: list[dict[str, Any]],
) -> None:
    folder = tmp_path_factory.mktemp("history")
    store = Store(
        folder / "raw", folder / "curated", {"acme_dme": "0" * 64, "cobalt_dme": "9" * 64}
    )
    whole = {"acme_dme": acme, "cobalt_dme": cobalt}
    days = max(len(editions) for editions in whole.values())
    write_release(store, SECOND, days + 1, None, SECOND_MADE, tables_of(store, whole), only=True)
    with_history = latest(store.curated)
    assert with_history is not None
    spans = codes_asked([*CODES, "E2402"])
    for number in {0, days // 2, days - 1}:
        until = {source: editions[: number + 1] for source, editions in whole.items()}
        name = f"{number + 10:06}-0d0d0d0d"
        tables = tables_of(store, until)
        write_release(store, name, number + 10, None, SECOND_MADE, tables, only=True)
        made_then = latest(store.curated)
        assert made_then is not None
        day = (START + timedelta(days=number)).date()
        plain = [comparable(a) for a in lookup(made_then, Question(spans))]
        known = [comparable(a) for a in lookup(with_history, Question(spans, as_known=day))]
        today = [comparable(a) for a in lookup(made_then, Question(spans, as_known=day))]
        assert _without_the_future(known) == plain
        assert today == plain


def _without_the_future(answers: list[Any]) -> list[Any]:
    for answer in answers:
        for found in (*answer["rules"], *answer["earlier_rules"]):
            found["known_until"] = found["end_basis"] = None
    return answers
