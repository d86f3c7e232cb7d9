"""The reader of plain text: tab-separated tables, Markdown tables and headings, prose.

One physical line of the file is one line of the reading, blank ones too. A text dump has no pages;
what a page is, header logic decides from repeated headers. Fixed-width and comma-separated
tables are not read here.
"""

from __future__ import annotations

import re

from extractors.reading import ExtractionError, Passage, Reading, Row
from schemas.provenance import Place
from schemas.source import TableRules

_MARKDOWN_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_MARKDOWN_ROW = re.compile(r"\s*\|")
_MARKDOWN_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|?)+\s*")


def read_text(data: bytes, rules: TableRules | None = None) -> Reading:  # noqa: ARG001
    """The lines of a text file: rows where a line has tabs or pipes, passages elsewhere.

    Cells and texts are as printed, trailing empty cells included. Raises `ExtractionError` for
    a file with no text in it.
    """
    text = _decode(data).replace("\r\n", "\n").replace("\r", "\n")
    printed = text.split("\n")
    if printed[-1] == "":
        printed.pop()
    if not any(line.strip() for line in printed):
        raise ExtractionError("the file has no text in it: look at what the publisher serves")
    lines: list[Row | Passage] = []
    table = 0
    in_table = False
    for number, line in enumerate(printed, start=1):
        place = Place(1, number)
        cells = _cells(line)
        if cells is None:
            in_table = False
            lines.append(_passage(line, place))
            continue
        table += not in_table
        in_table = True
        lines.append(Row(place, cells, line, table))
    return Reading(
        lines=tuple(lines),
        lines_seen=text.count("\n") + (not text.endswith("\n")),
        pages=None,
        is_cut=_ends_inside_markdown_table(lines),
    )


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
