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

from flows.answers.lookup import CodeError, Question, codes_asked, lookup
from flows.cli import main
from flows.commands.answering import NOT_INGESTED
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
    held_back,
    rule,
    write_release,
)

THIRD = "000003-0c0c0c0c"


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
        (code, payer) for code in ("E0601", "A4253") for payer in ("acme", "borealis", "cobalt")
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


@pytest.mark.parametrize("printed", ["K0001-K0009\tAsk us", "CHAIRS\tk0001 through\nk0009\tAsk us"])
def test_row_held_back_whose_range_has_the_code_is_never_not_listed(
    tmp_path: Path, printed: str
) -> None:
    store = build_store(tmp_path)
    store = with_quarantine(store, [held_back(store, "acme_dme", 11, "K0001", printed)])
    assert ask_acme(store, "K0005")["answer"] == "not_ingested"
    assert ask_acme(store, "K0010")["answer"] == "not_listed"


def with_quarantine(store: Store, rows: list[dict[str, Any]], **tables: Any) -> Store:
    """The store with a third release in which these rows are held back and no others."""
    documents = [{**row, "quarantined": 0} for row in store.rows["documents"]]
    tables = {**store.rows, "documents": documents, "quarantine": rows, **tables}
    write_release(store, THIRD, 3, None, SECOND_MADE, tables)
    return store


@pytest.mark.parametrize(
    "printed",
    ["VENTS\tEO466\tHome ventilator\tYes", "VENTS\t\tHome ventilator\tYes", "VENTS\tventilator"],
    ids=["letter O for zero", "empty code", "too few cells"],
)
def test_row_without_a_readable_code_may_be_any_code_not_listed(
    tmp_path: Path, printed: str
) -> None:
    store = build_store(tmp_path)
    store = with_quarantine(store, [held_back(store, "acme_dme", 12, None, printed)])
    answer = ask_acme(store, "E0466")
    assert (answer["answer"], answer["rules"]) == ("not_ingested", [])
    assert [fact["place"]["raw_text"] for fact in answer["held_back"]] == [printed]
    assert "1 printed row has no code that could be read" in answer["explanation"]
    assert "acme_dme/list page 1, line 12" in answer["explanation"]
    result = run(store, "E0466", "--payer", "acme")
    assert result.exit_code == NOT_INGESTED
    assert "NOT LISTED" not in result.stdout
    assert repr(printed.replace("\t", " | ").replace("  ", " ")) in result.stdout


def test_row_without_a_readable_code_leaves_other_payers_and_listed_codes_alone(
    tmp_path: Path,
) -> None:
    store = build_store(tmp_path)
    store = with_quarantine(store, [held_back(store, "acme_dme", 12, None, "EO466\tYes")])
    (other,) = ask(store, "E0466", "--payer", "borealis")
    assert other["answer"] == "not_listed"
    listed = ask_acme(store, "K0848")
    assert (listed["answer"], listed["held_back"]) == ("listed", [])
    assert "another rule of this code may be there" in listed["explanation"]


def test_row_of_a_version_that_is_not_published_does_not_unsettle_the_one_that_is(
    tmp_path: Path,
) -> None:
    store = build_store(tmp_path)
    of_held = held_back(store, "borealis_medicaid", 9, None, "EO466\tYes", sha256="e" * 64)
    store = with_quarantine(store, [of_held])
    (answer,) = ask(store, "E0466", "--payer", "borealis")
    assert answer["answer"] == "not_listed"
    assert "newest version held since 2026-11-20" in answer["list_freshness"]


def test_five_rows_without_a_readable_code_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    rows = [held_back(store, "acme_dme", line, None, f"E{line}?\tYes") for line in range(20, 27)]
    store = with_quarantine(store, rows)
    answer = ask_acme(store, "E0466")
    assert [fact["place"]["line"] for fact in answer["held_back"]] == [20, 21, 22, 23, 24]
    assert answer["held_back_not_shown"] == 2
    assert "7 printed rows have no code" in answer["explanation"]
    assert answer["explanation"].endswith("and 2 more")
    assert "2 such rows that are not shown" in run(store, "E0466", "--payer", "acme").stdout


