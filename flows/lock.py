"""One refresh at a time: a lock that the kernel frees when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(RuntimeError):
    """Another refresh holds the lock; the message names it."""


_held: set[Path] = set()


@contextmanager
def only_refresh(curated: Path, label: str) -> Iterator[None]:
    """Hold the lock of a release store; raises `AlreadyRunning` at once where another does.

    A process that holds it already goes on: a flow takes it for itself when Prefect runs it, and
    finds it taken when the command line does.
    """
    curated.mkdir(parents=True, exist_ok=True)
    store = curated.resolve()
    if store in _held:
        yield
        return
    handle = os.open(curated / ".lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "an unnamed run"
            raise AlreadyRunning(
                f"another refresh is running ({holder}); wait for it to end"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, {label}\n".encode(), 0)
        _held.add(store)
        yield
    finally:
        _held.discard(store)
        os.close(handle)
