"""What changed between releases, read from the `changes` table that each release carries.

Nothing is compared here: a release states its differences from the one before it when it is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flows.payer_lists import is_called, payer_names, read_versions
from flows.releases import PARQUET, Release, ReleaseError, history, intact, opened
from flows.table_text import aligned

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COLUMNS = (
    "op",
    "cause",
    "table",
    "payer",
    "code",
    "fields_changed",
    "before",
    "after",
    "materiality",
    "row_key",
)
_SQL = f"""
SELECT {", ".join(f'"{name}"' for name in _COLUMNS)}
FROM {PARQUET}
ORDER BY "table", payer, code, row_key
"""
# Longer values are named and not shown in the table; JSON has them all.
_SHOWN_VALUE = 30
_OUR_CAUSES = {
    "reading": "the same snapshot is read otherwise",
    "quarantine": "a row went to quarantine or came back from it",
}


class SinceError(ValueError):
    """A release, day or payer that is not known; the message names those that are."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of a release from the one before; `before` and `after` are its content.

    Only where `cause` is `publication` did the publication itself change.
    """

    release: Release
    op: str
    cause: str
    table: str
    payer: str | None
    code: str | None
    fields_changed: tuple[str, ...]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    materiality: str
    row_key: str

    def as_json(self) -> dict[str, Any]:
        """The change as plain JSON values."""
        return {
            "release": self.release.id,
            "released_at": self.release.created_at.isoformat(),
            "op": self.op,
            "cause": self.cause,
            "table": self.table,
            "payer": self.payer,
            "code": self.code,
            "fields_changed": self.fields_changed,
            "before": self.before,
            "after": self.after,
            "materiality": self.materiality,
            "row_key": self.row_key,
        }


@dataclass(frozen=True, slots=True)
class Span:
    """The releases whose changes are told, newest first.

    `is_cut` says that more was asked for than is kept: releases before the oldest one are gone.
    """

    releases: tuple[Release, ...]
    is_cut: bool = False


def releases_since(curated: Path, since: str | None) -> Span:
    """The releases after a release, or those made on a day (UTC) or later; else the latest one.

    Raises `SinceError` for a release that is not among those before the latest.
    """
    kept = tuple(history(curated))
    if not kept:
        raise ReleaseError(f"there is no release in {curated}: run `precert refresh`")
    if since is None:
        return Span(kept[:1])
    if _ISO_DATE.fullmatch(since):
        day = _day(since)
        chosen = tuple(release for release in kept if release.created_at.date() >= day)
        return Span(chosen, is_cut=bool(chosen) and _is_oldest_of_more(chosen[-1], kept))
    ids = [release.id for release in kept]
    if since not in ids:
        known = ", ".join(ids)
        raise SinceError(f"{since!r} is neither a release nor a day (2026-01-31); known: {known}")
    return Span(kept[: ids.index(since)])


def _is_oldest_of_more(release: Release, kept: Sequence[Release]) -> bool:
    return release is kept[-1] and release.previous is not None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SinceError(f"{text!r} is not a day of the calendar: give one like 2026-01-31") from (
            error
        )


def changes(releases: Sequence[Release], payer: str | None = None) -> list[Change]:
    """Every change of the releases, in their order; of one payer, by id or name, if one is given.

    Raises `SinceError` for a payer that none of these releases knows: nothing changed would be a
    different answer.
    """
    found: list[Change] = []
    known: set[tuple[str, str | None]] = set()
    with opened() as connection:
        for release in releases:
            rows = connection.execute(_SQL, {"path": intact(release, "changes")}).fetchall()
            told = [_change(release, row) for row in rows]
            found += told
            if payer is not None:
                rules_path = intact(release, "prior_authorization")
                versions = read_versions(connection, release)
                known |= payer_names(connection, rules_path, versions).items()
                known |= {(change.payer, None) for change in told if change.payer}
    if payer is None or not releases:
        return found
    meant = {other for other, name in known if is_called(payer, other, name)}
    if not meant:
        others = ", ".join(sorted({other for other, _ in known})) or "none"
        raise SinceError(f"{payer!r} is no payer of these releases: known are {others}")
    return [change for change in found if change.payer in meant]


def text(found: Sequence[Change]) -> str:
    """The changes as a table, with what a cause means that is not the publication's."""
    header = ("release", "op", "cause", "table", "payer", "code", "fields", "materiality")
    table = aligned(header, [_cells(change) for change in found])
    causes = {change.cause for change in found}
    notes = [
        f"cause {cause}: {meaning}; the publication need not have changed"
        for cause, meaning in _OUR_CAUSES.items()
        if cause in causes
    ]
    return "\n".join([table, *([""] if notes else []), *notes])


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
        before=json.loads(before) if before else None,
        after=json.loads(after) if after else None,
        materiality=materiality,
        row_key=row_key,
    )


def _cells(change: Change) -> tuple[object, ...]:
    return (
        change.release.id,
        change.op,
        change.cause,
        change.table,
        change.payer,
        change.code,
        "; ".join(_fields(change)),
        change.materiality,
    )


def _fields(change: Change) -> list[str]:
    """What differs; for a rule that came or went, the status it has or had."""
    if change.op != "modify":
        content = change.after or change.before or {}
        return [f"pa_status: {content['pa_status']}"] if "pa_status" in content else []
    before, after = change.before or {}, change.after or {}
    return [_difference(name, before.get(name), after.get(name)) for name in change.fields_changed]


def _difference(name: str, before: object, after: object) -> str:
    old, new = _short(before), _short(after)
    return name if old is None or new is None else f"{name}: {old} -> {new}"


def _short(value: object) -> str | None:
    if value is None:
        return "(empty)"
    if isinstance(value, list | dict) or len(str(value)) > _SHOWN_VALUE:
        return None
    return str(value)
