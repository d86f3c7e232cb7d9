"""The net of several releases' changes, held against the two ends themselves.

Rows are made up: each goes through a few contents, some steps ours and some the publication's, and
each release states its steps as `changes` does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from flows.answers import net_changes as module
from flows.answers.changes import OPS
from flows.answers.materiality import MATERIALITIES, MATERIALITY, materiality_of
from flows.answers.net_changes import Net, changed_fields, net_changes
from flows.releases import opened
from schemas.fields import arrow_schema
from schemas.provenance import digest
from schemas.tables import CAUSES, CHANGES

Content = dict[str, Any] | None
CODES = ("A4253", "E0466", None)
RULE = {"pa_status": "required", "notes": None, "description": "Wheelchair"}


def step(code: str | None, cause: str, before: Content, after: Content, **given: Any) -> Any:
    op = "add" if before is None else "remove" if after is None else "modify"
    fields = None
    if before is not None and after is not None:
        fields = [name for name in after if before.get(name) != after[name]]
    return {
        "op": op,
        "table": "prior_authorization",
        "row_key": digest([code]),
        "cause": cause,
        "payer": "acme" if code else None,
        "code": code,
        "fields_changed": fields,
        "before": before and json.dumps(before),
        "after": after and json.dumps(after),
        "materiality": materiality_of("prior_authorization", op, fields or ()),
        **given,
    }


def net_of(
    releases: Sequence[Sequence[dict[str, Any]]],
    payers: set[str] | None = None,
    materialities: Sequence[str] = MATERIALITIES,
) -> list[Net]:
    """The net of releases given by their changes, oldest first, which are sorted as published."""
    with TemporaryDirectory() as folder, opened() as connection:
        paths = []
        for nth, steps in enumerate(releases):
            rows = sorted(steps, key=lambda row: (row["payer"] or "", row["code"] or ""))
            path = Path(folder) / f"it's {nth}.parquet"
            pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(CHANGES)), path)
            paths.append(str(path))
        return list(net_changes(connection, paths, OPS, payers, materialities))


def one(releases: Sequence[Sequence[dict[str, Any]]]) -> Net:
    (net,) = net_of(releases)
    return net


def test_what_came_and_went_between_the_ends_is_nothing() -> None:
    back = {**RULE, "pa_status": "not_required"}
    came = [[step("E0466", "publication", None, RULE)], [step("E0466", "publication", RULE, None)]]
    forth = [[step("E0466", "publication", RULE, back)], [step("E0466", "publication", back, RULE)]]
    assert net_of(came) == []
    assert net_of(forth) == []


def test_rule_that_went_and_came_back_otherwise_is_a_modification() -> None:
    back = {**RULE, "pa_status": "not_required", "turnaround": "7 days"}
    net = one(
        [[step("E0466", "publication", RULE, None)], [step("E0466", "publication", None, back)]]
    )
    assert (net.op, net.fields_changed, net.materiality) == ("modify", ("pa_status",), "high")
    assert (json.loads(net.before or ""), json.loads(net.after or "")) == (RULE, back)
    assert (net.nth, net.steps) == (1, 2)


def test_our_step_comes_before_the_publications_in_one_release() -> None:
    ours = {**RULE, "notes": "Purchase only"}
    theirs = {**ours, "pa_status": "not_required"}
    # The row of the publication lies first in the file.
    steps = [step("E0466", "publication", ours, theirs), step("E0466", "reading", RULE, ours)]
    net = one([steps])
    assert json.loads(net.before or "") == RULE
    assert json.loads(net.after or "") == theirs
    assert set(net.fields_changed) == {"notes", "pa_status"}


def test_materiality_is_that_of_what_is_left() -> None:
    status = {**RULE, "pa_status": "not_required"}
    words = {**RULE, "description": "Chair"}
    net = one(
        [
            [step("E0466", "publication", RULE, status)],
            [step("E0466", "publication", status, words)],
        ]
    )
    assert (net.fields_changed, net.materiality) == (("description",), "low")


def test_cause_is_ours_only_if_every_step_was() -> None:
    second = {**RULE, "notes": "1"}
    third = {**RULE, "notes": "2"}

    def cause(first: str, then: str) -> str:
        return one(
            [[step("E0466", first, RULE, second)], [step("E0466", then, second, third)]]
        ).cause

    assert cause("reading", "reading") == "reading"
    assert cause("quarantine", "quarantine") == "quarantine"
    assert cause("quarantine", "reference") == "reading"
    for other in CAUSES:
        assert cause(other, "publication") == cause("publication", other) == "publication"


def test_column_that_a_release_brought_is_told_where_it_changed_since() -> None:
    old = {"pa_status": "required", "notes": None}
    new = {"pa_status": "required", "notes": "x", "validity": "60 days"}
    later = {**new, "validity": "90 days"}
    first = step("E0466", "publication", old, {**old, "notes": "x"})
    net = one([[first], [step("E0466", "publication", new, later)]])
    assert set(net.fields_changed) == {"notes", "validity"}
    assert changed_fields(old, later, None) == ("notes",)


def test_net_is_in_the_order_of_what_matters() -> None:
    words = {**RULE, "description": "Chair"}
    releases = [
        [
            step("A0001", "publication", RULE, words),
            step("A0002", "publication", None, RULE),
            step("A0003", "publication", RULE, None),
            step("Z9999", "publication", RULE, {**RULE, "pa_status": "suspended"}),
        ]
    ]
    assert [net.code for net in net_of(releases)] == ["Z9999", "A0003", "A0002", "A0001"]
    assert [net.code for net in net_of(releases, materialities=["low"])] == ["A0001"]
    assert net_of(releases, {"borealis"}) == []


contents = st.none() | st.fixed_dictionaries(
    {
        "pa_status": st.sampled_from(["required", "not_required"]),
        "notes": st.sampled_from([None, "x"]),
        "conditions": st.sampled_from([None, [{"type": "age", "raw": "<18"}]]),
    }
)
# For each row: in each release the content after our own step, and that after the publication's.
histories = st.lists(
    st.lists(st.tuples(contents, contents), min_size=3, max_size=3), min_size=3, max_size=3
)


@given(contents, histories)
@given_settings(max_examples=80)
def test_net_is_the_difference_of_the_ends(
    begin: Content, rows: list[list[tuple[Content, Content]]]
) -> None:
    releases: list[list[dict[str, Any]]] = [[], [], []]
    left = {}
    for code, history in zip(CODES, rows, strict=True):
        at = begin
        for nth, ends in enumerate(history):
            for cause, end in zip(("reading", "publication"), ends, strict=True):
                if end != at:
                    releases[nth].append(step(code, cause, at, end))
                at = end
        if at != begin:
            left[code] = at
    found = {net.code: net for net in net_of(releases)}
    assert found.keys() == left.keys()
    for code, net in found.items():
        end = left[code]
        expected = step(code, net.cause, begin, end)
        assert net.op == expected["op"]
        assert set(net.fields_changed) == set(expected["fields_changed"] or ())
        assert net.materiality == expected["materiality"]
        assert (net.before and json.loads(net.before)) == begin
        assert (net.after and json.loads(net.after)) == end
        steps = [row for release in releases for row in release if row["code"] == code]
        assert net.steps == len(steps)
        assert (net.cause == "publication") == any(row["cause"] == "publication" for row in steps)


def test_more_rows_than_are_read_at_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    codes = [f"A{n:04}" for n in range(100)]
    end = {**RULE, "pa_status": "not_required"}
    first = [step(code, "publication", None, RULE) for code in codes]
    second = [step(code, "publication", RULE, end) for code in codes[::2]]
    found = net_of([first, second])
    assert [net.code for net in found] == codes
    assert {net.op for net in found} == {"add"}
    assert [net.after for net in found] == [json.dumps(end), json.dumps(RULE)] * 50


def test_materiality_is_one_rule_in_python_and_sql() -> None:
    cases = [
        (table, op, fields)
        for table in ("prior_authorization", "requirements", "bulletins")
        for op in ("add", "modify", "remove")
        for fields in (
            *([], None, ["pa_status", "notes"], ["notes"], ["effective_to"], ["description"]),
            *(["code_active"], ["code_active", "code_ended_on"], ["code_active", "sentence"]),
            *(["code_members"], ["code_replaced_by"], ["code_replaced_by", "pa_status"]),
        )
    ]
    with opened() as connection:
        for table, op, fields in cases:
            (row,) = connection.execute(
                f'SELECT {MATERIALITY} FROM (SELECT $t AS "table", $o AS op, '
                "$f::VARCHAR[] AS fields_changed)",
                {"t": table, "o": op, "f": fields},
            ).fetchall()
            assert row == (materiality_of(table, op, fields or ()),)


@pytest.mark.parametrize(
    ("table", "fields", "expected"),
    [
        ("prior_authorization", ["code_active", "code_active_on"], "low"),
        ("prior_authorization", ["code_active", "code_ended_on"], "medium"),
        ("prior_authorization", ["code_replaced_by"], "medium"),
        ("requirements", ["code_active", "code_active_on"], "low"),
        ("requirements", ["code_ended_on", "code_replaced_by"], "medium"),
        ("requirements", ["code_active", "effective_from"], "high"),
        ("requirements", ["authority"], "high"),
        ("bulletins", ["code_ended_on"], "low"),
    ],
)
def test_code_that_ended_matters_and_the_rest_of_the_reference_little(
    table: str, fields: list[str], expected: str
) -> None:
    assert materiality_of(table, "modify", fields) == expected
    assert materiality_of(table, "add", ()) == ("low" if table == "bulletins" else "high")
