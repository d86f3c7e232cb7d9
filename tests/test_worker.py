"""The worker: what a hostile document can do to its own process, and to nothing else."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractors.extract import extract
from extractors.reading import ExtractionError
from extractors.sniff import HTML, PDF, sniff
from flows import parts, store
from flows.parts import WorkerLost, extract_part
from flows.registry import load_source
from flows.settings import Settings
from schemas.tables import PRIOR_AUTHORIZATION
from tests.conftest import ROOT, shared

CIGNA = load_source(ROOT / "sources" / "cigna_commercial_dme.yml")


def stored(folder: Path, data: bytes) -> Settings:
    settings = Settings(folder / "raw", folder / "curated", folder / "sources")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    store.put(settings.raw, CIGNA.source, CIGNA.document, data, came="added", at=at)
    return settings


def confined(code: str) -> subprocess.CompletedProcess[str]:
    """Run code as a document's reader would run."""
    script = f"from flows import worker; worker._confine(60)\n{code}"
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
    ],
)
def test_reader_can_open_no_connection_and_start_no_program(code: str) -> None:
    done = confined(code)
    assert done.returncode != 0
    assert "a document's reader attempted" in done.stderr


def test_reader_that_takes_too_much_memory_ends_alone() -> None:
    done = confined("x = bytearray(5 << 30)")
    assert done.returncode != 0
    assert "MemoryError" in done.stderr


def test_reader_that_writes_too_much_ends_alone(tmp_path: Path) -> None:
    path = tmp_path / "large"
    done = confined(
        f"f = open({str(path)!r}, 'wb')\nfor _ in range(600): f.write(b'0' * (1 << 20))"
    )
    assert done.returncode != 0
    assert path.stat().st_size <= 512 << 20
    path.unlink()


def test_reader_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, b"text")
    (snapshot,) = store.versions(settings.raw, CIGNA.source, CIGNA.document)
    monkeypatch.setattr(parts, "cpu_seconds", lambda _: -14.99)
    with pytest.raises(WorkerLost, match="not read within"):
        extract_part(settings, CIGNA, snapshot)
    folder = settings.parts / CIGNA.source / CIGNA.document
    assert list(folder.iterdir()) == []


def test_document_that_no_reader_reads_is_a_part_that_says_so(tmp_path: Path) -> None:
    settings = stored(tmp_path, b"\x00\x01\x02")
    (snapshot,) = store.versions(settings.raw, CIGNA.source, CIGNA.document)
    part = extract_part(settings, CIGNA, snapshot)
    (problem,) = part.outline()["problems"]
    assert problem["holds"]
    assert "application/octet-stream" in problem["message"]


def test_part_is_made_once_and_its_name_holds_what_determines_it(tmp_path: Path) -> None:
    settings = stored(tmp_path, b"text")
    (snapshot,) = store.versions(settings.raw, CIGNA.source, CIGNA.document)
    part = extract_part(settings, CIGNA, snapshot)
    before = (part.folder / "outline.json").stat().st_mtime_ns
    assert extract_part(settings, CIGNA, snapshot) == part
    assert (part.folder / "outline.json").stat().st_mtime_ns == before
    assert part.name == f"{snapshot.sha256}.{parts.fingerprint(CIGNA)}"
    other = CIGNA.model_copy(update={"title": "another"})
    assert parts.fingerprint(other) != parts.fingerprint(CIGNA)


def test_hostile_files_that_parsers_never_see_give_a_problem_and_no_rules() -> None:
    """None of these is a Cigna list: whatever they are, none gives a rule of one."""
    files = [
        path
        for path in sorted(shared("hostile").iterdir())
        if sniff(path.read_bytes()) not in (PDF, HTML)
    ]
    assert len(files) > 40
    for path in files:
        try:
            found = extract(path.read_bytes(), CIGNA)
        except ExtractionError:
            continue
        assert any(problem.holds for problem in found.problems), path.name
        assert found.records == (), path.name


@pytest.mark.parametrize("kind", ["pdf", "html"])
def test_hostile_files_that_parsers_see_end_in_a_problem_or_end_their_worker(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "cpu_seconds", lambda _: 15)
    files = sorted(shared("hostile").glob(f"{kind}_*"))
    assert len(files) > 10
    for path in files:
        settings = stored(tmp_path / path.name, path.read_bytes())
        (snapshot,) = store.versions(settings.raw, CIGNA.source, CIGNA.document)
        try:
            part = extract_part(settings, CIGNA, snapshot)
        except WorkerLost:
            continue
        assert any(problem["holds"] for problem in part.outline()["problems"]), path.name
        assert part.table(PRIOR_AUTHORIZATION).num_rows == 0, path.name
