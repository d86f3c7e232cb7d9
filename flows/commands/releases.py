"""`precert releases`: the releases that are kept, whether they are whole, and the way back."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from flows.commands.options import (
    as_json_option,
    folders,
    one_at_a_time,
    print_json,
    remark,
    said_plainly,
)
from flows.prune import DAYS, KEEP, LEAST_KEPT
from flows.prune import prune as remove
from flows.releases import (
    MAIN_TABLES,
    Release,
    ReleaseError,
    aside,
    gap,
    history,
    lacking,
    latest,
    read_release,
    roll_back,
    sequence_of,
    verify_all,
)
from flows.releases import verify as release_problems
from flows.settings import Settings


@click.group(invoke_without_command=True)
@as_json_option
@folders
@click.pass_context
def releases(ctx: click.Context, as_json: bool) -> None:
    """The releases from the latest back, with the rows of their main tables.

    Those that are kept aside, since they were rolled back or a run died, are named; --json has
    them after the others.
    """
    if ctx.invoked_subcommand is not None:
        return
    kept = list(history(ctx.obj.curated))
    others = aside(ctx.obj.curated) if kept else []
    missing = gap(ctx.obj.curated, kept[-1]) if kept else None
    if as_json:
        print_json(
            {
                "release": release.id,
                "created_at": release.created_at.isoformat(),
                "is_latest": release is kept[0],
                "is_aside": release in others,
                "rows": {table: release.rows(table) for table in MAIN_TABLES},
            }
            for release in (*kept, *others)
        )
    elif kept:
        click.echo(_releases_table(kept))
        behind = sequence_of(kept[-1].previous or "0") if missing else 0
        told = [release.id for release in others if release.sequence >= behind]
        if told:
            remark(f"rolled back, or left by a run that died: {', '.join(told)}")
    if missing:
        remark(missing)
    if not kept:
        remark(f"there is no release in {ctx.obj.curated}: run `precert refresh`")


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
@click.option("--all", "every", is_flag=True, help="Every release there is, and their order.")
@as_json_option
@folders
@click.pass_obj
def verify(settings: Settings, release: str | None, every: bool, as_json: bool) -> None:
    """Hold every file of a release (the latest by default) against its manifest.

    Its bytes, hash and rows; the pointer, and the releases before it. Exits with 1 where one is
    wrong.
    """
    if every and release:
        raise click.UsageError(f"--all holds {release} against its manifest too: give one of them")
    found: list[tuple[str | None, list[str]]] = []
    if every:
        found += verify_all(settings.curated)
    else:
        found.append((release, release_problems(settings.curated, release)))
    problems = [problem for _, of in found for problem in of]
    _say_what_is_lacking(settings, [name for name, _ in found if name] if every else [release])
    if as_json:
        print_json({"release": name, "problems": of} for name, of in found)
    for problem in () if as_json else problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    if as_json:
        return
    if every:
        click.echo(f"{len(found) - 1} releases are whole")
    else:
        click.echo(f"release {release or latest(settings.curated)} is whole")


def _say_what_is_lacking(settings: Settings, names: Sequence[str | None]) -> None:
    """What is not there beside the tables, of releases whose manifest has no hashes of it."""
    for name in names:
        try:
            of = read_release(settings.curated, name) if name else latest(settings.curated)
        except ReleaseError:
            continue
        absent = lacking(of) if of else []
        if absent:
            remark(f"release {of} lacks {', '.join(absent)}, of which its manifest says nothing")


@releases.command()
@click.argument("release")
@folders
@click.pass_obj
def rollback(settings: Settings, release: str) -> None:
    """Make an older release the latest, for readers, until the next refresh.

    The next refresh publishes again what the raw store and the source files say then. Exits with
    5 if a refresh runs.
    """
    with one_at_a_time(), said_plainly(OSError):
        before = roll_back(settings.curated, release)
    if before == release:
        remark(f"release {release} is the latest already; nothing was changed", as_result=True)
        return
    click.echo(
        f"Release {release} is the latest now, in place of {before or 'one that cannot be read'}.\n"
        "This is for readers until the cause is corrected: the next refresh publishes what raw/ "
        "and sources/ say then,\nwhich is the same as before unless one of them is changed."
    )
    if before:
        click.echo(f"To take this back: precert releases rollback {before}")


@releases.command()
@click.option(
    "--keep",
    type=click.IntRange(min=LEAST_KEPT),
    default=KEEP,
    show_default=True,
    help="Keep so many of the newest releases, at least.",
)
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    default=DAYS,
    show_default=True,
    help="Keep all that were made, or rolled back, in the last days before the newest.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@as_json_option
@folders
@click.pass_obj
def prune(settings: Settings, keep: int, days: int, dry_run: bool, as_json: bool) -> None:
    """Remove old releases, and what runs that died left half-made.

    The latest release stays always, raw/ is never touched, and what cannot be read is named and
    left. Exits with 5 if a refresh runs.
    """
    from flows.store import now

    with one_at_a_time(as_json=as_json), said_plainly(OSError):
        found = remove(settings.curated, now, keep=keep, days=days, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(found.as_json() | {"dry_run": dry_run}, indent=1))
    else:
        verb = "would remove" if dry_run else "removed"
        for leaving in found.leaving:
            what = leaving.release or f"what a run that died left in {leaving.folder}"
            click.echo(f"{verb} {what} ({leaving.bytes:,} bytes)")
        stay = f"{len(found.staying)} releases stay"
        click.echo(
            f"{verb} {found.freed:,} bytes; {stay}"
            if found.leaving
            else f"nothing to remove; {stay}"
        )
    for sentence in found.unreadable:
        remark(sentence)
