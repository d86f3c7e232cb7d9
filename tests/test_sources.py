"""Source files: a mistake is named with its file and key, and nothing is silently ignored."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import yaml

from extractors.links import links_of
from flows.registry import RegistryError, load_source, load_sources
from flows.web.landing import PageLinks, choose
from schemas.source import Source
from schemas.tables import (
    CODE_CORRECTIONS,
    CODES,
    PRIOR_AUTHORIZATION,
    REFERENCE_KINDS,
    TABLE_ROWS,
    TABLES,
)
from tests.conftest import ROOT
from tests.landing_pages import WAYS

CIGNA = ROOT / "sources" / "cigna_commercial_dme.yml"
REGISTRY = {source.source: source for source in load_sources(ROOT / "sources")}
ON_THE_WEB = [name for name, source in REGISTRY.items() if source.address is not None]
ARCHIVED = [name for name, source in REGISTRY.items() if not source.extract]
ENDINGS = {".pdf", ".html", ".xlsx", ".xls", ".zip", ".txt", ".csv", ".json"}
TODAY = date(2026, 11, 21)


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


def test_registry_has_the_publications_that_matter_and_each_payer_one_spelling() -> None:
    assert len(REGISTRY) >= 26
    payers = {source.payer for source in REGISTRY.values() if source.payer}
    assert len({payer.id for payer in payers}) == len(payers)
    assert len({payer.name.casefold() for payer in payers}) == len(payers)


@pytest.mark.parametrize("name", ON_THE_WEB)
def test_address_says_what_should_come(name: str) -> None:
    address = REGISTRY[name].address
    assert address is not None
    ending = PurePosixPath(urlsplit(address.start).path).suffix
    assert address.format is not None or (address.url is not None and ending in ENDINGS)
    assert address.start.startswith("https://")


def test_no_list_of_rules_is_taken_before_its_day() -> None:
    ahead = [source for source in REGISTRY.values() if source.address and source.address.ahead]
    assert ahead
    for source in ahead:
        assert source.kind in ("code_reference", "fee_schedule")


def test_only_a_page_has_links_to_follow_ahead_or_elsewhere(tmp_path: Path) -> None:
    url = "https://www.acme.example/list.pdf"
    for key in ({"ahead": True}, {"hosts": ["files.acme.example"]}):
        with pytest.raises(RegistryError, match="which a url has not"):
            load_source(written(tmp_path, {"address": {"url": url} | key}))


def test_every_source_with_links_has_an_invented_way() -> None:
    with_links = {n for n, s in REGISTRY.items() if s.address is not None and s.address.links}
    assert WAYS.keys() == with_links


@pytest.mark.parametrize("name", WAYS)
def test_links_lead_from_an_invented_page_to_the_file_with_the_known_name(name: str) -> None:
    address = REGISTRY[name].address
    assert address is not None
    assert len(WAYS[name]) == len(address.links)
    page = address.start
    for rule, shown in zip(address.links, WAYS[name], strict=True):
        ways = [("/", "Home"), ("#content", "Skip"), *shown, ("/sitemap", "Sitemap")]
        items = "".join(f'<li><a href="{href}">{text}</a></li>' for href, text in reversed(ways))
        html = f"<!doctype html><html><body><ul>{items}</ul></body></html>"
        links = PageLinks(name, links_of(html.encode()))
        chosen = choose(links, rule, address, page, TODAY).url
        assert chosen == urljoin(page, shown[0][0])
        page = chosen


@pytest.mark.parametrize("name", ARCHIVED)
def test_archived_source_says_where_it_is_and_what_is_not_yet_known(name: str) -> None:
    source = REGISTRY[name]
    assert source.address is not None
    assert (source.table, source.narrative) == (None, None)
    text = (ROOT / "sources" / f"{name}.yml").read_text(encoding="utf-8")
    assert "not yet known" in text.replace("\n# ", " ").lower()


def test_archived_source_needs_nothing_but_the_payer_of_a_list(tmp_path: Path) -> None:
    bare = {"table": None, "expect": {}, "extract": False}
    assert load_source(written(tmp_path, bare)).main_table == PRIOR_AUTHORIZATION.name
    for kind in REFERENCE_KINDS:
        assert load_source(written(tmp_path, bare | {"kind": kind})).main_table == TABLE_ROWS.name
    for lacking in ("payer", "line_of_business"):
        with pytest.raises(RegistryError, match="a pa_list needs payer and line_of_business"):
            load_source(written(tmp_path, bare | {lacking: None}))
    with pytest.raises(RegistryError, match="how many rows to expect"):
        load_source(written(tmp_path, bare | {"extract": True}))


def test_archiving_a_source_and_its_address_change_nothing_of_how_it_is_read() -> None:
    source = REGISTRY["cigna_commercial_dme"]
    address = {"url": "https://www.acme.example/list.pdf"}
    changed = Source.model_validate(said() | {"extract": False, "address": address})
    assert changed.fingerprint() == source.fingerprint()


def test_keys_that_the_guide_adds_to_its_source_are_sound() -> None:
    guide = (ROOT / "docs" / "add-a-source.md").read_text(encoding="utf-8")
    first, *others = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert {next(iter(yaml.safe_load(more))) for more in others} == {"address", "terms", "extract"}
    for more in others:
        Source.model_validate(yaml.safe_load(first) | yaml.safe_load(more))


def test_sources_that_state_no_rule_fill_the_tables_of_their_kind_alone() -> None:
    for source in load_sources(ROOT / "sources"):
        table = TABLES[source.main_table]
        is_reference = source.kind in REFERENCE_KINDS
        assert (table is TABLE_ROWS) == (is_reference and source.code_set is None)
        assert (table is CODES) == (source.code_set is not None)
        assert (table is CODE_CORRECTIONS) == (source.kind == "code_corrections")
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
