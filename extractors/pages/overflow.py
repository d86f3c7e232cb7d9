"""Words that run over the border of their cell, and the one cell that each belongs to.

A word that no line of its cell has room for is printed over the border, into the next cell's
space. Letters that were drawn one after the other and touch are one word, and it goes as a whole
where its place says: to the cell whose edge it begins at (or ends at, or whose middle it is set
around). Where several cells may have it, or a whole phrase runs on, nothing is decided: each
letter keeps the cell that its middle is in, and the word is told as undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from extractors.pages.cells import Cells
from extractors.pages.drawn_words import (
    ALIGNED,
    OVER,
    CellLines,
    DrawnWords,
    beginnings,
    cell_lines,
    drawn_words,
    offsets_in,
    sticking_out,
)
from extractors.pages.ink import Bools, Ink, Ints
from extractors.pages.words import SAME_LINE, TOUCHING, WORD_GAP, blanks

# A word within this share of its size from the edge of a cell begins at the edge.
PADDING = 1.0
# Words with one blank between them that is wider than this share of their size are two texts.
NEXT_WORD = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Overflow:
    """The cells of letters, words that run over borders decided where they can be."""

    homes: Ints  # (n,): the cell of each letter of the page, or -1
    over: frozenset[int]  # cells whose words are printed over their borders
    undecided: Ints  # letters that may belong to another cell


def settled(ink: Ink, cells: Cells, homes: Ints) -> Overflow:
    """Where the letters belong, given the cells that their middles are in."""
    suspects = _suspects(ink, cells, homes)
    if not len(suspects):
        return Overflow(homes, frozenset(), suspects)
    certain, possible = beginnings(ink)
    lines = cell_lines(drawn_words(ink, cells, homes, certain | possible), cells)
    begins, held = _told_apart(ink, cells, homes, lines, (certain, possible, suspects))
    page = _Page(cells, drawn_words(ink, cells, homes, begins), lines)
    drawn = page.drawn
    settled_homes = homes.copy()
    over = set()
    undecided = [np.zeros(0, np.int64)]
    for word in np.unique(drawn.numbers[suspects]).tolist():
        letters = np.arange(drawn.starts[word], drawn.starts[word + 1])
        if not drawn.crosses[word]:
            if page.goes_on_from_other_cell(word):
                undecided.append(letters[:1])
            continue
        home = None if held[letters].any() else page.home_of(word)
        if home is None:
            undecided.append(letters)
        else:
            settled_homes[letters] = home
            over.add(home)
    return Overflow(settled_homes, frozenset(over), np.concatenate(undecided))


def _suspects(ink: Ink, cells: Cells, homes: Ints) -> Ints:
    """Letters that stick out of their cell, or touch the letter before them in another cell."""
    if not len(cells.boxes):
        return np.zeros(0, np.int64)
    found = sticking_out(ink, cells, homes)
    after = np.flatnonzero(homes[1:] != homes[:-1]) + 1
    after = after[_touching(ink, after) & ~blanks(ink)[after]]
    found[after] = True
    return np.flatnonzero(found)


def _touching(ink: Ink, after: Ints) -> Bools:
    """Whether these letters touch those drawn before them, on one line and in one size."""
    boxes, before = ink.boxes[after], ink.boxes[after - 1]
    near = TOUCHING * ink.sizes[after]
    touching: Bools = (ink.sizes[after] == ink.sizes[after - 1]) & ink.upright[after]
    touching &= np.abs(boxes[:, 1] + boxes[:, 3] - before[:, 1] - before[:, 3]) < 2 * near
    touching &= np.abs(boxes[:, 0] - before[:, 2]) < near
    return touching


def _told_apart(
    ink: Ink, cells: Cells, homes: Ints, lines: CellLines, given: tuple[Bools, Bools, Ints]
) -> tuple[Bools, Bools]:
    """The letters that begin words, and those of which it cannot be told though it matters.

    Next to a word over a border, the text of the next cell may begin without a gap. Where it
    begins as the other lines of its column do, or with the white that most lines have, it is that;
    where the lines of the column begin elsewhere, it is the word that goes on.
    """
    certain, possible, suspects = given
    begins, held = certain.copy(), np.zeros(len(certain), np.bool_)
    starts = np.append(np.flatnonzero(certain), len(certain))
    for word in np.unique(certain.cumsum()[suspects] - 1).tolist():
        first = int(starts[word])
        for letter in (np.flatnonzero(possible[first : starts[word + 1]]) + first).tolist():
            home, before = int(homes[letter]), int(homes[first])
            if home in (before, -1):
                continue
            white = float(ink.boxes[letter, 0] - cells.boxes[home, 0])
            together = lines.begin_together(home)
            if lines.count(home, 0, white) >= 2 or (not together and lines.is_padding(white)):
                begins[letter] = True
                first = letter
            elif not together:
                held[letter] = True
    return begins, held


class _Page:
    """Where the words of a page stand in its cells."""

    def __init__(self, cells: Cells, drawn: DrawnWords, lines: CellLines) -> None:
        self._cells = cells
        self._lines = lines
        self.drawn = drawn

    def home_of(self, word: int) -> int | None:
        """The cell that a word over a border belongs to, or None."""
        claims = dict(self._claims(word))
        if len(claims) > 1:
            # A cell that has a text of its own on this line needs no other.
            claims = {cell: usual for cell, usual in claims.items() if not self._beside(word, cell)}
        if len(claims) > 1:
            claims = {cell: usual for cell, usual in claims.items() if usual}
        return next(iter(claims)) if len(claims) == 1 else None

    def goes_on_from_other_cell(self, word: int) -> bool:
        """Whether a phrase runs on over a border, one of its blanks standing there."""
        before = self._neighbor(word, -1)
        if before is None or self.drawn.lasts[before] == self.drawn.firsts[word]:
            return False
        home = int(self.drawn.firsts[word])
        return home < 0 or not self._stands_as_usual(word, home)

    def _claims(self, word: int) -> Iterator[tuple[int, bool]]:
        """Cells that may have the word, and whether other lines of their column stand likewise."""
        drawn = self.drawn
        first, last, middle = (int(at[word]) for at in (drawn.firsts, drawn.lasts, drawn.middles))
        before, after = self._neighbor(word, -1), self._neighbor(word, 1)
        x0, _, x1, _ = drawn.boxes[word].tolist()
        room = PADDING * float(drawn.sizes[word])
        if first >= 0 and after is None:
            left = float(self._cells.boxes[first, 0])
            others = self._beside(word, first)
            if x0 - left <= room and not any(box[0] < x0 for box in others):
                yield first, self._is_usual(word, first, 0)
            elif first == middle and (first == last or self._is_served(last)):
                yield first, False
        if last >= 0 and last != first and before is None:
            right = float(self._cells.boxes[last, 2])
            others = self._beside(word, last)
            if right - x1 <= room and not any(box[2] > x1 for box in others):
                if self._is_usual(word, last, 1):
                    yield last, True
            elif last == middle and self._is_served(first):
                yield last, False
        if middle >= 0 and middle not in (first, last) and before is None and after is None:
            left, _, right, _ = self._cells.boxes[middle].tolist()
            if abs(x0 + x1 - left - right) <= 4 * ALIGNED and not self._beside(word, middle):
                yield middle, self._is_usual(word, middle, 2)

    def _neighbor(self, word: int, step: int) -> int | None:
        """The word that this one goes on from (-1) or that goes on from it (1), if any."""
        drawn = self.drawn
        other = word + step
        if 0 <= other < len(drawn.inked) and not drawn.inked[other]:
            other += step
        if not 0 <= other < len(drawn.inked) or not drawn.inked[other]:
            return None
        left, right = (word, other) if step > 0 else (other, word)
        one, two = drawn.boxes[left], drawn.boxes[right]
        size = drawn.sizes[word]
        if size != drawn.sizes[other] or abs(one[1] - two[1]) >= TOUCHING * size:
            return None
        if not -WORD_GAP * size < two[0] - one[2] <= NEXT_WORD * size:
            return None
        return None if self._is_other_text(left, right) else other

    def _is_other_text(self, before: int, word: int) -> bool:
        """Whether a word close after another one is of another run, and begins its own cell."""
        drawn = self.drawn
        home, home_before = int(drawn.firsts[word]), int(drawn.firsts[before])
        if drawn.runs[before, 1] == drawn.runs[word, 0] or home in (-1, home_before):
            return False
        if self._stands_as_usual(word, home):
            return True
        begin = float(drawn.boxes[word, 0] - self._cells.boxes[home, 0])
        if not drawn.crosses[before]:
            return bool(-OVER <= begin / drawn.sizes[word] <= PADDING)
        return self._lines.is_padding(begin)

    def _beside(self, word: int, cell: int) -> list[list[float]]:
        """Boxes of the other text that a cell has on the line of a word."""
        _, top, _, bottom = self.drawn.boxes[word]
        lines = self._lines
        away = np.abs(lines.boxes[:, 1] + lines.boxes[:, 3] - top - bottom) / 2
        near = (lines.homes == cell) & (away < SAME_LINE * self.drawn.sizes[word])
        boxes: list[list[float]] = lines.boxes[near].tolist()
        return boxes

    def _is_served(self, cell: int) -> bool:
        """Whether a cell has text of its own; what is outside the table needs none."""
        return cell < 0 or bool((self._lines.homes == cell).any())

    def _stands_as_usual(self, word: int, cell: int) -> bool:
        return any(self._is_usual(word, cell, kind) for kind in range(3))

    def _is_usual(self, word: int, cell: int, kind: int) -> bool:
        """Whether other lines of the cell's column stand as the word does.

        The kinds are how far from the left, from the right, and from the middle of their cells.
        """
        offsets = offsets_in(self.drawn.boxes[[word]], self._cells.boxes[[cell]])
        return self._lines.count(cell, kind, float(offsets[0, kind])) >= 2
