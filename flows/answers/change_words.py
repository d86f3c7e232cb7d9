"""One difference of a release in a reader's words: what it is about, what differs, whose doing.

A change is taken as its columns in `changes`, with `before` and `after` read from their JSON. Which
changes are told, and in which order, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.table_text import one_line
from schemas.codes import shortened

# What the causes mean that are not the publication's.
OUR_CAUSES = {
    "reading": "the same publication is read otherwise, or reading it began or ended",
    "quarantine": "the row went to quarantine or came back from it",
    "unread": "a newer version may have the row, being cut or not read in all its parts",
    "reference": "the code reference says something else of the code",
}
# What is told first of a rule that differs in several columns.
_FIRST = ("pa_status", "conditions", "effective_from", "effective_to", "reviewer", "notes")
# Columns that follow from another one, and say nothing new beside it.
_FOLLOWS = {"crd_pa_needed": "pa_status", "reviewer_raw": "reviewer"}
# What a row without a code is called by, the first of these that it has.
_NAMES = ("policy", "title", "heading", "name", "product", "normalized", "value", "entry", "raw")
_NOTHING = "(empty)"
# Words that are kept before the first difference of two long texts.
_LEAD = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """One column that differs, and its two values in words of limited length."""

    column: str
    before: str
    after: str


def differences(
    fields: Sequence[str],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    width: int,
) -> Iterator[Difference]:
    """What differs in a modified row, the status first; values have at most `width` characters.

    Of two long values that begin alike, the part with the first difference is shown.
    """
    told = [name for name in fields if not _is_told_by_another(name, fields, before, after)]
    for name in sorted(told, key=lambda name: _FIRST.index(name) if name in _FIRST else 99):
        old, new = _contrast(in_words(before.get(name)), in_words(after.get(name)), width)
        yield Difference(name, old, new)


def _is_told_by_another(
    name: str, fields: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Whether the column that it follows from is told, and says both values.

    A reviewer that no name is known for is only in the column of the printed words.
    """
    other = _FOLLOWS.get(name, "")
    return other in fields and None not in (before.get(other), after.get(other))


def subject(code: str | None, content: Mapping[str, Any], row_key: str) -> str:
    """What a change is about: the code with its range and modifiers, else a name of the row."""
    if not code:
        named = next((content[name] for name in _NAMES if content.get(name)), row_key)
        return shortened(one_line(named), 60)
    end = content.get("code_end")
    shown = content.get("code_pattern") or (f"{code}-{end}" if end else code)
    return "-".join([shown, *(content.get("modifiers") or ())])


def in_words(value: object) -> str:
    """A value of a row's content: items of lists one after the other, conditions as printed."""
    if value is None or value == []:
        return _NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(map(in_words, value))
    if isinstance(value, dict):
        if "column" in value:
            return f"{one_line(value['column'])}: {one_line(value.get('value'))}"
        return one_line(value.get("raw") or ", ".join(map(str, filter(None, value.values()))))
    return one_line(value)


def _contrast(old: str, new: str, width: int) -> tuple[str, str]:
    if max(len(old), len(new)) > width:
        alike = next(
            (place for place, pair in enumerate(zip(old, new, strict=False)) if len({*pair}) > 1),
            min(len(old), len(new)),
        )
        if alike > width - _LEAD:
            start = alike - _LEAD
            old, new = f"…{old[start:]}", f"…{new[start:]}"
    return shortened(old, width), shortened(new, width)
