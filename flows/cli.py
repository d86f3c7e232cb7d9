"""The command line: arguments in, words or one JSON document out, and the exit status.

Each command imports what it needs when it runs, so that looking something up never pays for the
libraries of a refresh. What the words say is decided in the modules called.
"""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import click

from flows.releases import MAIN_TABLES, Release, ReleaseError, history, latest, roll_back
from flows.releases import as_known as release_as_known
from flows.releases import kept as all_releases
from flows.releases import verify as release_problems
from flows.settings import Settings

NOT_INGESTED = 4

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

# One letter before the colon is a drive, not a scheme.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):")
_FILE_ADDRESS = re.compile(r"file:(?://(?:localhost)?)?(?P<path>/(?!/)[^?#]*)", re.IGNORECASE)
_FOLDERS = ("raw", "curated", "sources")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a day: give one like 2026-01-31") from error


@contextmanager
def _said_plainly(*mistakes: type[Exception], usage: bool = False) -> Iterator[None]:
    """Turns the named errors into one sentence on stderr: exit 2 for usage, else 1."""
    try:
        yield
    except mistakes as error:
        if usage:
            raise click.UsageError(str(error)) from error
        raise click.ClickException(str(error)) from error


@contextmanager
def _one_at_a_time(*, as_json: bool = False) -> Iterator[None]:
    """Turns a lock that another run holds into one sentence that names it, and exit 5."""
    from flows.lock import RUNNING, AlreadyRunning

    try:
        yield
    except AlreadyRunning as error:
        if as_json:
            click.echo(json.dumps({"error": str(error)}, ensure_ascii=False))
        click.echo(f"precert: {error}", err=True)
        sys.exit(RUNNING)


class _Folder(click.Path):
    """A folder, as a path or as a file:// address of this machine."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """The folder; a usage error for an address of anything else."""
        try:
            return super().convert(_path_of(os.fspath(value)), param, ctx)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _path_of(text: str) -> str:
    """The path that a path or a file:// address gives; raises `ValueError` in one sentence."""
    address = _ADDRESS.match(text)
    if not text:
        raise ValueError("the folder is empty: give a path or a file:// address")
    if address is None:
        return text
    if address["scheme"].lower() != "file":
        raise ValueError(
            f"{text!r} is an address, and only folders are supported now: give a path (./ before "
            "a name with a colon) or a file:// address"
        )
    file = _FILE_ADDRESS.fullmatch(text)
    path = unquote(file["path"], errors="surrogateescape") if file else ""
    if not path or "\0" in path:
        raise ValueError(f"{text!r} names no folder of this machine: write it as file:///path")
    return path


def _take_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        name = str(param.name).removesuffix("_folder")
        ctx.obj = replace(ctx.obj or Settings(), **{name: value})


def _folder_option(name: str, **more: Any) -> Callable[[_Decorated], _Decorated]:
    return click.option(
        f"--{name}",
        # Not the plain name, which an argument of `refresh` has.
        f"{name}_folder",
        type=_Folder(),
        metavar="FOLDER",
        expose_value=False,
        callback=_take_folder,
        **more,
    )


def _default_folders(command: _Decorated) -> _Decorated:
    """The folders before the subcommand, which the environment can name too."""
    for name in reversed(_FOLDERS):
        variable = f"PRECERT_{name.upper()}"
        command = _folder_option(name, default=name, envvar=variable, show_default=True)(command)
    return command


def _folders(command: _Decorated) -> _Decorated:
    """The folders after the subcommand; they reach it as its settings, like those before it."""
    for name in reversed(_FOLDERS):
        command = _folder_option(name, help="Wins over the one before the command.")(command)
    return command


