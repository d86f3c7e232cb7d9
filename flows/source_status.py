"""What became of each source: what its readers get now, since when, and how its looks went.

Put together from the latest release (what is published, held or missing), the raw store (when it
was looked at, what came) and the registry (how often it changes, whether its terms are known).
Nothing is fetched or read anew, and the clock is the caller's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from flows import store
from flows.answers.payer_lists import Version, read_versions
from flows.lock import utc
from flows.releases import Release, ReleaseError, history, opened
from flows.settings import Settings
from flows.store import FailedLook, StoreError
from flows.table_text import aligned, one_line
from schemas.provenance import Snapshot
from schemas.source import Source

# current    the newest version is published
# stale      an older version is published, since what came after it is held
# held       what came is held, and nothing is published
# new        it came, and no release has judged it yet
# archived   it is kept as it came, and not read
# failing    every look since the last good one failed (where it is neither held nor stale)
# missing    the raw store has no version of it, though it was published or looked for
# damaged    what the raw store has of it cannot be trusted
# waiting    nobody ever looked at it
Status = Literal[
    "current", "stale", "held", "new", "archived", "failing", "missing", "damaged", "waiting"
]
# The most days from one good look to the next; no bound for a publication without a rhythm.
CADENCE_DAYS = {"weekly": 7, "monthly": 31, "quarterly": 92, "yearly": 366}
_HEADER = ("source", "status", "since", "looked", "changed", "age", "rows", "terms")

_Publication = tuple[str, str]
_Found = Mapping[_Publication, Sequence[Version]]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source; instants are in UTC, and None is what is not known or never was.

    `since` is when its status began; `last_good_look` found the publication, `last_look` may have
    failed; `last_change` is the first look that found the newest version. `age_days` counts from
    the last good look, and `is_overdue` once there are more than `cadence_days`. `last_seen` and
    `held_reason` are those of the release.
    """

    source: str
    document: str
    title: str
    payer: str | None
    kind: str
    status: Status
    since: datetime | None
    reasons: tuple[str, ...]
    rows: int | None
    last_seen: datetime | None
    held_reason: str | None
    last_look: datetime | None
    last_good_look: datetime | None
    last_change: datetime | None
    age_days: int | None
    cadence: str
    cadence_days: int | None
    is_overdue: bool
    failed_looks: int
    failing_since: datetime | None
    failed_reason: str | None
    not_before: datetime | None
    terms_reviewed_on: date | None

    def as_json(self) -> dict[str, Any]:
        """The status as plain JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: _plain(value) for name, value in values.items()} | {
            "terms_reviewed": self.terms_reviewed_on is not None
        }

    def cells(self) -> tuple[object, ...]:
        """The status in short, in the columns of `text`."""
        return (
            self.source,
            self.status,
            self.since and self.since.date(),
            self.last_look and self.last_look.date(),
            self.last_change and self.last_change.date(),
            self._age,
            self.rows,
            "reviewed" if self.terms_reviewed_on else "not yet",
        )

    @property
    def _age(self) -> str | None:
        if self.age_days is None:
            return None
        due = f" of {self.cadence_days}" if self.cadence_days else ""
        return f"{self.age_days}{due} d{', overdue' if self.is_overdue else ''}"


@dataclass(frozen=True, slots=True)
class _Raw:
    """What the raw store has of a publication; `damage` says why it has nothing to be trusted."""

    versions: tuple[Snapshot, ...] = ()
    failed: tuple[FailedLook, ...] = ()
    damage: str | None = None
    was_looked_for: bool = False

    @property
    def newest(self) -> Snapshot | None:
        return self.versions[-1] if self.versions else None

    @property
    def last_good_look(self) -> datetime | None:
        return self.newest.last_seen if self.newest else None

    @property
    def last_look(self) -> datetime | None:
        return self.failed[-1].at if self.failed else self.last_good_look


def source_statuses(
    settings: Settings, sources: Iterable[Source], at: datetime
) -> list[SourceStatus]:
    """One status for each source as of `at`, in their order. Raises `ReleaseError`."""
    releases = _Releases(settings.curated)
    return [_status_of(settings.raw, source, releases, at) for source in sources]


def text(statuses: Sequence[SourceStatus]) -> str:
    """A table for people, days in UTC, and below it a line for each reason."""
    table = aligned(_HEADER, (status.cells() for status in statuses), right=("rows",))
    reasons = [
        f"{status.source}: {status.status}: {one_line(reason)}"
        for status in statuses
        for reason in status.reasons
    ]
    return "\n".join([table, *([""] if reasons else []), *reasons])


class _Releases:
    """The releases from the latest back, each read when it is first asked for."""

    def __init__(self, curated: Path) -> None:
        self._older = history(curated)
        self._read: list[tuple[Release, _Found]] = []

    def __iter__(self) -> Iterator[tuple[Release, _Found]]:
        yield from self._read
        for release in self._older:
            with opened() as connection:
                found: dict[_Publication, list[Version]] = defaultdict(list)
                for version in read_versions(connection, release):
                    found[version.publication].append(version)
            self._read.append((release, dict(found)))
            yield self._read[-1]

    def latest(self) -> tuple[Release | None, _Found]:
        return next(iter(self), (None, {}))

    def held_since(self, publication: _Publication) -> datetime | None:
        """When the first release was made of the unbroken run that has it held, up to now."""
        since = None
        try:
            for release, found in self:
                if not any(version.status == "held" for version in found.get(publication, ())):
                    break
                since = release.created_at
        except ReleaseError:
            # An old release cannot be read: it is held at least since the one after it.
            return since
        return since


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is known of a source: what the raw store has, and what the latest release has."""

    source: Source
    raw: _Raw
    release: Release | None
    versions: Sequence[Version]

    @property
    def published(self) -> Version | None:
        return next((version for version in self.versions if version.is_published), None)

    @property
    def held(self) -> Version | None:
        return next((version for version in self.versions if version.status == "held"), None)

    @property
    def is_unjudged(self) -> bool:
        """Whether its newest version is to be read, and the release does not say what it says."""
        newest = self.raw.newest
        known = {version.sha256 for version in self.versions if not version.is_unread}
        return newest is not None and self.source.extract and newest.sha256 not in known


