"""What the lists of a release say about codes: one answer for each code and payer.

Three answers are never confused: a list names the code (*listed*, whatever status it gives), a
list was read whole and does not (*not listed*), or we cannot know (*not ingested*). Codes are
taken as they stand; which of them had ended `code_states` tells. What an answer leaves open is said
in `left_open` beside this, how it is worded for people in `answer_text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple

from flows.answers.code_states import UNTOLD, CodeState, read_code_states
from flows.answers.held_back import HeldBack, read_held_back
from flows.answers.known import RULES, knew_codes, versions_known
from flows.answers.left_open import SHOWN_ROWS, explanation, untold_rows
from flows.answers.payer_lists import Lists, Version, gap, is_called, payer_lists, payer_names
from flows.answers.printed_facts import CodesAsked, Fact, read_disagreements, read_requirements
from flows.answers.quick_duckdb import opened
from flows.answers.rule_facts import Rules, read_rules
from flows.releases import Release, intact
from schemas.code_forms import system_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AnswerKind = Literal["listed", "not_listed", "not_ingested"]


class CodeError(ValueError):
    """Something asked for that is not a single code."""


# Named tuples, since the library of dataclasses is a tenth of the time that a lookup takes.
class AskedCode(NamedTuple):
    """One code in normal form, with the modifiers that it is asked for with."""

    code: str
    modifiers: tuple[str, ...] = ()


class Question(NamedTuple):
    """What is asked for: codes in normal form, and what limits the answers.

    `on` is a day on which rules are in force; `as_known` one at whose end (UTC) we knew them.
    """

    codes: tuple[AskedCode, ...]
    payer: str | None = None
    on: date | None = None
    as_known: date | None = None


class Answer(NamedTuple):
    """What one payer's lists say about one code.

    `rules` are those in force on the day and for the modifiers asked for; where there are rules
    but none of them applies, `not_in_force_on` or `only_with_modifiers` says why. `earlier_rules`
    are those of an earlier version of a list whose published version does not reach them and does
    not end them. `held_back` are printed lines that could not be published and that name the code
    or, where no list names it, have no code that could be read; `held_back_not_shown` counts those
    left out for brevity. `lists_not_read` are the payer's lists that the answer leaves open, each
    with the reason. `list_read_on` is the day on which the oldest snapshot that the answer rests on
    was retrieved. `contradictions` are disagreements about the code in which this payer, or no
    payer, has a side, the strongest first. `rules_not_in_force` are those for the modifiers asked
    for that begin later than the day asked for, or had ended. `code_state` is what the code
    reference says of the code on that day, told where no rule is shown.
    """

    release: str | None
    code: str
    modifiers: tuple[str, ...]
    payer: str | None
    payer_name: str | None
    answer: AnswerKind
    explanation: str | None
    as_known: date | None = None
    rules: Sequence[Fact] = ()
    not_in_force_on: date | None = None
    only_with_modifiers: Sequence[str] = ()
    earlier_rules: Sequence[Fact] = ()
    held_back: Sequence[Fact] = ()
    held_back_not_shown: int = 0
    list_read_on: date | None = None
    list_freshness: str | None = None
    lists: Sequence[Fact] = ()
    lists_not_read: Sequence[Fact] = ()
    requirements: Sequence[Fact] = ()
    contradictions: Sequence[Fact] = ()
    rules_not_in_force: Sequence[Fact] = ()
    code_state: CodeState = UNTOLD

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
            "earlier_rules": self.earlier_rules,
            "held_back": self.held_back,
            "held_back_not_shown": self.held_back_not_shown,
            "list_read_on": _iso(self.list_read_on),
            "list_freshness": self.list_freshness,
            "lists": self.lists,
            "lists_not_read": self.lists_not_read,
            "requirements": self.requirements,
            "contradictions": self.contradictions,
            "as_known": _iso(self.as_known),
            "release": self.release,
            "rules_not_in_force": self.rules_not_in_force,
            "code_active": self.code_state.active,
            "code_active_on": _iso(self.code_state.on),
            "code_ended_on": _iso(self.code_state.ended_on),
            "code_replaced_by": self.code_state.replaced_by or None,
        }


class _Findings(NamedTuple):
    """What a release holds about the codes asked for, and the lists of the payers asked for."""

    release: Release
    question: Question
    known: Sequence[Lists]
    asked: Sequence[Lists]
    publications: Mapping[tuple[str, str], Version]
    rules: Rules
    held_back: HeldBack
    requirements: Mapping[str, Sequence[Fact]]
    contradictions: Mapping[str, Sequence[Fact]]
    code_states: Mapping[str, CodeState]


def codes_asked(words: Iterable[str]) -> tuple[AskedCode, ...]:
    """The codes in normal form, each once, in the order asked for.

    Raises `CodeError` for a word that is not a code, and for a range: which codes it has, only a
    dated code table knows.
    """
    asked: dict[AskedCode, None] = {}
    for word in words:
        if system_of(word):
            asked[AskedCode(word)] = None
            continue
        from schemas.codes import parse_expression  # noqa: PLC0415 (compiles many patterns)

        found = parse_expression(word)
        if found is None:
            raise CodeError(f"{word!r} is not a code: give codes such as E0601, 95810 or E0601-RR")
        for span in found:
            if span.code_end is not None:
                raise CodeError(f"{word!r} is a range of codes: ask for each code by itself")
            asked[AskedCode(span.code, span.modifiers)] = None
    return tuple(asked)


def unanswered(question: Question, why: str) -> list[Answer]:
    """*Not ingested* for each code: the answers where there is no release to look in."""
    return [_unknown(None, asked, question, why) for asked in question.codes]


def lookup(release: Release, question: Question) -> list[Answer]:
    """One answer for each code and payer: codes in the order asked for, payers by their id.

    For a payer of whom there is no list the answer is *not ingested*. Raises `ReleaseError` where
    an earlier day is asked about and the release has no history.
    """
    with opened() as connection:
        found = _find(connection, release, question)
    if not found.asked:
        why = _no_such_payer(found.known, question)
        return [
            _unknown(release, asked, question, why)._replace(
                requirements=_duties(found, asked, None),
                contradictions=_disagreements(found, asked, None),
                code_state=found.code_states.get(asked.code, UNTOLD),
            )
            for asked in question.codes
        ]
    silent = {lists.payer: _of_silence(found, lists) for lists in found.asked}
    return [
        _answer(found, asked, lists, silent[lists.payer])
        for asked in question.codes
        for lists in found.asked
    ]


def _find(connection: DuckDBPyConnection, release: Release, question: Question) -> _Findings:
    codes, day = CodesAsked.of(asked.code for asked in question.codes), question.as_known
    versions = versions_known(connection, release, day)
    names_path = intact(release, "prior_authorization" if day is None else RULES)
    known = payer_lists(versions, payer_names(connection, names_path, versions))
    of_payers = [one for one in known if _is_asked_for(one, question.payer)]
    listed = [version for one in of_payers for version in (*one.published, *one.unpublished)]
    published = {version.publication: version for version in versions if version.is_published}
    has_reference = day is None or knew_codes(versions)
    rules = read_rules(connection, release, codes, published, day, code_states=has_reference)
    states: Mapping[str, CodeState] = {}
    if has_reference and not _all_have_rules(rules, question, of_payers):
        when = question.on or day or release.created_at.date()
        states = read_code_states(connection, release, codes, when)
    return _Findings(
        release=release,
        question=question,
        known=known,
        asked=of_payers,
        publications=published,
        rules=rules,
        held_back=read_held_back(connection, release, listed, codes),
        requirements=read_requirements(connection, release, codes, published, day),
        contradictions=read_disagreements(connection, release, codes, published, day),
        code_states=states,
    )


def _all_have_rules(rules: Rules, question: Question, payers: Sequence[Lists]) -> bool:
    """Whether each answer is sure to show a rule, which carries the state of its code."""
    return bool(payers) and all(
        any(
            _in_force(rule, question.on) for rule in rules.listed.get((asked.code, lists.payer), ())
        )
        and not asked.modifiers
        for asked in question.codes
        for lists in payers
    )


def _is_asked_for(lists: Lists, payer: str | None) -> bool:
    """Whether a payer is asked for: by name, or as one of whom a list was ever read."""
    if payer is None:
        return any(not v.is_unread for v in (*lists.published, *lists.unpublished))
    return is_called(payer, lists.payer, lists.name)


def _no_such_payer(lists: Sequence[Lists], question: Question) -> str:
    if question.payer is None and question.as_known:
        return f"no list of any payer had been read by the end of {question.as_known}"
    if question.payer is None:
        return (
            "the release holds no list of any payer that was read: add a source and run "
            "`precert refresh`"
        )
    known = ", ".join(one.payer for one in lists) or "no payer"
    return f"no source has a list of {question.payer!r}, only of {known}: add a source for it"


def _unknown(release: Release | None, asked: AskedCode, question: Question, why: str) -> Answer:
    return Answer(
        release=release.id if release else None,
        code=asked.code,
        modifiers=asked.modifiers,
        payer=question.payer,
        payer_name=None,
        answer="not_ingested",
        explanation=why,
        as_known=question.as_known,
    )


def _of_silence(found: _Findings, lists: Lists) -> Answer:
    """The answer about a code of which nothing at all was found; of most codes of a catalogue."""
    return _judged(found, "", lists)


def _answer(found: _Findings, asked: AskedCode, lists: Lists, silent: Answer) -> Answer:
    about = (asked.code, lists.payer)
    rules, held_back = found.rules, found.held_back
    is_told = about in rules.listed or about in rules.earlier or about in held_back.naming
    if not is_told and not _is_spoken_of(found, asked.code):
        return silent._replace(code=asked.code, modifiers=asked.modifiers)
    answer = _judged(found, asked.code, lists) if is_told else silent
    every = rules.listed.get(about, ())
    fitting = [rule for rule in every if _fits(rule, asked.modifiers)]
    on = found.question.on
    in_force = [rule for rule in fitting if _in_force(rule, on)]
    return answer._replace(
        code=asked.code,
        modifiers=asked.modifiers,
        rules=in_force,
        not_in_force_on=on if fitting and not in_force else None,
        only_with_modifiers=() if fitting else _modifiers_of(every),
        requirements=_duties(found, asked, lists.payer),
        contradictions=_disagreements(found, asked, lists.payer),
        rules_not_in_force=[rule for rule in fitting if rule not in in_force],
        code_state=UNTOLD if in_force else found.code_states.get(asked.code, UNTOLD),
    )


def _is_spoken_of(found: _Findings, code: str) -> bool:
    """Whether a bulletin, a contradiction or the code reference is about the code."""
    return code in found.requirements or code in found.contradictions or code in found.code_states


def _judged(found: _Findings, code: str, lists: Lists) -> Answer:
    """Which of the three answers it is, and what it rests on and leaves open."""
    about, held_back = (code, lists.payer), found.held_back
    every = found.rules.listed.get(about, [])
    earlier = found.rules.earlier.get(about, [])
    naming = held_back.naming.get(about, [])
    unread = [f for f in held_back.unread.get(lists.payer, ()) if f not in naming]
    untold = untold_rows(lists, held_back)
    kind = _kind(every, earlier or naming or unread or untold, lists)
    rests_on = _rests_on(kind, every, lists)
    perhaps = [] if every else unread
    return Answer(
        release=found.release.id,
        code=code,
        modifiers=(),
        payer=lists.payer,
        payer_name=lists.name,
        answer=kind,
        explanation=explanation(
            lists, held_back, kind=kind, earlier=earlier, naming=naming, unread=unread
        ),
        as_known=found.question.as_known,
        earlier_rules=earlier,
        held_back=[*naming, *perhaps[:SHOWN_ROWS]],
        held_back_not_shown=len(perhaps[SHOWN_ROWS:]),
        list_read_on=min((v.read_on for v in rests_on if v.read_on), default=None),
        list_freshness=lists.freshness(rests_on),
        lists=[_described(v, held_back) for v in (*lists.published, *lists.unpublished)],
        lists_not_read=[_not_read(version) for version in lists.unread],
    )


def _kind(rules: Sequence[Fact], in_doubt: Sequence[object], lists: Lists) -> AnswerKind:
    """A line that is or may be about the code and is not published rules out *not listed*."""
    if rules:
        return "listed"
    return "not_ingested" if in_doubt or not lists.whole else "not_listed"


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


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _described(version: Version, held_back: HeldBack) -> Fact:
    return {
        "source": version.source,
        "document": version.document,
        "title": version.title,
        "line_of_business": version.line_of_business,
        "status": version.status,
        "is_specimen": version.is_specimen,
        "read_whole": version.is_whole,
        "read_on": _iso(version.read_on),
        "rows_held_back": held_back.rows(version),
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


def _duties(found: _Findings, asked: AskedCode, payer: str | None) -> Sequence[Fact]:
    """The duties about a code, except those that only another payer states."""
    duties, on = [], found.question.on
    for duty in found.requirements.get(asked.code, ()):
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
    return duties


def _disagreements(found: _Findings, asked: AskedCode, payer: str | None) -> Sequence[Fact]:
    """The contradictions about a code, except those between other payers alone."""
    return [
        fact
        for fact in found.contradictions.get(asked.code, ())
        if (sides := {fact["left"]["payer"], fact["right"]["payer"]} - {None}) <= {payer}
        or payer in sides
    ]
