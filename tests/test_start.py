"""Lookups in plain words, which are answered before the command line's library is loaded."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from flows.cli import main
from flows.commands.lookup import lookup
from flows.start import plain_lookup
from tests.conftest import ROOT
from tests.release_fixture import Store, build_store

PROGRAM = (
    "import sys, atexit, os\n"
    "from flows import start\n"
    "leave = os._exit\n"
    "def told(status):\n"
    "    sys.stderr.write(f\"loaded {' '.join(sorted(n for n in sys.modules if '.' not in n))}\")\n"
    "    sys.stderr.flush()\n"
    "    leave(status)\n"
    "os._exit = told\n"
    "start.main()\n"
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_store(tmp_path_factory.mktemp("store"))


def started(store: Store, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words, "--curated", str(store.curated)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ["lookup", "E0601", "E2402"],
        ["lookup", "E0601", "--payer", "dune"],
        ["lookup", "A4253", "--json", "--on=2026-01-01"],
        ["lookup", "A4253", "--csv", "--as-known", "2026-10-01"],
        ["lookup", "A4253", "--release", "000001-0a0a0a0a"],
        ["lookup", "E0601 oops"],
        ["lookup", "E0601", "--release", "000009-99999999"],
        ["lookup", "E0601", "--nonsense"],
    ],
)
def test_answer_is_that_of_the_command_line(store: Store, words: list[str]) -> None:
    quick = started(store, "from flows.start import main; main()", *words)
    slow = started(store, "from flows.cli import main; main()", *words)
    assert (quick.returncode, quick.stdout, quick.stderr) == (
        slow.returncode,
        slow.stdout,
        slow.stderr,
    )


COMMANDS = [
    ["lookup", "E0601"],
    ["lookup", "E0601", "--csv"],
    ["lookup", "E0601", "--raw", "raw", "--csv"],
    ["changes", "--csv"],
    ["changes", "--json"],
    ["changes", "--help"],
    ["releases"],
]


def in_a_shell(store: Store, words: list[str], rest: str) -> subprocess.CompletedProcess[str]:
    """A command whose output goes where `rest` says, in a shell that tells how each part ended."""
    program = [sys.executable, "-c", "from flows.start import main; main()", *words]
    options = [] if "--help" in words else ["--curated", str(store.curated)]
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shlex.join([*program, *options])} {rest}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_output_that_cannot_be_written_is_one_sentence(store: Store, words: list[str]) -> None:
    done = in_a_shell(store, words, "> /dev/full")
    assert done.stderr.startswith("Error: the rest cannot be written (")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_closed_output_is_no_error(store: Store, words: list[str]) -> None:
    done = in_a_shell(store, words, ">&-")
    assert (done.returncode, done.stdout) in [(0, ""), (4, "")]
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_remarks_are_not_in_the_answer_when_stderr_is_closed(store: Store) -> None:
    words = ["lookup", "E0601", "--json", "--payer", "acme", "--as-known", "2026-10-01"]
    done = in_a_shell(store, words, "2>&-")
    assert [answer["code"] for answer in json.loads(done.stdout)] == ["E0601"]


def test_reader_that_has_read_enough_ends_a_catalogue_in_silence(
    store: Store, tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.txt"
    catalogue.write_text("".join(f"E{number:04}\n" for number in range(5000)))
    done = in_a_shell(store, ["lookup", "--codes", str(catalogue), "--csv"], "| head -1")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("code,modifiers,payer,")


def test_plain_lookup_loads_neither_the_command_line_nor_the_package_around_duckdb(
    store: Store,
) -> None:
    done = started(store, PROGRAM, "lookup", "E0601", "--payer", "acme")
    assert done.stdout.startswith("E0601 at Acme Health (acme)")
    loaded = set(done.stderr.partition("loaded ")[2].split())
    assert "_duckdb" in loaded
    assert not loaded & {"click", "duckdb", "uuid", "decimal", "pytz", "socket", "numpy", "pyarrow"}


def test_words_of_a_plain_lookup_are_understood_as_the_command_does(tmp_path: Path) -> None:
    words = ["--curated", "elsewhere", "lookup", "--payer=acme", "E0601", "--on", "2026-01-01"]
    found = plain_lookup([*words, "A4253", "--json", "--curated", str(tmp_path)])
    assert found is not None
    curated, asked = found
    assert curated == tmp_path
    assert (asked.codes, asked.payer, asked.on) == (("E0601", "A4253"), "acme", date(2026, 1, 1))
    assert asked.as_json
    assert not asked.as_csv


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["lookup"],
        ["lookup", "--help"],
        ["lookup", "E0601", "--codes", "-"],
        ["lookup", "E0601", "--on", "yesterday"],
        ["lookup", "E0601", "--payer"],
        ["lookup", "E0601", "--json", "--csv"],
        ["lookup", "E0601", "--raw", "raw"],
        ["--payer", "acme", "lookup", "E0601"],
        ["lookup", "--", "E0601"],
        ["changes", "lookup", "E0601"],
        ["lookup", "E0601", "--curated", "s3://bucket"],
        ["lookup", "E0601", "--curated", "nowhere at all"],
    ],
)
def test_other_words_are_left_to_the_command_line(words: list[str], tmp_path: Path) -> None:
    assert plain_lookup(words) is None


def test_folder_that_the_environment_names_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECERT_CURATED", str(tmp_path))
    found = plain_lookup(["lookup", "E0601"])
    assert found is not None
    assert found[0] == tmp_path
    monkeypatch.setenv("PRECERT_RAW", "s3://bucket")
    assert plain_lookup(["lookup", "E0601"]) is None


def test_every_option_of_a_plain_lookup_is_one_of_the_command() -> None:
    from flows.start import _FLAGS, _WITH_VALUE

    flags = {o: p.name for p in lookup.params for o in p.opts if getattr(p, "is_flag", False)}
    assert {**flags, **_FLAGS} == flags
    takes_value = {o for p in lookup.params for o in p.opts if o.startswith("--")} - flags.keys()
    assert _WITH_VALUE.keys() <= takes_value
    assert main.get_command(None, "lookup") is lookup  # type: ignore[arg-type]
