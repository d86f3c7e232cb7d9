"""The cell that names a row's codes, with the words in it that date some of them.

Knows "Effective August 12, 2024: L0631, L0637" and "*L1833 removed from list effective August
12, 2024" by the source's `cell_notes`, and nothing without them: a cell is codes and notes as a
whole, or it is not read at all. What notes mean for a code in time and by state is in
`code_periods`; whether the row may carry a date is not known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from extractors.lists.code_periods import SAYABLE, DatedCode, NotedCode, joined, rules_of
from schemas.codes import (
    CodeSpan,
    mark_key,
    marks_in,
    parse_expression,
    repairs,
    shortened,
    split_marks,
    visible,
)
from schemas.source import CellNote

_SHOWN = 160
# Marks at the end of a text that stand apart from the code before them.
_LAST_MARKS = re.compile(r"(?:^|(?<=[\s,;]))[^\w\s,;.:()+-]+\s?$")
_SEPARATORS = " \n,;/•"
_ONLY_SEPARATORS = re.compile(rf"[{_SEPARATORS}]*")
# After these, or at the beginning of a line, the codes that words name begin; else they may be
# those of a list that goes on.
_BEFORE_NAMED = re.compile(r"(?:.*[\n;.:•]\s*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CodeCell:
    """The rules for the codes of a cell in printed order, or why it has none that can be read."""

    codes: tuple[DatedCode, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """A note found in a cell, its match and its bounds: marks printed before it are its own."""

    note: CellNote
    match: re.Match[str]
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.match.string[self.start : self.end].strip(" ,;")

    @property
    def marks(self) -> frozenset[str]:
        """The marks before the words, or before the codes that they name."""
        named = self.note.applies == "named"
        until = self.match.start("codes") if named else self.match.start()
        return frozenset(map(mark_key, marks_in(self.match.string[self.start : until])))

    def saying(self, span: CodeSpan) -> NotedCode:
        said, text = self.match.groupdict(), self.text
        start, end = said.get("effective_from"), said.get("effective_to")
        if self.note.status is not None:
            return NotedCode(
                span,
                status=self.note.status,
                status_from=start,
                status_to=end,
                said=(text,),
                notes=(text,),
            )
        return NotedCode(
            span,
            effective_from=start,
            effective_to=end,
            states=said.get("states"),
            elsewhere_from=said.get("elsewhere_from"),
            notes=(text,),
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """A note of a cell, none at its beginning, and the text up to the next one with its codes."""

    word: _Words | None
    text: str
    codes: tuple[CodeSpan, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A code of a cell: listed among others, or spoken of in a note, which explains its marks."""

    code: NotedCode
    explained: frozenset[str] = frozenset()
    is_listed: bool = True

    @property
    def identity(self) -> tuple[str, str | None, tuple[str, ...]]:
        return self.code.span.code, self.code.span.code_end, self.code.span.modifiers


Patterns = tuple[tuple[re.Pattern[str], CellNote], ...]


def compiled(notes: Iterable[CellNote]) -> Patterns:
    """The notes with their patterns, which are looked for in any case."""
    return tuple((re.compile(note.pattern, re.IGNORECASE), note) for note in notes)


def read_code_cell(cell: str, notes: Patterns) -> CodeCell:
    """The codes that a cell names and the words of `notes` that date them.

    White space of any kind is one blank to the patterns of the notes. Yet codes that words name
    stand in one line of the cell, and begin it or follow a mark or a full stop, and codes that
    words follow are one line: otherwise it cannot be told of how many the words speak.
    """
    spans = parse_expression(cell)
    if spans is not None:
        return CodeCell(tuple(map(DatedCode, spans)))
    printed = "\n".join(filter(None, map(visible, cell.splitlines())))
    if not printed:
        return CodeCell(fault="the code cell is empty")
    words = tuple(_words(printed.replace("\n", " "), notes))
    if not words:
        return CodeCell(fault=no_code(visible(cell)))
    try:
        return CodeCell(_with_words(printed, words))
    except ValueError as error:
        return CodeCell(fault=str(error))


def no_code(printed: str) -> str:
    """What is wrong with a cell that names no code, and which codes may have been meant."""
    shown = f"{shortened(printed, _SHOWN)!r} is not a code"
    candidates = repairs(split_marks(printed)[0])
    return f"{shown}; it may be {' or '.join(candidates)}" if candidates else shown


def _words(cell: str, notes: Patterns) -> Iterator[_Words]:
    """The notes of a cell from left to right; of two that begin together the longer one."""
    position = 0
    searches = [(pattern, note, pattern.search(cell)) for pattern, note in notes]
    while True:
        # A match that begins later is still the next one, and what is not found never will be.
        searches = [
            (pattern, note, match if match.start() >= position else pattern.search(cell, position))
            for pattern, note, match in searches
            if match
        ]
        found = [(match, note) for _, note, match in searches if match and match[0]]
        if not found:
            return
        match, note = min(found, key=lambda one: (one[0].start(), -one[0].end()))
        unmarked = _LAST_MARKS.sub("", cell[position : match.start()])
        yield _Words(note, match, position + len(unmarked), match.end())
        position = match.end()


