"""Whose doing each change is where several came together: a new version, an edit of ours, a code
that ended meanwhile, rows that were kept, a bulletin that two publishers have.

The lists are made up, and short; see tests/small_list.py.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows import journey, store
from flows.publishing.compare import compare
from flows.publishing.table_files import write_rows
from flows.releases import latest
from flows.settings import Settings
from schemas.fields import nullable_schema
from schemas.tables import PRIOR_AUTHORIZATION
from tests.conftest import ROOT, shipped
from tests.small_list import (
    LIST,
    add,
    changes,
    copy_of,
    describe,
    printed,
    read_as,
    refresh,
    small_project,
    table,
)

LONG_AGO, NOW = date(2019, 3, 1), date(2026, 1, 5)
OLDER = printed(E0601="Yes", E9901="Yes", E9905="Yes", L0454="No", K0903="No")
NEWER = printed(E0601="No", E9901="Yes", E9905="Yes", L0454="No", K0903="No")
STATUS = ("pa_status", "pa_raw", "crd_pa_needed")


@pytest.fixture(scope="module")
def of_2019(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A list of 2019 that is published beside a code set; one of its codes ended in 2020."""
    project = small_project(tmp_path_factory.mktemp("of_2019"), codes=True)
    add(project, OLDER, LONG_AGO)
    assert refresh(project) == journey.PUBLISHED
    return project


@pytest.fixture
def project(of_2019: Settings, tmp_path: Path) -> Settings:
    """A copy of it, to change."""
    return copy_of(of_2019, tmp_path)


@pytest.mark.parametrize("edit", [{}, {"title": "Another title"}], ids=["as before", "edited"])
def test_code_that_ended_between_two_versions_is_the_code_references_change(
    project: Settings, edit: dict[str, Any]
) -> None:
    describe(project, **edit)
    add(project, NEWER, NOW)
    assert refresh(project) == journey.PUBLISHED
    found = changes(project)
    of_reference = ("code_active", "code_ended_on", "code_replaced_by", "flags")
    ended = [key for key in found if key[2] == "E9901"]
    assert [(cause, op, sorted(fields)) for cause, op, _, fields in ended] == [
        ("reference", "modify", sorted(of_reference))
    ]
    assert found["publication", "modify", "E0601", STATUS] == 1
    by_publisher = [key for key in found if key[0] == "publication"]
    assert [key[2] for key in by_publisher] == ["E0601"], "flags of codes are not the payer's"
    assert {key[0] for key in found} <= {"publication", "reference"}, "the edit changed no row"


def test_every_change_says_whose_rule_it_is_and_both_sides_in_full(project: Settings) -> None:
    describe(project, table=read_as(No="not_covered"))
    add(project, NEWER, NOW)
    assert refresh(project, LIST[0]) == journey.PUBLISHED
    rows = table(project, "changes", None)
    assert {row["payer"] for row in rows} == {"invented"}
    causes = {(row["code"], row["cause"]) for row in rows}
    assert causes >= {
        ("E9901", "reference"),
        ("E0601", "publication"),
        ("L0454", "reading"),
        ("K0903", "reading"),
    }
    for row in rows:
        before, after = json.loads(row["before"]), json.loads(row["after"])
        assert before["source"] == after["source"] == LIST[0]
        assert before["code"] == after["code"] == row["code"]
        assert before.keys() == after.keys()
        assert {name for name in before if before[name] != after[name]} >= set(
            row["fields_changed"]
        )
    release = latest(project.curated)
    assert release is not None
    assert "E9901" in (release.folder / "NOTES.md").read_text(encoding="utf-8")


def test_reading_that_the_gate_kept_out_is_ours_when_it_is_accepted_with_a_new_version(
    project: Settings,
) -> None:
    # Four of five rules are another status now, so that the gate keeps the rows.
    table_now = read_as(Yes="notification", No="not_covered")
    describe(project, table=table_now)
    assert refresh(project) == journey.TROUBLED
    assert changes(project) == {}
    (state,) = (row for row in table(project, "documents") if row["status"] == "held")
    assert "--accept" in state["held_reason"]
    add(project, NEWER, LONG_AGO + timedelta(days=1))
    assert refresh(project, LIST[0]) == journey.PUBLISHED
    told = {(key[2], key[0]) for key in changes(project) if "pa_status" in key[3]}
    ours = {(code, "reading") for code in ("E0601", "E9901", "E9905", "L0454", "K0903")}
    assert told == ours | {("E0601", "publication")}


