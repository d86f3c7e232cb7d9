"""`precert releases prune`: what may go, what stays, and a removal that is killed.

The stores are made by hand, with one small file a release: a prune looks at manifests and hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from flows import releases
from flows.cli import main
from flows.lock import RUNNING
from flows.prune import Pruning, prune
from flows.releases import ReleaseError, point_to
from tests.conftest import ROOT
from tests.release_fixture import FIRST, SECOND, SECOND_MADE, Store, build_store, write_release
from tests.test_runs import held_elsewhere

START = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def name_of(sequence: int) -> str:
    return f"{sequence:06d}-{sequence:08x}"


def make(curated: Path, sequence: int, previous: int | None, made: datetime) -> None:
    folder = curated / "releases" / name_of(sequence)
    folder.mkdir(parents=True)
    path = folder / "changes.parquet"
    pq.write_table(pa.table({"release": [sequence]}), path)
    file = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "rows": 1,
    }
    said = {
        "release": name_of(sequence),
        "sequence": sequence,
        "previous": name_of(previous) if previous else None,
        "created_at": made.isoformat(),
        "files": {path.name: file},
    }
    (folder / "NOTES.md").write_text("words")
    (folder / "release.json").write_text(json.dumps(said))
    point_to(curated, name_of(sequence), sequence)


def daily(curated: Path, number: int) -> datetime:
    """So many releases, one a day; when the last one was made."""
    for n in range(1, number + 1):
        make(curated, n, n - 1 or None, START + n * DAY)
    return START + number * DAY


def there(curated: Path) -> list[int]:
    found = (curated / "releases").iterdir()
    return sorted(int(path.name.partition("-")[0]) for path in found if path.name[0] != ".")


def gone(pruning: Pruning) -> list[int]:
    return [leaving.release.sequence for leaving in pruning.leaving if leaving.release]


def run(curated: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--curated", str(curated), "releases", "prune", *words])


def test_ten_newest_stay_and_the_bytes_of_the_others_are_told(tmp_path: Path) -> None:
    daily(tmp_path, 13)
    before = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    result = run(tmp_path)
    assert result.exit_code == 0
    assert there(tmp_path) == list(range(4, 14))
    after = sum(path.stat().st_size for path in (tmp_path / "releases").rglob("*.*"))
    pointer = (tmp_path / "latest.json").stat().st_size
    assert f"removed {before - pointer - after:,} bytes; 10 releases stay" in result.stdout
    assert f"removed {name_of(1)} (" in result.stdout
    assert releases.verify(tmp_path) == []
    assert [release.sequence for release in releases.history(tmp_path)] == list(range(13, 3, -1))
    assert run(tmp_path).stdout == "nothing to remove; 10 releases stay\n"


def test_all_releases_of_the_last_days_stay(tmp_path: Path) -> None:
    for n in range(1, 15):
        make(tmp_path, n, n - 1 or None, START + timedelta(hours=n))
    assert gone(prune(tmp_path, lambda: START + 30 * DAY, keep=2, days=1)) == []
    make(tmp_path, 15, 14, START + timedelta(days=1, hours=7, minutes=30))
    assert gone(prune(tmp_path, lambda: START + 30 * DAY, keep=2, days=1)) == list(range(1, 8))


def test_two_releases_are_the_least_that_is_kept(tmp_path: Path) -> None:
    last = daily(tmp_path, 4)
    for words in (["--keep", "1"], ["--days", "-1"]):
        assert run(tmp_path, *words).exit_code == 2
    with pytest.raises(ValueError, match="at least 2"):
        prune(tmp_path, lambda: last, keep=1)
    assert run(tmp_path, "--keep", "2", "--days", "0").exit_code == 0
    assert there(tmp_path) == [3, 4]


def test_dry_run_removes_nothing_and_says_the_same(tmp_path: Path) -> None:
    daily(tmp_path, 12)
    would = json.loads(run(tmp_path, "--dry-run", "--json").stdout)
    assert there(tmp_path) == list(range(1, 13))
    assert "would remove 000001-" in run(tmp_path, "--dry-run").stdout
    did = json.loads(run(tmp_path, "--json").stdout)
    assert (would.pop("dry_run"), did.pop("dry_run")) == (True, False)
    assert would == did
    assert [item["release"] for item in did["removed"]] == [name_of(1), name_of(2)]
    assert did["freed"] == sum(item["bytes"] for item in did["removed"]) > 0
    assert did["kept"][0] == {"release": name_of(12), "why": "the latest"}


@pytest.mark.parametrize("now", [START - 400 * DAY, START + 4000 * DAY])
def test_clock_that_is_wrong_removes_no_more(tmp_path: Path, now: datetime) -> None:
    last = daily(tmp_path, 12)
    right = gone(prune(tmp_path, lambda: last, keep=2, days=3, dry_run=True))
    assert right == list(range(1, 9))
    assert set(gone(prune(tmp_path, lambda: now, keep=2, days=3, dry_run=True))) <= set(right)


def test_releases_that_were_rolled_back_stay_until_others_took_their_place(tmp_path: Path) -> None:
    last = daily(tmp_path, 14)
    releases.roll_back(tmp_path, name_of(11))
    later = last + 90 * DAY
    assert gone(prune(tmp_path, lambda: later)) == [1]
    assert there(tmp_path) == list(range(2, 15))
    make(tmp_path, 15, 11, later)
    # Ten of the history stay; those aside have been so since the fifteenth alone.
    assert gone(prune(tmp_path, lambda: later)) == [2]
    make(tmp_path, 16, 15, later + 8 * DAY)
    assert gone(prune(tmp_path, lambda: later + 8 * DAY)) == [3, 12, 13, 14]
    assert there(tmp_path) == [*range(4, 12), 15, 16]


def test_ten_releases_stay_where_the_history_has_fewer(tmp_path: Path) -> None:
    daily(tmp_path, 12)
    releases.roll_back(tmp_path, name_of(2))
    make(tmp_path, 13, 2, START + 300 * DAY)
    make(tmp_path, 14, 13, START + 400 * DAY)
    found = prune(tmp_path, lambda: START + 500 * DAY)
    assert gone(found) == [3, 4, 5, 6]
    assert len(found.staying) == 10
    assert [release.sequence for release in releases.history(tmp_path)] == [14, 13, 2, 1]


def flip(folder: Path) -> None:
    data = bytearray((folder / "changes.parquet").read_bytes())
    data[20] ^= 1
    (folder / "changes.parquet").write_bytes(data)


def test_release_that_is_damaged_counts_for_nothing(tmp_path: Path) -> None:
    last = daily(tmp_path, 12)
    flip(tmp_path / "releases" / name_of(11))
    assert gone(prune(tmp_path, lambda: last, keep=3, days=0)) == list(range(1, 9))
    assert there(tmp_path) == [9, 10, 11, 12]


def test_release_with_a_damaged_page_counts_for_nothing(tmp_path: Path) -> None:
    daily(tmp_path, 4)
    folder = tmp_path / "releases" / name_of(3)
    said = json.loads((folder / "release.json").read_text())
    notes = {"sha256": hashlib.sha256(b"words").hexdigest(), "bytes": 5}
    (folder / "release.json").write_text(json.dumps(said | {"companions": {"NOTES.md": notes}}))
    clock = START + 100 * DAY
    found = prune(tmp_path, lambda: clock, keep=2, days=0, dry_run=True)
    assert gone(found) == [1, 2]
    (folder / "NOTES.md").write_text("w0rds")
    assert gone(prune(tmp_path, lambda: clock, keep=2, days=0, dry_run=True)) == [1]


def test_nothing_goes_while_the_latest_release_is_damaged(tmp_path: Path) -> None:
    daily(tmp_path, 12)
    flip(tmp_path / "releases" / name_of(12))
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "is not whole" in result.stderr
    assert "precert releases verify" in result.stderr
    assert len(there(tmp_path)) == 12


def test_nothing_goes_where_the_history_cannot_be_followed(tmp_path: Path) -> None:
    daily(tmp_path, 14)
    (tmp_path / "releases" / name_of(13) / "release.json").write_text("{}")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert name_of(13) in result.stderr
    assert len(there(tmp_path)) == 14


def test_what_cannot_be_read_is_named_and_stays(tmp_path: Path) -> None:
    daily(tmp_path, 12)
    folder = tmp_path / "releases"
    (folder / "000020-deadbeef").mkdir()
    (folder / "000020-deadbeef" / "prior_authorization.parquet").write_bytes(b"PAR1")
    (folder / "mine").mkdir()
    (folder / "000021-deadbeef").symlink_to(folder / name_of(1), target_is_directory=True)
    (folder / "README").write_text("no folder")
    result = run(tmp_path)
    assert result.exit_code == 0
    said = result.stderr.splitlines()
    assert len(said) == 3
    for name in ("000020-deadbeef", "000021-deadbeef", "mine"):
        assert any(f"{name} holds no release that can be read" in line for line in said)
        assert (folder / name).is_symlink() or (folder / name).is_dir()
    assert not (folder / name_of(1)).exists()


def test_what_dead_runs_left_is_swept(tmp_path: Path) -> None:
    daily(tmp_path, 3)
    for name in (".staging", f".pruned-{name_of(1)}"):
        (tmp_path / "releases" / name / "validation").mkdir(parents=True)
        (tmp_path / "releases" / name / "half.parquet").write_bytes(b"PAR1")
    (tmp_path / "releases" / ".snapshot").mkdir()
    result = run(tmp_path)
    assert "removed what a run that died left in" in result.stdout
    assert result.stdout.splitlines()[-1] == "removed 8 bytes; 3 releases stay"
    assert {path.name for path in (tmp_path / "releases").iterdir()} == {
        *map(name_of, (1, 2, 3)),
        ".snapshot",
    }


def test_prune_while_a_refresh_runs_exits_5_and_removes_nothing(tmp_path: Path) -> None:
    daily(tmp_path, 12)
    with held_elsewhere(tmp_path) as holder:
        result = run(tmp_path)
        said = json.loads(run(tmp_path, "--json").stdout)
    assert result.exit_code == RUNNING
    assert f"process {holder.pid}" in result.stderr
    assert "another refresh is running" in said["error"]
    assert len(there(tmp_path)) == 12


def test_prune_of_no_store_makes_none(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "precert refresh" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_readers_answer_as_before_and_say_where_the_history_ends(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    third, fourth = "000003-0c0c0c0c", "000004-0d0d0d0d"
    write_release(store, third, 3, SECOND, SECOND_MADE + DAY, store.rows)
    write_release(store, fourth, 4, third, SECOND_MADE + 2 * DAY, store.rows)

    def ask(store: Store, *words: str) -> Result:
        return CliRunner().invoke(main, [*store.options, *words])

    before = ask(store, "lookup", "A4253", "--payer", "acme", "--json").stdout
    raw = sorted(path for path in store.raw.rglob("*"))
    assert run(store.curated, "--keep", "2", "--days", "0").exit_code == 0
    assert sorted(path for path in store.raw.rglob("*")) == raw
    assert ask(store, "lookup", "A4253", "--payer", "acme", "--json").stdout == before
    told = ask(store, "changes", "--since", "2026-01-01")
    assert f"Releases before {third} are not kept" in told.stderr
    assert ask(store, "changes", "--since", SECOND, "--json").stderr == ""
    lost = ask(store, "changes", "--since", FIRST)
    assert lost.exit_code == 2
    assert f"release {FIRST} is not kept" in lost.stderr
    assert ask(store, "releases", "verify", "--all").stdout == "2 releases are whole\n"


@st.composite
def stores(draw: st.DrawFn) -> tuple[list[tuple[int | None, int]], int]:
    """Releases as (the one before, hours after the start), and which of them is the latest."""
    number = draw(st.integers(1, 9))
    made = draw(st.lists(st.integers(0, 400), min_size=number, max_size=number))
    before = [draw(st.none() | st.integers(1, n)) if n else None for n in range(number)]
    return list(zip(before, made, strict=True)), draw(st.integers(1, number))


@given(stores(), st.integers(2, 5), st.integers(0, 9), st.integers(-100, 600))
@given_settings(max_examples=60)
def test_whatever_the_store_the_rules_hold(
    store: tuple[Sequence[tuple[int | None, int]], int], keep: int, days: int, hours: int
) -> None:
    given_releases, top = store
    now = START + timedelta(hours=hours)
    made = [START + timedelta(hours=at) for _, at in given_releases]
    with TemporaryDirectory() as folder:
        curated = Path(folder)
        for n, (before, _) in enumerate(given_releases, start=1):
            make(curated, n, before, made[n - 1])
        point_to(curated, name_of(top), top)
        chain = [release.sequence for release in releases.history(curated)]
        back = prune(curated, lambda: now - 20 * DAY, keep=keep, days=days, dry_run=True)
        went = gone(prune(curated, lambda: now, keep=keep, days=days))
        stayed = there(curated)
        assert set(gone(back)) <= set(went)
        assert sorted([*went, *stayed]) == list(range(1, len(made) + 1))
        assert len(stayed) >= min(keep, len(made))
        history = [release.sequence for release in releases.history(curated)]
        assert history == chain[: len(history)]
        assert set(chain[:keep]) <= set(history)
        assert not set(went) & set(history)
        since = min(now, max(made)) - days * DAY
        assert all(made[n - 1] < since for n in went)
        assert all(n < top for n in went)
        assert releases.verify(curated) == []


STRIKES = ("os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
RUN = f"""
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from flows.prune import prune
curated, crash_at = Path(sys.argv[1]), int(sys.argv[2])
count = 0
def strike(event, arguments):
    global count
    if event in {STRIKES!r}:
        count += 1
        if count == crash_at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(strike)
