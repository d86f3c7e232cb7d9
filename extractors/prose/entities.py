"""Modifiers and payers named in a sentence.

A modifier is two characters, so that only its surroundings tell it from a word or number: the
word "modifier", quotation marks in a sentence about modifiers, a side it stands for, the code it
is suffixed to. Payers are those of `schemas.payers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.codes import PATTERNS
from schemas.payers import NOT_PAYERS, PAYERS

_LEVEL_II = r"[A-Z][A-Z0-9]"
_ANY = rf"(?:{_LEVEL_II}|\d\d)"
_OPEN, _CLOSE = "[“\"'‘]?", "[,.]?[”\"'’]?"
_SEPARATOR = r"(?:\s*[,;/&]\s*(?:and/or\b|and\b|or\b)?\s*|\s+(?:and/or|and|or)\s+)"
_AFTER_WORD = re.compile(
    rf"\b[Mm]odifiers?(?:\(s\))?:?\s+(?P<list>{_OPEN}{_ANY}(?!\w){_CLOSE}"
    rf"(?:{_SEPARATOR}{_OPEN}{_ANY}(?!\w){_CLOSE})*)"
)
_BEFORE_WORD = re.compile(
    rf"(?<![\w-])(?P<list>(?:{_OPEN}{_ANY}{_CLOSE}{_SEPARATOR})*{_OPEN}(?P<last>{_ANY}){_CLOSE})"
    r"\s+[Mm]odifier(?P<plural>s|\(s\))?(?!\w)"
)
_QUOTED = re.compile(rf"[“\"](?P<one>{_ANY})[,.]?[”\"]")
_SIDES = re.compile(r"\((?P<list>(?:RT|LT)(?:\s*(?:,|/|&|and/or|and|or)\s*(?:RT|LT))+)\)")
_SIDE = re.compile(r"\b(?:[Rr]ight|[Ll]eft)(?:\s+side)?\s*\((?P<one>RT|LT)\)")
_SUFFIXED = re.compile(rf"(?<![\w-]){PATTERNS['HCPCS']}(?P<list>(?:-{_LEVEL_II})+)(?![\w-])")
_ITEM = re.compile(rf"(?<!\w){_ANY}(?!\w)")
_ABOUT_MODIFIERS = re.compile(r"\bmodifiers?\b", re.IGNORECASE)
_LEVEL = re.compile(r"\b[Ll]evel\s+$")
_ROMAN = ("II", "IV", "VI", "IX", "XI")

_STATE = r"[A-Z][a-z]+(?: (?:[A-Z][a-z]+|of))?"


@dataclass(frozen=True, slots=True)
class Entity:
    """One modifier or payer: its value, its printed form and its characters in the text."""

    kind: str
    value: str
    raw: str
    start: int
    end: int


def _printed_form(alias: str) -> str:
    return re.escape(alias).replace(r"\*", _STATE).replace(r"\ ", r"\s+")


_NAMES = sorted(
    ((alias, name) for name, aliases in PAYERS.items() for alias in aliases),
    key=lambda pair: -len(pair[0]),
)
_PAYER = re.compile(
    "|".join(
        [
            rf"(?P<other>\b(?:{'|'.join(_printed_form(phrase) for phrase in NOT_PAYERS)}))",
            *(rf"(?P<n{i}>\b{_printed_form(alias)}(?!\w))" for i, (alias, _) in enumerate(_NAMES)),
        ]
    )
)


def find_modifiers(text: str) -> tuple[Entity, ...]:
    """Every modifier that a sentence names, in order; each once, where it is first printed."""
    found: dict[str, Entity] = {}
    for raw, start in sorted(_modifiers(text), key=lambda pair: pair[1]):
        found.setdefault(raw, Entity("modifier", raw, raw, start, start + len(raw)))
    return tuple(found.values())


def find_payers(text: str) -> tuple[Entity, ...]:
    """Every payer that a sentence names, in order; each once, where it is first printed."""
    found: dict[str, Entity] = {}
    for match in _PAYER.finditer(text):
        group = match.lastgroup
        if group is None or group == "other":
            continue
        name = _NAMES[int(group[1:])][1]
        found.setdefault(name, Entity("payer", name, match[0], match.start(), match.end()))
    return tuple(found.values())


def _modifiers(text: str) -> Iterator[tuple[str, int]]:
    for match in (*_SIDES.finditer(text), *_SUFFIXED.finditer(text)):
        yield from _items(text, match.span("list"))
    for match in _SIDE.finditer(text):
        yield match["one"], match.start("one")
    if not _ABOUT_MODIFIERS.search(text):
        return
    for match in _QUOTED.finditer(text):
        yield match["one"], match.start("one")
    if text.isupper():
        return
    for match in _AFTER_WORD.finditer(text):
        yield from _items(text, match.span("list"))
    for match in _BEFORE_WORD.finditer(text):
        counted = match["plural"] and match["list"].isdecimal()
        if not counted and not (match["last"] in _ROMAN and _LEVEL.search(text, 0, match.start())):
            yield from _items(text, match.span("list"))


def _items(text: str, span: tuple[int, int]) -> Iterator[tuple[str, int]]:
    for item in _ITEM.finditer(text, *span):
        yield item[0], item.start()
