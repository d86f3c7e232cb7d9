"""The command line: which commands there are, and where each is.

Arguments in, words or one JSON document out, and the exit status. A command's module is imported
when it is called, and imports what it needs when it runs, so that looking something up never pays
for the libraries of a refresh. What the words say is decided in the modules called.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from flows.commands.options import default_folders, is_of_output, said_plainly, say_unwritten
from flows.releases import ReleaseError

# The module and the function of each command.
COMMANDS = {
    "add": ("refresh", "add"),
    "changes": ("changes", "changes"),
    "draft": ("refresh", "draft"),
    "export": ("export", "export"),
    "lookup": ("lookup", "lookup"),
    "refresh": ("refresh", "refresh"),
    "releases": ("releases", "releases"),
    "serve": ("refresh", "serve"),
    "show": ("show", "show"),
    "sources": ("refresh", "sources"),
    "try": ("refresh", "try_source"),
}


class _Precert(click.Group):
    """A group of commands whose unreadable releases and outputs are errors in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """A command, imported now; None for an unknown one."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"flows.commands.{module}"), name)
        return command

    def main(self, *args: Any, **more: Any) -> Any:
        """Run a command; whoever reads no more of it ends it in silence, with exit 1."""
        try:
            try:
                return super().main(*args, **more)
            finally:
                sys.stdout.flush()
        except OSError as error:
            if not is_of_output(error):
                raise
            _leave_unwritten()
            if not isinstance(error, BrokenPipeError):
                say_unwritten(error)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        with said_plainly(ReleaseError):
            return super().invoke(ctx)


def _leave_unwritten() -> None:
    """Let what is still to be written go nowhere, or the end of the process tries it again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


@click.group(cls=_Precert)
@default_folders
def main() -> None:
    """Prior-authorization rules of US payers, each with the place it is printed at."""
    for stream in (sys.stdout, sys.stderr):
        # A publication may print what the terminal's encoding does not have.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main(prog_name="precert")
