"""From a publisher's page to the link that leads on.

The page is read by a confined worker; the choice is made here, of addresses and texts alone, and
is the same in whatever order the links stand. Nothing is asked of the web, and what the clock
says is handed in.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from extractors.links import Link, LinkedPage
from flows.reader_process import last_words, run_reader
from flows.web.failure import FetchError
from flows.web.link_dates import LinkDate, link_date
from flows.web.link_targets import (
    is_page_itself,
    objection,
    spelt,
    start_of,
    target_address,
)
from flows.web.patterns import Groups, search
from flows.web.shown import shown
from schemas.address import Address, LinkRule
from schemas.codes import shortened

CPU_SECONDS = 20

_MOST_NAMED = 5
_NEAREST = 3
_COMPARED = 300  # characters of an address or a text
_MOST_OF_DATE = 20
_NO_DATE = LinkDate(1, 0, 0, ())
_WORD = re.compile(r"[a-z]{3,}")
_NOT_WORDS = re.compile(r"\(\?P<\w+>|\\.|\[[^\]]*\]|\{[^}]*\}")


class LinkError(FetchError):
    """A page on which the way to the publication was not found; says what to correct."""


@dataclass(frozen=True, slots=True)
class PageLinks:
    """The links of a page, and the source for which it was read."""

    source: str
    page: LinkedPage

    @property
    def content(self) -> dict[str, Any]:
        """What the page says, for JSON; `links_from` makes the same of it again."""
        return asdict(self.page)


def links_from(content: Mapping[str, Any], source_name: str) -> PageLinks:
    """The links of a page again, from their `content`."""
    links = tuple(Link(**link) for link in content["links"])
    return PageLinks(source_name, LinkedPage(**{**content, "links": links}))


@dataclass(frozen=True, slots=True)
class Choice:
    """The address to go on to, and those that wait for their day, soonest first."""

    url: str
    later: tuple[str, ...] = ()


def read_links(page: Path, source_name: str) -> PageLinks:
    """The links of a page in a file, found by a worker process of its own.

    Raises `LinkError` for a page that cannot be read within the worker's limits, or is none.
    """
    try:
        done = run_reader("flows.web.page_worker", {"path": str(page.absolute())}, CPU_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LinkError(
            f"{source_name}: its page was not read within {error.timeout:.0f} s; look at it by hand"
        ) from error
    if done.returncode != 0:
        raise LinkError(
            f"{source_name}: the reader of its page ended with status {done.returncode} within its "
            f"{CPU_SECONDS} s: {shortened(last_words(done), 300)}; look at the page by hand"
        )
    said = json.loads(done.stdout)
    if "unreadable" in said:
        raise LinkError(f"{source_name}: {said['unreadable']}")
    return links_from(said, source_name)


def choose(
    links: PageLinks, rule: LinkRule, address: Address, page_url: str, today: date
) -> Choice:
    """What a rule wants of a page: the newest up to `today`, or the one of a rule without dates.

    `page_url` is where the page was found after all redirects. With `address.ahead` the newest is
    taken whatever its date. Raises `LinkError` where none matches, and where several do and none
    is the newest.
    """
    found, refused = _matches(links.page, rule, address, page_url)
    place = f"{shown(page_url)}: "
    if not found:
        raise LinkError(place + _nothing(links, rule, page_url, refused))
    last = date.max if address.ahead else today
    current, waiting = _by_today(found, last)
    later = tuple(sorted(waiting, key=lambda url: (waiting[url], url)))
    if not current:
        raise LinkError(
            f"{place}all that {_said(rule)} wants is dated after {today}: {_named(later)}; wait, "
            f"or set address.ahead in sources/{links.source}.yml"
        )
    newest = max(current.values())
    taken = sorted(url for url, dated in current.items() if dated == newest)
    if len(taken) > 1:
        how = "are what" if newest == _NO_DATE else "are equally new of what"
        raise LinkError(
            f"{place}{len(taken)} links {how} {_said(rule)} wants: {_named(taken)}; correct "
            f"address.links in sources/{links.source}.yml so that it wants one"
        )
    return Choice(taken[0], later)


@dataclass(frozen=True, slots=True)
class _Found:
    """What matches, by its address spelt out: how it is written, and the dates of its links."""

    addresses: set[str] = field(default_factory=set)
    dates: set[LinkDate] = field(default_factory=set)


def _matches(
    page: LinkedPage, rule: LinkRule, address: Address, page_url: str
) -> tuple[list[_Found], set[str]]:
    """The targets that a rule matches, and of those that it may not take, why."""
    start, is_dated = start_of(page_url, page.base), _is_dated(rule)
    found: defaultdict[str, _Found] = defaultdict(_Found)
    refused = set()
    targets = [target_address(link.href, start, page_url) for link in page.links]
    addresses = [
        spelt(target or link.href) for link, target in zip(page.links, targets, strict=True)
    ]
    groups = _groups(rule, addresses, [link.text for link in page.links])
    for link, target, said in zip(page.links, targets, groups, strict=True):
        if said is None or (target and is_page_itself(target, page_url)):
            continue
        why = objection(target, page_url, address.hosts) if target else "is no address"
        dated = link_date(said) if is_dated else _NO_DATE
        if why is None and dated is None:
            why = f"has a date that cannot be ({_listed(said)})"
        if target is None or dated is None or why is not None:
            refused.add(f"{shown(target or link.href)} {why}")
            continue
        same = found[spelt(target)]
        same.addresses.add(target)
        same.dates.add(dated)
    return list(found.values()), refused


def _is_dated(rule: LinkRule) -> bool:
    return any(re.compile(each).groupindex for each in (rule.href, rule.text) if each is not None)


def _groups(rule: LinkRule, addresses: list[str], texts: list[str]) -> list[Groups | None]:
    """What the named groups of a rule found in each link; None where it does not match it."""
    said: list[Groups | None] = [{} for _ in addresses]
    for pattern, where in ((rule.href, addresses), (rule.text, texts)):
        if pattern is not None:
            found = search(pattern, where)
            said = [
                None if one is None or other is None else one | other
                for one, other in zip(said, found, strict=True)
            ]
    return said


def _by_today(
    found: Iterable[_Found], last: date
) -> tuple[dict[str, LinkDate], dict[str, LinkDate]]:
    """The targets dated up to a day, each with its newest such date; and those that wait."""
    current, waiting = {}, {}
    for target in found:
        url = min(target.addresses)
        reached = [dated for dated in target.dates if dated.first_day <= last]
        if reached:
            current[url] = max(reached)
        else:
            waiting[url] = min(target.dates)
    return current, waiting


def _nothing(links: PageLinks, rule: LinkRule, page_url: str, refused: set[str]) -> str:
    """Why no link was found, and what to do."""
    page = links.page
    facts = [f"none of its {len(page.links)} links can be taken for {_said(rule)}"]
    if page.left_out:
        facts.append(f"{page.left_out} more have addresses longer than any real one")
    if page.forwards_to:
        facts.append(f"it forwards to {shown(page.forwards_to)}")
    if page.asks_password:
        facts.append("it asks for a password")
    if refused:
        facts += sorted(refused)[:_NEAREST]
    elif near := _nearest(page, rule, page_url):
        facts.append(f"the nearest are {', '.join(near)}")
    else:
        facts.append("a script may fill it")
    return f"{'; '.join(facts)}; correct address.links in sources/{links.source}.yml"


def _nearest(page: LinkedPage, rule: LinkRule, page_url: str) -> list[str]:
    """The addresses that have most words of a rule's patterns in them or in their texts."""
    patterns = " ".join(filter(None, (rule.href, rule.text)))
    words = set(_WORD.findall(_NOT_WORDS.sub(" ", patterns).lower()))
    start = start_of(page_url, page.base)
    likeness: dict[str, int] = {}
    for link in page.links:
        target = target_address(link.href, start, page_url)
        if target is None or is_page_itself(target, page_url):
            continue
        text = f"{spelt(target)[-_COMPARED:]} {link.text[:_COMPARED]}".lower()
        alike = sum(word in text for word in words)
        likeness[shown(target)] = max(alike, likeness.get(shown(target), 0))
    return sorted(likeness, key=lambda target: (-likeness[target], target))[:_NEAREST]


def _said(rule: LinkRule) -> str:
    parts = {"href": rule.href, "text": rule.text}
    return " and ".join(
        f"{name} '{shortened(' '.join(pattern.split()), _COMPARED)}'"
        for name, pattern in parts.items()
        if pattern is not None
    )


def _listed(said: Mapping[str, str | None]) -> str:
    return ", ".join(
        f"{name} {shortened(text, _MOST_OF_DATE)!a}" for name, text in said.items() if text
    )


def _named(urls: Collection[str]) -> str:
    """Up to five addresses for a message."""
    names = list(dict.fromkeys(map(shown, urls)))
    more = len(names) - _MOST_NAMED
    text = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return text + (", some with several queries" if len(names) < len(urls) else "")
