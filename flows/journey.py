"""A refresh from end to end: the one composition of the stages, and what it comes to.

`travel` says which stage follows which; a `Conductor` runs them. The usual conductor is the
Prefect flow of `flows.refresh`; `Threads` runs the same stages without Prefect. Prefect and
Great Expectations are imported only by the runs that need them.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from flows import expectations, releases, runs, stages, store
from flows.documents import is_settled, is_waiting
from flows.fetch import NEW, SKIPPED, record_failure, why_skipped
from flows.lock import RUNNING, AlreadyRunning, only_refresh
from flows.prefect_settings import has_server, prepare_prefect
from flows.publishing.publish import PublishError
from flows.registry import RegistryError, find_source, load_sources
from flows.releases import ReleaseError
from flows.report import Progress, Summary, print_summary, summarise
from flows.settings import Settings
from flows.stages import Stage
from flows.store import StoreError
from flows.web.failure import FetchError, NotAsked, Unresolved
from flows.webhook import tell
from schemas.source import Source

PUBLISHED, TROUBLED, USAGE, NOTHING = 0, 1, 2, 3
# Errors that leave the latest release as it was.
UNPUBLISHABLE = (
    PublishError,
    StoreError,
    ReleaseError,
    OSError,
    duckdb.Error,
    pa.ArrowException,
)

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

    Sources in `accepted` may differ from the release before as much as they do. `looks` are what
    came of looking, where that is over already.
    """

    settings: Settings
    names: tuple[str, ...]
    offline: bool
    accepted: tuple[str, ...] = ()
    looks: Results | None = None


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
    sources = load_sources(settings.sources)
    looks = _look(plan, sources, run) if plan.looks is None else plan.looks
    journey.looks = _sound(looks, journey, "fetch")
    every = {source.source: source for source in sources if not is_waiting(settings, source)}
    settled = {name for name, source in every.items() if is_settled(settings, source)}
    extracted = {name: _checked(settings, name) for name in settled}
    jobs = {name: (settings, name) for name in every if name not in settled}
    extracted |= run.each(stages.EXTRACT, jobs)
    lost: dict[str, dict[str, str]] = _sound(extracted, journey, "extract")
    for name, failures in lost.items():
        if failures:
            journey.failures[name] = f"extract: {'; '.join(failures.values())}"
    unsettled = {name: (settings, name, lost[name]) for name in jobs if name in lost}
    _sound(run.each(stages.VALIDATE, unsettled), journey, "validate")
    released = run.each(stages.RELEASE, {"release": (settings, lost, plan.accepted)})["release"]
    if isinstance(released, PublishError) and journey.failures:
        # A document that failed earlier is only "missing" there.
        failed = "; ".join(f"{name}: {why}" for name, why in journey.failures.items())
        raise PublishError(f"{released}; what failed before: {failed}") from released
    if isinstance(released, BaseException):
        raise released
    journey.release = released
    return journey


def _look(plan: Plan, sources: Iterable[Source], run: Conductor) -> Results:
    """What each look brought, in the order of the sources; those not looked at say why."""
    if plan.offline:
        return {}
    wanted = [source for source in sources if source.source in plan.names]
    skipped = {source.source: why_skipped(source) for source in wanted}
    jobs = {name: (plan.settings, name) for name, why in skipped.items() if why is None}
    looks = _without_network(plan.settings, run.each(stages.FETCH, jobs))
    return {name: looks.get(name, why) for name, why in skipped.items()}


def _checked(settings: Settings, name: str) -> Any:
    """What extraction says of a document that was extracted before: its bytes are still held
    against their hashes, which is quicker here than as a task."""
    try:
        return stages.extract(settings, name)
    except StoreError as error:
        return error


def _sound(results: Results, journey: Journey, stage: str) -> Results:
    for name, result in results.items():
        if isinstance(result, BaseException):
            journey.failures[name] = f"{stage}: {result}"
    return {n: r for n, r in results.items() if not isinstance(r, BaseException)}


def _without_network(settings: Settings, looks: Results) -> Results:
    """The looks, with those skipped that found no host because there is no network at all.

    Where another host was found, one that was not is gone, and that look failed. So it did where
    the publication was fetched before: a machine that had a network and lost it is in trouble.
    """
    has_network = any(map(_met_a_host, looks.values()))
    for name in [name for name, look in looks.items() if isinstance(look, Unresolved)]:
        source = find_source(settings.sources, name)
        try:
            known = store.versions(settings.raw, source.source, source.document)
            if has_network or any(version.came == "fetched" for version in known):
                record_failure(settings, source, looks[name])
            else:
                looks[name] = f"{SKIPPED}: there is no network ({looks[name]})"
        except (OSError, StoreError) as error:
            looks[name] = error
    return looks


