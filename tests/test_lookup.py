"""The answers of `precert lookup`, over the hand-made releases of `release_fixture`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flows.cli import NOT_INGESTED, main
from flows.lookup import CodeError, Question, codes_asked, lookup
from flows.releases import latest
from schemas.statuses import STATUSES
from tests.conftest import ROOT
from tests.release_fixture import (
    HELD_REASON,
    RETRIEVED,
    SECOND_MADE,
    Store,
    build_store,
    document,
    rule,
    write_release,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_store(tmp_path_factory.mktemp("store"))


def run(store: Store, *words: str) -> Result:
    return CliRunner().invoke(main, [*store.options, "lookup", *words])


def ask(store: Store, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(store, *words, "--json").stdout)
    return found


def ask_acme(store: Store, *words: str) -> dict[str, Any]:
    (only,) = ask(store, *words, "--payer", "acme")
    return only


def test_one_object_for_each_code_and_payer_in_the_order_asked(store: Store) -> None:
    found = ask(store, "e0601", "A4253")
    assert [(answer["code"], answer["payer"]) for answer in found] == [
        (code, payer)
        for code in ("E0601", "A4253")
        for payer in ("acme", "borealis", "cobalt", "dune")
    ]


def test_code_in_two_sections_has_two_rules_each_with_its_place(store: Store) -> None:
    rules = ask_acme(store, "E0601")["rules"]
    assert [(rule["section"], rule["place"]["page"], rule["place"]["line"]) for rule in rules] == [
        ("Durable Medical Equipment", 1, 5),
        ("Orthotics", 2, 16),
    ]
    assert {rule["place"]["sha256"] for rule in rules} == {store.sha256["acme_dme"]}
    assert "Continuous positive airway" in rules[0]["place"]["raw_text"]


def test_rule_carries_status_condition_reviewer_and_note(store: Store) -> None:
    (rule,) = ask_acme(store, "K0848")["rules"]
    assert (rule["pa_status"], rule["pa_raw"]) == ("required", "Yes")
    assert (rule["reviewer"], rule["reviewer_raw"]) == ("eviCore", "CareCore National")
    assert rule["notes"] == "Purchase only"
    assert rule["conditions"][0]["type"] == "purchase_only"


def test_code_on_no_list_that_was_read_whole_is_not_listed(store: Store) -> None:
    answer = ask_acme(store, "E2402")
    assert (answer["answer"], answer["rules"]) == ("not_listed", [])
    assert answer["list_read_on"] == RETRIEVED.date().isoformat()
    assert run(store, "E2402", "--payer", "acme").exit_code == 0


def test_code_not_on_a_truncated_list_is_not_ingested(store: Store) -> None:
    (answer,) = ask(store, "E2402", "--payer", "cobalt")
    assert answer["answer"] == "not_ingested"
    assert "ends in the middle" in answer["explanation"]
    assert run(store, "E2402", "--payer", "cobalt").exit_code == NOT_INGESTED


def test_code_on_a_truncated_list_is_listed_with_the_gap_named(store: Store) -> None:
    (answer,) = ask(store, "E0601", "--payer", "cobalt")
    assert answer["answer"] == "listed"
    assert "ends in the middle" in answer["explanation"]


def test_payer_whose_list_was_never_retrieved_is_not_ingested(store: Store) -> None:
    (answer,) = ask(store, "E0601", "--payer", "dune")
    assert (answer["answer"], answer["list_read_on"]) == ("not_ingested", None)
    assert "precert refresh dune_dme" in answer["explanation"]


def test_unknown_payer_is_not_ingested_and_the_known_ones_are_named(store: Store) -> None:
    result = run(store, "E0601", "--payer", "zenith", "--json")
    (answer,) = json.loads(result.stdout)
    assert (answer["answer"], answer["payer"]) == ("not_ingested", "zenith")
    assert "acme, borealis, cobalt, dune" in answer["explanation"]
    assert result.exit_code == NOT_INGESTED


@pytest.mark.parametrize(
    "name", ["borealis", "BOREALIS", "Borealis Health Plan", "borealis-health plan"]
)
def test_payer_is_found_by_id_or_name_whatever_the_case(store: Store, name: str) -> None:
    (answer,) = ask(store, "A4253", "--payer", name)
    assert (answer["payer"], answer["payer_name"]) == ("borealis", "Borealis Health Plan")


def test_stale_list_answers_and_says_that_a_newer_one_is_held(store: Store) -> None:
    (answer,) = ask(store, "A4253", "--payer", "borealis")
    assert answer["answer"] == "listed"
    assert answer["list_read_on"] == "2026-10-30"
    assert "newest version held since 2026-11-20" in answer["list_freshness"]
    assert HELD_REASON in answer["list_freshness"]
    assert "borealis_exchange" in answer["explanation"]


def test_code_in_a_published_range_is_listed_by_the_range(store: Store) -> None:
    for code in ("A4206", "A4208", "A4210"):
        (rule,) = ask_acme(store, code)["rules"]
        assert (rule["matched_by"], rule["code_end"]) == ("range", "A4210")
    assert ask_acme(store, "A4211")["answer"] == "not_listed"


def test_code_of_another_letter_is_not_in_a_range(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    rules = [rule(store, "acme_dme", 9, "A4206", code_end="B4210")]
    lists = [document(store, "acme_dme", "acme")]
    tables = {"prior_authorization": rules, "documents": lists}
    write_release(store, "000003-0c0c0c0c", 3, None, SECOND_MADE, tables)
    assert ask_acme(store, "A9999")["answer"] == "not_listed"


def test_row_held_back_that_names_the_code_is_never_not_listed(store: Store) -> None:
    answer = ask_acme(store, "E0483")
    assert answer["answer"] == "not_ingested"
    assert answer["held_back"][0]["place"]["line"] == 11
    assert "page 1, line 11" in answer["explanation"]
    assert "Ask us" in answer["explanation"]


def test_row_held_back_whose_range_has_the_code_is_never_not_listed(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    held_back = dict(store.rows["quarantine"][0])
    held_back |= {"cells": ["K0001-K0009", "Ask us"], "raw_text": "K0001-K0009\tAsk us"}
    tables = {**store.rows, "quarantine": [held_back]}
    write_release(store, "000003-0c0c0c0c", 3, None, SECOND_MADE, tables)
    assert ask_acme(store, "K0005")["answer"] == "not_ingested"
    assert ask_acme(store, "K0010")["answer"] == "not_listed"


def test_rule_holds_from_its_first_day_and_not_on_its_end_day(store: Store) -> None:
    begun, before = ("2024-08-12", "2024-08-11")
    assert len(ask_acme(store, "L0648", "--on", begun)["rules"]) == 1
    assert ask_acme(store, "L0648", "--on", before)["rules"] == []
    assert ask_acme(store, "L1833", "--on", begun)["rules"] == []
    assert len(ask_acme(store, "L1833", "--on", before)["rules"]) == 1


def test_listed_code_without_a_rule_in_force_is_not_called_unlisted(store: Store) -> None:
    answer = ask_acme(store, "L1833", "--on", "2026-01-01")
    assert (answer["answer"], answer["not_in_force_on"]) == ("listed", "2026-01-01")
    shown = run(store, "L1833", "--on", "2026-01-01", "--payer", "acme").stdout
    assert "no rule is in force on 2026-01-01" in shown
    assert "NOT LISTED" not in shown


def test_modifier_keeps_rules_with_it_and_rules_without_any(store: Store) -> None:
    assert len(ask_acme(store, "E0260-RR")["rules"]) == 1
    assert len(ask_acme(store, "E0260")["rules"]) == 1
    assert len(ask_acme(store, "E0601-RR")["rules"]) == 2
    other = ask_acme(store, "E0260-NU")
    assert (other["answer"], other["rules"], other["only_with_modifiers"]) == ("listed", [], ["RR"])


def test_as_known_reads_the_newest_release_made_by_the_end_of_that_day(store: Store) -> None:
    def status(day: str) -> str:
        answer = ask_acme(store, "A4253", "--as-known", day)
        return str(answer["rules"][0]["pa_status"])

    assert status("2026-11-01") == "required"
    assert status("2026-11-20") == "required"
    assert status("2026-11-21") == "not_required"


def test_as_known_before_the_first_release_is_not_ingested(store: Store) -> None:
    result = run(store, "A4253", "--as-known", "2026-10-31", "--json")
    (answer,) = json.loads(result.stdout)
    assert (answer["answer"], answer["release"]) == ("not_ingested", None)
    assert result.exit_code == NOT_INGESTED
    assert "2026-10-31" in result.stderr


def test_no_release_at_all_says_to_refresh(tmp_path: Path) -> None:
    empty = Store(tmp_path / "raw", tmp_path / "curated", {})
    result = run(empty, "A4253", "--json")
    (answer,) = json.loads(result.stdout)
    assert answer["answer"] == "not_ingested"
    assert "precert refresh" in result.stderr
    assert result.exit_code == NOT_INGESTED


def test_duty_of_a_bulletin_without_payer_is_told_beside_every_payer(store: Store) -> None:
    for answer in ask(store, "K1007"):
        (duty,) = answer["requirements"]
        assert (duty["requirement"], duty["effective_from"]) == (
            "coding_verification",
            "2024-04-01",
        )
        assert duty["publisher"] == "PDAC"
        assert duty["place"]["source"] == "pdac_k1007"


def test_duty_of_one_payer_is_not_told_beside_another(store: Store) -> None:
    told = {answer["payer"]: answer["requirements"] for answer in ask(store, "E0601")}
    assert [duty["requirement"] for duty in told["acme"]] == ["written_order"]
    assert told["borealis"] == []


def test_duty_that_begins_later_is_marked(store: Store) -> None:
    in_force = {
        day: ask_acme(store, "K1007", "--on", day)["requirements"][0]["in_force"]
        for day in ("2024-03-31", "2024-04-01")
    }
    assert in_force == {"2024-03-31": False, "2024-04-01": True}


@pytest.mark.parametrize("word", ["hello", "E060", "E0601 oops", "", "A4206-A4210"])
def test_what_is_not_one_code_is_a_usage_error_that_names_it(store: Store, word: str) -> None:
    result = run(store, "E0601", word)
    assert result.exit_code == 2
    assert repr(word) in result.stderr
    assert result.stdout == ""


def test_codes_are_asked_once_each_in_normal_form() -> None:
    spans = codes_asked(["e0601, L1832", "E-0601", "E0601-RR"])
    assert [(span.code, span.modifiers) for span in spans] == [
        ("E0601", ()),
        ("L1832", ()),
        ("E0601", ("RR",)),
    ]
    with pytest.raises(CodeError, match="A4206-A4210"):
        codes_asked(["A4206-A4210"])


def test_ten_thousand_codes_are_one_question(store: Store) -> None:
    release = latest(store.curated)
    assert release is not None
    spans = codes_asked(f"A{number:04}" for number in range(10_000))
    found = lookup(release, Question(spans, payer="acme"))
    assert [answer.code for answer in found] == [span.code for span in spans]
    listed = [answer.code for answer in found if answer.answer == "listed"]
    assert listed == ["A4206", "A4207", "A4208", "A4209", "A4210", "A4253"]


def test_readable_answers_of_the_three_kinds_never_look_alike(store: Store) -> None:
    first_lines = {
        kind: run(store, code, "--payer", payer).stdout.split("\n")[1].strip()
        for kind, code, payer in (
            ("not required", "A4253", "acme"),
            ("not listed", "E2402", "acme"),
            ("not ingested", "E0601", "dune"),
        )
    }
    assert first_lines["not required"] == "LISTED, 1 rule"
    assert first_lines["not listed"].startswith(
        "NOT LISTED: the list was read whole on 2026-10-30 and the code is not on it; that is not "
        "the same as 'no authorization needed'"
    )
    assert first_lines["not ingested"].startswith("NOT INGESTED: we have no such list")


def test_readable_rule_says_status_in_words_reviewer_note_and_place(store: Store) -> None:
    shown = run(store, "E0470", "--payer", "acme").stdout
    assert f"OUT OF SCOPE: {STATUSES['out_of_scope'].meaning}" in shown
    assert "which says nothing about PA elsewhere" in shown
    assert re.search(r"reviewer +SleepCo", shown)
    assert re.search(r"notes +Part of sleep DME", shown)
    assert re.search(r"place +acme_dme/list, page 1, line 6", shown)


def test_words_of_a_publication_cannot_drive_the_terminal(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    forged = rule(store, "acme_dme", 5, "E0601", notes="\x1b[2K\rNOT REQUIRED \u202edeniap")
    lists = [document(store, "acme_dme", "acme")]
    tables = {"prior_authorization": [forged], "documents": lists}
    write_release(store, "000003-0c0c0c0c", 3, None, SECOND_MADE, tables)
    shown = run(store, "E0601").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[2K" in shown


def test_flipped_bit_in_a_release_is_an_error_and_no_answer(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    path = store.curated / "releases" / "000002-0b0b0b0b" / "prior_authorization.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    result = run(store, "E0601", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "prior_authorization.parquet" in result.stderr
    assert "precert releases verify" in result.stderr


@pytest.mark.parametrize(
    "words", [["--help"], ["lookup", "E0601", "--payer", "acme"], ["changes"], ["releases"]]
)
def test_reading_commands_load_no_library_of_a_refresh(store: Store, words: list[str]) -> None:
    program = (
        "import sys\n"
        "from flows.cli import main\n"
        "main(sys.argv[1:], standalone_mode=False)\n"
        "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *store.options, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "flows" in loaded
    heavy = {"pandas", "numpy", "prefect", "great_expectations", "pyarrow", "pydantic", "rich"}
    assert loaded & (heavy | {"yaml", "httpx", "pdfplumber", "bs4"}) == set()
