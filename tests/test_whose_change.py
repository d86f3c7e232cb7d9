"""Whose doing a change is, in whole releases: the payer's, ours, or nobody's.

The versions are made from the shipped list by changing lines; what we do otherwise is an edit of
its YAML.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from flows import journey
from flows.settings import Settings
from tests.test_refresh import LIST, add, changed, next_project, refresh, shipped_text, table

__all__ = ["next_project"]

CIGNA = "cigna_commercial_dme.yml"


def edit(project: Settings, before: str, after: str) -> None:
    path = project.sources / CIGNA
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def changes(project: Settings) -> list[dict[str, Any]]:
    return [row for row in table(project, "changes") if row["table"] == "prior_authorization"]


def told(row: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    return (row["cause"], row["op"], tuple(row["fields_changed"] or ()))


def test_new_version_read_as_before_is_the_payers_change(next_project: Settings) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    (one,) = changes(next_project)
    assert told(one) == ("publication", "modify", ("pa_status", "pa_raw", "crd_pa_needed"))


def test_same_version_read_otherwise_is_our_change(next_project: Settings) -> None:
    edit(next_project, "CareCore National: eviCore", "CareCore National: eviCore healthcare")
    assert refresh(next_project) == journey.PUBLISHED
    assert Counter(map(told, changes(next_project))) == {("reading", "modify", ("reviewer",)): 643}


def test_new_version_read_otherwise_is_both_and_each_change_is_told_as_whose_it_is(
    next_project: Settings,
) -> None:
    edit(next_project, "CareCore National: eviCore", "CareCore National: eviCore healthcare")
    text = changed(("A6515", "\tNo\t", "\tYes\t"))
    add(next_project, "\n".join(line for line in text.split("\n") if "\tE0466\t" not in line))
    assert refresh(next_project) == journey.PUBLISHED
    assert Counter(map(told, changes(next_project))) == {
        ("reading", "modify", ("reviewer",)): 643,
        ("publication", "modify", ("pa_status", "pa_raw", "crd_pa_needed")): 1,
        ("publication", "remove", ()): 1,
    }
    of_one = [told(row)[:2] for row in changes(next_project) if row["code"] == "A6515"]
    assert of_one == [("reading", "modify"), ("publication", "modify")], "ours comes first"


def test_correction_of_ours_together_with_a_new_version_that_changes_nothing_is_ours(
    next_project: Settings,
) -> None:
    edit(next_project, "CareCore National: eviCore", "CareCore National: eviCore healthcare")
    add(next_project, shipped_text() + "\n")
    assert refresh(next_project) == journey.PUBLISHED
    assert {row["cause"] for row in changes(next_project)} == {"reading"}


def test_release_has_no_folder_of_its_making_left(next_project: Settings) -> None:
    edit(next_project, "CareCore National: eviCore", "CareCore National: eviCore healthcare")
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    left = list(next_project.releases.rglob(".*"))
    assert left == []
    assert LIST[0] in {row["source"] for row in table(next_project, "documents")}
