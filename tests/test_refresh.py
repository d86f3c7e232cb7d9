"""The whole journey on the shipped publications, without Prefect; see test_prefect for with it.

Versions that a payer might publish next are made from the shipped list by changing a line.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows import journey, store
from flows.files import load_json, sha256_of
from flows.lock import only_refresh
from flows.registry import load_sources
from flows.releases import latest
from flows.settings import Settings
from schemas.tables import TABLES
from tests.conftest import ROOT, shipped

LIST = ("cigna_commercial_dme", "prior_authorization_list")
SHIPPED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
# The sources whose publications ship in raw/; the others wait for their first snapshot.
SOURCES = {"cigna_commercial_dme", "pdac_k1007", "vendor_l1320", "vendor_l2387"}


def refresh(project: Settings) -> int:
    return journey.run(project, offline=True, prefect=False)


def table(project: Settings, name: str) -> list[dict[str, Any]]:
    release = latest(project.curated)
    assert release is not None
    return pq.read_table(release.folder / f"{name}.parquet").to_pylist()


def rules(project: Settings) -> list[dict[str, Any]]:
    return table(project, "prior_authorization")


def documents(project: Settings) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["source"], row["status"]): row for row in table(project, "documents")}


def add(project: Settings, text: str, days: int = 1, source: tuple[str, str] = LIST) -> str:
    """A next version of a document, seen some days after the shipped one."""
    at = SHIPPED_AT + timedelta(days=days)
    return store.put(project.raw, *source, text.encode(), came="added", at=at)


def shipped_text() -> str:
    return shipped(*LIST).read_text(encoding="utf-8")


def changed(*edits: tuple[str, str, str]) -> str:
    """The shipped list with cells changed in the lines of some codes: (code, before, after)."""
    lines = shipped_text().split("\n")
    for code, before, after in edits:
        (number,) = [n for n, line in enumerate(lines) if f"\t{code}\t" in line]
        assert before in lines[number]
        lines[number] = lines[number].replace(before, after, 1)
    return "\n".join(lines)


def files(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, sha256_of(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "runs.jsonl")
    }


@pytest.fixture
def next_project(released: Settings, tmp_path: Path) -> Settings:
    """A copy of the released project, to refresh again."""
    for name in ("raw", "sources", "curated"):
        shutil.copytree(getattr(released, name), tmp_path / name)
    return Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")


def test_shipped_publications_become_one_complete_release(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    assert {path.stem for path in release.folder.glob("*.parquet")} == set(TABLES)
    for name in ("datapackage.json", "release.json", "NOTES.md", "index.html"):
        assert (release.folder / name).stat().st_size > 0
    states = {row["source"]: row["status"] for row in table(released, "documents")}
    waiting = {source.source for source in load_sources(released.sources)} - SOURCES
    assert states == dict.fromkeys(SOURCES, "current") | dict.fromkeys(waiting, "missing")
    assert Counter(rule["pa_status"] for rule in rules(released)) == {
        "out_of_scope": 402,
        "required": 216,
        "not_required": 25,
    }
    assert table(released, "quarantine") == []


def test_release_prints_a_balance_that_comes_out(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    balances = {said["source"]: said for said in release.said["balance"]}
    assert balances.keys() == SOURCES
    for said in balances.values():
        explained = said["headers"] + said["row_lines"] + said["quarantined"]
        assert said["lines_seen"] == explained + sum(said["ignored"].values())
    assert "738 lines = 42 headers + 643 published" in (release.folder / "NOTES.md").read_text()
    row = documents(released)[LIST[0], "current"]
    assert row["lines_seen"] == row["headers"] + row["rows"] + row["quarantined"] + row["ignored"]


def test_every_rule_leads_back_to_its_printed_line(released: Settings) -> None:
    (snapshot,) = store.versions(released.raw, *LIST)
    lines = store.read(released.raw, snapshot).decode().split("\n")
    for rule in rules(released):
        assert rule["sha256"] == snapshot.sha256
        assert lines[rule["line"] - 1] == rule["raw_text"]


def test_files_of_a_release_are_those_its_manifest_names(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    for name, said in release.files.items():
        path = release.folder / name
        assert said.sha256 == sha256_of(path)
        assert said.rows == pq.read_metadata(path).num_rows


def test_parquet_columns_carry_their_descriptions(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    for name, declared in TABLES.items():
        schema = pq.read_schema(release.folder / f"{name}.parquet")
        assert schema.names == list(declared.names)
        for field in declared:
            assert schema.field(field.name).metadata[b"description"].decode() == field.meaning


def test_data_docs_of_every_document_lie_in_the_release(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    for source in SOURCES:
        assert (release.folder / "validation" / source / "published" / "document.html").exists()
    page = release.folder / "validation" / LIST[0] / "published" / "prior_authorization.html"
    assert "values must never be null" in page.read_text()


def test_vendor_claims_conflict_with_the_lists_own_descriptors(released: Settings) -> None:
    claims = {(claim["source"], claim["code"]): claim for claim in table(released, "code_claims")}
    for code in ("L0627", "L1832"):
        claim = claims["vendor_l1320", code]
        assert claim["agreement"] == "conflicts"
        assert "rigid" in claim["terms_in_conflict"]
        assert claim["official_source"] == LIST[0]
    for key in (("vendor_l1320", "L1320"), ("vendor_l1320", "L0454"), ("pdac_k1007", "K1007")):
        assert claims[key]["agreement"] == "unknown"
        assert claims[key]["official_text"] is None


def test_second_refresh_changes_no_file(next_project: Settings) -> None:
    before = files(next_project.curated), files(next_project.raw)
    assert refresh(next_project) == journey.PUBLISHED
    assert (files(next_project.curated), files(next_project.raw)) == before


def test_release_built_elsewhere_has_the_same_bytes(released: Settings, project: Settings) -> None:
    """In another folder, process, time zone, locale and order of hashes."""
    elsewhere = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "refresh", "--offline", "--no-prefect"],
        cwd=project.curated.parent,
        env=os.environ | elsewhere | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == journey.PUBLISHED, done.stderr
    one, other = latest(released.curated), latest(project.curated)
    assert one is not None
    assert other is not None
    assert one.files == other.files
    assert one.id == other.id


def test_one_changed_line_is_exactly_one_change(next_project: Settings) -> None:
    before = {rule["row_key"]: rule for rule in rules(next_project)}
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    (change,) = table(next_project, "changes")
    assert (change["op"], change["code"], change["payer"]) == ("modify", "A6515", "cigna")
    assert change["fields_changed"] == ["pa_status", "pa_raw", "crd_pa_needed"]
    assert change["materiality"] == "high"
    assert json.loads(change["before"])["pa_status"] == "not_required"
    assert json.loads(change["after"])["pa_status"] == "required"
    notes = (latest(next_project.curated).folder / "NOTES.md").read_text()  # type: ignore[union-attr]
    assert "A6515" in notes
    for rule in rules(next_project):
        is_new = rule["code"] == "A6515"
        assert rule["first_seen"] == SHIPPED_AT + timedelta(days=int(is_new))
        assert rule["last_seen"] == SHIPPED_AT + timedelta(days=1)
        assert rule["row_key"] in before


def test_added_and_removed_lines_are_additions_and_removals(next_project: Settings) -> None:
    line = next(line for line in shipped_text().split("\n") if "\tA6515\t" in line)
    text = shipped_text().replace(line, line.replace("A6515", "A6001"))
    add(next_project, text)
    assert refresh(next_project) == journey.PUBLISHED
    found = {(change["op"], change["code"]) for change in table(next_project, "changes")}
    assert found == {("add", "A6001"), ("remove", "A6515")}


def test_unmapped_value_below_the_limit_is_quarantined_with_its_reason(
    next_project: Settings,
) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tPerhaps\t")))
    assert refresh(next_project) == journey.PUBLISHED
    (row,) = table(next_project, "quarantine")
    assert row["table"] == "prior_authorization"
    assert any("'Perhaps'" in reason for reason in row["reasons"])
    assert "A6515" in row["cells"]
    assert shipped_text().split("\n")[row["line"] - 1].split("\t")[2] == "A6515"
    assert not [rule for rule in rules(next_project) if rule["code"] == "A6515"]
    state = documents(next_project)[LIST[0], "current"]
    assert (state["rows"], state["quarantined"]) == (642, 1)


def hold(edit: Callable[[str], str]) -> str:
    return edit(shipped_text())


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda text: text.replace("\tNo\t", "\tPerhaps\t"), "'Perhaps'"),
        (lambda text: text.replace("\tExternal Notation", "\tTier", 1), "unknown column 'Tier'"),
        (lambda text: text.replace("\tExternal Notation", "", 1), "'External Notation'"),
        (lambda text: "\n".join(text.split("\n")[:6]), "rows are not between"),
        (lambda text: "\n".join(text.split("\n")[:400]), "rows are not between"),
        (lambda text: text.replace("\tYes\t", "\tOut Of Scope\t"), "changed their status"),
        (lambda text: text + "\nSee also the other list", "no row and that no rule explains"),
        (lambda text: text.replace("\tA6515\t", "\tA6516\t"), "one rule stands in it twice"),
        (lambda _: "<!doctype html><html><body><p>Log in</p></body></html>", "Log in"),
        (lambda _: "PK\x03\x04", "the archive is cut or damaged"),
        (lambda _: "\x7fELF\x02", "which no reader reads"),
    ],
    ids=[
        "unmapped_values", "unknown_column", "missing_column", "no_rows", "half_the_rows",
        "statuses_flipped", "unexplained_line", "row_twice", "login_page", "cut_archive",
        "other_format",
    ],
)  # fmt: skip
def test_document_that_fails_its_gate_is_held_and_keeps_its_last_good_rows(
    next_project: Settings, edit: Callable[[str], str], reason: str
) -> None:
    before = {(rule["row_key"], rule["row_hash"]) for rule in rules(next_project)}
    add(next_project, edit(shipped_text()))
    assert refresh(next_project) == journey.TROUBLED
    states = documents(next_project)
    held, stale = states[LIST[0], "held"], states[LIST[0], "stale"]
    assert reason in held["held_reason"]
    assert (held["rows"], stale["rows"]) == (0, 643)
    assert {(rule["row_key"], rule["row_hash"]) for rule in rules(next_project)} == before
    assert {source for source, status in states if status == "current"} == SOURCES - {LIST[0]}
    assert table(next_project, "changes") == []


def test_unknown_header_names_its_line(next_project: Settings) -> None:
    add(next_project, shipped_text().replace("\tExternal Notation", "\tTier", 1))
    assert refresh(next_project) == journey.TROUBLED
    assert "line 6" in documents(next_project)[LIST[0], "held"]["held_reason"]


def test_hold_ends_when_the_next_version_is_good(next_project: Settings) -> None:
    add(next_project, shipped_text().replace("\tNo\t", "\tPerhaps\t"), days=1)
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")), days=2)
    assert refresh(next_project) == journey.PUBLISHED
    assert (LIST[0], "current") in documents(next_project)
    assert [change["code"] for change in table(next_project, "changes")] == ["A6515"]


def test_rule_that_came_back_counts_as_seen_since_then(next_project: Settings) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")), days=1)
    add(next_project, shipped_text(), days=2)
    assert refresh(next_project) == journey.PUBLISHED
    seen = {rule["code"]: rule["first_seen"] for rule in rules(next_project)}
    assert seen["A6515"] == SHIPPED_AT + timedelta(days=2)
    assert seen["E0466"] == SHIPPED_AT


def test_damaged_snapshot_is_reported_and_its_last_good_rows_stay(next_project: Settings) -> None:
    (snapshot,) = store.versions(next_project.raw, *LIST)
    path = store.path_of(next_project.raw, snapshot)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.chmod(0o640)
    path.write_bytes(data)
    assert refresh(next_project) == journey.TROUBLED
    held = documents(next_project)[LIST[0], "held"]
    assert snapshot.sha256 in held["held_reason"]
    assert len(rules(next_project)) == 643


def test_damaged_snapshot_that_was_never_read_gives_no_rows(project: Settings) -> None:
    (snapshot,) = store.versions(project.raw, *LIST)
    path = store.path_of(project.raw, snapshot)
    path.chmod(0o640)
    path.write_bytes(path.read_bytes().replace(b"\tNo\t", b"\tYes\t", 1))
    assert refresh(project) == journey.TROUBLED
    assert rules(project) == []
    assert documents(project)[LIST[0], "held"]["rows"] == 0
    assert len(table(project, "bulletins")) == 3


def test_source_that_was_never_retrieved_is_missing_and_harms_nothing(project: Settings) -> None:
    text = (project.sources / "cigna_commercial_dme.yml").read_text()
    text = text.replace("source: cigna_commercial_dme", "source: another")
    (project.sources / "another.yml").write_text(text)
    assert refresh(project) == journey.PUBLISHED
    assert documents(project)["another", "missing"]["rows"] == 0
    assert len(rules(project)) == 643


def test_sources_that_wait_for_their_first_snapshot_are_told_in_one_line(
    next_project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (next_project.sources / "cigna_commercial_dme.yml").read_text()
    for name in ("zeta_list", "zeta_other_list"):
        written = text.replace("source: cigna_commercial_dme", f"source: {name}")
        (next_project.sources / f"{name}.yml").write_text(written)
    assert refresh(next_project) == journey.PUBLISHED
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "zeta_list, " in line]
    assert "waiting for a first snapshot" in line
    assert "zeta_other_list" in line
    notes = (latest(next_project.curated).folder / "NOTES.md").read_text()  # type: ignore[union-attr]
    assert notes.count("zeta_list") == 1


def test_snapshot_that_vanished_is_trouble_and_not_one_that_never_came(
    next_project: Settings,
) -> None:
    shutil.rmtree(store.folder_of(next_project.raw, *LIST))
    assert refresh(next_project) == journey.TROUBLED
    stale = documents(next_project)[LIST[0], "stale"]
    assert stale["rows"] == 643
    assert "the raw store has no version" in documents(next_project)[LIST[0], "held"]["held_reason"]


def test_nothing_publishable_leaves_no_release_and_says_so(
    project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in project.sources.glob("*.yml"):
        if path.stem != LIST[0]:
            path.unlink()
    add(project, "no list at all")
    add(project, "still no list", days=-1)
    folder = store.folder_of(project.raw, *LIST)
    kept = [line for line in (folder / "seen.jsonl").read_text().splitlines() if "-21T" not in line]
    (folder / "seen.jsonl").write_text("\n".join(kept) + "\n")
    assert refresh(project) == journey.NOTHING
    assert latest(project.curated) is None
    assert "no document can be published: cigna_commercial_dme" in capsys.readouterr().err


def test_refresh_that_finds_another_running_names_it_and_ends(
    project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_refresh(project.curated, "precert refresh"):
        code = (
            "from pathlib import Path; from flows.settings import Settings;"
            "from flows import journey;"
            f"raise SystemExit(journey.run(Settings(Path({str(project.raw)!r}), "
            f"Path({str(project.curated)!r}), Path({str(project.sources)!r})), offline=True))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == journey.RUNNING
    assert "another refresh is running (process " in done.stderr


def test_json_summary_is_the_only_thing_on_standard_output(
    next_project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    capsys.readouterr()
    status = journey.run(next_project, offline=True, prefect=False, as_json=True)
    printed = capsys.readouterr()
    assert status == journey.PUBLISHED
    assert printed.err == ""
    said = json.loads(printed.out)
    (row,) = [row for row in said["rows"] if row["source"] == LIST[0]]
    assert (row["status"], row["rows"], row["changed"]) == ("current", 643, 1)
    assert said["published"] is True


def test_pointer_and_release_agree(released: Settings) -> None:
    pointer = load_json(released.curated / "latest.json")
    release = latest(released.curated)
    assert release is not None
    assert pointer == {"release": release.id, "sequence": 1}
    assert release.id.startswith("000001-")
