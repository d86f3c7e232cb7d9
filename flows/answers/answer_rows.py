"""The answers of a lookup as lines of a CSV file: one for each rule, one for an answer without any.

The columns and their order are kept from version to version; new ones come at the end. What an
answer is, is decided in `flows.answers.lookup`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from flows.answers.answer_text import condition, duty_in_words
from flows.answers.code_states import CodeState
from flows.answers.lookup import Answer
from flows.answers.printed_facts import Fact
from flows.spreadsheet_text import neutral

_OF_RULE = (
    "pa_status",
    "crd_pa_needed",
    "conditions",
    "reviewer",
    "notes",
    "effective_from",
    "effective_to",
    "effective_basis",
    "date_semantics",
    "line_of_business",
    "state",
    "section",
)
_CODE_STATE = ("code_active", "code_ended_on", "code_replaced_by")
_PLACE = ("source", "document", "url", "page", "line")
COLUMNS = (
    "code",
    "modifiers",
    "payer",
    "payer_name",
    "answer",
    *_OF_RULE,
    "explanation",
    "list_read_on",
    "list_freshness",
    *_CODE_STATE,
    "contradictions",
    *_PLACE,
    "row_key",
    "release",
    "sha256",
    "reviewer_raw",
    "asked_modifiers",
    "code_raw",
    "matched_by",
    "duties",
    "lists_not_read",
)
_NO_RULE: Fact = {"place": {}}


def write_csv(answers: Iterable[Answer], file: TextIO) -> None:
    """Write the heading and the lines. What a spreadsheet would compute is neutralised."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_lines(answers))


def _lines(answers: Iterable[Answer]) -> Iterator[list[Any]]:
    # Most codes of a catalogue are on no list, and their lines are alike but for the code.
    silent: dict[tuple[Any, ...], list[Any]] = {}
    for answer in answers:
        if answer.rules:
            for rule in answer.rules:
                printed = " ".join(rule["modifiers"] or answer.modifiers)
                yield [answer.code, printed, *_neutralised(_cells(_of_answer(answer), rule))]
            continue
        said = _of_answer(answer)
        cells = silent.get(said)
        if cells is None:
            cells = silent[said] = _neutralised(_cells(said, _NO_RULE))
        yield [answer.code, " ".join(answer.modifiers), *cells]


def _neutralised(cells: Iterable[Any]) -> list[Any]:
    return [neutral(cell) if isinstance(cell, str) else cell for cell in cells]


def _of_answer(answer: Answer) -> tuple[Any, ...]:
    return (
        answer.payer,
        answer.payer_name,
        answer.answer,
        _said(answer),
        answer.list_read_on,
        answer.list_freshness,
        answer.code_state,
        len(answer.contradictions),
        answer.release,
        " ".join(answer.modifiers),
        "; ".join(map(duty_in_words, answer.requirements)),
        "; ".join(version["why"] for version in answer.lists_not_read),
    )


def _cells(said: tuple[Any, ...], rule: Fact) -> Iterator[Any]:
    payer, name, answer, explanation, read_on, freshness, state, *more = said
    contradictions, release, asked_modifiers, duties, lists_not_read = more
    yield from (payer, name, answer)
    for column in _OF_RULE:
        value = rule.get(column)
        yield "; ".join(map(condition, value)) if column == "conditions" and value else value
    yield from (explanation, read_on, freshness)
    yield from _code_state(state, rule)
    yield contradictions
    for column in _PLACE:
        yield rule["place"].get(column)
    yield from (rule.get("row_key"), release, rule["place"].get("sha256"))
    yield from (rule.get("reviewer_raw"), asked_modifiers)
    yield from (rule.get("code_raw"), rule.get("matched_by"), duties, lists_not_read)


def _code_state(state: CodeState, rule: Fact) -> Iterator[Any]:
    """What the rule says of its code; where there is none, what the code reference says."""
    is_rule = rule is not _NO_RULE
    yield _truth(rule["code_active"] if is_rule else state.active)
    yield rule["code_ended_on"] if is_rule else state.ended_on
    yield " ".join((rule["code_replaced_by"] if is_rule else state.replaced_by) or ())


def _said(answer: Answer) -> str | None:
    """The explanation, with why a listed code has no rule where that is so."""
    if not answer.only_with_modifiers and not answer.not_in_force_on:
        return answer.explanation
    clauses = [answer.explanation]
    if answer.only_with_modifiers:
        clauses.insert(0, f"listed only with {', '.join(answer.only_with_modifiers)}")
    if answer.not_in_force_on:
        clauses.insert(0, f"no rule is in force on {answer.not_in_force_on}")
    return "; ".join(filter(None, clauses)) or None


def _truth(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()
