"""Draws one printed list, or one bulletin, in each format that payers publish.

What is drawn is known exactly, so a reader can be held against it. Text must be in Windows-1252,
which the standard PDF fonts can show. The bytes depend on the arguments alone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Literal

from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

FONT = "Helvetica"
BOLD = "Helvetica-Bold"
SIZE = 8.0
LEADING = 9.6
MARGIN = 36.0
LETTER = (612.0, 792.0)
LETTER_LANDSCAPE = (792.0, 612.0)


Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table: title lines, header cells, and page by page its rows of as many cells."""

    title: tuple[str, ...]
    header: Cells
    pages: tuple[tuple[Cells, ...], ...]

    @property
    def rows(self) -> tuple[Cells, ...]:
        return tuple(row for page in self.pages for row in page)


@dataclass(frozen=True, slots=True)
class PrintedList:
    """A list as a payer prints it: the header again on each page, a footer under the last table."""

    sections: tuple[Section, ...]
    footer: str = ""


def paged(rows: Sequence[Cells], per_page: int) -> tuple[tuple[Cells, ...], ...]:
    """Rows as pages of so many."""
    starts = range(0, max(len(rows), 1), per_page)
    return tuple(tuple(rows[start : start + per_page]) for start in starts)


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A narrative: a title, then headed sections of paragraphs, then its history as a table."""

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    history: tuple[tuple[str, str], ...] = ()
    last_line: str = ""

    @property
    def paragraphs(self) -> list[str]:
        """All that is printed outside the table, in order."""
        headed = [text for heading, texts in self.sections for text in (heading, *texts) if text]
        return [self.title, *headed, *([self.last_line] if self.last_line else [])]


def list_from_dump(path: Path) -> PrintedList:
    """A list from its tab-separated dump; a header is the first line after a blank one."""
    sections: list[Section] = []
    before = ""
    footer = ""
    for line in path.read_text().split("\n"):
        cells = tuple(line.split("\t"))
        if line.startswith("**"):
            title = line.strip().removeprefix("**").removesuffix("**")
            if sections and not sections[-1].pages:
                sections[-1] = replace(sections[-1], title=(*sections[-1].title, title))
            else:
                sections.append(Section((title,), (), ()))
        elif len(cells) > 1 and not before.strip():
            sections[-1] = replace(sections[-1], header=cells, pages=(*sections[-1].pages, ()))
        elif len(cells) > 1:
            *done, page = sections[-1].pages
            sections[-1] = replace(sections[-1], pages=(*done, (*page, cells)))
        elif line.strip():
            footer = line.strip()
        before = line
    return PrintedList(tuple(sections), footer)


def bulletin_from_dump(path: Path) -> Bulletin:
    """A bulletin from its dump: a paragraph a line, and at the end a history of dated lines."""
    title, *lines = filter(None, map(str.strip, path.read_text().split("\n")))
    heading = lines.index("Publication History")
    dated = [line.split(" ", 1) for line in lines[heading + 2 : -1]]
    return Bulletin(
        title=title,
        sections=(("", tuple(lines[:heading])), (lines[heading], ())),
        history=(("Date of Change", "Description"), *((date, text) for date, text in dated)),
        last_line=lines[-1],
    )


def wrap(text: str, width: float, font: str = FONT, size: float = SIZE) -> list[str]:
    """The lines of a text set in a width in points; a word wider than that is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if stringWidth(longer, font, size) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = ""
        for letter in word:
            if line and stringWidth(line + letter, font, size) > width:
                lines.append(line)
                line = ""
            line += letter
    return [*lines, line] if line else lines


