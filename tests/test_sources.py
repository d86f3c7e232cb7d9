"""Source files: a mistake is named with its file and key, and nothing is silently ignored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.registry import RegistryError, load_source, load_sources
from schemas.source import Source
from schemas.tables import PRIOR_AUTHORIZATION, REFERENCE_KINDS, TABLE_ROWS, TABLES
from tests.conftest import ROOT

CIGNA = ROOT / "sources" / "cigna_commercial_dme.yml"


def said() -> dict[str, Any]:
    text: dict[str, Any] = yaml.safe_load(CIGNA.read_text())
    return text


def written(folder: Path, change: dict[str, Any]) -> Path:
    path = folder / "cigna_commercial_dme.yml"
    path.write_text(yaml.safe_dump(said() | change))
    return path


def test_every_shipped_source_is_sound() -> None:
    names = [source.source for source in load_sources(ROOT / "sources")]
    assert names == sorted(names)
    assert "cigna_commercial_dme" in names


def test_sources_that_state_no_rule_fill_the_table_of_rows_alone() -> None:
    for source in load_sources(ROOT / "sources"):
        table = TABLES[source.main_table]
        assert (table is TABLE_ROWS) == (source.kind in REFERENCE_KINDS)
        assert (table is PRIOR_AUTHORIZATION) == (source.kind == "pa_list")


@pytest.mark.parametrize("kind", REFERENCE_KINDS)
def test_source_that_states_no_rule_needs_a_table_and_no_payer(kind: str, tmp_path: Path) -> None:
    without_payer = {"kind": kind, "payer": None, "line_of_business": None}
    assert load_source(written(tmp_path, without_payer)).main_table == TABLE_ROWS.name
    with pytest.raises(RegistryError, match=f"a {kind} needs table"):
        load_source(written(tmp_path, without_payer | {"table": None}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"payers": "acme"}, "payers: no such key"),
        ({"expect": {"rows": [0, 10]}}, "least at 1 or more"),
        ({"line_of_business": "comercial"}, "'comercial' is not one of"),
        ({"payer": None}, "a pa_list needs table, payer and line_of_business"),
        ({"table": said()["table"] | {"statuses": {"Yes": "needed"}}}, "'needed' is not one of"),
        ({"table": said()["table"] | {"statuses": {True: "required"}}}, "table.statuses"),
        ({"table": said()["table"] | {"layouts": [["code", "tier"]]}}, "'tier'"),
        ({"table": said()["table"] | {"layouts": [["code"]]}}, "no column 'pa'"),
        ({"table": said()["table"] | {"carry_down": ["tier"]}}, "'tier' is not one of"),
        (
            {"table": said()["table"] | {"lines": [{"rule": "x", "pattern": "("}]}},
            "is not a pattern",
        ),
        (
            {"table": said()["table"] | {"lines": [{"rule": "x", "pattern": "(?P<y>.)"}]}},
            "group 'y' is not one of",
        ),
    ],
)  # fmt: skip
def test_mistake_is_named_with_file_and_reason(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, change)
    with pytest.raises(RegistryError) as caught:
        load_source(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("source: x\n  document: : y\n")
    with pytest.raises(RegistryError, match="line 2"):
        load_source(path)


def test_file_name_and_source_name_must_agree(tmp_path: Path) -> None:
    (tmp_path / "other.yml").write_text(CIGNA.read_text())
    with pytest.raises(RegistryError, match="is not the file's name"):
        load_sources(tmp_path)


def test_fingerprint_ignores_order_and_spacing_and_sees_every_word() -> None:
    one = said()
    other = dict(reversed(list(one.items())))
    first, second = Source.model_validate(one), Source.model_validate(other)
    assert first.fingerprint() == second.fingerprint()
    one["table"]["statuses"]["Yes"] = "conditional"
    assert Source.model_validate(one).fingerprint() != first.fingerprint()
