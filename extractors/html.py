"""The reader of HTML: tables become rows, headings and other visible text passages.

Knows which text a browser shows and in which cell or block it stands. What a header, a title or a
list is, header logic decides. Deliberately not known: style sheets (only the `hidden` attribute
and inline styles hide), scripts, frames, and addresses, none of which is followed.

Old pages leave out end tags, and the parser then nests what follows. So structure is not taken
from its tree but from the order of its tags: a cell ends where the next one begins.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString
from bs4.exceptions import ParserRejectedMarkup

from extractors.reading import ExtractionError, Passage, Problem, Reading, Row
from schemas.provenance import Place
from schemas.source import TableRules

MAX_BYTES = 16 << 20
MAX_SPAN = 1_000  # what browsers allow for columns
MAX_CELLS = 1_000_000
MAX_DEPTH = 500  # browsers stop at 512

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SILENT = {"script", "style", "template", "noscript", "title"}
_CELLS = {"td", "th"}
_ROW_GROUPS = {"thead", "tbody", "tfoot"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "button", "caption", "center"),
    *("dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure"),
    *("footer", "form", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu"),
    *("nav", "ol", "optgroup", "option", "p", "pre", "search", "section", "select", "summary"),
    *("textarea", "ul"),
    *_HEADINGS,
}
# Elements whose end tag may be left out, and the tags that then end them.
_ENDED_BY = {
    "p": _BLOCKS | {"table"},
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "option": {"option", "optgroup"},
    "td": {"td", "th", "tr", *_ROW_GROUPS},
    "th": {"td", "th", "tr", *_ROW_GROUPS},
    "tr": {"tr", *_ROW_GROUPS},
    "thead": _ROW_GROUPS,
    "tbody": _ROW_GROUPS,
    "tfoot": _ROW_GROUPS,
}

_TAG = re.compile(
    rb"<(?:!doctype|html|head|body|table|tr|div|p|h[1-6]|span|ul|pre)\b", re.IGNORECASE
)
_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_WITHOUT_TAGS = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TABLE_OR_HTML = re.compile(r"<(/?)(table|html)\b", re.IGNORECASE)
_OPEN_TAG_AT_END = re.compile(r"<[a-z/!][^<>]*\Z", re.IGNORECASE)
_GONE = re.compile(r"(?:^|;)\s*display\s*:\s*none\b", re.IGNORECASE)
_UNSEEN = re.compile(r"(?:^|;)\s*visibility\s*:\s*(?:hidden|collapse)\b", re.IGNORECASE)
_FORWARD = re.compile(r"url\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)
_SPAN = re.compile(r"\s*\+?([0-9]{1,9})")
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read_html(data: bytes, rules: TableRules | None = None) -> Reading:  # noqa: ARG001
    """The rows of all tables and, as passages, every other block of visible text, in order.

    A cell is its text with "\\n" where a line or block ends in it. A cell that spans rows or
    columns stands in each of them. The cells of a table inside a cell belong to the inner table
    alone. A block of several lines gives a passage each; a heading gives one, with its level.
    `page` is 1, and `line` the line of the source where the row or the text begins, so several may
    share one.

    Raises `ExtractionError` for a file that is no HTML, that nests or spans beyond all measure,
    or that shows no text.
    """
    if len(data) > MAX_BYTES:
        raise ExtractionError(f"the page has more than {MAX_BYTES >> 20} MiB: look at it by hand")
    if not _TAG.search(data.replace(b"\0", b"")):
        raise ExtractionError(
            f"the file is not HTML, it begins with {data[:20]!r}: check what its address serves"
        )
    text, problems = _decode(data)
    try:
        soup = BeautifulSoup(text, "html.parser")
    except ParserRejectedMarkup as error:
        reason = str(error).splitlines()[-1].strip()
        raise ExtractionError(
            f"the page cannot be parsed ({reason[:80]}): look at it by hand"
        ) from error
    page = _Page()
    for is_start, node in _events(soup):
        if isinstance(node, Tag):
            (page.start if is_start else page.end)(node)
        else:
            page.take(node)
    page.flush()
    lines = [line for line in page.lines if line is not None]
    if not lines:
        hidden = f" ({page.hidden_lines} hidden lines aside)" if page.hidden_lines else ""
        raise ExtractionError(
            f"the page shows no text{hidden}: a script may fill it; look for another address"
        )
    title = _title(soup, lines)
    return Reading(
        lines=(*title, *lines),
        lines_seen=len(title) + page.lines_seen,
        pages=1,
        is_cut=_is_cut(text),
        problems=(*problems, *page.problems, *_forwards(soup)),
    )


# ---------------------------------------------------------------- the file


def _decode(data: bytes) -> tuple[str, list[Problem]]:
    """The text: by byte order mark, by the declared charset, as UTF-8, or as Windows-1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), []
    found = _CHARSET.search(data, 0, 4096)
    declared = found[1].decode("ascii").lower() if found else "utf-8"
    for name in (_codec(declared), "utf-8"):
        try:
            return data.decode("utf-8-sig" if name == "utf-8" else name).replace("\0", ""), []
        except UnicodeDecodeError:
            continue
    text = data.decode("cp1252", errors="replace")
    message = f"the page is not in {declared}, as it says, and was read as Windows-1252"
    if "\ufffd" in text:
        message += f"; {text.count(chr(0xFFFD))} bytes are in neither"
    return text, [Problem(message, holds="\ufffd" in text)]


