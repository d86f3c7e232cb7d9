"""Coverage policies in JSON: what each says, where, and what becomes of files that are broken."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from datetime import date
from typing import Any

import pytest

from extractors.extract import extract
from extractors.policies.coverage_codes import Said, named_codes
from extractors.policies.passages import read_passages, words_of
from extractors.policies.policy import Policy
from extractors.policies.read import extract_policies, read_policies
from extractors.policies.stances import group_stance, stances
from extractors.prose.mentions import find_mentions
from extractors.reading import ExtractionError, Row
from extractors.records import Extract, Record, arrange
from extractors.sniff import JSON, TEXT, sniff
from flows.registry import load_source
from schemas.provenance import Place
from schemas.source import Source
from schemas.tables import TABLES
from tests.conftest import ROOT, shared

ADDRESS = "https://policies.example/lcd-details.aspx?LCDId={}&ContrID=140"
# A code as print has it, told from a longer word or number.
PRINTED_CODE = re.compile(r"(?<![A-Za-z0-9])[A-CEGHJ-MP-V]\d{4}(?![A-Za-z0-9])")


def source() -> Source:
    return Source.model_validate(
        {
            "source": "policies",
            "document": "collected",
            "title": "Policies",
            "publisher": "A publisher",
            "kind": "coverage_policy",
            "tier": 1,
            "cadence": "irregular",
            "expect": {"rows": [1, 100]},
        }
    )


def policy(**other: Any) -> dict[str, Any]:
    return {
        "lcdName": "Canes",
        "lcdUrl": ADDRESS.format(33733),
        "hcpcsModifiers": "EY, GA",
        "documentationRequirements": "<p>Keep the order.</p>",
        "coverageGuidance": "<p>A cane (E0100) is covered if criterion 1 is met.</p>",
        **other,
    }


def said(value: Any) -> Extract:
    return extract_policies(json.dumps(value).encode(), source())


def rows(extracted: Extract, table: str) -> list[Record]:
    return [record for record in extracted.records if record.table == table]


def coverage(*paragraphs: str) -> dict[str, str]:
    """What a policy with these paragraphs says of each code."""
    guidance = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    found = rows(said([policy(coverageGuidance=guidance)]), "coverage_codes")
    return {record.values["code"]: record.values["coverage"] for record in found}


# ---------------------------------------------------------------- the collection


@pytest.fixture(scope="module")
def printed() -> list[dict[str, str]]:
    path = shared("corpus", "narrative", "lcd_data_kcereno.json")
    collected: list[dict[str, str]] = json.loads(path.read_bytes())
    return collected


@pytest.fixture(scope="module")
def collected(printed: list[dict[str, str]]) -> Extract:
    path = shared("corpus", "narrative", "lcd_data_kcereno.json")
    return extract(path.read_bytes(), load_source(ROOT / "sources" / "dme_lcds.yml"))


def number(each: dict[str, str]) -> str:
    found = re.search(r"lcdid=(\d+)", each["lcdUrl"].lower())
    assert found
    return f"L{found[1]}"


def visible(each: dict[str, str]) -> str:
    text = f"{each['documentationRequirements']} {each['coverageGuidance']}"
    return html.unescape(re.sub(r"<[^>]*>", " ", text))


def test_the_collection_has_58_policies_in_its_order_with_their_modifiers_and_addresses(
    collected: Extract, printed: list[dict[str, str]]
) -> None:
    found = rows(collected, "coverage_policies")
    assert len(found) == 58
    assert [record.values["policy"] for record in found] == [number(each) for each in printed]
    assert [record.values["title"] for record in found] == [each["lcdName"] for each in printed]
    for record, each in zip(found, printed, strict=True):
        assert ", ".join(record.values["modifiers"]) == each["hcpcsModifiers"]
        assert record.values["address"] == each["lcdUrl"]
        assert not record.faults
    assert [record.place for record in found] == [Place(page, 1) for page in range(1, 59)]


def test_every_code_in_the_visible_text_of_a_policy_is_mentioned_and_no_other(
    collected: Extract, printed: list[dict[str, str]]
) -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for record in rows(collected, "code_mentions"):
        found[record.values["policy"]].add(record.values["code"])
        assert record.values["code_raw"] in record.values["sentence"]
    for each, record in zip(printed, rows(collected, "coverage_policies"), strict=True):
        text = visible(each)
        assert found[number(each)] == set(PRINTED_CODE.findall(text)), number(each)
        assert set(record.values["codes"] or ()) == found[number(each)]


def test_every_policy_has_sections_with_words_and_no_markup_or_entities(
    collected: Extract, printed: list[dict[str, str]]
) -> None:
    sections = rows(collected, "bulletin_sections")
    with_words = {record.values["policy"] for record in sections if record.values["text"]}
    assert with_words == {number(each) for each in printed}
    for record in sections:
        words = f"{record.values['heading']} {record.values['text']}"
        assert not re.search(r"&[a-z]+;|&#\d+;|</?(?:p|br|li|span|strong)\b", words), words[:200]
    headings = {record.values["heading"] for record in sections}
    assert {"INITIAL COVERAGE:", "REFILL REQUIREMENTS", "Utilization Guidelines"} <= headings
    ordinals = [record.values["ordinal"] for record in sections if record.place.page == 37]
    assert ordinals == list(range(1, len(ordinals) + 1))
    assert len(ordinals) > 10


def test_the_collection_balances_and_every_row_stands_on_its_line(collected: Extract) -> None:
    path = shared("corpus", "narrative", "lcd_data_kcereno.json")
    lines = {
        (line.place.page, line.place.line): line.raw_text
        for line in read_policies(path.read_bytes()).lines
    }
    assert collected.tally.unaccounted == 0
    assert collected.tally.lines_seen == len(lines)
    for record in collected.records:
        first = record.raw_text.split("\n")[0]
        assert first in lines[record.place.page, record.place.line]


def test_the_collection_says_of_no_code_that_it_is_covered_without_conditions(
    collected: Extract,
) -> None:
    found = {
        (record.values["policy"], record.values["code"]): record
        for record in rows(collected, "coverage_codes")
    }
    assert "covered" not in {record.values["coverage"] for record in found.values()}
    expected = {
        ("L33718", "E0601"): "conditional",
        ("L33735", "E0218"): "not_covered",
        ("L33787", "L5990"): "not_covered",
        ("L33612", "A7047"): "not_covered",
        # An item that has no code of its own is denied, and not all that the code is for.
        ("L33794", "E1399"): "unknown",
        # A table of usual quantities says nothing of coverage.
        ("L33832", "A4629"): "unknown",
    }
    for key, what in expected.items():
        assert found[key].values["coverage"] == what, key
    e0218 = found["L33735", "E0218"]
    assert "will be denied as not reasonable and necessary" in e0218.raw_text


def test_ranges_of_the_collection_keep_both_ends(collected: Extract) -> None:
    found = [record.values for record in rows(collected, "coverage_codes")]
    ranges = {
        (each["policy"], each["code"], each["code_end"]) for each in found if each["code_end"]
    }
    assert ("L33831", "A6196", "A6199") in ranges
    assert all(code < code_end for _, code, code_end in ranges)


def test_the_rows_of_the_collection_have_the_columns_of_their_tables(collected: Extract) -> None:
    origin = {"source": "a", "document": "b", "sha256": "0" * 64, "url": None}
    for name in ("coverage_policies", "coverage_codes", "bulletin_sections", "citations"):
        table = arrange(TABLES[name], rows(collected, name), origin)
        assert table.num_rows == len(rows(collected, name))
        assert table.column("policy").null_count == 0
        keys = table.column("row_key").to_pylist()
        assert len(set(keys)) == len(keys)


# ---------------------------------------------------------------- what is covered


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("A cane (E0100) is covered.", {"E0100": "covered"}),
        ("Claims for A7047 will be denied as not reasonable and necessary.", "not_covered"),
        ("Canes (E0100, E0105) are covered if criteria 1-3 are met:", "conditional"),
        ("A cane (E0100) is covered for beneficiaries who limp.", "conditional"),
        ("If an E0100 is provided and criteria are not met, it is not covered.", "conditional"),
        # No case is told, but perhaps above.
        ("If an E0100 or E0105 is ordered, it will be denied as noncovered.", {}),
        # Said of a number, a part or a use of the item, or of another one.
        ("More than three canes (E0100) are not covered.", "conditional"),
        ("A replacement cane (E0100) is not covered.", {}),
        ("Claims for canes other than E0100 will be denied as not reasonable and necessary.", {}),
        ("A tip billed with E0100 is not covered.", {}),
        # Denied as something else, or not said at all.
        ("Claims for E0100 will be denied as incorrect coding.", {}),
        ("The code for a cane is E0100.", {}),
        ("It is not reasonable and necessary to use both a walker and a cane (E0100).", {}),
        ("Repairs to E0100 are not covered.", "conditional"),
        ("Repairs on a cane (E0100) are not covered.", {}),
        ("Tips in the E0100 are not covered.", {}),
        ("E0100 batteries are not covered.", {}),
        # Denied by a word far from the verb, or in doubt.
        ("Neither E0100 nor E0105 is covered.", {}),
        ("A cane (E0100) never is covered.", {}),
        ("A cane (E0100), but never E0105, is covered.", {}),
        ("Unlike E0105, E0100 is covered.", {}),
        ("Whether E0100 is covered.", {}),
        ("A cane (E0100) usually is covered.", {}),
        ("Some canes (E0100) are covered.", {}),
        ("A cane (E0100) may be denied as not reasonable and necessary.", {}),
        ("A cane (E0100) cannot be denied as not medically necessary.", {}),
        ("A cane with strap (E0100) is not covered.", "not_covered"),
        # Said of what has no code of its own.
        ("An odd device (E1399) is not reasonable and necessary.", {}),
    ],
)  # fmt: skip
def test_a_sentence_says_only_what_it_plainly_says(
    sentence: str, expected: dict[str, str] | str
) -> None:
    mentions = find_mentions(sentence)
    if isinstance(expected, str):
        expected = {mention.code: expected for mention in mentions}
    assert stances(sentence, mentions) == expected


def test_a_plain_statement_below_words_that_introduce_it_is_no_statement_of_its_own() -> None:
    assert coverage("A cane (E0100) is covered.") == {"E0100": "covered"}
    assert coverage("Where criteria 1 to 3 are met:", "A cane (E0100) is covered.") == {
        "E0100": "unknown"
    }
    assert coverage("These are the criteria. A cane (E0100) is covered.") == {"E0100": "unknown"}


def test_sentences_that_disagree_make_a_code_conditional_or_unknown() -> None:
    denied = "A cane (E0100) is not covered."
    assert coverage(denied, "A cane (E0100) is covered.") == {"E0100": "unknown"}
    assert coverage(denied, "A cane (E0100) is covered if needed.") == {"E0100": "conditional"}


def test_two_codes_with_a_dash_between_them_are_a_range_and_with_a_comma_they_are_two() -> None:
    text = "Canes (E0100 – E0105), crutches (E0110, E0112) and odd ones (E0120-K0001)."
    found = named_codes(Policy("$", "lcd", "L1"), [Said(text, Place(1, 1), text, "")])
    assert [(each.values["code"], each.values["code_end"]) for each in found] == [
        ("E0100", "E0105"),
        ("E0110", None),
        ("E0112", None),
        ("E0120", None),
        ("K0001", None),
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The following CPT/HCPCS codes are not covered:", "not_covered"),
        ("These codes are covered.", "covered"),
        ("The following HCPCS codes are covered when the criteria are met.", "conditional"),
        ("Group 1 codes", "unknown"),
        ("The following codes are covered in Ohio", "unknown"),
    ],
)
def test_words_above_a_group_of_codes_count_where_they_speak_of_all_of_them(
    words: str, expected: str
) -> None:
    assert group_stance(words) == expected


# ---------------------------------------------------------------- answers of the interface


def answer(*records: dict[str, Any]) -> dict[str, Any]:
    return {"meta": {"status": {"id": 200, "message": "OK"}}, "data": list(records)}


ARTICLE = {
    "article_id": 52514,
    "article_version": 7,
    "display_id": "A52514",
    "title": "Oxygen &amp; its equipment",
    "article_eff_date": "04/01/2023",
    "article_rev_end_Date": "12/31/9999",
    "article_end_date": "N/A",
    "last_updated": "05/02/2023",
    "description": "&lt;p&gt;See &ldquo;L33797&rdquo; and code E1390.&lt;/p&gt;",
    "keywords": "oxygen",
}
OF_ARTICLE = {"article_id": 52514, "article_version": 7}


def test_answers_about_an_article_make_one_policy_with_its_codes_groups_and_history() -> None:
    extracted = said(
        [
            answer(ARTICLE),
            answer(
                {**OF_ARTICLE, "hcpc_code_id": "E1390", "hcpc_code_group": 1,
                 "long_description": "words of ours", "range": "N"},
                {**OF_ARTICLE, "hcpc_code_id": "99213", "hcpc_code_group": 2,
                 "long_description": "words of others"},
            ),
            answer({**OF_ARTICLE, "hcpc_code_group": 1,
                    "paragraph": "<p>The following codes are not covered:</p>"}),
            answer({**OF_ARTICLE, "hcpc_modifier_code_id": "KX", "hcpc_modifier_group": 1}),
            answer({**OF_ARTICLE, "rev_hist_num": 7, "rev_hist_date": "04/01/2023",
                    "rev_hist_exp": "<p>Codes added.</p>"}),
            answer({**OF_ARTICLE, "contractor_id": 140}),
        ]
    )  # fmt: skip
    (found,) = rows(extracted, "coverage_policies")
    expected = {
        "policy": "A52514",
        "kind": "article",
        "version": "7",
        "title": "Oxygen & its equipment",
        "effective_from": date(2023, 4, 1),
        "effective_to": None,
        "updated_on": date(2023, 5, 2),
        "modifiers": ["KX"],
        "codes": ["E1390", "99213"],
    }
    assert expected.items() <= found.values.items()
    codes = [record.values for record in rows(extracted, "coverage_codes")]
    columns = ("code_system", "code", "group", "coverage", "description")
    assert [tuple(each[name] for name in columns) for each in codes] == [
        ("HCPCS", "E1390", 1, "not_covered", "words of ours"),
        ("CPT", "99213", 2, "unknown", None),
    ]
    assert not any("words of others" in record.raw_text for record in extracted.records)
    (revision,) = rows(extracted, "revisions")
    assert revision.values["changed_on"] == date(2023, 4, 1)
    assert revision.values["description"] == "Codes added."
    (section,) = rows(extracted, "bulletin_sections")
    assert section.values["text"] == "See “L33797” and code E1390."
    assert [record.values["normalized"] for record in rows(extracted, "citations")] == ["L33797"]
    assert extracted.tally.unaccounted == 0
    assert extracted.tally.ignored["record of another sort"] == 1
    assert not extracted.problems


def test_codes_of_a_policy_that_is_not_in_the_file_hold_the_document_by_their_path() -> None:
    other = {"article_id": 52514, "article_version": 8, "hcpc_code_id": "E1390"}
    extracted = said([answer(ARTICLE), answer(other)])
    (problem,) = extracted.problems
    assert problem.holds
    assert "$[1].data[0] belongs to A52514 version 8" in problem.message
    assert extracted.tally.unaccounted == 0


def test_an_answer_with_codes_alone_is_refused() -> None:
    with pytest.raises(ExtractionError, match="none of the 1 records of the answer is a policy"):
        said(answer({**OF_ARTICLE, "hcpc_code_id": "E1390"}))


# ---------------------------------------------------------------- files that are broken


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"lcdUrl": "https://policies.example/"}, "$[1].lcdUrl: 'https://policies.example/' has"),
        ({"coverageGuidance": 7}, "$[1].coverageGuidance is a number and no text"),
        ({"documentationRequirements": None}, "$[1].documentationRequirements is null"),
        ({"hcpcsModifiers": "EY; GA"}, "$[1].hcpcsModifiers: 'EY; GA' is no modifier"),
    ],
)
def test_a_policy_with_a_value_of_the_wrong_type_is_a_row_with_its_fault_and_harms_no_other(
    change: dict[str, Any], fault: str
) -> None:
    extracted = said([policy(), policy(lcdUrl=ADDRESS.format(1)) | change])
    first, second = rows(extracted, "coverage_policies")
    assert not first.faults
    assert second.faults[0].startswith(fault)
    assert {record.place.page for record in rows(extracted, "code_mentions")} == {1}
    assert extracted.tally.unaccounted == 0


def test_a_policy_without_a_key_and_one_that_is_no_object_are_rows_with_their_faults() -> None:
    cut = policy()
    del cut["coverageGuidance"]
    _, second, third = rows(said([policy(), cut, 3]), "coverage_policies")
    assert second.faults == ("$[1] has no key 'coverageGuidance'",)
    assert third.faults == ("$[2] is a number and no policy",)


def test_a_policy_that_the_file_has_twice_holds_the_document() -> None:
    (problem,) = said([policy(), policy()]).problems
    assert problem.holds
    assert "$[1] is policy L33733 again" in problem.message


def test_a_value_under_an_unknown_key_is_counted_as_left_out() -> None:
    extracted = said([policy(status="A", other=None)])
    assert extracted.tally.ignored == {"value under a key that is not known": 1}
    assert extracted.tally.unaccounted == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not whole JSON"),
        (b"<html><body>Sign in</body></html>", "not whole JSON: Expecting value at line 1"),
        (json.dumps([policy()]).encode()[:-30], "not whole JSON"),
        (b"[" * 200_000, "nests beyond all measure"),
        (b'{"data": ' * 100_000, "nests beyond all measure"),
        (b'[{"lcdName": "a", "lcdName": "b"}]', "the key 'lcdName' twice"),
        (b'[{"lcdName": NaN}]', "NaN is no JSON value"),
        (b'[{"lcdName": "\xff"}]', "not in UTF-8 at byte 14"),
        (b"[" + b"9" * 5000 + b"]", "cannot be read"),
        (b"[]", "a list of 0 values"),
        (b"[1, 2]", "the first of which is a number"),
        (b'{"error": "none"}', "an object with the keys 'error'"),
        (b'{"data": {"title": "x"}}', r"\$.data is an object and no list of records"),
        (b'{"data": [1]}', r"\$.data\[0\] is a number and no record"),
    ],
)
def test_what_is_no_whole_list_of_policies_is_refused_in_one_sentence(
    data: bytes, message: str
) -> None:
    with pytest.raises(ExtractionError, match=message):
        extract_policies(data, source())


def test_html_that_nests_beyond_all_measure_is_refused_by_its_path() -> None:
    deep = "<div>" * 5000
    with pytest.raises(ExtractionError, match=r"^\$\[0\]\.coverageGuidance: "):
        said([policy(coverageGuidance=f"{deep}E0100")])


def test_half_a_character_in_a_text_is_read_as_one_that_nobody_knows() -> None:
    data = json.dumps([policy()]).replace("A cane", "A \\ud800cane").encode()
    (section, *_) = rows(extract_policies(data, source()), "bulletin_sections")[::-1]
    assert "A ?cane (E0100)" in section.values["text"]


def test_json_is_told_from_text_that_begins_with_a_bracket() -> None:
    assert sniff(b'\xef\xbb\xbf [\n {"lcdName": ""}]') is JSON
    assert sniff(b'{"meta": {}, "data": []}') is JSON
    assert sniff(b"[Prior authorization](https://payer.example/) is required.") is TEXT
    assert sniff(b"{E0100} is a code") is TEXT


def test_tags_that_are_never_closed_are_words() -> None:
    open_tags = "<a" * 100_000
    assert words_of(f"<p>x</p>{open_tags}") == f"x {open_tags}"


def test_words_of_licensed_codes_in_tables_are_left_out_and_their_codes_are_not() -> None:
    table = (
        "<table><tr><td>99999</td><td>invented words of a licence</td><td>1</td></tr>"
        "<tr><td>D9999</td><td>other invented words</td><td>2</td></tr>"
        "<tr><td>E0100</td><td>words of a cane</td><td>3</td></tr></table>"
    )
    rows = read_passages("$", table, Place(1, 1), 0).lines
    assert [row.cells for row in rows if isinstance(row, Row)] == [
        ("99999", "\u2026", "1"),
        ("D9999", "\u2026", "2"),
        ("E0100", "words of a cane", "3"),
    ]
    assert "invented" not in "".join(row.raw_text for row in rows)
