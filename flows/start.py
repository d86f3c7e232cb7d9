"""Where `precert` starts: a lookup in plain words is answered at once, all else by `flows.cli`.

To load the library of the command line takes as long as the answer to a lookup. Words that are not
plain, whatever is wrong with them and every error are therefore left to it: nothing is printed here
but an answer.
"""
# ruff: noqa: PLC0415 (a start pays for what it needs)

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from flows.commands.answering import Asked

_WITH_VALUE = {
    "--payer": "payer",
    "--on": "on",
    "--as-known": "as_known",
    "--release": "release",
    "--curated": "curated",
}
_FLAGS = {"--json": "as_json", "--csv": "as_csv"}
_DAYS = ("on", "as_known")
_FOLDER_VARIABLES = ("PRECERT_RAW", "PRECERT_SOURCES", "_PRECERT_COMPLETE")


def main() -> None:
    """Run the command that the words of this process name."""
    # Whoever closed an output wants nothing of it; and no file is to get its number.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    if "lookup" in sys.argv[1:4]:
        asked = plain_lookup(sys.argv[1:])
        status = None if asked is None else _answered(*asked)
        if status is not None:
            # Nothing is left to be saved, and to take the libraries down costs a tenth of all.
            os._exit(status)
    from flows.cli import main as commands

    commands()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (no path of ours)


def plain_lookup(words: Sequence[str]) -> tuple[Path, Asked] | None:
    """The folder of the releases and what is asked, where that can be told without doubt."""
    said = _said(words)
    if said is None or any(map(os.environ.get, _FOLDER_VARIABLES)):
        return None
    curated = said.pop("curated", os.environ.get("PRECERT_CURATED") or "curated")
    if ":" in curated or not os.path.isdir(curated):  # noqa: PTH112 (an address is no path)
        return None
    from datetime import date
    from pathlib import Path

    from flows.commands.answering import Asked

    try:
        days = {name: date.fromisoformat(said.pop(name)) for name in _DAYS if name in said}
    except ValueError:
        return None
    return Path(curated), Asked(**{**said, **days})


def _said(words: Sequence[str]) -> dict[str, Any] | None:
    """The options by name and the codes; None for words that are not understood here."""
    said: dict[str, Any] = {}
    codes: list[str] = []
    is_lookup = False
    rest = iter(words)
    for word in rest:
        name, is_joined, value = word.partition("=")
        if name in _WITH_VALUE and (is_lookup or name == "--curated"):
            value = value if is_joined else next(rest, "")
            if not value or value.startswith("-"):
                return None
            said[_WITH_VALUE[name]] = value
        elif word in _FLAGS and is_lookup:
            said[_FLAGS[word]] = True
        elif word == "lookup" and not is_lookup:
            is_lookup = True
        elif word.startswith("-") or not is_lookup:
            return None
        else:
            codes.append(word)
    if not codes or ("as_json" in said and "as_csv" in said):
        return None
    return {**said, "codes": tuple(codes)}


def _answered(curated: Path, asked: Asked) -> int | None:
    """The exit status once the answer is printed; None where there is none to print."""
    from flows.answers.lookup import CodeError
    from flows.commands.answering import answer
    from flows.releases import ReleaseError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A publication may print what the terminal's encoding does not have.
            stream.reconfigure(errors="backslashreplace")
    try:
        status = answer(curated, asked)
        sys.stdout.flush()
        sys.stderr.flush()
    except (CodeError, ReleaseError):
        return None
    except BrokenPipeError:  # whoever reads has read enough
        return 1
    except OSError as error:
        from flows.commands.options import is_of_output, say_unwritten

        if not is_of_output(error):
            return None
        say_unwritten(error)
        return 1
    return status
