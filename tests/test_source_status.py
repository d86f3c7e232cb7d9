"""What `precert sources` says of each source: its status, since when, and how its looks went."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import store
from flows.registry import load_source
from flows.settings import Settings
from flows.source_status import CADENCE_DAYS, SourceStatus, source_statuses, text
from schemas.source import Source, Terms
from tests.conftest import ROOT
from tests.release_fixture import Store, document, write_release

START = datetime(2026, 1, 1, 6, tzinfo=UTC)
DOCUMENT = "prior_authorization_list"
REASON = "61 rows where the version before has 400; look at the file"


def day(days: float) -> datetime:
    return START + timedelta(days=days)


@dataclass(slots=True)
class Project:
    """A registry of sources without files, a raw store, and releases made by hand."""

    settings: Settings
    cadence: str = "quarterly"
    extract: bool = True
    made: list[str] = field(default_factory=list)

    def source(self, name: str) -> Source:
        described = load_source(ROOT / "sources" / "cigna_commercial_dme.yml")
        named = {"source": name, "cadence": self.cadence, "extract": self.extract}
        return described.model_copy(update=named)

    def look(self, days: float, body: str, name: str = "acme_dme") -> str:
        raw = self.settings.raw
        return store.put(raw, name, DOCUMENT, body.encode(), came="fetched", at=day(days))

    def fail(self, days: float, reason: str = "status 503", name: str = "acme_dme") -> None:
        look = store.FailedLook(day(days), reason, day(days + 1))
        store.record_look(self.settings.raw, name, DOCUMENT, look)

    def release(self, days: float, *rows: dict[str, Any]) -> str:
        number = len(self.made) + 1
        name = f"{number:06d}-{number:08x}"
        folder = Store(self.settings.raw, self.settings.curated, {})
        made = [document(folder, **{"source": "acme_dme", "payer": "acme"} | row) for row in rows]
        documents = [row | {"document": DOCUMENT} for row in made]
        before = self.made[-1] if self.made else None
        write_release(folder, name, number, before, day(days), {"documents": documents})
        self.made.append(name)
        return name

    def status(self, days: float, name: str = "acme_dme") -> SourceStatus:
        (found,) = source_statuses(self.settings, [self.source(name)], day(days))
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources"))


def current(sha256: str, days: float, rows: int = 400) -> dict[str, Any]:
    return {"sha256": sha256, "first_seen": day(days), "rows": rows}


def stale(sha256: str, days: float) -> dict[str, Any]:
    return current(sha256, days) | {"status": "stale"}


def held(sha256: str | None, days: float) -> dict[str, Any]:
    said = {"status": "held", "held_reason": REASON, "rows": 0}
    return current(sha256 or "", days) | said | {"sha256": sha256}


def test_source_that_nobody_looked_at_is_waiting(project: Project) -> None:
    found = project.status(5)
    assert (found.status, found.since, found.rows, found.age_days) == ("waiting", None, None, None)
    assert found.reasons == ()
    project.release(1, {"status": "missing", "sha256": None, "first_seen": None, "rows": 0})
    assert project.status(5).status == "waiting"


def test_version_that_no_release_knows_is_new_since_it_was_first_seen(project: Project) -> None:
    project.look(0, "one")
    assert (project.status(5).status, project.status(5).since) == ("new", day(0))
    name = project.release(1, current(project.look(2, "one"), 0))
    assert project.status(5).status == "current"
    project.look(3, "two")
    project.look(4, "three")
    found = project.status(5)
    assert (found.status, found.since, found.rows) == ("new", day(3), 400)
    (reason,) = found.reasons
    assert f"first seen 2026-01-05T06:00:00Z, is not in release {name}" in reason


def test_newest_version_that_is_published_is_current_since_it_was_first_seen(
    project: Project,
) -> None:
    project.look(0, "one")
    project.look(10, "two")
    sha256 = project.look(20, "two")
    project.release(11, current(sha256, 10))
    found = project.status(51)
    assert (found.status, found.since) == ("current", day(10))
    assert (found.last_look, found.last_good_look) == (day(20), day(20))
    assert found.last_change == day(10)
    assert (found.age_days, found.rows, found.reasons) == (31, 400, ())


def test_published_list_is_stale_since_the_first_of_the_versions_held_after_it(
    project: Project,
) -> None:
    good = project.look(0, "one")
    project.look(10, "two")
    worst = project.look(20, "three")
    project.release(21, held(worst, 20), stale(good, 0))
    found = project.status(30)
    assert (found.status, found.since, found.rows) == ("stale", day(10), 400)
    assert (found.held_reason, found.reasons) == (REASON, (REASON,))
    assert found.last_change == day(20)


def test_list_of_which_nothing_is_published_is_held_since_it_was_first_seen(
    project: Project,
) -> None:
    project.release(3, held(project.look(2, "one"), 2))
    found = project.status(30)
    assert (found.status, found.since, found.rows) == ("held", day(2), 0)


def test_version_that_is_held_by_an_edit_of_ours_is_so_since_the_release_that_said_it(
    project: Project,
) -> None:
    sha256 = project.look(0, "one")
    project.release(1, held(sha256, 0), stale(sha256, 0))
    project.release(2, current(sha256, 0))
    project.release(7, held(sha256, 0), stale(sha256, 0))
    project.release(9, held(sha256, 0), stale(sha256, 0))
    assert (project.status(30).status, project.status(30).since) == ("stale", day(7))
    damaged = project.settings.releases / project.made[2] / "documents.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert project.status(30).since == day(9)


def test_source_that_is_only_kept_is_archived(project: Project) -> None:
    project.extract = False
    assert project.status(5).status == "waiting"
    project.look(1, "one")
    project.look(2, "two")
    found = project.status(5)
    assert (found.status, found.since, found.last_change) == ("archived", day(1), day(2))
    assert found.reasons == ()
    project.release(3, current(project.look(4, "two"), 2, rows=0) | {"status": "archived"})
    assert project.status(5).status == "archived"
    project.extract = True
    assert project.status(5).status == "new"
    assert "the next refresh judges it" in project.status(5).reasons[0]


@pytest.mark.parametrize("ever", [True, False])
def test_source_is_failing_since_the_first_failed_look_after_the_last_good_one(
    project: Project, ever: bool
) -> None:
    project.fail(1)
    if ever:
        project.release(4, current(project.look(3, "one"), 3))
    else:
        project.fail(3)
    project.fail(5)
    project.fail(6, "no\x1b[2J route")
    found = project.status(8)
    assert (found.status, found.since) == ("failing", day(5 if ever else 1))
    assert (found.last_look, found.last_good_look) == (day(6), day(3) if ever else None)
    assert (found.failed_looks, found.failing_since) == (2 if ever else 4, found.since)
    assert (found.failed_reason, found.not_before) == ("no\x1b[2J route", day(7))
    assert (found.rows, found.age_days) == ((400, 5) if ever else (None, None))
    below = text([found]).splitlines()[-1]
    assert f"{found.failed_looks} looks failed since 2026-01-0" in below
    assert "no\\x1b[2J route; it is not asked before 2026-01-08T06:00:00Z" in below


def test_one_good_look_ends_the_failing(project: Project) -> None:
    project.release(1, current(project.look(0, "one"), 0))
    project.fail(2)
    project.look(3, "one")
    found = project.status(4)
    assert (found.status, found.failed_looks, found.failing_since) == ("current", 0, None)


def test_held_list_whose_looks_fail_is_held_and_says_both(project: Project) -> None:
    project.release(3, held(project.look(2, "one"), 2))
    project.fail(4)
    found = project.status(30)
    assert (found.status, found.since, found.failing_since) == ("held", day(2), day(4))
    assert found.reasons[0] == REASON
    assert "1 look failed since" in found.reasons[1]


def test_published_list_whose_snapshots_are_gone_is_missing(project: Project) -> None:
    sha256 = "a" * 64
    project.release(1, current(sha256, 0))
    found = project.status(30)
    assert (found.status, found.since, found.rows) == ("missing", None, 400)
    assert "the raw store has no version of it" in found.reasons[0]
    project.release(5, held(None, 0), stale(sha256, 0))
    project.release(6, held(None, 0), stale(sha256, 0))
    found = project.status(30)
    assert (found.status, found.since, found.reasons) == ("missing", day(5), (REASON,))


def test_folder_without_a_version_was_looked_for_and_is_missing(project: Project) -> None:
    store.folder_of(project.settings.raw, "acme_dme", DOCUMENT).mkdir(parents=True)
    assert project.status(5).status == "missing"


def garble_looks(folder: Path) -> None:
    path = folder / "seen.jsonl"
    path.write_text("not a look\n" + path.read_text())


def lose_zone(folder: Path) -> None:
    path = folder / "seen.jsonl"
    path.write_text(path.read_text().replace("+00:00", "", 1))


def lose_zones(folder: Path) -> None:
    path = folder / "seen.jsonl"
    path.write_text(path.read_text().replace("+00:00", ""))


def lose_description(folder: Path) -> None:
    next(folder.glob("*.json")).unlink()


def empty_description(folder: Path) -> None:
    path = next(folder.glob("*.json"))
    path.chmod(0o640)
    path.write_text("{}")


def lose_bytes(folder: Path) -> None:
    next(folder.glob("*.txt")).unlink()


def cut_bytes(folder: Path) -> None:
    path = next(folder.glob("*.txt"))
    path.chmod(0o640)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (garble_looks, "seen.jsonl, line 1: not a look"),
        (lose_zone, "offset-naive"),
        (lose_zones, "without its time zone"),
        (lose_description, "missing, though seen.jsonl names it"),
        (empty_description, "KeyError: 'extension'"),
        (lose_bytes, "No such file"),
        (cut_bytes, "bytes where 3 were stored"),
    ],
)
def test_damaged_raw_store_of_one_source_is_its_status_and_no_other_ones(
    project: Project, damage: Callable[[Path], None], said: str
) -> None:
    for name in ("acme_dme", "borealis_dme"):
        project.look(0, "one", name)
        project.look(1, "one", name)
    damage(store.folder_of(project.settings.raw, "acme_dme", DOCUMENT))
    project.release(2, current("a" * 64, 0))
    named = [project.source(name) for name in ("acme_dme", "borealis_dme")]
    first, second = source_statuses(project.settings, named, day(5))
    assert (first.status, first.since, first.rows) == ("damaged", None, 400)
    assert said in first.reasons[0]
    assert second.status == "new"


@pytest.mark.parametrize("cadence", CADENCE_DAYS)
def test_list_is_overdue_once_its_last_good_look_is_older_than_its_cadence(
    project: Project, cadence: str
) -> None:
    project.cadence = cadence
    due = CADENCE_DAYS[cadence]
    project.look(0, "one")
    project.fail(due)
    found = project.status(due)
    assert (found.is_overdue, found.age_days, found.cadence_days) == (False, due, due)
    assert found.cells()[5] == f"{due} of {due} d"
    late = project.status(due + 0.01)
    assert late.is_overdue
    assert late.cells()[5] == f"{due} of {due} d, overdue"


def test_irregular_list_is_never_overdue(project: Project) -> None:
    project.cadence = "irregular"
    project.look(0, "one")
    found = project.status(5000)
    assert (found.is_overdue, found.cadence_days, found.cells()[5]) == (False, None, "5000 d")


def test_every_cadence_that_a_source_may_have_is_known() -> None:
    said = Source.model_fields["cadence"].annotation
    assert set(CADENCE_DAYS) | {"irregular"} == set(said.__args__)  # type: ignore[union-attr]


def test_clock_that_was_set_back_makes_no_negative_age(project: Project) -> None:
    project.look(10, "one")
    found = project.status(-400)
    assert (found.age_days, found.is_overdue) == (0, False)


def test_terms_are_reviewed_or_not(project: Project) -> None:
    source = project.source("acme_dme").model_copy(update={"terms": "unreviewed"})
    known = source.model_copy(update={"terms": Terms(reviewed_on=date(2026, 1, 2), note="Allowed")})
    first, second = source_statuses(project.settings, [source, known], day(5))
    assert (first.as_json()["terms_reviewed"], first.terms_reviewed_on) == (False, None)
    assert second.as_json()["terms_reviewed"] is True
    assert second.as_json()["terms_reviewed_on"] == "2026-01-02"
    assert (first.cells()[-1], second.cells()[-1]) == ("not yet", "reviewed")


def test_json_says_everything_in_plain_values_and_utc(project: Project) -> None:
    project.release(3, held(project.look(2, "one"), 2))
    project.fail(4)
    said = json.loads(json.dumps(project.status(30).as_json()))
    for name in ("source", "document", "payer", "kind", "status", "rows", "held_reason"):
        assert name in said
    assert said["since"] == "2026-01-03T06:00:00+00:00"
    assert said["failing_since"] == said["last_look"] == "2026-01-05T06:00:00+00:00"
    assert said["last_seen"].endswith("+00:00")
    assert said["age_days"] == 28
    assert said["reasons"][0] == REASON


def test_table_keeps_to_a_terminal_with_its_reasons_below(project: Project) -> None:
    project.look(0, "one", "a_rather_long_name_of_a_list")
    project.release(3, held(project.look(2, "one"), 2))
    names = ("acme_dme", "a_rather_long_name_of_a_list", "zeta_dme")
    found = source_statuses(project.settings, [project.source(name) for name in names], day(130))
    table, _, reasons = text(found).partition("\n\n")
    assert [line.split()[:2] for line in table.splitlines()[2:]] == [
        ["acme_dme", "held"],
        ["a_rather_long_name_of_a_list", "new"],
        ["zeta_dme", "waiting"],
    ]
    assert max(map(len, table.splitlines())) <= 110
    assert "128 of 92 d, overdue" in table
    assert reasons.splitlines()[0] == f"acme_dme: held: {REASON}"
    assert [line.partition(":")[0] for line in reasons.splitlines()] == list(names[:2])


def test_sources_command_pays_for_no_library_of_a_refresh(tmp_path: Path) -> None:
    code = (
        "import sys; from flows.cli import main\n"
        "main(['sources', '--json'], standalone_mode=False)\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PRECERT_CURATED": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)
    imported = done.stderr.splitlines()[-1]
    assert "'flows'" in imported
    for name in ("pandas", "great_expectations", "prefect", "httpx", "rich"):
        assert f"'{name}'" not in imported
