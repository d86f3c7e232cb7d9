"""What the notes and footnotes of a row say of its rule: conditions, dates, or neither.

Each note is read by the source's `notes`, as a whole. A note that no rule reads is published as
printed and flagged. On a row that says that nothing is needed, a note not understood or one that
asks for something is a fault: it may say the opposite of the row.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.codes import mark_key, printable
from schemas.source import ConditionTemplate, NoteRule

# Statuses that ask for something, which a condition can limit and a date can start or end.
_ASKING = ("required", "required_performer", "conditional")
# Statuses that a note not understood could turn into their opposite.
_RELEASING = ("not_required", "suspended")
# Words of a note that may take back what its row asks for.
_DENIAL = re.compile(
    r"\b(?:not?|never|without)\b[^.;]{0,60}\b(?:requir|need|necessary|prior auth|precert)"
    r"|\b(?:requir|prior auth|precert)[^.;]{0,60}\bnot (?:requir|need|necessary)"
    r"|\b(?:removed|deleted|exempt|notification only|suspended|delayed)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What notes say of a rule: its conditions, and the printed dates by column.

    `unread` are the notes that no rule reads.
    """

    conditions: tuple[dict[str, Any], ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class NoteRules:
    """The rules by which a source's notes are read, each with its pattern, compiled once."""

    rules: tuple[tuple[re.Pattern[str], NoteRule], ...]


def note_rules(rules: Iterable[NoteRule]) -> NoteRules:
    """Rules whose patterns match in any case."""
    return NoteRules(tuple((re.compile(rule.pattern, re.IGNORECASE), rule) for rule in rules))


@lru_cache(maxsize=1024)
def read_notes(notes: tuple[str, ...], status: str | None, rules: NoteRules) -> Said:
    """What the notes of a row with a status say of its rule.

    Where several say something, all their conditions hold.
    """
    conditions: list[dict[str, Any]] = []
    dates: list[tuple[str, str]] = []
    unread: list[str] = []
    faults: list[str] = []
    for note in notes:
        found = _matching(note, rules)
        if found is None:
            unread.append(note)
            if status in _RELEASING:
                faults.append(f"the row says {status}, and no rule reads its note {note!r}")
            elif status in _ASKING and _DENIAL.search(note):
                faults.append(f"the row says {status}, and its note {note!r} may deny it")
            continue
        rule, groups = found
        if status in _RELEASING and (rule.asks or _dates(groups)):
            faults.append(f"the row says {status}, and its note {note!r} asks for something")
        if status in _ASKING:
            dates += _dates(groups)
            if rule.condition:
                conditions.append(_condition(rule.condition, groups, note))
    return Said(tuple(conditions), tuple(dates), tuple(unread), tuple(faults))


def _matching(note: str, rules: NoteRules) -> tuple[NoteRule, dict[str, str]] | None:
    for pattern, rule in rules.rules:
        match = pattern.fullmatch(note)
        if match:
            return rule, {name: text for name, text in match.groupdict().items() if text}
    return None


def _dates(groups: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, groups[name]) for name in ("effective_from", "effective_to") if name in groups]


def _condition(template: ConditionTemplate, groups: dict[str, str], note: str) -> dict[str, Any]:
    return {
        "type": template.type,
        "operator": template.operator,
        "value": groups.get("value", template.value),
        "unit": template.unit,
        "raw": note,
    }


@dataclass(frozen=True, slots=True)
class BoundFootnotes:
    """The footnotes that marks beside a code or a PA value bind, and the marks that bind none."""

    texts: tuple[str, ...] = ()
    unbound: tuple[str, ...] = ()

    def faults(self, status: str | None, *, may_end: bool = False) -> tuple[str, ...]:
        """What is wrong where a row that says that nothing is needed has an unexplained mark.

        In a list whose marks `may_end` a requirement, that is wrong with any row.
        """
        if status not in _RELEASING and not may_end:
            return ()
        return tuple(
            f"the row says {status}, and the footnote of its mark {mark!r} was not found"
            for mark in self.unbound
        )


_NONE = BoundFootnotes()


def bound(marks: Collection[str], footnotes: Iterable[tuple[str, str]]) -> BoundFootnotes:
    """The footnotes, as pairs of a mark and a text, of those marks, each text once."""
    if not marks:
        return _NONE
    texts: list[str] = []
    unbound: list[str] = []
    printed = [(mark_key(mark), printable(text)) for mark, text in footnotes]
    for mark in dict.fromkeys(marks):
        found = [text for other, text in printed if other == mark_key(mark)]
        texts += found
        if not found:
            unbound.append(mark)
    return BoundFootnotes(tuple(dict.fromkeys(texts)), tuple(unbound))
