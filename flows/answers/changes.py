"""What changed between releases, read from the `changes` table that each release carries.

Nothing is compared here: a release states its differences from the one before it when it is made.
Changes come one after the other, never all at once: a release may have a million.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.answers.materiality import MATERIALITIES
from flows.answers.net_changes import net_changes
from flows.answers.payer_lists import is_called, payer_names, read_versions
from flows.releases import (
    PARQUET,
    RELEASE_ID,
    Release,
    ReleaseError,
    aside,
    gap,
    history,
    intact,
    opened,
    sequence_of,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COLUMNS = (
    "op",
    "cause",
    '"table"',
    "payer",
    "code",
    "fields_changed",
    "before",
    "after",
    "materiality",
    "row_key",
)
# A change of status before a rule that went, and that before one that came.
OPS = ("modify", "remove", "add")
# The file is in the order of table, payer and code, which each of these keeps.
_SQL = f"""
SELECT {", ".join(_COLUMNS)} FROM {PARQUET}
WHERE materiality = $materiality AND op = $op AND ($payers IS NULL OR payer IN $payers)
"""
_PAYERS = f"SELECT DISTINCT payer FROM {PARQUET} WHERE payer IS NOT NULL"
_MEMORY = "640MB"
_BATCH = 1_000


class SinceError(ValueError):
    """A release, day or payer that is not known; the message names those that are."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of a release from the one before; `before` and `after` are JSON.

    Only where `cause` is `publication` did the publication itself change. A net change is the
    difference of several releases from the one before them: `release` is the last one in which the
    row changed, and `steps` counts the changes that it is made of.
    """

    release: Release
    op: str
    cause: str
    table: str
    payer: str | None
    code: str | None
    fields_changed: tuple[str, ...]
    before: str | None
    after: str | None
    materiality: str
    row_key: str
    steps: int = 1

    def contents(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The row before and after; empty where there is none."""
        return json.loads(self.before or "{}"), json.loads(self.after or "{}")


