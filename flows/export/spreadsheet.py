"""A release as an XLSX workbook for people: a sheet for each table, and two that explain.

Codes are cells of text in columns of the format Text, dates and instants (UTC) are real dates,
nothing is a formula or a link. Text that a spreadsheet would compute has an apostrophe before it.
What the format cannot hold is continued, never cut off: a table of more rows than a sheet in
further sheets, a text longer than a cell in the sheet `long texts`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from xlsxwriter import Workbook  # type: ignore[import-untyped]

from flows.export.place import placed_file
from flows.export.selection import ExportError, Selection, as_text, checked, opened_tables, rows_of
from flows.export.words import about, dictionary
from flows.spreadsheet_text import neutral
from schemas.fields import Field

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from xlsxwriter.format import Format  # type: ignore[import-untyped]
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

# The tables that people ask for; others by name.
FOR_PEOPLE = (
    "prior_authorization",
    "requirements",
    "changes",
    "documents",
    "contradictions",
    "quarantine",
)
# Of a sheet and a cell, as Excel has them; a cell is counted in UTF-16.
MOST_ROWS = 1_048_576
MOST_UNITS = 32_767
LONG_TEXTS = "long texts"
# A part of a long text, in characters, each of which may be two units.
_PART = 16_000
# Excel's calendar begins here for those who do not take 1900 for a leap year.
_FIRST_DAY = date(1900, 3, 1)
_BATCH = 4_096
_WIDTHS = {"date": 12, "instant": 20, "integer": 9, "number": 12, "boolean": 9}
_WIDE = {"code": 10, "payer": 14, "pa_status": 16, "raw_text": 60, "description": 50, "notes": 40}
_USUAL_WIDTH = 22
_SHORT_KEY = 14
# In the properties of a workbook, before the release; by this one of ours is known again.
_TITLE = "precert "
_PROPERTIES = "docProps/core.xml"
_CONVENTIONS = (
    "Dates are days, instants are UTC, to the millisecond. An empty cell is no value.",
    "Lists are joined by '; ', with a backslash before a semicolon or backslash within an item.",
    "An apostrophe stands before text that a spreadsheet would compute or that begins with one.",
    "Characters that no workbook can hold are spelled out, as _xFFFF_.",
)


@dataclass(slots=True)
class _Book:
    """A workbook in the making, with its formats and the sheet of long texts, once there is one."""

    workbook: Workbook
    formats: dict[str, Format] = field(default_factory=dict)
    long_texts: Worksheet | None = None
    parts: int = 0
    split: list[str] = field(default_factory=list)


def export_xlsx(
    selection: Selection, out: Path, *, force: bool = False
) -> tuple[dict[str, int], list[str]]:
    """Write the tables to the workbook `out`; the rows of each, and what was continued elsewhere.

    Raises `ExportError` where something is there already.
    """
    written: dict[str, int] = {}
    with placed_file(out, _is_ours, force=force) as path:
        workbook = Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(path.parent),
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        book = _Book(workbook)
        # Not the time of the export, so that the same release gives the same bytes.
        created = selection.release.created_at.replace(tzinfo=None)
        title = f"{_TITLE}{selection.release}"
        workbook.set_properties({"title": title, "created": created})
        for name, pattern in (("text", "@"), ("date", "yyyy-mm-dd"), ("instant", _INSTANT)):
            book.formats[name] = workbook.add_format({"num_format": pattern})
        book.formats["head"] = workbook.add_format({"bold": True, "bottom": 1, "num_format": "@"})
        _explain(book, selection)
        for connection, table, source, fields in opened_tables(selection):
            rows = _fill(book, connection, selection, table, source, fields)
            written[table] = checked(selection, table, rows)
        _define(book, selection.tables)
        workbook.close()
    remarks = list(book.split)
    if book.parts:
        remarks.append(
            f"texts longer than a cell are whole in the sheet {LONG_TEXTS!r}, {book.parts} parts"
        )
    return written, remarks


_INSTANT = "yyyy-mm-dd hh:mm:ss"


def _is_ours(path: Path) -> bool:
    """Whether a file is a workbook that an export wrote, by its title."""
    try:
        with ZipFile(path) as parts:
            properties = parts.read(_PROPERTIES)
    except (BadZipFile, KeyError, NotImplementedError, zlib.error):
        return False
    return f"<dc:title>{_TITLE}".encode() in properties


def _fill(
    book: _Book,
    connection: DuckDBPyConnection,
    selection: Selection,
    table: str,
    source: str,
    fields: tuple[Field, ...],
) -> int:
    query, parameters = rows_of(selection, table, source, ", ".join(map(_value, fields)))
    cursor = connection.execute(query, parameters)
    writers = [_writer(book, table, column, item) for column, item in enumerate(fields)]
    sheet, at, total, sheets = _sheet(book, table, fields), 1, 0, 1
    while rows := cursor.fetchmany(_BATCH):
        for row in rows:
            if at == MOST_ROWS:
                _finish(sheet, at, len(fields))
                sheets += 1
                sheet, at = _sheet(book, f"{table} {sheets}", fields), 1
            for value, write in zip(row, writers, strict=True):
                if value is not None:
                    write(sheet, at, value)
            at += 1
        total += len(rows)
    _finish(sheet, at, len(fields))
    if sheets > 1:
        book.split.append(
            f"table {table} has more rows than a sheet and goes on in {sheets} sheets"
        )
    return total


def _value(item: Field) -> str:
    """The SQL of a column as what its cell holds."""
    if item.kind in ("date", "integer", "number", "boolean"):
        return f'"{item.name}"'
    if item.kind == "instant":
        return f'make_timestamp(epoch_us("{item.name}")) AS "{item.name}"'
    return as_text(item)


def _writer(
    book: _Book, table: str, column: int, item: Field
) -> Callable[[Worksheet, int, Any], object]:
    """What writes a value of one column into a row of a sheet."""
    if item.kind == "boolean":
        return lambda sheet, row, value: sheet.write_boolean(row, column, value)
    if item.kind in ("integer", "number"):
        return lambda sheet, row, value: _number(book, sheet, row, column, value)
    if item.kind in ("date", "instant"):
        form = book.formats[item.kind]
        return lambda sheet, row, value: _day(book, sheet, row, column, value, form)
    return lambda sheet, row, value: _text(book, sheet, row, column, value, (table, item.name))


def _number(book: _Book, sheet: Worksheet, row: int, column: int, value: float) -> None:
    """A number; as text where a cell would round it or has no such number."""
    is_held = value == value and abs(value) < 1e15
    if is_held:
        sheet.write_number(row, column, value)
    else:
        _put(book, sheet, row, column, str(value))


def _day(book: _Book, sheet: Worksheet, row: int, column: int, value: date, form: Format) -> None:
    """A date; as ISO text where Excel's calendar does not reach."""
    day = value.date() if isinstance(value, datetime) else value
    if day < _FIRST_DAY:
        _put(book, sheet, row, column, value.isoformat())
    else:
        sheet.write_datetime(row, column, value, form)


