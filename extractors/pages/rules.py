"""The ruling lines of a page: those drawn in pieces, twice or cell by cell put together.

Knows straight lines and nothing of what they enclose. Lines, framed boxes, and filled boxes so
thin that they are drawn as lines count. Wider filled boxes are background: word processors lay
one behind each line of a cell, and its sides are no rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractors.pages.ink import Floats, Ink

# Lines nearer than this are one ruling line, drawn twice or cell by cell.
SNAP = 2.0
# Gaps in a ruling line up to this are closed, as between the borders of neighboring cells.
JOIN = 3.0
SHORTEST_RULE = 3.0

_SHORTEST_PIECE = 0.5
# Position, start and end of the sides of a box.
_LEFT, _TOP, _RIGHT, _BOTTOM = (0, 1, 3), (1, 0, 2), (2, 1, 3), (3, 0, 2)
# Above any coordinate: keys of two parts are sorted as one number, which is much faster.
_FAR = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Ruling lines: position, start and end of each, in the order of position and start."""

    across: Floats  # (h, 3): top, x0, x1
    down: Floats  # (v, 3): x, top, bottom


def rules_of(ink: Ink) -> Rules:
    """The ruling lines of a page, each as one from end to end."""
    lines, frames = ink.rules, ink.frames
    across = [lines[lines[:, 1] == lines[:, 3]].take(_TOP, axis=1)]
    down = [lines[lines[:, 0] == lines[:, 2]].take(_LEFT, axis=1)]
    if len(frames):
        across += [frames.take(_TOP, axis=1), frames.take(_BOTTOM, axis=1)]
        down += [frames.take(_LEFT, axis=1), frames.take(_RIGHT, axis=1)]
    return Rules(_joined(_snapped(np.concatenate(across))), _joined(_snapped(np.concatenate(down))))


def _snapped(lines: Floats) -> Floats:
    """Lines near each other at the mean of their positions, in the order of position and start."""
    is_long = lines[:, 2] - lines[:, 1] >= _SHORTEST_PIECE
    lines = lines if is_long.all() else lines[is_long]
    if not len(lines):
        return lines
    lines = lines.take(lines[:, 0].argsort(kind="stable"), axis=0)
    positions = lines[:, 0]
    is_first = np.ones(len(lines), np.bool_)
    np.greater(positions[1:] - positions[:-1], SNAP, out=is_first[1:])
    starts = np.flatnonzero(is_first)
    group = is_first.cumsum() - 1
    counts = np.bincount(group)
    lines[:, 0] = (np.add.reduceat(positions, starts) / counts).take(group)
    return lines.take((group * _FAR + lines[:, 1]).argsort(kind="stable"), axis=0)


def _joined(lines: Floats) -> Floats:
    """Lines of one position as one where they overlap or all but touch."""
    if not len(lines):
        return lines
    positions, starts, ends = lines.T
    group = np.zeros(len(lines))
    np.cumsum(positions[1:] != positions[:-1], out=group[1:])
    group *= _FAR
    reached = np.maximum.accumulate(group + ends)
    is_first = np.ones(len(lines), np.bool_)
    np.greater(group[1:] + starts[1:], reached[:-1] + JOIN, out=is_first[1:])
    firsts = np.flatnonzero(is_first)
    joined = lines.take(firsts, axis=0)
    joined[:, 2] = np.maximum.reduceat(ends, firsts)
    return joined[joined[:, 2] - joined[:, 1] >= SHORTEST_RULE]
