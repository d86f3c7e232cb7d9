"""What stands on a page, line by line: blocks of text, and rows of cells.

Knows where a line ends, which elements are a table, its rows and cells, and which text a reader
of the page cannot see or finds in its margins (menus, banners, page header and footer). A table
inside a cell is text of that cell; a table that only arranges the page is no table. Which lines
are handed on is decided elsewhere, and so is which columns a cell covers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from extractors.markup.parts import (
    CHANGING,
    CONTENT,
    arranging_tables,
    is_margin,
    part_of,
    role_of,
    words_of_pictures,
)
from extractors.markup.tables import PrintedCell, PrintedRow, spans
from extractors.markup.text import Gathered, collapsed
from extractors.markup.tree import BLOCKS, HEADINGS, SILENT, Element, Text, Tree
from extractors.markup.visibility import Look, is_shown_as_block, is_struck

_RAISED = re.compile(r"\s*[0-9]{1,2}(?:\s*,\s*[0-9]{1,2})*\s*")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", " \t\n\r\f")


@dataclass(frozen=True, slots=True)
class Block:
    """One line of text outside tables, or a heading of one or more, with its level."""

    line: int
    text: str
    level: int | None = None
    is_hidden: bool = False
    in_margin: bool = False


@dataclass(slots=True)
class Lines:
    """All lines of a page in order, and what is odd about it.

    `has_content` says that the page has a part or a table that is none of its margins. `inner`
    are the lines of the source on which tables inside cells begin.
    """

    pieces: list[Block | PrintedRow] = field(default_factory=list)
    has_content: bool = False
    inner: list[int] = field(default_factory=list)


def find_lines(
    tree: Tree,
    region: Element,
    looks: dict[Element, Look],
    chosen: dict[Element, str],
    without: Element | None = None,
) -> Lines:
    """The lines of a part of a page. `chosen` elements are rows and cells whatever their names.

    What stands in the element `without` is left out.
    """
    reader = _Reader(looks, chosen, arranging_tables(tree, chosen), without)
    reader.read(region)
    return reader.found


@dataclass(slots=True)
class _Cell:
    """The cell that is being read: what is shown in it, what is hidden, what is struck out."""

    shown: Gathered = field(default_factory=Gathered)
    hidden: Gathered = field(default_factory=Gathered)
    struck: str = ""


@dataclass(slots=True)
class _Table:
    """The table that is being read, and the number of its group of rows on the page."""

    number: int
    group: int


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds for everything inside an element."""

    is_gone: bool = False
    is_unseen: bool = False
    in_margin: bool = False
    in_content: bool = False
    in_head: bool = False
    is_struck: bool = False
    is_raised: bool = False
    is_verbatim: bool = False
    level: int | None = None
    table: _Table | None = None
    row: PrintedRow | None = None
    cell: _Cell | None = None

    @property
    def is_hidden(self) -> bool:
        return self.is_gone or self.is_unseen


