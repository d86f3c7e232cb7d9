"""Paragraphs made of printed lines, with the line of each character kept.

Knows when a line goes on with the one above it. What a paragraph says is not known here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from extractors.prose.sentences import ends_sentence
from extractors.reading import Passage, Reading, Row
from schemas.provenance import Place

# No text is wrapped at more characters than this.
LONGEST_WRAPPED = 160
# The share of a full line from which on a line is full.
FULL = 0.6

Line = Row | Passage

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_LIST_ITEM = re.compile(r"(?:[•▪‣·*–—-]|\(?\d{1,2}[.)]|\(?[A-Za-z][.)])\s")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of printed lines that belong together, as one text.

    `starts` has, for each line, where its text starts in the paragraph's. `header` is the first
    row of the table, where the paragraph is another row of it.
    """

    text: str
    lines: tuple[Line, ...]
    starts: tuple[int, ...]
    section: str | None = None
    is_heading: bool = False
    header: Row | None = None

    @property
    def row(self) -> Row | None:
        """The table row that the paragraph is, if it is one."""
        return self.lines[0] if isinstance(self.lines[0], Row) else None

    def printed(self, start: int, end: int) -> tuple[Place, str]:
        """The place where characters `start` to `end` are printed, and the lines as printed."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = max(bisect_right(self.starts, max(end - 1, start)) - 1, first)
        lines = self.lines[first : last + 1]
        return lines[0].place, "\n".join(line.raw_text for line in lines)


def plain(text: str) -> str:
    """Text without invisible characters and with every run of white space as one blank.

    Marks such as the trade-mark sign stay what they are, unlike in a code cell.
    """
    return " ".join(text.translate(_INVISIBLE).split())


def text_of(line: Line) -> str:
    """The text of a line; of a table row its cells between bars, empty ones left out."""
    if isinstance(line, Passage):
        return plain(line.text)
    return " | ".join(cell for cell in map(plain, line.cells) if cell)


def join_lines(
    lines: tuple[Line, ...],
    section: str | None = None,
    *,
    is_heading: bool = False,
    header: Row | None = None,
) -> Paragraph:
    """The paragraph that lines make. A word broken at a hyphen keeps it."""
    text = ""
    starts = []
    for line in lines:
        words = text_of(line)
        if text and not (text.endswith("-") and words[:1].islower()):
            text += " "
        starts.append(len(text))
        text += words
    return Paragraph(text, lines, tuple(starts), section, is_heading, header)


def wrap_width(reading: Reading) -> int | None:
    """Characters of a full line where paragraphs are wrapped; None where a line is a paragraph.

    A format with geometry has printed lines. Other lines are taken for wrapped where all are
    short and some begin in lower case below a line that ends no sentence.
    """
    texts = [text_of(line) for line in reading.lines if isinstance(line, Passage)]
    longest = max(map(len, texts), default=0)
    if any(line.place.bbox for line in reading.lines):
        return longest
    broken = sum(
        below[:1].islower() and above != "" and not ends_sentence(above)
        for above, below in pairwise(texts)
    )
    return longest if longest <= LONGEST_WRAPPED and broken >= 2 else None


def continues(above: Line, text: str, width: int | None) -> bool:
    """Whether a line goes on with the paragraph above it.

    It does in a wrapped document where the line above does not end a sentence and is full, or
    breaks off at a comma or hyphen, or the line begins in lower case. A list item never does.
    """
    if width is None or _LIST_ITEM.match(text):
        return False
    before = text_of(above)
    if ends_sentence(before):
        return False
    return text[0].islower() or before[-1] in ",-–(" or len(before) >= FULL * width
