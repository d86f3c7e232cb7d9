"""The way from a source's address to its publication, page by page.

The links of a page are kept, so that a page that has not changed is neither sent nor read again.
Which link leads on is chosen in `landing`; a page is read by a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flows.files import dump_json
from flows.web.landing import PageLinks, choose, links_from, read_links
from flows.web.validators import (
    UNCONDITIONAL,
    Remembered,
    kept_headers,
    place_of,
    recall,
    remember,
)
from flows.web.visit import Visit, get
from schemas.source import Source


@dataclass(frozen=True, slots=True)
class Found:
    """Where a publication is; `later` are addresses of files that are dated after today."""

    url: str
    later: tuple[str, ...] = ()


def find(visit: Visit, source: Source, kept: Path, now: datetime) -> Found:
    """The address of a source's publication, secrets filled in; raises `FetchError`.

    `kept` is the file in which the links of its pages are remembered.
    """
    assert source.address is not None
    url = visit.credentials.fill_url(source.address.start)
    later: list[str] = []
    for rule in source.address.links:
        page = _page(visit, source, url, kept, now)
        choice = choose(page.links, rule, source.address, page.url, now.date())
        url = choice.url
        later += choice.later
    return Found(url, tuple(later))


@dataclass(frozen=True, slots=True)
class _Page:
    """A page's links, and where the page was found after all redirects."""

    url: str
    links: PageLinks


def _page(visit: Visit, source: Source, url: str, kept: Path, now: datetime) -> _Page:
    secrets = visit.credentials
    key = secrets.hide(url)
    before = recall(kept, key)
    known = _known(before, source) if before else None
    web = visit.settings.web
    conditions = before.conditions(now, web.full_days) if before and known else UNCONDITIONAL
    answer = get(visit, url, conditions, web.bounds.page_bytes)
    if answer.body is None:
        # Only what was asked conditionally is answered so, and nothing is where nothing is known.
        assert known is not None
        return known
    links = read_links(answer.body.path, source.source)
    content = {"url": answer.url, "page": links.content}
    # A page that repeats a secret is read again each time: what is kept has none.
    if not secrets.hides(dump_json(content)):
        headers = kept_headers(answer.headers, secrets)
        remember(kept, key, Remembered(now, headers, content, place_of(answer.url, secrets)))
    return _Page(answer.url, links)


def _known(before: Remembered, source: Source) -> _Page | None:
    """A page as it is remembered; None where that cannot be understood, and is read anew."""
    try:
        return _Page(before.content["url"], links_from(before.content["page"], source.source))
    except (KeyError, TypeError):
        return None
