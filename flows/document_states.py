"""The tables `documents` and `document_history`, as far as each document says them by itself.

`documents` has what a release publishes, holds or lacks of each publication; `document_history`
every version that looks found, good or not, in the order of the looks. What follows from the rows
of other tables is added by `flows.contents`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from extractors.reference.code_states import newest_code_added_on
from extractors.reference.known_codes import KnownCodes
from flows.code_reference import Repairs
from flows.document_rows import lines_of, quarantined_lines, superseded
from flows.documents import Document
from flows.facts import column
from flows.keep import rows_of
from flows.parts import Part
from flows.validate import Verdict
from schemas.provenance import Snapshot
from schemas.tables import (
    CODES,
    DOCUMENT_HISTORY,
    DOCUMENT_TABLES,
    DOCUMENTS,
    PRIOR_AUTHORIZATION,
    PUBLISHED_STATUSES,
    TABLES,
)

_DATES = ("posted_on", "effective_on", "updated_on")


def states(
    documents: Iterable[Document], balanced: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The rows of `documents`."""
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
            kept = rows_of(document.kept, DOCUMENTS, document.source.source).to_pylist()
            rows += [
                state | {"status": "stale"}
                for state in kept
                if state["status"] in PUBLISHED_STATUSES
            ]
            rows += [state for state in kept if state["status"] == "superseded"]
    return rows


def versions_of(
    document: Document, repairs: Repairs, known: KnownCodes, days: Mapping[str, date]
) -> Iterator[dict[str, Any]]:
    """The rows of `document_history` of one document.

    Where its rows are kept of the release before, its versions of then are too; those that came
    since are held.
    """
    kept = _kept_versions(document)
    good = {verdict.part.snapshot.first_seen: verdict for verdict in document.accepted}
    looks = [version.first_seen for version in document.versions]
    for snapshot, until in zip(document.versions, [*looks[1:], None], strict=False):
        found = (
            _common(document)
            | _of_snapshot(snapshot)
            | {"known_until": until, "is_whole": False, "held_reason": None}
        )
        before = kept.get(snapshot.first_seen)
        verdict = good.get(snapshot.first_seen)
        if not document.source.extract:
            found["outcome"] = "archived"
        elif before is not None:
            found = before | {"last_seen": snapshot.last_seen, "known_until": until}
        elif verdict is not None and document.kept is None:
            found |= _accepted(document, verdict, repairs, known, days)
        else:
            reason = document.held.get(snapshot.first_seen) or document.held_reason
            found |= {"outcome": "held", "held_reason": reason}
        yield {name: found.get(name) for name in DOCUMENT_HISTORY.names}
    if not document.versions:
        # The raw store lost them; that they were there is not lost.
        yield from kept.values()


def _kept_versions(document: Document) -> dict[Any, dict[str, Any]]:
    """The versions that the release has whose rows are kept, by their first look."""
    if document.kept is None:
        return {}
    rows = rows_of(document.kept, DOCUMENT_HISTORY, document.source.source).to_pylist()
    if not rows:
        # A release of before there was a history.
        rows = [
            {name: state.get(name) for name in DOCUMENT_HISTORY.names}
            | {
                "known_until": None,
                "outcome": "held" if state["status"] == "held" else "accepted",
                "is_whole": state["status"] != "held" and state["is_truncated"] is False,
            }
            for state in rows_of(document.kept, DOCUMENTS, document.source.source).to_pylist()
            if state["first_seen"] and state["status"] != "archived"
        ]
    return {row["first_seen"]: row for row in rows}


def _accepted(
    document: Document,
    verdict: Verdict,
    repairs: Repairs,
    known: KnownCodes,
    days: Mapping[str, date],
) -> dict[str, Any]:
    main = TABLES[document.source.main_table]
    repaired = (repairs.of(verdict, table).num_rows for table in DOCUMENT_TABLES)
    return _of_part(verdict.part) | {
        "outcome": "accepted",
        "is_whole": is_whole(verdict, repairs),
        "rows": sum(verdict.count(table) for table in DOCUMENT_TABLES) + sum(repaired),
        "quarantined": len(quarantined_lines(verdict, main, repairs)),
        "newest_code_added_on": newest_code_added_on(
            _codes_named(verdict), known, days[verdict.part.snapshot.sha256]
        ),
    }


def _codes_named(verdict: Verdict) -> set[str]:
    named: set[Any] = set()
    for table in DOCUMENT_TABLES:
        if table is not CODES and "code" in table.names and verdict.part.count(table):
            named |= set(column(verdict.accepted_rows(table, ("code",)), "code"))
    return named - {None}


def is_whole(verdict: Verdict, repairs: Repairs) -> bool:
    """Whether what a version lacks is absent: it was read to its end, and each row has a code."""
    if verdict.part.outline().get("is_truncated") is not False:
        return False
    return all(code is not None for code, _ in unread_codes(verdict, repairs))


def unread_codes(verdict: Verdict, repairs: Repairs) -> list[tuple[str | None, str | None]]:
    """The first and last codes of the rules of a version that could not be published."""
    table = PRIOR_AUTHORIZATION
    if not verdict.failed.get(table.name):
        return []
    columns = verdict.failed_rows(table).to_pylist()
    return [
        (row["code"], row["code_end"] or row["code"])
        for row in columns
        if not repairs.has(verdict, row | {"table": table.name})
    ]


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
    for name in _DATES:
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
        lines = lines_of(document.newest.failed_rows(TABLES[document.source.main_table]))
        return said | _of_part(document.newest.part) | {"quarantined": len(lines)}
    return said | _of_snapshot(document.versions[-1])
