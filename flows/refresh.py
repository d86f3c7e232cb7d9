"""The Prefect flow of a refresh: a conductor for the stages of `flows.journey`.

Gives each document a task for each stage, with its states and artifacts. Tasks are
handed settings and names and give back short strings, so another task runner is one setting.
What the stages do is not known here, and without this module they run the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import Task, flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.states import Completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from flows import runs, stages, store
from flows.environment import web_settings
from flows.journey import UNPUBLISHABLE, Plan, Results, Watch, caller, silent, summary_of, travel
from flows.lock import only_refresh
from flows.registry import load_sources
from flows.report import Summary
from flows.settings import Settings
from flows.stages import Stage
from flows.webhook import tell


def _secret_block(name: str) -> str:
    """The text of a Secret block, as it was saved; raises `LookupError` where there is none."""
    try:
        block = Secret.load(name)
    except ValueError as error:
        if "Unable to find" not in str(error):
            raise
        raise LookupError(name) from None
    # A sync task gets the block itself, never a coroutine.
    assert isinstance(block, Secret)
    # `get` would read "0123" as the number 123.
    text: str = block.value.get_secret_value()
    return text


@task(task_run_name="fetch {name}")
def fetch(settings: Settings, name: str) -> str:
    return stages.fetch(settings, name, _secret_block)


@task(task_run_name="extract {name}")
def extract(settings: Settings, name: str) -> dict[str, str]:
    return stages.extract(settings, name)


@task(task_run_name="validate {name}")
def validate(settings: Settings, name: str, failures: dict[str, str]) -> State[str]:
    held = stages.validate(settings, name, failures)
    return Completed(name="Held" if held else "Accepted", message=held or None, data=held)


@task(name="publish")
def release(
    settings: Settings, failures: dict[str, dict[str, str]], accepted: tuple[str, ...]
) -> State[str]:
    published = stages.release(settings, failures, accepted)
    return Completed(name="Published" if published else "Nothing new", data=published)


_TASKS: dict[str, Task[..., Any]] = {
    stages.FETCH.name: fetch,
    stages.EXTRACT.name: extract,
    stages.VALIDATE.name: validate,
    stages.RELEASE.name: release,
}


class PrefectTasks:
    """The conductor of a flow run: one task run for each document and stage."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def each(self, stage: Stage, jobs: Mapping[str, tuple[Any, ...]]) -> Results:
        self.watch(stage.name, 0, len(jobs))
        futures: dict[str, PrefectFuture[Any]] = {}
        running: set[PrefectFuture[Any]] = set()
        for name, job in jobs.items():
            if len(running) == stage.at_once:
                self._await_one(stage, running, futures, jobs)
            futures[name] = _TASKS[stage.name].submit(*job)
            running.add(futures[name])
        while running:
            self._await_one(stage, running, futures, jobs)
        return {name: future.result(raise_on_failure=False) for name, future in futures.items()}

    def _await_one(
        self,
        stage: Stage,
        running: set[PrefectFuture[Any]],
        futures: Mapping[str, PrefectFuture[Any]],
        jobs: Mapping[str, tuple[Any, ...]],
    ) -> None:
        running.discard(next(iter(as_completed(list(running)))))
        self.watch(stage.name, len(futures) - len(running), len(jobs))


def _task_runner(name: str) -> TaskRunner[Any]:
    if name == "process":
        return ProcessPoolTaskRunner(max_workers=stages.LOOKERS)
    if name == "dask":
        from prefect_dask import DaskTaskRunner  # noqa: PLC0415

        runner: TaskRunner[Any] = DaskTaskRunner()
        return runner
    return ThreadPoolTaskRunner(max_workers=stages.LOOKERS)


@flow(name="refresh")
def refresh(
    sources: list[str] | None = None,
    offline: bool = False,
    raw: str = "raw",
    curated: str = "curated",
    registry: str = "sources",
    accept: list[str] | None = None,
) -> State[str]:
    """Refresh the releases in `curated`; `sources` limits what is looked at on the web.

    Sources in `accept` may differ from the release before as much as they do.
    """
    settings = Settings(Path(raw), Path(curated), Path(registry), web_settings())
    names = tuple(sources or (source.source for source in load_sources(settings.sources)))
    plan = Plan(settings, names, offline, tuple(accept or ()), caller.looks)
    try:
        summary = _travel(plan)
    except UNPUBLISHABLE as error:
        if not caller.is_there:
            tell(error)
        raise
    if not caller.is_there:
        tell(summary)
    create_table_artifact(key="refresh-summary", table=[dict(row) for row in summary.rows])
    if summary.made:
        notes = (settings.releases / summary.made / "NOTES.md").read_text(encoding="utf-8")
        create_markdown_artifact(key="release-notes", markdown=notes)
    name = "Troubled" if summary.troubled else "Published" if summary.made else "Nothing new"
    return Completed(name=name, message=summary.release, data=summary.release)


def _travel(plan: Plan) -> Summary:
    """One refresh under our own lock, and what it came to, which the ledger has too."""
    curated = plan.settings.curated
    with (
        only_refresh(curated, "a Prefect flow run") as holder,
        runs.recorded(
            curated, holder, store.now, flow_run_id=flow_run.id, unpublishable=UNPUBLISHABLE
        ) as record,
    ):
        for flow_run_id in filter(None, (dead.flow_run_id for dead in record.died)):
            from flows.serve import mark_crashed  # noqa: PLC0415 (seldom, and slow to import)

            mark_crashed(flow_run_id)
        journey = travel(plan, PrefectTasks(caller.watch))
        summary = caller.summary = summary_of(plan, journey)
        record.came_to(summary.made, troubled=summary.troubled, amiss=summary.amiss)
    return summary


def refresh_with_prefect(plan: Plan, runner: str, watch: Watch) -> Summary:
    """Run the flow here and now, on the Prefect API that is set or on one started for it."""
    caller.is_there, caller.watch, caller.looks = True, watch, plan.looks
    try:
        refresh.with_options(task_runner=_task_runner(runner))(
            sources=list(plan.names),
            offline=plan.offline,
            raw=str(plan.settings.raw),
            curated=str(plan.settings.curated),
            registry=str(plan.settings.sources),
            accept=list(plan.accepted),
        )
    finally:
        caller.is_there, caller.watch, caller.looks = False, silent, None
    assert caller.summary is not None
    return caller.summary
