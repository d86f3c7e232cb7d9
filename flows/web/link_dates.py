"""How new a link is, by what the named groups of its patterns found.

A year alone, with a quarter, a month or a day, and a part that orders several of one date. Which
of two links is taken is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from extractors.dates import parse_date

_YEAR = re.compile(r"(?:20)?([0-9]{2})|(19[0-9]{2})")
_QUARTER = re.compile(r"0?([1-4])")
_PART = re.compile(r"([0-9]{1,9})|([A-Za-z])")


@dataclass(frozen=True, slots=True, order=True)
class LinkDate:
    """A date as far as a link says it; the newer one is greater.

    A quarter is its first month. What is not said is 0, and older than what is: `2026` is older
    than `January 2026`. Of the parts of one date, numbers are older than letters.
    """

    year: int
    month: int
    day: int
    part: tuple[int, ...]

    @property
    def first_day(self) -> date:
        """The first day that it can mean."""
        return date(self.year, self.month or 1, self.day or 1)


def link_date(said: Mapping[str, str | None]) -> LinkDate | None:
    """The date that the groups of LINK_DATE say, or None where there can be no such date.

    A month is a number or an English name, in full or cut; a year of two digits is in the 2000s.
    """
    texts = {name: text.strip() for name, text in said.items() if text and text.strip()}
    year, part = _year(texts.get("year", "")), _part(texts.get("part", ""))
    month, day = texts.get("month"), texts.get("day")
    if year is None or part is None or (day and not month):
        return None
    first = 0
    if "quarter" in texts:
        quarter = _QUARTER.fullmatch(texts["quarter"])
        if quarter is None:
            return None
        first = 3 * int(quarter[1]) - 2
    if month is None:
        return LinkDate(year, first, 0, part)
    found = _day_of(year, month, day or "1")
    if found is None or (first and found.month not in range(first, first + 3)):
        return None
    return LinkDate(year, found.month, found.day if day else 0, part)


def _day_of(year: int, month: str, day: str) -> date | None:
    printed = f"{month}/{day}/{year}" if month.isdecimal() else f"{month} {day}, {year}"
    return parse_date(printed)


def _year(text: str) -> int | None:
    found = _YEAR.fullmatch(text)
    if found is None:
        return None
    return int(found[2]) if found[2] else 2000 + int(found[1])


def _part(text: str) -> tuple[int, ...] | None:
    """Orders parts; None for what is neither a number nor a letter."""
    if not text:
        return ()
    found = _PART.fullmatch(text)
    if found is None:
        return None
    return (0, int(found[1])) if found[1] else (1, ord(found[2].lower()))
