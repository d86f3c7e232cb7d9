"""One refresh at a time: a lock that the kernel frees when its holder dies, however it dies.

Only the kernel says whether the lock is held. What the file says of the holder is for people; a
process that is stopped holds the lock still, and nobody takes it from it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# Exit status of a command that found the lock held.
RUNNING = 5
# Tries while others only ask who holds the lock, and while a new holder writes its name.
_TRIES = 50
_PAUSE = 0.01


class AlreadyRunning(RuntimeError):
    """Another refresh holds the lock; the message names it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock: its process and host, what it does there, and since when (UTC)."""

    process: int
    host: str
    label: str
    since: datetime

    def __str__(self) -> str:
        if self == UNNAMED:
            return self.label
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.process}{place}, {self.label}, since {utc(self.since)}"

    @property
    def is_stopped(self) -> bool:
        """Whether its process is known to be stopped (SIGSTOP, Ctrl-Z) on this machine."""
        if self.host != socket.gethostname():
            return False
        try:
            said = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        # The name of the program, in brackets, may hold anything.
        return said.rpartition(")")[2].split()[0] in ("T", "t")

    @property
    def _is_here(self) -> bool:
        """Whether its process is to be found on this machine, or may be on another one."""
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


# A holder that died between taking the lock and writing its name, or is about to write it.
UNNAMED = Holder(0, "", "an unnamed run", datetime.fromtimestamp(0, UTC))

_held: dict[Path, Holder] = {}


@contextmanager
def only_refresh(curated: Path, label: str) -> Iterator[Holder]:
    """Hold the lock of a release store; raises `AlreadyRunning` at once where another does.

    A process that holds it already goes on: a flow takes it for itself when Prefect runs it, and
    finds it taken when the command line does.
    """
    curated.mkdir(parents=True, exist_ok=True)
    store = curated.resolve()
    if store in _held:
        yield _held[store]
        return
    path = curated / ".lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        other = _take(handle)
        if other is not None:
            raise AlreadyRunning(_refusal(other))
        holder = Holder(os.getpid(), socket.gethostname(), label, datetime.now(UTC))
        _write(handle, path, holder)
        _held[store] = holder
        try:
            yield holder
        finally:
            del _held[store]
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held_by(curated: Path) -> Holder | None:
    """Who holds the lock of a release store now; None where it is free. Never waits for it."""
    try:
        handle = os.open(curated / ".lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return _other(handle)
    finally:
        os.close(handle)


def refuse_where_held(curated: Path) -> None:
    """Raise `AlreadyRunning` where the lock is held, for a command that would take long to ask.

    Where it does not, the lock may still be taken in the next instant.
    """
    holder = held_by(curated)
    if holder is not None:
        raise AlreadyRunning(_refusal(holder))


def utc(at: datetime) -> str:
    """An instant for people: ISO, in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _take(handle: int) -> Holder | None:
    """Take the lock; who holds it where another run does.

    `held_by` shares the lock for an instant. Only a run holds it so that it cannot be shared.
    """
    for _ in range(_TRIES):
        if _try(handle, fcntl.LOCK_EX):
            return None
        other = _other(handle)
        if other is not None:
            return other
        time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 (so that two do not keep step)
    return UNNAMED


def _other(handle: int) -> Holder | None:
    """Whom the file names while the lock is held, once a new holder had time to write its name."""
    found = None
    for _ in range(_TRIES):
        if _try(handle, fcntl.LOCK_SH):
            fcntl.flock(handle, fcntl.LOCK_UN)
            return None
        found = _parsed(os.pread(handle, 4096, 0))
        if found is not None and found._is_here:
            return found
        time.sleep(_PAUSE)
    return found or UNNAMED


def _try(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refusal(holder: Holder) -> str:
    advice = "wait for it to end"
    if holder.is_stopped:
        advice = f"it is stopped: let it go on with kill -CONT {holder.process}, or end it"
    return f"another refresh is running ({holder}); {advice}"


def _write(handle: int, path: Path, holder: Holder) -> None:
    said = {
        "process": holder.process,
        "host": holder.host,
        "label": holder.label,
        "since": holder.since.isoformat(),
    }
    line = json.dumps(said).encode() + b"\n"
    try:
        os.ftruncate(handle, 0)
        if os.pwrite(handle, line, 0) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _parsed(text: bytes) -> Holder | None:
    try:
        said = json.loads(text)
        since = datetime.fromisoformat(said["since"])
        return Holder(int(said["process"]), str(said["host"]), str(said["label"]), since)
    except (ValueError, KeyError, TypeError):
        return None
