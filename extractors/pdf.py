"""The reader of PDF: ruled tables become rows, all other text passages, one a printed line.

Knows where text stands on a page and which ruling lines enclose it. What a header, a title or a
continued row is, header logic decides. Deliberately not read: pictures (a scanned page is an
error), tables without ruling lines (their lines become passages), form fields and comments
(reported), text printed sideways (reported). Nothing in a PDF is run or followed.

Costs are bounded here as far as a parser lets us: inflated bytes, objects on a page, crossings of
ruling lines. Time and memory as such are bounded by the process that calls.
"""

from __future__ import annotations

import io
import re
import zlib
from base64 import a85decode
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import permutations, takewhile
from typing import Any

import pdfplumber
from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LTChar, LTItem, LTPage
from pdfminer.pdfdocument import PDFPasswordIncorrect
from pdfminer.pdfinterp import PDFPageInterpreter
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import resolve1
from pdfminer.psparser import PSLiteral
from pdfplumber.page import Page
from pdfplumber.pdf import PDF
from pdfplumber.table import (
    Table,
    cells_to_tables,
    edges_to_intersections,
    intersections_to_cells,
    merge_edges,
)
from pdfplumber.utils import curve_to_edges, filter_edges, line_to_edge, rect_to_edges
from pdfplumber.utils.exceptions import PdfminerException

from extractors.reading import ExtractionError, Passage, Problem, Reading, Row
from schemas.provenance import Place

MAX_INFLATED = 64 << 20  # bytes of one stream; the longest known page takes under 2 MiB
MAX_INFLATED_IN_ALL = 256 << 20
MAX_OBJECTS = 50_000  # characters, lines, pictures of one page; a dense list page has 6,000
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
# Characters further apart than this share of their size are different words. The blank of common
# fonts is 0.22 to 0.28 wide; kerning stays under 0.1.
WORD_GAP = 0.15
# Characters whose middles differ by less than this share of their size stand on one line; a
# raised mark differs by up to 0.4, the next line by 1.
SAME_LINE = 0.45
# Characters nearer than this share of their size are set as one text.
TOUCHING = 0.05
# A line nearer than this share of the size to the middle of letters strikes them through; an
# underline is 0.4 away.
THROUGH_MIDDLE = 0.2
LARGEST = 20.0  # points that a line may be away from the middle of the largest letters it strikes
# A picture of most of a page with fewer letters over it than this is no mere background.
FEW_LETTERS = 20

