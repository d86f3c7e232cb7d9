"""Narrative extraction: sentences, citations, codes, duties and the accounting of lines.

All texts are made up here, in the forms that MAC and payer notices use.
"""

from __future__ import annotations

import html
import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.html import read_html
from extractors.narrative import narrate
from extractors.prose.citations import find_citations
from extractors.prose.definitions import table_definition
from extractors.prose.entities import find_modifiers, find_payers
from extractors.prose.masks import mask
from extractors.prose.mentions import find_mentions
from extractors.prose.outline import BLANK, CUT_TABLE, TABLE_RULE
from extractors.prose.sentences import ends_sentence, split_sentences
from extractors.reading import Passage, Problem, Reading, Row
from extractors.records import Extract, arrange
from extractors.text import read_text
from schemas.provenance import Place
from schemas.source import Source
from schemas.tables import DOCUMENT_TABLES
from tests.conftest import shared

BULLETIN: dict[str, Any] = {
    "source": "example",
    "document": "notice",
    "title": "A notice",
    "publisher": "A MAC",
    "kind": "bulletin",
    "tier": 1,
    "cadence": "irregular",
    "narrative": {"headings": ["Publication History"]},
    "expect": {"rows": [1, 100]},
}


def source(**changes: Any) -> Source:
    return Source.model_validate({**BULLETIN, **changes})


def said(text: str, **changes: Any) -> Extract:
    return narrate(read_text(text.encode()), source(**changes))


def rows(extract: Extract, table: str) -> list[dict[str, Any]]:
    return [record.values for record in extract.records if record.table == table]


def blocks(*lines: Passage | Row) -> Reading:
    return Reading(lines, len(lines), pages=1)


def printed(*texts: str) -> Reading:
    """Lines as a format with geometry has them: one passage a printed line."""
    return Reading(
        tuple(
            Passage(Place(1, n, (72, 72 + 14 * n, 540, 82 + 14 * n)), text, text)
            for n, text in enumerate(texts, start=1)
        ),
        len(texts),
        pages=1,
    )


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    "text",
    [
        "See the manual (CMS Pub. 100-08), Chapter 3.",
        "Call between 9:30 a.m. and 5:00 p.m. ET, Monday through Friday.",
        "It holds as of Jan. 1, 2020 in every state.",
        "Supports (i.e., Rigid ones) and others (e.g. Soft ones) are meant.",
        "Form No. 12 of Acme, Inc. Boston is used.",
        "Refer to 42 CFR 410.2 and Section 3.6.2.4 of it.",
        "It is what Smith J. Miller wrote.",
        "Criteria in the U.S. Code apply.",
    ],
)
def test_full_stop_of_an_abbreviation_ends_no_sentence(text: str) -> None:
    assert split_sentences(text) == ((0, len(text)),)


def test_sentences_end_at_stops_brackets_and_quotes() -> None:
    text = (
        "It is under Appendix C. Effective now, it holds (create, delete, etc.). "
        "They said “no.” Was it so? It was! Products of Acme, Inc. The end."
    )
    assert [text[start:end] for start, end in split_sentences(text)] == [
        "It is under Appendix C.",
        "Effective now, it holds (create, delete, etc.).",
        "They said “no.”",
        "Was it so?",
        "It was!",
        "Products of Acme, Inc.",
        "The end.",
    ]


@given(st.text(alphabet='Aab .?!)”"1,', max_size=60))
def test_sentences_cover_all_but_the_blanks_between_them(text: str) -> None:
    spans = split_sentences(text)
    between = list(text)
    position = 0
    for start, end in spans:
        assert position <= start < end <= len(text)
        between[start:end] = [""] * (end - start)
        position = end
    assert "".join(between).strip() == ""


def test_line_that_breaks_off_does_not_end_a_sentence() -> None:
    assert ends_sentence("It is required.")
    assert ends_sentence("the following codes:")
    assert ends_sentence("(see below.)")
    assert not ends_sentence("as in CMS Pub.")
    assert not ends_sentence("on or after June 1,")


