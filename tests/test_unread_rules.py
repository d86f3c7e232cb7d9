"""A rule that a newer version may still have, but where nobody reads it: what is told, and when.

The list is a workbook of an invented payer, whose second sheet its source does not name.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flows import journey
from flows.settings import Settings
from tests import small_list
from tests.kit import KIT
from tests.small_list import changes, refresh
from tests.test_history import workbook

JANUARY, APRIL, JULY = (date(2026, month, 5) for month in (1, 4, 7))
OTHERS = ["E0601", "L0454", "K0903"]
# Once, since a workbook has the time of its making in it.
MOVED = workbook(OTHERS, [["E0466", "Invented words", "Yes", ""]])


@pytest.fixture
def unread(tmp_path: Path) -> Settings:
    """A list whose rule of E0466 went to a sheet that is not read."""
    project = small_list.small_project(tmp_path)
    small_list.describe(project, table=KIT["table"] | {"sheets": ["List"]})
    small_list.add(project, workbook(["E0466", *OTHERS]), JANUARY)
    assert refresh(project) == journey.PUBLISHED
    small_list.add(project, MOVED, APRIL)
    assert refresh(project) == journey.PUBLISHED
    assert changes(project) == {("unread", "remove", "E0466", ()): 1}
    return project


def test_rule_that_is_read_again_comes_back_by_no_ones_doing(unread: Settings) -> None:
    small_list.add(unread, workbook(["E0466", *OTHERS]), JULY)
    assert refresh(unread) == journey.PUBLISHED
    assert changes(unread) == {("unread", "add", "E0466", ()): 1}


def test_rule_that_a_whole_version_then_lacks_was_removed_by_the_payer(unread: Settings) -> None:
    small_list.add(unread, workbook(OTHERS), JULY)
    assert refresh(unread) == journey.PUBLISHED
    assert changes(unread) == {("publication", "remove", "E0466", ()): 1}
    (rule,) = (
        row
        for row in small_list.table(unread, "prior_authorization_history")
        if row["code"] == "E0466"
    )
    assert (rule["end_basis"], rule["known_until"].date()) == ("absent_from_list", JULY)


def test_raw_store_that_lost_an_earlier_version_is_trouble_and_takes_no_history(
    unread: Settings,
) -> None:
    before = small_list.table(unread, "prior_authorization_history")
    folder = unread.raw / small_list.LIST[0] / small_list.LIST[1]
    for path in folder.iterdir():
        path.unlink()
    small_list.add(unread, MOVED, APRIL)
    assert refresh(unread) == journey.TROUBLED
    assert small_list.table(unread, "prior_authorization_history") == before
    (state,) = (row for row in small_list.table(unread, "documents") if row["held_reason"])
    assert "the raw store has no longer its version" in state["held_reason"]
    assert refresh(unread, small_list.LIST[0]) == journey.PUBLISHED
    assert len(small_list.table(unread, "document_history")) == 1
