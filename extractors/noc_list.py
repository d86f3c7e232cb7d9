"""The list of codes that are not otherwise classified: a workbook with codes in its first column.

What such a code is for is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

from extractors.reading import Problem, Row
from extractors.sheet import read_sheet
from schemas.codes import printable, shortened, system_of

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class NocList:
    """The codes of a list, and what was odd about it."""

    codes: frozenset[str]
    problems: tuple[Problem, ...]


def noc_list(data: bytes, name: str) -> NocList:
    """The codes in the first column of a workbook; what stands above the first is its title.

    A row that cannot be taken at its word, and a list without a code, hold the document; a row
    below the first code that names none is told. Raises `ExtractionError` as `read_sheet` does.
    """
    codes: set[str] = set()
    problems: list[Problem] = []
    for line in read_sheet(data).lines:
        if not isinstance(line, Row):
            continue
        first = printable(next(iter(line.cells), ""))
        if line.fault:
            problems.append(Problem(f"{name}: {line.fault}", line.place))
        elif system_of(first):
            codes.add(first)
        elif codes and first:
            message = f"{name}: {shortened(first, _SHOWN)!r} is not a code, and was not read"
            problems.append(Problem(message, line.place, holds=False))
    if not codes:
        message = f"{name} has no code in its first column: look at it, and at code_set.noc"
        problems.append(Problem(message))
    return NocList(frozenset(codes), tuple(problems))
