"""What `precert changes` tells, over the hand-made releases of `release_fixture`."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flows.answers import change_text
from flows.answers.change_text import COLUMNS
from flows.answers.change_words import differences
from flows.cli import main
from tests.conftest import ROOT
from tests.release_fixture import FIRST, SECOND, SECOND_MADE, Store, build_store, write_release

THIRD = "000003-0c0c0c0c"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three releases: the second changes three rules, the third one again and no other."""
    store = build_store(tmp_path_factory.mktemp("store"))
    tables = {**store.rows, "changes": [dict(store.rows["changes"][0], op="remove", after=None)]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE + timedelta(days=7), tables)
    return store


def run(store: Store, *words: str) -> Result:
    return CliRunner().invoke(main, [*store.options, "changes", *words])


def told(store: Store, *words: str) -> list[tuple[str, str, str, str]]:
    found: list[dict[str, Any]] = json.loads(run(store, *words, "--json").stdout)
    return [(item["release"], item["op"], item["payer"], item["code"]) for item in found]


OF_SECOND = [
    (SECOND, "modify", "acme", "A4253"),
    (SECOND, "add", "acme", "E0470"),
    (SECOND, "add", "borealis", "A4253"),
]
OF_THIRD = [(THIRD, "remove", "acme", "A4253")]


def test_without_since_the_latest_release_alone_is_told(store: Store) -> None:
    assert told(store) == OF_THIRD


def test_since_a_release_tells_every_later_one_newest_first(store: Store) -> None:
    assert told(store, "--since", FIRST) == [*OF_THIRD, *OF_SECOND]
    assert told(store, "--since", SECOND) == OF_THIRD


def test_since_a_day_includes_that_day(store: Store) -> None:
    assert told(store, "--since", "2026-11-21") == [*OF_THIRD, *OF_SECOND]
    assert told(store, "--since", "2026-11-22") == OF_THIRD


@pytest.mark.parametrize("name", ["borealis", "Borealis health plan"])
def test_payer_is_found_by_id_or_name(store: Store, name: str) -> None:
    assert told(store, "--since", FIRST, "--payer", name) == [OF_SECOND[2]]


def test_table_shows_what_a_field_was_and_is(store: Store) -> None:
    shown = run(store, "--since", FIRST).stdout.splitlines()
    assert shown[0].split() == [
        "release",
        "op",
        "cause",
        "table",
        "payer",
        "code",
        "fields",
        "materiality",
    ]
    assert "pa_status: required -> not_required" in shown[3]
    assert shown[3].endswith("high")


@pytest.mark.parametrize("cause", ["reading", "quarantine"])
def test_change_that_is_not_the_payers_says_so(tmp_path: Path, cause: str) -> None:
    store = build_store(tmp_path)
    tables = {**store.rows, "changes": [dict(store.rows["changes"][1], cause=cause)]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE + timedelta(days=7), tables)
    assert [item["cause"] for item in json.loads(run(store, "--json").stdout)] == [cause]
    shown = run(store).stdout.splitlines()
    assert shown[2].split()[:3] == [THIRD, "add", cause]
    assert shown[-1].startswith(f"cause {cause}: ")
    assert "the publication need not have changed" in shown[-1]


def test_change_by_the_payer_needs_no_explanation(store: Store) -> None:
    assert {item["cause"] for item in json.loads(run(store, "--json").stdout)} == {"publication"}
    assert "need not have changed" not in run(store).stdout


def test_folder_whose_name_is_a_pattern_is_read(tmp_path: Path) -> None:
    store = build_store(tmp_path / "a[b]")
    assert told(store, "--payer", "borealis") == [OF_SECOND[2]]


def test_json_carries_the_content_before_and_after(store: Store) -> None:
    found = json.loads(run(store, "--since", FIRST, "--json").stdout)
    modified = found[1]
    assert modified["fields_changed"] == ["pa_status"]
    assert modified["before"] == {"pa_status": "required"}
    assert modified["after"]["pa_status"] == "not_required"


def test_nothing_changed_is_said(store: Store) -> None:
    for words in (["--since", THIRD], ["--since", "2027-01-01"], ["--payer", "dune"]):
        result = run(store, *words)
        assert result.exit_code == 0
        assert "othing changed" in result.stdout
        quiet = run(store, *words, "--json")
        assert json.loads(quiet.stdout) == []
        assert "othing changed" in quiet.stderr


