"""The cells that the ruling lines of a page enclose on all sides, and the tables they hang in.

Knows lines and what they close, and nothing of text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractors.pages.ink import Bools, Floats, Ints
from extractors.pages.rules import Rules
from extractors.reading import ExtractionError

MAX_CROSSINGS = 6_000  # of ruling lines on one page; a dense list page has 700

# A line must come this near another one to meet it. An underlined word in a narrow cell comes
# within 2 points of both borders, and must not cut the cell in two.
MEET = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of all tables of a page, from the top, as places in the lattice of its rules."""

    xs: Floats
    ys: Floats
    spans: Ints  # (c, 4): left, top, right, bottom as ordinals in xs and ys
    boxes: Floats  # (c, 4): the same in points
    tables: Ints  # (c,): number of the table that the cell is of
    count: int  # of tables
    cover: Ints  # (len(ys) + 1, len(xs) + 1): the cell between a line and the next, or -1

    def at(self, x: Floats, y: Floats) -> Ints:
        """The cell that each point lies in, or -1.

        Where cells overlap, as those of a table inside a cell do, it is the smallest.
        """
        # Points before the first line come out as -1, the last place, which no cell covers.
        column = self.xs.searchsorted(x, side="right") - 1
        row = self.ys.searchsorted(y, side="right") - 1
        cells: Ints = self.cover[row, column]
        return cells


def enclosed_cells(rules: Rules, page: int) -> Cells:
    """The cells that ruling lines enclose, in tables of at least two that hang together.

    Raises `ExtractionError` for a page with too many crossings of lines to be a list.
    """
    across, down = rules.across, rules.down
    crosses: Bools = np.zeros((len(across), len(down)), np.bool_)
    if len(across) * len(down) <= 100 * MAX_CROSSINGS:
        at, left, right = across.T[:, :, None]
        crosses = (down[:, 1] <= at + MEET) & (down[:, 2] >= at - MEET)
        crosses &= (down[:, 0] >= left - MEET) & (down[:, 0] <= right + MEET)
    if len(across) * len(down) > 100 * MAX_CROSSINGS or crosses.sum() > MAX_CROSSINGS:
        raise ExtractionError(
            f"page {page} of the PDF has more than {MAX_CROSSINGS:,} crossings of ruling "
            "lines: look at it by hand before it is read"
        )
    xs, ys = _distinct(down[:, 0]), _distinct(across[:, 0])
    if crosses.all() and len(ys) == len(across) and len(xs) == len(down):
        spans = _full_grid(len(ys), len(xs))
        tables = np.zeros(len(spans), np.int64)
    else:
        spans = _closed(*_lattice(across, down, crosses, ys, xs))
        tables = _hanging_together(spans, len(xs))
    sizes = np.bincount(tables)
    is_table = sizes > 1
    kept = is_table[tables]
    numbers = np.cumsum(is_table) - 1
    spans = spans[kept]
    boxes = np.empty(spans.shape)
    boxes[:, ::2] = xs[spans[:, ::2]]
    boxes[:, 1::2] = ys[spans[:, 1::2]]
    return Cells(
        xs=xs,
        ys=ys,
        spans=spans,
        boxes=boxes,
        tables=numbers[tables[kept]],
        count=int(is_table.sum()),
        cover=_cover(spans, boxes, (len(ys) + 1, len(xs) + 1)),
    )


def _distinct(ordered: Floats) -> Floats:
    """Each of ordered values once."""
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _cover(spans: Ints, boxes: Floats, shape: tuple[int, int]) -> Ints:
    """The cell over each place between two neighboring lines, or -1; the smallest of several."""
    cover = np.full(shape, -1)
    left, top, right, bottom = spans.T
    is_simple = (right == left + 1) & (bottom == top + 1)
    wide = np.flatnonzero(~is_simple)
    if len(wide):
        width, height = boxes[wide, 2] - boxes[wide, 0], boxes[wide, 3] - boxes[wide, 1]
        for cell in wide[(-width * height).argsort(kind="stable")].tolist():
            cover[top[cell] : bottom[cell], left[cell] : right[cell]] = cell
    simple = np.flatnonzero(is_simple)
    cover[top[simple], left[simple]] = simple
    return cover


def _full_grid(height: int, width: int) -> Ints:
    """The cells where each line crosses all others, as on most pages of a list."""
    top, left = np.divmod(np.arange(max(height - 1, 0) * max(width - 1, 0)), max(width - 1, 1))
    return np.array([left, top, left + 1, top + 1]).T


