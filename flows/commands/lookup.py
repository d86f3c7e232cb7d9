"""`precert lookup`: what the lists say about codes."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import sys
from datetime import date

import click

from flows.commands.options import as_json_option, day, folders, said_plainly
from flows.settings import Settings


@click.command()
@click.argument("codes", nargs=-1)
@click.option(
    "--codes",
    "catalogue",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Codes from a file, or - for standard input: one a line, or the column of a CSV that is "
    "headed HCPCS, CPT, code or the like, else the first. "
    "Blank lines and those that begin with # are passed over; a line that is no code is named on "
    "stderr, and the exit status is then 2.",
)
@click.option("--payer", help="Only this payer, by id or name.")
@click.option("--on", type=day, metavar="DATE", help="Only rules in force on this day.")
@click.option(
    "--as-known",
    type=day,
    metavar="DATE",
    help="As known at the end of this day (UTC), from the history that a release has.",
)
@click.option("--release", metavar="ID", help="In this kept release, not in the latest.")
@as_json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: a line for each rule, or answer.")
@folders
@click.pass_obj
def lookup(
    settings: Settings,
    codes: tuple[str, ...],
    catalogue: str | None,
    payer: str | None,
    on: date | None,
    as_known: date | None,
    release: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """What the lists say about codes, e.g. E0601, 95810 or E0601-RR.

    Exits with 4 if any answer is "not ingested".
    """
    from flows.answers.lookup import CodeError
    from flows.commands.answering import Asked, answer

    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other: choose one")
    asked = Asked(codes, catalogue, payer, on, as_known, release, as_json, as_csv)
    with said_plainly(CodeError, usage=True), said_plainly(OSError):
        status = answer(settings.curated, asked)
    if status:
        sys.exit(status)
