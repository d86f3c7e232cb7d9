"""The schedule: the flow of a refresh served on a cron, and runs that died told to Prefect.

On the Prefect API that is set, or on a server of our own. Whether a refresh may run is said by
our own lock, what it does by `flows.refresh`. Prefect reads its settings when this module is
imported, so `flows.prefect_settings` comes first.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import get_current_settings
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from flows.lock import AlreadyRunning, only_refresh
from flows.prefect_server import ServerError, check_host, own_server
from flows.settings import Settings

FLOW, DEPLOYMENT = "refresh", "serve"
_FIELDS = 5
_MOST_DEAD = 100
_GOING_ON = (StateType.PENDING, StateType.RUNNING)


class ScheduleError(ValueError):
    """A cron or a timezone that names no time; the message says what to give."""


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


def serve(settings: Settings, cron: str, timezone: str, host: str, port: int) -> None:
    """Run a refresh at each time of the cron, one at a time, until a signal says to end.

    On the Prefect API that is set, or on a server of our own at this host and port, which ends
    with us. Raises `ScheduleError` and `OpenHostError` before anything is started, and
    `ServerError`.
    """
    soon = next_run(cron, timezone)
    if get_current_settings().api.url:
        _serve(settings, cron, timezone, soon)
        return
    check_host(host)
    with own_server(host, port):
        mark_dead_runs(settings)
        _serve(settings, cron, timezone, soon)


def _serve(settings: Settings, cron: str, timezone: str, soon: datetime) -> None:
    try:
        asyncio.run(_poll(_deployment(settings, cron, timezone), soon))
    except httpx.HTTPError as error:
        answer = error.response if isinstance(error, httpx.HTTPStatusError) else None
        why = f"status {answer.status_code}" if answer else type(error).__name__
        raise ServerError(
            f"the Prefect server at {get_current_settings().api.url} cannot be used ({why}): see "
            "that it runs, and that PREFECT_API_AUTH_STRING has its password if it wants one"
        ) from error


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


async def _poll(deployment: RunnerDeployment, soon: datetime) -> None:
    """Start the runs of a deployment when they are due, until a signal says to end.

    Its schedule stays active then: whatever serves it next goes on with it.
    """
    runner = Runner(name="precert", limit=1, pause_on_shutdown=False)
    await runner.aadd_deployment(deployment)
    polling = asyncio.create_task(runner.start())
    # The runner's first step sets a handler for SIGTERM that ends nothing in order.
    await asyncio.sleep(0)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    where = get_current_settings().api.url
    print(f"precert: serving {FLOW}/{DEPLOYMENT} on {where}; next run {soon}", file=sys.stderr)
    telling = asyncio.create_task(told.wait())
    await asyncio.wait([polling, telling], return_when=asyncio.FIRST_COMPLETED)
    if not told.is_set():
        raise ServerError(
            f"Prefect's runner gave up on the server at {where}: see what is wrong there, then "
            "serve again"
        ) from polling.exception()
    if runner.started:
        await runner.astop()
    else:
        polling.cancel()
    # However it ends now, it was told to.
    await asyncio.wait([polling])


def mark_crashed(flow_run_id: str) -> bool:
    """Tell Prefect that a flow run's process died, where it still takes the run for going on.

    Whether it was marked: not where Prefect has seen its end, does not know it, or cannot be
    asked. Then nothing is lost, since our lock and ledger are what counts.
    """
    died: State[Any] = Crashed(message="its process died before its end")
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(flow_run_id)).state
            if state is None or state.type not in _GOING_ON:
                return False
            client.set_flow_run_state(UUID(flow_run_id), died, force=True)
    except (ObjectNotFound, httpx.HTTPError):
        return False
    return True


def mark_dead_runs(settings: Settings) -> None:
    """Mark the refreshes that died with an earlier server of ours, if none is running now.

    A server that cannot be asked marks none, as in `mark_crashed`.
    """
    unmarked = (AlreadyRunning, httpx.HTTPError)
    with suppress(*unmarked), only_refresh(settings.curated, "precert serve"):
        in_state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(_GOING_ON)))
        with get_client(sync_client=True) as client:
            found = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
                flow_run_filter=FlowRunFilter(state=in_state),
                sort=FlowRunSort.START_TIME_DESC,
                limit=_MOST_DEAD,
            )
        for run in found:
            mark_crashed(str(run.id))