class Sheet:
    """A canvas written from top to bottom, that starts a new page where there is no room."""

    def __init__(self, paper: tuple[float, float], padding: float) -> None:
        self._bytes = io.BytesIO()
        self._canvas = Canvas(self._bytes, pagesize=paper, invariant=1)
        self._paper = paper
        self._padding = padding
        self._y = paper[1] - MARGIN

    @property
    def width(self) -> float:
        return self._paper[0] - 2 * MARGIN

    def new_page(self) -> None:
        self._canvas.showPage()
        self._y = self._paper[1] - MARGIN

    def has_room(self, height: float) -> bool:
        return self._y - height >= MARGIN

    def space(self, height: float) -> None:
        self._y -= height

    @property
    def height_left(self) -> float:
        """Where the sheet is, from the foot of the paper."""
        return self._y

    def go_to(self, height: float) -> None:
        self._y = height

    def write(self, text: str, font: str = FONT, size: float = SIZE) -> None:
        """Prints a paragraph over as many lines as it needs."""
        leading = size * LEADING / SIZE
        for line in wrap(text, self.width, font, size):
            if not self.has_room(leading):
                self.new_page()
            self._canvas.setFont(font, size)
            self._canvas.drawString(MARGIN, self._y - size, line)
            self._y -= leading

    def row_height(self, cells: Cells, widths: list[float]) -> float:
        tallest = max(
            len(self._wrap(cell, width)) for cell, width in zip(cells, widths, strict=True)
        )
        return max(tallest, 1) * LEADING + 2 * self._padding

    def row(self, cells: Cells, widths: list[float], font: str = FONT) -> None:
        """Prints a ruled row; its words may touch the ruling lines where the padding is 0."""
        height = self.row_height(cells, widths)
        left = MARGIN
        for cell, width in zip(cells, widths, strict=True):
            self._canvas.rect(left, self._y - height, width, height)
            self._canvas.setFont(font, SIZE)
            for number, line in enumerate(self._wrap(cell, width)):
                baseline = self._y - self._padding - SIZE - number * LEADING
                self._canvas.drawString(left + self._padding, baseline, line)
            left += width
        self._y -= height

    def _wrap(self, cell: str, width: float) -> list[str]:
        return wrap(cell, width - 2 * self._padding, BOLD)

    def finish(self) -> bytes:
        self._canvas.save()
        return self._bytes.getvalue()


def draw_pdf(
    printed: PrintedList,
    paper: tuple[float, float] = LETTER_LANDSCAPE,
    padding: float = 2.0,
) -> bytes:
    """The list as PDF with a ruled grid; a page that does not fit the paper runs on to the next."""
    sheet = Sheet(paper, padding)
    for section in printed.sections:
        widths = column_widths(section, sheet.width)
        for number, rows in enumerate(section.pages):
            if number or section is not printed.sections[0]:
                sheet.new_page()
            if not number:
                for line in section.title:
                    sheet.write(line, BOLD, 11)
                sheet.space(LEADING)
            sheet.row(section.header, widths, BOLD)
            for row in rows:
                if not sheet.has_room(sheet.row_height(row, widths)):
                    sheet.new_page()
                    sheet.row(section.header, widths, BOLD)
                sheet.row(row, widths)
    if printed.footer:
        sheet.space(LEADING)
        sheet.write(printed.footer)
    return sheet.finish()


@dataclass(frozen=True, slots=True)
class Style:
    """How a list without a ruled grid is set.

    `lines` is what is drawn between its rows. `gap` is the white between columns, `row_gap` the
    white between rows beyond that between the lines of a cell, `inset` the white above and below
    the text of a banded or ruled row. `align` is how cells stand in their columns, from the left,
    all alike or one each; `valign` how short cells stand in their rows.

    `turn` is the page's own rotation in degrees; on a page that `is_sideways` too little or too
    much of it is done, as on a landscape sheet bound into a portrait document. `is_bold_twice`
    prints headers twice, shifted a little, `hidden` is white text over each row, `font` may be
    `VERA`, which has signs beyond Windows-1252.
    """

    lines: Literal["none", "rules", "bands"] = "none"
    gap: float = 8.0
    row_gap: float = 4.0
    inset: float = 2.0
    align: tuple[Literal["left", "centre", "right"], ...] = ("left",)
    valign: Literal["top", "middle"] = "top"
    turn: Literal[0, 90, 180, 270] = 0
    is_sideways: bool = False
    is_bold_twice: bool = False
    hidden: str = ""
    font: str = FONT
    repeats_header: bool = True


# A font that has the ligatures fi and fl.
VERA = "Vera"
LIGATURES = {"fi": "\ufb01", "fl": "\ufb02"}


def disguised(printed: PrintedList) -> PrintedList:
    """The list with ligatures, and in longer texts soft hyphens and no-break spaces."""

    def disguise(cell: str) -> str:
        for letters, ligature in LIGATURES.items():
            cell = cell.replace(letters, ligature)
        words = cell.split(" ")
        if len(words) > 3:
            cell = "\u00a0".join((" ".join(words[:2]), " ".join(words[2:])))
            cell = cell.replace("tion", "\u00adtion")
        return cell

    return PrintedList(
        tuple(
            replace(
                section,
                pages=tuple(
                    tuple(tuple(map(disguise, row)) for row in page) for page in section.pages
                ),
            )
            for section in printed.sections
        ),
        printed.footer,
    )


