"""A draft of a source file: what it proposes reads the list that it was made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import yaml
from pydantic import ValidationError

from extractors.draft import draft
from extractors.extract import extract, read
from extractors.reading import ExtractionError, Passage, Reading, Row
from schemas.provenance import Place
from schemas.source import Source
from tests.conftest import shipped
from tests.drawing import PrintedList, draw_html, draw_text, list_from_dump
from tests.test_docs import ACME


def completed(data: bytes) -> Source:
    said = yaml.safe_load(draft(read(data), "acme"))
    said |= {"title": "Acme", "publisher": "Acme", "payer": {"id": "acme", "name": "Acme"}}
    said |= {"tier": 1, "line_of_business": "commercial", "cadence": "yearly"}
    return Source.model_validate(said)


def test_draft_of_an_ordinary_list_reads_it_whole() -> None:
    data = "\n".join(ACME).encode()
    found = extract(data, completed(data))
    assert len(found.records) == 70
    assert found.problems == ()
    assert found.tally.unaccounted == 0
    assert all(record.faults == () for record in found.records)


@pytest.mark.parametrize("draw", [draw_text, draw_html])
def test_draft_of_the_cigna_list_has_its_columns_layouts_and_statuses(
    draw: Callable[[PrintedList], bytes],
) -> None:
    path = shipped("cigna_commercial_dme", "prior_authorization_list")
    data = draw(list_from_dump(path))
    source = completed(data)
    found = extract(data, source)
    assert source.table is not None
    assert [len(layout) for layout in source.table.layouts] == [7, 5]
    assert source.table.statuses == {
        "Yes": "required", "No": "not_required", "Out Of Scope": "out_of_scope",
    }  # fmt: skip
    assert Counter(record.values["pa_status"] for record in found.records) == {
        "out_of_scope": 402, "required": 216, "not_required": 25,
    }  # fmt: skip


def test_draft_that_nobody_completed_is_no_source() -> None:
    said = yaml.safe_load(draft(read("\n".join(ACME).encode()), "acme"))
    with pytest.raises(ValidationError):
        Source.model_validate(said)
    with pytest.raises(ValidationError, match="still says TODO"):
        Source.model_validate(
            said | {"tier": 1, "line_of_business": "commercial", "cadence": "yearly"}
        )


def test_word_that_leaves_a_doubt_is_proposed_as_a_comment_only() -> None:
    rows = "\n".join(f"A{4200 + n}\t{'See policy' if n % 2 else 'Yes'}" for n in range(20))
    said = draft(read(f"HCPCS Code\tPA Required\n{rows}".encode()), "acme")
    assert "# 'See policy': TODO  # 10 rows" in said
    assert yaml.safe_load(said)["table"]["statuses"] == {"Yes": "required"}


def test_column_not_understood_stands_as_a_comment_and_its_header_would_be_held() -> None:
    data = b"HCPCS Code\tZone\tPA\nA4200\t7\tYes\n"
    said = draft(read(data), "acme")
    assert "a column not understood: 'Zone'" in said
    (problem,) = extract(data, completed(data)).problems
    assert "unknown column 'Zone'" in str(problem)


def test_lines_that_differ_in_numbers_alone_share_one_rule() -> None:
    source = completed("\n".join(ACME).encode())
    assert source.table is not None
    assert [rule.pattern for rule in source.table.lines] == [
        "Prior Authorization List: Supplies",
        r"Page \d+ of \d+",
    ]


def test_prose_gives_no_draft() -> None:
    with pytest.raises(ExtractionError, match="no table with a header"):
        draft(read(b"Dear provider,\n\nE0466 is covered.\n"), "acme")


def sheet(page: int, *rows: tuple[str, ...]) -> list[Row | Passage]:
    return [
        Row(Place(page, line), cells, "\t".join(cells), page)
        for line, cells in enumerate(rows, start=1)
    ]


def test_sheets_with_codes_are_proposed_and_lines_above_their_header_need_no_rule() -> None:
    lines = [
        *sheet(1, ("Call us", "")),
        *sheet(2, ("Acme (all)", ""), ("Code", "PA"), ("A4200", "Yes"), ("* since May", "")),
    ]
    reading = Reading(tuple(lines), len(lines), 2, sheets=("Help", "List (1)"))
    said = draft(reading, "acme")
    table = yaml.safe_load(said)["table"]
    assert table["sheets"] == [r"List \(1\)"]
    assert [rule["pattern"] for rule in table["lines"]] == [r"\* since May"]
    assert "# Sheets: 'Help', 'List (1)'" in said


def test_list_without_pa_column_is_left_to_whoever_knows_what_it_means() -> None:
    said = draft(read(b"Procedure\tCPT code(s)\nKnee\t27440\nHip\t27130, 27132\n"), "acme")
    table = yaml.safe_load(said)["table"]
    assert table == {
        "columns": {"code": ["CPT code(s)"], "description": ["Procedure"]},
        "layouts": [["description", "code"]],
    }
    assert "# listed_means: TODO" in said


def test_columns_with_a_mark_each_are_named_and_their_meaning_is_not_guessed() -> None:
    said = draft(read(b"Code\tMedicaid\tMedicare\nA4200\tX\t\nA4201\tX\tX\n"), "acme")
    table = yaml.safe_load(said)["table"]
    assert table["layouts"] == [["code", "pa_medicaid", "pa_medicare"]]
    assert "statuses" not in table
    assert "# marked: {pa_medicaid: TODO, pa_medicare: TODO}" in said
    assert "# marks: ['X']" in said


def test_labels_on_two_lines_are_proposed_as_one() -> None:
    lines = sheet(1, ("", "", "Prior Auth"), ("Code", "Description", "Required?"),
                  ("A4200", "brace", "Yes"))  # fmt: skip
    reading = Reading(tuple(lines), len(lines), 1)
    assert yaml.safe_load(draft(reading, "acme"))["table"]["columns"]["pa"] == [
        "Prior Auth Required?"
    ]


def test_footnotes_whose_mark_a_code_carries_are_proposed_as_such() -> None:
    data = b"Code\tPA\n43860*\tYes\n43861\tYes\n* for adults\n** for children\n"
    table = yaml.safe_load(draft(read(data), "acme"))["table"]
    (rule,) = table["lines"]
    assert "(?P<footnote>" in rule["pattern"]