# ---------------------------------------------------------------- citations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42 CFR 410.2. This rule", ["42 CFR 410.2"]),
        ("42 CFR § 414.40 and 45 CFR § 162.1002", ["42 CFR 414.40", "45 CFR 162.1002"]),
        ("42 CFR §§ 410.2 and 414.40", ["42 CFR 410.2", "42 CFR 414.40"]),
        ("42 C.F.R. 410.38(d)(4)(ii)", ["42 CFR 410.38(d)(4)(ii)"]),
        ("42 CFR Part 414, Subpart F", ["42 CFR Part 414"]),
        ("42 CFR 410.38 and 2 others", ["42 CFR 410.38"]),
        ("89 FR 8758 and 81 Fed. Reg. 93,636", ["89 FR 8758", "81 FR 93636"]),
        ("final rule CMS-1780-F, notice CMS-6097-N", ["CMS-1780-F", "CMS-6097-N"]),
        ("forms CMS-10142, CMS-R-262 and CMS-1500", []),
        (
            "(CMS Pub. 100-08), Chapter 3, Sections 3.3.B and 3.6.2.4 specify",
            ["IOM 100-08 ch3 s3.3.B", "IOM 100-08 ch3 s3.6.2.4"],
        ),
        (
            "(Internet-Only Manual, Publ. 100-3), Chapter 1, Section 280.1",
            ["IOM 100-03 ch1 s280.1"],
        ),
        ("(CMS Pub. 100-03) in Chapter 1, Part 4, Section 280.1", ["IOM 100-03 ch1 part4 s280.1"]),
        ("IOM 100-02, Ch. 15 §110.3", ["IOM 100-02 ch15 s110.3"]),
        ("Internet Only Manual (IOM) Publication 100-08", ["IOM 100-08"]),
        ("LCD L33318 and article A52457", ["L33318", "A52457"]),
        ("the DMEPOS Quality Standards.", ["DMEPOS Quality Standards"]),
        (
            "the DMEPOS Quality Standards, Appendix C.",
            ["DMEPOS Quality Standards, Appendix C"],
        ),
    ],
)
def test_citations_come_in_one_normal_form(text: str, expected: list[str]) -> None:
    assert [citation.normalized for citation in find_citations(text)] == expected


# ---------------------------------------------------------------- codes


@pytest.mark.parametrize(
    "text",
    [
        "call (877) 735-1326 or 888-454-0013",
        "42 CFR 410.2 and 45 CFR 162.1002",
        "LCD L33318, article A52457",
        "510(k) K241822 and K173530",
        "diagnosis J45.20 or M54.50",
        "ICD-10 codes M5450, M5451 and J4520",
        "diagnosis codes G4733 through G4739",
        "Fargo ND 58108-6780, P.O. Box P1234",
        "PCA-1-20-L1516-Clinical-WEB_05222020",
        "plan H5521-001, contract H1036, H1036_2024_M",
        "Transmittal R2214, CR 13045",
        "model E1234, ASTM E2180",
        "see https://www.cms.gov/files/L1320 or write to l1320@example.com",
        "CMS-1780-F, CMS-R-262",
        "June 1 2024, 12/28/23",
        "version v2023 of the software",
        "a T-1000 unit",
        "the number 97760",
    ],
)
def test_what_only_looks_like_a_code_is_not_mentioned(text: str) -> None:
    assert find_mentions(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("K1007(BILATERAL HIP)", [("K1007", "K1007")]),
        ("HCPCS codes K1007 are", [("K1007", "K1007")]),
        ("a device coded at e0733", [("E0733", "e0733")]),
        ("HCPCS code L-1320 is", [("L1320", "L-1320")]),
        ("E0607-NU and E0470/E0471", [("E0607", "E0607"), ("E0470", "E0470"), ("E0471", "E0471")]),
        ("K0813-K0829", [("K0813", "K0813"), ("K0829", "K0829")]),
        ("An “L4396,” or L4397.", [("L4396", "L4396"), ("L4397", "L4397")]),
    ],
)
def test_code_in_prose_is_mentioned_as_printed(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(mention.code, mention.raw) for mention in find_mentions(text)] == expected


@given(st.text(max_size=80))
def test_mask_keeps_every_position(text: str) -> None:
    assert len(mask(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("Bill L1111 with the add-on codes L2222 and L3333.", {"L2222": "addon", "L3333": "addon"}),
        ("It goes with the base code L2222, not L1111.", {"L2222": "base"}),
        ("L1111 was replaced by code L2222.", {"L2222": "replacement"}),
        ("A similar code is L2222.", {"L2222": "similar"}),
        (
            "Other devices, such as L2222 or L3333, differ.",
            {"L2222": "example", "L3333": "example"},
        ),
        ("A replacement interface (L2222) is covered with L1111.", {}),
        ("L1111 and L2222 are covered.", {}),
    ],
)
def test_role_is_given_only_where_the_words_say_it(text: str, roles: dict[str, str]) -> None:
    mentions = rows(said(f"Notice\n\n{text}"), "code_mentions")
    found = {row["code"]: row["role"] for row in mentions if row["role"]}
    assert found == roles