def _status_of(raw: Path, source: Source, releases: _Releases, at: datetime) -> SourceStatus:
    release, found = releases.latest()
    had = _look_into(raw, source)
    known = _Known(source, had, release, found.get((source.source, source.document), ()))
    status = _status(known)
    shown = known.published or next(iter(known.versions), None)
    due = CADENCE_DAYS.get(source.cadence)
    age = at - had.last_good_look if had.last_good_look else None
    return SourceStatus(
        source=source.source,
        document=source.document,
        title=source.title,
        payer=source.payer.id if source.payer else None,
        kind=source.kind,
        status=status,
        since=_since(status, known, releases),
        reasons=tuple(_reasons(status, known)),
        rows=shown.rows if shown and shown.status != "missing" else None,
        last_seen=shown.last_seen if shown else None,
        held_reason=known.held.held_reason if known.held else None,
        last_look=had.last_look,
        last_good_look=had.last_good_look,
        last_change=had.newest.first_seen if had.newest else None,
        # A clock that was set back makes nothing younger than new.
        age_days=max(age.days, 0) if age is not None else None,
        cadence=source.cadence,
        cadence_days=due,
        is_overdue=age is not None and due is not None and age > timedelta(days=due),
        failed_looks=len(had.failed),
        failing_since=had.failed[0].at if had.failed else None,
        failed_reason=had.failed[-1].reason if had.failed else None,
        not_before=had.failed[-1].not_before if had.failed else None,
        terms_reviewed_on=None if isinstance(source.terms, str) else source.terms.reviewed_on,
    )


def _look_into(raw: Path, source: Source) -> _Raw:
    """What the raw store has, its bytes not read; whatever is wrong with it is this source's."""
    publication = (source.source, source.document)
    try:
        found = _Raw(
            store.versions(raw, *publication),
            store.failed_looks(raw, *publication),
            was_looked_for=store.folder_of(raw, *publication).exists(),
        )
        for snapshot in found.versions:
            path = store.path_of(raw, snapshot)
            size = path.stat().st_size
            if size != snapshot.size:
                raise StoreError(
                    f"{path.name} has {size:,} bytes where {snapshot.size:,} were stored; restore "
                    "it from a copy"
                )
    except (StoreError, OSError, ValueError, KeyError, TypeError) as error:
        said = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
        return _Raw(damage=said, was_looked_for=True)
    return found


def _status(known: _Known) -> Status:
    raw = known.raw
    if raw.damage is not None:
        return "damaged"
    if not raw.versions:
        if raw.failed and not known.published:
            return "failing"
        return "missing" if known.published or raw.was_looked_for else "waiting"
    if known.held and known.source.extract:
        return "stale" if known.published else "held"
    if raw.failed:
        return "failing"
    if not known.source.extract:
        return "archived"
    return "current" if known.published and not known.is_unjudged else "new"


def _since(status: Status, known: _Known, releases: _Releases) -> datetime | None:
    """When a status began; None where nothing tells."""
    publication = (known.source.source, known.source.document)
    versions, published = known.raw.versions, known.published
    if status == "failing":
        return known.raw.failed[0].at
    if status == "archived":
        return versions[0].first_seen
    if status == "missing":
        return releases.held_since(publication)
    if status == "current" and published:
        return published.first_seen
    if status in ("held", "stale", "new"):
        # Several versions may be held one after the other; the first of them began it.
        later = _after(versions, published.sha256 if published else None)
        return later[0].first_seen if later else releases.held_since(publication)
    return None


def _after(versions: Sequence[Snapshot], sha256: str | None) -> Sequence[Snapshot]:
    """The versions after the last one with these bytes; all where none has them."""
    places = [place for place, version in enumerate(versions) if version.sha256 == sha256]
    return versions[places[-1] + 1 :] if places else versions


def _reasons(status: Status, known: _Known) -> Iterator[str]:
    raw = known.raw
    if raw.damage is not None:
        yield raw.damage
    if known.held and known.held.held_reason:
        yield known.held.held_reason
    elif status == "missing":
        yield "the raw store has no version of it: restore it from a copy, or add one"
    if raw.failed:
        yield _failure(raw.failed)
    if raw.newest and known.is_unjudged:
        where = f"not in release {known.release}" if known.release else "in no release yet"
        yield (
            f"its newest version, first seen {utc(raw.newest.first_seen)}, is {where}: the next "
            "refresh judges it"
        )


def _failure(failed: Sequence[FailedLook]) -> str:
    last = failed[-1]
    count = "1 look" if len(failed) == 1 else f"{len(failed)} looks"
    wait = f"; it is not asked before {utc(last.not_before)}" if last.not_before else ""
    return f"{count} failed since {utc(failed[0].at)}; at {utc(last.at)}: {last.reason}{wait}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value
