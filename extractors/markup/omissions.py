"""Which lines of a page are handed on, and the words in which the others are counted.

Knows four reasons to leave a line out: a reader of the page cannot see it; it belongs to the
page's menus, banners, header or footer; the source's YAML points elsewhere; it stands above or
below a narrative. Nothing is left out
without a problem that counts it, and in the margins of a list no line that names a code, nor one
that a rule of the source reads. A hidden row is not left out: it is a row at fault, unless a
visible row says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from extractors.markup.lines import Block
from extractors.markup.tables import PrintedRow
from extractors.reading import ExtractionError, Problem, Row
from schemas.codes import find_codes, may_name_code, printable, shortened
from schemas.provenance import Place
from schemas.source import LineRule, WebPage

HIDDEN = "the row is hidden on the page"

# Text that would be markup, or an entity, if it were written into a page once more.
_MARKUP = re.compile(r"</?[a-z][^<>]{0,200}>|&(?:amp|lt|gt|quot|nbsp|#[0-9]{1,5});", re.IGNORECASE)

Piece = Block | PrintedRow


def leave_out_margins(
    pieces: Sequence[Piece], rules: Sequence[LineRule]
) -> tuple[list[Piece], list[Problem]]:
    """The lines without those of the page's margins that name no code and that no rule reads."""
    kept: list[Piece] = []
    left_out: list[Block] = []
    for piece in pieces:
        if isinstance(piece, Block) and piece.in_margin and not piece.is_hidden:
            text = printable(piece.text)
            if not find_codes(text) and not any(re.fullmatch(each.pattern, text) for each in rules):
                left_out.append(piece)
                continue
        kept.append(piece)
    return kept, _counted("in the page's menus, banners, header and footer", left_out)


def leave_out_hidden(
    pieces: Sequence[Piece], rows: dict[PrintedRow, Row]
) -> tuple[list[Piece], list[Problem]]:
    """The lines that a reader sees, and the hidden rows that no visible row repeats.

    `rows` has every row that has cells; others are no lines.
    """
    visible = {row.cells for printed, row in rows.items() if not printed.is_hidden}
    kept: list[Piece] = []
    left_out: list[Block] = []
    for piece in pieces:
        if isinstance(piece, Block):
            (left_out if piece.is_hidden else kept).append(piece)
        elif piece in rows:
            if piece.is_hidden and rows[piece].cells in visible:
                left_out.append(Block(piece.line, " ".join(rows[piece].cells), is_hidden=True))
            else:
                kept.append(piece)
    return kept, _counted("hidden on the page", left_out)


def leave_out_surroundings(
    pieces: Sequence[Piece], page: WebPage
) -> tuple[list[Piece], list[Problem]]:
    """The lines of a narrative, from its heading to its last line, without menus between them.

    Raises `ExtractionError` for a page that has no such heading or last line, or several.
    """
    shown = [
        (number, piece)
        for number, piece in enumerate(pieces)
        if isinstance(piece, Block) and not piece.is_hidden
    ]
    first = _only([(n, each) for n, each in shown if each.level == 1], "headings of level 1")
    last = _only(
        [
            (n, each)
            for n, each in shown
            if n > first and re.fullmatch(page.last, printable(each.text))
        ],
        f"lines like narrative.page.last {page.last!r} below its heading",
    )
    # Where the heading itself stands in a margin, margins are not what they are called.
    by_margin = not pieces[first].in_margin
    kept: list[Piece] = []
    left_out: list[Piece] = []
    for number, piece in enumerate(pieces):
        is_between = first < number < last and not (by_margin and piece.in_margin)
        (kept if is_between or number in (first, last) else left_out).append(piece)
    return kept, _counted("around the publication", _as_blocks(left_out))


def _only(found: Sequence[tuple[int, Block]], what: str) -> int:
    """The number of the one line that was found."""
    if len(found) == 1:
        return found[0][0]
    where = f", from {shortened(printable(found[0][1].text), 80)!r} on" if found else ""
    raise ExtractionError(
        f"the page has {len(found) or 'no'} {what} where a publication has one{where}: it may be "
        "a licence or another page in its place; compare it with the YAML"
    )


def count_outside(named: str, pieces: Iterable[Piece]) -> list[Problem]:
    """The problem that counts what stands outside the part that the YAML names."""
    return _counted(f"outside of {named}", _as_blocks(pieces))


def _as_blocks(pieces: Iterable[Piece]) -> list[Block]:
    """What is shown of lines and rows, as lines of text."""
    return [
        piece
        if isinstance(piece, Block)
        else Block(piece.line, " ".join(cell.text for cell in piece.cells))
        for piece in pieces
        if not piece.is_hidden and (isinstance(piece, Block) or piece.cells)
    ]


def find_odd_cells(rows: Iterable[Row], inner: Sequence[int]) -> list[Problem]:
    """Cells that were read whole and may yet be misread by a person or a program."""
    problems = []
    if inner:
        problems.append(
            Problem(
                f"{_tables(len(inner))} inside a cell, whose text is read as that cell's",
                Place(1, inner[0]),
                holds=False,
            )
        )
    found = [
        (row.place, match[0]) for row in rows for cell in row.cells if (match := _markup(cell))
    ]
    if found:
        place, text = found[0]
        message = f"{len(found)} cells show markup as their text, from {shortened(text, 60)!r} on"
        problems.append(Problem(message, place, holds=False))
    return problems


def _markup(cell: str) -> re.Match[str] | None:
    return _MARKUP.search(cell) if "<" in cell or "&" in cell else None


def _tables(number: int) -> str:
    return "a table stands" if number == 1 else f"{number} tables stand"


def _counted(where: str, blocks: Sequence[Block]) -> list[Problem]:
    if not blocks:
        return []
    codes = {mention.code for block in blocks for mention in find_codes(block.text)}
    named = f" ({len(codes)} codes in them)" if codes else ""
    first = shortened(printable(blocks[0].text), 80)
    number = f"{len(blocks)} lines are" if len(blocks) > 1 else "1 line is"
    message = f"{number} {where}, and not read{named}, from {first!r} on"
    place = Place(1, blocks[0].line)
    may_name = any(may_name_code(block.text) for block in blocks)
    return [Problem(message, place, holds=False, leaves_unread=may_name)]
