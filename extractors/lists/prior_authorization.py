"""Rules of prior authorization from the rows of a list.

Reads each cell by the source's own lookups. A value without a lookup is left empty and named as
a fault; it is never given a default. Whether the row may be published is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from extractors.dates import is_open_end, parse_date
from extractors.lists.cell_notes import Patterns, compiled, read_code_cell
from extractors.lists.code_periods import DatedCode
from extractors.lists.licensed import is_licensed, without_descriptions, without_words
from extractors.lists.pa_notes import NoteRules, bound, note_rules, read_notes
from extractors.lists.pa_values import PaColumns, Statement, pa_columns, statements
from extractors.reading import Problem
from extractors.records import Record
from extractors.tables import Assembly, ListRow
from schemas.codes import INVISIBLE, LICENSES, MODIFIER, printable, value_key, visible
from schemas.source import Source
from schemas.statuses import crd_code

TABLE = "prior_authorization"

_QUOTE = re.compile(r"['\"“]")
_OPENING = re.compile(r"(?<![\w'])['\"“](?=\w)")
_CLOSING = re.compile(r"(?<=[^\s(])['\"”](?!\w)")
_JOINT = " .;,:*-–—"
_MODIFIER = re.compile(MODIFIER)
_BETWEEN_ALTERNATIVES = re.compile(r"\s*(?:[,;/]\s*(?:OR\b)?|\bOR\b)\s*")
_BETWEEN_NOTES = "; "
_TIME = re.compile(r"\b(?:hour|day|week|month)s?\b|\bimmediate", re.IGNORECASE)
_DATES = ("effective_from", "effective_to")


@dataclass(frozen=True, slots=True)
class _Lookups:
    """All that a source's YAML says of its rows, prepared once for comparison."""

    same: Mapping[str, Any]
    pa: PaColumns
    categories: Mapping[str, str]
    placeholders: frozenset[str]
    reviewers: Mapping[str, str]
    notes: NoteRules
    cell_notes: Patterns


@dataclass(slots=True)
class _Reading:
    """The values of one row as they become known, with what is odd (flags) or wrong (faults)."""

    values: dict[str, Any] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def prior_authorization(assembly: Assembly, source: Source) -> tuple[list[Record], list[Problem]]:
    """One record for each code and scope of each row, in printed order, and notes that no rule
    reads.

    A row whose code cell names several codes, whose modifiers are alternatives, or that has a PA
    column for each of several scopes, becomes as many records, all at its place.
    """
    lookups = _lookups(source)
    records: list[Record] = []
    unread: dict[str, Problem] = {}
    for row in assembly.rows:
        for record, notes in _records(row, lookups):
            records.append(record)
            for note in notes:
                message = (
                    f"no rule of the source reads the note {note!r}; it is published as printed"
                )
                unread.setdefault(note, Problem(message, row.place, holds=False))
    return records, list(unread.values())


def _lookups(source: Source) -> _Lookups:
    assert source.table is not None
    assert source.payer is not None
    rules = source.table
    return _Lookups(
        same={
            "payer": source.payer.id,
            "payer_name": source.payer.name,
            "date_semantics": source.date_semantics,
        },
        pa=pa_columns(source),
        categories={value_key(raw): normal for raw, normal in rules.same_category.items()},
        placeholders=frozenset(rules.placeholders.get("category", ())),
        reviewers={value_key(raw): name for raw, name in rules.reviewers.items()},
        notes=note_rules(rules.notes),
        cell_notes=compiled(rules.cell_notes),
    )


def _records(row: ListRow, lookups: _Lookups) -> Iterator[tuple[Record, tuple[str, ...]]]:
    """The records of a row, each with the notes that no rule of the source reads."""
    row = _without_words_beside_codes(row, lookups)
    common = _Reading(dict(lookups.same), set(row.flags), [row.fault] if row.fault else [])
    codes = _codes(row, lookups, common)
    common.values |= {
        "list_title": row.carried.get("list_title"),
        "section": row.carried.get("section"),
        "product": _text(row, "product"),
        "turnaround": _turnaround(row, common),
        "validity": _text(row, "validity"),
        **dict.fromkeys(("pa_raw", "pa_status", "crd_pa_needed")),
    }
    _read_category(row, lookups, common)
    _read_reviewer(row, lookups, common)
    _read_description(row, common)
    modifiers = _modifiers(row, common)
    _note_invisible(row, common)
    raw_text, printed = row.raw_text, row.printed
    if is_licensed(row, (code.span for code in codes if code)):
        printed = without_descriptions(row)
        if printed != row.printed or common.values["description_raw"]:
            raw_text = "\t".join(printed)
        _withhold_description(common)
    for code, named, statement in product(codes, modifiers, statements(row, lookups.pa)):
        values = {**common.values, "modifiers": named}
        reading = _Reading(values, set(common.flags), list(common.faults))
        unread = _state(row, reading, code, statement, lookups)
        reading.values["flags"] = sorted(reading.flags) or None
        faults = tuple(reading.faults)
        yield Record(TABLE, reading.values, row.place, raw_text, printed, faults), unread


