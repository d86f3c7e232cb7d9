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
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flows import releases
from flows.documents import Document
from flows.files import dump_json, flush_folder, flush_tree, sha256_of
from flows.parts import code_of, extraction_code
from flows.publishing.balance import Unbalanced
from flows.publishing.code_reference import Reference
from flows.publishing.compare import compare
from flows.publishing.contents import contents
from flows.publishing.data_package import data_package
from flows.publishing.describe import index_page
from flows.publishing.document_rows import shown_verdicts
from flows.publishing.keep import keep
from flows.publishing.notes import release_notes
from flows.publishing.table_files import EmptyValueError, write_rows
from flows.publishing.versions_before import versions_before
from flows.releases import Release, ReleaseError
from flows.settings import Settings
from schemas.tables import CHANGES, DOCUMENTS
from schemas.version import SCHEMA_VERSION


class PublishError(RuntimeError):
    """A release that must not be published; the message says what does not hold."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a new release builds on: the release to compare with, and whether it is in place.

    `stands` is False where the pointer or the release it names is damaged: then a new release is
    made whatever its content.
    """

    release: Release | None
    stands: bool
    sequence: int

    @property
    def in_place(self) -> Release | None:
        return self.release if self.stands else None


def find_base(curated: Path) -> Base:
    """The newest release that is whole: by the pointer, or without one by the folders."""
    others = releases.kept(curated)
    top = others[0].sequence if others else 0
    pointed: Release | None = None
    chain: list[Release] = []
    with suppress(ReleaseError):
        pointed = releases.latest(curated)
    with suppress(ReleaseError):
        chain.extend(releases.history(curated))
    if pointed is not None and releases.is_intact(pointed):
        taken = {r.sequence for r in others if r.previous != pointed.id}
        following = pointed.sequence + 1
        return Base(pointed, True, top + 1 if following in taken else following)
    whole = [release for release in chain or others if releases.is_intact(release)]
    return Base(whole[0] if whole else None, False, top + 1)


def publish(
    settings: Settings, found: Sequence[Document], at: datetime, accepted: Collection[str] = ()
) -> Release | None:
    """Publish what the documents say now; None where the latest release says it already.

    A document that differs too much from the release before keeps its rows, unless its name is in
    `accepted`. Raises `PublishError` where no document has rows and none is archived, where a
    document's lines do not balance, or where a column that must not be empty is.
    """
    base = find_base(settings.curated)
    _miss_none(found, base.release, accepted)
    documents = [keep(document, base.release, accepted) for document in found]
    if not any(
        document.published or document.kept or document.status == "archived"
        for document in documents
    ):
        reasons = "; ".join(
            f"{document.source.source}: {document.held_reason or document.status}"
            for document in documents
        )
        raise PublishError(
            f"no document can be published: {reasons}; precert try shows one that is held, and "
            "precert sources says why one did not come"
        )
    inputs = _inputs(documents)
    if base.in_place is not None and base.in_place.said["inputs"] == inputs:
        return None
    staging = settings.releases / releases.STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        return _make(settings, staging, documents, base, inputs, at, accepted)
    finally:
        # Where it failed for want of room, what it left takes more.
        shutil.rmtree(staging, ignore_errors=True)


def _make(
    settings: Settings,
    staging: Path,
    documents: Sequence[Document],
    base: Base,
    inputs: dict[str, Any],
    at: datetime,
    accepted: Collection[str],
) -> Release | None:
    """Make a release in `staging` and publish it; None where the latest one says the same."""
    reference = Reference.of(documents)
    try:
        balance = contents(documents, reference, staging)
    except (Unbalanced, EmptyValueError) as error:
        raise PublishError(str(error)) from error
    files = {path.name: _described(path) for path in sorted(staging.glob("*.parquet"))}
    if base.in_place is not None and _same_content(base.in_place, files):
        return None
    path = staging / f"{CHANGES.name}.parquet"
    write_rows(CHANGES, _changes(documents, reference, base.release, staging), path)
    files |= {path.name: _described(path)}
    said = {
        "schema_version": SCHEMA_VERSION,
        "previous": base.release.id if base.release else None,
        "sequence": base.sequence,
        "created_at": at.isoformat(),
        "inputs": inputs,
        "accepted": sorted(accepted),
        "balance": balance,
        "files": dict(sorted(files.items())),
    }
    return _finish(settings, staging, documents, said)


