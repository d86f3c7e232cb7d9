"""Rows that failed only since I, L and 1, or O and 0, were confused in their code.

A code is repaired where the code reference has exactly one code that it may be, and no other row
of the document has that one already. What was printed stays in code_raw. A row that failed for
anything else besides stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from datetime import date
from typing import Any

import pyarrow as pa

from extractors.lists.cell_notes import no_code
from extractors.records import add_hashes
from extractors.reference.known_codes import KnownCodes
from schemas.codes import LICENSES, repaired, repairs, split_marks, system_of, visible
from schemas.fields import Table

REPAIRED = "code_repaired"


def repaired_rows(
    table: Table, failed: pa.Table, known: KnownCodes, day: date, taken: Container[str]
) -> pa.Table:
    """The candidate rows of a table that a repair of their code makes whole, in the order given.

    `failed` are the candidate rows of one document that failed, `taken` the codes of all its other
    rows, `day` the day that it speaks of. The rows have their code, the flag code_repaired and new
    hashes, and no faults; the row gate has yet to judge the rest of them. They are told from the
    failed ones by code_raw and place, which stay.
    """
    found = [row for row in failed.to_pylist() if _is_repaired(row, known, day)]
    for row in found:
        row["flags"] = sorted({*(row["flags"] or ()), REPAIRED})
        row["faults"] = None
        if "description_license" in row:
            row["description_license"] = LICENSES[row["code_system"]]
    # Each by itself, so that two rows with one identity are seen to have it.
    for row in found:
        add_hashes(table, [row], Counter())
    times = Counter(row["row_key"] for row in found)
    free = [row for row in found if times[row["row_key"]] == 1 and row["code"] not in taken]
    return pa.Table.from_pylist(free, schema=failed.schema)


def _is_repaired(row: dict[str, Any], known: KnownCodes, day: date) -> bool:
    """Gives a row the code that was meant, if it is known."""
    printed = row["code_raw"]
    if row["code"] is not None or printed is None or row["faults"] not in _faults(printed):
        return False
    if split_marks(printed)[1]:
        # Its footnotes were not read, and they may change what the row says.
        return False
    choices = (visible(printed).upper(), *repairs(printed))
    code = repaired(printed, {choice for choice in choices if known.has(choice, day)})
    if code is None:
        return False
    row |= {"code": code, "code_system": system_of(code)}
    if "entry" in row:
        row["entry"] = None  # it stands for a code, where there is none
    return True


def _faults(printed: str) -> tuple[list[str], ...]:
    """The faults of a row of which nothing but its code is wrong, in rules and in other tables."""
    return [no_code(printed)], [f"{printed!r} is not a code"]
