"""The tables `documents` and `document_history`, as far as each document says them by itself.

`documents` has what a release publishes, holds or lacks of each publication; `document_history`
every version that looks found, good or not, in the order of the looks. What follows from the rows
of other tables is added by `flows.publishing.contents`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from extractors.reference.code_states import newest_code_added_on
from extractors.reference.known_codes import KnownCodes
from flows.documents import Document
from flows.facts import column
from flows.parts import Part
from flows.publishing.code_reference import Repairs
from flows.publishing.document_rows import lines_of, quarantined_lines, superseded, version_rows
from flows.publishing.keep import rows_of
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
) -> list[dict[str, Any]]:
    """The rows of `document_history` of one document, in the order of the looks.

    Where its rows are kept of the release before, the versions that this release had are as it had
    them, though the raw store may have lost them; those that came since are held.
    """
    kept = _kept_versions(document)
    newest_kept = kept[-1]["first_seen"] if kept else None
    rows = []
    for snapshot in document.versions:
        before = next((row for row in kept if _is_of(row, snapshot)), None)
        if before is not None:
            kept.remove(before)
            seen = {
                "first_seen": min(before["first_seen"], snapshot.first_seen),
                "last_seen": max(before["last_seen"], snapshot.last_seen),
            }
            rows.append(before | seen)
            continue
        found = _common(document) | _of_snapshot(snapshot)
        is_later = newest_kept is not None and snapshot.first_seen > newest_kept
        verdict = None if is_later else _good(document, snapshot)
        if not document.source.extract:
            found |= {"outcome": "archived", "is_whole": False}
        elif verdict is not None:
            found |= _accepted(document, verdict, repairs, known, days)
        else:
            reason = document.held.get(snapshot.first_seen, document.held_reason)
            found |= {"outcome": "held", "is_whole": False, "held_reason": reason}
        rows.append({name: found.get(name) for name in DOCUMENT_HISTORY.names})
    rows = sorted([*rows, *kept], key=lambda row: row["first_seen"])
    for row, after in zip(rows, [*rows[1:], None], strict=False):
        row["known_until"] = after and after["first_seen"]
    return rows


def _is_of(row: Mapping[str, Any], snapshot: Snapshot) -> bool:
    """Whether a row tells of the same run of looks as a version in the raw store."""
    is_same: bool = row["sha256"] == snapshot.sha256
    return is_same and (
        row["first_seen"] <= snapshot.last_seen and snapshot.first_seen <= row["last_seen"]
    )


def _good(document: Document, snapshot: Snapshot) -> Verdict | None:
    """The verdict on a version that is good."""
    for verdict in document.accepted:
        if verdict.part.snapshot.first_seen == snapshot.first_seen:
            return verdict
    return None


def _kept_versions(document: Document) -> list[dict[str, Any]]:
    """The versions that the release has whose rows are kept, in the order of their looks."""
    if document.kept is None:
        return []
    rows = rows_of(document.kept, DOCUMENT_HISTORY, document.source.source).to_pylist()
    if rows:
        return rows
    # A release of before there was a history knows what it publishes.
    return [
        {name: state.get(name) for name in DOCUMENT_HISTORY.names}
        | {"outcome": "accepted", "is_whole": False, "held_reason": None}
        for state in rows_of(document.kept, DOCUMENTS, document.source.source).to_pylist()
        if state["status"] in PUBLISHED_STATUSES
    ]


def _accepted(
    document: Document,
    verdict: Verdict,
    repairs: Repairs,
    known: KnownCodes,
    days: Mapping[str, date],
) -> dict[str, Any]:
    main = TABLES[document.source.main_table]
    rows = 0
    codes: set[Any] = set()
    for table in DOCUMENT_TABLES:
        rows += verdict.count(table) + repairs.of(verdict, table).num_rows
        if table is not CODES and "code" in table.names:
            codes |= set(column(version_rows(verdict, table, repairs, ("code",)), "code"))
    day = days[verdict.part.snapshot.sha256]
    return _of_part(verdict.part) | {
        "outcome": "accepted",
        "is_whole": unread_of(verdict, repairs).is_whole,
        "rows": rows,
        "quarantined": len(quarantined_lines(verdict, main, repairs)),
        "newest_code_added_on": newest_code_added_on(codes - {None}, known, day),
    }


@dataclass(frozen=True, slots=True)
class Unread:
    """What a version may have that was not read: the rules of some codes, or any where not whole.

    `codes` are the first and last codes of the rules in quarantine.
    """

    codes: tuple[tuple[str, str], ...]
    is_whole: bool


def unread_of(verdict: Verdict, repairs: Repairs) -> Unread:
    """What a good version may have that was not read."""
    table = PRIOR_AUTHORIZATION
    is_whole = _is_truncated(verdict.part.outline()) is False
    codes = []
    for row in verdict.failed_rows(table).to_pylist() if verdict.failed.get(table.name) else ():
        if repairs.has(verdict, row | {"table": table.name}):
            continue
        if row["code"] is None:
            is_whole = False
        else:
            codes.append((row["code"], row["code_end"] or row["code"]))
    return Unread(tuple(codes), is_whole)


def _is_truncated(outline: Mapping[str, Any]) -> bool | None:
    """Whether a version ends in the middle; None where it is not known what it lacks."""
    is_truncated: bool | None = outline.get("is_truncated")
    left_unread = any(problem["leaves_unread"] for problem in outline["problems"])
    return None if left_unread and not is_truncated else is_truncated


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
        "is_truncated": _is_truncated(outline),
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
