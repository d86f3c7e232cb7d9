"""The raw store: documents exactly as served, named by the SHA-256 of their bytes.

    raw/<source>/<document>/<sha256>.<ext>   the bytes, written once, read-only
    raw/<source>/<document>/<sha256>.json    where they came from
    raw/<source>/<document>/seen.jsonl       one line a look, unchanged looks too

Nothing here is ever changed or deleted, and nothing is known of what the bytes say.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from extractors.archive import READABLE
from extractors.sniff import ZIP, sniff
from flows.files import (
    create_file,
    dump_json,
    flush_folder,
    load_json,
    place_file,
    sha256_of,
    write_aside,
)
from flows.lock import only_refresh
from flows.registry import find_source
from flows.settings import Settings
from schemas.provenance import Snapshot

Came = Literal["fetched", "shipped", "added"]


class StoreError(ValueError):
    """A raw store that cannot be trusted; the message names the file and the next step."""


# What tells that a publication is unchanged: its bytes, or only the origin's word.
By = Literal["body", "validator"]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a publication: when, the hash of what was there, and what tells so."""

    at: datetime
    sha256: str
    by: By = "body"


@dataclass(frozen=True, slots=True)
class FailedLook:
    """A look that brought nothing: when, why, and before when the origin wants no other."""

    at: datetime
    reason: str
    not_before: datetime | None = None


def now() -> datetime:
    return datetime.now(UTC)


def next_instant(raw: Path, source: str, document: str) -> datetime:
    """Now, or just after the last look where the clock has gone back: looks stay in order."""
    last = last_look(raw, source, document)
    return max(now(), last.at + timedelta(microseconds=1)) if last else now()


def folder_of(raw: Path, source: str, document: str) -> Path:
    return raw / source / document


def put(
    raw: Path,
    source: str,
    document: str,
    data: bytes,
    *,
    came: Came,
    at: datetime,
    facts: dict[str, Any] | None = None,
) -> str:
    """Store a document and record the look; its SHA-256. Bytes already known are not written.

    `facts` (url, final_url, headers, specimen) go into the description beside the bytes.
    """
    folder = folder_of(raw, source, document)
    folder.mkdir(parents=True, exist_ok=True)
    aside = write_aside(folder / "incoming", data)
    return put_file(raw, source, document, aside, came=came, at=at, facts=facts)


def put_file(
    raw: Path,
    source: str,
    document: str,
    aside: Path,
    *,
    came: Came,
    at: datetime,
    facts: dict[str, Any] | None = None,
) -> str:
    """`put` for bytes that lie flushed in a file aside, in the same file system; it is used up."""
    folder = folder_of(raw, source, document)
    folder.mkdir(parents=True, exist_ok=True)
    data = aside.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    found = sniff(data)
    described = {
        "source": source,
        "document": document,
        "sha256": sha256,
        "size": len(data),
        "media_type": found.media_type,
        "extension": found.extension,
        "came": came,
        "retrieved_at": at.isoformat(),
        **(facts or {}),
    }
    path = folder / f"{sha256}.{found.extension}"
    if path.exists() and sha256_of(path) != sha256:
        # Its name says which bytes belong here, and these are they: the file was damaged.
        path.unlink()
    place_file(aside, path)
    create_file(folder / f"{sha256}.json", dump_json(described))
    record_look(raw, source, document, Look(at, sha256))
    return sha256


def record_look(raw: Path, source: str, document: str, look: Look | FailedLook) -> None:
    """Append one look to seen.jsonl, in place of one that a crash left half-written."""
    path = folder_of(raw, source, document) / "seen.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(_line_of(look), sort_keys=True) + "\n"
    with path.open("a+b") as file:
        # Whoever else appends would lose a line between what is read here and what is cut off.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        written = file.read()
        file.truncate(written.rfind(b"\n") + 1)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
    flush_folder(path.parent)


def _line_of(look: Look | FailedLook) -> dict[str, str]:
    said = {"at": look.at.isoformat()}
    if isinstance(look, Look):
        said["sha256"] = look.sha256
        if look.by != "body":
            said["by"] = look.by
        return said
    said["failed"] = look.reason
    if look.not_before is not None:
        said["not_before"] = look.not_before.isoformat()
    return said


def looks(raw: Path, source: str, document: str) -> tuple[Look, ...]:
    """Every look that found a document, oldest first."""
    return tuple(look for look in _recorded(raw, source, document) if isinstance(look, Look))


def failed_looks(raw: Path, source: str, document: str) -> tuple[FailedLook, ...]:
    """The looks that failed since the last one that found the document, oldest first."""
    failed: list[FailedLook] = []
    for look in _recorded(raw, source, document):
        if isinstance(look, Look):
            failed.clear()
        else:
            failed.append(look)
    return tuple(failed)


def last_look(raw: Path, source: str, document: str) -> Look | FailedLook | None:
    """The newest look at a document, whatever it brought; None where nobody ever looked."""
    return next(reversed(_recorded(raw, source, document)), None)


def _recorded(raw: Path, source: str, document: str) -> list[Look | FailedLook]:
    """Every look in the order of their times; a last line that a crash cut is left out."""
    path = folder_of(raw, source, document) / "seen.jsonl"
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    found = sorted(_looks(whole, path), key=lambda look: look.at)
    if any(look.at.tzinfo is None for look in found):
        raise StoreError(f"{path.name} has a look without its time zone; restore it from a copy")
    return found


