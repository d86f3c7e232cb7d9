"""The runs of letters that one operation of a page shows, as the C library pdfium tells them.

What the letters of a run have in common (place, direction, size, font, colour) is asked of its
first letter or of the operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat

import numpy as np

from extractors.pages import pdfium_calls as pdfium
from extractors.pages.ink import Bools, Floats, Ints
from extractors.pages.pdfium_objects import fill_colours

# By text render mode from 0, and last for an unknown one: those that draw outlines, in a colour
# we do not look at, and those that draw nothing.
_BY_STROKE = np.array([False, True, True, False, False, True, True, False, False])
_INVISIBLE = np.array([False, False, False, True, False, False, False, True, False])


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """`r` runs: the characters from `starts` to `lasts` that one operation shows, on a line."""

    starts: Ints
    lasts: Ints
    handles: list[int]
    bases: Floats  # (r, 2): where the run begins
    along: Floats  # (r, 2): its direction, of length 1
    stretch: Floats  # (r,): points that a width of one font size takes
    ups: Floats  # (r, 2)
    fonts: Ints  # (r,)
    inked: Bools  # (r,)
    colours: Floats  # (r, 3)


def runs_of(text: int, chars: Ints) -> Runs:
    starts, handles = _starts(text, chars)
    lasts = np.append(starts[1:], len(chars)) - 1 if len(starts) else starts
    shown = handles.tolist()
    firsts = chars[starts].tolist()
    packed = np.zeros((len(starts), 6), dtype=np.float32)
    pdfium.each(map(pdfium.get_char_matrix, repeat(text), firsts, pdfium.addresses(packed)))
    matrices = packed.astype(float)
    sizes = np.fromiter(map(pdfium.get_char_size, repeat(text), firsts), float, len(starts))
    modes = np.fromiter(map(pdfium.get_render_mode, shown), np.int64, len(starts))
    colours, alphas = fill_colours(shown)
    by_stroke = _BY_STROKE[modes]
    colours[by_stroke] = np.nan
    scale = np.hypot(matrices[:, 0], matrices[:, 1])
    return Runs(
        starts=starts,
        lasts=lasts,
        handles=shown,
        bases=matrices[:, 4:6],
        along=matrices[:, 0:2] / np.maximum(scale, 1e-9)[:, None],
        stretch=np.maximum(scale * np.abs(sizes), 1e-9),
        ups=matrices[:, 2:4] * sizes[:, None],
        fonts=np.fromiter(map(pdfium.get_font, shown), np.int64, len(starts)),
        inked=~_INVISIBLE[modes] & ((alphas > 0) | by_stroke),
        colours=colours,
    )


def _starts(text: int, chars: Ints) -> tuple[Ints, Ints]:
    """The first character of each text object, by its ordinal among these, and the object.

    Those of one object follow each other, so a stretch whose ends are of one object is of it
    altogether; others are halved until they are.
    """

    def objects(ordinals: Ints) -> Ints:
        found = map(pdfium.get_char_object, repeat(text), chars[ordinals].tolist())
        return np.fromiter(found, np.int64, len(ordinals))

    if not len(chars):
        return chars, chars
    lows = np.flatnonzero(np.append(True, chars[1:] != chars[:-1] + 1))
    highs = np.append(lows[1:], len(chars)) - 1
    firsts, lasts = objects(lows), objects(highs)
    begins, handles = [], []
    while True:
        parted = firsts != lasts
        begins.append(lows[~parted])
        handles.append(firsts[~parted])
        if not parted.any():
            break
        lows, highs, firsts, lasts = (each[parted] for each in (lows, highs, firsts, lasts))
        middles = (lows + highs) // 2
        before, after = objects(middles), objects(middles + 1)
        lows, highs = np.concatenate([lows, middles + 1]), np.concatenate([middles, highs])
        firsts, lasts = np.concatenate([firsts, after]), np.concatenate([before, lasts])
    starts, shown = np.concatenate(begins), np.concatenate(handles)
    order = starts.argsort()
    starts, shown = starts[order], shown[order]
    is_new = np.append(True, shown[1:] != shown[:-1])
    return starts[is_new], shown[is_new]
