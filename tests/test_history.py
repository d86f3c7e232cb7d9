"""Both axes of time in whole releases: the shipped list and versions made of it by changing lines.

The pure part, what ends a rule and what does not, is in test_rule_history.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.reference.rule_history import Edition, spells
from flows import journey, store
from flows.settings import Settings
from tests.conftest import copy_of_project
from tests.test_refresh import LIST, changed, refresh, shipped_text, table

JANUARY, APRIL, JULY, OCTOBER = (date(2026, month, 5) for month in (1, 4, 7, 10))


def without(code: str) -> str:
    """The shipped list without the lines of a code."""
    lines = shipped_text().split("\n")
    left = [line for line in lines if f"\t{code}\t" not in line]
    assert len(left) == len(lines) - 1
    return "\n".join(left)


VERSIONS = {
    JANUARY: changed(("A6515", "\tNo\t", "\tYes\t")),
    APRIL: without("E0466"),
    JULY: changed(("E0467", "\tYes\t", "\tNo\t")),
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The project with one source, of which nothing came yet."""
    project = copy_of_project(tmp_path_factory.mktemp("alone"))
    for path in project.sources.glob("*.yml"):
        if path.stem != LIST[0]:
            path.unlink()
    shutil.rmtree(project.raw)
    project.raw.mkdir()
    return project


def fresh(alone: Settings, folder: Path) -> Settings:
    """A project of its own, with the parts that others made."""
    project = Settings(folder / "raw", folder / "curated", alone.sources)
    project.raw.mkdir(parents=True)
    project.curated.mkdir()
    (project.curated / "parts").symlink_to(alone.curated / "parts")
    (alone.curated / "parts").mkdir(parents=True, exist_ok=True)
    return project


def came(project: Settings, day: date, folder: Path) -> None:
    """Someone adds the version of a day by hand."""
    path = folder / f"{day}.txt"
    path.write_text(VERSIONS[day], encoding="utf-8")
    store.add_file(project, LIST[0], path, seen_on=day)


def history(project: Settings, *codes: str) -> list[tuple[Any, ...]]:
    """The versions of the rules of some codes in the first section, by their first day."""
    rows = table(project, "prior_authorization_history")
    chosen = [row for row in rows if row["code"] in codes]
    return [
        (
            row["code"],
            row["pa_status"],
            row["first_seen"].date(),
            row["known_until"] and row["known_until"].date(),
            row["end_basis"],
            row["reappeared"],
        )
        for row in sorted(chosen, key=lambda row: (row["code"], row["first_seen"]))
    ]


def in_order_of_arrival(alone: Settings, folder: Path, days: Sequence[date]) -> Settings:
    project = fresh(alone, folder / "project")
    for day in days:
        came(project, day, folder)
        assert refresh(project) in (journey.PUBLISHED, journey.TROUBLED)
    return project


def test_versions_of_rules_are_told_with_their_ends(alone: Settings, tmp_path: Path) -> None:
    project = in_order_of_arrival(alone, tmp_path, sorted(VERSIONS))
    assert history(project, "A6515", "E0466", "E0467") == [
        ("A6515", "required", JANUARY, APRIL, "changed", False),
        ("A6515", "not_required", APRIL, None, None, False),
        ("E0466", "required", JANUARY, APRIL, "absent_from_list", False),
        ("E0466", "required", JULY, None, None, True),
        ("E0467", "required", JANUARY, JULY, "changed", False),
        ("E0467", "not_required", JULY, None, None, False),
    ]
    versions = table(project, "document_history")
    assert [(row["first_seen"].date(), row["outcome"], row["is_whole"]) for row in versions] == [
        (JANUARY, "accepted", True),
        (APRIL, "accepted", True),
        (JULY, "accepted", True),
    ]
    assert [row["known_until"] and row["known_until"].date() for row in versions] == [
        APRIL,
        JULY,
        None,
    ]


def test_every_rule_of_today_is_the_open_version_of_its_history(
    alone: Settings, tmp_path: Path
) -> None:
    project = in_order_of_arrival(alone, tmp_path, sorted(VERSIONS))
    today = {
        row["row_key"]: (row["row_hash"], row["first_seen"], row["last_seen"])
        for row in table(project, "prior_authorization")
    }
    open_ = {
        row["row_key"]: (row["row_hash"], row["first_seen"], row["last_seen"])
        for row in table(project, "prior_authorization_history")
        if row["known_until"] is None
    }
    assert today == open_
    assert len(today) == 643


def test_older_copies_that_come_later_give_the_history_of_those_that_came_in_order(
    alone: Settings, tmp_path: Path
) -> None:
    told = []
    for number, days in enumerate(
        (sorted(VERSIONS), [JULY, JANUARY, APRIL], [APRIL, JULY, JANUARY])
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        project = in_order_of_arrival(alone, folder, days)
        names = ("prior_authorization", "prior_authorization_history", "document_history")
        told.append([table(project, name) for name in names])
    assert told[0] == told[1] == told[2]


RULES = st.dictionaries(st.sampled_from("ABCD"), st.sampled_from(["yes", "no"]), min_size=1)


@given(
    st.lists(RULES, min_size=2, max_size=5).flatmap(
        lambda lists: st.tuples(st.just(lists), st.permutations(range(len(lists))))
    )
)
def test_history_does_not_depend_on_the_order_in_which_snapshots_come(
    tmp_path_factory: pytest.TempPathFactory, arrivals: tuple[list[dict[str, str]], list[int]]
) -> None:
    lists, order = arrivals
    told = []
    for numbers in (range(len(lists)), order):
        raw = tmp_path_factory.mktemp("raw")
        for number in numbers:
            at = datetime(2026, 1 + number, 1, tzinfo=UTC)
            text = "\n".join(f"{code} {said}" for code, said in lists[number].items())
            store.put(raw, "acme", "list", text.encode(), came="added", at=at)
        editions = []
        for version in store.versions(raw, "acme", "list"):
            words = [line.split() for line in store.read(raw, version).decode().splitlines()]
            codes = [word[0] for word in words]
            said = [word[1] for word in words]
            editions.append(
                Edition(version.sha256, version.first_seen, version.last_seen, codes, said, codes)
            )
        told.append(spells(editions))
    assert told[0] == told[1]


def test_day_to_come_and_same_day_twice(alone: Settings, tmp_path: Path) -> None:
    project = fresh(alone, tmp_path / "project")
    path = tmp_path / "list.txt"
    path.write_text(VERSIONS[JANUARY], encoding="utf-8")
    with pytest.raises(store.StoreError, match="2999-01-01 is still to come"):
        store.add_file(project, LIST[0], path, seen_on=date(2999, 1, 1))
    assert store.versions(project.raw, *LIST) == ()
    store.add_file(project, LIST[0], path, seen_on=JANUARY)
    path.write_text(VERSIONS[APRIL], encoding="utf-8")
    said = store.add_file(project, LIST[0], path, seen_on=JANUARY)
    assert "added as seen on 2026-01-05" in said
    first, second = store.versions(project.raw, *LIST)
    assert (first.first_seen.date(), second.first_seen.date()) == (JANUARY, JANUARY)
    assert first.first_seen < second.first_seen
