"""Putting an export at its place: written aside, then there in one step, or not at all.

What is there already is replaced only if asked to, a folder only if an export wrote all of it, and
a file only if it is one that the export says to be its own. What an export contains is not known
here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.export.selection import ExportError
from flows.files import dump_json, flush_folder, flush_tree, load_json, place_file

# In every exported folder: the names of its files, so that nothing else is ever removed.
MARKER = "export.json"


@contextmanager
def placed_file(
    out: Path, is_ours: Callable[[Path], bool], *, force: bool = False
) -> Iterator[Path]:
    """A path to write a file to, which gets its lasting name `out` when it is whole.

    Raises `ExportError` where something is there already; with `force`, where that is not ours.
    """
    _refuse_file(out, is_ours, force=force)
    with _aside(out) as folder:
        path = folder / out.name
        yield path
        flush_tree(folder)
        _refuse_file(out, is_ours, force=force)
        if force:
            path.replace(out)
            flush_folder(out.parent)
        elif not place_file(path, out, 0o644):
            raise _is_there(out)


@contextmanager
def placed_folder(out: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to write to, which becomes `out` when it is whole.

    Raises `ExportError` where something is there already, an empty folder apart.
    """
    _refuse_folder(out, force=force)
    with _aside(out) as aside:
        folder = aside / "new"
        folder.mkdir()
        yield folder
        names = sorted(path.relative_to(folder).as_posix() for path in _files(folder))
        (folder / MARKER).write_bytes(dump_json({"files": names}))
        flush_tree(folder)
        _refuse_folder(out, force=force)
        old = aside / "old"
        if out.exists():
            out.rename(old)
        try:
            folder.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
        flush_folder(out.parent)


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder beside `out`, gone afterwards with all that is still in it."""
    if not out.name or not out.parent.is_dir():
        raise ExportError(f"the folder of {out} does not exist: make it first")
    folder = out.with_name(f".{out.name}.{os.getpid()}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _refuse_file(out: Path, is_ours: Callable[[Path], bool], *, force: bool) -> None:
    if out.is_dir():
        raise ExportError(f"{out} is a folder: name a file")
    if not out.exists() and not out.is_symlink():
        return
    if not force:
        raise _is_there(out)
    if not is_ours(out):
        raise ExportError(
            f"{out} is no file that an export of this format wrote: name another one, or remove it "
            "first"
        )


def _refuse_folder(out: Path, *, force: bool) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir() or out.is_symlink():
        raise ExportError(f"{out} is no folder: name another one")
    there = {path.relative_to(out).as_posix() for path in _files(out)}
    if not there:
        return
    if not force:
        raise _is_there(out)
    ours = _named(out / MARKER)
    others = sorted(there - ours - {MARKER})
    if MARKER not in there or others:
        what = others[0] if others else "no list of its files"
        raise ExportError(f"{out} holds {what}, which no export wrote: name another folder")


def _named(marker: Path) -> set[str]:
    try:
        said = load_json(marker)
    except (OSError, ValueError):
        return set()
    names = said.get("files") if isinstance(said, dict) else None
    return set(names) if isinstance(names, list) else set()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]


def _is_there(out: Path) -> ExportError:
    return ExportError(f"{out} is there already: name another place, or replace it with --force")
