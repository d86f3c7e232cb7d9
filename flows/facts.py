"""The facts of one document that its gate judges, and the evidence for each.

Counts and shares only; which of them are too many or too few is the source's `expect` to say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from schemas.provenance import digest
from schemas.source import Source
from schemas.suites import Facts

# A row of a list: its key and what it says, or the key alone in tables that have no status.
_Statuses = dict[str, str | None]
# A status with the first day on which it holds and the first on which it no longer does.
_Spell = tuple[date, date, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """The facts, and for some of them the words that show a reader where to look."""

    facts: Facts
    evidence: Mapping[str, Sequence[str]]


def column(rows: pa.Table, name: str) -> list[Any]:
    """The values of one column."""
    return rows[name].to_pylist()


def measure(
    source: Source,
    outline: Mapping[str, Any],
    *,
    candidates: int,
    rows: pa.Table,
    before: pa.Table | None,
    reasons: Iterable[str],
) -> Measured:
    """The facts of a document whose main table had `candidates` rows, of which `rows` passed.

    `before` are the rows of the last good version, `reasons` those of the quarantined rows. Only
    lists are compared with what they were: a bulletin may be written anew.
    """
    statuses = _statuses(rows)
    repeated, contradictory = _repeated(rows), contradictions(rows, source)
    held_by = [problem["message"] for problem in outline["problems"] if problem["holds"]]
    commonest = [f"{times} x {why}" for why, times in Counter(reasons).most_common(3)]
    tally = outline.get("tally")
    # A section stands for many lines, none of which may be missing from what is published.
    lost_sections = candidates - rows.num_rows if source.table is None else 0
    return Measured(
        Facts(
            rows=rows.num_rows,
            quarantined_share=(candidates - rows.num_rows) / candidates if candidates else 0.0,
            unaccounted_lines=(tally["unaccounted"] if tally else 0) + lost_sections,
            holding_problems=len(held_by),
            repeated_keys=len(repeated),
            contradictory_codes=len(contradictory),
            unknown_share=_share(list(statuses.values()).count("unknown"), len(statuses)) or 0.0,
            **comparison(source, rows, before),
        ),
        {
            "rows": commonest,
            "quarantined_share": commonest,
            "holding_problems": held_by,
            "repeated_keys": repeated,
            "contradictory_codes": contradictory,
        },
    )


def comparison(source: Source, rows: pa.Table, before: pa.Table | None) -> dict[str, float | None]:
    """The facts that hold the rows of a list against those that it had, by their names.

    Empty where there is nothing to compare: no list, or none before.
    """
    statuses = _statuses(rows)
    old = _statuses(before) if before is not None and source.table is not None else {}
    common = statuses.keys() & old.keys()
    return {
        "share_of_last": _share(len(statuses), len(old)),
        "overlap": _share(len(common), len(old)),
        "flipped_share": _share(sum(statuses[k] != old[k] for k in common), len(common)),
    }


def _statuses(rows: pa.Table) -> _Statuses:
    # Versions of a code set are compared code by code, whatever the dates of a code's records.
    keys = column(rows, "code" if "source_release" in rows.column_names else "row_key")
    if "pa_status" not in rows.column_names:
        return dict.fromkeys(keys)
    return dict(zip(keys, column(rows, "pa_status"), strict=True))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _repeated(rows: pa.Table) -> list[str]:
    """The places at which an identity stands again."""
    seen: set[str] = set()
    places = []
    for key, page, line in zip(
        *(column(rows, c) for c in ("row_key", "page", "line")), strict=True
    ):
        if key in seen:
            places.append(f"again at page {page}, line {line}")
        seen.add(key)
    return places


def contradictions(rows: pa.Table, source: Source) -> list[str]:
    """The codes to which one list gives two statuses for the same scope and day, in order."""
    if "pa_status" not in rows.column_names:
        return []
    scope = ["code", "code_end", "code_pattern", "modifiers", "line_of_business", "state"]
    if source.expect.sections_may_differ:
        scope.append("section")
    found: dict[tuple[str, str], set[_Spell]] = defaultdict(set)
    said = ["pa_status", "effective_from", "effective_to"]
    for row in rows.select([*scope, *said]).to_pylist():
        spell = (row["effective_from"] or date.min, row["effective_to"] or date.max)
        found[row["code"], digest(row[name] for name in scope)].add((*spell, row["pa_status"]))
    return sorted({code for (code, _), spells in found.items() if _has_two_at_once(spells)})


def _has_two_at_once(spells: Iterable[_Spell]) -> bool:
    """Whether two statuses hold on one day."""
    ends: dict[str, date] = {}
    for first, end, status in sorted(spells):
        if any(other != status and first < until for other, until in ends.items()):
            return True
        ends[status] = max(end, ends.get(status, end))
    return False
