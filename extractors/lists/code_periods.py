"""What notes beside a code say of it, made into rules that follow each other in time.

Knows that a code whose requirement is suspended was required until then, that one whose suspension
ends is required again, and that a phase begins in some states before it begins in all others.
Which words say so is for the notes of the source; whether a row may carry the dates is not known
here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from extractors.dates import parse_date
from schemas.codes import CodeSpan
from schemas.states import states_in

# What notes may say of a code, each once.
SAYABLE = (
    "effective_from",
    "effective_to",
    "states",
    "elsewhere_from",
    "status",
    "status_from",
    "status_to",
)


@dataclass(frozen=True, slots=True)
class NotedCode:
    """A code, range or wildcard with what notes say of it, all as printed.

    `effective_from` holds in `states` where these are named, `elsewhere_from` then in all others.
    `status` is what the code is from `status_from` until `status_to`; `said` are the words that
    give it, `notes` all words.
    """

    span: CodeSpan
    effective_from: str | None = None
    effective_to: str | None = None
    states: str | None = None
    elsewhere_from: str | None = None
    status: str | None = None
    status_from: str | None = None
    status_to: str | None = None
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatedCode:
    """A code, range or wildcard of a cell as one rule: the dates that words in the cell give it,
    as printed, and these words.

    `state` is the one state in which the rule holds, None for all. `status` is what the words say
    of it instead of its row, and `said` the words that do; None where the row's own holds.
    """

    span: CodeSpan
    effective_from: str | None = None
    effective_to: str | None = None
    notes: tuple[str, ...] = ()
    state: str | None = None
    status: str | None = None
    said: str | None = None


def joined(code: NotedCode, others: Iterable[NotedCode]) -> NotedCode:
    """A code with all that several notes say of it; raises `ValueError` where two differ."""
    for other in others:
        values = {}
        for name in SAYABLE:
            mine, theirs = getattr(code, name), getattr(other, name)
            if mine and theirs and mine != theirs:
                shown = " and ".join(map(repr, sorted((mine, theirs))))
                raise ValueError(f"the notes in the code cell date {code.span.code} {shown}")
            values[name] = mine or theirs
        code = replace(
            code, **values, said=(*code.said, *other.said), notes=(*code.notes, *other.notes)
        )
    return code


def rules_of(code: NotedCode) -> tuple[DatedCode, ...]:
    """The rules of a code: in each state that is named and then in all others, and there in order
    of time.

    Raises `ValueError` with what is wrong: a name that is no state's, a status whose beginning
    cannot be told. A date that cannot be read stays as printed, for its row to be at fault.
    """
    whole = DatedCode(code.span, code.effective_from, code.effective_to, code.notes)
    scopes = [whole]
    if code.states:
        try:
            states = states_in(code.states)
        except ValueError as error:
            raise ValueError(
                f"{str(error)!r} among the states of {code.span.code} in the code cell is no state"
            ) from error
        scopes = [replace(whole, state=state) for state in states]
        if code.elsewhere_from:
            scopes.append(replace(whole, effective_from=code.elsewhere_from))
    if code.status is None:
        return tuple(scopes)
    return tuple(rule for scope in scopes for rule in _in_order(scope, code))


def _in_order(scope: DatedCode, code: NotedCode) -> list[DatedCode]:
    """The rule of one scope before, with and after the status that notes give the code."""
    changed = replace(scope, status=code.status, said="; ".join(code.said))
    if scope.effective_from and not code.status_from:
        raise ValueError(
            f"the notes in the code cell do not say since when {code.span.code} is {code.status}"
        )
    if _is_empty(DatedCode(code.span, code.status_from, code.status_to)):
        raise ValueError(
            f"the notes in the code cell say that {code.span.code} is {code.status} from "
            f"{code.status_from!r} until {code.status_to!r}"
        )
    parts = [
        replace(scope, effective_to=_earlier(scope.effective_to, code.status_from)),
        replace(
            changed,
            effective_from=_later(scope.effective_from, code.status_from),
            effective_to=_earlier(scope.effective_to, code.status_to),
        ),
        replace(scope, effective_from=_later(scope.effective_from, code.status_to)),
    ]
    if not code.status_to:
        del parts[2]
    if not code.status_from:
        del parts[0]
    return [part for part in parts if not _is_empty(part)] or parts


def _earlier(first: str | None, second: str | None) -> str | None:
    """The earlier of two printed dates; the one that cannot be read, if any."""
    return _extreme(first, second, is_later=False)


def _later(first: str | None, second: str | None) -> str | None:
    return _extreme(first, second, is_later=True)


def _extreme(first: str | None, second: str | None, *, is_later: bool) -> str | None:
    if first is None or second is None:
        return first or second
    one, other = parse_date(first), parse_date(second)
    if one is None or other is None:
        return first if one is None else second
    return first if (one > other) == is_later else second


def _is_empty(rule: DatedCode) -> bool:
    """Whether a rule ends before it has begun, both days being known."""
    if rule.effective_from is None or rule.effective_to is None:
        return False
    start, end = parse_date(rule.effective_from), parse_date(rule.effective_to)
    return start is not None and end is not None and start >= end
