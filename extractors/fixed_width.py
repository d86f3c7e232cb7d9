"""Rows of a table whose columns stand at fixed places of each line, from its header line on.

Knows where columns begin: where the labels of the header do, two blanks or more apart, or left of
them where the values are flush right. A value that does not keep to them is never cut silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from extractors.cells import tabular_row
from extractors.delimited import is_header
from extractors.reading import Passage, Row
from schemas.provenance import Place

_LABEL = re.compile(r"\S+(?: \S+)*")
# A column is flush left where this share of its values begins right at its start.
_FLUSH = 0.9


@dataclass(frozen=True, slots=True)
class Header:
    """A header line, from 0, and where its labels begin and end, from 0."""

    line: int
    labels: tuple[tuple[int, int], ...]


def find_header(printed: list[str], labels: frozenset[str]) -> Header | None:
    """The first line on which two labels or more stand at least two blanks apart."""
    for number, line in enumerate(printed):
        if "  " not in line.strip():
            continue
        found = list(_LABEL.finditer(line))
        if len(found) > 1 and is_header(tuple(label[0] for label in found), labels):
            return Header(number, tuple(label.span() for label in found))
    return None


def fixed_width_lines(
    printed: list[str], header: Header, labels: frozenset[str], page_of: tuple[int, ...]
) -> Iterator[Row | Passage]:
    """The lines from the header on: rows, and passages for blank lines and text across columns.

    A line that is one run of text over the start of the second column, as a title between rows
    is, is a passage. A row with a word over a column's start, or with a value that begins beside
    its column's start where the others keep to it, has a fault. A header printed again may move
    the columns. `page_of` gives the page of each line.
    """
    starts, flush = _columns(printed, header, labels)
    for number in range(header.line, len(printed)):
        line = printed[number].replace("\f", "")
        place = Place(page_of[number], number + 1)
        if not line.strip():
            yield Passage(place, line, line)
            continue
        again = find_header([line], labels)
        if again:
            starts, flush = _columns(printed, replace(again, line=number), labels)
        elif _is_prose(line, starts):
            yield Passage(place, line.strip(), line)
            continue
        cells = _cut(line, starts)
        fault = None if again else _fault(line, cells, starts, flush)
        yield tabular_row(place, tuple(cell.strip() for cell in cells), line, 1, fault)


def stated_lines(
    printed: list[str], columns: tuple[tuple[str, int, int], ...], page_of: tuple[int, ...]
) -> Iterator[Row | Passage]:
    """The lines of a text without header, whose columns the source states: label, first, last.

    The labels come first, as the row of a header that is not printed. Faults are those of
    `fixed_width_lines`; text between or behind the columns is a fault too.
    """
    labels = tuple(label for label, _, _ in columns)
    yield tabular_row(Place(1, 1), labels, "", 1)
    starts = tuple(first - 1 for _, first, _ in columns)
    spans = tuple((first - 1, last) for _, first, last in columns)
    body = [line for line in printed if line.strip()]
    flush = _flush(body, starts)
    for number, line in enumerate(printed):
        place = Place(page_of[number], number + 1)
        if not line.strip():
            yield Passage(place, line, line)
            continue
        cells = [line[start:end] for start, end in spans]
        fault = _fault(line, cells, starts, flush)
        if sum(map(_ink, cells)) < _ink(line):
            fault = fault or "text stands outside the columns that table.positions states"
        yield tabular_row(place, tuple(cell.strip() for cell in cells), line, 1, fault)


def _ink(text: str) -> int:
    return len("".join(text.split()))


def _cut(line: str, starts: tuple[int, ...]) -> list[str]:
    ends = (*starts[1:], None)
    # What stands before the first column belongs to it, or it would be lost.
    begins = (0, *starts[1:])
    return [line[start:end] for start, end in zip(begins, ends, strict=True)]


def _crossed(line: str, starts: tuple[int, ...]) -> int | None:
    """The first column that a word runs into from the one before."""
    for number, start in enumerate(starts[1:], start=1):
        if _crossing(start, [line]):
            return number
    return None


def _is_prose(line: str, starts: tuple[int, ...]) -> bool:
    """Whether a line is one run of words that goes over the columns without keeping to them."""
    text = line.rstrip()
    reached = [start for start in starts[1:] if start < len(text)]
    keeps = all(text[at - 1].isspace() and not text[at].isspace() for at in reached)
    return bool(reached) and not keeps and len(_LABEL.findall(text)) == 1


def _fault(
    line: str, cells: list[str], starts: tuple[int, ...], flush: frozenset[int]
) -> str | None:
    crossed = _crossed(line, starts)
    if crossed is not None:
        word = _word_at(line, starts[crossed])
        return f"{word!r} runs over the start of column {crossed + 1}: the row is shifted"
    for number, cell in enumerate(cells):
        if number in flush and cell.strip() and cell[0].isspace():
            return f"{cell.strip()[:40]!r} does not begin where column {number + 1} does"
    return None


def _word_at(line: str, at: int) -> str:
    before = re.search(r"\S*$", line[:at])
    after = re.match(r"\S*", line[at:])
    return (before[0] if before else "") + (after[0] if after else "")


def _columns(
    printed: list[str], header: Header, labels: frozenset[str]
) -> tuple[tuple[int, ...], frozenset[int]]:
    """Where the columns below a header begin, and which of them are flush left."""
    below = printed[header.line + 1 :]
    ends = (n for n, line in enumerate(below) if find_header([line], labels))
    body = [line for line in below[: next(ends, len(below))] if line.strip()]
    starts = [header.labels[0][0]]
    for (_, before), (label, _) in pairwise(header.labels):
        starts.append(_boundary(before, label, body))
    found = tuple(starts)
    return found, _flush([line for line in body if not _is_prose(line, found)], found)


def _flush(body: list[str], starts: tuple[int, ...]) -> frozenset[int]:
    """The columns whose values begin right at the start, nearly all of them."""
    rows = [_cut(line, starts) for line in body]
    values = [[row[n] for row in rows if row[n].strip()] for n in range(len(starts))]
    return frozenset(
        n
        for n, column in enumerate(values)
        if column and sum(not cell[0].isspace() for cell in column) >= _FLUSH * len(column)
    )


def _boundary(before: int, label: int, body: list[str]) -> int:
    """Where a column begins: with its label, or left of it where most values run over that."""
    if _crossing(label, body) <= len(body) / 2:
        return label
    left = (at for at in range(label - 1, before, -1) if not _crossing(at, body))
    return next(left, label)


def _crossing(at: int, body: list[str]) -> int:
    """How many lines have a word that runs over a place."""
    return sum(len(line[at - 1 : at + 1].rstrip()) == 2 and line[at - 1] != " " for line in body)