class UnruledSheet(Sheet):
    """A sheet whose tables have no ruled grid."""

    def __init__(self, paper: tuple[float, float], style: Style) -> None:
        self._style = style
        if style.font == VERA:
            registerFont(TTFont(VERA, "Vera.ttf"))
        super().__init__(paper, 0.0)
        self._rows = 0
        self._turn_page()

    def new_page(self) -> None:
        super().new_page()
        self._turn_page()

    def _turn_page(self) -> None:
        turn = self._style.turn
        width, height = self._paper
        if not self._style.is_sideways:
            self._canvas.setPageRotation(turn)  # which turns the sheet with it
        elif turn in (90, 270):
            self._canvas.setPageSize((height, width))
        if turn == 90:
            self._canvas.translate(height, 0)
        elif turn == 180:
            self._canvas.translate(width, height)
        elif turn == 270:
            self._canvas.translate(0, width)
        self._canvas.rotate(turn)

    @property
    def _above(self) -> float:
        return self._style.inset if self._style.lines != "none" else self._style.row_gap / 2

    def row_height(self, cells: Cells, widths: list[float]) -> float:
        return max(*map(len, self._wrapped(cells, widths)), 1) * LEADING + 2 * self._above

    def _wrapped(self, cells: Cells, widths: list[float]) -> list[list[str]]:
        font = VERA if self._style.font == VERA else BOLD
        return [
            wrap(cell, width - self._style.gap, font)
            for cell, width in zip(cells, widths, strict=True)
        ]

    def row(
        self, cells: Cells, widths: list[float], font: str = FONT, left: float = MARGIN
    ) -> None:
        """Prints a row from a place on, and leaves the sheet at its foot."""
        style = self._style
        height = self.row_height(cells, widths)
        self._draw_behind(left, sum(widths), height, is_head=font == BOLD)
        x = left
        for number, (lines, width) in enumerate(
            zip(self._wrapped(cells, widths), widths, strict=True)
        ):
            align = style.align[number % len(style.align)]
            spare = height - 2 * self._above - len(lines) * LEADING
            below = self._y - self._above - (spare / 2 if style.valign == "middle" else 0.0)
            shown = VERA if style.font == VERA else font
            for line in lines:
                free = width - style.gap - stringWidth(line, shown, SIZE)
                shift = {"left": 0.0, "centre": free / 2, "right": free}[align]
                self._print(x + shift, below - SIZE, line, shown, twice=font == BOLD)
                below -= LEADING
            x += width
        if style.hidden:
            self._canvas.setFillColorRGB(1, 1, 1)
            self._print(left + 3, self._y - self._above - SIZE - 1, style.hidden, FONT)
            self._canvas.setFillColorRGB(0, 0, 0)
        self._y -= height
        self._rows += 1

    def _print(self, x: float, y: float, text: str, font: str, twice: bool = False) -> None:
        self._canvas.setFont(font, SIZE)
        self._canvas.drawString(x, y, text)
        if twice and self._style.is_bold_twice:
            self._canvas.drawString(x + 0.25, y, text)

    def _draw_behind(self, left: float, width: float, height: float, *, is_head: bool) -> None:
        if self._style.lines == "bands" and (is_head or self._rows % 2):
            shade = 0.8 if is_head else 0.92
            self._canvas.setFillColorRGB(shade, shade, shade)
            self._canvas.rect(left, self._y - height, width, height, stroke=0, fill=1)
            self._canvas.setFillColorRGB(0, 0, 0)
        elif self._style.lines == "rules":
            self._canvas.line(left, self._y - height, left + width, self._y - height)
            if is_head:
                self._canvas.line(left, self._y, left + width, self._y)


def draw_unruled_pdf(
    printed: PrintedList,
    style: Style | None = None,
    paper: tuple[float, float] = LETTER_LANDSCAPE,
) -> bytes:
    """The list as PDF without a ruled grid; a page that does not fit runs on to the next."""
    style = style or Style()
    sheet = UnruledSheet(paper, style)
    for section in printed.sections:
        widths = column_widths(section, sheet.width)
        for number, rows in enumerate(section.pages):
            if number or section is not printed.sections[0]:
                sheet.new_page()
            if not number:
                for line in section.title:
                    sheet.write(line, BOLD, 11)
                sheet.space(LEADING)
            if not number or style.repeats_header:
                sheet.row(section.header, widths, BOLD)
            for row in rows:
                if not sheet.has_room(sheet.row_height(row, widths)):
                    sheet.new_page()
                    if style.repeats_header:
                        sheet.row(section.header, widths, BOLD)
                sheet.row(row, widths)
    if printed.footer:
        sheet.space(2 * LEADING)
        sheet.write(printed.footer)
    return sheet.finish()


