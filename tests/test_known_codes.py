"""What the dated code reference says of a code on a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from extractors.reference.dated_codes import dated_codes
from extractors.reference.known_codes import CodeState, KnownCodes
from schemas.fields import nullable_schema
from schemas.tables import CODES
from tests.code_releases import ADDED, code, corpus_releases, corrections, printed

JULY, OCTOBER, JANUARY = "2020-07", "2020-10", "2021-01"
IN_OCTOBER = date(2020, 10, 15)


def known(*releases: pa.Table) -> KnownCodes:
    return KnownCodes.of(dated_codes(pa.concat_tables(releases), corrections()))


def ended(name: str, last: date, **values: Any) -> dict[str, Any]:
    return code(name, terminated_on=last, **values)


def test_empty_reference_says_nothing() -> None:
    empty = KnownCodes.of(nullable_schema(CODES).empty_table())
    assert empty.begins is None
    assert empty.reaches is None
    assert empty.state("L1320", IN_OCTOBER) is None
    assert empty.members("L1320", "L1330", IN_OCTOBER) is None
    assert empty.words("L1320", IN_OCTOBER) is None
    assert empty.added_on("L1320") is None
    assert not empty.has("L1320", IN_OCTOBER)


def test_code_is_valid_from_its_first_day_to_its_last() -> None:
    codes = known(
        printed(JULY, ended("K0553", date(2020, 6, 30), cross_references=["A4239", "A4238"]))
    )
    first, last = ADDED, date(2020, 6, 30)
    assert codes.state("K0553", date(2014, 12, 31)) == CodeState(
        date(2014, 12, 31), is_active=False, began_later=True
    )
    assert codes.state("K0553", first) == CodeState(first, is_active=True)
    assert codes.state("K0553", last) == CodeState(last, is_active=True)
    assert codes.state("K0553", date(2020, 7, 1)) == CodeState(
        date(2020, 7, 1), is_active=False, ended_on=last, replaced_by=("A4239", "A4238")
    )


def test_day_after_the_newest_release_is_judged_at_its_end() -> None:
    codes = known(printed(JULY, code("L1320")), printed(OCTOBER, code("L1320")))
    assert (codes.begins, codes.reaches) == (date(2020, 7, 1), date(2020, 12, 31))
    assert codes.state("L1320", date(2026, 1, 1)) == CodeState(date(2020, 12, 31), is_active=True)


def test_code_that_the_reference_lacks_is_not_called_invalid() -> None:
    codes = known(printed(JULY, code("L1320")))
    assert codes.state("99213", IN_OCTOBER) == CodeState(date(2020, 9, 30), None)
    assert codes.members("99213", "99215", IN_OCTOBER) is None
    assert codes.members("A0000", "A9999", IN_OCTOBER) == ()


def test_newest_release_says_when_a_code_ended_whatever_earlier_ones_said() -> None:
    codes = known(
        printed(JULY, ended("K0553", date(2020, 12, 31))),
        printed(OCTOBER, code("K0553", effective_from=date(2020, 10, 1))),
    )
    assert codes.has("K0553", date(2021, 6, 1))
    put_off = known(
        printed(JULY, ended("K0553", date(2020, 6, 30))),
        printed(OCTOBER, ended("K0553", date(2020, 9, 30))),
    )
    assert put_off.has("K0553", date(2020, 8, 1))


@pytest.mark.parametrize(
    "back",
    [
        code("J0570", action="reactivated", effective_from=date(2021, 1, 1)),
        code("J0570", added_on=date(2021, 1, 1), effective_from=date(2021, 1, 1)),
    ],
    ids=["reactivated", "added again"],
)
def test_code_that_came_back_was_not_valid_in_between(back: dict[str, Any]) -> None:
    last = date(2020, 6, 30)
    codes = known(
        printed(JULY, ended("J0570", last)),
        printed(OCTOBER, ended("J0570", last)),
        printed(JANUARY, back),
        printed("2021-04", {**back, "action": "unchanged", "betos": "Z2"}),
    )
    assert codes.has("J0570", last)
    assert codes.state("J0570", IN_OCTOBER) == CodeState(IN_OCTOBER, is_active=False, ended_on=last)
    assert codes.state("J0570", date(2020, 12, 31)) == CodeState(
        date(2020, 12, 31), is_active=False, ended_on=last
    )
    assert codes.has("J0570", date(2021, 1, 1))
    assert codes.has("J0570", date(2021, 6, 1))
    assert codes.added_on("J0570") == ADDED


def test_code_that_came_back_and_ended_again_has_both_ends() -> None:
    codes = known(
        printed(JULY, ended("J0570", date(2020, 6, 30))),
        printed(OCTOBER, code("J0570", action="reactivated", effective_from=date(2020, 10, 1))),
        printed(JANUARY, ended("J0570", date(2020, 12, 31), effective_from=date(2021, 1, 1))),
    )
    days = (date(2020, 6, 30), date(2020, 9, 30), IN_OCTOBER, date(2021, 1, 1))
    assert [codes.has("J0570", day) for day in days] == [True, False, True, False]
    state = codes.state("J0570", date(2021, 1, 1))
    assert state is not None
    assert state.ended_on == date(2020, 12, 31)


def test_of_a_code_that_came_back_from_an_unknown_end_nothing_is_said_in_between() -> None:
    back = code("J0570", action="reactivated", effective_from=date(2025, 10, 1))
    codes = known(printed(JULY, code("J0570")), printed("2025-10", back))
    days = (date(2020, 9, 30), date(2020, 10, 1), date(2025, 9, 30), date(2025, 10, 1))
    states = [codes.state("J0570", day) for day in days]
    assert [state.is_active for state in states if state] == [True, None, None, True]
    alone = known(printed("2025-10", back))
    states = [alone.state("J0570", day) for day in (date(2014, 1, 1), date(2020, 1, 1), *days[2:])]
    assert [state.is_active for state in states if state] == [False, None, None, True]


def test_reactivation_that_a_later_version_states_again_is_the_same_one() -> None:
    back = {"action": "reactivated", "effective_from": date(2018, 1, 1)}
    reference = known(
        printed("2019-01", code("E9901", **back)),
        printed("2025-10", code("E9901", pricing=["36"], **back)),
    )
    for year in (2018, 2019, 2021, 2025):
        assert reference.has("E9901", date(year, 12, 1))


def test_code_that_later_releases_lack_is_unknown_after_the_last_that_has_it() -> None:
    codes = known(
        printed(JULY, code("L1320"), ended("L1330", date(2020, 8, 31))),
        printed(OCTOBER, code("L0454")),
    )
    assert codes.has("L1320", date(2020, 9, 30))
    assert codes.state("L1320", IN_OCTOBER) == CodeState(IN_OCTOBER, None)
    state = codes.state("L1330", IN_OCTOBER)
    assert state is not None
    assert state.is_active is False


def test_members_of_a_range_are_the_codes_of_its_system_that_were_valid_that_day() -> None:
    codes = known(
        printed(
            JULY,
            *(code(name) for name in ("L1330", "L1320", "L1340", "11330", "L13")),
            ended("L1325", date(2020, 6, 30)),
        )
    )
    assert codes.members("L1320", "L1330", date(2020, 7, 1)) == ("L1320", "L1330")
    assert codes.members("L1320", "L1330", date(2020, 6, 30)) == ("L1320", "L1325", "L1330")
    assert codes.members("11320", "11340", date(2020, 7, 1)) == ("11330",)


def test_words_are_those_of_the_day_and_the_oldest_known_before() -> None:
    codes = known(
        printed(JULY, code("L1320", short_description="old")),
        printed(OCTOBER, code("L1320", short_description="new")),
        printed(JANUARY, code("L1320", short_description="new")),
    )
    said = [codes.words("L1320", day) for day in (date(2000, 1, 1), date(2020, 9, 30), IN_OCTOBER)]
    assert [(words.short, words.release) for words in said if words] == [
        ("old", JULY),
        ("old", JULY),
        ("new", JANUARY),
    ]
    assert said[0] is not None
    assert (said[0].long, said[0].source) == ("long words", "cms_hcpcs")


def test_code_without_words_has_none() -> None:
    codes = known(printed(JULY, code("26", short_description=None, long_description=None)))
    assert codes.words("26", IN_OCTOBER) is None


def test_real_codes_that_ended_say_when_and_are_no_members() -> None:
    codes = KnownCodes.of(dated_codes(pa.concat_tables(corpus_releases()[2:]), corrections()))
    for name, last in (
        ("K0553", date(2022, 12, 31)),
        ("K1001", date(2023, 12, 31)),
        ("E2300", date(2024, 3, 31)),
    ):
        assert codes.has(name, last)
        state = codes.state(name, date(2026, 11, 21))
        assert state == CodeState(date(2025, 12, 31), is_active=False, ended_on=last)
    members = codes.members("K0813", "K0829", date(2025, 7, 1))
    assert members is not None
    assert (members[0], members[-1], "K0817" in members) == ("K0813", "K0829", False)
    words = codes.words("L1320", date(2025, 7, 1))
    assert words is not None
    assert words.short == "Pectus carinatum ortho cust"