BULLETIN = ("pdac_k1007", "correct_coding_bulletin")


def test_bulletin_that_two_publishers_have_neither_comes_nor_goes_by_an_edit_and_a_new_version(
    tmp_path: Path,
) -> None:
    project = Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")
    project.sources.mkdir()
    text = shipped(*BULLETIN).read_text(encoding="utf-8")
    names = (BULLETIN[0], "zz_k1007")
    shutil.copy(ROOT / "sources" / f"{BULLETIN[0]}.yml", project.sources)
    described = (project.sources / f"{BULLETIN[0]}.yml").read_text(encoding="utf-8")
    other = described.replace(f"source: {BULLETIN[0]}", f"source: {names[1]}")
    (project.sources / f"{names[1]}.yml").write_text(other, encoding="utf-8")
    at = datetime(2026, 1, 5, tzinfo=UTC)
    for name in names:
        store.put(project.raw, name, BULLETIN[1], text.encode(), came="added", at=at)
    assert refresh(project) == journey.PUBLISHED
    (second,) = table(project, "documents", names[1])
    assert second["same_as"] == names[0]
    # Of the two it is the one whose rows are left out, since another has the same words.
    path = project.sources / f"{names[1]}.yml"
    edited = other.replace('title: "', 'title: "New: ', 1)
    assert edited != other
    path.write_text(edited, encoding="utf-8")
    later, data = at + timedelta(days=3), f"{text}\n".encode()
    store.put(project.raw, names[1], BULLETIN[1], data, came="added", at=later)
    assert refresh(project) == journey.PUBLISHED
    assert {key[1] for key in changes(project)} <= {"modify"}
    assert len(table(project, "bulletins", None)) == 1


@pytest.mark.parametrize(
    ("column", "before", "after"),
    [
        ("modifiers", None, []),
        ("modifiers", [], None),
        ("modifiers", None, ["NU"]),
        ("modifiers", ["NU", "RR"], ["RR", "NU"]),
        ("modifiers", ["NU"], ["NU", "NU"]),
        ("flags", None, []),
        ("flags", ["a", "b"], ["b", "a"]),
        ("conditions", None, []),
    ],
)
def test_lists_that_differ_are_told_whatever_they_have(
    tmp_path: Path, column: str, before: list[str] | None, after: list[str] | None
) -> None:
    found = compared(tmp_path, {column: before}, {column: after})
    assert found == [("1", [column])]


def test_rows_with_equal_lists_are_not_told(tmp_path: Path) -> None:
    same = {"modifiers": [], "flags": None}
    assert compared(tmp_path, same, same) == []


def compared(
    folder: Path, before: dict[str, Any], after: dict[str, Any]
) -> list[tuple[str, list[str]]]:
    """What differs between two tables of which one row has the values, and another stays."""
    row = dict.fromkeys(nullable_schema(PRIOR_AUTHORIZATION).names) | _ROW
    for side, values in (("before", before), ("after", after)):
        (folder / side).mkdir()
        rows = [row | values | {"row_key": "1"}, row | {"row_key": "2"}]
        made = pa.Table.from_pylist(rows, schema=nullable_schema(PRIOR_AUTHORIZATION))
        write_rows(PRIOR_AUTHORIZATION, [made], folder / side / "prior_authorization.parquet")
    return [
        (row["row_key"], row["fields_changed"])
        for batch in compare(folder / "before", folder / "after")
        for row in batch.to_pylist()
    ]


_SEEN = datetime(2026, 1, 5, tzinfo=UTC)
_ROW = {
    field.name: {
        "string": "x",
        "text": "x",
        "integer": 1,
        "instant": _SEEN,
        "date": NOW,
        "boolean": True,
        "strings": ["x"],
    }.get(field.kind)
    for field in PRIOR_AUTHORIZATION
    if field.required
}
