"""The rules of one list: those that it has today, and every version of each that it ever had.

Both come from the same walk over the published versions of the list, so that they cannot differ:
a rule of `prior_authorization` was first seen when its open version in the history was. Which
versions are published, and what ends a rule, is decided elsewhere (`flows.documents`,
`extractors.reference.rule_history`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import pyarrow as pa

from extractors.reference.rule_history import Edition, Spell, spells
from flows.documents import Document
from flows.facts import column
from flows.publishing.code_reference import Reference, Repairs
from flows.publishing.document_rows import version_rows
from flows.publishing.document_states import unread_of
from flows.publishing.keep import rows_of
from flows.releases import Release
from flows.validate import Verdict
from schemas.fields import Table, nullable_schema
from schemas.tables import PRIOR_AUTHORIZATION, PRIOR_AUTHORIZATION_HISTORY

RULES, HISTORY = PRIOR_AUTHORIZATION, PRIOR_AUTHORIZATION_HISTORY
_IDENTIFYING = ("row_key", "row_hash", "code")
_KNOWN_TIME = (
    "first_seen",
    "last_seen",
    "last_sha256",
    "known_until",
    "end_basis",
    "reappeared",
    "unseen_in",
)


@dataclass(frozen=True, slots=True)
class ListRules:
    """The versions of the rules of one document, before any row is read; none without a list."""

    document: Document
    reference: Reference
    spells: tuple[Spell, ...]

    @classmethod
    def of(cls, document: Document, reference: Reference) -> ListRules:
        """The rules of a document."""
        editions = (_edition(verdict, reference.repairs) for verdict in _versions(document))
        return cls(document, reference, tuple(spells(editions)))

    def today(self) -> pa.Table:
        """The rows of `prior_authorization`."""
        document = self.document
        if document.kept is not None:
            kept = rows_of(document.kept, RULES, document.source.source)
            return self.reference.with_states(kept)
        if document.published is None or not self.spells:
            return nullable_schema(RULES).empty_table()
        rows = version_rows(document.published, RULES, self.reference.repairs)
        since = {spell.key: spell.first_seen for spell in self.spells if not spell.known_until}
        given = {
            "first_seen": [since[key] for key in column(rows, "row_key")],
            "last_seen": [document.published.part.snapshot.last_seen] * rows.num_rows,
        }
        return self.reference.with_states(_with_columns(RULES, rows, given))

    def ever(self) -> Iterator[pa.Table]:
        """The rows of `prior_authorization_history`, some tables of them."""
        if self.document.kept is not None:
            kept = _kept_history(self.document.kept, self.document.source.source)
            yield _with_last_states(kept, self.reference)
            return
        versions = _versions(self.document)
        for number, starting in groupby(self.spells, key=attrgetter("edition")):
            rows = version_rows(versions[number], RULES, self.reference.repairs)
            yield _with_last_states(_with_known_time(rows, list(starting)), self.reference)


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
    unread = unread_of(verdict, repairs)
    return Edition(
        sha256=snapshot.sha256,
        first_seen=snapshot.first_seen,
        last_seen=snapshot.last_seen,
        keys=keys,
        hashes=hashes,
        codes=codes,
        is_whole=unread.is_whole,
        unread=unread.codes,
    )


def _with_known_time(rows: pa.Table, starting: Sequence[Spell]) -> pa.Table:
    """The rows in which versions of rules begin, with the time in which these were known."""
    numbers = [spell.row for spell in starting]
    if numbers != list(range(rows.num_rows)):
        rows = rows.take(pa.array(numbers, pa.int64()))
    given: dict[str, list[Any]] = {
        name: [getattr(spell, name) for spell in starting] for name in _KNOWN_TIME
    }
    given["unseen_in"] = [list(shas) or None for shas in given["unseen_in"]]
    return _with_columns(HISTORY, rows, given)


def _with_last_states(rows: pa.Table, reference: Reference) -> pa.Table:
    """The rows with what the reference says of their codes on the day of the last snapshot."""
    place = rows.schema.get_field_index("sha256")
    field, first = rows.schema.field(place), rows["sha256"]
    as_of_last = rows.set_column(place, field, rows["last_sha256"])
    return reference.with_states(as_of_last).set_column(place, field, first)


def _kept_history(release: Release, source: str) -> pa.Table:
    """The history that the release has whose rows are kept.

    A release made before there was a history knows of each rule that it has, and since when.
    """
    if f"{HISTORY.name}.parquet" in release.files:
        return rows_of(release, HISTORY, source)
    rows = rows_of(release, RULES, source)
    given = {"reappeared": [False] * rows.num_rows, "last_sha256": column(rows, "sha256")}
    return _with_columns(HISTORY, rows, given)


def _with_columns(table: Table, rows: pa.Table, given: Mapping[str, list[Any]]) -> pa.Table:
    """Rows in the columns of a table: those given, else their own, else empty."""
    schema = nullable_schema(table)
    columns = []
    for field in schema:
        if field.name in given:
            columns.append(pa.chunked_array([pa.array(given[field.name], field.type)]))
        elif field.name in rows.column_names:
            columns.append(rows[field.name])
        else:
            columns.append(pa.chunked_array([pa.nulls(rows.num_rows, field.type)]))
    return pa.table(columns, names=schema.names).cast(schema)
