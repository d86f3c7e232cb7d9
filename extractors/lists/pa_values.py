"""What the PA columns of a row say: one statement, or one for each scope that has a column.

A value that the source's lookups do not have is left without a status and named as a fault; it
is never given a default, and neither is an empty cell. What notes add to a statement is not known
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extractors.tables import ListRow
from schemas.codes import header_key, split_marks, value_key, visible
from schemas.source import Source, TableRules

# What `pa_raw` says where nothing is printed; the parentheses tell it from printed words.
LISTED = "(listed)"
EMPTY = "(empty)"


@dataclass(frozen=True, slots=True)
class Statement:
    """What a row says for one scope: as printed and as a status, or why it has no status.

    `marks` are the footnote marks printed at the value.
    """

    line_of_business: str | None
    state: str | None
    pa_raw: str | None
    status: str | None = None
    marks: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class PaColumns:
    """The PA columns of a source with its lookups, prepared for comparison once."""

    rules: TableRules
    line_of_business: str | None
    state: str | None
    statuses: Mapping[str, str]
    marks: frozenset[str]
    labels: Mapping[str, str]


def pa_columns(source: Source) -> PaColumns:
    """The PA columns of a source that has a table."""
    assert source.table is not None
    rules = source.table
    return PaColumns(
        rules=rules,
        line_of_business=source.line_of_business,
        state=source.state,
        statuses={value_key(raw): status for raw, status in rules.statuses.items()},
        marks=frozenset(map(value_key, rules.marks)),
        labels={header_key(alias): name for name in rules.marked for alias in rules.columns[name]},
    )


def statements(row: ListRow, columns: PaColumns) -> tuple[Statement, ...]:
    """What a row says, in the order in which the source names its PA columns.

    A row whose cells have no names states nothing; what is wrong with it is its own fault.
    """
    rules, where = columns.rules, (columns.line_of_business, columns.state)
    if rules.listed_means:
        return (Statement(*where, LISTED, rules.listed_means),)
    if not row.cells:
        return (Statement(*where, None),)
    if rules.marked:
        return (_marked(row, columns),)
    if not rules.scopes:
        return (_value(row.cells.get("pa", ""), columns, *where),)
    return tuple(
        _value(
            row.cells.get(name, ""),
            columns,
            scope.line_of_business or columns.line_of_business,
            scope.state or columns.state,
        )
        for name, scope in rules.scopes.items()
    )


def _value(
    cell: str, columns: PaColumns, line_of_business: str | None, state: str | None
) -> Statement:
    where = (line_of_business, state)
    status = columns.statuses.get(value_key(cell))
    printed = visible(cell)
    if status is not None:
        return Statement(*where, printed or EMPTY, status)
    bare, marks = split_marks(printed)
    status = columns.statuses.get(value_key(bare)) if bare else None
    if status is not None:
        return Statement(*where, printed, status, marks)
    shown = repr(printed) if printed else "an empty cell"
    fault = f"the PA value is {shown}, which table.statuses does not map"
    return Statement(*where, printed or None, fault=fault)


def _marked(row: ListRow, columns: PaColumns) -> Statement:
    where = (columns.line_of_business, columns.state)
    printed_labels = {
        columns.labels[key]: visible(label)
        for label, _ in row.labelled
        if (key := header_key(label)) in columns.labels
    }
    labels = {
        name: printed_labels.get(name, columns.rules.columns[name][0])
        for name in columns.rules.marked
    }
    cells = {name: printed for name in labels if (printed := visible(row.cells.get(name, "")))}
    pa_raw = "; ".join(f"{labels[name]}: {printed}" for name, printed in cells.items()) or None
    if not cells:
        status = columns.statuses.get("")
        shown = ", ".join(map(repr, labels.values()))
        fault = None if status else f"the row is marked under none of {shown}"
        return Statement(*where, EMPTY if status else None, status, fault=fault)
    marks: tuple[str, ...] = ()
    for name, printed in cells.items():
        if value_key(printed) in columns.marks:
            continue
        bare, found = split_marks(printed)
        if not bare or value_key(bare) not in columns.marks:
            fault = f"{labels[name]!r} holds {printed!r}, which is none of table.marks"
            return Statement(*where, pa_raw, fault=fault)
        marks += found
    if len(cells) > 1:
        shown = " and ".join(repr(labels[name]) for name in cells)
        return Statement(*where, pa_raw, fault=f"the row is marked under {shown}")
    (name,) = cells
    return Statement(*where, pa_raw, columns.rules.marked[name], marks)
