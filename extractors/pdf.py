"""The reader of PDF: tables become rows, all other text passages, one a printed line.

Each page is drawn by the fast engine. Where what came out is in doubt (letters or codes in no
line, letters without a name, text that no cell can claim), the reference engine draws it again;
its reading is taken where it leaves no doubt, and its rows say so. What a header, a title or a
continued row is, header logic decides. Deliberately not read: pictures (a scanned page is an
error), notes laid over the page and form fields (reported), text that cannot be seen (reported).

Costs are bounded as far as the parsers let us: inflated bytes, objects on a page, crossings of
ruling lines. Time and memory as such are bounded by the process that calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pdfplumber.pdf import PDF

from extractors.pages.breaks import Breaks, mended
from extractors.pages.document import (
    Leaf,
    check_page_count,
    document_problems,
    leaves,
    named,
    notes_over,
    opened,
)
from extractors.pages.drawn import Drawn, ink_of
from extractors.pages.file_bytes import check_bytes
from extractors.pages.ink import Grid
from extractors.pages.page import Sheet, read_page
from extractors.pages.pdfium import Document, Unsure
from extractors.pages.plumber import drawn_by_plumber
from extractors.reading import ExtractionError, Passage, Problem, Reading, Row
from schemas.codes import header_key
from schemas.provenance import Place
from schemas.source import TableRules

REFERENCE = "reference_engine"


def read_pdf(data: bytes, rules: TableRules | None = None) -> Reading:
    """The rows of all tables and, as passages, every other printed line, from the top.

    Ruled tables are always rows; those without ruling lines only where `rules` name the labels
    of their columns. A cell is as printed, a line break in it is "\\n", and a cell covered by the
    one above or to the left is "". Of tables beside each other, the left one comes first.

    `page` counts from 1, `line` is the ordinal on the page, `bbox` is in points from the top left
    corner of the page as shown, turned so that its text is upright. `table` numbers the tables of
    the document from 1.

    Raises `ExtractionError` for a file that is no PDF, damaged, cut off, locked or without pages,
    for a page that is a picture, and for a document without any text.
    """
    lines: list[Row | Passage] = []
    problems: list[Problem] = []
    breaks: dict[int, Breaks] = {}
    lines_seen = pages = 0
    for sheet in sheets(data, rules):
        pages = sheet.number
        breaks |= {len(lines) + line: places for line, places in sheet.breaks.items()}
        lines += sheet.lines
        lines_seen += sheet.lines_seen
        problems += [*sheet.problems, *sheet.doubts]
    if not lines:
        raise ExtractionError(
            f"none of the {pages} pages has any text (page 1 to {pages} are blank or drawn): "
            "ask the publisher for a PDF with text"
        )
    return Reading(tuple(mended(lines, breaks)), lines_seen, pages, problems=tuple(problems))


def sheets(data: bytes, rules: TableRules | None = None) -> Iterator[Sheet]:
    """The pages of a document one by one, as `read_pdf` reads them; broken words stay broken.

    What is to be told of the document as such is among the problems of its first page.
    """
    told = check_bytes(data)
    pdf = opened(data)
    with named("the file"):
        told += document_problems(pdf)
    engines = _Engines(data, pdf, _labels(rules))
    tables = pages = 0
    aligned: Sequence[Grid] = ()
    try:
        for leaf in leaves(pdf):
            pages = leaf.number
            with named(f"page {pages}"):
                sheet = engines.read(leaf, tables, aligned)
                told += [Problem(note, Place(pages, 1)) for note in notes_over(leaf.page)]
            sheet.problems = [*told, *sheet.problems]
            told = []
            tables += sheet.tables
            aligned = sheet.aligned
            yield sheet
    finally:
        engines.close()
    if not pages:
        raise ExtractionError("the PDF has no pages: fetch it again or ask the publisher")
    with named("the pages"):
        check_page_count(pdf, pages)


def _labels(rules: TableRules | None) -> frozenset[str] | None:
    if rules is None:
        return None
    return frozenset(header_key(label) for labels in rules.columns.values() for label in labels)


class _Engines:
    """Both engines over one document."""

    def __init__(self, data: bytes, pdf: PDF, labels: frozenset[str] | None) -> None:
        self._pdf = pdf
        self._labels = labels
        self._fast: Document | Unsure
        try:
            self._fast = Document(data)
        except Unsure as why:
            self._fast = why

    def close(self) -> None:
        if isinstance(self._fast, Document):
            self._fast.close()

    def read(self, leaf: Leaf, tables: int, aligned: Sequence[Grid]) -> Sheet:
        """The lines of a page, by the engine that reads it without doubt or else by the fast."""
        raw = ""
        fast: Sheet | None = None
        try:
            drawn, raw = self._draw(leaf)
            fast = read_page(ink_of(drawn), raw, self._labels, tables, aligned)
            if not fast.doubts:
                return fast
            reason = fast.doubts[0].message
        except Unsure as why:
            reason = str(why)
        drawn = drawn_by_plumber(self._pdf, leaf.page, leaf.number, leaf.view)
        slow = read_page(ink_of(drawn), raw, self._labels, tables, aligned)
        if fast is not None and slow.doubts:
            return fast
        slow.lines = [_flagged(line) for line in slow.lines]
        slow.problems.append(
            slow.problem(f"read by the reference engine, not the fast one: {reason}", holds=False)
        )
        return slow

    def _draw(self, leaf: Leaf) -> tuple[Drawn, str]:
        if isinstance(self._fast, Unsure):
            raise self._fast
        return self._fast.draw(leaf.number, leaf.view, leaf.turn)


def _flagged(line: Row | Passage) -> Row | Passage:
    return replace(line, flags=(*line.flags, REFERENCE)) if isinstance(line, Row) else line
