"""The rules of one list: those that it has today, and every version of each that it ever had.

Both come from the same walk over the published versions of the list, so that they cannot differ:
a rule of `prior_authorization` was first seen when its open version in the history was. Which
versions are published, and what ends a rule, is decided elsewhere (`flows.documents`,
`extractors.reference.rule_history`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from extractors.reference.rule_history import Edition, Spell, spells
from flows.code_reference import Repairs
from flows.document_rows import version_rows
from flows.document_states import is_whole, unread_codes
from flows.documents import Document
from flows.facts import column
from flows.keep import rows_of
from flows.releases import Release
from flows.validate import Verdict
from schemas.fields import nullable_schema
from schemas.tables import PRIOR_AUTHORIZATION, PRIOR_AUTHORIZATION_HISTORY

RULES, HISTORY = PRIOR_AUTHORIZATION, PRIOR_AUTHORIZATION_HISTORY
_IDENTIFYING = ("row_key", "row_hash", "code")
_KNOWN_TIME = ("first_seen", "last_seen", "known_until", "end_basis", "reappeared", "unseen_in")


@dataclass(frozen=True, slots=True)
class ListRules:
    """The published versions of one list and the versions of its rules, before any row is read."""

    document: Document
    repairs: Repairs
    spells: tuple[Spell, ...]
    _starting: Mapping[int, list[Spell]] = field(repr=False)

    @classmethod
    def of(cls, document: Document, repairs: Repairs) -> ListRules:
        """The rules of a document; none where it has no list."""
        editions = (_edition(verdict, repairs) for verdict in _versions(document))
        found = tuple(spells(editions))
        starting: dict[int, list[Spell]] = defaultdict(list)
        for spell in found:
            starting[spell.edition].append(spell)
        return cls(document, repairs, found, dict(starting))

    def today(self) -> pa.Table:
        """The rows of `prior_authorization`."""
        document = self.document
        if document.kept is not None:
            return rows_of(document.kept, RULES, document.source.source)
        if document.published is None or not self.spells:
            return nullable_schema(RULES).empty_table()
        rows = version_rows(document.published, RULES, self.repairs)
        since = {spell.key: spell.first_seen for spell in self.spells if not spell.known_until}
        last_seen = document.published.part.snapshot.last_seen
        seen: dict[str, list[Any]] = {
            "first_seen": [since[key] for key in column(rows, "row_key")],
            "last_seen": [last_seen] * rows.num_rows,
        }
        schema = nullable_schema(RULES)
        columns = [
            pa.array(seen[name], schema.field(name).type) if name in seen else rows[name]
            for name in schema.names
        ]
        return pa.table(columns, names=schema.names).cast(schema)

    def ever(self) -> Iterator[pa.Table]:
        """The rows of `prior_authorization_history`, some tables of them."""
        if self.document.kept is not None:
            yield _kept_history(self.document.kept, self.document.source.source)
            return
        for number, verdict in enumerate(_versions(self.document)):
            starting = self._starting.get(number)
            if starting:
                rows = version_rows(verdict, RULES, self.repairs)
                yield _with_known_time(rows, starting)


def _versions(document: Document) -> tuple[Verdict, ...]:
    """The good versions with rules, in the order of their looks; none where rows are kept."""
    if document.kept is not None:
        return ()
    has_rules = any(verdict.part.count(RULES) for verdict in document.accepted)
    return document.accepted if has_rules else ()


def _edition(verdict: Verdict, repairs: Repairs) -> Edition:
    rows = version_rows(verdict, RULES, repairs, _IDENTIFYING)
    keys, hashes, codes = (column(rows, name) for name in _IDENTIFYING)
    snapshot = verdict.part.snapshot
    unread = unread_codes(verdict, repairs)
    return Edition(
        sha256=snapshot.sha256,
        first_seen=snapshot.first_seen,
        last_seen=snapshot.last_seen,
        keys=keys,
        hashes=hashes,
        codes=codes,
        is_whole=is_whole(verdict, repairs),
        unread=[(first, last or first) for first, last in unread if first is not None],
    )


def _with_known_time(rows: pa.Table, starting: list[Spell]) -> pa.Table:
    """The rows in which versions of rules begin, with the time in which these were known."""
    schema = nullable_schema(HISTORY)
    if [spell.row for spell in starting] != list(range(rows.num_rows)):
        rows = rows.take(pa.array([spell.row for spell in starting], pa.int64()))
    known: dict[str, list[Any]] = {
        name: [getattr(spell, name) for spell in starting] for name in _KNOWN_TIME
    }
    known["unseen_in"] = [list(shas) or None for shas in known["unseen_in"]]
    columns = [
        pa.array(known[name], schema.field(name).type) if name in known else rows[name]
        for name in schema.names
    ]
    return pa.table(columns, names=schema.names).cast(schema)


def _kept_history(release: Release, source: str) -> pa.Table:
    """The history that the release has whose rows are kept.

    A release made before there was a history knows of each rule that it has, and since when.
    """
    if f"{HISTORY.name}.parquet" in release.files:
        return rows_of(release, HISTORY, source)
    rows = rows_of(release, RULES, source)
    schema = nullable_schema(HISTORY)
    given: dict[str, Any] = {"reappeared": pa.repeat(False, rows.num_rows)}
    columns = [
        given[name]
        if name in given
        else rows[name]
        if name in rows.column_names
        else pa.nulls(rows.num_rows, schema.field(name).type)
        for name in schema.names
    ]
    return pa.table(columns, names=schema.names).cast(schema)