def test_code_of_the_title_is_the_subject_everywhere() -> None:
    extract = said(
        "L1111 - Correct Coding\n\nL1111 is like L2222.\n\n## Similar codes\n\nUse L3333."
    )
    assert [(r["code"], r["role"]) for r in rows(extract, "code_mentions")] == [
        ("L1111", "subject"),
        ("L1111", "subject"),
        ("L2222", None),
        ("L3333", "similar"),
    ]


def test_one_code_named_once_without_definition_is_no_subject() -> None:
    extract = said("A Notice\n\nOther items are billed with E1399.")
    assert [row["role"] for row in rows(extract, "code_mentions")] == [None]


# ---------------------------------------------------------------- definitions


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        (
            "L1111(ORTHOSIS, ANY TYPE (PAIR), EACH) is new.",
            {"L1111": "ORTHOSIS, ANY TYPE (PAIR), EACH"},
        ),
        ("L1111 and L2222 describe knee braces.", {"L1111": "knee braces", "L2222": "knee braces"}),
        ("L1111: Knee orthosis, elastic", {"L1111": "Knee orthosis, elastic"}),
        ("L1111, which denotes a brace of steel; it is heavy.", {"L1111": "a brace of steel"}),
        ("L1111 (see the Policy Article for this code) is new.", {}),
        ("L1111 (RT) is new.", {}),
        ("L1111 does not describe a knee brace.", {}),
        ("L1111 no longer describes a knee brace.", {}),
        ("The combination of L1111 plus L2222 describes a pump with a sensor.", {}),
        ("Payment: L1111 is a payable code for suppliers.", {}),
    ],
)
def test_definition_is_what_the_text_says_of_the_code(text: str, claims: dict[str, str]) -> None:
    found = rows(said(f"Notice\n\n{text}"), "code_claims")
    assert {row["code"]: row["claimed_text"] for row in found} == claims


def test_table_of_codes_and_descriptions_gives_claims() -> None:
    text = "# Notice\n\n| HCPCS Code | Description |\n|---|---|\n| L1111 | Knee orthosis |\n"
    extract = said(text)
    assert [(r["code"], r["claimed_text"]) for r in rows(extract, "code_claims")] == [
        ("L1111", "Knee orthosis")
    ]
    assert extract.tally.ignored == {BLANK: 1, TABLE_RULE: 1}
    assert extract.tally.unaccounted == 0


def test_table_row_without_one_code_gives_no_claim() -> None:
    header = ("Code", "Description")
    assert table_definition(header, ("L1111-L2222", "Knee orthosis")) is None
    assert table_definition(header, ("L1111", "")) is None
    assert table_definition(("Fee", "Code"), ("12", "L1111")) is None


# ---------------------------------------------------------------- duties


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            (
                "Effective July 1, 2022, all items billed using HCPCS code E1111 must be reviewed "
                "for correct coding by the PDAC contractor and be listed on the PCL."
            ),
            ("coding_verification", "E1111", date(2022, 7, 1), "unknown", "PDAC"),
        ),
        (
            (
                "Prior authorization is required for L1111 as a condition of payment for dates of "
                "service on or after August 12, 2024."
            ),
            ("prior_authorization", "L1111", date(2024, 8, 12), "dos", None),
        ),
        (
            (
                "For requests submitted on or after January 1, 2025, L1111 is subject to prior "
                "authorization by the DME MAC."
            ),
            ("prior_authorization", "L1111", date(2025, 1, 1), "request", "DME MAC"),
        ),
        (
            "Beginning April 13, 2026, a face-to-face encounter is required before L1111.",
            ("face_to_face_encounter", "L1111", date(2026, 4, 13), "unknown", None),
        ),
        (
            "Starting 7.1.2021, suppliers must obtain a written order prior to delivery of L1111.",
            ("written_order", "L1111", date(2021, 7, 1), "unknown", None),
        ),
        (
            (
                "Effective for dates of service on or after 1/1/24, suppliers must append the KX "
                "modifier to L1111."
            ),
            ("modifier", "L1111", date(2024, 1, 1), "dos", None),
        ),
    ],
)
def test_dated_duty_is_read(sentence: str, expected: tuple[Any, ...]) -> None:
    extract = said(f"Notice\n\n{sentence}")
    (duty,) = rows(extract, "requirements")
    assert (
        duty["requirement"],
        duty["code"],
        duty["effective_from"],
        duty["date_semantics"],
        duty["authority"],
    ) == expected
    assert duty["sentence"] == sentence
    assert extract.problems == ()


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (
            "Prior authorization is no longer required for L1111 effective July 1, 2025.",
            "no longer",
        ),
        ("Effective July 1, 2025, L1111 does not require prior authorization.", "not"),
        ("L1111 was removed from the prior authorization list effective July 1, 2025.", "removed"),
        ("Effective July 1, 2025, prior authorization is suspended for L1111.", "suspended"),
        (
            "Effective May 1, 2025, prior authorization is required for L1111 except in trials.",
            "except",
        ),
        (
            (
                "Prior authorization is required for L1111 effective May 1, 2025 and for L2222 "
                "effective July 1, 2025."
            ),
            "several days",
        ),
        ("Before July 1, 2025, prior authorization is required for L1111.", "begins on that day"),
        (
            (
                "From dates of service on or after May 1, 2025 through July 1, 2025, prior "
                "authorization is required for L1111."
            ),
            "ends",
        ),
        ("Effective July 1, 2025, prior authorization is required for all braces.", "no code"),
        ("Effective July 1, 2025, prior authorization is required for K0813-K0829.", "range"),
        ("Effective July 1, 2025, prior authorization is required for K0835-43.", "range"),
        (
            (
                "Effective July 1, 2025, prior authorization is required for L1111 in the states "
                "of Ohio and Texas."
            ),
            "limits",
        ),
        (
            "Effective May 1, 2025, L1111 needs prior authorization when billed with L2222.",
            "limits",
        ),
        ("Prior authorization for L1111 was waived as of July 1, 2025.", "waived"),
    ],
)
def test_dated_duty_that_is_not_certain_is_reported_and_not_published(
    sentence: str, reason: str
) -> None:
    extract = said(f"Notice\n\n{sentence}")
    assert rows(extract, "requirements") == []
    (problem,) = extract.problems
    assert not problem.holds
    assert reason in problem.message
    assert sentence in problem.message
    assert problem.place == Place(1, 3)


