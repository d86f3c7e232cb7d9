"""Legal and manual citations in prose, each in one normal form.

Knows the Code of Federal Regulations, the Federal Register, CMS rule numbers, the Internet-Only
Manuals, LCD and article numbers, and the DMEPOS Quality Standards. A citation of several sections
is as many citations. Whether the cited place exists is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SECTION_MARK = r"(?:§{1,2}|\bsect(?:ion|\.)?s?\b|\bsec(?:\.|s\.)?|\bparts?\b)"
_CFR_NUMBER = r"\d+(?:\.\d+)?(?:\([A-Za-z0-9]{1,4}\))*"
_AND = r"\s*(?:,\s*(?:and|or)\b|,|;|&|\band\b|\bor\b)\s*"

_CFR = re.compile(
    rf"\b(?P<title>\d{{1,2}})\s+C\.?F\.?R\.?\s*(?P<mark>{_SECTION_MARK})?\s*"
    rf"(?P<numbers>{_CFR_NUMBER}(?:{_AND}(?:{_SECTION_MARK}\s*)?\d+\.\d+(?:\([A-Za-z0-9]{{1,4}}\))*)*)",
    re.IGNORECASE,
)
_CFR_ITEM = re.compile(_CFR_NUMBER)
_FEDERAL_REGISTER = re.compile(
    r"\b(?P<volume>\d{2,3})\s+(?:FR|F\.R\.|Fed\.?\s+Reg\.?)\s+(?P<page>\d{1,3}(?:,\d{3})+|\d{2,6})\b"
)
_CMS_RULE = re.compile(r"\bCMS-\d{3,5}-(?:IFC|FC|CN|NC|PN|FN|RU|F|P|N)\d?\b")
# A manual's number, and after it, within the same breath, a chapter and its sections.
_IOM = re.compile(
    r"\b(?:IOM|Internet[- ]Only Manual|(?:CMS\s+)?Publ?(?:ication|\.)?)[\s,()]*"
    r"(?:IOM[\s,()]*)?(?:CMS\s+)?(?:Publ?(?:ication|\.)?\s*)?(?P<manual>100-\d{1,2})\b",
    re.IGNORECASE,
)
_IOM_CHAPTER = re.compile(
    r"[\s,)]*(?:in\s+)?\bch(?:apter|\.)?\s*(?P<chapter>\d{1,2})\b"
    r"(?:,?\s*\bpart\s*(?P<part>\d{1,2})\b)?",
    re.IGNORECASE,
)
_IOM_SECTION = r"\d+(?:\.\d+)*(?:\.[A-Z])?(?:\([A-Za-z0-9]{1,4}\))*(?!\w)"
_IOM_MARK = r"(?:§{1,2}|\bsect(?:ion|\.)?s?\b|\bsec(?:\.|s\.)?)"
_IOM_SECTIONS = re.compile(
    rf"[\s,)]*{_IOM_MARK}\s*"
    rf"(?P<numbers>{_IOM_SECTION}(?:{_AND}(?:{_IOM_MARK}\s*)?{_IOM_SECTION})*)",
    re.IGNORECASE,
)
_IOM_ITEM = re.compile(_IOM_SECTION)
_LCD = re.compile(r"(?<![\w-])D?L\d{5}(?!\w)")
_ARTICLE = re.compile(r"(?<![\w-])D?A\d{5}(?!\w)")
_QUALITY_STANDARDS = re.compile(
    r"\bDMEPOS\s+(?:Supplier\s+)?Quality\s+Standards(?:,?\s*\(?Appendix\s+(?P<appendix>[A-Z])\b\)?)?"
)


@dataclass(frozen=True, slots=True)
class Citation:
    """One citation: its kind, printed and normal form, and its characters in the text."""

    kind: str
    raw: str
    normalized: str
    start: int
    end: int


def find_citations(text: str) -> tuple[Citation, ...]:
    """Every citation in the order of the text. Those of one list share its printed form."""
    found = [
        *_find_cfr(text),
        *_find_iom(text),
        *_find_simple(text),
    ]
    return tuple(sorted(found, key=lambda citation: citation.start))


def _find_cfr(text: str) -> Iterator[Citation]:
    for match in _CFR.finditer(text):
        part = "Part " if (match["mark"] or "").lower().startswith("part") else ""
        for item in _CFR_ITEM.findall(match["numbers"]):
            normalized = f"{match['title']} CFR {part}{item}"
            yield Citation("cfr", match[0], normalized, match.start(), match.end())


def _find_iom(text: str) -> Iterator[Citation]:
    for match in _IOM.finditer(text):
        manual, number = match["manual"].split("-")
        normalized = f"IOM {manual}-{int(number):02d}"
        end = match.end()
        sections: list[str] = []
        chapter = _IOM_CHAPTER.match(text, end)
        if chapter:
            normalized += f" ch{int(chapter['chapter'])}"
            if chapter["part"]:
                normalized += f" part{int(chapter['part'])}"
            end = chapter.end()
        listed = _IOM_SECTIONS.match(text, end)
        if listed:
            sections = _IOM_ITEM.findall(listed["numbers"])
            end = listed.end()
        raw = text[match.start() : end]
        for suffix in [f" s{section}" for section in sections] or [""]:
            yield Citation("iom", raw, normalized + suffix, match.start(), end)


def _find_simple(text: str) -> Iterator[Citation]:
    for match in _FEDERAL_REGISTER.finditer(text):
        normalized = f"{match['volume']} FR {match['page'].replace(',', '')}"
        yield Citation("federal_register", match[0], normalized, match.start(), match.end())
    for match in _QUALITY_STANDARDS.finditer(text):
        appendix = f", Appendix {match['appendix']}" if match["appendix"] else ""
        normalized = f"DMEPOS Quality Standards{appendix}"
        yield Citation("quality_standards", match[0], normalized, match.start(), match.end())
    for kind, pattern in (("cms_rule", _CMS_RULE), ("lcd", _LCD), ("article", _ARTICLE)):
        for match in pattern.finditer(text):
            yield Citation(kind, match[0], match[0], match.start(), match.end())
