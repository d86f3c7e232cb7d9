"""The release gate: what is read now may not silently take the place of what was published.

The document gate compares the versions of a document as they are read today. This gate compares
what would be published with the latest release, and so also sees what a change of our own (a
YAML, a reader, a lost file) does to a list that its payer did not touch. A document that fails
it keeps its rows of that release.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows.documents import Document
from flows.facts import column, comparison
from flows.releases import Release
from schemas.fields import Table, nullable_schema
from schemas.suites import COMPARISONS, document_checks
from schemas.tables import CODES, DOCUMENT_HISTORY, DOCUMENTS, PRIOR_AUTHORIZATION, TABLES

# The columns that the comparison looks at, as far as a table has them.
_COMPARED = ("row_key", "code", "pa_status", "sha256", "source_release")


def rows_of(
    release: Release, table: Table, source: str, columns: Sequence[str] | None = None
) -> pa.Table:
    """The rows that a release has of one source, in the columns that the table has now.

    All of them, or those in `columns`.
    """
    path = release.folder / f"{table.name}.parquet"
    schema = nullable_schema(table)
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    if not path.exists():
        return schema.empty_table()
    there = set(pq.read_schema(path).names)
    known = [name for name in schema.names if name in there]
    rows = pq.read_table(path, columns=known, filters=[("source", "=", source)])
    for field in schema:
        if field.name not in there:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows.select(schema.names).cast(schema)


def keep(document: Document, before: Release | None, accepted: Collection[str]) -> Document:
    """The document, or the same with its rows kept as in the release before.

    Names in `accepted` may differ: someone looked at the difference and wants it. So may versions
    that the source's `expect` accepts, against other versions.
    """
    if before is None:
        return document
    # The reason names no release: it would be another one, and so be news, at each refresh.
    reason = _objection(document, before, document.source.source in accepted)
    if reason is None:
        return document
    held = document.held_reason
    return replace(document, failure=f"{held}; {reason}" if held else reason, kept=before)


def _objection(document: Document, before: Release, accepted: bool) -> str | None:
    source = document.source
    if not source.extract:
        return None if accepted else _against_archiving(document, before)
    main = TABLES[source.main_table]
    compared = [name for name in _COMPARED if name in main.names]
    old = rows_of(before, main, source.source, compared)
    if not old.num_rows:
        rules = rows_of(before, PRIOR_AUTHORIZATION, source.source, ("row_key",)).num_rows
        if main is not PRIOR_AUTHORIZATION and rules and not accepted:
            return f"its {rules} published rules stay: it is no longer read as a list"
        return None
    if not document.versions:
        where = f"{source.source}/{source.document}"
        return f"the raw store has no version of {where}: restore it, or add one; its rows stay"
    if document.published is None:
        return "its rows stay as they were published"
    if accepted:
        return None
    now = document.published.part.snapshot
    published = set(column(old, "sha256"))
    versions = rows_of(before, DOCUMENT_HISTORY, source.source).to_pylist()
    good = [version for version in versions if version["outcome"] == "accepted"]
    if lost := _unread_now(document, published, good):
        return lost
    if now.sha256 not in published and now.sha256 in source.expect.accepted_versions:
        return None
    found = comparison(source, document.published.accepted_rows(main, compared), old)
    broken = [
        check.reason.replace("the last good version", "what is published")
        for check in document_checks(source.expect)
        if check.arguments["column"] in COMPARISONS
        and not check.admits(found[check.arguments["column"]])
    ]
    if not broken:
        return None
    return (
        f"read as it is now, {'; '.join(broken)}: look at the difference, then correct "
        f"sources/{source.source}.yml, or run precert refresh --accept {source.source} for an edit "
        f"of ours, or add {now.sha256} to expect.accepted_versions for a change by the payer"
    )


def _unread_now(
    document: Document, published: Collection[str], known: Iterable[Mapping[str, Any]]
) -> str | None:
    """Why rows stay whose version is none that is published now; of a code set any release.

    `known` are the good versions that the release before had.
    """
    accepted = [verdict.part.snapshot for verdict in document.accepted]
    if document.source.main_table == CODES.name:
        lost = set(published) - {snapshot.sha256 for snapshot in accepted}
        if not lost:
            return None
        return (
            f"its rows stay: {min(lost)} is a published release of it that cannot be read or "
            "accepted now; restore it, or run precert refresh --accept "
            f"{document.source.source} to leave its rows out"
        )
    seen = [version.first_seen for version in document.versions if version.sha256 in published]
    if not seen or seen[-1] > accepted[-1].first_seen:
        return "a later version of it is published, which cannot be read or accepted now"
    there = {version.sha256 for version in document.versions}
    if gone := [state for state in known if state["sha256"] not in there]:
        return (
            f"its rows stay: the raw store has no longer its version {gone[0]['sha256']}, first "
            f"seen on {gone[0]['first_seen'].date()}, and with it would go what was known then; "
            f"restore it, or run precert refresh --accept {document.source.source}"
        )
    return None


def _against_archiving(document: Document, before: Release) -> str | None:
    """Why a source that is only archived may not yet lose what the release before has of it."""
    name = document.source.source
    rows = sum(said["rows"] for said in before.said["balance"] if said["source"] == name)
    if rows:
        return (
            f"its {rows} published rows stay, though sources/{name}.yml says extract: false: "
            f"remove that, or run precert refresh --accept {name} to leave its rows out"
        )
    known = rows_of(before, DOCUMENTS, name)["status"].to_pylist()
    if not document.versions and set(known) - {"missing"}:
        where = f"{name}/{document.source.document}"
        return f"the raw store has no version of {where} any more: restore it, or add one"
    return None
