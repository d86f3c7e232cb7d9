"""The DuckDB export: its rows, what it says of itself, and the views that answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from flows.cli import main
from flows.export.database import export_duckdb
from flows.export.selection import select
from flows.settings import Settings
from schemas.tables import PRIOR_AUTHORIZATION_HISTORY, TABLES
from tests.hostile_release import write_hostile
from tests.release_fixture import SECOND, SECOND_MADE, Store, build_store, write_release
from tests.test_export import published, release_of

PLACE = {"source", "document", "sha256", "url", "page", "line", "raw_text"}
SEEN = datetime(2026, 1, 10, 22, 0, tzinfo=UTC)
GONE = datetime(2026, 2, 1, 23, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_store(tmp_path)


@contextmanager
def opened(path: Path, zone: str = "UTC") -> Iterator[duckdb.DuckDBPyConnection]:
    """The file as a reader opens it, with nothing of ours."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def exported(store: Store, tmp_path: Path) -> Path:
    out = tmp_path / "out.duckdb"
    export_duckdb(select(release_of(store.curated)), out)
    return out


def with_history(store: Store) -> list[dict[str, Any]]:
    """A third release in which E0601 was required, then absent, and E0470 is known on."""
    known = {
        "first_seen": SEEN,
        "last_seen": SEEN,
        "reappeared": False,
        "known_until": None,
        "end_basis": None,
        "unseen_in": None,
    }
    ended = {"known_until": GONE, "end_basis": "absent_from_list"}
    rules = store.rows["prior_authorization"]
    versions = [rules[0] | known | ended, rules[1] | known, rules[6] | known]
    versions = [row | {"last_sha256": row["sha256"]} for row in versions]
    history = [
        {name: row.get(name) for name in PRIOR_AUTHORIZATION_HISTORY.names} for row in versions
    ]
    tables = {**store.rows, "prior_authorization_history": history}
    write_release(store, "000003-0c0c0c0c", 3, SECOND, SECOND_MADE, tables)
    return history


def test_file_has_every_row_of_the_parquet_in_its_order(released: Settings, tmp_path: Path) -> None:
    release = release_of(released.curated)
    out = tmp_path / "out.duckdb"
    written = export_duckdb(select(release), out)
    with opened(out) as connection:
        for table, number in written.items():
            path = release.folder / f"{table}.parquet"
            parquet = duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table()
            copy = connection.sql(f'FROM "{table}"').to_arrow_table()
            assert copy.num_rows == number
            assert copy.to_pylist() == parquet.to_pylist(), table


def test_hostile_texts_are_those_of_the_parquet(store: Store, tmp_path: Path) -> None:
    write_hostile(store)
    out = exported(store, tmp_path)
    with opened(out) as connection:
        notes = [row["notes"] for row in rows(connection, "FROM prior_authorization")]
    assert notes == [
        row["notes"] for row in published(release_of(store.curated), "prior_authorization")
    ]


def test_every_table_column_view_and_macro_says_what_it_is(store: Store, tmp_path: Path) -> None:
    with opened(exported(store, tmp_path)) as connection:
        columns = {
            (row["table_name"], row["column_name"]): row["comment"]
            for row in rows(connection, "FROM duckdb_columns() WHERE NOT internal")
        }
        others = rows(
            connection,
            "SELECT table_name AS name, comment FROM duckdb_tables() UNION ALL "
            "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal UNION ALL "
            "SELECT function_name, comment FROM duckdb_functions() "
            "WHERE NOT internal AND function_type = 'table_macro'",
        )
    for table in TABLES.values():
        for field in table:
            assert columns[table.name, field.name].startswith(field.meaning)
    assert {row["name"] for row in others} >= {
        *TABLES, "rules_today", "rules_on", "rules_as_known", "rules_on_as_known", "pa_changes",
        "disagreements", "unpublished", "lists", "about", "statuses", "rules_left_open",
    }  # fmt: skip
    assert all(row["comment"] for row in others)


