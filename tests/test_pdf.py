"""The PDF reader, held against documents that were drawn for it and so are known exactly."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from extractors.pages import page as pdf_page
from extractors.pages.drawn import Drawn
from extractors.pages.pdfium import Document
from extractors.pdf import read_pdf
from extractors.reading import ExtractionError, Passage, Reading, Row
from schemas.source import TableRules
from tests.conftest import shared
from tests.drawing import (
    LETTER,
    PrintedList,
    Section,
    bulletin_from_dump,
    draw_bulletin_pdf,
    draw_pdf,
    list_from_dump,
    paged,
)

# Windows-1252 is what the standard fonts print; the marks are those of real lists.
SIGNS = "ABCXYZabcxyz0123456789 &<>|\"'.,;:()/-+*%$#@!?=_[]{}~^`\\®™é§–—’“”…"


RULES = TableRules.model_validate(
    {
        "columns": {
            "code": ["Code"],
            "description": ["Description"],
            "pa": ["PA", "PA Required"],
            "effective_from": ["Effective Date"],
        },
        "layouts": [["code", "description", "pa"]],
        "statuses": {"Yes": "required", "No": "not_required"},
    }
)


def drawn(draw: Callable[[Canvas], None], **options: Any) -> bytes:
    """A PDF of what `draw` draws."""
    out = io.BytesIO()
    canvas = Canvas(out, **({"pagesize": LETTER, "invariant": 1} | options))
    canvas.setFont("Helvetica", 10)
    draw(canvas)
    canvas.save()
    return out.getvalue()


def draw_grid(canvas: Canvas, rows: list[list[str]], left: float = 72, top: float = 700) -> None:
    """A ruled grid of cells 120 wide and 20 high."""
    for down, row in enumerate(rows):
        for across, cell in enumerate(row):
            x, y = left + 120 * across, top - 20 * down
            canvas.rect(x, y - 20, 120, 20)
            canvas.drawString(x + 3, y - 14, cell)


def written(
    content: bytes, page: str = "/MediaBox [0 0 612 792]", count: int = 1, packed: str = ""
) -> bytes:
    """The smallest PDF with this content, for what a drawing library refuses to write."""
    fonts = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [3 0 R] /Count {count} >>",
        f"<< /Type /Page /Parent 2 0 R {page} /Contents 4 0 R /Resources {fonts} >>",
        f"<< /Length {len(content)} {packed} >>\nstream\n{content.decode('latin-1')}\nendstream",
    ]
    data = "%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n"
    start = len(data)
    data += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n"
    data += "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    data += f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return data.encode("latin-1")


def rows_of(reading: Reading) -> list[Row]:
    return [line for line in reading.lines if isinstance(line, Row)]


def cells_of(reading: Reading) -> list[tuple[str, ...]]:
    return [row.cells for row in rows_of(reading)]


def texts_of(reading: Reading) -> list[str]:
    return [line.text for line in reading.lines if isinstance(line, Passage)]


def tight(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Cells without blanks: a word wider than its cell is broken over lines."""
    return tuple("".join(cell.split()) for cell in cells)


def only_problem(reading: Reading) -> str:
    (problem,) = reading.problems
    return f"{'held' if problem.holds else 'told'}: {problem.message}"


# ---------------------------------------------------------------- whole documents


