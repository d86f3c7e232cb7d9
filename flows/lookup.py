"""What the lists of a release say about codes: one answer for each code and payer.

Three answers are never confused: a list names the code (*listed*, whatever status it gives), a
list was read whole and does not (*not listed*), or we cannot know (*not ingested*). Codes are
taken as they stand: which codes exist, or which code replaced another, is not known here. How an
answer is worded for people is in `flows.answer_text`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from flows.payer_lists import (
    Lists,
    Version,
    gap,
    is_called,
    payer_lists,
    payer_names,
    read_versions,
)
from flows.releases import PARQUET, Release, intact, opened
from schemas.codes import CodeSpan, parse_expression, printable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AnswerKind = Literal["listed", "not_listed", "not_ingested"]
# One row as plain JSON values: dates are ISO strings.
Fact = dict[str, Any]

_CODE = r"(?<![A-Z0-9])(?:[A-Z]-?\s?[0-9]{4}|[0-9]{5}|[0-9]{4}[A-Z])(?![A-Z0-9])"
_CODE_LIKE = re.compile(_CODE)
_RANGE_LIKE = re.compile(
    rf"{_CODE}\s*(?:[-‐‑‒–—−]|TO|THROUGH|THRU)\s*(?:{_CODE}|[A-Z]?[0-9]{{2,4}}(?![A-Z0-9]))"
)
_WILDCARD_LIKE = re.compile(r"(?<![A-Z0-9])[A-Z0-9][0-9]{0,3}(?:X+|\*+|_+|#+)(?![A-Z0-9_*#])")
_BLANK_OR_HYPHEN = re.compile(r"[\s-]")
_DIGIT = re.compile(r"[0-9]")

_PLACE = ("source", "document", "url", "sha256", "page", "line", "raw_text")
_RULE = (
    "code_system",
    "code",
    "code_end",
    "code_pattern",
    "code_raw",
    "modifiers",
    "pa_status",
    "pa_raw",
    "crd_pa_needed",
    "section",
    "list_title",
    "line_of_business",
    "state",
    "product",
    "category",
    "description",
    "conditions",
    "reviewer",
    "reviewer_raw",
    "notes",
    "flags",
    "effective_from",
    "effective_to",
    "effective_basis",
    "date_semantics",
    "turnaround",
    "validity",
    "code_active",
    "code_active_on",
    "code_ended_on",
    "code_replaced_by",
    "code_members",
    "row_key",
)
# Columns that releases of earlier versions of precert do not have, with their types.
_YOUNGER = {
    "code_pattern": "VARCHAR",
    "turnaround": "VARCHAR",
    "validity": "VARCHAR",
    "code_active_on": "DATE",
    "code_ended_on": "DATE",
    "code_replaced_by": "VARCHAR[]",
    "code_members": "VARCHAR[]",
}
_REQUIREMENT = (
    "code",
    "requirement",
    "authority",
    "list_referenced",
    "effective_from",
    "date_semantics",
    "sentence",
    "row_key",
)
_DATES = ("effective_from", "effective_to", "code_active_on", "code_ended_on")
# Of the rows without a readable code, which may be thousands, an answer shows so many.
_SHOWN_HELD_BACK = 5


def _columns(*names: str) -> str:
    """Columns of a SELECT, dates as ISO text: a row is then a fact without touching each cell."""
    return ", ".join(f"{name}::VARCHAR AS {name}" if name in _DATES else name for name in names)


# One pass over the rules for all codes: by code, and by range for those few rows that have one.
_NULLS = ", ".join(f"NULL::{kind} AS {name}" for name, kind in _YOUNGER.items())
_RULES_SQL = f"""
WITH
    asked AS (
        SELECT
            unnest($codes) AS asked_code,
            unnest($systems) AS asked_system,
            unnest($shapes) AS asked_shape
    ),
    rule AS (
        SELECT payer, {_columns(*_RULE, *_PLACE)}
        FROM (
            SELECT * FROM {PARQUET}
            UNION ALL BY NAME SELECT {_NULLS} WHERE false
        )
        WHERE payer IN (SELECT unnest($payers))
    )
SELECT asked_code, rule.*
FROM rule JOIN asked ON code = asked_code
WHERE code_end IS NULL
UNION ALL
SELECT asked_code, rule.*
FROM rule JOIN asked ON code_system = asked_system AND asked_code BETWEEN code AND code_end
WHERE code_end IS NOT NULL
    AND regexp_replace(code, '[0-9]', '', 'g') = asked_shape
    AND regexp_replace(code_end, '[0-9]', '', 'g') = asked_shape
