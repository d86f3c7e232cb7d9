"""The confinement of a process that reads what a publisher wrote.

Bounds its memory, processor time, file size and open files, and forbids it to open connections
and to start programs. It holds until the process ends and cannot be undone. What is read in it,
and what the limits should be, is not known here.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import Any

# PR_SET_PDEATHSIG of Linux.
_SIGNAL_AT_DEATH_OF_PARENT = 1
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.spawn",
    "os.posix_spawn",
)
# A secret or a proxy in the environment is no reader's concern.
_INHERITED = ("PATH", "HOME", "LANG")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take: memory and size of a file in bytes, processor time in seconds."""

    memory: int
    cpu_seconds: int
    file_size: int
    open_files: int


def clean_environment() -> dict[str, str]:
    """The environment of a process to be confined: where programs and our modules are."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def confine(limits: Limits) -> None:
    """Confine this process from now on, within the limits it has already.

    What breaks a limit ends in `MemoryError`, in `OSError`, or in the end of the process; what is
    forbidden raises `PermissionError`.
    """
    if sys.platform == "linux":
        # A reader whose parent is killed has nobody to read for.
        ctypes.CDLL(None).prctl(_SIGNAL_AT_DEATH_OF_PARENT, signal.SIGKILL)
    for kind, limit in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (least, least))
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a document's reader attempted {event}")
