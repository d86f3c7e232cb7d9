"""Printed lines of lists that could not be published, and which of the codes asked for they name.

Such a line may say anything about a code that it names, and one whose code could not be read may
be about any code. What that makes of an answer is not known here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from flows.answers.payer_lists import Version
from flows.answers.printed_facts import PLACE, CodesAsked, Fact
from flows.releases import PARQUET, Release, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Not compiled before a row is met, as it is in few lookups.
_CODE = r"(?<![A-Z0-9])(?:[A-Z]-?\s?[0-9]{4}|[0-9]{5}|[0-9]{4}[A-Z])(?![A-Z0-9])"
_RANGE_LIKE = (
    rf"{_CODE}\s*(?:[-‐‑‒–—−]|TO|THROUGH|THRU)\s*(?:{_CODE}|[A-Z]?[0-9]{{2,4}}(?![A-Z0-9]))"
)
_WILDCARD_LIKE = r"(?<![A-Z0-9])[A-Z0-9][0-9]{0,3}(?:X+|\*+|_+|#+)(?![A-Z0-9_*#])"
_BLANK_OR_HYPHEN = r"[\s-]"
_SQL = f"""
SELECT code, reasons, cells, {", ".join(PLACE)}
FROM {PARQUET}
WHERE "table" = 'prior_authorization' AND sha256 IN (SELECT unnest(string_split($snapshots, ' ')))
ORDER BY source, document, page, line
"""


class HeldBack(NamedTuple):
    """The quarantined rows of the lists: how many each version has, by source, document and
    snapshot; of published versions those that name a code asked for, by code and payer, and those
    whose own code could not be read, by payer."""

    rows_of: Mapping[tuple[str, str, str | None], int]
    naming: Mapping[tuple[str, str], list[Fact]]
    unread: Mapping[str, list[Fact]]

    def rows(self, version: Version) -> int:
        """How many rows of a version the release shows as held back."""
        return self.rows_of.get((*version.publication, version.sha256), 0)


def read_held_back(
    connection: DuckDBPyConnection,
    release: Release,
    versions: Iterable[Version],
    codes: CodesAsked,
) -> HeldBack:
    """The rows held back of these versions."""
    lists = [version for version in versions if version.payer and version.sha256]
    payers = {(*v.publication, v.sha256): v.payer for v in lists if v.is_published}
    rows_of: Counter[tuple[str, str, str | None]] = Counter()
    naming: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    unread: dict[str, list[Fact]] = defaultdict(list)
    found = HeldBack(rows_of, naming, unread)
    if not lists or not release.rows("quarantine"):
        return found
    snapshots = [version.sha256 for version in lists if version.sha256]
    parameters = {"snapshots": " ".join(snapshots), "path": intact(release, "quarantine")}
    for code, reasons, printed, *cells in connection.execute(_SQL, parameters).fetchall():
        place = dict(zip(PLACE, cells, strict=True))
        version = place["source"], place["document"], place["sha256"]
        rows_of[version] += 1
        payer = payers.get(version)
        if payer is None:
            continue
        fact = {"code": code, "reasons": reasons, "place": place}
        if code is None:
            unread[payer].append(fact)
        for named in _codes_named((place["raw_text"], *(printed or ())), codes) | (
            {code} & codes.known
        ):
            naming[named, payer].append(fact)
    return found


def _codes_named(texts: Iterable[str], codes: CodesAsked) -> set[str]:
    """Which of `codes` a printed line and its cells name, alone or within a range or wildcard."""
    from schemas.codes import printable  # noqa: PLC0415 (most lookups meet no such row)

    named: set[str] = set()
    for text in texts:
        upper = printable(text).upper()
        named |= {re.sub(_BLANK_OR_HYPHEN, "", match) for match in re.findall(_CODE, upper)}
        for match in (*re.findall(_RANGE_LIKE, upper), *re.findall(_WILDCARD_LIKE, upper)):
            named |= _codes_within(match, codes)
    return named & codes.known


def _codes_within(expression: str, codes: CodesAsked) -> set[str]:
    from schemas.codes import parse_expression  # noqa: PLC0415 (most lookups meet no such row)

    return {
        code
        for span in parse_expression(expression) or ()
        for code in codes.within(span.code, span.code_end or span.code)
    }