def _without_words_beside_codes(row: ListRow, lookups: _Lookups) -> ListRow:
    """The row without the words in its code cell, where these may describe a licensed code."""
    cell = row.cells.get("code", "")
    if read_code_cell(cell, lookups.cell_notes).codes or not is_licensed(row, ()):
        return row
    bare = without_words(cell)
    if not row.cells or bare == cell:
        return row
    printed = tuple(bare if each == cell else each for each in row.printed)
    return replace(
        row, cells={**row.cells, "code": bare}, printed=printed, raw_text="\t".join(printed)
    )


def _text(row: ListRow, column: str) -> str | None:
    cell = row.cells.get(column)
    return (printable(cell) or None) if cell else None


def _turnaround(row: ListRow, reading: _Reading) -> str | None:
    """When to expect a decision; a cell that names no time may be one of another table."""
    printed = _text(row, "turnaround")
    if printed and not _TIME.search(printed):
        reading.faults.append(f"{printed!r} is no time in which to expect a decision")
    return printed


def _codes(row: ListRow, lookups: _Lookups, reading: _Reading) -> tuple[DatedCode | None, ...]:
    cell = read_code_cell(row.cells.get("code", ""), lookups.cell_notes)
    if cell.fault and not row.fault:
        reading.faults.append(cell.fault)
    return cell.codes or (None,)


def _read_category(row: ListRow, lookups: _Lookups, reading: _Reading) -> None:
    printed = _text(row, "category") or row.carried.get("category")
    reading.values["category_raw"] = printed
    if printed is None:
        if "category" in row.cells:
            reading.flags.add("category_missing")
    elif printed in lookups.placeholders:
        reading.flags.add("category_placeholder")
    else:
        normal = lookups.categories.get(value_key(printed), printed.upper())
        reading.values["category"] = normal


def _read_reviewer(row: ListRow, lookups: _Lookups, reading: _Reading) -> None:
    printed = _text(row, "reviewer")
    name = lookups.reviewers.get(value_key(printed)) if printed else None
    if printed and name is None:
        reading.flags.add("reviewer_not_mapped")
    reading.values |= {"reviewer_raw": printed, "reviewer": name}


def _read_description(row: ListRow, reading: _Reading) -> None:
    printed = _text(row, "description")
    reading.values["description_raw"] = printed
    if printed is None:
        return
    description = printed
    note = _text(row, "notes")
    if note and description.endswith(note) and description != note:
        description = description.removesuffix(note).rstrip(_JOINT)
        reading.flags.add("note_appended")
    if _QUOTE.search(description) and _opens_more_than_it_closes(description):
        reading.flags.add("unbalanced_quote")
    reading.values["description"] = description


def _opens_more_than_it_closes(text: str) -> bool:
    return len(_OPENING.findall(text)) > len(_CLOSING.findall(text))


def _withhold_description(reading: _Reading) -> None:
    """Takes out words that are the AMA's or the ADA's; the code and its rule are facts."""
    if reading.values.get("description_raw"):
        reading.flags.add("description_withheld")
    reading.flags -= {"note_appended", "unbalanced_quote"}
    reading.values |= {"description": None, "description_raw": None}


def _modifiers(row: ListRow, reading: _Reading) -> list[tuple[str, ...]]:
    """The modifiers of each rule of a row: those that a mark or "or" separates are alternatives,
    each with a rule of its own, and those with a space between them belong together."""
    printed = (_text(row, "modifiers") or "").upper()
    alternatives = [tuple(each.split()) for each in _BETWEEN_ALTERNATIVES.split(printed)]
    wrong = [name for named in alternatives for name in named if not _MODIFIER.fullmatch(name)]
    if wrong:
        reading.faults.append(f"{wrong[0]!r} is not a modifier")
    return list(dict.fromkeys(filter(None, alternatives))) or [()]


