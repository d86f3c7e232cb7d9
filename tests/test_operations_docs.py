"""What docs/operations.md names exists: commands, options, variables, statuses, and units."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from typing import get_args

import click
import pytest

from flows import journey, lock, runs, source_status
from flows.cli import main
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def spans() -> list[str]:
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))


def rows(heading: str) -> list[str]:
    """The first cells of the table below a heading, without the table's own."""
    _, _, after = PAGE.partition(f"# {heading}\n")
    assert after, heading
    found = [
        line.split("|")[1].strip() for line in after.split("\n#")[0].split("\n") if line[:1] == "|"
    ]
    return [cell.strip("`") for cell in found[2:]]


def commands() -> Iterator[str]:
    """Every command line of precert on the page, from its name on."""
    lines = [line for block in (*blocks("console"), *blocks("ini")) for line in block.split("\n")]
    for line in (*lines, *spans()):
        for part in line.split(" && "):
            found = re.match(r"(?:\$ |.*/bin/|\.venv/bin/)?precert( .+)", part)
            if found:
                yield f"precert{found[1]}"


def option_names(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts if name.startswith("--")} | {
        "--help"
    }


def check(line: str) -> None:
    """Fails where a command line names a command or an option that does not exist."""
    words = shlex.split(line.partition(" > ")[0].replace("…", ""))[1:]
    command: click.Command = main
    known = option_names(main)
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, f"{line}: no option {word}"
        elif isinstance(command, click.Group) and word in below(command):
            command = below(command)[word]
            known = option_names(command)
        elif isinstance(command, click.Group) and re.fullmatch("[a-z]+", word):
            pytest.fail(f"{line}: no command {word}")


def below(group: click.Group) -> dict[str, click.Command]:
    """The commands of a group, which may be imported only when they are called."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_of_the_page_exists() -> None:
    lines = list(commands())
    assert len(lines) > 12
    for line in lines:
        check(line)


@pytest.mark.parametrize(
    "line",
    ["precert refesh", "precert refresh --acept X", "precert releases undo", "precert --raws"],
)
def test_command_that_does_not_exist_would_be_found(line: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check(line)


def test_every_option_of_the_page_is_one_of_precert_or_of_prefect() -> None:
    everyone: list[click.Command] = [main]
    for command in everyone:
        everyone += below(command).values() if isinstance(command, click.Group) else ()
    known = set().union(*(option_names(command) for command in everyone))
    for span in spans():
        if span.startswith("--"):
            assert span.split()[0] in known, span


def test_every_variable_is_on_the_page_and_every_one_on_it_is_known() -> None:
    named = set(re.findall(r"PRECERT_[A-Z_]+", PAGE))
    said = "".join(path.read_text() for path in sorted((ROOT / "flows").rglob("*.py")))
    said += (ROOT / "prefect.yaml").read_text()
    folders = {f"PRECERT_{name}" for name in ("RAW", "CURATED", "SOURCES")}
    assert named == set(re.findall(r"PRECERT_[A-Z]+(?:_[A-Z]+)*", said)) | folders
    for name in folders:
        assert any(
            name in str(option.envvar) for option in main.params if isinstance(option, click.Option)
        )


def test_every_status_and_outcome_is_explained() -> None:
    assert set(rows("Status of a source")) == set(get_args(source_status.Status))
    for outcome in get_args(runs.Outcome):
        assert f"`{outcome}`" in PAGE


def test_every_exit_status_of_a_refresh_is_explained() -> None:
    statuses = {journey.PUBLISHED, journey.TROUBLED, journey.USAGE, journey.NOTHING, lock.RUNNING}
    assert rows("Exit status of a refresh") == [str(status) for status in sorted(statuses)]


def test_units_of_systemd_are_well_formed_and_may_write_where_a_refresh_writes() -> None:
    units = []
    for text in blocks("ini"):
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(text)
        units.append(unit)
    service, timer = units
    assert service["Service"]["Type"] == "oneshot"
    folder = service["Service"]["WorkingDirectory"]
    writable = service["Service"]["ReadWritePaths"].split()
    assert writable == [f"{folder}/{name}" for name in ("raw", "curated", ".prefect")]
    assert service["Service"]["ProtectSystem"] == "strict"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"


def test_links_of_the_page_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)", PAGE)
    assert targets
    for target in targets:
        assert (ROOT / "docs" / target).exists(), target