@dataclass(slots=True)
class _Reader:
    """What has been read of a page."""

    looks: dict[Element, Look]
    chosen: dict[Element, str]
    arranging: set[Element]
    without: Element | None
    found: Lines = field(default_factory=Lines)
    _shown: Gathered = field(default_factory=Gathered)
    _hidden: Gathered = field(default_factory=Gathered)
    _tables: int = 0
    _groups: int = 0
    _chosen_table: _Table | None = None

    def read(self, region: Element) -> None:
        """Reads a part of a page, as it is shown where it stands."""
        context = _Context()
        for above in reversed(list(region.ancestors())):
            context = self._inside(above, context)
        if part_of(region) in ("group", "row"):
            context = replace(context, table=self._new_table())
        self._enter(region, self._inside(region, context), context)
        self.end_block(context)

    def visit(self, element: Element, context: _Context) -> None:
        """Reads what is inside an element."""
        for child in element.children:
            if isinstance(child, Text):
                self._take(child, context)
            elif child.name == "br":
                self._target(context).end_line()
            elif child.name not in SILENT and child is not self.without:
                self._enter(child, self._inside(child, context), context)

    def end_block(self, context: _Context) -> None:
        """Ends a line in a cell, and the block of text elsewhere."""
        if context.cell:
            context.cell.shown.end_line()
            context.cell.hidden.end_line()
            return
        for gathered, is_hidden in ((self._shown, False), (self._hidden, True)):
            printed = gathered.printed() if gathered.lines[0][0] else []
            if not printed:
                continue
            if context.level is not None:
                printed = [(printed[0][0], "\n".join(text for _, text in printed))]
            self.found.pieces += [
                Block(line, text, context.level, is_hidden, context.in_margin)
                for line, text in printed
            ]
            gathered.lines = [(0, [])]

    def _target(self, context: _Context) -> Gathered:
        if context.cell:
            return context.cell.hidden if context.is_hidden else context.cell.shown
        return self._hidden if context.is_hidden else self._shown

    def _take(self, text: Text, context: _Context) -> None:
        target = self._target(context)
        pieces = text.text.split("\n") if context.is_verbatim else [text.text]
        for number, piece in enumerate(pieces):
            if number:
                target.end_line()
            if context.is_raised and _RAISED.fullmatch(piece):
                # Beside a code, a raised 1 on the line would be another digit of it.
                piece = piece.translate(_SUPERSCRIPTS)
            target.add(piece, text.line + number)
        if context.is_struck and context.cell and text.text.strip():
            context.cell.struck = context.cell.struck or text.text

    def _inside(self, element: Element, context: _Context) -> _Context:
        """What holds inside an element that begins here."""
        look = self.looks.get(element)
        if not look and not element.attributes and element.name not in CHANGING:
            return context
        changes: dict[str, Any] = {}
        if look == "gone":
            changes["is_gone"] = True
        elif look:
            changes["is_unseen"] = look == "unseen"
        name = element.name
        role = role_of(element)
        if name in CONTENT or role == "main":
            changes["in_content"] = True
            self.found.has_content |= name != "section"
        elif is_margin(name, role, in_content=context.in_content):
            changes["in_margin"] = True
        if is_struck(element):
            changes["is_struck"] = True
        if name == "sup":
            changes["is_raised"] = True
        if name in ("pre", "textarea"):
            changes["is_verbatim"] = True
        if name in HEADINGS and not context.cell:
            changes["level"] = HEADINGS[name]
        return replace(context, **changes) if changes else context

    def _enter(self, element: Element, inside: _Context, outside: _Context) -> None:
        part = self.chosen.get(element) or part_of(element)
        if outside.cell is not None:
            self._read_in_cell(element, part, inside)
        elif element in self.arranging:
            self._read_block(element, replace(inside, table=None), outside)
        elif part == "table":
            self._read_table(element, inside, outside)
        elif part == "group" and inside.table:
            self._begin_group(inside.table)
            self._read_block(element, replace(inside, in_head=element.name == "thead"), outside)
            self._begin_group(inside.table)
        elif part == "row" and not inside.row and (inside.table or element in self.chosen):
            self._read_row(element, inside, outside)
        elif part == "cell" and inside.row:
            self._read_cell(element, inside)
        elif part or element.name in BLOCKS or is_shown_as_block(element):
            self._read_block(element, inside, outside)
        else:
            self.visit(element, inside)

    def _read_block(self, element: Element, inside: _Context, outside: _Context) -> None:
        self.end_block(outside)
        self.visit(element, inside)
        self.end_block(inside)

    def _read_in_cell(self, element: Element, part: str | None, inside: _Context) -> None:
        if element.name == "table" and element not in self.arranging and not inside.is_hidden:
            self.found.inner.append(element.line)
        if part in ("table", "row") or element.name in BLOCKS or is_shown_as_block(element):
            self._read_block(element, inside, inside)
            return
        self.visit(element, inside)
        if part == "cell":
            self._target(inside).add(" ", element.line)

    def _read_table(self, element: Element, inside: _Context, outside: _Context) -> None:
        self._read_block(element, replace(inside, table=self._new_table(), row=None), outside)

    def _new_table(self) -> _Table:
        self._tables += 1
        table = _Table(self._tables, 0)
        self._begin_group(table)
        return table

    def _begin_group(self, table: _Table) -> None:
        self._groups += 1
        table.group = self._groups

    def _read_row(self, element: Element, inside: _Context, outside: _Context) -> None:
        self.end_block(outside)
        table = inside.table
        if table is None or element in self.chosen:
            table = self._chosen_table = self._chosen_table or self._new_table()
        row = PrintedRow(
            line=element.line,
            table=table.number,
            group=table.group,
            in_head=inside.in_head,
            is_hidden=inside.is_hidden,
            in_margin=inside.in_margin,
        )
        self.found.pieces.append(row)
        self.visit(element, replace(inside, row=row))
        self.end_block(inside)
        self._end_row(row)
        self.found.has_content |= bool(row.cells) and not row.in_margin

    def _end_row(self, row: PrintedRow) -> None:
        hidden = [cell for cell in row.hidden_cells if cell.text]
        if hidden and not any(cell.text for cell in row.cells):
            row.is_hidden = True
            row.cells = row.hidden_cells
        elif hidden:
            text = " ".join(cell.text.replace("\n", " ") for cell in hidden)
            self.found.pieces.append(Block(row.line, text, is_hidden=True))

    def _read_cell(self, element: Element, inside: _Context) -> None:
        row = inside.row
        assert row is not None
        shown, hidden, struck = self._cell_texts(element, inside)
        is_label = element.name == "th" or role_of(element) in ("columnheader", "rowheader")
        text = "\n".join(filter(None, (shown, hidden))) if row.is_hidden else shown
        if not text and not inside.is_hidden and element.children:
            text, fault = words_of_pictures(element, self.looks)
            row.fault = row.fault or (None if is_label else fault)
        if struck and not is_label:
            row.fault = row.fault or f"{struck!r} is struck out"
        columns, rows = spans(element)
        if row.is_hidden or not inside.is_gone:
            row.cells.append(PrintedCell(text, columns, rows, is_label))
        if hidden and not row.is_hidden:
            row.hidden_cells.append(PrintedCell(hidden, columns, rows, is_label))

    def _cell_texts(self, element: Element, inside: _Context) -> tuple[str, str, str]:
        """What is shown in a cell, what is hidden in it, and the first text struck out in it."""
        texts = [child.text for child in element.children if isinstance(child, Text)]
        if len(texts) == len(element.children) and not inside.is_struck:
            text = collapsed("".join(texts))
            return ("", text, "") if inside.is_hidden else (text, "", "")
        cell = _Cell()
        self.visit(element, replace(inside, cell=cell))
        return cell.shown.text(), cell.hidden.text(), collapsed(cell.struck)
