"""`precert lookup`: what the lists say about codes."""
# ruff: noqa: PLC0415 (each command imports its own)

from __future__ import annotations

import sys
from datetime import date

import click

from flows.commands.options import as_json_option, day, folders, print_json, remark, said_plainly
from flows.releases import as_known as release_as_known
from flows.releases import latest
from flows.settings import Settings

NOT_INGESTED = 4


@click.command()
@click.argument("codes", nargs=-1, required=True)
@click.option("--payer", help="Only this payer, by id or name.")
@click.option("--on", type=day, metavar="DATE", help="Only rules in force on this day.")
@click.option("--as-known", type=day, metavar="DATE", help="As known at the end of this day (UTC).")
@as_json_option
@folders
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

    with said_plainly(CodeError, usage=True):
        question = Question(codes_asked(codes), payer, on)
    if as_known is None:
        release = latest(settings.curated)
        why = f"there is no release in {settings.curated}: run `precert refresh`"
    else:
        release = release_as_known(settings.curated, as_known)
        why = f"no release in {settings.curated} is as old as {as_known}: see `precert releases`"
    answers = look_up(release, question) if release else unanswered(question, why)
    if as_json:
        print_json(answer.as_json() for answer in answers)
        if release is None:
            remark(why)
    else:
        click.echo(answer_text.text(answers))
    if any(answer.answer == "not_ingested" for answer in answers):
        sys.exit(NOT_INGESTED)
