"""What a release contains: every table, as a function of the documents it publishes.

No clock and no release before enter here: the same raw store, sources and code give the same
tables. First come the rows as their documents say them; then what the dated code reference says
of their codes; then what follows from several documents together. How the tables are written and
made the latest is `flows.publish`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from extractors.prose.claims import judge
from extractors.reference.code_states import newest_code_added_on, with_code_states
from extractors.reference.contradictions import contradictions
from extractors.reference.drug_names import drug_names, names_drugs
from extractors.reference.fees import fees, has_fees
from extractors.reference.known_codes import KnownCodes
from extractors.reference.same_bulletins import merged
from flows.code_reference import Repairs, codes_of, days_of, effective_on, repairs_of
from flows.documents import Document
from flows.facts import column
from flows.keep import rows_of
from flows.parts import Part
from flows.releases import Release
from flows.validate import Verdict
from schemas.fields import Table, arrow_schema, nullable_schema
from schemas.provenance import Snapshot
from schemas.source import Source
from schemas.tables import (
    CODE_CLAIMS,
    CODES,
    CONTRADICTIONS,
    DOCUMENT_TABLES,
    DOCUMENTS,
    DRUG_NAMES,
    FEES,
    PRIOR_AUTHORIZATION,
    PUBLISHED_STATUSES,
    QUARANTINE,
    TABLE_ROWS,
    TABLES,
)

_INSTANT: pa.DataType = arrow_schema(DOCUMENTS).field("first_seen").type


class Unbalanced(RuntimeError):
    """A document with lines that nothing explains, or that are explained twice."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The tables of a release by name, unsorted, and the fate of every line of its documents."""

    tables: dict[str, pa.Table]
    balance: list[dict[str, Any]]


def contents(documents: Sequence[Document]) -> Contents:
    """Every table of a release but `changes`. Raises `Unbalanced`."""
    codes = codes_of(documents)
    known = KnownCodes.of(codes)
    days = days_of(documents)
    repairs = repairs_of(documents, known, days)
    balance = _balances(documents, repairs)
    tables = {
        table.name: codes if table is CODES else _rows(table, documents, repairs)
        for table in DOCUMENT_TABLES
    }
    # Of one bulletin at several publishers, the rows of the most official one stay.
    ranked = sorted((document.source.tier, document.source.source) for document in documents)
    tables, same_as = merged(tables, [name for _, name in ranked])
    tables[FEES.name] = _fees(tables[TABLE_ROWS.name], documents)
    tables[DRUG_NAMES.name] = _drug_names(tables[TABLE_ROWS.name], documents)
    for name, rows in tables.items():
        if "code_active" in rows.column_names:
            tables[name] = with_code_states(rows, days, known)
    tables[CODE_CLAIMS.name] = _judged(tables, known, days, documents)
    tables[QUARANTINE.name] = _quarantine(documents, repairs)
    states = _states(documents, balance)
    tables[DOCUMENTS.name] = _with_what_follows(states, tables, same_as, known, days)
    tables[CONTRADICTIONS.name] = contradictions(tables, known, days)
    return Contents(tables, balance)


def _with_what_follows(
    states: list[dict[str, Any]],
    tables: Mapping[str, pa.Table],
    same_as: Mapping[str, str],
    known: KnownCodes,
    days: Mapping[str, date],
) -> pa.Table:
    """The table `documents`: states with what the other tables have of each document."""
    rows: Counter[tuple[str, str]] = Counter()
    codes: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for table in DOCUMENT_TABLES:
        found = tables[table.name]
        origins = list(zip(column(found, "source"), column(found, "sha256"), strict=True))
        rows.update(origins)
        if table is not CODES and "code" in found.column_names:
            for origin, code in zip(origins, column(found, "code"), strict=True):
                codes[origin].add(code)
    for state in states:
        if state["status"] in (*PUBLISHED_STATUSES, "superseded"):
            origin = (state["source"], state["sha256"])
            state["rows"] = rows[origin]
            state["same_as"] = same_as.get(state["source"])
            day = days[state["sha256"]]
            named = codes[origin] - {None}
            state["newest_code_added_on"] = newest_code_added_on(named, known, day)
    return pa.Table.from_pylist(states, schema=nullable_schema(DOCUMENTS))


def _fees(table_rows: pa.Table, documents: Iterable[Document]) -> pa.Table:
    """The amounts of every published fee schedule."""
    found = [nullable_schema(FEES).empty_table()]
    for document in documents:
        rules = document.source.table
        if document.kept is not None:
            found.append(rows_of(document.kept, FEES, document.source.source))
        elif rules is not None and has_fees(rules):
            rows = _of_source(table_rows, document.source)
            found.append(fees(rows, rules, effective_on(document)))
    return pa.concat_tables(found)


def _drug_names(table_rows: pa.Table, documents: Iterable[Document]) -> pa.Table:
    """The names of drugs in every published table of drugs."""
    found = [nullable_schema(DRUG_NAMES).empty_table()]
    for document in documents:
        rules = document.source.table
        if document.kept is not None:
            found.append(rows_of(document.kept, DRUG_NAMES, document.source.source))
        elif rules is not None and names_drugs(rules):
            found.append(drug_names(_of_source(table_rows, document.source), rules))
    return pa.concat_tables(found)


