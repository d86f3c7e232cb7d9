"""A word to whoever watches, when a refresh ended with something amiss: one JSON document, posted.

The address is a secret, since such addresses carry their password in the path: what is said of it
names its scheme and host alone. A webhook that fails is told in one sentence and changes nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx

from flows.report import Summary
from flows.table_text import one_line
from schemas.codes import shortened

VARIABLE = "PRECERT_WEBHOOK"
MOST_SECONDS = 20.0
_MOST_LISTED = 50
_LONGEST = 300


def tell(what: Summary | Exception) -> None:
    """Post what is amiss to the address of the environment, if it has one.

    `what` is the summary of a refresh, or the error for which nothing could be published. A
    webhook that fails is told on standard error.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        return
    why = notify(url, what) if isinstance(what, Summary) else notify_unpublished(url, str(what))
    if why is not None:
        print(f"precert: {why}", file=sys.stderr)


def notify(url: str, summary: Summary, seconds: float = MOST_SECONDS) -> str | None:
    """Post what is amiss, if anything is; one sentence where it could not be posted.

    Waits no longer than so many seconds.
    """
    return _post(url, _document(summary), seconds) if summary.troubled else None


def notify_unpublished(url: str, why: str, seconds: float = MOST_SECONDS) -> str | None:
    """Post that nothing could be published, and why; one sentence where it could not be posted."""
    text = f"precert: nothing could be published: {_short(why)}"
    return _post(url, {"text": text, "release": None, "published": False}, seconds)


def _document(summary: Summary) -> dict[str, Any]:
    amiss = [row for row in summary.rows if _is_amiss(row, summary)]
    by_status = {
        status: sorted(row["source"] for row in amiss if row["status"] == status)
        for status in sorted({row["status"] for row in amiss})
    } | ({"failed": sorted(summary.failures)} if summary.failures else {})
    return {
        "text": _text(summary, by_status),
        "release": summary.release,
        "published": summary.published,
        "amiss": [
            {
                "source": row["source"],
                "status": row["status"],
                "since": _instant(row["since"]),
                "reason": _short(row["reason"]),
            }
            for row in amiss[:_MOST_LISTED]
        ],
        "failed": [
            {"source": name, "reason": _short(why)}
            for name, why in list(summary.failures.items())[:_MOST_LISTED]
        ],
        "attention": [_short(line) for line in summary.attention[:_MOST_LISTED]],
        "left_out": sum(
            max(len(all_of) - _MOST_LISTED, 0)
            for all_of in (amiss, summary.failures, summary.attention)
        ),
    }


def _is_amiss(row: dict[str, Any], summary: Summary) -> bool:
    """Whether the summary would be troubled by this row alone."""
    return replace(summary, rows=(row,), failures={}).troubled


def _text(summary: Summary, by_status: Mapping[str, Iterable[str]]) -> str:
    """One line of our own words: a publisher's could call people in a chat by their names."""
    what = "published with" if summary.published else "stays, with"
    told = "; ".join(f"{status}: {', '.join(names)}" for status, names in by_status.items())
    return _short(f"precert: release {summary.release} {what} something amiss: {told}") or ""


def _short(text: str | None) -> str | None:
    return None if text is None else shortened(one_line(text), _LONGEST)


def _instant(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _post(url: str, document: dict[str, Any], seconds: float) -> str | None:
    """Post in a thread that is left behind when it is late: a name may resolve without an end."""
    said: list[str | None] = [f"it did not answer within {seconds:g} s"]
    try:
        where = httpx.URL(url)
    except httpx.InvalidURL:
        where = httpx.URL()
    if where.scheme not in ("http", "https") or not where.host:
        return f"{VARIABLE} is no address: give one that begins with https://"

    def post() -> None:
        said[0] = _answer(where, document, seconds)

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    thread.join(seconds)
    why = said[0]
    return why and f"the webhook at {where.scheme}://{where.netloc.decode()} was not told: {why}"


def _answer(where: httpx.URL, document: dict[str, Any], seconds: float) -> str | None:
    """Why the document did not arrive; None where it did.

    Without a client, which would follow the environment's proxies and log the address.
    """
    request = httpx.Request(
        "POST",
        where,
        content=json.dumps(document).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "precert"},
        extensions={"timeout": httpx.Timeout(seconds).as_dict()},
    )
    if where.userinfo:
        request = next(httpx.BasicAuth(where.username, where.password).auth_flow(request))
    try:
        with httpx.HTTPTransport(trust_env=False) as transport:
            response = transport.handle_request(request)
            response.close()
    except httpx.TimeoutException:
        return f"it did not answer within {seconds:g} s"
    except (httpx.HTTPError, OSError, ValueError) as error:
        return f"it cannot be reached ({type(error).__name__})"
    return None if response.is_success else f"it answered with status {response.status_code}"
