"""A table of a PDF without a ruled grid, once its columns are known: which lines are its rows.

What stands over the width of the table is a title or a paragraph and in no row; what stands far
below its last row is a footer. How lines make rows is weighed elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from extractors.pages.bands import heights_parting
from extractors.pages.ink import Bools, Floats, Grid, Ink, Ints
from extractors.pages.labels import HeaderLines
from extractors.pages.lanes import LEADING, placed
from extractors.pages.pieces import Pieces
from extractors.pages.rows import Habit, TableText, row_numbers

# Letters larger than a table's own by this factor are of a title.
LARGER = 1.15
# How far from the middle of a table that of its title is, as a share of the table's width.
CENTRED = 0.1
# At the foot of a table, text in the first column belongs to it up to this multiple of the usual
# distance between lines, other text up to this multiple of the widest of them.
FOOT, LOOSE_FOOT = 2.2, 1.1
# Rows this many times as high as the lowest have several lines.
WRAPPED = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The `n` printed lines of a table below its header."""

    numbers: Ints  # (n,): among the lines of the page
    columns: Ints  # (n,): the first column that has text
    alone: Bools  # (n,): whether it is the only one
    spans: Floats  # (n, 2): left and right
    sizes: Floats  # (n,): of the largest letter
    apart: Floats  # (n,): from the line above
    size: float
    usual: float  # the usual distance of lines
    widest: float  # what four in five do not exceed


def aligned_grid(
    ink: Ink,
    pieces: Pieces,
    at: Ints,
    cuts: Sequence[float],
    before: Sequence[Grid],
    header: HeaderLines | None = None,
) -> Grid | None:
    """The table that pieces make in the columns between cuts, or None where there is none.

    Its header is the first row of the grid, and the second where labels stand over several
    columns. `before` are tables on the page before, whose rows tell how this one's may look.
    """
    columns = placed(pieces, at, cuts)
    is_head = pieces.lines[at] <= (header.last if header else -1)
    body, columns_below = at[~is_head], columns[~is_head]
    rows = np.zeros(0, np.int64)
    if len(body):
        kept, titled = _rows_and_titles(pieces, body, columns_below, cuts)
        body, columns_below = body[kept], columns_below[kept]
    if len(body):
        habit = _habit(before, len(cuts) + 1)
        rows = rows_of_pieces(ink, pieces, body, columns_below, titled, habit)
    if header:
        head = (pieces.lines[at[is_head]] > header.upper) & (header.upper >= header.first)
        body = np.append(at[is_head], body)
        columns_below = np.append(columns[is_head], columns_below)
        rows = np.append(head, rows + 1 + (header.upper >= header.first))
    if not len(body) or (header is None and len(np.unique(columns_below)) < 2):
        return None
    return _assembled(ink, pieces, body, rows, columns_below, cuts)


def _rows_and_titles(
    pieces: Pieces, at: Ints, columns: Ints, cuts: Sequence[float]
) -> tuple[Bools, Ints]:
    """Which pieces are of a table's rows, and the numbers of the lines that follow a title."""
    lines = _lines_of(pieces, at, columns)
    title = _titles(lines, cuts, float(pieces.boxes[at[columns == columns.min()], 0].min()))
    in_rows = ~title
    wide = np.flatnonzero(~lines.alone & in_rows)
    for line in range(int(wide[-1]) + 1 if len(wide) else 0, len(title)):
        reach = FOOT * lines.usual if lines.columns[line] == 0 else 0.0
        near = lines.apart[line] <= max(reach, LOOSE_FOOT * lines.widest, LEADING * lines.size)
        if title[line] or (line and not near):
            in_rows[line:] = False
            break
    kept: Bools = np.isin(pieces.lines[at], lines.numbers[in_rows])
    return kept, lines.numbers[1:][title[:-1]]


def _lines_of(pieces: Pieces, at: Ints, columns: Ints) -> _Lines:
    boxes = pieces.boxes[at]
    numbers, firsts = np.unique(pieces.lines[at], return_index=True)
    lasts = np.append(firsts[1:], len(at)) - 1
    middles = (boxes[firsts, 1] + boxes[firsts, 3]) / 2
    apart = np.diff(middles, prepend=middles[0])
    size = float(np.median(pieces.sizes[at]))
    usual, widest = np.quantile(apart[1:], (0.5, 0.8)) if len(apart) > 1 else (size, size)
    return _Lines(
        numbers=numbers,
        columns=columns[firsts],
        alone=columns[firsts] == columns[lasts],
        spans=np.column_stack(
            (
                np.minimum.reduceat(boxes[:, 0], firsts),
                np.maximum.reduceat(boxes[:, 2], firsts),
            )
        ),
        sizes=np.maximum.reduceat(pieces.sizes[at], firsts),
        apart=apart,
        size=size,
        usual=max(float(usual), size),
        widest=float(widest),
    )