def test_list_drawn_as_pdf_gives_its_rows_and_headers_page_by_page() -> None:
    printed = list_from_dump(shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt"))
    pages = [(section.header, *rows) for section in printed.sections for rows in section.pages]
    expected = [(page, tight(row)) for page, rows in enumerate(pages, start=1) for row in rows]
    assert len(expected) == 643 + 42
    reading = read_pdf(draw_pdf(printed, paper=(1224, 1000)))
    assert [(row.place.page, tight(row.cells)) for row in rows_of(reading)] == expected
    assert [row.table for row in rows_of(reading)] == [page for page, _ in expected]
    titles = [line for section in printed.sections for line in section.title]
    assert texts_of(reading) == [*titles, printed.footer]
    assert reading.pages == 42
    assert reading.lines_seen == len(reading.lines) == 643 + 42 + len(titles) + 1
    assert reading.problems == ()


def test_bulletin_drawn_as_pdf_gives_its_paragraphs_and_its_history() -> None:
    bulletin = bulletin_from_dump(shared("seeds", "pdac_k1007_exoskeleton_correct_coding.txt"))
    reading = read_pdf(draw_bulletin_pdf(bulletin))
    assert paragraphs(reading) == bulletin.paragraphs
    assert tuple(cells_of(reading)) == bulletin.history
    assert reading.problems == ()


def paragraphs(reading: Reading) -> list[str]:
    """The printed lines, joined to paragraphs where no white space parts them."""
    joined: list[str] = []
    page, end = 0, 0.0
    for line in reading.lines:
        assert line.place.bbox is not None
        _, top, _, bottom = line.place.bbox
        if isinstance(line, Passage):
            if joined and page == line.place.page and top - end < 0.5 * (bottom - top):
                joined[-1] += f" {line.text}"
            else:
                joined.append(line.text)
        page, end = line.place.page, bottom
    return joined


@st.composite
def printed_lists(draw: st.DrawFn) -> PrintedList:
    """Small lists of any cells: empty ones, long ones, long words, and pages of a few rows."""
    cells = st.text(SIGNS, max_size=70).map(lambda text: " ".join(text.split()))
    sections = []
    for number in range(draw(st.integers(1, 2))):
        width = draw(st.integers(2, 5))
        header = tuple(f"Column {column}" for column in range(width))
        rows = draw(st.lists(st.tuples(*[cells] * width), max_size=6))
        title = (f"Part {number}",) if draw(st.booleans()) else ()
        sections.append(Section(title, header, paged(rows, draw(st.integers(2, 6)))))
    return PrintedList(tuple(sections), draw(st.sampled_from(["", "Copyright © 2026"])))


@given(printed=printed_lists(), padding=st.sampled_from([0.0, 2.0, 6.0]))
@settings(max_examples=60, deadline=None)
def test_any_drawn_list_is_read_back_whole(printed: PrintedList, padding: float) -> None:
    reading = read_pdf(draw_pdf(printed, paper=(500, 700), padding=padding))
    found = [tight(cells) for cells in cells_of(reading)]
    headers = {section.header: tight(section.header) for section in printed.sections}
    body = [tight(row) for section in printed.sections for row in section.rows]
    assert [cells for cells in found if cells not in headers.values()] == body
    assert len(found) - len(body) >= sum(len(section.pages) for section in printed.sections)
    titles = [line for section in printed.sections for line in section.title]
    assert texts_of(reading) == [*titles, *([printed.footer] if printed.footer else [])]
    assert reading.problems == ()


def test_same_bytes_give_the_same_reading() -> None:
    data = drawn(lambda canvas: draw_grid(canvas, [["Code", "PA"], ["A1000", "Yes"]]))
    assert read_pdf(data) == read_pdf(data)


# ---------------------------------------------------------------- places


def test_lines_are_numbered_from_the_top_over_rows_and_passages() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 60, "Footer")
        draw_grid(canvas, [["Code", "PA"], ["A1000", "Yes"]])
        canvas.drawString(72, 720, "Title")
        canvas.showPage()
        draw_grid(canvas, [["E0601", "No"]])

    reading = read_pdf(drawn(draw))
    printed = [(*astuple_place(line), line.raw_text) for line in reading.lines]
    assert printed == [
        (1, 1, "Title"),
        (1, 2, "Code\tPA"),
        (1, 3, "A1000\tYes"),
        (1, 4, "Footer"),
        (2, 1, "E0601\tNo"),
    ]
    assert [row.table for row in rows_of(reading)] == [1, 1, 2]