@dataclass(frozen=True, slots=True)
class Span:
    """The releases whose changes are told, newest first.

    `cut_before` is the oldest release that is kept, where more was asked for than that.
    """

    releases: tuple[Release, ...]
    cut_before: Release | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes are asked for: of whom, how material at least, and whether folded to the net.

    `payers` are ids; None asks for those of all payers and of publications without one.
    """

    payers: frozenset[str] | None = None
    least: str = MATERIALITIES[-1]
    is_net: bool = False

    @property
    def materialities(self) -> tuple[str, ...]:
        return MATERIALITIES[: MATERIALITIES.index(self.least) + 1]


def releases_between(curated: Path, since: str | None, until: str | None = None) -> Span:
    """The releases after `since` up to `until`, each a release or a day (UTC), both included.

    A release `since` is left out, as what changed is told from there on; a day is not. Without
    `since` it is the one release that was the latest then; without `until` the latest of all.
    Raises `SinceError` for a release that is not among those kept, and for an end before the start.
    """
    kept = tuple(history(curated))
    if not kept:
        raise ReleaseError(f"there is no release in {curated}: run `precert refresh`")
    for name in filter(None, (since, until)):
        _refuse_aside(curated, kept, name)
    last = kept[-1] if kept[-1].previous is not None else None
    newest = 0 if until is None else _newest(kept, until)
    if since is None:
        return Span(kept[newest : newest + 1], last if newest == len(kept) else None)
    oldest = _oldest(kept, since)
    if until is not None and _is_before(until, since, newest, oldest):
        raise SinceError(f"{until} is before {since}: give the earlier one to --since")
    is_cut = since != kept[-1].previous and oldest == len(kept) - 1
    return Span(kept[newest : oldest + 1], last if is_cut else None)


def _newest(kept: Sequence[Release], until: str) -> int:
    """The place of the newest release that is told; that after the last one for none."""
    if _ISO_DATE.fullmatch(until):
        day = _day(until)
        made = (n for n, release in enumerate(kept) if release.created_at.date() <= day)
        return next(made, len(kept))
    return _place(kept, until)


def _oldest(kept: Sequence[Release], since: str) -> int:
    """The place of the oldest release that is told; -1 for none."""
    if _ISO_DATE.fullmatch(since):
        day = _day(since)
        made = (n for n, release in enumerate(kept) if release.created_at.date() >= day)
        return max(made, default=-1)
    if since == kept[-1].previous:
        return len(kept) - 1
    return _place(kept, since) - 1


def _is_before(until: str, since: str, newest: int, oldest: int) -> bool:
    if _ISO_DATE.fullmatch(until) and _ISO_DATE.fullmatch(since):
        return until < since
    return newest > oldest + 1


def _refuse_aside(curated: Path, kept: Sequence[Release], name: str) -> None:
    """Raises `SinceError` for a release that is there and is not in the history."""
    if not RELEASE_ID.fullmatch(name) or name in (*map(str, kept), kept[-1].previous):
        return
    if name not in map(str, aside(curated)):
        return
    missing = gap(curated, kept[-1])
    if missing and sequence_of(name) < kept[-1].sequence:
        raise SinceError(f"what changed since {name} is not known: {missing}")
    known = ", ".join(map(str, kept))
    raise SinceError(
        f"release {name} is kept aside and not in the history of {kept[0]}: it was rolled back, or "
        f"a run that died left it, so that nothing tells what changed since; in the history are: "
        f"{known}"
    )


def _place(kept: Sequence[Release], name: str) -> int:
    ids = [release.id for release in kept]
    if name not in ids:
        known = ", ".join(ids)
        if RELEASE_ID.fullmatch(name):
            raise SinceError(f"release {name} is not kept, or never was made; kept are: {known}")
        raise SinceError(f"{name!r} is neither a release nor a day (2026-01-31); known: {known}")
    return ids.index(name)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SinceError(f"{text!r} is not a day of the calendar: give one like 2026-01-31") from (
            error
        )


def payers_called(releases: Sequence[Release], name: str) -> frozenset[str]:
    """The ids of the payer of that id or name, in any of the releases; of none without releases.

    Raises `SinceError` for a payer that none of them knows: nothing changed would be a different
    answer.
    """
    known: set[str] = set()
    with opened() as connection:
        for release in releases:
            versions = read_versions(connection, release)
            path = {"path": intact(release, "changes")}
            known |= {version.payer for version in versions if version.payer}
            known |= {payer for (payer,) in connection.execute(_PAYERS, path).fetchall()}
        meant = {payer for payer in known if is_called(name, payer, None)}
        # The names stand beside the rules alone, of which there may be millions.
        for release in () if meant else releases:
            rules_path = intact(release, "prior_authorization")
            names = payer_names(connection, rules_path, ())
            known |= set(names)
            meant |= {payer for payer, called in names.items() if is_called(name, payer, called)}
    if releases and not meant:
        others = ", ".join(sorted(known)) or "none"
        raise SinceError(f"{name!r} is no payer of these releases: known are {others}")
    return frozenset(meant)


@contextmanager
def changes(releases: Sequence[Release], wanted: Wanted) -> Iterator[Iterator[Change]]:
    """The changes of the releases that are wanted, one after the other, within bounded memory.

    Those of the newest release come first; within one (and of the net) the most material; of
    these a row that differs before one that went and one that came; then by table, payer and code.
    Every file is held against its hash before the first change comes.
    """
    paths = [intact(release, "changes") for release in releases]
    with tempfile.TemporaryDirectory(prefix="precert-") as aside, opened() as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET temp_directory = $aside", {"aside": aside})
        if wanted.is_net:
            yield _net(connection, releases, paths, wanted)
        else:
            yield _stated(connection, releases, paths, wanted)


def _stated(
    connection: DuckDBPyConnection, releases: Sequence[Release], paths: list[str], wanted: Wanted
) -> Iterator[Change]:
    payers = None if wanted.payers is None else sorted(wanted.payers)
    for release, path in zip(releases, paths, strict=True):
        for materiality in wanted.materialities:
            for op in OPS:
                of = {"path": path, "materiality": materiality, "op": op}
                found = connection.execute(_SQL, of | {"payers": payers})
                while rows := found.fetchmany(_BATCH):
                    yield from (_change(release, row) for row in rows)


def _net(
    connection: DuckDBPyConnection, releases: Sequence[Release], paths: list[str], wanted: Wanted
) -> Iterator[Change]:
    oldest_first = tuple(reversed(releases))
    if not oldest_first:
        return
    told = net_changes(connection, tuple(reversed(paths)), OPS, wanted.payers, wanted.materialities)
    for net in told:
        yield Change(
            release=oldest_first[net.nth],
            op=net.op,
            cause=net.cause,
            table=net.table,
            payer=net.payer,
            code=net.code,
            fields_changed=net.fields_changed,
            before=net.before,
            after=net.after,
            materiality=net.materiality,
            row_key=net.row_key,
            steps=net.steps,
        )


def _change(release: Release, row: Sequence[Any]) -> Change:
    op, cause, table, payer, code, fields, before, after, materiality, row_key = row
    return Change(
        release=release,
        op=op,
        cause=cause,
        table=table,
        payer=payer,
        code=code,
        fields_changed=tuple(fields or ()),
        before=before,
        after=after,
        materiality=materiality,
        row_key=row_key,
    )
