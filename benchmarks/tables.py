"""Our PDF reader beside what a user would otherwise pick: speed, right cells, memory.

Run as `make bench`. The Cigna list, which the repository has as text, is drawn as PDF, ruled and
without any line, so every cell is known. The tools take each page one after the other in one
process, over several rounds, and the processor time of a page is the least of its rounds, since a
shared machine is erratic. Bare text extraction, which finds no table, is the floor. Memory and
two processes at once are measured in processes of their own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import ROOT, write
from benchmarks.tools import FLOOR, FOR_RULED, FOR_UNRULED, OURS, Cells, Tool, our_rules
from extractors.pdf import read_pdf
from extractors.reading import Row
from tests.drawing import PrintedList, draw_pdf, draw_unruled_pdf, list_from_dump

ROUNDS = 3
# A tool that takes longer for a page than this is given each page once.
SLOW = 0.25
FEW, MANY = 50, 2000
# What is run for memory and for two at once: our reader over a whole file.
READ_ALL = """
import json, sys, time
from pathlib import Path
from benchmarks.tools import TOOLS
start = time.process_time()
with TOOLS[sys.argv[1]].opened(Path(sys.argv[2])) as read:
    for number in range(int(sys.argv[3])):
        read(number)
used = time.process_time() - start
(peak,) = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
print(json.dumps([used, int(peak.split()[1]) / 1024]))
"""


@dataclass(slots=True)
class Taken:
    """What one tool took for each page, in seconds of processor time, and the rows it gave."""

    pages: list[float]
    rows: list[Cells]


def cigna_list() -> PrintedList:
    """The shipped list; its text is in raw/."""
    folder = ROOT / "raw" / "cigna_commercial_dme" / "prior_authorization_list"
    (path,) = folder.glob("*.txt")
    return list_from_dump(path)


def plain(cell: str) -> str:
    """A cell without regard to where its lines break."""
    return " ".join(cell.split())


def take(path: Path, pages: int, tools: Sequence[Tool]) -> dict[str, Taken]:
    """Each tool on each page, one after the other, the least of several rounds."""
    taken = {tool.name: Taken([], []) for tool in tools}
    for number in range(ROUNDS):
        with ExitStack() as stack:
            readers = {
                tool.name: stack.enter_context(tool.opened(path))
                for tool in tools
                if not number or statistics.median(taken[tool.name].pages) < SLOW
            }
            for page in range(pages):
                for name, read in readers.items():
                    start = time.process_time()
                    rows = read(page)
                    used = time.process_time() - start
                    if number:
                        taken[name].pages[page] = min(used, taken[name].pages[page])
                    else:
                        taken[name].pages.append(used)
                        taken[name].rows += [tuple(map(plain, row)) for row in rows]
    return taken


def right_cells(found: Sequence[Cells], printed: PrintedList) -> float:
    """The share of known cells that a tool gives in their row and column.

    A row is found by its code. A known row that is missing or has another number of cells has no
    right cell, and the cells of rows that were never printed count as wrong ones.
    """
    headers = {tuple(map(plain, section.header)) for section in printed.sections}
    known = [tuple(map(plain, row)) for section in printed.sections for row in section.rows]
    waiting: dict[str, list[Cells]] = {}
    for row in known:
        waiting.setdefault(code_of(row), []).append(row)
    right = invented = 0
    for row in found:
        if row in headers or not any(row):
            continue
        same = waiting.get(code_of(row), [])
        match = max(same, key=lambda other: alike(row, other), default=None)
        if match is None:
            invented += len(row)
        else:
            same.remove(match)
            right += alike(row, match)
    return right / (sum(map(len, known)) + invented)


def alike(row: Cells, other: Cells) -> int:
    """How many cells of two rows of one width are the same."""
    return sum(map(str.__eq__, row, other)) if len(row) == len(other) else 0


def code_of(row: Cells) -> str:
    """The first cell of a row that has the form of a HCPCS code."""
    return next((cell for cell in row if len(cell) == 5 and cell[1:].isdigit()), "")


def compared(
    what: str, data: bytes, printed: PrintedList, others: Sequence[Tool], folder: Path
) -> list[str]:
    """One table: all tools on one rendering of the list."""
    path = folder / f"{what}.pdf"
    path.write_bytes(data)
    pages = page_count(data)
    taken = take(path, pages, (OURS, FLOOR, *others))
    # Words that a cell broke are put together when all pages are read.
    start = time.process_time()
    whole = read_pdf(data, our_rules())
    used = (time.process_time() - start) / pages
    taken[OURS.name].rows = [
        tuple(map(plain, line.cells)) for line in whole.lines if isinstance(line, Row)
    ]
    floor = statistics.median(taken[FLOOR.name].pages)
    ours = statistics.median(taken[OURS.name].pages)
    lines = [
        f"{what}, {pages} pages:",
        "",
        "| tool | ms a page, least | median | pages a second | x floor | x ours | cells right |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, one in taken.items():
        median = statistics.median(one.pages)
        right = "" if name == FLOOR.name else f"{right_cells(one.rows, printed):.2%}"
        lines.append(
            f"| {name} | {min(one.pages) * 1000:.1f} | {median * 1000:.1f} | {1 / median:.0f} "
            f"| {median / floor:.1f} | {median / ours:.1f} | {right} |"
        )
    last = (
        f"The whole reading, opening and checks of the file included: {used * 1000:.1f} ms a page."
    )
    return [*lines, "", last, ""]


def page_count(data: bytes) -> int:
    """The number of pages of a PDF."""
    import pypdfium2

    with pypdfium2.PdfDocument(data) as pdf:
        return len(pdf)


def repeated(data: bytes, pages: int) -> bytes:
    """The pages of a PDF again and again, until there are so many."""
    import io

    import pypdfium2

    with pypdfium2.PdfDocument(data) as pdf, pypdfium2.PdfDocument.new() as longer:
        while len(longer) < pages:
            longer.import_pages(pdf, list(range(min(len(pdf), pages - len(longer)))))
        out = io.BytesIO()
        longer.save(out)
    return out.getvalue()


def growth(data: bytes, folder: Path) -> list[str]:
    """Memory and time from few to many pages, each run in a process of its own."""
    lines = [
        "| tool | pages | peak memory, MiB | ms a page |",
        "| --- | ---: | ---: | ---: |",
    ]
    for tool, counts in ((OURS, (FEW, MANY)), (FLOOR, (FEW, MANY)), (FOR_RULED[0], (FEW,))):
        for pages in counts:
            path = folder / f"{pages}.pdf"
            path.write_bytes(repeated(data, pages))
            (used, memory), _ = read_all([path], tool, pages)
            lines.append(f"| {tool.name} | {pages} | {memory:.0f} | {used / pages * 1000:.1f} |")
    return [*lines, ""]


def two_at_once(data: bytes, folder: Path) -> list[str]:
    """How much more two processes get done than one, on the wall, start-up included."""
    path = folder / "workers.pdf"
    path.write_bytes(repeated(data, 1000))
    _, one = read_all([path], OURS, 1000)
    _, two = read_all([path, path], OURS, 1000)
    gained = f"{2 * one / two:.2f} times as much"
    return [
        f"Two processes read 2 x 1,000 pages in {two:.1f} s, one 1,000 in {one:.1f} s: {gained}."
    ]


def read_all(paths: Sequence[Path], tool: Tool, pages: int) -> tuple[tuple[float, float], float]:
    """Processor seconds and MiB of the first of some processes, and seconds on the wall for all."""
    start = time.monotonic()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", READ_ALL, tool.name, str(path), str(pages)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for path in paths
    ]
    said = [json.loads(process.communicate()[0]) for process in running]
    return (said[0][0], said[0][1]), time.monotonic() - start


def main() -> None:
    printed = cigna_list()
    with tempfile.TemporaryDirectory() as aside:
        folder = Path(aside)
        ruled = draw_pdf(printed)
        unruled = draw_unruled_pdf(printed)
        lines = compared("Ruled list", ruled, printed, FOR_RULED, folder)
        lines += compared("List without lines", unruled, printed, FOR_UNRULED, folder)
        lines += growth(ruled, folder)
        lines += two_at_once(ruled, folder)
    write("tables", lines)


if __name__ == "__main__":
    main()