def astuple_place(line: Row | Passage) -> tuple[int, int]:
    return line.place.page, line.place.line


def test_box_of_a_row_is_its_ruled_box_in_points_from_the_top_left_corner() -> None:
    reading = read_pdf(drawn(lambda canvas: draw_grid(canvas, [["A1000", "Yes"]])))
    assert reading.lines[0].place.bbox == (72.0, 92.0, 312.0, 112.0)


@pytest.mark.parametrize("box", ["10 20 622 812", "622 812 10 20"])
def test_page_whose_corner_is_elsewhere_or_swapped_is_read(box: str) -> None:
    content = b"BT /F1 10 Tf 72 700 Td (Code) Tj ET"
    reading = read_pdf(written(content, page=f"/MediaBox [{box}]"))
    assert texts_of(reading) == ["Code"]


def test_landscape_page_by_rotation_is_read_as_it_is_shown() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(90)
        canvas.translate(612, 0)
        canvas.rotate(90)
        draw_grid(canvas, [["Code", "PA"], ["A1000", "Yes"]], top=500)

    assert cells_of(read_pdf(drawn(draw))) == [("Code", "PA"), ("A1000", "Yes")]


# ---------------------------------------------------------------- ruling lines


def test_cell_that_spans_columns_leaves_empty_cells_beside_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.rect(72, 700, 240, 20)
        canvas.drawString(75, 706, "Wheelchairs")
        draw_grid(canvas, [["K0800", "Yes"]])

    assert cells_of(read_pdf(drawn(draw))) == [("Wheelchairs", ""), ("K0800", "Yes")]


def test_shading_behind_each_line_of_a_cell_does_not_cut_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillGray(0.9)
        for line in range(2):
            canvas.rect(72, 660 + 20 * line, 120, 20, stroke=0, fill=1)
        canvas.setFillGray(0)
        canvas.rect(72, 660, 120, 40)
        canvas.rect(192, 660, 120, 40)
        canvas.drawString(75, 686, "Prior Authorization")
        canvas.drawString(75, 666, "Required?")
        canvas.drawString(195, 686, "Code")

    assert cells_of(read_pdf(drawn(draw))) == [("Prior Authorization\nRequired?", "Code")]


def test_ruling_lines_drawn_as_thin_filled_boxes_make_a_table() -> None:
    def draw(canvas: Canvas) -> None:
        for x in (72, 192, 312):
            canvas.rect(x, 660, 1, 41, stroke=0, fill=1)
        for y in (660, 680, 700):
            canvas.rect(72, y, 241, 1, stroke=0, fill=1)
        for y, cells in ((686, ("Code", "PA")), (666, ("A1000", "Yes"))):
            canvas.drawString(76, y, cells[0])
            canvas.drawString(196, y, cells[1])

    assert cells_of(read_pdf(drawn(draw))) == [("Code", "PA"), ("A1000", "Yes")]


def test_tables_beside_each_other_come_out_one_after_the_other() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "Title")
        draw_grid(canvas, [["E0601", "No"], ["E0602", "No"]], left=330, top=705)
        draw_grid(canvas, [["A1000", "Yes"], ["A1001", "Yes"]], left=72)

    reading = read_pdf(drawn(draw))
    assert [line.raw_text for line in reading.lines] == [
        "Title",
        "A1000\tYes",
        "A1001\tYes",
        "E0601\tNo",
        "E0602\tNo",
    ]
    assert [line.place.line for line in reading.lines] == [1, 2, 3, 4, 5]
    assert len({row.table for row in rows_of(reading)}) == 2


def test_table_without_ruling_lines_is_rows_only_where_its_labels_are_known() -> None:
    rows = [("Code", "Description", "PA"), ("A1000", "Item", "Yes"), ("E0601", "Item", "No")]

    def draw(canvas: Canvas) -> None:
        for down, row in enumerate(rows):
            for across, cell in enumerate(row):
                canvas.drawString(72 + 120 * across, 700 - 14 * down, cell)

    data = drawn(draw)
    assert cells_of(read_pdf(data, RULES)) == rows
    assert texts_of(read_pdf(data)) == [" ".join(row) for row in rows]


