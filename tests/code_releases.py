"""Rows of a code set's releases for tests: invented ones, and those of the corpus's workbooks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa
from python_calamine import CalamineWorkbook

from extractors.records import candidate_schema
from schemas.code_sets import ACTION_CODES, COVERAGE_CODES
from schemas.codes import system_of
from schemas.fields import Table
from schemas.tables import CODE_CORRECTIONS, CODES
from tests.conftest import shared

ADDED = date(2015, 1, 1)


def code(name: str, **values: Any) -> dict[str, Any]:
    """A code as a release has it, in words of our own."""
    return {
        "code": name,
        "short_description": "short words",
        "long_description": "long words",
        "added_on": ADDED,
        "effective_from": ADDED,
        "action": "unchanged",
        "coverage": "carrier_judgment",
        **values,
    }


def printed(release: str, *rows: Mapping[str, Any], sha256: str | None = None) -> pa.Table:
    """Candidate rows of `codes` as one file of a release has them."""
    number = release.replace("-", "")
    origin = {
        "source": "cms_hcpcs",
        "document": f"hcpcs_{number}",
        "sha256": sha256 or f"{int(number):064x}",
        "source_release": release,
    }
    return _candidates(CODES, rows, origin)


def corrections(*rows: Mapping[str, Any]) -> pa.Table:
    """Candidate rows of `code_corrections`."""
    origin = {"source": "cms_corrections", "document": "corrections", "sha256": "c" * 64}
    return _candidates(CODE_CORRECTIONS, rows, origin)


def _candidates(
    table: Table, rows: Iterable[Mapping[str, Any]], origin: Mapping[str, str]
) -> pa.Table:
    placed = [
        {**origin, "code_system": _system(row["code"]), "page": 1, "line": line, **row}
        for line, row in enumerate(rows, start=1)
    ]
    schema = candidate_schema(table)
    names = {name for row in placed for name in row}
    columns = {
        name: pa.array([row.get(name) for row in placed], schema.field(name).type) for name in names
    }
    return pa.table(
        {
            field.name: columns.get(field.name, pa.nulls(len(placed), field.type))
            for field in schema
        },
        schema=schema,
    )


def _system(name: str) -> str | None:
    return system_of(name) or ("CPT_MOD" if name.isdigit() else "HCPCS_MOD")


@cache
def corpus_releases() -> list[pa.Table]:
    """The four releases of the corpus, read without our own readers; skips outside."""
    with zipfile.ZipFile(
        shared("corpus", "cms", "hcpcs_2019_alpha_numeric_hcpcs_file.zip")
    ) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("ANWEB.xlsx"))
        oldest = archive.read(name)
    return [
        workbook("2019-01", oldest),
        *(
            workbook(release, shared("corpus", "cms", name).read_bytes())
            for release, name in (
                ("2020-07", "hcpcs_2020_07_anweb.xlsx"),
                ("2020-10", "hcpcs_2020_10_anweb.xlsx"),
                ("2025-10", "hcpcs_2025_oct_anweb.xlsx"),
            )
        ),
    ]


def workbook(release: str, data: bytes) -> pa.Table:
    """The rows of one workbook of a release."""
    lines = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    header = next(number for number, line in enumerate(lines) if str(line[0]).strip() == "HCPC")
    labels = [str(cell).strip() for cell in lines[header]]
    rows: dict[str, dict[str, Any]] = {}
    for line in lines[header + 1 :]:
        cells = dict(zip(labels, map(_text, line), strict=True))
        name = cells["HCPC"]
        if name in rows:  # its words go on
            rows[name]["long_description"] += " " + cells["LONG DESCRIPTION"]
        elif name:
            rows[name] = _row(name, cells)
    return printed(release, *rows.values())


def _row(name: str, cells: Mapping[str, str]) -> dict[str, Any]:
    return {
        "code": name,
        "short_description": cells["SHORT DESCRIPTION"] or None,
        "long_description": cells["LONG DESCRIPTION"] or None,
        "added_on": _day(cells["ADD DT"]),
        "effective_from": _day(cells["ACT EFF DT"]),
        "terminated_on": _day(cells["TERM DT"]),
        "action": ACTION_CODES.get(cells["ACTION CD"]),
        "coverage": COVERAGE_CODES.get(cells["COV"]),
        "betos": cells["BETOS"] or None,
        "pricing": _filled(cells, "PRICE", 4),
        "cross_references": _filled(cells, "XREF", 5),
    }


def _filled(cells: Mapping[str, str], label: str, most: int) -> list[str] | None:
    found = (cells[f"{label}{number}"] for number in range(1, most + 1))
    return [cell for cell in found if cell] or None


def _text(cell: object) -> str:
    return str(int(cell) if isinstance(cell, float) else cell).strip()


def _day(text: str) -> date | None:
    return date(int(text[:4]), int(text[4:6]), int(text[6:])) if text else None


def corpus_corrections() -> pa.Table:
    """The corrections of 2019 of the corpus, as their workbook has them; skips outside."""
    with zipfile.ZipFile(
        shared("corpus", "cms", "hcpcs_2019_hcpcs_alpha_numeric_corrections.zip")
    ) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("ALPHA.xlsx"))
        data = archive.read(name)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    lines = sheet.to_python(skip_empty_area=True)
    header = next(number for number, line in enumerate(lines) if line[0] == "CODE")
    labels = [str(cell).strip() for cell in lines[header]]
    rows = []
    for line in lines[header + 1 :]:
        cells = dict(zip(labels, line, strict=True))
        filled = {
            "short_description": _text(cells["SHORT DESC"]) or None,
            "long_description": _text(cells["LONG DESC"]) or None,
            "betos": _text(cells["BETOS"]) or None,
            "coverage": COVERAGE_CODES.get(_text(cells["COV"])),
            "pricing": [_text(cells["PRICE"])] if cells["PRICE"] else None,
            "cross_references": [_text(cells["XREF CODE"])] if cells["XREF CODE"] else None,
        }
        action = _text(cells["ACTION"]).lower()
        kind = {"add code": "add", "discontinue": "discontinue"}.get(
            action, "change" if any(filled.values()) else "other"
        )
        day = cells["EFF DATE"] if isinstance(cells["EFF DATE"], date) else None
        rows.append(
            {
                "code": _text(cells["CODE"]),
                "correction": kind,
                "correction_raw": action,
                "release": "2019-01",
                "effective_from": day,
                **filled,
            }
        )
    return corrections(*rows)
