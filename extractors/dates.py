"""Dates as publications print them.

US order, month first, in every form that the publications use. A two-digit year is in the 2000s
up to 69; above, no one can tell whether 1999 or 2099 is meant, and it is not a date. Neither is
one without a day or without a year, one that the calendar does not have, one with a time of day
or a time zone, or the bare number in which a spreadsheet stores a date. What a date means is not
known here.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?P<{0}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d\d"
_FORMS = (
    # June 1, 2024; June 1 2024; Dec 28 , 2023; Jan. 1, 2020
    rf"{_MONTH.format('month_1')}\s*(?P<day_1>\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s*(?P<year_1>{_YEAR})",
    # 28 December 2023
    rf"(?P<day_2>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH.format('month_2')},?\s+(?P<year_2>{_YEAR})",
    # 2023-12-28
    rf"(?P<year_3>{_YEAR})-(?P<month_3>\d\d)-(?P<day_3>\d\d)",
    # 12/28/2023; 7.1.2021; 06-01-2024
    rf"(?P<month_4>\d{{1,2}})(?P<sep_4>[/.-])(?P<day_4>\d{{1,2}})(?P=sep_4)(?P<year_4>{_YEAR})",
    # 12/28/23
    r"(?P<month_5>\d{1,2})/(?P<day_5>\d{1,2})/(?P<year_5>\d\d)",
    # 04.01.17; 04-01-17
    r"(?P<month_6>\d\d)(?P<sep_6>[.-])(?P<day_6>\d\d)(?P=sep_6)(?P<year_6>\d\d)",
)
# 7.1.21, which in running text is as likely the number of a section.
_ONLY_ALONE = (r"(?P<month_7>\d{1,2})(?P<sep_7>[.-])(?P<day_7>\d{1,2})(?P=sep_7)(?P<year_7>\d\d)",)
# 20200522, which no month can begin.
_YEAR_FIRST = r"(?P<year_9>(?:19|20)\d\d)(?P<month_9>\d\d)(?P<day_9>\d\d)"
# Midnight, which spreadsheets and databases print after a date without a time.
_MIDNIGHT = re.compile(r"(?:T|\s+)(?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)?\s*AM)", re.IGNORECASE)
_OPEN_END = re.compile(r"12[/.-]?31[/.-]?9999|9999-?12-?31|December\s+31,?\s+9999", re.IGNORECASE)
# 05222020, as file names end.
_EIGHT_DIGITS = r"(?P<month_8>\d\d)(?P<day_8>\d\d)(?P<year_8>(?:19|20)\d\d)"

_IN_TEXT = re.compile(
    rf"(?<![\w/.-])(?:{'|'.join(_FORMS)})(?![\w/]|[.-]\w)|(?<=_){_EIGHT_DIGITS}(?!\d)",
    re.IGNORECASE,
)
_ALONE = re.compile("|".join((*_FORMS, *_ONLY_ALONE, _EIGHT_DIGITS, _YEAR_FIRST)), re.IGNORECASE)
_MONTH_ALONE = re.compile(rf"{_MONTH.format('month')}\s+(?P<year>{_YEAR})", re.IGNORECASE)
_LAST_TWO_DIGIT_YEAR = 69


@lru_cache(maxsize=4096)
def parse_date(text: str) -> date | None:
    """The one date that a text is, or None where it is not a date and nothing else.

    Blanks around it, a full stop or comma after it, and midnight do not count.
    """
    match = _ALONE.fullmatch(_bare(text))
    return _calendar_date(match) if match else None


def parse_first_day(text: str) -> date | None:
    """The date that a text is, or the first day of the month that it is (`January 2026`).

    For a title that says when something begins; anywhere else a month is no date.
    """
    match = _MONTH_ALONE.fullmatch(_bare(text))
    if match is None:
        return parse_date(text)
    return date(int(match["year"]), _month(match["month"]), 1)


def is_open_end(text: str) -> bool:
    """Whether a text is the last day of the year 9999, which stands for no end at all."""
    return _OPEN_END.fullmatch(_bare(text)) is not None


def _bare(text: str) -> str:
    bare = text.strip().rstrip(".,;:").rstrip()
    midnight = _MIDNIGHT.search(bare)
    return bare[: midnight.start()] if midnight and midnight.end() == len(bare) else bare


def find_dates(text: str) -> tuple[tuple[date, int, int], ...]:
    """Every date in running text with its first character and the one after its last."""
    found = []
    for match in _IN_TEXT.finditer(text):
        day = _calendar_date(match)
        if day is not None:
            found.append((day, match.start(), match.end()))
    return tuple(found)


def _calendar_date(match: re.Match[str]) -> date | None:
    parts = {
        name.partition("_")[0]: text for name, text in match.groupdict().items() if text is not None
    }
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        if year > _LAST_TWO_DIGIT_YEAR:
            return None
        year += 2000
    try:
        return date(year, _month(parts["month"]), int(parts["day"]))
    except ValueError:
        return None


def _month(printed: str) -> int:
    return int(printed) if printed.isdecimal() else 1 + _MONTHS.index(printed[:3].lower())