class _Precert(click.Group):
    """A group of commands whose unreadable releases are errors in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        with _said_plainly(ReleaseError):
            return super().invoke(ctx)


@click.group(cls=_Precert)
@_default_folders
def main() -> None:
    """Prior-authorization rules of US payers, each with the place it is printed at."""
    for stream in (sys.stdout, sys.stderr):
        # A publication may print what the terminal's encoding does not have.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@main.command()
@click.argument("codes", nargs=-1, required=True)
@click.option("--payer", help="Only this payer, by id or name.")
@click.option("--on", type=_day, metavar="DATE", help="Only rules in force on this day.")
@click.option(
    "--as-known", type=_day, metavar="DATE", help="As known at the end of this day (UTC)."
)
@_as_json
@_folders
@click.pass_obj
def lookup(
    settings: Settings,
    codes: tuple[str, ...],
    payer: str | None,
    on: date | None,
    as_known: date | None,
    as_json: bool,
) -> None:
    """What the lists say about codes, e.g. E0601, 95810 or E0601-RR.

    Exits with 4 if any answer is "not ingested".
    """
    from flows import answer_text
    from flows.lookup import CodeError, Question, codes_asked, unanswered
    from flows.lookup import lookup as look_up

    with _said_plainly(CodeError, usage=True):
        question = Question(codes_asked(codes), payer, on)
    if as_known is None:
        release = latest(settings.curated)
        why = f"there is no release in {settings.curated}: run `precert refresh`"
    else:
        release = release_as_known(settings.curated, as_known)
        why = f"no release in {settings.curated} is as old as {as_known}: see `precert releases`"
    answers = look_up(release, question) if release else unanswered(question, why)
    if as_json:
        _print_json(answer.as_json() for answer in answers)
        if release is None:
            _remark(why)
    else:
        click.echo(answer_text.text(answers))
    if any(answer.answer == "not_ingested" for answer in answers):
        sys.exit(NOT_INGESTED)


@main.command()
@click.option(
    "--since",
    metavar="RELEASE|DATE",
    help="Every release after this one, or made on this day (UTC) or later.",
)
@click.option("--payer", help="Only this payer, by id or name.")
@_as_json
@_folders
@click.pass_obj
def changes(settings: Settings, since: str | None, payer: str | None, as_json: bool) -> None:
    """What was added, removed and changed; by default in the latest release."""
    from flows import changes as told

    with _said_plainly(told.SinceError, usage=True):
        span = told.releases_since(settings.curated, since)
        found = told.changes(span.releases, payer)
    if as_json:
        _print_json(change.as_json() for change in found)
    elif found:
        click.echo(told.text(found))
    if span.is_cut:
        _remark(f"releases before {span.releases[-1]} are not kept; what changed then is not here")
    if not found:
        _remark(_nothing_changed(span.releases), as_result=not as_json)


def _nothing_changed(told: Sequence[Release]) -> str:
    if not told:
        return "nothing changed: there is no release in that time"
    if len(told) == 1:
        return f"nothing changed in release {told[0]}"
    return f"nothing changed in the {len(told)} releases from {told[-1]} to {told[0]}"


@main.command()
@click.argument("row_key")
@click.option("--png", type=_NEW_FILE, help="Write a picture of the row on its page (PDF only).")
@_folders
@click.pass_obj
def show(settings: Settings, row_key: str, png: Path | None) -> None:
    """Where a row of the latest release is printed, with the lines around it."""
    from extractors.reading import ExtractionError
    from flows import show as printed
    from flows.registry import RegistryError, find_source

    if not printed.is_row_key(row_key):
        raise click.UsageError(
            f"{row_key!r} is not a row key: take one from `precert lookup --json`"
        )
    release = _latest(settings)
    with _said_plainly(printed.ShowError, ExtractionError, RegistryError):
        place = printed.find_place(release, row_key)
        path = printed.snapshot_path(settings.raw, place)
        is_registered = (settings.sources / f"{place.source}.yml").is_file()
        source = find_source(settings.sources, place.source) if is_registered else None
        shown = printed.text(place, path, source)
        if png is not None:
            printed.write_png(place, path, png)
    click.echo(shown)
    if png is not None:
        _remark(f"picture written to {png}")


@main.group(invoke_without_command=True)
@_as_json
@_folders
@click.pass_context
def releases(ctx: click.Context, as_json: bool) -> None:
    """The releases from the latest back, with the rows of their main tables."""
    if ctx.invoked_subcommand is not None:
        return
    kept = list(history(ctx.obj.curated))
    if as_json:
        _print_json(
            {
                "release": release.id,
                "created_at": release.created_at.isoformat(),
                "is_latest": release is kept[0],
                "rows": {table: release.rows(table) for table in MAIN_TABLES},
            }
            for release in kept
        )
    elif kept:
        click.echo(_releases_table(kept))
        aside = [r.id for r in all_releases(ctx.obj.curated) if r.id not in map(str, kept)]
        if aside:
            _remark(f"rolled back, or left by a run that died: {', '.join(aside)}")
    if not kept:
        _remark(f"there is no release in {ctx.obj.curated}: run `precert refresh`")


def _releases_table(kept: Sequence[Release]) -> str:
    from flows.table_text import aligned

    header = ("release", "created (UTC)", *MAIN_TABLES, "")
    rows = (
        (
            release.id,
            f"{release.created_at:%Y-%m-%d %H:%M}",
            *(release.rows(table) for table in MAIN_TABLES),
            "latest" if release is kept[0] else "",
        )
        for release in kept
    )
    return aligned(header, rows, right=MAIN_TABLES)


@releases.command()
@click.argument("release", required=False)
@_folders
@click.pass_obj
def verify(settings: Settings, release: str | None) -> None:
    """Hold every file of a release (the latest by default) against its manifest."""
    problems = release_problems(settings.curated, release)
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    click.echo(f"release {release or latest(settings.curated)} is whole")


@releases.command()
@click.argument("release")
@_folders
@click.pass_obj
def rollback(settings: Settings, release: str) -> None:
    """Make an older release the latest, for readers, until the next refresh.

    The next refresh publishes again what the raw store and the source files say then. Exits with
    5 if a refresh runs.
    """
    with _one_at_a_time(), _said_plainly(OSError):
        before = roll_back(settings.curated, release)
    if before == release:
        _remark(f"release {release} is the latest already; nothing was changed", as_result=True)
        return
    click.echo(
        f"Release {release} is the latest now, in place of {before or 'one that cannot be read'}.\n"
        "This is for readers until the cause is corrected: the next refresh publishes what raw/ "
        "and sources/ say then,\nwhich is the same as before unless one of them is changed."
    )
    if before:
        click.echo(f"To take this back: precert releases rollback {before}")


@main.command()
@_as_json
@_folders
@click.pass_obj
def sources(settings: Settings, as_json: bool) -> None:
    """Each source: whether its list is current, since when, and how its looks went.

    First one line on the last refresh; with --json it goes to stderr.
    """
    from flows import runs
    from flows.registry import RegistryError, load_sources
    from flows.source_status import source_statuses, text
    from flows.store import now
    from flows.table_text import one_line

    with _said_plainly(RegistryError, OSError):
        registered = load_sources(settings.sources)
        for sentence in runs.story(runs.read(settings.curated)):
            _remark(one_line(sentence), as_result=not as_json)
        found = source_statuses(settings, registered, now())
    if as_json:
        _print_json(status.as_json() for status in found)
    else:
        click.echo(f"\n{text(found)}")


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--offline", is_flag=True, help="Rebuild from raw/ and fetch nothing.")
@click.option(
    "--runner",
    type=click.Choice(["thread", "process", "dask"]),
    default="thread",
    show_default=True,
    help="What runs the tasks.",
)
@click.option("--no-prefect", is_flag=True, help="Run the plain functions without Prefect.")
@click.option(
    "--accept",
    multiple=True,
    metavar="SOURCE",
    help="Let this source differ from the release before, or leave it, by an edit of ours. A "
    "great change by the payer is accepted in its YAML: expect.accepted_versions.",
)
@_as_json
@_folders
@click.pass_obj
def refresh(
    settings: Settings,
    sources: tuple[str, ...],
    offline: bool,
    runner: str,
    no_prefect: bool,
    accept: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fetch, extract, validate and publish: all sources, or those named."""
    from flows.environment import EnvironmentValueError, web_settings
    from flows.lock import refuse_where_held

    # Asked again by the run itself, whose libraries take seconds to import.
    with _one_at_a_time(as_json=as_json):
        refuse_where_held(settings.curated)
    from flows.journey import run

    with _said_plainly(EnvironmentValueError, usage=True):
        web = web_settings()
    sys.exit(
        run(
            replace(settings, web=web),
            sources,
            offline=offline,
            runner=runner,
            prefect=not no_prefect,
            as_json=as_json,
            accept=accept,
        )
    )


