"""The paths of a page as what they look like: ruling lines, frames, fills and other drawings.

And what they do to letters: one in the colour of the filling behind it is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extractors.pages.ink import Bools, Floats, Ints

# A filled box up to this thickness is drawn as a line.
THICKEST_RULE = 3.0
# Parsers round coordinates each in its own way.
ROUNDING = 0.01
# A line that leaves its direction by no more than this is straight, drawn by a careless hand.
STRAIGHT = 0.25
# Colours nearer than this in each part cannot be told apart.
SAME_COLOUR = 0.02
WHITE = 1.0


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
class Shapes:
    """Paths by what they look like, given their corners on the page as held."""

    rules: Floats
    frames: Floats
    fills: Floats
    shades: Floats
    curves: int
    backs: Floats  # (b, 4): all that may lie behind letters: fills, and the boxes around curves
    back_shades: Floats  # (b, 3)
    back_order: Ints  # (b,)

    @classmethod
    def of(cls, paths: Paths, points: Floats) -> Shapes:
        count = len(paths.starts)
        if not count:
            none = np.empty((0, 4))
            shade = np.empty((0, 3))
            return cls(none, none, none, shade, 0, none, shade, np.empty(0, dtype=np.int64))
        ends = np.append(paths.starts[1:], len(points))
        lows = np.minimum.reduceat(points, paths.starts)
        highs = np.maximum.reduceat(points, paths.starts)
        boxes = np.concatenate([lows, highs], axis=1)
        thinner = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        thin = thinner <= THICKEST_RULE + ROUNDING
        bent = np.logical_or.reduceat(paths.bent, paths.starts)
        boxed = _are_boxes(points, paths.starts, ends, boxes) & ~bent
        pairs = (ends - paths.starts) == 2
        # A broad stroke is a band, and one of its own colour would be needed: it is a rule still.
        rules = [_middle_lines(boxes[thin & (boxed | pairs | (thinner <= STRAIGHT))])]
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
        # Letters drawn one after the other are mostly of one colour: the first of them tells.
        turns = np.flatnonzero(_changes(colours))
        shades = colours.take(turns, axis=0)
        suspects = ~np.isnan(shades[:, 0])
        if not len(self.backs):
            suspects &= (shades >= WHITE - SAME_COLOUR).all(axis=1)
        keys = np.full(len(turns), -1)
        keys[suspects] = (shades[suspects] * 255).round().astype(np.int64) @ (1 << 16, 1 << 8, 1)
        for key in set(keys[suspects].tolist()):
            colour = shades[int((keys == key).argmax())]
            similar = np.abs(self.back_shades - colour).max(axis=1, initial=0) <= SAME_COLOUR
            is_white = bool((np.abs(colour - WHITE) <= SAME_COLOUR).all())
            if is_white or similar.any():
                counts = np.diff(np.append(turns, len(boxes)))
                alike = np.flatnonzero(np.repeat(keys == key, counts))
                hidden[alike] = self._hide(boxes[alike], similar, is_white, order[alike], pictures)
        return hidden

    def _hide(
        self, boxes: Floats, similar: Bools, is_white: bool, order: Ints, pictures: Floats
    ) -> Bools:
        """Letters of one colour on fillings some of which are of a similar one."""
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


def _changes(colours: Floats) -> Bools:
    """Whether a colour is another one than the colour before it; the first is."""
    changes = np.zeros(len(colours), np.bool_)
    changes[:1] = True
    for part in colours.T:
        changes[1:] |= part[1:] != part[:-1]
    return changes


def _are_boxes(points: Floats, starts: Ints, ends: Ints, boxes: Floats) -> Bools:
    """Whether paths are boxes: four corners, or five that end where they began."""
    counts = ends - starts
    found = np.zeros(len(starts), dtype=bool)
    for count in (4, 5):
        some = np.flatnonzero(counts == count)
        if not len(some):
            continue
        corners = starts[some] + np.arange(count)[:, None]
        in_corner = turns = closed = np.ones(len(some), dtype=bool)
        steps = []
        for axis in (0, 1):
            place = points[:, axis].take(corners)
            low, high = boxes[some, axis], boxes[some, axis + 2]
            at_side = (np.abs(place - low) <= STRAIGHT) | (np.abs(place - high) <= STRAIGHT)
            in_corner = in_corner & at_side.all(axis=0)
            turns = turns & (np.abs(place[2] - place[0]) > STRAIGHT)
            closed = closed & (np.abs(place[0] - place[-1]) <= STRAIGHT)
            steps.append(np.abs(np.diff(place, axis=0)) > STRAIGHT)
        one_way = ~(steps[0] & steps[1]).any(axis=0)
        found[some] = in_corner & one_way & turns & (closed | (count == 4))
    return found


def _middle_lines(boxes: Floats) -> Floats:
    """Thin boxes as the lines they look like; a dot of a dotted line may be of either way."""
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    level, upright = boxes[wide >= high], boxes[high >= wide]
    level[:, 1] = level[:, 3] = (level[:, 1] + level[:, 3]) / 2
    upright[:, 0] = upright[:, 2] = (upright[:, 0] + upright[:, 2]) / 2
    return np.concatenate([level, upright])


def _sides(points: Floats, bent: Bools) -> Floats:
    """The straight stretches of a path that run along the page or down it."""
    before, after = points[:-1], points[1:]
    lines = np.concatenate([np.minimum(before, after), np.maximum(before, after)], axis=1)
    extents = lines[:, 2:] - lines[:, :2]
    straight = (extents.min(axis=1) <= STRAIGHT) & (extents.max(axis=1) > STRAIGHT) & ~bent[1:]
    return _middle_lines(lines[straight])