def _note_invisible(row: ListRow, reading: _Reading) -> None:
    odd = [cell for cell in row.cells.values() if not cell.isascii()]
    if any(map(INVISIBLE.search, odd)) or "\u00a0" in row.cells.get("code", ""):
        reading.flags.add("invisible_characters")


def _state(
    row: ListRow,
    reading: _Reading,
    code: DatedCode | None,
    statement: Statement,
    lookups: _Lookups,
) -> tuple[str, ...]:
    """Adds what one code and one scope of a row have of their own; gives the notes not read."""
    values = reading.values
    statement = _as_said(code, statement)
    status = statement.status
    if statement.fault:
        reading.faults.append(statement.fault)
    values |= {
        "line_of_business": statement.line_of_business,
        "state": statement.state,
        "pa_raw": statement.pa_raw,
        "pa_status": status,
        "crd_pa_needed": crd_code(status),
    }
    note = _text(row, "notes")
    own = (note,) if note else ()
    footnotes = bound((*(code.span.marks if code else ()), *statement.marks), row.footnotes)
    if footnotes.unbound:
        reading.flags.add("footnote_missing")
        reading.faults += footnotes.faults(status, may_end=bool(lookups.cell_notes))
    said = read_notes((*own, *footnotes.texts), status, lookups.notes)
    if said.unread:
        reading.flags.add("note_not_interpreted")
    reading.faults += said.faults
    printed = (*own, *(code.notes if code else ()), *footnotes.texts)
    values["notes"] = _BETWEEN_NOTES.join(dict.fromkeys(printed)) or None
    if said.conditions:
        values["conditions"] = list(said.conditions)
    _read_dates(row, code, said.dates, reading)
    _read_code(row, code, reading)
    return said.unread


def _as_said(code: DatedCode | None, statement: Statement) -> Statement:
    """What a row says of one code, with the state and the status that words beside it name."""
    if code is None:
        return statement
    if code.state:
        fault = statement.fault
        if statement.state not in (None, code.state):
            fault = f"words beside the code speak of {code.state}, the row of {statement.state}"
        statement = replace(statement, state=code.state, fault=fault)
    if code.status and statement.status:
        statement = replace(statement, status=code.status, pa_raw=code.said)
    return statement


def _read_code(row: ListRow, code: DatedCode | None, reading: _Reading) -> None:
    if code is None:
        reading.values |= {"code_raw": visible(row.cells.get("code", "")) or None}
        reading.values["modifiers"] = [*reading.values["modifiers"]] or None
        return
    span = code.span
    reading.flags.update(span.flags)
    reading.values |= {
        "code_system": span.system,
        "code": span.code,
        "code_end": span.code_end,
        "code_pattern": span.pattern,
        "code_raw": span.raw,
        "description_license": LICENSES[span.system],
        "modifiers": [*span.modifiers, *reading.values["modifiers"]] or None,
    }


def _read_dates(
    row: ListRow, code: DatedCode | None, said: Iterable[tuple[str, str]], reading: _Reading
) -> None:
    """The dates of a rule: its row's columns, the notes that date it, and else its section's."""
    stated = [(name, printed) for name in _DATES if (printed := _text(row, name))]
    noted = [(name, printed) for name in _DATES if code and (printed := getattr(code, name))]
    noted += said
    read: dict[str, str] = {}
    for name, printed in (*stated, *noted):
        _read_date(name, printed, read, reading)
    carried = row.carried.get("effective_on")
    if carried and "effective_from" not in read:
        _read_date("effective_from", carried, read, reading)
    basis = "note" if noted else "stated" if read else "none"
    reading.values["effective_basis"] = basis


def _read_date(name: str, printed: str, read: dict[str, str], reading: _Reading) -> None:
    """Reads one printed date into its column; `read` are those that were read before it."""
    if name == "effective_to" and is_open_end(printed):
        return
    day = parse_date(printed)
    if day is None:
        reading.faults.append(f"{printed!r} is not a date that we can read for {name}")
    elif name in read and reading.values.get(name) != day:
        reading.faults.append(f"{read[name]!r} and {printed!r} both stand for {name}")
    read.setdefault(name, printed)
    reading.values.setdefault(name, day)
