"""The columns that say of a row's code whether it was valid, for the rows of any table.

Knows which columns and flags these are, and that a row is judged by the day of its document. What
the code reference says is asked of it; which day a document speaks of is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from extractors.reference.known_codes import KnownCodes
from schemas.codes import system_of

ENDED = "code_ended"
NOT_YET_VALID = "code_not_yet_valid"
NOT_IN_REFERENCE = "code_not_in_reference"
# The flags of a row that are of its code and not of the row.
REFERENCE_FLAGS = (ENDED, NOT_YET_VALID, NOT_IN_REFERENCE)
# Separates flags where a list of them is compared as one text; no flag has it.
_JOINT = "|"

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Said:
    """What the reference says of one code, range or wildcard on one day."""

    code_active: bool | None = None
    code_active_on: date | None = None
    code_ended_on: date | None = None
    code_replaced_by: tuple[str, ...] | None = None
    code_members: tuple[str, ...] | None = None
    flag: str | None = None


_NOTHING = _Said()


def with_code_states(rows: pa.Table, days: Mapping[str, date], known: KnownCodes) -> pa.Table:
    """The rows with the columns code_active to code_members and their flags filled anew.

    `days` has the day of each document by the sha256 of its snapshot; a row whose document has
    none, or that names no code, says nothing. A table that lacks some of the columns, or has no
    flags, stays without them.
    """
    wanted = [name for name in _Said.__slots__ if name in rows.schema.names]
    if not rows.num_rows or "code" not in rows.schema.names:
        return rows
    codes, code_of = _distinct(rows["code"])
    dated, day_of = _days(rows["sha256"], days)
    ends, end_of = [None], np.zeros(rows.num_rows, np.int64)
    if "code_end" in rows.schema.names:
        ends, end_of = _distinct(rows["code_end"])
    combined = (code_of * len(ends) + end_of) * len(dated) + day_of
    asked, said_of = _unique(combined)
    said = []
    for number in asked.tolist():
        code, end = divmod(number // len(dated), len(ends))
        said.append(_said(codes[code], ends[end], dated[number % len(dated)], known))
    for name in wanted:
        if name == "flag":
            continue
        kind = rows.schema.field(name)
        values = pa.array([getattr(one, name) for one in said], kind.type)
        rows = rows.set_column(rows.schema.get_field_index(name), kind, values.take(said_of))
    return _with_flags(rows, said, said_of) if "flags" in rows.schema.names else rows


def newest_code_added_on(codes: Iterable[str], known: KnownCodes, on: date) -> date | None:
    """The first day of the newest of some codes; None where the reference knows none of them.

    A code that began after `on` does not count: a document cannot be newer than its own day, so
    such a code was announced in advance or is a mistake, which code_not_yet_valid tells.
    """
    days = (known.added_on(code) for code in set(codes))
    return max((day for day in days if day is not None and day <= on), default=None)


def _said(code: str | None, end: str | None, day: date | None, known: KnownCodes) -> _Said:
    if code is None or day is None:
        return _NOTHING
    return _of_single(code, day, known) if end is None else _of_range(code, end, day, known)


def _of_single(code: str, day: date, known: KnownCodes) -> _Said:
    state = known.state(code, day)
    if state is None:
        return _NOTHING
    if state.is_active is None:
        return _NOTHING if known.listed(code, code) else _Said(flag=_missing(code, day, known))
    flag = NOT_YET_VALID if state.began_later else None if state.is_active else ENDED
    replaced_by = tuple(filter(system_of, state.replaced_by)) or None
    return _Said(state.is_active, state.on, state.ended_on, replaced_by, flag=flag)


def _of_range(first: str, last: str, day: date, known: KnownCodes) -> _Said:
    """Of a range: whether any of its codes was valid, and which; flagged where they all agree."""
    listed = known.listed(first, last)
    if listed is None:
        return _NOTHING
    states = [state for code in listed if (state := known.state(code, day))]
    if not states:
        return _Said(flag=_missing(first, day, known))
    members = tuple(
        code for code, state in zip(listed, states, strict=True) if state.is_active is True
    )
    if members:
        return _Said(True, states[0].on, code_members=members)
    if any(state.is_active is None for state in states):
        return _NOTHING
    is_later = all(state.began_later for state in states)
    return _Said(False, states[0].on, flag=NOT_YET_VALID if is_later else ENDED)


def _missing(code: str, day: date, known: KnownCodes) -> str | None:
    """The flag of a code that the reference lacks, where it should have it."""
    begins, reaches = known.begins, known.reaches
    if begins is None or reaches is None or system_of(code) != "HCPCS":
        return None
    return NOT_IN_REFERENCE if begins <= day <= reaches else None


def _days(
    sha256: pa.ChunkedArray[Any], days: Mapping[str, date]
) -> tuple[list[date | None], Numbers]:
    """The days of the documents, none among them, and the number of its day for each row."""
    files, file_of = _distinct(sha256)
    of_file = [days.get(name or "") for name in files]
    dated = list(dict.fromkeys(of_file))
    return dated, np.array([dated.index(day) for day in of_file], np.int64)[file_of]


def _distinct(column: pa.ChunkedArray[Any]) -> tuple[list[Any], Numbers]:
    """The values of a column, null among them, and the number of its value for each row."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _unique(numbers: Numbers) -> tuple[Numbers, Numbers]:
    values, of_row = np.unique(numbers, return_inverse=True)
    return values, of_row


def _with_flags(rows: pa.Table, said: list[_Said], said_of: Numbers) -> pa.Table:
    """The rows with the three flags as said, whatever they had of them before."""
    added = (None, *REFERENCE_FLAGS)
    flag_of = np.array([added.index(one.flag) for one in said], np.int64)[said_of]
    joined = pc.call_function("binary_join", [rows["flags"], _JOINT])
    present, present_of = _distinct(joined)
    asked, flags_of = _unique(present_of * len(added) + flag_of)
    lists = []
    for number in asked.tolist():
        printed = (present[number // len(added)] or "").split(_JOINT)
        kept = {flag for flag in printed if flag and flag not in REFERENCE_FLAGS}
        flag = added[number % len(added)]
        lists.append(sorted(kept | {flag} if flag else kept) or None)
    column = rows.schema.field("flags")
    values = pa.array(lists, column.type).take(flags_of)
    return rows.set_column(rows.schema.get_field_index("flags"), column, values)
