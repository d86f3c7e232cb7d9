"""The rows of one document that a release publishes, version by version.

Knows that misprinted codes are repaired, and that rows may be kept of the release before. What a
row's code is in the code reference, and what follows from several documents, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from flows.documents import Document
from flows.facts import column
from flows.publishing.code_reference import Repairs
from flows.publishing.keep import rows_of
from flows.validate import Verdict
from schemas.fields import Table, nullable_schema
from schemas.tables import CODES

Line = tuple[int, int, str]


def version_rows(
    verdict: Verdict, table: Table, repairs: Repairs, columns: Sequence[str] | None = None
) -> pa.Table:
    """The published rows of one table in a version: those that passed, then those repaired."""
    rows = verdict.accepted_rows(table, columns)
    repaired = repairs.of(verdict, table)
    if not repaired.num_rows:
        return rows
    if columns is not None:
        repaired = repaired.select(columns)
    return pa.concat_tables([rows, repaired], promote_options="default")


def published_rows(document: Document, table: Table, repairs: Repairs) -> pa.Table:
    """The rows of one table that a document publishes, in the table's columns."""
    if document.kept is not None:
        return rows_of(document.kept, table, document.source.source)
    schema = nullable_schema(table)
    if document.published is None:
        return schema.empty_table()
    return version_rows(document.published, table, repairs).select(schema.names).cast(schema)


def superseded(document: Document) -> tuple[Verdict, ...]:
    """The earlier versions whose rows are published beside those of the newest: of a code set."""
    if document.source.main_table != CODES.name or document.kept is not None:
        return ()
    return document.accepted[:-1]


def shown_verdicts(document: Document) -> list[Verdict]:
    """The verdicts whose data docs a release shows: the published and the newest one."""
    found = {verdict.name: verdict for verdict in (document.published, document.newest) if verdict}
    return list(found.values())


def lines_of(rows: pa.Table) -> set[Line]:
    """The lines that rows were read from; a web page may have its whole table on one."""
    names = ("page", "line", "raw_text")
    return set(zip(*(column(rows, name) for name in names), strict=True))


def quarantined_lines(verdict: Verdict, table: Table, repairs: Repairs) -> set[Line]:
    """The lines of a version that gave rows in quarantine and none that is published."""
    if not verdict.failed.get(table.name):
        return set()
    return lines_of(verdict.failed_rows(table)) - lines_of(version_rows(verdict, table, repairs))
