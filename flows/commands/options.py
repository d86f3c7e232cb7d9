"""What the commands share: folders, days and JSON as options, and errors in one sentence.

No command is known here, and nothing that takes long to import.
"""
# ruff: noqa: PLC0415 (a start that does not need a module does not pay for it)

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import click

from flows.releases import Release, latest
from flows.settings import Settings

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

# One letter before the colon is a drive, not a scheme.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):")
_FILE_ADDRESS = re.compile(r"file:(?://(?:localhost)?)?(?P<path>/(?!/)[^?#]*)", re.IGNORECASE)
_OF_OUTPUT = (*(errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF),)
_FOLDERS = ("raw", "curated", "sources")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a day: give one like 2026-01-31") from error


@contextmanager
def said_plainly(*mistakes: type[Exception], usage: bool = False) -> Iterator[None]:
    """Turns the named errors into one sentence on stderr: exit 2 for usage, else 1."""
    try:
        yield
    except mistakes as error:
        if is_of_output(error):
            raise
        if usage:
            raise click.UsageError(str(error)) from error
        raise click.ClickException(str(error)) from error


def is_of_output(error: Exception) -> bool:
    """Whether an error is of writing to a stream, rather than of a file that it names."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _OF_OUTPUT


def say_unwritten(error: OSError) -> None:
    """Say on stderr, if that can still be written to, that the rest could not be."""
    with suppress(OSError):
        why = f"{error.strerror}: give the output a place that takes it, and run this again"
        print(f"Error: the rest cannot be written ({why}).", file=sys.stderr, flush=True)


@contextmanager
def one_at_a_time(*, as_json: bool = False) -> Iterator[None]:
    """Turns a lock that another run holds into one sentence that names it, and exit 5."""
    from flows.lock import RUNNING, AlreadyRunning

    try:
        yield
    except AlreadyRunning as error:
        if as_json:
            click.echo(json.dumps({"error": str(error)}, ensure_ascii=False))
        click.echo(f"precert: {error}", err=True)
        sys.exit(RUNNING)


class _Folder(click.Path):
    """A folder, as a path or as a file:// address of this machine."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """The folder; a usage error for an address of anything else."""
        try:
            return super().convert(_path_of(os.fspath(value)), param, ctx)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _path_of(text: str) -> str:
    """The path that a path or a file:// address gives; raises `ValueError` in one sentence."""
    address = _ADDRESS.match(text)
    if not text:
        raise ValueError("the folder is empty: give a path or a file:// address")
    if address is None:
        return text
    if address["scheme"].lower() != "file":
        raise ValueError(
            f"{text!r} is an address, and only folders are supported now: give a path (./ before "
            "a name with a colon) or a file:// address"
        )
    file = _FILE_ADDRESS.fullmatch(text)
    path = unquote(file["path"], errors="surrogateescape") if file else ""
    if not path or "\0" in path:
        raise ValueError(f"{text!r} names no folder of this machine: write it as file:///path")
    return path


def _take_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        name = str(param.name).removesuffix("_folder")
        ctx.obj = replace(ctx.obj or Settings(), **{name: value})


def _folder_option(name: str, **more: Any) -> Callable[[_Decorated], _Decorated]:
    return click.option(
        f"--{name}",
        # Not the plain name, which an argument of `refresh` has.
        f"{name}_folder",
        type=_Folder(),
        metavar="FOLDER",
        expose_value=False,
        callback=_take_folder,
        **more,
    )


def default_folders(command: _Decorated) -> _Decorated:
    """The folders before the subcommand, which the environment can name too."""
    for name in reversed(_FOLDERS):
        variable = f"PRECERT_{name.upper()}"
        command = _folder_option(name, default=name, envvar=variable, show_default=True)(command)
    return command


def folders(command: _Decorated) -> _Decorated:
    """The folders after the subcommand; they reach it as its settings, like those before it."""
    for name in reversed(_FOLDERS):
        command = _folder_option(name, help="Wins over the one before the command.")(command)
    return command


def latest_release(settings: Settings) -> Release:
    release = latest(settings.curated)
    if release is None:
        raise click.ClickException(
            f"there is no release in {settings.curated}: run `precert refresh`"
        )
    return release


def print_json(items: Iterable[Mapping[str, Any]]) -> None:
    """One JSON array with an item on each line, in ASCII."""
    click.echo("[" + ",\n".join(json.dumps(item) for item in items) + "]")


def remark(sentence: str, *, as_result: bool = False) -> None:
    click.echo(f"{sentence[0].upper()}{sentence[1:]}.", err=not as_result)
