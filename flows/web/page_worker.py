"""The worker of a page: finds the links of one untrusted page in a process of its own.

Runs as `python -m flows.web.page_worker` with a job on standard input and writes one JSON object
to standard output, which must be a pipe: the process is confined and can write no file.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from extractors.links import MAX_BYTES, links_of
from extractors.reading import ExtractionError
from flows.confine import Limits, confine

MEMORY = 1 << 30
OPEN_FILES = 16


def main() -> None:
    job = json.load(sys.stdin)
    confine(Limits(MEMORY, job["cpu_seconds"], 0, OPEN_FILES))
    with Path(job["path"]).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        said = asdict(links_of(data))
    except ExtractionError as error:
        said = {"unreadable": str(error)}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
