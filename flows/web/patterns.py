"""A source's patterns, searched in what a publisher wrote.

Few patterns are slow, but on a text made for it most are, and a search in this process can be
neither bounded nor stopped. What could take long is searched by a process of its own.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Sequence

from flows.reader_process import run_reader
from flows.web.failure import FetchError
from schemas.codes import shortened

CPU_SECONDS = 20

Groups = dict[str, str | None]

_REPEAT = re.compile(r"[*+]|\{[0-9]*,[0-9]*\}")
# Steps that take a second or two.
_QUICK = 50_000_000


def search(pattern: str, texts: Sequence[str]) -> list[Groups | None]:
    """What the named groups of a pattern found in each text; None for a text without it.

    Raises `FetchError` where the search is not done in 20 s of processor time.
    """
    # At worst each way to put the beginning, and the end of each repeat, into a text is tried.
    places = len(_REPEAT.findall(pattern)) + 1
    if sum(math.comb(len(text) + places, places) for text in texts) <= _QUICK:
        return search_here(pattern, texts)
    what = f"the pattern '{shortened(' '.join(pattern.split()), 300)}'"
    try:
        job = {"pattern": pattern, "texts": texts}
        done = run_reader("flows.web.pattern_worker", job, CPU_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{what} was not searched for within {error.timeout:.0f} s") from error
    if done.returncode != 0:
        raise FetchError(
            f"{what} was not searched for within {CPU_SECONDS} s: what came is made to slow it, "
            "or it has too many repeats; look at both"
        )
    found: list[Groups | None] = json.loads(done.stdout)
    return found


def search_here(pattern: str, texts: Sequence[str]) -> list[Groups | None]:
    """`search` in this process, however long it takes."""
    compiled = re.compile(pattern)
    found = (compiled.search(text) for text in texts)
    return [match.groupdict() if match else None for match in found]
