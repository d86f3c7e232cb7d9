"""The other reading commands: `show`, `releases`, `sources`, and how errors are said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from flows import runs
from flows.cli import main
from flows.lock import only_refresh
from flows.store import put as record
from flows.table_text import aligned, one_line
from tests.conftest import ROOT
from tests.release_fixture import (
    ACME_LIST,
    BOREALIS_ROW,
    FIRST,
    HELD_REASON,
    SECOND,
    SECOND_MADE,
    Store,
    build_store,
    rule,
    write_release,
)

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


def run(store: Store, *words: str) -> Result:
    return CliRunner().invoke(main, [*store.options, *words])


def snapshot(store: Store, source: str) -> Path:
    """The file that holds a source's bytes."""
    folder = store.raw / source / "list"
    return next(path for path in folder.glob("*") if path.suffix != ".json")


def test_show_marks_the_printed_line_between_two_lines_of_context(store: Store) -> None:
    result = run(store, "show", store.key("prior_authorization", "E0470"))
    assert result.exit_code == 0
    facts, _, printed = result.stdout.partition("\n\n")
    assert store.sha256["acme_dme"] in facts
    lines = printed.splitlines()
    assert [line[:4].strip() for line in lines] == ["4", "5", "> 6", "7", "8"]
    assert "E0470 | Respiratory assist device | Out Of Scope" in lines[2]


def test_show_finds_rows_of_every_document_table(store: Store) -> None:
    result = run(store, "show", store.key("requirements", "E0601"))
    assert result.exit_code == 0
    assert "requirements" in result.stdout
    assert "> 3  Claims for E0601" in result.stdout


def test_show_marks_the_passage_of_an_html_page(store: Store) -> None:
    result = run(store, "show", store.key("requirements", "K1007"))
    assert result.exit_code == 0
    marked = [line for line in result.stdout.splitlines() if line.startswith(">")]
    assert "Suppliers must have the product verified" in marked[0]


def test_show_of_a_pdf_row_gives_its_words_and_box(store: Store) -> None:
    result = run(store, "show", store.key("prior_authorization", "A4253", 1))
    assert result.exit_code == 0
    assert "72.0, 82.0, 300.0, 96.0" in result.stdout
    assert f"> {' '.join(BOREALIS_ROW.split())}" in result.stdout


def test_show_draws_the_row_of_a_pdf_into_a_picture(store: Store, tmp_path: Path) -> None:
    png = tmp_path / "row.png"
    result = run(store, "show", store.key("prior_authorization", "A4253", 1), "--png", str(png))
    assert result.exit_code == 0
    assert png.read_bytes().startswith(PNG_SIGNATURE)


def test_show_refuses_a_picture_of_a_text_row(store: Store, tmp_path: Path) -> None:
    png = tmp_path / "row.png"
    result = run(store, "show", store.key("prior_authorization", "E0470"), "--png", str(png))
    assert result.exit_code == 1
    assert "no PDF" in result.stderr
    assert not png.exists()


def test_show_refuses_a_snapshot_that_is_not_what_its_name_says(store: Store) -> None:
    path = snapshot(store, "acme_dme")
    path.write_bytes(path.read_bytes().replace(b"Out Of Scope", b"No"))
    result = run(store, "show", store.key("prior_authorization", "E0470"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "are not those it is named by" in result.stderr


def test_show_without_the_snapshot_says_so(store: Store) -> None:
    snapshot(store, "acme_dme").unlink()
    result = run(store, "show", store.key("prior_authorization", "E0470"))
    assert result.exit_code == 1
    assert "no snapshot" in result.stderr


def test_show_of_a_row_that_is_not_printed_at_its_line_fails(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    misplaced = rule(store, "acme_dme", 6, "E0470") | {"line": 7}
    tables = {"prior_authorization": [misplaced]}
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, tables)
    result = run(store, "show", misplaced["row_key"])
    assert result.exit_code == 1
    assert "line 7" in result.stderr
    assert "E0470 Respiratory" in result.stderr


def test_show_of_a_row_that_continues_below_marks_both_lines(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    lines = ACME_LIST.split("\n")
    joined = rule(store, "acme_dme", 6, "E0470", raw_text=f"{lines[5]}\n{lines[7]}")
    tables = {"prior_authorization": [joined]}
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, tables)
    shown = run(store, "show", joined["row_key"]).stdout.splitlines()
    assert [line.split()[1] for line in shown if line.startswith(">")] == ["6", "8"]


@pytest.mark.parametrize(("key", "status"), [("0" * 24, 1), ("E0601", 2)])
def test_show_of_a_key_that_is_nowhere_says_where_keys_come_from(
    store: Store, key: str, status: int
) -> None:
    result = run(store, "show", key)
    assert result.exit_code == status
    assert "precert lookup --json" in result.stderr


def test_releases_are_listed_newest_first_with_their_rows(store: Store) -> None:
    found = json.loads(run(store, "releases", "--json").stdout)
    assert [(item["release"], item["is_latest"]) for item in found] == [
        (SECOND, True),
        (FIRST, False),
    ]
    assert found[0]["rows"]["prior_authorization"] == len(store.rows["prior_authorization"])
    first, second = run(store, "releases").stdout.splitlines()[2:]
    assert first.startswith(SECOND)
    assert first.endswith("latest")
    assert second.startswith(FIRST)


def test_folder_of_a_killed_run_is_no_release(store: Store) -> None:
    (store.curated / "releases" / "000003-0c0c0c0c").mkdir()
    assert len(json.loads(run(store, "releases", "--json").stdout)) == 2


def test_whole_release_verifies(store: Store) -> None:
    for words in ([], [FIRST]):
        result = run(store, "releases", "verify", *words)
        assert result.exit_code == 0
        assert "is whole" in result.stdout


def test_verify_names_damaged_missing_and_unknown_files(store: Store) -> None:
    folder = store.curated / "releases" / SECOND
    damaged = folder / "changes.parquet"
    data = bytearray(damaged.read_bytes())
    data[100] ^= 1
    damaged.write_bytes(data)
    (folder / "bulletins.parquet").unlink()
    (folder / "extra.parquet").write_bytes(b"PAR1")
    (folder / "NOTES.md").write_text("words for people")
    result = run(store, "releases", "verify")
    assert result.exit_code == 1
    said = result.stdout.splitlines()
    assert len(said) == 3
    assert "bulletins.parquet cannot be read" in said[0]
    assert "changes.parquet has sha256" in said[1]
    assert "extra.parquet is not in the manifest" in said[2]


def test_verify_counts_the_rows(store: Store) -> None:
    path = store.curated / "releases" / SECOND / "release.json"
    said = json.loads(path.read_text())
    said["files"]["changes.parquet"]["rows"] = 4
    path.write_text(json.dumps(said))
    result = run(store, "releases", "verify")
    assert result.exit_code == 1
    assert "has 3 rows where the manifest says 4" in result.stdout


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ('{"release": "000009-99999999", "sequence": 9}', "no release 000009-99999999"),
        ('{"release": "000002-0b0b0b0b", "sequence": 1}', "sequence"),
        ('{"release": "../../etc", "sequence": 1}', "names no release"),
        ('{"release"', "not JSON"),
        ("[]", "no JSON object"),
    ],
)
def test_bad_pointer_is_one_sentence_in_every_command(
    store: Store, pointer: str, said: str
) -> None:
    (store.curated / "latest.json").write_text(pointer)
    for words in (["lookup", "E0601"], ["changes"], ["releases"], ["show", "0" * 24]):
        result = run(store, *words)
        assert result.exit_code == 1
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    verified = run(store, "releases", "verify")
    assert verified.exit_code == 1
    assert said in verified.stdout


def test_history_that_runs_in_a_circle_is_an_error(store: Store) -> None:
    path = store.curated / "releases" / FIRST / "release.json"
    said = json.loads(path.read_text())
    said["previous"] = SECOND
    path.write_text(json.dumps(said))
    result = run(store, "releases")
    assert result.exit_code == 1
    assert "no lower sequence" in result.stderr


def test_sources_without_a_release_say_what_came_and_what_is_waited_for(tmp_path: Path) -> None:
    options = ["--curated", str(tmp_path), "--sources", str(ROOT / "sources")]
    result = CliRunner().invoke(main, [*options, "--raw", str(ROOT / "raw"), "sources", "--json"])
    assert result.exit_code == 0
    found = {item["source"]: item for item in json.loads(result.stdout)}
    assert found["cigna_commercial_dme"]["status"] == "new"
    assert found["cms_dmepos"]["status"] == "waiting"
    assert {item["rows"] for item in found.values()} == {None}
    assert result.stderr == "No refresh is recorded in runs.jsonl.\n"


