"""Whether what a publication says of a code agrees with the code's official words.

A verdict rests on things that a reader can check: the share of the claim's content words that the
official words have too, and terms that exclude each other (rigid and flexible, 10 mg and 50 mg)
of which the claim has one and the official words only the other. To call a right claim wrong is
worse than to miss a wrong one, so whatever is negated, optional or said of a part makes no
conflict, and finer terms are compared only between texts that are otherwise much the same. Where
the official words come from is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from extractors.prose.claim_measures import measures
from extractors.prose.claim_terms import AXES, FINE_AXES, Axis, printed_values, terms
from extractors.prose.claim_words import content, is_short, normal, stem, words

AGREES_FROM = 2 / 3
LEAST_WORDS = 3
# A measure of another thing than the official one is no conflict: so much must be shared.
MEASURED_FROM = 1 / 3
# Texts are much the same that share so much of the shorter and differ in few words a side.
SAME_FROM = 0.6
LEAST_SHARED = 3
MOST_DIFFERENT = 4

# Words between a denial and the thing that it denies.
_BETWEEN = r"(?:(?:any|an?|the|one or more|be|been|have|having|has|size) )*"
_DENIED = re.compile(
    rf"\b(?P<word>without|non|not|no|never|other than) {_BETWEEN}(?P<thing>[a-z]{{3,}})"
)
_LACKS = ("without", "non")
_WITH = f"with {_BETWEEN}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`agrees`, `compatible`, `conflicts` or `unknown`, and why.

    `score` is the share of the claim's content words that the official words have, None without
    official words. `terms_in_conflict` has pairs of terms, the claimed one before the official,
    in lower case and with the abbreviations of short descriptors spelled out.
    """

    agreement: str
    score: float | None
    terms_in_conflict: tuple[str, ...] = ()


def judge(claimed: str, official: str | None, short: str | None = None) -> Verdict:
    """The verdict on a claim, held against the long and the short official words of the code.

    `conflicts` where the claim and the official words stand on opposite sides of some axis;
    `agrees` where the content words are the same, or the official words have two thirds of the
    claim's, of which there must then be three; `compatible` where they share fewer, or say of a
    part or in doubt what the claim says of the whole; `unknown` where they share none, or where
    there are no official words. The short words add what the long ones leave out, and stand alone
    where there are no long ones.
    """
    texts = [text for text in (official, short) if text is not None and text.strip()]
    if not texts:
        return Verdict("unknown", None)
    known = [normal(text) for text in texts]
    claim = normal(claimed)
    claim_words = content(claim)
    each_words = [content(text) for text in known]
    official_words = set().union(*each_words)
    shared = claim_words & official_words
    score = len(shared) / len(claim_words) if claim_words else 0.0
    # Short words drop and merge denials, so these are compared between texts in full only.
    in_full = [] if is_short(claimed) else [normal(text) for text in texts if not is_short(text)]
    conflict = _conflicts(claim, known, score, in_full)
    if conflict:
        return Verdict("conflicts", score, conflict)
    if not shared:
        return Verdict("unknown", score)
    if _is_doubtful(claim, known):
        return Verdict("compatible", score)
    if claim_words in each_words or (score >= AGREES_FROM and len(claim_words) >= LEAST_WORDS):
        return Verdict("agrees", score)
    return Verdict("compatible", score)


def _conflicts(claim: str, known: list[str], score: float, in_full: list[str]) -> tuple[str, ...]:
    if claim in known:
        return ()
    official = " ; ".join(known)
    pairs = [pair for axis in AXES if (pair := _opposed(claim, official, axis))]
    if score >= MEASURED_FROM:
        pairs += _measured_otherwise(claim, official)
        pairs += _denied_otherwise(claim, official, closely=False)
    for text in known:
        if not pairs and _are_much_the_same(claim, text):
            pairs += _finely_opposed(claim, text, official)
            if not pairs and text in in_full:
                pairs += _denied_otherwise(claim, text, closely=True)
    return tuple(term for pair in pairs for term in pair)


