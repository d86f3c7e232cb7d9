"""Starting one of our programs that read what a publisher wrote, in a process of its own.

Hands it a job, waits for its end within bounds, and gives back what it said. The program confines
itself (`flows.confine`); what the job is, and what its failure means, is the caller's to say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from flows.confine import clean_environment


def run_reader(
    module: str, job: Mapping[str, Any], cpu_seconds: int
) -> subprocess.CompletedProcess[bytes]:
    """Run a module with a job on its standard input, and so much processor time, to its end.

    Raises `subprocess.TimeoutExpired` where it is not over after twice that time and 30 s.
    """
    return subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps({**job, "cpu_seconds": cpu_seconds}).encode(),
        capture_output=True,
        timeout=2 * cpu_seconds + 30,
        env=clean_environment(),
        check=False,
    )


def last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last line that a program wrote to standard error, which names its exception."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"
