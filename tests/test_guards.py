"""What guards a published list against damage and against ourselves: each case was once a way to
a wrong or a vanished answer.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import journey, releases, store
from flows.settings import Settings
from tests.conftest import shipped
from tests.test_refresh import (
    LIST,
    add,
    changed,
    documents,
    next_project,
    refresh,
    rules,
    shipped_text,
    table,
)

__all__ = ["next_project"]


CIGNA = "cigna_commercial_dme.yml"


def statuses(project: Settings) -> dict[str, str]:
    return {rule["row_key"]: rule["pa_status"] for rule in rules(project)}


def swapped(text: str) -> str:
    """The list with every Yes as No and every No as Yes."""
    return text.replace("\tYes\t", "\t#\t").replace("\tNo\t", "\tYes\t").replace("\t#\t", "\tNo\t")


def damage(project: Settings) -> None:
    """Flip a bit in the oldest snapshot of the list."""
    path = store.path_of(project.raw, store.versions(project.raw, *LIST)[0])
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.chmod(0o640)
    path.write_bytes(data)


def edit(project: Settings, before: str, after: str) -> None:
    path = project.sources / CIGNA
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_flipped_list_is_held_though_the_version_to_compare_with_is_lost(
    next_project: Settings,
) -> None:
    before = statuses(next_project)
    add(next_project, swapped(shipped_text()))
    damage(next_project)
    shutil.rmtree(next_project.parts)
    assert refresh(next_project) == journey.TROUBLED
    assert statuses(next_project) == before
    states = documents(next_project)
    assert "to be compared with" in states[LIST[0], "held"]["held_reason"]
    assert states[LIST[0], "stale"]["rows"] == 643


def test_list_without_a_readable_first_version_is_held_in_an_empty_store_too(
    project: Settings,
) -> None:
    add(project, swapped(shipped_text()))
    damage(project)
    assert refresh(project) == journey.TROUBLED
    assert rules(project) == []
    assert "cannot be read" in documents(project)[LIST[0], "held"]["held_reason"]


def test_damage_to_an_older_version_is_told_though_the_newest_is_sound(
    next_project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    damage(next_project)
    assert refresh(next_project) == journey.TROUBLED
    assert "not those it is named by" in capsys.readouterr().out


def test_our_own_edit_that_flips_a_list_is_held_until_it_is_accepted(
    next_project: Settings,
) -> None:
    before = statuses(next_project)
    edit(next_project, '"Yes": required', '"Yes": voluntary')
    assert refresh(next_project) == journey.TROUBLED
    assert statuses(next_project) == before
    reason = documents(next_project)[LIST[0], "held"]["held_reason"]
    assert "changed their status" in reason
    assert f"--accept {LIST[0]}" in reason
    assert table(next_project, "changes") == []
    accepted = journey.run(next_project, offline=True, prefect=False, accept=(LIST[0],))
    assert accepted == journey.PUBLISHED
    causes = {change["cause"] for change in table(next_project, "changes")}
    assert causes == {"reading"}
    assert releases.latest(next_project.curated).said["accepted"] == [LIST[0]]  # type: ignore[union-attr]
    assert refresh(next_project) == journey.PUBLISHED


def test_great_change_by_the_payer_is_held_until_its_version_is_accepted(
    next_project: Settings,
) -> None:
    before = statuses(next_project)
    sha256 = add(next_project, shipped_text().replace("\tOut Of Scope\t", "\tYes\t"))
    assert refresh(next_project) == journey.TROUBLED
    assert statuses(next_project) == before
    assert f"add {sha256} to" in documents(next_project)[LIST[0], "held"]["held_reason"]
    edit(next_project, "  rows: [500, 900]", f"  rows: [500, 900]\n  accepted_versions: [{sha256}]")
    assert refresh(next_project) == journey.PUBLISHED
    after = statuses(next_project)
    assert sum(after[key] != before[key] for key in before) == 402
    assert {change["cause"] for change in table(next_project, "changes")} == {"publication"}


def test_our_own_edit_that_loses_a_list_keeps_its_published_rows(next_project: Settings) -> None:
    before = statuses(next_project)
    edit(next_project, '    "No": not_required\n', "")
    assert refresh(next_project) == journey.TROUBLED
    assert statuses(next_project) == before
    assert documents(next_project)[LIST[0], "stale"]["rows"] == 643
    released = len(list(next_project.releases.iterdir()))
    assert refresh(next_project) == journey.TROUBLED
    assert len(list(next_project.releases.iterdir())) == released


def test_bulletin_that_is_written_anew_is_published_and_its_lost_duty_is_a_change(
    next_project: Settings,
) -> None:
    bulletin = ("pdac_k1007", "correct_coding_bulletin")
    text = "Exoskeletons\n\nPosted January 2, 2027\n\nK1007 (a powered device) is still a code.\n"
    add(next_project, text, source=bulletin)
    assert refresh(next_project) == journey.PUBLISHED
    (change,) = [c for c in table(next_project, "changes") if c["table"] == "requirements"]
    assert (change["op"], change["code"], change["materiality"]) == ("remove", "K1007", "high")


def test_row_in_quarantine_stays_named_while_its_list_is_held(next_project: Settings) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tPerhaps\t")))
    assert refresh(next_project) == journey.PUBLISHED
    edit(next_project, '    "Yes": required\n', "")
    assert refresh(next_project) == journey.TROUBLED
    assert "A6515" in {row["code"] for row in table(next_project, "quarantine")}


def test_key_that_stands_twice_in_the_yaml_is_an_error(next_project: Settings) -> None:
    edit(next_project, '    "Yes": required\n', '    "Yes": required\n    "Yes": not_required\n')
    assert refresh(next_project) == journey.USAGE


def test_quarantined_row_is_no_removal_by_the_payer(next_project: Settings) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tPerhaps\t")), days=1)
    assert refresh(next_project) == journey.PUBLISHED
    (change,) = table(next_project, "changes")
    assert (change["op"], change["code"], change["cause"]) == ("remove", "A6515", "quarantine")
    (row,) = table(next_project, "quarantine")
    assert (row["code"], row["row_key"]) == ("A6515", change["row_key"])
    add(next_project, shipped_text(), days=2)
    assert refresh(next_project) == journey.PUBLISHED
    (change,) = table(next_project, "changes")
    assert (change["op"], change["cause"]) == ("add", "quarantine")


def test_garbled_record_of_one_source_harms_no_other(next_project: Settings) -> None:
    path = store.folder_of(next_project.raw, "vendor_l1320", "article") / "seen.jsonl"
    path.write_text("garbage\n")
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    before = len(table(next_project, "bulletins"))
    assert refresh(next_project) == journey.TROUBLED
    assert "A6515" in {change["code"] for change in table(next_project, "changes")}
    assert len(table(next_project, "bulletins")) == before
    assert "not a look" in documents(next_project)["vendor_l1320", "held"]["held_reason"]


def test_look_that_a_crash_cut_gives_way_to_the_next(next_project: Settings) -> None:
    path = store.folder_of(next_project.raw, *LIST) / "seen.jsonl"
    path.write_text(path.read_text() + '{"at": "2026-11-2')
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert len(store.versions(next_project.raw, *LIST)) == 2
    assert refresh(next_project) == journey.PUBLISHED


def test_file_added_after_the_clock_went_back_is_the_newest_all_the_same(
    next_project: Settings, tmp_path: Path
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=3650)
    sha256 = store.put(next_project.raw, *LIST, b"ahead", came="added", at=ahead)
    path = tmp_path / "mine.txt"
    path.write_text(changed(("A6515", "\tNo\t", "\tYes\t")))
    store.add_file(next_project, LIST[0], path)
    newest = store.versions(next_project.raw, *LIST)[-1]
    assert newest.sha256 != sha256
    assert newest.first_seen > ahead


def test_right_bytes_added_again_heal_a_damaged_snapshot(
    next_project: Settings, tmp_path: Path
) -> None:
    damage(next_project)
    assert refresh(next_project) == journey.TROUBLED
    path = tmp_path / "again.txt"
    path.write_bytes(shipped(*LIST).read_bytes())
    store.add_file(next_project, LIST[0], path)
    assert refresh(next_project) == journey.PUBLISHED
    assert (LIST[0], "current") in documents(next_project)


def test_empty_file_is_not_added(next_project: Settings, tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(b"")
    with pytest.raises(store.StoreError, match="empty"):
        store.add_file(next_project, LIST[0], path)
    assert len(store.versions(next_project.raw, *LIST)) == 1


def test_damaged_release_is_made_anew_and_its_damage_is_no_change(next_project: Settings) -> None:
    first = releases.latest(next_project.curated)
    assert first is not None
    before = statuses(next_project)
    path = first.folder / "prior_authorization.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert refresh(next_project) == journey.PUBLISHED
    second = releases.latest(next_project.curated)
    assert second is not None
    assert second.sequence == first.sequence + 1
    assert releases.verify(next_project.curated) == []
    assert statuses(next_project) == before
    assert table(next_project, "changes") == []


@pytest.mark.parametrize("pointer", [None, "garbage"])
def test_lost_pointer_does_not_restart_the_history(
    next_project: Settings, pointer: str | None
) -> None:
    first = releases.latest(next_project.curated)
    assert first is not None
    path = next_project.curated / "latest.json"
    path.unlink()
    if pointer is not None:
        path.write_text(pointer)
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    second = releases.latest(next_project.curated)
    assert second is not None
    assert (second.sequence, second.previous) == (2, first.id)
    assert [change["code"] for change in table(next_project, "changes")] == ["A6515"]


def test_what_a_killed_run_left_in_the_stores_is_swept_away(next_project: Settings) -> None:
    left = [
        store.folder_of(next_project.raw, *LIST) / ".seen.json.4242",
        next_project.curated / ".latest.json.4242",
    ]
    for path in left:
        path.write_text("half")
    assert refresh(next_project) == journey.PUBLISHED
    assert not any(path.exists() for path in left)


def test_disk_that_is_full_ends_without_a_release_and_with_the_reason(
    next_project: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    import os
    import subprocess
    import sys

    from tests.conftest import ROOT

    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    before = (next_project.curated / "latest.json").read_bytes()
    code = (
        "import resource, sys; from pathlib import Path;"
        "from flows import journey; from flows.settings import Settings;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); root = Path(sys.argv[1]);"
        "s = Settings(root / 'raw', root / 'curated', root / 'sources');"
        "raise SystemExit(journey.run(s, offline=True, prefect=False))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(next_project.curated.parent)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == journey.NOTHING, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert (next_project.curated / "latest.json").read_bytes() == before
    assert refresh(next_project) == journey.PUBLISHED


def published_status(project: Settings, code: str) -> set[str]:
    return {rule["pa_status"] for rule in rules(project) if rule["code"] == code}


@pytest.mark.parametrize("loss", ["damaged", "forgotten"])
def test_release_does_not_go_back_to_an_older_version_of_a_list(
    next_project: Settings, loss: str
) -> None:
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    newest = store.versions(next_project.raw, *LIST)[-1]
    if loss == "damaged":
        path = store.path_of(next_project.raw, newest)
        path.chmod(0o640)
        path.write_bytes(b"x" + path.read_bytes()[1:])
        shutil.rmtree(next_project.parts)
    else:
        path = store.folder_of(next_project.raw, *LIST) / "seen.jsonl"
        path.write_text(path.read_text().splitlines(keepends=True)[0])
    assert refresh(next_project) == journey.TROUBLED
    assert published_status(next_project, "A6515") == {"required"}
    assert "a later version" in documents(next_project)[LIST[0], "held"]["held_reason"]


def test_source_that_is_gone_from_the_registry_stops_the_release_until_it_is_accepted(
    next_project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first = releases.latest(next_project.curated)
    (next_project.sources / CIGNA).unlink()
    assert refresh(next_project) == journey.NOTHING
    assert f"sources/{CIGNA} is gone" in capsys.readouterr().err
    assert releases.latest(next_project.curated) == first
    accepted = journey.run(next_project, offline=True, prefect=False, accept=(LIST[0],))
    assert accepted == journey.PUBLISHED
    assert rules(next_project) == []
    gone = [c for c in table(next_project, "changes") if c["table"] == "prior_authorization"]
    assert len(gone) == 643
    assert {change["cause"] for change in gone} == {"reading"}


def test_list_that_is_no_longer_read_as_a_list_keeps_its_rules(next_project: Settings) -> None:
    path = next_project.sources / CIGNA
    text = path.read_text().replace("kind: pa_list", "kind: vendor_article")
    head, rest = text.split("\ntable:\n")
    path.write_text(f"{head}\nnarrative: {{}}\n\nexpect:{rest.split('expect:')[1]}")
    assert refresh(next_project) == journey.TROUBLED
    assert len(rules(next_project)) == 643


def test_damaged_description_of_one_snapshot_harms_no_other_source(
    next_project: Settings,
) -> None:
    (path,) = next_project.raw.glob("vendor_l1320/article/*.json")
    path.chmod(0o640)
    path.write_text("{")
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.TROUBLED
    assert published_status(next_project, "A6515") == {"required"}
    assert len(table(next_project, "bulletins")) == 3
    assert ("vendor_l1320", "held") in documents(next_project)


@pytest.mark.parametrize("name", ["outline.json", "verdict.json"])
def test_damaged_file_of_the_cache_is_made_again(next_project: Settings, name: str) -> None:
    (path,) = next_project.parts.glob(f"vendor_l1320/article/*/{name}")
    path.write_text("{")
    assert refresh(next_project) == journey.PUBLISHED
    assert json.loads(path.read_text())


def test_unreadable_older_release_is_no_reason_for_a_new_one(next_project: Settings) -> None:
    first = releases.latest(next_project.curated)
    assert first is not None
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    (first.folder / "release.json").unlink()
    second = releases.latest(next_project.curated)
    assert refresh(next_project) == journey.PUBLISHED
    assert releases.latest(next_project.curated) == second


def test_change_by_the_payer_after_a_held_version_is_the_publications(
    next_project: Settings,
) -> None:
    add(next_project, shipped_text().replace("\tNo\t", "\tPerhaps\t"), days=1)
    assert refresh(next_project) == journey.TROUBLED
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")), days=2)
    assert refresh(next_project) == journey.PUBLISHED
    (change,) = table(next_project, "changes")
    assert (change["op"], change["cause"]) == ("modify", "publication")


def test_release_that_was_rolled_back_is_not_written_again(next_project: Settings) -> None:
    first = releases.latest(next_project.curated)
    assert first is not None
    add(next_project, changed(("A6515", "\tNo\t", "\tYes\t")))
    assert refresh(next_project) == journey.PUBLISHED
    second = releases.latest(next_project.curated)
    pointer = next_project.curated / "latest.json"
    pointer.write_text(f'{{"release": "{first.id}", "sequence": 1}}')
    assert refresh(next_project) == journey.PUBLISHED
    assert releases.latest(next_project.curated) == second
