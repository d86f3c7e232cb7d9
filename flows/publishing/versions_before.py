"""The versions that a release before published, as they are read now.

Where a publication changed since and we read it otherwise too, the difference between two releases
is of both. Between them stands the version before as it is read now: what differs from there to
the release before is our doing. Which rows differ is for `flows.publishing.compare` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from extractors.reference.same_bulletins import FILLED
from flows.documents import Document
from flows.publishing.code_reference import Reference
from flows.publishing.compare import Between
from flows.publishing.document_rows import version_rows
from flows.publishing.keep import rows_of
from flows.publishing.spool import Spool
from flows.publishing.table_files import write_rows
from flows.releases import Release
from flows.validate import Verdict
from schemas.fields import nullable_schema
from schemas.tables import CODES, DOCUMENT_TABLES, DOCUMENTS, PUBLISHED_STATUSES


def versions_before(
    documents: Iterable[Document], reference: Reference, before: Release, folder: Path
) -> Between | None:
    """The rows of versions before, written into `folder`; None where there is no such version."""
    spool = Spool(folder / ".spool")
    sources = []
    merged = _merged(before)
    for document, verdict in _read_otherwise(documents, before):
        sources.append(document.source.source)
        for table in DOCUMENT_TABLES:
            is_left_out = table.name in FILLED and document.source.source in merged
            if verdict.part.count(table) and not is_left_out:
                rows = version_rows(verdict, table, reference.repairs)
                schema = nullable_schema(table)
                spool.add(table, reference.with_states(rows.select(schema.names).cast(schema)))
    if not sources:
        return None
    for table in DOCUMENT_TABLES:
        write_rows(table, spool.in_order(table), folder / f"{table.name}.parquet")
    spool.close()
    return Between(folder, tuple(sources), tuple(merged))


def _merged(before: Release) -> set[str]:
    """The sources that had a bulletin in common with another one."""
    rows = pq.read_table(before.folder / f"{DOCUMENTS.name}.parquet", columns=["source", "same_as"])
    pairs = [(row["source"], row["same_as"]) for row in rows.to_pylist() if row["same_as"]]
    return {source for pair in pairs for source in pair}


def _read_otherwise(
    documents: Iterable[Document], before: Release
) -> Iterator[tuple[Document, Verdict]]:
    """The documents with a new version whose version before is read otherwise now, with that."""
    readings = {
        verdict.rsplit(".", 1)[0]
        for said in before.said["inputs"]["documents"]
        # Rows that were kept then were not read as the verdicts of then have them.
        if not said["kept"]
        for verdict in said["verdicts"]
    }
    for document in documents:
        now = document.published
        if now is None or document.source.main_table == CODES.name:
            continue
        published = {
            state["sha256"]
            for state in rows_of(before, DOCUMENTS, document.source.source).to_pylist()
            if state["status"] in PUBLISHED_STATUSES
        }
        if not published or now.part.snapshot.sha256 in published:
            continue
        for verdict in document.accepted:
            if verdict.part.snapshot.sha256 in published and verdict.part.name not in readings:
                yield document, verdict
                break