def test_duty_without_a_day_is_reported_unless_another_sentence_dates_it() -> None:
    undated = "L1111 must be reviewed for correct coding by the PDAC."
    (problem,) = said(f"Notice\n\n{undated}").problems
    assert "no day" in problem.message
    dated = "Effective May 1, 2024, code verification is mandatory for L1111."
    extract = said(f"Notice\n\n{undated} {dated}")
    assert extract.problems == ()
    assert len(rows(extract, "requirements")) == 1


VERIFIED = "Effective June 1, 2024, coding verification by the PDAC is mandatory for K1111."


@pytest.mark.parametrize(
    "denial",
    [
        "The requirement for K1111 is delayed indefinitely.",
        "The requirement for K1111 is suspended.",
        "Verification of K1111 is no longer required.",
        "CMS rescinded the requirement for K1111.",
        "The start for K1111 has been postponed to fall.",
        "K1111 has been withdrawn from the program.",
        "K1111 was removed from the PCL.",
        "The review of K1111 is discontinued.",
        "Coding verification of K1111 is paused.",
        "Coding verification is waived for K1111.",
        "K1111 is on hold.",
        "The edit for K1111 will not be enforced.",
        "Until further notice, claims for K1111 are paid as before.",
        "Coding verification is not required for K1111.",
        "Coding verification of K1111 is voluntary.",
        "Effective May 20, 2024, the requirement for K1111 is delayed.",
        "The date for K1111 of June 1, 2024 has been pushed back.",
        "Effective June 1, 2024, coding verification is mandatory for K1111 if it is powered.",
        "Coding verification of K1111 is required through July 1, 2024.",
        "The requirement for K1110-K1115 is delayed.",
        "The requirement for K1110-15 is delayed.",
        "This requirement is postponed.",
        "The requirement is on hold.",
        "Mandatory coding verification has been rescinded.",
        "It has been postponed until further notice.",
        "This bulletin has been withdrawn.",
        "The June 1, 2024 date will not be enforced.",
        "That date no longer applies.",
        "The effective date is now January 1, 2026.",
        "K1111 need not be on the PCL.",
        "Coding verification is now required for K1111 from January 1, 2026.",
        "## Coding verification of K1111 delayed",
        "| K1111 | Verification suspended |",
        "## Publication History\n\n05/20/24 Delayed the requirement for K1111",
    ],
)
@pytest.mark.parametrize("comes_first", [False, True])
def test_duty_that_other_words_take_back_has_them_for_its_fault(
    denial: str, comes_first: bool
) -> None:
    parts = [denial, f"## Policy\n\n{VERIFIED}"] if comes_first else [VERIFIED, denial]
    text = "\n\n".join(["Notice", *parts])
    extract = said(text)
    (duty,) = [record for record in extract.records if record.table == "requirements"]
    shown = denial.splitlines()[-1].lstrip("# ").removeprefix("05/20/24 ").strip("| ")
    (fault,) = duty.faults
    assert shown.split(" | ")[-1] in fault
    line = 1 + next(n for n, printed in enumerate(text.split("\n")) if shown in printed)
    assert f"page 1, line {line}," in fault
    (problem,) = extract.problems
    assert not problem.holds
    assert problem.place == Place(1, line)


