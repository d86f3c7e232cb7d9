"""Code formats and expressions: the forms are those seen in real lists (DOMAIN 1.1 and 1.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import (
    PATTERNS,
    CodeSpan,
    find_codes,
    header_key,
    may_name_code,
    parse_expression,
    printable,
    repaired,
    repairs,
    split_marks,
    system_of,
    value_key,
    visible,
)


def one(text: str) -> CodeSpan:
    """The only code, range or wildcard of an expression."""
    spans = parse_expression(text)
    assert spans is not None
    (span,) = spans
    return span


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
        # damaged
        "EO601", "L0O454", "I6692", "J0l29", "6 7961", "E0601_", "1234567", "0016070", "A651512",
        # ranges that are none
        "K0802-K0800", "K0800-K0800", "E0601-L0601", "0001F-0002T", "A0000-B0000", "00100-99499",
        "K0800-K0802-K0806", "K0800---K0802", "K0800-", "-K0802", "L1-L5", "E0747/48",
        # a shortened end that may be a modifier, or the rest of another code
        "K0813-29", "99213-25", "E0607-59", "97110-971", "97110-9712", "K0835-K084", "K0835-L43",
        "K0843-35", "K0835-8", "0001F-05", "21244-1850",
        # wildcards that are none
        "J9999?", "A4X50", "XX213", "A4**", "A42***", "A425**", "A42x", "A42X-A43X", "A*", "9*",
        "all K08 codes", "A42xx-NU", "****",
        # words
        "E0601 and", "or E0601", "K1007(BILATERAL)", "E0601.", "see E0601", "E0601 (RR)",
        # what only looks like letters, digits and nothing at all
        "\u0415\u30600601", "\u04150601", "\uff250601", "E06\u0660\u0661", "\u017f1040",
        "\u202e1060E", "E0601\u200e", "\u2066E0601\u2069", "E0601\x00", "E06\ufe0f01\ufe0f",
    ],
)  # fmt: skip
def test_what_is_damaged_or_has_two_readings_is_left_to_the_gate(text: str) -> None:
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
        ("K0800 or K0801", ["K0800", "K0801"]),
        ("K0800, K0801, and K0802", ["K0800", "K0801", "K0802"]),
        ("K0800 & K0801;", ["K0800", "K0801"]),
        ("• E0601\n• E0602", ["E0601", "E0602"]),
        ("K0800 to K0802 K0806", ["K0800", "K0806"]),
    ],
)
def test_lists_of_codes_are_read_in_order(text: str, codes: list[str]) -> None:
    spans = parse_expression(text)
    assert spans is not None
    assert [span.code for span in spans] == codes


DASHES = [
    "-", "--", "\u2010", "\u2011", "\u2012", "–", "—", "\u2212", " - ", " – ", "-\n", " to ",
    " TO ", " through ", " thru ", "\nto\n", "\u00a0–\u00a0",
]  # fmt: skip


@pytest.mark.parametrize("dash", DASHES)
def test_range_with_any_dash_keeps_its_ends_and_is_not_counted_out(dash: str) -> None:
    span = one(f"K0800{dash}K0802")
    assert (span.code, span.code_end, span.flags) == ("K0800", "K0802", ())


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("K0835-43", "K0843"), ("K0835-K43", "K0843"), ("K0835–843", "K0843"),
        ("K0835-0843", "K0843"), ("K0835-1843", "K1843"), ("97110-12", "97112"),
        ("97110-112", "97112"), ("97110 – 12", "97112"), ("E0601 to 05", "E0605"),
        ("K0813 through 29", "K0829"), ("k0835-k43", "K0843"),
    ],
)  # fmt: skip
def test_abbreviated_range_is_completed_and_flagged(text: str, end: str) -> None:
    span = one(text)
    assert span.code_end == end
    assert "range_abbreviated" in span.flags
    assert span.raw == text


@pytest.mark.parametrize(
    ("text", "bounds", "pattern"),
    [
        ("A42xx", ("A4200", "A4299"), "A42XX"), ("A42XX", ("A4200", "A4299"), "A42XX"),
        ("J9***", ("J9000", "J9999"), "J9***"), ("A42__", ("A4200", "A4299"), "A42__"),
        ("A42##", ("A4200", "A4299"), "A42##"), ("A42*", ("A4200", "A4299"), "A42*"),
        ("A42**", ("A4200", "A4299"), "A42**"), ("A425*", ("A4250", "A4259"), "A425*"),
        ("9921x", ("99210", "99219"), "9921X"), ("9921*", ("99210", "99219"), "9921*"),
        ("Jxxxx", ("J0000", "J9999"), "JXXXX"), ("D27xx", ("D2700", "D2799"), "D27XX"),
    ],
)  # fmt: skip
def test_wildcard_keeps_its_bounds_and_its_signs(
    text: str, bounds: tuple[str, str], pattern: str
) -> None:
    span = one(text)
    assert (span.code, span.code_end) == bounds
    assert (span.pattern, span.raw, span.marks, span.flags) == (pattern, text, (), ())


@pytest.mark.parametrize(
    ("text", "modifiers"),
    [
        ("E0607-NU", ("NU",)), ("L5610RT", ("RT",)), ("E0601 RR KX", ("RR", "KX")),
        ("E0601-K4", ("K4",)), ("98940-AT", ("AT",)), ("77067-26", ("26",)),
        ("97161-59-RT", ("59", "RT")), ("99213TC", ("TC",)),
    ],
)  # fmt: skip
def test_suffixed_modifiers_are_kept_apart_from_the_code(
    text: str, modifiers: tuple[str, ...]
) -> None:
    span = one(text)
    assert (span.modifiers, span.code_end, span.raw) == (modifiers, None, text)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("A4253*", ("*",)), ("A4253**", ("**",)), ("93580†", ("†",)), ("93580*†", ("*", "†")),
        ("93580^", ("^",)), ("95810¹²", ("¹²",)), ("95810¹,²", ("¹", "²")), ("*L1833", ("*",)),
        ("L1833 *", ("*",)), ("E0601* RR", ("*",)), ("E0601-RR‡", ("‡",)), ("A42XX*", ("*",)),
        ("K0800-K0802*", ("*",)), ("K0800*-K0802", ("*",)), ("L1833 \u2217", ("\u2217",)),
    ],
)  # fmt: skip
def test_footnote_marks_are_kept_apart_from_the_code(text: str, marks: tuple[str, ...]) -> None:
    span = one(text)
    assert (span.marks, span.raw) == (marks, text)


def test_mark_before_a_code_is_not_one_of_the_code_before_it() -> None:
    spans = parse_expression("E0601 *E0602, E0603 *, E0604")
    assert spans is not None
    assert [span.marks for span in spans] == [(), ("*",), ("*",), ()]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("e0733", ("code_lower_case",)), ("L-1320", ("code_spaced",)),
        ("L\u00a08619", ("code_spaced",)), ("+22552", ("addon_code",)),
        ("0240u", ("code_lower_case",)), ("E0601 rr", ()), ("E0601 to E0605", ()),
        ("k 0800 to K0802", ("code_lower_case", "code_spaced")),
    ],
)  # fmt: skip
def test_what_is_odd_about_a_printed_code_is_flagged(text: str, flags: tuple[str, ...]) -> None:
    assert one(text).flags == flags


@pytest.mark.parametrize("text", ["E06\u200b01", "E0\u00ad601", "\u00a0E0601\u00a0", "\ufeffE0601"])
def test_invisible_characters_and_blanks_around_a_code_do_not_count(text: str) -> None:
    span = one(text)
    assert (span.code, span.raw) == ("E0601", "E0601")


CODES = st.one_of(st.from_regex(pattern, fullmatch=True) for pattern in PATTERNS.values())
HCPCS = st.from_regex(PATTERNS["HCPCS"], fullmatch=True)
MARKS = st.sampled_from(["", "*", "**", "†", "‡", "^", "¹"])
PRINTED = st.builds(
    lambda code, mark, lower: ((code.lower() if lower else code) + mark, (code, None, mark)),
    CODES,
    MARKS,
    st.booleans(),
)
RANGES = st.builds(
    lambda code, step, dash: (
        f"{code}{dash}{code[0]}{int(code[1:]) + step:04}",
        (code, f"{code[0]}{int(code[1:]) + step:04}", ""),
    ),
    HCPCS.filter(lambda code: code[1] != "9"),
    st.integers(min_value=1, max_value=999),
    st.sampled_from(DASHES),
)
SEPARATORS = st.sampled_from([", ", ",", ";", "; ", " / ", "\n", " and ", " or ", " & ", ", and "])
ENTRIES = st.lists(st.tuples(st.one_of(PRINTED, RANGES), SEPARATORS), min_size=1, max_size=8)


@given(ENTRIES)
def test_any_list_parses_back_whatever_its_separators_dashes_and_marks(
    entries: list[tuple[tuple[str, tuple[str, str | None, str]], str]],
) -> None:
    text = "".join(printed + separator for (printed, _), separator in entries)
    text = text[: -len(entries[-1][1])]
    spans = parse_expression(text)
    assert spans is not None
    said = [(span.code, span.code_end, "".join(span.marks)) for span in spans]
    assert said == [meant for (_, meant), _ in entries]


@given(
    ENTRIES,
    st.sampled_from("?!@$%(){}[]<>=:'\"|~é\u0415\uff10\u202e\x07"),
    st.data(),
)
def test_list_with_one_sign_that_belongs_to_no_code_is_not_read_at_all(
    entries: list[tuple[tuple[str, tuple[str, str | None, str]], str]],
    sign: str,
    data: st.DataObject,
) -> None:
    text = "".join(printed + separator for (printed, _), separator in entries)
    at = data.draw(st.integers(min_value=0, max_value=len(text)))
    assert parse_expression(text[:at] + sign + text[at:]) is None


@given(st.text(max_size=40), st.text(alphabet="AEL1x0*-+,/ \nto¹†", max_size=40))
def test_any_text_gives_well_formed_codes_or_none(text: str, close: str) -> None:
    for span in (*(parse_expression(text) or ()), *(parse_expression(close) or ())):
        assert system_of(span.code) == span.system
        if span.code_end is not None:
            assert span.code < span.code_end
            assert system_of(span.code_end) == span.system
        assert (span.pattern is None) or span.code_end


@given(HCPCS, HCPCS)
def test_range_of_at_most_ten_thousand_codes_of_one_letter_is_read(first: str, last: str) -> None:
    is_range = first[0] == last[0] and first < last
    assert (parse_expression(f"{first}-{last}") is not None) == is_range


# Confusions


@pytest.mark.parametrize(
    ("printed", "candidates"),
    [
        ("I6692", ("16692", "L6692")), ("EO6O1", ("E0601",)), ("J0l29", ("J0129",)),
        ("E0601", ()), ("L1832", ("11832",)), ("EO60l", ()), ("5O135", ("50135",)),
        ("ES601", ()), ("E06O1 x", ()), ("\u04150601", ()), ("", ()),
    ],
)  # fmt: skip
def test_candidates_differ_in_one_kind_of_confusion(
    printed: str, candidates: tuple[str, ...]
) -> None:
    assert repairs(printed) == candidates


def test_code_is_repaired_only_where_one_candidate_is_valid() -> None:
    assert repaired("I6692", {"L6692"}) == "L6692"
    assert repaired("I6692", {"L6692", "16692"}) is None
    assert repaired("I6692", set()) is None
    assert repaired("L6692", {"L6692", "16692"}) is None


# Keys of labels and values


@given(st.text())
def test_keys_of_ascii_and_of_other_text_follow_one_rule(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    # A no-break space is a blank, and takes the way of all other characters.
    assert header_key(plain) == header_key(plain + "\u00a0")
    assert value_key(plain) == value_key(plain + "\u00a0")
    assert printable(plain) == printable(plain + "\u00a0")


def test_label_is_the_same_without_marks_case_and_spacing() -> None:
    assert header_key("CPT® Code*\n(HCPCS)") == header_key("cpt code hcpcs")


def test_text_as_one_sees_it_keeps_superscripts_and_width() -> None:
    assert visible(" E06\u00ad01¹\u00a0 Ｘ\n") == "E0601¹ Ｘ"


@pytest.mark.parametrize(
    ("text", "bare", "marks"),
    [("Yes*", "Yes", ("*",)), ("No ¹", "No", ("¹",)), ("**Yes", "Yes", ("**",)),
     ("A*b", "A*b", ()), ("*", "", ("*",)), ("", "", ())],
)  # fmt: skip
def test_marks_around_a_value_are_split_off(text: str, bare: str, marks: tuple[str, ...]) -> None:
    assert split_marks(text) == (bare, marks)


@given(CODES)
def test_every_well_formed_code_is_read_as_itself(code: str) -> None:
    span = one(code)
    assert (span.code, span.raw, span.system) == (code, code, system_of(code))


@pytest.mark.parametrize(
    "text",
    ["LCD L33318", "article A52457", "K241822", "call (877) 735-1326", "21244-1850", "l-1 to l-5"],
)
def test_longer_identifiers_in_prose_are_no_codes(text: str) -> None:
    assert find_codes(text) == ()


def test_code_glued_to_a_parenthesis_is_found_in_prose() -> None:
    (mention,) = find_codes("K1007(BILATERAL HIP")
    assert (mention.code, mention.start, mention.end) == ("K1007", 0, 5)


@pytest.mark.parametrize(
    "text",
    ["E0466", "97161", "CPT 97161", "0016U", "0075T", "E0466NU", "E0466-NU", "EO466", "E 0466",
     "L-1320", "e0466", "see K0O01 below"],
)  # fmt: skip
def test_word_that_may_be_a_code_is_noticed_in_any_form(text: str) -> None:
    assert may_name_code(text)


@pytest.mark.parametrize(
    "text",
    ["see the manual", "April 2026", "Baltimore, MD 21244-1850", "(877) 735-1326", "L33318"],
)
def test_words_that_are_no_code_are_left_alone(text: str) -> None:
    assert not may_name_code(text)
