"""Versions of rules in known time, on editions made by hand and at random."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from extractors.reference.rule_history import Edition, Spell, spells

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def edition(day: int, *, whole: bool = True, unread: tuple[str, ...] = (), **rules: str) -> Edition:
    """An edition found on one day, with rules whose key and code are their names."""
    return Edition(
        sha256=f"{day:064x}",
        first_seen=START + day * DAY,
        last_seen=START + day * DAY + DAY / 2,
        keys=tuple(rules),
        hashes=tuple(rules.values()),
        codes=tuple(rules),
        is_whole=whole,
        unread=tuple((code, code) for code in unread),
    )


def told(found: list[Spell]) -> list[tuple[object, ...]]:
    """The spells in short: rule, content, first day, first day otherwise, why, back, unseen in."""
    return [
        (
            one.key,
            one.content,
            (one.first_seen - START).days,
            None if one.known_until is None else (one.known_until - START).days,
            one.end_basis,
            one.reappeared,
            [int(sha256, 16) for sha256 in one.unseen_in],
        )
        for one in found
    ]


def test_rule_that_stays_the_same_is_one_version_until_its_last_look() -> None:
    (one,) = spells([edition(1, E0466="yes"), edition(5, E0466="yes")])
    assert told([one]) == [("E0466", "yes", 1, None, None, False, [])]
    assert one.last_seen == START + 5 * DAY + DAY / 2


def test_rule_that_changes_ends_at_the_look_that_found_it_otherwise() -> None:
    found = spells([edition(1, E0466="yes"), edition(5, E0466="no")])
    assert told(found) == [
        ("E0466", "yes", 1, 5, "changed", False, []),
        ("E0466", "no", 5, None, None, False, []),
    ]


def test_rule_absent_from_a_list_read_whole_ends_and_comes_back_as_reappeared() -> None:
    found = spells([edition(1, A="yes", B="no"), edition(5, B="no"), edition(9, A="yes", B="no")])
    assert told(found) == [
        ("A", "yes", 1, 5, "absent_from_list", False, []),
        ("B", "no", 1, None, None, False, []),
        ("A", "yes", 9, None, None, True, []),
    ]


def test_list_that_is_cut_ends_nothing_and_the_rule_goes_on() -> None:
    found = spells([edition(1, A="yes"), edition(5, whole=False), edition(9, A="yes")])
    assert told(found) == [("A", "yes", 1, None, None, False, [5])]


def test_rule_unseen_in_a_cut_list_and_absent_from_the_next_whole_one_ends_there() -> None:
    found = spells([edition(1, A="yes"), edition(5, whole=False), edition(9, B="yes")])
    assert told(found)[0] == ("A", "yes", 1, 9, "absent_from_list", False, [5])


def test_cut_list_that_comes_back_is_named_once_among_those_that_do_not_have_a_rule() -> None:
    cut, whole = edition(5, whole=False), edition(1, A="yes")
    again = replace(cut, first_seen=cut.first_seen + 9 * DAY, last_seen=cut.last_seen + 9 * DAY)
    assert told(spells([whole, cut, again])) == [("A", "yes", 1, None, None, False, [5])]


def test_last_edition_that_has_a_rule_is_named_whatever_did_not_have_it_since() -> None:
    editions = [edition(1, A="yes"), edition(3, A="yes"), edition(5, whole=False)]
    (one,) = spells(editions)
    assert int(one.last_sha256, 16) == 3


def test_row_that_could_not_be_read_ends_no_rule_of_its_code_but_others() -> None:
    found = spells([edition(1, A="yes", B="yes"), edition(5, unread=("A",))])
    assert told(found) == [
        ("A", "yes", 1, None, None, False, [5]),
        ("B", "yes", 1, 5, "absent_from_list", False, []),
    ]


RULES = st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from(["yes", "no"]))
LISTS = st.lists(st.tuples(RULES, st.booleans()), min_size=1, max_size=8)


@given(LISTS)
def test_history_as_known_after_each_edition_is_that_edition_and_what_it_left_open(
    lists: list[tuple[dict[str, str], bool]],
) -> None:
    editions = [edition(day, whole=whole, **rules) for day, (rules, whole) in enumerate(lists)]
    found = spells(editions)
    expected: dict[str, str] = {}
    for now, (rules, whole) in zip(editions, lists, strict=True):
        expected = rules if whole else expected | rules
        at = now.first_seen
        known = [
            one
            for one in found
            if one.first_seen <= at and (one.known_until is None or one.known_until > at)
        ]
        assert {one.key: one.content for one in known} == expected
        assert len(known) == len(expected), "one version of a rule at a time"
        assert {one.key for one in known if now.sha256 not in one.unseen_in} == set(rules)


@given(LISTS)
def test_no_version_of_a_rule_is_known_from_later_than_it_ends(
    lists: list[tuple[dict[str, str], bool]],
) -> None:
    for one in spells([edition(day, whole=w, **rules) for day, (rules, w) in enumerate(lists)]):
        assert one.first_seen <= one.last_seen
        assert one.known_until is None or one.last_seen < one.known_until
        assert (one.known_until is None) == (one.end_basis is None)
