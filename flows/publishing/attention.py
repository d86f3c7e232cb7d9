"""What a reader of a release must know beside its rows: what is held, cut or in quarantine.

How a release came to be so is not known here.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flows.releases import PARQUET, opened
from schemas.tables import PUBLISHED_STATUSES, UNREAD_STATUSES

# Versions whose rows in quarantine are told: those that a reader has or waits for.
_TOLD_STATUSES = (*PUBLISHED_STATUSES, "held")
_UNREAD = {
    "archived": "archived in raw/ and not read (extract: false)",
    "missing": "waiting for a first snapshot (fetch it, or precert add)",
}
_STATES = f"""
SELECT source, status, held_reason, problems, sha256 FROM {PARQUET} ORDER BY source, document
"""
_QUARANTINED = f"""
SELECT source, sha256, page, line, code, reasons FROM {PARQUET}
WHERE (source, sha256) IN (
    SELECT (source, sha256) FROM read_parquet($documents, hive_partitioning = false)
    WHERE status IN {_TOLD_STATUSES}
)
"""


def attention(states: Iterable[dict[str, Any]], quarantined: Iterable[dict[str, Any]]) -> list[str]:
    """One line for each thing amiss with the rows of `documents` and `quarantine` given.

    Sources of which nothing was ever retrieved are told in one line: they are no trouble, and a
    clone that has no network has many. So are those that are only archived. Rows in quarantine of
    versions that are no longer told of are left out.
    """
    states = tuple(states)
    lines = []
    unread: dict[str, list[str]] = {status: [] for status in UNREAD_STATUSES}
    for state in states:
        if state["status"] in unread:
            unread[state["status"]].append(state["source"])
        elif state["status"] not in ("current", "superseded"):
            reason = f": {state['held_reason']}" if state["held_reason"] else ""
            lines.append(f"{state['source']}: {state['status']}{reason}")
        if state["status"] in PUBLISHED_STATUSES:
            lines += [f"{state['source']}: {problem}" for problem in state["problems"] or ()]
    lines += [f"{_UNREAD[status]}: {', '.join(names)}" for status, names in unread.items() if names]
    told = {(s["source"], s["sha256"]) for s in states if s["status"] in _TOLD_STATUSES}
    for row in quarantined:
        if (row["source"], row["sha256"]) in told:
            lines.append(
                f"{row['source']}: in quarantine, page {row['page']}, line {row['line']}"
                f"{', ' + row['code'] if row['code'] else ''}: {'; '.join(row['reasons'])}"
            )
    return lines


def attention_in(folder: Path, most: int) -> tuple[list[str], int]:
    """The first lines of what is amiss in a release's folder, at most so many, and how many more.

    However many rows are in quarantine, only those that are told are read.
    """
    paths = {
        name: glob.escape(str(folder / f"{name}.parquet")) for name in ("documents", "quarantine")
    }
    with opened() as connection:
        found = connection.execute(_STATES, {"path": paths["documents"]})
        names = [column[0] for column in found.description or ()]
        states = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        of = {"path": paths["quarantine"], "documents": paths["documents"]}
        counted = connection.execute(f"SELECT count(*) FROM ({_QUARANTINED})", of).fetchone()
        found = connection.execute(
            f"{_QUARANTINED} ORDER BY source, document, page, line LIMIT {most}", of
        )
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    lines = attention(states, rows)
    unread = (counted[0] if counted else 0) - len(rows)
    return lines[:most], unread + len(lines[most:])
