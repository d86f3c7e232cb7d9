"""A refresh from end to end: the one composition of the stages, and what it comes to.

`travel` says which stage follows which; a `Conductor` runs them. The usual conductor is the
Prefect flow of `flows.refresh`; `Threads` runs the same stages without Prefect. Prefect and
Great Expectations are imported only by the runs that need them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from flows import expectations, releases, stages, store
from flows.documents import is_waiting
from flows.lock import AlreadyRunning, only_refresh
from flows.parts import part_of
from flows.publish import PublishError
from flows.registry import RegistryError, load_sources
from flows.releases import ReleaseError
from flows.report import Progress, Summary, print_summary, summarise
from flows.settings import Settings
from flows.stages import Stage
from flows.store import StoreError
from schemas.source import Source

PUBLISHED, TROUBLED, USAGE, NOTHING, RUNNING = 0, 1, 2, 3, 5
WORKERS = 2

Results = dict[str, Any]
Watch = Callable[[str, int, int], None]


class UsageError(ValueError):
    """A refresh asked for in a way that cannot work here."""


class Conductor(Protocol):
    """Runs one stage for many documents at once; an exception is a result like any other."""

    def each(self, stage: Stage, jobs: Mapping[str, tuple[Any, ...]]) -> Results: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to refresh: only `names` are looked at on the web, and not even those when `offline`.

    Sources in `accepted` may differ from the release before as much as they do.
    """

    settings: Settings
    names: tuple[str, ...]
    offline: bool
    accepted: tuple[str, ...] = ()


@dataclass(slots=True)
class Journey:
    """What came of a refresh: what each look brought, what failed, and the new release's id."""

    looks: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    release: str = ""


def travel(plan: Plan, run: Conductor) -> Journey:
    """Take the documents through fetch, extract, validate and publish.

    The release is always of the whole registry; a source that waits for its first snapshot has
    nothing to go through the stages with. A stage that fails for one document is recorded and
    harms no other. Raises `PublishError`.
    """
    journey = Journey()
    settings = plan.settings
    _sweep(settings)
    if not plan.offline:
        looks = run.each(stages.FETCH, {name: (settings, name) for name in plan.names})
        journey.looks = _sound(looks, journey, "fetch")
    sources = load_sources(settings.sources)
    every = [source.source for source in sources if not is_waiting(settings, source)]
    extracted = run.each(stages.EXTRACT, {name: (settings, name) for name in every})
    lost: dict[str, dict[str, str]] = _sound(extracted, journey, "extract")
    for name, failures in lost.items():
        if failures:
            journey.failures[name] = f"extract: {'; '.join(failures.values())}"
    jobs = {name: (settings, name, lost[name]) for name in every if name in lost}
    _sound(run.each(stages.VALIDATE, jobs), journey, "validate")
    released = run.each(stages.RELEASE, {"release": (settings, lost, plan.accepted)})["release"]
    if isinstance(released, BaseException):
        raise released
    journey.release = released
    return journey


def _sound(results: Results, journey: Journey, stage: str) -> Results:
    for name, result in results.items():
        if isinstance(result, BaseException):
            journey.failures[name] = f"{stage}: {result}"
    return {n: r for n, r in results.items() if not isinstance(r, BaseException)}


def silent(_stage: str, _done: int, _total: int) -> None:
    """Watch nothing."""


@dataclass(slots=True)
class Caller:
    """What the command line and the flow that it starts in this process say to each other.

    A flow's parameters and result go to Prefect's API as JSON, which a callback cannot.
    """

    watch: Watch = silent
    summary: Summary | None = None


caller = Caller()


@dataclass(frozen=True, slots=True)
class Threads:
    """The conductor without Prefect: threads in this process, retries as the stage says."""

    watch: Watch

    def each(self, stage: Stage, jobs: Mapping[str, tuple[Any, ...]]) -> Results:
        results: Results = {}
        self.watch(stage.name, 0, len(jobs))
        with ThreadPoolExecutor(WORKERS) as pool:
            futures = {pool.submit(_patiently, stage, job): name for name, job in jobs.items()}
            for future in as_completed(futures):
                results[futures[future]] = future.exception() or future.result()
                self.watch(stage.name, len(results), len(jobs))
        return {name: results[name] for name in jobs}


