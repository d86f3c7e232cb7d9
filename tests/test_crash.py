"""A refresh that is killed: readers keep one whole release, and the next run finishes the work.

An audit hook in the refreshing process counts its changes to the release store (files opened for
writing, renamed, linked, removed, folders made) and kills it with SIGKILL at the k-th. Verdicts
are cached, so that each run only publishes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import journey, releases, store
from flows.releases import latest
from flows.settings import Settings
from tests.conftest import ROOT, shipped

LIST = ("cigna_commercial_dme", "prior_authorization_list")
CHANGES = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
RUN = f"""
import os, signal, sys
from pathlib import Path
from flows import journey
from flows.settings import Settings
import flows.publishing.compare, flows.publishing.contents, pyarrow.parquet, duckdb
folder, crash_at = Path(sys.argv[1]), int(sys.argv[2])
count = 0
def strike(event, arguments):
    global count
    if event not in {CHANGES!r} or str(folder / "curated") not in str(arguments[0]):
        return
    if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
        return
    count += 1
    if count == crash_at:
        os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(folder / "raw", folder / "curated", folder / "sources")
sys.addaudithook(strike)
status = journey.run(settings, offline=True, prefect=False, as_json=True)
print(count, file=sys.stderr)
raise SystemExit(status)
"""


def run(project: Settings, crash_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, str(project.curated.parent), str(crash_at)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def copy(project: Settings, folder: Path) -> Settings:
    for name in ("raw", "sources", "curated"):
        shutil.copytree(getattr(project, name), folder / name)
    return Settings(folder / "raw", folder / "curated", folder / "sources")


@pytest.fixture(scope="module")
def due(released: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project with a release, and a new version that is judged but not published."""
    project = copy(released, tmp_path_factory.mktemp("due"))
    text = shipped(*LIST).read_text(encoding="utf-8").replace("\tNo\t", "\tYes\t", 1)
    at = datetime(2026, 12, 1, tzinfo=UTC)
    store.put(project.raw, *LIST, text.encode(), came="added", at=at)
    assert journey.run(project, offline=True, prefect=False) == journey.PUBLISHED
    for name in ("releases", "latest.json"):
        path = project.curated / name
        if path.is_dir():
            shutil.rmtree(path)
            shutil.copytree(released.curated / name, path)
        else:
            shutil.copyfile(released.curated / name, path)
    return project


def test_run_killed_at_any_change_leaves_one_whole_release_and_the_next_completes(
    due: Settings, tmp_path: Path
) -> None:
    before = latest(due.curated)
    assert before is not None
    whole = copy(due, tmp_path / "whole")
    done = run(whole, 0)
    assert done.returncode == journey.PUBLISHED, done.stderr
    after = latest(whole.curated)
    assert after is not None
    changes = int(done.stderr.split()[-1])
    assert changes > 30
    points = sorted(
        {*range(1, changes + 1, max(changes // 10, 1)), *range(changes - 3, changes + 1)}
    )
    seen = set()
    for point in points:
        project = copy(due, tmp_path / str(point))
        killed = run(project, point)
        assert killed.returncode == -signal.SIGKILL, f"change {point}: {killed.stderr}"
        found = latest(project.curated)
        assert found is not None
        assert found.id in (before.id, after.id)
        assert releases.verify(project.curated, None) == []
        seen.add(found.id)
        again = run(project, 0)
        assert again.returncode == journey.PUBLISHED, again.stderr
        assert latest(project.curated).id == after.id  # type: ignore[union-attr]
        assert {p.name for p in project.releases.iterdir()} == {before.id, after.id}
        shutil.rmtree(tmp_path / str(point))
    assert before.id in seen
