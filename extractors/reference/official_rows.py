"""The places of official words: which row of the table `codes` has them.

What those words are on a day is `known_codes`'s to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from extractors.reference.sides import Side
from schemas.tables import CODES

_COLUMNS = (
    "code",
    "long_description",
    "short_description",
    "source_release",
    "source",
    "document",
    "row_key",
    "sha256",
    "url",
    "page",
    "line",
)


@dataclass(frozen=True, slots=True)
class OfficialRows:
    """The rows of the code reference that have words, by code, the newest first."""

    by_code: dict[str, list[dict[str, Any]]]

    @classmethod
    def of(cls, codes: pa.Table) -> OfficialRows:
        """The rows of the table `codes`, in any order."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        rows = codes.select(_COLUMNS).to_pylist()
        rows.sort(key=lambda row: (row["source_release"] or "", row["row_key"]), reverse=True)
        for row in rows:
            if row["long_description"] or row["short_description"]:
                found[row["code"]].append(row)
        return cls(dict(found))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every code with each of its texts, long and short, of every release."""
        for code, rows in self.by_code.items():
            for row in rows:
                for text in (row["long_description"], row["short_description"]):
                    if text:
                        yield code, text

    def side(self, code: str, text: str) -> Side | None:
        """The side of the newest row that has the text for the code; None where no row has it."""
        for row in self.by_code.get(code, ()):
            if text in (row["long_description"], row["short_description"]):
                scope = f"release {row['source_release']}" if row["source_release"] else None
                return Side.of(CODES.name, row, text, scope=scope)
        return None
