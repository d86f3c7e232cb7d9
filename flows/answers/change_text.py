"""Changes as a table for people, as JSON and as CSV, each written as the changes come.

Which changes are told is not known here.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TextIO

from flows.answers.change_words import OUR_CAUSES, differences, subject
from flows.answers.changes import Change
from flows.spreadsheet_text import neutral
from flows.table_text import aligned

# Lines of the table; CSV and JSON have every change.
SHOWN = 200
_WIDTH = 36
_HEADER = ("release", "op", "cause", "table", "payer", "code", "fields", "materiality")
# What a CSV has of the row itself: as it is, or as it was before it went.
_OF_ROW = (
    "line_of_business",
    "state",
    "section",
    "description",
    "reviewer",
    "notes",
    "effective_from",
    "effective_to",
    "source",
)
COLUMNS = (
    "release",
    "released_at",
    "payer",
    "table",
    "code",
    "about",
    "op",
    "materiality",
    "cause",
    "differences",
    "pa_status_before",
    "pa_status_after",
    *_OF_ROW,
    "fields_changed",
    "steps",
    "row_key",
)


def table(found: Iterator[Change]) -> str | None:
    """The first changes as a table, how many more there are, and what a cause means; None for none.

    A cause that is the publication's needs no explanation.
    """
    shown = list(islice(found, SHOWN))
    if not shown:
        return None
    more = Counter(change.payer for change in found)
    lines = [aligned(_HEADER, map(_cells, shown))]
    if more:
        payers = ", ".join(f"{payer or 'no payer'} {n:,}" for payer, n in more.most_common())
        lines += ["", f"and {more.total():,} more ({payers}): --csv and --json have them all"]
    causes = {change.cause for change in shown} & OUR_CAUSES.keys()
    if causes:
        lines.append("")
    lines += [
        f"cause {cause}: {meaning}; the publication need not have changed"
        for cause, meaning in OUR_CAUSES.items()
        if cause in causes
    ]
    return "\n".join(lines)


def write_json(found: Iterable[Change], out: TextIO) -> int:
    """Write one JSON array with a change on each line, in ASCII; how many there were."""
    written = 0
    out.write("[")
    for change in found:
        out.write(",\n" if written else "")
        out.write(_json(change))
        written += 1
    out.write("]\n")
    return written


def write_csv(found: Iterable[Change], out: TextIO) -> int:
    """Write CSV with a header, no cell of which a spreadsheet takes for a formula; how many."""
    written = 0
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for change in found:
        rows.writerow(["" if cell is None else neutral(str(cell)) for cell in _csv_cells(change)])
        written += 1
    return written


def _json(change: Change) -> str:
    said = {
        "release": change.release.id,
        "released_at": change.release.created_at.isoformat(),
        "op": change.op,
        "cause": change.cause,
        "table": change.table,
        "payer": change.payer,
        "code": change.code,
        "fields_changed": change.fields_changed,
        "materiality": change.materiality,
        "row_key": change.row_key,
        "steps": change.steps,
    }
    ends = f'"before": {_ascii(change.before)}, "after": {_ascii(change.after)}'
    return f"{json.dumps(said)[:-1]}, {ends}}}"


def _ascii(content: str | None) -> str:
    """Content that is JSON already, in ASCII."""
    if content is None:
        return "null"
    return content if content.isascii() else json.dumps(json.loads(content))


def _csv_cells(change: Change) -> tuple[object, ...]:
    before, after = change.contents()
    content = after or before
    return (
        change.release.id,
        change.release.created_at.isoformat(),
        change.payer,
        change.table,
        change.code,
        subject(change.code, content, change.row_key),
        change.op,
        change.materiality,
        change.cause,
        "; ".join(_fields(change, before, after)),
        before.get("pa_status"),
        after.get("pa_status"),
        *(content.get(name) for name in _OF_ROW),
        "; ".join(change.fields_changed),
        change.steps,
        change.row_key,
    )


def _cells(change: Change) -> tuple[object, ...]:
    before, after = change.contents()
    content = after or before
    fields = list(_fields(change, before, after, _WIDTH))
    if not fields and "pa_status" in content:
        fields = [f"pa_status: {content['pa_status']}"]
    return (
        change.release.id,
        change.op,
        change.cause,
        change.table,
        change.payer,
        subject(change.code, content, change.row_key),
        "; ".join(fields),
        change.materiality,
    )


def _fields(
    change: Change, before: dict[str, Any], after: dict[str, Any], width: int = sys.maxsize
) -> Iterator[str]:
    """What differs in a row that was there and still is."""
    if change.op == "modify":
        for differs in differences(change.fields_changed, before, after, width):
            yield f"{differs.column}: {differs.before} -> {differs.after}"