def _opposed(claim: str, official: str, axis: Axis) -> tuple[str, str] | None:
    if axis.only_of and not (axis.only_of.search(claim) and axis.only_of.search(official)):
        return None
    ours = terms(claim, axis)
    asserted = [term for term in ours if term.asserted]
    if not asserted:
        return None
    theirs = terms(official, axis)
    opposed = [term for term in theirs if term.asserted]
    if not opposed:
        return None
    if {term.value for term in ours} & {term.value for term in theirs}:
        return None
    return asserted[0].printed, opposed[0].printed


def _is_doubtful(claim: str, known: list[str]) -> bool:
    """Whether both texts have a term, yet what one asserts is not what the other does."""
    if claim in known:
        return False
    official = " ; ".join(known)
    for axis in AXES:
        ours = {term.value for term in terms(claim, axis) if term.asserted}
        if not ours or axis.only_of:
            continue
        theirs = {term.value for term in terms(official, axis) if term.asserted}
        if theirs and not ours & theirs:
            return True
    return False


def _measured_otherwise(claim: str, official: str) -> list[tuple[str, str]]:
    """Measures of one dimension of which none of the claim's is any of the official ones."""
    pairs = []
    ours, theirs = measures(claim), measures(official)
    for dimension in dict.fromkeys(measure.dimension for measure in ours):
        claimed = [measure for measure in ours if measure.dimension == dimension]
        known = [measure for measure in theirs if measure.dimension == dimension]
        if known and all(one.excludes(other) for one in claimed for other in known):
            pairs.append((claimed[0].printed, known[0].printed))
    return pairs


def _denied_otherwise(claim: str, official: str, closely: bool) -> list[tuple[str, str]]:
    """A thing that one text is without and the other is with.

    Closely, between texts much the same: a thing that one text denies and the other only has.
    """
    pairs = []
    for text, other, is_claim in ((claim, official, True), (official, claim, False)):
        denied_there = {stem(match["thing"]) for match in _DENIED.finditer(other)}
        for match in _DENIED.finditer(text):
            if text[: match.start()].endswith("with or "):
                continue
            if stem(match["thing"]) in denied_there:
                continue
            thing = rf"{re.escape(stem(match['thing']))}[a-z]{{0,4}}\b"
            affirmed = re.compile(rf"\b{_WITH}{thing}")
            if closely:
                affirmed = re.compile(rf"\b(?:{_WITH})?{thing}")
            elif match["word"] not in _LACKS or affirmed.search(text):
                continue
            has = affirmed.search(other)
            if has:
                pairs.append((match[0], has[0]) if is_claim else (has[0], match[0]))
                break
    return pairs[:1]


def _are_much_the_same(claim: str, official: str) -> bool:
    ours, theirs = _stems(claim), _stems(official)
    shared = ours & theirs
    return (
        len(shared) >= LEAST_SHARED
        and len(shared) >= SAME_FROM * min(len(ours), len(theirs))
        and max(len(ours - theirs), len(theirs - ours)) <= MOST_DIFFERENT
    )


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words(text)}


def _finely_opposed(claim: str, text: str, official: str) -> list[tuple[str, str]]:
    """Fine values, numbers and negations that only one of two texts much the same has."""
    pairs = []
    for axis in FINE_AXES:
        ours, theirs = printed_values(claim, axis), printed_values(text, axis)
        everywhere = printed_values(official, axis)
        only_ours = [printed for value, printed in ours.items() if value not in everywhere]
        only_theirs = [printed for value, printed in theirs.items() if value not in ours]
        if only_ours and only_theirs:
            pairs.append((only_ours[0], only_theirs[0]))
    our_numbers, their_numbers = _numbers(claim), _numbers(text)
    more, fewer = our_numbers - _numbers(official), their_numbers - our_numbers
    if more and fewer:
        pairs.append((min(more), min(fewer)))
    return pairs


def _numbers(text: str) -> set[str]:
    return {word for word in words(text) if word[0].isdigit()}
