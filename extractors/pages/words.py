"""The words and printed lines that the letters of a page make, and the texts of its cells.

Knows positions and nothing of tables beyond which cell a letter belongs to. Text is as printed:
nothing is normalized or repaired. All letters of a page are set at once, as arrays, since a dense
page has thousands of them in hundreds of cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from extractors.pages.boxes import changes, extents
from extractors.pages.ink import Bools, Box, Floats, Grid, Ink, Ints
from schemas.codes import shortened

# Letters further apart than this share of their size are of different words. The blank of common
# fonts is 0.22 to 0.28 wide; kerning stays under 0.1.
WORD_GAP = 0.15
# Letters nearer than this share of their size touch.
TOUCHING = 0.05
# Letters whose middles differ by less than this share of their size stand on one line; a raised
# mark differs by up to 0.4, the next line by 1.
SAME_LINE = 0.45

# Letters of one height within this many points are of one level: a parser's own rounding.
_LEVEL = 0.01
# Above any coordinate: keys of two parts are sorted as one number, which is much faster.
_FAR = 1e6

# Which characters are blanks, in the order of Unicode; none is above the last.
_BLANKS = np.array([chr(code).isspace() for code in range(0x3001)] + [False])
_BLANK, _BREAK = 0x20, 0x0A


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """The words of one printed line, one blank between them, and the box around them."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Letters other than blanks as they are read: owner by owner, line by line, from the left."""

    letters: Ints  # (k,): numbers of the page's letters
    owners: Ints  # (k,)
    lines: Ints  # (k,): numbered on through all owners
    starts_word: Bools  # (k,)
    starts_line: Bools  # (k,)


@dataclass(frozen=True, slots=True, eq=False)
class _Type:
    """The characters of a page's letters in one row; letter `i` has those from `starts[i]` on."""

    codes: npt.NDArray[np.uint32]
    starts: Ints  # (n + 1,)
    blanks: Bools  # (n,)
    is_simple: bool  # each letter has one character


def blanks(ink: Ink) -> Bools:
    """Which letters of a page are blanks."""
    return _type_of(ink).blanks


def printed_lines(ink: Ink, letters: Ints) -> list[PrintedLine]:
    """The printed lines that these letters make, from the top; then those printed at an angle."""
    if not len(letters):
        return []
    upright = ink.upright[letters]
    standing = letters[upright]
    setting = _set(ink, standing, np.zeros(len(standing), np.int64))
    lines = _lines(ink, setting)
    if not upright.all():
        lines += _turned_lines(ink, letters[~upright])
    return lines


def set_in_cells(ink: Ink, grid: Grid) -> Setting:
    """The letters of a table set into the lines of its cells, cell by cell."""
    letters = np.flatnonzero(grid.homes >= 0)
    return _set(ink, letters, grid.homes[letters])


def cell_texts(ink: Ink, grid: Grid, setting: Setting | None = None) -> list[str]:
    """The text of each cell as printed: one blank between words, "\\n" between lines."""
    setting = setting or set_in_cells(ink, grid)
    texts = [""] * len(grid.cells)
    if not len(setting.letters):
        return texts
    starts = np.flatnonzero(changes(setting.owners))
    marks = np.where(setting.starts_line, _BREAK, np.where(setting.starts_word, _BLANK, 0))
    marks[starts] = 0
    found = _cut(ink, setting.letters, marks.astype(np.uint32), starts)
    for cell, text in zip(setting.owners[starts].tolist(), found, strict=True):
        texts[cell] = text
    return texts


def sample(ink: Ink, letters: Ints) -> str:
    """The letters as they were drawn, quoted and short enough for a message."""
    return repr(one_line("".join(ink.text[letter] for letter in letters.tolist())))


def one_line(text: str) -> str:
    """A text on one line, short enough for a message."""
    return shortened(" ".join(text.split()), 80)


def inked_codes(text: Ink | str) -> npt.NDArray[np.uint32]:
    """The characters of a page or a text other than blanks."""
    codes = _codes(text) if isinstance(text, str) else _type_of(text).codes
    return codes[~_are_blank(codes)]


