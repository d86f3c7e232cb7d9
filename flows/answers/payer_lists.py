"""The prior-authorization lists that a release holds of each payer, and how fresh they are.

Knows which version of each list is published, held, archived or missing, today or at the end of a
day, and says so in words. What a list says about a code is not known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.releases import PARQUET, Release, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = (
    "source",
    "document",
    "payer",
    "line_of_business",
    "title",
    "publisher",
    "kind",
    "sha256",
    "rows",
    "quarantined",
    "is_truncated",
    "is_specimen",
    "posted_on",
    "effective_on",
    "updated_on",
    "newest_code_added_on",
    "status",
    "held_reason",
)
# Read as microseconds, so that no time zone of the machine comes in.
_INSTANTS = ("retrieved_at", "first_seen", "last_seen")
# What `version_of` takes, from a table that has it.
VERSION = ", ".join([*_PLAIN, *(f"epoch_us({name})" for name in _INSTANTS)])
_VERSIONS = f"""
SELECT {VERSION}
FROM {PARQUET}
"""
_PUBLICATION_AND_STATUS = itemgetter(*map(_PLAIN.index, ("source", "document", "status")))
_NAMES = f"SELECT DISTINCT payer, payer_name FROM {PARQUET}"


# Named tuples, since the library of dataclasses is a tenth of the time that a lookup takes.
class Version(NamedTuple):
    """One version of one publication, as the release's `documents` table describes it.

    `known_by` is the day at whose end a version that came later was still missing.
    """

    source: str
    document: str
    payer: str | None
    line_of_business: str | None
    title: str
    publisher: str
    kind: str
    sha256: str | None
    rows: int
    quarantined: int
    is_truncated: bool | None
    is_specimen: bool | None
    posted_on: date | None
    effective_on: date | None
    updated_on: date | None
    newest_code_added_on: date | None
    status: str
    held_reason: str | None
    retrieved_at: datetime | None
    first_seen: datetime | None
    last_seen: datetime | None
    known_by: date | None = None

    def __str__(self) -> str:
        return f"{self.title!r} ({self.line_of_business or 'line of business not stated'})"

    @property
    def publication(self) -> tuple[str, str]:
        return self.source, self.document

    @property
    def is_published(self) -> bool:
        return self.status in ("current", "stale")

    @property
    def is_whole(self) -> bool:
        """Whether it is published and known to have been read to its end."""
        return self.is_published and self.is_truncated is False

    @property
    def is_unread(self) -> bool:
        """Whether nobody has read a word of it: never retrieved, or archived as it came."""
        return self.status in ("archived", "missing")

    @property
    def read_on(self) -> date | None:
        return self.retrieved_at.date() if self.retrieved_at and not self.is_unread else None


class Lists(NamedTuple):
    """The lists of one payer: the published versions, and the versions that are not."""

    payer: str
    name: str | None
    published: tuple[Version, ...]
    unpublished: tuple[Version, ...]

    @property
    def whole(self) -> tuple[Version, ...]:
        return tuple(version for version in self.published if version.is_whole)

    def newer_than(self, version: Version) -> Version | None:
        """The held version of the same list, if there is one."""
        return next((v for v in self.unpublished if v.publication == version.publication), None)

    @property
    def unread(self) -> tuple[Version, ...]:
        """The lists without any published version, and those not known to be read to the end."""
        there = {version.publication for version in self.published}
        cut = (version for version in self.published if not version.is_whole)
        absent = (v for v in self.unpublished if v.publication not in there)
        return (*cut, *absent)

    def freshness(self, versions: Sequence[Version]) -> str | None:
        """One sentence on how old these published versions are; None for none."""
        if len(versions) == 1:
            return self._age(versions[0])
        return "; ".join(f"{version}: {self._age(version)}" for version in versions) or None

    def _age(self, version: Version) -> str:
        clauses = [f"read on {version.read_on or 'an unknown day'}"]
        if version.last_seen and version.read_on and version.last_seen.date() > version.read_on:
            clauses.append(f"found unchanged on {version.last_seen.date()}")
        stated = version.effective_on or version.updated_on or version.posted_on
        if stated:
            clauses.append(f"the list itself says {stated}")
        if version.is_specimen:
            clauses.append("a specimen in our own words, not the publication itself")
        if version.newest_code_added_on:
            clauses.append(f"its newest code was added on {version.newest_code_added_on}")
        newer = self.newer_than(version)
        if newer:
            since = newer.first_seen.date() if newer.first_seen else "an unknown day"
            why = newer.held_reason or "kept as it came and not read"
            clauses.append(
                f"newest version held since {since} ({why}), these rules are of the version before"
            )
        return ", ".join(clauses)


def read_versions(connection: DuckDBPyConnection, release: Release) -> list[Version]:
    """Every version of every publication that the release tells of, published or not."""
    rows = connection.execute(_VERSIONS, {"path": intact(release, "documents")}).fetchall()
    return [version_of(row) for row in sorted(rows, key=_PUBLICATION_AND_STATUS)]


def payer_names(
    connection: DuckDBPyConnection, rules_path: str, versions: Iterable[Version]
) -> dict[str, str | None]:
    """The payers of a release by id, with their names where a rule gives one, sorted by id."""
    names: dict[str, str | None] = {v.payer: None for v in versions if v.payer}
    names.update(sorted(connection.execute(_NAMES, {"path": rules_path}).fetchall()))
    return dict(sorted(names.items()))


def payer_lists(versions: Iterable[Version], names: Mapping[str, str | None]) -> tuple[Lists, ...]:
    """The lists of each payer that has any, by payer id."""
    of: dict[str, list[Version]] = defaultdict(list)
    for version in versions:
        if version.kind == "pa_list" and version.payer:
            of[version.payer].append(version)
    return tuple(
        Lists(
            payer=payer,
            name=names.get(payer),
            published=tuple(version for version in found if version.is_published),
            unpublished=tuple(version for version in found if not version.is_published),
        )
        for payer, found in sorted(of.items())
    )


def is_called(wanted: str, payer: str, name: str | None) -> bool:
    """Whether a payer is meant by its id or name, whatever the case, blanks and punctuation."""
    return _bare(wanted) in {_bare(payer), _bare(name or payer)}


def _bare(name: str) -> str:
    return _BETWEEN_WORDS.sub("_", name.casefold()).strip("_")


def version_of(row: Sequence[Any]) -> Version:
    """A version from the columns of `VERSION`, in their order."""
    instants = (None if at is None else instant(at) for at in row[len(_PLAIN) :])
    return Version(*row[: len(_PLAIN)], *instants)


def instant(microseconds: int) -> datetime:
    """The instant so many microseconds after the epoch, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def gap(version: Version) -> str:
    """Why a list that is among `Lists.unread` leaves open what it says, as a clause."""
    if version.is_published and version.is_truncated:
        return f"{version} ends in the middle: what its missing part says is not known"
    if version.is_published:
        return f"whether {version} was read whole is not known"
    if version.status == "held":
        return f"{version} is held and no version of it is published: {version.held_reason}"
    if version.status == "archived":
        return f"{version} is archived as it came and not read yet: what it says is not known"
    if version.known_by:
        return (
            f"{version} had not been retrieved by the end of {version.known_by}: what it said then "
            "is not known"
        )
    return (
        f"{version} was never retrieved: `precert refresh {version.source}` fetches it or says why "
        "not"
    )
