"""Which old releases may go, and their removal: whole, and never so that a reader is hurt.

What stays is decided by two rules, of which the one that keeps more holds:

    keep   so many whole releases of the history, the newest; where it has fewer, the newest aside
    days   releases made in the last days; and those that were rolled back, or left by a run that
           died, until so many days after another one was published in their place

The latest release stays always, a rolled back one until there is a newer release, and a release
that cannot be read until someone has looked at it. Days end with the newest release or with the
clock, whichever is earlier, so that a clock that is wrong removes nothing more.

A release is renamed before it is deleted: it is there whole, or not at all. What a run that died
left half-deleted goes with the next. raw/ is not known here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flows.files import flush_folder
from flows.lock import only_refresh
from flows.releases import (
    STAGING,
    Release,
    ReleaseError,
    folders,
    history,
    is_whole,
    latest,
    read_release,
)

KEEP, DAYS = 10, 7
# One to read, and one to go back to.
LEAST_KEPT = 2
_LEAVING = ".pruned-"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A folder that goes, with the bytes of its files; `release` is None for a left-over."""

    folder: Path
    bytes: int
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Staying:
    """A release that stays, and why in a few words."""

    release: Release
    why: str


@dataclass(frozen=True, slots=True)
class Pruning:
    """What goes, oldest first, what stays, newest first, and what cannot be judged, in words."""

    leaving: tuple[Leaving, ...]
    staying: tuple[Staying, ...]
    unreadable: tuple[str, ...]

    @property
    def freed(self) -> int:
        """The bytes of all that goes."""
        return sum(leaving.bytes for leaving in self.leaving)

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "removed": [
                {
                    "release": leaving.release and leaving.release.id,
                    "folder": str(leaving.folder),
                    "bytes": leaving.bytes,
                }
                for leaving in self.leaving
            ],
            "freed": self.freed,
            "kept": [{"release": kept.release.id, "why": kept.why} for kept in self.staying],
            "unreadable": list(self.unreadable),
        }


def prune(
    curated: Path,
    clock: Callable[[], datetime],
    *,
    keep: int = KEEP,
    days: int = DAYS,
    dry_run: bool = False,
) -> Pruning:
    """Remove what the rules let go, or only say what that is.

    Raises `AlreadyRunning` where a refresh runs, and `ReleaseError` where the latest release is not
    whole or those before it cannot be followed: then nothing is removed.
    """
    if keep < LEAST_KEPT or days < 0:
        raise ValueError(f"at least {LEAST_KEPT} releases and 0 days are kept")
    if latest(curated) is None:
        raise ReleaseError(f"there is no release in {curated}: run `precert refresh`")
    with only_refresh(curated, "precert releases prune"):
        found = _judged(curated, clock(), keep, timedelta(days=days))
        if not dry_run:
            _remove(curated / "releases", found.leaving)
    return found


def _judged(curated: Path, now: datetime, keep: int, days: timedelta) -> Pruning:
    chain = list(history(curated))
    if not is_whole(chain[0]):
        raise ReleaseError(
            f"the latest release {chain[0]} is not whole, so that an older one may be needed; "
            "nothing was removed: run `precert releases verify`"
        )
    aside, unreadable = _aside(curated, {release.id for release in chain})
    every = [*chain, *aside]
    since = min(now, max(release.created_at for release in every)) - days
    # Where all stay, none is held against its hashes.
    counts = is_whole if len(every) > keep else bool
    staying: list[Staying] = []
    whole = 0
    young = max(n for n, release in enumerate(chain) if not n or release.created_at >= since)
    for n, release in enumerate(chain):
        if whole >= keep and n > young:
            break
        why = "the latest" if not n else f"one of {keep}" if whole < keep else "young"
        staying.append(Staying(release, why))
        # One that is damaged counts for nothing.
        whole += whole >= keep or counts(release)
    for release in aside:
        reason = _why_aside(release, chain, since)
        if whole < keep and counts(release):
            whole += 1
            reason = reason or f"one of {keep}"
        if reason:
            staying.append(Staying(release, reason))
    names = {kept.release.id for kept in staying}
    going = [release for release in every if release.id not in names]
    leaving = [Leaving(path, _bytes(path)) for path in _left_over(curated / "releases")]
    leaving += (
        Leaving(release.folder, _bytes(release.folder), release)
        # The oldest goes first: the history has no gap, wherever a removal ends.
        for release in sorted(going, key=lambda release: release.sequence)
    )
    staying.sort(key=lambda kept: kept.release.sequence, reverse=True)
    return Pruning(tuple(leaving), tuple(staying), tuple(unreadable))


def _aside(curated: Path, in_history: set[str]) -> tuple[list[Release], list[str]]:
    """The releases outside of the history, newest first, and the folders that cannot be read."""
    found, unreadable = [], []
    for folder in folders(curated):
        if folder.name in in_history:
            continue
        try:
            if folder.is_symlink():
                raise ReleaseError("a link to another place")
            found.append(read_release(curated, folder.name))
        except ReleaseError as error:
            unreadable.append(
                f"{folder} holds no release that can be read ({error}); it stays: look at it, and "
                "remove it by hand"
            )
    return sorted(found, key=lambda release: release.sequence, reverse=True), unreadable


def _why_aside(release: Release, chain: Sequence[Release], since: datetime) -> str | None:
    if release.created_at >= since:
        return "young"
    in_its_place = [other for other in chain if other.sequence > release.sequence]
    if not in_its_place:
        return "newer than the latest"
    return "set aside lately" if in_its_place[-1].created_at >= since else None


def _left_over(folder: Path) -> list[Path]:
    """What runs that died left: a release half-made, others half-deleted."""
    return [
        path for path in (folder / STAGING, *sorted(folder.glob(f"{_LEAVING}*"))) if path.is_dir()
    ]


def _remove(folder: Path, leaving: Sequence[Leaving]) -> None:
    for found in leaving:
        path = found.folder
        if found.release is not None:
            path = folder / f"{_LEAVING}{path.name}"
            found.folder.rename(path)
            flush_folder(folder)
        shutil.rmtree(path)
        flush_folder(folder)


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