@pytest.mark.parametrize(
    "other",
    [
        "The requirement for L2222 is delayed indefinitely.",
        "Prior authorization of K1111 is no longer required.",
        "The requirement for K1100-K1110 is delayed.",
        "Incomplete applications for K1111 may be delayed.",
        "Claims for K1111 without it are denied as not reasonable and necessary.",
        "Refill requirements do not apply to K1111.",
        "Shipments are delayed.",
        "Coding verification of K1111 is not limited to new models.",
        "A delayed union is treated with K1111.",
        "The cover can be removed.",
    ],
)
def test_duty_stands_where_other_words_are_about_something_else(other: str) -> None:
    extract = said(f"Notice\n\n{VERIFIED}\n\n{other}")
    (duty,) = [record for record in extract.records if record.table == "requirements"]
    assert duty.faults == ()


def test_denial_of_a_duty_that_nothing_states_is_reported() -> None:
    (problem,) = said("Notice\n\nPrior authorization of L1111 is no longer required.").problems
    assert "no longer required" in problem.message
    assert not problem.holds
    assert said("Notice\n\nThe cuff of L1111 was removed.").problems == ()


@pytest.mark.parametrize(
    "words",
    [
        "Effective June 1, 2024: prior authorization for L1111.",
        "As of June 1, 2024, L1111 must be registered.",
        "L1111 shall not be sold before June 1, 2024.",
        "## Prior authorization is required for L1111 effective June 1, 2024",
        "| L1111 | Prior authorization is required | effective June 1, 2024 |",
    ],
)
def test_dated_words_of_duty_about_a_code_are_never_passed_over(words: str) -> None:
    extract = said(f"Notice\n\n{words}")
    assert rows(extract, "requirements") == []
    (problem,) = extract.problems
    assert problem.place == Place(1, 3)
    assert not problem.holds


@pytest.mark.parametrize(
    "sentence",
    [
        "On November 13, 2023 CMS published the rule on L1111.",
        "Suppliers may call about prior authorization.",
        "Claims for L1111 with dates of service on or after June 1, 2024 are paid.",
        "Some insurers ask for prior authorization of L1111.",
    ],
)
def test_sentence_without_a_duty_is_neither_read_nor_reported(sentence: str) -> None:
    extract = said(f"Notice\n\n{sentence}")
    assert rows(extract, "requirements") == []
    assert extract.problems == ()


# ---------------------------------------------------------------- modifiers, payers, products


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Modifier “RT” is for the right, “LT” for the left.", ["RT", "LT"]),
        ("Another modifier is “99,” for several.", ["99"]),
        ("Use the KX, GA, and GZ modifiers.", ["KX", "GA", "GZ"]),
        ("Append modifiers RT and/or LT.", ["RT", "LT"]),
        ("the side (RT or LT) is noted", ["RT", "LT"]),
        ("the right (RT) and left (LT) side", ["RT", "LT"]),
        ("Bill E0607-NU for a new one.", ["NU"]),
        ("Use the 25 modifier.", ["25"]),
        ("Level II modifiers are letters.", []),
        ("There are 10 modifiers.", []),
        ("Use a modifier. IT IS so.", []),
        ("the respiratory therapist (RT) came", []),
        ("no cue for KX here", []),
        ("the modifier field", []),
    ],
)
def test_modifier_is_known_by_its_surroundings(text: str, expected: list[str]) -> None:
    assert [entity.value for entity in find_modifiers(text)] == expected


