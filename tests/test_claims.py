"""Verdicts on what a publication says a code is.

Official words in the tests are HCPCS Level II descriptors, which are public.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.prose.claims import judge
from tests.conftest import shared

L1320 = (
    "Thoracic, pectus carinatum orthosis, sternal compression, rigid circumferential frame with "
    "anterior and posterior rigid pads, custom fabricated"
)
L0454 = (
    "Tlso flexible, provides trunk support, extends from sacrococcygeal junction to above t-9 "
    "vertebra, with rigid stays or panel(s), prefabricated item that has been trimmed, bent, "
    "molded, assembled, or otherwise customized to fit a specific patient"
)
L2387 = (
    "Addition to lower extremity, polycentric knee joint, for custom fabricated knee ankle foot "
    "orthosis, each joint"
)
CUSTOMIZED = (
    "Knee orthosis, rigid support, prefabricated item that has been trimmed, bent, molded, "
    "assembled, or otherwise customized to fit a specific patient"
)
DESCRIPTORS = (L1320, L0454, L2387, CUSTOMIZED)

# Words that official descriptors are made of, for texts that nobody wrote.
WORDS = (
    "rigid flexible soft semi-rigid custom fabricated prefabricated bilateral unilateral powered"
    " manual non-powered not without with or rather than unlike knee thoracic orthosis , . may"
    " include stays interface sterile non-sterile adult pediatric"
)
TEXTS = st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)


def official(code: str) -> str:
    """The official words of a code as the Cigna list prints them."""
    return next(row[3] for row in _rows(7) if row[2] == code)


@pytest.mark.parametrize(
    ("code", "claimed", "terms"),
    [
        ("L0627", "a lumbar-sacral orthosis with flexible support", ("flexible", "rigid")),
        ("L1832", "a soft orthosis for the knee rather than the spine", ("soft", "rigid")),
    ],
)
def test_vendor_claim_of_a_soft_device_conflicts_with_rigid_official_words(
    code: str, claimed: str, terms: tuple[str, ...]
) -> None:
    verdict = judge(claimed, official(code))
    assert verdict.agreement == "conflicts"
    assert verdict.terms_in_conflict == terms


@pytest.mark.parametrize(
    ("claimed", "official_text", "terms"),
    [
        (
            "Cervical, thoracic, or lumbosacral orthosis, flexible, provides trunk support",
            L1320,
            ("flexible", "rigid"),
        ),
        ("custom-fabricated knee orthosis", CUSTOMIZED, ("custom fabricated", "prefabricated")),
        ("off-the-shelf thoracic orthosis", L1320, ("off the shelf", "custom fabricated")),
        ("a manual wheelchair", "Power wheelchair, group 2", ("manual", "power wheelchair")),
        ("powered exoskeleton", "Non-powered exoskeleton", ("powered", "non powered")),
        (
            "bilateral breast prosthesis",
            "Breast prosthesis, unilateral",
            ("bilateral", "unilateral"),
        ),
        ("spinal orthosis", "Wrist hand orthosis", ("spinal", "wrist")),
        ("flexible, not rigid, knee orthosis", CUSTOMIZED, ("flexible", "rigid")),
    ],
)
def test_opposite_words_conflict_and_are_named(
    claimed: str, official_text: str, terms: tuple[str, ...]
) -> None:
    verdict = judge(claimed, official_text)
    assert verdict.agreement == "conflicts"
    assert verdict.terms_in_conflict == terms


@pytest.mark.parametrize(
    ("claimed", "official_text"),
    [
        ("a thoracic-lumbar-sacral orthosis, including both rigid and flexible components", L0454),
        ("flexible TLSO, unlike rigid orthoses", L0454),
        ("knee orthosis with a soft interface", CUSTOMIZED),
        ("customized knee orthosis", CUSTOMIZED),
        ("custom fitted knee orthosis", CUSTOMIZED),
        ("semi-rigid knee orthosis", CUSTOMIZED),
        ("knee orthosis, not flexible", CUSTOMIZED),
        ("knee orthosis with or without flexible sleeve", CUSTOMIZED),
        ("knee orthosis rather than a soft brace", CUSTOMIZED),
        ("lumbar belt with rigid stays", "Lumbar orthosis, flexible, provides lumbar support"),
        ("knee orthosis that may be flexible", CUSTOMIZED),
        ("a brace that is not custom fabricated", CUSTOMIZED),
        ("wheelchair accessory", "Power wheelchair accessory, electronic interface"),
    ],
)
def test_negated_optional_or_partial_words_make_no_conflict(
    claimed: str, official_text: str
) -> None:
    verdict = judge(claimed, official_text)
    assert verdict.agreement in ("agrees", "compatible")
    assert verdict.terms_in_conflict == ()


def test_paraphrase_of_the_official_words_agrees() -> None:
    verdict = judge(
        "the addition of a polycentric knee joint to a custom-fabricated knee ankle foot orthosis "
        "(KAFO), billed per joint",
        L2387,
    )
    assert verdict.agreement == "agrees"
    assert verdict.score == 1.0


def test_capitals_make_no_difference() -> None:
    assert judge(L2387.upper(), L2387).agreement == "agrees"


def test_score_is_the_share_of_the_claims_content_words() -> None:
    verdict = judge("a knee orthosis with purple feathers", CUSTOMIZED)
    assert verdict.agreement == "compatible"
    assert verdict.score == pytest.approx(2 / 4)


def test_texts_with_nothing_in_common_stay_unknown() -> None:
    verdict = judge("flexible trunk support garment", "Pectus carinatum ortho cust")
    assert (verdict.agreement, verdict.score) == ("unknown", 0.0)


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_without_official_words_nothing_is_judged(missing: str | None) -> None:
    verdict = judge(L2387, missing)
    assert (verdict.agreement, verdict.score, verdict.terms_in_conflict) == ("unknown", None, ())


@pytest.mark.parametrize("text", DESCRIPTORS)
def test_official_words_agree_with_themselves(text: str) -> None:
    assert judge(text, text).agreement == "agrees"


@given(TEXTS)
def test_no_text_conflicts_with_itself(text: str) -> None:
    assert judge(text, text).agreement != "conflicts"


@given(TEXTS, TEXTS)
def test_verdict_keeps_its_promises(claimed: str, official_text: str) -> None:
    verdict = judge(claimed, official_text)
    assert verdict.score is None or 0.0 <= verdict.score <= 1.0
    assert bool(verdict.terms_in_conflict) == (verdict.agreement == "conflicts")
    if verdict.agreement == "conflicts":
        assert judge(official_text, claimed).agreement == "conflicts"
        ours, theirs = verdict.terms_in_conflict[::2], verdict.terms_in_conflict[1::2]
        assert len(ours) == len(theirs)
        assert all(term in claimed.replace("-", " ") for term in ours)
        assert all(term in official_text.replace("-", " ") for term in theirs)


def test_long_and_short_words_of_one_code_never_conflict() -> None:
    short = {row[1]: row[2] for row in _rows(5)}
    long = {row[2]: row[3] for row in _rows(7)}
    both = (short.keys() & long.keys()) - {"CPT® Code"}
    assert len(both) == 39
    verdicts = {code: judge(short[code], long[code]) for code in both}
    assert not [code for code, verdict in verdicts.items() if verdict.agreement == "conflicts"]


def _rows(width: int) -> list[list[str]]:
    path = shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line.count("\t") == width - 1]
