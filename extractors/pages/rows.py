"""Which printed lines of a table without a ruled grid make one row.

Several ways of parting the lines into rows are weighed against what wrapping does: a line goes on
in the next one because the next word found no room. Where a next word would have had room, a new
row has begun. What a page shows (ruling lines, shaded bands, wider gaps) is believed where it
agrees with that; where nothing tells, each line is a row of its own, and header logic may join
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from extractors.pages.ink import Bools, Floats, Ints

# The width of a blank as a share of the letters' size.
BLANK = 0.25
# The widest line of a column may be a little wider than the column, as bold print is.
TOLERANCE = 0.95
# A cell is wrapped against its will once in so many lines: a line break set by hand.
BY_HAND = 0.03
# Columns in which nearly no word would ever find room, such as one of codes, tell nothing.
NARROW = 0.85
# What a way of parting must be ahead of single lines by, in natural logarithms of likelihood.
LEAST = 1.5
# What it counts for a way that most rows have exactly one line in their first or code column.
KEYED = 3.0
# What it counts for lines and bands drawn between rows, where most rows have such a line too.
DRAWN = 4.0
# Distances of lines that differ by less than this share, or by less than these points, are equal.
EQUAL, EQUAL_POINTS = 1.08, 0.6

_CODE = re.compile(r"[+*]?[A-Za-z]?[0-9]{4,5}[A-Za-z]?\b")


@dataclass(frozen=True, slots=True)
class Habit:
    """How much white at least stood between rows of several lines on the page before."""

    row_gap: float


@dataclass(frozen=True, slots=True, eq=False)
class TableText:
    """The text of a table's columns line by line: `k` stretches of text in order of their lines.

    `levels` are the heights of the `n` lines, `parted` whether something drawn or a title parts a
    line from the one above it.
    """

    lines: Ints  # (k,): from 0 to n - 1
    columns: Ints  # (k,)
    widths: Floats  # (k,)
    firsts: Floats  # (k,): width of the first word
    texts: tuple[str, ...]  # k
    size: float
    levels: Floats  # (n,)
    parted: Bools  # (n,)
    titled: Bools  # (n,): parted by a title, which ends a row whatever else is true
    gaps: Floats  # (n,): the white above each line
    habit: Habit | None  # set where rows had several lines on the page before


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One column's stretches: their lines, and whether each would have fitted on the one above."""

    lines: Ints
    fits: Bools
    gain: float  # of two lines in one row where the lower had no room on the upper
    loss: float  # where it had
    has_codes: bool
    is_key: bool


def row_numbers(text: TableText) -> Ints:
    """The row of each line, from 0."""
    count = len(text.levels)
    single = np.arange(count)
    if count < 2:
        return single
    columns = list(_columns(text))
    best, most = single, LEAST
    known: dict[bytes, float] = {}
    for rows, weighed, prior in _ways(text, columns):
        way = weighed.tobytes()
        if way not in known:
            known[way] = sum(_evidence(column, weighed) for column in columns if column.gain)
        score = prior + known[way]
        if score > most:
            best, most = rows, score
    return best


def begins_with_code(text: str) -> bool:
    """Whether a printed text begins with what looks like a code."""
    return bool(_CODE.match(text))


def _columns(text: TableText) -> Iterator[_Column]:
    is_code = np.array([begins_with_code(each) for each in text.texts])
    for column in np.unique(text.columns).tolist():
        at = np.flatnonzero(text.columns == column)
        widths, firsts = text.widths[at], text.firsts[at]
        room = TOLERANCE * widths.max() - BLANK * text.size
        # The chance that a word would not have fitted, had it nothing to do with the line above.
        tight = widths[:, None] + firsts[None, :] > room
        chance = (tight.sum() + 1) / (tight.size + 2)
        has_codes = bool(is_code[at].mean() > 0.5)
        told = chance < NARROW and not has_codes
        yield _Column(
            lines=text.lines[at],
            fits=np.append(False, widths[:-1] + firsts[1:] <= room),
            gain=-np.log(chance) if told else 0.0,
            loss=np.log(BY_HAND / (1 - chance)) if told else 0.0,
            has_codes=has_codes,
            is_key=has_codes or column == 0,
        )


def _evidence(column: _Column, rows: Ints) -> float:
    of = rows[column.lines]
    goes_on = np.append(False, of[1:] == of[:-1])
    against = int(np.count_nonzero(goes_on & column.fits))
    return float(
        column.gain * (np.count_nonzero(goes_on) - against) + min(column.loss, 0.0) * against
    )


def _ways(text: TableText, columns: list[_Column]) -> Iterator[tuple[Ints, Ints, float]]:
    """Ways of parting the lines into rows, as they are weighed, and what else speaks for each."""
    if text.parted.any() and not text.parted.all():
        rows = _numbered(text.parted | text.titled)
        yield rows, rows, DRAWN * _is_keyed(rows, columns)
    apart = np.diff(text.levels, prepend=text.levels[0])
    for limit in _limits(apart[1:]):
        rows = _numbered((apart > limit) | text.parted | text.titled)
        yield rows, rows, KEYED * _is_keyed(rows, columns)
    if text.habit:
        rows = _numbered(
            (text.gaps > text.habit.row_gap - EQUAL_POINTS) | text.parted | text.titled
        )
        if rows[-1] < len(rows) - 1:
            yield rows, rows, KEYED
    usual = float(np.median(apart[1:]))
    for column in columns:
        begins = np.zeros(len(text.levels), np.bool_)
        begins[column.lines] = True
        if begins.all():
            continue
        begins |= (apart > 1.5 * usual) | text.parted | text.titled
        weighed = _numbered(begins)
        yield _numbered(begins | _would_fit(text, columns)), weighed, _known(text, column)


def _would_fit(text: TableText, columns: list[_Column]) -> Bools:
    """Lines of which all text would have had room on the line above: they go on with nothing."""
    fits = np.zeros(len(text.levels), np.int64)
    for column in columns:
        np.add.at(fits, column.lines[column.fits], 1)
    would_fit: Bools = fits == np.bincount(text.lines, minlength=len(fits))
    return would_fit


def _known(text: TableText, column: _Column) -> float:
    """What speaks for rows that begin where a column has text, before the lines are looked at."""
    if not column.is_key:
        return 0.0
    return (1.0 if column.has_codes else 0.5) + KEYED / 2 * (text.habit is not None)


def _limits(apart: Floats) -> list[float]:
    """Distances between those that lines of one row and lines of two rows may have."""
    steps = np.unique(apart.round(1))
    if len(steps) < 2:
        return []
    ratios = steps[1:] / np.maximum(steps[:-1], 0.1)
    clear = (ratios > EQUAL) & (np.diff(steps) > EQUAL_POINTS)
    halves = (steps[1:] + steps[:-1]) / 2
    widest = np.argsort(-ratios * clear, kind="stable")[:4]
    return [float(halves[at]) for at in widest if clear[at]]


def _is_keyed(rows: Ints, columns: list[_Column]) -> bool:
    """Whether nearly every row has exactly one line in its first column or in that of its codes."""
    count = int(rows[-1]) + 1
    for column in columns:
        if column.is_key:
            once = np.bincount(rows[column.lines], minlength=count) == 1
            if count > 1 and once.mean() >= 0.8:
                return True
    return False


def _numbered(begins: Bools) -> Ints:
    begins = begins.copy()
    begins[0] = True
    return np.cumsum(begins) - 1