def test_column_of_modifiers_is_read() -> None:
    extract = said("# Notice\n\n| Modifier | Use |\n|---|---|\n| KX | criteria met |\n")
    assert [(r["kind"], r["value"]) for r in rows(extract, "named_entities")] == [
        ("modifier", "KX")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Aetna, Blue Cross Blue Shield, Cigna Health, UnitedHealthcare, and Medicare",
            [
                ("Aetna", "Aetna"),
                ("Blue Cross Blue Shield", "Blue Cross Blue Shield"),
                ("Cigna", "Cigna Health"),
                ("UnitedHealthcare", "UnitedHealthcare"),
                ("Medicare", "Medicare"),
            ],
        ),
        ("the Centers for Medicare & Medicaid Services (CMS)", []),
        ("the Centers for Medicare and Medicaid Services", []),
        ("Durable Medical Equipment Medicare Administrative Contractors", []),
        ("the Medicare Program Integrity Manual", []),
        ("Medicare Advantage plans", [("Medicare Advantage", "Medicare Advantage")]),
        ("Medicare and Medicaid", [("Medicare", "Medicare"), ("Medicaid", "Medicaid")]),
        (
            "Blue Cross and Blue Shield of Texas",
            [("Blue Cross Blue Shield", "Blue Cross and Blue Shield of Texas")],
        ),
        (
            "TRICARE, Humana and UHC",
            [("TRICARE", "TRICARE"), ("Humana", "Humana"), ("UnitedHealthcare", "UHC")],
        ),
    ],
)
def test_payer_has_one_name_and_agencies_are_none(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert [(entity.value, entity.raw) for entity in find_payers(text)] == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The Walker™ by Acme Works which is coded as K1111.", ("Walker", "Acme Works")),
        (
            "It is the Step Pro 2® by Acme, Inc., which has been coded as HCPCS code K1111.",
            ("Step Pro 2", "Acme, Inc."),
        ),
        ("The Walker™ is coded as K1111.", ("Walker", None)),
    ],
)
def test_product_is_tied_to_its_code(sentence: str, expected: tuple[str, str | None]) -> None:
    (product,) = rows(said(f"Notice\nPosted May 1, 2024\n\n{sentence}"), "products")
    assert (product["product"], product["manufacturer"]) == expected
    assert product["stated_on"] == date(2024, 5, 1)


@pytest.mark.parametrize(
    "sentence",
    [
        "Products are coded as K1111.",
        "The Walker™ by Acme is not coded as K1111.",
        "The Walker™ by Acme is no longer coded as K1111.",
    ],
)
def test_no_product_is_made_of_other_words(sentence: str) -> None:
    assert rows(said(f"Notice\n\n{sentence}"), "products") == []


# ---------------------------------------------------------------- the outline


def test_wrapped_lines_are_one_paragraph_with_the_place_of_each_fact() -> None:
    reading = printed(
        "Notice",
        "Effective for claims with dates of service on or after June 1,",
        "2024, prior authorization is required for",
        "L1111.",
        "Another paragraph of the same notice cites, as notices do, 42 CFR",
        "410.2 across two lines of the page, and goes on.",
    )
    extract = narrate(reading, source())
    (section,) = rows(extract, "bulletin_sections")
    assert section["text"].count("\n\n") == 1
    (duty,) = rows(extract, "requirements")
    assert duty["effective_from"] == date(2024, 6, 1)
    places = {record.table: record for record in extract.records}
    assert places["requirements"].place.line == 2
    assert places["requirements"].raw_text.count("\n") == 2
    assert places["code_mentions"].place.line == 4
    assert places["code_mentions"].raw_text == "L1111."
    assert places["citations"].place.line == 5
    assert places["citations"].raw_text.splitlines()[1].startswith("410.2")
    assert extract.tally.unaccounted == 0


def test_blocks_and_list_items_are_paragraphs_of_their_own() -> None:
    lines = ("Notice", "Suppliers need:", "an order", "a proof of delivery", "and L1111")
    reading = blocks(*(Passage(Place(1, n), text, text) for n, text in enumerate(lines, 1)))
    (section,) = rows(narrate(reading, source()), "bulletin_sections")
    assert section["text"].split("\n\n")[0] == "Suppliers need:"


def test_history_in_a_table_or_in_lines_is_the_same() -> None:
    table = said(
        "# Notice\n\n## Revision History\n\n| Date | Description of Change |\n|---|---|\n"
        "| 01/05/24 | Added L1111 |\n| 12/28/23 | Originally Published |\n"
    )
    lines = said(
        "# Notice\n\n## Revision History\n\nDate of Change Description\n"
        "01/05/24\nAdded L1111\n12/28/23 - Originally Published\n"
    )
    expected = [
        {"changed_on": date(2024, 1, 5), "description": "Added L1111"},
        {"changed_on": date(2023, 12, 28), "description": "Originally Published"},
    ]
    assert rows(table, "revisions") == rows(lines, "revisions") == expected
    assert table.tally.unaccounted == lines.tally.unaccounted == 0
    assert [r["text"] for r in rows(lines, "bulletin_sections")] == [None]


