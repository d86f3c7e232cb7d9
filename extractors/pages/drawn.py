"""What an engine says that a page draws, and what of it a reader sees: the step before `Ink`.

An engine only reports: letters, paths and pictures in the page's own coordinates (points, upwards)
in the order of drawing. What is the same for all engines is done here: the page is turned so that
its text stands upright, a letter drawn twice is taken once, letters without ink or in the colour
of their background are marked, and paths become ruling lines, frames and fills.

Deliberately not known: clipping, blending, and what a later drawing covers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from extractors.pages.ink import Bools, Box, Floats, Ink, Ints
from extractors.pages.shapes import ROUNDING, Paths, Shapes

__all__ = ["Drawn", "Letters", "Paths", "ink_of"]

# Share of the font size that a letter's box reaches below its baseline. Fonts say so themselves,
# but many wrongly, and a line of several fonts would have several middles.
BELOW = 0.22
# A letter drawn again within this share of its size is the same letter.
SAME_PLACE = 0.1
# Above any coordinate: keys of two parts are sorted as one number, which is much faster.
_FAR = 1e6
# Letters that fonts keep as one, in the letters that they are made of.
_LIGATURES = dict(
    zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
)
_LIGATURE = re.compile(f"[{''.join(map(chr, _LIGATURES))}]")


@dataclass(frozen=True, slots=True, eq=False)
class Letters:
    """`n` letters of a page in drawing order."""

    text: tuple[str, ...]
    origins: Floats  # (n, 2): where the baseline begins
    advances: Floats  # (n, 2): from there to where the next letter would begin
    ups: Floats  # (n, 2): the font size, in the direction of the letter's head
    runs: Ints  # (n,): the operation that shows it
    inked: Bools  # (n,): False where it is drawn without ink
    colours: Floats  # (n, 3): red, green, blue from 0 to 1; NaN where unknown
    order: Ints  # (n,): when it is drawn, among letters, paths and pictures


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One page as an engine reports it. `view` is the box of the page that is shown."""

    number: int
    view: Box  # left, bottom, right and top
    turn: int  # quarter turns clockwise that the page asks for
    letters: Letters
    paths: Paths
    pictures: Floats  # (p, 4): left, bottom, right and top


def ink_of(drawn: Drawn) -> Ink:
    """What of a page is seen, turned so that most of its text stands upright."""
    frame, along, up = _held(drawn)
    letters = _once(drawn.letters)
    if letters is not drawn.letters:
        along, up = frame.directions(letters.advances), frame.directions(letters.ups)
    feet = frame.points(letters.origins) - BELOW * up
    boxes = np.empty((len(feet), 4))
    for axis in (0, 1):  # numpy is slow at rows of two, and fast at columns
        foot, run, head = feet[:, axis], along[:, axis], up[:, axis]
        boxes[:, axis] = foot + np.minimum(run, 0) + np.minimum(head, 0)
        boxes[:, axis + 2] = foot + np.maximum(run, 0) + np.maximum(head, 0)
    pictures = frame.boxes(drawn.pictures)
    shapes = Shapes.of(drawn.paths, frame.points(drawn.paths.corners))
    return Ink(
        number=drawn.number,
        width=frame.width,
        height=frame.height,
        text=_spelled(letters.text),
        boxes=boxes,
        sizes=np.hypot(letters.ups[:, 0], letters.ups[:, 1]),
        runs=letters.runs,
        upright=_are_upright(along, up),
        hidden=~letters.inked | shapes.hide(boxes, letters.colours, letters.order, pictures),
        rules=shapes.rules,
        frames=shapes.frames,
        fills=shapes.fills,
        shades=shapes.shades,
        pictures=pictures,
        curves=shapes.curves,
    )


def _spelled(texts: tuple[str, ...]) -> tuple[str, ...]:
    joined = "".join(texts)
    if joined.isascii() or not _LIGATURE.search(joined):
        return texts
    return tuple(text.translate(_LIGATURES) for text in texts)


