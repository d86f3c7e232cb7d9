"""Every command and query of docs/cookbook.md, each with the answer that it must give.

They run in a project of two payers: an earlier Cigna list made here from the shipped one, then the
shipped one, each released; and a small list of an invented plan. What the code reference says is
asked of the made-up store of tests/release_fixture.py with two versions of a code added.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result

from flows import journey, store
from flows.cli import main
from tests.conftest import ROOT, copy_of_project, shipped
from tests.kit import KIT
from tests.release_fixture import SECOND, SECOND_MADE, Store, build_store, write_release

PAGE = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
CIGNA = ("cigna_commercial_dme", "prior_authorization_list")
MAY = datetime(2026, 5, 10, 6, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 21, 12, tzinfo=UTC)
INVENTED = (
    b"Code,Description,PA Required,Effective Date\nL1832,Knee orthosis,Yes,\nE0601,Cpap,No,\n"
)
CATALOGUE = "code,sku\nE0466,V-1\nL1832,K-7\nE0601,C-3\nA4253,X-1\n"


def section(question: int) -> str:
    """The part of the page that answers a question; 0 is what comes before the first."""
    return re.split(r"^## \d\. .*$", PAGE, flags=re.MULTILINE)[question]


def blocks(question: int, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(question), re.DOTALL)


def earlier(text: str) -> str:
    """The Cigna list as it might have been in May: one status differs, one code was not on it, and
    one was that is no longer."""
    lines = []
    for line in text.split("\n"):
        if "\tE0483\t" in line:
            lines.append(line.replace("\tE0483\t", "\tE0100\t"))
        elif "\tE0466\t" in line:
            lines.append(line.replace("\tYes\t", "\tOut Of Scope\t"))
        else:
            lines.append(line)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which all but the questions about the code reference have their answer."""
    folder = tmp_path_factory.mktemp("cookbook")
    settings = copy_of_project(folder)
    newest = shipped(*CIGNA).read_bytes()
    shutil.rmtree(settings.raw / CIGNA[0])
    (settings.sources / "hostile.yml").write_text(yaml.safe_dump(KIT), encoding="utf-8")
    store.put(settings.raw, "hostile", "list", INVENTED, came="added", at=MAY)
    before = earlier(newest.decode()).encode()
    store.put(settings.raw, *CIGNA, before, came="added", at=MAY)
    assert journey.run(settings, offline=True, prefect=False) == journey.PUBLISHED
    store.put(settings.raw, *CIGNA, newest, came="added", at=NOVEMBER)
    assert journey.run(settings, offline=True, prefect=False) == journey.PUBLISHED
    (folder / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The made-up store with K0553 in the code reference and on acme's list."""
    made = build_store(tmp_path_factory.mktemp("coded"))
    rules = made.rows["prior_authorization"]
    ended = {
        "code_active": False,
        "code_ended_on": date(2022, 12, 31),
        "code_replaced_by": ["A4239"],
    }
    listed = next(row for row in rules if row["payer"] == "acme" and row["code"] == "E0601")
    rules.append({**listed, "code": "K0553", "code_raw": "K0553", "row_key": "5" * 24, **ended})
    version = {
        "row_hash": "1" * 24,
        "code_system": "HCPCS",
        "code": "K0553",
        "effective_from": date(2017, 7, 1),
        "effective_to": date(2023, 1, 1),
        "action": "add",
        "source": "cms_hcpcs",
        "document": "hcpcs",
        "sha256": "c" * 64,
        "page": 1,
        "line": 1,
        "raw_text": "K0553",
        "source_release": "2022-10",
    }
    last = {
        **version,
        "effective_from": date(2023, 1, 1),
        "effective_to": None,
        "terminated_on": date(2022, 12, 31),
        "action": "discontinue",
        "replaced_by": ["A4239"],
        "source_release": "2025-10",
    }
    made.rows["codes"] = [{**version, "row_key": "2" * 24}, {**last, "row_key": "3" * 24}]
    shutil.rmtree(made.curated / "releases" / SECOND)
    write_release(made, SECOND, 2, None, SECOND_MADE, made.rows)
    return made


@pytest.fixture
def session(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in the project's folder after the statements that begin a session."""
    monkeypatch.chdir(folder)
    with duckdb.connect() as connection:
        connection.execute(blocks(0, "sql")[0])
        yield connection


def answers(connection: duckdb.DuckDBPyConnection, question: int, nth: int = 0) -> list[Any]:
    """The rows that a query of the page gives, each by column."""
    return connection.sql(blocks(question, "sql")[nth]).to_arrow_table().to_pylist()


def command(question: int, *options: str) -> Result:
    """What the command of a question says."""
    (line,) = blocks(question, "console")
    words = shlex.split(line.removeprefix("$ precert "))
    return CliRunner().invoke(main, [*options, *words])


def script(question: int, folder: Path) -> str:
    (code,) = blocks(question, "python")
    run = [sys.executable, "-c", code]
    return subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_page_answers_nine_questions_briefly() -> None:
    assert re.findall(r"^## (\d)\. .*\?$", PAGE, re.MULTILINE) == list("123456789")
    assert len(PAGE.splitlines()) < 300
    tested = {
        (int(question), int(nth))
        for question, nth in re.findall(
            r"answers\(session, (\d), (\d)\)", Path(__file__).read_text(encoding="utf-8")
        )
    }
    here = {(q, n) for q in range(1, 10) for n in range(len(blocks(q, "sql")))}
    assert here - tested == {(4, 0)}  # asked of another store


def test_status_on_a_day_as_known_then(session: duckdb.DuckDBPyConnection) -> None:
    said = command(1)
    assert said.exit_code == 0
    assert "OUT OF SCOPE" in said.stdout
    assert "line 169" in said.stdout
    (row,) = answers(session, 1, 0)
    assert row["pa_status"] == "out_of_scope"
    assert (row["source"], row["page"], row["line"]) == (CIGNA[0], 9, 169)
    assert (row["first_seen"], row["known_until"]) == (MAY, NOVEMBER)
    assert "E0466" in row["raw_text"]
    now = CliRunner().invoke(main, ["lookup", "E0466", "--payer", "cigna", "--json"])
    (answer,) = json.loads(now.stdout)
    assert [rule["pa_status"] for rule in answer["rules"]] == ["required"]


def test_rule_that_the_version_of_that_day_leaves_open_is_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_store(tmp_path)
    query = blocks(1, "sql")[0].replace("cigna", "cobalt").replace("E0466", "E0424")
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        connection.execute(blocks(0, "sql")[0])
        whole = connection.sql(query.replace("2026-06-16", "2026-10-20")).fetchall()
        cut = connection.sql(query.replace("2026-06-16", "2026-10-31")).fetchall()
    assert [row[0] for row in whole] == ["required"]
    assert cut == []


def test_list_of_that_day_was_read_whole(session: duckdb.DuckDBPyConnection) -> None:
    (row,) = answers(session, 1, 1)
    assert (row["source"], row["outcome"], row["is_whole"]) == (CIGNA[0], "accepted", True)
    assert row["first_seen"] == MAY


def test_changes_of_the_payer(session: duckdb.DuckDBPyConnection) -> None:
    said = command(2)
    assert said.exit_code == 0
    assert "out_of_scope -> required" in said.stdout
    assert [
        (row["op"], row["code"], row["was"], row["now_is"]) for row in answers(session, 2, 0)
    ] == [
        ("remove", "E0100", "required", None),
        ("modify", "E0466", "out_of_scope", "required"),
        ("add", "E0483", None, "required"),
    ]


def test_changes_of_several_releases_are_those_of_the_chain(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / "curated", tmp_path / "curated")
    releases = tmp_path / "curated" / "releases"
    _, second = sorted(path.name for path in releases.iterdir() if path.name[0] != ".")
    third, aside = "000003-0c0c0c0c", "000004-0d0d0d0d"
    # The latest, one that was rolled back, and one that is being made.
    for folder_name, name in ((third, third), (aside, aside), (".staging", "000005-0e0e0e0e")):
        shutil.copytree(releases / second, releases / folder_name)
        said = json.loads((releases / second / "release.json").read_text())
        said |= {"release": name, "sequence": int(name[:6]), "previous": second}
        (releases / folder_name / "release.json").write_text(json.dumps(said))
    pointer = json.dumps({"release": third, "sequence": 3})
    (tmp_path / "curated" / "latest.json").write_text(pointer)
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as session:
        session.execute(blocks(0, "sql")[0])
        found = answers(session, 2, 1)
    # The first release has nothing that differs from one before it.
    assert {row["release"] for row in found} == {second, third}
    for name in (second, third):
        counts = {(r["cause"], r["op"]): r["changed"] for r in found if r["release"] == name}
        assert counts["publication", "modify"] == 1
        rows = duckdb.sql(f"FROM '{releases / name}/changes.parquet'").shape[0]
        assert sum(counts.values()) == rows


def test_codes_by_reviewer(folder: Path) -> None:
    lines = [line.split() for line in script(3, folder).splitlines()]
    (cigna,) = [line for line in lines if line[0] == "cigna"]
    assert cigna[1:3] == ["commercial", "eviCore"]
    (invented,) = [line for line in lines if line[0] == "invented"]
    assert invented[2:] == ["NaN", "NaN", "1"]


def test_reviewer_that_is_printed_and_not_known_is_told_apart_from_none(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    rules = store.rows["prior_authorization"]
    printed, none = (
        {**row, "reviewer": None, "reviewer_raw": raw}
        for row, raw in zip(rules, ("SomeCo", None), strict=False)
    )
    none = {**none, "pa_status": "required"}
    shutil.rmtree(store.curated / "releases" / SECOND)
    tables = {**store.rows, "prior_authorization": [printed, none]}
    write_release(store, SECOND, 2, None, SECOND_MADE, tables)
    lines = [line.split()[-3:] for line in script(3, tmp_path).splitlines()[-2:]]
    assert sorted(lines) == [["NaN", "NaN", "1"], ["NaN", "SomeCo", "1"]]


def test_code_that_ended_names_its_replacement(
    coded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = command(4, *coded.options)
    assert said.exit_code == 4  # other payers' lists are not there
    assert "A4239" in said.stdout
    assert "2022-12-31" in said.stdout
    monkeypatch.chdir(coded.curated.parent)
    with duckdb.connect() as connection:
        connection.execute(blocks(0, "sql")[0])
        (row,) = answers(connection, 4)
        (before,) = (
            connection.sql(blocks(4, "sql")[0].replace("2026-06-01", "2022-06-01"))
            .to_arrow_table()
            .to_pylist()
        )
    assert (row["valid"], row["replaced_by"]) == (False, ["A4239"])
    assert (before["valid"], before["action"]) == (True, "add")


def test_duty_of_a_product(session: duckdb.DuckDBPyConnection) -> None:
    said = command(5)
    assert "CODING VERIFICATION from 2024-06-01" in said.stdout
    assert "NOT LISTED" in said.stdout
    (duty,) = answers(session, 5, 0)
    assert (duty["authority"], duty["effective_from"]) == ("PDAC", date(2024, 6, 1))
    assert duty["date_semantics"] == "dos"
    (product,) = answers(session, 5, 1)
    assert product["source"] == "pdac_k1007"


def test_place_leads_to_the_snapshot(session: duckdb.DuckDBPyConnection) -> None:
    (row,) = answers(session, 6, 0)
    (path,) = (path for path in Path("raw").rglob("*.txt") if str(path).startswith(row["snapshot"]))
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[row["line"] - 1].split() == row["raw_text"].split()
    shown = CliRunner().invoke(main, ["show", row["row_key"]])
    assert shown.exit_code == 0
    assert "E0466" in shown.stdout
    (same,) = answers(session, 6, 1)
    assert (same["payer"], same["code"], same["pa_status"]) == ("cigna", "E0466", "required")


def test_disagreements_about_a_code(session: duckdb.DuckDBPyConnection) -> None:
    found = answers(session, 7, 0)
    assert found[0]["strength"] == "opposite"
    assert {row["kind"] for row in found} >= {"claim", "payers_differ"}
    (differ,) = [row for row in found if row["kind"] == "payers_differ"]
    assert {differ["left_source"], differ["right_source"]} == {CIGNA[0], "hostile"}
    assert answers(session, 7, 1) == [
        {"code": "E0601", "cigna": "out_of_scope", "invented": "not_required"},
        {"code": "L1832", "cigna": "out_of_scope", "invented": "required"},
    ]


def test_catalogue_is_answered_code_by_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    said = command(8)
    assert said.exit_code == 0
    found = {row["code"]: row for row in csv.DictReader(io.StringIO(said.stdout))}
    assert {code: (row["answer"], row["pa_status"]) for code, row in found.items()} == {
        "E0466": ("listed", "required"),
        "L1832": ("listed", "out_of_scope"),
        "E0601": ("listed", "out_of_scope"),
        "A4253": ("not_listed", ""),
    }
    changed = script(8, folder)
    assert "V-1" in changed
    assert "modify" in changed
    assert "K-7" not in changed


def test_age_of_a_list(session: duckdb.DuckDBPyConnection) -> None:
    (row,) = answers(session, 9, 0)
    assert (row["source"], row["status"]) == (CIGNA[0], "current")
    assert row["retrieved_at"] == NOVEMBER
    assert row["newest_code_added_on"] is None


def test_commands_and_links_of_the_page_exist() -> None:
    from flows.cli import COMMANDS

    named = set(re.findall(r"precert (\w+)", PAGE))
    assert named <= set(COMMANDS), named - set(COMMANDS)
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