def test_underlined_word_in_a_cell_does_not_cut_it() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["", "Yes"]])
        canvas.drawString(74, 686, "see the coverage policy")
        canvas.line(74, 684.5, 190, 684.5)

    reading = read_pdf(drawn(draw))
    assert cells_of(reading) == [("see the coverage policy", "Yes")]
    assert reading.problems == ()


def test_row_without_its_bottom_line_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes"]])
        for x in (72, 192, 312):
            canvas.line(x, 680, x, 660)
        canvas.drawString(75, 666, "E0601")

    reading = read_pdf(drawn(draw))
    assert only_problem(reading).startswith("held: text stands between the ruling lines")
    assert "'E0601'" in only_problem(reading)


def test_column_without_its_outer_line_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes"], ["E0601", "No"]])
        for y in (700, 680, 660):
            canvas.line(312, y, 432, y)
        canvas.drawString(320, 686, "Effective 7.1.2021")

    reading = read_pdf(drawn(draw))
    assert only_problem(reading).startswith("held: text stands between the ruling lines")


@pytest.mark.parametrize("neighbor", ["Yes", ""])
@pytest.mark.parametrize(
    "name", ["Synthetic item with a long name", "Synthetic item of a long name"]
)
def test_text_that_runs_over_its_border_makes_its_row_doubtful(name: str, neighbor: str) -> None:
    rows = [["A1000", "Yes"], [name, neighbor], ["E0601", "No"]]
    reading = read_pdf(drawn(lambda canvas: draw_grid(canvas, rows)))
    assert only_problem(reading).startswith("told: text runs over the border of its cell")
    above, faulty, below = rows_of(reading)
    assert (above.fault, below.fault) == (None, None)
    assert faulty.fault is not None
    assert name[-5:] in faulty.fault


def test_text_that_runs_out_of_its_table_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes, but for adults with diabetes"]])

    assert "held: text runs over the border" in only_problem(read_pdf(drawn(draw)))


def test_problem_of_a_row_names_its_line() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes"], ["Synthetic item with a long name", "Yes"]])

    reading = read_pdf(drawn(draw))
    (problem,) = reading.problems
    assert problem.place is not None
    assert (problem.place.page, problem.place.line) == (1, 2)


def test_struck_text_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes"], ["E0601", "No"]])
        canvas.line(75, 669.5, 110, 669.5)

    assert only_problem(read_pdf(drawn(draw))) == (
        "held: text is struck through: 'E0601'; compare the page"
    )


# ---------------------------------------------------------------- letters


def test_raised_mark_stays_on_its_line() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "CPT")
        canvas.setFont("Helvetica", 6)
        canvas.drawString(92.5, 704, "®")
        canvas.setFont("Helvetica", 10)
        canvas.drawString(103, 700, "Code")

    assert texts_of(read_pdf(drawn(draw))) == ["CPT® Code"]


def test_words_set_without_blanks_are_parted() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Prior")
        canvas.drawString(96, 700, "Authorization")

    assert texts_of(read_pdf(drawn(draw))) == ["Prior Authorization"]


def test_words_printed_twice_to_look_bold_are_read_once() -> None:
    def draw(canvas: Canvas) -> None:
        for shift in (0, 0.3):
            canvas.drawString(72 + shift, 700, "Wheelchairs, all 1111")

    reading = read_pdf(drawn(draw))
    assert texts_of(reading) == ["Wheelchairs, all 1111"]
    assert reading.problems == ()


