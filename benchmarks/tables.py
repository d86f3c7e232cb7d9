"""Our PDF reader beside what a user would otherwise pick: speed, right cells, memory.

Run as `make bench`. The Cigna list, which the repository has as text, is drawn as PDF with and
without ruling lines, so every cell is known. The tools take the same page one after the other in
one process, each several times, and the processor time of each page is taken: minimum and median,
since a shared machine is erratic. Bare text extraction, which finds no table, is the floor.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import tools
from benchmarks.results import ROOT, write
from tests.drawing import PrintedList, draw_pdf, list_from_dump

ROUNDS = 3
# A page that takes a tool longer than this is given to it once, not in every round.
SLOW = 1.0
FEW, MANY = 50, 2000


@dataclass(frozen=True, slots=True)
class Taken:
    """What one tool took for each page, in seconds of processor time, and the rows it gave."""

    pages: list[float]
    rows: list[tools.Cells]

    @property
    def least(self) -> float:
        return min(self.pages)

    @property
    def median(self) -> float:
        return statistics.median(self.pages)


def cigna_list() -> PrintedList:
    """The shipped list; its text is in raw/."""
    folder = ROOT / "raw" / "cigna_commercial_dme" / "prior_authorization_list"
    (path,) = folder.glob("*.txt")
    return list_from_dump(path)


def known_rows(printed: PrintedList) -> list[tools.Cells]:
    """The rows that must come out, headers aside."""
    return [tuple(map(plain, row)) for section in printed.sections for row in section.rows]


def plain(cell: str | None) -> str:
    """A cell without regard to where its lines break."""
    return " ".join((cell or "").split())


def take(path: Path, pages: Sequence[int], picked: Sequence[tools.Tool]) -> dict[str, Taken]:
    """Each tool on each page, one after the other, the best of several rounds."""
    times: dict[str, list[float]] = {tool.name: [] for tool in picked}
    rows: dict[str, list[tools.Cells]] = {tool.name: [] for tool in picked}
    with ExitStack() as stack:
        readers = {tool.name: stack.enter_context(tool.opened(path)) for tool in picked}
        for page in pages:
            best: dict[str, float] = {}
            for number in range(ROUNDS):
                for name, read in readers.items():
                    if number and best[name] > SLOW:
                        continue
                    start = time.process_time()
                    found = read(page)
                    used = time.process_time() - start
                    best[name] = min(used, best.get(name, used))
                    if not number:
                        rows[name] += [tuple(map(plain, row)) for row in found]
            for name, used in best.items():
                times[name].append(used)
    return {name: Taken(times[name], rows[name]) for name in times}


def right_cells(
    found: list[tools.Cells], known: list[tools.Cells], headers: set[tools.Cells]
) -> float:
    """The share of known cells that a tool gives in their row and column.

    Rows are told apart by their code; a row that is missing or has another number of cells has no
    right cell, and rows that do not exist count as wrong ones.
    """
    rows = [row for row in found if row not in headers and any(row)]
    waiting: dict[str, list[tools.Cells]] = {}
    for row in known:
        waiting.setdefault(code_of(row), []).append(row)
    right = 0
    invented = 0
    for row in rows:
        same = waiting.get(code_of(row), [])
        match = max(same, key=lambda other: alike(row, other), default=None)
        if match is None:
            invented += len(row) if len(row) > 1 else 0
            continue
        same.remove(match)
        right += alike(row, match)
    return right / (sum(map(len, known)) + invented)


def alike(row: tools.Cells, other: tools.Cells) -> int:
    """How many cells of two rows of one width are the same."""
    return sum(map(str.__eq__, row, other)) if len(row) == len(other) else 0


def code_of(row: tools.Cells) -> str:
    """The first cell of a row that has the form of a HCPCS code."""
    return next((cell for cell in row if len(cell) == 5 and cell[1:].isdigit()), "")