def _of_source(rows: pa.Table, source: Source) -> pa.Table:
    return rows.filter(pc.equal(rows["source"], pa.scalar(source.source)))


def _rows(table: Table, documents: Iterable[Document], repairs: Repairs) -> pa.Table:
    found = [arrow_schema(table).empty_table()]
    for document in documents:
        if document.kept is not None:
            found.append(rows_of(document.kept, table, document.source.source))
        if document.published is None:
            continue
        rows = document.published.accepted_rows(table)
        repaired = repairs.of(document.published, table)
        if repaired.num_rows:
            rows = pa.concat_tables([rows, repaired], promote_options="default")
        if table is PRIOR_AUTHORIZATION:
            rows = _with_known_time(rows, document)
        found.append(rows.select(table.names).cast(nullable_schema(table)))
    return pa.concat_tables(found, promote_options="permissive")


def _with_known_time(rows: pa.Table, document: Document) -> pa.Table:
    """When each rule was first seen with its content, without a gap up to now, and last seen."""
    first: dict[tuple[str, str], datetime] = {}
    for verdict in document.accepted:
        pairs = _contents_of(verdict.accepted_rows(PRIOR_AUTHORIZATION))
        first = {pair: first.get(pair, verdict.part.snapshot.first_seen) for pair in pairs}
    pairs = _contents_of(rows)
    last = document.accepted[-1].part.snapshot.last_seen
    since = document.accepted[-1].part.snapshot.first_seen
    columns: dict[str, pa.Array[Any]] = {
        # A repaired row is seen since its version came.
        "first_seen": pa.array([first.get(pair, since) for pair in pairs], _INSTANT),
        "last_seen": pa.array([last] * rows.num_rows, _INSTANT),
    }
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


def _contents_of(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(column(rows, "row_key"), column(rows, "row_hash"), strict=True))


def _judged(
    tables: Mapping[str, pa.Table],
    known: KnownCodes,
    days: Mapping[str, date],
    documents: Iterable[Document],
) -> pa.Table:
    """The claims with their verdicts against the official words of the claim's date.

    Where the code reference does not have the code, the longest descriptor that a list of tier 1
    gives stands for them.
    """
    listed = _listed_words(tables[PRIOR_AUTHORIZATION.name], documents)
    judged = []
    for claim in tables[CODE_CLAIMS.name].to_pylist():
        words = known.words(claim["code"], days[claim["sha256"]])
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


def _listed_words(rules: pa.Table, documents: Iterable[Document]) -> dict[str, tuple[str, str]]:
    """The longest descriptor of each code in the lists of tier 1, and its source."""
    first_hand = {document.source.source for document in documents if document.source.tier == 1}
    found: dict[str, tuple[str, str]] = {}
    for row in rules.select(["code", "code_end", "description", "source"]).to_pylist():
        text = row["description"]
        if not text or row["code_end"] or row["source"] not in first_hand:
            continue
        if len(text) > len(found.get(row["code"], ("", ""))[0]):
            found[row["code"]] = (text, row["source"])
    return found


def shown_verdicts(document: Document) -> list[Verdict]:
    """The verdicts whose quarantined rows a release shows: the published and the newest one."""
    found = {verdict.name: verdict for verdict in (document.published, document.newest) if verdict}
    return list(found.values())


def _quarantine(documents: Iterable[Document], repairs: Repairs) -> pa.Table:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for document in documents:
        if document.kept is not None:
            for row in _kept_quarantine(document.kept, document.source):
                found[_place(row)] = row
        for verdict in (*superseded(document), *shown_verdicts(document)):
            for row in verdict.rejections():
                if repairs.has(verdict, row):
                    continue
                shown = {column: row.get(column) for column in QUARANTINE.names}
                found[_place(shown)] = shown
    return pa.Table.from_pylist(list(found.values()), schema=nullable_schema(QUARANTINE))


def _kept_quarantine(release: Release, source: Source) -> list[dict[str, Any]]:
    """The quarantined rows of the version whose published rows are kept."""
    rows = rows_of(release, TABLES[source.main_table], source.source)
    versions, keys = set(column(rows, "sha256")), set(column(rows, "row_key"))
    return [
        row
        for row in rows_of(release, QUARANTINE, source.source).to_pylist()
        if row["sha256"] in versions and row["row_key"] not in keys
    ]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("table", "row_key", "sha256", "page", "line"))


def _balances(documents: Iterable[Document], repairs: Repairs) -> list[dict[str, Any]]:
    """The fate of every line of every published document; raises where one does not add up.

    So does an earlier release of a code set, whose rows are published too.
    """
    found = []
    for document in documents:
        if document.published is not None:
            found += [_balance(document.source, each, repairs) for each in superseded(document)]
            found.append(_balance(document.source, document.published, repairs))
        elif document.kept is not None:
            name = document.source.source
            found += [said for said in document.kept.said["balance"] if said["source"] == name]
    return found


