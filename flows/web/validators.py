"""What origins last said of their answers, so that the next request can be conditional.

A cache, safe to delete: without it the next request has no conditions. A validator is only an
origin's word; whether something is new is decided by the bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flows.files import dump_json, is_json, load_json, replace_file
from flows.web.credentials import Credentials

KEPT_HEADERS = ("etag", "last-modified", "content-type", "date")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of the last whole answer at an address: when, its headers, its content."""

    at: datetime
    headers: dict[str, str]
    content: Any

    def conditions(self, now: datetime, full_days: float) -> dict[str, str]:
        """What makes the next request conditional; nothing where a whole answer is due."""
        if not timedelta(0) <= now - self.at < timedelta(days=full_days):
            return {}
        asked = {
            "If-None-Match": self.headers.get("etag"),
            "If-Modified-Since": self.headers.get("last-modified"),
        }
        return {name: value for name, value in asked.items() if value}


def recall(path: Path, key: str) -> Remembered | None:
    """What is remembered of an address, if anything is."""
    said = load_json(path).get(key) if is_json(path) else None
    if said is None:
        return None
    return Remembered(datetime.fromisoformat(said["at"]), said["headers"], said["content"])


def remember(path: Path, key: str, answer: Remembered) -> None:
    """Keep what an address answered, in place of what it answered before."""
    known: dict[str, Any] = load_json(path) if is_json(path) else {}
    known[key] = {
        "at": answer.at.isoformat(),
        "headers": answer.headers,
        "content": answer.content,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, dump_json(known))


def kept_headers(headers: Mapping[str, str], credentials: Credentials) -> dict[str, str]:
    """The headers that are kept of an answer, but for those that repeat a secret."""
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    return {name: value for name, value in kept.items() if not credentials.hides(value)}
