"""`precert refresh`, `serve`, `sources`, `try`, `draft` and `add`: making releases and sources."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import re
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from flows.commands.options import (
    FILE,
    as_json_option,
    day,
    folders,
    one_at_a_time,
    print_json,
    remark,
    said_plainly,
)
from flows.settings import Settings


@click.command()
@as_json_option
@folders
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

    with said_plainly(RegistryError, OSError):
        registered = load_sources(settings.sources)
        for sentence in runs.story(runs.read(settings.curated)):
            remark(one_line(sentence), as_result=not as_json)
        found = source_statuses(settings, registered, now())
    if as_json:
        print_json(status.as_json() for status in found)
    else:
        click.echo(f"\n{text(found)}")


@click.command()
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
@as_json_option
@folders
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
    with one_at_a_time(as_json=as_json):
        refuse_where_held(settings.curated)
    from flows.journey import run

    with said_plainly(EnvironmentValueError, usage=True):
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


@click.command()
@click.option(
    "--cron",
    default="15 6 * * *",
    show_default=True,
    help="When to run: minute, hour, day, month, weekday.",
)
@click.option("--timezone", default="UTC", show_default=True, help="Of the cron: an IANA name.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Of a server of our own.")
@click.option("--port", type=click.IntRange(1, 65535), default=4200, show_default=True)
@folders
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
        said_plainly(schedule.ScheduleError, OpenHostError, usage=True),
        said_plainly(ServerError),
    ):
        schedule.serve(settings, cron, timezone, host, port)


@click.command("try")
@click.argument("source", type=FILE)
@click.argument("file", type=FILE, required=False)
@as_json_option
@folders
@click.pass_obj
def try_source(settings: Settings, source: Path, file: Path | None, as_json: bool) -> None:
    """Extract and validate one document by a source file, and publish nothing."""
    from flows.trial import run

    sys.exit(run(settings, source, file, as_json=as_json))


@click.command()
@click.argument("file", type=FILE)
@click.option("--source", help="Name of the source; by default that of the file.")
@folders
def draft(file: Path, source: str | None) -> None:
    """Print a first source file for a publication that has none yet."""
    from extractors.draft import draft as drafted
    from extractors.extract import read
    from extractors.reading import ExtractionError
    from schemas.source import TableRules

    any_table = TableRules(columns={}, layouts=())
    name = re.sub(r"[^a-z0-9]+", "_", (source or file.stem).lower()).strip("_") or "source"
    with said_plainly(ExtractionError):
        click.echo(drafted(read(file.read_bytes(), any_table), name), nl=False)


@click.command()
@click.argument("source")
@click.argument("file", type=FILE)
@click.option(
    "--seen-on",
    type=day,
    metavar="DAY",
    help="The day on which it was there, for a version older than the newest one.",
)
@folders
@click.pass_obj
def add(settings: Settings, source: str, file: Path, seen_on: date | None) -> None:
    """Add a file obtained by hand as a version of a source: the newest, or that of a day."""
    from flows.registry import RegistryError
    from flows.store import StoreError, add_file

    with one_at_a_time(), said_plainly(RegistryError, StoreError, OSError):
        click.echo(add_file(settings, source, file, seen_on))
