"""The lines in which a publication speaks of itself: byline, dates, history.

Each function looks at one line, or one header, and says what it states. Where in the document
such a line may stand is not known here.
"""

from __future__ import annotations

import re
from datetime import date

from extractors.dates import find_dates, parse_date

_POSTED = (
    r"(?:originally |date )?(?:posted|published|issued)(?: on)?|(?:posting|publication|issue) date"
)
_UPDATED = r"(?:date )?(?:last )?(?:updated|modified|revised)(?: on)?|(?:revision|update) date"
_LABEL = re.compile(
    rf"(?P<posted_on>{_POSTED})|(?P<updated_on>{_UPDATED})|(?P<effective_on>effective(?: date)?)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"[\s,;&|:–—-]*(?:and)?[\s:]*", re.IGNORECASE)

_BYLINE = re.compile(
    r"(?:A )?Joint (?P<who>[A-Z][^.:;]{2,80}) (?:Publication|Article|Bulletin|Advisory Article)"
)
_WHO = re.compile(r"\s*(?:,\s*and\b|,|&|\band\b|/)\s*")

_HISTORY_HEADING = re.compile(
    r"(?:(?:publication|revision|change|update|document|article) history|history|revisions)\b"
    r"(?: information)?:?",
    re.IGNORECASE,
)
_HISTORY_HEADER = re.compile(
    r"(?:revision )?(?:history )?(?:effective )?date(?: of (?:the )?(?:change|revision|update))?"
    r"[\s|:]+(?:change |revision |update )?(?:description|details?|explanation|changes?|reasons?"
    r"|summary)(?: of (?:the )?(?:changes?|revisions?))?",
    re.IGNORECASE,
)
_DATE_COLUMN = re.compile(r"\bdate\b", re.IGNORECASE)
_CHANGE_COLUMN = re.compile(
    r"\b(?:description|changes?|revisions?|explanation|reasons?|summary)\b", re.IGNORECASE
)
_BEFORE_DATE = " \t,;|•·–—-"
_BEFORE_DESCRIPTION = " \t:;|–—-"


def labeled_dates(text: str) -> list[tuple[str, date]]:
    """The dates of a line that consists of labels and dates only; [] for any other line.

    Each comes with what its label makes it: posted_on, updated_on or effective_on.
    """
    said: list[tuple[str, date]] = []
    name: str | None = None
    position = 0
    for day, start, end in find_dates(text):
        between = text[position:start]
        label = _LABEL.search(between)
        if label is not None:
            name = label.lastgroup
            between = between[: label.start()] + between[label.end() :]
        if name is None or not _BETWEEN.fullmatch(between):
            return []
        said.append((name, day))
        position = end
    return said if not text[position:].strip(" .") else []


def read_byline(text: str) -> tuple[tuple[str, ...], str]:
    """Who issues a joint publication, as its byline says, and what stands behind that in the line.

    A line without byline gives () and all its text.
    """
    byline = _BYLINE.match(text)
    if byline is None:
        return (), text
    rest = text[byline.end() :]
    return tuple(part for part in _WHO.split(byline["who"]) if part), rest.lstrip(_BEFORE_DATE)


def is_history_heading(text: str) -> bool:
    """Whether a heading stands above a publication history."""
    return _HISTORY_HEADING.fullmatch(text) is not None


def is_history_header(text: str) -> bool:
    """Whether a line is the header of a history whose columns were flattened into one line."""
    return _HISTORY_HEADER.fullmatch(text) is not None


def is_history_row_header(cells: list[str]) -> bool:
    """Whether the first row of a table is the header of a publication history."""
    if len(cells) < 2 or parse_date(cells[0]) is not None:
        return False
    return bool(_DATE_COLUMN.search(cells[0])) and any(map(_CHANGE_COLUMN.search, cells[1:]))


def split_revision(text: str) -> tuple[date, str] | None:
    """The date that a line begins with and what it says changed; None for any other line."""
    found = find_dates(text)
    if not found or found[0][1] != 0:
        return None
    day, _, end = found[0]
    return day, text[end:].lstrip(_BEFORE_DESCRIPTION)