def _codec(declared: str) -> str:
    """The codec for a declared charset, as browsers choose it."""
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        return "utf-8"
    if name in ("ascii", "iso8859-1"):
        return "cp1252"
    return name if name.startswith(("cp125", "iso8859-")) else "utf-8"


def _is_cut(text: str) -> bool:
    """Whether the file ends in a tag or in a table, or without the </html> of its <html>."""
    text = _WITHOUT_TAGS.sub("", text)
    still_open = {"table": 0, "html": 0}
    for match in _TABLE_OR_HTML.finditer(text):
        name = match[2].lower()
        still_open[name] = max(0, still_open[name] + (-1 if match[1] else 1))
    return any(still_open.values()) or _OPEN_TAG_AT_END.search(text[-2000:]) is not None


def _title(soup: BeautifulSoup, lines: list[Row | Passage]) -> tuple[Passage, ...]:
    """The page's title as its heading, where it has no other of the first level."""
    if any(isinstance(line, Passage) and line.level == 1 for line in lines):
        return ()
    title = soup.find("title")
    text = _collapsed(title.get_text()) if isinstance(title, Tag) else ""
    if not isinstance(title, Tag) or not text or title.find_parent("svg"):
        return ()
    return (Passage(Place(1, title.sourceline or 1), text, text, level=1),)


def _forwards(soup: BeautifulSoup) -> Iterator[Problem]:
    for meta in soup.find_all("meta"):
        address = _FORWARD.search(str(meta.get("content") or ""))
        if address and str(meta.get("http-equiv") or "").lower() == "refresh":
            yield Problem(
                f"the page forwards to {address[1].strip()!r}, which is not followed: "
                "put the address of the publication itself into the source",
                Place(1, meta.sourceline or 1),
            )


def _events(soup: BeautifulSoup) -> Iterator[tuple[bool, Tag | NavigableString]]:
    """Start tags, texts and end tags in order; the tree may be deep, so nothing recurs."""
    depth = 0
    trail: list[tuple[Tag, Iterator[object]]] = [(soup, iter(soup.contents))]
    while trail:
        parent, children = trail[-1]
        child = next(children, None)
        if isinstance(child, Tag):
            depth += child.name not in _ENDED_BY
            if depth > MAX_DEPTH:
                raise ExtractionError(
                    f"line {child.sourceline}: the page has more than {MAX_DEPTH} elements inside "
                    "each other; look at it by hand before it is read"
                )
            yield True, child
            trail.append((child, iter(child.contents)))
        elif isinstance(child, NavigableString):
            yield True, child
        else:
            trail.pop()
            depth -= parent.name not in _ENDED_BY
            if trail:
                yield False, parent


# ---------------------------------------------------------------- text and tables


def _collapsed(text: str) -> str:
    """Text as shown: white space as one blank, none around it. A no-break space stays inside."""
    return _SPACE.sub(" ", text).strip()


@dataclass(slots=True)
class _Text:
    """Text that is being gathered, line by line, with the line of the source of each."""

    lines: list[tuple[int, list[str]]] = field(default_factory=lambda: [(0, [])])

    def add(self, text: str, source_line: int) -> None:
        number, parts = self.lines[-1]
        if not number and text.strip():
            leading = text[: len(text) - len(text.lstrip())]
            self.lines[-1] = (source_line + leading.count("\n"), parts)
        parts.append(text)

    def end_line(self) -> None:
        if self.lines[-1][0]:
            self.lines.append((0, []))

    def printed(self) -> list[tuple[int, str]]:
        """The lines that are not empty."""
        shown = ((number, _collapsed("".join(parts))) for number, parts in self.lines)
        return [(number, text) for number, text in shown if text]


