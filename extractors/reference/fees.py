"""The fees of a schedule: each amount of its rows as a row of its own, by state.

Reads rows of `table_rows` that were accepted, column by column, since a schedule has hundreds of
thousands of amounts. Which rows are accepted, and on what day a code was valid, is not known here.

The layout prints 0 where a code has no fee in a column, and 0 as ceiling and floor of rows that
are not bounded (most of them have fees above zero). So a zero is an amount that is no fee; an
empty cell is no row; a ceiling or floor of zero is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from extractors.lists.amounts import BOUNDS, amount_columns, labels_named, read_amount
from extractors.reference.hashes import Values, with_hashes
from schemas.source import TableRules
from schemas.tables import FEES

# What a fee has of the row that it is printed in.
_OF_THE_ROW = (
    "code_system",
    "code",
    "modifiers",
    "code_active",
    "code_active_on",
    "code_ended_on",
    "code_replaced_by",
    "source",
    "document",
    "sha256",
    "url",
    "page",
    "line",
    "bbox",
)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The printed cells of many rows: of each the number of its row, its label and its value."""

    rows: Values
    labels: Values
    values: Values

    @property
    def known_labels(self) -> list[str]:
        found: list[str] = self.labels.dictionary.to_pylist()
        return found

    def under(self, labels: frozenset[str]) -> _Cells:
        """The cells under some labels."""
        chosen = pa.array([label in labels for label in self.known_labels], pa.bool_())
        mask = chosen.take(self.labels.indices)
        return _Cells(self.rows.filter(mask), self.labels.filter(mask), self.values.filter(mask))


def has_fees(rules: TableRules) -> bool:
    """Whether the tables of a source are fee schedules whose amounts we know to read."""
    return rules.amounts is not None


def fees(rows: pa.Table, rules: TableRules, effective_from: date | None) -> pa.Table:
    """One row of `fees` for each amount that accepted rows of `table_rows` print, in their order.

    `effective_from` is the first day of the schedule, for rows that state none of their own.
    Raises `ValueError` for an amount that is no number, which no accepted row has.
    """
    cells = _cells(rows)
    columns = amount_columns(cells.known_labels, rules)
    amounts = cells.under(frozenset(columns))
    labels = amounts.known_labels
    about = [columns.get(label) for label in labels]
    states = pa.array([column and column.state for column in about], pa.string())
    rural = pa.array([column and column.is_rural for column in about], pa.bool_())
    numbers = _numbers(amounts, rows)
    bounds = {name: _bound(cells, rows, rules, name) for name in BOUNDS}
    of_rows: dict[str, Values] = {name: rows[name] for name in _OF_THE_ROW}
    of_rows |= {name: _only(cells, rows, rules, name) for name in ("jurisdiction", "category")}
    of_rows |= bounds
    of_rows["effective_from"] = _or_else(rows["effective_from"], effective_from)
    found = {name: _whole(values).take(amounts.rows) for name, values in of_rows.items()}
    found |= {
        "state": states.take(amounts.labels.indices),
        "is_rural": rural.take(amounts.labels.indices),
        "amount": numbers,
        "amount_raw": amounts.values,
        "has_fee": _above_zero(numbers),
        "column": amounts.labels.cast(pa.string()),
        "raw_text": amounts.values,
    }
    return with_hashes(FEES, pa.table(found))


def _above_zero(numbers: Values) -> Values:
    return pc.greater(numbers, pa.scalar(0.0))


def _or_else(days: Values, day: date | None) -> Values:
    return pc.coalesce(days, pa.scalar(day, pa.date32()))


def _whole(values: Values) -> Values:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _cells(rows: pa.Table) -> _Cells:
    cells = _whole(rows["cells"])
    flat = cells.flatten()
    return _Cells(
        pc.list_parent_indices(cells),
        pc.struct_field(flat, "column").dictionary_encode(),
        pc.struct_field(flat, "value"),
    )


def _numbers(cells: _Cells, rows: pa.Table) -> Values:
    """The amounts of some cells."""
    # Each spelling is read once: a schedule has far fewer of them than cells.
    encoded = cells.values.dictionary_encode()
    read = [read_amount(text) for text in encoded.dictionary.to_pylist()]
    numbers: Values = pa.array(read, pa.float64()).take(encoded.indices)
    if numbers.null_count:
        at = pc.index(numbers.is_null(), True).as_py()
        row = rows.slice(cells.rows[at].as_py(), 1).to_pylist()[0]
        raise ValueError(
            f"{row['source']}/{row['document']}, page {row['page']}, line {row['line']}: "
            f"{cells.values[at].as_py()!r} under {cells.labels[at].as_py()!r} is no amount; "
            "a row with it belongs in quarantine"
        )
    return numbers


def _bound(cells: _Cells, rows: pa.Table, rules: TableRules, name: str) -> Values:
    """The ceiling or the floor of each row, empty for none and for zero."""
    chosen = cells.under(labels_named(cells.known_labels, rules, name))
    numbers = _numbers(chosen, rows)
    is_one = _above_zero(numbers)
    return _by_row(rows, chosen.rows.filter(is_one), numbers.filter(is_one))


def _only(cells: _Cells, rows: pa.Table, rules: TableRules, name: str) -> Values:
    """What each row prints in the column that has a name of ours."""
    chosen = cells.under(labels_named(cells.known_labels, rules, name))
    return _by_row(rows, chosen.rows, chosen.values)


def _by_row(rows: pa.Table, numbers: Values, values: Values) -> Values:
    """Values by the numbers of their rows; empty for the rows that have none."""
    every = pa.array(range(rows.num_rows), numbers.type)
    return values.take(pc.index_in(every, numbers))
