"""The rules about codes, as they are published or as they were known at the end of a day.

One pass over the table for all codes at once. Which of the rules apply, and what they make of an
answer, is not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.answers.known import RULES, has_history, last_instant
from flows.answers.payer_lists import Version
from flows.answers.printed_facts import (
    PLACE,
    CodesAsked,
    Fact,
    Publication,
    among,
    columns,
    placed,
    printed_order,
    published_with,
)
from flows.releases import PARQUET, Release, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
    "first_seen",
    "last_seen",
    "known_until",
    "end_basis",
    "reappeared",
)
# What the code reference says of a rule's code: these columns, and these among the flags. They are
# those of `extractors.reference.code_states`, which loads libraries that a lookup has no time for.
_CODE_STATE = (
    "code_active",
    "code_active_on",
    "code_ended_on",
    "code_replaced_by",
    "code_members",
)
REFERENCE_FLAGS = ("code_ended", "code_not_yet_valid", "code_not_in_reference")
# Columns that only the history has.
_OF_HISTORY = {
    "known_until": "TIMESTAMPTZ",
    "end_basis": "VARCHAR",
    "reappeared": "BOOLEAN",
    "unseen_in": "VARCHAR[]",
}
# Columns that releases without a history may not have.
_YOUNGER = {
    "code_pattern": "VARCHAR",
    "turnaround": "VARCHAR",
    "validity": "VARCHAR",
    "code_active_on": "DATE",
    "code_ended_on": "DATE",
    "code_replaced_by": "VARCHAR[]",
    "code_members": "VARCHAR[]",
    **_OF_HISTORY,
}


def _nulls(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"NULL::{kind} AS {name}" for name, kind in kinds.items())


_PUBLISHED = f"(SELECT *, {_nulls(_OF_HISTORY)} FROM {PARQUET})"
_PUBLISHED_BEFORE = (
    f"(SELECT * FROM {PARQUET} UNION ALL BY NAME SELECT {_nulls(_YOUNGER)} WHERE false)"
)
_KNOWN_BY = (
    "epoch_us(first_seen) <= $limit AND (known_until IS NULL OR epoch_us(known_until) > $limit)"
)
_UNSEEN = "known_until IS NULL AND list_has_any(unseen_in, string_split($snapshots, ' '))"


# A named tuple, since the library of dataclasses is a tenth of the time that a lookup takes.
class Rules(NamedTuple):
    """The rules about codes, by code and payer.

    `earlier` are those that an earlier version of a list had and the published one, which is cut or
    has rows that could not be read, was not seen to have and does not end.
    """

    listed: dict[tuple[str, str], list[Fact]]
    earlier: dict[tuple[str, str], list[Fact]]


def read_rules(
    connection: DuckDBPyConnection,
    release: Release,
    codes: CodesAsked,
    published: Mapping[Publication, Version],
    day: date | None,
    *,
    code_states: bool = True,
) -> Rules:
    """The rules as published, or as known at the end of a day.

    Without `code_states` they say nothing of what the code reference says of their codes.
    """
    rules = Rules(defaultdict(list), defaultdict(list))

    def take(table: str, rows: str, condition: str = "true", **parameters: Any) -> None:
        given = {"limit": None, **parameters, "path": intact(release, table)}
        found = _found(connection, codes, rows, condition, given)
        _sort_in(found, codes, published, rules, code_states=code_states)

    if day is not None:
        take(RULES, PARQUET, _KNOWN_BY, limit=last_instant(day))
        return rules
    take("prior_authorization", _PUBLISHED if has_history(release) else _PUBLISHED_BEFORE)
    snapshots = _may_lack_rules(published.values())
    if snapshots and release.rows(RULES):
        take(RULES, PARQUET, _UNSEEN, snapshots=" ".join(snapshots))
    return rules


def _may_lack_rules(published: Iterable[Version]) -> list[str]:
    """The snapshots of lists in which a rule may stand that was not read in them."""
    return [
        version.sha256
        for version in published
        if version.kind == "pa_list"
        and version.sha256
        and (version.quarantined or not version.is_whole)
    ]


def _found(
    connection: DuckDBPyConnection,
    codes: CodesAsked,
    rows: str,
    condition: str,
    parameters: Mapping[str, Any],
) -> list[Any]:
    """Rules of the codes themselves, and the few ranges that may have one of them."""
    sql = f"""
SELECT payer, unseen_in, {columns(*_RULE, *PLACE)}
FROM {rows}
WHERE ({among(codes)} OR (code_end IS NOT NULL AND code <= $last AND code_end >= $first))
    AND {condition}
"""
    asked = {"codes": codes.text, "first": codes.ordered[0], "last": codes.ordered[-1]}
    return connection.execute(sql, {**asked, **parameters}).fetchall()


def _sort_in(
    rows: Iterable[Any],
    codes: CodesAsked,
    published: Mapping[Publication, Version],
    rules: Rules,
    *,
    code_states: bool,
) -> None:
    for payer, unseen_in, *cells in rows:
        rule = placed(_RULE, cells, published)
        if not code_states:
            _forget_code_state(rule)
        version = published_with(rule, published)
        rule["matched_by"] = _match_of(rule)
        rule["place"]["copy_first_seen"] = _other_copy(rule, version)
        found = rules.listed
        if version is not None and version.sha256 in (unseen_in or ()):
            found = rules.earlier
            rule["last_seen"] = _seen_before(rule["last_seen"], version)
        end = rule["code_end"]
        for code in codes.within(rule["code"], end) if end else [rule["code"]]:
            found[code, payer].append(rule)
    for of_one in (*rules.listed.values(), *rules.earlier.values()):
        of_one.sort(key=printed_order)


def _other_copy(rule: Fact, version: Version | None) -> str | None:
    """The day on which the copy came that a rule's place is in; None for the published copy.

    The history has the place of a rule in the first copy that it stood in.
    """
    if version is None or rule["place"]["sha256"] == version.sha256:
        return None
    first_seen: str = rule["first_seen"]
    return first_seen[:10]


def _forget_code_state(rule: Fact) -> None:
    """Take away what only the code reference tells."""
    rule.update(dict.fromkeys(_CODE_STATE))
    rule["flags"] = [flag for flag in rule["flags"] or () if flag not in REFERENCE_FLAGS] or None


def _seen_before(last_seen: str, version: Version) -> str | None:
    """The last look that found an earlier rule, unless one after this version found it again.

    Which look before it was the last, the history then does not tell.
    """
    came = version.first_seen
    return last_seen if came is None or datetime.fromisoformat(last_seen) < came else None


def _match_of(rule: Fact) -> str:
    """Whether a rule names the code itself, a range, or a wildcard (`pattern`) that it lies in."""
    if rule["code_pattern"]:
        return "pattern"
    return "range" if rule["code_end"] else "code"
