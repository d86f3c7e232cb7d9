"""What is printed about codes, each fact with its place: dated duties and disagreements.

One pass over each table for all codes at once. Rules are read in `rule_facts`; which facts make an
answer, and how it is worded, is not known here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.answers.payer_lists import Version
from flows.releases import PARQUET, Release, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# One row as plain JSON values: dates and instants are ISO strings.
Fact = dict[str, Any]
Publication = tuple[str, str]

_DIGIT = re.compile(r"[0-9]")
PLACE = ("source", "document", "url", "sha256", "page", "line", "raw_text")
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
# So many codes are a few.
_FEW = 20
_DATES = ("effective_from", "effective_to", "code_active_on", "code_ended_on")
_INSTANTS = ("first_seen", "last_seen", "known_until")


def column(name: str) -> str:
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


def columns(*names: str) -> str:
    return ", ".join(map(column, names))


_REQUIREMENTS = f"SELECT {columns(*_REQUIREMENT, *PLACE)} FROM {PARQUET} WHERE "
_DISAGREEMENTS = (
    f"SELECT contradiction_key, {', '.join(_DISAGREEMENT)}, "
    f"{', '.join(f'{side}_{name}' for side in ('left', 'right') for name in _SIDE)} "
    f"FROM {PARQUET} WHERE "
)


# A named tuple, since the library of dataclasses is a tenth of the time that a lookup takes.
class CodesAsked(NamedTuple):
    """The codes that are asked about, to be found by themselves and within ranges."""

    ordered: Sequence[str]
    known: frozenset[str]

    @property
    def text(self) -> str:
        """The codes as `among` takes them."""
        return " ".join(self.ordered)

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


def among(codes: CodesAsked) -> str:
    """The condition of a query that a row's code is among those in the parameter `codes`.

    They are given as one text, since a list of Python values makes DuckDB load libraries of Python.
    Of a few codes a test row by row is ready sooner, of many a join.
    """
    given = "string_split($codes, ' ')"
    if len(codes.ordered) <= _FEW:
        return f"list_contains({given}, code)"
    return f"code IN (SELECT unnest({given}))"


def published_with(fact: Fact, published: Mapping[Publication, Version]) -> Version | None:
    """The published version of the publication that a fact is printed in."""
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
    for row in _rows(connection, release, "requirements", _REQUIREMENTS, codes):
        duty = placed(_REQUIREMENT, row, published)
        if day is None or _was_published(duty["place"], published):
            found[duty["code"]].append(duty)
    for duties in found.values():
        duties.sort(key=lambda duty: (duty["effective_from"], *printed_order(duty)))
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
    rows = _rows(connection, release, "contradictions", _DISAGREEMENTS, codes)
    for key, code, *cells in sorted(rows):
        said = dict(zip(_DISAGREEMENT[1:], cells, strict=False))
        sides = cells[len(_DISAGREEMENT) - 1 :]
        left = dict(zip(_SIDE, sides[: len(_SIDE)], strict=True))
        right = dict(zip(_SIDE, sides[len(_SIDE) :], strict=True))
        if day is None or all(_was_published(side, published) for side in (left, right)):
            found[code].append({**said, "left": left, "right": right, "contradiction_key": key})
    for disagreements in found.values():
        disagreements.sort(key=_weakness)
    return found


def _weakness(disagreement: Fact) -> tuple[bool, bool, str]:
    is_weak = disagreement["strength"] != "opposite"
    return is_weak, disagreement["both_may_hold"], disagreement["kind"]


def printed_order(fact: Fact) -> tuple[Any, ...]:
    """Where a fact is printed, to sort by."""
    place = fact["place"]
    return (
        place["source"], place["document"], place["page"], place["line"], fact["row_key"],
    )  # fmt: skip


def _rows(
    connection: DuckDBPyConnection, release: Release, table: str, sql: str, codes: CodesAsked
) -> list[Any]:
    """The rows of a query; none where the release has no such table, or an empty one."""
    if not release.rows(table):
        return []
    parameters = {"codes": codes.text, "path": intact(release, table)}
    return connection.execute(sql + among(codes), parameters).fetchall()


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
    version = published_with(fact, published)
    fact["is_specimen"] = version.is_specimen if version else None
    return fact
