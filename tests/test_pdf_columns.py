"""Tables without a ruled grid: what is drawn is read back cell by cell, and prose stays prose."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from extractors.pdf import read_pdf
from extractors.reading import Passage, Row
from schemas.codes import header_key
from schemas.source import TableRules
from tests.conftest import shared
from tests.drawing import (
    FONT,
    LEADING,
    LETTER,
    MARGIN,
    SIZE,
    VERA,
    Bulletin,
    Cells,
    PrintedList,
    Section,
    Style,
    disguised,
    draw_bulletin_pdf,
    draw_side_by_side_pdf,
    draw_unruled_pdf,
    list_from_dump,
    paged,
    wrap,
)

# The shares of the cells of others' test documents that are found exactly.
TABULA, ICDAR = 0.99, 0.87

PLAIN, RULED, BANDED = Style(), Style(lines="rules"), Style(lines="bands")
HEADER = ("Category", "Code", "Description of the item", "Prior authorization required?", "Notes")
WORDS = [
    "support",
    "brace",
    "panel",
    "custom",
    "lateral",
    "each",
    "pump",
    "infusion",
    "wheel",
    "seat",
]


def section(rows: list[Cells], header: Cells = HEADER, per_page: int = 8) -> PrintedList:
    return PrintedList((Section(("Invented list of supplies",), header, paged(rows, per_page)),))


def invented(count: int, notes: bool = True) -> list[Cells]:
    """Rows with cells that wrap, cells that do not, and empty cells."""
    return [
        (
            ("Orthotics", "Durable medical equipment and supplies")[number % 3 == 0],
            f"L{1000 + 7 * number}",
            " ".join(WORDS[(number + place) % len(WORDS)] for place in range(3 + 5 * number % 19)),
            ("Yes", "No", "Only above the limit")[number % 3],
            "See the policy for details and limits" if notes and number % 4 == 1 else "",
        )
        for number in range(count)
    ]


def rules(*headers: Cells) -> TableRules:
    """What a source's YAML says of lists with these headers."""
    labels = dict.fromkeys(label for header in headers for label in header)
    return TableRules(
        columns={f"column_{number}": (label,) for number, label in enumerate(labels)},
        layouts=(tuple(f"column_{number}" for number in range(len(labels))),),
    )


def read(data: bytes, *headers: Cells) -> list[list[Cells]]:
    """The tables of a PDF as rows of cells, each cell on one line."""
    tables: dict[int, list[Cells]] = {}
    for line in read_pdf(data, rules(*headers)).lines:
        if isinstance(line, Row):
            cells = tuple(" ".join(cell.split()) for cell in line.cells)
            tables.setdefault(line.table, []).append(cells)
    return list(tables.values())


def body(tables: list[list[Cells]], *headers: Cells) -> list[Cells]:
    """The rows of all tables but their headers."""
    keys = {tuple(map(header_key, header)) for header in headers}
    return [row for rows in tables for row in rows if tuple(map(header_key, row)) not in keys]


def prose(data: bytes, *headers: Cells) -> list[str]:
    """The lines of a PDF that are in no table."""
    return [
        line.text for line in read_pdf(data, rules(*headers)).lines if isinstance(line, Passage)
    ]


# ---------------------------------------------------------------- one list, drawn in many ways