_SIGNATURE = re.compile(rb"%PDF-\d")
_END = b"%%EOF"
_OBJECT = re.compile(rb"\d+\s+\d+\s+obj\b")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+)")
_NAME = re.compile(rb"/(\w+)")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_UNREADABLE = re.compile(r"\(cid:\d+\)|[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_BULLET = re.compile(rf"(?:{_UNREADABLE.pattern}) (?:(?!{_UNREADABLE.pattern}).)*")
_ACTIVE = ("JavaScript", "Launch", "SubmitForm", "ImportData")
_NOTES = ("FreeText", "Widget", "StrikeOut", "Redact", "Stamp")

_AROUND = (-1, 0, 1)
_STEP = 1 << 20

_Edge = dict[str, Any]
_Box = tuple[float, float, float, float]


def read_pdf(data: bytes) -> Reading:
    """The rows of all ruled tables and, as passages, every other printed line, from the top.

    A cell is as printed, a line break in it is "\\n", and a cell covered by the one above or to
    the left is "". `page` counts from 1, `line` is the ordinal on the page, `bbox` is in points
    from the page's top left corner. `table` numbers the tables of the document from 1.

    Raises `ExtractionError` for a file that is no PDF, damaged, cut off, locked or without pages,
    for a page that is a picture or printed sideways, and for a document without any text.
    """
    problems = _check_bytes(data)
    lines: list[Row | Passage] = []
    lines_seen = tables = 0
    pages = 0
    with _named("the file"):
        pdf = pdfplumber.open(io.BytesIO(data))
        problems += _document_problems(pdf)
    for page in _pages(pdf):
        pages = page.page_number
        with _named(f"page {pages}"):
            sheet = _read_page(page, tables)
            page.close()
        lines += sheet.lines
        lines_seen += sheet.lines_seen
        tables += sheet.tables
        problems += sheet.problems
    if not pages:
        raise ExtractionError("the PDF has no pages: fetch it again or ask the publisher")
    _check_page_count(pdf, pages)
    if not lines:
        raise ExtractionError(
            f"none of the {pages} pages has any text (page 1 to {pages} are blank or drawn): "
            "ask the publisher for a PDF with text"
        )
    return Reading(tuple(lines), lines_seen, pages, problems=tuple(problems))


# ---------------------------------------------------------------- the file


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Turns whatever a parser raises into an error that names the place. They raise anything."""
    try:
        yield
    except ExtractionError:
        raise
    except Exception as error:
        cause = error.args[0] if isinstance(error, PdfminerException) and error.args else error
        if isinstance(cause, PDFPasswordIncorrect):
            raise ExtractionError(
                "the PDF is locked with a password: ask the publisher for an open one"
            ) from error
        raise ExtractionError(
            f"{place} of the PDF cannot be parsed ({type(cause).__name__}: "
            f"{_shortened(str(cause))}): fetch it again or ask the publisher for a sound file"
        ) from error


def _check_bytes(data: bytes) -> list[Problem]:
    """Refuses what is no whole PDF before a parser repairs it silently."""
    if not _SIGNATURE.search(data, 0, 1024):
        raise ExtractionError(
            f"the file is not a PDF, it begins with {data[:20]!r}: check what its address serves"
        )
    end = data.rfind(_END)
    rest = data[end + len(_END) :] if end >= 0 else data
    if end < 0 or _OBJECT.search(rest):
        raise ExtractionError(
            "the PDF is cut off: its end mark %%EOF is missing, so nobody can say what else is; "
            "fetch it again"
        )
    _check_streams(data)
    if rest.strip(b"\0\r\n\t "):
        return [Problem(f"{len(rest)} bytes stand after the end of the PDF", holds=False)]
    return []


def _check_streams(data: bytes) -> None:
    """Refuses compressed streams that are damaged or inflate beyond all measure.

    A parser goes on with what it could inflate of a damaged stream, and the rest of a page is
    gone. Pictures are not looked at, nor streams that are encrypted or packed in rarer ways.
    """
    is_encrypted = b"/Encrypt" in data
    total = 0
    for match in _STREAM.finditer(data):
        start = max(data.rfind(b"obj", max(match.start() - 4096, 0), match.start()), 0)
        dictionary = data[start : match.start()]
        named = _FILTERS.search(dictionary)
        filters = _NAME.findall(named[1]) if named else []
        if b"FlateDecode" not in filters or _PICTURE.search(dictionary):
            continue
        end = data.find(b"endstream", match.end())
        try:
            total += _inflated_size(data[match.end() : end if end >= 0 else None], filters)
        except ExtractionError:
            raise
        except (zlib.error, ValueError) as error:  # of zlib and of the other filter
            if not is_encrypted:
                raise ExtractionError(
                    f"the stream at byte {match.end()} of the PDF is damaged ({error}): "
                    "fetch it again"
                ) from error
        if total > MAX_INFLATED_IN_ALL:
            raise ExtractionError(
                f"the streams of the PDF inflate to more than {MAX_INFLATED_IN_ALL >> 20} MiB: "
                "look at it by hand before it is read"
            )


def _inflated_size(packed: bytes, filters: list[bytes]) -> int:
    """Bytes that a stream inflates to; 0 where another filter comes before."""
    if filters[0] == b"ASCII85Decode":
        packed = a85decode(b"".join(packed.split()).removeprefix(b"<~").removesuffix(b"~>"))
        filters = filters[1:]
    stages = [zlib.decompressobj() for _ in takewhile(b"FlateDecode".__eq__, filters)]
    size = 0
    pending = [(0, packed)] if stages else []
    while pending:
        number, chunk = pending.pop()
        stage = stages[number]
        inflated = stage.decompress(chunk, _STEP)
        if not stage.eof and (stage.unconsumed_tail or len(inflated) == _STEP):
            pending.append((number, stage.unconsumed_tail))
        if number + 1 < len(stages):
            pending.append((number + 1, inflated))
            continue
        size += len(inflated)
        if size > MAX_INFLATED:
            raise ExtractionError(
                f"a stream of the PDF inflates to more than {MAX_INFLATED >> 20} MiB: "
                "look at it by hand before it is read"
            )
    if not all(stage.eof for stage in stages):
        raise zlib.error("it ends too early")
    return size


def _document_problems(pdf: PDF) -> list[Problem]:
    problems = []
    if pdf.doc.encryption is not None:
        problems.append(Problem("the PDF is encrypted and opens without a password", holds=False))
    catalog = pdf.doc.catalog
    action = resolve1(catalog.get("OpenAction"))
    names = resolve1(catalog.get("Names"))
    kind = _name(action.get("S")) if isinstance(action, dict) else None
    if kind in _ACTIVE or (isinstance(names, dict) and "JavaScript" in names):
        problems.append(
            Problem(f"the PDF holds active content ({kind or 'JavaScript'}); not run", holds=False)
        )
    return problems


def _check_page_count(pdf: PDF, pages: int) -> None:
    tree = resolve1(pdf.doc.catalog.get("Pages"))
    declared = resolve1(tree.get("Count")) if isinstance(tree, dict) else None
    if declared != pages:
        raise ExtractionError(
            f"the PDF says that it has {declared} pages and {pages} were found: fetch it again or "
            "ask the publisher for a sound file"
        )


def _name(value: Any) -> str | None:
    value = resolve1(value)
    return str(value.name) if isinstance(value, PSLiteral) else None


# ---------------------------------------------------------------- the pages


class _Canvas(PDFPageAggregator):
    """Collects what a page draws, and stops where it draws beyond all measure."""

    drawn = 0

    def _count(self) -> None:
        self.drawn += 1
        if self.drawn > MAX_OBJECTS:
            raise ExtractionError(
                f"page {self.pageno} of the PDF draws more than {MAX_OBJECTS:,} objects: "
                "look at it by hand before it is read"
            )

    def begin_figure(self, *args: Any, **kwargs: Any) -> None:
        self._count()
        super().begin_figure(*args, **kwargs)

    def paint_path(self, *args: Any, **kwargs: Any) -> None:
        self._count()
        super().paint_path(*args, **kwargs)

    def render_char(self, *args: Any, **kwargs: Any) -> float:
        self._count()
        return super().render_char(*args, **kwargs)


class _Page(Page):  # type: ignore[misc]  # pdfplumber's types are not checked
    """A page whose layout is bounded, and that keeps of a character only what we read."""

    @property
    def layout(self) -> LTPage:
        canvas = _Canvas(self.pdf.rsrcmgr, pageno=self.page_number)
        PDFPageInterpreter(self.pdf.rsrcmgr, canvas).process_page(self.page_obj)
        return canvas.get_result()

    def process_object(self, obj: LTItem) -> dict[str, Any]:
        if not isinstance(obj, LTChar):
            return dict(super().process_object(obj))
        left, above = self.mediabox[:2]
        return {
            "object_type": "char",
            "text": obj.get_text(),
            "x0": obj.x0 + left,
            "top": self.height - obj.y1 + above,
            "x1": obj.x1 + left,
            "bottom": self.height - obj.y0 + above,
            "size": obj.size,
            "matrix": obj.matrix,
        }


def _pages(pdf: PDF) -> Iterator[_Page]:
    """The pages one by one; `pdf.pages` would keep them all."""
    found = PDFPage.create_pages(pdf.doc)
    number = 0
    while True:
        number += 1
        with _named(f"page {number}"):
            page = next(found, None)
            if page is None:
                return
            # Corners may be given in any order, which of the two parsers only pdfplumber knows.
            x0, y0, x1, y1 = page.mediabox
            page.mediabox = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
            sheet = _Page(pdf, page, number)
        yield sheet


@dataclass(frozen=True, slots=True)
class _Letter:
    """What one character code shows: mostly a letter, sometimes several (a ligature)."""

    text: str
    box: _Box
    x: float
    y: float
    size: float
    turn: tuple[float, ...]

    @property
    def is_blank(self) -> bool:
        return self.text.isspace()

    @property
    def is_upright(self) -> bool:
        """Whether it stands on its feet; pdfminer's own mark takes upside-down for upright."""
        a, b, _, d = self.turn
        return a > 0 and d > 0 and abs(b) < 0.1 * a


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table's rows, each cell with its box (None where another cell covers it) and letters."""

    box: _Box
    rows: tuple[tuple[tuple[_Box | None, list[_Letter]], ...], ...]


@dataclass(slots=True)
class _Sheet:
    """What one page gives."""

    number: int
    lines: list[Row | Passage] = field(default_factory=list)
    lines_seen: int = 0
    tables: int = 0
    problems: list[Problem] = field(default_factory=list)

    def report(self, message: str, box: _Box | None = None, *, holds: bool = True) -> None:
        self.problems.append(Problem(message, Place(self.number, 1, box), holds))


def _read_page(page: _Page, tables_before: int) -> _Sheet:
    sheet = _Sheet(page.page_number)
    letters = _shown_letters(page, sheet)
    _check_pictures(page, letters, sheet)
    _report_notes(page, sheet)
    rulings = _ruling_lines(page)
    upright = [letter for letter in letters if letter.is_upright]
    tables = _tables(page, rulings)
    homes = _homes(tables, upright)
    grids = _filled_grids(tables, upright, homes)
    loose = [letter for letter in upright if id(letter) not in homes]
    prose = [*_printed_lines(loose), *_turned_lines(letters)]
    sheet.tables = len(grids)
    sheet.lines_seen = sum(len(grid.rows) for grid in grids) + len(prose)

    found: list[tuple[_Box, tuple[str, ...] | str, int]] = []
    for table, grid in enumerate(grids, start=tables_before + 1):
        for row in grid.rows:
            box = _union(cell for cell, _ in row if cell)
            found.append((box, tuple(_cell_text(inside) for _, inside in row), table))
    found += [(_union(letter.box for letter in line), _line_text(line), 0) for line in prose]
    found.sort(key=lambda item: (item[0][1], item[0][0]))
    for ordinal, (box, content, table) in enumerate(found, start=1):
        place = Place(sheet.number, ordinal, box)
        if isinstance(content, str):
            sheet.lines.append(Passage(place, content, content))
        else:
            sheet.lines.append(Row(place, content, "\t".join(content), table))

    _check_balance(letters, sheet)
    _report_unreadable(sheet)
    _report_open_cells(rulings, grids, loose, sheet)
    _report_crossed_borders(upright, homes, sheet)
    _report_struck(rulings, upright, sheet)
    return sheet


def _shown_letters(page: _Page, sheet: _Sheet) -> list[_Letter]:
    """The characters that the page shows, each once, blanks included."""
    x0, top, x1, bottom = (
        limit(a, b)
        for limit, a, b in zip((max, max, min, min), page.mediabox, page.cropbox, strict=True)
    )
    shown: list[_Letter] = []
    outside: list[_Letter] = []
    for letter in _without_doubles(map(_letter, page.chars)):
        is_shown = x0 <= letter.x <= x1 and top <= letter.y <= bottom
        (shown if is_shown else outside).append(letter)
    if any(not letter.is_blank for letter in outside):
        sheet.report(f"text outside the printed area is not read: {_sample(outside)}", holds=False)
    inked = [letter for letter in shown if not letter.is_blank]
    turned = [letter for letter in inked if not letter.is_upright]
    if len(turned) * 2 > len(inked):
        raise ExtractionError(
            f"page {sheet.number} of the PDF is printed sideways or upside down, as in "
            f"{_sample(turned)}: turn the page upright and add the file by hand"
        )
    return shown


def _letter(char: dict[str, Any]) -> _Letter:
    box = (char["x0"], char["top"], char["x1"], char["bottom"])
    x, y = (char["x0"] + char["x1"]) / 2, (char["top"] + char["bottom"]) / 2
    return _Letter(char["text"], box, x, y, char["size"], tuple(char["matrix"][:4]))


def _without_doubles(letters: Iterable[_Letter]) -> Iterator[_Letter]:
    """Leaves out a character drawn again at the same place, as some programs do to print bold."""
    seen: dict[tuple[str, int, int], list[_Letter]] = {}
    for letter in letters:
        near = max(0.1 * letter.size, 0.01)
        column, line = int(letter.x // near), int(letter.y // near)
        spots = [(letter.text, column + dx, line + dy) for dx in _AROUND for dy in _AROUND]
        if any(
            abs(letter.x - other.x) <= near and abs(letter.y - other.y) <= near
            for spot in spots
            for other in seen.get(spot, ())
        ):
            continue
        seen.setdefault((letter.text, column, line), []).append(letter)
        yield letter


def _check_pictures(page: _Page, letters: list[_Letter], sheet: _Sheet) -> None:
    """A page without text is blank, or else shows text that we cannot read."""
    is_blank = all(letter.is_blank for letter in letters)
    what = "a picture" if page.images else "drawn in curves" if len(page.curves) > 20 else None
    if is_blank and what:
        raise ExtractionError(
            f"page {sheet.number} of the PDF is {what} without text (a scan?): ask the "
            "publisher for a PDF with text, pictures are not read"
        )
    for picture in page.images:
        x0, top, x1, bottom = (picture[side] for side in ("x0", "top", "x1", "bottom"))
        if (x1 - x0) * (bottom - top) < 0.5 * page.width * page.height:
            continue
        over = sum(x0 <= each.x <= x1 and top <= each.y <= bottom for each in letters)
        if over < FEW_LETTERS:
            sheet.report(
                "a picture covers most of the page and text in it is not read: compare the page",
                (x0, top, x1, bottom),
            )
        else:
            sheet.report(
                "the text lies over a picture and may come from text recognition: compare the page",
                (x0, top, x1, bottom),
                holds=False,
            )


def _report_notes(page: _Page, sheet: _Sheet) -> None:
    """Notes laid over the page that say something the printed text does not."""
    for reference in resolve1(page.page_obj.annots) or []:
        note = resolve1(reference)
        if not isinstance(note, dict):
            continue
        kind = _name(note.get("Subtype"))
        text = resolve1(note.get("V") if kind == "Widget" else note.get("Contents"))
        if kind in _NOTES and (kind != "Widget" or text):
            shown = _shortened(repr(text))
            sheet.report(f"a {kind} note on the page is not read: {shown}; compare the page")


def _check_balance(letters: list[_Letter], sheet: _Sheet) -> None:
    """Every character of the page must stand in exactly one row or passage."""
    printed = Counter("".join(letter.text for letter in letters))
    handed_on = Counter("".join(line.raw_text for line in sheet.lines))
    for what, difference in (("lost", printed - handed_on), ("doubled", handed_on - printed)):
        signs = "".join(sorted(sign for sign in difference.elements() if not sign.isspace()))
        if signs:
            sheet.report(
                f"{len(signs)} characters were {what} in reading: {_shortened(signs)!r}; "
                "report the document"
            )


def _report_unreadable(sheet: _Sheet) -> None:
    """Characters whose font does not say which letters they are; a bullet does no harm."""
    bad = [line for line in sheet.lines if _UNREADABLE.search(line.raw_text)]
    if not bad:
        return
    worse = [line for line in bad if isinstance(line, Row) or not _BULLET.fullmatch(line.raw_text)]
    first = (worse or bad)[0]
    message = (
        f"{len(bad)} lines of the page have characters that the font does not name, as in "
        f"{_shortened(first.raw_text)!r}: ask the publisher for a PDF with text"
    )
    sheet.problems.append(Problem(message, first.place, holds=bool(worse)))


# ---------------------------------------------------------------- ruling lines


def _ruling_lines(page: _Page) -> list[_Edge]:
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


def _middle_lines(box: _Edge) -> list[_Edge]:
    """A thin filled box as the line it looks like; a dot of a dotted line may be of either way."""
    across, down = (box["x0"] + box["x1"]) / 2, (box["top"] + box["bottom"]) / 2
    lines = []
    if box["width"] >= box["height"]:
        lines.append({**box, "orientation": "h", "top": down, "bottom": down, "height": 0})
    if box["height"] >= box["width"]:
        lines.append({**box, "orientation": "v", "x0": across, "x1": across, "width": 0})
    return lines


def _tables(page: _Page, rulings: list[_Edge]) -> list[Table]:
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


def _homes(tables: list[Table], letters: list[_Letter]) -> dict[int, _Box]:
    """The cell that each letter stands in, by the letter's id: the one that its middle is in.

    Where cells overlap, as those of a table inside a cell do, it is the smallest.
    """
    cells = sorted((cell for table in tables for cell in table.cells), key=_area)
    levels = sorted({side for cell in cells for side in (cell[1], cell[3])})
    strips: list[list[_Box]] = [[] for _ in levels]
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


def _filled_grids(
    tables: list[Table], letters: list[_Letter], homes: dict[int, _Box]
) -> list[_Grid]:
    """The tables from the top, each cell with its letters; one without any text is a drawing."""
    contents: dict[_Box | None, list[_Letter]] = {}
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
        grids.append(_Grid(table.bbox, rows))
    return grids


def _report_open_cells(
    rulings: list[_Edge], grids: list[_Grid], loose: list[_Letter], sheet: _Sheet
) -> None:
    """Text that ruling lines of a table run along without enclosing it: a cell with a missing side.

    Unreported, a missing border would take a row or a column out of its table.
    """
    areas = [area for grid in grids for area in _ruled_areas(grid, rulings)]
    areas += [
        (left.box[2], max(left.box[1], right.box[1]), right.box[0], min(left.box[3], right.box[3]))
        for left, right in permutations(grids, 2)
    ]
    between = [
        letter
        for letter in loose
        if not letter.is_blank
        and any(x0 <= letter.x <= x1 and top <= letter.y <= low for x0, top, x1, low in areas)
    ]
    if between:
        sheet.report(
            "text stands between the ruling lines of a table in no closed cell: "
            f"{_sample(between)}; compare the page",
            _union(letter.box for letter in between),
        )


def _ruled_areas(grid: _Grid, rulings: list[_Edge]) -> tuple[_Box, _Box]:
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


def _report_crossed_borders(letters: list[_Letter], homes: dict[int, _Box], sheet: _Sheet) -> None:
    """Text that runs on over the border of its cell, where it would be read as the next cell's.

    Either a letter has a quarter of it over there, or two that were drawn one after the other and
    touch stand on either side of the border.
    """
    over = []
    for number, letter in enumerate(letters):
        home = homes.get(id(letter))
        before = letters[number - 1] if number else None
        if (home and _sticks_out(letter, home)) or (
            before and homes.get(id(before)) != home and _runs_on(before, letter)
        ):
            over.append(number)
    if over:
        around = letters[max(over[0] - 20, 0) : over[0] + 20]
        sheet.report(
            f"text runs over the border of its cell {len(over)} times, first in {_sample(around)}: "
            "compare the page",
            _union(letters[number].box for number in over),
        )


def _sticks_out(letter: _Letter, cell: _Box) -> bool:
    x0, _, x1, _ = letter.box
    allowed = 0.25 * (x1 - x0)
    return not letter.is_blank and (x0 < cell[0] - allowed or x1 > cell[2] + allowed)


def _runs_on(before: _Letter, letter: _Letter) -> bool:
    near = TOUCHING * letter.size
    return (
        before.size == letter.size
        and abs(before.y - letter.y) < near
        and abs(letter.box[0] - before.box[2]) < near
        and not letter.is_blank
    )


def _report_struck(rulings: list[_Edge], letters: list[_Letter], sheet: _Sheet) -> None:
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
            sheet.report(
                f"text is struck through: {_sample(struck)}; compare the page",
                _union(letter.box for letter in struck),
            )


# ---------------------------------------------------------------- letters to text


def _printed_lines(letters: list[_Letter]) -> list[list[_Letter]]:
    """Upright letters as printed lines, from top to bottom and each from left to right."""
    lines: list[list[_Letter]] = []
    tallest: _Letter | None = None
    for letter in sorted(letters, key=lambda letter: (letter.y, letter.x)):
        if tallest and letter.y - tallest.y <= SAME_LINE * max(letter.size, tallest.size):
            lines[-1].append(letter)
            if letter.size > tallest.size and not letter.is_blank:
                tallest = letter
        elif not letter.is_blank:
            lines.append([letter])
            tallest = letter
    return [sorted(line, key=lambda letter: letter.box[0]) for line in lines]


def _turned_lines(letters: list[_Letter]) -> list[list[_Letter]]:
    """Letters printed at an angle, such as a watermark, as runs in the order of drawing."""
    lines: list[list[_Letter]] = []
    for letter in letters:
        if letter.is_upright:
            continue
        last = lines[-1][-1] if lines else None
        reach = 2 * letter.size + letter.box[2] - letter.box[0] + letter.box[3] - letter.box[1]
        if (
            last
            and last.turn == letter.turn
            and abs(last.x - letter.x) + abs(last.y - letter.y) <= reach
        ):
            lines[-1].append(letter)
        else:
            lines.append([letter])
    return [line for line in lines if not all(letter.is_blank for letter in line)]


def _line_text(line: list[_Letter]) -> str:
    """The words of a printed line, one blank between them."""
    text = ""
    before: _Letter | None = None
    for letter in line:
        if letter.is_blank:
            text += " "
            before = None
            continue
        gap = letter.box[0] - before.box[2] if before else 0.0
        if before and gap > WORD_GAP * max(letter.size, before.size):
            text += " "
        text += letter.text
        before = letter
    return " ".join(text.split())


def _cell_text(letters: list[_Letter]) -> str:
    return "\n".join(map(_line_text, _printed_lines(letters)))


def _sample(letters: Iterable[_Letter]) -> str:
    return repr(_shortened("".join(letter.text for letter in letters)))


def _shortened(text: str, width: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _union(boxes: Iterable[_Box]) -> _Box:
    """The box around boxes, in points with two decimals."""
    x0, top, x1, bottom = zip(*boxes, strict=True)
    return (
        round(float(min(x0)), 2),
        round(float(min(top)), 2),
        round(float(max(x1)), 2),
        round(float(max(bottom)), 2),
    )


def _area(box: _Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
