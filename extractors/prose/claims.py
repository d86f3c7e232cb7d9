"""Whether what a publication says of a code agrees with the code's official words.

A verdict rests on two things that a reader can check: the share of the claim's content words that
the official words have too, and pairs of opposites (rigid and flexible, prefabricated and custom
fabricated) of which the claim has one and the official words only the other. To call a right
claim wrong is worse than to miss a wrong one, so whatever is negated, optional or said of a part
never makes a conflict. Where the official words come from is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

AGREES_FROM = 2 / 3
LEAST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """`agrees`, `compatible`, `conflicts` or `unknown`, and why.

    `score` is the share of the claim's content words that the official words have, None without
    official words. `terms_in_conflict` has pairs of terms, the claimed one before the official.
    """

    agreement: str
    score: float | None
    terms_in_conflict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Term:
    """One value of an axis as a text has it; `asserted` unless negated, optional or of a part."""

    value: str
    printed: str
    asserted: bool


@dataclass(frozen=True, slots=True)
class _Axis:
    """Values of which one excludes the other, each with the words for it.

    `only_of` limits the axis to texts that both speak of such a thing. `of_whole` says that a
    part may have another value than the whole.
    """

    values: tuple[tuple[str, re.Pattern[str]], ...]
    only_of: re.Pattern[str] | None = None
    of_whole: bool = False


def _axis(only_of: str | None = None, of_whole: bool = False, **words: str) -> _Axis:
    return _Axis(
        tuple((value, re.compile(rf"\b(?:{pattern})\b")) for value, pattern in words.items()),
        re.compile(only_of) if only_of else None,
        of_whole,
    )


_AXES = (
    _axis(
        of_whole=True,
        rigid="rigid|inflexible|stiff",
        flexible="flexible|soft|elastic|elastomeric|pliable|non ?rigid",
    ),
    _axis(
        custom=r"custom fabricated|custom made|custom molded|molded to patient(?: s)?(?: model)?"
        r"|molded to (?:the |a )?patient",
        prefabricated="prefabricated|pre fabricated|off the shelf|ots",
    ),
    _axis(bilateral="bilateral", unilateral="unilateral"),
    _axis(
        of_whole=True,
        powered="powered|power operated|power wheelchair|motorized|electric|electrically",
        manual="manual|manually|hand operated|non ?powered|non ?electric|unpowered|body powered",
    ),
    _axis(
        single_axis="unicentric|single axis",
        multi_axis="polycentric|multi axis|multiaxial",
    ),
    _axis(
        implanted="implanted|implantable",
        not_implanted="non ?implanted|non ?implantable",
    ),
    _axis(
        invasive="invasive",
        non_invasive="non ?invasive",
    ),
    _axis(sterile="sterile", non_sterile="non ?sterile|unsterile"),
    _axis(
        disposable="disposable|single use|single patient use",
        reusable="reusable|non ?disposable|washable",
    ),
    _axis(adult="adults?", child="pediatric|paediatric|child|children|infants?"),
    _axis(portable="portable", stationary="stationary"),
    _axis(
        only_of=r"\b(?:orthos[ie]s|orthotics?|brace|braces|prosthes[ie]s|prosthetics?|splints?)\b",
        spine="cervical|thoracic|lumbar|sacral|lumbosacral|spine|spinal",
        upper_limb="shoulder|elbow|wrist|finger|upper extremity|upper limb",
        lower_limb="hip|knee|ankle|foot|lower extremity|lower limb|leg",
    ),
)

_WORD = re.compile(r"[a-z0-9]+")
_CLAUSE_REACH = 200
_CLAUSE_END = re.compile(r"[,;:.()]|\bbut\b")
# Up to so many words before a term these deny it outright; farther away they only cast doubt.
_CLOSE = 3
_DENIAL = re.compile(
    r"\b(?:not|no|non|never|without|neither|nor|unlike|rather than|instead of|as opposed to|lacks?"
    r"|lacking|except|excluding|cannot|free of)\b"
)
_DOUBT = re.compile(
    r"\b(?:with or without|may|might|can|optional|optionally|if|when|such as|similar to|compared"
    r"|than|semi)\b"
)
# A part may be soft or stiff in a device that as a whole is not.
_PARTS = re.compile(
    r"(?:\s+\w+)?\s+(?:interfaces?|liners?|linings?|pads?|padding|covers?|covering|straps?|closures?|goods"
    r"|inserts?|tissues?|stays?|bars?|struts?|bandages?|tubing|tubes?|sleeves?|gloves?|switch(?:es)?"
    r"|batter(?:y|ies)|chargers?|components?|attachments?)\b"
)

_STOP_WORDS = """
    the and for with that this from any all each per other include includes including included
    device devices item items type types use used using provide provides provided which has have
    been being into its are was were not billed code codes hcpcs level both either described
    describes designed intended purpose purposes otherwise individual specific person patient
    same more one two when where without also only
"""
_COMMON = frozenset(_STOP_WORDS.split())
_ACRONYMS = {
    "afo": "ankle foot orthosis",
    "cgm": "continuous glucose monitor",
    "hkafo": "hip knee ankle foot orthosis",
    "kafo": "knee ankle foot orthosis",
    "lso": "lumbar sacral orthosis",
    "lumbosacral": "lumbar sacral",
    "thkao": "thoracic hip knee ankle orthosis",
    "thoracolumbar": "thoracic lumbar",
    "tlso": "thoracic lumbar sacral orthosis",
    "whfo": "wrist hand finger orthosis",
}
_SUFFIXES = ("ations", "ation", "ings", "ing", "ized", "ed", "ies", "es", "s", "al", "ic", "y")


def judge(claimed: str, official: str | None) -> Verdict:
    """The verdict on a claim, held against the official words of the same code.

    `conflicts` where the claim and the official words stand on opposite sides of some axis;
    `agrees` where the content words are the same, or the official words have two thirds of the
    claim's, of which there must then be three; `compatible` where they share fewer; `unknown`
    where they share none, or where there are no official words.
    """
    if official is None or not official.strip():
        return Verdict("unknown", None)
    claim_words, official_words = _content(claimed), _content(official)
    shared = claim_words & official_words
    score = len(shared) / len(claim_words) if claim_words else 0.0
    conflict = _conflicts(_normal(claimed), _normal(official))
    if conflict:
        return Verdict("conflicts", score, conflict)
    if not shared:
        return Verdict("unknown", score)
    if claim_words == official_words or (score >= AGREES_FROM and len(claim_words) >= LEAST_WORDS):
        return Verdict("agrees", score)
    return Verdict("compatible", score)


def _normal(text: str) -> str:
    """Lower case, hyphens and slashes as blanks, one blank between words."""
    return " ".join(re.sub(r"[-‐-―/’']", " ", text.lower()).split())


def _content(text: str) -> set[str]:
    words: list[str] = []
    for word in _WORD.findall(_normal(text)):
        words += _ACRONYMS.get(word, word).split()
    return {_stem(word) for word in words if len(word) > 2 and word not in _COMMON}


def _stem(word: str) -> str:
    if word.startswith("ortho") and word[5:] in ("sis", "ses", "tic", "tics"):
        return "orthosis"
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word.removesuffix(suffix)
    return word


def _conflicts(claimed: str, official: str) -> tuple[str, ...]:
    pairs: list[str] = []
    for axis in _AXES:
        if axis.only_of and not (axis.only_of.search(claimed) and axis.only_of.search(official)):
            continue
        ours, theirs = _terms(claimed, axis), _terms(official, axis)
        asserted = [term for term in ours if term.asserted]
        opposed = [term for term in theirs if term.asserted]
        if not asserted or not opposed:
            continue
        if {term.value for term in ours} & {term.value for term in theirs}:
            continue
        pairs += [asserted[0].printed, opposed[0].printed]
    return tuple(pairs)


def _terms(text: str, axis: _Axis) -> list[_Term]:
    """The terms of an axis in a text, but for those that it denies outright."""
    found = []
    for value, pattern in axis.values:
        for match in pattern.finditer(text):
            clause = _clause_before(text, match.start())
            if _is_denied(clause):
                continue
            doubted = _DENIAL.search(clause) or _DOUBT.search(clause)
            of_part = axis.of_whole and _PARTS.match(text, match.end())
            found.append(_Term(value, match[0], not doubted and not of_part))
    return found


def _clause_before(text: str, position: int) -> str:
    start = max(0, position - _CLAUSE_REACH)
    for end in _CLAUSE_END.finditer(text, start, position):
        start = end.end()
    return text[start:position]


def _is_denied(clause: str) -> bool:
    denials = list(_DENIAL.finditer(clause))
    if not denials:
        return False
    end = denials[-1].end()
    if clause[:end].endswith("with or without"):
        return False
    return len(clause[end:].split()) < _CLOSE