def test_watermark_is_a_passage_of_its_own() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes"], ["E0601", "No"]])
        canvas.translate(150, 600)
        canvas.rotate(45)
        canvas.drawString(0, 0, "DRAFT")

    reading = read_pdf(drawn(draw))
    assert cells_of(reading) == [("A1000", "Yes"), ("E0601", "No")]
    assert texts_of(reading) == ["DRAFT"]


def test_text_off_the_page_is_told_and_not_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "on the page")
        canvas.drawString(72, 900, "ghost")

    reading = read_pdf(drawn(draw))
    assert texts_of(reading) == ["on the page"]
    assert only_problem(reading) == ("told: text outside the printed area is not read: 'ghost'")


def test_text_in_the_colour_of_its_paper_is_told_and_not_read() -> None:
    def draw(canvas: Canvas) -> None:
        draw_grid(canvas, [["A1000", "Yes"]])
        canvas.setFillGray(1)
        canvas.drawString(220, 686, "No E0601")

    reading = read_pdf(drawn(draw))
    assert cells_of(reading) == [("A1000", "Yes")]
    assert only_problem(reading) == (
        "told: text that cannot be seen is not read: 'No E0601' (it has a code or a status)"
    )


def test_white_text_on_a_dark_band_is_read_and_dark_text_on_it_is_not() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillGray(0.2)
        canvas.rect(72, 680, 240, 20, stroke=0, fill=1)
        canvas.drawString(200, 686, "ghost")
        canvas.setFillGray(1)
        canvas.drawString(75, 686, "Code")

    reading = read_pdf(drawn(draw))
    assert texts_of(reading) == ["Code"]
    assert only_problem(reading) == "told: text that cannot be seen is not read: 'ghost'"


def test_band_drawn_over_dark_text_hides_nothing_before_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFillGray(1)
        canvas.rect(72, 680, 240, 20, stroke=0, fill=1)
        canvas.setFillGray(0)
        canvas.drawString(75, 686, "Code")

    assert texts_of(read_pdf(drawn(draw))) == ["Code"]


def write_invisibly(canvas: Canvas, x: float, y: float, text: str) -> None:
    line = canvas.beginText(x, y)
    line.setTextRenderMode(3)
    line.textOut(text)
    canvas.drawText(line)


def test_text_drawn_without_ink_is_told_and_not_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "seen")
        write_invisibly(canvas, 72, 680, "unseen")

    reading = read_pdf(drawn(draw))
    assert texts_of(reading) == ["seen"]
    assert only_problem(reading) == "told: text that cannot be seen is not read: 'unseen'"


def test_text_without_ink_over_a_scanned_page_is_read_as_recognized() -> None:
    def draw(canvas: Canvas) -> None:
        draw_picture(canvas)
        write_invisibly(canvas, 72, 700, "Prior authorization list of 2026")

    reading = read_pdf(drawn(draw))
    assert texts_of(reading) == ["Prior authorization list of 2026"]
    assert only_problem(reading).startswith("told: the text lies over a picture")


def test_hyphen_at_the_end_of_a_line_stays_one() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "a co-")
        canvas.drawString(72, 688, "operative")

    assert texts_of(read_pdf(drawn(draw))) == ["a co-", "operative"]


def test_letters_set_wide_narrow_or_with_kerning_stand_where_they_are_printed() -> None:
    def draw(canvas: Canvas) -> None:
        line = canvas.beginText(72, 700)
        line.setCharSpace(1)
        line.textOut("wide")
        line.setCharSpace(0)
        line.setHorizScale(50)
        line.textOut(" narrow")
        canvas.drawText(line)

    content = b"BT /F1 10 Tf 72 700 Td [(W) 80 (heel) -700 (chair)] TJ ET"
    assert texts_of(read_pdf(written(content))) == ["Wheel chair"]
    reading = read_pdf(drawn(draw))
    assert texts_of(reading) == ["wide narrow"]
    (box,) = (line.place.bbox for line in reading.lines)
    assert box is not None
    width = stringWidth("wide", "Helvetica", 10) + 4 + stringWidth(" narrow", "Helvetica", 5)
    assert box[2] - box[0] == pytest.approx(width, abs=0.1)