ORDER BY asked_code, payer, source, document, page, line, row_key
"""
_REQUIREMENTS_SQL = f"""
SELECT {_columns(*_REQUIREMENT, *_PLACE)}
FROM {PARQUET}
WHERE code IN (SELECT unnest($codes))
ORDER BY code, effective_from, source, document, page, line, row_key
"""
_HELD_BACK_SQL = f"""
SELECT code, reasons, cells, {_columns(*_PLACE)}
FROM {PARQUET}
WHERE "table" = 'prior_authorization'
ORDER BY source, document, page, line
"""


class CodeError(ValueError):
    """Something asked for that is not a single code."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: codes in normal form, and what limits the answers."""

    spans: tuple[CodeSpan, ...]
    payer: str | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one payer's lists say about one code.

    `rules` are those in force on the day and for the modifiers asked for; where there are rules
    but none of them applies, `not_in_force_on` or `only_with_modifiers` says why. `held_back` are
    printed lines that could not be published and that name the code or, where no list names it,
    have no code that could be read; `held_back_not_shown` counts those left out for brevity.
    `lists_not_read` are the payer's lists that the answer leaves open, each with the reason.
    `list_read_on` is the day on which the oldest snapshot that the answer rests on was retrieved.
    """

    release: str | None
    code: str
    modifiers: tuple[str, ...]
    payer: str | None
    payer_name: str | None
    answer: AnswerKind
    explanation: str | None
    rules: tuple[Fact, ...] = ()
    not_in_force_on: date | None = None
    only_with_modifiers: tuple[str, ...] = ()
    held_back: tuple[Fact, ...] = ()
    held_back_not_shown: int = 0
    list_read_on: date | None = None
    list_freshness: str | None = None
    lists: tuple[Fact, ...] = ()
    lists_not_read: tuple[Fact, ...] = ()
    requirements: tuple[Fact, ...] = ()

    def as_json(self) -> Fact:
        """The answer as plain JSON values."""
        return {
            "code": self.code,
            "modifiers": self.modifiers,
            "payer": self.payer,
            "payer_name": self.payer_name,
            "answer": self.answer,
            "explanation": self.explanation,
            "rules": self.rules,
            "not_in_force_on": _iso(self.not_in_force_on),
            "only_with_modifiers": self.only_with_modifiers,
            "held_back": self.held_back,
            "held_back_not_shown": self.held_back_not_shown,
            "list_read_on": _iso(self.list_read_on),
            "list_freshness": self.list_freshness,
            "lists": self.lists,
            "lists_not_read": self.lists_not_read,
            "requirements": self.requirements,
            "release": self.release,
        }


@dataclass(frozen=True, slots=True)
class _HeldBack:
    """The quarantined rows of the lists: how many each version has, by source, document and
    snapshot; of published versions those that name a code asked for, by code and payer, and those
    whose own code could not be read, by payer."""

    rows_of: Mapping[tuple[str, str, str | None], int]
    naming: Mapping[tuple[str, str], list[Fact]]
    unread: Mapping[str, list[Fact]]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What a release holds about the codes asked for, and the lists of the payers asked for."""

    known: tuple[Lists, ...]
    asked: tuple[Lists, ...]
    publications: Mapping[tuple[str, str], Version]
    rules: Mapping[tuple[str, str], list[Fact]]
    held_back: _HeldBack
    requirements: Mapping[str, list[Fact]]


def codes_asked(words: Iterable[str]) -> tuple[CodeSpan, ...]:
    """The codes in normal form, each once, in the order asked for.

    Raises `CodeError` for a word that is not a code, and for a range: which codes it has, only a
    dated code table knows.
    """
    spans: dict[tuple[str, tuple[str, ...]], CodeSpan] = {}
    for word in words:
        found = parse_expression(word)
        if found is None:
            raise CodeError(f"{word!r} is not a code: give codes such as E0601, 95810 or E0601-RR")
        for span in found:
            if span.code_end is not None:
                raise CodeError(f"{word!r} is a range of codes: ask for each code by itself")
            spans.setdefault((span.code, span.modifiers), span)
    return tuple(spans.values())


