"""What is printed about codes, each fact with its place: rules, duties, disagreements.

One pass over each table for all codes at once. Which of the facts make an answer, and how it is
worded, is not known here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.known import RULES, has_history, last_instant
from flows.payer_lists import Version
from flows.releases import PARQUET, Release, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# One row as plain JSON values: dates and instants are ISO strings.
Fact = dict[str, Any]
Publication = tuple[str, str]

_DIGIT = re.compile(r"[0-9]")
PLACE = ("source", "document", "url", "sha256", "page", "line", "raw_text")
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
# Columns that only the history has, or that releases of earlier versions of precert do not.
_YOUNGER = {
    "code_pattern": "VARCHAR",
    "turnaround": "VARCHAR",
    "validity": "VARCHAR",
    "code_active_on": "DATE",
    "code_ended_on": "DATE",
    "code_replaced_by": "VARCHAR[]",
    "code_members": "VARCHAR[]",
    "known_until": "TIMESTAMPTZ",
    "end_basis": "VARCHAR",
    "reappeared": "BOOLEAN",
    "unseen_in": "VARCHAR[]",
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
_DISAGREEMENT = ("code", "kind", "strength", "both_may_hold", "explanation")
_SIDE = (
    "source",
    "document",
    "row_key",
    "table",
    "payer",
    "scope",
    "says",
    "sha256",
    "url",
    "page",
    "line",
)
_DATES = ("effective_from", "effective_to", "code_active_on", "code_ended_on")
_INSTANTS = ("first_seen", "last_seen", "known_until")


def _column(name: str) -> str:
    """A column of a SELECT, dates and instants as ISO text: a row is then a fact as it comes.

    No time zone of the machine comes in, nor the library that Python values of one would need.
    """
    if name in _DATES:
        return f"{name}::VARCHAR AS {name}"
    if name in _INSTANTS:
        microseconds = f"epoch_us({name})"
        if name == "last_seen":
            microseconds = f"least({microseconds}, coalesce($limit, {microseconds}))"
        return f"replace(make_timestamp({microseconds})::VARCHAR, ' ', 'T') || 'Z' AS {name}"
    return name


def _columns(*names: str) -> str:
    return ", ".join(map(_column, names))


# Lists are given as one text: a list of Python values makes DuckDB load libraries for kinds of
# values that are not in it.
# Rules of the codes themselves, and the few ranges that may have one of them.
_RULES_SQL = f"""
SELECT payer, unseen_in, {_columns(*_RULE, *PLACE)}
FROM (
    SELECT * FROM {PARQUET}
    UNION ALL BY NAME
    SELECT {", ".join(f"NULL::{kind} AS {name}" for name, kind in _YOUNGER.items())} WHERE false
)
WHERE (
    code IN (SELECT unnest(string_split($codes, ' ')))
    OR (code_end IS NOT NULL AND code <= $last AND code_end >= $first)
)
"""
_KNOWN_BY = """
AND epoch_us(first_seen) <= $limit AND (known_until IS NULL OR epoch_us(known_until) > $limit)
"""
_UNSEEN = """
AND known_until IS NULL AND list_has_any(unseen_in, string_split($snapshots, ' '))
"""
_IN_ORDER = "ORDER BY payer, source, document, page, line, row_key"
_REQUIREMENTS_SQL = f"""
SELECT {_columns(*_REQUIREMENT, *PLACE)}
FROM {PARQUET}
WHERE code IN (SELECT unnest(string_split($codes, ' ')))
ORDER BY code, effective_from, source, document, page, line, row_key
"""
_DISAGREEMENTS_SQL = f"""
SELECT
    {", ".join(_DISAGREEMENT)},
    {", ".join(f"left_{name}" for name in _SIDE)}, {", ".join(f"right_{name}" for name in _SIDE)}
FROM {PARQUET}
WHERE code IN (SELECT unnest(string_split($codes, ' ')))
ORDER BY code, strength = 'opposite' DESC, both_may_hold, kind, contradiction_key
"""


# Named tuples, since the library of dataclasses is a tenth of the time that a lookup takes.
class CodesAsked(NamedTuple):
    """The codes that are asked about, to be found by themselves and within ranges."""

    ordered: Sequence[str]
    known: frozenset[str]

    @classmethod
    def of(cls, codes: Iterable[str]) -> CodesAsked:
        known = frozenset(codes)
        return cls(sorted(known), known)

    def within(self, first: str, last: str) -> list[str]:
        """Those from the one code to the other, if these are of one shape."""
        shape = _DIGIT.sub("", first)
        if _DIGIT.sub("", last) != shape:
            return []
        start, end = bisect_left(self.ordered, first), bisect_right(self.ordered, last)
        return [code for code in self.ordered[start:end] if _DIGIT.sub("", code) == shape]


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
) -> Rules:
    """The rules as published, or as known at the end of a day."""
    ordered = codes.ordered
    asked: dict[str, Any] = {"codes": " ".join(ordered), "first": ordered[0], "last": ordered[-1]}
    rules = Rules(defaultdict(list), defaultdict(list))
    if day is None:
        sql = _RULES_SQL + _IN_ORDER
        parameters = {**asked, "limit": None, "path": intact(release, "prior_authorization")}
        _take(connection, sql, parameters, codes, published, rules)
        snapshots = _may_lack_rules(published.values())
        if not snapshots or not has_history(release):
            return rules
        sql = _RULES_SQL + _UNSEEN + _IN_ORDER
        parameters = {**asked, "limit": None, "snapshots": " ".join(snapshots)}
    else:
        sql = _RULES_SQL + _KNOWN_BY + _IN_ORDER
        parameters = {**asked, "limit": last_instant(day)}
    parameters["path"] = intact(release, RULES)
    _take(connection, sql, parameters, codes, published, rules)
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


def _take(
    connection: DuckDBPyConnection,
    sql: str,
    parameters: Mapping[str, Any],
    codes: CodesAsked,
    published: Mapping[Publication, Version],
    rules: Rules,
) -> None:
    for payer, unseen_in, *cells in connection.execute(sql, parameters).fetchall():
        rule = placed(_RULE, cells, published)
        version = _published(rule, published)
        rule["matched_by"] = _match_of(rule)
        found = rules.listed
        if version is not None and version.sha256 in (unseen_in or ()):
            found = rules.earlier
            rule["last_seen"] = _seen_before(rule["last_seen"], version)
        end = rule["code_end"]
        for code in codes.within(rule["code"], end) if end else [rule["code"]]:
            found[code, payer].append(rule)


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


def _published(fact: Fact, published: Mapping[Publication, Version]) -> Version | None:
    place = fact["place"]
    return published.get((place["source"], place["document"]))


def read_requirements(
    connection: DuckDBPyConnection,
    release: Release,
    codes: CodesAsked,
    published: Mapping[Publication, Version],
    day: date | None,
) -> Mapping[str, list[Fact]]:
    """The dated duties about each code; of an earlier day those that its versions still state."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for row in _rows(connection, release, "requirements", _REQUIREMENTS_SQL, codes):
        duty = placed(_REQUIREMENT, row, published)
        if day is None or _was_published(duty["place"], published):
            found[duty["code"]].append(duty)
    return found


def read_disagreements(
    connection: DuckDBPyConnection,
    release: Release,
    codes: CodesAsked,
    published: Mapping[Publication, Version],
    day: date | None,
) -> Mapping[str, list[Fact]]:
    """Who disagrees with whom about each code, the strongest first; both sides with their place.

    Of an earlier day those between versions that were published then.
    """
    found: dict[str, list[Fact]] = defaultdict(list)
    for row in _rows(connection, release, "contradictions", _DISAGREEMENTS_SQL, codes):
        code, *about = row[: len(_DISAGREEMENT)]
        sides = row[len(_DISAGREEMENT) :]
        left = dict(zip(_SIDE, sides[: len(_SIDE)], strict=True))
        right = dict(zip(_SIDE, sides[len(_SIDE) :], strict=True))
        if day is None or all(_was_published(side, published) for side in (left, right)):
            said = dict(zip(_DISAGREEMENT[1:], about, strict=True))
            found[code].append({**said, "left": left, "right": right})
    return found


def _rows(
    connection: DuckDBPyConnection, release: Release, table: str, sql: str, codes: CodesAsked
) -> list[Any]:
    """The rows of a query; none where the release has no such table, or an empty one."""
    if not release.rows(table):
        return []
    parameters = {"codes": " ".join(codes.ordered), "path": intact(release, table)}
    return connection.execute(sql, parameters).fetchall()


def _was_published(place: Fact, published: Mapping[Publication, Version]) -> bool:
    """Whether it is printed in a version that was published; code sets are published together."""
    version = published.get((place["source"], place["document"]))
    if version is None:
        return place["sha256"] is None
    return version.kind == "code_reference" or place["sha256"] in (None, version.sha256)


def placed(
    names: Collection[str], cells: Sequence[Any], published: Mapping[Publication, Version]
) -> Fact:
    """A row as a fact, its last cells as its place."""
    fact: Fact = dict(zip(names, cells, strict=False))
    fact["place"] = dict(zip(PLACE, cells[len(names) :], strict=True))
    version = _published(fact, published)
    fact["is_specimen"] = version.is_specimen if version else None
    return fact
