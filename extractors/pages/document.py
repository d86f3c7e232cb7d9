"""The structure of a PDF file: its catalogue, its pages and what is laid over them.

Read by a parser in Python, whichever engine draws the pages: it raises where a file is unsound,
while the fast engine makes the best of it and says nothing. Nothing is run or followed.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pdfplumber
from pdfminer.pdfdocument import PDFPasswordIncorrect
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFStream, resolve1
from pdfminer.psparser import PSLiteral
from pdfplumber.pdf import PDF
from pdfplumber.utils.exceptions import PdfminerException

from extractors.pages.ink import Box
from extractors.pages.words import one_line
from extractors.reading import ExtractionError, Problem

MAX_OBJECTS = 50_000  # letters, lines, pictures of one page; a dense list page has 6,000

_ACTIVE = ("JavaScript", "Launch", "SubmitForm", "ImportData")
_NOTES = ("FreeText", "Widget", "StrikeOut", "Redact", "Stamp")

_DO = re.compile(rb"/[^\s/]+\s+Do\b")

# Its warnings about odd files are no news to anyone: what is missing is found and reported here.
logging.getLogger("pdfminer").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of the document before anything is drawn.

    `view` is the part of it that is shown: left, bottom, right and top in points, upwards. `turn`
    are the quarter turns clockwise that it asks for.
    """

    number: int
    page: PDFPage
    view: Box
    turn: int


@contextmanager
def named(place: str) -> Iterator[None]:
    """Turns whatever a parser raises into an error that names the place. They raise anything."""
    try:
        yield
    except ExtractionError:
        raise
    except Exception as error:
        cause = error.args[0] if isinstance(error, PdfminerException) and error.args else error
        if isinstance(cause, PDFPasswordIncorrect):
            raise ExtractionError(
                "the PDF is locked with a password: ask the publisher for an open one"
            ) from error
        raise ExtractionError(
            f"{place} of the PDF cannot be parsed ({type(cause).__name__}: "
            f"{one_line(str(cause))}): fetch it again or ask the publisher for a sound file"
        ) from error


def opened(data: bytes) -> PDF:
    """The document. Raises `ExtractionError` where it is locked or has no structure."""
    with named("the file"):
        return pdfplumber.open(io.BytesIO(data))


def document_problems(pdf: PDF) -> list[Problem]:
    """What is to be told of the document as such."""
    problems = []
    if pdf.doc.encryption is not None:
        problems.append(Problem("the PDF is encrypted and opens without a password", holds=False))
    catalog = pdf.doc.catalog
    action = resolve1(catalog.get("OpenAction"))
    names = resolve1(catalog.get("Names"))
    kind = _name(action.get("S")) if isinstance(action, dict) else None
    if kind in _ACTIVE or (isinstance(names, dict) and "JavaScript" in names):
        problems.append(
            Problem(f"the PDF holds active content ({kind or 'JavaScript'}); not run", holds=False)
        )
    layers = resolve1(catalog.get("OCProperties"))
    setting = resolve1(layers.get("D")) if isinstance(layers, dict) else None
    if isinstance(setting, dict) and resolve1(setting.get("OFF")):
        problems.append(
            Problem("the PDF has layers that are switched off, and their text is read as well")
        )
    return problems


def leaves(pdf: PDF) -> Iterator[Leaf]:
    """The pages one by one, in order.

    Raises `ExtractionError` for a page that is unsound, or whose forms draw beyond all measure.
    """
    found = PDFPage.create_pages(pdf.doc)
    draws: dict[int, int] = {}
    number = 0
    while True:
        number += 1
        with named(f"page {number}"):
            page = next(found, None)
            if page is None:
                return
            # Corners may be given in any order.
            page.mediabox = _ordered(page.mediabox)
            leaf = Leaf(
                number=number,
                page=page,
                view=_common(page.mediabox, _ordered(page.cropbox)),
                turn=page.rotate // 90 % 4,
            )
            if _draws(page.resources, draws, ()) > MAX_OBJECTS:
                raise too_much_drawn(number)
        yield leaf


def check_page_count(pdf: PDF, pages: int) -> None:
    """Raises `ExtractionError` where so many pages were found and the file says otherwise.

    Each branch of the pages is held against its own number: the fast engine counts by those.
    """
    tree = resolve1(pdf.doc.catalog.get("Pages"))
    declared = resolve1(tree.get("Count")) if isinstance(tree, dict) else None
    if declared != pages:
        raise ExtractionError(
            f"the PDF says that it has {declared} pages and {pages} were found: fetch it again or "
            "ask the publisher for a sound file"
        )
    _pages_below(tree)


def _pages_below(node: Any) -> int:
    kids = resolve1(node.get("Kids"))
    if not isinstance(kids, list):
        return 1
    found = sum(_pages_below(resolve1(kid)) for kid in kids)
    declared = resolve1(node.get("Count"))
    if declared != found:
        raise ExtractionError(
            f"a branch of the PDF says that it has {declared} pages and {found} were found: fetch "
            "it again or ask the publisher for a sound file"
        )
    return found


def notes_over(page: PDFPage) -> Iterator[str]:
    """Notes laid over the page that say something the printed text does not, in words."""
    for reference in resolve1(page.annots) or []:
        note = resolve1(reference)
        if not isinstance(note, dict):
            continue
        kind = _name(note.get("Subtype"))
        text = resolve1(note.get("V") if kind == "Widget" else note.get("Contents"))
        if kind in _NOTES and (kind != "Widget" or text):
            shown = one_line(repr(text))
            yield f"a {kind} note on the page is not read: {shown}; compare the page"


def too_much_drawn(number: int) -> ExtractionError:
    """The error for a page that draws beyond all measure."""
    return ExtractionError(
        f"page {number} of the PDF draws more than {MAX_OBJECTS:,} objects: "
        "look at it by hand before it is read"
    )


def _name(value: Any) -> str | None:
    value = resolve1(value)
    return str(value.name) if isinstance(value, PSLiteral) else None


def _ordered(box: Any) -> Box:
    x0, y0, x1, y1 = (float(side) for side in box)
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _common(page: Box, crop: Box) -> Box:
    left, bottom = max(page[0], crop[0]), max(page[1], crop[1])
    right, top = min(page[2], crop[2]), min(page[3], crop[3])
    return (left, bottom, right, top) if left < right and bottom < top else page


def _draws(resources: Any, known: dict[int, int], above: tuple[int, ...]) -> int:
    """At most how many objects one drawing of any of these forms takes, forms within included.

    Only forms within forms are counted: with them, a file of a few bytes draws without end.
    """
    resources = resolve1(resources)
    forms = resolve1(resources.get("XObject")) if isinstance(resources, dict) else None
    most = 0
    for reference in forms.values() if isinstance(forms, dict) else ():
        number = getattr(reference, "objid", id(reference))
        if number in above:
            return MAX_OBJECTS + 1
        if number not in known:
            form = resolve1(reference)
            known[number] = 0
            if isinstance(form, PDFStream) and _name(form.get("Subtype")) == "Form":
                within = _draws(form.get("Resources"), known, (*above, number))
                calls = len(_DO.findall(form.get_data())) if within else 0
                known[number] = min(1 + calls * within, MAX_OBJECTS + 1)
        most = max(most, known[number])
    return most
