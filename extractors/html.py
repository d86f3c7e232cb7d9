"""The reader of HTML: tables become rows, headings and other visible text passages.

Knows which text a browser would show and in which cell or block it stands. What a header, a title
or a list is, header logic decides. Deliberately not known: style sheets (only the `hidden`
attribute and inline styles hide), scripts, frames, and addresses, none of which is followed.

Old pages leave out end tags. The parser then nests what follows, so structure is not taken from
its tree but from the order of its tags: a cell ends where the next one begins.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString

from extractors.reading import ExtractionError, Passage, Problem, Reading, Row
from schemas.provenance import Place

MAX_BYTES = 32 << 20
MAX_SPAN = 1_000  # what browsers allow
MAX_CELLS = 1_000_000
MAX_DEPTH = 500  # browsers stop at 512

HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SILENT = {"script", "style", "template", "noscript", "title", "iframe", "object", "svg"}
# Elements whose end tag may be left out: they may seem to nest as deep as a table is long.
_UNCLOSED = {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "button", "caption", "center"),
    *("dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure"),
    *("footer", "form", "header", "hgroup", "hr", "html", "label", "legend", "li", "main"),
    *("menu", "nav", "ol", "optgroup", "option", "p", "pre", "search", "section", "select"),
    *("summary", "textarea", "ul"),
    *HEADINGS,
}

_TAG = re.compile(rb"<(?:!doctype|html|head|body|table|div|p|h[1-6]|span|ul|pre|tr)\b", re.I)
_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.I)
_NOT_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)", re.I | re.S
)
_TABLE_OR_HTML = re.compile(r"<(/?)(table|html)\b", re.I)
_HIDING = re.compile(r"(?:^|;)\s*(display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.I)
_FORWARD = re.compile(r"url\s*=", re.I)
_SPACE = re.compile(r"[ \t\r\n\f]+")


def read_html(data: bytes) -> Reading:
    """The rows of all tables and, as passages, every other block of visible text, in order.

    A cell is its text with "\\n" where a line or block ends in it. Cells that span rows or columns
    stand in each of them. The cells of a table inside a cell belong to the inner table alone. A
    block of several lines gives a passage each; a heading has its level. `page` is 1 and `line`
    the line of the source in which the row or block begins, so several may share one.

    Raises `ExtractionError` for a file that is no HTML, nested or spanned beyond all measure, or
    without any text.
    """
    if len(data) > MAX_BYTES:
        raise ExtractionError(f"the page has more than {MAX_BYTES >> 20} MiB: look at it by hand")
    if not _TAG.search(data.replace(b"\0", b"")):
        raise ExtractionError(
            f"the file is not HTML, it begins with {data[:20]!r}: check what its address serves"
        )
    text, problems = _decode(data)
    page = _Page()
    soup = BeautifulSoup(text, "html.parser")
    for event in _events(soup):
        page.take(event)
    lines = page.finish(_title(soup))
    if not lines:
        hidden = f", {page.hidden_lines} hidden lines aside" if page.hidden_lines else ""
        raise ExtractionError(
            f"the page shows no text{hidden} (line 1 to {text.count(chr(10)) + 1}): it may be "
            "filled by a script; look for another address of the publication"
        )
    problems += _forwarding(soup)
    problems += page.problems
    return Reading(
        lines=tuple(lines),
        lines_seen=page.lines_seen + (len(lines) - len(page.lines)),
        pages=1,
        is_cut=_is_cut(text),
        problems=tuple(problems),
    )
