"""Each source of the registry beside what the latest release has of it.

A source without a version in the release (it was added since, or nothing was published yet) has
no status; that is not the same as missing, which a release says after looking for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.payer_lists import Version, read_versions
from flows.releases import Release, opened

if TYPE_CHECKING:
    from schemas.source import Source


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source and one version of its publication; no version where the release has none."""

    source: str
    document: str
    payer: str | None
    kind: str
    version: Version | None

    def as_json(self) -> dict[str, Any]:
        """The status as plain JSON values."""
        version = self.version
        seen = version.last_seen if version else None
        return {
            "source": self.source,
            "document": self.document,
            "payer": self.payer,
            "kind": self.kind,
            "status": version.status if version else None,
            "rows": version.rows if version else None,
            "last_seen": seen.isoformat() if seen else None,
            "held_reason": version.held_reason if version else None,
        }

    def cells(self) -> tuple[object, ...]:
        """Source, payer, kind, status, rows and the last look, for a table."""
        version = self.version
        if version is None:
            return self.source, self.payer, self.kind, "not in the release", None, None
        seen = f"{version.last_seen:%Y-%m-%d %H:%M}" if version.last_seen else None
        return self.source, self.payer, self.kind, version.status, version.rows, seen


def source_statuses(sources: Iterable[Source], release: Release | None) -> list[SourceStatus]:
    """One status for each version of each source's publication, sources in their order."""
    of: dict[tuple[str, str], list[Version | None]] = defaultdict(list)
    if release is not None:
        with opened() as connection:
            for version in read_versions(connection, release):
                of[version.publication].append(version)
    return [
        SourceStatus(
            source=source.source,
            document=source.document,
            payer=source.payer.id if source.payer else None,
            kind=source.kind,
            version=version,
        )
        for source in sources
        for version in of.get((source.source, source.document), [None])
    ]
