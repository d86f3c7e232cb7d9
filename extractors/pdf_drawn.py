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

from extractors.pdf_ink import Bools, Box, Floats, Ink, Ints

# Share of the font size that a letter's box reaches below its baseline. Fonts say so themselves,
# but many wrongly, and a line of several fonts would have several middles.
BELOW = 0.22
# A letter drawn again within this share of its size is the same letter.
SAME_PLACE = 0.1
# A filled box up to this thickness is drawn as a line.
THICKEST_RULE = 3.0
# Parsers round coordinates each in its own way.
ROUNDING = 0.01
# A line that leaves its direction by no more than this is straight, drawn by a careless hand.
STRAIGHT = 0.25
# Colours nearer than this in each part cannot be told apart.
SAME_COLOUR = 0.02
WHITE = 1.0
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
class Paths:
    """`s` drawn paths, each of one unbroken line with its corners."""

    corners: Floats  # (p, 2): of all paths, one after the other
    bent: Bools  # (p,): the way to the corner is a curve
    starts: Ints  # (s,): the first corner of each path
    stroked: Bools  # (s,)
    filled: Bools  # (s,)
    colours: Floats  # (s, 3): of the filling; NaN where unknown
    order: Ints  # (s,)


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
    letters = _once(drawn.letters)
    frame = _Frame(drawn.view, _turn_of(drawn))
    along, up = frame.directions(letters.advances), frame.directions(letters.ups)
    feet = frame.points(letters.origins) - BELOW * up
    boxes = np.concatenate(
        [
            feet + np.minimum(along, 0) + np.minimum(up, 0),
            feet + np.maximum(along, 0) + np.maximum(up, 0),
        ],
        axis=1,
    )
    pictures = frame.boxes(drawn.pictures)
    shapes = _Shapes.of(drawn.paths, frame)
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
    if not _LIGATURE.search("".join(texts)):
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


def _turn_of(drawn: Drawn) -> int:
    """The quarter turns clockwise that set most of the text upright, else those asked for."""
    letters = drawn.letters
    for turn in range(4):
        frame = _Frame(drawn.view, turn)
        along, up = frame.directions(letters.advances), frame.directions(letters.ups)
        if 2 * _are_upright(along, up).sum() > len(letters.text):
            return turn
    return drawn.turn


def _are_upright(along: Floats, up: Floats) -> Bools:
    """Whether letters stand on their feet and run to the right, y being downwards."""
    level = np.abs(along[:, 1]) <= 0.1 * along[:, 0]
    upright: Bools = level & (along[:, 0] >= 0) & (up[:, 1] < 0)
    return upright


def _once(letters: Letters) -> Letters:
    """The letters without those drawn again at the same place, as some programs print bold."""
    middles = letters.origins + letters.advances / 2
    near = np.maximum(SAME_PLACE * np.hypot(letters.ups[:, 0], letters.ups[:, 1]), 0.01)
    if len(near) < 2:
        return letters
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