def unanswered(question: Question, why: str) -> list[Answer]:
    """*Not ingested* for each code: the answers where there is no release to look in."""
    return [_unknown(None, span, question, why, ()) for span in question.spans]


def lookup(release: Release, question: Question) -> list[Answer]:
    """One answer for each code and payer: codes in the order asked for, payers by their id.

    For a payer of whom there is no list the answer is *not ingested*.
    """
    with opened() as connection:
        found = _find(connection, release, question)
    if not found.asked:
        why = _no_such_payer(found.known, question.payer)
        return [
            _unknown(release, span, question, why, _duties(found, span, None, question.on))
            for span in question.spans
        ]
    return [
        _answer(release, span, lists, found, question.on)
        for span in question.spans
        for lists in found.asked
    ]


def _find(connection: DuckDBPyConnection, release: Release, question: Question) -> _Findings:
    spans = {span.code: span for span in question.spans}
    rules_path = intact(release, "prior_authorization")
    versions = read_versions(connection, release)
    known = payer_lists(versions, payer_names(connection, rules_path, versions))
    asked = tuple(one for one in known if _is_asked_for(one, question.payer))
    published = {version.publication: version for version in versions if version.is_published}
    return _Findings(
        known=known,
        asked=asked,
        publications=published,
        rules=_rules(connection, rules_path, spans, asked, published),
        held_back=_held_back(connection, release, versions, spans),
        requirements=_requirements(connection, release, spans, published),
    )


def _rules(
    connection: DuckDBPyConnection,
    path: str,
    spans: Mapping[str, CodeSpan],
    lists: Iterable[Lists],
    published: Mapping[tuple[str, str], Version],
) -> Mapping[tuple[str, str], list[Fact]]:
    parameters = {
        "codes": list(spans),
        "systems": [span.system for span in spans.values()],
        "shapes": [_DIGIT.sub("", code) for code in spans],
        "payers": [one.payer for one in lists],
        "path": path,
    }
    found = defaultdict(list)
    for code, payer, *cells in connection.execute(_RULES_SQL, parameters).fetchall():
        rule = _placed(_RULE, cells, published)
        rule["matched_by"] = _match_of(rule)
        found[code, payer].append(rule)
    return found


def _match_of(rule: Fact) -> str:
    """Whether a rule names the code itself, a range, or a wildcard (`pattern`) that it lies in."""
    if rule["code_pattern"]:
        return "pattern"
    return "range" if rule["code_end"] else "code"


def _requirements(
    connection: DuckDBPyConnection,
    release: Release,
    codes: Iterable[str],
    published: Mapping[tuple[str, str], Version],
) -> Mapping[str, list[Fact]]:
    parameters = {"codes": list(codes), "path": intact(release, "requirements")}
    found = defaultdict(list)
    for row in connection.execute(_REQUIREMENTS_SQL, parameters).fetchall():
        duty = _placed(_REQUIREMENT, row, published)
        found[duty["code"]].append(duty)
    return found


def _held_back(
    connection: DuckDBPyConnection,
    release: Release,
    versions: Iterable[Version],
    codes: Mapping[str, CodeSpan],
) -> _HeldBack:
    payers = {
        (*version.publication, version.sha256): version.payer
        for version in versions
        if version.payer and version.is_published
    }
    rows_of: Counter[tuple[str, str, str | None]] = Counter()
    naming: Mapping[tuple[str, str], list[Fact]] = defaultdict(list)
    unread: Mapping[str, list[Fact]] = defaultdict(list)
    parameters = {"path": intact(release, "quarantine")}
    for code, reasons, printed, *cells in connection.execute(_HELD_BACK_SQL, parameters).fetchall():
        place = dict(zip(_PLACE, cells, strict=True))
        version = place["source"], place["document"], place["sha256"]
        rows_of[version] += 1
        payer = payers.get(version)
        if payer is None:
            continue
        fact = {"code": code, "reasons": reasons, "place": place}
        if code is None:
            unread[payer].append(fact)
        for named in _codes_named((place["raw_text"], *(printed or ())), codes) | (
            {code} & codes.keys()
        ):
            naming[named, payer].append(fact)
    return _HeldBack(rows_of, naming, unread)


