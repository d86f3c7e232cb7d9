"""How tables lie in Parquet: what every reader finds in the file, and that equal rows make equal
bytes. The rules are made here, in the shape of the declared table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.publishing.table_files import EmptyValueError, Layout, write_rows
from flows.releases import latest
from flows.settings import Settings
from schemas.fields import arrow_schema
from schemas.provenance import digest
from schemas.tables import PRIOR_AUTHORIZATION, TABLES
from schemas.version import SCHEMA_VERSION

SCHEMA = arrow_schema(PRIOR_AUTHORIZATION)
CONDITION = {"type": "other", "operator": None, "value": None, "unit": None, "raw": "ask"}


def rules(count: int, first: int = 0) -> pa.Table:
    """Rules in the table's order, one a code, with values of every type and empty ones."""
    return pa.Table.from_pylist([rule(first + number) for number in range(count)], schema=SCHEMA)


def rule(number: int) -> dict[str, Any]:
    odd = bool(number % 2)
    return {
        **dict.fromkeys(SCHEMA.names),
        "row_key": digest(["rule", str(number)]),
        "row_hash": digest(["content", str(number)]),
        "payer": "acme",
        "payer_name": "Acme Health",
        "line_of_business": "commercial",
        "code_system": "HCPCS",
        "code": f"A{number:04}",
        "code_raw": f"A{number:04}",
        "modifiers": ["RR", "NU"] if odd else None,
        "pa_status": "required",
        "pa_raw": "Yes",
        "conditions": [CONDITION] if odd else None,
        "effective_from": date(2026, 1, 1) if odd else None,
        "effective_basis": "none",
        "date_semantics": "unknown",
        "code_active": odd,
        "first_seen": datetime(2026, 11, 1, 6, tzinfo=UTC),
        "source": "acme_dme",
        "document": "list",
        "sha256": "a" * 64,
        "page": 1,
        "line": number + 1,
        "raw_text": f"A{number:04} Yes",
        "bbox": [1.0, 2.0, 3.0, 4.5] if odd else None,
    }


