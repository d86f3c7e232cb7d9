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
from flows.web.hosts import file_of

NAME = "precert"
MOST_BYTES = 2 << 20
_KEPT_SECONDS = 24 * 3600
_LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Manners:
    """Whether an address may be asked, and the pause that its host wishes, in seconds."""

    is_allowed: bool
    delay: float


def manners_of(
    hosts: Path, target: Target, loopback: frozenset[str], read: Callable[[Target], bytes]
) -> Manners:
    """What a target's host allows; `read` gives its robots.txt, empty where it has none."""
    path = file_of(hosts, target, "robots.txt")
    if not _is_fresh(path):
        whole = f"{target.scheme}://{_host(target)}/robots.txt"
        hosts.mkdir(parents=True, exist_ok=True)
        replace_file(path, read(target_of(whole, loopback)))
    rules = Protego.parse(path.read_bytes().decode("utf-8", errors="replace"))
    delay = rules.crawl_delay(NAME) or 0.0
    return Manners(rules.can_fetch(target.url, NAME), min(max(float(delay), 0.0), _LONGEST_DELAY))


def _host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{host}:{target.port}"


def _is_fresh(path: Path) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age < _KEPT_SECONDS
