"""Headers: the row, or the few stacked rows, that say what the columns of a table mean.

Compares labels without case, spacing, line breaks and marks. A header with a label that the
source does not know, or without a column that its layouts have, is a header with a fault: its
columns are never guessed from their order. Where headers stand in a document is not known here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.codes import header_key, parse_expression, printable
from schemas.source import TableRules

MOST_LINES = 3

_ASCII_NOISE = dict.fromkeys(code for code in range(128) if not chr(code).isalnum())
_SUPERSCRIPTS = dict.fromkeys(map(ord, "⁰¹²³⁴⁵⁶⁷⁸⁹"))
# What any code expression begins with; most cells of prose fail this cheap test.
_CODE_BEGINS = re.compile(r"\W*[A-Za-z]?[\W_]*[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Part:
    """The columns of one list in a row; a row has several where lists stand side by side.

    `named` are the cells with a name of ours, `labels` those with a printed label, `code` is the
    cell of the code. `spill` are cells under no label to the right of it, over which a grid of
    codes may spread; `unlabelled` are other cells under no label.
    """

    start: int
    end: int
    named: tuple[tuple[int, str], ...]
    labels: tuple[tuple[int, str], ...]
    code: int | None = None
    spill: tuple[int, ...] = ()
    unlabelled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """A header: the column each cell names (None: no name of ours), and its labels as printed.

    `parts` are the lists that stand side by side under it, mostly one. `lines` is the number of
    stacked rows that it takes, `fault` why it cannot be used.
    """

    columns: tuple[str | None, ...]
    printed: tuple[str, ...]
    fault: str | None = None
    lines: int = 1
    parts: tuple[Part, ...] = ()

    @property
    def signature(self) -> tuple[str, ...]:
        return tuple(printable(cell) for cell in self.printed)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the first of its lists, from left to right."""
        return tuple(name for _, name in self.parts[0].named) if self.parts else ()

    def is_like(self, other: Header) -> bool:
        """Whether rows under both have the same columns, in any order."""
        if self.fault or other.fault or len(self.parts) != len(other.parts):
            return False
        return sorted(self.names) == sorted(other.names)


class Labels:
    """The labels that a source's columns may have, ready for comparison."""

    def __init__(self, rules: TableRules) -> None:
        self.columns = rules.columns
        self.layouts = rules.layouts
        self._names = {
            label_key(alias): name for name, aliases in rules.columns.items() for alias in aliases
        }
        self._beginnings = {key[:end] for key in self._names for end in range(1, len(key) + 1)}
        firsts = {key[:1] for key in self._names}
        self._firsts = {first.upper() for first in firsts} | firsts
        self._extra = tuple(re.compile(pattern) for pattern in rules.extra_columns)
        self._least = min((2, *(len(layout) for layout in rules.layouts)))

    def name(self, cell: str) -> str | None:
        """The column that a printed label names."""
        return self._names.get(label_key(cell)) if self._may_be(cell) else None

    def may_begin(self, cells: Sequence[str]) -> bool:
        """Whether a cell could be the upper part of a label that stands on several rows."""
        return any(label_key(cell) in self._beginnings for cell in cells if self._may_be(cell))

    def needs_no_name(self, cell: str) -> bool:
        """Whether a label is empty or one that the source lets stand without a name."""
        label = printable(cell)
        return not label or any(pattern.fullmatch(label) for pattern in self._extra)

    def says_enough(self, columns: Sequence[str | None], cells: Sequence[str]) -> bool:
        """Whether a row names enough columns to be a header; all, in a list of one column."""
        known = sum(name is not None for name in columns)
        if known < self._least:
            return False
        return known > 1 or all(
            name is not None or not cell.strip() for name, cell in zip(columns, cells, strict=True)
        )

    def _may_be(self, cell: str) -> bool:
        """A cheap test that most cells of a list fail: whether a label begins as the cell does."""
        first = cell[:1]
        return first in self._firsts or not (first.isascii() and first.isalnum())


def label_key(cell: str) -> str:
    """A label for comparison: `header_key`, and without the superscripts of footnotes."""
    if cell.isascii():
        return cell.lower().translate(_ASCII_NOISE)
    return header_key(cell.translate(_SUPERSCRIPTS))


def is_code(cell: str) -> bool:
    """Whether a cell is read as codes and nothing else."""
    return _CODE_BEGINS.match(cell) is not None and parse_expression(cell) is not None


def match_header(cells: tuple[str, ...], labels: Labels) -> Header | None:
    """The header that a row of cells is, with its fault if it has one; None for other rows.

    A row is taken for a header where two of its cells name columns of the source (one, in a list
    of one column) and none holds a code. It must then have the columns of one of the source's
    layouts, in any order, or have them several times, side by side.
    """
    columns = tuple(map(labels.name, cells))
    if not labels.says_enough(columns, cells) or any(map(is_code, cells)):
        return None
    return _header(columns, cells, labels)


