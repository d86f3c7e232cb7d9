"""The row gate: for each rule of each field, a bad value is quarantined and a good one is not.

The rows are made from the fields themselves, so that a new field or rule is tested by existing.
Great Expectations runs once a table: every bad row of a table goes through in one frame.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from extractors.records import candidate_schema
from flows import expectations
from flows.validate import projection
from schemas.codes import PATTERNS
from schemas.fields import After, Field, PatternBy, RequiredWhen, Table
from schemas.suites import paired, row_checks
from schemas.tables import DOCUMENT_TABLES, PRIOR_AUTHORIZATION

SAMPLES: dict[str, Any] = {
    "code": "E0466",
    "code_system": "HCPCS",
    "pa_status": "required",
    "agreement": "unknown",
    "modifiers": ["RR", "KX"],
    "codes": ["E0466", "00100"],
    "code_replaced_by": ["E0467"],
    "code_members": ["E0466", "E0467"],
    "text_key": "c" * 24,
    "policy": "L33686",
    "release": "2025-10",
    "first_release": "2025-01",
    "source_release": "2025-10",
    "state": "TX",
    "sha256": "0" * 64,
    "row_key": "a" * 24,
    "row_hash": "b" * 24,
}
BY_KIND: dict[str, Any] = {
    "string": "text",
    "date": date(2026, 1, 1),
    "instant": datetime(2026, 1, 1, tzinfo=UTC),
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "strings": ["text"],
    "numbers": [1.0, 2.0],
    "conditions": None,
    "cells": [("column", "value")],
}
EXAMPLE_CODES = {
    "CPT": "00100", "CPT2": "0001F", "CPT3": "0071T", "CPT_PLA": "0240U", "CPT_MAAA": "0002M",
    "CPT_ADMIN": "0001A", "CDT": "D0120", "HCPCS": "E0466",
}  # fmt: skip


def good_value(field: Field) -> Any:
    if field.name in SAMPLES:
        return SAMPLES[field.name]
    if field.allowed and field.kind == "string":
        return field.allowed[0]
    if field.allowed and field.kind == "strings":
        return list(field.allowed[:2])
    if field.pattern is not None:
        return "text"
    return BY_KIND[field.kind]


def good_row(table: Table) -> dict[str, Any]:
    row = {field.name: good_value(field) for field in table} | {"printed": ["x"], "faults": None}
    later = {"code_end": "E0467", "effective_to": date(2027, 1, 1)}
    return row | {name: value for name, value in later.items() if name in row}


def bad_rows(table: Table) -> list[tuple[str, dict[str, Any]]]:
    """Every way to break one rule of a table, with the column that breaks it."""
    good = good_row(table)
    broken: list[tuple[str, dict[str, Any]]] = [("faults", {"faults": ["unreadable"]})]
    for field in table:
        if field.required:
            broken.append((field.name, {field.name: None}))
        if field.allowed and field.kind == "string":
            broken.append((field.name, {field.name: "no such value"}))
        elif field.allowed and field.kind == "strings":
            broken.append((field.name, {field.name: [field.allowed[0], "no such value"]}))
        elif field.allowed:
            wrong = dict.fromkeys(("type", "operator", "value", "unit", "raw"), "no such value")
            broken.append((field.name, {field.name: [wrong]}))
        if field.pattern is not None and field.kind == "string":
            broken.append((field.name, {field.name: "not of the form\n"}))
            broken.append((field.name, {field.name: f"{good[field.name]}\n"}))
        elif field.pattern is not None:
            broken.append((field.name, {field.name: ["not of the form"]}))
    for rule in table.rules:
        if isinstance(rule, PatternBy):
            for name in rule.patterns:
                other = next(code for system, code in EXAMPLE_CODES.items() if system != name)
                broken.append((paired(rule), {rule.by: name, rule.column: other}))
        elif isinstance(rule, RequiredWhen):
            broken.append((rule.column, {rule.when: rule.equals, rule.column: None}))
        elif isinstance(rule, After):
            broken.append((rule.later, {rule.later: good[rule.earlier]}))
    return [(column, good | change) for column, change in broken]


def gate(table: Table, rows: list[dict[str, Any]]) -> expectations.Report:
    candidates = pa.Table.from_pylist(rows, schema=candidate_schema(table))
    return expectations.run_checks(table.name, projection(candidates, table), row_checks(table))


def test_each_code_system_has_an_example_here() -> None:
    assert EXAMPLE_CODES.keys() == PATTERNS.keys()


@pytest.mark.parametrize("table", DOCUMENT_TABLES, ids=lambda table: table.name)
def test_each_rule_quarantines_its_bad_value_and_no_good_row(table: Table) -> None:
    broken = bad_rows(table)
    rows = [good_row(table), *(row for _, row in broken), good_row(table)]
    report = gate(table, rows)
    caught: dict[int, set[str]] = {}
    for failure in report.failures:
        arguments = failure.check.arguments
        column = arguments.get("column") or arguments["column_A"]
        for number in failure.rows:
            caught.setdefault(number, set()).add(column)
    assert sorted(caught) == list(range(1, len(broken) + 1))
    for number, (column, row) in enumerate(broken, start=1):
        assert column in caught[number], f"{column} passed with {row.get(column)!r}"


def test_every_code_system_accepts_its_own_code() -> None:
    rows = [
        good_row(PRIOR_AUTHORIZATION) | {"code_system": name, "code": code, "code_end": None}
        for name, code in EXAMPLE_CODES.items()
    ]
    assert gate(PRIOR_AUTHORIZATION, rows).failures == ()


def test_a_thousand_bad_rows_are_all_named() -> None:
    good = good_row(PRIOR_AUTHORIZATION)
    rows = [good | {"pa_status": None} if number % 2 else good for number in range(2000)]
    failing = gate(PRIOR_AUTHORIZATION, rows).failures
    (failure,) = failing
    assert failure.check.expectation == "expect_column_values_to_not_be_null"
    assert failure.rows == tuple(range(1, 2000, 2))


def test_codes_stay_text_on_the_way_through_the_gate() -> None:
    rows = [good_row(PRIOR_AUTHORIZATION) | {"code_system": "CPT", "code": "00100"}]
    candidates = pa.Table.from_pylist(rows, schema=candidate_schema(PRIOR_AUTHORIZATION))
    frame = projection(candidates, PRIOR_AUTHORIZATION)
    assert frame["code"].tolist() == ["00100"]
    assert frame["modifiers"].tolist() == ["RR,KX"]
    assert frame["effective_from"].tolist() == ["2026-01-01"]


def test_page_of_data_docs_shows_markup_as_text_and_fetches_nothing() -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    rows = [good_row(PRIOR_AUTHORIZATION) | {"code_raw": attack, "code": attack, "state": attack}]
    page = gate(PRIOR_AUTHORIZATION, rows).page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "default-src 'none'" in page
    assert "<script src=" not in page
    assert 'rel="stylesheet"' not in page