def test_sources_show_the_last_refresh_and_each_source_with_its_status(
    store: Store, tmp_path: Path
) -> None:
    registry = tmp_path / "sources"
    registry.mkdir()
    described = yaml.safe_load((ROOT / "sources" / "cigna_commercial_dme.yml").read_text())
    for name in ("acme_dme", "borealis_medicaid", "newcomer"):
        payer = {"id": name.partition("_")[0], "name": name}
        said = described | {"source": name, "document": "list", "payer": payer}
        (registry / f"{name}.yml").write_text(yaml.safe_dump(said))
    shutil.rmtree(store.raw)
    for name, data in (("acme_dme", ACME_LIST.encode()), ("borealis_medicaid", b"%PDF-1.7 new")):
        record(store.raw, name, "list", data, came="fetched", at=SECOND_MADE)
    with only_refresh(store.curated, "precert refresh") as holder:
        runs.end(store.curated, runs.begin(store.curated, holder), "published", SECOND_MADE, SECOND)
    result = run(store, "--sources", str(registry), "sources", "--json")
    found = [(item["source"], item["status"], item["rows"]) for item in json.loads(result.stdout)]
    assert found == [
        ("acme_dme", "current", 10),
        ("borealis_medicaid", "stale", 10),
        ("newcomer", "waiting", None),
    ]
    printed = run(store, "--sources", str(registry), "sources").stdout.splitlines()
    assert printed[0].startswith(f"The last refresh published release {SECOND} at 2026-11-21T23:30")
    assert [line.split()[1] for line in printed[4:7]] == ["current", "stale", "waiting"]
    assert f"borealis_medicaid: stale: {HELD_REASON}" in printed


def test_sources_without_a_registry_is_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--sources", str(tmp_path / "nowhere"), "sources"])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


@pytest.mark.parametrize(
    "command", [pytest.param(found, id=" ".join(path)) for path, found in commands(main)]
)
def test_every_command_takes_the_folders_after_its_name(command: click.Command) -> None:
    taken = {option for param in command.params for option in param.opts}
    assert {"--raw", "--curated", "--sources"} <= taken


@pytest.mark.parametrize(
    "words", [["releases", "--json"], ["changes"], ["lookup", "A4253"], ["releases", "verify"]]
)
def test_folder_after_the_command_wins_over_the_one_before(
    store: Store, tmp_path: Path, words: list[str]
) -> None:
    other = str(tmp_path / "elsewhere")
    expected = run(store, *words)
    given = ["--curated", other, *words, "--curated", str(store.curated)]
    result = CliRunner().invoke(main, given)
    assert (result.exit_code, result.stdout) == (expected.exit_code, expected.stdout)
    reversed_ = CliRunner().invoke(main, [*store.options, *words, "--curated", other])
    assert reversed_.stdout != expected.stdout


def test_folder_of_a_group_holds_for_its_command(store: Store, tmp_path: Path) -> None:
    given = ["--curated", str(tmp_path), "releases", "--curated", str(store.curated), "verify"]
    assert CliRunner().invoke(main, given).exit_code == 0


def test_refresh_takes_its_folders_after_its_name(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    folders = ["--raw", str(tmp_path), "--curated", str(tmp_path), "--sources", str(nowhere)]
    result = CliRunner().invoke(main, ["refresh", "acme", "--no-prefect", *folders])
    assert result.exit_code == 2
    assert f"{nowhere}: no such folder" in result.stderr


@pytest.mark.parametrize("host", ["", "localhost"])
def test_folder_may_be_a_file_address(tmp_path: Path, host: str) -> None:
    store = build_store(tmp_path / "a b%c[d]")
    address = store.curated.as_uri().replace("file://", f"file://{host}")
    assert "%20" in address
    result = CliRunner().invoke(main, ["releases", "--curated", address, "--json"])
    assert [item["release"] for item in json.loads(result.stdout)] == [SECOND, FIRST]


@pytest.mark.parametrize("address", ["s3://bucket/curated", "https://a.example/x", "gs:bucket"])
@pytest.mark.parametrize("option", ["--raw", "--curated", "--sources"])
def test_address_of_another_scheme_is_a_usage_error(option: str, address: str) -> None:
    for words in ([option, address, "releases"], ["releases", option, address]):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 2
        assert repr(address) in result.stderr
        assert "only folders are supported now" in result.stderr


@pytest.mark.parametrize(
    "address", ["file://far.example/x", "file:x", "file:///a%00b", "file://[x", "file:///a?b", ""]
)
def test_file_address_of_no_folder_here_is_a_usage_error(address: str) -> None:
    result = CliRunner().invoke(main, ["releases", "--curated", address])
    assert result.exit_code == 2
    assert "file://" in result.stderr


def test_address_in_the_environment_is_checked_too() -> None:
    environment = {"PRECERT_CURATED": "s3://bucket"}
    result = CliRunner().invoke(main, ["releases"], env=environment)
    assert result.exit_code == 2
    assert "only folders are supported now" in result.stderr


def test_columns_are_aligned_and_numbers_to_the_right() -> None:
    table = aligned(("name", "rows"), [("a", 7), ("bcd\te", 1200)], right=("rows",))
    assert table == "name   rows\n-----  ----\na         7\nbcd e  1200"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [("CPT® – a", "CPT® – a"), ("a\n  b", "a b"), ("\x1b[1m\u200b", "\\x1b[1m\\u200b"), (None, "")],
)
def test_one_line_spells_out_what_cannot_be_seen(printed: str | None, shown: str) -> None:
    assert one_line(printed) == shown
