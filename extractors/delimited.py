"""Rows of comma-separated text and its kin (RFC 4180), from the header line on.

Knows quotation marks, and where a record begins and ends. Whether a text is a table at all, `text`
decides. Values stay as printed: 00100, 1E5, NA and null are text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from extractors.cells import MAX_COLUMNS, tabular_row
from extractors.reading import ExtractionError, Passage, Row
from schemas.codes import header_key
from schemas.provenance import Place
from schemas.source import TableRules

COMMA = ","
TAB = "\t"
# What a header may be separated by where the rules do not say so.
OTHERS = (";", "|")

# A text without rules is a table where this share of its lines has the same number of cells.
_CONSISTENT = 0.8
_LEAST_LINES = 3
_LEAST_CELLS = 3
_PLAIN = {mark: re.compile(rf"[^{re.escape(mark)}\n]*") for mark in (COMMA, TAB, *OTHERS)}
_QUOTED = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')


@dataclass(frozen=True, slots=True)
class _Record:
    """The cells of a record, its lines as printed, and where in the text it ends."""

    cells: tuple[str, ...]
    raw_text: str
    end: int
    fault: str | None = None


def labels_of(rules: TableRules | None) -> frozenset[str]:
    """The keys of all labels that a source gives to its columns."""
    if rules is None:
        return frozenset()
    return frozenset(header_key(alias) for names in rules.columns.values() for alias in names)


def is_header(cells: tuple[str, ...], labels: frozenset[str]) -> bool:
    """Whether two cells of a line or more are labels of the source's columns."""
    return sum(header_key(cell) in labels for cell in cells) > 1


def table_start(printed: list[str], labels: frozenset[str], delimiter: str) -> int | None:
    """The line, from 0, at which a table separated by `delimiter` begins; None where none does.

    With labels it is the header line. Without, it is the first line of a text of which most lines
    have the same number of cells, three or more.
    """
    if labels:
        for number, line in enumerate(printed):
            if delimiter in line and is_header(_cells_of_line(line, delimiter), labels):
                return number
        return None
    counts = [len(_cells_of_line(line, delimiter)) for line in printed if line.strip()]
    if len(counts) < _LEAST_LINES:
        return None
    width, times = Counter(counts).most_common(1)[0]
    if width < _LEAST_CELLS or times < _CONSISTENT * len(counts):
        return None
    return 0


def is_quoted(printed: list[str], delimiter: str) -> bool:
    """Whether cells of a text stand in quotation marks, all of which are closed."""
    text, mark = "\n".join(printed), re.escape(delimiter)
    begins = re.compile(rf'(?:^|{mark})"', re.MULTILINE)
    whole = re.compile(rf"(?:^|{mark}){_QUOTED.pattern}(?={mark}|$)", re.MULTILINE)
    left = whole.sub("", text)
    return len(left) < len(text) and not begins.search(left)


def above_delimited(line: Row | Passage, delimiter: str) -> Row | Passage:
    """A line above a table, without the quotation marks and empty cells that a program gave it."""
    if isinstance(line, Row):
        return line
    if not (line.text.startswith('"') or line.text.rstrip().endswith(delimiter)):
        return line
    filled = [cell for cell in _cells_of_line(line.text, delimiter) if cell.strip()]
    return replace(line, text=" ".join(filled))


def delimited_lines(
    printed: list[str], start: int, delimiter: str
) -> tuple[list[Row | Passage], int]:
    """The records from line `start` (from 0) on, and how many lines continue the one above them.

    A record is a row, at the first of its lines; a blank line is a passage. A row with text after
    a closing quotation mark, or with a cell that may have swallowed other rows, has a fault.
    Raises `ExtractionError` for a mark that is never closed and more than 1,000 columns.
    """
    lines: list[Row | Passage] = []
    text = "\n".join(printed[start:])
    number, at = start + 1, 0
    width, continued = 0, 0
    while at <= len(text):
        place = Place(1, number)
        record = _record(text, at, delimiter, number)
        if not record.raw_text.strip():
            lines.append(Passage(place, record.raw_text, record.raw_text))
        else:
            if len(record.cells) > MAX_COLUMNS:
                raise ExtractionError(
                    f"line {number} has {len(record.cells):,} columns, more than "
                    f"{MAX_COLUMNS:,}: look at it by hand"
                )
            width = width or len(record.cells)
            fault = record.fault or _swallowed(record, width, delimiter)
            lines.append(tabular_row(place, record.cells, record.raw_text, 1, fault))
        more = record.raw_text.count("\n")
        number += 1 + more
        continued += more
        at = record.end + 1
    return lines, continued


def _cells_of_line(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of one line, which may leave a quotation mark open."""
    try:
        return _record(line, 0, delimiter, 1).cells
    except ExtractionError:
        return tuple(line.split(delimiter))


def _record(text: str, start: int, delimiter: str, number: int) -> _Record:
    """The record that begins at a place of the text, in line `number` of the file."""
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    if '"' not in text[start:end]:
        line = text[start:end]
        return _Record(tuple(line.split(delimiter)), line, end)
    plain = _PLAIN[delimiter]
    cells: list[str] = []
    fault = None
    at = start
    while True:
        value = ""
        is_quoted = text.startswith('"', at)
        if is_quoted:
            quoted = _QUOTED.match(text, at)
            if quoted is None:
                raise _unclosed(number)
            value = quoted[1].replace('""', '"')
            at = quoted.end()
        rest = plain.match(text, at)
        assert rest is not None  # it matches nothing too
        if is_quoted and rest[0].strip():
            if "\n" in value:
                raise _unclosed(number)
            fault = f"text after a closing quotation mark: {rest[0].strip()[:40]!r}"
        cells.append(value + rest[0])
        at = rest.end()
        if at == len(text) or text[at] == "\n":
            return _Record(tuple(cells), text[start:at], at, fault)
        at += 1


def _unclosed(number: int) -> ExtractionError:
    return ExtractionError(
        f"line {number} opens a quotation mark that nothing closes properly, and would swallow "
        "the rows below it: ask the publisher for a whole file"
    )


def _swallowed(record: _Record, width: int, delimiter: str) -> str | None:
    for cell in record.cells:
        for line in cell.split("\n")[1:]:
            if width > 1 and line.count(delimiter) >= width - 1:
                return f"a quoted cell holds what looks like a row: {line.strip()[:80]!r}"
    return None
