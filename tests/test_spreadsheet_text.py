"""Printed text in cells of a spreadsheet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.spreadsheet_text import neutral


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\ttext",
        "  =1+1",
        "\n@x",
        "＝1＋1",
        "'=1",
        "'quoted'",
        '=HYPERLINK("http://a.example","x")',
    ],
)
def test_text_that_a_spreadsheet_might_compute_gets_an_apostrophe(text: str) -> None:
    assert neutral(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "E0466", "0042", "a=b", "1-2", "a'=1", " text", "(+)"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text


@given(st.text(alphabet="'= a", max_size=6), st.text(alphabet="'= a", max_size=6))
def test_no_two_texts_come_out_alike(one: str, other: str) -> None:
    assert (neutral(one) == neutral(other)) == (one == other)
