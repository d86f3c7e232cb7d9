"""Connections that are bounded and go only where `addresses` allows.

A transport for httpx over httpcore: the host is resolved and judged here, and the socket is
connected to the very address that was judged. A meter bounds what one request may cost: the time
in total, the time without progress, a dripping server, and the size of the headers. What is asked
and what the answer means is not known here.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import httpcore
import httpx

from flows.settings import Bounds
from flows.web.addresses import Target, addresses_of

_HEADER_READ = 4096
_END_OF_HEADERS = re.compile(rb"\n\r?\n")
# Answers such as 103 come before the one that was asked for, each with headers of its own.
_NOT_YET = re.compile(rb"\s*HTTP/1\.\d 1\d\d")


class TooMuch(RuntimeError):
    """An answer beyond its bounds; asking again would bring the same."""


class TooSlow(RuntimeError):
    """An answer that did not come in time."""


class Meter:
    """What a request has cost so far, held against its bounds.

    `deadline` is an instant of `time.monotonic`, for the whole look that the request belongs to.
    """

    def __init__(self, bounds: Bounds, deadline: float) -> None:
        self._bounds = bounds
        self._deadline = deadline
        self._head: bytearray | None = bytearray()
        self._body = 0
        self._window_start = time.monotonic()
        self._window_bytes = 0

    def seconds_left(self, most: float) -> float:
        """How long to wait for one step, at most; raises `TooSlow` where no time is left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TooSlow(f"not done within {self._bounds.total_seconds:.0f} s")
        return min(most, left)

    def wanted(self, most: int) -> int:
        """How many bytes to read at once: few until the headers are over."""
        return most if self._head is None else min(most, _HEADER_READ)

    def note(self, data: bytes) -> None:
        """Count what came; raises `TooMuch` for endless headers, `TooSlow` for a drip."""
        if self._head is None:
            self._body += len(data)
        else:
            self._head += data
            if len(self._head) > self._bounds.header_bytes:
                raise TooMuch(f"headers of more than {self._bounds.header_bytes} bytes")
        now = time.monotonic()
        self._window_bytes += len(data)
        if now - self._window_start >= self._bounds.silent_seconds:
            if self._window_bytes < self._bounds.slow_bytes:
                raise TooSlow(
                    f"{self._window_bytes} bytes in {now - self._window_start:.0f} s, "
                    "slower than is waited for"
                )
            self._window_start, self._window_bytes = now, 0

    def headers_are_over(self) -> None:
        """From here on what comes is the body, and part of it may have come already."""
        if self._head is not None:
            at, end = 0, _END_OF_HEADERS.search(self._head)
            while end is not None and _NOT_YET.match(self._head, at):
                at, end = end.end(), _END_OF_HEADERS.search(self._head, end.end())
            self._body = len(self._head) - end.end() if end is not None else 0
            self._head = None

    @property
    def body_bytes(self) -> int:
        """Bytes of the body as they came over the wire, those after its announced end too."""
        return self._body


class _Stream(httpcore.NetworkStream):
    """A connection that its meter watches."""

    def __init__(self, inner: httpcore.NetworkStream, meter: Meter, bounds: Bounds) -> None:
        self._inner, self._meter, self._bounds = inner, meter, bounds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        wait = self._meter.seconds_left(self._bounds.silent_seconds)
        data = self._inner.read(self._meter.wanted(max_bytes), wait)
        self._meter.note(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._meter.seconds_left(self._bounds.silent_seconds))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        wait = self._meter.seconds_left(self._bounds.connect_seconds)
        inner = self._inner.start_tls(ssl_context, server_hostname, wait)
        return _Stream(inner, self._meter, self._bounds)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@dataclass(frozen=True, slots=True)
class _Backend(httpcore.NetworkBackend):
    """Connects to the judged addresses of one target and to nothing else."""

    target: Target
    meter: Meter
    bounds: Bounds
    loopback: frozenset[str]
    _sockets: ClassVar[httpcore.NetworkBackend] = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if (host, port) != (self.target.host, self.target.port):
            raise RuntimeError(f"{host}:{port} is not {self.target}, which was judged")
        refusal: Exception | None = None
        wait = self.meter.seconds_left(self.bounds.silent_seconds)
        for address in addresses_of(self.target, self.loopback, wait):
            wait = self.meter.seconds_left(self.bounds.connect_seconds)
            try:
                stream = self._sockets.connect_tcp(address, port, wait)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refusal = error
            else:
                return _Stream(stream, self.meter, self.bounds)
        assert refusal is not None
        raise refusal


def _has_no_headers(record: logging.LogRecord) -> bool:
    return "receive_response_headers.complete" not in record.getMessage()


# At its most talkative httpcore logs the headers of an answer, and a redirect may have a signature
# in its Location that no one has told us is a secret.
logging.getLogger("httpcore.http11").addFilter(_has_no_headers)


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class Transport(httpx.BaseTransport):
    """The way to one target: one request, one connection, no cookies, no proxy, no redirects."""

    def __init__(
        self, target: Target, meter: Meter, bounds: Bounds, loopback: frozenset[str]
    ) -> None:
        self._meter = meter
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted() if target.scheme == "https" else None,
            network_backend=_Backend(target, meter, bounds, loopback),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host.rstrip(b"."),
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        self._meter.headers_are_over()
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    def close(self) -> None:
        if hasattr(self._pieces, "close"):
            self._pieces.close()
