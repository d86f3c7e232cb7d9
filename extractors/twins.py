"""Two files that state the same codes, held against each other.

Compares what was read of them, code by code. Which of two is right is not known here: a difference
holds the document. Only a day of change that one of the files leaves empty is taken from the
other, since a publisher's workbook leaves it out where a code was never changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from extractors.reading import Problem
from extractors.records import Record
from schemas.codes import shortened

# What both files state of a code.
COMPARED = (
    "long_description",
    "short_description",
    "added_on",
    "effective_from",
    "terminated_on",
    "action",
    "coverage",
    "betos",
    "pricing",
    "cross_references",
)
_MAY_BE_EMPTY = "effective_from"
_SHOWN = 20
_WIDTH = 60

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """The records with what the other file adds to them, and the differences."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]


def compared(
    records: Sequence[Record], name: str, others: Sequence[Record], other_name: str
) -> Compared:
    """The records of the file `name`, held against those of the file `other_name`.

    The first 20 differences are told one by one, the others counted; each holds.
    """
    known, twins = _by_code(records), _by_code(others)
    differences = [
        _missing(twin, code, other_name, name) for code, twin in twins.items() if code not in known
    ]
    completed: list[Record] = []
    dated: list[Record] = []
    for record in records:
        key = _key(record)
        if key is None or known[key] is not record:
            completed.append(record)  # its fault keeps it from being published
        elif key not in twins:
            differences.append(_missing(record, key, name, other_name))
            completed.append(record)
        else:
            twin = twins[key]
            whole = _with_day(record, twin)
            if whole is not record:
                dated.append(whole)
            differences += _differences(whole, name, twin, other_name)
            completed.append(whole)
    unnamed = [other for other in others if _key(other) is None]
    differences += [
        Problem(f"{other_name}, line {other.place.line}: {other.faults[0]}") for other in unnamed
    ]
    problems = differences[:_SHOWN]
    if len(differences) > _SHOWN:
        more = len(differences) - _SHOWN
        problems.append(Problem(f"{more:,} more differences between {name} and {other_name}"))
    if dated:
        message = (
            f"{len(dated):,} codes have the first day of their version in {other_name} alone, "
            f"{dated[0].values['code']} the first"
        )
        problems.append(Problem(message, dated[0].place, holds=False))
    return Compared(tuple(completed), tuple(problems))


def _key(record: Record) -> _Key | None:
    system, code = record.values["code_system"], record.values["code"]
    return (system, code) if system and code else None


def _by_code(records: Sequence[Record]) -> dict[_Key, Record]:
    """The first record of each code; a second one has a fault already."""
    found: dict[_Key, Record] = {}
    for record in records:
        key = _key(record)
        if key is not None:
            found.setdefault(key, record)
    return found


def _missing(record: Record, key: _Key, name: str, other_name: str) -> Problem:
    message = f"{key[1]} is in {name}, line {record.place.line}, and not in {other_name}"
    return Problem(message, record.place)


def _with_day(record: Record, twin: Record) -> Record:
    stated = twin.values[_MAY_BE_EMPTY]
    if stated is None or record.values[_MAY_BE_EMPTY] is not None:
        return record
    if any(_MAY_BE_EMPTY in fault for fault in record.faults):
        return record
    return replace(record, values={**record.values, _MAY_BE_EMPTY: stated})


def _differences(record: Record, name: str, twin: Record, other_name: str) -> list[Problem]:
    found = []
    for column in COMPARED:
        one, other = record.values.get(column), twin.values.get(column)
        if one != other:
            found.append(
                Problem(
                    f"{record.values['code']}: {column} is {_told(one, other)} in {name}, line "
                    f"{record.place.line}, and {_told(other, one)} in {other_name}, line "
                    f"{twin.place.line}",
                    record.place,
                )
            )
    faults = [fault for fault in twin.faults if fault not in record.faults]
    return found + [Problem(f"{other_name}, line {twin.place.line}: {fault}") for fault in faults]


def _told(value: Any, other: Any) -> str:
    """A value as shown; of two long texts, from a little before where they differ."""
    if value is None:
        return "empty"
    if not isinstance(value, str):
        return ", ".join(value) if isinstance(value, list) else str(value)
    same = 0
    if isinstance(other, str):
        pairs = enumerate(zip(value, other, strict=False))
        least = min(len(value), len(other))
        same = next((at for at, (one, two) in pairs if one != two), least)
    start = max(0, same - _WIDTH // 2) if len(value) > _WIDTH else 0
    return repr(("…" if start else "") + shortened(value[start:], _WIDTH))