def _with_words(printed: str, words: tuple[_Words, ...]) -> tuple[DatedCode, ...]:
    """The rules of a cell with notes; raises `ValueError` where any part of it is not read."""
    parts = tuple(_parts(printed, words))
    entries: list[_Entry] = []
    heading: _Words | None = None
    for part in parts:
        if part.word is not None and part.word.note.applies == "named":
            entries += _named(part.word)
        elif part.word is not None and part.word.note.applies == "below":
            heading = part.word
            if not part.codes:
                raise _dates_nothing(heading)
        entries += [_listed(span, heading) for span in part.codes]
    for before, part in pairwise(parts):
        assert part.word is not None  # only the first part has none
        if part.word.note.applies == "named":
            _check_beginning(printed, before.text, part.word)
        elif part.word.note.applies == "above":
            entries += _spoken_of(part.word, before, entries)
    codes = _merged(entries)
    _check_overlaps(codes)
    return tuple(rule for code in codes for rule in rules_of(code))


def _parts(printed: str, words: tuple[_Words, ...]) -> Iterator[_Part]:
    for word, following in zip((None, *words), (*words, None), strict=True):
        text = printed[word.end if word else 0 : following.start if following else len(printed)]
        codes = () if _ONLY_SEPARATORS.fullmatch(text) else parse_expression(text)
        if codes is None:
            raise _unread(text)
        yield _Part(word, text, codes)


def _unread(segment: str) -> ValueError:
    shown = shortened(visible(segment), _SHOWN)
    return ValueError(f"{shown!r} in the code cell is neither codes nor a note of table.cell_notes")


def _dates_nothing(word: _Words) -> ValueError:
    return ValueError(f"{word.text!r} in the code cell dates no code")


def _unclear(word: _Words) -> ValueError:
    return ValueError(f"it cannot be told of which codes {word.text!r} in the code cell speaks")


def _check_beginning(printed: str, before: str, word: _Words) -> None:
    """Raises where the codes that words name may be the end of a longer list that is meant."""
    first, last = word.match.span("codes")
    begins = word.start < first or _BEFORE_NAMED.fullmatch(before) is not None
    is_alone = _ONLY_SEPARATORS.fullmatch(before) is not None
    ends_line = printed[last : last + 1] == "\n" and word.start == first and not is_alone
    if "\n" in printed[first:last] or ends_line or not (begins or is_alone):
        raise _unclear(word)


def _listed(span: CodeSpan, heading: _Words | None) -> _Entry:
    return _Entry(heading.saying(span) if heading else NotedCode(span))


def _named(word: _Words) -> list[_Entry]:
    spans = parse_expression(word.match["codes"] or "")
    if spans is None:
        raise _unread(word.text)
    return [
        _Entry(word.saying(span), word.marks | set(map(mark_key, span.marks)), is_listed=False)
        for span in spans
    ]


def _spoken_of(word: _Words, before: _Part, entries: Iterable[_Entry]) -> list[_Entry]:
    """What words say of the codes before them, or of all in the cell that carry their mark."""
    spans = list(before.codes)
    if word.marks:
        listed = [entry.code.span for entry in entries if entry.is_listed]
        spans = [each for each in listed if word.marks & set(map(mark_key, each.marks))]
    elif "\n" in before.text.strip(_SEPARATORS):
        raise _unclear(word)
    if not spans:
        raise _dates_nothing(word)
    return [_Entry(word.saying(span), word.marks, is_listed=False) for span in spans]


def _merged(entries: list[_Entry]) -> list[NotedCode]:
    """The codes in order, each with what notes say of it by name.

    A code that only notes name is one more; its marks are those of the notes and explained.
    """
    listed = {entry.identity for entry in entries if entry.is_listed}
    spoken_of = defaultdict(list)
    for entry in entries:
        if not entry.is_listed:
            spoken_of[entry.identity].append(entry)
    codes: list[NotedCode] = []
    for entry in entries:
        said = spoken_of[entry.identity]
        if not entry.is_listed and (entry.identity in listed or entry is not said[0]):
            continue
        others = said if entry.is_listed else said[1:]
        code = joined(entry.code, (one.code for one in others))
        explained = entry.explained.union(*(one.explained for one in others))
        marks = tuple(mark for mark in code.span.marks if mark_key(mark) not in explained)
        codes.append(replace(code, span=replace(code.span, marks=marks)))
    return codes


def _check_overlaps(codes: Iterable[NotedCode]) -> None:
    """Raises where notes say of a code what they do not say of a range with it, or of it again.

    Of K0800-K0808 and K0805 removed, both rules would hold for K0805, and one of them be wrong.
    """
    reaches: dict[tuple[object, ...], CodeSpan] = {}
    for code in sorted(codes, key=lambda one: one.span.code):
        span = code.span
        said = (span.modifiers, *(getattr(code, name) for name in SAYABLE))
        for other_said, other in reaches.items():
            may_be_one = not (span.modifiers and other.modifiers) or bool(
                {*span.modifiers} & {*other.modifiers}
            )
            if said != other_said and may_be_one and span.code <= _last(other):
                raise ValueError(
                    f"notes in the code cell say of {span.raw!r} what they do not say of "
                    f"{other.raw!r}"
                )
        furthest = reaches.get(said)
        if furthest is None or _last(furthest) < _last(span):
            reaches[said] = span


def _last(span: CodeSpan) -> str:
    return span.code_end or span.code
