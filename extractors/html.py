"""The reader of HTML: tables become rows, headings and other visible text passages.

Knows the file: its encoding, whether it is whole, where it forwards to; and in which order the
page is read. What a header, a title or a list is, header logic decides. Scripts, frames and
addresses are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from extractors.cells import tabular_row
from extractors.markup.encoding import decode
from extractors.markup.lines import Block, find_lines
from extractors.markup.omissions import (
    HIDDEN,
    count_outside,
    find_odd_cells,
    leave_out_hidden,
    leave_out_margins,
    leave_out_surroundings,
)
from extractors.markup.selection import select, select_innermost
from extractors.markup.tables import PrintedRow, spread_tables
from extractors.markup.text import collapsed
from extractors.markup.tree import Element, Tree, parse_tree
from extractors.markup.visibility import looks
from extractors.reading import ExtractionError, Passage, Problem, Reading, Row
from schemas.codes import printable
from schemas.provenance import Place
from schemas.source import TableRules, WebPage

MAX_BYTES = 32 << 20

_TAG = re.compile(
    rb"<(?:!doctype|html|head|body|table|tr|div|p|h[1-6]|span|ul|pre)\b", re.IGNORECASE
)
_WITHOUT_TAGS = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|textarea|title)\b.*?(?:</\1\s*>|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TABLE_OR_HTML = re.compile(r"<(/?)(table|html)\b", re.IGNORECASE)
_OPEN_TAG_AT_END = re.compile(r"<[a-z/!][^<>]*\Z", re.IGNORECASE)
_FORWARD = re.compile(r"url\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)


def read_html(data: bytes, rules: TableRules | None = None, page: WebPage | None = None) -> Reading:
    """The rows of all tables and, as passages, every other block of visible text, in order.

    A cell is its text with "\\n" where a line or block ends in it. What a cell covers to its right
    is empty, what it covers below has its text. A table inside a cell is text of that cell. A row
    that cannot be seen, or whose cells could belong to other columns, has a `fault`. A block of
    several lines gives a passage each; a heading gives one, with its level. `page` is 1, and
    `line` the line of the source where the row or the text begins, so several may share one.

    With the `rules` of a list, only the part of the page is read that they name, the page's menus
    are left out, and its title counts where a line rule reads it. With the `page` of a narrative,
    only the publication itself is read, from its heading to its last line.

    Raises `ExtractionError` for a file that is no HTML, that nests or spans beyond all measure,
    that shows no text, or on which the selectors of the rules or of the page do not find what they
    should; one that is a licence to accept, in place of a bulletin, is among the last.
    """
    if len(data) > MAX_BYTES:
        raise ExtractionError(f"the page has more than {MAX_BYTES >> 20} MiB: look at it by hand")
    if not _TAG.search(data.replace(b"\0", b"")):
        raise ExtractionError(
            f"the file is not HTML, it begins with {data[:20]!r}: check what its address serves"
        )
    text, problems = decode(data)
    is_cut = _is_cut(text)
    tree = parse_tree(text)
    selection = (
        select_innermost(tree, page.region)
        if page is not None
        else select(tree, rules.html if rules else None)
    )
    seen_as = looks(tree)
    found = find_lines(tree, selection.region, seen_as, selection.parts)
    pieces: Sequence[Block | PrintedRow] = found.pieces
    if selection.selector:
        aside = find_lines(tree, tree.root, seen_as, {}, without=selection.region)
        problems += count_outside(selection.selector, aside.pieces)
        if page is not None:
            pieces, more = leave_out_surroundings(pieces, page)
            problems += more
    elif rules is not None and found.has_content:
        pieces, more = leave_out_margins(pieces, rules.lines)
        problems += more
    rows = _rows(pieces)
    pieces, hidden = leave_out_hidden(pieces, rows)
    problems += [*hidden, *find_odd_cells(rows.values(), found.inner)]
    if not pieces:
        aside_of = f" ({hidden[0].message})" if hidden else ""
        raise ExtractionError(
            f"the page shows no text{aside_of}: a script may fill it; look for another address"
        )
    if is_cut and rules is not None:
        problems.append(
            Problem(
                "the page ends with a tag, a table or its html element still open: fetch it again"
            )
        )
    title = _title(tree, pieces, rules)
    lines = [*title, *(_line(piece, rows) for piece in pieces)]
    return Reading(
        lines=tuple(lines),
        lines_seen=len(title) + len(pieces),
        pages=1,
        is_cut=is_cut,
        problems=(*problems, *_forwards(tree)),
    )


def _is_cut(text: str) -> bool:
    """Whether the file ends in a tag or in a table, or without the </html> of its <html>."""
    text = _WITHOUT_TAGS.sub("", text)
    still_open = {"table": 0, "html": 0}
    for match in _TABLE_OR_HTML.finditer(text):
        name = match[2].lower()
        still_open[name] = max(0, still_open[name] + (-1 if match[1] else 1))
    return any(still_open.values()) or _OPEN_TAG_AT_END.search(text[-2000:]) is not None


def _rows(pieces: Iterable[Block | PrintedRow]) -> dict[PrintedRow, Row]:
    """The rows of all tables by what they are on the page."""
    printed = [piece for piece in pieces if isinstance(piece, PrintedRow)]
    rows: dict[PrintedRow, Row] = {}
    for row, cells in spread_tables(printed):
        fault = HIDDEN if row.is_hidden else row.fault
        text = "\t".join(cells)
        covered = tuple((column, *source) for column, source in row.covered.items())
        place = Place(1, row.line)
        rows[row] = tabular_row(place, cells, text, row.table, fault, covered=covered)
    return rows


def _line(piece: Block | PrintedRow, rows: dict[PrintedRow, Row]) -> Row | Passage:
    if isinstance(piece, PrintedRow):
        return rows[piece]
    return Passage(Place(1, piece.line), piece.text, piece.text, piece.level)


def _title(
    tree: Tree, pieces: Iterable[Block | PrintedRow], rules: TableRules | None
) -> tuple[Passage, ...]:
    """The page's title as its heading, where it has no other of the first level.

    It is not printed on the page, so it is a line of a list only where a rule of the source
    reads it.
    """
    if any(isinstance(piece, Block) and piece.level == 1 for piece in pieces):
        return ()
    titles = (each for each in tree.root.elements() if each.name == "title")
    title = next((each for each in titles if not _is_in_drawing(each)), None)
    text = collapsed("".join(title.texts())) if title else ""
    if title is None or not text:
        return ()
    wanted = printable(text)
    if rules is not None and not any(re.fullmatch(each.pattern, wanted) for each in rules.lines):
        return ()
    return (Passage(Place(1, title.line), text, text, level=1),)


def _is_in_drawing(element: Element) -> bool:
    return any(each.name == "svg" for each in element.ancestors())


def _forwards(tree: Tree) -> Iterator[Problem]:
    for element in tree.root.elements():
        if element.name != "meta":
            continue
        address = _FORWARD.search(element.attributes.get("content", ""))
        if address and element.attributes.get("http-equiv", "").lower() == "refresh":
            yield Problem(
                f"the page forwards to {address[1].strip()!r}, which is not followed: "
                "put the address of the publication itself into the source",
                Place(1, element.line),
            )
