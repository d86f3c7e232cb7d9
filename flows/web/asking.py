"""One request and its answer, the body streamed to a file aside within its bounds.

Redirects, retries, conditions and what the body means are decided by the callers.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpcore
import httpx

from flows.settings import Web
from flows.web.addresses import Target
from flows.web.connection import Meter, TooMuch, TooSlow, Transport
from flows.web.decoding import DecodingError, decoded, is_encoded
from flows.web.failure import FetchError
from flows.web.shown import shown


@dataclass(frozen=True, slots=True)
class Body:
    """What came, in a file aside. `is_whole` says whether its length was announced and kept.

    `surplus` counts bytes that came after the announced end, and are not in the file.
    """

    path: Path
    sha256: str
    size: int
    is_whole: bool
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status and headers, and the body of a 200."""

    url: str
    status: int
    headers: httpx.Headers
    body: Body | None = None


class Undecodable(FetchError):
    """A body that cannot be unpacked; worth one more try and no further."""


def ask(
    target: Target,
    headers: Mapping[str, str],
    aside: Path,
    *,
    web: Web,
    deadline: float,
    most_bytes: int,
) -> Answer:
    """Ask a target once. The body of a 200 is in the file `aside`, and its caller's to remove.

    Raises `FetchError`: passing for what a network does, not for what breaks a bound.
    """
    meter = Meter(web.bounds, deadline)
    url = shown(target.url)
    transport = Transport(target, meter, web.bounds, web.loopback)
    request = httpx.Request(
        "GET",
        target.url,
        headers={
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        },
    )
    try:
        with transport:
            answer = transport.handle_request(request)
            if answer.status_code != httpx.codes.OK:
                return Answer(target.url, answer.status_code, answer.headers)
            body = _receive(answer, meter, aside, most_bytes)
            return Answer(target.url, answer.status_code, answer.headers, body)
    except TooMuch as error:
        raise FetchError(f"{url}: {error}") from error
    except TooSlow as error:
        raise FetchError(f"{url}: {error}", passing=True) from error
    except DecodingError as error:
        raise Undecodable(f"{url}: {error}", passing=True) from error
    except httpcore.LocalProtocolError as error:
        raise FetchError(f"{url}: cannot be asked: {error}") from None
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise FetchError(f"{url}: {what}", passing=True) from error


def _receive(answer: httpx.Response, meter: Meter, aside: Path, most_bytes: int) -> Body:
    said = answer.headers.get("content-length", "")
    in_chunks = "transfer-encoding" in answer.headers
    # A length beside chunks means nothing (RFC 9112, 6.3).
    announced = int(said) if said.isdecimal() and not in_chunks else None
    if announced is not None and announced > most_bytes:
        raise TooMuch(f"{announced} bytes announced, and at most {most_bytes} are taken")
    encoding = answer.headers.get("content-encoding", "")
    digest, size = hashlib.sha256(), 0
    with aside.open("wb") as file:
        for piece in decoded(answer.iter_raw(), encoding):
            size += len(piece)
            if size > most_bytes:
                raise TooMuch(f"more than {most_bytes} bytes")
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    surplus = max(0, meter.body_bytes - announced) if announced is not None else 0
    has_end = ((announced is not None or in_chunks) and not surplus) or is_encoded(encoding)
    return Body(aside, digest.hexdigest(), size, has_end, surplus)
