"""The lines of one page of a PDF: rows of its tables and passages of its prose, and what is
doubtful about them. Knows the page as ink only, whichever engine drew it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from extractors.pages.boxes import changes, middles, union, unions
from extractors.pages.breaks import Breaks, possible_breaks
from extractors.pages.checks import codes_in, imbalance, missing_codes, unreadable
from extractors.pages.columns import aligned_grids
from extractors.pages.framed import is_framed_only
from extractors.pages.grids import ruled_tables
from extractors.pages.ink import Bools, Box, Floats, Grid, Ink
from extractors.pages.raised import with_superscripts
from extractors.pages.words import (
    blanks,
    cell_texts,
    printed_lines,
    sample,
    set_in_cells,
)
from extractors.reading import ExtractionError, Passage, Problem, Row
from schemas.provenance import Place

# A picture of most of a page with fewer letters over it than this is no mere background.
FEW_LETTERS = 20
# Of lines over most of the page; a list of 100 lines has 2,000, each line drawn twice.
MAX_LONG_CROSSINGS = 20_000

_STATUS = re.compile(r"\b(?:yes|no|not?|required?|covered)\b", re.IGNORECASE)


@dataclass(slots=True)
class Sheet:
    """What one page gives.

    `doubts` are problems that the other engine may not have, `problems` those that any has.
    `aligned` are its tables without ruling lines, for the next page to go on with. `breaks` has
    for some lines, by their ordinal from 0, which cells may have broken words where.
    """

    number: int
    lines: list[Row | Passage] = field(default_factory=list)
    lines_seen: int = 0
    tables: int = 0
    doubts: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    aligned: Sequence[Grid] = ()
    breaks: dict[int, Breaks] = field(default_factory=dict)

    def problem(self, message: str, box: Box | None = None, *, holds: bool = True) -> Problem:
        """A problem at the line that the box lies in, or else at the first."""
        return Problem(message, Place(self.number, self._line_at(box) if box else 1, box), holds)

    def _line_at(self, box: Box) -> int:
        for line in self.lines:
            _, top, _, bottom = line.place.bbox or box
            if top <= (box[1] + box[3]) / 2 <= bottom:
                return line.place.line
        return 1


@dataclass(frozen=True, slots=True)
class _Line:
    """A printed line of prose, or the cells of a row and where words in them may be broken."""

    box: Box
    content: str | tuple[str, ...]
    table: int = 0
    flags: tuple[str, ...] = ()
    breaks: Breaks = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that stay together: a single one, or those of tables beside each other."""

    lines: tuple[_Line, ...]

    @property
    def corner(self) -> tuple[float, float]:
        return min(line.box[1] for line in self.lines), self.lines[0].box[0]


