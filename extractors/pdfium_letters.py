"""The letters of a page as the C library pdfium tells them.

The library has a call for one letter and none for a page of them, so letters are asked for as
seldom as can be. Letters that one operation shows stand at the distances that their widths give,
mostly; so the first and the last of them tell where all are, and only where the last is not where
it should be (kerning, wide setting) each letter is asked for its place.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from extractors import pdfium
from extractors.pdf_drawn import Letters
from extractors.pdf_ink import Bools, Floats, Ints
from extractors.pdfium_objects import Objects, Unsure, fill_colours

_BLANK, _NEW_LINE, _RETURN = 0x20, 0x0A, 0x0D
# What stands in pdfium's text for a hyphen at the end of a line.
_HYPHEN, _HYPHEN_CODE = 0xFFFE, 2
# A letter may be this far, in points, from where the widths before it put it.
_SOLID = 0.02
# Points within which two characters begin at the same place.
_SAME = 1e-3
# A letter leans out of its width where its box is wider by this share of the font size.
_LEANS = 2e-3
# So much of a blank may be left over or missing where blanks fill the room between letters.
_FITS = 0.05
# A box that reaches farther is another letter's, which the font gives the same name.
_LEANS_FAR = 0.2
# Hebrew, Arabic and their neighbours.
_LEFTWARD = ((0x0590, 0x08FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC))
_BY_STROKE = (1, 2, 5, 6)  # text render modes that draw outlines, in a colour we do not look at
_INVISIBLE = (3, 7)


def letters_of(text: int, count: int, objects: Objects) -> tuple[Letters, str]:
    buffer = ctypes.create_string_buffer(2 * count + 2)
    length = pdfium.get_text(text, 0, count, ctypes.addressof(buffer)) if count else 0
    raw = buffer.raw[: 2 * max(length - 1, 0)].decode("utf-16-le", "replace")
    if len(raw) == count:
        codes = np.frombuffer(raw.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    else:
        codes = np.array(list(map(pdfium.get_unicode, repeat(text), range(count))), dtype=np.int64)
        codes[codes == _HYPHEN_CODE] = _HYPHEN
    for low, high in _LEFTWARD:
        if ((low <= codes) & (codes <= high)).any():
            raise Unsure("text of the page runs from right to left")
    chars = _printed(text, codes)
    codes = codes[chars]
    return _set(text, chars, codes, _objects_of_chars(text, chars), objects), raw


def _printed(text: int, codes: Ints) -> Ints:
    """The characters that the page shows; others are blanks and breaks that pdfium adds."""
    guesses = np.flatnonzero((codes == _BLANK) | (codes == _NEW_LINE) | (codes == _RETURN))
    added = list(map(pdfium.is_generated, repeat(text), guesses.tolist()))
    shown = np.ones(len(codes), dtype=bool)
    shown[guesses[np.array(added, dtype=np.int64) == 1]] = False
    return np.flatnonzero(shown)


def _objects_of_chars(text: int, chars: Ints) -> Ints:
    """The text object of each character.

    Those of one object follow each other, so a stretch whose ends are of one object is of it
    altogether; others are halved until they are.
    """
    handles = np.zeros(len(chars), dtype=np.int64)
    if not len(chars):
        return handles
    breaks = np.flatnonzero(np.diff(chars) != 1) + 1
    lows = np.concatenate([[0], breaks])
    highs = np.concatenate([breaks - 1, [len(chars) - 1]])
    ends = np.zeros(len(chars), dtype=np.int64)
    while len(lows):
        asked = np.unique(np.concatenate([lows, highs]))
        asked = asked[ends[asked] == 0]
        ends[asked] = list(map(pdfium.get_char_object, repeat(text), chars[asked].tolist()))
        alike = ends[lows] == ends[highs]
        for low, high in zip(lows[alike].tolist(), highs[alike].tolist(), strict=True):
            handles[low : high + 1] = ends[low]
        lows, highs = lows[~alike], highs[~alike]
        middles = (lows + highs) // 2
        lows, highs = np.concatenate([lows, middles + 1]), np.concatenate([middles, highs])
    return handles


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
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


def _runs_of(text: int, chars: Ints, handles: Ints) -> _Runs:
    starts = np.flatnonzero(np.diff(handles, prepend=-1) != 0)
    lasts = np.append(starts[1:], len(chars)) - 1 if len(starts) else starts
    shown = handles[starts].tolist()
    firsts = chars[starts].tolist()
    packed = np.zeros((len(starts), 6), dtype=np.float32)
    pdfium.each(map(pdfium.get_char_matrix, repeat(text), firsts, pdfium.addresses(packed)))
    matrices = packed.astype(float)
    sizes = np.fromiter(map(pdfium.get_char_size, repeat(text), firsts), float, len(starts))
    modes = np.fromiter(map(pdfium.get_render_mode, shown), np.int64, len(starts))
    colours, alphas = fill_colours(shown)
    by_stroke = np.isin(modes, _BY_STROKE)
    colours[by_stroke] = np.nan
    scale = np.hypot(matrices[:, 0], matrices[:, 1])
    return _Runs(
        starts=starts,
        lasts=lasts,
        handles=shown,
        bases=matrices[:, 4:6],
        along=matrices[:, 0:2] / np.maximum(scale, 1e-9)[:, None],
        stretch=np.maximum(scale * np.abs(sizes), 1e-9),
        ups=matrices[:, 2:4] * sizes[:, None],
        fonts=np.fromiter(map(pdfium.get_font, shown), np.int64, len(starts)),
        inked=~np.isin(modes, _INVISIBLE) & ((alphas > 0) | by_stroke),
        colours=colours,
    )


def _set(text: int, chars: Ints, codes: Ints, handles: Ints, objects: Objects) -> Letters:
    """The characters in drawing order, each where it stands."""
    runs = _runs_of(text, chars, handles)
    run = np.repeat(np.arange(len(runs.starts)), runs.lasts - runs.starts + 1)
    _, fonts = np.unique(runs.fonts, return_inverse=True)
    font = fonts[run]
    samples, kinds = _kinds(font * (codes.max(initial=0) + 1) + codes)
    begins, ends, is_loose = _stretches(text, chars, codes, run, runs, samples, kinds)
    texts = _texts(text, chars, codes, font, samples, kinds)
    places = {handle: index for index, handle in enumerate(objects.handles)}
    order = np.array([places.get(handle, -1) for handle in runs.handles], dtype=np.int64)
    kept = np.arange(len(chars))
    if is_loose.any():
        kept, texts = _ligatures(texts, run, begins, ends)
    if len(kept) < len(chars) or (order[1:] < order[:-1]).any():
        kept = kept[np.argsort(order[run[kept]], kind="stable")]
        texts = list(map(texts.__getitem__, kept.tolist()))
        run, begins, ends = run[kept], begins[kept], ends[kept]
    if is_loose.any():
        texts, run, begins, ends = _with_all_blanks(texts, run, begins, ends)
    along = runs.along[run]
    return Letters(
        text=tuple(texts),
        origins=runs.bases[run] + along * begins[:, None],
        advances=along * (ends - begins)[:, None],
        ups=runs.ups[run],
        runs=order[run],
        inked=runs.inked[run],
        colours=runs.colours[run],
        order=order[run],
    )


def _kinds(keys: Ints) -> tuple[Ints, Ints]:
    """The first of each kind of letter, and the kind of each letter; keys are small numbers."""
    first = np.full(keys.max(initial=-1) + 1, -1)
    first[keys[::-1]] = np.arange(len(keys))[::-1]
    samples = first[first >= 0]
    ranks = np.cumsum(first >= 0) - 1
    return samples, ranks[keys]


def _stretches(
    text: int, chars: Ints, codes: Ints, run: Ints, runs: _Runs, samples: Ints, kinds: Ints
) -> tuple[Floats, Floats, Bools]:
    """From where to where on its run each character reaches, and which runs were not set solid."""
    wanted = np.zeros(len(chars), dtype=bool)
    wanted[samples] = wanted[runs.starts] = wanted[runs.lasts] = True
    asked = np.flatnonzero(wanted)
    begins, ends = np.zeros(len(chars)), np.zeros(len(chars))
    begins[asked], ends[asked] = _reaches(text, chars[asked], run[asked], runs)
    stretch = runs.stretch[run]

    # A letter that leans out of its own width is boxed wider than that.
    widths = (ends - begins)[samples] / stretch[samples]
    named = _widths(runs, run[samples], codes[samples])
    leans = (named > 0) & (widths - named > _LEANS)
    some = samples[leans]
    over = ends[some] - _origins(text, chars[some], run[some], runs)
    leans[leans] = over / stretch[some] - named[leans] < _LEANS_FAR
    widths[leans] = named[leans]
    leaning = asked[leans[kinds[asked]]]
    begins[leaning] = _origins(text, chars[leaning], run[leaning], runs)
    ends[leaning] = begins[leaning] + widths[kinds[leaning]] * stretch[leaning]

    before = np.cumsum(widths[kinds]) - widths[kinds]
    solid_begins = begins[runs.starts][run] + (before - before[runs.starts][run]) * stretch
    solid_ends = solid_begins + widths[kinds] * stretch
    is_loose = (np.abs(solid_begins - begins)[runs.lasts] > _SOLID) | (
        np.abs(solid_ends - ends)[runs.lasts] > _SOLID
    )
    # At an angle to the page, the boxes around letters say less.
    is_loose |= np.abs(runs.along).max(axis=1, initial=0) < 1 - 1e-6
    loose = np.flatnonzero(is_loose[run])
    if len(loose):
        begins, ends = _reaches(text, chars[loose], run[loose], runs)
        leaning = np.flatnonzero(leans[kinds[loose]])
        begins[leaning] = _origins(text, chars[loose[leaning]], run[loose[leaning]], runs)
        straight = begins + widths[kinds[loose]] * stretch[loose]
        far = (ends - straight) / stretch[loose] >= _LEANS_FAR
        straight = np.where(leans[kinds[loose]] & ~far, straight, ends)
        # The parts of a ligature are all boxed like the whole of it.
        whole = _continue(run[loose], begins)
        whole[:-1] |= whole[1:]
        solid_begins[loose], solid_ends[loose] = begins, np.where(whole, ends, straight)
    return solid_begins, solid_ends, is_loose


def _continue(run: Ints, begins: Floats) -> Bools:
    """Which characters begin where the one before them in their run does."""
    found = np.zeros(len(run), dtype=bool)
    found[1:] = (run[1:] == run[:-1]) & (np.abs(np.diff(begins)) < _SAME)
    return found


def _widths(runs: _Runs, run: Ints, codes: Ints) -> Floats:
    """The widths that fonts give for characters, as a share of the font size; 0 where unknown."""
    found = np.zeros((len(codes), 1), dtype=np.float32)
    fonts = runs.fonts[run].tolist()
    pdfium.each(
        map(pdfium.get_glyph_width, fonts, codes.tolist(), repeat(1.0), pdfium.addresses(found))
    )
    return found[:, 0].astype(float)


def _origins(text: int, chars: Ints, run: Ints, runs: _Runs) -> Floats:
    """Where on their runs characters begin, their own leaning aside."""
    at = np.zeros((len(chars), 2))
    pdfium.each(
        map(
            pdfium.get_char_origin,
            repeat(text),
            chars.tolist(),
            pdfium.addresses(at),
            pdfium.addresses(at, 1),
        )
    )
    begins: Floats = ((at - runs.bases[run]) * runs.along[run]).sum(axis=1)
    return begins


def _reaches(text: int, chars: Ints, run: Ints, runs: _Runs) -> tuple[Floats, Floats]:
    """From where to where on their runs characters reach, as the library says."""
    packed = np.zeros((len(chars), 4), dtype=np.float32)
    pdfium.each(map(pdfium.get_char_box, repeat(text), chars.tolist(), pdfium.addresses(packed)))
    left, top, right, bottom = packed.astype(float).T
    x, y = runs.bases[run].T
    across, up = runs.along[run].T
    level = np.abs(across) > np.abs(up)
    forward = np.where(level, across, up) > 0
    near, far = np.where(level, left - x, bottom - y), np.where(level, right - x, top - y)
    begins, ends = np.where(forward, near, -far), np.where(forward, far, -near)
    if (
        not len(chars)
        or np.minimum(np.abs(runs.along[:, 0]), np.abs(runs.along[:, 1])).max() < 1e-6
    ):
        return begins, ends
    oblique = np.flatnonzero(np.minimum(np.abs(across), np.abs(up)) > 1e-6)
    if len(oblique):
        # The middle of the box around a letter is the middle of the letter.
        begins[oblique] = _origins(text, chars[oblique], run[oblique], runs)
        middles = ((left + right) / 2 - x) * across + ((top + bottom) / 2 - y) * up
        ends[oblique] = 2 * middles[oblique] - begins[oblique]
    return begins, ends


def _texts(
    text: int, chars: Ints, codes: Ints, font: Ints, samples: Ints, kinds: Ints
) -> list[str]:
    """What each character shows; `(cid:65)` for code 65 of a font that does not say."""
    printed = np.where(codes == _HYPHEN, ord("-"), codes).astype(np.uint32)
    texts = list(printed.tobytes().decode("utf-32-le", "surrogatepass"))
    ends = np.zeros(len(samples), dtype=np.int64)
    ends[kinds] = np.arange(len(kinds))
    asked = np.unique(np.concatenate([samples, ends]))
    bad = font[asked[_are_nameless(text, chars[asked])]]
    if len(bad):
        # Where one letter of a font has no name, any may have none.
        asked = np.flatnonzero(np.isin(font, bad))
        for index in asked[_are_nameless(text, chars[asked])].tolist():
            code = codes[index]
            texts[index] = f"(cid:{_HYPHEN_CODE if code == _HYPHEN else code})"
    return texts


def _are_nameless(text: int, chars: Ints) -> Bools:
    answers = map(pdfium.has_no_unicode, repeat(text), chars.tolist())
    nameless: Bools = np.fromiter(answers, np.int64, len(chars)) == 1
    return nameless


def _ligatures(texts: list[str], run: Ints, begins: Floats, ends: Floats) -> tuple[Ints, list[str]]:
    """Characters that begin at the same place are of one letter; they are put together to one."""
    inked = ~np.fromiter(map(str.isspace, texts), bool, len(texts))
    same = _continue(run, begins) & (ends > begins) & inked
    same[1:] &= inked[:-1]
    kept = np.flatnonzero(~same)
    joined = list(texts)
    for index in np.flatnonzero(same)[::-1].tolist():
        joined[index - 1] += joined[index]
    return kept, joined


def _with_all_blanks(
    texts: list[str], run: Ints, begins: Floats, ends: Floats
) -> tuple[list[str], Ints, Floats, Floats]:
    """Of several blanks in a row the library gives one; the others fill the room after it."""
    widths = ends - begins
    can = np.fromiter(map(" ".__eq__, texts), bool, len(texts)) & (widths > 0)
    can[:-1] &= run[1:] == run[:-1]
    can[-1:] = False
    at = np.flatnonzero(can)
    room = (begins[at + 1] - ends[at]) / widths[at]
    missing = np.round(room).astype(np.int64)
    fits = (missing > 0) & (np.abs(room - missing) < _FITS)
    if not fits.any():
        return texts, run, begins, ends
    times = np.ones(len(texts), dtype=np.int64)
    times[at[fits]] += missing[fits]
    places = np.repeat(np.arange(len(texts)), times)
    nth = np.arange(len(places)) - (np.cumsum(times) - times)[places]
    begins = begins[places] + nth * widths[places]
    return [texts[place] for place in places], run[places], begins, begins + widths[places]
