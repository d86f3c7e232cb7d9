"""Where a fact comes from: the snapshot, the place in it, and the two hashes of a row.

A snapshot is named by the SHA-256 of its bytes. `row_key` says who rules on which code and
survives a change of the rule; `row_hash` changes with any word of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

KEY_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is printed: page and line from 1; `bbox` is x0, top, x1, bottom in points."""

    page: int
    line: int
    bbox: tuple[float, float, float, float] | None = None

    def __str__(self) -> str:
        return f"page {self.page}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of one publication, as it lies in the raw store."""

    source: str
    document: str
    sha256: str
    extension: str
    media_type: str
    size: int
    url: str | None
    final_url: str | None
    retrieved_at: datetime
    came: str
    first_seen: datetime
    last_seen: datetime
    is_specimen: bool = False

    def __str__(self) -> str:
        return f"{self.source}/{self.document} ({self.sha256[:12]})"


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"a row hash cannot hold a {type(value).__name__}")


def digest(values: Iterable[Any]) -> str:
    """A hash of values in order that tells None from "" and ("ab", "c") from ("a", "bc")."""
    text = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]