def _titles(lines: _Lines, cuts: Sequence[float], edge: float) -> Bools:
    """Lines that are no rows: text over all columns or in the middle of the table, larger text."""
    if not cuts:
        return np.zeros(len(lines.numbers), np.bool_)
    left, right = lines.spans[:, 0], lines.spans[:, 1]
    reaches = np.searchsorted(np.array(cuts), right - lines.size, side="right")
    crosses = lines.alone & (reaches > lines.columns)
    over_all = crosses & (reaches >= len(cuts)) & (lines.columns == 0)
    middle, width = (edge + right.max()) / 2, right.max() - edge
    in_middle = np.abs((left + right) / 2 - middle) <= CENTRED * width
    centred = crosses & in_middle & (left > edge + lines.size)
    title: Bools = over_all | centred | (lines.alone & (lines.sizes > LARGER * lines.size))
    for line in np.flatnonzero(over_all).tolist():  # the rest of its paragraph
        for below in range(line + 1, len(title)):
            near = lines.apart[below] <= LOOSE_FOOT * min(lines.usual, lines.apart[line + 1])
            if not (lines.alone[below] and lines.columns[below] == 0 and near):
                break
            title[below] = True
    return title


def rows_of_pieces(
    ink: Ink,
    pieces: Pieces,
    at: Ints,
    columns: Ints,
    titled: Sequence[int] | Ints = (),
    habit: Habit | None = None,
) -> Ints:
    """The row, from 0, of each of these pieces in their columns.

    `titled` are lines that follow a title, `habit` how rows stood on the page before.
    """
    boxes = pieces.boxes[at]
    numbers, lines = np.unique(pieces.lines[at], return_inverse=True)
    levels = np.bincount(lines, weights=boxes[:, 1] + boxes[:, 3]) / 2 / np.bincount(lines)
    count = int(columns.max()) + 1
    key = lines * count + columns
    order = np.lexsort((boxes[:, 0], key))
    firsts = np.flatnonzero(np.append(True, np.diff(key[order]) != 0))
    x0 = np.minimum.reduceat(boxes[order, 0], firsts)
    x1 = np.maximum.reduceat(boxes[order, 2], firsts)
    heads = order[firsts]
    across = (float(boxes[:, 0].min()), float(boxes[:, 2].max()))
    parting = heights_parting(ink, across, (float(levels[0]), float(levels[-1])))
    crossed = np.searchsorted(parting, levels)
    text = TableText(
        lines=lines[heads],
        columns=columns[heads],
        widths=np.minimum(x1 - x0, _room(boxes, columns)[columns[heads]]),
        firsts=pieces.firsts[at[heads]],
        texts=tuple(pieces.texts[piece] for piece in at[heads].tolist()),
        size=float(np.median(pieces.sizes[at])),
        levels=levels,
        parted=np.append(False, np.diff(crossed) > 0),
        titled=np.isin(numbers, titled),
        gaps=_white_above(boxes, lines),
        habit=habit,
    )
    return row_numbers(text)[lines]


def _white_above(boxes: Floats, lines: Ints) -> Floats:
    """The white between each line and all that is above it."""
    firsts = np.flatnonzero(np.append(True, np.diff(lines) != 0))
    tops = np.minimum.reduceat(boxes[:, 1], firsts)
    bottoms = np.maximum.accumulate(np.maximum.reduceat(boxes[:, 3], firsts))
    return np.append(0.0, tops[1:] - bottoms[:-1])


def _habit(before: Sequence[Grid], columns: int) -> Habit | None:
    """How rows of several lines stood on the page before in a table of as many columns."""
    gaps: list[float] = []
    heights: list[float] = []
    for grid in before:
        if grid.shape[1] == columns:
            rows = grid.cells[::columns][1:]
            heights += (rows[:, 3] - rows[:, 1]).tolist()
            gaps += (rows[1:, 1] - rows[:-1, 3]).tolist()
    if not gaps or max(heights) < WRAPPED * min(heights):
        return None
    return Habit(min(gaps))


def _room(boxes: Floats, columns: Ints) -> Floats:
    """How wide each column can be before its text runs into the next one's."""
    room = np.full(int(columns.max()) + 1, np.inf)
    lefts = {int(each): float(boxes[columns == each, 0].min()) for each in np.unique(columns)}
    for (column, left), (_, right) in pairwise(sorted(lefts.items())):
        room[column] = right - left
    return room


def _assembled(
    ink: Ink, pieces: Pieces, at: Ints, rows: Ints, columns: Ints, cuts: Sequence[float]
) -> Grid:
    boxes = pieces.boxes[at]
    height, width = int(rows.max()) + 1, len(cuts) + 1
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    edges = np.array([min(left, *cuts, np.inf), *cuts, max(right, *cuts, -np.inf)])
    tops = np.full(height, np.inf)
    bottoms = np.full(height, -np.inf)
    np.minimum.at(tops, rows, boxes[:, 1])
    np.maximum.at(bottoms, rows, boxes[:, 3])
    of_row, of_column = np.divmod(np.arange(height * width), width)
    homes = np.full(len(ink.text), -1, np.int64)
    lengths = pieces.starts[at + 1] - pieces.starts[at]
    starts = pieces.starts[at] - np.append(0, np.cumsum(lengths)[:-1])
    places = np.repeat(starts, lengths) + np.arange(lengths.sum())
    homes[pieces.letters[places]] = np.repeat(rows * width + columns, lengths)
    return Grid(
        box=(left, float(tops.min()), right, float(bottoms.max())),
        shape=(height, width),
        cells=np.column_stack(
            (edges[of_column], tops[of_row], edges[of_column + 1], bottoms[of_row])
        ),
        rows=of_row,
        columns=of_column,
        homes=homes,
    )
