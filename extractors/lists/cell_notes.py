"""The cell that names a row's codes, with the words in it that date some of them.

Knows "Effective August 12, 2024: L0631, L0637" and "*L1833 removed from list effective August
12, 2024" by the source's `cell_notes`, and nothing without them: a cell is codes and notes as a
whole, or it is not read at all. What a printed date is, and whether the row may carry it, is not
known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

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
# Signs at the end of a text that stand apart from the code before them.
_LAST_SIGNS = re.compile(r"(?:^|(?<=[\s,;]))[^\w\s]+$")
_ONLY_SEPARATORS = re.compile(r"[\s,;/•]*")


@dataclass(frozen=True, slots=True)
class DatedCode:
    """A code, range or wildcard of a cell, the dates that words in the cell give it, as printed,
    and these words."""

    span: CodeSpan
    effective_from: str | None = None
    effective_to: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeCell:
    """The codes of a cell in printed order, or why it has none that can be read."""

    codes: tuple[DatedCode, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """A note found in a cell, its match and its bounds: marks printed before it are its own."""

    note: CellNote
    match: re.Match[str]
    start: int
    end: int

    def text(self, cell: str) -> str:
        return cell[self.start : self.end].strip(" ,;")

    def dating(self, span: CodeSpan, cell: str) -> DatedCode:
        dates = self.match.groupdict()
        return DatedCode(
            span, dates.get("effective_from"), dates.get("effective_to"), (self.text(cell),)
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """A code of a cell: listed among others, or named in a note, which explains its marks."""

    code: DatedCode
    explained: frozenset[str] = frozenset()
    is_named: bool = False

    @property
    def identity(self) -> tuple[str, str | None, tuple[str, ...]]:
        return self.code.span.code, self.code.span.code_end, self.code.span.modifiers


Patterns = tuple[tuple[re.Pattern[str], CellNote], ...]


def compiled(notes: Iterable[CellNote]) -> Patterns:
    """The notes with their patterns, which are looked for in any case."""
    return tuple((re.compile(note.pattern, re.IGNORECASE), note) for note in notes)


def read_code_cell(cell: str, notes: Patterns) -> CodeCell:
    """The codes that a cell names and the words of `notes` that date them.

    White space of any kind is one blank to the patterns of the notes.
    """
    spans = parse_expression(cell)
    if spans is not None:
        return CodeCell(tuple(map(DatedCode, spans)))
    printed = visible(cell)
    if not printed:
        return CodeCell(fault="the code cell is empty")
    words = tuple(_words(printed, notes))
    if not words:
        return CodeCell(fault=_no_code(printed))
    return _with_words(printed, words)


def _no_code(printed: str) -> str:
    shown = f"{shortened(printed, _SHOWN)!r} is not a code"
    candidates = repairs(split_marks(printed)[0])
    return f"{shown}; it may be {' or '.join(candidates)}" if candidates else shown


def _words(cell: str, notes: Patterns) -> Iterator[_Words]:
    """The notes of a cell from left to right; of two that begin together the longer one."""
    position = 0
    while True:
        matches = [(pattern.search(cell, position), note) for pattern, note in notes]
        found = [(match, note) for match, note in matches if match and match[0]]
        if not found:
            return
        match, note = min(found, key=lambda one: (one[0].start(), -one[0].end()))
        before = cell[position : match.start()]
        unmarked = re.sub(r"(?:^|(?<=[\s,;]))[^\w\s,;.:()+-]+$", "", before)
        yield _Words(note, match, position + len(unmarked), match.end())
        position = match.end()


def _with_words(cell: str, words: tuple[_Words, ...]) -> CodeCell:
    entries: list[_Entry] = []
    above: _Words | None = None
    for word, following in zip((None, *words), (*words, None), strict=True):
        segment = cell[word.end if word else 0 : following.start if following else len(cell)]
        listed = () if _ONLY_SEPARATORS.fullmatch(segment) else parse_expression(segment)
        if listed is None:
            return _unread(segment)
        if word is not None and word.note.applies == "named":
            named = parse_expression(word.match["codes"] or "")
            if named is None:
                return _unread(word.text(cell))
            entries += [_said(span, word, cell) for span in named]
        elif word is not None:
            above = word
            if not listed:
                return CodeCell(fault=f"{word.text(cell)!r} in the code cell dates no code")
        entries += [_listed(span, above, cell) for span in listed]
    return _merged(entries)


def _unread(segment: str) -> CodeCell:
    shown = shortened(segment.strip(), _SHOWN)
    return CodeCell(
        fault=f"{shown!r} in the code cell is neither codes nor a note of table.cell_notes"
    )


def _listed(span: CodeSpan, above: _Words | None, cell: str) -> _Entry:
    return _Entry(above.dating(span, cell) if above else DatedCode(span))


def _said(span: CodeSpan, words: _Words, cell: str) -> _Entry:
    before = cell[words.start : words.match.start("codes")]
    explained = frozenset(map(mark_key, (*marks_in(before), *span.marks)))
    return _Entry(words.dating(span, cell), explained, is_named=True)


def _merged(entries: list[_Entry]) -> CodeCell:
    """The codes in order, each with what notes say of it by name.

    A code that only a note names is one more; its marks are those of the note and explained.
    """
    listed = {entry.identity for entry in entries if not entry.is_named}
    named = defaultdict(list)
    for entry in entries:
        if entry.is_named:
            named[entry.identity].append(entry)
    codes: list[DatedCode] = []
    for entry in entries:
        if entry.is_named and entry.identity in listed:
            continue
        code, explained, said = entry.code, entry.explained, named.get(entry.identity, ())
        for one in said if not entry.is_named else ():
            code, explained = _joined(code, one.code), explained | one.explained
        for group in ("effective_from", "effective_to"):
            printed = {getattr(one.code, group) for one in (entry, *said)} - {None}
            if len(printed) > 1:
                shown = " and ".join(map(repr, sorted(printed)))
                return CodeCell(fault=f"the notes in the code cell date {code.span.code} {shown}")
        marks = tuple(mark for mark in code.span.marks if mark_key(mark) not in explained)
        codes.append(replace(code, span=replace(code.span, marks=marks)))
    return CodeCell(tuple(codes))


def _joined(code: DatedCode, said: DatedCode) -> DatedCode:
    return replace(
        code,
        effective_from=said.effective_from or code.effective_from,
        effective_to=said.effective_to or code.effective_to,
        notes=(*code.notes, *said.notes),
    )
