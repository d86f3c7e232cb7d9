"""The same journey as a Prefect flow: `precert refresh` as a user runs it, in its own process.

One run, looked at from all sides: every socket that it or its server opens is recorded by an
audit hook, and the run's states and artifacts are read from Prefect's own database.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.releases import latest
from flows.settings import Settings
from tests.conftest import ROOT, copy_of_project

# Python imports this at the start of every process that has its folder on the path.
RECORDER = """
import os, sys
def record(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"):
        where = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        with open(os.environ["SOCKETS"], "a") as file:
            file.write(f"{event} {where!r}\\n")
sys.addaudithook(record)
"""
LOCAL = ("'127.0.0.1'", "('127.0.0.1',", "'localhost'", "'::1'", "('::1',", "None", "'/", "b'/")


@dataclass(frozen=True, slots=True)
class Run:
    project: Settings
    done: subprocess.CompletedProcess[str]
    sockets: list[str]
    database: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("prefect")
    project = copy_of_project(folder)
    hook = folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(RECORDER)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | {
        "PYTHONPATH": os.pathsep.join([str(hook), str(ROOT)]),
        "SOCKETS": str(folder / "sockets"),
        "HOME": str(folder / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "refresh", "--offline", "--json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    sockets = (folder / "sockets").read_text().splitlines()
    return Run(project, done, sockets, folder / ".prefect" / "prefect.db")


def query(run: Run, sql: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(run.database) as connection:
        return connection.execute(sql).fetchall()


def test_flow_publishes_and_prints_one_json_document(run: Run) -> None:
    assert run.done.returncode == 0, run.done.stderr
    said = json.loads(run.done.stdout)
    release = latest(run.project.curated)
    assert release is not None
    assert said["release"] == release.id
    assert {row["status"] for row in said["rows"]} == {"current", "missing"}


def test_flow_has_one_task_for_each_document_and_stage_with_its_state(run: Run) -> None:
    states = dict(query(run, "SELECT name, state_name FROM task_run"))
    sources = sorted(path.name for path in run.project.raw.iterdir() if path.is_dir())
    expected = {f"extract {source}": "Completed" for source in sources}
    expected |= {f"validate {source}": "Accepted" for source in sources}
    assert {name: state for name, state in states.items() if " " in name} == expected
    assert [s for name, s in states.items() if name.startswith("publish")] == ["Published"]
    assert query(run, "SELECT name, state_name FROM flow_run")[0][1] == "Published"


def test_flow_leaves_its_summary_and_notes_as_artifacts(run: Run) -> None:
    found = dict(query(run, "SELECT key, data FROM artifact WHERE key IS NOT NULL"))
    assert found.keys() == {"refresh-summary", "release-notes"}
    release = latest(run.project.curated)
    assert release is not None
    assert json.loads(found["release-notes"]) == (release.folder / "NOTES.md").read_text()


def test_flow_and_its_server_talk_to_this_machine_only(run: Run) -> None:
    assert run.sockets, "the recorder saw nothing, so it was not there"
    elsewhere = [line for line in run.sockets if not line.split(" ", 1)[1].startswith(LOCAL)]
    assert elsewhere == []


def test_prefect_keeps_its_home_in_the_project(run: Run) -> None:
    assert run.database.exists()
    assert not (run.database.parents[1] / "home" / ".prefect").exists()


def test_looks_are_tried_again_within_their_task_and_not_by_prefect() -> None:
    from flows import refresh

    tasks = (refresh.fetch, refresh.extract, refresh.validate, refresh.release)
    assert [task.retries for task in tasks] == [0, 0, 0, 0]
