"""Boxes around boxes, and runs of equal values: what all steps of reading a page do with arrays.

Column by column throughout, which numpy is ten times as fast at as at rows of two or four.
"""

from __future__ import annotations

import numpy as np

from extractors.pages.ink import Bools, Box, Floats, Ints


def union(boxes: Floats) -> Box:
    """The box around boxes, in points with two decimals."""
    return unions(boxes, np.zeros(1, np.int64))[0]


def unions(boxes: Floats, starts: Ints) -> list[Box]:
    """The box around the boxes from each start to the next, in points with two decimals."""
    lows, highs = extents(boxes, starts)
    return [
        (round(x0, 2), round(top, 2), round(x1, 2), round(bottom, 2))
        for x0, top, x1, bottom in np.array([*lows, *highs]).T.tolist()
    ]


def middles(boxes: Floats) -> tuple[Floats, Floats]:
    """The middles of boxes, x and y."""
    return (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2


def extents(boxes: Floats, starts: Ints) -> tuple[list[Floats], list[Floats]]:
    """The least left and top, and the greatest right and bottom, from each start to the next."""
    lows = [np.minimum.reduceat(boxes[:, side], starts) for side in (0, 1)]
    return lows, [np.maximum.reduceat(boxes[:, side], starts) for side in (2, 3)]


def changes(values: Ints | Floats) -> Bools:
    """Whether a value is another one than the value before it; the first is."""
    differs = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=differs[1:])
    return differs
