"""One request at a time to each host, with a pause between two, and none while it wants none.

A lock that the kernel frees keeps the turn, in a file for each host, so that threads, processes
and runs that follow each other all keep it. What is asked is not known here.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.files import replace_file
from flows.web.addresses import Target
from flows.web.failure import FetchError

# An origin that asks us to stay away for years means a week to us.
LONGEST_ABSENCE = 7 * 24 * 3600.0
# How often a lock is asked for. The kernel could wake us, but would not at a deadline.
_PAUSE = 0.02


def file_of(hosts: Path, target: Target, what: str) -> Path:
    """The file in which something is remembered of a target's host."""
    return hosts / f"{target.host.replace(':', '_')}_{target.port}.{what}"


@contextmanager
def alone(path: Path, deadline: float) -> Iterator[int]:
    """Hold the lock of a file, whose handle is given, until the context ends.

    `deadline` is an instant of `time.monotonic`. Raises `FetchError` where the lock is not free
    by then: many look at one host, or a process that holds it is stopped.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        while not _is_taken(handle):
            if time.monotonic() >= deadline:
                raise FetchError(f"{path.name}: others kept the turn of this host all the time")
            time.sleep(random.uniform(_PAUSE / 2, _PAUSE * 2))  # noqa: S311 (not in step)
        yield handle
    finally:
        os.close(handle)


def _is_taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def turn(hosts: Path, target: Target, pause: float, deadline: float) -> Iterator[None]:
    """Wait until nobody asks the host and its pause is over; the turn ends with the context."""
    with alone(file_of(hosts, target, "turn"), deadline) as handle:
        state = os.fstat(handle)
        if state.st_size:
            # A clock that went back must not make the pause longer than it is.
            time.sleep(min(max(state.st_mtime + pause - time.time(), 0.0), pause))
        try:
            yield
        finally:
            os.pwrite(handle, b"asked\n", 0)
            os.utime(handle)


def leave_alone(hosts: Path, target: Target, seconds: float) -> None:
    """Remember that a host wants no request for some time, by whichever source."""
    until = time.time() + min(seconds, LONGEST_ABSENCE)
    replace_file(file_of(hosts, target, "away"), f"{until:.3f}\n".encode())


def left_alone(hosts: Path, target: Target) -> float:
    """For how many seconds from now a host wants no request."""
    try:
        until = float(file_of(hosts, target, "away").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0.0
    left = until - time.time()
    # Nobody is left alone longer: then the clock was wrong, and now it is not.
    return left if 0 < left <= LONGEST_ABSENCE else 0.0