def test_history_row_without_a_date_is_kept_as_text_and_reported() -> None:
    extract = said("# Notice\n\n| Date | Description |\n|---|---|\n| 13/40/24 | Added L1111 |\n")
    assert rows(extract, "revisions") == []
    assert "13/40/24 | Added L1111" in rows(extract, "bulletin_sections")[0]["text"]
    (problem,) = extract.problems
    assert "13/40/24" in problem.message


@pytest.mark.parametrize(
    ("line", "posted", "updated"),
    [
        ("Posted December 28, 2023", date(2023, 12, 28), None),
        ("Originally Posted: 12/28/23 | Revised: 1/5/24", date(2023, 12, 28), date(2024, 1, 5)),
        (
            "Posted 10/04/2022 – Updated 12/02/2022 & 10/28/2022",
            date(2022, 10, 4),
            date(2022, 12, 2),
        ),
        ("Last Updated Dec 28 , 2023", None, date(2023, 12, 28)),
        ("Posted on the web", None, None),
        ("Posted December 28, 2023 by the clerk", None, None),
    ],
)
def test_line_of_labels_and_dates_dates_the_publication(
    line: str, posted: date | None, updated: date | None
) -> None:
    extract = said(f"Notice\n{line}\n\nText.")
    assert (extract.posted_on, extract.updated_on) == (posted, updated)
    assert extract.tally.unaccounted == 0


def test_effective_date_counts_for_all_only_above_the_text() -> None:
    assert said("Notice\nEffective: May 1, 2024\n\nText.").effective_on == date(2024, 5, 1)
    assert said("Notice\n\nText.\n\nEffective May 1, 2024:\n\nL1111").effective_on is None


def test_second_posting_date_is_reported() -> None:
    extract = said("Notice\nPosted May 1, 2024\nPosted May 2, 2024\n\nText.")
    assert extract.posted_on == date(2024, 5, 1)
    (problem,) = extract.problems
    assert "2024-05-02" in problem.message


def test_lines_named_by_the_source_are_ignored_or_read_for_dates() -> None:
    rules = [
        {"rule": "page_footer", "pattern": r"Page \d+ of \d+"},
        {"rule": "dateline", "pattern": r"Production Date (?P<posted_on>.+)"},
    ]
    text = "Notice\nProduction Date May 1, 2024\n\nText.\nPage 1 of 2\nMore."
    extract = said(text, narrative={"lines": rules})
    assert extract.posted_on == date(2024, 5, 1)
    assert extract.tally.ignored == {"page_footer": 1, BLANK: 1}
    assert extract.tally.unaccounted == 0


def test_named_date_that_is_none_holds_the_document() -> None:
    rules = [{"rule": "dateline", "pattern": "Production Date (?P<posted_on>.+)"}]
    extract = said("Notice\nProduction Date 2/30/2024\n\nText.", narrative={"lines": rules})
    assert extract.posted_on is None
    (problem,) = extract.problems
    assert problem.holds
    assert "2/30/2024" in problem.message


def test_title_is_the_first_heading_or_else_the_first_line() -> None:
    assert said("Skip to content\n\n# The Title\n\nText.").title == "The Title"
    assert said("The Title\n\nText.").title == "The Title"
    assert said("Menu\nThe Title | Site\nText.", narrative={"title": "^The Title"}).title == (
        "The Title"
    )


def test_text_without_a_title_takes_that_of_its_source_and_is_reported() -> None:
    extract = said("This is a sentence and no title.\n\nSo is this.")
    assert extract.title is None
    assert rows(extract, "bulletins")[0]["title"] == "A notice"
    (problem,) = extract.problems
    assert "narrative.title" in problem.message
    (section,) = rows(extract, "bulletin_sections")
    assert section["text"] == "This is a sentence and no title.\n\nSo is this."


def test_title_pattern_that_finds_nothing_is_reported() -> None:
    extract = said("Another Title\n\nText.", narrative={"title": "^The Title"})
    assert extract.title == "Another Title"
    (problem,) = extract.problems
    assert "Another Title" in problem.message


def test_document_cut_inside_a_table_publishes_nothing_of_it() -> None:
    extract = said("Notice\n\nText.\n\n| Code | Fee |\n|---|---|\n| L1111 | 5 |\n| L2222")
    assert extract.is_truncated
    assert rows(extract, "code_mentions") == []
    assert extract.tally.ignored[CUT_TABLE] == 4
    assert extract.tally.unaccounted == 0