def superseded(document: Document) -> tuple[Verdict, ...]:
    """The earlier versions whose rows are published beside those of the newest: of a code set."""
    if document.source.main_table != CODES.name or document.kept is not None:
        return ()
    return document.accepted[:-1]


def _balance(source: Source, verdict: Verdict, repairs: Repairs) -> dict[str, Any]:
    tally = verdict.part.outline()["tally"]
    row_lines, quarantined = tally["row_lines"], 0
    if source.table is not None:
        main = TABLES[source.main_table]
        published = _lines(verdict.accepted_rows(main)) | _lines(repairs.of(verdict, main))
        row_lines = len(published)
        quarantined = len(_lines(verdict.failed_rows(main)) - published)
    balanced = {
        "source": source.source,
        "document": source.document,
        "sha256": verdict.part.snapshot.sha256,
        "lines_seen": tally["lines_seen"],
        "headers": tally["headers"],
        "row_lines": row_lines,
        "quarantined": quarantined,
        "ignored": tally["ignored"],
        "rows": sum(verdict.accepted_rows(table).num_rows for table in DOCUMENT_TABLES),
    }
    explained = tally["headers"] + row_lines + quarantined + sum(tally["ignored"].values())
    if explained != tally["lines_seen"]:
        raise Unbalanced(
            f"{verdict.part.snapshot}: {tally['lines_seen']} lines were seen and {explained} are "
            "explained; nothing is published until they balance"
        )
    return balanced


def _lines(rows: pa.Table) -> set[tuple[int, int, str]]:
    """The lines that rows were read from; a web page may have its whole table on one."""
    names = ("page", "line", "raw_text")
    return set(zip(*(column(rows, name) for name in names), strict=True))


def _states(
    documents: Iterable[Document], balanced: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows of `documents`, as far as each document says them by itself."""
    by_version = {(said["source"], said["sha256"]): said for said in balanced}
    rows = []
    for document in documents:
        if document.status != "current":
            rows.append(_unpublished(document))
        if document.published is not None:
            for verdict in (document.published, *superseded(document)):
                snapshot = verdict.part.snapshot
                said = by_version[snapshot.source, snapshot.sha256]
                rows.append(_published(document, verdict, said))
        if document.kept is not None:
            states = rows_of(document.kept, DOCUMENTS, document.source.source).to_pylist()
            rows += [
                state | {"status": "stale"}
                for state in states
                if state["status"] in PUBLISHED_STATUSES
            ]
            rows += [state for state in states if state["status"] == "superseded"]
    return rows


def _common(document: Document) -> dict[str, Any]:
    source = document.source
    return {
        "source": source.source,
        "document": source.document,
        "payer": source.payer.id if source.payer else None,
        "line_of_business": source.line_of_business,
        "title": source.title,
        "publisher": source.publisher,
        "kind": source.kind,
        "tier": source.tier,
        "rows": 0,
        "quarantined": 0,
    }


def _of_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "url": snapshot.url,
        "sha256": snapshot.sha256,
        "media_type": snapshot.media_type,
        "bytes": snapshot.size,
        "came": snapshot.came,
        "is_specimen": snapshot.is_specimen,
        "retrieved_at": snapshot.retrieved_at,
        "first_seen": snapshot.first_seen,
        "last_seen": snapshot.last_seen,
    }


def _of_part(part: Part) -> dict[str, Any]:
    outline = part.outline()
    tally = outline.get("tally") or {}
    said = _of_snapshot(part.snapshot) | {
        "member": outline.get("member"),
        "pages": outline.get("pages"),
        "lines_seen": tally.get("lines_seen"),
        "headers": tally.get("headers"),
        "ignored": sum(tally["ignored"].values()) if tally else None,
        "problems": [problem["message"] for problem in outline["problems"]] or None,
        "is_truncated": outline.get("is_truncated"),
    }
    if outline.get("title"):
        said["title"] = outline["title"]
    for name in ("posted_on", "effective_on", "updated_on"):
        said[name] = date.fromisoformat(outline[name]) if outline.get(name) else None
    return said


def _published(document: Document, verdict: Verdict, said: dict[str, Any]) -> dict[str, Any]:
    status = "current" if document.status == "current" else "stale"
    if verdict is not document.published:
        status = "superseded"
    return (
        _common(document)
        | _of_part(verdict.part)
        | {name: said[name] for name in ("row_lines", "quarantined")}
        | {"status": status}
    )


def _unpublished(document: Document) -> dict[str, Any]:
    """The row of a newest version that is held or archived, or of a document never retrieved."""
    said = _common(document) | {"status": document.status, "held_reason": document.held_reason}
    if not document.versions:
        return said
    if document.newest is not None:
        failed = document.newest.failed_rows(TABLES[document.source.main_table])
        return said | _of_part(document.newest.part) | {"quarantined": len(_lines(failed))}
    return said | _of_snapshot(document.versions[-1])
