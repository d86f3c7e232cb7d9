"""The dated code reference of a release: what its documents say of codes, and of their own codes.

Knows which versions of which documents make the reference (every accepted release of a code set,
not the newest alone) and the day that each document speaks of. How releases become dated versions
of codes, and what a code's state means to a row, is pure and in `extractors.reference`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from extractors.records import candidate_schema
from extractors.reference.code_states import with_code_states
from extractors.reference.dated_codes import dated_codes
from extractors.reference.known_codes import KnownCodes
from extractors.reference.repairs import repaired_rows
from flows.documents import Document
from flows.facts import column
from flows.publishing.keep import rows_of
from flows.validate import Verdict
from schemas.fields import PatternBy, Table, nullable_schema
from schemas.suites import paired, row_checks
from schemas.tables import (
    CODE_CORRECTIONS,
    CODES,
    DOCUMENT_HISTORY,
    DOCUMENTS,
    PRIOR_AUTHORIZATION,
    TABLE_ROWS,
)

# The dates of a document that tell which day it speaks of, the best one first.
_DATES = ("effective_on", "updated_on", "posted_on")
REPAIRED_TABLES = (PRIOR_AUTHORIZATION, TABLE_ROWS)
_PLACE = ("page", "line", "raw_text", "code_raw")


@dataclass(frozen=True, slots=True)
class Repairs:
    """The rows in quarantine whose codes the reference explains, by verdict and table."""

    rows: Mapping[tuple[str, str], pa.Table]
    _places: dict[tuple[str, str], set[tuple[Any, ...]]] = field(default_factory=dict, repr=False)

    def of(self, verdict: Verdict, table: Table) -> pa.Table:
        """The repaired rows of one table of a verdict, as candidate rows."""
        none = candidate_schema(table).empty_table()
        return self.rows.get((verdict.name, table.name), none)

    def has(self, verdict: Verdict, row: Mapping[str, Any]) -> bool:
        """Whether a row in quarantine is one of them."""
        key = (verdict.name, row["table"])
        if key not in self.rows:
            return False
        if key not in self._places:
            of_rows = (column(self.rows[key], name) for name in _PLACE)
            self._places[key] = set(zip(*of_rows, strict=True))
        return tuple(row[name] for name in _PLACE) in self._places[key]


def codes_of(documents: Iterable[Document]) -> pa.Table:
    """The table `codes`: dated versions from every accepted release of every code set.

    Rows that are kept of the release before are dated already, and stay as they are. Corrections
    that are kept still correct what is read now.
    """
    documents = list(documents)
    printed: list[pa.Table] = []
    corrections: list[pa.Table] = []
    kept: dict[str, pa.Table] = {}
    for document in documents:
        source = document.source
        if document.kept is not None and source.main_table == CODES.name:
            # Codes that a list of corrections added stand under that list.
            named = [source.source, *(d.source.source for d in documents if d.source.corrections)]
            kept |= {name: rows_of(document.kept, CODES, name) for name in named}
            continue
        if document.kept is not None:
            corrections.append(rows_of(document.kept, CODE_CORRECTIONS, source.source))
            continue
        for verdict in document.accepted:
            for table, found in ((CODES, printed), (CODE_CORRECTIONS, corrections)):
                if rows := verdict.accepted_rows(table):
                    found.append(rows.select(table.names).cast(nullable_schema(table)))
    dated = dated_codes(_united(CODES, printed), _united(CODE_CORRECTIONS, corrections))
    before = _united(CODES, list(kept.values()))
    before = before.filter(pc.invert(pc.is_in(before["row_key"], value_set=dated["row_key"])))
    return pa.concat_tables([before, dated], promote_options="permissive")


def _united(table: Table, found: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables([nullable_schema(table).empty_table(), *found])


def days_of(documents: Iterable[Document]) -> dict[str, date]:
    """The day that each published snapshot speaks of, by its SHA-256.

    The effective date that it states, else that of its last update, of its posting, of the look
    that brought it.
    """
    days: dict[str, date] = {}
    kept: dict[str, date] = {}
    for document in documents:
        for verdict in document.accepted:
            outline, snapshot = verdict.part.outline(), verdict.part.snapshot
            stated = [date.fromisoformat(outline[name]) for name in _DATES if outline.get(name)]
            days[snapshot.sha256] = _day(stated, snapshot.retrieved_at)
        if document.kept is None:
            continue
        for table in (DOCUMENT_HISTORY, DOCUMENTS):
            for state in rows_of(document.kept, table, document.source.source).to_pylist():
                if state["sha256"]:
                    stated = [state[name] for name in _DATES]
                    kept[state["sha256"]] = _day(stated, state["retrieved_at"])
    return days | kept


def effective_on(document: Document) -> date | None:
    """The effective date that a published document states for all of it."""
    if document.kept is not None:
        states = rows_of(document.kept, DOCUMENTS, document.source.source).to_pylist()
        dates = [state["effective_on"] for state in states if state["status"] != "held"]
        return next(filter(None, dates), None)
    if document.published is None:
        return None
    stated = document.published.part.outline().get("effective_on")
    return date.fromisoformat(stated) if stated else None


def _day(stated: Iterable[date | None], retrieved_at: datetime) -> date:
    return next(filter(None, stated), None) or retrieved_at.date()


def repairs_of(
    documents: Iterable[Document], known: KnownCodes, days: Mapping[str, date]
) -> Repairs:
    """The rows of published documents whose codes were misprinted and can be told.

    Of every good version, since a rule that was repaired today may be repaired in those before.
    """
    found = {}
    verdicts = [each for document in documents if not document.kept for each in document.accepted]
    for verdict in verdicts if known.reaches is not None else ():
        for table in REPAIRED_TABLES:
            failed = _failed_by_code_alone(verdict, table)
            if not failed.num_rows:
                continue
            others = (verdict.accepted_rows(table), verdict.failed_rows(table))
            taken = {code for rows in others for code in column(rows, "code") if code}
            day = days[verdict.part.snapshot.sha256]
            repaired = repaired_rows(table, failed, known, day, taken)
            if repaired.num_rows:
                found[verdict.name, table.name] = repaired
    return Repairs(found)


def _failed_by_code_alone(verdict: Verdict, table: Table) -> pa.Table:
    """The rows of a table that failed the row gate for want of a code and for nothing else.

    What is wrong with their cells in words is for the repair to judge.
    """
    if not verdict.failed.get(table.name):
        return candidate_schema(table).empty_table()
    failed = verdict.failed_rows(table)
    names = {"code", "code_system"}
    names |= {paired(rule) for rule in table.rules if isinstance(rule, PatternBy)}
    of_code = {check.reason for check in row_checks(table) if names.issuperset(check.columns)}
    reasons = verdict.failed.get(table.name, {}).values()
    faults = column(failed, "faults")
    chosen = [
        number
        for number, (why, words) in enumerate(zip(reasons, faults, strict=True))
        if {reason for _, reason in why} - set(words or ()) <= of_code
    ]
    return failed.take(pa.array(chosen, pa.int64()))


@dataclass(frozen=True, slots=True)
class Reference:
    """What the rows of a release are read against: codes, days of documents, repaired rows."""

    codes: pa.Table
    known: KnownCodes
    days: Mapping[str, date]
    repairs: Repairs

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Reference:
        """What some documents say of codes and of themselves."""
        codes = codes_of(documents)
        known = KnownCodes.of(codes)
        days = days_of(documents)
        return cls(codes, known, days, repairs_of(documents, known, days))

    def with_states(self, rows: pa.Table) -> pa.Table:
        """The rows with what the reference says of their codes."""
        if "code_active" not in rows.column_names:
            return rows
        return with_code_states(rows, self.days, self.known)
