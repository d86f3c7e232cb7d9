"""Workbooks for tests, written as the XML that spreadsheet programs write.

A cell is a string, a number, a bool, or a `Cell`, which says what else Excel knows of it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
# The number formats of the cell styles that a workbook of ours has, by style.
FORMATS = ("General", "yyyy-mm-dd", "00000", '"E"0000', "0%", "m/d/yyyy h:mm", "0####", "#,##0.00")


@dataclass(frozen=True)
class Cell:
    """A cell as Excel stores it: its value, its style in `FORMATS`, a formula, an error.

    Instead of a value, `shared` is the number of a string of the workbook, and `runs` the XML of a
    text whose parts look different.
    """

    value: str | float | bool | None = None
    style: str = "General"
    formula: str | None = None
    error: str | None = None
    shared: int | None = None
    runs: str | None = None
    is_struck: bool = False


Printed = str | float | bool | None | Cell


@dataclass(frozen=True)
class Sheet:
    """A sheet: rows of cells from the first row on, and what is hidden or merged."""

    name: str
    rows: Sequence[Sequence[Printed]]
    state: str = "visible"
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: Sequence[int] = ()
    merged: Sequence[str] = ()
    row_numbers: Mapping[int, int] = field(default_factory=dict)
    after: str = ""


def letters(column: int) -> str:
    """The letters of a column, from 1."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def draw_xlsx(
    *sheets: Sheet,
    is_1904: bool = False,
    strings: Sequence[str] = (),
    others: Mapping[str, bytes] | None = None,
) -> bytes:
    """The bytes of a workbook with these sheets, shared strings as XML, and other parts by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _content_types())
        archive.writestr("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        archive.writestr("xl/workbook.xml", _workbook(sheets, is_1904))
        numbers = range(1, len(sheets) + 1)
        targets = [("worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
        targets += [("styles", "styles.xml")]
        if strings:
            targets += [("sharedStrings", "sharedStrings.xml")]
            archive.writestr("xl/sharedStrings.xml", _strings(strings))
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(targets))
        archive.writestr("xl/styles.xml", _styles())
        for number, sheet in zip(numbers, sheets, strict=True):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", _sheet(sheet))
        for name, content in (others or {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _content_types() -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    said = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{said}</Relationships>'


def _workbook(sheets: Sequence[Sheet], is_1904: bool) -> str:
    said = "".join(
        f'<sheet name={quoteattr(sheet.name)} sheetId="{number}" state="{sheet.state}" '
        f'r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, start=1)
    )
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        f'<workbookPr date1904="{int(is_1904)}"/><sheets>{said}</sheets></workbook>'
    )


def _styles() -> str:
    formats = "".join(
        f"<numFmt numFmtId={quoteattr(str(164 + number))} formatCode={quoteattr(code)}/>"
        for number, code in enumerate(FORMATS[1:], start=1)
    )
    styles = "".join(
        f'<xf numFmtId="{164 + number if number else 0}"/>' for number in range(len(FORMATS))
    )
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts>{formats}</numFmts>'
        "<fonts><font/><font><strike/></font></fonts>"
        f'<cellStyleXfs><xf numFmtId="0"/></cellStyleXfs>'
        f'<cellXfs>{styles}<xf numFmtId="0" fontId="1"/></cellXfs></styleSheet>'
    )


def _strings(strings: Sequence[str]) -> str:
    return f'<sst xmlns="{_MAIN}">' + "".join(f"<si>{each}</si>" for each in strings) + "</sst>"


def _sheet(sheet: Sheet) -> str:
    columns = "".join(
        f'<col min="{column}" max="{column}" hidden="1"/>' for column in sheet.hidden_columns
    )
    rows = "".join(
        _row(sheet, sheet.row_numbers.get(number, number), cells)
        for number, cells in enumerate(sheet.rows, start=1)
    )
    merged = "".join(f'<mergeCell ref="{reference}"/>' for reference in sheet.merged)
    return (
        f'<worksheet xmlns="{_MAIN}">'
        + (f"<cols>{columns}</cols>" if columns else "")
        + f"<sheetData>{rows}</sheetData>"
        + (f"<mergeCells>{merged}</mergeCells>" if merged else "")
        + sheet.after
        + "</worksheet>"
    )


def _row(sheet: Sheet, number: int, cells: Sequence[Printed]) -> str:
    hidden = ' hidden="1"' if number in sheet.hidden_rows else ""
    drawn = "".join(
        _cell(f"{letters(column)}{number}", cell) for column, cell in enumerate(cells, start=1)
    )
    return f'<row r="{number}"{hidden}>{drawn}</row>'


def _cell(reference: str, printed: Printed) -> str:
    cell = printed if isinstance(printed, Cell) else Cell(printed)
    style = len(FORMATS) if cell.is_struck else FORMATS.index(cell.style)
    at = f'r="{reference}" s="{style}"'
    formula = f"<f>{escape(cell.formula)}</f>" if cell.formula else ""
    if cell.error:
        return f'<c {at} t="e">{formula}<v>{escape(cell.error)}</v></c>'
    if cell.shared is not None:
        return f'<c {at} t="s"><v>{cell.shared}</v></c>'
    if cell.runs:
        return f'<c {at} t="inlineStr"><is>{cell.runs}</is></c>'
    match cell.value:
        case None:
            return f"<c {at}>{formula}</c>" if formula else f"<c {at}/>"
        case bool():
            return f'<c {at} t="b">{formula}<v>{int(cell.value)}</v></c>'
        case str() if formula:
            return f'<c {at} t="str">{formula}<v>{escape(cell.value)}</v></c>'
        case str():
            text = f'<t xml:space="preserve">{escape(cell.value)}</t>'
            return f'<c {at} t="inlineStr"><is>{text}</is></c>'
        case _:
            return f"<c {at}>{formula}<v>{cell.value!r}</v></c>"
