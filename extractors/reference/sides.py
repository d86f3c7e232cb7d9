"""A contradiction and its two sides, each with the place where it is printed.

What makes two statements contradict each other is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.provenance import digest


@dataclass(frozen=True, slots=True)
class Side:
    """What one publication says, in words, for whom, and where.

    `scope` is empty where the publication names none. The place may be empty only where the words
    have no row in the release.
    """

    table: str
    source: str
    says: str
    document: str | None = None
    row_key: str | None = None
    payer: str | None = None
    scope: str | None = None
    sha256: str | None = None
    url: str | None = None
    page: int | None = None
    line: int | None = None

    @classmethod
    def of(
        cls,
        table: str,
        row: Mapping[str, Any],
        says: str,
        *,
        payer: str | None = None,
        scope: str | None = None,
    ) -> Side:
        """The side that a published row of `table` takes; the row has provenance."""
        return cls(
            table=table,
            source=row["source"],
            says=says,
            document=row["document"],
            row_key=row["row_key"],
            payer=payer,
            scope=scope,
            sha256=row["sha256"],
            url=row["url"],
            page=row["page"],
            line=row["line"],
        )


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two sides about one code. The key outlives a release: it names the two rows, not their
    words."""

    kind: str
    code_system: str
    code: str
    strength: str
    both_may_hold: bool
    explanation: str
    left: Side
    right: Side

    @property
    def key(self) -> str:
        sides = (self.left.row_key, self.right.row_key or self.right.source)
        return digest((self.kind, self.code, *sides))

    def row(self, key: str) -> dict[str, Any]:
        """The row of the table `contradictions` under its key."""
        return {
            "contradiction_key": key,
            "kind": self.kind,
            "code_system": self.code_system,
            "code": self.code,
            "strength": self.strength,
            "both_may_hold": self.both_may_hold,
            "explanation": self.explanation,
            **_columns("left", self.left),
            **_columns("right", self.right),
        }


def _columns(name: str, side: Side) -> dict[str, Any]:
    return {
        f"{name}_source": side.source,
        f"{name}_document": side.document,
        f"{name}_row_key": side.row_key,
        f"{name}_table": side.table,
        f"{name}_payer": side.payer,
        f"{name}_scope": side.scope,
        f"{name}_says": side.says,
        f"{name}_sha256": side.sha256,
        f"{name}_url": side.url,
        f"{name}_page": side.page,
        f"{name}_line": side.line,
    }
