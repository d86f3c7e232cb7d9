"""Codes that a list names only by a wildcard or an abbreviated range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows.answers.lookup import CodeError, codes_asked
from flows.cli import main
from tests.release_fixture import (
    SECOND_MADE,
    Store,
    build_store,
    document,
    held_back,
    rule,
    write_release,
)


def published(folder: Path, rules: Any = (), quarantine: Any = ()) -> Store:
    """A store whose newest release has one list of one payer, with these rows."""
    store = build_store(folder)
    tables = {
        "prior_authorization": [
            rule(store, "acme_dme", 9, *words, **more) for words, more in rules
        ],
        "documents": [document(store, "acme_dme", "acme", quarantined=0)],
        "quarantine": [held_back(store, "acme_dme", 9, None, printed) for printed in quarantine],
    }
    write_release(store, "000003-0c0c0c0c", 3, None, SECOND_MADE, tables)
    return store


def ask(store: Store, code: str) -> dict[str, Any]:
    words = [*store.options, "lookup", code, "--payer", "acme", "--json"]
    (answer,) = json.loads(CliRunner().invoke(main, words).stdout)
    assert isinstance(answer, dict)
    return answer


def test_code_within_a_wildcard_is_listed_by_the_printed_pattern(tmp_path: Path) -> None:
    wildcard = {"code_end": "A4299", "code_pattern": "A42XX", "code_raw": "A42xx"}
    store = published(tmp_path, [(("A4200",), wildcard)])
    (found,) = ask(store, "A4253")["rules"]
    assert (found["matched_by"], found["code_pattern"]) == ("pattern", "A42XX")
    assert ask(store, "A4300")["answer"] == "not_listed"


@pytest.mark.parametrize("printed", ["A42xx\tAsk us", "TAPE\tA42*\tAsk us", "A4250-59\tAsk us"])
def test_row_held_back_whose_wildcard_or_short_range_has_the_code_is_never_not_listed(
    tmp_path: Path, printed: str
) -> None:
    answer = ask(published(tmp_path, quarantine=[printed]), "A4253")
    assert answer["answer"] == "not_ingested"
    assert "names the code" in answer["explanation"]


@pytest.mark.parametrize("asked", ["A42xx", "K0800-K0802", "K0835-43"])
def test_range_or_wildcard_cannot_be_asked_for(asked: str) -> None:
    with pytest.raises(CodeError, match="is a range of codes"):
        codes_asked([asked])
