"""Whether the lines of a page say what is printed on it: the checks after reading.

Each holds the lines against something that the reading did not use: all letters of the page, the
text as an engine puts it together by itself, and what a font may say of its letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from extractors.pages.boxes import union
from extractors.pages.ink import Box, Ink
from extractors.pages.words import inked_codes, one_line
from extractors.reading import Passage, Problem, Row
from schemas.codes import PATTERNS

_UNREADABLE = re.compile(r"\(cid:\d+\)|[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_BULLET = re.compile(rf"(?:{_UNREADABLE.pattern}) (?:(?!{_UNREADABLE.pattern}).)*")
_LENGTH = 5  # of a code in any system
_NO_SIGNS = bytes(code if chr(code).isalnum() and code < 0x80 else 0x20 for code in range(0x100))
_CODE = re.compile("|".join(PATTERNS.values()))
# Letters nearer than this share of their size are of one word.
_TOUCHING = 0.1


def imbalance(text: str, ink: Ink) -> Iterator[str]:
    """What is lost or doubled: every character of the page must stand in exactly one line."""
    if np.array_equal(np.sort(inked_codes(ink)), np.sort(inked_codes(text))):
        return
    letters = "".join("".join(ink.text).split())
    printed, handed_on = Counter(letters), Counter("".join(text.split()))
    for what, difference in (("lost", printed - handed_on), ("doubled", handed_on - printed)):
        signs = "".join(sorted(difference.elements()))
        if signs:
            yield f"{len(signs)} characters were {what} in reading: {one_line(signs)!r}"


def missing_codes(text: str, raw: str, ink: Ink) -> Iterator[tuple[str, Box]]:
    """The codes that an engine's own text of the page has and its lines have not, and where.

    An engine's own text may put letters of two cells together; so a code counts only where its
    letters were drawn one after the other and touch.
    """
    for code in sorted(codes_in(raw, besides=text)):
        box = _drawn_at(code, ink)
        if box:
            yield f"the code {code!r} is drawn on the page and in none of its lines", box


def unreadable(text: str, lines: Sequence[Row | Passage]) -> Problem | None:
    """Characters whose font does not say which letters they are; a bullet does no harm."""
    if not _UNREADABLE.search(text):
        return None
    bad = [line for line in lines if _UNREADABLE.search(line.raw_text)]
    worse = [line for line in bad if isinstance(line, Row) or not _BULLET.fullmatch(line.raw_text)]
    first = (worse or bad)[0]
    message = (
        f"{len(bad)} lines of the page have characters that the font does not name, as in "
        f"{one_line(first.raw_text)!r}: ask the publisher for a PDF with text"
    )
    return Problem(message, first.place, holds=bool(worse))


def codes_in(text: str, besides: str = "") -> set[str]:
    """The codes that stand in one text and not in the other."""
    words = set(_words(text)).difference(_words(besides))
    return set(filter(_CODE.fullmatch, (word.decode() for word in words if len(word) == _LENGTH)))


def _words(text: str) -> list[bytes]:
    """The words of plain letters and digits."""
    return text.encode("ascii", "replace").translate(_NO_SIGNS).split()


def _drawn_at(code: str, ink: Ink) -> Box | None:
    joined = "".join(text[:1] or " " for text in ink.text)
    for match in re.finditer(re.escape(code), joined):
        letters = list(range(match.start(), match.end()))
        if all(_touch(ink, one, other) for one, other in pairwise(letters)):
            return union(ink.boxes[letters])
    return None


def _touch(ink: Ink, one: int, other: int) -> bool:
    near = _TOUCHING * ink.sizes[other]
    gap = ink.boxes[other, 0] - ink.boxes[one, 2]
    return bool(abs(gap) < near and abs(ink.boxes[one, 3] - ink.boxes[other, 3]) < near)