def draw_side_by_side_pdf(
    printed: PrintedList,
    style: Style | None = None,
    paper: tuple[float, float] = LETTER_LANDSCAPE,
    between: float = 40.0,
) -> bytes:
    """The list as PDF with each of its pages printed as two lists beside each other.

    The first half of a page's rows stands on the left, the rest on the right, each under a header.
    """
    sheet = UnruledSheet(paper, style or Style())
    for section in printed.sections:
        widths = column_widths(section, (sheet.width - between) / 2)
        for number, rows in enumerate(section.pages):
            if number or section is not printed.sections[0]:
                sheet.new_page()
            if not number:
                for line in section.title:
                    sheet.write(line, BOLD, 11)
                sheet.space(LEADING)
            half = (len(rows) + 1) // 2
            feet = []
            top = sheet.height_left
            for left, part in ((MARGIN, rows[:half]), (0.0, rows[half:])):
                left = left or MARGIN + sum(widths) + between
                sheet.go_to(top)
                for cells, font in ((section.header, BOLD), *((row, FONT) for row in part)):
                    sheet.row(cells, widths, font, left)
                feet.append(sheet.height_left)
            sheet.go_to(min(feet))
    if printed.footer:
        sheet.space(2 * LEADING)
        sheet.write(printed.footer)
    return sheet.finish()


def column_widths(section: Section, total: float) -> list[float]:
    """Widths that add up to the total, wider for longer texts but never under 40 points."""
    columns = list(zip(section.header, *section.rows, strict=True))
    weights = [sum(len(cell) for cell in column) / len(column) + 4 for column in columns]
    free = total - 40 * len(weights)
    return [40 + free * weight / sum(weights) for weight in weights]


def draw_html(printed: PrintedList) -> bytes:
    """The list as HTML, one table a section, with the header row again where a page would end."""
    first = printed.sections[0].title
    lines = _html_head(first[0] if first else "")
    for section in printed.sections:
        lines += [f"<h1>{escape(line)}</h1>" for line in section.title]
        lines.append("<table>")
        for rows in section.pages:
            lines.append(_html_row(section.header, "th"))
            lines += [_html_row(row, "td") for row in rows]
        lines.append("</table>")
    if printed.footer:
        lines.append(f"<p>{escape(printed.footer)}</p>")
    return _html_document(lines)


def draw_text(printed: PrintedList) -> bytes:
    """The list as a text dump, tab separated, with a blank line before each header."""
    lines: list[str] = []
    for section in printed.sections:
        if section.title:
            lines += ["", *(f"**{line}**" for line in section.title)]
        for rows in section.pages:
            lines += ["", "\t".join(section.header), *("\t".join(row) for row in rows)]
    if printed.footer:
        lines += ["", printed.footer]
    return ("\n".join(lines) + "\n").encode()


def draw_bulletin_pdf(bulletin: Bulletin) -> bytes:
    """The bulletin as PDF, with white space between the paragraphs."""
    sheet = Sheet(LETTER, padding=3)
    sheet.write(bulletin.title, BOLD, 14)
    for heading, paragraphs in bulletin.sections:
        if heading:
            sheet.space(LEADING)
            sheet.write(heading, BOLD, 11)
        for paragraph in paragraphs:
            sheet.space(LEADING)
            sheet.write(paragraph)
    sheet.space(LEADING)
    for row in bulletin.history:
        sheet.row(row, [120, sheet.width - 120])
    if bulletin.last_line:
        sheet.space(LEADING)
        sheet.write(bulletin.last_line)
    return sheet.finish()


def draw_bulletin_html(bulletin: Bulletin) -> bytes:
    """The bulletin as HTML."""
    lines = [*_html_head(bulletin.title), f"<h1>{escape(bulletin.title)}</h1>"]
    for heading, paragraphs in bulletin.sections:
        lines += [f"<h2>{escape(heading)}</h2>"] if heading else []
        lines += [f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs]
    if bulletin.history:
        lines += ["<table>", *(_html_row(row, "td") for row in bulletin.history), "</table>"]
    lines += [f"<p>{escape(bulletin.last_line)}</p>"] if bulletin.last_line else []
    return _html_document(lines)


def _html_head(title: str) -> list[str]:
    return [
        "<!doctype html>",
        "<html><head><meta charset='utf-8'>",
        f"<title>{escape(title)}</title>",
        "</head><body>",
    ]


def _html_row(cells: Cells, tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _html_document(lines: list[str]) -> bytes:
    return ("\n".join([*lines, "</body></html>"]) + "\n").encode()
