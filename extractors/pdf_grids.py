"""Ruling lines of a page of a PDF, the cells that they enclose, and what is doubtful about them.

A table is what is ruled: cells closed on all sides by lines that a reader sees. Tables without
ruling lines are not looked for, because where their columns part would be a guess.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pdfplumber.page import Page
from pdfplumber.table import (
    Table,
    cells_to_tables,
    edges_to_intersections,
    intersections_to_cells,
    merge_edges,
)
from pdfplumber.utils import curve_to_edges, filter_edges, line_to_edge, rect_to_edges

from extractors.pdf_letters import Box, Letter, sample, union
from extractors.reading import ExtractionError

MAX_CROSSINGS = 6_000  # of ruling lines on one page; a dense list page has 700

# Lines nearer than this are one ruling line, drawn twice or cell by cell.
SNAP = 2.0
# Gaps in a ruling line up to this are closed, as between the borders of neighboring cells.
JOIN = 3.0
# A line must come this near another one to meet it. An underlined word in a narrow cell comes
# within 2 points of both borders, and must not cut the cell in two.
MEET = 1.0
SHORTEST_RULE = 3.0
THICKEST_RULE = 3.0
# Letters nearer than this share of their size are set as one text.
TOUCHING = 0.05
# A line nearer than this share of the size to the middle of letters strikes them through; an
# underline is 0.4 away.
THROUGH_MIDDLE = 0.2
LARGEST = 20.0  # points that a line may be away from the middle of the largest letters it strikes

# A ruling line as pdfplumber describes it.
Edge = dict[str, Any]
# A doubt in words, and the place of the text that it is about.
Doubt = tuple[str, Box]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's rows, each cell with its box (None where another cell covers it) and letters."""

    box: Box
    rows: tuple[tuple[tuple[Box | None, list[Letter]], ...], ...]


def ruling_lines(page: Page) -> list[Edge]:
    """The ruling lines of a page, those drawn in pieces or twice put together.

    Lines, framed boxes, and filled boxes so thin that they are drawn as lines. Wider filled boxes
    are background: word processors lay one behind each line of a cell, and its sides are no rules.
    """
    edges = [line_to_edge(line) for line in page.lines]
    for sides, shapes in ((rect_to_edges, page.rects), (curve_to_edges, page.curves)):
        for shape in shapes:
            if min(shape["width"], shape["height"]) <= THICKEST_RULE:
                edges += _middle_lines(shape)
            elif shape["stroke"]:
                edges += sides(shape)
    edges = [edge for edge in edges if edge["orientation"] in ("h", "v")]
    merged = merge_edges(filter_edges(edges, min_length=0.5), SNAP, SNAP, JOIN, JOIN)
    return list(filter_edges(merged, min_length=SHORTEST_RULE))


def _middle_lines(box: Edge) -> list[Edge]:
    """A thin filled box as the line it looks like; a dot of a dotted line may be of either way."""
    across, down = (box["x0"] + box["x1"]) / 2, (box["top"] + box["bottom"]) / 2
    lines = []
    if box["width"] >= box["height"]:
        lines.append({**box, "orientation": "h", "top": down, "bottom": down, "height": 0})
    if box["height"] >= box["width"]:
        lines.append({**box, "orientation": "v", "x0": across, "x1": across, "width": 0})
    return lines


def find_tables(page: Page, rulings: list[Edge]) -> list[Table]:
    """Tables of at least two cells, each cell enclosed by ruling lines on all sides."""
    vertical = sum(edge["orientation"] == "v" for edge in rulings)
    if vertical * (len(rulings) - vertical) <= 100 * MAX_CROSSINGS:
        crossings = edges_to_intersections(rulings, MEET, MEET)
        if len(crossings) <= MAX_CROSSINGS:
            groups = cells_to_tables(intersections_to_cells(crossings))
            return [Table(page, cells) for cells in groups]
    raise ExtractionError(
        f"page {page.page_number} of the PDF has more than {MAX_CROSSINGS:,} crossings of ruling "
        "lines: look at it by hand before it is read"
    )


def homes_of(tables: list[Table], letters: list[Letter]) -> dict[int, Box]:
    """The cell that each letter stands in, by the letter's id: the one that its middle is in.

    Where cells overlap, as those of a table inside a cell do, it is the smallest.
    """
    cells = sorted((cell for table in tables for cell in table.cells), key=_area)
    levels = sorted({side for cell in cells for side in (cell[1], cell[3])})
    strips: list[list[Box]] = [[] for _ in levels]
    for cell in cells:
        for level in range(bisect_left(levels, cell[1]), bisect_left(levels, cell[3])):
            strips[level].append(cell)
    homes = {}
    for letter in letters:
        level = bisect_right(levels, letter.y) - 1
        for cell in strips[level] if level >= 0 else ():
            if cell[0] <= letter.x < cell[2]:
                homes[id(letter)] = cell
                break
    return homes


def filled_grids(tables: list[Table], letters: list[Letter], homes: dict[int, Box]) -> list[Grid]:
    """The tables from the top, each cell with its letters; one without any text is a drawing."""
    contents: dict[Box | None, list[Letter]] = {}
    for letter in letters:
        contents.setdefault(homes.get(id(letter)), []).append(letter)
    grids = []
    for table in sorted(tables, key=lambda table: (table.bbox[1], table.bbox[0])):
        if all(letter.is_blank for cell in table.cells for letter in contents.get(cell, ())):
            continue
        rows = tuple(
            tuple((cell, contents.get(cell, []) if cell else []) for cell in row.cells)
            for row in table.rows
        )
        grids.append(Grid(table.bbox, rows))
    return grids