def test_unknown_release_is_a_usage_error_that_names_the_known_ones(store: Store) -> None:
    result = run(store, "--since", "000009-99999999")
    assert result.exit_code == 2
    assert f"{THIRD}, {SECOND}, {FIRST}" in result.stderr


def test_day_that_does_not_exist_is_a_usage_error(store: Store) -> None:
    result = run(store, "--since", "2026-02-30")
    assert result.exit_code == 2
    assert "'2026-02-30'" in result.stderr


def test_unknown_payer_is_not_taken_for_no_change(store: Store) -> None:
    result = run(store, "--payer", "zenith")
    assert result.exit_code == 2
    assert "acme, borealis, cobalt, dune" in result.stderr


def test_no_release_is_not_taken_for_no_change(tmp_path: Path) -> None:
    result = run(Store(tmp_path / "raw", tmp_path / "curated", {}))
    assert result.exit_code == 1
    assert "precert refresh" in result.stderr


def test_releases_no_longer_kept_are_missed_aloud(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    tables = store.rows
    write_release(store, THIRD, 3, "000002-deadbeef", datetime(2027, 1, 1, tzinfo=UTC), tables)
    result = run(store, "--since", "2026-01-01")
    assert result.exit_code == 0
    assert f"Releases before {THIRD} are not kept" in result.stderr


def test_until_ends_with_a_release_or_a_day(store: Store) -> None:
    assert told(store, "--since", FIRST, "--until", SECOND) == OF_SECOND
    assert told(store, "--since", "2026-01-01", "--until", "2026-11-27") == OF_SECOND
    assert told(store, "--since", "2026-01-01", "--until", "2026-11-28") == [*OF_THIRD, *OF_SECOND]
    assert told(store, "--since", SECOND, "--until", SECOND) == []


def test_until_alone_tells_the_release_of_then(store: Store) -> None:
    assert told(store, "--until", SECOND) == OF_SECOND
    assert told(store, "--until", "2026-11-27") == OF_SECOND
    assert told(store, "--until", "2026-10-01") == []


@pytest.mark.parametrize(
    ("since", "until"),
    [(THIRD, FIRST), ("2026-12-01", "2026-11-01"), (SECOND, "2026-10-01"), ("2026-12-01", FIRST)],
)
def test_end_before_the_start_is_a_usage_error(store: Store, since: str, until: str) -> None:
    result = run(store, "--since", since, "--until", until)
    assert result.exit_code == 2
    assert f"{until} is before {since}" in result.stderr


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A third release that makes A4253 required again, rewords E0470, and reads K0848 otherwise."""
    store = build_store(tmp_path_factory.mktemp("mixed"))
    strips, assist = store.rows["changes"][:2]
    back = {"before": strips["after"], "after": json.dumps({"pa_status": "required"})}
    reworded = {
        "op": "modify",
        "before": json.dumps({"description": "=1+1", "pa_status": "out_of_scope"}),
        "after": json.dumps({"description": "Assist device, é", "pa_status": "out_of_scope"}),
        "fields_changed": ["description"],
        "materiality": "low",
    }
    noted = {
        **reworded,
        "row_key": "f" * 24,
        "code": "K0848",
        "cause": "reading",
        "before": json.dumps({"notes": None}),
        "after": json.dumps({"notes": "Purchase only"}),
        "fields_changed": ["notes"],
        "materiality": "medium",
    }
    changes = [strips | back, assist | reworded, assist | noted]
    tables = {**store.rows, "changes": changes}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE + timedelta(days=7), tables)
    return store


def test_what_matters_most_comes_first(mixed: Store) -> None:
    assert [code for *_, code in told(mixed)] == ["A4253", "K0848", "E0470"]
    assert [code for *_, code in told(mixed, "--materiality", "medium")] == ["A4253", "K0848"]
    assert [code for *_, code in told(mixed, "--materiality", "high")] == ["A4253"]


def test_table_says_what_differs_in_each_line(mixed: Store) -> None:
    shown = run(mixed).stdout
    assert "pa_status: not_required -> required" in shown
    assert "notes: (empty) -> Purchase only" in shown
    assert "description: =1+1 -> Assist device, é" in shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ((None, "New Reviewer"), ("eviCore", "CareCore"), ["(empty) -> eviCore", "New Reviewer"]),
        (("eviCore", "CareCore"), ("SleepCo", "Sleep Co"), ["eviCore -> SleepCo"]),
    ],
    ids=["not mapped before", "both mapped"],
)
def test_printed_reviewer_is_told_unless_both_have_a_known_name(
    before: tuple[str | None, str], after: tuple[str, str], shown: list[str]
) -> None:
    fields = ["reviewer", "reviewer_raw"]
    told = list(
        differences(
            fields,
            dict(zip(fields, before, strict=True)),
            dict(zip(fields, after, strict=True)),
            60,
        )
    )
    assert len(told) == len(shown)
    assert all(
        said in f"{one.before} -> {one.after}" for said, one in zip(shown, told, strict=True)
    )


def test_nothing_that_matters_so_much_is_not_nothing(mixed: Store) -> None:
    result = run(mixed, "--materiality", "high", "--payer", "borealis")
    assert result.stdout == f"Nothing of high materiality changed in release {THIRD}.\n"


def test_net_leaves_out_what_came_back(mixed: Store) -> None:
    words = ["--since", FIRST, "--net"]
    assert told(mixed, *words) == [
        (THIRD, "add", "acme", "E0470"),
        (SECOND, "add", "borealis", "A4253"),
        (THIRD, "modify", "acme", "K0848"),
    ]
    found = json.loads(run(mixed, *words, "--json").stdout)
    assert [item["steps"] for item in found] == [2, 1, 1]
    assert found[0]["after"]["description"] == "Assist device, é"
    assert [item["cause"] for item in found] == ["publication", "publication", "reading"]
    quiet = run(mixed, *words, "--payer", "acme", "--materiality", "high")
    assert "A4253" not in quiet.stdout


def test_csv_has_every_change_and_no_formula(mixed: Store) -> None:
    printed = run(mixed, "--since", FIRST, "--csv").stdout
    rows = list(csv.DictReader(printed.splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [row["code"] for row in rows] == ["A4253", "K0848", "E0470", "A4253", "E0470", "A4253"]
    assert (rows[0]["pa_status_before"], rows[0]["pa_status_after"]) == ("not_required", "required")
    assert rows[2]["differences"] == "description: =1+1 -> Assist device, é"
    assert rows[2]["cause"] == "publication"
    assert rows[1]["cause"] == "reading"
    assert rows[3]["fields_changed"] == "pa_status"
    none = run(mixed, "--csv", "--payer", "dune")
    assert none.stdout.splitlines() == [",".join(COLUMNS)]
    assert "othing changed" in none.stderr


def test_csv_neutralises_what_a_payer_printed_as_a_formula(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    evil = json.dumps({"pa_status": "required", "notes": "=cmd|'/c calc'!A1", "section": "-2+3"})
    tables = {**store.rows, "changes": [dict(store.rows["changes"][1], after=evil)]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE + timedelta(days=7), tables)
    (row,) = csv.DictReader(run(store, "--csv").stdout.splitlines())
    assert row["notes"] == "'=cmd|'/c calc'!A1"
    assert row["section"] == "'-2+3"


def test_csv_is_utf_8_whatever_the_locale(mixed: Store) -> None:
    words = [*mixed.options, "changes", "--csv"]
    done = subprocess.run(
        [sys.executable, "-c", "from flows.cli import main; main()", *words],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert "Assist device, é" in done.stdout.decode("utf-8")


def test_json_and_csv_at_once_are_refused(store: Store) -> None:
    assert run(store, "--json", "--csv").exit_code == 2


def test_table_shows_the_first_changes_and_counts_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_text, "SHOWN", 2)
    shown = run(store, "--since", FIRST).stdout.splitlines()
    assert len(shown) == 6
    assert shown[-1] == "and 2 more (acme 1, borealis 1): --csv and --json have them all"


def test_damaged_changes_are_told_before_anything_is_printed(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    path = store.curated / "releases" / SECOND / "changes.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    result = run(store, "--since", FIRST, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "precert releases verify" in result.stderr
