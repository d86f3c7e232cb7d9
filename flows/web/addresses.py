"""Which addresses may be asked at all: public hosts, by https, in their plain spelling.

What a publisher's page or redirect names is not ours to trust. A name is judged by its spelling
first and by every address it resolves to afterwards; what is connected to is one of the addresses
judged, so that a name that resolves otherwise a moment later changes nothing. The check follows
the OWASP cheat sheet on server-side request forgery. Nothing is connected to here.
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from dataclasses import dataclass

import httpx

from flows.web.failure import NotAsked, Unresolved
from flows.web.shown import shown
from schemas.codes import shortened

# Names that a local resolver answers for its own network.
_LOCAL_NAMES = re.compile(
    r"(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|private|test|invalid|arpa|onion)$"
)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253
_FORBIDDEN_SIGNS = re.compile(r"[\x00-\x20\x7f\\]")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Not for the public, though Python 3.11 does not say so: protocol assignments, among them the
# metadata of one cloud; the host agent of another; documentation.
_NOT_PUBLIC = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20"))
)
_MOST_ADDRESSES = 4
_LAST_PORT = 0xFFFF
_MOST_SHOWN = 100


class Refused(NotAsked):
    """An address that is not asked."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be asked, once its host has been resolved to public addresses only."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who answers there: credentials go to one origin and to no other."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def target_of(url: str, loopback: frozenset[str] = frozenset()) -> Target:
    """What a URL asks whom; raises `Refused` for what is not https to a plainly spelt public host.

    `loopback` are the origins (host:port) of this machine that may be asked, for tests.
    """
    if _FORBIDDEN_SIGNS.search(url):
        raise Refused(f"{shown(url)}: a blank, control sign or backslash in an address")
    try:
        parsed = httpx.URL(url)
        _ = parsed.host  # raises for a name that only looks like an international one
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(f"{shown(url)}: not an address") from error
    # The name as it goes over the wire; `parsed.host` may be Unicode.
    host = parsed.raw_host.decode("ascii").lower().rstrip(".")
    if parsed.userinfo:
        raise Refused(f"{shown(url)}: names a user before the host, and is not asked")
    usual = 80 if parsed.scheme == "http" else 443
    port = usual if parsed.port is None else parsed.port
    if not 0 < port <= _LAST_PORT:
        raise Refused(f"{shown(url)}: {port} is no port")
    target = Target(str(parsed.copy_with(fragment=None)), parsed.scheme, host, port)
    if parsed.scheme in ("http", "https") and str(target) in loopback:
        return target
    if parsed.scheme != "https":
        raise Refused(f"{shown(url)}: only https is asked; give its https address if it has one")
    _check_spelling(url, host)
    return target


def _check_spelling(url: str, host: str) -> None:
    if _is_address(host):
        if not is_public(host):
            raise Refused(f"{shown(url)}: {host} is not a public address, and is not asked")
        return
    last = host.rpartition(".")[2]
    is_spelt = len(host) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, host.split(".")))
    is_local = "." not in host or _LOCAL_NAMES.search(host)
    if not is_spelt or is_local or _NUMBER.fullmatch(last):
        name = shortened(host, _MOST_SHOWN) or "no host"
        raise Refused(f"{shown(url)}: {name} is no public name, and is not asked")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def addresses_of(
    target: Target, loopback: frozenset[str] = frozenset(), seconds: float = 30
) -> tuple[str, ...]:
    """The addresses of a target to connect to, all of them judged; at most four.

    Raises `Unresolved` where the name has none or its resolver says nothing within so many
    seconds, and `Refused` where only one of them is not public: a name that mixes both is an
    attack or a mistake.
    """
    addresses = _resolved(target, seconds)
    for address in addresses:
        if str(target) in loopback:
            fits = ipaddress.ip_address(address).is_loopback
        else:
            fits = is_public(address)
        if not fits:
            raise Refused(f"{target.host} resolves to {address}, which is not asked")
    return tuple(addresses[:_MOST_ADDRESSES])


def _resolved(target: Target, seconds: float) -> list[str]:
    """What the system's resolver says of a name; it cannot be given a time, so a thread waits."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            answers.put(error)
        else:
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))

    threading.Thread(target=resolve, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        answer = TimeoutError(f"its resolver said nothing within {seconds:.0f} s")
    if isinstance(answer, Exception):
        raise Unresolved(
            f"{target.host} has no address ({answer})", passing=True, host=target.host
        ) from answer
    return answer


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet, whichever way it is wrapped."""
    ip = ipaddress.ip_address(address)
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None or ip.is_site_local:
            return False
        inner = ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved
