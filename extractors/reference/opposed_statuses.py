"""Lists and duties that oppose each other on prior authorization for a code.

One side asks for prior authorization; the other says that none is needed (`opposite`), or that it
does not manage, cover or demand (`different`). What a list leaves open opposes nothing. For each
code there is one contradiction for each pair of groups of rules, shown by the first rules that
meet, however many rows the groups have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations, product
from typing import Any

import pyarrow as pa

from extractors.reference.listed_rules import Rule, Subject, read_rules, rows_by_subject
from extractors.reference.sides import Contradiction, Side
from schemas.statuses import STATUSES
from schemas.tables import REQUIREMENTS

_ASKS = ("required", "required_performer", "conditional")
_FREE = ("not_required", "suspended")
_APART = ("out_of_scope", "not_covered", "voluntary")
# A notice is less than prior authorization, so it excludes no "not required".
_STRENGTHS = {
    pair: strength
    for strength, asking, others in (
        ("opposite", _ASKS, _FREE),
        ("different", _ASKS, _APART),
        ("different", ("notification",), _FREE),
    )
    for one in asking
    for other in others
    for pair in ((one, other), (other, one))
}
_OPPOSING = frozenset(status for status, _ in _STRENGTHS)
assert set(STATUSES) >= _OPPOSING

_Group = Callable[[Rule], Hashable]


def strength(one: str, other: str) -> str | None:
    """How two statuses contradict each other, `opposite` or `different`; None where they do not."""
    return _STRENGTHS.get((one, other))


def opposed_statuses(
    rules: pa.Table,
    duties: pa.Table,
    days: Mapping[str, date],
    payers: Mapping[str, str | None],
) -> Iterator[Contradiction]:
    """`payers_differ`, `lists_differ` and `list_against_duty`.

    `rules` and `duties` are the tables prior_authorization and requirements; `days` has the date
    of each document by its hash, `payers` the payer of each source of duties, where it has one.
    """
    asked = _duties_by_code(duties)
    subjects = rows_by_subject(rules, _OPPOSING, asked)
    statuses: list[Any] = rules["pa_status"].to_pylist()
    wanted = {
        subject: rows
        for subject, rows in subjects.items()
        if subject in asked or _are_opposed({statuses[row] for row in rows})
    }
    read = read_rules(rules, (row for rows in wanted.values() for row in rows))
    for subject, rows in wanted.items():
        of_code = sorted((read[row] for row in rows), key=lambda rule: rule.order)
        yield from _payers_differ(subject, of_code, days)
        yield from _lists_differ(subject, of_code, days)
        for duty in asked.get(subject, ()):
            yield from _against_duty(duty, of_code, days, payers.get(duty["source"]))


def _are_opposed(statuses: set[str]) -> bool:
    return any(strength(one, other) for one, other in combinations(sorted(statuses), 2))


def _payers_differ(
    subject: Subject, rules: Sequence[Rule], days: Mapping[str, date]
) -> Iterator[Contradiction]:
    groups = _groups(rules, lambda r: (r.payer, r.line_of_business, r.state, r.status))
    for one, other, how in _opposed(groups, lambda rule: rule.payer):
        for pair in _meeting(one, other):
            yield _contradiction("payers_differ", subject, how, pair, days)
            break


def _lists_differ(
    subject: Subject, rules: Sequence[Rule], days: Mapping[str, date]
) -> Iterator[Contradiction]:
    by_payer: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_payer[rule.payer].append(rule)
    for of_payer in by_payer.values():
        groups = _groups(of_payer, lambda r: (_list(r), r.line_of_business, r.state, r.status))
        for one, other, how in _opposed(groups, _list):
            pairs = list(_meeting(one, other))
            if pairs:
                # One pair of which not both may hold says more than the first.
                pair = min(pairs, key=lambda pair: pair[0].is_scoped_otherwise(pair[1]))
                yield _contradiction("lists_differ", subject, how, pair, days)


def _list(rule: Rule) -> tuple[str, str, str | None]:
    return rule.source, rule.document, rule.section


def _groups(rules: Iterable[Rule], key: _Group) -> list[list[Rule]]:
    """The rules by group, in order, each group without rules that differ in place alone."""
    groups: dict[Hashable, dict[Hashable, Rule]] = defaultdict(dict)
    for rule in rules:
        same = (rule.section, rule.modifiers, rule.starts, rule.ends)
        groups[key(rule)].setdefault(same, rule)
    return [list(group.values()) for group in groups.values()]


def _opposed(
    groups: Iterable[list[Rule]], author: _Group
) -> Iterator[tuple[list[Rule], list[Rule], str]]:
    """The pairs of groups of different authors whose statuses oppose each other, and how."""
    for one, other in combinations(groups, 2):
        how = strength(one[0].status, other[0].status)
        if how is not None and author(one[0]) != author(other[0]):
            yield one, other, how


def _meeting(one: list[Rule], other: list[Rule]) -> Iterator[tuple[Rule, Rule]]:
    return (pair for pair in product(one, other) if pair[0].meets(pair[1]))


def _contradiction(
    kind: str, subject: Subject, how: str, pair: tuple[Rule, Rule], days: Mapping[str, date]
) -> Contradiction:
    system, code = subject
    left, right = pair
    both_may_hold = left.is_scoped_otherwise(right)
    return Contradiction(
        kind=kind,
        code_system=system,
        code=code,
        strength=how,
        both_may_hold=both_may_hold,
        explanation=_explained(code, _said(left), _said(right), both_may_hold),
        left=left.side(days),
        right=right.side(days),
    )


def _duties_by_code(duties: pa.Table) -> dict[Subject, list[dict[str, Any]]]:
    """The duties to ask for prior authorization, one for each code, document and day."""
    found: dict[Subject, dict[Hashable, dict[str, Any]]] = defaultdict(dict)
    rows = [
        row
        for row in duties.to_pylist()
        if row["requirement"] == "prior_authorization" and row["effective_from"]
    ]
    for row in sorted(rows, key=lambda row: (row["page"], row["line"], row["row_key"])):
        same = (row["source"], row["document"], row["effective_from"])
        found[row["code_system"], row["code"]].setdefault(same, row)
    return {subject: list(rows.values()) for subject, rows in found.items()}


def _against_duty(
    duty: dict[str, Any], rules: Sequence[Rule], days: Mapping[str, date], payer: str | None
) -> Iterator[Contradiction]:
    starts: date = duty["effective_from"]
    opposed = [
        rule
        for rule in rules
        if strength("required", rule.status)
        and (rule.ends is None or starts < rule.ends)
        and not _suspends(rule, starts)
    ]
    groups = _groups(opposed, lambda r: (r.payer, r.line_of_business, r.state, r.status))
    authority = f"; decided by {duty['authority']}" if duty["authority"] else ""
    side = Side.of(
        REQUIREMENTS.name,
        duty,
        " ".join(duty["sentence"].split()),
        payer=payer,
        scope=f"from {starts} ({duty['date_semantics']}){authority}",
    )
    for group in groups:
        rule = next((one for one in group if _is_answered(one, payer, starts, days)), group[0])
        how = strength("required", rule.status)
        assert how is not None
        both_may_hold = not _is_answered(rule, payer, starts, days)
        said = f"a bulletin of {duty['source']} requires prior authorization from {starts} on"
        yield Contradiction(
            kind="list_against_duty",
            code_system=duty["code_system"],
            code=duty["code"],
            strength=how,
            both_may_hold=both_may_hold,
            explanation=_explained(duty["code"], _said(rule), said, both_may_hold),
            left=rule.side(days),
            right=side,
        )


def _suspends(rule: Rule, starts: date) -> bool:
    """Whether a rule suspends a duty that began before: it does not deny that duty."""
    return rule.status == "suspended" and rule.starts is not None and starts < rule.starts


def _is_answered(rule: Rule, payer: str | None, starts: date, days: Mapping[str, date]) -> bool:
    """Whether a duty of `payer` speaks to all that the rule speaks to.

    A list of a day before the duty began may have been right on that day, and a rule that begins
    after the duty may have followed it.
    """
    is_older = rule.sha256 in days and days[rule.sha256] < starts
    follows = rule.starts is not None and starts < rule.starts
    return rule.payer == payer and not (is_older or follows or rule.state or rule.modifiers)


def _said(rule: Rule) -> str:
    names = (rule.line_of_business, rule.state, rule.section, *sorted(rule.modifiers))
    scope = ", ".join(name for name in names if name)
    return f"{rule.payer_name} ({scope}) says {rule.status}"


def _explained(code: str, left: str, right: str, both_may_hold: bool) -> str:
    end = "." if both_may_hold else "; the scopes are the same, so that one of them is wrong."
    return f"Of {code}, {left}, and {right}{end}"
