"""The reader of PDF: ruled tables become rows, all other text passages, one a printed line.

Knows where text stands on a page. What a header, a title or a continued row is, header logic
decides. Deliberately not read: pictures (a scanned page is an error), notes laid over the page
and form fields (reported), tables without ruling lines (their lines become passages). Nothing in
a PDF is run or followed.

Costs are bounded as far as the parsers let us: inflated bytes, objects on a page, crossings of
ruling lines. Time and memory as such are bounded by the process that calls.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from pdfplumber.utils.exceptions import PdfminerException

from extractors.pdf_bytes import check_bytes
from extractors.pdf_grids import doubts, filled_grids, find_tables, homes_of, ruling_lines
from extractors.pdf_letters import (
    Box,
    Letter,
    cell_text,
    letter_of,
    line_text,
    one_line,
    printed_lines,
    sample,
    turned_lines,
    union,
    without_doubles,
)
from extractors.reading import ExtractionError, Passage, Problem, Reading, Row
from schemas.provenance import Place
from schemas.source import TableRules

MAX_OBJECTS = 50_000  # letters, lines, pictures of one page; a dense list page has 6,000
# A picture of most of a page with fewer letters over it than this is no mere background.
FEW_LETTERS = 20

_UNREADABLE = re.compile(r"\(cid:\d+\)|[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_BULLET = re.compile(rf"(?:{_UNREADABLE.pattern}) (?:(?!{_UNREADABLE.pattern}).)*")
_ACTIVE = ("JavaScript", "Launch", "SubmitForm", "ImportData")
_NOTES = ("FreeText", "Widget", "StrikeOut", "Redact", "Stamp")


def read_pdf(data: bytes, rules: TableRules | None = None) -> Reading:  # noqa: ARG001
    """The rows of all ruled tables and, as passages, every other printed line, from the top.

    A cell is as printed, a line break in it is "\\n", and a cell covered by the one above or to
    the left is "". `page` counts from 1, `line` is the ordinal on the page, `bbox` is in points
    from the page's top left corner. `table` numbers the tables of the document from 1.

    Raises `ExtractionError` for a file that is no PDF, damaged, cut off, locked or without pages,
    for a page that is a picture or printed sideways, and for a document without any text.
    """
    problems = check_bytes(data)
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
            f"{one_line(str(cause))}): fetch it again or ask the publisher for a sound file"
        ) from error


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


@dataclass(slots=True)
class _Sheet:
    """What one page gives."""

    number: int
    lines: list[Row | Passage] = field(default_factory=list)
    lines_seen: int = 0
    tables: int = 0
    problems: list[Problem] = field(default_factory=list)

    def report(self, message: str, box: Box | None = None, *, holds: bool = True) -> None:
        """Notes a problem at the line that the box lies in, or else at the first."""
        place = Place(self.number, self._line_at(box) if box else 1, box)
        self.problems.append(Problem(message, place, holds))

    def _line_at(self, box: Box) -> int:
        for line in self.lines:
            _, top, _, bottom = line.place.bbox or box
            if top <= (box[1] + box[3]) / 2 <= bottom:
                return line.place.line
        return 1


def _read_page(page: _Page, tables_before: int) -> _Sheet:
    sheet = _Sheet(page.page_number)
    letters = _shown_letters(page, sheet)
    _check_pictures(page, letters, sheet)
    _report_notes(page, sheet)
    rulings = ruling_lines(page)
    upright = [letter for letter in letters if letter.is_upright]
    tables = find_tables(page, rulings)
    homes = homes_of(tables, upright)
    grids = filled_grids(tables, upright, homes)
    loose = [letter for letter in upright if id(letter) not in homes]
    prose = [*printed_lines(loose), *turned_lines(letters)]
    sheet.tables = len(grids)
    sheet.lines_seen = sum(len(grid.rows) for grid in grids) + len(prose)

    found: list[tuple[Box, tuple[str, ...] | str, int]] = []
    for table, grid in enumerate(grids, start=tables_before + 1):
        for row in grid.rows:
            box = union(cell for cell, _ in row if cell)
            found.append((box, tuple(cell_text(inside) for _, inside in row), table))
    found += [(union(letter.box for letter in line), line_text(line), 0) for line in prose]
    found.sort(key=lambda item: (item[0][1], item[0][0]))
    for ordinal, (box, content, table) in enumerate(found, start=1):
        place = Place(sheet.number, ordinal, box)
        if isinstance(content, str):
            sheet.lines.append(Passage(place, content, content))
        else:
            sheet.lines.append(Row(place, content, "\t".join(content), table))

    _check_balance(letters, sheet)
    _report_unreadable(sheet)
    for message, box in doubts(rulings, grids, upright, homes):
        sheet.report(message, box)
    return sheet


def _shown_letters(page: _Page, sheet: _Sheet) -> list[Letter]:
    """The characters that the page shows, each once, blanks included."""
    x0, top, x1, bottom = (
        limit(a, b)
        for limit, a, b in zip((max, max, min, min), page.mediabox, page.cropbox, strict=True)
    )
    shown: list[Letter] = []
    outside: list[Letter] = []
    for letter in without_doubles(map(letter_of, page.chars)):
        is_shown = x0 <= letter.x <= x1 and top <= letter.y <= bottom
        (shown if is_shown else outside).append(letter)
    if any(not letter.is_blank for letter in outside):
        sheet.report(f"text outside the printed area is not read: {sample(outside)}", holds=False)
    inked = [letter for letter in shown if not letter.is_blank]
    turned = [letter for letter in inked if not letter.is_upright]
    if len(turned) * 2 > len(inked):
        raise ExtractionError(
            f"page {sheet.number} of the PDF is printed sideways or upside down, as in "
            f"{sample(turned)}: turn the page upright and add the file by hand"
        )
    return shown


def _check_pictures(page: _Page, letters: list[Letter], sheet: _Sheet) -> None:
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
            shown = one_line(repr(text))
            sheet.report(f"a {kind} note on the page is not read: {shown}; compare the page")


def _check_balance(letters: list[Letter], sheet: _Sheet) -> None:
    """Every character of the page must stand in exactly one row or passage."""
    printed = Counter("".join(letter.text for letter in letters))
    handed_on = Counter("".join(line.raw_text for line in sheet.lines))
    for what, difference in (("lost", printed - handed_on), ("doubled", handed_on - printed)):
        signs = "".join(sorted(sign for sign in difference.elements() if not sign.isspace()))
        if signs:
            sheet.report(
                f"{len(signs)} characters were {what} in reading: {one_line(signs)!r}; "
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
        f"{one_line(first.raw_text)!r}: ask the publisher for a PDF with text"
    )
    sheet.problems.append(Problem(message, first.place, holds=bool(worse)))
