"""`precert releases rollback`: readers go back to an older release until the next refresh."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows import journey, releases, runs
from flows import store as raw_store
from flows.cli import main
from flows.files import sha256_of
from flows.lock import RUNNING, only_refresh
from flows.settings import Settings
from tests.conftest import shipped
from tests.release_fixture import (
    FIRST,
    SECOND,
    SECOND_MADE,
    Store,
    build_store,
    write_release,
)
from tests.test_runs import held_elsewhere

LIST = ("cigna_commercial_dme", "prior_authorization_list")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


def run(store: Store, *words: str) -> Result:
    return CliRunner().invoke(main, [*store.options, *words])


def status_of(store: Store, code: str) -> str:
    (answer,) = json.loads(run(store, "lookup", code, "--payer", "acme", "--json").stdout)
    return str(answer["rules"][0]["pa_status"])


def pointer(store: Store) -> bytes:
    return (store.curated / "latest.json").read_bytes()


def test_readers_go_back_to_the_older_release_and_forth_again(store: Store) -> None:
    assert status_of(store, "A4253") == "not_required"
    result = run(store, "releases", "rollback", FIRST)
    assert result.exit_code == 0
    assert f"Release {FIRST} is the latest now, in place of {SECOND}." in result.stdout
    assert "the next refresh publishes what raw/ and sources/ say then" in result.stdout
    assert status_of(store, "A4253") == "required"
    assert json.loads(pointer(store)) == {"release": FIRST, "sequence": 1}
    verified = run(store, "releases", "verify")
    assert (verified.exit_code, verified.stdout) == (0, f"release {FIRST} is whole\n")
    listed = run(store, "releases")
    assert SECOND not in listed.stdout
    assert f"rolled back, or left by a run that died: {SECOND}" in listed.stderr.lower()
    assert f"precert releases rollback {SECOND}" in result.stdout
    assert run(store, "releases", "rollback", SECOND).exit_code == 0
    assert status_of(store, "A4253") == "not_required"


def test_rollback_is_in_the_ledger_and_above_the_sources(store: Store) -> None:
    run(store, "releases", "rollback", FIRST)
    (back,) = runs.read(store.curated).set_back
    assert (back.release, back.before) == (FIRST, SECOND)
    assert back.holder.label == "precert releases rollback"
    said = runs.story(runs.read(store.curated))[1]
    assert said.startswith(f"release {FIRST} was made the latest by hand at ")
    with only_refresh(store.curated, "precert refresh") as holder:
        runs.begin(store.curated, holder)
    assert not any("by hand" in line for line in runs.story(runs.read(store.curated)))


def test_rollback_to_the_latest_changes_nothing(store: Store) -> None:
    before = (store.curated / "latest.json").stat().st_mtime_ns
    result = run(store, "releases", "rollback", SECOND)
    assert result.exit_code == 0
    assert "is the latest already; nothing was changed" in result.stdout
    assert (store.curated / "latest.json").stat().st_mtime_ns == before
    assert runs.read(store.curated).set_back == ()


def test_rollback_repairs_a_damaged_pointer(store: Store) -> None:
    (store.curated / "latest.json").write_text('{"rel')
    result = run(store, "releases", "rollback", FIRST)
    assert result.exit_code == 0
    assert "in place of one that cannot be read" in result.stdout
    assert run(store, "releases", "verify").exit_code == 0


@pytest.mark.parametrize("name", ["000009-99999999", "../../etc", "", "latest"])
def test_rollback_to_an_unknown_release_is_refused(store: Store, name: str) -> None:
    before = pointer(store)
    result = run(store, "releases", "rollback", name)
    assert result.exit_code == 1
    assert f"there is no release {name} in" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert pointer(store) == before


def test_rollback_in_no_store_makes_none(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    words = ["--curated", str(nowhere), "releases", "rollback", FIRST]
    assert CliRunner().invoke(main, words).exit_code == 1
    assert not nowhere.exists()


def flip(folder: Path) -> None:
    path = folder / "prior_authorization.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def lose(folder: Path) -> None:
    (folder / "documents.parquet").unlink()


def miscount(folder: Path) -> None:
    said = json.loads((folder / "release.json").read_text())
    said["files"]["prior_authorization.parquet"]["rows"] += 1
    (folder / "release.json").write_text(json.dumps(said))


def add(folder: Path) -> None:
    (folder / "extra.parquet").write_bytes(b"PAR1")


def garble(folder: Path) -> None:
    (folder / "release.json").write_text("{}")


@pytest.mark.parametrize("damage", [flip, lose, miscount, add, garble])
def test_rollback_to_a_damaged_release_is_refused(
    store: Store, damage: Callable[[Path], None]
) -> None:
    folder = store.curated / "releases" / FIRST
    damage(folder)
    before = pointer(store)
    result = run(store, "releases", "rollback", FIRST)
    assert result.exit_code == 1
    assert str(folder) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert pointer(store) == before
    assert status_of(store, "A4253") == "not_required"


def test_rollback_while_a_refresh_runs_exits_5_and_names_it(store: Store) -> None:
    before = pointer(store)
    with held_elsewhere(store.curated) as holder:
        result = run(store, "releases", "rollback", FIRST)
    assert result.exit_code == RUNNING
    assert f"another refresh is running (process {holder.pid}, a test, since" in result.stderr
    assert pointer(store) == before


def test_refresh_after_a_rollback_publishes_again_what_the_raw_store_says(
    released: Settings, tmp_path: Path
) -> None:
    for name in ("raw", "sources", "curated"):
        shutil.copytree(getattr(released, name), tmp_path / name)
    project = Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")
    first = releases.latest(project.curated)
    assert first is not None
    text = shipped(*LIST).read_text(encoding="utf-8").replace("\tNo\t", "\tYes\t", 1)
    at = datetime(2026, 12, 1, tzinfo=UTC)
    raw_store.put(project.raw, *LIST, text.encode(), came="added", at=at)
    assert journey.run(project, offline=True, prefect=False) == journey.PUBLISHED
    second = releases.latest(project.curated)
    assert second is not None
    assert second.id != first.id
    files = {path: sha256_of(path) for path in second.folder.rglob("*") if path.is_file()}

    assert releases.roll_back(project.curated, first.id) == second.id
    assert releases.latest(project.curated) == first
    assert releases.verify(project.curated) == []
    assert [release.id for release in releases.history(project.curated)] == [first.id]

    assert journey.run(project, offline=True, prefect=False) == journey.PUBLISHED
    assert releases.latest(project.curated) == second
    assert [release.id for release in releases.history(project.curated)] == [second.id, first.id]
    assert {path: sha256_of(path) for path in second.folder.rglob("*") if path.is_file()} == files

    # The cause corrected (here the version taken back), the next one builds on the older release.
    releases.roll_back(project.curated, first.id)
    good = shipped(*LIST).read_bytes()
    raw_store.put(project.raw, *LIST, good, came="added", at=datetime(2026, 12, 2, tzinfo=UTC))
    assert journey.run(project, offline=True, prefect=False) == journey.PUBLISHED
    third = releases.latest(project.curated)
    assert third is not None
    assert third.previous == first.id
    assert third.id not in (first.id, second.id)
    assert releases.verify(project.curated) == []


def test_all_releases_are_verified_at_once_pointed_at_or_not(store: Store) -> None:
    run(store, "releases", "rollback", FIRST)
    assert run(store, "releases", "verify", "--all").stdout == "2 releases are whole\n"
    flip(store.curated / "releases" / SECOND)
    (store.curated / "releases" / "000007-deadbeef").mkdir()
    assert run(store, "releases", "verify").exit_code == 0
    result = run(store, "releases", "verify", "--all")
    assert result.exit_code == 1
    damaged, unreadable = result.stdout.splitlines()
    assert f"{SECOND}/prior_authorization.parquet has sha256" in damaged
    assert "000007-deadbeef holds no release that can be read" in unreadable
    said = json.loads(run(store, "releases", "verify", "--all", "--json").stdout)
    assert [(item["release"], len(item["problems"])) for item in said] == [
        (None, 0),
        (FIRST, 0),
        (SECOND, 1),
        ("000007-deadbeef", 1),
    ]
    assert run(store, "releases", "verify", FIRST, "--all").exit_code == 2


def test_verify_follows_the_releases_before(store: Store) -> None:
    path = store.curated / "releases" / FIRST / "release.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "sequence": 2}))
    result = run(store, "releases", "verify")
    assert result.exit_code == 1
    assert f"release {SECOND} calls {FIRST} the one before it" in result.stdout
    assert len(result.stdout.splitlines()) == 1
    path.write_text("{}")
    assert "cannot be understood" in run(store, "releases", "verify").stdout
    shutil.rmtree(path.parent)
    assert run(store, "releases", "verify").exit_code == 0


COMPANIONS = ("NOTES.md", "datapackage.json", "index.html", "validation/acme/index.html")


def with_companions(store: Store, name: str) -> Path:
    """Gives a release files beside its tables, with their hashes in its manifest; its folder."""
    folder = store.curated / "releases" / name
    companions = {}
    for companion in COMPANIONS:
        path = folder / companion
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"words of {companion}")
        companions[companion] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    said = json.loads((folder / "release.json").read_text())
    (folder / "release.json").write_text(json.dumps(said | {"companions": companions}))
    return folder


@pytest.mark.parametrize("companion", COMPANIONS)
@pytest.mark.parametrize("is_lost", [False, True])
def test_what_lies_beside_the_tables_is_verified(
    store: Store, companion: str, is_lost: bool
) -> None:
    folder = with_companions(store, SECOND)
    assert run(store, "releases", "verify").stdout == f"release {SECOND} is whole\n"
    if is_lost:
        (folder / companion).unlink()
    else:
        (folder / companion).write_text(f"Words of {companion}")
    for words in (("verify",), ("verify", SECOND), ("verify", "--all")):
        result = run(store, "releases", *words)
        assert result.exit_code == 1
        assert str(folder / companion) in result.stdout
    before = pointer(store)
    assert str(folder / companion) in run(store, "releases", "rollback", SECOND).stderr
    assert pointer(store) == before
    # The rows are there all the same.
    assert status_of(store, "A4253") == "not_required"


def test_page_that_no_manifest_names_is_a_problem(store: Store) -> None:
    folder = with_companions(store, SECOND)
    (folder / "validation" / "other.html").write_text("words")
    result = run(store, "releases", "verify")
    assert result.exit_code == 1
    assert "validation/other.html is not in the manifest" in result.stdout


def test_what_an_earlier_release_lacks_is_named(store: Store) -> None:
    folder = store.curated / "releases" / SECOND
    (folder / "NOTES.md").write_text("words")
    result = run(store, "releases", "verify")
    untold = "of which its manifest says nothing"
    said = f"Release {SECOND} lacks datapackage.json, index.html, {untold}.\n"
    assert result.stderr == said
    every = run(store, "releases", "verify", "--all")
    assert every.stderr == (
        f"Release {FIRST} lacks datapackage.json, NOTES.md, index.html, {untold}.\n{said}"
    )
    with_companions(store, SECOND)
    assert run(store, "releases", "verify").stderr == ""


def test_releases_aside_are_listed_as_such(store: Store) -> None:
    run(store, "releases", "rollback", FIRST)
    listed = json.loads(run(store, "releases", "--json").stdout)
    assert [(r["release"], r["is_latest"], r["is_aside"]) for r in listed] == [
        (FIRST, True, False),
        (SECOND, False, True),
    ]
    assert listed[1]["rows"]["prior_authorization"] > 0


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_changes_since_a_release_aside_says_that_it_is_aside(store: Store, option: str) -> None:
    run(store, "releases", "rollback", FIRST)
    result = run(store, "changes", option, SECOND)
    assert result.exit_code == 2
    assert f"release {SECOND} is kept aside" in result.stderr
    assert "rolled back" in result.stderr
    assert "never was made" not in result.stderr


def test_release_missing_before_older_ones_is_named(store: Store) -> None:
    third, fourth = "000003-0c0c0c0c", "000004-0d0d0d0d"
    write_release(store, third, 3, SECOND, SECOND_MADE, store.rows)
    write_release(store, fourth, 4, third, SECOND_MADE, store.rows)
    shutil.rmtree(store.curated / "releases" / third)
    named = f"release {third}, which {fourth} names as the one before it, is missing"
    listed = run(store, "releases")
    assert listed.exit_code == 0
    assert named in listed.stderr.lower()
    assert f"({FIRST}, {SECOND})" in listed.stderr
    assert "rolled back" not in listed.stderr
    for words in (("verify",), ("verify", "--all")):
        result = run(store, "releases", *words)
        assert result.exit_code == 1
        assert named in result.stdout
    since = run(store, "changes", "--since", FIRST)
    assert since.exit_code == 2
    assert named in since.stderr
    # A prune removes the oldest first, and leaves no such gap.
    for name in (FIRST, SECOND):
        shutil.rmtree(store.curated / "releases" / name)
    assert run(store, "releases", "verify", "--all").exit_code == 0


def test_verify_all_of_no_store_says_so(tmp_path: Path) -> None:
    words = ["--curated", str(tmp_path / "nowhere"), "releases", "verify", "--all"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "does not exist: run `precert refresh`" in result.stdout