def _lattice(
    across: Floats, down: Floats, crosses: Bools, ys: Floats, xs: Floats
) -> tuple[Ints, Ints]:
    """For each place (y, x) the horizontal and the vertical line that meet there, or -1."""
    line, other = crosses.nonzero()
    horizontal = np.full((len(ys), len(xs)), -1)
    vertical = horizontal.copy()
    places = ys.searchsorted(across[:, 0])[line], xs.searchsorted(down[:, 0])[other]
    horizontal[places] = line
    vertical[places] = other
    return horizontal, vertical


def _closed(horizontal: Ints, vertical: Ints) -> Ints:
    """The smallest cell that begins at each crossing and is closed by lines on all four sides."""
    height = len(horizontal)
    rows, columns = (horizontal >= 0).nonzero()
    if len(rows) < 4:
        return np.zeros((0, 4), np.int64)
    of_row, of_column = horizontal[rows, columns], vertical[rows, columns]
    # The next crossing to the right and below, on the same line; most cells end at them.
    right, below = np.full(len(rows), -1), np.full(len(rows), -1)
    runs_on = (rows[1:] == rows[:-1]) & (of_row[1:] == of_row[:-1])
    right[:-1][runs_on] = columns[1:][runs_on]
    order = (columns * height + rows).argsort(kind="stable")
    runs_on = (columns[order[1:]] == columns[order[:-1]]) & (
        of_column[order[1:]] == of_column[order[:-1]]
    )
    below[order[:-1][runs_on]] = rows[order[1:][runs_on]]
    begins = (right >= 0) & (below >= 0)
    rows, columns, right, below = rows[begins], columns[begins], right[begins], below[begins]
    closes = (horizontal[below, right] == horizontal[below, columns]) & (
        vertical[below, right] == vertical[rows, right]
    )
    spans: Ints = np.stack([columns, rows, right, below], axis=1)
    if closes.all():
        return spans
    for number in np.flatnonzero(~closes).tolist():
        end = _further_end(horizontal, vertical, int(rows[number]), int(columns[number]))
        if end:
            spans[number, 2:] = end
            closes[number] = True
    found: Ints = spans[closes]
    return found


def _further_end(horizontal: Ints, vertical: Ints, row: int, column: int) -> tuple[int, int] | None:
    """Column and row where a cell ends that lines meet in between, as a merged one; the highest."""
    rights = np.flatnonzero(horizontal[row] == horizontal[row, column])
    rights = rights[rights > column]
    belows = np.flatnonzero(vertical[:, column] == vertical[row, column])
    belows = belows[belows > row]
    corners = np.ix_(belows, rights)
    closes = (horizontal[corners] == horizontal[belows, column][:, None]) & (
        vertical[corners] == vertical[row, rights]
    )
    if not closes.any():
        return None
    first = int(closes.argmax())
    return int(rights[first % len(rights)]), int(belows[first // len(rights)])


def _hanging_together(spans: Ints, width: int) -> Ints:
    """The number of the table of each cell: cells that share a corner are of one table."""
    if not len(spans):
        return np.zeros(0, np.int64)
    left, top, right, bottom = spans.T
    # Cells side by side are of one strip at once; what strips share is looked at one by one.
    beside = (top[1:] == top[:-1]) & (left[1:] == right[:-1])
    strips = np.append(0, np.cumsum(~beside))
    corners = np.concatenate([top * width + left, top * width + right])
    corners = np.concatenate([corners, bottom * width + left, bottom * width + right])
    strip = np.tile(strips, 4)
    order = corners.argsort(kind="stable")
    shared = corners[order[1:]] == corners[order[:-1]]
    pairs = np.unique(strip[order[1:]][shared] * len(spans) + strip[order[:-1]][shared])
    parents = list(range(int(strips[-1]) + 1))

    def root(strip: int) -> int:
        while parents[strip] != strip:
            parents[strip] = parents[parents[strip]]
            strip = parents[strip]
        return strip

    for pair in pairs.tolist():
        one, other = root(pair // len(spans)), root(pair % len(spans))
        parents[max(one, other)] = min(one, other)
    roots = np.array([root(strip) for strip in range(len(parents))])
    tables: Ints = ranks(roots)[strips]
    return tables


def ranks(values: Ints) -> Ints:
    """The ordinal of each among the distinct values."""
    present = np.zeros(int(values.max()) + 1, np.int64)
    present[values] = 1
    found: Ints = (present.cumsum() - 1)[values]
    return found
