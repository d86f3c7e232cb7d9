"""Procedure codes named in prose, and what each is to the text.

Only HCPCS Level II codes are found: a bare five-digit CPT code cannot be told from other numbers.
A code in lower case or with a hyphen counts where the text says that a code follows. A role is
given only where the words say it. Whether a code exists is not known here.
"""

from __future__ import annotations

import re

from extractors.prose.masks import mask
from schemas.codes import CodeMention, find_codes

_CUE = re.compile(r"\b(?:codes?|coded|coding|HCPCS)\b", re.IGNORECASE)
_CUE_REACH = 60

_SIMILAR_HEADING = re.compile(
    r"\b(?:similar|related|comparable|alternative|alternate|associated)\b.{0,30}\bcodes?\b",
    re.IGNORECASE,
)
# Words directly before a code, or before the list of codes that it stands in.
_CODE_WORDS = r"(?:[\s,:(]|\(s\)|\b(?:HCPCS|Level II|CPT|codes?|and|or)\b)*$"
_SIMILAR = r"(?:similar|comparable|related|alternative)"


def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_BEFORE = (
    ("replacement", _pattern(rf"\breplaced (?:by|with){_CODE_WORDS}")),
    ("replacement", _pattern(rf"\b(?:replacement|successor) codes?{_CODE_WORDS}")),
    ("replacement", _pattern(rf"\bcross-?walk(?:s|ed)? to{_CODE_WORDS}")),
    ("addon", _pattern(rf"\b(?:add-?on|addition) codes?{_CODE_WORDS}")),
    ("base", _pattern(rf"\bbase codes?{_CODE_WORDS}")),
    ("similar", _pattern(rf"\b{_SIMILAR} codes?(?: (?:is|are|include))?{_CODE_WORDS}")),
)
_AFTER = (
    ("addon", _pattern(r"[\s,)]*(?:is|are) (?:an? )?add-?on codes?\b")),
    ("base", _pattern(r"[\s,)]*(?:is|are) (?:the |a )?base codes?\b")),
    ("similar", _pattern(rf"[\s,)]*(?:is|are) (?:a )?{_SIMILAR} codes?\b")),
)
_EXAMPLE = _pattern(rf"(?:\be\.g\.|\bfor example|\bfor instance|\bsuch as),?{_CODE_WORDS}")
_LISTED = re.compile(r"[A-Z]-?\d{4}[\s,/&]*(?:(?:and|or|and/or)\s+)?$", re.IGNORECASE)
_REACH = 80


def find_mentions(text: str) -> tuple[CodeMention, ...]:
    """Every HCPCS Level II code in prose, in order, as printed and where."""
    masked = mask(text)
    return tuple(
        mention
        for mention in find_codes(masked)
        if mention.raw == mention.code or _follows_cue(masked, mention)
    )


def _follows_cue(text: str, mention: CodeMention) -> bool:
    return _CUE.search(text, max(mention.start - _CUE_REACH, 0), mention.start) is not None


def subjects(titled: set[str], mentioned: list[str], defined: set[str]) -> set[str]:
    """The codes a publication is about.

    Those in its title; without any, the only code it names, where it defines the code or names it
    more than once.
    """
    if titled:
        return titled
    only = set(mentioned)
    if len(only) == 1 and (only & defined or len(mentioned) > 1):
        return only
    return set()


def role(text: str, mention: CodeMention, section: str | None) -> str | None:
    """What a code that is not the subject is to the text around it; None where nothing says so."""
    before = text[max(mention.start - _REACH, 0) : mention.start]
    listed = _LISTED.search(before)
    while listed:
        before = before[: listed.start()]
        listed = _LISTED.search(before)
    for name, pattern in _BEFORE:
        if pattern.search(before):
            return name
    for name, pattern in _AFTER:
        if pattern.match(text, mention.end):
            return name
    if section is not None and _SIMILAR_HEADING.search(section):
        return "similar"
    return "example" if _EXAMPLE.search(before) else None
