"""One look at a publication on the web.

Asks conditionally, bounds what it accepts, and judges what came by its bytes. A body is stored
whole or not at all. Which address to ask, and whether it may be asked, is the source's to say.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

from extractors.sniff import EXECUTABLE, GZIP, HTML, UNKNOWN, sniff
from flows import store
from flows.settings import Settings
from schemas.provenance import Snapshot
from schemas.source import Source

USER_AGENT = "precert (prior-authorization lists; one conditional request a publication)"
MOST_BYTES = 200 << 20
MOST_SECONDS = 600
TIMEOUT = httpx.Timeout(30.0)
_KEPT_HEADERS = ("etag", "last-modified", "content-type", "date")


class FetchError(RuntimeError):
    """A look that brought nothing trustworthy. `passing` says whether a retry may help."""

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Answer:
    """What a look brought: the body, or None where the origin says that nothing changed."""

    body: bytes | None
    facts: dict[str, Any]


def fetch_document(settings: Settings, source: Source) -> str:
    """Look at a source's publication once and store what is new; what happened, in one line.

    A source without an address, or whose terms nobody has reviewed, is not asked. Raises
    `FetchError`.
    """
    if source.address is None:
        return "skipped: no public address is known"
    if source.terms == "unreviewed":
        return "skipped: its terms are not reviewed"
    versions = store.versions(settings.raw, source.source, source.document)
    last = versions[-1] if versions else None
    with httpx.Client(headers={"User-Agent": USER_AGENT}, timeout=TIMEOUT) as client:
        answer = _ask(client, source.address.start, _conditions(settings, last))
    at = store.next_instant(settings.raw, source.source, source.document)
    if answer.body is None:
        assert last is not None
        store.record_look(settings.raw, source.source, source.document, store.Look(at, last.sha256))
        return "unchanged"
    _judge(source, answer, last)
    sha256 = store.put(
        settings.raw,
        source.source,
        source.document,
        answer.body,
        came="fetched",
        at=at,
        facts=answer.facts,
    )
    return "unchanged" if last is not None and last.sha256 == sha256 else f"new {sha256[:12]}"


def _conditions(settings: Settings, last: Snapshot | None) -> dict[str, str]:
    if last is None:
        return {}
    headers = store.description(settings.raw, last).get("headers", {})
    asked = {
        "If-None-Match": headers.get("etag"),
        "If-Modified-Since": headers.get("last-modified"),
    }
    return {name: value for name, value in asked.items() if value}


def _ask(client: httpx.Client, url: str, conditions: dict[str, str]) -> Answer:
    try:
        with client.stream("GET", url, headers=conditions) as response:
            return _read(url, response, bool(conditions))
    except httpx.RequestError as error:
        raise FetchError(f"{url}: {type(error).__name__}: {error}", passing=True) from error


def _read(url: str, response: httpx.Response, conditional: bool) -> Answer:
    if response.status_code == httpx.codes.NOT_MODIFIED and conditional:
        return Answer(None, {})
    if response.status_code != httpx.codes.OK:
        passing = response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error
        raise FetchError(f"{url}: status {response.status_code}", passing=passing)
    deadline = time.monotonic() + MOST_SECONDS
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise FetchError(f"{url}: more than {MOST_BYTES} bytes", passing=False)
        if time.monotonic() > deadline:
            raise FetchError(f"{url}: not done after {MOST_SECONDS} s", passing=True)
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return Answer(bytes(body), {"url": url, "final_url": str(response.url), "headers": headers})


def _judge(source: Source, answer: Answer, last: Snapshot | None) -> None:
    assert answer.body is not None
    url = answer.facts["url"]
    found = sniff(answer.body)
    if found in (UNKNOWN, GZIP, EXECUTABLE):
        raise FetchError(f"{url}: the body is empty or of no known format", passing=False)
    promised = answer.facts["headers"].get("content-type", "").split(";")[0].strip().lower()
    if found is HTML and promised not in ("", HTML.media_type, "application/xhtml+xml"):
        raise FetchError(f"{url}: a web page came in place of {promised}", passing=False)
    if last is not None and last.came == "fetched" and found.media_type != last.media_type:
        raise FetchError(
            f"{url}: {found.media_type} came where {last.media_type} was before; look at it and "
            f"accept it with precert add {source.source} FILE",
            passing=False,
        )
