"""Heights at which something drawn parts a table: ruling lines across it, and shaded bands.

A line or a band counts that spans at least half of the table, in pieces or at once. White fills
are no bands, and fills of one colour that touch are one band: where one ends cannot be seen.
"""

from __future__ import annotations

import numpy as np

from extractors.pages.ink import Floats, Ink

# The share of a table's width that must be drawn.
ACROSS = 0.5
# Points within which two heights are one.
NEAR = 1.0
WHITE = 0.98


def heights_parting(ink: Ink, across: tuple[float, float], down: tuple[float, float]) -> Floats:
    """The heights, from the top, at which a table of this extent is parted."""
    flat = ink.rules[ink.rules[:, 1] == ink.rules[:, 3]]
    sides = ink.frames[:, [0, 1, 2, 1]], ink.frames[:, [0, 3, 2, 3]]
    lines = np.concatenate((flat, *sides))
    heights = np.append(_spanning(lines[:, [0, 2]], lines[:, 1], across), _edges(ink, across))
    heights = np.sort(heights[(heights > down[0]) & (heights < down[1])])
    return heights[np.append(True, np.diff(heights) > NEAR)] if len(heights) else heights


def _spanning(spans: Floats, heights: Floats, across: tuple[float, float]) -> Floats:
    """The heights at which spans, put together, go across at least half of a table."""
    shares = np.minimum(spans[:, 1], across[1]) - np.maximum(spans[:, 0], across[0])
    crossing = shares > 0
    heights, shares = heights[crossing], shares[crossing]
    if not len(heights):
        return heights
    order = np.argsort(heights)
    heights, shares = heights[order], shares[order]
    firsts = np.flatnonzero(np.append(True, np.diff(heights) > NEAR))
    wide = np.add.reduceat(shares, firsts) >= ACROSS * (across[1] - across[0])
    return heights[firsts[wide]]


def _edges(ink: Ink, across: tuple[float, float]) -> Floats:
    """The upper and lower edges of shaded bands that can be seen."""
    shaded = (ink.shades < WHITE).any(axis=1)
    fills, shades = ink.fills[shaded], ink.shades[shaded].round(2)
    found = [np.zeros(0)]
    for shade in np.unique(shades, axis=0):
        alike = fills[(shades == shade).all(axis=1)]
        tops = _spanning(alike[:, [0, 2]], alike[:, 1], across)
        bottoms = _spanning(alike[:, [0, 2]], alike[:, 3], across)
        hidden = np.abs(tops[:, None] - bottoms[None, :]) <= NEAR
        found += [tops[~hidden.any(axis=1)], bottoms[~hidden.any(axis=0)]]
    return np.concatenate(found)
