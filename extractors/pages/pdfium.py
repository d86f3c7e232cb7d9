"""The fast engine: pages of a PDF as the C library pdfium draws them.

Where the library answers with something else than what is printed (words that a file says to take
instead, letters that run to the left), it is not asked further: `Unsure` says why.
"""

from __future__ import annotations

import ctypes

from extractors.pages import pdfium_calls as pdfium
from extractors.pages.document import MAX_OBJECTS, too_much_drawn
from extractors.pages.drawn import Drawn
from extractors.pages.ink import Box
from extractors.pages.pdfium_letters import letters_of
from extractors.pages.pdfium_objects import (
    Unsure,
    check_words_behind,
    objects_of,
    paths_of,
    pictures_of,
)

__all__ = ["Document", "Unsure"]


class Document:
    """An open document. Close it, and ask for one page at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = data  # pdfium reads from it as long as the document is open
        address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value
        self._handle = pdfium.load_document(address, len(data), None)
        if not self._handle:
            raise Unsure(f"the fast engine cannot open the file (error {pdfium.last_error()})")

    @property
    def pages(self) -> int:
        return int(pdfium.count_pages(self._handle))

    def close(self) -> None:
        pdfium.close_document(self._handle)

    def draw(self, number: int, view: Box, turn: int) -> tuple[Drawn, str]:
        """What page `number` (from 1) draws, and its text as the library puts it together.

        Raises `Unsure`, and `ExtractionError` where the page draws beyond all measure.
        """
        page = pdfium.load_page(self._handle, number - 1)
        if not page:
            raise Unsure("the fast engine cannot load the page")
        try:
            text = pdfium.load_text(page)
            if not text:
                raise Unsure("the fast engine cannot load the text of the page")
            try:
                return _draw(page, text, number, view, turn)
            finally:
                pdfium.close_text(text)
        finally:
            pdfium.close_page(page)


def _draw(page: int, text: int, number: int, view: Box, turn: int) -> tuple[Drawn, str]:
    objects = objects_of(page, number)
    count = pdfium.count_chars(text)
    if count + len(objects.handles) > MAX_OBJECTS:
        raise too_much_drawn(number)
    check_words_behind(objects)
    letters, raw = letters_of(text, max(count, 0), objects)
    drawn = Drawn(number, view, turn, letters, paths_of(objects), pictures_of(objects))
    return drawn, raw
