"""Words that a narrow cell broke over two lines without a hyphen, put together where that is sure.

Two things must agree. The page must show that the line was full: no room for one more letter, and
the whole word wider than its cell. And the document must show that the two pieces are one word:
it prints that word in one piece elsewhere, or the break stands within a common ending, or before
a sign that never begins a line, or the pieces make a telephone number. Whatever else has a digit
in it, such as a code, stays as printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from extractors.pages.boxes import changes
from extractors.pages.ink import Floats, Grid, Ink, Ints
from extractors.pages.words import Setting
from extractors.reading import Passage, Row

# By this share of a cell's room a line may fall short: programs measure a text in one font and
# print it in another.
SLACK = 0.1
# Text nearer than this many points to the left of its cell has none on the right either, or its
# column ends somewhere in the white.
NO_WHITE = 0.5
_PIECE_BEFORE = re.compile(r"(\S*?)([^\W\d_]+)$")
_PIECE_AFTER = re.compile(r"^([^\W\d_]+)(\S*)")
_WORD = re.compile(r"[^\W\d_]+")
_CLOSING = re.compile(r"[/,;:.)](?=\s|$|[^\W\d_])[^\s\d]*(?=\s|$)")
# Breaks within an ending, where the second piece is no word: `on` is one, but after `ti`.
_IN_ENDING = re.compile(
    r"[^\W\d_]{3,}(?:ti\|on|[ts]io\|n|me\|nt|men\|t|ne\|ss|nes\|s)s?", re.IGNORECASE
)
_TELEPHONE = re.compile(r"\(?[0-9]{3}[-.)][0-9]{3}[-.][0-9]{4}[.,;)]*")
# A whole answer is never the first piece of a longer word.
_ANSWERS = ("n", "no", "none", "not", "required", "x", "y", "yes")

# The column of a cell and the line of its text, from 0, after which a word may be broken.
Breaks = Mapping[int, Sequence[int]]


def possible_breaks(ink: Ink, grid: Grid, setting: Setting) -> dict[int, list[int]]:
    """For each cell the lines, from 0, after which the page may have broken a word.

    The line is full, up to the padding of its column, and its last word and the first word of the
    next line are together wider than the cell has room.
    """
    if not len(setting.letters):
        return {}
    boxes = ink.boxes.take(setting.letters, axis=0)
    firsts = np.flatnonzero(setting.starts_line)
    lasts = np.append(firsts[1:], len(boxes)) - 1
    cells = setting.owners[firsts]
    left, right = _inner_edges(grid, cells, boxes[firsts, 0], boxes[lasts, 2])
    goes_on = np.flatnonzero(cells[1:] == cells[:-1])
    width = right - left
    room = (1 - SLACK) * width[goes_on] - (boxes[lasts[goes_on], 2] - left[goes_on])
    needed = boxes[firsts[goes_on + 1], 2] - boxes[firsts[goes_on + 1], 0]
    full = goes_on[room < needed]
    if not len(full):
        return {}
    words = np.flatnonzero(setting.starts_word)
    ends = np.append(words[1:], len(boxes)) - 1
    widths = boxes[ends, 2] - boxes[words, 0]
    after = words.searchsorted(firsts[full + 1])
    is_wider = widths[after - 1] + widths[after] > (1 - SLACK) * width[full]
    first_lines = np.where(changes(cells), np.arange(len(cells)), 0)
    ordinals = np.arange(len(cells)) - np.maximum.accumulate(first_lines)
    found: dict[int, list[int]] = {}
    for line in full[is_wider].tolist():
        found.setdefault(int(cells[line]), []).append(int(ordinals[line]))
    return found


def _inner_edges(grid: Grid, cells: Ints, starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Where the text of each line's cell may begin and end, by the other lines of its column.

    A ruled cell has the same white on both sides, or less on the right where a text needs it; of
    a column that is not ruled, the widest text tells.
    """
    count = grid.shape[1]
    columns = grid.columns[cells]
    white = np.full((2, count), np.inf)
    np.minimum.at(white[0], columns, starts - grid.cells[cells, 0])
    np.minimum.at(white[1], columns, grid.cells[cells, 2] - ends)
    white = np.maximum(white, 0)
    beyond = np.where(white[0] < NO_WHITE, white[1], np.minimum(white[0], white[1]))
    left = grid.cells[cells, 0] + white[0, columns]
    right = grid.cells[cells, 2] - beyond[columns]
    return left, right


def mended(lines: Sequence[Row | Passage], breaks: Mapping[int, Breaks]) -> Iterator[Row | Passage]:
    """The lines of a document, words that are surely broken put together and their rows flagged.

    The raw text stays as printed. `breaks` has for some lines, by their ordinal from 0, which
    cells may have broken words where.
    """
    words = _whole_words(lines, breaks) if breaks else set()
    for number, line in enumerate(lines):
        places = breaks.get(number)
        if places is None or not isinstance(line, Row):
            yield line
            continue
        cells = tuple(
            _mended_cell(cell, places.get(column, ()), words)
            for column, cell in enumerate(line.cells)
        )
        if cells == line.cells:
            yield line
        else:
            yield replace(line, cells=cells, flags=(*line.flags, "word_broken"))


def _whole_words(lines: Iterable[Row | Passage], breaks: Mapping[int, Breaks]) -> set[str]:
    """The words of a document in lower case, those aside that may be pieces of a broken one."""
    words: set[str] = set()
    for number, line in enumerate(lines):
        places = breaks.get(number)
        if places is None or not isinstance(line, Row):
            words.update(_WORD.findall(line.raw_text.lower()))
            continue
        for column, cell in enumerate(line.cells):
            printed = cell.lower().split("\n")
            for place in places.get(column, ()):
                printed[place] = _PIECE_BEFORE.sub("", printed[place])
                printed[place + 1] = _PIECE_AFTER.sub("", printed[place + 1], count=1)
            words.update(_WORD.findall("\n".join(printed)))
    return words


def _mended_cell(cell: str, places: Sequence[int], words: set[str]) -> str:
    printed = cell.split("\n")
    text = printed[0]
    for number, line in enumerate(printed[1:]):
        glue = "" if number in places and _is_one_word(text, line, words) else "\n"
        text = f"{text}{glue}{line}"
    return text


def _is_one_word(before: str, after: str, words: set[str]) -> bool:
    """Whether the last word of one line and the first of the next are pieces of one."""
    ends, begins = before.split()[-1:], after.split()[:1]
    if _TELEPHONE.fullmatch("".join(ends + begins)):
        return True
    head = _PIECE_BEFORE.search(before.rsplit("\n", maxsplit=1)[-1])
    if head is None or re.search(r"\d", head[1]):
        return False
    if _CLOSING.match(after):
        return True
    tail = _PIECE_AFTER.match(after)
    if tail is None or re.search(r"\d", tail[2]):
        return False
    if not head[1] and head[2].lower() in _ANSWERS:
        return False
    if head[2][-1].islower() and tail[1][0].isupper():
        return False
    first, whole = head[2].lower(), (head[2] + tail[1]).lower()
    forms = {whole, f"{whole}s", whole.removesuffix("s")} - {first}
    return bool(forms & words or _IN_ENDING.fullmatch(f"{head[2]}|{tail[1]}"))