def test_document_cut_elsewhere_keeps_its_tables() -> None:
    row = Row(Place(1, 2), ("L1111", "5"), "L1111 | 5", 1)
    lines = (Passage(Place(1, 1), "Notice", "Notice", 1), row, Passage(Place(1, 3), "And", "And"))
    extract = narrate(Reading(lines, 3, 1, is_cut=True), source())
    assert [record["code"] for record in rows(extract, "code_mentions")] == ["L1111"]
    assert extract.is_truncated
    (problem,) = extract.problems
    assert "cut off" in problem.message


def test_problems_of_the_reader_are_passed_on() -> None:
    problem = Problem("two columns could not be told apart", Place(1, 1))
    lines = (Passage(Place(1, 1), "Notice", "Notice", 1),)
    extract = narrate(Reading(lines, 1, 1, problems=(problem,)), source())
    assert problem in extract.problems


def test_line_that_the_reader_counted_and_lost_stays_unaccounted() -> None:
    lines = (Passage(Place(1, 1), "Notice", "Notice", 1),)
    assert narrate(Reading(lines, 2, 1), source()).tally.unaccounted == 1


# ---------------------------------------------------------------- 58 coverage determinations


def test_coverage_determinations_mention_their_codes_and_nothing_else() -> None:
    """Local coverage determinations of the DME MACs, as HTML fragments of CMS's database."""
    path = shared("corpus", "narrative", "lcd_data_kcereno.json")
    duties = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        body = entry["documentationRequirements"] + entry["coverageGuidance"]
        reading = read_html(f"<h1>{html.escape(entry['lcdName'])}</h1>{body}".encode())
        extract = narrate(reading, source())
        assert extract.tally.unaccounted == 0
        text = " ".join(line.raw_text for line in reading.lines)
        printed_codes = set(re.findall(r"\b[A-CEGHJ-MP-V]\d{4}\b", text))
        mentions = rows(extract, "code_mentions")
        assert {row["code"] for row in mentions} == printed_codes, entry["lcdName"]
        assert all(len(row["sentence"]) < 1_500 for row in mentions)
        duties += rows(extract, "requirements")
    assert [(duty["code"], duty["effective_from"]) for duty in duties] == [
        ("E2102", date(2022, 7, 1))
    ]


# ---------------------------------------------------------------- whatever is printed

LINES = st.sampled_from(
    [
        "",
        "   ",
        "# Heading",
        "## Similar Codes",
        "Publication History",
        "Date of Change Description",
        "12/28/23 Originally Published",
        "Posted May 1, 2024",
        "Joint DME MAC and PDAC Publication",
        "K1111(KNEE BRACE, ANY TYPE) describes a brace",
        "that goes on, e.g. over two lines.",
        "Effective June 1 2024, prior authorization is required for L1111.",
        "Effective June 1, 2024, L1111 no longer needs prior authorization.",
        "| HCPCS Code | Description |",
        "|---|---|",
        "| L1111 | Knee orthosis |",
        "| 1/5/24 | Added L2222 |",
        "|",
        "a\tb",
        "See 42 CFR 410.2 and LCD L33318, Aetna, the KX modifier and (RT or LT).",
        "The Walker™ by Acme which is coded as K1111.",
        "\u00a0\u200b",
        "®",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=14).filter(lambda lines: any(map(str.strip, lines))))
def test_every_line_has_one_fate_and_every_fact_a_place(lines: list[str]) -> None:
    reading = read_text("\n".join(lines).encode())
    extract = narrate(reading, source())
    assert extract.tally.unaccounted == 0
    printed_at = {(line.place.page, line.place.line): line.raw_text for line in reading.lines}
    for record in extract.records:
        first = record.raw_text.split("\n")[0]
        assert printed_at[(record.place.page, record.place.line)] == first
    origin = {"source": "example", "document": "notice", "sha256": "0" * 64, "url": None}
    for table in DOCUMENT_TABLES:
        of_table = [record for record in extract.records if record.table == table.name]
        keys = arrange(table, of_table, origin)["row_key"].to_pylist()
        assert len(set(keys)) == len(keys)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_any_text_is_read_without_error(texts: list[str]) -> None:
    lines = tuple(Passage(Place(1, n), text, text) for n, text in enumerate(texts, 1))
    extract = narrate(Reading(lines, len(lines), None), source())
    assert extract.tally.unaccounted == 0


@pytest.mark.parametrize(
    "fragment",
    [
        "L1234(",
        "must ((",
        "a.",
        "A-1_",
        "L1234, ",
        "code or ",
        "RT and ",
        "42 CFR 1.",
        "The Ab™ by ",
    ],
)
def test_long_lines_of_one_thing_come_to_an_end(fragment: str) -> None:
    assert said(f"Notice\n\n{fragment * 2_000}").tally.unaccounted == 0