def _met_a_host(look: Any) -> bool:
    """Whether a look shows that there is a network."""
    if isinstance(look, str):
        return not look.startswith(SKIPPED)
    return isinstance(look, FetchError) and not isinstance(look, Unresolved | NotAsked)


def silent(_stage: str, _done: int, _total: int) -> None:
    """Watch nothing."""


@dataclass(slots=True)
class Caller:
    """What the command line and the flow that it starts in this process say to each other.

    A flow's parameters and result go to Prefect's API as JSON, which a callback cannot.
    `is_there` says that the command line started the flow, and tells what comes of it.
    """

    is_there: bool = False
    watch: Watch = silent
    looks: Results | None = None
    summary: Summary | None = None


caller = Caller()


@dataclass(frozen=True, slots=True)
class Threads:
    """The conductor without Prefect: threads in this process."""

    watch: Watch

    def each(self, stage: Stage, jobs: Mapping[str, tuple[Any, ...]]) -> Results:
        results: Results = {}
        self.watch(stage.name, 0, len(jobs))
        with ThreadPoolExecutor(stage.at_once) as pool:
            futures = {pool.submit(stage.run, *job): name for name, job in jobs.items()}
            for future in as_completed(futures):
                results[futures[future]] = future.exception() or future.result()
                self.watch(stage.name, len(results), len(jobs))
        return {name: results[name] for name in jobs}


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
        with (
            only_refresh(settings.curated, "precert refresh") as holder,
            runs.recorded(
                settings.curated, holder, store.now, unpublishable=UNPUBLISHABLE
            ) as record,
            Progress(quiet=as_json) as progress,
        ):
            for dead in record.died:
                print(f"precert: {runs.death(dead)}", file=sys.stderr)
            every = tuple(source.source for source in sources)
            plan = Plan(settings, names or every, offline, accept)
            summary = _refresh(plan, sources, runner if prefect else None, progress.watch)
            record.came_to(summary.made, troubled=summary.troubled, amiss=summary.amiss)
    except (RegistryError, UsageError) as error:
        tell(error)
        return _say(error, USAGE, as_json)
    except AlreadyRunning as error:
        return _say(error, RUNNING, as_json)
    except runs.LedgerError as error:
        return _say(error, TROUBLED, as_json)
    except UNPUBLISHABLE as error:
        tell(error)
        return _say(error, NOTHING, as_json)
    print_summary(summary, as_json)
    tell(summary)
    return TROUBLED if summary.troubled else PUBLISHED


def _say(error: Exception, status: int, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": str(error)}, ensure_ascii=False))
    print(f"precert: {error}", file=sys.stderr)
    return status


def _refresh(plan: Plan, sources: tuple[Source, ...], runner: str | None, watch: Watch) -> Summary:
    if runner is not None and not has_server() and not _needs_blocks(plan, sources):
        # A server of our own takes seconds to start, and nobody sees it: not for nothing.
        plan = replace(plan, looks=_look(plan, sources, Threads(watch)))
        runner = runner if _has_work(plan, sources) else None
    if _has_work(plan, sources):
        # Its import takes seconds of processor time; the server's start mostly waits.
        threading.Thread(target=expectations.start_up, daemon=True).start()
    if runner is None:
        return summary_of(plan, travel(plan, Threads(watch)))
    prepare_prefect(plan.settings)
    if runner == "dask" and importlib.util.find_spec("prefect_dask") is None:
        raise UsageError("--runner dask needs the package prefect-dask; install it beside us")
    from flows.refresh import refresh_with_prefect  # noqa: PLC0415

    return refresh_with_prefect(plan, runner, watch)


def _has_work(plan: Plan, sources: Iterable[Source]) -> bool:
    """Whether something came, or is not extracted and judged yet."""
    came = any(str(look).startswith(NEW) for look in (plan.looks or {}).values())
    return came or not all(is_settled(plan.settings, source) for source in sources)


def _needs_blocks(plan: Plan, sources: Iterable[Source]) -> bool:
    """Whether a secret of a source to look at is in a Prefect block, which a server gives."""
    return any(
        secret.block is not None
        for source in sources
        if source.source in plan.names and source.address is not None
        for secret in source.address.secrets.values()
    )


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
        *settings.raw.glob(".*.[0-9]*"),
        *settings.parts.glob("*/*/.answers.json.[0-9]*"),
        *settings.hosts.glob(".*.[0-9]*"),
        *settings.curated.glob(".latest.json.[0-9]*"),
        *settings.curated.glob(f".{runs.LEDGER}.[0-9]*"),
    ]:
        left.unlink(missing_ok=True)
