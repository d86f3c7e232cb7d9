"""The outline of a narrative publication: its title, dates, sections and history, line by line.

Gives every line of a reading exactly one fate and keeps, for every paragraph, which printed line
each of its characters is on. What the sentences say is not known here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from extractors.dates import find_dates, parse_date
from extractors.reading import Passage, Problem, Reading, Row, Tally
from extractors.sentences import ends_sentence
from schemas.provenance import Place
from schemas.source import NarrativeRules

BLANK = "blank"
CUT_TABLE = "table that the document ends in"
TABLE_RULE = "rule of a table"

Line = Row | Passage

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_RULE_CELL = re.compile(r":?-{2,}:?|")
_LIST_ITEM = re.compile(r"(?:[•▪‣·*–—-]|\(?\d{1,2}[.)]|\(?[A-Za-z][.)])\s")

_POSTED = (
    r"(?:originally |date )?(?:posted|published|issued)(?: on)?|(?:posting|publication|issue) date"
)
_UPDATED = r"(?:date )?(?:last )?(?:updated|modified|revised)(?: on)?|(?:revision|update) date"
_EFFECTIVE = r"effective(?: date)?"
_DATE_LABEL = re.compile(
    rf"(?P<posted_on>{_POSTED})|(?P<updated_on>{_UPDATED})|(?P<effective_on>{_EFFECTIVE})",
    re.IGNORECASE,
)
_BETWEEN_DATES = re.compile(r"[\s,;&|:–—-]*(?:and)?\s*", re.IGNORECASE)

_BYLINE = re.compile(
    r"(?:A )?Joint (?P<who>[A-Z][^.:;]{2,80}) (?:Publication|Article|Bulletin|Advisory Article)",
)
_WHO = re.compile(r"\s*(?:,\s*and\b|,|&|\band\b|/)\s*")

_HISTORY = re.compile(
    r"(?:(?:publication|revision|change|update|document|article) history|history|revisions)\b"
    r"(?: information)?:?",
    re.IGNORECASE,
)
_HISTORY_HEADER = re.compile(
    r"(?:(?:revision )?(?:history )?(?:effective )?date"
    r"(?: of (?:the )?(?:change|revision|update))?)"
    r"[\s|:]+(?:(?:change |revision |update )?(?:description|details?|explanation|changes?|reasons?"
    r"|summary)(?: of (?:the )?(?:changes?|revisions?))?)",
    re.IGNORECASE,
)
_DATE_COLUMN = re.compile(r"\bdate\b", re.IGNORECASE)
_CHANGE_COLUMN = re.compile(
    r"\b(?:description|changes?|revisions?|explanation|reasons?|summary)\b", re.IGNORECASE
)
_BEFORE_DESCRIPTION = " \t:;|–—-"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of printed lines that belong together, as one text.

    `starts` has, for each line, where its text starts in the paragraph's. `header` is the first
    row of the table, where the paragraph is another row of it.
    """

    text: str
    lines: tuple[Line, ...]
    starts: tuple[int, ...]
    section: str | None = None
    is_heading: bool = False
    header: Row | None = None

    def printed(self, start: int, end: int) -> tuple[Place, str]:
        """The place where characters `start` to `end` are printed, and the lines as printed."""
        first = max(bisect_right(self.starts, start) - 1, 0)
        last = max(bisect_right(self.starts, max(end - 1, start)) - 1, first)
        lines = self.lines[first : last + 1]
        return lines[0].place, "\n".join(line.raw_text for line in lines)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (None before the first), its level and its paragraphs."""

    level: int
    heading: str | None
    place: Place
    raw_text: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def text(self) -> str | None:
        """The paragraphs with a blank line between them; None where there are none."""
        return "\n\n".join(paragraph.text for paragraph in self.paragraphs) or None


@dataclass(frozen=True, slots=True)
class Revision:
    """One line of a publication history."""

    changed_on: date
    description: str | None
    place: Place
    raw_text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """What a narrative publication consists of, and the fate of every line."""

    title: str | None
    title_paragraph: Paragraph | None
    issuers: tuple[str, ...]
    dates: dict[str, date]
    sections: tuple[Section, ...]
    headings: tuple[Paragraph, ...]
    revisions: tuple[Revision, ...]
    tally: Tally
    problems: tuple[Problem, ...]

    def paragraphs(self) -> Iterator[Paragraph]:
        """The text of all sections in printed order."""
        for section in self.sections:
            yield from section.paragraphs


def plain(text: str) -> str:
    """Text without invisible characters and with every run of white space as one blank.

    Marks such as the trade-mark sign stay what they are, unlike in a code cell.
    """
    return " ".join(text.translate(_INVISIBLE).split())


@dataclass(slots=True)
class _Section:
    level: int
    heading: str | None
    line: Line
    last: Line
    raw_text: str
    paragraphs: list[Paragraph] = field(default_factory=list)


@dataclass(slots=True)
class _State:
    """What has been seen on the way down the document."""

    sections: list[_Section] = field(default_factory=list)
    headings: list[Paragraph] = field(default_factory=list)
    open_lines: list[Line] = field(default_factory=list)
    revisions: list[list[Any]] = field(default_factory=list)
    may_continue_revision: bool = False
    issuers: tuple[str, ...] = ()
    dates: dict[str, date] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    table_header: Row | None = None
    table: int | None = None
    history_table: int | None = None
    headers: int = 0
    row_lines: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def heading(self) -> str | None:
        return self.sections[-1].heading if self.sections else None


def outline(reading: Reading, rules: NarrativeRules) -> Outline:
    """The outline of a reading.

    The title is the first line that `rules.title` finds, else the first heading of level 1, else
    the first line where it does not read like a sentence. Lines that the source names come first:
    each is ignored under the name of its rule, or read for the dates in its groups.
    """
    title = _title_lines(reading, rules)
    cut = _cut_table(reading)
    width = _wrap_width(reading)
    headings = {plain(heading).casefold() for heading in rules.headings}
    patterns = [(rule.rule, re.compile(rule.pattern)) for rule in rules.lines]
    state = _State()
    for index, line in enumerate(reading.lines):
        text = plain(line.text if isinstance(line, Passage) else line.raw_text)
        if isinstance(line, Row) and line.table == cut:
            _close(state)
            state.ignored[CUT_TABLE] += 1
        elif not text:
            _close(state)
            state.may_continue_revision = False
            state.ignored[BLANK] += 1
        elif _take_named_line(text, line, patterns, state):
            continue
        elif index in title:
            _close(state)
            state.headers += 1
        elif isinstance(line, Row):
            _close(state)
            _take_row(line, state)
        elif line.level is not None or text.rstrip(":").casefold() in headings:
            _close(state)
            _take_heading(line, text, reading, state)
        else:
            _take_passage(line, text, width, state)
    _close(state)
    if cut is not None:
        state.problems.append(_cut_problem(reading, cut))
    lines = tuple(reading.lines[index] for index in sorted(title))
    printed = _paragraph(lines) if lines else None
    return Outline(
        title=_title(printed, rules),
        title_paragraph=printed,
        issuers=state.issuers,
        dates=state.dates,
        sections=tuple(
            Section(s.level, s.heading, s.line.place, s.raw_text, tuple(s.paragraphs))
            for s in state.sections
        ),
        headings=tuple(state.headings),
        revisions=tuple(
            Revision(day, " ".join(words) or None, first.place, raw)
            for day, words, first, raw in state.revisions
        ),
        tally=Tally(reading.lines_seen, state.headers, state.row_lines, dict(state.ignored)),
        problems=(*_title_problems(printed, rules), *state.problems),
    )


def _title_lines(reading: Reading, rules: NarrativeRules) -> set[int]:
    passages = [
        (index, line)
        for index, line in enumerate(reading.lines)
        if isinstance(line, Passage) and plain(line.text) and not _is_named(line, rules)
    ]
    if rules.title:
        wanted = re.compile(rules.title)
        for index, line in passages:
            if wanted.search(plain(line.text)):
                return {index}
    for index, line in passages:
        if line.level == 1:
            return {index, *_wrapped_heading(reading, index)}
    if not passages:
        return set()
    index, line = passages[0]
    text = plain(line.text)
    named = text.rstrip(":").casefold() in {plain(h).casefold() for h in rules.headings}
    if line.level or named or len(text) > 200 or ends_sentence(text) or _labeled_dates(text):
        return set()
    return {index}


def _is_named(line: Passage, rules: NarrativeRules) -> bool:
    return any(re.fullmatch(rule.pattern, plain(line.text)) for rule in rules.lines)


def _wrapped_heading(reading: Reading, index: int) -> Iterator[int]:
    """The lines over which a heading of a paged format goes on."""
    if reading.pages is None:
        return
    for following in range(index + 1, len(reading.lines)):
        line = reading.lines[following]
        above = reading.lines[following - 1]
        if not isinstance(line, Passage) or not isinstance(above, Passage):
            return
        if line.level != above.level or line.place.page != above.place.page:
            return
        yield following


def _title(printed: Paragraph | None, rules: NarrativeRules) -> str | None:
    if printed is None:
        return None
    found = re.search(rules.title, printed.text) if rules.title else None
    return (found[0].strip() if found else "") or printed.text


def _title_problems(printed: Paragraph | None, rules: NarrativeRules) -> Iterator[Problem]:
    if printed is None:
        yield Problem(
            "no title found; that of the source is used: set narrative.title in its YAML",
            holds=False,
        )
    elif rules.title and not re.search(rules.title, printed.text):
        yield Problem(
            f"no line matches narrative.title; {printed.text!r} is taken for the title",
            printed.lines[0].place,
            holds=False,
        )


def _cut_table(reading: Reading) -> int | None:
    if not reading.is_cut:
        return None
    return next((ln.table for ln in reversed(reading.lines) if isinstance(ln, Row)), None)


def _cut_problem(reading: Reading, table: int) -> Problem:
    rows = [line for line in reading.lines if isinstance(line, Row) and line.table == table]
    return Problem(
        f"the document ends inside the table that begins {plain(rows[0].raw_text)!r}; nothing of "
        f"its {len(rows)} lines is published: look for a complete copy",
        rows[0].place,
        holds=False,
    )


def _wrap_width(reading: Reading) -> int | None:
    """Characters of a full line where paragraphs are wrapped; None where a line is a paragraph."""
    lengths = [len(plain(ln.text)) for ln in reading.lines if isinstance(ln, Passage)]
    longest = max(lengths, default=0)
    return longest if reading.pages is not None or longest <= 160 else None


def _take_named_line(
    text: str, line: Line, patterns: list[tuple[str, re.Pattern[str]]], state: _State
) -> bool:
    for rule, pattern in patterns:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        said = {name: value for name, value in match.groupdict().items() if value}
        if said:
            state.row_lines += 1
        else:
            state.ignored[rule] += 1
        for name, printed in said.items():
            day = parse_date(printed)
            if day is not None:
                _state_date(name, day, line, state)
            elif name.endswith("_on"):
                problem = f"{printed!r} is not a date that we can read for {name}"
                state.problems.append(Problem(problem, line.place))
        return True
    return False


def _state_date(name: str, day: date, line: Line, state: _State) -> None:
    known = state.dates.get(name)
    if known is not None and known != day and name != "updated_on":
        state.problems.append(
            Problem(f"{name} is {known} above and {day} here; the first is used", line.place, False)
        )
        return
    state.dates[name] = max(known, day) if known else day


def _take_heading(line: Passage, text: str, reading: Reading, state: _State) -> None:
    state.headers += 1
    state.may_continue_revision = False
    level = line.level or 1
    above = state.sections[-1] if state.sections else None
    if (
        above is not None
        and reading.pages is not None
        and line.level is not None
        and above.level == level
        and not above.paragraphs
        and above.heading is not None
        and above.last.place.page == line.place.page
        and line.place.line - above.last.place.line <= 1
    ):
        above.heading = f"{above.heading} {text}"
        above.raw_text = f"{above.raw_text}\n{line.raw_text}"
        above.last = line
        lines = (*state.headings[-1].lines, line)
        state.headings[-1] = _paragraph(lines, above.heading, is_heading=True)
        return
    state.sections.append(_Section(level, text, line, line, line.raw_text))
    state.headings.append(_paragraph((line,), text, is_heading=True))


def _take_row(row: Row, state: _State) -> None:
    cells = [plain(cell) for cell in row.cells]
    if all(_RULE_CELL.fullmatch(cell) for cell in cells):
        state.ignored[TABLE_RULE] += 1
        return
    if row.table != state.table:
        state.table, state.table_header = row.table, None
        if _is_history_header(cells):
            state.history_table = row.table
            state.headers += 1
            return
    in_history = row.table == state.history_table or _in_history(state)
    changed_on = parse_date(cells[0]) if in_history and cells else None
    if changed_on is not None:
        words = [cell for cell in cells[1:] if cell]
        state.revisions.append([changed_on, words, row, row.raw_text])
        state.row_lines += 1
        return
    if in_history:
        state.problems.append(
            Problem(f"{cells[0]!r} in the history is not a date that we can read", row.place, False)
        )
    text = " | ".join(cell for cell in cells if cell)
    _section(row, state).paragraphs.append(
        Paragraph(text, (row,), (0,), state.heading, header=state.table_header)
    )
    state.table_header = state.table_header or row
    state.row_lines += 1


def _is_history_header(cells: list[str]) -> bool:
    if len(cells) < 2 or parse_date(cells[0]) is not None:
        return False
    return bool(_DATE_COLUMN.search(cells[0])) and any(
        _CHANGE_COLUMN.search(cell) for cell in cells[1:]
    )


def _in_history(state: _State) -> bool:
    return state.heading is not None and _HISTORY.fullmatch(state.heading) is not None


def _take_passage(line: Passage, text: str, width: int | None, state: _State) -> None:
    if _HISTORY_HEADER.fullmatch(text):
        _close(state)
        state.headers += 1
        return
    if _take_head_matter(line, text, state):
        _close(state)
        state.row_lines += 1
        return
    if _in_history(state) and _take_revision(line, text, state):
        _close(state)
        state.row_lines += 1
        return
    if state.open_lines and not _continues(state.open_lines[-1], text, width):
        _close(state)
    state.open_lines.append(line)
    state.row_lines += 1


def _take_head_matter(line: Passage, text: str, state: _State) -> bool:
    said = _labeled_dates(text)
    in_head = not any(section.paragraphs for section in state.sections) and not state.open_lines
    if said and (in_head or all(name != "effective_on" for name, _ in said)):
        for name, day in said:
            _state_date(name, day, line, state)
        state.may_continue_revision = False
        return True
    byline = None if state.issuers else _BYLINE.fullmatch(text)
    if byline:
        state.issuers = tuple(part for part in _WHO.split(byline["who"]) if part)
        return True
    return False


def _labeled_dates(text: str) -> list[tuple[str, date]]:
    """The dates of a line that consists of labels and dates only; [] for any other line."""
    found = find_dates(text)
    said: list[tuple[str, date]] = []
    name: str | None = None
    position = 0
    for day, start, end in found:
        between = text[position:start]
        label = _DATE_LABEL.search(between)
        if label is not None:
            name = label.lastgroup
            between = between[: label.start()] + between[label.end() :]
        if name is None or not _BETWEEN_DATES.fullmatch(between):
            return []
        said.append((name, day))
        position = end
    return said if not text[position:].strip(" .") else []


def _take_revision(line: Passage, text: str, state: _State) -> bool:
    found = find_dates(text)
    if found and found[0][1] == 0:
        day, _, end = found[0]
        description = text[end:].lstrip(_BEFORE_DESCRIPTION)
        state.revisions.append([day, [description] if description else [], line, line.raw_text])
        state.may_continue_revision = True
        return True
    if state.may_continue_revision:
        last = state.revisions[-1]
        last[1].append(text)
        last[3] += f"\n{line.raw_text}"
        return True
    return False


def _continues(above: Line, text: str, width: int | None) -> bool:
    """Whether a line goes on with the paragraph above it.

    It does in a wrapped document where the line above does not end a sentence and is full, or
    breaks off at a comma or hyphen, or the line begins in lower case. A list item never does.
    """
    if width is None or _LIST_ITEM.match(text):
        return False
    before = plain(above.text if isinstance(above, Passage) else above.raw_text)
    if ends_sentence(before):
        return False
    return text[0].islower() or before[-1] in ",-–(" or len(before) >= 0.6 * width


def _close(state: _State) -> None:
    """Ends the paragraph being read."""
    if not state.open_lines:
        return
    section = _section(state.open_lines[0], state)
    section.paragraphs.append(_paragraph(tuple(state.open_lines), section.heading))
    state.open_lines = []


def _section(line: Line, state: _State) -> _Section:
    if not state.sections:
        state.sections.append(_Section(0, None, line, line, line.raw_text))
    return state.sections[-1]


def _paragraph(
    lines: tuple[Line, ...], section: str | None = None, *, is_heading: bool = False
) -> Paragraph:
    text = ""
    starts = []
    for line in lines:
        words = plain(line.text if isinstance(line, Passage) else line.raw_text)
        if text and not (text.endswith("-") and words[0].islower()):
            text += " "
        starts.append(len(text))
        text += words
    return Paragraph(text, lines, tuple(starts), section, is_heading)
