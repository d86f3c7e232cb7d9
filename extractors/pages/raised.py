"""Raised digits, such as a footnote's mark set behind a code, as the characters that show them.

A page sets such a digit smaller and higher than the text it stands at, and only so can a reader
tell `E0601` with the mark 1 from `E06011`. Digits that begin a line or stand by themselves are
left as they are: nothing shows what they are raised above.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from extractors.pages.ink import Ink
from extractors.pages.words import TOUCHING, WORD_GAP

# A raised digit is at most this large, and this much higher, as shares of the text's size.
SMALLER = 0.9
RAISED = 0.15
_SUPERSCRIPTS = dict(zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True))


def with_superscripts(ink: Ink) -> Ink:
    """The page with the digits that are raised above the text before them as superscripts."""
    sizes, boxes = ink.sizes, ink.boxes
    smaller = np.flatnonzero(sizes[1:] <= SMALLER * sizes[:-1]) + 1
    text: list[str] | None = None
    for first in smaller.tolist():
        base = first - 1
        if not ink.text[base].strip() or not (ink.upright[base] and ink.upright[first]):
            continue
        letter, before = first, base
        while letter < len(sizes) and ink.text[letter] in _SUPERSCRIPTS:
            gap = (boxes[letter, 0] - boxes[before, 2]) / sizes[base]
            height = (boxes[base, 3] - boxes[letter, 3]) / sizes[base]
            if sizes[letter] != sizes[first] or not -WORD_GAP <= gap <= WORD_GAP + TOUCHING:
                break
            if not RAISED <= height <= 1:
                break
            text = list(ink.text) if text is None else text
            text[letter] = _SUPERSCRIPTS[ink.text[letter]]
            letter, before = letter + 1, letter
    return ink if text is None else replace(ink, text=tuple(text))
