"""What in prose looks like a procedure code and is none.

Telephone numbers, addresses, dates, citations, rule, form, contract and document numbers, model
numbers and diagnosis codes are blanked out before anyone looks for codes. Which codes exist is
not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from extractors.dates import find_dates
from extractors.prose.citations import find_citations
from schemas.codes import MODIFIER, system_of

_DIAGNOSIS = r"[A-TV-Z]\d[0-9A-Z][0-9A-Z]{0,4}\b"
_DIAGNOSES = (
    rf"{_DIAGNOSIS}(?:(?:\s*[,;/]\s*|\s*[,;]?\s*(?:and|or|through|to)\s+|\s*[-\u2013]\s*)"
    rf"{_DIAGNOSIS})*"
)
_DASH = r"[-.\u2010-\u2013]"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bhttps?://\S+|\bwww\.\S+|\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,5}\.(?:com|gov|org|net|edu|us)\b(?:/\S*)?",
        r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}",
        # telephone
        rf"(?<!\d)(?:\+?1[-. ])?(?:\(\d{{3}}\)\s?|\d{{3}}(?:{_DASH}| ))\d{{3}}{_DASH}\d{{4}}(?!\d)",
        # CMS forms and notices that are not rules, transmittals, change requests
        r"\bCMS[- ](?:R-)?[A-Z]?\d{3,5}(?:-[A-Z0-9]+)?\b",
        r"\b(?:Transmittal|Change Request|CR)s?\s*(?:No\.?\s*|#\s*)?R?\d{2,5}\w*",
        # Medicare contracts
        r"\b[EHRS]\d{4}-\d{3}(?:-\d{1,3})?\b",
        r"\b[Cc]ontracts?(?:\s+(?:numbers?|nos?\.?|IDs?))?[:\s#]+[EHRS]\d{4}\b",
        # models, standards, postal addresses
        r"\b[Mm]odel(?:s?\s+(?:numbers?|nos?\.?))?[:\s#]+[\w-]*\d[\w-]*",
        r"\b(?:ASTM|ANSI|ISO|IEC)[\s/-]+[\w-]*\d[\w-]*",
        r"\b(?:P\.?\s?O\.?\s?Box|Suite|Ste\.|Room|Mail\s?(?:Stop|Code))\s+[\w-]*\d[\w-]*",
        # diagnoses: dotted anywhere, undotted in a list that says so
        r"(?<!\w)[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}(?!\w)",
        rf"\bICD-?(?:9|10)(?:-(?:CM|PCS))?(?:\s+(?:diagnosis|codes?))*[\s:(]+{_DIAGNOSES}",
        rf"\b[Dd]iagnos[ei]s\s+codes?[\s:(]+{_DIAGNOSES}",
    )
)
_COMPOUND = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)+(?![A-Za-z0-9_-])")
_SUFFIX = re.compile(MODIFIER)
_DIGIT = re.compile(r"\d")


def mask(text: str) -> str:
    """The text with a blank for every character of something that is not a procedure code."""
    characters = list(text)
    for start, end in _spans(text):
        characters[start:end] = " " * (end - start)
    return "".join(characters)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    yield from ((start, end) for _, start, end in find_dates(text))
    yield from ((citation.start, citation.end) for citation in find_citations(text))
    for pattern in _PATTERNS:
        yield from (match.span() for match in pattern.finditer(text))
    yield from (match.span() for match in _COMPOUND.finditer(text) if not _is_codes(match[0]))


def _is_codes(token: str) -> bool:
    """Whether a hyphenated word may hold codes (E0607-NU, K0813-K0829), or is a document number.

    A document number has an underscore, or a part with a digit that is neither code nor modifier.
    """
    if "_" in token:
        return False
    parts = token.upper().split("-")
    if len(parts) == 2 and len(parts[0]) == 1:
        return True  # K-1007
    return all(
        system_of(part) is not None or _SUFFIX.fullmatch(part) or not _DIGIT.search(part)
        for part in parts
    )
