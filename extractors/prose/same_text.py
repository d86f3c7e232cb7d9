"""Which publications say the same words: a key of the words alone.

One bulletin stands on the sites of several contractors, each with its own byline, dates and
furniture. Its title, its sections and its history are the same there. Which address it came from,
and which of several copies is kept, is not known here.
"""

from __future__ import annotations

import re
import unicodedata

from extractors.prose.imprint import is_history_heading
from extractors.prose.outline import Outline
from schemas.provenance import digest

_RUN = re.compile(r"[^\W_]+")
# Two numbers, as in 3.6.2.4, stay two when what stands between them goes.
_BETWEEN_NUMBERS = re.compile(r"(?<=\d) (?=\d)")


def text_key(shape: Outline) -> str | None:
    """The key of a publication's words; None for one without any text below its title.

    Title, sections and history count; byline and dates of posting do not. Nor do capitals,
    marks, blanks and line breaks, the order of the history, or how its days are printed.
    """
    body = [
        text
        for section in shape.sections
        for text in (_heading(section.heading), section.text)
        if text
    ]
    words = spelled("\n".join(body))
    if not words:
        return None
    history = sorted(
        (revision.changed_on, spelled(revision.description)) for revision in shape.revisions
    )
    return digest([spelled(shape.title or ""), words, *history])


def spelled(text: str) -> str:
    """The letters and digits of a text in small letters, with a blank between numbers only."""
    runs = _RUN.findall(unicodedata.normalize("NFC", text).casefold())
    parted = _BETWEEN_NUMBERS.sub("\n", " ".join(runs))
    return parted.replace(" ", "").replace("\n", " ")


def _heading(heading: str | None) -> str | None:
    return None if heading is None or is_history_heading(heading) else heading
