"""`precert changes`: what was added, removed and changed."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flows.answers.materiality import MATERIALITIES
from flows.commands.options import as_json_option, folders, remark, said_plainly
from flows.releases import Release
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.answers.changes import Wanted


@click.command()
@click.option(
    "--since",
    metavar="RELEASE|DAY",
    help="Every release after this one, or made on this day (UTC) or later.",
)
@click.option(
    "--until",
    metavar="RELEASE|DAY",
    help="Up to this release, or the last one made on this day (UTC) or before. Alone: only that.",
)
@click.option("--payer", help="Only this payer, by id or name.")
@click.option(
    "--materiality",
    "least",
    type=click.Choice(MATERIALITIES),
    default=MATERIALITIES[-1],
    show_default=True,
    help="Only changes that matter as much, or more.",
)
@click.option(
    "--net",
    is_flag=True,
    help="What differs between the two ends, whatever came and went between.",
)
@as_json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, safe to open in a spreadsheet.")
@folders
@click.pass_obj
def changes(
    settings: Settings,
    since: str | None,
    until: str | None,
    payer: str | None,
    least: str,
    net: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """What was added, removed and changed; by default in the latest release.

    The newest release comes first, in it the most material changes. A change whose cause is not
    publication is our own doing. The table shows the first 200 changes; CSV and JSON have all.
    """
    from flows.answers import change_text
    from flows.answers import changes as told

    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other: give one")
    with said_plainly(told.SinceError, usage=True):
        span = told.releases_between(settings.curated, since, until)
        payers = told.payers_called(span.releases, payer) if payer is not None else None
    wanted = told.Wanted(payers, least, net)
    with told.changes(span.releases, wanted) as found:
        if as_json:
            nothing = not change_text.write_json(found, sys.stdout)
        elif as_csv:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")
            nothing = not change_text.write_csv(found, sys.stdout)
        else:
            shown = change_text.table(found)
            nothing = shown is None
            click.echo(shown, nl=not nothing)
    if span.cut_before:
        remark(f"releases before {span.cut_before} are not kept; what changed then is not here")
    if nothing:
        remark(_nothing_changed(span.releases, wanted), as_result=not (as_json or as_csv))


def _nothing_changed(told: Sequence[Release], wanted: Wanted) -> str:
    if not told:
        return "nothing changed: there is no release in that time"
    all_told = wanted.least == MATERIALITIES[-1]
    what = "nothing" if all_told else f"nothing of {' or '.join(wanted.materialities)} materiality"
    if len(told) == 1:
        return f"{what} changed in release {told[0]}"
    net = ", from end to end" if wanted.is_net else ""
    return f"{what} changed in the {len(told)} releases from {told[-1]} to {told[0]}{net}"
