"""The XLSX export, read back with another library and as XML."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from flows.export import spreadsheet
from flows.export.selection import select
from flows.export.spreadsheet import FOR_PEOPLE, LONG_TEXTS, export_xlsx
from flows.settings import Settings
from flows.spreadsheet_text import neutral
from schemas.statuses import STATUSES
from schemas.tables import TABLES
from tests.hostile_release import FORBIDDEN, LONG, MARKUP, TEXTS, WIDE, write_hostile
from tests.release_fixture import SECOND, SECOND_MADE, Store, build_store, rule, write_release
from tests.test_export import as_cell, published, release_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


def sheet(path: Path, name: str) -> list[dict[str, Any]]:
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python()
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def xml_of(path: Path, name: str) -> str:
    """The XML of a sheet by its name."""
    with zipfile.ZipFile(path) as workbook:
        number = CalamineWorkbook.from_path(path).sheet_names.index(name) + 1
        return workbook.read(f"xl/worksheets/sheet{number}.xml").decode()


def all_xml(path: Path) -> str:
    with zipfile.ZipFile(path) as workbook:
        return "".join(
            workbook.read(name).decode() for name in workbook.namelist() if "worksheets/" in name
        )


def test_workbook_of_the_shipped_publications_has_every_cell_of_the_parquet(
    released: Settings, tmp_path: Path
) -> None:
    release = release_of(released.curated)
    out = tmp_path / "out.xlsx"
    written, remarks = export_xlsx(select(release, default=FOR_PEOPLE), out)
    assert written["prior_authorization"] == 643
    assert remarks == []
    for table in written:
        fields = [field for field in TABLES[table] if field.kind not in ("date", "instant")]
        rows = [
            {field.name: _cell(row[field.name]) for field in fields} for row in sheet(out, table)
        ]
        assert rows == [
            {field.name: as_cell(field, row[field.name]) for field in fields}
            for row in published(release, table)
        ], table
    assert "<f" not in re.sub(r"<(filter|formatCode|fill)", "", all_xml(out))


def _cell(value: Any) -> str:
    """A cell as calamine gives it, as the text that a CSV has for it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def test_codes_that_look_like_numbers_stay_text(store: Store, tmp_path: Path) -> None:
    write_hostile(store)
    out = tmp_path / "out.xlsx"
    export_xlsx(select(release_of(store.curated), default=FOR_PEOPLE), out)
    rows = sheet(out, "prior_authorization")
    assert rows[-1]["code"] == "00100"
    assert {"00100", "1E5", "0240", "TRUE"} <= {row["notes"] for row in rows}
    xml = xml_of(out, "prior_authorization")
    for text in ("00100", "1E5", "0240", "TRUE"):
        assert re.search(rf'<c r="\w+" s="\d+" t="inlineStr"><is><t>{text}</t>', xml)


def test_hostile_texts_are_cells_of_text_and_never_cut_off(store: Store, tmp_path: Path) -> None:
    write_hostile(store)
    out = tmp_path / "out.xlsx"
    _, remarks = export_xlsx(select(release_of(store.curated), default=FOR_PEOPLE), out)
    xml = all_xml(out)
    assert not re.search(r"<f[ >]", xml)
    assert "hyperlink" not in xml
    rows = sheet(out, "prior_authorization")
    for row, text in zip(rows, TEXTS, strict=False):
        if text in (LONG, WIDE):
            assert row["notes"].startswith(text[:1000])
            assert "cut here: " in row["notes"]
            assert LONG_TEXTS in row["notes"]
            assert len(row["notes"].encode("utf-16-le")) // 2 <= spreadsheet.MOST_UNITS
        elif text == FORBIDDEN:
            assert row["notes"] == "not in XML: _xFFFE_ _xFFFF_"
        elif text == MARKUP:
            assert row["notes"] == f"'{MARKUP}"
        else:
            assert row["notes"] == neutral(text), text
    parts = sheet(out, LONG_TEXTS)
    whole: dict[tuple[str, str], str] = {}
    for part in parts:
        key = part["column"], part["row"]
        whole[key] = whole.get(key, "") + part["text"]
    assert sorted(whole.values()) == sorted([LONG, WIDE] * 2)
    where = next(row["notes"] for row in rows if row["notes"].startswith("0123456789"))
    at = int(re.search(r"row (\d+)$", where)[1])  # type: ignore[index]
    assert parts[at - 2]["text"].startswith("0123456789")
    assert parts[at - 2]["part"] == "1"
    assert any(LONG_TEXTS in remark for remark in remarks)


def test_table_of_more_rows_than_a_sheet_goes_on_in_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 5)
    out = tmp_path / "out.xlsx"
    selection = select(release_of(store.curated), ["prior_authorization"])
    written, remarks = export_xlsx(selection, out)
    assert written == {"prior_authorization": 11}
    assert "3 sheets" in remarks[0]
    names = ["prior_authorization", "prior_authorization 2", "prior_authorization 3"]
    keys = [row["row_key"] for name in names for row in sheet(out, name)]
    assert keys == [row["row_key"] for row in published(selection.release, "prior_authorization")]
    assert [len(sheet(out, name)) for name in names] == [4, 4, 3]


def test_dates_are_dates_and_those_before_excel_are_text(store: Store, tmp_path: Path) -> None:
    rules = [
        rule(store, "acme_dme", 5, "E0601", effective_from=date(2024, 8, 12)),
        rule(store, "acme_dme", 6, "E0470", effective_from=date(1899, 12, 31)),
    ]
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, {"prior_authorization": rules})
    out = tmp_path / "out.xlsx"
    export_xlsx(select(release_of(store.curated), ["prior_authorization"]), out)
    new, old = sheet(out, "prior_authorization")
    assert (new["effective_from"], old["effective_from"]) == (date(2024, 8, 12), "1899-12-31")
    assert new["last_seen"] == datetime(2026, 11, 21, 23, 30)  # noqa: DTZ001 (UTC, by the header)


def test_sheets_have_a_header_that_stays_and_a_filter(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out.xlsx"
    export_xlsx(select(release_of(store.curated), default=FOR_PEOPLE), out)
    for name in (*FOR_PEOPLE, "data dictionary"):
        xml = xml_of(out, name)
        assert 'state="frozen"' in xml, name
        assert "<autoFilter ref=" in xml, name


def test_workbook_explains_itself(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out.xlsx"
    export_xlsx(select(release_of(store.curated), default=FOR_PEOPLE), out)
    about = dict(
        row[:2] for row in CalamineWorkbook.from_path(out).get_sheet_by_index(0).to_python()
    )
    assert about["release"] == SECOND
    assert {"not required", "not listed", "not ingested"} <= about.keys()
    for status in STATUSES.values():
        assert status.meaning in about[status.name]
    meanings = {(row["table"], row["column"]): row for row in sheet(out, "data dictionary")}
    for table in FOR_PEOPLE:
        for field in TABLES[table]:
            said = meanings[table, field.name]
            assert said["meaning"] == neutral(field.meaning)
            assert said["may be empty"] == ("no" if field.required else "yes")
    assert "out_of_scope" in meanings["prior_authorization", "pa_status"]["allowed values"]


def test_workbook_of_a_release_has_the_same_bytes_each_time(store: Store, tmp_path: Path) -> None:
    selection = select(release_of(store.curated), default=FOR_PEOPLE)
    export_xlsx(selection, tmp_path / "one.xlsx")
    export_xlsx(selection, tmp_path / "two.xlsx")
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
