"""The stages of a refresh: plain functions over settings and a source's name.

Each finds its input on disk and leaves its output there, so that stages hand each other only
short strings and can run in threads, in processes or on other machines. What runs them, and how
they are watched, is not known here.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows import documents, publish, store
from flows.documents import Document
from flows.fetch import FetchError, fetch_document
from flows.registry import find_source, load_sources
from flows.settings import Settings
from schemas.source import Source

_HOSTS: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True, slots=True)
class Stage:
    """A step that every document goes through; `delays` are the waits before each retry."""

    name: str
    run: Callable[..., Any]
    delays: tuple[float, ...] = ()


def fetch(settings: Settings, name: str) -> str:
    """Look at a source's publication; one line saying what came. One request a host at a time."""
    source = find_source(settings.sources, name)
    host = source.address.host if source.address else ""
    with _HOSTS[host]:
        return fetch_document(settings, source)


def extract(settings: Settings, name: str) -> dict[str, str]:
    """Extract what is new of a source; the versions that failed, and why."""
    return documents.extract_versions(settings, find_source(settings.sources, name))


def validate(settings: Settings, name: str, failures: dict[str, str]) -> str:
    """Judge a source's versions; why the newest is held, or "" where it is not."""
    source = find_source(settings.sources, name)
    return documents.follow(settings, source, failures).held_reason or ""


def release(
    settings: Settings, failures: dict[str, dict[str, str]], accepted: tuple[str, ...]
) -> str:
    """Publish what all sources say now; the new release's id, or "" where nothing is new.

    Sources in `accepted` may differ from the release before as much as they do.
    """
    states = [
        _followed(settings, source, failures.get(source.source, {}))
        for source in load_sources(settings.sources)
    ]
    published = publish.publish(settings, states, store.now(), accepted)
    return published.id if published else ""


def _followed(settings: Settings, source: Source, failures: dict[str, str]) -> Document:
    try:
        return documents.follow(settings, source, failures)
    except Exception as error:  # noqa: BLE001 (whatever befalls one document, the others go on)
        kind = type(error).__name__
        return Document(source, failure=f"{source.source} cannot be judged: {kind}: {error}")


def may_pass(error: BaseException) -> bool:
    """Whether trying again may help."""
    return isinstance(error, FetchError) and error.passing


FETCH = Stage("fetch", fetch, delays=(2.0, 10.0, 30.0, 60.0))
EXTRACT = Stage("extract", extract)
VALIDATE = Stage("validate", validate)
RELEASE = Stage("publish", release)
