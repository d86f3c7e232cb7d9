"""Dates: every form that the publications print, and what only looks like one."""

from __future__ import annotations

import calendar
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.dates import find_dates, is_open_end, parse_date

MONTHS = list(calendar.month_name)
DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2099, 12, 31))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        # as the bulletin on K1007 prints them
        ("November 13, 2023", date(2023, 11, 13)),
        ("June 1 2024", date(2024, 6, 1)),
        ("12/28/23", date(2023, 12, 28)),
        ("Dec 28 , 2023", date(2023, 12, 28)),
        # as payers' lists and their file names print them
        ("7.1.2021", date(2021, 7, 1)),
        ("Jan. 1, 2020", date(2020, 1, 1)),
        ("04.01.17", date(2017, 4, 1)),
        ("1-1-2025", date(2025, 1, 1)),
        ("05222020", date(2020, 5, 22)),
        ("Sept. 9th, 2021", date(2021, 9, 9)),
        ("MAY 1, 2024", date(2024, 5, 1)),
        ("2024-06-01", date(2024, 6, 1)),
        ("28 December 2023", date(2023, 12, 28)),
        (" Dec. 16, 2020. ", date(2020, 12, 16)),
        ("February 29, 2024", date(2024, 2, 29)),
        # as databases and spreadsheets write them to text
        ("20240601", date(2024, 6, 1)),
        ("2024-06-01T00:00:00", date(2024, 6, 1)),
        ("2024-06-01 00:00:00.000", date(2024, 6, 1)),
        ("6/1/2024 12:00:00 AM", date(2024, 6, 1)),
        ("6/1/2024 0:00", date(2024, 6, 1)),
        ("1/1/69", date(2069, 1, 1)),
    ],
)
def test_printed_date_is_read_month_first(printed: str, expected: date) -> None:
    assert parse_date(printed) == expected


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "2/30/2024",
        "February 29, 2023",
        "13/1/2024",
        "June 2024",
        "June 1",
        "2024",
        "June 1, 2024 and later",
        "3.6.2.4",
        "410.2",
        "Originally Published",
        "99/99/9999",
        "12/28/3",
        "13/04/2026",
        "01/01/0206",
        "45658",
        "20241301",
        "12/31/9999",
        "12/31/99",
        "1/1/70",
        "2026-01-01T00:00:00+14:00",
        "2026-01-01T09:30:00",
        "6/1/2024 12:00 PM",
    ],
)
def test_text_that_is_no_whole_date_is_none(printed: str) -> None:
    assert parse_date(printed) is None


@given(DAYS)
def test_every_form_of_a_day_gives_that_day(day: date) -> None:
    month = MONTHS[day.month]
    forms = [
        f"{month} {day.day}, {day.year}",
        f"{month} {day.day} {day.year}",
        f"{month[:3]}. {day.day} , {day.year}",
        f"{month[:3].upper()} {day.day:02d}, {day.year}",
        f"{day.month}/{day.day}/{day.year}",
        f"{day.month:02d}-{day.day:02d}-{day.year}",
        f"{day.month}.{day.day}.{day.year}",
        f"{day.day} {month} {day.year}",
        day.isoformat(),
    ]
    if 2000 <= day.year < 2070:
        forms += [
            f"{day.month}/{day.day}/{day.year % 100:02d}",
            f"{day.month:02d}.{day.day:02d}.{day.year % 100:02d}",
        ]
    for form in forms:
        assert parse_date(form) == day, form
        assert find_dates(f"effective {form}, it holds") == ((day, 10, 10 + len(form)),), form


@pytest.mark.parametrize("printed", ["12/31/9999", "9999-12-31", "12-31-9999", "99991231"])
def test_last_day_of_the_year_9999_is_an_open_end(printed: str) -> None:
    assert is_open_end(printed)
    assert parse_date(printed) is None


def test_other_last_days_are_no_open_end() -> None:
    assert not any(map(is_open_end, ("12/31/2026", "12/31/99", "9999", "")))


def test_dates_are_found_where_they_stand_in_a_sentence() -> None:
    text = "Posted 10/04/2022 – Updated 12/02/2022 & Oct. 28, 2022"
    assert [(day, text[start:end]) for day, start, end in find_dates(text)] == [
        (date(2022, 10, 4), "10/04/2022"),
        (date(2022, 12, 2), "12/02/2022"),
        (date(2022, 10, 28), "Oct. 28, 2022"),
    ]


def test_date_at_the_end_of_a_file_name_is_found() -> None:
    assert [day for day, _, _ in find_dates("PCA-1-20-01516-WEB_05222020")] == [date(2020, 5, 22)]


@pytest.mark.parametrize(
    "text",
    [
        "Sections 3.3.B and 3.6.2.4 of Chapter 3",
        "42 CFR 410.2 and 45 CFR 162.1002",
        "call (877) 735-1326 or 888-454-0013",
        "form 23.03.882.1 X (5/19)",
        "ratio 1/2/3 of 4",
        "on 2/30/2024 nothing happens",
        "see 3.6.24 below",
        "id 112/28/2023",
    ],
)
def test_numbers_that_are_no_dates_are_not_found(text: str) -> None:
    assert find_dates(text) == ()


@given(st.text())
def test_any_text_is_read_without_error(text: str) -> None:
    parse_date(text)
    for _, start, end in find_dates(text):
        assert 0 <= start < end <= len(text)
