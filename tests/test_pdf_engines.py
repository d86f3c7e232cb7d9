"""Both engines read every PDF at hand alike: the same lines, cells and places on every page.

Pages where they differ are listed with the engine that is right and why. pdfplumber's own tables
are a third witness, which shares none of our code.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pdfplumber
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from extractors.pages.document import leaves, opened
from extractors.pages.drawn import Drawn, ink_of
from extractors.pages.file_bytes import check_bytes
from extractors.pages.page import Sheet, read_page
from extractors.pages.pdfium import Document, Unsure
from extractors.pages.plumber import drawn_by_plumber
from extractors.reading import ExtractionError, Row
from tests.conftest import SHARED, shared
from tests.drawing import LETTER, draw_pdf, draw_unruled_pdf, list_from_dump

# Points that the engines' boxes may differ by: a letter that leans may be boxed with its lean.
SAME_PLACE = 1.0
LEAN = 2.5

_BULLET = "the reference engine: it names the bullet, the fast one takes it for another letter"
_LEANING = "the reference engine: an italic f leans over the gap to the next word"

# (file, page): which engine is right and why. Columns without ruling lines are looked for in
# lists alone: prose of several columns is no table, and where its gaps are is no fact.
DIFFERENCES = {
    ("us-010.pdf", 1): _BULLET,
    ("us-010.pdf", 2): _BULLET,
    ("us-010.pdf", 3): _BULLET,
    ("us-011a.pdf", 1): _BULLET,
    ("us-011a.pdf", 2): _BULLET,
    ("us-011a.pdf", 3): _BULLET,
    ("us-019.pdf", 1): _LEANING,
    ("us-025.pdf", 1): _LEANING,
}


def files() -> list[str]:
    found = [*SHARED.glob("hostile/pdf_*.pdf"), *SHARED.glob("corpus/**/*.pdf")]
    return sorted(str(path.relative_to(SHARED)) for path in found)


def sheets(
    data: bytes, labels: frozenset[str] | None
) -> Iterator[tuple[int, Sheet | str, Sheet | str]]:
    """Each page as read by the fast engine and by the reference engine, or why it is not."""
    pdf = opened(data)
    fast = Document(data)
    try:
        for leaf in leaves(pdf):
            try:
                drawn, raw = fast.draw(leaf.number, leaf.view, leaf.turn)
                one = _sheet(drawn, raw, labels)
            except Unsure:
                continue
            except ExtractionError as error:
                one, raw = str(error), ""
            try:
                other = drawn_by_plumber(pdf, leaf.page, leaf.number, leaf.view)
                yield leaf.number, one, _sheet(other, raw, labels)
            except ExtractionError as error:
                yield leaf.number, one, str(error)
    finally:
        fast.close()


def _sheet(drawn: Drawn, raw: str, labels: frozenset[str] | None) -> Sheet:
    return read_page(ink_of(drawn), raw, labels, 0, ())


def texts(sheet: Sheet | str) -> object:
    if isinstance(sheet, str):
        return sheet
    return [line.cells if isinstance(line, Row) else line.text for line in sheet.lines]


def differences(data: bytes, labels: frozenset[str] | None) -> dict[int, str]:
    """The pages where the engines differ, and in what."""
    found = {}
    for number, one, other in sheets(data, labels):
        if texts(one) != texts(other):
            found[number] = f"fast: {texts(one)}\nreference: {texts(other)}"
        elif isinstance(one, Sheet) and isinstance(other, Sheet):
            for line, twin in zip(one.lines, other.lines, strict=True):
                assert line.place.bbox is not None
                assert twin.place.bbox is not None
                apart = [abs(a - b) for a, b in zip(line.place.bbox, twin.place.bbox, strict=True)]
                allowed = SAME_PLACE if isinstance(line, Row) else LEAN
                if max(apart) > allowed:
                    found[number] = f"{line} is elsewhere: {twin}"
    return found


@pytest.mark.parametrize("name", files())
def test_engines_read_the_file_alike(name: str) -> None:
    data = shared(*Path(name).parts).read_bytes()
    known = {page for file, page in DIFFERENCES if file == Path(name).name}
    try:
        check_bytes(data)
        found = differences(data, None if "icdar" in name else frozenset())
    except (ExtractionError, Unsure):
        return  # no engine gets as far as a page
    assert {page: text for page, text in found.items() if page not in known} == {}
    assert known <= set(found), "the engines no longer differ: take the page off the list"


def test_engines_read_drawn_lists_alike() -> None:
    printed = list_from_dump(shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt"))
    for data in (draw_pdf(printed, padding=0), draw_unruled_pdf(printed)):
        assert differences(data, frozenset()) == {}


def test_rows_are_those_that_pdfplumber_finds_by_itself() -> None:
    printed = list_from_dump(shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt"))
    data = draw_pdf(printed, paper=(1224, 1000))
    with pdfplumber.open(io.BytesIO(data)) as pdf:
        for page, (number, sheet, _) in zip(pdf.pages, sheets(data, None), strict=True):
            if number % 6 != 1:
                continue
            assert isinstance(sheet, Sheet)
            found = [
                tuple(cell or "" for cell in row)
                for table in page.extract_tables()
                for row in table
            ]
            assert [line.cells for line in sheet.lines if isinstance(line, Row)] == found
            page.close()


@given(
    words=st.lists(
        st.tuples(
            st.text("AVWTfjry./®CPT019 ", min_size=1, max_size=12),
            st.sampled_from(["Helvetica", "Helvetica-Oblique", "Times-Italic", "Courier"]),
            st.floats(5, 20),
            # Wide setting, as a share of the size; words part at 0.15.
            st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.4]),
            st.sampled_from([0, 90, 180, 270]),
        ),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_engines_see_any_drawn_words_at_the_same_places(
    words: list[tuple[str, str, float, float, int]],
) -> None:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1)
    for number, (text, font, size, space, angle) in enumerate(words):
        canvas.saveState()
        canvas.translate(300, 60 + 80 * number)
        canvas.rotate(angle)
        line = canvas.beginText(0, 0)
        line.setFont(font, size)
        line.setCharSpace(space * size)
        line.textOut(text)
        canvas.drawText(line)
        canvas.restoreState()
    canvas.save()
    assert differences(out.getvalue(), None) == {}
