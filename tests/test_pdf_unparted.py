"""Lists in PDF whose lines part columns and no rows, or frame the list and part nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from extractors.extract import extract
from extractors.records import Extract
from schemas.source import Source
from tests.drawing import LETTER, MARGIN
from tests.kit import KIT

HEADER = ("Code", "Description", "PA Required", "Notes")
SOURCE = Source.model_validate(
    KIT
    | {
        "source": "invented",
        "title": "An invented list",
        "table": {
            "columns": {
                "code": ["Code"],
                "description": ["Description"],
                "pa": ["PA Required"],
                "notes": ["Notes"],
            },
            "layouts": [["code", "description", "pa", "notes"]],
            "statuses": {"Yes": "required", "No": "not_required"},
            "notes": [{"pattern": "Program .*", "means": "who reviews it"}],
        },
        "expect": {"rows": [1, 1000]},
    }
)
STYLE = ParagraphStyle("cell", fontName="Helvetica", fontSize=8, leading=9.6)
WORDS = ("power", "wheelchair", "accessory", "replacement", "cushion", "adjustable", "lumbar")
LINE = (0.5, colors.black)
BOX = ("BOX", (0, 0), (-1, -1), *LINE)
COLUMNS = ("LINEAFTER", (0, 0), (-2, -1), *LINE)
SIDES = ("LINEBEFORE", (0, 0), (0, -1), *LINE), ("LINEAFTER", (0, 0), (-1, -1), *LINE)
HEAD_BOX = ("BOX", (0, 0), (-1, 0), *LINE)
HEAD_LINE = ("LINEBELOW", (0, 0), (-1, 0), *LINE)
ROW_LINES = ("LINEBELOW", (0, 0), (-1, -1), *LINE)
BANDS = ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.lightgrey])

Cells = tuple[str, ...]


def invented(count: int, *, blank: int = 0) -> list[Cells]:
    """Rows whose descriptions take one line to three; every `blank`th has no status."""
    rows: list[Cells] = []
    for number in range(count):
        words = [WORDS[(number * step + step) % len(WORDS)] for step in range(1, 3 + number % 11)]
        status = "" if blank and number % blank == 0 else ("Yes", "No", "No")[number % 3]
        notes = "Program one of the central desk in the north" if number % 4 == 1 else ""
        rows.append((f"E{1000 + 7 * number}", " ".join(words), status, notes))
    return rows


def drawn(rows: Sequence[Cells], style: Sequence[Any], *, valign: str = "TOP") -> bytes:
    """A list set by a program that sets tables, its header on every page."""
    cells = [[Paragraph(cell, STYLE) for cell in row] for row in (HEADER, *rows)]
    table = Table(cells, colWidths=[60, 220, 80, 140], repeatRows=1)
    table.setStyle([("VALIGN", (0, 0), (-1, -1), valign), *style])
    out = io.BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), MARGIN)
    SimpleDocTemplate(out, pagesize=LETTER, invariant=1, **margins).build([table])
    return out.getvalue()


def rules_of(extracted: Extract) -> list[Cells]:
    names = ("code_raw", "description_raw", "pa_raw", "notes")
    return [
        tuple(" ".join((record.values[name] or "").split()) for name in names)
        for record in extracted.records
    ]


@pytest.mark.parametrize("valign", ["TOP", "MIDDLE"])
@pytest.mark.parametrize(
    "style",
    [
        pytest.param([BOX, COLUMNS, HEAD_LINE], id="columns, header and a box"),
        pytest.param([BOX, COLUMNS], id="columns and a box"),
        pytest.param([BOX, COLUMNS, BANDS], id="columns, a box and bands"),
        pytest.param([*SIDES, HEAD_BOX], id="columns that no line ends"),
        pytest.param([BOX, HEAD_LINE], id="a box and a line below the header"),
        pytest.param([BOX, ROW_LINES], id="a box and rows"),
    ],
)
def test_list_whose_lines_part_no_cells_gives_its_rows(style: list[Any], valign: str) -> None:
    rows = invented(100)
    extracted = extract(drawn(rows, style, valign=valign), SOURCE)
    assert rules_of(extracted) == rows
    assert [str(problem) for problem in extracted.problems if problem.holds] == []
    assert not any(record.faults for record in extracted.records)
    assert extracted.tally.unaccounted == 0


@pytest.mark.parametrize("blank", [2, 5])
def test_rows_without_a_status_get_none_from_their_neighbors(blank: int) -> None:
    rows = invented(60, blank=blank)
    extracted = extract(drawn(rows, [BOX, COLUMNS, HEAD_LINE]), SOURCE)
    assert rules_of(extracted) == rows
    assert all(record.faults for record in extracted.records if not record.values["pa_raw"])


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_short_list_gives_its_rows(count: int) -> None:
    rows = invented(count)
    extracted = extract(drawn(rows, [BOX, COLUMNS, HEAD_LINE]), SOURCE)
    assert rules_of(extracted) == rows
    assert not any(record.faults for record in extracted.records)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_cell_of_several_codes_stays_one_row(count: int) -> None:
    rows = invented(4 * count)
    codes = [row[0] for row in rows]
    grouped = [
        ("<br/>".join(codes[at : at + 4]), 8 * "Power wheelchair ", "Yes", 8 * "Program one ")
        for at in range(0, len(codes), 4)
    ]
    extracted = extract(drawn(grouped, [("GRID", (0, 0), (-1, -1), *LINE)]), SOURCE)
    assert [record.values["code"] for record in extracted.records] == codes
    assert {record.values["pa_status"] for record in extracted.records} == {"required"}
    assert not any(record.faults for record in extracted.records)


@pytest.mark.parametrize("texts", [("Power wheelchair", "Lumbar"), (20 * "power ",) * 2])
@pytest.mark.parametrize("style", [[BOX, COLUMNS, HEAD_LINE], [*SIDES, HEAD_BOX]])
def test_one_status_among_rows_without_any_is_not_published_for_all(
    style: list[Any], texts: Cells
) -> None:
    rows = [(code, text, "", "") for code, text in zip(("E1000", "E1014"), texts, strict=True)]
    rows.insert(1, ("E1007", "Cushion", "No", ""))
    extracted = extract(drawn(rows, style), SOURCE)
    published = [record.values for record in extracted.records if not record.faults]
    assert [values["code"] for values in published if values["code"] != "E1007"] == []
