"""The lines that a table without row lines lacks where a page breaks it: its upper or lower side.

Programs that draw a table's borders cell by cell, such as spreadsheets, leave the sides open on
which it goes on over the page. Three lines or more that end at one height, with several lines of
text between them and none beside them, show where such a side would be. Two lines alone may frame
anything, and a single line of text may be a row that lost its own border.
"""

from __future__ import annotations

import numpy as np

from extractors.pages.ink import Floats, Ink
from extractors.pages.rules import SNAP, Rules
from extractors.pages.words import blanks

# Lines down a page that end at one height: two columns at least.
FEWEST = 3
# A side is there if this share of it is drawn this near, in points: corners may be round.
CLOSED, CORNER = 0.5, 6.0


def closed_sides(ink: Ink, rules: Rules) -> tuple[Rules, Floats]:
    """The ruling lines of a page with those that close tables open above or below.

    The heights of the latter, which the page does not show.
    """
    none = np.zeros(0)
    if len(rules.down) < FEWEST:
        return rules, none
    inked = np.flatnonzero(~blanks(ink) & ink.upright)
    middles = (ink.boxes[inked, :2] + ink.boxes[inked, 2:]) / 2
    letters = np.column_stack((middles, ink.sizes[inked]))
    found = [*_sides(rules, letters, 1), *_sides(rules, letters, 2)]
    if not found:
        return rules, none
    sides = np.array(found)
    across = np.concatenate((rules.across, sides))
    return Rules(across[np.lexsort((across[:, 1], across[:, 0]))], rules.down), sides[:, 0]


def _sides(rules: Rules, letters: Floats, end: int) -> list[tuple[float, float, float]]:
    """The missing sides at the upper (1) or lower (2) ends of the lines down the page.

    `letters` are the middles of the page's letters and their sizes.
    """
    lines = rules.down[rules.down[:, end].argsort(kind="stable")]
    groups = np.split(lines, np.flatnonzero(np.diff(lines[:, end]) > SNAP) + 1)
    found = []
    for group in groups:
        if len(group) < FEWEST:
            continue
        at = float(group[:, end].mean())
        left, right = float(group[:, 0].min()), float(group[:, 0].max())
        height, start, stop = rules.across.T
        over = (start <= left + SNAP) & (stop >= right - SNAP)
        near = np.abs(height - at) <= CORNER
        drawn = np.minimum(stop, right)[near] - np.maximum(start, left)[near]
        if drawn.clip(0).sum() >= CLOSED * (right - left):
            continue
        # The stretch that the side would close, up to the next line across it.
        low, high = float(group[:, 1].max()), float(group[:, 2].min())
        if end == 1:
            high = float(height[over & (height > at)].min(initial=high))
        else:
            low = float(height[over & (height < at)].max(initial=low))
        within = (letters[:, 1] > low) & (letters[:, 1] < high)
        beside = (letters[:, 0] < left) | (letters[:, 0] > right)
        own = letters[within]
        if len(own) and np.ptp(own[:, 1]) > own[:, 2].max() and not (within & beside).any():
            found.append((at, left, right))
    return found
