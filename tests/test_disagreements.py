"""Contradictions worked out for some codes at a time are those of all codes at once.

Rules at random, spans over many codes and several code systems among them, written as a release
writes them; rows as in test_contradictions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.reference.contradictions import contradictions
from extractors.reference.known_codes import KnownCodes
from flows.publishing import disagreements
from flows.publishing.table_files import write_rows
from schemas.tables import PRIOR_AUTHORIZATION, TABLE_ROWS
from tests.test_contradictions import CIGNA, MEDICARE, official, placed, rule, tables_of

LARGE = (PRIOR_AUTHORIZATION, TABLE_ROWS)
ACME = {"payer": "acme", "source": "acme_list", "line_of_business": "commercial"}
NOT_EMPTY = {
    "effective_basis": "none",
    "date_semantics": "unknown",
    "code_raw": "as printed",
}
CODES = ("97161", "A4206", "E0466", "E0601", "E0650", "K0813", "L1832")
STATUSES = ("required", "not_required", "out_of_scope", "conditional")


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    payer = draw(st.sampled_from([CIGNA, MEDICARE, ACME]))
    first, last = sorted(draw(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES))))
    is_span = first[:1].isalpha() and first < last and draw(st.booleans())
    return rule(
        first,
        draw(st.sampled_from(STATUSES)),
        code_system="CPT" if first.isdigit() else "HCPCS",
        code_end=last if is_span else None,
        code_members=draw(st.sampled_from([None, [first, last]])) if is_span else None,
        section=draw(st.sampled_from([None, "one", "other"])),
        description=draw(st.sampled_from([None, "Home ventilator, any type"])),
        **payer,
        **NOT_EMPTY,
    )


def in_parts(folder: Path, tables: dict[str, pa.Table]) -> list[dict[str, Any]]:
    for table in LARGE:
        write_rows(table, [tables[table.name]], folder / f"{table.name}.parquet")
    small = {name: rows for name, rows in tables.items() if name not in {t.name for t in LARGE}}
    known = KnownCodes.of(tables["codes"])
    found = pa.concat_tables(disagreements.disagreements(folder, small, known, {}))
    rows: list[dict[str, Any]] = found.to_pylist()
    return sorted(rows, key=lambda row: row["contradiction_key"])


@pytest.mark.parametrize("at_once", [1, 3])
@given(listed=st.lists(rules(), min_size=1, max_size=14))
@settings(max_examples=15)
def test_contradictions_in_parts_are_those_of_all_codes(
    tmp_path_factory: pytest.TempPathFactory, at_once: int, listed: list[dict[str, Any]]
) -> None:
    tables = tables_of(
        prior_authorization=listed,
        table_rows=[placed(TABLE_ROWS, {"source": "cms", "code_system": "HCPCS", "code": "E0601"})],
        codes=[
            official("E0466", "Continuous airway pressure device", "Cpap"),
            official("E0650", "Home ventilator, any type", "Ventilator"),
        ],
    )
    whole = contradictions(tables, KnownCodes.of(tables["codes"]), {}).to_pylist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disagreements, "ROWS", at_once)
        parts = in_parts(tmp_path_factory.mktemp("release"), tables)
    assert parts == sorted(whole, key=lambda row: row["contradiction_key"])
