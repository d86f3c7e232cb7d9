"""Where measurements are kept: tables in RESULTS.md, each between its own markers."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"


def write(name: str, lines: list[str]) -> None:
    """Put a table, with the day and the machine, between the markers of that name."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = RESULTS.read_text(encoding="utf-8")
    head, rest = text.split(start)
    tail = rest.split(end)[1]
    body = "\n".join([f"Measured on {time.strftime('%Y-%m-%d')}, {machine()}.", "", *lines])
    RESULTS.write_text(f"{head}{start}\n{body}\n{end}{tail}", encoding="utf-8")
    print(body)


def machine() -> str:
    """The machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
