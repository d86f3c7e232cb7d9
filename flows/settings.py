"""Where a run finds its sources, its raw store and its releases, and how it may use the web."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one look at a publication may cost. Times are in seconds, sizes in bytes.

    `total_seconds` is for the whole look, with all its tries, redirects and waits;
    `silent_seconds` for a server that sends nothing, and `slow_bytes` is what it must send in any
    such time. `longest_wait` is the longest Retry-After that is waited for.
    """

    connect_seconds: float = 10
    silent_seconds: float = 30
    slow_bytes: int = 1024
    total_seconds: float = 600
    first_wait: float = 2
    longest_wait: float = 120
    tries: int = 5
    redirects: int = 5
    header_bytes: int = 64 << 10
    page_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Web:
    """How we behave on the web, and what we may reach there.

    `contact` is an address for whoever reads our name in a server's log; `pause` the seconds
    between two requests to a host; after `full_days` a publication is asked for without
    conditions, since a validator can lie. `loopback` are origins on this machine
    (`127.0.0.1:8000`) that may be reached, for tests; all else that is not public may not.
    """

    contact: str | None = None
    pause: float = 1.0
    full_days: float = 7
    loopback: frozenset[str] = frozenset()
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Settings:
    """The three folders of a project, and its manners on the web."""

    raw: Path = Path("raw")
    curated: Path = Path("curated")
    sources: Path = Path("sources")
    web: Web = field(default_factory=Web)

    @property
    def parts(self) -> Path:
        """The cache of extracted and validated documents; safe to delete."""
        return self.curated / "parts"

    @property
    def releases(self) -> Path:
        return self.curated / "releases"

    @property
    def hosts(self) -> Path:
        """What is remembered of each host: its last request, its robots.txt; safe to delete."""
        return self.curated / ".hosts"

    @property
    def prefect_home(self) -> Path:
        """Prefect's database stays with the project, so that only its first start is slow."""
        return self.curated.absolute().parent / ".prefect"