def in_batches(rows: pa.Table, sizes: list[int]) -> Iterator[pa.Table]:
    """The rows, so many at a time, then the rest."""
    start = 0
    for size in sizes:
        yield rows.slice(start, size)
        start += size
    yield rows.slice(start)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 1,000 rules in groups of 300."""
    path = tmp_path_factory.mktemp("files") / "prior_authorization.parquet"
    write_rows(PRIOR_AUTHORIZATION, [rules(1000)], path, Layout(row_group=300))
    return path


def test_file_has_the_rows_in_their_order(path: Path) -> None:
    assert pq.read_table(path).equals(rules(1000))
    metadata = pq.read_metadata(path)
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert sizes == [300, 300, 300, 100]


@given(st.lists(st.integers(0, 40), max_size=12))
def test_bytes_do_not_depend_on_the_batches(sizes: list[int]) -> None:
    rows = rules(100)
    with tempfile.TemporaryDirectory() as aside:
        one, other = Path(aside, "one.parquet"), Path(aside, "other.parquet")
        layout = Layout(row_group=30)
        assert write_rows(PRIOR_AUTHORIZATION, [rows], one, layout) == 100
        batches = in_batches(rows, sizes)
        assert write_rows(PRIOR_AUTHORIZATION, batches, other, layout) == 100
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_table_without_rows_has_its_columns(tmp_path: Path, table: Any) -> None:
    path = tmp_path / "empty.parquet"
    assert write_rows(table, [], path) == 0
    assert pq.read_table(path).schema == arrow_schema(table)
    assert write_rows(table, [arrow_schema(table).empty_table()], tmp_path / "batch.parquet") == 0
    assert path.read_bytes() == (tmp_path / "batch.parquet").read_bytes()
    assert path.stat().st_size < 30_000


def test_column_that_must_not_be_empty_is_named(tmp_path: Path) -> None:
    rows = [rule(0), {**rule(1), "payer": None}]
    batch = pa.Table.from_pylist(rows, schema=pa.schema([f.with_nullable(True) for f in SCHEMA]))
    with pytest.raises(EmptyValueError, match=r"prior_authorization\.payer: 1 rows"):
        write_rows(PRIOR_AUTHORIZATION, [batch], tmp_path / "rules.parquet")


def test_file_says_what_it_and_its_columns_are(path: Path) -> None:
    schema = pq.read_schema(path)
    assert schema.metadata[b"schema_version"].decode() == SCHEMA_VERSION
    assert schema.metadata[b"table"] == b"prior_authorization"
    assert schema.metadata[b"description"].decode().startswith("One row is one rule")
    for field in PRIOR_AUTHORIZATION:
        assert schema.field(field.name).metadata[b"description"].decode() == field.meaning
        assert schema.field(field.name).nullable is not field.required


def test_version_is_read_without_arrow(path: Path) -> None:
    query = "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE key = 'schema_version'::BLOB"
    assert duckdb.connect().execute(query, [str(path)]).fetchone() == (SCHEMA_VERSION,)


def test_every_file_of_a_release_is_described(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    for table in TABLES.values():
        schema = pq.read_schema(release.folder / f"{table.name}.parquet")
        assert schema.metadata[b"schema_version"].decode() == SCHEMA_VERSION
        said = {field.name: field.metadata[b"description"].decode() for field in schema}
        assert said == {field.name: field.meaning for field in table}


def test_every_reader_reads_the_same(path: Path) -> None:
    rows = rules(1000)
    assert duckdb.connect().read_parquet(str(path)).to_arrow_table().to_pylist() == rows.to_pylist()
    frame = pl.read_parquet(path)
    assert frame.columns == rows.column_names
    assert frame.filter(code="A0501").to_dicts() == [rule(501)]
    pandas = pd.read_parquet(path)
    assert list(pandas.columns) == rows.column_names
    assert pandas.loc[501, "code"] == "A0501"
    assert list(pandas.loc[501, "modifiers"]) == ["RR", "NU"]
    assert pandas.loc[501, "effective_from"] == date(2026, 1, 1)
    assert pandas["code_end"].isna().all()


def test_values_are_compressed_and_equal_texts_kept_once(path: Path) -> None:
    group = pq.read_metadata(path).row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    alike = {name for name, column in columns.items() if "RLE_DICTIONARY" in column.encodings}
    assert {"payer", "code", "pa_status", "reviewer", "modifiers.list.element"} <= alike
    assert "conditions.list.element.raw" in alike
    assert not alike & {"row_key", "row_hash", "raw_text", "description"}


def test_groups_have_the_least_and_greatest_of_what_is_filtered_by(path: Path) -> None:
    metadata = pq.read_metadata(path)
    place = SCHEMA.names.index("code")
    found = [metadata.row_group(n).column(place) for n in range(metadata.num_row_groups)]
    assert [(c.statistics.min, c.statistics.max) for c in found][1] == ("A0300", "A0599")
    for name in ("row_key", "row_hash", "payer_name"):
        assert metadata.row_group(0).column(SCHEMA.names.index(name)).statistics is None
    order = metadata.row_group(0).sorting_columns
    names = [metadata.schema.column(one.column_index).path for one in order]
    assert tuple(names) == PRIOR_AUTHORIZATION.sort_by
    assert not any(one.descending for one in order)


def test_row_key_is_found_by_its_filter_alone(path: Path) -> None:
    query = "SELECT bloom_filter_excludes FROM parquet_bloom_probe(?, 'row_key', ?)"
    there = duckdb.connect().execute(query, [str(path), digest(["rule", "501"])]).fetchall()
    assert [excluded for (excluded,) in there].count(False) >= 1
    assert there[1] == (False,)
    absent = [
        excluded
        for number in range(5000, 5050)
        for (excluded,) in duckdb.execute(
            query, [str(path), digest(["rule", f"{number}"])]
        ).fetchall()
    ]
    assert absent.count(True) > 0.8 * len(absent)


def test_sorted_rows_are_as_the_file_says(released: Settings) -> None:
    release = latest(released.curated)
    assert release is not None
    for table in TABLES.values():
        rows = pq.read_table(release.folder / f"{table.name}.parquet")
        keys = [
            tuple((value is not None, value) for value in row.values())
            for row in rows.select(table.sort_by).to_pylist()
        ]
        assert keys == sorted(keys), table.name
