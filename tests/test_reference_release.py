"""A whole release with a dated code reference: what it says of every list's and bulletin's codes.

The code sets are CMS's own files, which lie beside the project in ../shared/corpus; where they are
not, these tests are skipped. The Cigna list and the bulletins are the shipped snapshots.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from flows import journey, store
from flows.cli import main
from flows.registry import load_source
from flows.releases import latest
from flows.settings import Settings
from tests.conftest import copy_of_project, shared
from tests.kit import KIT

HCPCS = "cms_hcpcs_alphanumeric"
RELEASES = {
    "2019-01": "hcpcs_2019_alpha_numeric_hcpcs_file.zip",
    "2020-07": "hcpcs_2020_07_anweb.xlsx",
    "2020-10": "hcpcs_2020_10_anweb.xlsx",
    "2025-10": "hcpcs_2025_oct_anweb.xlsx",
}
# Two codes with the letter O for a zero; that of the second list row is listed rightly too.
LIST = b"""Code,Description,PA Required,Effective Date
EO601,Continuous airway pressure device,Yes,
LO454,Brace for the trunk,Yes,
L0454,Brace for the trunk,Yes,
K0813-K0829,Power wheelchairs,No,
"""
START = datetime(2026, 1, 1, tzinfo=UTC)


def put(settings: Settings, name: str, file: str, day: int) -> None:
    source = load_source(settings.sources / f"{name}.yml")
    data = shared("corpus", "cms", file).read_bytes()
    at = START + timedelta(days=day)
    store.put(settings.raw, name, source.document, data, came="added", at=at)


def table(settings: Settings, name: str) -> pa.Table:
    release = latest(settings.curated)
    assert release is not None
    return pq.read_table(release.folder / f"{name}.parquet")


def rows(settings: Settings, which: str, **equal: Any) -> list[dict[str, Any]]:
    found = table(settings, which)
    for column, value in equal.items():
        found = found.filter(pc.equal(found[column], value))
    return found.to_pylist()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = copy_of_project(tmp_path_factory.mktemp("reference"))
    # The newest first: which came when must not matter.
    for day, file in enumerate(reversed(RELEASES.values())):
        put(settings, HCPCS, file, day)
    put(settings, "cms_hcpcs_corrections", "hcpcs_2019_hcpcs_alpha_numeric_corrections.zip", 9)
    put(settings, "cms_dmepen", "dmepen26_jan.xlsx", 9)
    put(settings, "cms_table_of_drugs", "hcpcs_2019_table_of_drugs.pdf", 9)
    said = KIT | {"expect": {"rows": [1, 10], "quarantined_share": 0.5}}
    (settings.sources / "hostile.yml").write_text(yaml.safe_dump(said), encoding="utf-8")
    store.put(settings.raw, "hostile", "list", LIST, came="added", at=START)
    journey.run(settings, offline=True, prefect=False)
    return settings


def test_releases_of_a_code_set_are_one_table_whatever_order_they_came_in(
    release: Settings, tmp_path: Path
) -> None:
    other = Settings(tmp_path / "raw", tmp_path / "curated", release.sources)
    for day, file in enumerate(RELEASES.values()):
        put(other, HCPCS, file, day)
    put(other, "cms_hcpcs_corrections", "hcpcs_2019_hcpcs_alpha_numeric_corrections.zip", 9)
    assert journey.run(other, offline=True, prefect=False) == journey.PUBLISHED
    assert table(other, "codes").equals(table(release, "codes"))


def test_earlier_releases_are_superseded_and_the_newest_is_current(release: Settings) -> None:
    states = rows(release, "documents", source=HCPCS)
    found = {state["effective_on"]: state["status"] for state in states}
    assert found == {
        date(2019, 1, 1): "superseded",
        date(2020, 7, 1): "superseded",
        date(2020, 10, 1): "superseded",
        date(2025, 10, 1): "current",
    }
    corrections = rows(release, "documents", source="cms_hcpcs_corrections")
    printed = {(row["source"], row["sha256"]) for row in rows(release, "codes")}
    assert printed <= {(state["source"], state["sha256"]) for state in (*states, *corrections)}


def test_code_that_ended_has_both_its_versions(release: Settings) -> None:
    before, after = rows(release, "codes", code="K0553")
    assert (before["terminated_on"], before["effective_to"]) == (None, date(2023, 1, 1))
    assert (after["effective_from"], after["terminated_on"]) == (
        date(2023, 1, 1),
        date(2022, 12, 31),
    )
    assert (after["added_on"], after["source_release"]) == (date(2017, 7, 1), "2025-10")


def test_ended_codes_of_a_list_are_flagged_and_stay(release: Settings) -> None:
    rules = rows(release, "prior_authorization", source="cigna_commercial_dme")
    assert len(rules) == 643
    ended = {rule["code"]: rule["code_ended_on"] for rule in rules if rule["code_active"] is False}
    assert {"K0553", "K1001", "E2300"} <= ended.keys()
    assert ended["K0553"] == date(2022, 12, 31)
    for rule in rules:
        assert (rule["code"] in ended) == ("code_ended" in (rule["flags"] or ()))
        assert rule["code_active_on"] == date(2025, 12, 31)
    assert {rule["code_active"] for rule in rules} == {True, False}


def test_code_with_a_letter_for_a_zero_is_repaired_where_one_reading_of_it_is_free(
    release: Settings,
) -> None:
    rules = {
        rule["code_raw"]: rule for rule in rows(release, "prior_authorization", payer="invented")
    }
    assert rules.keys() == {"EO601", "L0454", "K0813-K0829"}
    repaired = rules["EO601"]
    assert (repaired["code"], repaired["pa_status"]) == ("E0601", "required")
    assert (repaired["flags"], repaired["code_active"]) == (["code_repaired"], True)
    assert repaired["first_seen"] == START
    (left,) = rows(release, "quarantine", source="hostile")
    assert left["cells"][0] == "LO454"
    (state,) = rows(release, "documents", source="hostile")
    assert (state["rows"], state["row_lines"], state["quarantined"]) == (3, 3, 1)


def test_range_has_the_codes_that_exist_and_not_those_that_could(release: Settings) -> None:
    (rule,) = rows(release, "prior_authorization", code_raw="K0813-K0829")
    assert rule["code_members"] == [f"K{n:04}" for n in (*range(813, 817), *range(820, 830))]


def test_lookup_says_that_a_code_ended(release: Settings) -> None:
    options = ["--curated", str(release.curated), "--sources", str(release.sources)]
    result = CliRunner().invoke(main, [*options, "lookup", "K0553", "--payer", "cigna"])
    assert result.exit_code == 0
    assert "ended on 2022-12-31" in result.output


def test_newest_code_says_how_fresh_a_list_really_is(release: Settings) -> None:
    (state,) = rows(release, "documents", source="cigna_commercial_dme")
    assert state["newest_code_added_on"] == date(2025, 4, 1)


def test_claims_are_held_against_the_official_words(release: Settings) -> None:
    claims = rows(release, "code_claims")
    found = {(claim["source"], claim["code"]): claim["agreement"] for claim in claims}
    assert found["vendor_l1320", "L1320"] == "conflicts"
    assert found["vendor_l1320", "L0627"] == "conflicts"
    assert found["vendor_l1320", "L1832"] == "conflicts"
    # The shipped specimen is in our own words; the article itself is in test_claims.
    assert found["vendor_l1320", "L0454"] in ("agrees", "compatible")
    assert found["vendor_l2387", "L2387"] == "agrees"
    assert found["pdac_k1007", "K1007"] == "agrees"
    assert {claim["official_source"] for claim in claims} == {HCPCS}


def test_description_of_another_code_is_a_contradiction_with_both_places(
    release: Settings,
) -> None:
    found = rows(release, "contradictions", kind="other_description")
    (a5507,) = [one for one in found if one["code"] == "A5507"]
    assert "A4649" in a5507["explanation"]
    assert a5507["left_source"] == "cigna_commercial_dme"
    assert a5507["left_line"]
    assert a5507["right_line"]
    claims = {one["code"] for one in rows(release, "contradictions", kind="claim")}
    assert {"L0627", "L1320", "L1832"} <= claims


def test_fees_and_drug_names_follow_from_their_tables(release: Settings) -> None:
    fees = rows(release, "fees", source="cms_dmepen")
    assert len(fees) == 50 * 106 - sum(fee["amount_raw"] == "" for fee in fees)
    (fee,) = [
        fee
        for fee in fees
        if (fee["code"], fee["modifiers"], fee["state"], fee["is_rural"])
        == ("B4034", None, "AL", False)
    ]
    assert (fee["amount"], fee["has_fee"], fee["effective_from"]) == (3.94, True, date(2026, 1, 1))
    (drug,) = rows(release, "drug_names", name="Amphotericin B, lipid complex")
    assert (drug["code"], drug["code_end"]) == ("J0287", "J0289")
    assert drug["code_members"] == ["J0287", "J0288", "J0289"]


def test_licensed_words_are_in_no_table(release: Settings) -> None:
    for row in rows(release, "codes", description_license="ama"):
        assert row["long_description"] is None
        assert row["short_description"] is None
