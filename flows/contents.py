"""What a release contains: every table, as a function of the documents it publishes.

No clock and no release before enter here: the same raw store, sources and code give the same
tables. How they are written and made the latest is `flows.publish`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from extractors.prose.claims import judge
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
    DOCUMENT_TABLES,
    DOCUMENTS,
    PRIOR_AUTHORIZATION,
    PUBLISHED_STATUSES,
    QUARANTINE,
    TABLES,
)

_INSTANT: pa.DataType = arrow_schema(DOCUMENTS).field("first_seen").type


class Unbalanced(RuntimeError):
    """A document with lines that nothing explains, or that are explained twice."""


def contents(documents: Sequence[Document], balanced: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """Every table of a release but `changes`, by name, unsorted."""
    tables = {table.name: _rows(table, documents) for table in DOCUMENT_TABLES}
    rules = tables[PRIOR_AUTHORIZATION.name]
    tables[CODE_CLAIMS.name] = _judged(tables[CODE_CLAIMS.name], rules, documents)
    tables[QUARANTINE.name] = _quarantine(documents)
    tables[DOCUMENTS.name] = _documents(documents, balanced)
    return tables


def _rows(table: Table, documents: Iterable[Document]) -> pa.Table:
    found = [arrow_schema(table).empty_table()]
    for document in documents:
        if document.kept is not None:
            found.append(rows_of(document.kept, table, document.source.source))
        if document.published is None:
            continue
        rows = document.published.accepted_rows(table)
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
    columns: dict[str, pa.Array[Any]] = {
        "first_seen": pa.array([first[pair] for pair in pairs], _INSTANT),
        "last_seen": pa.array([last] * rows.num_rows, _INSTANT),
    }
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


def _contents_of(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(column(rows, "row_key"), column(rows, "row_hash"), strict=True))


def _judged(claims: pa.Table, rules: pa.Table, documents: Iterable[Document]) -> pa.Table:
    """The claims with their verdicts against the longest descriptor that a list of tier 1 gives."""
    first_hand = {document.source.source for document in documents if document.source.tier == 1}
    official: dict[str, tuple[str, str]] = {}
    for row in rules.select(["code", "code_end", "description", "source"]).to_pylist():
        text = row["description"]
        if not text or row["code_end"] or row["source"] not in first_hand:
            continue
        if len(text) > len(official.get(row["code"], ("", ""))[0]):
            official[row["code"]] = (text, row["source"])
    judged = []
    for claim in claims.to_pylist():
        text, origin = official.get(claim["code"], (None, None))
        verdict = judge(claim["claimed_text"], text)
        judged.append(
            claim
            | {
                "official_text": text,
                "official_source": origin,
                "agreement": verdict.agreement,
                "score": verdict.score,
                "terms_in_conflict": list(verdict.terms_in_conflict) or None,
            }
        )
    return pa.Table.from_pylist(judged, schema=nullable_schema(CODE_CLAIMS))


def shown_verdicts(document: Document) -> list[Verdict]:
    """The verdicts whose quarantined rows a release shows: the published and the newest one."""
    found = {verdict.name: verdict for verdict in (document.published, document.newest) if verdict}
    return list(found.values())


def _quarantine(documents: Iterable[Document]) -> pa.Table:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for document in documents:
        if document.kept is not None:
            for row in _kept_quarantine(document.kept, document.source):
                found[_place(row)] = row
        for verdict in shown_verdicts(document):
            for row in verdict.rejections():
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


def balances(documents: Iterable[Document]) -> list[dict[str, Any]]:
    """The fate of every line of every published document; raises where one does not add up."""
    found = []
    for document in documents:
        if document.published is not None:
            found.append(_balance(document))
        elif document.kept is not None:
            name = document.source.source
            found += [said for said in document.kept.said["balance"] if said["source"] == name]
    return found


def _balance(document: Document) -> dict[str, Any]:
    verdict = document.published
    assert verdict is not None
    tally = verdict.part.outline()["tally"]
    row_lines, quarantined = tally["row_lines"], 0
    if document.source.table is not None:
        main = TABLES[document.source.main_table]
        published = _lines(verdict.accepted_rows(main))
        row_lines = len(published)
        quarantined = len(_lines(verdict.failed_rows(main)) - published)
    balanced = {
        "source": document.source.source,
        "document": document.source.document,
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


def _documents(documents: Iterable[Document], balanced: list[dict[str, Any]]) -> pa.Table:
    by_source = {said["source"]: said for said in balanced}
    rows = []
    for document in documents:
        if document.status != "current":
            rows.append(_unpublished(document))
        if document.published is not None:
            said = by_source[document.source.source]
            rows.append(_published(document, document.published, said))
        if document.kept is not None:
            states = rows_of(document.kept, DOCUMENTS, document.source.source).to_pylist()
            rows += [
                state | {"status": "stale"}
                for state in states
                if state["status"] in PUBLISHED_STATUSES
            ]
    return pa.Table.from_pylist(rows, schema=nullable_schema(DOCUMENTS))


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
    return (
        _common(document)
        | _of_part(verdict.part)
        | {name: said[name] for name in ("rows", "row_lines", "quarantined")}
        | {"status": "current" if document.status == "current" else "stale"}
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
