"""What a release keeps of the code reference and of what follows from it, from files of our own.

Publications are lost, held and read otherwise: codes, corrections and fees stay as published.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows import journey, store
from flows.releases import latest
from flows.settings import Settings
from tests.conftest import ROOT
from tests.test_code_rows import CHAIR, MODIFIER, corrected, workbook

CODE_SET = ("cms_hcpcs_alphanumeric", "quarterly_file")
CORRECTIONS = ("cms_hcpcs_corrections", "corrections")
FEES = ("cms_dmepos", "fee_schedule")
START = datetime(2026, 1, 1, tzinfo=UTC)

STOOL = CHAIR | {"code": "E0601", "long_description": "Invented stool"}
LATER = CHAIR | {"code": "E9905", "added_on": "20200701", "effective_from": "20200701"}
HEADER = "HCPCS\tMod\tMod2\tJURIS\tCATG\tCeiling\tFloor\tAL (NR)\tAL (R)\tNote\tDescription"


def put(project: Settings, source: tuple[str, str], data: bytes, day: int) -> str:
    at = START + timedelta(days=day)
    return store.put(project.raw, *source, data, came="added", at=at)


def schedule(*rows: str) -> bytes:
    return "\n".join((HEADER, *rows, "")).encode()


def edit(project: Settings, source: str, before: str, after: str) -> None:
    path = project.sources / f"{source}.yml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def refresh(project: Settings) -> int:
    return journey.run(project, offline=True, prefect=False)


def rows(project: Settings, which: str) -> list[dict[str, Any]]:
    release = latest(project.curated)
    assert release is not None
    return pq.read_table(release.folder / f"{which}.parquet").to_pylist()


def codes(project: Settings) -> dict[str, tuple[Any, ...]]:
    return {row["code"]: (row["terminated_on"], row["source"]) for row in rows(project, "codes")}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("small")
    project = Settings(folder / "raw", folder / "curated", folder / "sources")
    project.sources.mkdir()
    for name, _ in (CODE_SET, CORRECTIONS, FEES):
        shutil.copy(ROOT / "sources" / f"{name}.yml", project.sources)
    edit(project, CODE_SET[0], "rows: [6000, 12000]", "quarantined_share: 0.5\n  rows: [1, 9]")
    edit(project, FEES[0], "rows: [2500, 6000]", "quarantined_share: 0.7\n  rows: [1, 9]")
    edit(project, FEES[0], "  extra_columns:\n", "  extra_columns:\n    - Note\n")
    # The last row of the code set of 2019 names a kind of record that there is not.
    old = (MODIFIER, CHAIR, STOOL, CHAIR | {"code": "E9908", "record": "9"})
    put(project, CODE_SET, workbook(old), 0)
    put(project, CODE_SET, workbook((MODIFIER, STOOL, LATER)), 1)
    listed = corrected(("E9901", "Discontinue", "4/1/2019"), ("E9907", "ADD CODE", "1/1/2019"))
    put(project, CORRECTIONS, listed, 2)
    amounts = schedule(
        "E9905\t\t\tD\tIN\t0\t0\t1.00\t2.00\tas before\tInvented chair",
        "EO601\t\t\tD\tIN\t0\t0\t1.00\t2.00\tas before\tInvented stool",
        "E0601\t\t\tD\tIN\t0\t0\tnone\t2.00\tas before\tInvented stool",
    )
    put(project, FEES, amounts, 3)
    assert refresh(project) == journey.PUBLISHED
    return project


@pytest.fixture
def project(small: Settings, tmp_path: Path) -> Settings:
    """A project to change."""
    for name in ("raw", "sources", "curated"):
        shutil.copytree(getattr(small, name), tmp_path / name)
    return Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")


def stays(project: Settings, which: str) -> None:
    """Two refreshes leave a table as it is; the second has nothing new."""
    before = rows(project, which)
    assert before
    assert refresh(project) == journey.TROUBLED
    assert rows(project, which) == before
    release = latest(project.curated)
    assert refresh(project) == journey.TROUBLED
    assert latest(project.curated) == release


def test_corrections_that_are_kept_still_correct(project: Settings) -> None:
    assert codes(project)["E9901"][0] is not None
    assert codes(project)["E9907"][1] == CORRECTIONS[0]
    shutil.rmtree(project.raw / CORRECTIONS[0])
    stays(project, "codes")


def test_code_set_that_is_kept_keeps_the_codes_that_corrections_added(project: Settings) -> None:
    shutil.rmtree(project.raw / CODE_SET[0])
    stays(project, "codes")


def test_earlier_release_that_is_lost_takes_no_code_with_it(project: Settings) -> None:
    oldest = store.versions(project.raw, *CODE_SET)[0]
    first = store.path_of(project.raw, oldest)
    first.chmod(0o644)
    first.write_bytes(b"damaged")
    shutil.rmtree(project.curated / "parts" / CODE_SET[0])
    stays(project, "codes")


def test_quarantined_rows_of_an_earlier_release_are_shown_and_counted(small: Settings) -> None:
    states = [state for state in rows(small, "documents") if state["source"] == CODE_SET[0]]
    found = {state["status"]: (state["row_lines"], state["quarantined"]) for state in states}
    assert found == {"current": (3, 0), "superseded": (3, 1)}
    cells = [row["cells"][0] for row in rows(small, "quarantine") if row["table"] == "codes"]
    assert cells == ["E9908"]
    release = latest(small.curated)
    assert release is not None
    assert "superseded" not in (release.folder / "NOTES.md").read_text(encoding="utf-8")


def test_schedule_that_is_kept_keeps_its_fees_however_its_columns_are_read_now(
    project: Settings,
) -> None:
    edit(project, FEES[0], "amounts: '", "amounts: 'Note|")
    edit(project, FEES[0], "rows: [1, 9]", "rows: [3, 9]")
    stays(project, "fees")


def test_code_of_another_row_in_quarantine_is_no_repair(small: Settings) -> None:
    assert {fee["code"] for fee in rows(small, "fees")} == {"E9905"}
