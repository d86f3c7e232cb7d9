"""Publications that are kept and not read: in the raw store, in `documents`, and nowhere else."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import expectations, journey, store
from flows.answers import answer_text
from flows.answers.lookup import Answer, Question, codes_asked, lookup
from flows.documents import extract_versions, follow
from flows.registry import find_source
from flows.releases import Release, latest
from flows.settings import Settings
from schemas.tables import DOCUMENT_TABLES, DOCUMENTS
from tests.test_refresh import LIST, SHIPPED_AT, SOURCES, documents, refresh, rules, table

ARCHIVED = ("aetna_precertification", "precertification_list")
ANOTHER = ("uhc_commercial_pa", "advance_notification_list")
# No reader can make anything of these: that they are kept shows that none tried.
FIRST = b"%PDF-1.7\nthe first list\n%%EOF\n"
SECOND = b"%PDF-1.7\nthe second list\n%%EOF\n"


def copied(project: Settings, folder: Path) -> Settings:
    for name in ("raw", "sources", "curated"):
        shutil.copytree(getattr(project, name), folder / name)
    return Settings(folder / "raw", folder / "curated", folder / "sources")


@pytest.fixture(scope="module")
def small(released: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The released project with two archived sources, which wait for their first snapshots."""
    project = copied(released, tmp_path_factory.mktemp("small"))
    for path in project.sources.glob("*.yml"):
        if path.stem not in (*SOURCES, ARCHIVED[0], ANOTHER[0]):
            path.unlink()
    assert refresh(project) == journey.PUBLISHED
    return project


@pytest.fixture
def project(small: Settings, tmp_path: Path) -> Settings:
    """A project to change."""
    return copied(small, tmp_path)


def put(project: Settings, data: bytes, days: int = 1, source: tuple[str, str] = ARCHIVED) -> str:
    return store.put(project.raw, *source, data, came="added", at=SHIPPED_AT + timedelta(days=days))


def release_of(project: Settings) -> Release:
    release = latest(project.curated)
    assert release is not None
    return release


def answers(project: Settings, *codes: str, payer: str | None = None) -> list[Answer]:
    return lookup(release_of(project), Question(codes_asked(codes), payer))


