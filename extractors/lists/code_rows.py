"""Rows of an official code set: one candidate row of `codes` for each code and modifier.

Knows what the columns of the HCPCS Level II files mean: kinds of records, continued descriptions,
letters that stand for words, dates of which one is a last day. Which release follows which, and
from when to when a version holds, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from extractors.dates import parse_date
from extractors.lists.licensed import is_licensed, without_descriptions, without_words
from extractors.reading import Tally
from extractors.records import Record
from extractors.tables import CONTINUATION, Assembly, ListRow
from schemas.code_sets import ACTION_CODES, COVERAGE_CODES
from schemas.codes import LICENSES, MODIFIER, printable, system_of
from schemas.tables import CODES

WORDS = ("long_description", "short_description")
DATES = ("added_on", "effective_from", "terminated_on")

_MODIFIER = re.compile(MODIFIER)
# The kinds of records: the first line of a code or a modifier, and further lines of its words.
_OF_CODES, _OF_MODIFIERS = ("3", "4"), ("7", "8")
_FURTHER = ("4", "8")
# The numbered columns of what a code may have several of.
_OF = {
    prefix: frozenset(f"{prefix}_{number}" for number in range(1, 10))
    for prefix in ("pricing", "cross_reference")
}
# What a further line repeats or adds; its other columns are empty.
_OF_FURTHER = ("code", "sequence", "record", "long_description")


@dataclass(frozen=True, slots=True)
class CodeRows:
    """The candidate rows of a release, the fate of its lines, and the month it is of.

    `release` is the month of the newest day on which a code was added or changed; None where no
    row has such a day.
    """

    records: tuple[Record, ...]
    tally: Tally
    release: date | None


def code_rows(assembly: Assembly, noc: Collection[str] | None = None) -> CodeRows:
    """The codes and modifiers of a release in printed order.

    A description that goes on in further rows is one text, a blank between its parts, and these
    rows belong to the first. `noc` are the codes not otherwise classified, None where nobody says
    which they are. A value that cannot be read is left empty and is a fault of its row.
    """
    rows = _whole(assembly.rows)
    records = [_record(row, noc) for row in rows]
    days = [r.values[name] for r in records for name in DATES[:2] if r.values.get(name)]
    release = max(days).replace(day=1) if days else None
    printed = f"{release:%Y-%m}" if release else None
    for record in records:
        record.values["source_release"] = printed
    joined = len(assembly.rows) - len(rows)
    return CodeRows(_without_repeats(records), _tally(assembly.tally, joined), release)


def of_code(printed: str) -> tuple[str | None, str]:
    """The code system of a printed code or modifier, None if it is neither; and its normal form."""
    code = printable(printed)
    if _MODIFIER.fullmatch(code):
        return ("CPT_MOD" if code.isdigit() else "HCPCS_MOD"), code
    return system_of(code), code


def no_code(row: ListRow, printed: str) -> str:
    """The fault of a row that prints no code as its code, without licensed words beside it."""
    shown = without_words(printed) if is_licensed(row, ()) else printed
    return f"{shown!r} is neither a code nor a modifier"


def withheld(row: ListRow, columns: Collection[str] = WORDS) -> tuple[str, tuple[str, ...]]:
    """A row's text and cells as printed, without the words of its code."""
    cell = row.cells.get("code", "")
    printed = tuple(
        without_words(cell) if said == cell else said for said in without_descriptions(row, columns)
    )
    return "\t".join(printed), printed


def meaning(letter: str | None, meanings: dict[str, str], what: str, faults: list[str]) -> Any:
    """What a printed letter stands for; one that stands for nothing is a fault."""
    if letter is None:
        return None
    if letter not in meanings:
        known = ", ".join(meanings)
        faults.append(f"{letter!r} is no {what} code that the record layout has ({known})")
    return meanings.get(letter)


def day(row: ListRow, column: str, faults: list[str]) -> date | None:
    """The date in a cell; text that is none is a fault."""
    printed = text(row, column)
    if printed is None:
        return None
    found = parse_date(printed)
    if found is None:
        faults.append(f"{printed!r} is not a date that we can read for {column}")
    return found


def text(row: ListRow, column: str) -> str | None:
    """What a cell says, None where it is empty."""
    cell = row.cells.get(column)
    return (printable(cell) or None) if cell else None


