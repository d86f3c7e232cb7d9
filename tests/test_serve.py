"""`precert serve` as a user runs it, with a Prefect server of its own: who can reach it, a run
through the deployment that it serves, and what is left when it ends.

The tests share one server, which is slow to start; the last of them ends it.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import pytest

from flows.releases import latest
from flows.settings import Settings
from tests.conftest import ROOT

PATIENCE = 300.0
LISTENS = "0A"
SETTINGS = """
from prefect.settings import get_current_settings
known = get_current_settings()
print(known.server.api.csrf_protection_enabled, known.server.api.cors_allowed_origins)
print(known.server.analytics_enabled, known.home)
"""
T = TypeVar("T")


def until(found: Callable[[], T | None], what: str) -> T:
    """What is found, once it is."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {PATIENCE:g} s")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and all that it started, and that they did."""
    children = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in path.read_text().split()]
    return [pid, *(member for child in children for member in family(child))]


def address_of(said: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as /proc/net/tcp has it: words of four bytes in this machine's order."""
    words = bytes.fromhex(said)
    return ipaddress.ip_address(
        b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    )


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP socket of a process: where it is, whom it talks to, and its state."""

    local: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    remote: ipaddress.IPv4Address | ipaddress.IPv6Address
    state: str


def connections(pids: list[int]) -> list[Connection]:
    sockets = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                sockets.add(str(handle.readlink()))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in sockets:
                local, port = fields[1].split(":")
                remote = address_of(fields[2].split(":")[0])
                found.append(Connection(address_of(local), int(port, 16), remote, fields[3]))
    return found


@dataclass(frozen=True, slots=True)
class Served:
    """`precert serve` at work: its process, its port and its project."""

    process: subprocess.Popen[str]
    port: int
    project: Settings
    errors: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def server(self) -> int:
        """The process of its Prefect server."""
        (found,) = (
            pid
            for pid in family(self.process.pid)
            if b"\0server\0start\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        return found

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=60) as client:
            return client.request(method, f"{self.origin}/api{path}", **more)

    def say(self, path: str, document: dict[str, Any]) -> Any:
        """Post with a CSRF token, as Prefect's own client does."""
        client = str(uuid.uuid4())
        token = self.ask("GET", "/csrf-token", params={"client": client}).json()["token"]
        headers = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": client}
        answer = self.ask("POST", path, json=document, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()


def clean_environment(folder: Path) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PRECERT"))}
    return environment | {
        "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)]),
        "HOME": str(folder / "home"),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    }


@pytest.fixture(scope="module")
def served(released: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over the shipped publications, extracted and judged, but without a release."""
    folder = tmp_path_factory.mktemp("served")
    for name in ("raw", "sources"):
        shutil.copytree(getattr(released, name), folder / name)
    shutil.copytree(released.parts, folder / "curated" / "parts")
    project = Settings(folder / "raw", folder / "curated", folder / "sources")
    port, errors = free_port(), folder / "stderr"
    command = [sys.executable, "-m", "flows.cli", "serve", "--port", str(port)]
    command += ["--cron", "15 6 * * *", "--timezone", "America/New_York"]
    with errors.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=clean_environment(folder), stderr=file, text=True
        )
    one = Served(process, port, project, errors)
    try:
        until(lambda: "serving" in errors.read_text() or process.poll() is not None, "its start")
        assert process.poll() is None, errors.read_text()
        yield one
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_only_the_loopback_address_listens_and_nobody_else_is_talked_to(served: Served) -> None:
    found = connections(family(served.process.pid))
    listening = [one for one in found if one.state == LISTENS]
    assert served.port in {one.port for one in listening}
    assert {str(one.local) for one in listening} == {"127.0.0.1"}
    assert all(one.remote.is_loopback for one in found if one.state != LISTENS)


@pytest.mark.parametrize("address", ["127.0.0.2", "its own"])
def test_other_addresses_of_the_machine_refuse(served: Served, address: str) -> None:
    if address == "its own":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # Nothing is sent: this only asks which address would be used.
                probe.connect(("192.0.2.1", 9))
            except OSError:
                pytest.skip("this machine has no other address")
            address = probe.getsockname()[0]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, served.port), timeout=10)


def test_pages_of_other_sites_may_not_read_the_server(served: Served) -> None:
    header = "access-control-allow-origin"
    for origin in (f"http://127.0.0.1:{served.port}", f"http://localhost:{served.port}"):
        assert served.ask("GET", "/health", headers={"Origin": origin}).headers[header] == origin
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9999"):
        assert header not in served.ask("GET", "/health", headers={"Origin": origin}).headers
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        refused = served.ask("OPTIONS", "/flow_runs/filter", headers=asked)
        assert refused.status_code == httpx.codes.BAD_REQUEST
        assert header not in refused.headers


def test_request_that_changes_something_needs_a_token(served: Served) -> None:
    filters = {"flow_runs": {}}
    assert served.ask("POST", "/flow_runs/filter", json=filters).status_code == 403
    as_form = {"content": json.dumps(filters), "headers": {"Content-Type": "text/plain"}}
    assert served.ask("POST", "/flow_runs/filter", **as_form).status_code == 403
    made_up = {"Prefect-Csrf-Token": "x", "Prefect-Csrf-Client": str(uuid.uuid4())}
    assert served.ask("POST", "/flow_runs/filter", json=filters, headers=made_up).is_error
    assert isinstance(served.say("/flow_runs/filter", filters), list)


def test_server_sends_nothing_home_and_keeps_its_home_in_the_project(served: Served) -> None:
    environment = dict(
        line.partition("=")[::2]
        for line in Path(f"/proc/{served.server}/environ").read_text().split("\0")
    )
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["DO_NOT_TRACK"] == "1"
    known = served.ask("GET", "/admin/settings").json()
    assert known["server"]["analytics_enabled"] is False
    assert known["server"]["api"]["csrf_protection_enabled"] is True
    home = served.project.prefect_home
    assert known["home"] == str(home)
    assert (home / "prefect.db").exists()
    assert not Path(environment["HOME"], ".prefect").exists()


def test_runs_are_scheduled_at_the_times_of_the_cron(served: Served) -> None:
    wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    runs = until(lambda: served.say("/flow_runs/filter", wanted), "a scheduled run")
    times = sorted(datetime.fromisoformat(run["expected_start_time"]) for run in runs)
    local = [at.astimezone(ZoneInfo("America/New_York")) for at in times]
    assert {(at.hour, at.minute) for at in local} == {(6, 15)}
    assert len(local) == 1 or local[1].date() - local[0].date() == timedelta(days=1)
    assert str(times[0].astimezone(local[0].tzinfo).date()) in served.errors.read_text()


def test_run_of_the_deployment_becomes_a_release(served: Served) -> None:
    assert latest(served.project.curated) is None
    deployment = served.ask("GET", "/deployments/name/refresh/serve").json()
    asked = {"parameters": {"offline": True}, "state": {"type": "SCHEDULED"}}
    run = served.say(f"/deployments/{deployment['id']}/create_flow_run", asked)

    def ended() -> dict[str, Any] | None:
        state: dict[str, Any] = served.ask("GET", f"/flow_runs/{run['id']}").json()["state"]
        return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    state = until(ended, "the end of the run")
    assert (state["type"], state["name"]) == ("COMPLETED", "Published"), state["message"]
    release = latest(served.project.curated)
    assert release is not None
    assert state["message"] == release.id


def prefect(served: Served, *arguments: str) -> str:
    """What Prefect's own command line says, run at the project's root against the server."""
    environment = clean_environment(served.errors.parent) | {
        "PREFECT_API_URL": f"{served.origin}/api",
        "PREFECT_HOME": str(served.project.prefect_home),
    }
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_deployments_of_prefect_yaml_are_accepted_and_name_no_place(served: Served) -> None:
    prefect(served, "work-pool", "create", "--type", "process", "precert")
    prefect(served, "deploy", "--all")
    found = {
        name: served.ask("GET", f"/deployments/name/refresh/{name}").json()
        for name in ("refresh", "rebuild")
    }
    assert [schedule["schedule"]["cron"] for schedule in found["refresh"]["schedules"]]
    assert found["rebuild"]["schedules"] == []
    assert found["rebuild"]["parameters"] == {"offline": True}
    for deployment in found.values():
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
        ((where,),) = (step.values() for step in deployment["pull_steps"])
        assert where == {"directory": "{{ $PRECERT_PROJECT }}"}
        assert str(ROOT) not in json.dumps(deployment)


def test_automations_of_the_docs_are_accepted(served: Served) -> None:
    prefect(served, "automation", "create", "--from-file", "docs/automations.yaml")
    found = {automation["name"]: automation for automation in served.say("/automations/filter", {})}
    (ended, silent, died) = (
        found[name]
        for name in (
            "A refresh ended with trouble",
            "No refresh has come to its end for 26 hours",
            "A refresh whose process died",
        )
    )
    assert "prefect.flow-run.Troubled" in ended["trigger"]["expect"]
    assert silent["trigger"]["within"] == timedelta(hours=26).total_seconds()
    assert died["actions"][0]["state"] == "CRASHED"


@pytest.fixture
def client_of(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """This process as a client of the server."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    home = str(served.project.prefect_home)
    with temporary_settings({PREFECT_API_URL: f"{served.origin}/api", PREFECT_HOME: home}):
        yield served


def a_run(served: Served, state: str) -> str:
    flow = served.say("/flows/", {"name": "refresh"})["id"]
    run = served.say("/flow_runs/", {"flow_id": flow, "state": {"type": state}})["id"]
    return str(run)


def state_of(served: Served, run: str) -> tuple[str, str]:
    state = served.ask("GET", f"/flow_runs/{run}").json()["state"]
    return state["type"], state["message"]


@pytest.mark.parametrize("state", ["RUNNING", "PENDING"])
def test_run_whose_process_died_is_marked_as_crashed(client_of: Served, state: str) -> None:
    from flows.serve import mark_crashed

    run = a_run(client_of, state)
    assert mark_crashed(run) is True
    assert state_of(client_of, run) == ("CRASHED", "its process died before its end")


def test_run_that_ended_or_is_unknown_is_not_marked(client_of: Served) -> None:
    from flows.serve import mark_crashed

    for state in ("COMPLETED", "SCHEDULED"):
        run = a_run(client_of, state)
        assert mark_crashed(run) is False
        assert state_of(client_of, run)[0] == state
    assert mark_crashed(str(uuid.uuid4())) is False


def test_server_that_cannot_be_asked_marks_nothing() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.serve import mark_crashed

    nobody = {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}
    with temporary_settings(nobody):
        assert mark_crashed(str(uuid.uuid4())) is False


def test_runs_that_died_with_a_server_are_marked_when_the_next_starts(client_of: Served) -> None:
    from flows.serve import mark_dead_runs

    running, completed = a_run(client_of, "RUNNING"), a_run(client_of, "COMPLETED")
    mark_dead_runs(client_of.project)
    assert state_of(client_of, running)[0] == "CRASHED"
    assert state_of(client_of, completed)[0] == "COMPLETED"


def test_port_in_use_is_told_in_one_sentence(served: Served, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "serve", "--port", str(served.port)],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"Error: no server can listen on 127.0.0.1, port {served.port} (Address already in use)"
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets others reach Prefect's server"),
        (["--cron", "15 6 * *"], "--cron '15 6 * *' names no time"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_is_started(
    tmp_path: Path, options: list[str], error: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "serve", "--port", str(free_port()), *options],
        cwd=tmp_path,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"Error: {error}")
    assert not list(tmp_path.rglob("prefect.db"))
    assert not (tmp_path / "curated").exists()


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("", "UTC"),
        ("tomorrow", "UTC"),
        ("61 6 * * *", "UTC"),
        ("0 0 30 2 *", "UTC"),
        ("* * * * * *", "UTC"),
        ("15 6 * * *", "Mars/Olympus"),
        ("15 6 * * *", ""),
    ],
)
def test_schedule_that_names_no_time_is_refused(cron: str, timezone: str) -> None:
    from flows.serve import ScheduleError, next_run

    with pytest.raises(ScheduleError, match=r"^--(cron|timezone) '"):
        next_run(cron, timezone)


