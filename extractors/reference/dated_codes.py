"""From the releases of a code set to dated versions of its codes.

Each release repeats nearly all that the one before said. Here releases that say the same of a code
become one version of it, and each version gets the days between which it held. Corrections are
applied to the release that they correct. The result is a function of the set of rows: in which
order releases became known does not matter. How releases are laid out is not known here, nor
which of two files of one release came later: of those the last by its hash counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from extractors.records import add_hashes
from schemas.codes import LICENSES
from schemas.fields import nullable_schema
from schemas.tables import CODES

# What two releases must agree in to have the same version of a code. `is_noc` is one more, where
# both know it.
_CONTENT = (
    "added_on",
    "terminated_on",
    "short_description",
    "long_description",
    "cross_references",
    "coverage",
    "betos",
    "pricing",
)
# The columns of a correction that replace those of the row they correct.
_CORRECTED = (
    "short_description",
    "long_description",
    "cross_references",
    "coverage",
    "betos",
    "pricing",
)
_PLACE = ("source", "document", "sha256", "url", "page", "line", "raw_text", "bbox")
_MONTHS_OF_RELEASE = 3
_DAY = timedelta(days=1)

Code = tuple[str, str]  # code system and code


@dataclass(frozen=True, slots=True)
class _Version:
    """A version of a code: the rows of the first and the last release that have it.

    Rows are told by their number. `basis` is what `begins` rests on.
    """

    content: tuple[Any, ...]
    begins: date
    basis: str
    first_row: int
    last_row: int
    first_release: str
    last_release: str
    is_noc: bool | None
    is_corrected: bool


@dataclass(frozen=True, slots=True)
class _Printed:
    """What one release has of a code, as far as versions depend on it."""

    row: int
    content: tuple[Any, ...]
    stated: date | None
    added_on: date | None
    is_noc: bool | None
    is_corrected: bool
    is_reactivated: bool


def release_begins(release: str) -> date:
    """The first day of a release such as 2025-10."""
    return date(int(release[:4]), int(release[5:7]), 1)


def release_ends(release: str) -> date:
    """The last day of the quarter that begins with a release."""
    months = int(release[:4]) * 12 + int(release[5:7]) - 1 + _MONTHS_OF_RELEASE
    return date(months // 12, months % 12 + 1, 1) - _DAY


def dated_codes(printed: pa.Table, corrections: pa.Table) -> pa.Table:
    """The rows of the table `codes`: one for each version of each code, sorted.

    `printed` are rows of the same columns as each release has them, their effective_from the date
    of the last action as printed; `corrections` rows of `code_corrections`, of which those count
    whose release is there. A code that a release lacks keeps its version until a release differs.
    ValueError for a row without code or release.
    """
    schema = nullable_schema(CODES)
    rows = printed.select(schema.names).cast(schema)
    rows, corrected = _with_corrections(rows, _chosen(rows), corrections)
    versions: dict[Code, list[_Version]] = {}
    for release, numbers in corrected.items():
        for code, row in _printed(rows, numbers):
            _add(versions.setdefault(code, []), row, release)
    ordered = [
        (version, following.begins if following else None)
        for code in sorted(versions)
        for version, following in zip_longest(versions[code], versions[code][1:])
    ]
    return _table(rows, ordered)


def _chosen(rows: pa.Table) -> dict[str, dict[Code, int]]:
    """The rows that count, by release and code; of two files of a release the last by its hash."""
    names = ("source_release", "code_system", "code", "sha256", "page", "line", "row_hash")
    files: dict[tuple[str, str], str] = {}
    columns = [rows[name].to_pylist() for name in names]
    for release, system, code, sha256, page, line, _ in zip(*columns, strict=True):
        if release is None or code is None or system is None:
            raise ValueError(
                f"{sha256} has a row of a code set without code or release at page {page}, line "
                f"{line}; keep rows that fail the row gate out of the code reference"
            )
        files[release, system] = max(files.get((release, system), ""), sha256)
    found: dict[str, dict[Code, int]] = {
        release: {} for release in sorted({release for release, _ in files})
    }
    first: dict[tuple[str, str, str], tuple[int, int, str]] = {}
    for number, values in enumerate(zip(*columns, strict=True)):
        release, system, code, sha256, page, line, row_hash = values
        if sha256 != files[release, system]:
            continue
        place = (page or 0, line or 0, row_hash or "")
        key = (release, system, code)
        if key not in first or place < first[key]:
            first[key] = place
            found[release][system, code] = number
    return found


def _with_corrections(
    rows: pa.Table, chosen: dict[str, dict[Code, int]], corrections: pa.Table
) -> tuple[pa.Table, dict[str, dict[Code, int]]]:
    """The rows with corrected ones after them, and the rows that count by release and code."""
    new: dict[tuple[str, Code], dict[str, Any]] = {}
    for correction in sorted(corrections.to_pylist(), key=_order):
        release, code = correction["release"], (correction["code_system"], correction["code"])
        if release not in chosen or correction["correction"] == "other":
            continue
        number = chosen[release].get(code)
        before = new.get((release, code))
        if before is None and number is not None:
            before = rows.slice(number, 1).to_pylist()[0]
        after = _corrected(before, correction)
        if after != before and after is not None:
            new[release, code] = after | {"is_corrected": True}
    if not new:
        return rows, chosen
    found = {release: dict(numbers) for release, numbers in chosen.items()}
    for number, (release, code) in enumerate(new, start=rows.num_rows):
        found[release][code] = number
    added = pa.Table.from_pylist(list(new.values()), schema=rows.schema)
    return pa.concat_tables([rows, added]), found


def _order(correction: dict[str, Any]) -> tuple[Any, ...]:
    """By day, then by anything that does not depend on the order of rows."""
    day = correction["effective_from"] or date.min
    place = (correction["sha256"] or "", correction["page"] or 0, correction["line"] or 0)
    return (day, *place, correction["row_hash"] or "", correction["correction"])


def _corrected(row: dict[str, Any] | None, correction: dict[str, Any]) -> dict[str, Any] | None:
    """A row of a release as a correction makes it; None where there is none to correct."""
    day: date | None = correction["effective_from"]
    kind = correction["correction"]
    filled = {name: correction[name] for name in _CORRECTED if correction[name]}
    if row is None and kind == "add":
        about = {name: correction[name] for name in ("code_system", "code", *_PLACE)}
        row = dict.fromkeys(CODES.names) | about
        row |= {"effective_from": day, "added_on": day, "action": "added"}
        row |= {"source_release": correction["release"]}
    elif row is not None and kind == "add" and row["terminated_on"]:
        filled |= {"action": "added", "terminated_on": None}
        filled |= {"effective_from": day} if day else {}
    elif row is not None and kind == "discontinue":
        filled |= {"action": "discontinued"}
        filled |= {"terminated_on": day - _DAY, "effective_from": day} if day else {}
    return None if row is None else row | filled


def _printed(rows: pa.Table, numbers: Mapping[Code, int]) -> Iterator[tuple[Code, _Printed]]:
    """What a release has of each code."""
    names = ("effective_from", "added_on", "is_noc", "is_corrected", "action")
    part = rows.select(sorted({*_CONTENT, *names})).take(pa.array(numbers.values(), pa.int64()))
    contents = zip(*(map(_comparable, part[name].to_pylist()) for name in _CONTENT), strict=True)
    others = zip(*(part[name].to_pylist() for name in names), strict=True)
    for (code, row), content, (stated, added_on, is_noc, corrected, action) in zip(
        numbers.items(), contents, others, strict=True
    ):
        is_reactivated = action == "reactivated"
        yield (
            code,
            _Printed(row, content, stated, added_on, is_noc, bool(corrected), is_reactivated),
        )


def _comparable(value: Any) -> Any:
    return (tuple(value) or None) if isinstance(value, list) else value


def _add(versions: list[_Version], row: _Printed, release: str) -> None:
    """Adds what the next release has of a code: to its newest version, or as a new one."""
    last = versions[-1] if versions else None
    if last and _says_the_same(last, row):
        versions[-1] = replace(
            last,
            last_row=row.row,
            last_release=release,
            is_noc=last.is_noc if row.is_noc is None else row.is_noc,
            is_corrected=last.is_corrected or row.is_corrected,
        )
        return
    begins, basis = _beginning(last, row, release)
    versions.append(
        _Version(
            content=row.content,
            begins=begins,
            basis=basis,
            first_row=row.row,
            last_row=row.row,
            first_release=release,
            last_release=release,
            is_noc=row.is_noc,
            is_corrected=row.is_corrected,
        )
    )


def _says_the_same(version: _Version, row: _Printed) -> bool:
    """Whether a release goes on with a version.

    It does not where it brings a code back whose end no release at hand had.
    """
    if row.is_reactivated and row.stated and row.stated > release_begins(version.last_release):
        return False
    agree = None in (version.is_noc, row.is_noc) or version.is_noc == row.is_noc
    return agree and version.content == row.content


def _beginning(last: _Version | None, row: _Printed, release: str) -> tuple[date, str]:
    """The first day of a version, and what it rests on.

    A later version cannot have begun while a release still had the one before, nor after its own.
    """
    published = release_begins(release)
    if last is None:
        stated = row.stated or row.added_on
        return (stated, "stated") if stated else (published, "release")
    earliest = max(release_begins(last.last_release), last.begins)
    if row.stated and earliest < row.stated <= release_ends(release):
        return row.stated, "stated"
    # A version may be stated to begin after its own release: then the next one follows it.
    return max(published, last.begins + _DAY), "release"


def _table(rows: pa.Table, versions: Sequence[tuple[_Version, date | None]]) -> pa.Table:
    """The versions as rows: the last release's words and place, what the first one did."""
    schema = nullable_schema(CODES)
    last = rows.take(pa.array([version.last_row for version, _ in versions], pa.int64()))
    first = rows.take(pa.array([version.first_row for version, _ in versions], pa.int64()))
    ended = last["terminated_on"].is_valid().to_pylist()
    references = last["cross_references"].to_pylist()
    systems = last["code_system"].to_pylist()
    derived: dict[str, list[Any]] = {
        "effective_from": [version.begins for version, _ in versions],
        "effective_to": [ends for _, ends in versions],
        "effective_basis": [version.basis for version, _ in versions],
        "description_license": [LICENSES[str(system)] for system in systems],
        "replaced_by": [
            codes if has_ended else None for codes, has_ended in zip(references, ended, strict=True)
        ],
        "is_noc": [version.is_noc for version, _ in versions],
        "is_corrected": [version.is_corrected for version, _ in versions],
        "first_release": [version.first_release for version, _ in versions],
        "source_release": [version.last_release for version, _ in versions],
    }
    columns: dict[str, Any] = {name: last[name] for name in schema.names}
    columns["action"] = first["action"]
    columns |= {name: pa.array(values, schema.field(name).type) for name, values in derived.items()}
    hashed = [*CODES.names_of("identity"), *CODES.names_of("content")]
    values = zip(*(columns[name].to_pylist() for name in hashed), strict=True)
    hashes: list[dict[str, Any]] = [dict(zip(hashed, row, strict=True)) for row in values]
    add_hashes(CODES, hashes, Counter())
    for name in ("row_key", "row_hash"):
        columns[name] = pa.array([row[name] for row in hashes], pa.string())
    return pa.table([columns[name] for name in schema.names], schema=schema)