def _codes_named(texts: Iterable[str], codes: Mapping[str, CodeSpan]) -> set[str]:
    """Which of `codes` a printed line and its cells name, alone or within a range or wildcard."""
    named: set[str] = set()
    for text in texts:
        upper = printable(text).upper()
        named |= {_BLANK_OR_HYPHEN.sub("", match) for match in _CODE_LIKE.findall(upper)}
        for match in (*_RANGE_LIKE.findall(upper), *_WILDCARD_LIKE.findall(upper)):
            named |= _codes_within(match, codes)
    return named & codes.keys()


def _codes_within(expression: str, codes: Mapping[str, CodeSpan]) -> set[str]:
    return {
        code
        for span in parse_expression(expression) or ()
        for code, asked in codes.items()
        if span.code <= code <= (span.code_end or span.code)
        and (asked.system, _DIGIT.sub("", code)) == (span.system, _DIGIT.sub("", span.code))
    }


def _placed(
    names: Sequence[str], cells: Sequence[Any], published: Mapping[tuple[str, str], Version]
) -> Fact:
    fact: Fact = dict(zip(names, cells, strict=False))
    place = dict(zip(_PLACE, cells[len(names) :], strict=True))
    version = published.get((place["source"], place["document"]))
    fact["is_specimen"] = version.is_specimen if version else None
    fact["place"] = place
    return fact


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _is_asked_for(lists: Lists, payer: str | None) -> bool:
    """Whether a payer is asked for: by name, or as one of whom a list was ever read."""
    if payer is None:
        return any(not v.is_unread for v in (*lists.published, *lists.unpublished))
    return is_called(payer, lists.payer, lists.name)


def _no_such_payer(lists: Sequence[Lists], payer: str | None) -> str:
    if payer is None:
        return (
            "the release holds no list of any payer that was read: add a source and run "
            "`precert refresh`"
        )
    known = ", ".join(one.payer for one in lists) or "no payer"
    return f"no source has a list of {payer!r}, only of {known}: add a source for it"


def _unknown(
    release: Release | None,
    span: CodeSpan,
    question: Question,
    why: str,
    requirements: tuple[Fact, ...],
) -> Answer:
    return Answer(
        release=release.id if release else None,
        code=span.code,
        modifiers=span.modifiers,
        payer=question.payer,
        payer_name=None,
        answer="not_ingested",
        explanation=why,
        requirements=requirements,
    )


def _answer(
    release: Release, span: CodeSpan, lists: Lists, found: _Findings, on: date | None
) -> Answer:
    every = found.rules.get((span.code, lists.payer), [])
    naming = found.held_back.naming.get((span.code, lists.payer), [])
    unread = [f for f in found.held_back.unread.get(lists.payer, ()) if f not in naming]
    untold = _untold_rows(lists, found.held_back)
    fitting = [rule for rule in every if _fits(rule, span.modifiers)]
    rules = [rule for rule in fitting if _in_force(rule, on)]
    kind = _kind(every, naming or unread or untold, lists)
    rests_on = _rests_on(kind, every, lists)
    perhaps = [] if every else unread
    return Answer(
        release=release.id,
        code=span.code,
        modifiers=span.modifiers,
        payer=lists.payer,
        payer_name=lists.name,
        answer=kind,
        explanation=_explanation(kind, naming, unread, untold, lists, found.held_back),
        rules=tuple(rules),
        not_in_force_on=on if fitting and not rules else None,
        only_with_modifiers=() if fitting else _modifiers_of(every),
        held_back=(*naming, *perhaps[:_SHOWN_HELD_BACK]),
        held_back_not_shown=len(perhaps[_SHOWN_HELD_BACK:]),
        list_read_on=min((v.read_on for v in rests_on if v.read_on), default=None),
        list_freshness=lists.freshness(rests_on),
        lists=tuple(
            _described(version, found.held_back)
            for version in (*lists.published, *lists.unpublished)
        ),
        lists_not_read=tuple(_not_read(version) for version in lists.unread),
        requirements=_duties(found, span, lists.payer, on),
    )


def _kind(rules: Sequence[Fact], held_back: Sequence[object], lists: Lists) -> AnswerKind:
    """A line that is or may be about the code and was not published rules out *not listed*."""
    if rules:
        return "listed"
    return "not_ingested" if held_back or not lists.whole else "not_listed"


def _rests_on(kind: AnswerKind, rules: Sequence[Fact], lists: Lists) -> tuple[Version, ...]:
    if kind == "not_listed":
        return lists.whole
    if kind == "not_ingested":
        return lists.published
    named = {(rule["place"]["source"], rule["place"]["document"]) for rule in rules}
    return tuple(version for version in lists.published if version.publication in named)