LOOKS = {
    "plain": PLAIN,
    "with rules": RULED,
    "with bands": BANDED,
    "narrow gaps": Style(gap=4),
    "rows close together": Style(row_gap=2),
    "rows no further apart than lines": Style(row_gap=0),
    "cells in the middle of their rows": Style(valign="middle"),
    "cells in the middle between rules": Style(lines="rules", valign="middle", inset=0.5),
    "cells in the middle of their columns": Style(align=("centre",)),
    "each column aligned in its own way": Style(align=("left", "centre", "left", "right", "left")),
    "turned by the viewer": Style(turn=90),
    "turned the other way": Style(turn=270),
    "upside down": Style(turn=180),
    "sideways on the sheet": Style(turn=90, is_sideways=True),
    "bold printed twice": Style(is_bold_twice=True),
    "white text over the rows": Style(hidden="not for you A0000"),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_rows_come_back_as_they_were_drawn(look: Style) -> None:
    rows = invented(22)
    tables = read(draw_unruled_pdf(section(rows), look), HEADER)
    assert body(tables, HEADER) == rows
    assert len(tables) == 3


@pytest.mark.parametrize("look", [PLAIN, RULED, BANDED], ids=["plain", "rules", "bands"])
def test_header_missing_on_later_pages_leaves_the_columns_as_they_are(look: Style) -> None:
    rows = invented(30)
    data = draw_unruled_pdf(section(rows), replace(look, repeats_header=False))
    assert body(read(data, HEADER), HEADER) == rows


def test_source_without_known_labels_has_the_same_rows() -> None:
    rows = invented(24)
    tables = read(draw_unruled_pdf(section(rows, per_page=12)))
    assert [row for row in body(tables, HEADER) if row in rows] == rows


def test_lists_side_by_side_are_two_tables_the_left_one_first() -> None:
    header = ("Code", "Prior authorization?", "Notes")
    rows = [(f"E{1000 + number}", ("Yes", "No")[number % 2], "") for number in range(30)]
    data = draw_side_by_side_pdf(section(rows, header, per_page=15))
    tables = read(data, header)
    assert body(tables, header) == rows
    assert len(tables) == 4


def test_title_between_tables_is_a_table_of_none() -> None:
    parts = [
        Section((f"Part {name} of the list of supplies",), HEADER, (tuple(invented(5)),))
        for name in ("One", "Two")
    ]
    data = draw_unruled_pdf(PrintedList(tuple(parts), "Copyright Invented Health Plan"))
    assert body(read(data, HEADER), HEADER) == invented(5) * 2
    assert prose(data, HEADER) == [
        "Part One of the list of supplies",
        "Part Two of the list of supplies",
        "Copyright Invented Health Plan",
    ]


@pytest.mark.parametrize("look", [PLAIN, RULED, BANDED], ids=["plain", "rules", "bands"])
def test_codes_on_lines_of_one_cell_stay_in_its_row(look: Style) -> None:
    header = ("Procedures and services", "Additional information", "Codes")
    codes = [f"{27000 + number:05}" for number in range(60)]
    rows = [
        (
            f"{WORDS[place].capitalize()} of the {WORDS[-place]}",
            " ".join((WORDS * 2)[place : place + 9 + place % 3]),
            " ".join(codes[5 * place : 5 * place + 2 + place % 4]),
        )
        for place in range(1, 10)
    ]
    data = draw_unruled_pdf(section(rows, header), look, paper=(380, 500))
    assert body(read(data, header), header) == rows


def test_label_over_two_columns_is_a_header_row_of_its_own() -> None:
    header = ("Code", "Description", "Commercial", "Medicare")
    upper = ("Code", "Description", "Prior authorization", "")
    lower = ("", "", "Commercial", "Medicare")
    rows = [(f"L{1000 + number}", WORDS[number], "Yes", "No") for number in range(9)]
    lefts = (MARGIN, 100.0, 300.0, 360.0)
    data = draw_places([lefts], [(upper, lower, *rows)], 1.5 * LEADING)
    assert read(data, header) == [[upper, lower, *rows]]


@pytest.mark.parametrize("gap", [2.0, 0.0, -1.0])
def test_text_that_runs_into_the_next_column_stays_in_its_own(gap: float) -> None:
    header = ("Category", "Code", "Description")
    rows = [
        ("ORTHOSES/PROSTHESES" if number % 3 else "Wheels", f"K{1000 + number}", "each " * number)
        for number in range(1, 12)
    ]
    rows = [(*row[:2], row[2].strip()) for row in rows]
    widest = max(stringWidth(row[0], FONT, SIZE) for row in rows)
    data = draw_places(
        [(MARGIN, MARGIN + widest + gap, 300.0)], [(header, *rows)], leading=2 * LEADING
    )
    assert body(read(data, header), header) == rows


def draw_places(
    places: list[tuple[float, ...]], columns: list[tuple[Cells, ...]], leading: float
) -> bytes:
    """Tables each with its cells at these places from the left."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=LETTER, invariant=1)
    canvas.setFont(FONT, SIZE)
    for lefts, rows in zip(places, columns, strict=True):
        for number, row in enumerate(rows):
            for left, cell in zip(lefts, row, strict=True):
                canvas.drawString(left, 700 - number * leading, cell)
    canvas.save()
    return stream.getvalue()


def test_signs_that_no_reader_sees_do_not_part_cells() -> None:
    rows = [(*row[:3], row[3], "fitting of the flexible portion") for row in invented(12)]
    data = draw_unruled_pdf(disguised(section(rows)), Style(font=VERA))
    found = body(read(data, HEADER), HEADER)
    assert [[squashed(cell) for cell in row] for row in found] == [
        [squashed(cell) for cell in row] for row in rows
    ]


def squashed(text: str) -> str:
    """A text without blanks and signs that are not seen, its ligatures as letters."""
    seen = unicodedata.normalize("NFKC", text).translate(dict.fromkeys((0xAD, 0x200B)))
    return "".join(seen.split())


# ---------------------------------------------------------------- what must not become a table


def test_paragraphs_are_in_no_table() -> None:
    words = " ".join(WORDS)
    bulletin = Bulletin("A title", tuple(("A heading", (words * 4, words * 7)) for _ in range(4)))
    assert not read(draw_bulletin_pdf(bulletin), HEADER)


@pytest.mark.parametrize("count", [2, 3])
def test_prose_in_columns_is_in_no_table(count: int) -> None:
    width = 500 / count
    text = " ".join(WORDS[number * number % len(WORDS)] for number in range(400))
    lines = wrap(text, width - 15)
    height = len(lines) // count
    lefts = tuple(MARGIN + width * column for column in range(count))
    columns = [lines[height * column : height * (column + 1)] for column in range(count)]
    assert not read(draw_places([lefts], [tuple(zip(*columns, strict=True))], LEADING), HEADER)


def test_paragraphs_under_a_table_are_in_no_row() -> None:
    rows = invented(6)
    text = " ".join(WORDS * 9).capitalize() + "."
    data = draw_unruled_pdf(PrintedList((Section((), HEADER, (tuple(rows),)),), text))
    assert body(read(data, HEADER), HEADER) == rows
    assert " ".join(prose(data, HEADER)) == text


# ---------------------------------------------------------------- any table at all

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)


@st.composite
def lists(draw: st.DrawFn) -> PrintedList:
    """Lists with a code in each row, cells of a few words, and columns that are often empty."""
    width = draw(st.integers(1, 4))
    columns = [draw(st.sampled_from((0, 1, 3))) for _ in range(width)]
    rows = [
        (
            f"A{number:04}",
            *(draw(words) if draw(st.integers(0, 3)) >= often else "" for often in columns),
        )
        for number in range(draw(st.integers(3, 20)))
    ]
    labels = ("Code", "Kind of item", "Description", "Authorization required?", "Notes")
    return section(rows, labels[: width + 1], draw(st.integers(4, 20)))


@settings(max_examples=40, deadline=None)
@given(lists(), st.sampled_from([PLAIN, RULED, BANDED, Style(align=("centre",))]))
def test_any_list_comes_back_however_it_is_drawn(printed: PrintedList, look: Style) -> None:
    (part,) = printed.sections
    assert body(read(draw_unruled_pdf(printed, look), part.header), part.header) == [*part.rows]


# ---------------------------------------------------------------- real documents

SEED = ("seeds", "cigna_commercial_dme_prior_authorization_list.txt")


@pytest.mark.parametrize("look", [PLAIN, RULED, BANDED], ids=["plain", "rules", "bands"])
def test_whole_list_drawn_without_grid_comes_back_cell_by_cell(look: Style) -> None:
    printed = list_from_dump(shared(*SEED))
    headers = [part.header for part in printed.sections]
    found = body(read(draw_unruled_pdf(printed, look), *headers), *headers)
    rows = [row for part in printed.sections for row in part.rows]
    assert [tuple(map(squashed, row)) for row in found] == [
        tuple(map(squashed, row)) for row in rows
    ]


def test_table_of_drugs_has_the_rows_read_by_eye() -> None:
    path = shared("corpus", "cms", "hcpcs_2019_table_of_drugs.pdf")
    truth = json.loads(
        shared("corpus", "truth", "hcpcs_2019_table_of_drugs.json").read_text("utf-8")
    )
    rows = [row for rows in read(path.read_bytes()) for row in rows]
    assert {len(row) for row in rows} == {4}
    by_eye = [tuple(row) for row in truth["page_3_rows_read_by_eye"]]
    assert [row for row in rows if row in by_eye] == by_eye
    codes = {code for row in rows for code in re.findall(r"\b[A-Z][0-9]{4}\b", " ".join(row))}
    assert len(codes) == truth["distinct_codes"]


def key(text: str) -> str:
    return re.sub(r"\W+", "", text)


def cells_of(path: Path) -> Counter[str]:
    found = Counter(key(cell) for rows in read(path.read_bytes()) for row in rows for cell in row)
    found.pop("", None)
    return found


def test_most_cells_of_the_tabula_documents_are_found() -> None:
    expected = found = 0
    for path in sorted(shared("corpus", "tables", "tabula").glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            wanted = Counter(key(cell) for row in csv.reader(file) for cell in row if key(cell))
        expected += wanted.total()
        found += (wanted & cells_of(path.with_suffix(".pdf"))).total()
    assert found / expected > TABULA


def test_most_cells_of_the_icdar_documents_are_found() -> None:
    expected = found = 0
    for path in sorted(shared("corpus", "tables", "icdar2013_us").glob("*.pdf")):
        wanted: Counter[str] = Counter()
        for truth in path.parent.glob(f"{path.stem}-str.xml"):
            contents = ET.parse(truth).iter("content")
            wanted += Counter(key(cell.text) for cell in contents if cell.text and key(cell.text))
        expected += wanted.total()
        found += (wanted & cells_of(path)).total()
    assert found / expected > ICDAR
