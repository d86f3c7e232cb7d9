"""What a link leads to: its whole address as a browser makes it, and whether we may go there.

A page's host is the publisher's, and so are those that the source names; any other host is not.
Whether an address may be asked at all is judged again, and more strictly, before it is asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from flows.web.shown import SESSION
from schemas.codes import shortened

_WEB = ("http", "https")
_AROUND = "".join(map(chr, range(0x21)))
_DROPPED = re.compile(r"[\t\r\n]")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KEPT_IN_PATH = "/%:@!$&'()*+,;=~"
_KEPT_IN_QUERY = _KEPT_IN_PATH + "?[]"
_MOST_OF_HOST = 100
_USUAL_PORTS = {"http": 80, "https": 443}


def start_of(page_url: str, base: str | None) -> str:
    """The address that a page's links are relative to: its base where it has one on the web."""
    based = _joined(page_url, base) if base else None
    return based if based and urlsplit(based).scheme in _WEB else page_url


def target_address(href: str, start: str, page_url: str) -> str | None:
    """The address that a link leads to, or None for what is no address at all.

    An address of the web is without fragment and session, what may not stand in one is quoted,
    and it is by https where the page was: nothing else is asked, and both are the same file. Any
    other address is as written.
    """
    address = _joined(start, href)
    if address is None:
        return None
    parts = urlsplit(address)
    if parts.scheme not in _WEB:
        return address
    if not parts.hostname:
        return None
    scheme = parts.scheme
    port = parts.port if parts.port != _USUAL_PORTS[scheme] else None
    if scheme == "http" and port is None and urlsplit(page_url).scheme == "https":
        scheme = "https"
    user, at, _ = parts.netloc.rpartition("@")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = f"{user}{at}{host}" + (f":{port}" if port is not None else "")
    path = _quoted(SESSION.sub("", parts.path), _KEPT_IN_PATH) or "/"
    query = _quoted(parts.query, _KEPT_IN_QUERY)
    return str(urlunsplit((scheme, netloc, path, query, "")))


def _joined(start: str, href: str) -> str | None:
    """Two addresses as one; None where they make none, such as a port of six digits."""
    written = _DROPPED.sub("", href.strip(_AROUND))
    path: str = re.split("[?#]", written, maxsplit=1)[0]
    try:
        joined = urljoin(start, path.replace("\\", "/") + written[len(path) :])
        _ = urlsplit(joined).port
    except ValueError:
        return None
    return joined


def _quoted(text: str, kept: str) -> str:
    return quote(_BARE_PERCENT.sub("%25", text), safe=kept, errors="replace")


def is_page_itself(address: str, page_url: str) -> bool:
    """Whether a link leads back to the page that it is on."""
    return address == target_address("", page_url, page_url)


def spelt(address: str) -> str:
    """An address without its percent signs: two spellings of one address are the same here."""
    return unquote(address)


def objection(address: str, page_url: str, hosts: Collection[str]) -> str | None:
    """Why a link is not followed, to be said after "it"; None where it may be."""
    parts = urlsplit(address)
    if parts.scheme not in _WEB:
        return "is no address of the web"
    if parts.username is not None or parts.password is not None:
        return "names a user before its host"
    if parts.hostname not in (urlsplit(page_url).hostname, *hosts):
        host = shortened(ascii(parts.hostname), _MOST_OF_HOST)
        return f"is on the host {host}, which address.hosts does not name: add it if it is theirs"
    return None
