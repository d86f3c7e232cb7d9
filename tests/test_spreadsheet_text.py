"""Printed text in cells of a spreadsheet."""

from __future__ import annotations

import pytest

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
        '=HYPERLINK("http://a.example","x")',
    ],
)
def test_text_that_a_spreadsheet_might_compute_gets_an_apostrophe(text: str) -> None:
    assert neutral(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "E0466", "0042", "a=b", "1-2", "'=1", " text", "(+)"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert neutral(text) == text
