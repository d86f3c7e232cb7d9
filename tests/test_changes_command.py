"""What `precert changes` tells, over the hand-made releases of `release_fixture`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flows.cli import main
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
