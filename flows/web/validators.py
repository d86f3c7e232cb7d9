"""What origins last said of their answers, so that the next request can be conditional.

A cache, safe to delete: without it the next request has no conditions. A validator is only an
origin's word; whether something is new is decided by the bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.files import dump_json, is_json, load_json, replace_file
from flows.web.credentials import Credentials

KEPT_HEADERS = ("etag", "last-modified", "content-type", "date")
# A validator is sent as it came, so it must fit into a header; none is as long as this in earnest.
_SENT = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?\Z")


@dataclass(frozen=True, slots=True)
class Conditions:
    """Validators, and the one place where they mean something: the address that gave them.

    Another address may have the same ETag, or an older date, for quite another file.
    """

    place: str
    headers: Mapping[str, str]

    def at(self, place: str) -> Mapping[str, str]:
        """What to send to a place to make a request conditional."""
        return self.headers if place == self.place else {}


UNCONDITIONAL = Conditions("", {})


def place_of(url: str, credentials: Credentials) -> str:
    """What tells one address from another, though it has neither our secrets nor what a redirect
    added to it."""
    return hashlib.sha256(credentials.hide(url).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of the last whole answer at an address: when, its headers, its content.

    `place` says which address gave it after all redirects, without showing it.
    """

    at: datetime
    headers: dict[str, str]
    content: Any
    place: str

    def conditions(self, now: datetime, full_days: float) -> Conditions:
        """What makes the next request conditional; nothing where a whole answer is due."""
        if not timedelta(0) <= now - self.at < timedelta(days=full_days):
            return UNCONDITIONAL
        asked = {
            "If-None-Match": self.headers.get("etag"),
            "If-Modified-Since": self.headers.get("last-modified"),
        }
        return Conditions(
            self.place, {name: said for name, said in asked.items() if said and _SENT.match(said)}
        )


def recall(path: Path, key: str) -> Remembered | None:
    """What is remembered of an address, if anything is that can be understood."""
    try:
        said = _known(path)[key]
        headers = {str(name): str(value) for name, value in said["headers"].items()}
        at = datetime.fromisoformat(said["at"]).astimezone(UTC)
        return Remembered(at, headers, said["content"], str(said["place"]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _known(path: Path) -> dict[str, Any]:
    known = load_json(path) if is_json(path) else {}
    return known if isinstance(known, dict) else {}


def remember(path: Path, key: str, answer: Remembered) -> None:
    """Keep what an address answered, in place of what it answered before."""
    known = _known(path)
    known[key] = {
        "at": answer.at.isoformat(),
        "headers": answer.headers,
        "content": answer.content,
        "place": answer.place,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, dump_json(known))


def kept_headers(headers: Mapping[str, str], credentials: Credentials) -> dict[str, str]:
    """The headers that are kept of an answer, but for those that repeat a secret."""
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    return {name: value for name, value in kept.items() if not credentials.hides(value)}