def stacked_header(rows: Sequence[tuple[str, ...]], labels: Labels) -> Header | None:
    """The header without fault that begins on the first of some rows and takes two or three.

    The labels of a column are read from top to bottom; a label over several columns, whose
    covered cells are empty, is read for each of them where the source names it so.
    """
    if not rows or not labels.may_begin(rows[0]):
        return None
    for count in range(2, min(len(rows), MOST_LINES) + 1):
        last = match_header(rows[count - 1], labels)
        if len(rows[count - 1]) != len(rows[0]) or (last and not last.fault):
            return None
        found = _stacked(rows[:count], labels)
        if found is not None and not found.fault:
            return found
    return None


def stacked_fault(rows: Sequence[tuple[str, ...]], labels: Labels) -> Header | None:
    """The header on two rows that would be one but for its fault; None for other rows.

    It is one only where neither row alone is a header, and at least half of its labels are known.
    """
    if len(rows) < 2 or len(rows[0]) != len(rows[1]) or not labels.may_begin(rows[0]):
        return None
    if any(match_header(row, labels) for row in rows[:2]) or stacked_header(rows[1:], labels):
        return None
    found = _stacked(rows[:2], labels)
    if found is None or 2 * len([c for c in found.columns if c]) < len(found.columns):
        return None
    return found


def _stacked(rows: Sequence[tuple[str, ...]], labels: Labels) -> Header | None:
    if any(is_code(cell) for row in rows for cell in row):
        return None
    plain = stack(rows)
    spread = stack([*map(_spread, rows[:-1], rows[1:]), rows[-1]])
    cells = tuple(
        over if labels.name(over) else alone for over, alone in zip(spread, plain, strict=True)
    )
    columns = tuple(map(labels.name, cells))
    if not labels.says_enough(columns, cells):
        return None
    return _header(columns, cells, labels, len(rows))


def _header(
    columns: tuple[str | None, ...], cells: tuple[str, ...], labels: Labels, lines: int = 1
) -> Header:
    starts = _starts(columns)
    ends = (*starts[1:], len(columns))
    parts = tuple(
        _part(columns, cells, start, end) for start, end in zip(starts, ends, strict=True)
    )
    return Header(columns, cells, _fault(columns, cells, labels), lines, parts)


def _part(columns: tuple[str | None, ...], cells: tuple[str, ...], start: int, end: int) -> Part:
    within = range(start, end)
    bare = [at for at in within if columns[at] is None and not cells[at].strip()]
    code = columns.index("code", start) if "code" in columns[start:end] else None
    spill: list[int] = []
    while code is not None and code + 1 + len(spill) in bare:
        spill.append(code + 1 + len(spill))
    return Part(
        start=start,
        end=end,
        named=tuple((at, name) for at in within if (name := columns[at]) is not None),
        labels=tuple((at, printable(cells[at])) for at in within if at not in bare),
        code=code,
        spill=tuple(spill),
        unlabelled=tuple(at for at in bare if at not in spill),
    )


def stack(rows: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Rows as one, in which each cell has what stands in its column from top to bottom."""
    columns = zip(*rows, strict=True)
    return tuple("\n".join(cell for cell in column if cell.strip()) for column in columns)


def _spread(row: tuple[str, ...], below: tuple[str, ...]) -> tuple[str, ...]:
    """A row whose labels also stand in the empty cells to their right that have a label below."""
    spread: list[str] = []
    for cell, under in zip(row, below, strict=True):
        covered = not cell.strip() and under.strip() and spread
        spread.append(spread[-1] if covered else cell)
    return tuple(spread)


def _starts(columns: Sequence[str | None]) -> tuple[int, ...]:
    """Where each list begins: at every repeat of the first column, if all parts are alike."""
    first = next((name for name in columns if name is not None), None)
    starts = [at for at, name in enumerate(columns) if name is not None and name == first]
    if len(starts) < 2:
        return (0,)
    parts = [columns[a:b] for a, b in zip(starts, [*starts[1:], len(columns)], strict=True)]
    named = [sorted(name for name in part if name is not None) for part in parts]
    alike = all(part == named[0] for part in named) and len(set(named[0])) == len(named[0])
    return (0, *starts[1:]) if alike and len(named[0]) > 1 else (0,)


def _fault(columns: tuple[str | None, ...], cells: tuple[str, ...], labels: Labels) -> str | None:
    for column, cell in zip(columns, cells, strict=True):
        if column is None and not labels.needs_no_name(cell):
            return f"unknown column {printable(cell)!r}"
    starts = _starts(columns)
    part = columns[: starts[1]] if len(starts) > 1 else columns
    known = [name for name in part if name is not None]
    doubled = [name for name, times in Counter(known).items() if times > 1]
    if doubled:
        return f"column {doubled[0]!r} twice"
    if any(set(known) == set(layout) for layout in labels.layouts):
        return None
    closest = min(labels.layouts, key=lambda layout: len(set(layout) ^ set(known)))
    missing = [name for name in closest if name not in known]
    if missing:
        printed = labels.columns[missing[0]][0]
        return f"column {missing[0]!r} ({printed!r}) is missing"
    extra = [name for name in known if name not in closest]
    return f"column {extra[0]!r} is in no layout together with the others"