def _looks(text: str, path: Path) -> Iterator[Look | FailedLook]:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            yield _look_of(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path.parent.parent.name}/{path.parent.name}/{path.name}, line {number}: not a "
                f"look: {line[:80]!r}; restore it from a copy"
            ) from error


def _look_of(said: dict[str, Any]) -> Look | FailedLook:
    at = datetime.fromisoformat(said["at"])
    if "failed" not in said:
        return Look(at, said["sha256"], said.get("by", "body"))
    not_before = said.get("not_before")
    return FailedLook(at, said["failed"], not_before and datetime.fromisoformat(not_before))


def versions(raw: Path, source: str, document: str) -> tuple[Snapshot, ...]:
    """What was there, oldest first: a snapshot for each run of looks that found the same bytes."""
    found = []
    every = looks(raw, source, document)
    first = {look.sha256: look.at for look in reversed(every)}
    for sha256, run in groupby(every, key=lambda look: look.sha256):
        times = [look.at for look in run]
        snapshot = _snapshot(raw, source, document, sha256, times[0], times[-1])
        # A copy added later of an earlier day was there on that day.
        retrieved_at = min(snapshot.retrieved_at, first[sha256])
        found.append(replace(snapshot, retrieved_at=retrieved_at))
    return tuple(found)


def _snapshot(
    raw: Path, source: str, document: str, sha256: str, first: datetime, last: datetime
) -> Snapshot:
    said = _described(folder_of(raw, source, document) / f"{sha256}.json")
    return Snapshot(
        source=source,
        document=document,
        sha256=sha256,
        extension=said["extension"],
        media_type=said["media_type"],
        size=said["size"],
        url=said.get("url"),
        final_url=said.get("final_url"),
        retrieved_at=datetime.fromisoformat(said["retrieved_at"]),
        came=said["came"],
        first_seen=first,
        last_seen=last,
        is_specimen=said.get("specimen", False),
    )


def _described(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise StoreError(
            f"{path.name}: missing, though seen.jsonl names it; restore it from a copy"
        )
    try:
        said: dict[str, Any] = load_json(path)
    except ValueError as error:
        raise StoreError(f"{path.name}: not JSON ({error}); restore it from a copy") from error
    return said


def description(raw: Path, snapshot: Snapshot) -> dict[str, Any]:
    """All that was recorded beside a snapshot: addresses, headers, how it came."""
    folder = folder_of(raw, snapshot.source, snapshot.document)
    return _described(folder / f"{snapshot.sha256}.json")


def path_of(raw: Path, snapshot: Snapshot) -> Path:
    """The file that holds a snapshot's bytes."""
    folder = folder_of(raw, snapshot.source, snapshot.document)
    return folder / f"{snapshot.sha256}.{snapshot.extension}"


def is_sound(raw: Path, snapshot: Snapshot) -> bool:
    """Whether the file of a snapshot is there and holds the bytes that it is named by."""
    try:
        return sha256_of(path_of(raw, snapshot)) == snapshot.sha256
    except FileNotFoundError:
        return False


def read(raw: Path, snapshot: Snapshot) -> bytes:
    """The bytes of a snapshot, checked against its name before anyone parses them."""
    path = path_of(raw, snapshot)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{snapshot}: {path.name}: {error.strerror}; restore it") from error
    if hashlib.sha256(data).hexdigest() != snapshot.sha256:
        raise StoreError(
            f"{snapshot}: the bytes of {path.name} are not those it is named by; restore the file"
        )
    return data


def add_file(settings: Settings, source: str, path: Path, seen_on: date | None = None) -> str:
    """Add a file that someone obtained by hand to the versions of a source; what happened.

    It is the newest version, or, with a day on which it was there, the version of that day: one
    found in an archive takes its place in the history as if it had come then. Raises `StoreError`
    for a file that no reader reads and for a day to come.
    """
    described = find_source(settings.sources, source)
    data = path.read_bytes()
    found = sniff(data)
    if found not in (*READABLE, ZIP):
        what = "empty" if not data else found.media_type
        raise StoreError(f"{path}: {what}, which no reader reads; it was not added")
    where = (settings.raw, source, described.document)
    with only_refresh(settings.curated, "precert add"):
        before = versions(*where)
        added = now()
        at = next_instant(*where) if seen_on is None else _free_instant(where, seen_on, added)
        facts = None if seen_on is None else {"added_at": added.isoformat()}
        sha256 = put(*where, data, came="added", at=at, facts=facts)
        after = versions(*where)
    name = f"{source}/{described.document}: {sha256}"
    if seen_on is not None:
        after_it = "" if after[-1].sha256 == sha256 else ", and later versions stay the newest"
        return (
            f"{name} added as seen on {seen_on}{after_it}; precert refresh --offline publishes it"
        )
    if before and before[-1].sha256 == sha256:
        return f"{name} is the newest version already"
    return f"{name} added; precert refresh --offline publishes it"


def _free_instant(where: tuple[Path, str, str], day: date, today: datetime) -> datetime:
    """The beginning of a day (UTC), or the first microsecond after it without a look."""
    if day > today.date():
        raise StoreError(f"{day} is still to come: give a day on which the file was there")
    taken = {look.at for look in _recorded(*where)}
    at = datetime.combine(day, time.min, UTC)
    while at in taken:
        at += timedelta(microseconds=1)
    return at