def read_page(
    ink: Ink,
    raw: str,
    labels: frozenset[str] | None,
    tables_before: int,
    aligned_before: Sequence[Grid],
) -> Sheet:
    """The rows and passages of a page, numbered from the top.

    `raw` is the text of the page as an engine puts it together by itself: each code in it must
    be in a line. `labels` are those of the source's columns, None where no source is known, and
    then only ruled tables have rows.
    """
    sheet = Sheet(ink.number)
    told: list[tuple[str, Box | None, bool]] = []
    ink = with_superscripts(_shown(ink, told))
    told += _about_pictures(ink)
    _check_crossings(ink)
    ruled = ruled_tables(ink)
    taken = np.zeros(len(ink.text), dtype=bool)
    grids: list[Grid] = []
    flagged: list[set[int]] = []
    faults: list[dict[int, str]] = []
    for number, (grid, over) in enumerate(zip(ruled.grids, ruled.over, strict=True)):
        if labels and is_framed_only(ink, grid, labels, goes_on=bool(aligned_before)):
            continue
        taken |= grid.homes >= 0
        grids.append(grid)
        flagged.append({int(grid.rows[cell]) for cell in over})
        doubtful = ruled.doubtful_rows.items()
        faults.append({row: text for (of, row), (text, _) in doubtful if of == number})
    if labels is not None:
        free = np.flatnonzero(~taken & ink.upright)
        sheet.aligned = aligned_grids(ink, free, labels, aligned_before)
        for grid in sheet.aligned:
            taken |= grid.homes >= 0
        grids += sheet.aligned
        flagged += [set() for _ in sheet.aligned]
        faults += [{} for _ in sheet.aligned]
    prose = printed_lines(ink, np.flatnonzero(~taken))
    sheet.tables = len(grids)
    sheet.lines_seen = sum(grid.shape[0] for grid in grids) + len(prose)

    order = sorted(range(len(grids)), key=lambda index: _corner(grids[index].box))
    tables = [
        _rows_of(ink, grids[index], tables_before + place, flagged[index], faults[index])
        for place, index in enumerate(order, start=1)
    ]
    blocks = [_Block((_Line(line.box, line.text),)) for line in prose]
    for group in _beside([grids[index] for index in order]):
        rows = [row for place in group for row in tables[place]]
        blocks += [_Block((row,)) for row in rows] if len(group) == 1 else [_Block(tuple(rows))]
    blocks.sort(key=lambda block: block.corner)
    _number(sheet, (line for block in blocks for line in block.lines))

    sheet.problems += [sheet.problem(text, box, holds=holds) for text, box, holds in told]
    sheet.doubts += [sheet.problem(text, box) for text, box in ruled.doubts]
    in_rows = ruled.doubtful_rows.values()
    sheet.doubts += [sheet.problem(text, box, holds=False) for text, box in in_rows]
    text = "\n".join([line.raw_text for line in sheet.lines])
    sheet.doubts += [
        sheet.problem(f"{message}; report the document") for message in imbalance(text, ink)
    ]
    sheet.doubts += [
        sheet.problem(f"{message}; compare the page", box)
        for message, box in missing_codes(text, raw, ink)
    ]
    nameless = unreadable(text, sheet.lines)
    if nameless:
        (sheet.doubts if nameless.holds else sheet.problems).append(nameless)
    return sheet


def _number(sheet: Sheet, lines: Iterable[_Line]) -> None:
    for ordinal, line in enumerate(lines, start=1):
        place = Place(sheet.number, ordinal, line.box)
        if isinstance(line.content, str):
            sheet.lines.append(Passage(place, line.content, line.content))
        else:
            raw = "\t".join(line.content)
            if line.breaks:
                sheet.breaks[len(sheet.lines)] = line.breaks
            sheet.lines.append(Row(place, line.content, raw, line.table, line.fault, line.flags))


def _rows_of(
    ink: Ink, grid: Grid, table: int, flagged: set[int], faults: dict[int, str]
) -> list[_Line]:
    rows, columns = grid.shape
    cells = [[""] * columns for _ in range(rows)]
    breaks: list[dict[int, list[int]]] = [{} for _ in range(rows)]
    setting = set_in_cells(ink, grid)
    places = list(zip(grid.rows.tolist(), grid.columns.tolist(), strict=True))
    for (row, column), text in zip(places, cell_texts(ink, grid, setting), strict=True):
        cells[row][column] = text
    for cell, lines in possible_breaks(ink, grid, setting).items():
        row, column = places[cell]
        breaks[row][column] = lines
    order = grid.rows.argsort(kind="stable")
    starts = np.flatnonzero(changes(grid.rows[order]))
    boxes = unions(grid.cells[order], starts)
    return [
        _Line(
            box,
            tuple(cells[row]),
            table,
            ("text_over_border",) if row in flagged else (),
            breaks[row],
            faults.get(row),
        )
        for row, box in enumerate(boxes)
    ]


def _corner(box: Box) -> tuple[float, float]:
    return box[1], box[0]


def _beside(grids: Sequence[Grid]) -> list[list[int]]:
    """Tables by number, those that stand beside each other together and from the left."""
    groups: list[list[int]] = []
    for number, grid in enumerate(grids):
        for group in groups:
            if any(_are_beside(grids[other].box, grid.box) for other in group):
                group.append(number)
                group.sort(key=lambda each: grids[each].box[0])
                break
        else:
            groups.append([number])
    return groups