def edit(project: Settings, source: str, before: str, after: str) -> None:
    path = project.sources / f"{source}.yml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def archive_too(project: Settings, **keys: str) -> tuple[str, str]:
    """An archived list more, of the payer of the shipped one; the line `keys` are put in."""
    said = {"source": "cigna_master", "document": "master_list", "title": "A master list"} | keys
    lines = [f"{key}: {value}" for key, value in said.items()] + [
        "publisher: Cigna Healthcare",
        "kind: pa_list",
        "tier: 1",
        "payer: {id: cigna, name: Cigna Healthcare}",
        "line_of_business: commercial",
        "cadence: irregular",
        "extract: false",
    ]
    (project.sources / "cigna_master.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return said["source"], said["document"]


def test_first_snapshot_of_an_archived_source_adds_its_facts_to_the_documents_alone(
    project: Settings,
) -> None:
    before = release_of(project)
    assert ARCHIVED[0] in {name for name, status in documents(project) if status == "missing"}
    sha256 = put(project, FIRST)
    assert refresh(project) == journey.PUBLISHED
    after = release_of(project)
    assert after.id != before.id
    row = documents(project)[ARCHIVED[0], "archived"]
    assert (row["sha256"], row["bytes"], row["came"]) == (sha256, len(FIRST), "added")
    assert (row["payer"], row["kind"], row["media_type"]) == ("aetna", "pa_list", "application/pdf")
    assert row["first_seen"] == row["last_seen"] == row["retrieved_at"]
    assert (row["rows"], row["lines_seen"], row["held_reason"]) == (0, None, None)
    assert table(project, "changes") == []
    for other in DOCUMENT_TABLES:
        name = f"{other.name}.parquet"
        assert after.files[name].sha256 == before.files[name].sha256


def test_nothing_reads_or_judges_an_archived_publication(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(expectations, "start_up", lambda: started.append("Great Expectations"))
    put(project, FIRST)
    assert refresh(project) == journey.PUBLISHED
    assert started == []
    assert not (project.parts / ARCHIVED[0]).exists()
    assert not (release_of(project).folder / "validation" / ARCHIVED[0]).exists()


def test_archived_document_has_its_versions_and_no_verdict(project: Settings) -> None:
    source = find_source(project.sources, ARCHIVED[0])
    assert follow(project, source, {}).status == "missing"
    put(project, FIRST)
    put(project, SECOND, days=2)
    assert extract_versions(project, source) == {}
    document = follow(project, source, {})
    assert (document.status, document.held_reason) == ("archived", None)
    assert len(document.versions) == 2
    assert document.accepted == ()
    assert document.newest is None


def test_project_of_archived_sources_alone_has_releases_too(
    project: Settings, tmp_path: Path
) -> None:
    alone = Settings(tmp_path / "alone" / "raw", tmp_path / "alone" / "curated", project.sources)
    for path in project.sources.glob("*.yml"):
        if path.stem not in (ARCHIVED[0], ANOTHER[0]):
            path.unlink()
    put(alone, FIRST)
    assert refresh(alone) == journey.PUBLISHED
    assert {status for _, status in documents(alone)} == {"archived", "missing"}
    assert rules(alone) == []


def test_another_look_that_finds_the_same_makes_no_release(project: Settings) -> None:
    put(project, FIRST)
    assert refresh(project) == journey.PUBLISHED
    before = release_of(project)
    put(project, FIRST, days=2)
    assert refresh(project) == journey.PUBLISHED
    assert release_of(project).id == before.id


def test_another_version_or_another_title_makes_a_release(project: Settings) -> None:
    put(project, FIRST)
    refresh(project)
    sha256 = put(project, SECOND, days=2)
    assert refresh(project) == journey.PUBLISHED
    assert documents(project)[ARCHIVED[0], "archived"]["sha256"] == sha256
    before = release_of(project)
    edit(project, ARCHIVED[0], 'title: "Aetna', 'title: "The Aetna')
    assert refresh(project) == journey.PUBLISHED
    assert release_of(project).id != before.id
    row = documents(project)[ARCHIVED[0], "archived"]
    assert row["title"].startswith("The Aetna")


def test_archived_sources_are_told_in_one_line_and_are_no_trouble(
    project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, FIRST)
    put(project, SECOND, source=ANOTHER)
    assert refresh(project) == journey.PUBLISHED
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "not read" in line]
    assert line.startswith("Attention: archived in raw/ and not read")
    assert line.endswith(": aetna_precertification, uhc_commercial_pa")
    notes = (release_of(project).folder / "NOTES.md").read_text(encoding="utf-8")
    assert notes.count("aetna_precertification") == 1
    page = (release_of(project).folder / "index.html").read_text(encoding="utf-8")
    assert '<tr class="archived"><td>aetna_precertification</td>' in page


def test_archived_list_changes_no_answer_of_other_payers(project: Settings) -> None:
    before = answer_text.text(answers(project, "E0466", "L1832", "K1007"))
    put(project, FIRST)
    refresh(project)
    assert answer_text.text(answers(project, "E0466", "L1832", "K1007")) == before


def test_lookup_of_its_payer_says_that_the_list_is_archived_and_not_read(
    project: Settings,
) -> None:
    put(project, FIRST)
    refresh(project)
    (answer,) = answers(project, "E0466", payer="aetna")
    assert answer.answer == "not_ingested"
    assert "is archived as it came and not read yet" in str(answer.explanation)
    assert (answer.list_read_on, answer.list_freshness) == (None, None)
    (described,) = answer.lists
    assert (described["status"], described["read_on"]) == ("archived", None)
    (unread,) = answer.lists_not_read
    assert unread["source"] == ARCHIVED[0]


def test_archived_list_beside_one_that_was_read_is_named_as_not_read(
    project: Settings,
) -> None:
    put(project, FIRST, source=archive_too(project))
    refresh(project)
    listed, not_listed = answers(project, "E0466", "K1007", payer="cigna")
    assert (listed.answer, not_listed.answer) == ("listed", "not_listed")
    for answer in (listed, not_listed):
        assert [version["source"] for version in answer.lists_not_read] == ["cigna_master"]
        assert "'A master list' (commercial) is archived" in str(answer.explanation)
    assert "NOT READ" in answer_text.text([not_listed])


def test_damage_to_archived_bytes_is_told_at_every_refresh_and_holds_nothing(
    project: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, FIRST)
    refresh(project)
    before = release_of(project)
    (snapshot,) = store.versions(project.raw, *ARCHIVED)
    path = store.path_of(project.raw, snapshot)
    path.chmod(0o640)
    path.write_bytes(SECOND)
    for _ in range(2):
        capsys.readouterr()
        assert refresh(project) == journey.TROUBLED
        assert "aetna_precertification: failed: extract" in capsys.readouterr().out
    assert release_of(project).id == before.id
    assert (ARCHIVED[0], "archived") in documents(project)


def test_archived_snapshot_that_vanished_is_trouble_until_someone_accepts_it(
    project: Settings,
) -> None:
    put(project, FIRST)
    refresh(project)
    shutil.rmtree(store.folder_of(project.raw, *ARCHIVED))
    for _ in range(2):
        assert refresh(project) == journey.TROUBLED
        held = documents(project)[ARCHIVED[0], "held"]
        assert "the raw store has no version of aetna_precertification" in held["held_reason"]
    accept = {"offline": True, "prefect": False, "accept": (ARCHIVED[0],)}
    assert journey.run(project, **accept) == journey.PUBLISHED  # type: ignore[arg-type]
    assert (ARCHIVED[0], "missing") in documents(project)


def without_table(text: str) -> str:
    return text[: text.index("table:")]


@pytest.mark.parametrize("keeps_its_table", [True, False])
def test_list_that_is_no_longer_read_keeps_its_rows_until_that_is_accepted(
    project: Settings, keeps_its_table: bool
) -> None:
    path = project.sources / f"{LIST[0]}.yml"
    whole = path.read_text(encoding="utf-8")
    path.write_text((whole if keeps_its_table else without_table(whole)) + "\nextract: false\n")
    before = rules(project)
    assert refresh(project) == journey.TROUBLED
    assert rules(project) == before
    states = documents(project)
    assert states[LIST[0], "stale"]["rows"] == len(before)
    reason = states[LIST[0], "held"]["held_reason"]
    assert "643 published rows stay" in reason
    assert f"--accept {LIST[0]}" in reason
    released = release_of(project).id
    assert refresh(project) == journey.TROUBLED
    assert release_of(project).id == released

    accept = {"offline": True, "prefect": False, "accept": (LIST[0],)}
    assert journey.run(project, **accept) == journey.PUBLISHED  # type: ignore[arg-type]
    assert rules(project) == []
    assert (LIST[0], "archived") in documents(project)
    assert ops(project) == {("remove", "reading")}
    assert refresh(project) == journey.PUBLISHED

    path.write_text(whole, encoding="utf-8")
    assert refresh(project) == journey.PUBLISHED
    assert {rule["row_key"] for rule in rules(project)} == {r["row_key"] for r in before}
    assert ops(project) == {("add", "reading")}


def ops(project: Settings) -> set[tuple[Any, Any]]:
    found = table(project, "changes")
    return {(c["op"], c["cause"]) for c in found if c["table"] == "prior_authorization"}


def test_damaged_record_of_an_archived_source_is_told_with_its_line(
    project: Settings,
) -> None:
    put(project, FIRST)
    refresh(project)
    seen = store.folder_of(project.raw, *ARCHIVED) / "seen.jsonl"
    seen.write_text("no look\n", encoding="utf-8")
    assert refresh(project) == journey.TROUBLED
    held = documents(project)[ARCHIVED[0], "held"]
    assert "seen.jsonl, line 1" in held["held_reason"]


def test_status_of_every_document_is_one_that_the_table_declares(project: Settings) -> None:
    put(project, FIRST)
    refresh(project)
    (declared,) = [field.allowed for field in DOCUMENTS if field.name == "status"]
    assert {status for _, status in documents(project)} <= set(declared or ())
