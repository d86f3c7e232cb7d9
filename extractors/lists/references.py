"""Entries of an index that only refer to another: "Actemra, see Tocilizumab".

Knows how such an entry is printed, and by what one sees that a page's lines were taken for one
that are several, or a part of one. What the words name is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from extractors.lists.rows import ListRow
from schemas.codes import parse_expression, printable

_SEE = re.compile(r",\W?\s*(?:also\s+)?see\s+")
_SEE_AGAIN = re.compile(r"\bsee\b")


def split_reference(text: str) -> tuple[str, str | None]:
    """The name of an entry, and the name that it refers to, if any."""
    name, *see = _SEE.split(text, maxsplit=1)
    return name, see[0] if see else None


def doubtful_entries(rows: Sequence[ListRow]) -> dict[int, str]:
    """The numbers of rows whose words may be of several entries, or a part of one, and why.

    The words are those of each row's first column. A line that goes on from another begins with a
    small letter; with a capital it is the beginning of a name, whose rest stands below.
    """
    found = {}
    for number, row in enumerate(rows):
        why = next(_doubts(row), None)
        if why is not None:
            found[number] = why
    for above, below in pairwise(range(len(rows))):
        is_below = rows[below].labelled and not rows[below].labelled[0][1].strip()
        if is_below and (above in found or _is_unread(rows[above])):
            found.setdefault(below, "it goes on from the row above, which was not read for sure")
    return found


def _is_unread(row: ListRow) -> bool:
    code = row.cells.get("code", "")
    return row.fault is not None or (bool(code.strip()) and parse_expression(code) is None)


def _doubts(row: ListRow) -> Iterator[str]:
    words = row.labelled[0][1] if row.labelled else ""
    first, *more = words.splitlines() or [""]
    shown = repr(printable(words))
    name, see = split_reference(printable(words))
    for line in more:
        if line.strip()[:1].isupper() and not first.rstrip().endswith((",", "-")):
            yield f"{shown} may be two names: {printable(line)!r} begins with a capital"
    if see is None:
        return
    if row.cells.get("code", "").strip():
        yield f"{shown} refers to another name, but stands beside a code"
    if _SEE_AGAIN.search(see):
        yield f"{shown} may be several entries"
    if see.endswith((",", "-")):
        yield f"{shown} breaks off"
    if name[:1].islower():
        yield f"{shown} may be the end of another entry"