def _are_beside(one: Box, other: Box) -> bool:
    apart = one[2] <= other[0] + 1 or other[2] <= one[0] + 1
    common = min(one[3], other[3]) - max(one[1], other[1])
    return apart and common > 0.5 * min(one[3] - one[1], other[3] - other[1])


# ---------------------------------------------------------------- what is shown


def _shown(ink: Ink, told: list[tuple[str, Box | None, bool]]) -> Ink:
    """The page with the letters that a reader sees; what is left out is told."""
    x, y = middles(ink.boxes)
    outside = (x < 0) | (x > ink.width) | (y < 0) | (y > ink.height)
    hidden = ink.hidden & ~outside
    if hidden.any() and _area(ink.pictures) >= 0.5 * ink.width * ink.height:
        # The text of a scanned page is drawn without ink, over or under its picture.
        hidden &= ~_over(ink.pictures, x, y)
    is_blank = blanks(ink)
    if (outside & ~is_blank).any():
        words = sample(ink, np.flatnonzero(outside))
        told.append((f"text outside the printed area is not read: {words}", None, False))
    unseen = np.flatnonzero(hidden & ~is_blank)
    if len(unseen):
        said = "".join(map(ink.text.__getitem__, np.flatnonzero(hidden).tolist()))
        more = " (it has a code or a status)" if codes_in(said) or _STATUS.search(said) else ""
        words = sample(ink, np.flatnonzero(hidden))
        told.append(
            (
                f"text that cannot be seen is not read: {words}{more}",
                union(ink.boxes[unseen]),
                False,
            )
        )
    kept = ~(outside | hidden)
    if kept.all():
        return ink
    return replace(
        ink,
        text=tuple(text for text, keep in zip(ink.text, kept.tolist(), strict=True) if keep),
        boxes=ink.boxes[kept],
        sizes=ink.sizes[kept],
        runs=ink.runs[kept],
        upright=ink.upright[kept],
        hidden=ink.hidden[kept],
    )


def _area(boxes: Floats) -> float:
    return float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum())


def _over(boxes: Floats, x: Floats, y: Floats) -> Bools:
    over = np.zeros(len(x), dtype=bool)
    for left, top, right, bottom in boxes:
        over |= (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
    return over


def _about_pictures(ink: Ink) -> list[tuple[str, Box | None, bool]]:
    """A page without text is blank, or else shows text that we cannot read."""
    what = "a picture" if len(ink.pictures) else "drawn in curves" if ink.curves > 20 else None
    if what and blanks(ink).all():
        raise ExtractionError(
            f"page {ink.number} of the PDF is {what} without text (a scan?): ask the "
            "publisher for a PDF with text, pictures are not read"
        )
    told: list[tuple[str, Box | None, bool]] = []
    if not len(ink.pictures):
        return told
    x, y = middles(ink.boxes)
    for picture in ink.pictures:
        if _area(picture[None]) < 0.5 * ink.width * ink.height:
            continue
        box = union(picture[None])
        if _over(picture[None], x, y).sum() < FEW_LETTERS:
            message = "a picture covers most of the page and text in it is not read"
            told.append((f"{message}: compare the page", box, True))
        else:
            message = "the text lies over a picture and may come from text recognition"
            told.append((f"{message}: compare the page", box, False))
    return told


# ---------------------------------------------------------------- checks


def _check_crossings(ink: Ink) -> None:
    """Lines over most of the page: those of a list part its columns and its rows."""
    across = (ink.rules[:, 2] - ink.rules[:, 0] > ink.width / 2).sum()
    down = (ink.rules[:, 3] - ink.rules[:, 1] > ink.height / 2).sum()
    if across * down > MAX_LONG_CROSSINGS:
        raise ExtractionError(
            f"page {ink.number} of the PDF has more than {MAX_LONG_CROSSINGS:,} crossings of "
            "ruling lines: look at it by hand before it is read"
        )