def test_row_held_back_whose_code_is_printed_elsewhere_is_found_by_it(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    carried = held_back(store, "acme_dme", 12, "E0466", "\tHome ventilator, rental\tAsk us")
    answer = ask_acme(with_quarantine(store, [carried]), "E0466")
    assert answer["answer"] == "not_ingested"
    assert answer["held_back"][0]["code"] == "E0466"


def test_rows_held_back_are_counted_though_their_lines_gave_other_rows(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    half = held_back(store, "acme_dme", 5, "E0602", "SLEEP\tE0601, E0602\tYes")
    store = with_quarantine(store, [half])
    assert ask_acme(store, "E0602")["answer"] == "not_ingested"
    other = ask_acme(store, "E2402")
    assert other["answer"] == "not_listed"
    assert "1 of the rows of 'Acme DME list' (commercial)" in other["explanation"]
    assert [version["rows_held_back"] for version in other["lists"]] == [1]


def test_rows_held_back_that_the_release_does_not_show_may_be_any_code(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    documents = [document(store, "acme_dme", "acme", quarantined=3)]
    answer = ask_acme(with_quarantine(store, [], documents=documents), "E2402")
    assert answer["answer"] == "not_ingested"
    assert "3 of the rows of 'acme_dme list' (commercial)" in answer["explanation"]


def test_list_that_was_not_read_is_named_where_the_others_do_not_name_the_code(
    store: Store,
) -> None:
    (answer,) = ask(store, "E2402", "--payer", "borealis")
    assert answer["answer"] == "not_listed"
    (unread,) = answer["lists_not_read"]
    assert (unread["source"], unread["line_of_business"]) == ("borealis_exchange", "exchange")
    assert "'borealis_exchange list' (exchange) was never retrieved" in answer["explanation"]
    first = run(store, "E2402", "--payer", "borealis").stdout.splitlines()[1].strip()
    assert first.startswith("NOT LISTED in what was read")
    assert "NOT READ, or not to the end: 'borealis_exchange list' (exchange)" in first


def test_list_held_without_any_published_version_is_named_too(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    held = document(
        store,
        "acme_supplies",
        "acme",
        title="Acme supplies",
        line_of_business=None,
        status="held",
        held_reason=HELD_REASON,
        rows=0,
    )
    write_release(
        store,
        THIRD,
        3,
        None,
        SECOND_MADE,
        {**store.rows, "documents": [*store.rows["documents"], held]},
    )
    answer = ask_acme(store, "E2402")
    assert answer["answer"] == "not_listed"
    named = "'Acme supplies' (line of business not stated)"
    assert f"{named} is held and no version of it is published" in answer["explanation"]
    assert named in run(store, "E2402", "--payer", "acme").stdout.splitlines()[1]


def test_payer_whose_every_list_was_read_has_none_that_was_not(store: Store) -> None:
    assert ask_acme(store, "E2402")["lists_not_read"] == []


def test_duty_of_a_specimen_says_not_to_cite_it(store: Store) -> None:
    (duty,) = ask_acme(store, "K1007")["requirements"]
    assert duty["is_specimen"] is True
    shown = run(store, "K1007", "--payer", "acme").stdout
    warning = r" \(a specimen in our own words: do not cite\)$"
    assert re.search(rf"stated by +PDAC{warning}", shown, re.MULTILINE)
    assert re.search(rf"place +pdac_k1007/list, page 1, line 3{warning}", shown, re.MULTILINE)


def test_duty_of_a_publication_itself_can_be_cited(store: Store) -> None:
    (duty,) = ask_acme(store, "E0601")["requirements"]
    assert duty["is_specimen"] is False
    assert "do not cite" not in run(store, "E0601", "--payer", "acme").stdout


def test_rule_of_a_specimen_says_not_to_cite_it(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    specimen = document(store, "acme_dme", "acme", is_specimen=True)
    store = with_quarantine(store, [], documents=[specimen])
    answer = ask_acme(store, "E0470")
    assert [rule["is_specimen"] for rule in answer["rules"]] == [True]
    assert "a specimen in our own words" in answer["list_freshness"]
    shown = run(store, "E0470", "--payer", "acme").stdout
    assert "line 6 (a specimen in our own words: do not cite)" in shown


@pytest.mark.parametrize("name", ["a[b]", "a*", "a?b", "payer=zeta", "a b'c"])
def test_folder_whose_name_is_a_pattern_is_read_and_no_other(tmp_path: Path, name: str) -> None:
    store = build_store(tmp_path / name)
    for other in ("ab", "axb"):
        for path in build_store(tmp_path / other).curated.rglob("*.parquet"):
            path.write_bytes(b"another release")
    answer = ask_acme(store, "E0601")
    assert [rule["pa_status"] for rule in answer["rules"]] == ["required", "required"]


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


def test_rule_that_is_not_in_force_on_the_day_is_told_with_its_dates(store: Store) -> None:
    (later,) = ask_acme(store, "L0648", "--on", "2024-01-01")["rules_not_in_force"]
    assert later["effective_from"] == "2024-08-12"
    shown = run(store, "L0648", "--payer", "acme", "--on", "2024-01-01").stdout
    assert "REQUIRED starts on 2024-08-12 (dates of service); acme_dme/list, page 2" in shown
    shown = run(store, "L1833", "--payer", "acme", "--on", "2026-01-01").stdout
    assert "REQUIRED ends on 2024-08-12, that day excluded (dates of service)" in shown
    assert ask_acme(store, "L0648", "--on", "2024-08-12")["rules_not_in_force"] == []


def test_modifier_keeps_rules_with_it_and_rules_without_any(store: Store) -> None:
    assert len(ask_acme(store, "E0260-RR")["rules"]) == 1
    assert len(ask_acme(store, "E0260")["rules"]) == 1
    assert len(ask_acme(store, "E0601-RR")["rules"]) == 2
    other = ask_acme(store, "E0260-NU")
    assert (other["answer"], other["rules"], other["only_with_modifiers"]) == ("listed", [], ["RR"])


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
