"""The lines of one page of a PDF: rows of its tables and passages of its prose, and what is
doubtful about them. Knows the page as ink only, whichever engine drew it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from extractors.pdf_breaks import Breaks, possible_breaks
from extractors.pdf_columns import aligned_grids
from extractors.pdf_grids import ruled_tables
from extractors.pdf_ink import Bools, Box, Floats, Grid, Ink
from extractors.pdf_words import (
    blanks,
    cell_texts,
    one_line,
    printed_lines,
    sample,
    set_in_cells,
    union,
)
from extractors.reading import ExtractionError, Passage, Problem, Row
from schemas.codes import PATTERNS
from schemas.provenance import Place

# A picture of most of a page with fewer letters over it than this is no mere background.
FEW_LETTERS = 20
# Of lines over most of the page; a list of 100 lines has 2,000, each line drawn twice.
MAX_LONG_CROSSINGS = 20_000

_UNREADABLE = re.compile(r"\(cid:\d+\)|[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_BULLET = re.compile(rf"(?:{_UNREADABLE.pattern}) (?:(?!{_UNREADABLE.pattern}).)*")
_LENGTH = 5  # of a code in any system
_WORD = re.compile(r"[A-Za-z0-9]+")
_CODE = re.compile("|".join(PATTERNS.values()))
_STATUS = re.compile(r"\b(?:yes|no|not?|required?|covered)\b", re.IGNORECASE)
# Letters nearer than this share of their size are of one word.
_TOUCHING = 0.1


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
    ink = _shown(ink, told)
    told += _about_pictures(ink)
    _check_crossings(ink)
    ruled = ruled_tables(ink)
    taken = np.zeros(len(ink.text), dtype=bool)
    for grid in ruled.grids:
        taken |= grid.homes >= 0
    grids = [*ruled.grids]
    flagged = [
        {int(grid.rows[cell]) for cell in over}
        for grid, over in zip(ruled.grids, ruled.over, strict=True)
    ]
    if labels is not None:
        free = np.flatnonzero(~taken & ink.upright)
        sheet.aligned = aligned_grids(ink, free, labels, aligned_before)
        for grid in sheet.aligned:
            taken |= grid.homes >= 0
        grids += sheet.aligned
        flagged += [set() for _ in sheet.aligned]
    prose = printed_lines(ink, np.flatnonzero(~taken))
    sheet.tables = len(grids)
    sheet.lines_seen = sum(grid.shape[0] for grid in grids) + len(prose)

    order = sorted(range(len(grids)), key=lambda index: _corner(grids[index].box))
    tables = [
        _rows_of(ink, grids[index], tables_before + place, flagged[index])
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
    _check_balance(ink, sheet)
    _check_codes(raw, ink, sheet)
    _check_readable(sheet)
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
            sheet.lines.append(Row(place, line.content, raw, line.table, flags=line.flags))


def _rows_of(ink: Ink, grid: Grid, table: int, flagged: set[int]) -> list[_Line]:
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
    boxes = [union(grid.cells[grid.rows == row]) for row in range(rows)]
    return [
        _Line(
            box,
            tuple(cells[row]),
            table,
            ("text_over_border",) if row in flagged else (),
            breaks[row],
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
    x, y = (ink.boxes[:, :2] + ink.boxes[:, 2:]).T / 2
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
        more = " (it has a code or a status)" if _codes_in(said) or _STATUS.search(said) else ""
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
    x, y = (ink.boxes[:, :2] + ink.boxes[:, 2:]).T / 2
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


def _check_balance(ink: Ink, sheet: Sheet) -> None:
    """Every character of the page must stand in exactly one row or passage."""
    letters = "".join("".join(ink.text).split())
    lines = "".join("".join(line.raw_text for line in sheet.lines).split())
    if np.array_equal(_sorted(letters), _sorted(lines)):
        return
    printed, handed_on = Counter(letters), Counter(lines)
    for what, difference in (("lost", printed - handed_on), ("doubled", handed_on - printed)):
        signs = "".join(sorted(difference.elements()))
        if signs:
            message = f"{len(signs)} characters were {what} in reading: {one_line(signs)!r}"
            sheet.doubts.append(sheet.problem(f"{message}; report the document"))


def _sorted(text: str) -> npt.NDArray[np.uint32]:
    return np.sort(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32))


def _check_codes(raw: str, ink: Ink, sheet: Sheet) -> None:
    """Every code in the text of the page must be in a row or a passage.

    An engine's own text may put letters of two cells together; so a code counts only where its
    letters were drawn one after the other and touch.
    """
    codes = _codes_in(raw)
    if not codes:
        return
    words = set(_WORD.findall("\n".join(line.raw_text for line in sheet.lines)))
    for code in sorted(codes - words):
        box = _drawn_at(code, ink)
        if box:
            message = f"the code {code!r} is drawn on the page and in none of its lines"
            sheet.doubts.append(sheet.problem(f"{message}; compare the page", box))


def _codes_in(text: str) -> set[str]:
    words = {word for word in _WORD.findall(text) if len(word) == _LENGTH}
    return set(filter(_CODE.fullmatch, words))


def _drawn_at(code: str, ink: Ink) -> Box | None:
    joined = "".join(text[:1] or " " for text in ink.text)
    for match in re.finditer(re.escape(code), joined):
        letters = list(range(match.start(), match.end()))
        if all(_touch(ink, one, other) for one, other in pairwise(letters)):
            return union(ink.boxes[letters])
    return None


def _touch(ink: Ink, one: int, other: int) -> bool:
    near = _TOUCHING * ink.sizes[other]
    gap = ink.boxes[other, 0] - ink.boxes[one, 2]
    return bool(abs(gap) < near and abs(ink.boxes[one, 3] - ink.boxes[other, 3]) < near)


def _check_readable(sheet: Sheet) -> None:
    """Characters whose font does not say which letters they are; a bullet does no harm."""
    bad = [line for line in sheet.lines if _UNREADABLE.search(line.raw_text)]
    if not bad:
        return
    worse = [line for line in bad if isinstance(line, Row) or not _BULLET.fullmatch(line.raw_text)]
    first = (worse or bad)[0]
    message = (
        f"{len(bad)} lines of the page have characters that the font does not name, as in "
        f"{one_line(first.raw_text)!r}: ask the publisher for a PDF with text"
    )
    (sheet.doubts if worse else sheet.problems).append(
        Problem(message, first.place, holds=bool(worse))
    )
