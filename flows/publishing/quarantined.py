"""The table `quarantine`: every row that a release does not publish, as printed.

Of a list the rows of earlier good versions too, so that an answer about a day in the past knows
what could not be read then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from flows.documents import Document
from flows.facts import column
from flows.publishing.code_reference import Repairs
from flows.publishing.document_rows import shown_verdicts
from flows.publishing.keep import rows_of
from flows.releases import Release
from flows.validate import Verdict
from schemas.fields import nullable_schema
from schemas.source import Source
from schemas.tables import CODES, DOCUMENT_HISTORY, PRIOR_AUTHORIZATION, QUARANTINE, TABLES

# The main tables of documents whose earlier versions count too.
_EARLIER_COUNT = (CODES.name, PRIOR_AUTHORIZATION.name)


def quarantine(documents: Iterable[Document], repairs: Repairs) -> pa.Table:
    """The rows in quarantine, each once, in no order."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for document in documents:
        if document.kept is not None:
            for row in _kept(document.kept, document.source):
                found[_place(row)] = row
        for verdict in _told(document):
            for row in verdict.rejections():
                if repairs.has(verdict, row):
                    continue
                shown = {column: row.get(column) for column in QUARANTINE.names}
                found[_place(shown)] = shown
    return pa.Table.from_pylist(list(found.values()), schema=nullable_schema(QUARANTINE))


def _told(document: Document) -> Iterator[Verdict]:
    if document.source.main_table in _EARLIER_COUNT and document.kept is None:
        yield from document.accepted[:-1]
    yield from shown_verdicts(document)


def _kept(release: Release, source: Source) -> list[dict[str, Any]]:
    """The quarantined rows of the versions whose published rows are kept."""
    kept = rows_of(release, TABLES[source.main_table], source.source)
    versions, keys = set(column(kept, "sha256")), set(column(kept, "row_key"))
    earlier = set()
    if source.main_table == PRIOR_AUTHORIZATION.name:
        known = rows_of(release, DOCUMENT_HISTORY, source.source).to_pylist()
        earlier = {each["sha256"] for each in known if each["outcome"] == "accepted"} - versions
    return [
        row
        for row in rows_of(release, QUARANTINE, source.source).to_pylist()
        if row["sha256"] in earlier or (row["sha256"] in versions and row["row_key"] not in keys)
    ]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("table", "row_key", "sha256", "page", "line"))
