"""A supplier's catalogue: the codes in a file, one a line or in a column of a table, and the lines
that are no code.

Which column has the codes is read from its heading and never guessed. Which codes a payer lists is
not known here.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from flows.answers.lookup import AskedCode, CodeError, codes_asked
from schemas.code_forms import system_of
from schemas.codes import header_key, shortened

STDIN = "-"
_DELIMITERS = ",;\t"
# Headings of a column of codes, without case, blanks and punctuation.
_NAMED_CODES = frozenset(
    f"{name}{end}"
    for name in (
        *("hcpcs", "hcpc", "cpt", "hcpcscpt", "cpthcpcs", "hcpcsii", "hcpcslevelii"),
        *("procedure", "proc", "billing", "service"),
    )
    for end in ("code", "codes", "")
    if end or name.startswith(("hcpc", "cpt"))
)
# May be the codes of an item as well, and count where no other heading is known.
_CODES = frozenset({"code", "codes"})
_SHOWN = 60

# The number of a line and its cells.
_Record = tuple[int, list[str]]


class Catalogue(NamedTuple):
    """The codes of a file, each once in the order of its lines, and a sentence for each line that
    is no code."""

    codes: tuple[AskedCode, ...]
    mistakes: Sequence[str]


def read_catalogue(name: str) -> Catalogue:
    """The codes in a file, or in what stands on standard input for `-`.

    They are in the column that is headed by a word such as `code` or `HCPCS` in the first line,
    else in the first cell of each line. Blank lines and lines that begin with `#` are passed over.
    Raises `OSError` for a file that cannot be read, `CodeError` where more than one column may have
    the codes or a quoted cell does not end.
    """
    data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    shown = "standard input" if name == STDIN else name
    records = list(_records(data.decode(encoding, errors="replace"), shown))
    column = _headed(records[0], shown) if records else None
    if column is None:
        _refuse_to_guess(records, shown)
    codes: dict[AskedCode, None] = {}
    mistakes = []
    for number, cells in records if column is None else records[1:]:
        cell = _cell(cells, column or 0)
        try:
            codes |= dict.fromkeys(codes_asked([shortened(cell, _SHOWN)]))
        except CodeError as error:
            mistakes.append(f"line {number} of {shown}: {error}")
    return Catalogue(tuple(codes), mistakes)


def _records(text: str, shown: str) -> Iterator[_Record]:
    numbered = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    lines = [line for _, line in numbered]
    mark = _delimiter(lines)
    reader = csv.reader(lines, delimiter=mark, strict=True, skipinitialspace=True)
    while True:
        start = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CodeError(
                f"line {numbered[start][0]} of {shown} has a quoted cell that does not end as it "
                f"should ({error}): close its quote, double the quotes within it, and separate all "
                f"cells by {mark!r}"
            ) from error
        yield numbered[start][0], [cell.strip() for cell in cells]


def _delimiter(lines: Sequence[str]) -> str:
    """What most often stands between cells in the first line that has several; not in quotes."""
    for line in lines:
        outside = "".join(line.split('"')[::2])
        counts = {mark: outside.count(mark) for mark in _DELIMITERS}
        if any(counts.values()):
            return max(counts, key=lambda mark: counts[mark])
    return _DELIMITERS[0]


def _headed(first: _Record, shown: str) -> int | None:
    """The column whose heading says that it has the codes; None where no heading does."""
    number, cells = first
    keys = [header_key(cell) for cell in cells]
    for known in (_NAMED_CODES, _CODES):
        found = [column for column, key in enumerate(keys) if key in known]
        if len(found) > 1:
            names = " and ".join(repr(cells[column]) for column in found)
            raise CodeError(
                f"line {number} of {shown} heads more than one column of codes ({names}): leave "
                "one of these headings"
            )
        if found:
            return found[0]
    return None


def _refuse_to_guess(records: Sequence[_Record], shown: str) -> None:
    for number, cells in records:
        alike = [cell for cell in cells if _is_like_a_code(cell)]
        if len(alike) > 1 and _is_like_a_code(cells[0]):
            raise CodeError(
                f"more than one column of {shown} may have the codes (line {number}: "
                f"{' and '.join(map(repr, alike))}): give it a first line that heads the column of "
                "codes with HCPCS"
            )


def _is_like_a_code(cell: str) -> bool:
    return system_of(cell.upper().partition("-")[0]) is not None


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""
