"""The rules that lists state of each code, single codes and spans brought together.

A span whose members the code reference named counts for each of them. One without members counts
for its first code and for every other code within its bounds that a rule names, be it as the first
of a span: of the codes that nobody names, nobody knows which there are. Which statuses oppose each
other is not known here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from extractors.reference.sides import Side
from schemas.tables import PRIOR_AUTHORIZATION

# Code system and code.
Subject = tuple[str, str]

COLUMNS = (
    "payer",
    "payer_name",
    "line_of_business",
    "state",
    "section",
    "code",
    "code_end",
    "pa_status",
    "pa_raw",
    "effective_from",
    "effective_to",
    "source",
    "document",
    "row_key",
    "sha256",
    "url",
    "page",
    "line",
    "modifiers",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One published rule: who says what of which code, for whom, when, and where."""

    payer: str
    payer_name: str
    line_of_business: str
    state: str | None
    section: str | None
    code: str
    code_end: str | None
    status: str
    printed: str
    starts: date | None
    ends: date | None
    source: str
    document: str
    row_key: str
    sha256: str
    url: str | None
    page: int
    line: int
    modifiers: frozenset[str]

    @property
    def order(self) -> tuple[str | int, ...]:
        """Where the rule stands among all rules, whatever order the release has them in."""
        return (
            self.payer,
            self.line_of_business,
            self.state or "",
            self.source,
            self.document,
            self.page,
            self.line,
            self.row_key,
        )

    def meets(self, other: Rule) -> bool:
        """Whether one service on one day may fall under both rules of a code.

        Rules of different states, of days apart, or of modifiers of which neither set has the
        other (NU and RR) never meet. Lines of business are not compared: people compare them.
        """
        if self.state and other.state and self.state != other.state:
            return False
        if not (self.modifiers <= other.modifiers or other.modifiers <= self.modifiers):
            return False
        return _begins_before_end(self, other) and _begins_before_end(other, self)

    def is_scoped_otherwise(self, other: Rule) -> bool:
        """Whether the rules are for different people or services, so that both may be right."""
        sections = self.section and other.section and self.section != other.section
        return bool(sections) or (
            (self.payer, self.line_of_business, self.state, self.modifiers)
            != (other.payer, other.line_of_business, other.state, other.modifiers)
        )

    def scope(self, days: Mapping[str, date]) -> str:
        """Whom the rule is for, in words; an undated rule is as of its document's day."""
        parts = [self.line_of_business]
        if self.state:
            parts.append(f"state {self.state}")
        if self.section:
            parts.append(f"section {self.section}")
        if self.modifiers:
            parts.append(f"modifiers {' '.join(sorted(self.modifiers))}")
        if self.code_end:
            parts.append(f"codes {self.code} to {self.code_end}")
        if self.starts:
            parts.append(f"from {self.starts}")
        if self.ends:
            parts.append(f"until before {self.ends}")
        if not (self.starts or self.ends) and self.sha256 in days:
            parts.append(f"undated, as of {days[self.sha256]}")
        return "; ".join(parts)

    def side(self, days: Mapping[str, date]) -> Side:
        return Side(
            table=PRIOR_AUTHORIZATION.name,
            source=self.source,
            says=f'{self.status}, printed "{" ".join(self.printed.split())}"',
            document=self.document,
            row_key=self.row_key,
            payer=self.payer,
            scope=self.scope(days),
            sha256=self.sha256,
            url=self.url,
            page=self.page,
            line=self.line,
        )


def _begins_before_end(one: Rule, other: Rule) -> bool:
    return one.starts is None or other.ends is None or one.starts < other.ends


def rows_by_subject(
    rules: pa.Table, statuses: Container[str], others: Iterable[Subject] = ()
) -> dict[Subject, list[int]]:
    """The row numbers of the rules with one of the `statuses`, by the code they speak of.

    `others` are subjects too, whether or not a rule names them: a span may have them.
    """
    found: dict[Subject, list[int]] = defaultdict(list)
    found.update({subject: [] for subject in others})
    spans: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    names = ("code_system", "code", "code_end", "code_members", "pa_status")
    columns = (rules[name].to_pylist() for name in names)
    for row, (system, code, end, members, status) in enumerate(zip(*columns, strict=True)):
        if status not in statuses:
            continue
        if end is None or members:
            for member in members or (code,):
                found[system, member].append(row)
        else:
            spans[system, code, end].append(row)
    _add_spans(found, spans)
    return dict(found)


def _add_spans(
    found: dict[Subject, list[int]], spans: Mapping[tuple[str, str, str], list[int]]
) -> None:
    named: dict[str, list[str]] = defaultdict(list)
    for system, code in sorted({*found, *((system, first) for system, first, _ in spans)}):
        named[system].append(code)
    for (system, first, last), rows in spans.items():
        codes = named[system]
        for code in codes[bisect_left(codes, first) : bisect_right(codes, last)]:
            found[system, code] += rows


def read_rules(rules: pa.Table, rows: Iterable[int]) -> dict[int, Rule]:
    """The rules in those rows, by row number."""
    chosen = sorted(set(rows))
    taken = rules.select(COLUMNS).take(pa.array(chosen, pa.int64()))
    columns = [taken[name].to_pylist() for name in COLUMNS[:-1]]
    modifiers = [frozenset(found or ()) for found in taken["modifiers"].to_pylist()]
    return {row: Rule(*values) for row, *values in zip(chosen, *columns, modifiers, strict=True)}
