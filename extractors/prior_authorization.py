"""Rules of prior authorization from the rows of a list.

Reads each cell by the source's own lookups. A value without a lookup is left empty and named as
a fault; it is never given a default. Whether the row may be published is not decided here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from extractors.dates import parse_date
from extractors.reading import Problem
from extractors.records import Record
from extractors.tables import Assembly, ListRow
from schemas.codes import LICENSED, MODIFIER, CodeSpan, parse_expression, printable, value_key
from schemas.source import NoteRule, Source, TableRules
from schemas.statuses import crd_code

TABLE = "prior_authorization"

# Statuses that ask for something, which a condition can limit and a date can start.
_ASKING = ("required", "required_performer", "conditional")
# Statuses that a note not understood could turn into their opposite.
_RELEASING = ("not_required", "suspended")
_OPENING = re.compile(r"(?<![\w'])['\"“](?=\w)")
_CLOSING = re.compile(r"(?<=[^\s(])['\"”](?!\w)")
_JOINT = " .;,:*-–—"


@dataclass(slots=True)
class _Reading:
    """The values of one row as they become known, with what is odd (flags) or wrong (faults)."""

    values: dict[str, Any] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def prior_authorization(assembly: Assembly, source: Source) -> tuple[list[Record], list[Problem]]:
    """One record for each code of each row, in printed order, and notes that no rule reads.

    A row whose code cell names several codes becomes as many records, all at its place.
    """
    records: list[Record] = []
    unread: dict[str, Problem] = {}
    for row in assembly.rows:
        reading = _read(row, source)
        if "note_not_interpreted" in reading.flags:
            note = reading.values["notes"]
            message = f"no rule of the source reads the note {note!r}; it is published as printed"
            unread.setdefault(note, Problem(message, row.place, holds=False))
        records += [_record(row, reading, span) for span in _spans(row, reading)]
    return records, list(unread.values())


def _read(row: ListRow, source: Source) -> _Reading:
    reading = _Reading()
    if row.fault:
        reading.faults.append(row.fault)
    assert source.table is not None
    assert source.payer is not None
    rules = source.table
    reading.values |= {
        "payer": source.payer.id,
        "payer_name": source.payer.name,
        "line_of_business": source.line_of_business,
        "state": source.state,
        "date_semantics": source.date_semantics,
        "list_title": row.carried.get("list_title"),
        "section": row.carried.get("section"),
        "product": _text(row, "product"),
    }
    _read_status(row, rules, reading)
    _read_category(row, rules, reading)
    _read_reviewer(row, rules, reading)
    _read_note(row, rules, reading)
    _read_description(row, reading)
    _read_dates(row, reading)
    return reading


def _text(row: ListRow, column: str) -> str | None:
    return printable(row.cells.get(column, "")) or None


def _read_status(row: ListRow, rules: TableRules, reading: _Reading) -> None:
    printed = _text(row, "pa")
    lookup = {value_key(raw): status for raw, status in rules.statuses.items()}
    status = lookup.get(value_key(printed or ""))
    if status is None and not row.fault:
        shown = repr(printed) if printed else "an empty cell"
        reading.faults.append(f"the PA value is {shown}, which table.statuses does not map")
    reading.values |= {"pa_raw": printed, "pa_status": status, "crd_pa_needed": crd_code(status)}


def _read_category(row: ListRow, rules: TableRules, reading: _Reading) -> None:
    printed = _text(row, "category") or row.carried.get("category")
    reading.values["category_raw"] = printed
    if printed is None:
        if "category" in row.cells:
            reading.flags.add("category_missing")
    elif printed in rules.placeholders.get("category", ()):
        reading.flags.add("category_placeholder")
    else:
        same = {value_key(raw): normal for raw, normal in rules.same_category.items()}
        reading.values["category"] = same.get(value_key(printed), printed.upper())


def _read_reviewer(row: ListRow, rules: TableRules, reading: _Reading) -> None:
    printed = _text(row, "reviewer")
    lookup = {value_key(raw): name for raw, name in rules.reviewers.items()}
    name = lookup.get(value_key(printed or ""))
    if printed and name is None:
        reading.flags.add("reviewer_not_mapped")
    reading.values |= {"reviewer_raw": printed, "reviewer": name}


def _read_note(row: ListRow, rules: TableRules, reading: _Reading) -> None:
    note = _text(row, "notes")
    reading.values["notes"] = note
    if note is None:
        return
    status = reading.values["pa_status"]
    found = _note_rule(note, rules)
    if found is None:
        reading.flags.add("note_not_interpreted")
        if status in _RELEASING:
            reading.faults.append(f"the row says {status}, and no rule reads its note {note!r}")
        return
    rule, groups = found
    if rule.asks and status in _RELEASING:
        reading.faults.append(f"the row says {status}, and its note {note!r} asks for something")
    if status not in _ASKING:
        return
    if "effective_from" in groups:
        _read_date("effective_from", groups["effective_from"], "note", reading)
    if rule.condition:
        template = rule.condition
        reading.values["conditions"] = [
            {
                "type": template.type,
                "operator": template.operator,
                "value": groups.get("value", template.value),
                "unit": template.unit,
                "raw": note,
            }
        ]


def _note_rule(note: str, rules: TableRules) -> tuple[NoteRule, dict[str, str]] | None:
    for rule in rules.notes:
        match = re.fullmatch(rule.pattern, note, re.IGNORECASE)
        if match:
            return rule, {name: text for name, text in match.groupdict().items() if text}
    return None


def _read_description(row: ListRow, reading: _Reading) -> None:
    printed = _text(row, "description")
    reading.values["description_raw"] = printed
    if printed is None:
        return
    description = printed
    note = reading.values["notes"]
    if note and description.endswith(note) and description != note:
        description = description.removesuffix(note).rstrip(_JOINT)
        reading.flags.add("note_appended")
    if len(_OPENING.findall(description)) > len(_CLOSING.findall(description)):
        reading.flags.add("unbalanced_quote")
    reading.values["description"] = description


def _read_dates(row: ListRow, reading: _Reading) -> None:
    for column in ("effective_from", "effective_to"):
        printed = _text(row, column)
        if printed:
            _read_date(column, printed, "stated", reading)
    carried = row.carried.get("effective_on")
    if carried and "effective_from" not in reading.values:
        _read_date("effective_from", carried, "stated", reading)
    reading.values.setdefault("effective_basis", "none")


def _read_date(column: str, printed: str, basis: str, reading: _Reading) -> None:
    day: date | None = parse_date(printed)
    if day is None:
        reading.faults.append(f"{printed!r} is not a date that we can read for {column}")
    reading.values |= {column: day, "effective_basis": basis}


def _spans(row: ListRow, reading: _Reading) -> tuple[CodeSpan | None, ...]:
    if row.fault:
        return (None,)
    spans = parse_expression(row.cells["code"])
    if spans is None:
        printed = _text(row, "code")
        shown = f"{printed!r} is not a code" if printed else "the code cell is empty"
        reading.faults.append(shown)
        return (None,)
    return spans


def _record(row: ListRow, reading: _Reading, span: CodeSpan | None) -> Record:
    values = dict(reading.values)
    flags = set(reading.flags)
    faults = list(reading.faults)
    modifiers = list(span.modifiers) if span else []
    printed = _text(row, "modifiers")
    if printed:
        named = re.split(r"[\s,;/]+", printed.upper())
        modifiers += named
        wrong = [name for name in named if not re.fullmatch(MODIFIER, name)]
        if wrong:
            faults.append(f"{wrong[0]!r} is not a modifier")
    if span is None:
        values |= {"code_raw": _text(row, "code")}
    else:
        if span.is_addon:
            flags.add("addon_code")
        values |= {
            "code_system": span.system,
            "code": span.code,
            "code_end": span.code_end,
            "code_raw": span.raw,
            "modifiers": modifiers or None,
        }
        if span.system in LICENSED:
            # The words are the AMA's or the ADA's; the code and its rule are facts.
            values |= {"description": None, "description_raw": None}
            flags.add("description_withheld")
    values["flags"] = sorted(flags) or None
    return Record(TABLE, values, row.place, row.raw_text, row.printed, tuple(faults))