def doubts(
    rulings: list[Edge], grids: list[Grid], letters: list[Letter], homes: dict[int, Box]
) -> Iterator[Doubt]:
    """What on a page may not be as its tables say: every doubt is one to hold the document for."""
    yield from _open_cells(rulings, grids, letters, homes)
    yield from _crossed_borders(letters, homes)
    yield from _struck(rulings, letters)


def _open_cells(
    rulings: list[Edge], grids: list[Grid], letters: list[Letter], homes: dict[int, Box]
) -> Iterator[Doubt]:
    """Text that ruling lines of a table run along without enclosing it: a cell with a missing side.

    Unreported, a missing border would take a row or a column out of its table.
    """
    areas = [area for grid in grids for area in _ruled_areas(grid, rulings)]
    areas += [area for grid in grids for area in _gap_beside(grid, grids)]
    between = [
        letter
        for letter in letters
        if id(letter) not in homes
        and not letter.is_blank
        and any(x0 <= letter.x <= x1 and top <= letter.y <= low for x0, top, x1, low in areas)
    ]
    if between:
        message = (
            "text stands between the ruling lines of a table in no closed cell: "
            f"{sample(between)}; compare the page"
        )
        yield message, union(letter.box for letter in between)


def _gap_beside(grid: Grid, grids: list[Grid]) -> list[Box]:
    """The area between a table and the next one to its right, where a column may have been lost."""
    _, top, left, bottom = grid.box
    beside = [
        each.box for each in grids if each.box[0] > left and _meets(*each.box[1::2], top, bottom)
    ]
    if not beside:
        return []
    right, high, _, low = min(beside)
    return [(left, max(top, high), right, min(bottom, low))]


def _ruled_areas(grid: Grid, rulings: list[Edge]) -> tuple[Box, Box]:
    """How far a table's vertical lines run on above and below it, its horizontal ones aside."""
    x0, top, x1, bottom = grid.box
    left, right, above, below = x0, x1, top, bottom
    for edge in rulings:
        if edge["orientation"] == "v":
            if _meets(edge["top"], edge["bottom"], top, bottom) and x0 <= edge["x0"] <= x1:
                above, below = min(above, edge["top"]), max(below, edge["bottom"])
        elif _meets(edge["x0"], edge["x1"], x0, x1) and top <= edge["top"] <= bottom:
            left, right = min(left, edge["x0"]), max(right, edge["x1"])
    return (x0, above, x1, below), (left, top, right, bottom)


def _meets(start: float, end: float, low: float, high: float) -> bool:
    """Whether a ruling line runs through a table's extent or touches it."""
    return bool(start <= high + MEET and end >= low - MEET)


def _crossed_borders(letters: list[Letter], homes: dict[int, Box]) -> Iterator[Doubt]:
    """Text that runs on over the border of its cell, where it would be read as the next cell's.

    Either a letter has a quarter of it over there, or two that were drawn one after the other and
    touch stand on either side of the border.
    """
    over: dict[float, list[int]] = {}
    for number, letter in enumerate(letters):
        home = homes.get(id(letter))
        before = letters[number - 1] if number else letter
        home_before = homes.get(id(before))
        if (home and _sticks_out(letter, home)) or (
            home != home_before and _runs_on(before, letter)
        ):
            row = home or home_before
            over.setdefault(row[1] if row else 0.0, []).append(number)
    for numbers in over.values():
        around = letters[max(numbers[0] - 20, 0) : numbers[0] + 20]
        message = f"text runs over the border of its cell in {sample(around)}; compare the page"
        yield message, union(letters[number].box for number in numbers)


def _sticks_out(letter: Letter, cell: Box) -> bool:
    x0, _, x1, _ = letter.box
    allowed = 0.25 * (x1 - x0)
    return not letter.is_blank and (x0 < cell[0] - allowed or x1 > cell[2] + allowed)


def _runs_on(before: Letter, letter: Letter) -> bool:
    near = TOUCHING * letter.size
    return (
        before.size == letter.size
        and abs(before.y - letter.y) < near
        and abs(letter.box[0] - before.box[2]) < near
        and not letter.is_blank
    )


def _struck(rulings: list[Edge], letters: list[Letter]) -> Iterator[Doubt]:
    """Text with a line through its middle: what it says may be withdrawn."""
    inked = sorted((letter for letter in letters if not letter.is_blank), key=lambda each: each.y)
    heights = [letter.y for letter in inked]
    for edge in rulings:
        if edge["orientation"] == "v":
            continue
        first = bisect_left(heights, edge["top"] - LARGEST)
        last = bisect_right(heights, edge["top"] + LARGEST)
        struck = [
            letter
            for letter in inked[first:last]
            if edge["x0"] - 1 <= letter.x <= edge["x1"] + 1
            and abs(letter.y - edge["top"]) < THROUGH_MIDDLE * letter.size
        ]
        if len(struck) > 1:
            struck.sort(key=lambda letter: letter.x)
            message = f"text is struck through: {sample(struck)}; compare the page"
            yield message, union(letter.box for letter in struck)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
