"""`precert export`: a release in formats that others read."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.options import as_json_option, folders, latest_release, remark, said_plainly
from flows.releases import read_release
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.export.selection import Selection

FORMATS = ("csv", "xlsx", "duckdb", "fhir")


@click.command()
@click.argument("format", type=click.Choice(FORMATS))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--release", help="Of this release; of the latest by default.")
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="Only this table, and others given so. By default all, and in XLSX those for people.",
)
@click.option("--payer", help="Only rows of this payer, by id or name.")
@click.option(
    "--canonical",
    metavar="URL",
    help="FHIR: what the addresses of value sets begin with, where you publish them.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export at OUT.")
@as_json_option
@folders
@click.pass_obj
def export(
    settings: Settings,
    format: str,  # noqa: A002 (the name of the argument)
    out: Path,
    release: str | None,
    tables: tuple[str, ...],
    payer: str | None,
    canonical: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a release as FORMAT to OUT: a folder for csv and fhir, a file for xlsx and duckdb."""
    if format == "fhir" and tables:
        raise click.UsageError("fhir has the lists' rules alone: leave --table out")
    if format != "fhir" and canonical:
        raise click.UsageError("--canonical is for fhir")
    _refuse_ours(settings, out)
    chosen = read_release(settings.curated, release) if release else latest_release(settings)
    from flows.export.selection import ExportError, select

    with said_plainly(ExportError, OSError):
        default = None
        if format == "xlsx":
            from flows.export.spreadsheet import FOR_PEOPLE

            default = FOR_PEOPLE
        selection = select(chosen, tables, payer, default)
        written, remarks = _write(format, selection, out, canonical, force=force)
    if as_json:
        said = {
            "release": chosen.id,
            "format": format,
            "path": str(out),
            "written": written,
            "remarks": remarks,
        }
        click.echo(json.dumps(said))
    else:
        counts = ", ".join(f"{name} {number:,}" for name, number in written.items())
        remark(f"release {chosen} written to {out}: {counts}", as_result=True)
        for sentence in remarks:
            remark(sentence)


def _write(
    format: str,  # noqa: A002
    selection: Selection,
    out: Path,
    canonical: str | None,
    *,
    force: bool,
) -> tuple[dict[str, int], list[str]]:
    """How much was written of what, and what a reader should know of it."""
    if format == "csv":
        from flows.export.csv_files import export_csv

        return export_csv(selection, out, force=force), []
    if format == "xlsx":
        from flows.export.spreadsheet import export_xlsx

        return export_xlsx(selection, out, force=force)
    if format == "duckdb":
        from flows.export.database import export_duckdb

        return export_duckdb(selection, out, force=force), []
    from flows.export.fhir import CANONICAL, export_fhir

    return export_fhir(selection, out, canonical or CANONICAL, force=force)


def _refuse_ours(settings: Settings, out: Path) -> None:
    """An export into the stores would be taken for damage there, or be one."""
    target = out.resolve()
    for folder in (settings.raw, settings.curated, settings.sources):
        if target == folder.resolve() or folder.resolve() in target.parents:
            raise click.UsageError(f"{out} is in {folder}, which precert keeps: name another place")