@lru_cache(maxsize=1)  # every step of reading a page asks for it
def _type_of(ink: Ink) -> _Type:
    joined = "".join(ink.text)
    codes = _codes(joined)
    blank = _are_blank(codes)
    if tuple(joined) == ink.text:
        return _Type(codes, np.arange(len(ink.text) + 1), blank, is_simple=True)
    lengths = np.fromiter(map(len, ink.text), np.int64, len(ink.text))
    starts = np.append(0, np.cumsum(lengths))
    inked = np.append(0, np.cumsum(~blank))
    return _Type(codes, starts, inked[starts[1:]] == inked[starts[:-1]], is_simple=False)


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _are_blank(codes: npt.NDArray[np.uint32]) -> Bools:
    blank: Bools = _BLANKS.take(codes, mode="clip")
    return blank


def _set(ink: Ink, letters: Ints, owners: Ints) -> Setting:
    """Sets letters into the lines and words of each owner."""
    boxes = ink.boxes.take(letters, axis=0)
    left, right = boxes[:, 0], boxes[:, 2]
    sizes = ink.sizes.take(letters)
    is_blank = blanks(ink).take(letters)
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    order = (owners * _FAR + middles).argsort(kind="stable")
    lines = _line_numbers(
        owners.take(order), middles.take(order), sizes.take(order), is_blank.take(order)
    )
    if len(lines) and lines.min() < 0:
        order, lines = order[lines >= 0], lines[lines >= 0]
    across = (lines * _FAR + left.take(order)).argsort(kind="stable")
    order, lines = order.take(across), lines.take(across)

    blank = is_blank.take(order)
    inked = np.flatnonzero(~blank)
    order, lines, blanks_before = order.take(inked), lines.take(inked), blank.cumsum().take(inked)
    starts_line = changes(lines)
    starts_word = starts_line | _parted(
        left.take(order), right.take(order), sizes.take(order), changes(blanks_before)
    )
    return Setting(letters.take(order), owners.take(order), lines, starts_word, starts_line)


def _parted(left: Floats, right: Floats, sizes: Floats, after_blank: Bools) -> Bools:
    """Whether a letter begins a word, by the gap before it and whether a blank is drawn there.

    A blank without a gap lies under other letters, as where a cell is filled up with blanks.
    """
    parted = np.ones(len(left), np.bool_)
    gaps = (left[1:] - right[:-1]) / np.maximum(sizes[1:], sizes[:-1])
    parted[1:] = (gaps > WORD_GAP) | (after_blank[1:] & (gaps > TOUCHING))
    return parted


def _line_numbers(owners: Ints, middles: Floats, sizes: Floats, is_blank: Bools) -> Ints:
    """The line that each letter is on, given in the order of owners and heights.

    A line reaches as far as its tallest letter lets it; a blank that no line reaches has -1.
    """
    if not len(owners):
        return owners
    is_new = changes(owners)
    is_new[1:] |= (middles[1:] - middles[:-1] > _LEVEL) | (sizes[1:] != sizes[:-1])
    levels = np.flatnonzero(is_new)
    inked = ~np.logical_and.reduceat(is_blank, levels)
    of, y, size = owners[levels], middles[levels], sizes[levels]
    numbers = _clear_lines(of, y, size) if inked.all() else None
    if numbers is None:
        numbers = _lines_one_by_one(of, y, size, inked)
    return np.repeat(numbers, np.diff(np.append(levels, len(owners))))


def _clear_lines(owners: Ints, heights: Floats, sizes: Floats) -> Ints | None:
    """The lines where all levels are far apart or close together for any size, or else None."""
    reach = SAME_LINE * np.maximum(sizes[1:], sizes[:-1])
    starts_line = changes(owners)
    starts_line[1:] |= heights[1:] - heights[:-1] > reach
    starts = np.flatnonzero(starts_line)
    ends = np.append(starts[1:], len(heights)) - 1
    largest = np.maximum.reduceat(sizes, starts)
    smallest = np.minimum.reduceat(sizes, starts)
    spread = heights[ends] - heights[starts]
    apart = heights[starts[1:]] - heights[ends[:-1]]
    is_apart = (apart > SAME_LINE * np.maximum(largest[1:], largest[:-1])) | (
        owners[starts[1:]] != owners[starts[:-1]]
    )
    if (spread > SAME_LINE * smallest).any() or not is_apart.all():
        return None
    lines: Ints = starts_line.cumsum() - 1
    return lines