def _fits(rule: Fact, modifiers: Sequence[str]) -> bool:
    printed = rule["modifiers"]
    return not modifiers or not printed or any(modifier in printed for modifier in modifiers)


def _in_force(fact: Fact, on: date | None) -> bool:
    if on is None:
        return True
    day, start, end = on.isoformat(), fact["effective_from"], fact.get("effective_to")
    return (start is None or start <= day) and (end is None or day < end)


def _modifiers_of(rules: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(sorted({modifier for rule in rules for modifier in rule["modifiers"] or ()}))


def _explanation(
    kind: AnswerKind,
    naming: Sequence[Fact],
    unread: Sequence[Fact],
    untold: Sequence[str],
    lists: Lists,
    held_back: _HeldBack,
) -> str | None:
    """What the answer rests on where that is not a printed rule, and what it leaves open."""
    clauses = []
    if kind == "not_listed":
        clauses.append(f"read whole: {', '.join(map(str, lists.whole))}")
    clauses += [
        f"{_at(fact)} names the code, but that row was not published ({'; '.join(fact['reasons'])})"
        for fact in naming
    ]
    clauses += _unread_rows(unread, is_listed=kind == "listed")
    if kind == "not_listed":
        for version in lists.published:
            rows = held_back.rows_of.get((*version.publication, version.sha256))
            if rows:
                clauses.append(f"{rows} of the rows of {version} could not be published")
    return "; ".join([*clauses, *untold, *map(gap, lists.unread)]) or None


def _unread_rows(unread: Sequence[Fact], *, is_listed: bool) -> list[str]:
    """What the rows without a readable code leave open."""
    if not unread:
        return []
    count = f"{len(unread)} printed row{'s have' if len(unread) > 1 else ' has'}"
    if is_listed:
        return [f"{count} no code that could be read: another rule of this code may be there"]
    shown = [f"{_at(fact)} ({'; '.join(fact['reasons'])})" for fact in unread[:_SHOWN_HELD_BACK]]
    more = len(unread) - len(shown)
    said = "no row that was read names the code, but"
    where = f"{', '.join(shown)}{f' and {more} more' if more else ''}"
    return [f"{said} {count} no code that could be read and may be about it: {where}"]


def _untold_rows(lists: Lists, held_back: _HeldBack) -> list[str]:
    """A clause for each list with more lines held back than the quarantine table has rows of."""
    clauses = []
    for version in lists.published:
        told = held_back.rows_of.get((*version.publication, version.sha256), 0)
        if told < version.quarantined:
            clauses.append(
                f"{version.quarantined - told} of the rows of {version} could not be published and "
                "the release does not show them: run `precert refresh`"
            )
    return clauses


def _at(fact: Fact) -> str:
    place = fact["place"]
    return f"{place['source']}/{place['document']} page {place['page']}, line {place['line']}"


def _described(version: Version, held_back: _HeldBack) -> Fact:
    return {
        "source": version.source,
        "document": version.document,
        "title": version.title,
        "line_of_business": version.line_of_business,
        "status": version.status,
        "is_specimen": version.is_specimen,
        "read_whole": version.is_whole,
        "read_on": _iso(version.read_on),
        "rows_held_back": held_back.rows_of.get((*version.publication, version.sha256), 0),
        "held_reason": version.held_reason,
    }


def _not_read(version: Version) -> Fact:
    return {
        "source": version.source,
        "document": version.document,
        "title": version.title,
        "line_of_business": version.line_of_business,
        "why": gap(version),
    }


def _duties(
    found: _Findings, span: CodeSpan, payer: str | None, on: date | None
) -> tuple[Fact, ...]:
    """The duties about a code, except those that only another payer states."""
    duties = []
    for duty in found.requirements.get(span.code, ()):
        place = duty["place"]
        publication = found.publications.get((place["source"], place["document"]))
        whose = publication.payer if publication else None
        if None not in (whose, payer) and whose != payer:
            continue
        stated_by = {
            "publisher": publication.publisher if publication else None,
            "payer": whose,
        }
        in_force = {} if on is None else {"in_force": _in_force(duty, on)}
        duties.append({**duty, **stated_by, **in_force})
    return tuple(duties)