def test_text_marked_to_be_read_as_other_words_is_read_as_printed() -> None:
    content = b"BT /F1 10 Tf 72 700 Td /Span <</ActualText (No)>> BDC (Yes) Tj EMC ET"
    reading = read_pdf(written(content))
    assert texts_of(reading) == ["Yes"]
    assert only_problem(reading).startswith("told: read by the reference engine")


def test_page_that_the_fast_engine_doubts_is_read_by_the_other_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw_without_the_first_letter(*args: Any) -> tuple[Drawn, str]:
        drawn, raw = whole(*args)
        letters = replace(drawn.letters, text=("\ufffd", *drawn.letters.text[1:]))
        return replace(drawn, letters=letters), raw

    whole = Document.draw
    data = drawn(lambda canvas: draw_grid(canvas, [["A1000", "Yes"]]))
    monkeypatch.setattr(Document, "draw", draw_without_the_first_letter)
    reading = read_pdf(data)
    assert cells_of(reading) == [("A1000", "Yes")]
    assert [row.flags for row in rows_of(reading)] == [("reference_engine",)]
    assert only_problem(reading).startswith("told: read by the reference engine, not the fast one")


def test_code_that_is_drawn_and_in_no_line_holds_the_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf_page, "printed_lines", lambda *_: [])
    data = drawn(
        lambda canvas: (
            draw_grid(canvas, [["A1000", "Yes"]]),
            canvas.drawString(72, 500, "E0601"),
        )
    )
    messages = [str(problem) for problem in read_pdf(data).problems if problem.holds]
    assert any("the code 'E0601' is drawn on the page and in none" in each for each in messages)
    assert any("5 characters were lost in reading: '0016E'" in each for each in messages)


def test_parser_writes_no_warnings_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    read_pdf(written(b"BT /F1 10 Tf 72 700 Td (Yes) Tj (No) 1 w /P0 gs ET"))
    assert capsys.readouterr().err == ""


def test_letters_that_a_font_does_not_name_hold_the_document() -> None:
    reading = read_pdf(shared("hostile", "pdf_cid_garbage.pdf").read_bytes())
    assert only_problem(reading).startswith("held: 1 lines of the page have characters")


def test_note_laid_over_the_page_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "E0601 Yes")
        canvas.freeTextAnnotation("withdrawn", "/Helv 10 Tf", [72, 600, 200, 620])

    assert only_problem(read_pdf(drawn(draw))).startswith("held: a FreeText note on the page")


# ---------------------------------------------------------------- pages and files


def draw_picture(canvas: Canvas) -> None:
    picture = ImageReader(Image.new("RGB", (20, 20), "gray"))
    canvas.drawImage(picture, 0, 0, 612, 792)


def test_scanned_page_among_others_is_an_error_that_names_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Page with text")
        canvas.showPage()
        draw_picture(canvas)

    with pytest.raises(ExtractionError, match="page 2 of the PDF is a picture without text"):
        read_pdf(drawn(draw))


def test_scanned_page_with_a_stamp_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        draw_picture(canvas)
        canvas.drawString(500, 20, "Page 1 of 1")

    assert only_problem(read_pdf(drawn(draw))).startswith("held: a picture covers most of")


def test_text_over_a_picture_is_told() -> None:
    def draw(canvas: Canvas) -> None:
        draw_picture(canvas)
        canvas.drawString(72, 700, "Prior authorization list of 2026")

    assert only_problem(read_pdf(drawn(draw))).startswith("told: the text lies over a picture")


def test_blank_page_in_a_document_with_text_is_fine() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "first")
        canvas.showPage()
        canvas.showPage()
        canvas.setFont("Helvetica", 10)
        canvas.drawString(72, 700, "third")

    reading = read_pdf(drawn(draw))
    assert [(line.place.page, line.raw_text) for line in reading.lines] == [
        (1, "first"),
        (3, "third"),
    ]
    assert reading.pages == 3


