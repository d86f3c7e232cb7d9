"""The fate of every line of every published document, and that it adds up.

    lines seen = header lines + lines published + lines in quarantine + lines ignored by a rule

The numbers of the reader are held against the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.documents import Document
from flows.publishing.code_reference import Repairs
from flows.publishing.document_rows import lines_of, quarantined_lines, superseded, version_rows
from flows.validate import Verdict
from schemas.source import Source
from schemas.tables import DOCUMENT_TABLES, TABLES


class Unbalanced(RuntimeError):
    """A document with lines that nothing explains, or that are explained twice."""


def balances(documents: Iterable[Document], repairs: Repairs) -> list[dict[str, Any]]:
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


def _balance(source: Source, verdict: Verdict, repairs: Repairs) -> dict[str, Any]:
    tally = verdict.part.outline()["tally"]
    row_lines, quarantined = tally["row_lines"], 0
    if source.table is not None:
        main = TABLES[source.main_table]
        places = version_rows(verdict, main, repairs, ("page", "line", "raw_text"))
        row_lines = len(lines_of(places))
        quarantined = len(quarantined_lines(verdict, main, repairs))
    balanced = {
        "source": source.source,
        "document": source.document,
        "sha256": verdict.part.snapshot.sha256,
        "lines_seen": tally["lines_seen"],
        "headers": tally["headers"],
        "row_lines": row_lines,
        "quarantined": quarantined,
        "ignored": tally["ignored"],
        "rows": sum(verdict.count(table) for table in DOCUMENT_TABLES),
    }
    explained = tally["headers"] + row_lines + quarantined + sum(tally["ignored"].values())
    if explained != tally["lines_seen"]:
        raise Unbalanced(
            f"{verdict.part.snapshot}: {tally['lines_seen']} lines were seen and {explained} are "
            "explained; nothing is published until they balance"
        )
    return balanced
