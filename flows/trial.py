"""A trial: extract and validate one document under one source file, and publish nothing.

For whoever adds a source: shows what the YAML makes of a file, and everything that is wrong.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from flows import documents, store
from flows.documents import Document
from flows.registry import RegistryError, load_source
from flows.settings import Settings
from schemas.codes import shortened
from schemas.source import Source
from schemas.tables import DOCUMENT_TABLES

CLEAN, PROBLEMS, USAGE = 0, 1, 2
_SHOWN = 5


def run(settings: Settings, yaml_path: Path, file_path: Path | None, as_json: bool) -> int:
    """Try a source file on `file_path`, or on the newest snapshot in the raw store; exit status."""
    try:
        source = load_source(yaml_path)
        data = _bytes(settings, source, file_path)
    except (RegistryError, store.StoreError, OSError) as error:
        print(f"precert: {error}", file=sys.stderr)
        return USAGE
    with tempfile.TemporaryDirectory() as folder:
        aside = Settings(Path(folder) / "raw", Path(folder) / "curated", settings.sources)
        store.put(aside.raw, source.source, source.document, data, came="added", at=store.now())
        failures = documents.extract_versions(aside, source)
        said = _said(documents.follow(aside, source, failures))
    if as_json:
        print(json.dumps(said, indent=1, ensure_ascii=False, default=str))
    else:
        print(_in_words(said))
    clean = not said["held_reason"] and not said["problems"] and not said["quarantine"]
    return CLEAN if clean else PROBLEMS


def _bytes(settings: Settings, source: Source, path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes()
    versions = store.versions(settings.raw, source.source, source.document)
    if not versions:
        raise store.StoreError(
            f"{source.source}: nothing in {settings.raw} yet; name a file to try"
        )
    return store.read(settings.raw, versions[-1])


def _said(document: Document) -> dict[str, Any]:
    said: dict[str, Any] = {
        "source": document.source.source,
        "archived": not document.source.extract,
        "held_reason": document.held_reason,
        "problems": [],
        "quarantine": [],
        "tables": {},
    }
    if document.newest is None:
        return said
    verdict = document.newest
    outline = verdict.part.outline()
    said["problems"] = [problem["message"] for problem in outline["problems"]]
    said["tally"] = outline.get("tally")
    for table in DOCUMENT_TABLES:
        rows = verdict.accepted_rows(table)
        if rows.num_rows:
            first = rows.slice(0, _SHOWN).select([f.name for f in table if f.role != "derived"])
            said["tables"][table.name] = {"rows": rows.num_rows, "first": first.to_pylist()}
    shown = ("table", "page", "line", "raw_text", "reasons")
    said["quarantine"] = [{name: row[name] for name in shown} for row in verdict.rejections()]
    return said


def _in_words(said: dict[str, Any]) -> str:
    lines = [said["source"]]
    for name, table in said["tables"].items():
        lines.append(f"{name}: {table['rows']} rows, first of them:")
        lines += [f"  page {r['page']}, line {r['line']}: {_values(r)}" for r in table["first"]]
    tally = said.get("tally")
    if tally:
        ignored = ", ".join(f"{rule} {count}" for rule, count in tally["ignored"].items())
        lines.append(
            f"lines: {tally['lines_seen']} seen, {tally['headers']} headers, "
            f"{tally['row_lines']} rows, ignored: {ignored or 'none'}, "
            f"unaccounted: {tally['unaccounted']}"
        )
    lines += [f"problem: {message}" for message in said["problems"]]
    for row in said["quarantine"]:
        lines.append(
            f"quarantined, page {row['page']}, line {row['line']}: {'; '.join(row['reasons'])}: "
            f"{row['raw_text'][:120]!r}"
        )
    lines.append(_outcome(said))
    return "\n".join(lines)


def _outcome(said: dict[str, Any]) -> str:
    if said["held_reason"]:
        return f"held: {said['held_reason']}"
    if said["archived"]:
        return "archived: with extract: false it would be kept and not read"
    return "would be published as a first version"


_PLACES = ("source", "document", "sha256", "url", "page", "line", "raw_text", "bbox")


def _values(row: dict[str, Any]) -> str:
    shown = {k: v for k, v in row.items() if v is not None and k not in _PLACES}
    text = ", ".join(f"{name} {value}" for name, value in shown.items())
    return shortened(text, 200)
