"""What the dated code reference says of a code on a day.

Reads the table `codes`, whatever releases it was made of. Which day a document speaks of, and what
becomes of a row whose code has ended, is not known here. A code that the reference does not have
is not called invalid: no reference has every code.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa

from extractors.reference.dated_codes import release_begins, release_ends
from schemas.codes import system_of

_COLUMNS = (
    "code_system",
    "code",
    "effective_from",
    "effective_basis",
    "added_on",
    "terminated_on",
    "action",
    "replaced_by",
    "long_description",
    "short_description",
    "source",
    "first_release",
    "source_release",
)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CodeState:
    """Whether a code was valid on a day.

    `on` is the day asked for, or the last day that the reference reaches if that is earlier.
    `is_active` is None for a code that the reference does not have, or of which it does not tell
    for that day. `ended_on` is the last day of a code that had ended, `replaced_by` what the
    reference then names in its place; `began_later` says that the code was added after `on`.
    """

    on: date
    is_active: bool | None
    ended_on: date | None = None
    replaced_by: tuple[str, ...] = ()
    began_later: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """The official words of a code on a day; `release` is the one that has them (2025-10)."""

    long: str | None
    short: str | None
    source: str
    release: str


@dataclass(frozen=True, slots=True)
class _Spell:
    """A code from a day on: valid, ended, or None where no release tells."""

    begins: date
    is_active: bool | None
    ended_on: date | None = None
    replaced_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """One code: its spells and its words, each in order of the days from which they hold."""

    spells: tuple[_Spell, ...]
    words: tuple[tuple[date, Words], ...]
    added_on: date | None


@dataclass(frozen=True, slots=True)
class KnownCodes:
    """The code reference in memory."""

    _codes: Mapping[str, _Known] = field(default_factory=dict)
    _in_order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _begins: date | None = None
    _reaches: date | None = None

    @classmethod
    def of(cls, codes: pa.Table) -> KnownCodes:
        """The reference made of the rows of the table `codes`, in any order."""
        columns = [codes[name].to_pylist() for name in _COLUMNS]
        rows = [dict(zip(_COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]
        rows.sort(key=lambda row: (row["code_system"], row["code"], row["effective_from"]))
        newest: dict[str, str] = {}
        for row in rows:
            system, release = row["code_system"], row["source_release"]
            newest[system] = max(newest.get(system, ""), release)
        known: dict[str, _Known] = {}
        in_order: dict[str, list[str]] = {system: [] for system in newest}
        for (system, code), versions in groupby(
            rows, key=lambda row: (row["code_system"], row["code"])
        ):
            assert code == code.strip(), f"{code!r} of the code reference has blanks around it"
            known[code] = _known(list(versions), newest[system])
            in_order[system].append(code)
        if not rows:
            return cls()
        first, last = min(row["first_release"] for row in rows), max(newest.values())
        return cls(known, in_order, release_begins(first), release_ends(last))

    @property
    def begins(self) -> date | None:
        """The first day that the oldest release speaks of; None without a release."""
        return self._begins

    @property
    def reaches(self) -> date | None:
        """The last day that the newest release speaks of; None without a release.

        A release of a quarter holds until the next one: to the end of its third month.
        """
        return self._reaches

    def state(self, code: str, on: date) -> CodeState | None:
        """The state of a code; None where the reference is empty."""
        if self._reaches is None:
            return None
        day = min(on, self._reaches)
        known = self._codes.get(code)
        if known is None:
            return CodeState(day, None)
        number = bisect_right(known.spells, day, key=lambda spell: spell.begins)
        if number == 0:
            return CodeState(day, is_active=False, began_later=True)
        spell = known.spells[number - 1]
        return CodeState(day, spell.is_active, spell.ended_on, spell.replaced_by)

    def listed(self, first: str, last: str) -> tuple[str, ...] | None:
        """The codes from `first` to `last` that the reference has of any day, in order.

        None where it has no code at all of that system.
        """
        codes = self._in_order.get(system_of(first) or "")
        if codes is None:
            return None
        return tuple(codes[bisect_left(codes, first) : bisect_right(codes, last)])

    def members(self, first: str, last: str, on: date) -> tuple[str, ...] | None:
        """The codes from `first` to `last` that were valid on a day, in order.

        None where the reference has no code at all of that system.
        """
        listed = self.listed(first, last)
        return None if listed is None else tuple(code for code in listed if self.has(code, on))

    def words(self, code: str, on: date) -> Words | None:
        """The official words of a code on a day; the oldest known ones for an earlier day.

        None for a code that the reference does not have, or has without words.
        """
        known = self._codes.get(code)
        if known is None or not known.words:
            return None
        number = bisect_right(known.words, on, key=lambda dated: dated[0])
        return known.words[max(number - 1, 0)][1]

    def added_on(self, code: str) -> date | None:
        """The first day of a code."""
        known = self._codes.get(code)
        return known.added_on if known else None

    def has(self, code: str, on: date) -> bool:
        """Whether a code was valid on a day."""
        state = self.state(code, on)
        return state is not None and state.is_active is True


def _known(versions: list[dict[str, Any]], newest: str) -> _Known:
    words = tuple(
        (
            version["effective_from"],
            Words(
                version["long_description"],
                version["short_description"],
                version["source"],
                version["source_release"],
            ),
        )
        for version in versions
        if version["long_description"] or version["short_description"]
    )
    lives = _lives(versions)
    return _Known(_spells(lives, versions[-1], newest), words, lives[0].added_on)


@dataclass(frozen=True, slots=True)
class _Life:
    """The days from which to which a code was valid, as the newest release that tells has them.

    `told_until` is the last day of a life of whose end nothing is known but that it came before
    the next one.
    """

    added_on: date | None
    ended_on: date | None
    replaced_by: tuple[str, ...]
    last_release: str
    told_until: date | None = None


def _lives(versions: list[dict[str, Any]]) -> list[_Life]:
    """The lives of a code: more than one where it came back after it had ended."""
    lives: list[_Life] = []
    for version in versions:
        life = _Life(
            version["added_on"],
            version["terminated_on"],
            tuple(version["replaced_by"] or ()),
            version["source_release"],
        )
        last = lives[-1] if lives else None
        back = _came_back(last, life, version)
        if back is None:
            if last is not None:
                # What the newest release says replaces what was said of this life before; but
                # when a life after another began, only the release that brought it back tells.
                begun = last.added_on if len(lives) > 1 else life.added_on
                lives[-1] = replace(life, added_on=begun)
            else:
                lives.append(life)
            continue
        if last is not None:
            if last.ended_on is None:
                told = min(release_ends(last.last_release), back - _DAY)
                lives[-1] = replace(last, told_until=told)
        elif life.added_on is not None and life.added_on < back:
            lives.append(replace(life, ended_on=None, told_until=life.added_on - _DAY))
        lives.append(replace(life, added_on=back))
    return lives


def _came_back(last: _Life | None, life: _Life, version: dict[str, Any]) -> date | None:
    """The day on which a version brings a code back that had ended; None where it does not."""
    day: date = version["effective_from"]
    reactivated = version["action"] == "reactivated"
    if last is None:
        # Only that it had ended is known, not when.
        return day if reactivated else None
    if last.ended_on is None:
        # One that a release before may have stated already is none of this version.
        return day if reactivated and version["effective_basis"] == "stated" else None
    if life.ended_on == last.ended_on:
        return None
    if life.added_on is not None and life.added_on > last.ended_on:
        return life.added_on
    # An end that is put off or taken back before it comes is no end.
    if day > last.ended_on + _DAY and (reactivated or life.ended_on is None):
        return day
    return None


def _spells(lives: list[_Life], newest_version: dict[str, Any], newest: str) -> tuple[_Spell, ...]:
    spells: dict[date, _Spell] = {}
    for life in lives:
        begins = life.added_on or date.min
        spells[begins] = _Spell(begins, is_active=True)
        if life.told_until is not None:
            after = max(begins, life.told_until + _DAY)
            spells[after] = _Spell(after, is_active=None)
        elif life.ended_on is not None:
            after = max(begins, life.ended_on + _DAY)
            spells[after] = _Spell(after, False, life.ended_on, life.replaced_by)
    release = newest_version["source_release"]
    if release < newest and lives[-1].ended_on is None:
        # Later releases lack the code and no release says that it ended.
        after = max(max(spells), release_ends(release) + _DAY)
        spells[after] = _Spell(after, is_active=None)
    return tuple(spells[begins] for begins in sorted(spells))
