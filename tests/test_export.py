"""`precert export`: what every format has in common, how it is put in place, and CSV."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from frictionless import Package, system
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from flows.cli import main
from flows.export import csv_files
from flows.export.csv_files import export_csv
from flows.export.place import placed_file, placed_folder
from flows.export.selection import ExportError, Selection, select
from flows.releases import Release, latest
from flows.settings import Settings
from flows.spreadsheet_text import neutral
from schemas.fields import Field
from schemas.tables import TABLES
from tests.conftest import ROOT
from tests.hostile_release import FORMULAS, write_hostile
from tests.release_fixture import FIRST, SECOND, Store, build_store, rule, write_release

FORMATS = {"csv": "out", "xlsx": "out.xlsx", "duckdb": "out.duckdb", "fhir": "out"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


def run(store: Store, *words: object) -> Result:
    return CliRunner().invoke(main, [*store.options, "export", *map(str, words)])


def release_of(curated: Path) -> Release:
    found = latest(curated)
    assert found is not None
    return found


def published(release: Release, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(release.folder / f"{table}.parquet").to_pylist()
    return rows


def read_csv(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 20)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def as_cell(field: Field, value: Any) -> str:
    """What a cell of a CSV should hold, said once more and by other means."""
    if value is None:
        return ""
    if field.kind == "instant":
        at = value.astimezone(UTC).replace(tzinfo=None).isoformat()
        return at.rstrip("0") + "Z" if "." in at else at + "Z"
    if field.kind == "boolean":
        return str(value).lower()
    if field.kind == "strings":
        items = (item.replace("\\", "\\\\").replace(";", "\\;") for item in value)
        return neutral("; ".join(items))
    if field.kind in ("numbers", "conditions", "cells"):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return neutral(value) if field.kind == "string" else str(value)


def expected(release: Release, table: str) -> list[dict[str, str]]:
    fields = TABLES[table]
    rows = published(release, table)
    return [{field.name: as_cell(field, row[field.name]) for field in fields} for row in rows]


def what_is_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_csv_of_the_shipped_publications_has_every_cell_of_the_parquet(
    released: Settings, tmp_path: Path
) -> None:
    release = release_of(released.curated)
    written = export_csv(select(release), tmp_path / "out")
    assert written["prior_authorization"] == 643
    for table in written:
        assert read_csv(tmp_path / "out" / f"{table}.csv") == expected(release, table), table


def test_csv_keeps_hostile_texts_and_marks_formulas(store: Store, tmp_path: Path) -> None:
    write_hostile(store)
    release = release_of(store.curated)
    export_csv(select(release), tmp_path / "out")
    rows = read_csv(tmp_path / "out" / "prior_authorization.csv")
    assert rows == expected(release, "prior_authorization")
    assert [row["notes"] for row in rows[: len(FORMULAS)]] == [f"'{text}" for text in FORMULAS]
    (lists,) = read_csv(tmp_path / "out" / "documents.csv")
    assert lists["problems"] == r"a\; b; back\\slash; ; =1"
    assert lists["title"] == "'=cmd|' /C calc'!A0"


def test_csv_tables_are_valid_by_their_own_data_package(store: Store, tmp_path: Path) -> None:
    export_csv(select(release_of(store.curated)), tmp_path / "out")
    with system.use_context(trusted=True):
        report = Package(str(tmp_path / "out" / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "message"])
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text())
    (rules,) = [r for r in package["resources"] if r["name"] == "prior_authorization"]
    types = {field["name"]: field["type"] for field in rules["schema"]["fields"]}
    assert (types["code"], types["effective_from"]) == ("string", "date")
    page = (tmp_path / "out" / "data-dictionary.md").read_text()
    assert "not listed" in page
    assert "is held and no version of it is published" in page
    assert "| `code_end` |" in page


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_neutral_column_is_each_text_neutral(texts: list[str]) -> None:
    column = pa.array([*texts, None], pa.string())
    assert csv_files._neutral(column).to_pylist() == [*map(neutral, texts), None]


@pytest.mark.parametrize(("form", "name"), FORMATS.items())
def test_export_is_there_whole_and_alone(
    store: Store, tmp_path: Path, form: str, name: str
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    result = run(store, form, place / name)
    assert result.exit_code == 0, result.output
    assert SECOND in result.stdout
    assert what_is_in(place) == [name]


@pytest.mark.parametrize(("form", "name"), FORMATS.items())
def test_export_never_overwrites_unless_forced(
    store: Store, tmp_path: Path, form: str, name: str
) -> None:
    out = tmp_path / "place" / name
    out.parent.mkdir()
    assert run(store, form, out, "--release", FIRST).exit_code == 0
    before = {path: path.read_bytes() for path in [out, *out.rglob("*")] if path.is_file()}
    refused = run(store, form, out)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "--force" in refused.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert run(store, form, out, "--force").exit_code == 0
    after = {path: path.read_bytes() for path in [out, *out.rglob("*")] if path.is_file()}
    assert after != before
    assert what_is_in(out.parent) == [name]


@pytest.mark.parametrize(("form", "name"), FORMATS.items())
def test_damaged_table_is_not_exported_and_nothing_is_left(
    store: Store, tmp_path: Path, form: str, name: str
) -> None:
    path = store.curated / "releases" / SECOND / "prior_authorization.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    place = tmp_path / "place"
    place.mkdir()
    result = run(store, form, place / name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "precert releases verify" in result.stderr
    assert what_is_in(place) == []


@pytest.mark.parametrize(("form", "name"), FORMATS.items())
def test_export_that_fails_with_force_leaves_the_one_before(
    store: Store, tmp_path: Path, form: str, name: str
) -> None:
    out = tmp_path / "place" / name
    out.parent.mkdir()
    assert run(store, form, out).exit_code == 0
    before = {path: path.read_bytes() for path in [out, *out.rglob("*")] if path.is_file()}
    (store.curated / "releases" / SECOND / "prior_authorization.parquet").unlink()
    assert run(store, form, out, "--force").exit_code == 1
    assert {path: path.read_bytes() for path in before} == before
    assert what_is_in(out.parent) == [name]


def test_folder_with_something_of_someone_else_is_never_replaced(
    store: Store, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    result = run(store, "csv", out, "--force")
    assert result.exit_code == 1
    assert "thesis.txt" in result.stderr
    assert (out / "thesis.txt").read_text() == "years of work"
    (out / "thesis.txt").rename(tmp_path / "thesis.txt")
    assert run(store, "csv", out).exit_code == 0
    (tmp_path / "thesis.txt").rename(out / "thesis.txt")
    assert run(store, "csv", out, "--force").exit_code == 1
    assert (out / "thesis.txt").read_text() == "years of work"


def someone_elses(path: Path, kind: str) -> bytes:
    """Writes a file of another program; its bytes."""
    if kind == "text":
        path.write_text("years of work")
    elif kind == "workbook":
        workbook = Workbook(str(path))
        workbook.set_properties({"title": "Thesis"})
        workbook.add_worksheet("mine")
        workbook.close()
    elif kind == "database":
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE mine AS SELECT 1 AS one")
    elif kind == "empty":
        path.touch()
    return path.read_bytes()


@pytest.mark.parametrize("form", ["xlsx", "duckdb"])
@pytest.mark.parametrize("kind", ["text", "workbook", "database", "empty"])
def test_file_of_someone_else_is_never_replaced(
    store: Store, tmp_path: Path, form: str, kind: str
) -> None:
    out = tmp_path / "place" / "mine"
    out.parent.mkdir()
    before = someone_elses(out, kind)
    result = run(store, form, out, "--force")
    assert result.exit_code == 1
    assert "no file that an export of this format wrote" in result.stderr
    assert out.read_bytes() == before
    assert what_is_in(out.parent) == ["mine"]


def test_interrupted_export_leaves_nothing(tmp_path: Path) -> None:
    def half_a_file() -> None:
        with placed_file(tmp_path / "a.xlsx", lambda _: False) as path:
            path.write_text("half")
            raise KeyboardInterrupt

    def half_a_folder() -> None:
        with placed_folder(tmp_path / "a") as folder:
            (folder / "b.csv").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_a_file()
    with pytest.raises(KeyboardInterrupt):
        half_a_folder()
    assert what_is_in(tmp_path) == []


def test_what_came_while_the_export_ran_is_kept(tmp_path: Path) -> None:
    def write_late() -> None:
        with placed_file(tmp_path / "a", lambda _: False) as path:
            path.write_text("ours")
            (tmp_path / "a").write_text("theirs")

    with pytest.raises(ExportError, match="is there already"):
        write_late()
    assert (tmp_path / "a").read_text() == "theirs"
    assert what_is_in(tmp_path) == ["a"]


@pytest.mark.parametrize("where", ["curated/latest.json", "curated/releases/x", "raw", "sources/a"])
def test_export_into_the_stores_is_refused(store: Store, tmp_path: Path, where: str) -> None:
    sources = ["--sources", str(tmp_path / "sources")]
    words = [*store.options, *sources, "export", "duckdb", str(tmp_path / where), "--force"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "which precert keeps" in result.stderr


def test_place_without_a_folder_is_an_error_in_one_sentence(store: Store, tmp_path: Path) -> None:
    result = run(store, "xlsx", tmp_path / "no" / "such.xlsx")
    assert result.exit_code == 1
    assert "does not exist: make it first" in result.stderr


def test_tables_and_payer_limit_what_is_exported(store: Store, tmp_path: Path) -> None:
    words = ("--table", "documents", "--table", "prior_authorization", "--payer", "Acme Health")
    result = run(store, "csv", tmp_path / "out", *words, "--json")
    said = json.loads(result.stdout)
    assert said["written"] == {"prior_authorization": 9, "documents": 2}
    rows = read_csv(tmp_path / "out" / "prior_authorization.csv")
    assert {row["payer"] for row in rows} == {"acme"}


def test_rows_without_a_payer_follow_their_publication(store: Store, tmp_path: Path) -> None:
    release = release_of(store.curated)
    written = export_csv(select(release, payer="acme"), tmp_path / "out")
    assert (written["requirements"], written["quarantine"], written["changes"]) == (1, 1, 2)
    (duty,) = read_csv(tmp_path / "out" / "requirements.csv")
    assert duty["source"] == "acme_bulletin"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--payer", "nobody"), "known are acme, borealis, cobalt, dune"),
        (("--table", "rules"), "it has prior_authorization"),
        (("--release", "000009-ffffffff"), "there is no release 000009-ffffffff"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    store: Store, tmp_path: Path, words: tuple[str, str], said: str
) -> None:
    result = run(store, "csv", tmp_path / "out", *words)
    assert result.exit_code == 1
    assert said in result.stderr


def test_earlier_release_with_fewer_columns_is_exported_as_it_is(
    store: Store, tmp_path: Path
) -> None:
    selection = _rewritten(store, drop="validity")
    export_csv(selection, tmp_path / "out")
    rows = read_csv(tmp_path / "out" / "prior_authorization.csv")
    assert "validity" not in rows[0]
    assert len(rows) == 11


def test_column_that_is_not_declared_stops_the_export(store: Store, tmp_path: Path) -> None:
    selection = _rewritten(store, drop="validity", to="tomorrow")
    with pytest.raises(ExportError, match="'tomorrow'"):
        export_csv(selection, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _rewritten(store: Store, drop: str, to: str | None = None) -> Selection:
    """The latest release with a column of the rules left out or called otherwise."""
    folder = store.curated / "releases" / SECOND
    path = folder / "prior_authorization.parquet"
    rows = pq.read_table(path)
    position = rows.schema.get_field_index(drop)
    names = [to or name if name == drop else name for name in rows.column_names]
    pq.write_table(rows.rename_columns(names) if to else rows.remove_column(position), path)
    manifest = json.loads((folder / "release.json").read_text())
    manifest["files"][path.name]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest["files"][path.name]["bytes"] = path.stat().st_size
    (folder / "release.json").write_text(json.dumps(manifest))
    return select(release_of(store.curated))


def test_csv_says_instants_and_days_the_same_in_every_time_zone(
    store: Store, tmp_path: Path
) -> None:
    seen = datetime(2026, 11, 1, 0, 30, 0, 250_000, tzinfo=UTC)
    odd = rule(store, "acme_dme", 5, "E0601", first_seen=seen, effective_from=date(1, 1, 1))
    write_release(store, "000003-0c0c0c0c", 3, SECOND, seen, {"prior_authorization": [odd]})
    words = [*store.options, "export", "csv", str(tmp_path / "out")]
    program = "import sys; from flows.cli import main; main(sys.argv[1:])"
    subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=os.environ | {"TZ": "America/New_York"},
        capture_output=True,
        check=True,
    )
    (row,) = read_csv(tmp_path / "out" / "prior_authorization.csv")
    assert row["first_seen"] == "2026-11-01T00:30:00.25Z"
    assert row["effective_from"] == "0001-01-01"


def test_help_of_the_command_loads_no_library_of_a_format() -> None:
    program = (
        "import sys; from flows.cli import main\n"
        "main(['export', '--help'], standalone_mode=False)\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"duckdb", "fhir", "numpy", "pandas", "prefect", "pyarrow", "pydantic", "xlsxwriter"}
    assert not heavy & set(done.stderr.split())
