"""The reader of plain text: delimited and fixed-width tables, Markdown, prose.

One physical line of the file is one line of the reading, blank ones too, but for a record of
comma-separated text that quotation marks carry over several lines. Prose has commas as well: a
text is comma-separated where the source's labels make a header of a line of it, or, without
labels, where nearly all lines have the same number of cells. A text without form feeds has no
pages; what a page is, header logic then decides from repeated headers.
"""

from __future__ import annotations

import re

from extractors.cells import tabular_row
from extractors.delimited import (
    COMMA,
    OTHERS,
    TAB,
    above_delimited,
    delimited_lines,
    is_header,
    is_quoted,
    labels_of,
    table_start,
)
from extractors.fixed_width import find_header, fixed_width_lines, stated_lines
from extractors.reading import ExtractionError, Passage, Reading, Row
from schemas.provenance import Place
from schemas.source import TableRules

_MARKDOWN_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_MARKDOWN_ROW = re.compile(r"\s*\|")
_MARKDOWN_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|?)+\s*")


def read_text(data: bytes, rules: TableRules | None = None) -> Reading:
    """The lines of a text file: rows of its tables, passages elsewhere.

    Cells are as printed, trailing empty ones included; those of fixed width are stripped. A form
    feed begins a page. `lines_seen` counts physical lines, a record over several as one, and a
    header that the rules state. Raises
    `ExtractionError` for a file with no text in it, and as `delimited_lines` does.
    """
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n")
    printed = text.split("\n")
    if printed[-1] == "":
        printed.pop()
    if not any(line.strip() for line in printed):
        raise ExtractionError("the file has no text in it: look at what the publisher serves")
    lines, continued = _lines(printed, rules)
    return Reading(
        lines=tuple(lines),
        lines_seen=text.count("\n") + (not text.endswith("\n")) - continued,
        pages=lines[-1].place.page if lines[-1].place.page > 1 else None,
        is_cut=_ends_inside_markdown_table(lines),
    )


def _lines(printed: list[str], rules: TableRules | None) -> tuple[list[Row | Passage], int]:
    """The lines of a text, and how many of the printed ones continue the one above them.

    That is -1 where a header comes first that is stated and not printed.
    """
    labels = labels_of(rules)
    pages = _pages(printed)
    if rules and rules.positions:
        columns = tuple(
            (rules.columns[name][0], first, last) for name, (first, last) in rules.positions.items()
        )
        return [*stated_lines(printed, columns, pages)], -1
    delimiter = rules.delimiter if rules and rules.delimiter else COMMA
    # Spreadsheet programs quote the cells of tab-separated text too; a dump of a PDF has no quotes.
    start = table_start(printed, labels, TAB) if labels else None
    if start is not None and is_quoted(printed[start:], TAB):
        rows, continued = delimited_lines(printed, start, TAB)
        return [*_plain_lines(printed[:start], pages), *rows], continued
    if delimiter != COMMA or not _is_marked(printed, labels):
        start = table_start(printed, labels, delimiter)
        if start is not None:
            rows, continued = delimited_lines(printed, start, delimiter)
            above = _plain_lines(printed[:start], (1,) * start)
            return [*(above_delimited(line, delimiter) for line in above), *rows], continued
        header = find_header(printed, labels)
        if header is not None:
            rest = fixed_width_lines(printed, header, labels, pages)
            return [*_plain_lines(printed[: header.line], pages), *rest], 0
        if labels:
            _refuse_other_delimiters(printed, labels)
            if table_start(printed, frozenset(), delimiter) is not None:
                # A table all the same, whose header the source does not know.
                return delimited_lines(printed, 0, delimiter)
    return _plain_lines(printed, pages), 0


def _is_marked(printed: list[str], labels: frozenset[str]) -> bool:
    """Whether tabs or pipes say where cells are; with labels, those of a header among them."""
    return any(
        cells is not None and (not labels or is_header(cells, labels))
        for cells in map(_cells, printed)
    )


def _refuse_other_delimiters(printed: list[str], labels: frozenset[str]) -> None:
    for delimiter in OTHERS:
        start = table_start(printed, labels, delimiter)
        if start is not None:
            raise ExtractionError(
                f"line {start + 1} looks like a header separated by {delimiter!r}: if it is, say "
                f"so by table.delimiter: {delimiter!r}"
            )


def _pages(printed: list[str]) -> tuple[int, ...]:
    """The page of each line: a form feed begins one."""
    page = 1
    pages = []
    for line in printed:
        page += line[: len(line) - len(line.lstrip())].count("\f")
        pages.append(page)
        page += line.lstrip().count("\f")
    return tuple(pages)


def _plain_lines(printed: list[str], pages: tuple[int, ...]) -> list[Row | Passage]:
    """Rows where a line has tabs or pipes, passages elsewhere."""
    lines: list[Row | Passage] = []
    table = 0
    in_table = False
    for number, line in enumerate(printed, start=1):
        place = Place(pages[number - 1], number)
        cells = _cells(line)
        if cells is None:
            in_table = False
            lines.append(_passage(line, place))
            continue
        table += not in_table
        in_table = True
        lines.append(tabular_row(place, cells, line, table))
    return lines


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What the publishers' Windows programs write; five bytes have no meaning in it.
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError as error:
            offset = data[error.start : error.end].hex()
            raise ExtractionError(
                f"byte {error.start} (0x{offset}) is neither UTF-8 nor Windows-1252: "
                "ask the publisher for the encoding"
            ) from error


def _cells(line: str) -> tuple[str, ...] | None:
    if "\t" in line:
        return tuple(line.split("\t"))
    if _MARKDOWN_ROW.match(line):
        inner = line.strip().removeprefix("|").removesuffix("|")
        return tuple(cell.strip() for cell in inner.split("|"))
    return None


def _passage(line: str, place: Place) -> Passage:
    heading = _MARKDOWN_HEADING.fullmatch(line)
    if heading:
        return Passage(place, heading[2], line, level=len(heading[1]))
    return Passage(place, line, line)


def _ends_inside_markdown_table(lines: list[Row | Passage]) -> bool:
    last = next(line for line in reversed(lines) if line.raw_text.strip())
    if not isinstance(last, Row) or "\t" in last.raw_text:
        return False
    if _MARKDOWN_RULE.fullmatch(last.raw_text):
        return True
    widths = [len(row.cells) for row in lines if isinstance(row, Row) and row.table == last.table]
    return widths[-1] < widths[0]
