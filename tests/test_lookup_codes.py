"""What a lookup says of the code itself where no list has a rule for it."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from extractors.reference.dated_codes import release_ends
from flows.cli import main
from tests.release_fixture import (
    SECOND,
    SECOND_MADE,
    Store,
    build_store,
    code_version,
    write_release,
)

THIRD = "000003-0c0c0c0c"
ENDED = date(2016, 12, 31)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store with a code reference: one code ended, one not, one said twice, one dropped."""
    store = build_store(tmp_path_factory.mktemp("store"))
    codes = [
        code_version("E0430", ENDED, ["E0431", "E0433"]),
        code_version("E0431"),
        code_version("E0433", date(2020, 1, 1), effective_from=date(2019, 1, 1)),
        code_version("E0433", effective_from=date(2022, 1, 1), added_on=date(2022, 1, 1)),
        code_version("E0434", source_release="2024-10"),
        code_version("K0848", ENDED),
        code_version("L0648", ENDED, ["L0649"]),
        code_version("E2402", added_on=date(2030, 1, 1)),
    ]
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, {**store.rows, "codes": codes})
    return store


def run(store: Store, *words: str) -> Result:
    return CliRunner().invoke(main, [*store.options, "lookup", *words, "--payer", "acme"])


def ask(store: Store, *words: str) -> tuple[Any, ...]:
    (said,) = json.loads(run(store, *words, "--json").stdout)
    return said["code_active"], said["code_ended_on"], said["code_replaced_by"]


def test_code_that_ended_and_is_on_no_list_names_what_replaced_it(store: Store) -> None:
    shown = run(store, "E0430").stdout
    assert "NOT LISTED" in shown
    assert "\n  code  ended on 2016-12-31, replaced by E0431 and E0433\n" in shown
    assert ask(store, "E0430") == (False, "2016-12-31", ["E0431", "E0433"])
    (row,) = csv.DictReader(io.StringIO(run(store, "E0430", "--csv").stdout))
    assert (row["answer"], row["code_active"]) == ("not_listed", "false")
    assert (row["code_ended_on"], row["code_replaced_by"]) == ("2016-12-31", "E0431 E0433")


def test_each_code_of_a_catalogue_has_its_own_state(store: Store) -> None:
    found = csv.DictReader(io.StringIO(run(store, "E0431", "E0430", "E0499", "--csv").stdout))
    assert [(row["code"], row["code_active"], row["code_replaced_by"]) for row in found] == [
        ("E0431", "true", ""),
        ("E0430", "false", "E0431 E0433"),
        ("E0499", "", ""),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["E0431"], (True, None, None)),
        (["E0430", "--on", "2016-12-31"], (True, None, None)),
        (["E0430", "--on", "2017-01-01"], (False, "2016-12-31", ["E0431", "E0433"])),
        (["E0430", "--on", "1980-01-01"], (False, None, None)),
        (["E0433"], (None, None, None)),
        (["E0434"], (None, None, None)),
        (["E0499"], (None, None, None)),
        (["E2402"], (False, None, None)),
    ],
    ids=["valid", "last day", "day after", "too early", "two lives", "dropped", "unknown", "later"],
)
def test_state_is_that_of_the_day_and_untold_where_the_reference_does_not_tell(
    store: Store, words: list[str], said: tuple[Any, ...]
) -> None:
    assert ask(store, *words) == said


def test_code_is_not_called_valid_on_a_day_that_the_reference_does_not_reach(store: Store) -> None:
    (said,) = json.loads(run(store, "E0431", "--on", "2026-06-01", "--json").stdout)
    assert said["code_active_on"] == release_ends("2025-10").isoformat()
    (said,) = json.loads(run(store, "E0431", "--on", "2025-11-01", "--json").stdout)
    assert said["code_active_on"] == "2025-11-01"


def test_rule_tells_the_state_of_its_code_and_the_answer_does_not_repeat_it(store: Store) -> None:
    assert ask(store, "K0848") == (None, None, None)


def test_listed_code_without_a_rule_in_force_tells_that_it_ended(store: Store) -> None:
    assert ask(store, "L0648", "--on", "2020-01-01") == (False, "2016-12-31", ["L0649"])


def test_payer_without_a_list_does_not_hide_that_the_code_ended(tmp_path: Path) -> None:
    store = build_store(tmp_path)
    tables = {**store.rows, "codes": [code_version("E0430", ENDED, ["E0431"])]}
    write_release(store, THIRD, 3, SECOND, SECOND_MADE, tables)
    result = CliRunner().invoke(main, [*store.options, "lookup", "E0430", "--payer", "nobody"])
    assert "NOT INGESTED" in result.stdout
    assert "code  ended on 2016-12-31, replaced by E0431" in result.stdout
