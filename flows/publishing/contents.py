"""What a release contains: every table but `changes`, as a function of the documents it publishes.

No clock and no release before enter here: the same raw store, sources and code give the same
tables. First come the rows as their documents say them; then what the dated code reference says
of their codes; then what follows from several documents together. The rows of lists and tables are
gone through document by document and sorted on disk; the tables that prose fills are small and in
memory. How the release is described and made the latest is `flows.publishing.publish`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from extractors.prose.claims import judge
from extractors.reference.code_states import newest_code_added_on
from extractors.reference.drug_names import drug_names, names_drugs
from extractors.reference.fees import fees, has_fees
from extractors.reference.same_bulletins import merged
from flows.documents import Document
from flows.facts import column
from flows.publishing.balance import balances
from flows.publishing.code_reference import Reference, effective_on
from flows.publishing.disagreements import disagreements
from flows.publishing.document_rows import published_rows
from flows.publishing.document_states import states, versions_of
from flows.publishing.keep import rows_of
from flows.publishing.quarantined import quarantine
from flows.publishing.rule_rows import ListRules
from flows.publishing.spool import Spool
from flows.publishing.table_files import write_rows
from schemas.fields import Table, arrow_schema, nullable_schema
from schemas.tables import (
    CODE_CLAIMS,
    CODES,
    CONTRADICTIONS,
    DOCUMENT_HISTORY,
    DOCUMENT_TABLES,
    DOCUMENTS,
    DRUG_NAMES,
    FEES,
    PRIOR_AUTHORIZATION,
    PRIOR_AUTHORIZATION_HISTORY,
    PUBLISHED_STATUSES,
    QUARANTINE,
    TABLE_ROWS,
    TABLES,
)

# Tables whose rows are as many as lists are long.
_LONG = (PRIOR_AUTHORIZATION, TABLE_ROWS)
_SMALL = tuple(table for table in DOCUMENT_TABLES if table not in (*_LONG, CODES))

Origin = tuple[str, str]
_ORIGIN = ["source", "sha256"]


@dataclass(frozen=True, slots=True)
class _Named:
    """How many rows each version of a document has in the release, and the newest code in them."""

    reference: Reference
    rows: Counter[Origin] = field(default_factory=Counter)
    newest: dict[Origin, date] = field(default_factory=dict)

    def count(self, table: Table, rows: pa.Table) -> None:
        """Take account of rows of a table."""
        has_codes = table is not CODES and "code" in table.names
        found = rows.group_by([*_ORIGIN, "code"] if has_codes else _ORIGIN)
        counted = found.aggregate([([], "count_all")]).to_pylist()
        codes: dict[Origin, set[str]] = defaultdict(set)
        for row in counted:
            origin = (row["source"], row["sha256"])
            self.rows[origin] += row["count_all"]
            if row.get("code") is not None:
                codes[origin].add(row["code"])
        for origin, named in codes.items():
            # Of the codes of all lists together only a date is kept: they are many.
            day = self.reference.days.get(origin[1])
            known = self.reference.known
            newest = newest_code_added_on(named, known, day) if day else None
            if newest is not None:
                self.newest[origin] = max(newest, self.newest.get(origin, newest))


def contents(
    documents: Sequence[Document], reference: Reference, folder: Path
) -> list[dict[str, Any]]:
    """Write every table of a release but `changes` as Parquet; the balance of its documents.

    Raises `Unbalanced`, and `EmptyValueError` where a column that must not be empty is.
    """
    balance = balances(documents, reference.repairs)
    small, same_as = _of_prose(documents, reference)
    claims = small.pop(CODE_CLAIMS.name)
    small[CODES.name] = reference.codes
    named = _Named(reference)
    for table in (*_SMALL, CODES):
        named.count(table, claims if table is CODE_CLAIMS else small[table.name])
    spool = Spool(folder / ".spool")
    try:
        words = _spool_long(documents, reference, spool, named, set(column(claims, "code")))
        small[CODE_CLAIMS.name] = _judged(claims, words, reference)
        small[QUARANTINE.name] = quarantine(documents, reference.repairs)
        small[DOCUMENTS.name] = _documents(states(documents, balance), named, same_as)
        small[DOCUMENT_HISTORY.name] = _document_history(documents, reference)
        for name, rows in small.items():
            spool.add(TABLES[name], rows)
        spooled = (*_LONG, PRIOR_AUTHORIZATION_HISTORY, FEES, DRUG_NAMES)
        for table in (*(TABLES[name] for name in small), *spooled):
            write_rows(table, spool.in_order(table), folder / f"{table.name}.parquet")
        for rows in disagreements(folder, small, reference.known, reference.days):
            spool.add(CONTRADICTIONS, rows)
        path = folder / f"{CONTRADICTIONS.name}.parquet"
        write_rows(CONTRADICTIONS, spool.in_order(CONTRADICTIONS), path)
    finally:
        spool.close()
    return balance


def _of_prose(
    documents: Sequence[Document], reference: Reference
) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """The tables that are not long, and which source stands for one that has the same bulletin."""
    tables = {
        table.name: pa.concat_tables(
            [
                arrow_schema(table).empty_table(),
                *(published_rows(document, table, reference.repairs) for document in documents),
            ],
            promote_options="permissive",
        )
        for table in _SMALL
    }
    # Of one bulletin at several publishers, the rows of the most official one stay.
    ranked = sorted((document.source.tier, document.source.source) for document in documents)
    tables, same_as = merged(tables, [name for _, name in ranked])
    return {name: reference.with_states(rows) for name, rows in tables.items()}, same_as


def _spool_long(
    documents: Iterable[Document],
    reference: Reference,
    spool: Spool,
    named: _Named,
    claimed: set[str],
) -> dict[str, tuple[str, str]]:
    """Set down the rows of lists and tables, of one document after the other.

    Returns the longest description that a list of tier 1 gives to each of the `claimed` codes, and
    its source.
    """
    words: dict[str, tuple[str, str]] = {}
    for document in documents:
        rules = ListRules.of(document, reference)
        today = rules.today()
        named.count(PRIOR_AUTHORIZATION, today)
        spool.add(PRIOR_AUTHORIZATION, today)
        if document.source.tier == 1:
            _take_words(words, today, claimed)
        for rows in rules.ever():
            spool.add(PRIOR_AUTHORIZATION_HISTORY, rows)
        table_rows = published_rows(document, TABLE_ROWS, reference.repairs)
        with_states = reference.with_states(table_rows)
        named.count(TABLE_ROWS, with_states)
        spool.add(TABLE_ROWS, with_states)
        spool.add(FEES, reference.with_states(_fees(document, table_rows)))
        spool.add(DRUG_NAMES, reference.with_states(_drug_names(document, table_rows)))
    return words


def _take_words(words: dict[str, tuple[str, str]], rules: pa.Table, claimed: set[str]) -> None:
    chosen = pc.and_(
        pc.is_in(rules["code"], value_set=pa.array(sorted(claimed), pa.string())),
        pc.is_null(rules["code_end"]),
    )
    for row in rules.filter(chosen).select(["code", "description", "source"]).to_pylist():
        if row["description"] and len(row["description"]) > len(words.get(row["code"], ("",))[0]):
            words[row["code"]] = (row["description"], row["source"])


def _fees(document: Document, table_rows: pa.Table) -> pa.Table:
    """The amounts of a published fee schedule."""
    rules = document.source.table
    if document.kept is not None:
        return rows_of(document.kept, FEES, document.source.source)
    if rules is None or not has_fees(rules):
        return nullable_schema(FEES).empty_table()
    return fees(table_rows, rules, effective_on(document))


def _drug_names(document: Document, table_rows: pa.Table) -> pa.Table:
    """The names of drugs in a published table of drugs."""
    rules = document.source.table
    if document.kept is not None:
        return rows_of(document.kept, DRUG_NAMES, document.source.source)
    if rules is None or not names_drugs(rules):
        return nullable_schema(DRUG_NAMES).empty_table()
    return drug_names(table_rows, rules)


def _documents(found: list[dict[str, Any]], named: _Named, same_as: Mapping[str, str]) -> pa.Table:
    """The table `documents`: states with what the other tables have of each document."""
    for state in found:
        if state["status"] in (*PUBLISHED_STATUSES, "superseded"):
            origin = (state["source"], state["sha256"])
            state["rows"] = named.rows[origin]
            state["same_as"] = same_as.get(state["source"])
            state["newest_code_added_on"] = named.newest.get(origin)
    return pa.Table.from_pylist(found, schema=nullable_schema(DOCUMENTS))


def _document_history(documents: Iterable[Document], reference: Reference) -> pa.Table:
    rows = [
        row
        for document in documents
        for row in versions_of(document, reference.repairs, reference.known, reference.days)
    ]
    return pa.Table.from_pylist(rows, schema=nullable_schema(DOCUMENT_HISTORY))


def _judged(
    claims: pa.Table, listed: Mapping[str, tuple[str, str]], reference: Reference
) -> pa.Table:
    """The claims with their verdicts against the official words of the claim's date.

    Where the code reference does not have the code, the longest descriptor that a list of tier 1
    gives stands for them.
    """
    judged = []
    for claim in claims.to_pylist():
        words = reference.known.words(claim["code"], reference.days[claim["sha256"]])
        long, origin = listed.get(claim["code"], (None, None))
        short = None
        if words is not None:
            long, short, origin = words.long, words.short, words.source
        verdict = judge(claim["claimed_text"], long, short)
        judged.append(
            claim
            | {
                "official_text": long or short,
                "official_source": origin,
                "agreement": verdict.agreement,
                "score": verdict.score,
                "terms_in_conflict": list(verdict.terms_in_conflict) or None,
            }
        )
    return pa.Table.from_pylist(judged, schema=nullable_schema(CODE_CLAIMS))
