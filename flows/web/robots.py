"""What a host's robots.txt allows us, as RFC 9309 says; its text is kept for a day.

A host without one allows everything; one that cannot give it (status 5xx, no answer) is not asked
for anything else. How to ask is handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from protego import Protego

from flows.files import replace_file
from flows.web.addresses import Target, target_of
from flows.web.failure import FetchError, Unresolved
from flows.web.hosts import alone, file_of

NAME = "precert"
MOST_BYTES = 2 << 20
_KEPT_SECONDS = 24 * 3600
# A look has ten minutes in all, and others of its host wait for their turn before it.
_LONGEST_DELAY = 10.0


@dataclass(frozen=True, slots=True)
class Manners:
    """Whether an address may be asked, and the pause that its host wishes, in seconds."""

    is_allowed: bool
    delay: float


def manners_of(
    hosts: Path,
    target: Target,
    loopback: frozenset[str],
    deadline: float,
    read: Callable[[Target], bytes],
) -> Manners:
    """What a target's host allows; `read` gives its robots.txt, empty where it has none.

    Of many that want it at once, one reads it, and the others wait for what came of that until
    `deadline`, an instant of `time.monotonic`. Raises `FetchError`.
    """
    path = file_of(hosts, target, "robots.txt")
    if not _is_fresh(path):
        began = time.time()
        with alone(file_of(hosts, target, "robots"), deadline):
            if not _is_fresh(path):
                _read(path, began, lambda: read(target_of(_robots_url(target), loopback)))
    rules = Protego.parse(path.read_bytes().decode("utf-8-sig", errors="replace"))
    delay = rules.crawl_delay(NAME) or 0.0
    return Manners(rules.can_fetch(target.url, NAME), min(max(float(delay), 0.0), _LONGEST_DELAY))


def _read(path: Path, began: float, read: Callable[[], bytes]) -> None:
    """Read and keep a robots.txt; fail at once where another look failed to while we waited."""
    failed = path.with_suffix(".failed")
    if failed.exists() and failed.stat().st_mtime >= began:
        raise FetchError(failed.read_text(encoding="utf-8"), passing=True)
    try:
        replace_file(path, read())
    except Unresolved:
        raise
    except FetchError as error:
        replace_file(failed, str(error).encode(errors="replace"))
        raise


def _robots_url(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{target.scheme}://{host}:{target.port}/robots.txt"


def _is_fresh(path: Path) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age < _KEPT_SECONDS