class _Frame:
    """The page as a reader holds it: turned, from its top left corner downwards."""

    def __init__(self, view: Box, turn: int) -> None:
        left, bottom, right, top = view
        sideways = turn % 2 == 1
        self.width, self.height = (
            (top - bottom, right - left) if sideways else (right - left, top - bottom)
        )
        corner = {0: (left, top), 1: (left, bottom), 2: (right, bottom), 3: (right, top)}[turn]
        # Rows: what x and y of the page as held are made of.
        self._axes = np.array(
            {
                0: ((1, 0), (0, -1)),
                1: ((0, 1), (1, 0)),
                2: ((-1, 0), (0, 1)),
                3: ((0, -1), (-1, 0)),
            }[turn],
            dtype=float,
        )
        self._corner = np.array(corner)

    def directions(self, vectors: Floats) -> Floats:
        turned: Floats = vectors @ self._axes.T
        return turned

    def points(self, points: Floats) -> Floats:
        return self.directions(points - self._corner)

    def boxes(self, boxes: Floats) -> Floats:
        one, other = self.points(boxes[:, :2]), self.points(boxes[:, 2:])
        return np.concatenate([np.minimum(one, other), np.maximum(one, other)], axis=1)


def _held(drawn: Drawn) -> tuple[_Frame, Floats, Floats]:
    """The page turned so that most of its text stands upright, else as it asks for.

    With it come the directions that the letters then run in and that their heads are in.
    """
    letters = drawn.letters
    for turn in (*range(4), drawn.turn):
        frame = _Frame(drawn.view, turn)
        along, up = frame.directions(letters.advances), frame.directions(letters.ups)
        if 2 * np.count_nonzero(_are_upright(along, up)) > len(letters.text):
            break
    return frame, along, up


def _are_upright(along: Floats, up: Floats) -> Bools:
    """Whether letters stand on their feet and run to the right, y being downwards."""
    level = np.abs(along[:, 1]) <= 0.1 * along[:, 0]
    upright: Bools = level & (along[:, 0] >= 0) & (up[:, 1] < 0)
    return upright


def _once(letters: Letters) -> Letters:
    """The letters without those drawn again at the same place, as some programs print bold."""
    near = np.maximum(SAME_PLACE * np.hypot(letters.ups[:, 0], letters.ups[:, 1]), 0.01)
    if len(near) < 2 or not _may_coincide(letters, float(near.max())):
        return letters
    middles = letters.origins + letters.advances / 2
    again: set[int] = set()
    # Letters near each other are in one band, or in one of those shifted by half.
    band = 4 * float(near.max())
    for shift in (0.0, 0.5):
        bands = np.floor(middles[:, 1] / band + shift)
        order = np.argsort(bands * _FAR + middles[:, 0], kind="stable")
        for step in range(1, len(order)):
            one, other = order[:-step], order[step:]
            close = (bands[one] == bands[other]) & (
                np.abs(middles[other, 0] - middles[one, 0]) <= band
            )
            if not close.any():
                break
            one, other = one[close], other[close]
            first, second = np.minimum(one, other), np.maximum(one, other)
            apart = np.abs(middles[first] - middles[second]).max(axis=1)
            for index in np.flatnonzero(apart <= near[second]).tolist():
                if letters.text[first[index]] == letters.text[second[index]]:
                    again.add(int(second[index]))
    if not again:
        return letters
    kept = np.setdiff1d(np.arange(len(near)), list(again))
    return Letters(
        text=tuple(map(letters.text.__getitem__, kept.tolist())),
        origins=letters.origins[kept],
        advances=letters.advances[kept],
        ups=letters.ups[kept],
        runs=letters.runs[kept],
        inked=letters.inked[kept],
        colours=letters.colours[kept],
        order=letters.order[kept],
    )


def _may_coincide(letters: Letters, near: float) -> bool:
    """Whether the middles of any two may be so near each other; no two of most lists are."""
    x, y = (letters.origins[:, axis] + letters.advances[:, axis] / 2 for axis in (0, 1))
    low, high = float(y.min()), float(y.max())
    if not high - low <= near * len(y) * 100:
        return True
    # Two so near are in one band of the page or in two next to each other, and bands next to each
    # other count as one here; and from the left, those between the two in it are as near.
    bands = ((y - low) / near).astype(np.int64)
    is_empty = np.ones(int(bands.max()) + 1, dtype=bool)
    is_empty[bands] = False
    keys = np.sort(is_empty.cumsum().take(bands) * _FAR + x)
    return bool((keys[1:] - keys[:-1] <= near + ROUNDING).any())
