"""`precert show`: the printed place of a row."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.options import NEW_FILE, folders, latest_release, remark, said_plainly
from flows.settings import Settings


@click.command()
@click.argument("row_key")
@click.option("--png", type=NEW_FILE, help="Write a picture of the row on its page (PDF only).")
@folders
@click.pass_obj
def show(settings: Settings, row_key: str, png: Path | None) -> None:
    """Where a row of the latest release is printed, with the lines around it."""
    from extractors.reading import ExtractionError
    from flows.answers import show as printed
    from flows.registry import RegistryError, find_source

    if not printed.is_row_key(row_key):
        raise click.UsageError(
            f"{row_key!r} is not a row key: take one from `precert lookup --json`"
        )
    release = latest_release(settings)
    with said_plainly(printed.ShowError, ExtractionError, RegistryError):
        place = printed.find_place(release, row_key)
        path = printed.snapshot_path(settings.raw, place)
        is_registered = (settings.sources / f"{place.source}.yml").is_file()
        source = find_source(settings.sources, place.source) if is_registered else None
        shown = printed.text(place, path, source)
        if png is not None:
            printed.write_png(place, path, png)
    click.echo(shown)
    if png is not None:
        remark(f"picture written to {png}")