def _patiently(stage: Stage, job: tuple[Any, ...]) -> Any:
    for delay in stage.delays:
        try:
            return stage.run(*job)
        except Exception as error:
            if not stages.may_pass(error):
                raise
            time.sleep(delay)
    return stage.run(*job)


def run(
    settings: Settings,
    names: tuple[str, ...] = (),
    *,
    offline: bool = False,
    runner: str = "thread",
    prefect: bool = True,
    as_json: bool = False,
    accept: tuple[str, ...] = (),
) -> int:
    """Refresh, print what came of it, and give the exit status of `precert refresh`."""
    try:
        sources = load_sources(settings.sources)
        unknown = sorted(set(names) - {source.source for source in sources})
        if unknown:
            raise RegistryError(f"{unknown[0]}: no such source in {settings.sources}")
        with only_refresh(settings.curated, "precert refresh"), Progress(quiet=as_json) as progress:
            every = tuple(source.source for source in sources)
            plan = Plan(settings, names or every, offline, accept)
            summary = _refresh(plan, sources, runner if prefect else None, progress.watch)
    except (RegistryError, UsageError) as error:
        return _say(error, USAGE, as_json)
    except AlreadyRunning as error:
        return _say(error, RUNNING, as_json)
    except (
        PublishError,
        StoreError,
        ReleaseError,
        OSError,
        duckdb.Error,
        pa.ArrowException,
    ) as error:
        return _say(error, NOTHING, as_json)
    print_summary(summary, as_json)
    return TROUBLED if summary.troubled else PUBLISHED


def _say(error: Exception, status: int, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": str(error)}, ensure_ascii=False))
    print(f"precert: {error}", file=sys.stderr)
    return status


def _refresh(plan: Plan, sources: tuple[Source, ...], runner: str | None, watch: Watch) -> Summary:
    if _has_work(plan.settings, sources):
        # Its import takes seconds of processor time; the server's start mostly waits.
        threading.Thread(target=expectations.start_up, daemon=True).start()
    if runner is None:
        return summary_of(plan, travel(plan, Threads(watch)))
    _prepare_prefect(plan.settings)
    if runner == "dask" and importlib.util.find_spec("prefect_dask") is None:
        raise UsageError("--runner dask needs the package prefect-dask; install it beside us")
    from flows.refresh import refresh_with_prefect  # noqa: PLC0415

    return refresh_with_prefect(plan, runner, watch)


def summary_of(plan: Plan, journey: Journey) -> Summary:
    """What a journey came to, read from the release that is now the latest."""
    latest = releases.latest(plan.settings.curated)
    assert latest is not None
    return summarise(latest, journey.release, journey.looks, journey.failures)


def _sweep(settings: Settings) -> None:
    """Remove what runs that died left half-made; the lock is held, so nobody is making it."""
    for left in [*settings.parts.glob("*/*/.part-*"), *settings.parts.glob("*/*/.verdict-*")]:
        shutil.rmtree(left, ignore_errors=True)
    for left in [
        *settings.raw.glob("*/*/.*.[0-9]*"),
        *settings.curated.glob(".latest.json.[0-9]*"),
    ]:
        left.unlink(missing_ok=True)


def _has_work(settings: Settings, sources: tuple[Source, ...]) -> bool:
    """Whether some version has no part yet, so that something will have to be validated."""
    try:
        return any(
            not part_of(settings, source, snapshot).folder.exists()
            for source in sources
            for snapshot in store.versions(settings.raw, source.source, source.document)
        )
    except StoreError:
        return True


def _prepare_prefect(settings: Settings) -> None:
    """Prefect's settings, where the user has set none: at home in the project, silent, patient."""
    settings.prefect_home.mkdir(parents=True, exist_ok=True)
    for name, value in {
        "PREFECT_HOME": str(settings.prefect_home),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "DO_NOT_TRACK": "1",
    }.items():
        os.environ.setdefault(name, value)