@main.command()
@click.option(
    "--cron",
    default="15 6 * * *",
    show_default=True,
    help="When to run: minute, hour, day, month, weekday.",
)
@click.option("--timezone", default="UTC", show_default=True, help="Of the cron: an IANA name.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Of a server of our own.")
@click.option("--port", type=click.IntRange(1, 65535), default=4200, show_default=True)
@_folders
@click.pass_obj
def serve(settings: Settings, cron: str, timezone: str, host: str, port: int) -> None:
    """Run a refresh at the times of a cron, one at a time, until a signal says to end.

    On the Prefect server that PREFECT_API_URL names, or on one of our own, which ends with us.
    """
    from flows.prefect_settings import prepare_prefect

    prepare_prefect(settings, host, port, server_log="WARNING")
    from flows import serve as schedule
    from flows.prefect_server import OpenHostError, ServerError

    with (
        _said_plainly(schedule.ScheduleError, OpenHostError, usage=True),
        _said_plainly(ServerError),
    ):
        schedule.serve(settings, cron, timezone, host, port)


@main.command("try")
@click.argument("source", type=_FILE)
@click.argument("file", type=_FILE, required=False)
@_as_json
@_folders
@click.pass_obj
def try_source(settings: Settings, source: Path, file: Path | None, as_json: bool) -> None:
    """Extract and validate one document by a source file, and publish nothing."""
    from flows.trial import run

    sys.exit(run(settings, source, file, as_json=as_json))


