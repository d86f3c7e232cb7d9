"""A release of ten million rules: written, compared with the one before, published; in what memory.

Run as `python -m benchmarks.releases [MILLIONS ...]`. The rules are made up: lists of 100,000 rules
each, two for each payer, as parts and verdicts on disk, as extraction and the gates leave them. A
second version of every list has other words or another status in one rule of a hundred, a few rules
less and a few more. Each publication is a process of its own, from the parts to the pointer; its
memory is the peak of that process. One payer may have them all (`--one-payer`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.results import ROOT, write
from extractors.records import candidate_schema
from flows.documents import Document
from flows.parts import Part, fingerprint
from flows.publishing import publish
from flows.settings import Settings
from flows.validate import Verdict
from schemas.provenance import Snapshot
from schemas.source import Source
from schemas.tables import PRIOR_AUTHORIZATION

LIST = 100_000
LETTERS = "ABCEGHJKLMPQRSTUV"
# One rule in so many differs between the versions, comes or goes.
CHANGED, GONE = 100, 1000
# One rule in so many has another status than the code has elsewhere.
ODD = 10_000
SEEN = (datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 4, 6, tzinfo=UTC))
WORDS = [
    f"Durable item {n} with {n % 97} parts, of steel or of the like, each" for n in range(9999)
]


def source_of(number: int, one_payer: bool) -> Source:
    """A made-up list of a made-up payer."""
    payer = "payer_000" if one_payer else f"payer_{number // 2:03}"
    return Source.model_validate(
        {
            "source": f"{payer}_list_{number:03}",
            "document": "list",
            "title": f"List {number}",
            "publisher": payer,
            "kind": "pa_list",
            "tier": 1,
            "payer": {"id": payer, "name": f"Payer {payer[-3:]}"},
            "line_of_business": "commercial",
            "cadence": "irregular",
            "table": {
                "columns": {"code": ["Code"], "description": ["Description"], "pa": ["PA"]},
                "layouts": [["code", "description", "pa"]],
                "statuses": {"Yes": "required", "No": "not_required"},
            },
            "expect": {"rows": [1, 10 * LIST]},
        }
    )


def rows_of(source: Source, number: int, version: int, sha256: str) -> pa.Table:
    """The rules of one version of a list, in the order of their codes."""
    chance = np.random.default_rng(number)
    chosen = np.sort(chance.choice(len(LETTERS) * 10_000, LIST, replace=False))
    odd = chance.random(LIST) < 1 / ODD
    turn = chance.random(LIST)
    if version:
        keep = turn > 1 / GONE
        chosen, odd, turn = chosen[keep], odd[keep], turn[keep]
    else:
        keep = turn < 1 - 1 / GONE
        chosen, odd, turn = chosen[keep], odd[keep], turn[keep]
    rows = len(chosen)
    changed = (turn > 0.5) & (turn < 0.5 + 1 / CHANGED) if version else np.zeros(rows, bool)
    code = [f"{LETTERS[n // 10_000]}{n % 10_000:04}" for n in chosen.tolist()]
    words = pa.array(WORDS).take(pa.array((chosen * 31 + changed) % len(WORDS)))
    required = (chosen % 3 > 0) ^ odd ^ (changed & (chosen % 4 == 0))
    status = pa.array(["not_required", "required"]).take(pa.array(required.astype(np.int8)))
    printed = pa.array(["No", "Yes"]).take(pa.array(required.astype(np.int8)))
    assert source.payer is not None
    same = {
        "source": source.source,
        "document": source.document,
        "sha256": sha256,
        "url": f"https://lists.example.org/{source.source}",
        "payer": source.payer.id,
        "payer_name": source.payer.name,
        "line_of_business": source.line_of_business,
        "list_title": source.title,
        "section": "Durable Medical Equipment",
        "category": "EQUIPMENT",
        "category_raw": "Equipment",
        "code_system": "HCPCS",
        "effective_basis": "none",
        "date_semantics": "unknown",
        "reviewer": "eviCore",
        "reviewer_raw": "CareCore National",
    }
    texts = words.to_pylist()
    columns = {
        "code": code,
        "code_raw": code,
        "description": words,
        "description_raw": words,
        "pa_status": status,
        "pa_raw": printed,
        "crd_pa_needed": pa.array(["no-auth", "auth-needed"]).take(
            pa.array(required.astype(np.int8))
        ),
        "row_key": [_digest(source.source, one) for one in code],
        "row_hash": [_digest(*one) for one in zip(code, texts, required.tolist(), strict=True)],
        "page": np.arange(rows) // 50 + 1,
        "line": np.arange(rows) % 50 + 1,
        "raw_text": [f"{one}\t{said}" for one, said in zip(code, texts, strict=True)],
    }
    schema = candidate_schema(PRIOR_AUTHORIZATION)
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        elif field.name in same:
            arrays.append(pa.repeat(pa.scalar(same[field.name], field.type), rows))
        else:
            arrays.append(pa.nulls(rows, field.type))
    return pa.table(arrays, schema=schema)


def _digest(*words: object) -> str:
    return hashlib.sha256("|".join(map(str, words)).encode()).hexdigest()[:24]


def document(settings: Settings, number: int, versions: int, one_payer: bool) -> Document:
    """A list with one or two good versions, whose parts and verdicts are made where missing."""
    source = source_of(number, one_payer)
    snapshots, verdicts = [], []
    for version in range(versions):
        sha256 = hashlib.sha256(f"{source.source} {version}".encode()).hexdigest()
        snapshot = Snapshot(
            source=source.source,
            document=source.document,
            sha256=sha256,
            extension="csv",
            media_type="text/csv",
            size=1,
            url=f"https://lists.example.org/{source.source}",
            final_url=None,
            retrieved_at=SEEN[version],
            came="fetched",
            first_seen=SEEN[version],
            last_seen=SEEN[version],
        )
        folder = settings.parts / source.source / f"{sha256}.{fingerprint(source)}"
        if not folder.exists():
            folder.mkdir(parents=True)
            rows = rows_of(source, number, version, sha256)
            pq.write_table(rows, folder / f"{PRIOR_AUTHORIZATION.name}.parquet", compression="zstd")
            tally = {
                "lines_seen": rows.num_rows,
                "headers": 0,
                "row_lines": rows.num_rows,
                "ignored": {},
                "unaccounted": 0,
            }
            outline = {"tally": tally, "problems": [], "is_truncated": False}
            (folder / "outline.json").write_text(json.dumps(outline), encoding="utf-8")
        part = Part(folder, snapshot)
        verdict = folder.with_name(f"{part.name}.verdict")
        verdicts.append(Verdict(part, verdict, accepted=True, held_reason=None, failed={}))
        snapshots.append(snapshot)
    return Document(source, tuple(snapshots), tuple(verdicts), verdicts[-1])


def run(step: str, folder: Path, lists: int, versions: int, one_payer: bool) -> None:
    """One step in this process: make the parts, or publish; prints what it took."""
    settings = Settings(folder / "raw", folder / "curated", folder / "sources")
    found = [document(settings, number, versions, one_payer) for number in range(lists)]
    if step == "make":
        return
    wall, processor = time.monotonic(), time.process_time()
    release = publish.publish(settings, found, SEEN[versions - 1])
    assert release is not None
    said = {
        "wall": time.monotonic() - wall,
        "processor": time.process_time() - processor,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rules": release.rows("prior_authorization"),
        "history": release.rows("prior_authorization_history"),
        "changes": release.rows("changes"),
        "bytes": sum(file.bytes for file in release.files.values()),
    }
    print(json.dumps(said))


def measured(folder: Path, lists: int, versions: int, one_payer: bool) -> dict[str, float]:
    """One publication in a process of its own."""
    options = [str(folder), str(lists), str(versions), *(["--one-payer"] if one_payer else [])]
    for step in ("make", "publish"):
        command = [sys.executable, "-m", "benchmarks.releases", "--step", step, *options]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--step", choices=["make", "publish"])
    parser.add_argument("--one-payer", action="store_true")
    asked = parser.parse_args()
    if asked.step:
        folder, lists, versions = asked.words
        run(asked.step, Path(folder), int(lists), int(versions), asked.one_payer)
        return
    lines = [
        "| rules | release | wall s | processor µs a rule | peak, MiB | changes | files, MiB |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    sizes = [float(word) for word in asked.words] or [1, 10]
    for millions in sizes:
        lists = int(millions * 1_000_000 / LIST)
        with tempfile.TemporaryDirectory(dir=ROOT / "curated", prefix=".bench-") as aside:
            for versions, name in ((1, "first"), (2, "second, compared")):
                said = measured(Path(aside), lists, versions, asked.one_payer)
                lines.append(
                    f"| {said['rules']:,} | {name} | {said['wall']:.0f} "
                    f"| {said['processor'] / said['rules'] * 1e6:.1f} | {said['peak']:,.0f} "
                    f"| {said['changes']:,} | {said['bytes'] / 2**20:,.0f} |"
                )
                print(lines[-1], flush=True)
    write("releases_of_one_payer" if asked.one_payer else "releases", lines)


if __name__ == "__main__":
    main()
