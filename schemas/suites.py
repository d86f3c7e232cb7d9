"""The checks of the two gates, as data: derived from fields and from a source's `expect`.

A `Check` names a Great Expectations expectation and its arguments without importing that
library. Row checks speak of a projection of the rows in which every column is text (dates in ISO
form, lists joined by commas), with one column more for each `PatternBy`; document checks speak
of a frame with the one row of `Facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from schemas.fields import After, Field, PatternBy, RequiredWhen, Rule, Table
from schemas.source import Expect

Gate = Literal["row", "document"]
LIST_SEPARATOR = ","


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation with its arguments, the gate it stands in, and what its failure means.

    `when` limits it to the rows in which a column has a value.
    """

    expectation: str
    arguments: dict[str, Any]
    gate: Gate
    reason: str
    when: tuple[str, str] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        named = (self.arguments.get(name) for name in ("column", "column_A", "column_B"))
        when = self.when[0] if self.when else None
        return tuple(name for name in (*named, when) if name)

    def admits(self, value: float | None) -> bool:
        """Whether a bound admits a value; what cannot be compared is admitted."""
        least, most = self.arguments["min_value"], self.arguments["max_value"]
        if value is None:
            return True
        return (least is None or least <= value) and (most is None or value <= most)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the document gate judges: counts and shares of one document.

    Shares compare with the last good version and are None for the first one.
    """

    rows: int
    quarantined_share: float
    unaccounted_lines: int
    holding_problems: int
    repeated_keys: int
    contradictory_codes: int
    unknown_share: float
    share_of_last: float | None
    overlap: float | None
    flipped_share: float | None


def row_checks(table: Table) -> tuple[Check, ...]:
    """The row gate of a table. A row that fails any of these goes to quarantine."""
    checks = [
        Check(
            "expect_column_values_to_be_null",
            {"column": "faults"},
            "row",
            "a cell could not be read",
        )
    ]
    for field in table:
        checks += _field_checks(field)
    checks += [_rule_check(rule) for rule in table.rules]
    return tuple(checks)


def _field_checks(field: Field) -> list[Check]:
    column = {"column": field.name}
    checks = []
    if field.required:
        checks.append(
            Check("expect_column_values_to_not_be_null", column, "row", f"{field.name} is missing")
        )
    if field.allowed and field.kind == "string":
        checks.append(
            Check(
                "expect_column_values_to_be_in_set",
                column | {"value_set": list(field.allowed)},
                "row",
                f"{field.name} is none of its allowed values",
            )
        )
    elif field.allowed:
        items = "|".join(field.allowed)
        checks.append(_pattern_check(field.name, _list_of(items), "has an item not allowed"))
    if field.pattern is not None:
        pattern = _list_of(field.pattern) if field.kind == "strings" else field.pattern
        checks.append(_pattern_check(field.name, pattern, "has not the right form"))
    return checks


def _list_of(item: str) -> str:
    return f"(?:{item})(?:{LIST_SEPARATOR}(?:{item}))*"


def _pattern_check(column: str, pattern: str, what: str) -> Check:
    return Check(
        "expect_column_values_to_match_regex",
        {"column": column, "regex": _whole(pattern)},
        "row",
        f"{column} {what}",
    )


def _whole(pattern: str) -> str:
    # \Z, since $ would let a trailing line break pass.
    return rf"\A(?:{pattern})\Z"


def _rule_check(rule: Rule) -> Check:
    if isinstance(rule, After):
        arguments: dict[str, Any] = {
            "column_A": rule.later,
            "column_B": rule.earlier,
            "ignore_row_if": "either_value_is_missing",
        }
        return Check(
            "expect_column_pair_values_a_to_be_greater_than_b", arguments, "row", rule.reason
        )
    if isinstance(rule, RequiredWhen):
        return Check(
            "expect_column_values_to_not_be_null",
            {"column": rule.column},
            "row",
            rule.reason,
            when=(rule.when, rule.equals),
        )
    forms = "|".join(f"{value} (?:{pattern})" for value, pattern in rule.patterns.items())
    return Check(
        "expect_column_values_to_match_regex",
        {"column": paired(rule), "regex": _whole(forms)},
        "row",
        rule.reason,
    )


def paired(rule: PatternBy) -> str:
    """The column of the projection that holds `by` and `column` with a blank between them."""
    return f"{rule.by} and {rule.column}"


# Facts that compare a document with what it was before.
COMPARISONS = ("share_of_last", "overlap", "flipped_share")


def document_checks(expect: Expect) -> tuple[Check, ...]:
    """The document gate. A document that fails any of these is held."""
    least, most = expect.rows
    return (
        _bound("rows", least, most, f"its rows are not between {least} and {most}"),
        _bound(
            "quarantined_share",
            None,
            expect.quarantined_share,
            f"more than {expect.quarantined_share:.1%} of its rows are in quarantine",
        ),
        _bound("unaccounted_lines", 0, 0, "lines are lost or counted twice"),
        _bound("holding_problems", 0, 0, "it has problems that must be solved first"),
        _bound("repeated_keys", 0, 0, "one rule stands in it twice"),
        _bound("contradictory_codes", 0, 0, "it gives one code two statuses"),
        _bound(
            "unknown_share",
            None,
            expect.unknown_share,
            f"more than {expect.unknown_share:.1%} of its rows have the status unknown",
        ),
        _bound(
            "share_of_last",
            expect.least_share_of_last,
            expect.most_share_of_last,
            "its size against the last good version is not between "
            f"{expect.least_share_of_last:.0%} and {expect.most_share_of_last:.0%}",
        ),
        _bound(
            "overlap",
            expect.overlap,
            None,
            f"less than {expect.overlap:.0%} of the last good version's rules are in it",
        ),
        _bound(
            "flipped_share",
            None,
            expect.flipped_share,
            f"more than {expect.flipped_share:.0%} of the rules changed their status",
        ),
    )


def _bound(fact: str, least: float | None, most: float | None, reason: str) -> Check:
    return Check(
        "expect_column_values_to_be_between",
        {"column": fact, "min_value": least, "max_value": most},
        "document",
        reason,
    )
