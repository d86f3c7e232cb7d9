"""The worker of a pattern: searches untrusted texts in a process of its own.

Runs as `python -m flows.web.pattern_worker` with a job on standard input and writes one JSON list
to standard output, which must be a pipe: the process is confined and can write no file.
"""

from __future__ import annotations

import json
import sys

from flows.confine import Limits, confine
from flows.web.patterns import search_here

MEMORY = 1 << 30
OPEN_FILES = 16


def main() -> None:
    job = json.load(sys.stdin)
    confine(Limits(MEMORY, job["cpu_seconds"], 0, OPEN_FILES))
    json.dump(search_here(job["pattern"], job["texts"]), sys.stdout)


if __name__ == "__main__":
    main()
