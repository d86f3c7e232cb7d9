"""Footnotes and the rows for which they hold."""

from __future__ import annotations

from extractors.reading import Passage, Reading, Row
from extractors.tables import Assembly, assemble
from extractors.text import read_text
from schemas.provenance import Place
from schemas.source import TableRules

RULES = TableRules.model_validate(
    {
        "columns": {"code": ["Code"], "pa": ["PA"]},
        "layouts": [["code", "pa"]],
        "statuses": {"Yes": "required"},
        "lines": [
            {"rule": "legend", "scope": "document", "pattern": r"(?P<mark>†) (?P<footnote>.+)"},
            {"rule": "footnote", "pattern": r"(?P<mark>\*+) ?(?P<footnote>.+)"},
        ],
    }
)


def page(number: int, *lines: str) -> list[Row | Passage]:
    """The lines of a page: rows where they have a tab."""
    found: list[Row | Passage] = []
    for line, text in enumerate(lines, start=1):
        place = Place(number, line)
        if "\t" in text:
            found.append(Row(place, tuple(text.split("\t")), text, number))
        else:
            found.append(Passage(place, text, text))
    return found


def read(*lines: Row | Passage) -> Assembly:
    return assemble(Reading(lines, len(lines), pages=3), RULES)


def test_same_mark_says_another_thing_on_another_page() -> None:
    found = read(
        *page(1, "Code\tPA", "43860*\tYes", "* from July on"),
        *page(2, "* until June", "Code\tPA", "43860*\tYes", "** for adults"),
    )
    assert [row.footnotes for row in found.rows] == [
        (("*", "from July on"),),
        (("*", "until June"), ("**", "for adults")),
    ]
    assert found.tally.ignored == {"footnote": 3}
    assert found.tally.unaccounted == 0


def test_footnote_of_the_whole_document_holds_on_every_page() -> None:
    found = read(
        *page(1, "Code\tPA", "43860†\tYes"), *page(2, "Code\tPA", "43861\tYes", "† since May")
    )
    assert [row.footnotes for row in found.rows] == [(("†", "since May"),)] * 2
    assert all("mark" not in row.carried for row in found.rows)


def test_footnote_printed_twice_on_a_page_is_kept_once() -> None:
    (row,) = read(*page(1, "Code\tPA", "43860*\tYes", "* from July", "* from July")).rows
    assert row.footnotes == (("*", "from July"),)


def test_second_line_of_a_footnote_that_no_rule_explains_is_a_problem() -> None:
    found = read(*page(1, "Code\tPA", "43860*\tYes", "* from July on,", "unless urgent"))
    (problem,) = found.problems
    assert "'unless urgent'" in str(problem)
    assert found.tally.unaccounted == 1


def test_without_pages_a_footnote_holds_between_two_headers() -> None:
    lines = "Code\tPA", "43860*\tYes", "* first", "Code\tPA", "43860*\tYes", "43861\tYes"
    found = assemble(read_text("\n".join(lines).encode()), RULES)
    assert [len(row.footnotes) for row in found.rows] == [1, 0, 0]


def test_rows_alike_whose_mark_says_two_things_are_no_duplicates() -> None:
    first = page(1, "Code\tPA", "43860*\tYes", "43861\tYes", "* from July on")
    second = page(2, "Code\tPA", "43860*\tYes", "43861\tYes", "* until June")
    assert [row.cells["code"] for row in read(*first, *second).rows] == [
        "43860*",
        "43861",
        "43860*",
    ]