def _text(
    book: _Book, sheet: Worksheet, row: int, column: int, value: str, where: tuple[str, str]
) -> None:
    """A text, or its beginning with where the whole of it is."""
    text = neutral(value)
    if _units(text) <= MOST_UNITS:
        _put(book, sheet, row, column, text)
        return
    parts = [value[start : start + _PART] for start in range(0, len(value), _PART)]
    number = _long_text(book, sheet.get_name(), row, where, parts)
    note = (
        f" […] cut here: {len(value):,} characters, all in the sheet {LONG_TEXTS!r}, row {number}"
    )
    _put(book, sheet, row, column, neutral(parts[0][: _PART - len(note)]) + note)


def _long_text(
    book: _Book, sheet: str, row: int, where: tuple[str, str], parts: Sequence[str]
) -> int:
    """Writes the parts below each other; the row of the first, as a spreadsheet counts."""
    if book.long_texts is None:
        book.long_texts = _plain_sheet(
            book, LONG_TEXTS, {"sheet": 26, "row": 9, "column": 20, "part": 7, "text": 100}
        )
    if book.parts + len(parts) >= MOST_ROWS:
        raise ExportError(
            f"more long texts than a sheet has rows, at {where[0]}.{where[1]}: choose fewer tables "
            "with --table, or another format"
        )
    first = book.parts + 1
    for number, part in enumerate(parts, start=1):
        book.parts += 1
        cells = (sheet, str(row + 1), where[1], str(number), neutral(part))
        _row(book, book.long_texts, book.parts, cells)
    return first + 1


def _units(text: str) -> int:
    return len(text) if len(text) <= MOST_UNITS // 2 else len(text.encode("utf-16-le")) // 2


def _put(book: _Book, sheet: Worksheet, row: int, column: int, text: str) -> None:
    # What looks like its own markup is written as markup, whatever is in it.
    if text.startswith("<r>"):
        text = f"'{text}"
    sheet.write_string(row, column, text, book.formats["text"])


def _row(book: _Book, sheet: Worksheet, at: int, cells: Iterable[str]) -> None:
    for column, cell in enumerate(cells):
        if cell:
            _put(book, sheet, at, column, cell)


def _sheet(book: _Book, name: str, fields: tuple[Field, ...]) -> Worksheet:
    return _plain_sheet(book, name, {item.name: _width(item) for item in fields})


def _plain_sheet(book: _Book, name: str, widths: dict[str, int]) -> Worksheet:
    """A sheet with its header, which stays in sight."""
    sheet = book.workbook.add_worksheet(name)
    for column, (label, width) in enumerate(widths.items()):
        sheet.set_column(column, column, width, book.formats["text"])
        sheet.write_string(0, column, label, book.formats["head"])
    sheet.freeze_panes(1, 0)
    return sheet


def _finish(sheet: Worksheet, rows: int, columns: int) -> None:
    sheet.autofilter(0, 0, max(rows - 1, 1), columns - 1)


def _width(item: Field) -> int:
    if item.kind in _WIDTHS:
        usual = _WIDTHS[item.kind]
    elif item.name in ("row_key", "row_hash", "sha256", "bbox", "source", "document"):
        usual = _SHORT_KEY
    else:
        usual = _WIDE.get(item.name, _USUAL_WIDTH)
    # The header's arrow of the filter needs room as well.
    return max(usual, min(len(item.name) + 3, _USUAL_WIDTH))


def _explain(book: _Book, selection: Selection) -> None:
    sheet = book.workbook.add_worksheet("about")
    sheet.set_column(0, 0, 24, book.formats["text"])
    sheet.set_column(1, 1, 110, book.formats["text"])
    conventions = ((sentence, "") for sentence in _CONVENTIONS)
    for at, line in enumerate((*about(selection), ("", ""), *conventions)):
        _row(book, sheet, at, line)


def _define(book: _Book, tables: tuple[str, ...]) -> None:
    widths = {
        "table": 24,
        "column": 24,
        "type": 20,
        "may be empty": 14,
        "meaning": 90,
        "allowed values": 60,
    }
    sheet = _plain_sheet(book, "data dictionary", widths)
    at = 0
    for at, cells in enumerate(dictionary(tables), start=1):
        _row(book, sheet, at, cells)
    _finish(sheet, at + 1, len(widths))
