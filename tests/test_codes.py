"""Code formats and expressions: the forms are those seen in real lists (DOMAIN 1.1 and 1.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import PATTERNS, find_codes, parse_expression, system_of


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("E0466", "HCPCS"),
        ("M1032", "HCPCS"),
        ("00100", "CPT"),
        ("0001F", "CPT2"),
        ("0071T", "CPT3"),
        ("0240U", "CPT_PLA"),
        ("0002M", "CPT_MAAA"),
        ("0001A", "CPT_ADMIN"),
        ("D0120", "CDT"),
    ],
)
def test_code_belongs_to_its_system(code: str, system: str) -> None:
    assert system_of(code) == system


@pytest.mark.parametrize(
    "text", ["F0466", "E046", "E04666", "1E0466", "99", "#N/A", "", "E0466 foo", "K08", "٠٠١٠٠"]
)
def test_what_is_not_a_code_is_not_read_as_one(text: str) -> None:
    assert parse_expression(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "EO601", "L0O454", "I6692", "A42xx", "J9***", "K0802-K0800", "K0835-43", "K0813-29",
        "E0601 to 05", "K0800 TO K0802 K0806", "K0800 or K0801", "1234567", "0016070", "A651512",
        "95810¹²", "99213-25",
    ],
)  # fmt: skip
def test_damaged_codes_patterns_and_short_ranges_are_left_to_the_gate(text: str) -> None:
    assert parse_expression(text) is None


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("L1832", ["L1832"]),
        (" e0733\u00a0", ["E0733"]),
        ("L-1320", ["L1320"]),
        ("L 2755", ["L2755"]),
        ("+22552", ["22552"]),
        ("E0747/E0748", ["E0747", "E0748"]),
        ("23470 23472\n23473; 23474", ["23470", "23472", "23473", "23474"]),
        ("L0648, L0650,\nL1832", ["L0648", "L0650", "L1832"]),
    ],
)
def test_lists_of_codes_are_read_in_order(text: str, codes: list[str]) -> None:
    spans = parse_expression(text)
    assert spans is not None
    assert [span.code for span in spans] == codes


@pytest.mark.parametrize("dash", ["-", "–", "—", " - ", " to ", " through ", " thru "])
def test_range_with_any_dash_keeps_its_ends_and_is_not_counted_out(dash: str) -> None:
    spans = parse_expression(f"K0800{dash}K0802")
    assert spans is not None
    (span,) = spans
    assert (span.code, span.code_end) == ("K0800", "K0802")


@pytest.mark.parametrize(
    ("text", "modifiers"),
    [("E0607-NU", ("NU",)), ("L5610RT", ("RT",)), ("E0601 RR KX", ("RR", "KX"))],
)
def test_suffixed_modifiers_are_kept_apart_from_the_code(
    text: str, modifiers: tuple[str, ...]
) -> None:
    spans = parse_expression(text)
    assert spans is not None
    (span,) = spans
    assert span.modifiers == modifiers


@given(st.one_of(st.from_regex(pattern, fullmatch=True) for pattern in PATTERNS.values()))
def test_every_well_formed_code_is_read_as_itself(code: str) -> None:
    spans = parse_expression(code)
    assert spans is not None
    assert [span.code for span in spans] == [code]


@pytest.mark.parametrize(
    "text",
    ["LCD L33318", "article A52457", "K241822", "call (877) 735-1326", "21244-1850", "l-1 to l-5"],
)
def test_longer_identifiers_in_prose_are_no_codes(text: str) -> None:
    assert find_codes(text) == ()


def test_code_glued_to_a_parenthesis_is_found_in_prose() -> None:
    (mention,) = find_codes("K1007(BILATERAL HIP")
    assert (mention.code, mention.start, mention.end) == ("K1007", 0, 5)
