"""Files that survive a crash: written aside, flushed, then put in place in one step."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_tree(folder: Path) -> None:
    """Make every file and name below a folder durable."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            flush_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    flush_folder(folder)


def write_aside(path: Path, data: bytes) -> Path:
    """Write `data`, flushed, to a file beside `path` that a run which died leaves for the next."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return aside


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that readers see the old file or the new one, never a part."""
    write_aside(path, data).replace(path)
    flush_folder(path.parent)


def create_file(path: Path, data: bytes) -> bool:
    """Put `data` at `path` unless something is there; whether it was put. Read-only afterwards."""
    return place_file(write_aside(path, data), path)


def place_file(aside: Path, path: Path, mode: int = 0o440) -> bool:
    """Give a flushed file its lasting name unless something has it; whether it was given.

    Read-only afterwards, and gone from `aside` in either case.
    """
    aside.chmod(mode)
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
        flush_folder(path.parent)
    return True


def dump_json(value: Any) -> bytes:
    """JSON with sorted keys, the same bytes for the same value."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def load_json(path: Path) -> Any:
    return json.loads(path.read_bytes())


def is_json(path: Path) -> bool:
    """Whether a file is there and holds JSON; what does not is made again where it is a cache."""
    try:
        load_json(path)
    except (FileNotFoundError, ValueError):
        return False
    return True


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
