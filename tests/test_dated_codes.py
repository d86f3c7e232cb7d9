"""Releases of a code set become dated versions of its codes."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.reference.dated_codes import dated_codes, release_begins, release_ends
from schemas.fields import nullable_schema
from schemas.provenance import digest
from schemas.tables import CODES
from tests.code_releases import (
    ADDED,
    code,
    corpus_corrections,
    corpus_releases,
    corrections,
    printed,
)

JULY, OCTOBER, JANUARY = "2020-07", "2020-10", "2021-01"


def versions(*releases: pa.Table, corrected: pa.Table | None = None) -> list[dict[str, Any]]:
    given_corrections = corrections() if corrected is None else corrected
    table = dated_codes(pa.concat_tables(releases), given_corrections)
    assert table.schema.equals(nullable_schema(CODES))
    return table.to_pylist()


def test_quarter_of_a_release_ends_with_its_third_month() -> None:
    assert (release_begins("2025-10"), release_ends("2025-10")) == (
        date(2025, 10, 1),
        date(2025, 12, 31),
    )


def test_no_release_makes_no_version() -> None:
    assert versions(printed(JULY)) == []


def test_releases_that_say_the_same_become_one_version_at_the_place_of_the_last() -> None:
    (row,) = versions(
        printed(JULY, code("L1320", action="added")), printed(OCTOBER, code("A0021"), code("L1320"))
    )[1:]
    assert (row["first_release"], row["source_release"]) == (JULY, OCTOBER)
    assert (row["document"], row["line"]) == ("hcpcs_202010", 2)
    assert (row["effective_from"], row["effective_to"]) == (ADDED, None)
    assert row["action"] == "added"  # what the first of them did
    assert row["description_license"] == "public"
    assert row["is_corrected"] is False


@pytest.mark.parametrize(
    ("stated", "begins", "basis"),
    [
        (date(2020, 9, 15), date(2020, 9, 15), "stated"),
        (date(2020, 12, 31), date(2020, 12, 31), "stated"),
        (date(2020, 7, 1), date(2020, 10, 1), "release"),  # the release before still said otherwise
        (date(2021, 1, 1), date(2020, 10, 1), "release"),  # after the quarter of its own release
        (None, date(2020, 10, 1), "release"),
    ],
)
def test_later_version_begins_at_its_stated_day_or_with_its_release(
    stated: date | None, begins: date, basis: str
) -> None:
    first, second = versions(
        printed(JULY, code("L1320")),
        printed(OCTOBER, code("L1320", coverage="not_covered", effective_from=stated)),
    )
    assert (second["effective_from"], second["effective_basis"]) == (begins, basis)
    assert first["effective_to"] == begins
    assert second["effective_to"] is None


@pytest.mark.parametrize(
    ("values", "begins", "basis"),
    [
        ({"effective_from": date(2019, 4, 1)}, date(2019, 4, 1), "stated"),
        ({"effective_from": None}, ADDED, "stated"),
        ({"effective_from": None, "added_on": None}, date(2020, 7, 1), "release"),
    ],
)
def test_first_version_begins_with_the_last_action_or_when_the_code_was_added(
    values: dict[str, Any], begins: date, basis: str
) -> None:
    (row,) = versions(printed(JULY, code("L1320", **values)))
    assert (row["effective_from"], row["effective_basis"]) == (begins, basis)


def test_version_after_one_that_is_stated_to_begin_later_still_follows_it() -> None:
    ahead = date(2022, 1, 1)
    first, second = versions(
        printed(JULY, code("L1320", effective_from=ahead)),
        printed(OCTOBER, code("L1320", betos="D1F")),
    )
    assert first["effective_from"] == ahead
    assert second["effective_from"] == ahead + timedelta(days=1)


def test_cross_references_replace_only_a_code_that_ended() -> None:
    rows = versions(
        printed(
            JULY,
            code("K0553", cross_references=["A4239"], terminated_on=date(2020, 6, 30)),
            code("L1320", cross_references=["L0454"]),
        )
    )
    assert [row["replaced_by"] for row in rows] == [["A4239"], None]
    assert [row["cross_references"] for row in rows] == [["A4239"], ["L0454"]]


def test_release_without_a_list_of_unclassified_codes_makes_no_version() -> None:
    rows = versions(
        printed(JULY, code("A9999", is_noc=True)),
        printed(OCTOBER, code("A9999")),
        printed(JANUARY, code("A9999", is_noc=False)),
    )
    assert [(row["is_noc"], row["source_release"]) for row in rows] == [
        (True, OCTOBER),
        (False, JANUARY),
    ]


def test_code_that_comes_back_gets_a_version_though_no_release_had_its_end() -> None:
    back = code("J0570", action="reactivated", effective_from=date(2021, 1, 1))
    later = code("J0570", action="reactivated", effective_from=date(2021, 1, 1))
    rows = versions(printed(JULY, code("J0570")), printed(JANUARY, back), printed("2021-04", later))
    assert [(row["effective_from"], row["action"]) for row in rows] == [
        (ADDED, "unchanged"),
        (date(2021, 1, 1), "reactivated"),
    ]


def test_of_two_files_of_one_release_the_last_by_its_hash_counts_as_a_whole() -> None:
    one = printed(JULY, code("L1320"), code("L9999"), sha256="1" * 64)
    other = printed(JULY, code("L1320", betos="D1F"), sha256="2" * 64)
    (row,) = versions(one, other)
    assert (row["betos"], row["sha256"]) == ("D1F", "2" * 64)
    assert versions(other, one) == [row]


def test_hashes_are_those_of_any_other_row() -> None:
    (row,) = versions(printed(JULY, code("L1320")))
    identity = [row[name] for name in CODES.names_of("identity")]
    content = [row[name] for name in CODES.names_of("content")]
    assert row["row_key"] == digest([CODES.name, *identity])
    assert row["row_hash"] == digest([*identity, *content])


def test_row_without_a_release_is_refused_by_its_place() -> None:
    nameless = code("L1320", source_release=None)
    with pytest.raises(ValueError, match="without code or release at page 1, line 1"):
        versions(printed(JULY, nameless))


def test_corrections_change_their_release_before_versions_are_made() -> None:
    fix = {"release": JULY, "effective_from": date(2020, 7, 1)}
    rows = versions(
        printed(JULY, code("B4105"), code("C9034"), code("L1320")),
        printed(OCTOBER, code("B4105", coverage="not_covered", pricing=["39"])),
        corrected=corrections(
            {"code": "B4105", "correction": "change", "coverage": "not_covered", **fix},
            {"code": "B4105", "correction": "change", "pricing": ["39"], **fix},
            {"code": "C9034", "correction": "discontinue", "cross_references": ["J1095"], **fix},
            {"code": "J1095", "correction": "add", "short_description": "new", **fix},
            {"code": "L1320", "correction": "other", "betos": "D1F", **fix},
            {"code": "L1320", "correction": "change", "betos": "Z2", **fix, "release": "2019-01"},
            {"code": "L9999", "correction": "change", "betos": "Z2", **fix},
        ),
    )
    changed, ended, added, untouched = rows
    assert (changed["code"], changed["first_release"], changed["source_release"]) == (
        "B4105",
        JULY,
        OCTOBER,
    )
    assert changed["is_corrected"] is True
    assert (ended["terminated_on"], ended["replaced_by"]) == (date(2020, 6, 30), ["J1095"])
    assert ended["action"] == "discontinued"
    assert (added["code"], added["added_on"], added["effective_from"], added["action"]) == (
        "J1095",
        date(2020, 7, 1),
        date(2020, 7, 1),
        "added",
    )
    assert added["source"] == "cms_corrections"
    assert (untouched["betos"], untouched["is_corrected"]) == (None, False)


def test_code_that_is_added_back_has_not_ended() -> None:
    ended = code("E9901", action="discontinued", terminated_on=date(2018, 12, 31))
    back = {"code": "E9901", "correction": "add", "release": "2019-01"}
    added = corrections(back | {"effective_from": date(2019, 1, 1)})
    (row,) = versions(printed("2019-01", ended), corrected=added)
    assert (row["terminated_on"], row["action"], row["is_corrected"]) == (None, "added", True)


def test_correction_that_repeats_what_is_printed_corrects_nothing() -> None:
    (row,) = versions(
        printed(JULY, code("B4105")),
        corrected=corrections(
            {
                "code": "B4105",
                "correction": "change",
                "release": JULY,
                "coverage": "carrier_judgment",
            }
        ),
    )
    assert row["is_corrected"] is False


_DAYS = st.one_of(st.none(), st.dates(date(2019, 1, 1), date(2023, 1, 1)))
_CODE = st.fixed_dictionaries(
    {
        "code": st.sampled_from(["A0021", "L1320", "A1", "26"]),
        "betos": st.sampled_from(["D1F", "Z2", None]),
        "effective_from": _DAYS,
        "terminated_on": _DAYS,
        "is_noc": st.sampled_from([True, False, None]),
        "action": st.sampled_from(["unchanged", "reactivated"]),
    }
)
_FILES = st.lists(
    st.tuples(
        st.sampled_from([JULY, OCTOBER, JANUARY]),
        st.sampled_from(["1" * 64, "2" * 64]),
        st.lists(_CODE, min_size=1, max_size=3, unique_by=lambda row: row["code"]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda file: file[:2],
)


@settings(max_examples=30, deadline=None)
@given(_FILES, st.randoms(use_true_random=False))
def test_any_order_of_rows_gives_the_same_versions_which_follow_each_other(
    files: list[tuple[str, str, list[dict[str, Any]]]], random: Any
) -> None:
    rows = pa.concat_tables(
        printed(release, *(code(row["code"]) | row for row in has), sha256=sha256)
        for release, sha256, has in files
    )
    order = list(range(rows.num_rows))
    random.shuffle(order)
    table = dated_codes(rows, corrections())
    assert table.equals(dated_codes(rows.take(order * 2), corrections()))
    found = table.to_pylist()
    for before, after in pairwise(found):
        if before["code"] == after["code"]:
            assert before["effective_from"] < after["effective_from"] == before["effective_to"]
        else:
            assert before["effective_to"] is None


@pytest.fixture(scope="module")
def real() -> list[pa.Table]:
    return corpus_releases()


@pytest.fixture(scope="module")
def real_versions(real: list[pa.Table]) -> pa.Table:
    return dated_codes(pa.concat_tables(real), corpus_corrections())


def test_real_releases_in_another_order_give_the_same_versions(
    real: list[pa.Table], real_versions: pa.Table
) -> None:
    other = dated_codes(
        pa.concat_tables([real[2], real[0], real[3], real[1]]), corpus_corrections()
    )
    assert other.equals(real_versions)


def test_every_real_code_is_there_with_its_end(real_versions: pa.Table) -> None:
    newest = real_versions.filter(pc.is_null(real_versions["effective_to"]))
    assert newest.num_rows == 8846  # codes and modifiers of October 2025, which dropped none
    ended = {row["code"]: row for row in newest.to_pylist()}["K0553"]
    assert ended["terminated_on"] == date(2022, 12, 31)
    assert (ended["effective_from"], ended["first_release"]) == (date(2023, 1, 1), "2025-10")


def test_real_corrections_are_what_the_next_real_release_has(
    real: list[pa.Table], real_versions: pa.Table
) -> None:
    corrected = real_versions.filter(real_versions["is_corrected"]).to_pylist()
    later = {row["code"]: row for row in real[1].to_pylist()}
    # A day that is none, and an apostrophe that is another sign.
    misprinted = {("Q5111", "added_on"), ("J2787", "short_description")}
    same = ("coverage", "pricing", "terminated_on", "added_on", "betos", "short_description")
    assert {row["code"] for row in corrected} == {
        *("B4105", "C1890", "C9034", "J1095", "J2186", "J2787", "Q5111", "Q9994")
    }
    for row in corrected:
        for name in same:
            if (row["code"], name) not in misprinted:
                assert row[name] == later[row["code"]][name], (row["code"], name)
    b4105 = next(row for row in corrected if row["code"] == "B4105")
    assert (b4105["coverage"], b4105["pricing"]) == ("carrier_judgment", ["39"])
    assert b4105["source_release"] == "2025-10"