@main.command()
@click.argument("file", type=_FILE)
@click.option("--source", help="Name of the source; by default that of the file.")
@_folders
def draft(file: Path, source: str | None) -> None:
    """Print a first source file for a publication that has none yet."""
    from extractors.draft import draft as drafted
    from extractors.extract import read
    from extractors.reading import ExtractionError
    from schemas.source import TableRules

    any_table = TableRules(columns={}, layouts=())
    name = re.sub(r"[^a-z0-9]+", "_", (source or file.stem).lower()).strip("_") or "source"
    with _said_plainly(ExtractionError):
        click.echo(drafted(read(file.read_bytes(), any_table), name), nl=False)


@main.command()
@click.argument("source")
@click.argument("file", type=_FILE)
@_folders
@click.pass_obj
def add(settings: Settings, source: str, file: Path) -> None:
    """Add a file obtained by hand as the newest version of a source."""
    from flows.registry import RegistryError
    from flows.store import StoreError, add_file

    with _one_at_a_time(), _said_plainly(RegistryError, StoreError, OSError):
        click.echo(add_file(settings, source, file))


def _latest(settings: Settings) -> Release:
    release = latest(settings.curated)
    if release is None:
        raise click.ClickException(
            f"there is no release in {settings.curated}: run `precert refresh`"
        )
    return release


def _print_json(items: Iterable[Mapping[str, Any]]) -> None:
    """One JSON array with an item on each line, in ASCII."""
    click.echo("[" + ",\n".join(json.dumps(item) for item in items) + "]")


def _remark(sentence: str, *, as_result: bool = False) -> None:
    click.echo(f"{sentence[0].upper()}{sentence[1:]}.", err=not as_result)


if __name__ == "__main__":
    main(prog_name="precert")