@dataclass(frozen=True, slots=True, eq=False)
class _Shapes:
    """Paths by what they look like on the page as held."""

    rules: Floats
    frames: Floats
    fills: Floats
    shades: Floats
    curves: int
    backs: Floats  # (b, 4): all that may lie behind letters: fills, and the boxes around curves
    back_shades: Floats  # (b, 3)
    back_order: Ints  # (b,)

    @classmethod
    def of(cls, paths: Paths, frame: _Frame) -> _Shapes:
        count = len(paths.starts)
        if not count:
            none = np.empty((0, 4))
            shade = np.empty((0, 3))
            return cls(none, none, none, shade, 0, none, shade, np.empty(0, dtype=np.int64))
        points = frame.points(paths.corners)
        ends = np.append(paths.starts[1:], len(points))
        lows = np.minimum.reduceat(points, paths.starts)
        highs = np.maximum.reduceat(points, paths.starts)
        boxes = np.concatenate([lows, highs], axis=1)
        sides = highs - lows
        thin = sides.min(axis=1) <= THICKEST_RULE + ROUNDING
        bent = np.logical_or.reduceat(paths.bent, paths.starts)
        boxed = _are_boxes(points, paths.starts, ends, boxes) & ~bent
        pairs = (ends - paths.starts) == 2
        # A broad stroke is a band, and one of its own colour would be needed: it is a rule still.
        rules = [_middle_lines(boxes[thin & (boxed | pairs | (sides.min(axis=1) <= STRAIGHT))])]
        framed = paths.stroked & ~thin & boxed
        filled = paths.filled & ~thin
        rest = ~thin & ~boxed
        rules += [
            _sides(points[paths.starts[i] : ends[i]], paths.bent[paths.starts[i] : ends[i]])
            for i in np.flatnonzero(rest & paths.stroked)
        ]
        unknown = np.where((boxed & ~bent)[:, None], paths.colours, np.nan)
        return cls(
            rules=np.concatenate(rules),
            frames=boxes[framed],
            fills=boxes[filled & boxed],
            shades=paths.colours[filled & boxed],
            curves=int((bent | (rest & ~pairs)).sum()),
            backs=boxes[filled],
            back_shades=unknown[filled],
            back_order=paths.order[filled],
        )

    def hide(self, boxes: Floats, colours: Floats, order: Ints, pictures: Floats) -> Bools:
        """Letters in the colour of the last filling drawn before them, or of white paper."""
        hidden = np.zeros(len(boxes), dtype=bool)
        known = np.flatnonzero(~np.isnan(colours[:, 0]))
        suspects = known[(colours[known] >= WHITE - SAME_COLOUR).all(axis=1)]
        if len(self.backs):
            suspects = known
        keys = (colours[suspects] * 255).round().astype(np.int64) @ (1 << 16, 1 << 8, 1)
        for key in np.unique(keys):
            alike = suspects[keys == key]
            hidden[alike] = self._hide(boxes[alike], colours[alike[0]], order[alike], pictures)
        return hidden

    def _hide(self, boxes: Floats, colour: Floats, order: Ints, pictures: Floats) -> Bools:
        similar = np.abs(self.back_shades - colour).max(axis=1, initial=0) <= SAME_COLOUR
        is_white = bool((np.abs(colour - WHITE) <= SAME_COLOUR).all())
        if not is_white and not similar.any():
            return np.zeros(len(boxes), dtype=bool)
        x = boxes[:, [0, 2]].mean(axis=1)
        y = boxes[:, [1, 3]].mean(axis=1)
        hidden = np.full(len(boxes), is_white)
        for left, top, right, bottom in pictures:
            hidden &= ~((left <= x) & (x <= right) & (top <= y) & (y <= bottom))
        for index in np.argsort(self.back_order, kind="stable"):
            left, top, right, bottom = self.backs[index]
            over = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
            over &= order > self.back_order[index]
            hidden[over] = similar[index]
        return hidden


def _are_boxes(points: Floats, starts: Ints, ends: Ints, boxes: Floats) -> Bools:
    """Whether paths are boxes: four corners, or five that end where they began."""
    counts = ends - starts
    found = np.zeros(len(starts), dtype=bool)
    for count in (4, 5):
        some = np.flatnonzero(counts == count)
        if not len(some):
            continue
        corners = points[starts[some, None] + np.arange(count)]
        low, high = boxes[some, None, :2], boxes[some, None, 2:]
        in_corner = (
            (np.abs(corners - low) <= STRAIGHT) | (np.abs(corners - high) <= STRAIGHT)
        ).all(axis=(1, 2))
        steps = np.abs(np.diff(corners, axis=1)) > STRAIGHT
        one_way = (steps.sum(axis=2) <= 1).all(axis=1)
        closed = (np.abs(corners[:, 0] - corners[:, -1]) <= STRAIGHT).all(axis=1)
        turns = (np.abs(corners[:, 2] - corners[:, 0]) > STRAIGHT).all(axis=1)
        found[some] = in_corner & one_way & turns & (closed | (count == 4))
    return found


def _middle_lines(boxes: Floats) -> Floats:
    """Thin boxes as the lines they look like; a dot of a dotted line may be of either way."""
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    level = boxes[wide >= high].copy()
    level[:, [1, 3]] = level[:, [1, 3]].mean(axis=1, keepdims=True)
    upright = boxes[high >= wide].copy()
    upright[:, [0, 2]] = upright[:, [0, 2]].mean(axis=1, keepdims=True)
    return np.concatenate([level, upright])


def _sides(points: Floats, bent: Bools) -> Floats:
    """The straight stretches of a path that run along the page or down it."""
    before, after = points[:-1], points[1:]
    lines = np.concatenate([np.minimum(before, after), np.maximum(before, after)], axis=1)
    extents = lines[:, 2:] - lines[:, :2]
    straight = (extents.min(axis=1) <= STRAIGHT) & (extents.max(axis=1) > STRAIGHT) & ~bent[1:]
    return _middle_lines(lines[straight])
