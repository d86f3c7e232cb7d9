"""What a sheet of an XLSX says beside its values: hidden rows, struck text, padded zeros, errors.

Reads the XML of a sheet piece by piece, so that memory does not grow with it, and looks closely
only at rows that have something to say. Values are not read here: calamine reads them, and it
knows nothing of hidden rows, of looks, of number formats that are no dates, and of formulas never
computed, prints errors as empty cells, and lays a whole sheet out as one rectangle, however far
its last cell lies. So this goes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from itertools import pairwise

from extractors.cells import MAX_COLUMNS
from extractors.reading import ExtractionError
from extractors.sheets.rich_text import Looks
from extractors.sheets.workbook import Padding, SheetPart, without_dtd
from extractors.zipped import Archive

MAX_GAP = 10_000
MAX_AREA = 16_000_000

_MAX_ROW_BYTES = 32 << 20
_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_END_OF_ROWS = re.compile(rb"</(?:\w+:)?sheetData\s*>")
_VALUE = re.compile(rb"[^>]</(?:\w+:)?[vt]>")
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])([^>]*)>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\s([^>]*)>")
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_CACHED = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]*)</")
# Text that stands in the sheet itself has its runs there.
_STRUCK = re.compile(rb"<(?:\w+:)?strike(?![^<>]*=\s*[\"'](?:0|false)[\"'])[\s/>]")
_END_OF_RUN = re.compile(rb"</(?:\w+:)?r\s*>")
_DIGITS = re.compile(rb"<(?:\w+:)?t(?:\s[^<>]*)?>\s*[0-9][0-9\s,]*<")
_ROW_NUMBER = re.compile(rb"""\sr\s*=\s*["']([0-9]{1,9})["']""")
_REFERENCE = re.compile(rb"([A-Z]{1,3})([0-9]{1,7})")
_FAR_REFERENCES = (re.compile(rb' r="([A-Z]{3,})'), re.compile(rb" r='([A-Z]{3,})"))
NO_LOOKS = Looks()


@dataclass(slots=True)
class Survey:
    """What a sheet says beside its values; rows and columns count from 1.

    `texts` are cells that show something else than their value, and `padded` those of them
    whose zeros are only in their format. `faults` are rows that cannot be taken at their word.
    """

    last_row: int = 0
    last_column: int = 0
    filled_rows: int = 0
    hidden_columns: set[int] = field(default_factory=set)
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    padded: set[int] = field(default_factory=set)
    faults: dict[int, str] = field(default_factory=dict)


def survey(
    archive: Archive,
    sheet: SheetPart,
    padded_styles: dict[int, Padding],
    looks: Looks = NO_LOOKS,
) -> Survey:
    """What a sheet says beside its values.

    Raises `ExtractionError` for a document type, rows out of order, more than 1,000 columns, a
    cell far below all others, and a sheet of more than 16 million cells.
    """
    if sheet.part is None:
        raise ExtractionError(
            f"the sheet {sheet.name!r} is not in the workbook: it is damaged; fetch it again"
        )
    found = Survey()
    markers = tuple(_markers(padded_styles, looks))
    number, above = 0, 0
    pieces = without_dtd(sheet.part, archive.pieces(sheet.part))
    for block, bounds in _blocks(sheet, pieces, found):
        is_plain = not any(marker in block for marker in markers)
        for start, end in pairwise(bounds):
            text = block[start:end]
            tag = text[: text.find(b">")]
            number = _row_number(tag, number, sheet)
            if b"hidden" in tag and _is_hidden(_attributes(tag)):
                found.faults[number] = "the row is hidden in the workbook"
            if _VALUE.search(text):
                if number - above > MAX_GAP:
                    raise ExtractionError(
                        f"the sheet {sheet.name!r} has a cell in row {number:,}, more than "
                        f"{MAX_GAP:,} rows below the one above it: look at it by hand"
                    )
                above = number
                found.filled_rows += 1
                found.last_row = number
                found.last_column = max(found.last_column, _last_column(text))
            if not is_plain and any(marker in text for marker in markers):
                _survey_cells(text, number, padded_styles, looks, found)
    _check_size(sheet, found)
    return found


def _check_size(sheet: SheetPart, found: Survey) -> None:
    if found.last_column > MAX_COLUMNS:
        raise _too_wide(sheet, found.last_column)
    if found.last_row * found.last_column > MAX_AREA:
        raise ExtractionError(
            f"the sheet {sheet.name!r} has {found.last_row:,} rows and {found.last_column:,} "
            f"columns, more than {MAX_AREA:,} cells: look at it by hand"
        )


def _markers(padded_styles: Iterable[int], looks: Looks) -> Iterator[bytes]:
    """Bytes of which a row has some where it says more than its values."""
    yield from (b'"e"', b"'e'", b"<f", b":f", b"strike", b"superscript")
    if looks.struck or looks.raised:
        yield from (b'"s"', b"'s'")
    for number in (*padded_styles, *looks.styles):
        yield f's="{number}"'.encode()
        yield f"s='{number}'".encode()


def _blocks(
    sheet: SheetPart, pieces: Iterator[bytes], found: Survey
) -> Iterator[tuple[bytes, list[int]]]:
    """Pieces of XML and where rows begin and end in them; on the way, what stands before them."""
    rest, is_before = b"", True
    for piece in pieces:
        rest += piece
        for pattern in _FAR_REFERENCES:
            for far in pattern.finditer(rest):
                if (column := _column_number(far[1])) > MAX_COLUMNS:
                    raise _too_wide(sheet, column)
        starts = [match.start() for match in _ROW.finditer(rest)]
        if starts:
            if is_before:
                found.hidden_columns = _hidden_columns(rest[: starts[0]])
                is_before = False
            yield rest, starts
            rest = rest[starts[-1] :]
        if len(rest) > _MAX_ROW_BYTES:
            raise ExtractionError(
                f"the sheet {sheet.name!r} has a row of more than {_MAX_ROW_BYTES >> 20} MiB: "
                "look at it by hand"
            )
    if not is_before:
        last = _END_OF_ROWS.split(rest, maxsplit=1)[0]
        yield last, [0, len(last)]


def _survey_cells(
    text: bytes, row: int, styles: dict[int, Padding], looks: Looks, found: Survey
) -> None:
    cells = list(_CELL.finditer(text))
    ends = [cell.start() for cell in cells[1:]] + [len(text)]
    column = 0
    for cell, end in zip(cells, ends, strict=True):
        said = _attributes(cell[1])
        reference = _REFERENCE.fullmatch(said.get("r", "").encode())
        column = _column_number(reference[1]) if reference else column + 1
        content = text[cell.end() : end]
        cached = _CACHED.search(content)
        value = unescape(cached[1].decode("utf-8", "replace")) if cached else ""
        kind = said.get("t", "n")
        style = int(said.get("s") or 0)
        string = int(value) if kind == "s" and value.isdecimal() else None
        if string is not None and string in looks.raised:
            found.texts[row, column] = looks.raised[string]
        if seen := _look(content, string, style, looks):
            found.faults.setdefault(row, f"the text in {_letters(column)}{row} {seen}")
        if _FORMULA.search(content) and not value and kind != "str":
            place = f"{_letters(column)}{row}"
            found.faults.setdefault(row, f"the formula in {place} was stored without its value")
        elif kind == "e":
            found.texts[row, column] = value
        elif kind == "n" and value:
            padding = styles.get(style)
            whole = re.fullmatch(r"([0-9]{1,15})(?:\.0+)?", value)
            if padding and whole:
                shown = padding.shown(int(whole[1]))
                found.texts[row, column] = shown
                if shown != whole[1]:
                    found.padded.add(row)


def _look(content: bytes, string: int | None, style: int, looks: Looks) -> str | None:
    """What the look of a cell says against taking its value at its word."""
    is_struck = style in looks.styles and _VALUE.search(content)
    if is_struck or string in looks.struck or _STRUCK.search(content):
        return "is struck out"
    if b"superscript" not in content:
        return None
    raised = [run for run in _END_OF_RUN.split(content) if b"superscript" in run]
    return "has a raised digit" if any(map(_DIGITS.search, raised)) else None


def _hidden_columns(head: bytes) -> set[int]:
    hidden: set[int] = set()
    for match in _COLUMN.finditer(head):
        said = _attributes(match[1])
        if _is_hidden(said):
            first, last = int(said.get("min", "1")), int(said.get("max", "1"))
            hidden.update(range(first, min(last, MAX_COLUMNS) + 1))
    return hidden


def _row_number(tag: bytes, above: int, sheet: SheetPart) -> int:
    printed = _ROW_NUMBER.search(tag)
    number = int(printed[1]) if printed else above + 1
    if number <= above:
        raise ExtractionError(
            f"the sheet {sheet.name!r} has row {number} below row {above}: it is damaged; "
            "open it in a spreadsheet program and look"
        )
    return number


def _is_hidden(said: dict[str, str]) -> bool:
    return said.get("hidden") in ("1", "true")


def _last_column(text: bytes) -> int:
    at = max(text.rfind(b' r="'), text.rfind(b" r='"))
    reference = _REFERENCE.match(text, at + 4) if at >= 0 else None
    return _column_number(reference[1]) if reference else len(_CELL.findall(text))


@lru_cache(maxsize=MAX_COLUMNS)
def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:8]:
        number = number * 26 + letter - ord("A") + 1
    return number


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _too_wide(sheet: SheetPart, column: int) -> ExtractionError:
    return ExtractionError(
        f"the sheet {sheet.name!r} has a cell in column {column:,}, more than {MAX_COLUMNS:,} "
        "columns: look at it by hand"
    )


def _attributes(tag: bytes) -> dict[str, str]:
    return {
        name.decode(): (double or single).decode("utf-8", "replace")
        for name, double, single in _ATTRIBUTE.findall(tag)
    }