@dataclass(slots=True)
class _Cell:
    """A cell that is open."""

    tag: Tag
    columns: int
    rows: int
    text: _Text = field(default_factory=_Text)


@dataclass(slots=True)
class _Row:
    """A row that is open, and its place among the lines of the page."""

    tag: Tag
    slot: int
    cells: list[tuple[str, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    """A table that is open. `below` holds by column the texts that reach down into next rows."""

    tag: Tag
    number: int
    row: _Row | None = None
    cell: _Cell | None = None
    below: dict[int, tuple[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Page:
    """What has been shown up to a tag. A row keeps its place by a None until it ends."""

    lines: list[Row | Passage | None] = field(default_factory=list)
    lines_seen: int = 0
    problems: list[Problem] = field(default_factory=list)
    hidden_lines: int = 0
    _prose: _Text = field(default_factory=_Text)
    _level: int | None = None
    _tables: list[_Table] = field(default_factory=list)
    _tables_seen: int = 0
    _cells_seen: int = 0
    _source_line: int = 1
    _silent: Tag | None = None
    _verbatim: Tag | None = None
    _hidden: _Hidden | None = None

    def start(self, tag: Tag) -> None:
        self._source_line = tag.sourceline or self._source_line
        if self._silent is not None:
            return
        if self._hidden is not None:
            if not self._hidden.is_ended_by(tag):
                self._hidden.start(tag)
                return
            self._show_again()
        if tag.name in _SILENT:
            self._silent = tag
            return
        self._end_before(tag)
        style = str(tag.get("style") or "")
        is_gone = tag.has_attr("hidden") or _GONE.search(style) is not None
        if is_gone or _UNSEEN.search(style):
            if tag.name in _CELLS and not is_gone:
                self._open(tag)  # an unseen cell keeps its place in the row
                self._close_cell()
            self._hidden = _Hidden(tag, self._source_line)
            return
        self._open(tag)

    def end(self, tag: Tag) -> None:
        if self._silent is not None:
            if self._silent is tag:
                self._silent = None
            return
        if self._hidden is not None:
            if self._hidden.tag is not tag:
                self._hidden.end(tag)
                return
            self._show_again()
        if self._verbatim is tag:
            self._verbatim = None
        if self._tables:
            self._close(self._tables[-1], tag)
        if tag.name in _BLOCKS:
            self._break()
            self._level = None

    def take(self, text: NavigableString) -> None:
        is_shown = not isinstance(text, PreformattedString) and self._silent is None
        if is_shown and self._hidden is not None:
            self._hidden.take(text)
        elif is_shown:
            target = self._target()
            pieces = text.split("\n") if self._verbatim is not None else [text]
            for number, piece in enumerate(pieces):
                if number:
                    target.end_line()
                target.add(piece, self._source_line + number)
        self._source_line += text.count("\n")

    def flush(self) -> None:
        """Ends what is still open at the end of the page."""
        while self._tables:
            self._close_row()
            self._tables.pop()
        self._flush_prose()
        if self._hidden is not None:
            self._show_again()

    def _target(self) -> _Text:
        cell = self._tables[-1].cell if self._tables else None
        return cell.text if cell else self._prose

    def _break(self) -> None:
        """A block begins or ends: a new line in a cell, a new passage elsewhere."""
        if self._tables and self._tables[-1].cell:
            self._tables[-1].cell.text.end_line()
        else:
            self._flush_prose()

    def _flush_prose(self) -> None:
        printed = self._prose.printed()
        self._prose = _Text()
        if not printed:
            return
        if self._level is not None:
            printed = [(printed[0][0], "\n".join(text for _, text in printed))]
        self.lines_seen += len(printed)
        self.lines += [
            Passage(Place(1, number), text, text, self._level) for number, text in printed
        ]
        self._level = None

    def _end_before(self, tag: Tag) -> None:
        """Ends what a start tag ends, whether or not its end tag was left out."""
        if self._tables and tag.name in (_CELLS | _ROW_GROUPS | {"tr", "caption", "colgroup"}):
            if tag.name in _CELLS:
                self._close_cell()
            else:
                self._close_row()
            if tag.name in _ROW_GROUPS:
                self._tables[-1].below.clear()
        elif tag.name == "br":
            self._target().end_line()
        elif tag.name in _BLOCKS or tag.name == "table":
            self._break()

    def _open(self, tag: Tag) -> None:
        if tag.name == "table":
            self._flush_prose()
            self._tables_seen += 1
            self._tables.append(_Table(tag, self._tables_seen))
        elif self._tables and tag.name == "tr":
            self._open_row(tag)
        elif self._tables and tag.name in _CELLS:
            table = self._tables[-1]
            if table.row is None:
                self._open_row(tag)
            self._flush_prose()
            table.cell = _Cell(tag, _span(tag, "colspan"), _span(tag, "rowspan"))
        elif tag.name in _HEADINGS:
            self._level = _HEADINGS[tag.name]
        elif tag.name in ("pre", "textarea"):
            self._verbatim = tag

    def _close(self, table: _Table, tag: Tag) -> None:
        if table.tag is tag:
            self._close_row()
            self._tables.pop()
            self._break()
        elif table.cell and table.cell.tag is tag:
            self._close_cell()
        elif table.row and table.row.tag is tag and tag.name == "tr":
            self._close_row()
        elif tag.name in _ROW_GROUPS:
            self._close_row()
            table.below.clear()

    def _open_row(self, tag: Tag) -> None:
        self._flush_prose()
        self._tables[-1].row = _Row(tag, len(self.lines))
        self.lines.append(None)

    def _close_cell(self) -> None:
        table = self._tables[-1]
        if table.cell and table.row:
            text = "\n".join(line for _, line in table.cell.text.printed())
            table.row.cells.append((text, table.cell.columns, table.cell.rows))
        table.cell = None

    def _close_row(self) -> None:
        self._close_cell()
        table = self._tables[-1]
        row, table.row = table.row, None
        self._flush_prose()
        if row is None:
            return
        texts = self._spread(table, row)
        if row.cells:
            self.lines_seen += 1
            place = Place(1, row.tag.sourceline or 1)
            self.lines[row.slot] = Row(place, tuple(texts), "\t".join(texts), table.number)

    def _spread(self, table: _Table, row: _Row) -> list[str]:
        """The texts of a row column by column, those that reach into it from above among them."""
        above, table.below = table.below, {}
        texts: list[str] = []
        waiting = iter(row.cells)
        while True:
            column = len(texts)
            if column in above:
                text, rows = above.pop(column)
                columns = 1
            else:
                text, columns, rows = next(waiting, ("", 0, 1))
                if not columns and not above:
                    return texts
                columns = columns or 1  # a gap before a cell that reaches down
            self._cells_seen += columns
            if self._cells_seen > MAX_CELLS:
                raise ExtractionError(
                    f"line {row.tag.sourceline}: the tables of the page have more than "
                    f"{MAX_CELLS:,} cells when spans are spread out; look at it by hand"
                )
            for each in range(column, column + columns):
                texts.append(text)
                above.pop(each, None)
                if rows > 1:
                    table.below[each] = (text, rows - 1)

    def _show_again(self) -> None:
        hidden, self._hidden = self._hidden, None
        if hidden and hidden.lines:
            self.hidden_lines += hidden.lines
            self.problems.append(
                Problem(
                    f"{hidden.lines} rows or lines are hidden and not read, from "
                    f"{_collapsed(hidden.first)[:80]!r} on",
                    Place(1, hidden.source_line),
                    holds=False,
                )
            )


@dataclass(slots=True)
class _Hidden:
    """An element that a browser does not show: how many rows or lines of text are in it."""

    tag: Tag
    source_line: int
    lines: int = 0
    first: str = ""
    _open_tables: int = 0
    _in_row: bool = False
    _in_line: bool = False

    def is_ended_by(self, tag: Tag) -> bool:
        return not self._open_tables and tag.name in _ENDED_BY.get(self.tag.name, ())

    def start(self, tag: Tag) -> None:
        self._open_tables += tag.name == "table"
        self._bound(tag, is_start=True)

    def end(self, tag: Tag) -> None:
        self._open_tables -= tag.name == "table"
        self._bound(tag, is_start=False)

    def _bound(self, tag: Tag, *, is_start: bool) -> None:
        if tag.name == "tr":
            self._in_row = is_start
            self._in_line = False
        elif tag.name == "br" or tag.name in _BLOCKS:
            self._in_line = self._in_line and (self._in_row or self.tag.name == "tr")

    def take(self, text: str) -> None:
        if text.strip() and not self._in_line:
            self._in_line = True
            self.lines += 1
            self.first = self.first or text


def _span(tag: Tag, name: str) -> int:
    """How many rows or columns a cell spans; 0 rows stand for all that follow."""
    found = _SPAN.match(str(tag.get(name) or ""))
    span = int(found[1]) if found else 1
    if span > MAX_SPAN:
        raise ExtractionError(
            f"line {tag.sourceline}: a cell with {name}={span} spans more than {MAX_SPAN:,}; "
            "look at the page by hand"
        )
    if not span:
        return MAX_SPAN if name == "rowspan" and found else 1
    return span