prune(curated, lambda: datetime(2027, 1, 1, tzinfo=UTC), keep=3, days=0)
print(count)
"""


def run_killed(curated: Path, crash_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, str(curated), str(crash_at)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def names(paths: Iterable[Path]) -> set[str]:
    return {path.name for path in paths}


def test_prune_killed_at_any_step_leaves_whole_releases_and_the_next_completes(
    tmp_path: Path,
) -> None:
    due = tmp_path / "due"
    daily(due, 6)
    (due / "releases" / ".staging").mkdir()
    whole = shutil.copytree(due, tmp_path / "whole")
    done = run_killed(whole, 0)
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 15
    for step in range(1, steps + 1):
        curated = shutil.copytree(due, tmp_path / str(step))
        killed = run_killed(curated, step)
        assert killed.returncode == -signal.SIGKILL, f"step {step}: {killed.stderr}"
        assert all(problems == [] for _, problems in releases.verify_all(curated)), step
        history = [release.sequence for release in releases.history(curated)]
        assert history == there(curated)[::-1]
        assert history[:3] == [6, 5, 4]
        prune(curated, lambda: datetime(2027, 1, 1, tzinfo=UTC), keep=3, days=0)
        assert names((curated / "releases").iterdir()) == {*map(name_of, (4, 5, 6))}
        shutil.rmtree(curated)


def test_a_release_that_cannot_be_read_stops_a_prune_in_python_too(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="no release in"):
        prune(tmp_path, lambda: START)
