"""What an answer costs as a whole process, beside the `duckdb` program reading the same files.

Run as `make bench`. The release is made of the shipped publications in a folder of its own. Times
are medians over processes started in turns, so that whatever else the machine does meets them all;
read the ratios. `duckdb` is the program of the package duckdb-cli as it is installed: a few
milliseconds of it are the start of that package's own wrapper.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import ROOT, write

TURNS = 40
CODE = "E0466"
CATALOGUE = 10_000
CATALOGUE_TURNS = 5
PAYERS = 8
LIMIT = 2.0
BIN = Path(sys.executable).parent
COPIED = ("payer", "source", "payer_name")


def duckdb_program() -> str:
    """The program beside the tools that we are measured against, or the one on the path."""
    beside = ROOT / ".venv-bench" / "bin" / "duckdb"
    found = str(beside) if beside.exists() else shutil.which("duckdb")
    if not found:
        raise SystemExit("there is no duckdb program: make .venv-bench/.ready installs it")
    return found


def released(folder: Path) -> Path:
    """A new store with a release of the shipped publications; its curated folder."""
    for name in ("raw", "sources"):
        shutil.copytree(ROOT / name, folder / name)
    options = [f"--{name}={folder / name}" for name in ("raw", "curated", "sources")]
    command = [str(BIN / "precert"), *options, "refresh", "--offline", "--no-prefect"]
    subprocess.run(command, check=False, capture_output=True)
    return folder / "curated"


def tables_of(curated: Path) -> Path:
    """The folder of the latest release."""
    pointer = json.loads((curated / "latest.json").read_text(encoding="utf-8"))
    return curated / "releases" / str(pointer["release"])


def queries(folder: Path) -> tuple[str, str]:
    """The rules of the code, and all that a lookup reads to answer, as queries of DuckDB."""

    def rows(table: str, columns: str = "*", condition: str = "") -> str:
        return f"SELECT {columns} FROM read_parquet('{folder / table}.parquet') {condition};"

    of_code = f"WHERE code = '{CODE}'"
    rules = rows("prior_authorization", condition=of_code)
    others = (
        rows("documents"),
        rows("prior_authorization", "DISTINCT payer, payer_name"),
        rows("requirements", condition=of_code),
        rows("contradictions", condition=of_code),
    )
    return rules, rules + "".join(others)


def medians(commands: dict[str, Sequence[str]], turns: int) -> dict[str, float]:
    """Seconds of each command, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def catalogue(folder: Path) -> Path:
    """A file of codes: every one of the release, and others of the same forms."""
    import duckdb

    path = tables_of(folder / "curated") / "prior_authorization.parquet"
    listed = [code for (code,) in duckdb.read_parquet(str(path)).project("code").fetchall()]
    others = [f"{letter}{number:04}" for letter in "ABCEGHJKLMPQRSTV" for number in range(700)]
    codes = list(dict.fromkeys([*listed, *others]))[:CATALOGUE]
    codes.sort(key=lambda code: code[::-1])
    file = folder / "catalogue.csv"
    lines = "".join(f'{code},"what it is, in words",12.00\n' for code in codes)
    file.write_text(f"hcpcs,description,price\n{lines}", encoding="utf-8")
    return file


def with_more_payers(folder: Path) -> Path:
    """The store with the release's list once more for each of several payers, under new names."""
    import hashlib

    import duckdb

    more = folder / "more"
    shutil.copytree(folder / "curated", more)
    tables = tables_of(more)
    manifest = json.loads((tables / "release.json").read_text(encoding="utf-8"))
    for table in ("prior_authorization", "documents"):
        path = tables / f"{table}.parquet"
        said = f"read_parquet('{path}')"
        columns = duckdb.execute(f"DESCRIBE SELECT * FROM {said}").fetchall()
        names = [name for name, *_ in columns if name in COPIED]
        renamed = ", ".join(f"{name} || '_' || copy AS {name}" for name in names)
        more_rows = (
            f"SELECT rows.* REPLACE ({renamed}) FROM {said} AS rows, "
            f"range(1, {PAYERS}) AS copies(copy) WHERE payer IS NOT NULL"
        )
        aside = path.with_suffix(".new")
        duckdb.execute(
            f"COPY (SELECT * FROM {said} UNION ALL BY NAME {more_rows}) TO '{aside}' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        aside.replace(path)
        data = path.read_bytes()
        entry = manifest["files"][path.name]
        entry |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (tables / "release.json").write_text(json.dumps(manifest), encoding="utf-8")
    return more


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        curated = released(folder)
        tables = tables_of(curated)
        precert = [str(BIN / "precert"), "--curated"]
        rules, everything = queries(tables)
        program = duckdb_program()
        alone = medians(
            {
                "Python, which does nothing": [sys.executable, "-c", "pass"],
                "`duckdb -c`, the rules of the code": [program, "-c", rules],
                "`duckdb -c`, all that a lookup reads": [program, "-c", everything],
                f"`precert lookup {CODE}`": [*precert, str(curated), "lookup", CODE],
            },
            TURNS,
        )
        ask = ["lookup", "--csv", "--codes", str(catalogue(folder))]
        more = with_more_payers(folder)
        many = medians(
            {
                f"{CATALOGUE:,} codes to CSV": [*precert, str(curated), *ask],
                f"{CATALOGUE:,} codes at {PAYERS} payers to CSV": [*precert, str(more), *ask],
            },
            CATALOGUE_TURNS,
        )
    *_, same, lookup = alone.values()
    _, of_code, *_ = alone.values()
    ratios = (
        f"`precert lookup` by `duckdb -c` doing the same query: {lookup / same:.2f}; by the rules "
        "of the code alone, without what tells how fresh and how whole the list is: "
        f"{lookup / of_code:.2f}. The load of the machine was {os.getloadavg()[0]:.1f}."
    )
    lines = [
        "| whole process | median ms |",
        "| --- | ---: |",
        *(f"| {what} | {seconds * 1000:.0f} |" for what, seconds in {**alone, **many}.items()),
        "",
        ratios,
    ]
    write("lookup", lines)
    slow = [what for what, seconds in many.items() if seconds > LIMIT]
    if slow:
        raise SystemExit(f"slower than {LIMIT:.0f} s: {', '.join(slow)}")


if __name__ == "__main__":
    main()
