"""What a release keeps of the past of a document whose rows are kept, and what it adds to it.

The lists are made up, and short; see tests/small_list.py.
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flows import journey
from flows.settings import Settings
from tests.small_list import (
    EXPECT,
    LIST,
    add,
    add_by_hand,
    answer,
    copy_of,
    describe,
    forget_history,
    printed,
    read_as,
    refresh,
    small_project,
    table,
)

FIRST, SECOND, THIRD = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)
OLDER = printed(E0466="Yes", L0454="Yes", E0601="No", K0903="No")
NEWER = printed(E0466="No", L0454="Yes", E0601="No", K0903="No")
NEWEST = printed(E0466="Yes", L0454="Yes", E0601="No")


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A list of which two versions came and are published."""
    project = small_project(tmp_path_factory.mktemp("two"))
    add(project, OLDER, FIRST)
    add(project, NEWER, SECOND)
    assert refresh(project) == journey.PUBLISHED
    return project


@pytest.fixture
def project(two_versions: Settings, tmp_path: Path) -> Settings:
    """A copy of it, to change."""
    return copy_of(two_versions, tmp_path)


def past(project: Settings) -> list[dict[str, Any]]:
    """What is known of each version but until when it was the newest, which the next one tells."""
    return [
        {name: value for name, value in row.items() if name != "known_until"}
        for row in table(project, "document_history")
    ]


def outcomes(project: Settings) -> list[tuple[date, date | None, str]]:
    return [
        (
            row["first_seen"].date(),
            row["known_until"] and row["known_until"].date(),
            row["outcome"],
        )
        for row in table(project, "document_history")
    ]


def as_known(project: Settings) -> list[dict[str, Any]]:
    """The answers about two codes on a day of each of the two versions."""
    return [
        answer(project, code, "--as-known", day)
        for code in ("E0466", "K0903")
        for day in ("2026-01-20", "2026-02-20")
    ]


def test_versions_that_the_raw_store_lost_stay_known_beside_the_one_that_came_since(
    project: Settings,
) -> None:
    before, answers = past(project), as_known(project)
    rules = table(project, "prior_authorization_history")
    assert [said["rules"][0]["pa_status"] for said in answers[:2]] == ["required", "not_required"]
    shutil.rmtree(project.raw / LIST[0])
    add(project, NEWEST, THIRD)
    assert refresh(project) == journey.TROUBLED
    assert past(project)[:2] == before
    assert outcomes(project) == [
        (FIRST, SECOND, "accepted"),
        (SECOND, THIRD, "accepted"),
        (THIRD, None, "held"),
    ]
    assert table(project, "document_history")[-1]["held_reason"]
    assert as_known(project) == answers
    assert table(project, "prior_authorization_history") == rules
    assert refresh(project) == journey.TROUBLED
    assert past(project)[:2] == before


def test_version_that_a_release_without_history_publishes_stays_known_though_its_bytes_are_lost(
    project: Settings,
) -> None:
    _, published = past(project)
    forget_history(project)
    shutil.rmtree(project.raw / LIST[0])
    add(project, NEWEST, THIRD)
    assert refresh(project) == journey.TROUBLED
    assert outcomes(project) == [(SECOND, THIRD, "accepted"), (THIRD, None, "held")]
    kept = past(project)[0]
    assert (kept["sha256"], kept["rows"]) == (published["sha256"], published["rows"])
    assert kept["is_whole"] is False, "a release without history does not tell"
    (rule,) = answer(project, "E0466", "--as-known", "2026-02-20")["rules"]
    assert rule["pa_status"] == "not_required"
    assert answer(project, "E0466", "--as-known", "2026-01-20")["answer"] == "not_ingested"


def test_document_that_is_only_archived_from_now_on_has_the_past_it_had(project: Settings) -> None:
    before, answers = past(project), as_known(project)
    describe(project, extract=False)
    assert refresh(project) == journey.TROUBLED
    assert past(project) == before
    assert as_known(project) == answers
    add(project, NEWEST, THIRD)
    assert refresh(project) == journey.TROUBLED
    assert past(project)[:2] == before
    assert outcomes(project)[1:] == [(SECOND, THIRD, "accepted"), (THIRD, None, "archived")]
    assert as_known(project) == answers


def test_copy_of_an_earlier_day_of_a_kept_version_leaves_it_accepted(
    project: Settings, tmp_path: Path
) -> None:
    *_, before = past(project)
    describe(project, expect=EXPECT | {"rows": [10, 50]})
    assert refresh(project) == journey.TROUBLED
    add_by_hand(project, NEWER, date(2026, 1, 25), tmp_path)
    assert refresh(project) == journey.TROUBLED
    assert outcomes(project) == [
        (FIRST, date(2026, 1, 25), "accepted"),
        (date(2026, 1, 25), None, "accepted"),
    ]
    *_, now = past(project)
    assert now["first_seen"] < before["first_seen"] <= now["last_seen"] == before["last_seen"]
    own = ("first_seen", "retrieved_at")
    assert {k: v for k, v in now.items() if k not in own} == {
        k: v for k, v in before.items() if k not in own
    }
    assert answer(project, "E0466", "--as-known", "2026-01-20")["answer"] == "listed"


def test_versions_that_were_good_before_there_was_a_history_are_not_called_held(
    project: Settings,
) -> None:
    forget_history(project)
    describe(project, table=read_as(No="not_covered"))
    assert refresh(project) == journey.TROUBLED
    assert {rule["pa_status"] for rule in table(project, "prior_authorization")} == {
        "required",
        "not_required",
    }, "the rows are kept"
    assert outcomes(project) == [(FIRST, SECOND, "accepted"), (SECOND, None, "accepted")]
    assert [row["held_reason"] for row in table(project, "document_history")] == [None, None]


def test_history_of_a_kept_document_goes_on_once_it_can_be_read_again(project: Settings) -> None:
    before = table(project, "document_history")
    aside = project.raw.parent / "aside"
    shutil.move(project.raw / LIST[0], aside)
    add(project, NEWEST, THIRD)
    assert refresh(project) == journey.TROUBLED
    shutil.rmtree(project.raw / LIST[0])
    shutil.move(aside, project.raw / LIST[0])
    assert refresh(project) == journey.PUBLISHED
    assert table(project, "document_history") == before
    add(project, NEWEST, THIRD)
    assert refresh(project) == journey.PUBLISHED
    assert outcomes(project)[1:] == [(SECOND, THIRD, "accepted"), (THIRD, None, "accepted")]
    assert table(project, "document_history")[1]["known_until"] == datetime.combine(
        THIRD, datetime.min.time().replace(hour=12), UTC
    )
