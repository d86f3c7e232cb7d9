"""The schedule of one machine: a Prefect server of our own, and the refresh served on a cron.

Knows how to start a server that only this machine can reach, how to end it with us, and how to
tell Prefect of runs that died. Whether a refresh may run is said by our own lock, what it does by
`flows.refresh`. Prefect reads its settings when this module is imported, so
`flows.prefect_settings` comes first.
"""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from types import FrameType
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import refresh_global_settings_context
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import get_current_settings
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from flows.lock import AlreadyRunning, only_refresh
from flows.settings import Settings

DEPLOYMENT = "serve"
AUTH = "PREFECT_SERVER_API_AUTH_STRING"
_PATIENCE = 300.0
_FAREWELL = 30.0
_DEATH_OF_PARENT = 1
_FIELDS = 5
_MOST_DEAD = 100
_GOING_ON = (StateType.PENDING, StateType.RUNNING)


class ScheduleError(ValueError):
    """A schedule or an address that cannot be served; the message says what to give."""


class ServerError(RuntimeError):
    """A server of our own that would not start, or did not stay."""


def next_run(cron: str, timezone: str) -> datetime:
    """The next time that a cron expression names. Raises `ScheduleError`."""
    if timezone not in available_timezones():
        raise ScheduleError(
            f"--timezone {timezone!r} is not known: give an IANA name such as America/New_York"
        )
    try:
        if len(cron.split()) != _FIELDS:
            raise ValueError(cron)
        (soon,) = asyncio.run(CronSchedule(cron=cron, timezone=timezone).get_dates(1))
    except ValueError as error:
        raise ScheduleError(
            f"--cron {cron!r} names no time: give minute, hour, day, month and weekday, such as "
            "'15 6 * * *' for every day at 6:15"
        ) from error
    return soon


def check_host(host: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raises `ScheduleError` for a host that others can reach, where nobody needs a password."""
    if not _is_loopback(host) and not environ.get(AUTH):
        raise ScheduleError(
            f"--host {host} lets others reach Prefect's server: set {AUTH} to user:password, or "
            "serve on 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(settings: Settings, cron: str, timezone: str, host: str, port: int) -> None:
    """Run a refresh at each time of the cron, one at a time, until told to end.

    On the Prefect API that is set, or on a server of our own, which ends with us. Raises
    `ScheduleError` before anything is started, and `ServerError`.
    """
    soon = next_run(cron, timezone)
    if get_current_settings().api.url:
        _serve(settings, cron, timezone, soon)
        return
    check_host(host)
    with _server(host, port):
        _bury(settings)
        _serve(settings, cron, timezone, soon)


def _serve(settings: Settings, cron: str, timezone: str, soon: datetime) -> None:
    url = get_current_settings().api.url
    print(f"precert: serving refresh/{DEPLOYMENT} on {url}; next run {soon}", file=sys.stderr)
    asyncio.run(_poll(_deployment(settings, cron, timezone)))


async def _poll(deployment: RunnerDeployment) -> None:
    """Start the runs of a deployment when they are due, until a signal says to end."""
    runner = Runner(name="precert", limit=1, pause_on_shutdown=False)
    await runner.aadd_deployment(deployment)
    polling = asyncio.create_task(runner.start())
    # The runner's first step sets a handler for SIGTERM that ends nothing in order.
    await asyncio.sleep(0)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    telling = asyncio.create_task(told.wait())
    await asyncio.wait([polling, telling], return_when=asyncio.FIRST_COMPLETED)
    if not polling.done():
        await runner.astop()
    await polling


def _deployment(settings: Settings, cron: str, timezone: str) -> RunnerDeployment:
    from flows.refresh import refresh  # noqa: PLC0415 (it asks this module to mark runs)

    found = refresh.to_deployment(
        DEPLOYMENT,
        schedule=Cron(cron, timezone=timezone),
        parameters={
            "raw": str(settings.raw.absolute()),
            "curated": str(settings.curated.absolute()),
            "registry": str(settings.sources.absolute()),
        },
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(found, RunnerDeployment)
    return found


@contextmanager
def _server(host: str, port: int) -> Iterator[None]:
    """A server of our own while the context lasts, and Prefect's client pointed at it."""
    _require_free(host, port)
    _point_at(host, port)
    signal.signal(signal.SIGTERM, _end)
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,
    )
    ending = threading.Event()
    try:
        _await(server)
        threading.Thread(target=_watch, args=(server, ending), daemon=True).start()
        yield
    finally:
        ending.set()
        _stop(server)


def _require_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ServerError(
            f"no server can listen on {host}, port {port} ({error.strerror}): end what does, give "
            "another --port, or set PREFECT_API_URL to use the server there"
        ) from error


def _point_at(host: str, port: int) -> None:
    """Prefect's own settings, in this process and those that it starts, for the server to be."""
    known = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host  # noqa: S104
    os.environ["PREFECT_API_URL"] = (
        f"http://[{known}]:{port}/api" if ":" in known else (f"http://{known}:{port}/api")
    )
    if AUTH in os.environ:
        os.environ.setdefault("PREFECT_API_AUTH_STRING", os.environ[AUTH])
    refresh_global_settings_context()


def _die_with_parent() -> None:
    """Runs in the server's process: the kernel ends it when we are killed without a word."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGTERM)


def _await(server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers."""
    url = f"{os.environ['PREFECT_API_URL']}/health"
    until = time.monotonic() + _PATIENCE
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < until:
            if server.poll() is not None:
                raise ServerError(f"Prefect's server ended with status {server.returncode}")
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    raise ServerError(f"Prefect's server does not answer at {url} after {_PATIENCE:g} s")


def _watch(server: subprocess.Popen[bytes], ending: threading.Event) -> None:
    """End ourselves when the server ends: what started us can start both again."""
    status = server.wait()
    if not ending.is_set():
        print(f"precert: Prefect's server ended with status {status}", file=sys.stderr)
        os.kill(os.getpid(), signal.SIGTERM)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_FAREWELL)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def mark_crashed(flow_run_id: str) -> bool:
    """Tell Prefect that a flow run's process died, where Prefect still takes it for going on.

    Whether it was marked; not where Prefect has seen its end, or does not know it.
    """
    with get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(flow_run_id)).state
        except ObjectNotFound:
            return False
        if state is None or state.type not in _GOING_ON:
            return False
        died: State[Any] = Crashed(message="its process died before its end; the next run found it")
        client.set_flow_run_state(UUID(flow_run_id), died, force=True)
    return True


def _bury(settings: Settings) -> None:
    """Mark the runs that died with an earlier server of ours, if no refresh is running now."""
    with suppress(AlreadyRunning), only_refresh(settings.curated, "precert serve"):
        in_state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_GOING_ON)))
        with get_client(sync_client=True) as server:
            found = server.read_flow_runs(
                flow_run_filter=FlowRunFilter(state=in_state),
                sort=FlowRunSort.START_TIME_DESC,
                limit=_MOST_DEAD,
            )
        for run in found:
            mark_crashed(str(run.id))
