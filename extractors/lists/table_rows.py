"""Rows of tables that state no PA rule: fee schedules, code sets, notice lists.

Each row keeps all its printed cells under the labels of their columns; what is common to such
tables (codes, modifiers, a description, dates) is read besides. A value that cannot be read is
left empty and named as a fault; so is a cell in a column of amounts that is no amount, which stays
as printed. What the other cells mean is not known here, and no rule of prior
authorization is ever made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from extractors.dates import parse_date, parse_first_day
from extractors.lists.amounts import BOUNDS, amount_columns, labels_named, read_amount
from extractors.lists.licensed import WITHHELD, is_licensed, without_descriptions, without_words
from extractors.lists.references import doubtful_entries
from extractors.records import Record
from extractors.tables import Assembly, ListRow
from schemas.codes import (
    LICENSES,
    MODIFIER,
    CodeSpan,
    find_codes,
    header_key,
    parse_expression,
    printable,
)
from schemas.source import Source, TableRules
from schemas.tables import TABLE_ROWS

_MODIFIER = re.compile(MODIFIER)
_BETWEEN_MODIFIERS = re.compile(r"[\s,;/]+")


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a source that a row may have several of, and labels of some kinds.

    `amounts` are the printed labels of columns that hold amounts of money.
    """

    modifiers: tuple[str, ...]
    descriptions: tuple[str, ...]
    description_labels: frozenset[str]
    wraps: bool
    amounts: frozenset[str]

    def describes(self, label: str) -> bool:
        """Whether a column with this label may hold licensed words."""
        key = header_key(label)
        return key in self.description_labels or "descri" in key


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a row is about: one code, or only a modifier (`is_modifier`), or neither."""

    span: CodeSpan | None
    modifiers: tuple[str, ...]
    is_modifier: bool = False


def table_rows(assembly: Assembly, source: Source) -> list[Record]:
    """One record for each code of each row, in printed order; one for a row that names none.

    A code cell that is a modifier and nothing else, as code sets list them, is published as a
    modifier without a code. Descriptions of codes whose words are licensed are withheld.
    """
    assert source.table is not None
    layout = _layout(source.table, assembly)
    doubtful = doubtful_entries(assembly.rows) if source.table.entries else {}
    return [
        record
        for number, row in enumerate(assembly.rows)
        for record in _records(row, source, layout, doubtful.get(number))
    ]


def _layout(rules: TableRules, assembly: Assembly) -> _Layout:
    descriptions = [name for name in rules.columns if name.startswith("description")]
    # The column of that very name first: where there are several, its words are the description.
    descriptions.sort(key=lambda name: name != "description")
    return _Layout(
        modifiers=tuple(name for name in rules.columns if name.startswith("modifiers")),
        descriptions=tuple(descriptions),
        description_labels=frozenset(
            header_key(label) for name in descriptions for label in rules.columns[name]
        ),
        wraps=rules.wrapped_rows != "never",
        amounts=_amount_labels(rules, assembly),
    )


def _amount_labels(rules: TableRules, assembly: Assembly) -> frozenset[str]:
    if rules.amounts is None:
        return frozenset()
    labels = {label for row in assembly.rows for label, _ in row.labelled}
    bounds = (labels_named(labels, rules, name) for name in BOUNDS)
    return frozenset(amount_columns(labels, rules)).union(*bounds)


def _records(row: ListRow, source: Source, layout: _Layout, doubt: str | None) -> list[Record]:
    row = _without_words_beside_code(row)
    faults = [row.fault] if row.fault else _doubts(row, layout)
    if doubt is not None and not faults:
        faults.append(doubt)
    subjects = _subjects(row, source, layout, faults)
    faults += _amount_faults(row, subjects, layout)
    withheld = _is_licensed(row, subjects)
    printed = without_descriptions(row, layout.descriptions) if withheld else row.printed
    described = _text(row, *layout.descriptions)
    flags = set(row.flags)
    if withheld and described:
        flags.add("description_withheld")
    values: dict[str, Any] = {
        "payer": source.payer.id if source.payer else None,
        "list_title": row.carried.get("list_title"),
        "section": row.carried.get("section"),
        "description": None if withheld else described,
        "effective_from": _date(row, "effective_from", faults) or _carried_date(row, faults),
        "effective_to": _date(row, "effective_to", faults),
        "cells": _cells(row, layout, withheld=withheld),
    }
    raw_text = "\t".join(printed) if withheld else row.raw_text
    return [
        Record(
            TABLE_ROWS.name,
            values | _about(row, subject, values["description"], printed, flags),
            row.place,
            raw_text,
            printed,
            tuple(faults),
        )
        for subject in subjects
    ]


def _without_words_beside_code(row: ListRow) -> ListRow:
    """The row without the words in a code cell that is no code, where they may be licensed."""
    cell = row.cells.get("code", "")
    bare = without_words(cell)
    if bare == cell or parse_expression(cell) is not None or not is_licensed(row, ()):
        return row
    printed = tuple(bare if each == cell else each for each in row.printed)
    return replace(
        row,
        cells={**row.cells, "code": bare},
        labelled=tuple((label, bare if each == cell else each) for label, each in row.labelled),
        printed=printed,
        raw_text="\t".join(printed),
    )


def _is_licensed(row: ListRow, subjects: tuple[_Subject, ...]) -> bool:
    """Whether a row may have the AMA's or the ADA's words."""
    if subjects[0].is_modifier:
        return _license(subjects[0]) != "public"
    return is_licensed(row, [subject.span for subject in subjects if subject.span])


def _amount_faults(row: ListRow, subjects: tuple[_Subject, ...], layout: _Layout) -> Iterator[str]:
    """What is no amount in a column of amounts; amounts that are of no single code."""
    labelled = row.labelled if layout.amounts else ()
    amounts = [pair for pair in labelled if pair[0] in layout.amounts and pair[1].strip()]
    for label, cell in amounts:
        if read_amount(cell) is None:
            yield f"{printable(cell)!r} under {printable(label)!r} is no amount"
    if amounts:
        for subject in subjects:
            if subject.span and subject.span.code_end:
                yield f"{subject.span.raw!r} is several codes, and an amount is of one"


def _doubts(row: ListRow, layout: _Layout) -> list[str]:
    """Why a row may not be what is printed: it has nothing but a code, or one in another column.

    Where rows wrap, a line whose code was read into another column would be taken for more of the
    row above, and its code be lost. A description that was not joined may mention a code.
    """
    faults = []
    if layout.wraps:
        for name, cell in row.cells.items():
            is_mention = name in layout.descriptions and "\n" not in row.raw_text
            if name != "code" and not is_mention and find_codes(cell):
                faults.append(
                    f"{printable(cell)!r} names a code, but stands in the column {name!r}"
                )
    filled = [cell for _, cell in row.labelled if cell.strip()]
    if filled == [row.cells.get("code")] and len(row.labelled) > 1:
        faults.append("the row has nothing but a code")
    return faults


def _about(
    row: ListRow,
    subject: _Subject,
    description: str | None,
    printed: tuple[str, ...],
    flags: set[str],
) -> dict[str, Any]:
    """The columns that tell a row from the others of its table."""
    span = subject.span
    found: dict[str, Any] = {
        "code_raw": _text(row, "code"),
        "modifiers": list(subject.modifiers) or None,
        "description_license": _license(subject),
        "flags": sorted(flags.union(span.flags if span else ())) or None,
    }
    if span is not None:
        found |= {
            "code_system": span.system,
            "code": span.code,
            "code_end": span.code_end,
            "code_pattern": span.pattern,
            "code_raw": span.raw,
        }
    elif not subject.modifiers:
        found["entry"] = description or next(filter(None, map(printable, printed)), None)
    return found


def _license(subject: _Subject) -> str | None:
    """Whose licence the words about a code fall under, or about a modifier that is the subject."""
    if subject.is_modifier:
        return LICENSES["CPT_MOD" if subject.modifiers[0].isdigit() else "HCPCS_MOD"]
    return LICENSES[subject.span.system] if subject.span else None


def _text(row: ListRow, *columns: str) -> str | None:
    """The first of some cells that is not empty."""
    return next(filter(None, (printable(row.cells.get(name, "")) for name in columns)), None)


def _cells(row: ListRow, layout: _Layout, *, withheld: bool) -> list[tuple[str, str]] | None:
    """Label and value of the cells that are not empty."""
    return [
        (label, WITHHELD if withheld and layout.describes(label) else _on_one_line(cell))
        for label, cell in row.labelled
        if cell.strip()
    ] or None


def _on_one_line(cell: str) -> str:
    """A cell with each run of white space as one blank; the same object where it is so already."""
    joined = " ".join(cell.split())
    return cell if joined == cell else joined


def _date(row: ListRow, column: str, faults: list[str]) -> date | None:
    printed = _text(row, column)
    return _or_fault(parse_date(printed), printed, column, faults) if printed else None


def _carried_date(row: ListRow, faults: list[str]) -> date | None:
    """The date printed above the table, for a row that prints none of its own."""
    printed = row.carried.get("effective_on")
    if printed is None or _text(row, "effective_from"):
        return None
    return _or_fault(parse_first_day(printed), printed, "effective_from", faults)


def _or_fault(day: date | None, printed: str, column: str, faults: list[str]) -> date | None:
    if day is None:
        faults.append(f"{printed!r} is not a date that we can read for {column}")
    return day


def _subjects(
    row: ListRow, source: Source, layout: _Layout, faults: list[str]
) -> tuple[_Subject, ...]:
    named = _modifiers(row, layout, faults)
    printed = _text(row, "code")
    if printed is None:
        if "code" in row.cells and source.kind == "fee_schedule":
            faults.append("the code cell is empty, and a fee without a code means nothing")
        return (_Subject(None, named),)
    if source.kind == "code_reference" and _MODIFIER.fullmatch(printed):
        return (_Subject(None, (printed, *named), is_modifier=True),)
    spans = parse_expression(row.cells["code"])
    if spans is None:
        faults.append(f"{printed!r} is not a code")
        return (_Subject(None, named),)
    return tuple(_Subject(span, (*span.modifiers, *named)) for span in spans)


def _modifiers(row: ListRow, layout: _Layout, faults: list[str]) -> tuple[str, ...]:
    """The modifiers of the row's own columns; those that are none are faults."""
    printed = [_text(row, name) for name in layout.modifiers]
    named = [name for text in printed if text for name in _BETWEEN_MODIFIERS.split(text.upper())]
    wrong = [name for name in named if not _MODIFIER.fullmatch(name)]
    faults += [f"{name!r} is not a modifier" for name in wrong]
    return tuple(named)
