"""Rows of cells that span others, spread out into columns.

Knows which columns a cell covers. What it covers to its right is empty; a row that it reaches down
into has its text, as the page says by the span itself, unless it is a label above other labels,
which is printed once. Where spans run over the edge of their table, overlap or leave a gap, which
cell belongs to which column is a guess, and the row says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from extractors.markup.tree import Element
from extractors.reading import ExtractionError

MAX_COLUMNS = 1_000  # what browsers allow
MAX_ROWS = 65_534
MAX_CELLS = 3_000_000
MAX_CHARACTERS = 64 << 20

_SPAN = re.compile(r"\s*\+?([0-9]{1,9})")


@dataclass(slots=True)
class PrintedCell:
    """A cell as it stands in its row. `rows` is 0 for one that reaches to the end of its group."""

    text: str
    columns: int = 1
    rows: int = 1
    is_label: bool = False


@dataclass(slots=True, eq=False)
class PrintedRow:
    """A row as it stands in its group of rows, before spans are spread."""

    line: int
    table: int
    group: int
    in_head: bool = False
    is_hidden: bool = False
    in_margin: bool = False
    cells: list[PrintedCell] = field(default_factory=list)
    hidden_cells: list[PrintedCell] = field(default_factory=list)
    covered: dict[int, tuple[int, str]] = field(default_factory=dict)
    fault: str | None = None

    @property
    def is_header(self) -> bool:
        return self.in_head or all(cell.is_label for cell in self.cells)


def spans(element: Element) -> tuple[int, int]:
    """How many columns and rows a cell spans; 0 rows stand for all that follow in its group.

    Raises `ExtractionError`, naming the line, for more than a browser allows.
    """
    if not element.attributes:
        return 1, 1
    columns = _span(element, "colspan", MAX_COLUMNS)
    rows = _span(element, "rowspan", MAX_ROWS)
    return columns or 1, rows


def _span(element: Element, name: str, most: int) -> int:
    attributes = element.attributes
    printed = attributes.get(name) or attributes.get(f"aria-{name}") or ""
    found = _SPAN.match(printed)
    span = int(found[1]) if found else 1
    if span > most:
        raise ExtractionError(
            f"line {element.line}: a cell with {name}={span} spans more than {most:,}; "
            "look at the page by hand"
        )
    return span


def spread_tables(rows: Sequence[PrintedRow]) -> Iterator[tuple[PrintedRow, tuple[str, ...]]]:
    """Each row with its cells column by column; a row whose columns are in doubt gets a `fault`.

    A row in which no cell begins is none, though cells from above reach into it. Spans end with
    their group of rows, and what is hidden has no place in the grid of what is shown. Raises
    `ExtractionError` for more cells or text than any list has.
    """
    groups: dict[tuple[int, bool], list[PrintedRow]] = {}
    for row in rows:
        groups.setdefault((row.group, row.is_hidden), []).append(row)
    _check_size(groups.values())
    widths: dict[int, int] = {}
    for group in groups.values():
        yield from _spread(group, widths)


def _check_size(groups: Iterable[Sequence[PrintedRow]]) -> None:
    cells = characters = 0
    for rows in groups:
        for row in rows:
            for cell in row.cells:
                reach = min(cell.rows or len(rows), len(rows))
                cells += cell.columns * reach
                characters += len(cell.text) * reach
            if cells > MAX_CELLS or characters > MAX_CHARACTERS:
                raise ExtractionError(
                    f"line {row.line}: the tables of the page have more than {MAX_CELLS:,} cells "
                    f"or {MAX_CHARACTERS:,} characters when spans are spread out; look at it by "
                    "hand"
                )


def _spread(
    rows: Sequence[PrintedRow], widths: dict[int, int]
) -> Iterator[tuple[PrintedRow, tuple[str, ...]]]:
    """The rows of one group; `widths` holds by table how many columns its last header has."""
    below: dict[int, tuple[str, int]] = {}
    over_edge: str | None = None
    for index, row in enumerate(rows):
        above, below = below, {}
        is_spanned = bool(above) or any(cell.columns > 1 for cell in row.cells)
        before = rows[index - 1].covered if index else {}
        texts, fault = _spread_row(row, above, below, before, rows_left=len(rows) - index)
        reach = max((cell.rows for cell in row.cells), default=1)
        if reach > len(rows) - index and not row.is_header:
            over_edge = f"a cell spans {reach} rows where {len(rows) - index} are left"
        if len(row.cells) > 1 and (row.is_header or row.table not in widths):
            widths[row.table] = len(texts)
        width = widths.get(row.table, len(texts))
        if is_spanned and len(row.cells) > 1 and len(texts) > width:
            fault = f"spans make the row {len(texts)} columns wide where its table has {width}"
        if not row.is_header:
            row.fault = row.fault or fault or over_edge
        if row.cells:
            yield row, tuple(texts)


def _spread_row(
    row: PrintedRow,
    above: dict[int, tuple[str, int]],
    below: dict[int, tuple[str, int]],
    covered_above: dict[int, tuple[int, str]],
    rows_left: int,
) -> tuple[list[str], str | None]:
    """The row's texts by column; takes what reaches into it from `above`, fills `below`."""
    texts: list[str] = []
    fault: str | None = None
    waiting = iter(row.cells)
    while True:
        column = len(texts)
        if column in above:
            text, rows = above.pop(column)
            texts.append(text)
            if column in covered_above:
                row.covered[column] = covered_above[column]
            if rows > 1:
                below[column] = (text, rows - 1)
            continue
        cell = next(waiting, None)
        if cell is None and not above:
            return texts, fault
        if cell is None:
            fault = "a cell is missing before one that reaches down from a row above"
            texts.append("")
            continue
        texts += [cell.text, *[""] * (cell.columns - 1)]
        if not row.is_header:
            row.covered |= dict.fromkeys(range(column + 1, len(texts)), (column, cell.text))
        rows = cell.rows or rows_left
        span = range(column, column + cell.columns)
        if [each for each in span if above.pop(each, None) is not None]:
            fault = "two cells of the row overlap"
        if rows > 1:
            below |= dict.fromkeys(span, ("", rows - 1))
            below[column] = ("" if row.is_header else cell.text, rows - 1)
