"""One request at a time to each host, with a pause between two.

A lock that the kernel frees keeps the turn, in a file for each host, so that threads, processes
and runs that follow each other all keep it. What is asked is not known here.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.web.addresses import Target


def file_of(hosts: Path, target: Target, what: str) -> Path:
    """The file in which something is remembered of a target's host."""
    return hosts / f"{target.host.replace(':', '_')}_{target.port}.{what}"


@contextmanager
def turn(hosts: Path, target: Target, pause: float) -> Iterator[None]:
    """Wait until nobody asks the host and its pause is over; the turn ends with the context."""
    hosts.mkdir(parents=True, exist_ok=True)
    handle = os.open(file_of(hosts, target, "turn"), os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        state = os.fstat(handle)
        if state.st_size:
            # A clock that went back must not make the pause longer than it is.
            time.sleep(min(max(state.st_mtime + pause - time.time(), 0.0), pause))
        try:
            yield
        finally:
            os.pwrite(handle, b"asked\n", 0)
            os.utime(handle)
    finally:
        os.close(handle)