def test_document_without_any_text_is_an_error() -> None:
    with pytest.raises(ExtractionError, match="none of the 1 pages has any text"):
        read_pdf(drawn(lambda canvas: canvas.line(0, 0, 9, 9)))


def test_document_that_lies_about_its_pages_is_an_error() -> None:
    with pytest.raises(ExtractionError, match="says that it has 7 pages and 1 were found"):
        read_pdf(written(b"BT /F1 10 Tf 72 700 Td (x) Tj ET", count=7))


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("asked", [0, 90, 180, 270])
def test_page_printed_at_any_quarter_turn_is_read_upright(angle: int, asked: int) -> None:
    # The drawing library swaps the sides of a page that asks to be turned by one or three.
    width, height = (792, 612) if asked in (90, 270) else (612, 792)

    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(asked)
        canvas.translate(*{90: (width, 0), 180: (width, height), 270: (0, height)}[angle])
        canvas.rotate(angle)
        draw_grid(canvas, [["Code", "PA"], ["A1000", "Yes"]], top=500)

    reading = read_pdf(drawn(draw))
    assert cells_of(reading) == [("Code", "PA"), ("A1000", "Yes")]
    top = (height if angle == 180 else width) - 500.0
    assert reading.lines[0].place.bbox == (72.0, top, 312.0, top + 20)
    assert reading.problems == ()


def test_document_that_needs_a_password_is_an_error_that_says_so() -> None:
    locked = StandardEncryption("secret", "owner")
    with pytest.raises(ExtractionError, match="locked with a password"):
        read_pdf(drawn(lambda canvas: canvas.drawString(72, 700, "x"), encrypt=locked))


def test_document_that_is_encrypted_for_its_owner_alone_is_read_and_told() -> None:
    open_to_all = StandardEncryption("", "owner")
    data = drawn(lambda canvas: canvas.drawString(72, 700, "Yes"), encrypt=open_to_all)
    reading = read_pdf(data)
    assert texts_of(reading) == ["Yes"]
    assert only_problem(reading) == "told: the PDF is encrypted and opens without a password"


@pytest.mark.parametrize("data", [b"", b"<!doctype html><html>", b"PK\x03\x04"])
def test_file_that_is_no_pdf_is_an_error_that_shows_how_it_begins(data: bytes) -> None:
    with pytest.raises(ExtractionError, match="not a PDF, it begins with"):
        read_pdf(data)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_document_cut_off_anywhere_is_an_error(share: float) -> None:
    whole = drawn(lambda canvas: draw_grid(canvas, [["A1000", "Yes"]]))
    with pytest.raises(ExtractionError, match="cut off"):
        read_pdf(whole[: int(len(whole) * share)])


def test_document_cut_off_after_an_early_end_mark_is_an_error() -> None:
    # As in a file that was updated, or laid out for the web: it has several end marks.
    whole = drawn(lambda canvas: canvas.drawString(72, 700, "Yes"))
    with pytest.raises(ExtractionError, match="cut off"):
        read_pdf(whole + b"9 0 obj\n<< /Length 5 >>\nstream\nabc")


@pytest.mark.parametrize("compression", ["/ASCII85Decode /FlateDecode", "/FlateDecode"])
def test_damaged_stream_is_an_error_though_parsers_read_its_beginning(compression: str) -> None:
    content = zlib.compress(b"BT /F1 10 Tf 72 700 Td (A1000 Yes) Tj ET\n" * 500)
    middle = len(content) // 2
    damaged = content[:middle] + bytes(3) + content[middle + 3 :]
    whole, broken = (
        packed if compression == "/FlateDecode" else base64.a85encode(packed) + b"~>"
        for packed in (content, damaged)
    )
    assert texts_of(read_pdf(written(whole, packed=f"/Filter [{compression}]")))
    with pytest.raises(ExtractionError, match="damaged"):
        read_pdf(written(broken, packed=f"/Filter [{compression}]"))


