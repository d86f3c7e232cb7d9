"""The outline of a narrative publication: its title, dates, sections and history, line by line.

Gives every line of a reading exactly one fate: a header, a line whose text is published, or
ignored by a named rule. What the sentences say is not known here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from extractors.dates import parse_date
from extractors.prose.imprint import (
    is_history_header,
    is_history_heading,
    is_history_row_header,
    labeled_dates,
    read_byline,
    split_revision,
)
from extractors.prose.paragraphs import (
    Line,
    Paragraph,
    continues,
    join_lines,
    plain,
    text_of,
    wrap_width,
)
from extractors.prose.sentences import ends_sentence
from extractors.reading import Passage, Problem, Reading, Row, Tally
from schemas.provenance import Place
from schemas.source import NarrativeRules

BLANK = "blank"
CUT_TABLE = "table that the document ends in"
TABLE_RULE = "rule of a table"
# A first line longer than this is text and not a title.
LONGEST_TITLE = 200

_RULE_CELL = re.compile(r":?-{2,}:?|")


@dataclass(slots=True)
class Section:
    """A heading (None before the first), its level and its paragraphs."""

    level: int
    heading: str | None
    place: Place
    raw_text: str
    printed: Paragraph | None = None
    paragraphs: list[Paragraph] = field(default_factory=list)

    @property
    def text(self) -> str | None:
        """The paragraphs with a blank line between them; None where there are none."""
        return "\n\n".join(paragraph.text for paragraph in self.paragraphs) or None


@dataclass(slots=True)
class Revision:
    """One entry of a publication history."""

    changed_on: date
    description: str
    place: Place
    raw_text: str


@dataclass(slots=True)
class Outline:
    """What a narrative publication consists of, and the fate of every line.

    `dates` has what it says of itself: posted_on, updated_on, effective_on.
    """

    title: str | None = None
    title_paragraph: Paragraph | None = None
    issuers: tuple[str, ...] = ()
    dates: dict[str, date] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    headers: int = 0
    row_lines: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    def tally(self, lines_seen: int) -> Tally:
        """The fates of the lines, to be held against the count of the reader."""
        return Tally(lines_seen, self.headers, self.row_lines, dict(self.ignored))


@dataclass(slots=True)
class _State:
    """Where we are on the way down the document."""

    outline: Outline
    width: int | None
    open_lines: list[Line] = field(default_factory=list)
    goes_on_with_revision: bool = False
    table: int | None = None
    table_header: Row | None = None
    history_table: int | None = None


def outline(reading: Reading, rules: NarrativeRules) -> Outline:
    """The outline of a reading.

    The title is the first line that `rules.title` finds, else the first heading of level 1, else
    the first line where it does not read like a sentence. Lines that the source names come first:
    each is ignored under the name of its rule, or read for the dates in its groups.
    """
    shape = Outline()
    state = _State(shape, wrap_width(reading))
    title = _title_line(reading, rules)
    cut = _cut_table(reading)
    headings = _headings(rules)
    patterns = [(rule.rule, re.compile(rule.pattern)) for rule in rules.lines]
    for index, line in enumerate(reading.lines):
        text = plain(line.text if isinstance(line, Passage) else line.raw_text)
        if isinstance(line, Row) and line.table == cut:
            _close(state)
            shape.ignored[CUT_TABLE] += 1
        elif not text:
            _close(state)
            state.goes_on_with_revision = False
            shape.ignored[BLANK] += 1
        elif _take_named_line(text, line, patterns, shape):
            continue
        elif index == title:
            _close(state)
            _take_title(line, text, rules, shape)
        elif isinstance(line, Row):
            _close(state)
            _take_row(line, state)
        elif line.level is not None or _heading_key(text) in headings:
            _close(state)
            _take_heading(line, text, state)
        else:
            _take_passage(line, text, state)
    _close(state)
    shape.problems += _document_problems(reading, cut, shape)
    return shape


# ---------------------------------------------------------------- the whole document


def _heading_key(text: str) -> str:
    return plain(text).rstrip(":").casefold()


def _headings(rules: NarrativeRules) -> set[str]:
    return {_heading_key(heading) for heading in rules.headings}


def _title_line(reading: Reading, rules: NarrativeRules) -> int | None:
    passages = [
        (index, line, text_of(line))
        for index, line in enumerate(reading.lines)
        if isinstance(line, Passage) and text_of(line) and not _is_named(line, rules)
    ]
    if rules.title:
        wanted = re.compile(rules.title)
        for index, _, text in passages:
            if wanted.search(text):
                return index
    for index, line, _ in passages:
        if line.level == 1:
            return index
    if not passages:
        return None
    index, line, text = passages[0]
    if line.level is not None or _heading_key(text) in _headings(rules):
        return None
    if len(text) > LONGEST_TITLE or ends_sentence(text) or labeled_dates(text):
        return None
    return index


def _is_named(line: Passage, rules: NarrativeRules) -> bool:
    return any(re.fullmatch(rule.pattern, text_of(line)) for rule in rules.lines)


def _cut_table(reading: Reading) -> int | None:
    """The number of the table in which the document ends before its end."""
    if not reading.is_cut:
        return None
    last = next((line for line in reversed(reading.lines) if plain(line.raw_text)), None)
    return last.table if isinstance(last, Row) else None


def _document_problems(reading: Reading, cut: int | None, shape: Outline) -> Iterator[Problem]:
    if shape.title is None:
        yield Problem(
            "no title found; that of the source is used: set narrative.title in its YAML",
            holds=False,
        )
    if not reading.is_cut:
        return
    rows = [line for line in reading.lines if isinstance(line, Row) and line.table == cut]
    if not rows:
        where = reading.lines[-1].place if reading.lines else None
        yield Problem("the document is cut off: look for a complete copy", where, holds=False)
        return
    yield Problem(
        f"the document ends inside the table that begins {plain(rows[0].raw_text)!r}; nothing of "
        f"its {len(rows)} lines is published: look for a complete copy",
        rows[0].place,
        holds=False,
    )


# ---------------------------------------------------------------- one line


def _take_named_line(
    text: str, line: Line, patterns: list[tuple[str, re.Pattern[str]]], shape: Outline
) -> bool:
    for rule, pattern in patterns:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        said = {
            name: value
            for name, value in match.groupdict().items()
            if value and name.endswith("_on")
        }
        if said:
            shape.row_lines += 1
        else:
            shape.ignored[rule] += 1
        for name, printed in said.items():
            day = parse_date(printed)
            if day is not None:
                _state_date(name, day, line, shape)
            else:
                message = f"{printed!r} is not a date that we can read for {name}"
                shape.problems.append(Problem(message, line.place))
        return True
    return False


def _state_date(name: str, day: date, line: Line, shape: Outline) -> None:
    known = shape.dates.get(name)
    if known is not None and known != day and name != "updated_on":
        message = f"{name} is {known} above and {day} here; the first is used"
        shape.problems.append(Problem(message, line.place, holds=False))
        return
    shape.dates[name] = max(known, day) if known else day


def _take_title(line: Line, text: str, rules: NarrativeRules, shape: Outline) -> None:
    shape.headers += 1
    shape.title_paragraph = join_lines((line,), is_heading=True)
    found = re.search(rules.title, text) if rules.title else None
    shape.title = (found[0].strip() if found else "") or text
    if rules.title and not found:
        message = f"no line matches narrative.title; {text!r} is taken for the title"
        shape.problems.append(Problem(message, line.place, holds=False))


def _take_heading(line: Line, text: str, state: _State) -> None:
    state.outline.headers += 1
    state.goes_on_with_revision = False
    level = (line.level if isinstance(line, Passage) else None) or 1
    printed = join_lines((line,), text, is_heading=True)
    state.outline.sections.append(Section(level, text, line.place, line.raw_text, printed))


def _take_row(row: Row, state: _State) -> None:
    shape = state.outline
    cells = [plain(cell) for cell in row.cells]
    if all(_RULE_CELL.fullmatch(cell) for cell in cells):
        shape.ignored[TABLE_RULE] += 1
        return
    if row.table != state.table:
        state.table, state.table_header = row.table, None
        if is_history_row_header(cells):
            state.history_table = row.table
            shape.headers += 1
            return
    shape.row_lines += 1
    if row.table == state.history_table or _is_in_history(shape):
        changed_on = parse_date(cells[0])
        if changed_on is not None:
            description = " ".join(cell for cell in cells[1:] if cell)
            shape.revisions.append(Revision(changed_on, description, row.place, row.raw_text))
            return
        message = f"{cells[0]!r} in the history is not a date that we can read"
        shape.problems.append(Problem(message, row.place, holds=False))
    section = _section(row, shape)
    section.paragraphs.append(join_lines((row,), section.heading, header=state.table_header))
    state.table_header = state.table_header or row


def _take_passage(line: Passage, text: str, state: _State) -> None:
    shape = state.outline
    if is_history_header(text):
        _close(state)
        shape.headers += 1
        return
    shape.row_lines += 1
    if _take_imprint(line, text, state) or _take_revision(line, text, state):
        _close(state)
        return
    if state.open_lines and not continues(state.open_lines[-1], text, state.width):
        _close(state)
    state.open_lines.append(line)


def _take_imprint(line: Passage, text: str, state: _State) -> bool:
    """Reads a line of dates or a byline. An effective date counts for all only above the text."""
    shape = state.outline
    issuers, rest = read_byline(text)
    said = labeled_dates(rest)
    above_text = not state.open_lines and not any(s.paragraphs for s in shape.sections)
    if said and (above_text or all(name != "effective_on" for name, _ in said)):
        for name, day in said:
            _state_date(name, day, line, shape)
        shape.issuers = shape.issuers or issuers
        state.goes_on_with_revision = False
        return True
    if rest or shape.issuers:
        return False
    shape.issuers = issuers
    return bool(issuers)


def _is_in_history(shape: Outline) -> bool:
    heading = shape.sections[-1].heading if shape.sections else None
    return heading is not None and is_history_heading(heading)


def _take_revision(line: Passage, text: str, state: _State) -> bool:
    shape = state.outline
    if not _is_in_history(shape):
        return False
    entry = split_revision(text)
    if entry is not None:
        shape.revisions.append(Revision(*entry, line.place, line.raw_text))
        state.goes_on_with_revision = True
        return True
    last = shape.revisions[-1] if shape.revisions else None
    if last and state.goes_on_with_revision and (state.width or not last.description):
        last.description = f"{last.description} {text}".strip()
        last.raw_text += f"\n{line.raw_text}"
        return True
    return False


def _close(state: _State) -> None:
    """Ends the paragraph being read."""
    if state.open_lines:
        section = _section(state.open_lines[0], state.outline)
        section.paragraphs.append(join_lines(tuple(state.open_lines), section.heading))
        state.open_lines = []


def _section(line: Line, shape: Outline) -> Section:
    if not shape.sections:
        shape.sections.append(Section(0, None, line.place, line.raw_text))
    return shape.sections[-1]
