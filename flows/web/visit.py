"""One look's requests: redirects followed one by one, robots.txt kept, hosts left their pause.

Every address on the way is judged before it is asked, and credentials go to the origin of the
source's own address alone. What the answer should be is not known here.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import httpx

from flows.settings import Settings
from flows.web import robots
from flows.web.addresses import Target, target_of
from flows.web.asking import Answer, ask
from flows.web.credentials import Credentials
from flows.web.failure import FetchError, NotAsked
from flows.web.hosts import leave_alone, left_alone, turn
from flows.web.patience import is_redirect, patiently, wished_wait
from flows.web.robots import manners_of
from flows.web.shown import shown
from flows.web.validators import Conditions, place_of


@dataclass(frozen=True, slots=True)
class Visit:
    """What a look takes with it: our manners, its secrets, where bodies go, its last instant.

    `home` is the origin that may be told the secrets; None where there are none to tell.
    """

    settings: Settings
    aside: Path
    deadline: float
    credentials: Credentials
    home: tuple[str, str, int] | None = None


def begin(settings: Settings, aside: Path, credentials: Credentials) -> Visit:
    """A visit with all its time before it, and nobody yet to tell its secrets to."""
    deadline = time.monotonic() + settings.web.bounds.total_seconds
    return Visit(settings, aside, deadline, credentials)


def get(visit: Visit, url: str, conditions: Conditions, most_bytes: int) -> Answer:
    """The answer at the end of all redirects: a 200 with its body, or a 304 that was asked for.

    Raises `FetchError`. The answer's `url` is where it was found.
    """
    asked = url
    for _ in range(visit.settings.web.bounds.redirects + 1):
        target = target_of(asked, visit.settings.web.loopback)
        delay = _robots_delay(visit, target)
        validators = conditions.at(place_of(target.url, visit.credentials))
        answer = _ask(visit, target, validators, most_bytes, delay)
        if answer.status == httpx.codes.NOT_MODIFIED and not validators:
            raise FetchError(
                f"{shown(target.url)}: status 304, though nothing was asked conditionally"
            )
        if not is_redirect(answer):
            return answer
        asked = _next(target, answer)
    hops = visit.settings.web.bounds.redirects
    raise FetchError(f"{shown(url)}: more than {hops} redirects, the last to {shown(asked)}")


def _next(target: Target, answer: Answer) -> str:
    location = answer.headers.get("location")
    if not location:
        raise FetchError(f"{shown(target.url)}: status {answer.status} without a Location")
    try:
        # Browsers take a blank for %20, and some servers count on that.
        return str(urljoin(target.url, location.strip(" ").replace(" ", "%20")))
    except ValueError as error:
        raise FetchError(f"{shown(target.url)}: sends to what is no address") from error


def _ask(
    visit: Visit,
    target: Target,
    validators: Mapping[str, str],
    most_bytes: int,
    delay: float = 0.0,
) -> Answer:
    web = visit.settings.web
    secret = visit.credentials.headers() if target.origin == visit.home else {}
    headers = {"User-Agent": _name(web.contact), **validators, **secret}
    pause = max(web.pause, delay)

    def once() -> Answer:
        with turn(visit.settings.hosts, target, pause, visit.deadline):
            _stay_away(visit, target)
            answer = ask(
                target,
                headers,
                visit.aside,
                web=web,
                deadline=visit.deadline,
                most_bytes=most_bytes,
            )
            wished = wished_wait(answer)
            if wished:
                leave_alone(visit.settings.hosts, target, wished)
            return answer

    return patiently(once, web.bounds, visit.deadline)


def _stay_away(visit: Visit, target: Target) -> None:
    """Wait as long as a host wants no request, whoever of us was told so, or end the look."""
    left = left_alone(visit.settings.hosts, target)
    if left > min(visit.settings.web.bounds.longest_wait, visit.deadline - time.monotonic()):
        until = datetime.now(UTC) + timedelta(seconds=left)
        raise NotAsked(
            f"{shown(target.url)}: not asked, since its host wants no request before "
            f"{until:%Y-%m-%d %H:%M} UTC",
            not_before=until,
        )
    time.sleep(left)


def _robots_delay(visit: Visit, target: Target) -> float:
    """The pause that a host's robots.txt wishes; raises `FetchError` where it forbids the way."""
    web = visit.settings.web
    manners = manners_of(
        visit.settings.hosts,
        target,
        web.loopback,
        visit.deadline,
        lambda where: _read_robots(visit, where),
    )
    if not manners.is_allowed:
        raise NotAsked(
            f"{shown(target.url)}: robots.txt of {target.host} asks us not to come here; ask the "
            "publisher, or get the file by hand and use precert add"
        )
    return manners.delay


def _read_robots(visit: Visit, target: Target) -> bytes:
    """A host's robots.txt, empty where it has none; a redirect may lead to another place."""
    visit = replace(visit, home=None)  # It is for everybody, and needs no secret.
    asked = target
    for _ in range(visit.settings.web.bounds.redirects + 1):
        try:
            answer = _ask(visit, asked, {}, robots.MOST_BYTES)
        except FetchError as error:
            # A host that is busy has a robots.txt for all we know.
            is_busy = error.passing or error.not_before is not None
            if is_busy or not httpx.codes.is_client_error(error.status or 0):
                raise
            return b""
        if answer.body is not None:
            return answer.body.path.read_bytes()
        if not is_redirect(answer):
            break
        asked = target_of(_next(asked, answer), visit.settings.web.loopback)
    return b""


def _name(contact: str | None) -> str:
    version = importlib.metadata.version("precert")
    return f"{robots.NAME}/{version} (prior-authorization lists{f'; {contact}' if contact else ''})"
