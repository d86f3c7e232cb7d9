"""The letters of a page as the C library pdfium tells them.

The library has a call for one letter and none for a page of them, so letters are asked for as
seldom as can be. Letters that one operation shows stand at the distances that their widths give,
mostly; so the first and the last of them tell where all are, and only where the last is not where
it should be (kerning, wide setting) each letter is asked for its place.
"""

from __future__ import annotations

from itertools import repeat

import numpy as np

from extractors.pages import pdfium_calls as pdfium
from extractors.pages.drawn import Letters
from extractors.pages.ink import Bools, Floats, Ints
from extractors.pages.pdfium_objects import Objects, Unsure
from extractors.pages.pdfium_runs import Runs, runs_of

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


def letters_of(text: int, count: int, objects: Objects) -> tuple[Letters, str]:
    buffer = np.empty(count + 1, dtype=np.uint16)
    length = pdfium.get_text(text, 0, count, buffer.ctypes.data) if count else 0
    raw = buffer[: max(length - 1, 0)].tobytes().decode("utf-16-le", "replace")
    if len(raw) == count:
        codes = np.frombuffer(raw.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    else:
        codes = np.array(list(map(pdfium.get_unicode, repeat(text), range(count))), dtype=np.int64)
        codes[codes == _HYPHEN_CODE] = _HYPHEN
    for low, high in _LEFTWARD if codes.max(initial=0) >= _LEFTWARD[0][0] else ():
        if ((low <= codes) & (codes <= high)).any():
            raise Unsure("text of the page runs from right to left")
    chars = _printed(text, codes)
    codes = codes[chars]
    return _set(text, chars, codes, objects), raw


def _printed(text: int, codes: Ints) -> Ints:
    """The characters that the page shows; others are blanks and breaks that pdfium adds."""
    is_break = codes == _NEW_LINE
    # It adds a return and a new line together.
    second = np.flatnonzero(is_break[1:] & (codes[:-1] == _RETURN)) + 1
    is_break[second] = False
    guesses = np.flatnonzero((codes == _BLANK) | is_break | (codes == _RETURN))
    added = np.fromiter(map(pdfium.is_generated, repeat(text), guesses.tolist()), np.int64)
    shown = np.ones(len(codes), dtype=bool)
    shown[guesses] = added != 1
    shown[second] = shown[second - 1]
    return np.flatnonzero(shown)


def _set(text: int, chars: Ints, codes: Ints, objects: Objects) -> Letters:
    """The characters in drawing order, each where it stands."""
    runs = runs_of(text, chars)
    run = np.repeat(np.arange(len(runs.starts)), runs.lasts - runs.starts + 1)
    numbers = {font: number for number, font in enumerate(set(runs.fonts.tolist()))}
    fonts = np.array(list(map(numbers.__getitem__, runs.fonts.tolist())), dtype=np.int64)
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
    along = runs.along.take(run, axis=0)
    drawn_by = order.take(run)
    return Letters(
        text=tuple(texts),
        origins=runs.bases.take(run, axis=0) + along * begins[:, None],
        advances=along * (ends - begins)[:, None],
        ups=runs.ups.take(run, axis=0),
        runs=drawn_by,
        inked=runs.inked.take(run),
        colours=runs.colours.take(run, axis=0),
        order=drawn_by,
    )


def _kinds(keys: Ints) -> tuple[Ints, Ints]:
    """The first of each kind of letter, and the kind of each letter; keys are small numbers."""
    first = np.full(keys.max(initial=-1) + 1, -1)
    first[keys[::-1]] = np.arange(len(keys))[::-1]
    present = np.flatnonzero(first >= 0)
    samples = first[present]
    first[present] = np.arange(len(present))
    return samples, first[keys]


def _stretches(
    text: int, chars: Ints, codes: Ints, run: Ints, runs: Runs, samples: Ints, kinds: Ints
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

    width = widths[kinds]
    before = np.cumsum(width) - width
    solid_begins = begins[runs.starts][run] + (before - before[runs.starts][run]) * stretch
    solid_ends = solid_begins + width * stretch
    lasts = runs.lasts
    is_loose = (np.abs(solid_begins[lasts] - begins[lasts]) > _SOLID) | (
        np.abs(solid_ends[lasts] - ends[lasts]) > _SOLID
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


def _widths(runs: Runs, run: Ints, codes: Ints) -> Floats:
    """The widths that fonts give for characters, as a share of the font size; 0 where unknown."""
    found = np.zeros((len(codes), 1), dtype=np.float32)
    fonts = runs.fonts[run].tolist()
    pdfium.each(
        map(pdfium.get_glyph_width, fonts, codes.tolist(), repeat(1.0), pdfium.addresses(found))
    )
    return found[:, 0].astype(float)


def _origins(text: int, chars: Ints, run: Ints, runs: Runs) -> Floats:
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


def _reaches(text: int, chars: Ints, run: Ints, runs: Runs) -> tuple[Floats, Floats]:
    """From where to where on their runs characters reach, as the library says."""
    packed = np.zeros((len(chars), 4), dtype=np.float32)
    pdfium.each(map(pdfium.get_char_box, repeat(text), chars.tolist(), pdfium.addresses(packed)))
    left, top, right, bottom = packed.astype(float).T
    x, y = runs.bases.take(run, axis=0).T
    if (np.abs(runs.along[:, 1]) < 1e-6).all() and (runs.along[:, 0] > 0).all():
        return left - x, right - x
    across, up = runs.along.take(run, axis=0).T
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
    wanted = np.zeros(len(chars), dtype=bool)
    wanted[samples] = wanted[ends] = True
    asked = np.flatnonzero(wanted)
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