def _tally(tally: Tally, joined: int) -> Tally:
    if not joined:
        return tally
    ignored = {**tally.ignored, CONTINUATION: tally.ignored.get(CONTINUATION, 0) + joined}
    return replace(tally, row_lines=tally.row_lines - joined, ignored=ignored)


def _whole(rows: tuple[ListRow, ...]) -> list[ListRow]:
    """The rows, each with the further lines of its description; one that is lost has a fault."""
    whole: list[ListRow] = []
    parts: list[ListRow] = []
    for row in rows:
        above = parts[0] if parts else None
        if above is not None and _continues(row, above):
            parts.append(row)
            continue
        if parts:
            whole.append(_joined(parts))
        parts = [_checked(row)]
    return [*whole, _joined(parts)] if parts else whole


def _continues(row: ListRow, above: ListRow) -> bool:
    """Whether a row is a further line of the description above it.

    Without the column of kinds of records (a workbook may hide it) that is a row that repeats the
    code and has nothing but words.
    """
    if row.fault or above.fault or text(row, "code") != text(above, "code"):
        return False
    if any(cell.strip() for name, cell in row.cells.items() if name not in _OF_FURTHER):
        return False
    record = text(row, "record")
    return (
        record in _FURTHER if "record" in row.cells else text(row, "long_description") is not None
    )


def _checked(row: ListRow) -> ListRow:
    """A row that begins a code; a further line without one above it cannot."""
    if row.fault or text(row, "record") not in _FURTHER:
        return row
    fault = "it continues a description, but not that of the row above, or has more than words"
    return replace(row, fault=fault)


def _joined(parts: list[ListRow]) -> ListRow:
    first = parts[0]
    if len(parts) == 1:
        return first
    words = " ".join(part.cells["long_description"].strip() for part in parts)
    return replace(
        first,
        cells={**first.cells, "long_description": words},
        raw_text="\n".join(part.raw_text for part in parts),
        flags=tuple(dict.fromkeys(flag for part in parts for flag in part.flags)),
    )


def _record(row: ListRow, noc: Collection[str] | None) -> Record:
    faults = [row.fault] if row.fault else []
    system, code = of_code(row.cells.get("code", ""))
    if not row.fault:
        faults += _doubts(row, system, code)
    license_ = LICENSES.get(system or "")
    values: dict[str, Any] = {
        "code_system": system,
        "code": code if system else None,
        "action": meaning(text(row, "action"), ACTION_CODES, "action", faults),
        "coverage": meaning(text(row, "coverage"), COVERAGE_CODES, "coverage", faults),
        "betos": text(row, "betos"),
        "pricing": _several(row, "pricing"),
        "cross_references": _several(row, "cross_reference"),
        "description_license": license_,
        "is_noc": None if noc is None else code in noc,
    }
    values |= {name: day(row, name, faults) for name in DATES}
    raw_text, printed = row.raw_text, row.printed
    if license_ == "public":
        values |= {name: text(row, name) for name in WORDS}
    elif license_ or is_licensed(row, ()):
        raw_text, printed = withheld(row)
    return Record(CODES.name, values, row.place, raw_text, printed, tuple(faults))


def _doubts(row: ListRow, system: str | None, code: str) -> list[str]:
    """What is wrong with a row as a row of a code set."""
    if system is None:
        return [no_code(row, code)]
    if text(row, "long_description") is None and text(row, "short_description") is None:
        return ["the row has no description"]
    record = text(row, "record")
    if record is None:
        return []
    kinds = _OF_MODIFIERS if system.endswith("_MOD") else _OF_CODES
    if record not in (*_OF_CODES, *_OF_MODIFIERS):
        return [f"{record!r} is no kind of record that the layout has (3, 4, 7, 8)"]
    return [] if record in kinds else [f"a record of kind {record} cannot be of {code!r}"]


def _several(row: ListRow, prefix: str) -> list[str] | None:
    """What numbered columns say, in order, as printed."""
    found = [printable(cell) for name, cell in row.cells.items() if cell and name in _OF[prefix]]
    return list(filter(None, found)) or None


def _without_repeats(records: list[Record]) -> tuple[Record, ...]:
    """The records; one of a code that another row has already is at fault."""
    seen: dict[str, Record] = {}
    found = []
    for record in records:
        code = record.values["code"]
        first = seen.setdefault(code, record) if code else record
        if first is not record:
            fault = f"{code!r} is listed twice, on line {first.place.line} too"
            record = replace(record, faults=(*record.faults, fault))
        found.append(record)
    return tuple(found)
