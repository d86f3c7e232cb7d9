"""How often to ask again, and how long to wait before.

Retry-After is kept in both its forms (RFC 9110, 10.2.3); where it says nothing, waits double from
try to try, with jitter. A wait longer than we are patient for ends the look, and is remembered.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from flows.settings import Bounds
from flows.web.asking import Answer, Undecodable
from flows.web.failure import FetchError, Unresolved
from flows.web.hosts import LONGEST_ABSENCE
from flows.web.shown import shown

# How often what seldom helps is tried: a name without address, a body that cannot be unpacked.
_FEW_TRIES = 2
_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


def patiently(ask: Callable[[], Answer], bounds: Bounds, deadline: float) -> Answer:
    """An answer that is worth reading: 200, 304 or a redirect; asked for again where that helps.

    `deadline` is an instant of `time.monotonic`. Raises `FetchError`.
    """
    for number in range(1, bounds.tries + 1):
        try:
            answer = ask()
        except FetchError as error:
            failure, wished = error, None
        else:
            if answer.status in (httpx.codes.OK, httpx.codes.NOT_MODIFIED) or is_redirect(answer):
                return answer
            failure, wished = _failure_of(answer, bounds)
        few = isinstance(failure, Unresolved | Undecodable)
        if not failure.passing or number == (_FEW_TRIES if few else bounds.tries):
            break
        wait = bounds.first_wait * 2 ** (number - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        wait = max(wait, wished or 0.0)
        if time.monotonic() + wait >= deadline:
            break
        time.sleep(wait)
    raise failure


def is_redirect(answer: Answer) -> bool:
    """Whether an answer sends us on."""
    return answer.status in (301, 302, 303, 307, 308)


def _failure_of(answer: Answer, bounds: Bounds) -> tuple[FetchError, float | None]:
    """Why an answer is none, and the seconds to wait that the origin wishes, if any."""
    wished = wished_wait(answer)
    what = f"{shown(answer.url)}: status {answer.status}"
    if wished is not None and wished > bounds.longest_wait:
        later = datetime.now(UTC) + timedelta(seconds=min(wished, LONGEST_ABSENCE))
        message = f"{what}, to be asked again in {wished:.0f} s and not before"
        return FetchError(message, not_before=later, status=answer.status), wished
    passing = answer.status in _BUSY or httpx.codes.is_server_error(answer.status)
    return FetchError(what, passing=passing, status=answer.status), wished


def wished_wait(answer: Answer) -> float | None:
    """The seconds for which the origin of an answer wants no other request, if it says so."""
    if answer.status not in _BUSY:
        return None
    return retry_after(answer.headers.get("retry-after"), datetime.now(UTC))


def retry_after(said: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for; None where it is absent or unreadable."""
    if said is None:
        return None
    if said.strip().isdecimal():
        # More digits than any date has are no number of seconds.
        return float(said.strip()[:12])
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)
