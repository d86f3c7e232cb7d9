"""Parts: what one snapshot says under one version of our code and YAML, kept as a cache.

    curated/parts/<source>/<document>/<sha256>.<fingerprint>/
        <table>.parquet   candidate rows, not yet validated
        outline.json      the fate of every line, problems, dates

The folder's name holds all that determines its content, so a part is never out of date. A
document that cannot be extracted is a part too: an outline whose problem says why.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import extractors
import schemas
from extractors.records import candidate_schema
from flows import store
from flows.files import flush_tree, is_json, load_json
from flows.reader_process import last_words, run_reader
from flows.settings import Settings
from schemas.fields import Table
from schemas.provenance import Snapshot
from schemas.source import Source

# The libraries whose version can change what is read.
_PARSERS = (
    "beautifulsoup4",
    "numpy",
    "pdfminer.six",
    "pdfplumber",
    "pyarrow",
    "pypdfium2",
    "python-calamine",
)


class WorkerLost(RuntimeError):
    """An extraction that ended without a result: out of memory, out of time, or crashed."""


@dataclass(frozen=True, slots=True)
class Part:
    """An extracted snapshot on disk."""

    folder: Path
    snapshot: Snapshot

    @property
    def name(self) -> str:
        return self.folder.name

    def outline(self) -> dict[str, Any]:
        outline: dict[str, Any] = load_json(self.folder / "outline.json")
        return outline

    def table(self, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
        """The candidate rows of one table, in some columns or all; none where there are none."""
        path = self.folder / f"{table.name}.parquet"
        if not path.exists():
            empty = candidate_schema(table).empty_table()
            return empty if columns is None else empty.select(columns)
        chosen = None if columns is None else list(columns)
        return pq.read_table(path, schema=candidate_schema(table), columns=chosen)

    def count(self, table: Table) -> int:
        """The number of candidate rows of one table."""
        path = self.folder / f"{table.name}.parquet"
        return pq.read_metadata(path).num_rows if path.exists() else 0


def code_of(*packages: Path) -> str:
    """A hash of the Python files below some folders (or of single files)."""
    digest = hashlib.sha256()
    for package in packages:
        files = [package] if package.is_file() else sorted(package.rglob("*.py"))
        for path in files:
            digest.update(path.relative_to(package.parent).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def extraction_code() -> str:
    """A hash of all code and parser versions that decide what a document says."""
    folders = [Path(module.__path__[0]) for module in (extractors, schemas)]
    parsers = [f"{name}={importlib.metadata.version(name)}" for name in _PARSERS]
    return hashlib.sha256("\n".join([code_of(*folders), *parsers]).encode()).hexdigest()


def fingerprint(source: Source) -> str:
    """What determines a part beside the bytes: the YAML, our code, the parsers' versions."""
    both = source.fingerprint() + extraction_code()
    return hashlib.sha256(both.encode()).hexdigest()[:16]


def part_of(settings: Settings, source: Source, snapshot: Snapshot) -> Part:
    """Where the part of a snapshot is, or will be."""
    folder = settings.parts / source.source / source.document
    return Part(folder / f"{snapshot.sha256}.{fingerprint(source)}", snapshot)


def extract_part(settings: Settings, source: Source, snapshot: Snapshot) -> Part:
    """The part of a snapshot, from the cache or from a worker process of its own.

    The snapshot's bytes are checked against their hash first. Raises `StoreError` for damaged
    bytes and `WorkerLost` for a worker that gave no answer; neither is cached.
    """
    part = part_of(settings, source, snapshot)
    if is_json(part.folder / "outline.json"):
        return part
    store.read(settings.raw, snapshot)
    part.folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".part-", dir=part.folder.parent))
    try:
        _run_worker(source, store.path_of(settings.raw, snapshot), snapshot, aside)
        flush_tree(aside)
        aside.chmod(0o755)
        shutil.rmtree(part.folder, ignore_errors=True)
        aside.rename(part.folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return part


def cpu_seconds(size: int) -> int:
    """The processor time that a document of `size` bytes may take: a minute, and 1 s for 2 kB."""
    return min(60 + size // 2048, 1800)


def _run_worker(source: Source, path: Path, snapshot: Snapshot, folder: Path) -> None:
    seconds = cpu_seconds(snapshot.size)
    job = {
        "source": source.model_dump(mode="json"),
        "path": str(path.absolute()),
        "folder": str(folder.absolute()),
        "origin": {
            "source": snapshot.source,
            "document": snapshot.document,
            "sha256": snapshot.sha256,
            "url": snapshot.url,
        },
    }
    try:
        done = run_reader("flows.worker", job, seconds)
    except subprocess.TimeoutExpired as error:
        raise WorkerLost(
            f"{snapshot}: not read within {error.timeout:.0f} s; look at the file by hand"
        ) from error
    if done.returncode != 0 or not (folder / "outline.json").exists():
        raise WorkerLost(
            f"{snapshot}: the reader ended with status {done.returncode} within its {seconds} s: "
            f"{last_words(done)[:300]}; look at the file by hand"
        )
