"""Releases: the union of all accepted documents, immutable, complete, and latest by one pointer.

    curated/releases/<id>/   Parquet files, datapackage.json, release.json, NOTES.md,
                             validation/, index.html
    curated/latest.json      replaced last, in one step

A release is a function of the documents given; the clock and the releases before it enter only
`release.json`, `NOTES.md` and `changes`. Nothing after the pointer's replacement is needed for
correctness.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.compare import compare
from flows.contents import Unbalanced, balance, contents, shown_verdicts
from flows.describe import data_package, index_page, release_notes
from flows.documents import Document
from flows.files import dump_json, flush_tree, load_json, replace_file, sha256_of
from flows.parts import code_of, extraction_code
from flows.settings import Settings
from schemas.fields import Table, arrow_schema
from schemas.tables import CHANGES, DOCUMENTS, TABLES

STAGING = ".staging"


class PublishError(RuntimeError):
    """A release that must not be published; the message says what does not hold."""


@dataclass(frozen=True, slots=True)
class Release:
    """A published release: its folder and what release.json says of it."""

    folder: Path
    said: dict[str, Any]

    @property
    def id(self) -> str:
        return self.folder.name


def latest(settings: Settings) -> Release | None:
    """The release that latest.json points at, or None before the first."""
    pointer = settings.curated / "latest.json"
    if not pointer.exists():
        return None
    folder = settings.releases / load_json(pointer)["release"]
    return Release(folder, load_json(folder / "release.json"))


def publish(settings: Settings, documents: Sequence[Document], at: datetime) -> Release | None:
    """Publish what the documents say now; None where the latest release says it already.

    Raises `PublishError` where no document has rows, where a document's lines do not balance, or
    where a column that must not be empty is.
    """
    if not any(document.published for document in documents):
        reasons = "; ".join(
            f"{document.source.source}: {document.held_reason or document.status}"
            for document in documents
        )
        raise PublishError(f"no document can be published: {reasons}; precert try shows each")
    before = latest(settings)
    inputs = _inputs(documents)
    if before is not None and before.said["inputs"] == inputs:
        return None
    staging = settings.releases / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        balances = [balance(document) for document in documents if document.published]
    except Unbalanced as error:
        raise PublishError(str(error)) from error
    for name, rows in contents(documents, balances).items():
        _write(TABLES[name], rows, staging)
    if before is not None and _same_content(before, staging):
        shutil.rmtree(staging)
        return None
    empty = arrow_schema(CHANGES).empty_table()
    _write(CHANGES, compare(before.folder, staging) if before else empty, staging)
    return _finish(settings, staging, before, documents, inputs, balances, at)


def _finish(
    settings: Settings,
    staging: Path,
    before: Release | None,
    documents: Sequence[Document],
    inputs: dict[str, Any],
    balances: list[dict[str, Any]],
    at: datetime,
) -> Release:
    sequence = before.said["sequence"] + 1 if before else 1
    files = _files(staging)
    content = hashlib.sha256(dump_json({name: f["sha256"] for name, f in files.items()}))
    name = f"{sequence:06d}-{content.hexdigest()[:8]}"
    said = {
        "release": name,
        "sequence": sequence,
        "previous": before.id if before else None,
        "created_at": at.isoformat(),
        "files": files,
        "inputs": inputs,
        "balance": balances,
    }
    _copy_data_docs(staging, documents)
    changes = pq.read_table(staging / f"{CHANGES.name}.parquet").to_pylist()
    states = pq.read_table(staging / f"{DOCUMENTS.name}.parquet").to_pylist()
    (staging / "NOTES.md").write_text(release_notes(said, states, changes), encoding="utf-8")
    (staging / "datapackage.json").write_bytes(dump_json(data_package(said, states)))
    data_docs = sorted(
        path.relative_to(staging / "validation").as_posix()
        for path in (staging / "validation").rglob("*.html")
    )
    (staging / "index.html").write_text(index_page(said, states, data_docs), encoding="utf-8")
    (staging / "release.json").write_bytes(dump_json(said))
    flush_tree(staging)
    folder = settings.releases / name
    # A folder of this name that latest.json does not point at was left by a run that died.
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
    flush_tree(settings.releases)
    replace_file(
        settings.curated / "latest.json", dump_json({"release": name, "sequence": sequence})
    )
    return Release(folder, said)


def _inputs(documents: Sequence[Document]) -> dict[str, Any]:
    """All that determines a release's content, for telling whether anything is new."""
    here = Path(__file__).parent
    return {
        "code": code_of(*(here / f"{name}.py" for name in ("contents", "documents", "publish"))),
        "extraction": extraction_code(),
        "documents": [
            {
                "source": document.source.source,
                "versions": [version.sha256 for version in document.versions],
                "verdicts": [verdict.name for verdict in document.accepted],
                "held_reason": document.held_reason,
            }
            for document in documents
        ],
    }


def _write(table: Table, rows: pa.Table, folder: Path) -> None:
    schema = arrow_schema(table)
    for field in schema:
        missing = rows[field.name].null_count
        if missing and not field.nullable:
            raise PublishError(
                f"{table.name}.{field.name}: {missing} rows have no value, and none may be empty"
            )
    if table.sort_by:
        keys = [(name, "ascending", "at_start") for name in table.sort_by]
        # The stubs do not know yet that a key may say where its nulls go.
        rows = rows.take(pc.sort_indices(rows, sort_keys=keys))  # type: ignore[arg-type]
    path = folder / f"{table.name}.parquet"
    rows = pa.Table.from_arrays(
        [rows[name].combine_chunks() for name in schema.names], schema=schema
    )
    pq.write_table(rows, path, compression="zstd", use_dictionary=True, version="2.6")


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        path.name: {
            "sha256": sha256_of(path),
            "bytes": path.stat().st_size,
            "rows": pq.read_metadata(path).num_rows,
        }
        for path in sorted(folder.glob("*.parquet"))
    }


def _same_content(before: Release, staging: Path) -> bool:
    old = before.said["files"]
    return all(old.get(n, {}).get("sha256") == f["sha256"] for n, f in _files(staging).items())


def _copy_data_docs(staging: Path, documents: Iterable[Document]) -> None:
    for document in documents:
        for verdict in shown_verdicts(document):
            if not verdict.folder.is_dir():
                continue
            state = "published" if verdict is document.published else "held"
            folder = staging / "validation" / document.source.source / state
            folder.mkdir(parents=True)
            for page in sorted(verdict.folder.glob("*.html")):
                shutil.copyfile(page, folder / page.name)
