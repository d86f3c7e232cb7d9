"""`precert changes`: what was added, removed and changed."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

from collections.abc import Sequence

import click

from flows.commands.options import as_json_option, folders, print_json, remark, said_plainly
from flows.releases import Release
from flows.settings import Settings


@click.command()
@click.option(
    "--since",
    metavar="RELEASE|DATE",
    help="Every release after this one, or made on this day (UTC) or later.",
)
@click.option("--payer", help="Only this payer, by id or name.")
@as_json_option
@folders
@click.pass_obj
def changes(settings: Settings, since: str | None, payer: str | None, as_json: bool) -> None:
    """What was added, removed and changed; by default in the latest release."""
    from flows import changes as told

    with said_plainly(told.SinceError, usage=True):
        span = told.releases_since(settings.curated, since)
        found = told.changes(span.releases, payer)
    if as_json:
        print_json(change.as_json() for change in found)
    elif found:
        click.echo(told.text(found))
    if span.is_cut:
        remark(f"releases before {span.releases[-1]} are not kept; what changed then is not here")
    if not found:
        remark(_nothing_changed(span.releases), as_result=not as_json)


def _nothing_changed(told: Sequence[Release]) -> str:
    if not told:
        return "nothing changed: there is no release in that time"
    if len(told) == 1:
        return f"nothing changed in release {told[0]}"
    return f"nothing changed in the {len(told)} releases from {told[-1]} to {told[0]}"
