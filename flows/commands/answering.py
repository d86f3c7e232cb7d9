"""A lookup from what was asked to what is printed, whichever way the words of it were read.

Nothing of the command line's library is needed here.
"""
# ruff: noqa: PLC0415 (each form of an answer imports its own)

from __future__ import annotations

import json
import sys
from datetime import date
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

from flows.answers.lookup import Answer, CodeError, Question, codes_asked, lookup, unanswered
from flows.releases import Release, latest, read_release

ANSWERED, BAD_LINES, NOT_INGESTED = 0, 2, 4
# So many bad lines of a catalogue are named.
_NAMED = 100


class Asked(NamedTuple):
    """The words of a lookup: codes, a file of codes, what limits the answers, and their form."""

    codes: tuple[str, ...] = ()
    catalogue: str | None = None
    payer: str | None = None
    on: date | None = None
    as_known: date | None = None
    release: str | None = None
    as_json: bool = False
    as_csv: bool = False


def answer(curated: Path, asked: Asked) -> int:
    """Print the answers; the exit status.

    Nothing is printed before an error is raised: `CodeError` for a mistake in the words, or
    `ReleaseError`.
    """
    question, mistakes = _question(asked)
    release = read_release(curated, asked.release) if asked.release else latest(curated)
    why = f"there is no release in {curated}: run `precert refresh`"
    answers = lookup(release, question) if release else unanswered(question, why)
    _print(answers, asked)
    for sentence in (*mistakes, *_remarks(asked, release, why)):
        print(f"{sentence[0].upper()}{sentence[1:]}.", file=sys.stderr)
    if mistakes:
        return BAD_LINES
    return NOT_INGESTED if any(a.answer == "not_ingested" for a in answers) else ANSWERED


def _question(asked: Asked) -> tuple[Question, list[str]]:
    """The question, and a sentence for each line of a catalogue that is no code."""
    codes = codes_asked(asked.codes)
    mistakes: list[str] = []
    if asked.catalogue:
        from flows.answers.catalogue import read_catalogue

        catalogue = read_catalogue(asked.catalogue)
        codes = tuple(dict.fromkeys((*codes, *catalogue.codes)))
        mistakes = [*catalogue.mistakes[:_NAMED]]
        if catalogue.mistakes[_NAMED:]:
            mistakes.append(f"{len(catalogue.mistakes) - _NAMED:,} more lines are no codes")
        if not codes and mistakes:
            raise CodeError(f"no line is a code; {mistakes[0]}")
    if not codes:
        raise CodeError("no code is asked for: give codes such as E0601, or --codes FILE")
    return Question(codes, asked.payer, asked.on, asked.as_known), mistakes


def _print(answers: list[Answer], asked: Asked) -> None:
    if asked.as_json:
        print("[" + ",\n".join(json.dumps(answer.as_json()) for answer in answers) + "]")
    elif asked.as_csv:
        from flows.answers.answer_rows import write_csv

        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        write_csv(answers, sys.stdout)
    else:
        from flows.answers.answer_text import text

        print(text(answers))


def _remarks(asked: Asked, release: Release | None, why: str) -> list[str]:
    if release is None:
        return [why] if asked.as_json or asked.as_csv else []
    if asked.as_known is None:
        return []
    said = (
        f"as known at the end of {asked.as_known} (UTC); duties and contradictions are told "
        "where the publications that state them are still the ones of that day, and what is said "
        "of a code's validity is what the code reference of the release says, or nothing where no "
        "code reference was known by then"
    )
    made_on = release.created_at.date()
    if asked.as_known > made_on:
        said += f"; release {release} was made on {made_on} and knows nothing of what came after"
    return [said]
