"""Descriptions in lists that are the official words of another code.

A finding needs three things: the description is word for word, but for spelling, the long or short
words that another valid code has on the document's day (those of one that ended often live on in
its successor); the code itself has them in no release of the reference; and its own words on that
day exclude them or share little with them. A description in a payer's own words is no finding,
however wrong. Licensed words are in no table and are never compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from extractors.prose.claims import judge
from extractors.reference.known_codes import KnownCodes, Words
from extractors.reference.official_rows import OfficialRows
from extractors.reference.sides import Contradiction, Side
from schemas.codes import LICENSES
from schemas.tables import COVERAGE_CODES, PRIOR_AUTHORIZATION, TABLE_ROWS

DESCRIBING = (PRIOR_AUTHORIZATION.name, TABLE_ROWS.name, COVERAGE_CODES.name)
# Texts that are the same but for spelling are at least so much alike.
_ALIKE = 0.95
# A text with more than this share of its content words in the code's own may be of one thing.
_CLEAR = 0.5
# One word alone names too many things.
_LEAST_WORDS = 2

_NOT_WORD = re.compile(r"[^a-z0-9]+")
_VOWELS = re.compile(r"[aeiouy]+")
_DOUBLED = re.compile(r"([a-z])\1+")
COLUMNS = (
    "code_system",
    "code",
    "description",
    "source",
    "document",
    "row_key",
    "sha256",
    "url",
    "page",
    "line",
)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """A text as letters and digits, and as the part of them that spelling mistakes leave alone."""

    words: str
    skeleton: str

    def is_like(self, other: _Spelling) -> bool:
        if self.words == other.words:
            return True
        if self.skeleton != other.skeleton:
            return False
        return SequenceMatcher(None, self.words, other.words, autojunk=False).ratio() >= _ALIKE


def _spelling(text: str) -> _Spelling:
    words = _NOT_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    joined = words.replace(" ", "")
    return _Spelling(joined, _DOUBLED.sub(r"\1", _VOWELS.sub("", joined)))


@dataclass(frozen=True, slots=True)
class OfficialTexts:
    """The official words of a code reference, spelled for comparison: by code, and whose they are.

    Made once where many rows are compared in turn.
    """

    rows: OfficialRows
    own: Mapping[str, set[str]]
    owners: Mapping[str, set[str]]

    @classmethod
    def of(cls, codes: pa.Table) -> OfficialTexts:
        """The words in the rows of the table `codes`."""
        rows = OfficialRows.of(codes)
        spellings: dict[str, _Spelling] = {}
        own: dict[str, set[str]] = defaultdict(set)
        owners: dict[str, set[str]] = defaultdict(set)
        for code, text in rows.texts():
            spelling = spellings.setdefault(text, _spelling(text))
            own[code].add(spelling.skeleton)
            owners[spelling.skeleton].add(code)
        return cls(rows, dict(own), dict(owners))


def other_descriptions(
    tables: Mapping[str, pa.Table],
    known: KnownCodes,
    official: OfficialTexts,
    days: Mapping[str, date],
) -> Iterator[Contradiction]:
    """`other_description`: one for each code, document and text.

    Descriptions of a document without a day are held against the newest words.
    """
    if not official.own:
        return
    for table, row in _described(tables):
        day = days.get(row["sha256"], known.reaches)
        if day is None or row["code"] not in official.own:
            continue
        text = " ".join(row["description"].split())
        spelling = _spelling(text)
        if spelling.skeleton in official.own[row["code"]] or len(text.split()) < _LEAST_WORDS:
            continue
        named = [
            (code, words.release)
            for code in sorted(official.owners.get(spelling.skeleton, ()))
            if known.has(code, day) and (words := known.words(code, day)) and _has(words, spelling)
        ]
        words = known.words(row["code"], day)
        if named and words and _differs(text, words):
            found = _contradiction(table, row, text, words, named, official.rows)
            if found is not None:
                yield found


def _described(tables: Mapping[str, pa.Table]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The first row of each code, document and description in public words."""
    for name in DESCRIBING:
        rows = tables[name]
        # A span has no words of its own; without code_end the columns are those of COLUMNS.
        single = rows.filter(pc.is_null(rows["code_end"])).select(COLUMNS)
        found: dict[Hashable, dict[str, Any]] = {}
        for row in _in_order(single.to_pylist()):
            if row["description"] and row["code"] and LICENSES[row["code_system"]] == "public":
                found.setdefault(
                    (row["source"], row["document"], row["code"], row["description"]), row
                )
        yield from ((name, row) for row in found.values())


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(
        rows,
        key=lambda row: (row["source"], row["document"], row["page"], row["line"], row["row_key"]),
    )


def _has(words: Words, spelling: _Spelling) -> bool:
    return any(text and spelling.is_like(_spelling(text)) for text in (words.long, words.short))


def _differs(text: str, words: Words) -> bool:
    verdict = judge(text, words.long, words.short)
    if verdict.agreement == "conflicts":
        return True
    return verdict.agreement != "agrees" and (verdict.score or 0.0) <= _CLEAR


def _contradiction(
    table: str,
    row: dict[str, Any],
    text: str,
    words: Words,
    named: list[tuple[str, str]],
    official: OfficialRows,
) -> Contradiction | None:
    official_text = words.long or words.short
    right = official.side(row["code"], official_text) if official_text else None
    if right is None:
        return None
    code, release = named[0]
    others = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
    return Contradiction(
        kind="other_description",
        code_system=row["code_system"],
        code=row["code"],
        strength="opposite",
        both_may_hold=False,
        explanation=f'{row["source"]} describes {row["code"]} as "{text}", the official words of '
        f'{code}{others} in release {release}, while {row["code"]} is "{official_text}".',
        left=Side.of(table, row, text),
        right=right,
    )
