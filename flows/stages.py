"""The stages of a refresh: plain functions over settings and a source's name.

Each finds its input on disk and leaves its output there, so that stages hand each other only
short strings and can run in threads, in processes or on other machines. What runs them, and how
they are watched, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows import documents, store
from flows.documents import Document
from flows.fetch import fetch_document
from flows.publishing import publish
from flows.registry import find_source, load_sources
from flows.settings import Settings
from schemas.source import Source

# How many documents are looked at, or read, at once. Looking is mostly waiting.
LOOKERS, READERS = 16, 2


@dataclass(frozen=True, slots=True)
class Stage:
    """A step that every document goes through; `at_once` says how many may."""

    name: str
    run: Callable[..., Any]
    at_once: int = READERS


def fetch(settings: Settings, name: str, block: Callable[[str], str] | None = None) -> str:
    """Look at a source's publication; one line saying what came.

    `block` gives the secret that a Prefect block of some name holds.
    """
    return fetch_document(settings, find_source(settings.sources, name), block=block)


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


FETCH = Stage("fetch", fetch, at_once=LOOKERS)
EXTRACT = Stage("extract", extract)
VALIDATE = Stage("validate", validate)
RELEASE = Stage("publish", release)
