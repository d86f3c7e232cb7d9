"""What a newcomer waits for: set-up, first refresh, second refresh, and the share of start-up.

Run as `make bench`. Clones the repository into a new folder, runs the README's commands there
and writes the table into benchmarks/RESULTS.md between its markers. Start-up is measured in the
same run, each in a process of its own.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.results import ROOT, write

EMPTY_FLOW = "from prefect import flow; flow(lambda: None, name='empty')()"
SILENT = {
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
}


def measure(command: list[str], folder: Path, **environment: str) -> tuple[float, float]:
    """Seconds that a command takes, on the wall and on the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env=os.environ | environment
    )
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall, used


def main() -> None:
    with tempfile.TemporaryDirectory() as aside:
        clone = Path(aside) / "precert"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        python = str(clone / ".venv" / "bin" / "python")
        precert = str(clone / ".venv" / "bin" / "precert")
        refresh = [precert, "refresh", "--offline"]
        home = {"PREFECT_HOME": str(clone / ".prefect")}
        rows = [
            (what, measure(command, clone, **SILENT, **(home if EMPTY_FLOW in command else {})))
            for what, command in (
                ("set-up from nothing (`make .venv/.runtime`)", ["make", ".venv/.runtime"]),
                ("first refresh, four publications", refresh),
                ("second refresh, nothing new", refresh),
                ("start-up: great_expectations", [python, "-c", "import great_expectations"]),
                ("start-up: prefect", [python, "-c", "import prefect"]),
                ("start-up: an empty Prefect flow, server included", [python, "-c", EMPTY_FLOW]),
                ("start-up: pandas", [python, "-c", "import pandas"]),
                ("`precert lookup E0466`", [precert, "lookup", "E0466"]),
            )
        ]
    lines = ["| what | wall s | processor s |", "| --- | ---: | ---: |"]
    lines += [f"| {what} | {wall:.1f} | {used:.1f} |" for what, (wall, used) in rows]
    wall = {what: seconds for what, (seconds, _) in rows}
    empty = wall["start-up: an empty Prefect flow, server included"]
    checks = wall["start-up: great_expectations"]
    lines += [
        "",
        (
            f"Start-up is {share(empty + checks, wall['first refresh, four publications'])} of the "
            "first refresh at most (Great Expectations is imported while Prefect's server starts). "
            "The second finds nothing to do and starts neither."
        ),
    ]
    write("journey", lines)


def share(part: float, whole: float) -> str:
    return f"{min(part / whole, 1):.0%}"


if __name__ == "__main__":
    main()
