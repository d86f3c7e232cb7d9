"""Lookups of a catalogue of codes, and their answers as CSV."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.answers.answer_rows import COLUMNS
from flows.answers.catalogue import read_catalogue
from flows.cli import main
from flows.commands.answering import BAD_LINES, NOT_INGESTED
from tests.conftest import ROOT
from tests.release_fixture import SECOND, SECOND_MADE, Store, build_store, rule, write_release

THIRD = "000003-0c0c0c0c"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_store(tmp_path_factory.mktemp("store"))


def run(store: Store, *words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [*store.options, "lookup", *words], input=given)


def rows(printed: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(printed)))


def codes_in(folder: Path, text: str) -> tuple[list[str], list[str]]:
    path = folder / "catalogue"
    path.write_bytes(text.encode())
    found = read_catalogue(str(path))
    return [asked.code for asked in found.codes], list(found.mistakes)


@pytest.mark.parametrize(
    "text",
    [
        "E0601\nA4253\n",
        "\ufeffE0601\r\nA4253\r\n",
        "# ours\n\nE0601\n\n  \nA4253\nE0601",
        'HCPCS,Description,Price\nE0601,CPAP device,12.00\nA4253,"Strips, per 50",5\n',
        "code;what\ne0601;x\nA4253;y",
        'HCPCS Code\n"E0601","12345"\n"A4253","x"\n',
        "E0601\tCPAP\nA4253\tstrips",
        "Item,Description,HCPCS\n11001,CPAP,E0601\n11002,Strips,A4253\n",
        'Item;"Words; of ours";hcpcs / cpt\n11001;"a;b";E0601\n11002;c;A4253\n',
        'Description,Code,Procedure Code\n"Pump, 12"" tube",11001,E0601\nStrips,11002,A4253\n',
        'Words,CPT\n"two\nlines",E0601\n\n# not this\nx,A4253\n',
        '"E0601","CPAP, 5"" hose"\nA4253,"a, b"\n',
    ],
    ids=[
        *("lines", "windows", "comments", "csv", "semicolons", "quoted", "tabs", "third column"),
        *("heading with a slash", "named codes before codes", "cell of two lines", "no heading"),
    ],
)
def test_codes_of_a_catalogue_are_the_column_with_a_heading_else_the_first(
    tmp_path: Path, text: str
) -> None:
    assert codes_in(tmp_path, text) == (["E0601", "A4253"], [])


def test_catalogue_that_a_spreadsheet_wrote_as_unicode_text_is_read(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.txt"
    path.write_bytes("Code\tName\r\nE0601\tCPAP\r\n".encode("utf-16"))
    assert [asked.code for asked in read_catalogue(str(path)).codes] == ["E0601"]


def test_line_that_is_no_code_is_named_by_its_number_and_the_others_are_kept(
    tmp_path: Path,
) -> None:
    codes, mistakes = codes_in(tmp_path, "code\nE0601\n\nhello, world\nA4206-A4210\nA4253\ncode\n")
    assert codes == ["E0601", "A4253"]
    assert [said.partition(" of ")[0] for said in mistakes] == ["line 4", "line 5", "line 7"]
    assert "'hello' is not a code" in mistakes[0]
    assert "ask for each code by itself" in mistakes[1]


def test_good_lines_are_answered_bad_ones_remarked_and_the_status_says_so(store: Store) -> None:
    result = run(store, "--codes", "-", "--payer", "acme", "--json", given="E0601\nnope\nA4253\n")
    assert [answer["code"] for answer in json.loads(result.stdout)] == ["E0601", "A4253"]
    assert result.stderr.startswith("Line 2 of standard input: 'nope' is not a code")
    assert len(result.stderr.splitlines()) == 1
    assert result.exit_code == BAD_LINES


def test_catalogue_without_any_code_is_a_usage_error(store: Store) -> None:
    for given, said in (
        ("nope\n", "line 1 of standard input: 'nope' is not a code"),
        ("", "no code is asked for"),
    ):
        result = run(store, "--codes", "-", given=given)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("11001,E0466\n", "line 1: '11001' and 'E0466'): give it a first line that heads"),
        ("E0601,CPAP\n11001,e0466-rr\n", "line 2: '11001' and 'e0466-rr'"),
        ("Item no.,Ours\n11001,E0466\n", "line 2: '11001' and 'E0466'"),
        ("HCPCS,CPT\nE0601,94660\n", "more than one column of codes ('HCPCS' and 'CPT')"),
        ('Code,Words\nE0601,"CPAP\nE0466,y\n', "line 2 of standard input has a quoted cell"),
    ],
    ids=["item numbers", "later line", "unknown heading", "two headings", "quote not closed"],
)
def test_column_of_codes_is_asked_for_rather_than_guessed(
    store: Store, given: str, said: str
) -> None:
    result = run(store, "--codes", "-", given=given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_line_without_the_column_of_codes_is_named(tmp_path: Path) -> None:
    codes, mistakes = codes_in(tmp_path, "Item,HCPCS\n1,E0601\n2\n3,\n")
    assert codes == ["E0601"]
    assert [said.partition(" of ")[0] for said in mistakes] == ["line 3", "line 4"]


def test_name_of_a_file_is_shown_as_it_is_written(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "cat.txt"
    path.write_text("E0601\nnope\n")
    result = CliRunner().invoke(main, [*store.options, "lookup", "--codes", str(path), "--json"])
    assert result.stderr.startswith(f"Line 2 of {path}: 'nope' is not a code")


def test_catalogue_that_is_not_there_is_a_usage_error(store: Store, tmp_path: Path) -> None:
    result = run(store, "--codes", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_words_and_file_are_asked_together_each_code_once(store: Store) -> None:
    words = ("E0601", "--codes", "-", "--payer", "acme", "--json")
    result = run(store, *words, given="A4253\nE0601\n")
    assert [answer["code"] for answer in json.loads(result.stdout)] == ["E0601", "A4253"]


def test_no_code_at_all_is_a_usage_error(store: Store) -> None:
    result = run(store)
    assert result.exit_code == 2
    assert "--codes FILE" in result.stderr


def test_csv_has_a_line_for_each_rule_and_for_each_answer_without_one(store: Store) -> None:
    result = run(store, "E0601", "E2402", "--payer", "acme", "--csv")
    found = rows(result.stdout)
    assert tuple(found[0]) == COLUMNS
    assert [(row["code"], row["answer"], row["section"], row["line"]) for row in found] == [
        ("E0601", "listed", "Durable Medical Equipment", "5"),
        ("E0601", "listed", "Orthotics", "16"),
        ("E2402", "not_listed", "", ""),
    ]
    assert {row["release"] for row in found} == {SECOND}
    assert found[2]["list_read_on"] == "2026-10-30"


def test_csv_of_a_rule_says_condition_reviewer_dates_and_place(store: Store) -> None:
    chair, orthosis = rows(run(store, "K0848", "L0648", "--payer", "acme", "--csv").stdout)
    assert chair["conditions"] == "purchase only ('Purchase only')"
    assert (chair["reviewer"], chair["notes"]) == ("eviCore", "Purchase only")
    assert (chair["pa_status"], chair["crd_pa_needed"]) == ("required", "auth-needed")
    assert (orthosis["effective_from"], orthosis["date_semantics"]) == ("2024-08-12", "dos")
    assert (chair["source"], chair["page"], chair["line"]) == ("acme_dme", "1", "7")


def test_csv_says_why_a_listed_code_has_no_rule(store: Store) -> None:
    words = ("L1833", "E0260-NU", "--on", "2026-01-01", "--payer", "acme", "--csv")
    ended, other = rows(run(store, *words).stdout)
    assert (ended["answer"], ended["pa_status"]) == ("listed", "")
    assert ended["explanation"].startswith("no rule is in force on 2026-01-01")
    assert (other["modifiers"], other["explanation"][:19]) == ("NU", "listed only with RR")


def test_csv_has_what_the_text_says_beside_the_rule(store: Store) -> None:
    sleep = rows(run(store, "E0601-RR", "--csv").stdout)
    acme, cobalt = sleep[0], sleep[-1]
    assert (acme["asked_modifiers"], acme["code_raw"], acme["matched_by"]) == (
        "RR",
        "E0601",
        "code",
    )
    assert acme["duties"] == (
        "WRITTEN ORDER from 2025-01-01, stated by Acme Health (acme_bulletin/list, page 1, line 3)"
    )
    assert acme["sha256"] == store.sha256["acme_dme"]
    assert "ends in the middle" in cobalt["lists_not_read"]
    assert acme["lists_not_read"] == ""
    (within,) = rows(run(store, "A4208", "--payer", "acme", "--csv").stdout)
    assert (within["code_raw"], within["matched_by"]) == ("A4206-A4210", "range")


def test_reviewer_without_a_known_name_is_in_csv_as_printed(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    unmapped = rule(store, "acme_dme", 5, "E0601", reviewer_raw="Brand New Reviewer")
    tables = {**store.rows, "prior_authorization": [unmapped]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    (row,) = rows(run(store, "E0601", "--payer", "acme", "--csv").stdout)
    assert (row["reviewer"], row["reviewer_raw"]) == ("", "Brand New Reviewer")


def test_csv_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    forged = rule(store, "acme_dme", 5, "E0601", notes="Höhe ≥ 2")
    tables = {**store.rows, "prior_authorization": [forged]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    program = "from flows.start import main; main()"
    words = ["lookup", "E0601", "--payer", "acme", "--csv", "--curated", str(store.curated)]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert "Höhe ≥ 2" in done.stdout.decode("utf-8")


def test_csv_without_a_release_has_an_answer_for_each_code(tmp_path: Path) -> None:
    empty = Store(tmp_path / "raw", tmp_path / "curated", {})
    result = run(empty, "A4253", "--csv")
    assert [row["answer"] for row in rows(result.stdout)] == ["not_ingested"]
    assert "precert refresh" in result.stderr
    assert result.exit_code == NOT_INGESTED


def test_printed_text_in_csv_is_no_formula(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    forged = rule(store, "acme_dme", 5, "E0601", notes='=HYPERLINK("http://a.example")')
    tables = {**store.rows, "prior_authorization": [forged]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    (row,) = rows(run(store, "E0601", "--payer", "acme", "--csv").stdout)
    assert row["notes"] == '\'=HYPERLINK("http://a.example")'


def test_json_and_csv_exclude_each_other(store: Store) -> None:
    result = run(store, "E0601", "--json", "--csv")
    assert (result.exit_code, result.stdout) == (2, "")


def test_contradiction_is_told_to_the_payers_that_have_a_side(store: Store) -> None:
    found = json.loads(run(store, "A4253", "--json").stdout)
    told = {answer["payer"]: answer["contradictions"] for answer in found}
    assert {payer: len(facts) for payer, facts in told.items()} == {
        "acme": 1,
        "borealis": 1,
        "cobalt": 0,
    }
    (fact,) = told["acme"]
    assert (fact["kind"], fact["strength"], fact["both_may_hold"]) == (
        "payers_differ",
        "opposite",
        True,
    )
    assert (fact["left"]["source"], fact["left"]["line"]) == ("acme_dme", 8)
    assert (fact["right"]["source"], fact["right"]["says"]) == ("borealis_medicaid", "required")


def test_contradiction_is_one_line_of_the_readable_answer(store: Store) -> None:
    shown = run(store, "A4253", "--payer", "acme").stdout
    assert (
        "disputed  1 contradiction about the code: acme does not require authorization of A4253, "
        "borealis does (opposite; both may hold); see --json" in shown
    )
