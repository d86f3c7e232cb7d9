"""Letters as they stand on a page of a PDF, and the words and lines that they make.

Knows positions and nothing of tables. Text is as printed: nothing is normalized or repaired.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from schemas.codes import shortened

# Left, top, right and bottom in points from the page's top left corner.
Box = tuple[float, float, float, float]

# Letters further apart than this share of their size are of different words. The blank of common
# fonts is 0.22 to 0.28 wide; kerning stays under 0.1.
WORD_GAP = 0.15
# Letters whose middles differ by less than this share of their size stand on one line; a raised
# mark differs by up to 0.4, the next line by 1.
SAME_LINE = 0.45
# A letter drawn again within this share of its size is the same letter.
SAME_PLACE = 0.1

_AROUND = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class Letter:
    """What one character code shows: mostly a letter, sometimes several (a ligature)."""

    text: str
    box: Box
    x: float
    y: float
    size: float
    turn: tuple[float, ...]

    @property
    def is_blank(self) -> bool:
        return self.text.isspace()

    @property
    def is_upright(self) -> bool:
        """Whether it stands on its feet; pdfminer's own mark takes upside-down for upright."""
        a, b, _, d = self.turn
        return a > 0 and d > 0 and abs(b) < 0.1 * a


def letter_of(char: dict[str, Any]) -> Letter:
    """A letter from a character as pdfplumber describes it."""
    box = (char["x0"], char["top"], char["x1"], char["bottom"])
    x, y = (char["x0"] + char["x1"]) / 2, (char["top"] + char["bottom"]) / 2
    return Letter(char["text"], box, x, y, char["size"], tuple(char["matrix"][:4]))


def without_doubles(letters: Iterable[Letter]) -> Iterator[Letter]:
    """Leaves out a character drawn again at the same place, as some programs do to print bold."""
    seen: dict[tuple[str, int, int], list[Letter]] = {}
    for letter in letters:
        near = max(SAME_PLACE * letter.size, 0.01)
        column, line = int(letter.x // near), int(letter.y // near)
        spots = [(letter.text, column + dx, line + dy) for dx in _AROUND for dy in _AROUND]
        if any(
            abs(letter.x - other.x) <= near and abs(letter.y - other.y) <= near
            for spot in spots
            for other in seen.get(spot, ())
        ):
            continue
        seen.setdefault((letter.text, column, line), []).append(letter)
        yield letter


def printed_lines(letters: list[Letter]) -> list[list[Letter]]:
    """Upright letters as printed lines, from top to bottom and each from left to right."""
    lines: list[list[Letter]] = []
    tallest: Letter | None = None
    for letter in sorted(letters, key=lambda letter: (letter.y, letter.x)):
        if tallest and letter.y - tallest.y <= SAME_LINE * max(letter.size, tallest.size):
            lines[-1].append(letter)
            if letter.size > tallest.size and not letter.is_blank:
                tallest = letter
        elif not letter.is_blank:
            lines.append([letter])
            tallest = letter
    return [sorted(line, key=lambda letter: letter.box[0]) for line in lines]


def turned_lines(letters: list[Letter]) -> list[list[Letter]]:
    """Letters printed at an angle, such as a watermark, as runs in the order of drawing."""
    lines: list[list[Letter]] = []
    for letter in letters:
        if letter.is_upright:
            continue
        last = lines[-1][-1] if lines else None
        reach = 2 * letter.size + letter.box[2] - letter.box[0] + letter.box[3] - letter.box[1]
        if (
            last
            and last.turn == letter.turn
            and abs(last.x - letter.x) + abs(last.y - letter.y) <= reach
        ):
            lines[-1].append(letter)
        else:
            lines.append([letter])
    return [line for line in lines if not all(letter.is_blank for letter in line)]


def line_text(line: list[Letter]) -> str:
    """The words of a printed line, one blank between them."""
    text = ""
    before: Letter | None = None
    for letter in line:
        if letter.is_blank:
            text += " "
            before = None
            continue
        gap = letter.box[0] - before.box[2] if before else 0.0
        if before and gap > WORD_GAP * max(letter.size, before.size):
            text += " "
        text += letter.text
        before = letter
    return " ".join(text.split())


def cell_text(letters: list[Letter]) -> str:
    return "\n".join(map(line_text, printed_lines(letters)))


def sample(letters: Iterable[Letter]) -> str:
    return repr(one_line("".join(letter.text for letter in letters)))


def one_line(text: str) -> str:
    """A text on one line, short enough for a message."""
    return shortened(" ".join(text.split()), 80)


def union(boxes: Iterable[Box]) -> Box:
    """The box around boxes, in points with two decimals."""
    x0, top, x1, bottom = zip(*boxes, strict=True)
    return (
        round(float(min(x0)), 2),
        round(float(min(top)), 2),
        round(float(max(x1)), 2),
        round(float(max(bottom)), 2),
    )
