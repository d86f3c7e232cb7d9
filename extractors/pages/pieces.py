"""Pieces of text on a page of a PDF: letters that one cell of a table surely holds together.

A piece is what a page draws in one operation without a gap wider than a blank. It follows the
order of drawing, so text that runs over its column and into the next one's stays whole. Which
pieces stand in one column is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from extractors.pages.ink import Bools, Floats, Ink, Ints
from extractors.pages.words import SAME_LINE, WORD_GAP, blanks

# Shares of the letters' size. One operation of a page may set a line of a cell justified, with
# blanks this wide, drawn or left; between columns it leaves more, or draws several blanks.
WIDEST_BLANK = 0.9
WIDEST_GAP = 0.5
# Letters overlap by up to this share where one is set close to the other, as in italics.
OVERLAP = 0.3
# A page that shows fewer letters than this in one operation sets each letter for itself.
LETTERS_IN_A_RUN = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The `p` pieces of a page, line by line from the top, each line from the left.

    The letters of piece `i` are `letters[starts[i]:starts[i + 1]]`, numbers of the page's letters
    in drawing order, with the blanks between them. `glued` is set where a piece goes on in the
    middle of the word that the piece before it on the line ends with.
    """

    texts: tuple[str, ...]  # p
    boxes: Floats  # (p, 4)
    lines: Ints  # (p,): ordinal of the printed line from the top, from 0
    sizes: Floats  # (p,): of its largest letter
    firsts: Floats  # (p,): width of its first word
    glued: Bools  # (p,)
    starts: Ints  # (p + 1,)
    letters: Ints


def pieces_of(ink: Ink, letters: Ints) -> Pieces:
    """The pieces that these letters make; blanks at the ends of a piece belong to it."""
    letters = np.sort(letters)
    blank = blanks(ink)[letters]
    if blank.all():
        none = np.zeros(0, np.int64)
        zeros = np.zeros(0)
        return Pieces(
            (), np.zeros((0, 4)), none, zeros, zeros, np.zeros(0, np.bool_), np.zeros(1, int), none
        )
    inked = np.flatnonzero(~blank)
    boxes, sizes, runs = ink.boxes[letters], ink.sizes[letters], ink.runs[letters]
    middles = (boxes[:, 1] + boxes[:, 3]) / 2

    before, after = inked[:-1], inked[1:]
    size = np.maximum(sizes[before], sizes[after])
    gap = boxes[after, 0] - boxes[before, 2]
    between = after - before - 1
    on_line = np.abs(middles[after] - middles[before]) <= SAME_LINE * size
    in_word = on_line & (gap >= -OVERLAP * size) & (gap <= WORD_GAP * size) & (between == 0)
    near = (between < 2) & (gap <= np.where(between, WIDEST_BLANK, WIDEST_GAP) * size)
    in_run = runs[after] == runs[before]
    if len(inked) < LETTERS_IN_A_RUN * (1 + np.count_nonzero(np.diff(runs[inked]))):
        in_run = in_word  # operations of the page tell nothing: words are all that is sure
    together = on_line & (gap >= -OVERLAP * size) & near & in_run

    begins = np.append(0, np.flatnonzero(~together) + 1)  # of each piece, among the inked letters
    ends = np.append(begins[1:], len(inked))
    x0, top = (np.minimum.reduceat(boxes[inked, side], begins) for side in (0, 1))
    x1, bottom = (np.maximum.reduceat(boxes[inked, side], begins) for side in (2, 3))
    largest = np.maximum.reduceat(sizes[inked], begins)
    levels = np.add.reduceat(middles[inked], begins) / (ends - begins)
    lines = _line_numbers(levels, largest)

    order = np.lexsort((x0, lines))
    edges = np.append(0, np.flatnonzero(~(together & in_word)) + 1)
    word_ends = np.append(edges[1:], len(inked)) - 1
    first_ends = word_ends[np.searchsorted(edges, begins)]
    firsts = boxes[inked[first_ends], 2] - boxes[inked[begins], 0]

    # Each piece has its letters and the blanks after them, up to the next piece.
    reach = np.append(inked[begins[1:]], len(letters))
    reach = np.minimum(reach, inked[ends - 1] + 1 + _blanks_after(inked[ends - 1], blank))
    begin = inked[begins][order]
    lengths = reach[order] - begin
    starts = np.append(0, np.cumsum(lengths))
    places = letters[np.repeat(begin - starts[:-1], lengths) + np.arange(starts[-1])]
    texts = _texts([ink.text[letter] for letter in places.tolist()], starts)
    ordered = np.column_stack((x0, top, x1, bottom))[order]
    sizes_of = largest[order]
    lines = lines[order]
    space = ordered[1:, 0] - ordered[:-1, 2]
    size = np.maximum(sizes_of[1:], sizes_of[:-1])
    glued = (np.diff(lines) == 0) & (space > -OVERLAP * size) & (space <= WORD_GAP * size)
    return Pieces(
        texts=texts,
        boxes=ordered,
        lines=lines,
        sizes=sizes_of,
        firsts=firsts[order],
        glued=np.append(False, glued),
        starts=starts,
        letters=places,
    )


def _texts(signs: list[str], starts: Ints) -> tuple[str, ...]:
    text = "".join(signs)
    if len(text) > len(signs):  # a letter may show several characters
        starts = np.append(0, np.cumsum([len(sign) for sign in signs]))[starts]
    bounds = starts.tolist()
    return tuple(text[low:high].strip() for low, high in pairwise(bounds))


def _blanks_after(last: Ints, blank: Bools) -> Ints:
    """How many blanks follow these letters at once in the order of drawing."""
    stops = np.append(np.flatnonzero(~blank), len(blank))
    return stops[np.searchsorted(stops, last, side="right")] - last - 1


def _line_numbers(levels: Floats, sizes: Floats) -> Ints:
    """The printed line of each piece, by the height of its middle; the tallest piece leads."""
    order = np.argsort(levels, kind="stable")
    lines = np.zeros(len(levels), np.int64)
    line, lead, tallest = -1, 0.0, 0.0
    for piece, level, size in zip(
        order.tolist(), levels[order].tolist(), sizes[order].tolist(), strict=True
    ):
        if line < 0 or level - lead > SAME_LINE * max(size, tallest):
            line, lead, tallest = line + 1, level, size
        elif size > tallest:
            lead, tallest = level, size
        lines[piece] = line
    return lines
