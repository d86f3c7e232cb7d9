"""An origin that fails and lies, a source that asks it, and a record of every address asked.

The origin is `../shared/fault_server.py`, which says beside each of its faults what a good fetcher
does; it lies beside the project in development and CI, and tests that need it skip elsewhere.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.settings import Bounds, Settings, Web
from schemas.source import Source
from tests.conftest import shared

# What a test waits for at most, where a user waits for minutes.
QUICK = Bounds(
    connect_seconds=2,
    silent_seconds=0.5,
    total_seconds=20,
    first_wait=0.01,
    longest_wait=5,
)


def faults() -> Any:
    """The module of the fault server."""
    path = shared("fault_server.py")
    if "fault_server" not in sys.modules:
        spec = importlib.util.spec_from_file_location("fault_server", path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules["fault_server"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules["fault_server"]


def origin_of(url: str) -> str:
    return url.partition("//")[2].partition("/")[0]


def project(folder: Path, *urls: str, bounds: Bounds = QUICK, **web: Any) -> Settings:
    """An empty project that may ask the origins of some URLs on this machine."""
    loopback = frozenset(origin_of(url) for url in urls)
    manners = Web(**{"pause": 0.0, "loopback": loopback, "bounds": bounds} | web)
    return Settings(folder / "raw", folder / "curated", folder / "sources", manners)


def source(url: str, name: str = "acme", /, **address: Any) -> Source:
    """A source that is only kept, so that these tests need no reader."""
    said = {
        "source": name,
        "document": "list",
        "title": "A list",
        "publisher": "Acme",
        "kind": "notice_list",
        "tier": 1,
        "cadence": "monthly",
        "terms": {"reviewed_on": "2026-11-22", "note": "for a test"},
        "extract": False,
        "address": {"url": url, "format": "text"} | address,
    }
    return Source.model_validate(said)


@dataclass
class Connections:
    """Every address that this process tried to connect to while it was watched."""

    tried: list[tuple[Any, ...]] = field(default_factory=list)


_watching: list[Connections] = []


def _record(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for watch in _watching:
            watch.tried.append(tuple(arguments[1][:2]))


@contextmanager
def connections() -> Iterator[Connections]:
    """Record every connection that Python's own sockets are asked for."""
    if not getattr(sys, "_precert_watched", False):
        # An audit hook cannot be removed, so there is one for all tests of a process.
        sys.addaudithook(_record)
        sys._precert_watched = True  # type: ignore[attr-defined]
    watch = Connections()
    _watching.append(watch)
    try:
        yield watch
    finally:
        _watching.remove(watch)