def test_next_run_is_the_first_time_of_the_cron_in_its_zone() -> None:
    from flows.serve import next_run

    soon = next_run("15 6 * * *", "America/New_York")
    assert (soon.hour, soon.minute) == (6, 15)
    assert soon.utcoffset() in (timedelta(hours=-5), timedelta(hours=-4))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_host_that_only_this_machine_reaches_needs_no_password(host: str) -> None:
    from flows.prefect_server import check_host

    check_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.com"])
def test_host_that_others_reach_needs_a_password(host: str) -> None:
    from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings

    from flows.prefect_server import OpenHostError, check_host

    for password in (None, ""):
        with (
            temporary_settings({PREFECT_SERVER_API_AUTH_STRING: password}),
            pytest.raises(OpenHostError, match="PREFECT_SERVER_API_AUTH_STRING"),
        ):
            check_host(host)
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: "me:secret"}):
        check_host(host)


def test_settings_of_the_user_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.prefect_settings import prepare_prefect

    settings = Settings(curated=tmp_path / "curated")
    with monkeypatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("PREFECT_"):
                patch.delenv(name)
        patch.setenv("PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED", "false")
        patch.setenv("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "https://prefect.example.com")
        # Every variable that is set from here on is taken back with the context.
        patch.setattr(os, "environ", dict(os.environ))
        prepare_prefect(settings)
        environment = dict(os.environ)
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            SETTINGS,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert said == [
        "False",
        "https://prefect.example.com",
        "False",
        str(settings.prefect_home),
    ]


def test_sigterm_ends_the_server_too_and_leaves_the_schedule_active(served: Served) -> None:
    everyone = family(served.process.pid)
    assert served.server in everyone
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(PATIENCE) == 0, served.errors.read_text()
    assert [pid for pid in everyone if Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), timeout=10)
    with sqlite3.connect(served.project.prefect_home / "prefect.db") as connection:
        found = connection.execute(
            "SELECT paused, active FROM deployment JOIN deployment_schedule"
            " ON deployment.id = deployment_id WHERE name = 'serve'"
        ).fetchall()
    assert found == [(0, 1)]
