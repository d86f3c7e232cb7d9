"""One printed list in three formats: what a payer publishes as text, PDF or HTML reads the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.extract import extract
from extractors.records import Extract
from flows.registry import load_source
from schemas.source import Source
from tests.conftest import ROOT, shared
from tests.drawing import (
    Cells,
    PrintedList,
    Section,
    draw_html,
    draw_pdf,
    draw_text,
    list_from_dump,
    paged,
)

SOURCE = Source.model_validate(
    {
        "source": "invented",
        "document": "list",
        "title": "An invented list",
        "publisher": "Invented Health Plan",
        "kind": "pa_list",
        "tier": 1,
        "payer": {"id": "invented", "name": "Invented Health Plan"},
        "line_of_business": "commercial",
        "cadence": "irregular",
        "table": {
            "columns": {
                "category": ["Category"],
                "code": ["CPT® Code"],
                "description": ["Description"],
                "pa": ["PA Required?"],
                "notes": ["Notes"],
            },
            "layouts": [
                ["category", "code", "description", "pa", "notes"],
                ["code", "pa", "description"],
            ],
            "statuses": {"Yes": "required", "No": "not_required", "Out Of Scope": "out_of_scope"},
            "carry_down": ["category"],
            "lines": [
                {"rule": "title", "pattern": r"\**(?P<list_title>Invented list of \w+)\**"},
                {"rule": "section", "pattern": r"\**Part (?P<section>\w+)\**"},
                {"rule": "copyright", "pattern": r"Copyright .*"},
            ],
        },
        "expect": {"rows": [1, 1000]},
    }
)
HEADERS: tuple[Cells, ...] = (
    ("Category", "CPT® Code", "Description", "PA Required?", "Notes"),
    ("CPT® Code", "PA Required?", "Description"),
)

# Words that fit the narrowest column; a longer one would be broken over lines.
WORDS = st.text("abcxyzÉé®0189&<>\"'();/|%#*-–", min_size=1, max_size=5)
# A cell of a text that begins with a quotation mark may be a quoted one, and its row has a fault.
PHRASES = st.lists(WORDS, max_size=12).map(" ".join).filter(lambda text: text[:1] != '"')
CODES = st.from_regex(r"[AEKL][0-9]{4}|[0-9]{5}", fullmatch=True)
STATUSES = st.sampled_from(["Yes", "No", "Out Of Scope"])
ROWS = (st.tuples(PHRASES, CODES, PHRASES, STATUSES, PHRASES), st.tuples(CODES, STATUSES, PHRASES))


@st.composite
def printed_lists(draw: st.DrawFn) -> PrintedList:
    """Lists of one or two sections in either layout, with pages of a few rows."""
    sections = []
    for name in draw(st.lists(st.sampled_from("ABC"), min_size=1, max_size=2, unique=True)):
        layout = draw(st.integers(0, 1))
        rows = draw(st.lists(ROWS[layout], min_size=1, max_size=7, unique=True))
        title = (f"Invented list of {name}", f"Part {name}")
        pages = paged(rows, draw(st.integers(2, 5)))
        sections.append(Section(title, HEADERS[layout], pages))
    return PrintedList(tuple(sections), draw(st.sampled_from(["", "Copyright © 2026 nobody"])))


def rules_of(extracted: Extract) -> list[dict[str, Any]]:
    return [record.values | {"faults": record.faults} for record in extracted.records]


def lines_but_blank(extracted: Extract) -> Counter[str]:
    return Counter({rule: n for rule, n in extracted.tally.ignored.items() if rule != "blank"})


@given(printed=printed_lists())
@settings(max_examples=40, deadline=None)
def test_any_list_reads_the_same_as_text_pdf_and_html(printed: PrintedList) -> None:
    text, pdf, html = (extract(draw(printed), SOURCE) for draw in (draw_text, draw_pdf, draw_html))
    assert [rule["code_raw"] for rule in rules_of(text)] == [
        row[section.header.index("CPT® Code")]
        for section in printed.sections
        for row in section.rows
    ]
    assert rules_of(pdf) == rules_of(text)
    assert rules_of(html) == rules_of(text)
    assert lines_but_blank(pdf) == lines_but_blank(html) == lines_but_blank(text)
    for extracted in (text, pdf, html):
        assert extracted.tally.headers == sum(len(section.pages) for section in printed.sections)
        assert extracted.tally.unaccounted == 0
        assert extracted.title == text.title
        assert all(not problem.holds for problem in extracted.problems)


def draw_wide_pdf(printed: PrintedList) -> bytes:
    """On paper so wide that no word is broken: broken, it would read as two words."""
    return draw_pdf(printed, paper=(2600, 1000))


@pytest.mark.parametrize("draw", [draw_wide_pdf, draw_html], ids=["pdf", "html"])
def test_list_of_a_payer_reads_the_same_in_another_format(
    draw: Callable[[PrintedList], bytes],
) -> None:
    path = shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt")
    source = load_source(ROOT / "sources" / "cigna_commercial_dme.yml")
    text = extract(path.read_bytes(), source)
    other = extract(draw(list_from_dump(path)), source)
    assert len(rules_of(text)) == 643
    assert rules_of(other) == rules_of(text)
    assert other.tally.unaccounted == 0
    assert [str(problem) for problem in other.problems if problem.holds] == []
