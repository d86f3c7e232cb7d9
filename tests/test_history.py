"""Both axes of time in whole releases: the shipped list and versions made of it by changing lines.

The pure part, what ends a rule and what does not, is in test_rule_history.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.reference.rule_history import Edition, spells
from flows import journey, store
from flows.releases import latest
from flows.settings import Settings
from schemas.tables import PRIOR_AUTHORIZATION, TABLES
from tests import small_list
from tests.conftest import ROOT, copy_of_project
from tests.kit import KIT
from tests.sheets import Sheet, draw_xlsx
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


OLD, NEW = date(2019, 3, 1), date(2026, 1, 5)
SAID_OF_CODE = tuple(
    name for name in PRIOR_AUTHORIZATION.names if name.startswith("code_") or name == "flags"
)


def test_code_that_ended_while_a_rule_stayed_is_told_as_of_the_last_snapshot_that_has_the_rule(
    tmp_path: Path,
) -> None:
    project = small_list.small_project(tmp_path, codes=True)
    # The rule of E0601 changes, that of L0454 cannot be read any more, the others stay.
    older = small_list.printed(E9901="Yes", E9905="Yes", E0601="No", L0454="Yes")
    newer = older.replace(b"E0601,Invented words,No", b"E0601,Invented words,Yes")
    small_list.add(project, older, OLD)
    small_list.add(project, newer.replace(b"L0454", b"L045"), NEW)
    assert refresh(project) == journey.PUBLISHED
    history = small_list.table(project, "prior_authorization_history")
    (ended,) = (row for row in history if row["code"] == "E9901")
    assert (ended["first_seen"].date(), ended["last_seen"].date()) == (OLD, NEW)
    assert (ended["code_active"], ended["code_ended_on"], ended["code_replaced_by"]) == (
        False,
        date(2020, 3, 31),
        ["E9902"],
    )
    assert ended["flags"] == ["code_ended"]
    oldest, newest = (row["sha256"] for row in small_list.table(project, "document_history"))
    spans = {(row["code"], row["sha256"], row["last_sha256"]) for row in history}
    assert spans == {
        ("E9901", oldest, newest),
        ("E9905", oldest, newest),
        ("E0601", oldest, oldest),
        ("E0601", newest, newest),
        ("L0454", oldest, oldest),
    }
    open_and_seen = {
        row["row_key"]: {name: row[name] for name in SAID_OF_CODE}
        for row in history
        if row["known_until"] is None and row["last_sha256"] == newest
    }
    today = {
        row["row_key"]: {name: row[name] for name in SAID_OF_CODE}
        for row in small_list.table(project, "prior_authorization")
    }
    assert today == open_and_seen
    assert len(today) == 3


def test_copy_that_only_lengthens_the_run_of_an_earlier_version_makes_a_release(
    tmp_path: Path,
) -> None:
    project = small_list.small_project(tmp_path)
    older = small_list.printed(E0466="Yes", L0454="Yes")
    small_list.add(project, older, JANUARY)
    small_list.add(project, small_list.printed(L0454="Yes"), JULY)
    assert refresh(project) == journey.PUBLISHED
    first = latest(project.curated)
    said = small_list.add_by_hand(project, older, APRIL, tmp_path)
    assert "2026-04-05" in said
    assert refresh(project) == journey.PUBLISHED
    assert latest(project.curated) != first
    (ended,) = (
        row
        for row in small_list.table(project, "prior_authorization_history")
        if row["code"] == "E0466"
    )
    assert (ended["last_seen"].date(), ended["known_until"].date()) == (APRIL, JULY)
    version, _ = small_list.table(project, "document_history")
    assert (version["first_seen"].date(), version["last_seen"].date()) == (JANUARY, APRIL)


def test_same_bytes_of_two_days_give_the_same_tables_whichever_came_first(tmp_path: Path) -> None:
    told = []
    for days in ((JANUARY, JULY), (JULY, JANUARY)):
        folder = tmp_path / str(days[0])
        project = small_list.small_project(folder, codes=True)
        for day in days:
            small_list.add_by_hand(
                project, small_list.printed(E9901="Yes", L0454="No"), day, folder
            )
        assert refresh(project) == journey.PUBLISHED
        told.append({name: small_list.table(project, name, None) for name in TABLES})
    assert told[0] == told[1]
    (version,) = (row for row in told[0]["document_history"] if row["source"] == "hostile")
    assert version["retrieved_at"] == version["first_seen"]
    assert version["first_seen"].date() == JANUARY


def workbook(codes: Sequence[str], more: Sequence[Sequence[str]] = ()) -> bytes:
    """A list in a workbook, with another sheet of some cells."""
    rows = [small_list.HEADER, *((code, "Invented words", "Yes", "") for code in codes)]
    return draw_xlsx(Sheet("List", rows), Sheet("More", more))


def page(codes: Sequence[str], more: Sequence[Sequence[str]] = ()) -> bytes:
    """The same list as a web page, with a paragraph that no one sees."""
    rows = [small_list.HEADER, *((code, "Invented words", "Yes", "") for code in codes)]
    table = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    unseen = "".join(f"<p style='display:none'>{' '.join(row)}</p>" for row in more)
    return f"<html><body><table>{table}</table>{unseen}</body></html>".encode()


@pytest.mark.parametrize("draw", [workbook, page])
@pytest.mark.parametrize("more", ["E0466", "97161", "see the manual"])
def test_part_that_is_not_read_may_have_the_rules_that_are_absent_where_it_names_codes(
    tmp_path: Path, draw: Callable[..., bytes], more: str
) -> None:
    project = small_list.small_project(tmp_path)
    if draw is workbook:
        small_list.describe(project, table=KIT["table"] | {"sheets": ["List"]})
    codes = ["E0601", "L0454", "K0903"]
    small_list.add(project, draw(["E0466", *codes]), JANUARY)
    small_list.add(project, draw(codes, [[more, "Invented words", "Yes", ""]]), JULY)
    assert refresh(project) == journey.PUBLISHED
    _, version = small_list.table(project, "document_history")
    (rule,) = (
        row
        for row in small_list.table(project, "prior_authorization_history")
        if row["code"] == "E0466"
    )
    (state,) = small_list.table(project, "documents")
    assert len(state["problems"]) == 1
    if more != "see the manual":
        assert (version["is_whole"], state["is_truncated"]) == (False, None)
        assert (rule["known_until"], rule["unseen_in"]) == (None, [version["sha256"]])
        for words in ((), ("--as-known", "2026-07-20")):
            for code in ("E0466", "E2300"):
                said = small_list.answer(project, code, *words)
                assert said["answer"] == "not_ingested", said["explanation"]
        (earlier,) = small_list.answer(project, "E0466")["earlier_rules"]
        assert earlier["pa_status"] == "required"
    else:
        assert (version["is_whole"], state["is_truncated"]) == (True, False)
        assert (rule["known_until"].date(), rule["end_basis"]) == (JULY, "absent_from_list")
        assert small_list.answer(project, "E0466")["answer"] == "not_listed"


def test_publish_that_fails_for_want_of_room_leaves_nothing_that_takes_more(
    tmp_path: Path,
) -> None:
    project = small_list.small_project(tmp_path)
    small_list.add(project, small_list.printed(E0466="Yes"), JANUARY)
    assert refresh(project) == journey.PUBLISHED
    # The list is read and judged; a release is all that is to be written.
    shutil.rmtree(project.releases)
    (project.curated / "latest.json").unlink()
    code = (
        "import resource, sys; from pathlib import Path;"
        "from flows import journey; from flows.settings import Settings;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); root = Path(sys.argv[1]);"
        "s = Settings(root / 'raw', root / 'curated', root / 'sources');"
        "raise SystemExit(journey.run(s, offline=True, prefect=False))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == journey.NOTHING, done.stderr
    assert "File too large" in done.stderr
    assert list(project.releases.iterdir()) == []