def _changes(
    documents: Sequence[Document], reference: Reference, before: Release | None, staging: Path
) -> Iterator[pa.Table]:
    """What differs from the release before; nothing where there is none."""
    if before is None:
        return
    aside = staging / ".between"
    aside.mkdir()
    between = versions_before(documents, reference, before, aside)
    yield from compare(before.folder, staging, between)
    shutil.rmtree(aside)


def _miss_none(
    found: Sequence[Document], before: Release | None, accepted: Collection[str]
) -> None:
    """Stop where a source of the release before is gone from the registry by no one's wish."""
    if before is None:
        return
    known = {document.source.source for document in found} | set(accepted)
    gone = sorted({said["source"] for said in before.said["balance"]} - known)
    if gone:
        raise PublishError(
            f"sources/{gone[0]}.yml is gone, and release {before} has its rows: restore the file, "
            f"or run precert refresh --accept {gone[0]} to leave its rows out"
        )


def _finish(
    settings: Settings, staging: Path, documents: Sequence[Document], said: dict[str, Any]
) -> Release:
    hashes = {name: file["sha256"] for name, file in said["files"].items()}
    content = hashlib.sha256(dump_json(hashes))
    name = f"{said['sequence']:06d}-{content.hexdigest()[:8]}"
    said = said | {"release": name}
    _copy_data_docs(staging, documents)
    states = pq.read_table(staging / f"{DOCUMENTS.name}.parquet").to_pylist()
    (staging / "NOTES.md").write_text(release_notes(said, staging), encoding="utf-8")
    (staging / "datapackage.json").write_bytes(dump_json(data_package(said, states)))
    data_docs = sorted(
        path.relative_to(staging / "validation").as_posix()
        for path in (staging / "validation").rglob("*.html")
    )
    (staging / "index.html").write_text(index_page(said, states, data_docs), encoding="utf-8")
    said = said | {"companions": _companions(staging, said["files"])}
    (staging / releases.MANIFEST).write_bytes(dump_json(said))
    flush_tree(staging)
    folder = settings.releases / name
    if _is_published(settings, name):
        # Made before, and not the latest since a run died or someone rolled back: it stays.
        shutil.rmtree(staging)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    flush_folder(settings.releases)
    releases.point_to(settings.curated, name, said["sequence"])
    return releases.read_release(settings.curated, name)


def _companions(staging: Path, tables: Collection[str]) -> dict[str, dict[str, Any]]:
    """What lies beside the tables, with the hashes by which it is verified."""
    names = [path.relative_to(staging).as_posix() for path in staging.rglob("*") if path.is_file()]
    return {
        name: {"sha256": sha256_of(staging / name), "bytes": (staging / name).stat().st_size}
        for name in sorted(set(names) - set(tables))
    }


def _is_published(settings: Settings, name: str) -> bool:
    with suppress(ReleaseError):
        return releases.is_intact(releases.read_release(settings.curated, name))
    return False


def _inputs(documents: Sequence[Document]) -> dict[str, Any]:
    """All that determines a release's content, for telling whether anything is new."""
    here = Path(__file__).parent
    return {
        "code": code_of(here, here.with_name("documents.py")),
        "extraction": extraction_code(),
        "documents": [
            {
                "source": document.source.source,
                "yaml": document.source.fingerprint(),
                "status": document.status,
                "versions": [
                    [version.sha256, version.first_seen.isoformat()]
                    for version in document.versions
                ],
                # Looks that find the newest version again are no news.
                "last_seen": [version.last_seen.isoformat() for version in document.versions[:-1]],
                "verdicts": [verdict.name for verdict in document.accepted],
                "newest": document.newest.name if document.newest else None,
                "held_reason": document.held_reason,
                "kept": document.kept is not None,
            }
            for document in documents
        ],
    }


def _described(path: Path) -> dict[str, Any]:
    return {
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "rows": pq.read_metadata(path).num_rows,
    }


def _same_content(before: Release, files: dict[str, dict[str, Any]]) -> bool:
    return all(
        name in before.files and before.files[name].sha256 == file["sha256"]
        for name, file in files.items()
    )


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