def test_views_show_the_printed_place(store: Store, tmp_path: Path) -> None:
    day = "DATE '2026-01-15'"
    with opened(exported(store, tmp_path)) as connection:
        for view in (
            "rules_today",
            f"rules_on({day})",
            f"rules_as_known({day})",
            f"rules_on_as_known({day}, {day})",
            f"rules_left_open({day})",
            "pa_changes",
            "unpublished",
        ):
            names = {row["column_name"] for row in rows(connection, f"DESCRIBE FROM {view}")}
            assert names >= PLACE, view
        names = {row["column_name"] for row in rows(connection, "DESCRIBE FROM disagreements")}
        sides = {f"{side}_{name}" for side in ("left", "right") for name in PLACE - {"raw_text"}}
        assert names >= sides


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        ("2024-08-11", {"L1833"}),
        ("2024-08-12", {"L0648"}),
    ],
)
def test_rules_on_a_day_are_those_whose_half_open_period_has_it(
    store: Store, tmp_path: Path, day: str, codes: set[str]
) -> None:
    with opened(exported(store, tmp_path)) as connection:
        found = rows(connection, f"FROM rules_on(DATE '{day}')")
    dated = {"L0648", "L1833"}
    assert {row["code"] for row in found} & dated == codes
    assert len(found) == 10


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("day", "codes"),
    [
        (SEEN.date() - timedelta(days=1), set()),
        (SEEN.date(), {"E0601", "E0470", "L0648"}),
        (GONE.date() - timedelta(days=1), {"E0601", "E0470", "L0648"}),
        (GONE.date(), {"E0470", "L0648"}),
    ],
)
def test_rules_as_known_are_those_known_at_the_end_of_that_day_in_utc(
    store: Store, tmp_path: Path, zone: str, day: date, codes: set[str]
) -> None:
    with_history(store)
    with opened(exported(store, tmp_path), zone) as connection:
        found = rows(connection, f"FROM rules_as_known(DATE '{day}')")
        assert {row["code"] for row in found} == codes
        early = rows(connection, f"FROM rules_on_as_known(DATE '2024-08-11', DATE '{day}')")
        assert {row["code"] for row in early} == codes - {"L0648"}


def test_changes_show_what_the_status_was_and_is(store: Store, tmp_path: Path) -> None:
    with opened(exported(store, tmp_path)) as connection:
        found = rows(connection, "FROM pa_changes WHERE op = 'modify'")
    (change,) = found
    assert (change["pa_status_before"], change["pa_status_after"]) == ("required", "not_required")
    assert (change["source"], change["line"]) == ("acme_dme", 8)


def test_change_of_a_rule_that_went_shows_where_it_was_printed(
    store: Store, tmp_path: Path
) -> None:
    gone, *_ = with_history(store)
    change = {
        "op": "remove",
        "cause": "publication",
        "table": "prior_authorization",
        "row_key": gone["row_key"],
        "payer": "acme",
        "code": "E0601",
        "before": '{"pa_status": "required"}',
        "materiality": "high",
    }
    history = [gone]
    tables = {"changes": [change], "prior_authorization_history": history}
    write_release(store, "000004-0d0d0d0d", 4, "000003-0c0c0c0c", SECOND_MADE, tables)
    with opened(exported(store, tmp_path)) as connection:
        (found,) = rows(connection, "FROM pa_changes")
    assert (found["op"], found["page"], found["line"]) == ("remove", 1, gone["line"])
    assert found["raw_text"] == gone["raw_text"]


def test_unpublished_names_rows_and_documents_that_do_not_answer(
    store: Store, tmp_path: Path
) -> None:
    with opened(exported(store, tmp_path)) as connection:
        found = rows(connection, "FROM unpublished")
    assert {(row["what"], row["source"]) for row in found} == {
        ("row in quarantine", "acme_dme"),
        ("missing document", "borealis_exchange"),
        ("held document", "borealis_medicaid"),
        ("cut document", "cobalt_dme"),
        ("missing document", "dune_dme"),
    }
    assert {row["payer"] for row in found} == {"acme", "borealis", "cobalt", "dune"}


def test_file_of_chosen_tables_has_only_the_views_that_they_allow(
    store: Store, tmp_path: Path
) -> None:
    out = tmp_path / "out.duckdb"
    export_duckdb(select(release_of(store.curated), ["prior_authorization"]), out)
    with opened(out) as connection:
        views = rows(connection, "FROM duckdb_views() WHERE NOT internal")
        assert {row["view_name"] for row in views} == {"rules_today"}
        (release,) = rows(connection, "SELECT text FROM about WHERE label = 'release'")
    assert release["text"] == SECOND


def test_rule_that_the_version_of_that_day_leaves_open_is_none(
    store: Store, tmp_path: Path
) -> None:
    def told(connection: duckdb.DuckDBPyConnection, source: str) -> list[Any]:
        found = rows(connection, f"FROM {source} WHERE payer = 'cobalt' ORDER BY code")
        return [row["code"] for row in found]

    before, after = "DATE '2026-10-29'", "DATE '2026-10-30'"
    with opened(exported(store, tmp_path)) as connection:
        # Cobalt's list was whole, and has been cut before E0424 since 2026-10-30.
        assert told(connection, f"rules_as_known({before})") == ["E0424", "E0601"]
        assert told(connection, f"rules_left_open({before})") == []
        assert told(connection, f"rules_as_known({after})") == ["E0601"]
        assert told(connection, f"rules_on_as_known({after}, {after})") == ["E0601"]
        assert told(connection, f"rules_left_open({after})") == ["E0424"]
        (comment,) = connection.execute(
            "SELECT comment FROM duckdb_functions() WHERE function_name = 'rules_left_open'"
        ).fetchone() or ("",)
    assert "nothing was known" in comment
    (answer,) = json.loads(
        CliRunner()
        .invoke(
            main,
            [
                *("lookup", "E0424", "--payer", "cobalt", "--as-known", "2026-10-30", "--json"),
                *store.options,
            ],
        )
        .stdout
    )
    assert answer["answer"] == "not_ingested"