def test_column_without_ruling_lines_between_two_others_holds_the_document() -> None:
    def draw(canvas: Canvas) -> None:
        for left, cells in ((72, ["A1000", "E0601"]), (350, ["Yes", "No"])):
            draw_grid(canvas, [[cell, ""] for cell in cells], left=left)
        canvas.drawString(320, 686, "not")

    assert "held: text stands between the ruling lines" in only_problem(read_pdf(drawn(draw)))


def test_bytes_after_the_end_are_told() -> None:
    data = drawn(lambda canvas: canvas.drawString(72, 700, "Yes")) + b"<!-- served in 3 ms -->"
    assert only_problem(read_pdf(data)).startswith("told: ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pdf_100k_rects", "draws more than 50,000 objects"),
        ("pdf_dense_line_grid", "more than 20,000 crossings"),
        ("pdf_count_lie", "2147483647 pages and 1 were found"),
        ("pdf_encrypted_user_rc4", "locked with a password"),
        ("pdf_flate_bomb_double", "inflates to more than 64 MiB"),
        ("pdf_form_xobject_fanout", "draws more than 50,000 objects"),
        ("pdf_html_error_page", "not a PDF"),
        ("pdf_length_self_reference", "page 1 of the PDF cannot be parsed"),
        ("pdf_nan_mediabox", "page 1 of the PDF cannot be parsed"),
        ("pdf_page_tree_deep", "cannot be parsed .RecursionError"),
        ("pdf_truncated_tail", "cut off"),
        ("pdf_xref_prev_loop", "cannot be parsed .RecursionError"),
        ("pdf_zero_pages", "no pages"),
    ],
)
def test_hostile_file_is_an_error_that_names_what_is_wrong(name: str, message: str) -> None:
    with pytest.raises(ExtractionError, match=message):
        read_pdf(shared("hostile", f"{name}.pdf").read_bytes())


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("pdf_encrypted_owner_only", 20),
        ("pdf_header_reordered", 20),
        ("pdf_ok_baseline", 40),
        ("pdf_page_2_no_header", 40),
        ("pdf_rotated_270", 20),
        ("pdf_trailing_junk", 40),
    ],
)
def test_odd_file_gives_all_its_rows(name: str, rows: int) -> None:
    reading = read_pdf(shared("hostile", f"{name}.pdf").read_bytes(), RULES)
    codes = [cells[0] for cells in cells_of(reading) if cells[0] != "Code"]
    assert len(codes) == len(set(codes)) == rows
    assert all(re.fullmatch("[A-Z][0-9]{4}", code) for code in codes)
    assert not any(problem.holds for problem in reading.problems)


@pytest.mark.parametrize(
    "name", ["pdf_image_bomb", "pdf_inverted_mediabox", "pdf_javascript_openaction"]
)
def test_odd_file_gives_all_its_lines(name: str) -> None:
    reading = read_pdf(shared("hostile", f"{name}.pdf").read_bytes(), RULES)
    assert [line.raw_text.replace("\t", " ") for line in reading.lines] == [
        "Code Description PA",
        "E0601 Synthetic item Yes",
    ]
    assert not any(problem.holds for problem in reading.problems)


def test_grid_too_dense_to_be_a_table_is_an_error() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "E0601")
        canvas.grid(list(range(0, 612, 6)), list(range(0, 792, 6)))

    with pytest.raises(ExtractionError, match="more than 6,000 crossings"):
        read_pdf(drawn(draw))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_file_ends_in_an_error_or_a_reading(data: st.DataObject) -> None:
    whole = bytearray(drawn(lambda canvas: draw_grid(canvas, [["A1000", "Yes"]])))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        reading = read_pdf(bytes(whole))
    except ExtractionError:
        return
    assert reading.lines
