"""What the raw store and the parts together say of one document now.

Follows the versions of a document from the oldest on: each is extracted and judged against the
last good one, and the newest accepted one is what a release publishes. A source with `extract:
false` is archived: its versions are kept and known, and nothing reads or judges them. All of it is
computed from the raw store, so that a release can always be rebuilt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flows import store
from flows.parts import WorkerLost, extract_part, part_of
from flows.releases import Release
from flows.settings import Settings
from flows.store import StoreError
from flows.validate import Verdict, is_judged, judge
from schemas.provenance import Snapshot
from schemas.source import Source
from schemas.tables import CODES


@dataclass(frozen=True, slots=True)
class Document:
    """A document's newest version and the version to publish.

    `accepted` are all good versions, oldest first; the last one is published. Releases of a code
    set may come in any order, and count by the day that they are for. `newest` is the
    verdict on the newest version, None where it gave none; `failure` says why. `kept` is the
    release whose rows stay, where what is read now may not take their place. `held` has why each
    version that is not good is not, by its first look.
    """

    source: Source
    versions: tuple[Snapshot, ...] = ()
    accepted: tuple[Verdict, ...] = ()
    newest: Verdict | None = None
    failure: str | None = None
    kept: Release | None = None
    held: Mapping[datetime, str] = field(default_factory=dict)

    @property
    def published(self) -> Verdict | None:
        return self.accepted[-1] if self.accepted and self.kept is None else None

    @property
    def held_reason(self) -> str | None:
        """Why the newest version is not published; None where it is, or where there is none."""
        if self.failure is not None:
            return self.failure
        return self.newest.held_reason if self.newest is not None else None

    @property
    def status(self) -> str:
        if self.held_reason:
            return "held"
        if not self.versions:
            return "missing"
        return "current" if self.source.extract else "archived"


def is_waiting(settings: Settings, source: Source) -> bool:
    """Whether a source waits for its first snapshot: nobody ever looked, so nothing can be read."""
    return not store.folder_of(settings.raw, source.source, source.document).exists()


def is_settled(settings: Settings, source: Source) -> bool:
    """Whether every version of a document is extracted and judged, as the code and YAML are now."""
    try:
        versions = store.versions(settings.raw, source.source, source.document)
    except StoreError:
        return False
    last_good: Verdict | None = None
    for snapshot in versions if source.extract else ():
        part = part_of(settings, source, snapshot)
        if not is_judged(part, last_good):
            return False
        verdict = judge(part, source, last_good)
        last_good = verdict if verdict.accepted else last_good
    return True


def extract_versions(settings: Settings, source: Source) -> dict[str, str]:
    """Extract every version of a document that is not extracted yet; of an archived one, none.

    Returns what failed: SHA-256 of the version and why. The bytes of each version are checked
    against their hash, extracted already, not yet or never. Raises `StoreError` where the record
    of the versions itself is damaged.
    """
    failures = {}
    for snapshot in store.versions(settings.raw, source.source, source.document):
        try:
            store.read(settings.raw, snapshot)
            if source.extract:
                extract_part(settings, source, snapshot)
        except (StoreError, WorkerLost) as error:
            failures[snapshot.sha256] = str(error)
    return failures


def follow(settings: Settings, source: Source, failures: dict[str, str]) -> Document:
    """The state of a document, its verdicts made where they are not cached.

    A version that failed (damaged bytes, a lost worker) is passed over for the last good one; a
    verdict made while its bytes were sound still counts. Where the first good version cannot be
    read, later ones have nothing to be compared with and are not judged. An archived document has
    its versions and no verdict: damage to its bytes fails the run and holds nothing back.
    """
    try:
        versions = store.versions(settings.raw, source.source, source.document)
    except StoreError as error:
        return Document(source, failure=str(error))
    if not source.extract:
        return Document(source, versions)
    verdicts, unread = _walk(settings, source, versions)
    accepted = [verdict for verdict in verdicts if verdict is not None and verdict.accepted]
    newest = verdicts[-1] if verdicts else None
    if source.main_table == CODES.name:
        accepted.sort(key=lambda verdict: verdict.part.outline().get("effective_on") or "")
    failure = failures.get(versions[-1].sha256) if versions else None
    if versions and newest is None and failure is None:
        why = failures.get(unread.sha256, "not extracted yet") if unread else "not extracted yet"
        failure = (
            f"{versions[-1]} has no earlier version to be compared with, since {unread} cannot be "
            f"read: {why}; restore it, or look at the newest and add {versions[-1].sha256} to "
            "expect.accepted_versions"
        )
    held = {
        snapshot.first_seen: _why_held(verdict, failures.get(snapshot.sha256))
        for snapshot, verdict in zip(versions, verdicts, strict=True)
        if verdict is None or not verdict.accepted
    }
    return Document(source, versions, tuple(accepted), newest, failure, held=held)


def _walk(
    settings: Settings, source: Source, versions: Sequence[Snapshot]
) -> tuple[list[Verdict | None], Snapshot | None]:
    """The verdict on each version, None where it gets none, and the first that cannot be read."""
    verdicts: list[Verdict | None] = []
    last_good: Verdict | None = None
    unread: Snapshot | None = None
    for snapshot in versions:
        part = part_of(settings, source, snapshot)
        verdict = None
        if not (part.folder / "outline.json").exists():
            unread = unread or snapshot
        elif last_good or unread is None or snapshot.sha256 in source.expect.accepted_versions:
            verdict = judge(part, source, last_good)
            last_good = verdict if verdict.accepted else last_good
        verdicts.append(verdict)
    return verdicts, unread


def _why_held(verdict: Verdict | None, failure: str | None) -> str:
    if verdict is not None and verdict.held_reason:
        return verdict.held_reason
    return failure or "no good version came before it, so that it could not be judged"