def _lines_one_by_one(owners: Ints, heights: Floats, sizes: Floats, inked: Bools) -> Ints:
    numbers: list[int] = []
    line, owner, tallest, height = -1, -1, 0.0, 0.0
    levels = (owners.tolist(), heights.tolist(), sizes.tolist(), inked.tolist())
    for of, y, size, has_ink in zip(*levels, strict=True):
        if of == owner and y - height <= SAME_LINE * max(size, tallest):
            numbers.append(line)
            if has_ink and size > tallest:
                tallest, height = size, y
        elif has_ink:
            line, owner, tallest, height = line + 1, of, size, y
            numbers.append(line)
        else:
            numbers.append(-1)
    return np.array(numbers)


def _lines(ink: Ink, setting: Setting) -> list[PrintedLine]:
    if not len(setting.letters):
        return []
    starts = np.flatnonzero(setting.starts_line)
    marks = np.where(setting.starts_word & ~setting.starts_line, _BLANK, 0).astype(np.uint32)
    texts = _cut(ink, setting.letters, marks, starts)
    boxes = _boxes(ink, setting.letters, starts).round(2).tolist()
    return [PrintedLine(text, tuple(box)) for text, box in zip(texts, boxes, strict=True)]


def _turned_lines(ink: Ink, letters: Ints) -> list[PrintedLine]:
    """Letters printed at an angle, such as a watermark, as runs in the order of drawing."""
    boxes, sizes = ink.boxes[letters], ink.sizes[letters]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    moved = np.abs(np.diff(middles, axis=0)).sum(axis=1)
    reach = 2 * sizes + (boxes[:, 2:] - boxes[:, :2]).sum(axis=1)
    starts_line = np.append(True, moved > reach[1:])
    lines = starts_line.cumsum()
    is_blank = blanks(ink)[letters]
    blanks_before, inked = is_blank.cumsum()[~is_blank], ~is_blank
    letters, lines = letters[inked], lines[inked]
    starts_line = changes(lines)
    starts_word = starts_line | _parted(
        boxes[inked, 0], boxes[inked, 2], sizes[inked], changes(blanks_before)
    )
    return _lines(ink, Setting(letters, lines, lines, starts_word, starts_line))


def _cut(ink: Ink, letters: Ints, marks: npt.NDArray[np.uint32], starts: Ints) -> tuple[str, ...]:
    """The text of the letters from each start to the next; a mark other than 0 precedes its own."""
    kept = _type_of(ink)
    marked = np.flatnonzero(marks)
    if kept.is_simple:
        lengths = (marks > 0) + 1
        ends = lengths.cumsum()
        codes = np.empty(int(ends[-1]), np.uint32)
        codes[ends - 1] = kept.codes.take(letters)
    else:
        after = kept.starts[letters + 1]
        lengths = after - kept.starts[letters] + (marks > 0)
        ends = lengths.cumsum()
        codes = np.empty(int(ends[-1]), np.uint32)
        is_letter = np.ones(len(codes), np.bool_)
        is_letter[ends[marked] - lengths[marked]] = False
        places = np.flatnonzero(is_letter)
        codes[places] = kept.codes[places + np.repeat(after - ends, lengths - (marks > 0))]
    begins = ends - lengths
    codes[begins[marked]] = marks[marked]
    text = codes.tobytes().decode("utf-32-le", "surrogatepass")
    firsts = begins[starts].tolist()
    return tuple(
        text[start:end] for start, end in zip(firsts, [*firsts[1:], len(text)], strict=True)
    )


def _boxes(ink: Ink, letters: Ints, starts: Ints) -> Floats:
    """The box around the letters from each start to the next."""
    lows, highs = extents(ink.boxes.take(letters, axis=0), starts)
    return np.array([*lows, *highs]).T
