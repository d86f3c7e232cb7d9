"""Dated duties in sentences: from when a code needs a verification, an authorization, an order.

A duty is read only from one sentence that names what is required, says that it is, names the code
and gives one day on which the duty begins. A sentence with a negation, an exception, a limit, an
end or several days is not read but reported, because otherwise more or the opposite of what it
says would be published. Lists that follow a sentence, and tables, are not read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from extractors.dates import find_dates
from schemas.codes import CodeMention

# Up to so many words in between; separators and words have no character in common.
_GAP = r"(?:[\s,()/“”\"]+[\w’'&-]+){0,%d}?[\s,()/“”\"]+"
_MUST = (
    r"\b(?:must|shall|requir(?:e|es|ed|ing)|mandat(?:ory|es|ed|ing)|needs?|needed|necessary"
    r"|subject to|conditions? of payment|only)\b"
)
_AUTHORIZATION = r"\b(?:prior[- ]authorizations?|pre-?authorizations?|pre-?certifications?)\b"
_VERIFICATION = (
    r"\b(?:cod(?:e|ing) verification|reviewed for correct coding"
    r"|product classification list|PCL)\b"
)
_ENCOUNTER = r"\bface[- ]to[- ]face (?:encounters?|examinations?|evaluations?|visits?)\b"
_ORDER = r"\b(?:written orders? prior to delivery|WOPDs?|standard written orders?|SWOs?)\b"
_MODIFIER = r"\b[A-Z][A-Z0-9][”\"]? modifiers?\b|\bmodifiers? [“\"]?[A-Z][A-Z0-9]\b"


def _tied(thing: str) -> re.Pattern[str]:
    """The thing and a word of duty near it, in either order."""
    before = rf"(?:{_MUST}){_GAP % 12}(?:{thing})"
    after = rf"(?:{thing}){_GAP % 8}(?:{_MUST})"
    return re.compile(f"{before}|{after}", re.IGNORECASE)


_KINDS = {
    "coding_verification": _tied(_VERIFICATION),
    "prior_authorization": _tied(_AUTHORIZATION),
    "face_to_face_encounter": _tied(_ENCOUNTER),
    "written_order": _tied(_ORDER),
    "modifier": re.compile(
        rf"\b(?:[Mm]ust|[Ss]hall|[Rr]equired to){_GAP % 10}(?:{_MODIFIER})"
        rf"|(?:{_MODIFIER})(?:\s+\w+){{0,3}}?\s+(?:required|mandatory)\b"
    ),
}
_TOPIC = re.compile("|".join((_AUTHORIZATION, _VERIFICATION, _ENCOUNTER, _ORDER)), re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?:no longer|not(?! limited to)|never|(?<!or )without|no(?! later than)|neither|nor"
    r"|\w+n[’']t|except|excluding|exclud(?:es|ed)|other than|exempt(?:ed|s)?|waive[ds]?|unless"
    r"|until|removed?|removing|suspend(?:ed|s|ing)?|suspension|discontinu(?:e|es|ed|ing)|rescind(?:ed|s|ing)?"
    r"|withdrawn|eliminat(?:e|es|ed|ing)|delay(?:ed|s|ing)?|postpon(?:e|es|ed|ing)|voluntary"
    r"|optional|may require|ends?|ended|ending|expir(?:e|es|ed|ing)|replac(?:e|es|ed|ing))\b",
    re.IGNORECASE,
)
# Limits that the table has no column for.
_LIMIT = re.compile(
    r"\b(?:if|when|where|in conjunction with|in combination with|in addition to|together with"
    r"|along with|instead of|rather than|(?<!united )states?|phases?|exceeds?|exceeding|more than"
    r"|greater than|in excess of)\b",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"(?:\b(?:effective|begin(?:s|ning)?|start(?:s|ing)?|commencing|as of|takes? effect|on or after"
    r"|on and after)(?:\s+(?:for|with|on|all|claims?|requests?|submitted|received|dates?|of|service"
    r"|services|DOS|and|or|after|items?|delivered|furnished|rendered|provided|the|date)\b"
    r"|\s*[,:(])*\s*)$",
    re.IGNORECASE,
)
_REACH = 150
_STOPS = re.compile(
    r"(?:\b(?:before|prior to|through|thru|until|to|ending|and|by)|[–—-])\s*$", re.IGNORECASE
)
_SERVICE = re.compile(
    r"\b(?:dates? of service|DOS)\b|\b(?:furnished|delivered) on\b", re.IGNORECASE
)
_REQUEST = re.compile(
    r"\brequests?(?:\s+\w+){0,3}?\s+(?:submitted|received)\b|\bsubmission", re.IGNORECASE
)
_SHORT_RANGE = re.compile(r"\s?[-–—]\s?\d{1,3}\b")
_RANGE = re.compile(r"\s*(?:-|–|—|\bto\b|\bthrough\b|\bthru\b)\s*", re.IGNORECASE)

_PDAC = re.compile(r"\bPDAC\b|\bPricing,? Data Analysis,? and Coding\b")
_BY_AUTHORITY = re.compile(
    r"\b(?:by|from) (?:the |a |an |its |their )?(?P<who>DME MACs?|PDAC|MACs?)\b"
)
_LISTS = (
    ("Product Classification List (PCL)", re.compile(r"\bProduct Classification List\b|\bPCL\b")),
    (
        "Required Prior Authorization List",
        re.compile(r"\bRequired Prior[- ]Authorization List\b", re.IGNORECASE),
    ),
)


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty about one code, as its sentence states it."""

    code: str
    requirement: str
    authority: str | None
    list_referenced: str | None
    effective_from: date
    date_semantics: str


@dataclass(frozen=True, slots=True)
class Duties:
    """The duties of one sentence.

    `unread` says why a sentence that speaks of a dated duty was not read. `undated` has the
    requirement and code of each duty that begins on no stated day.
    """

    found: tuple[Duty, ...] = ()
    unread: str | None = None
    undated: tuple[tuple[str, str], ...] = ()


def read_duties(sentence: str, mentions: tuple[CodeMention, ...], semantics: str) -> Duties:
    """The duties that a sentence states about the codes it mentions.

    `semantics` is what dates mean where the sentence does not say.
    """
    kinds = [kind for kind, pattern in _KINDS.items() if pattern.search(sentence)]
    if not kinds and not _TOPIC.search(sentence):
        return Duties()
    codes = tuple(dict.fromkeys(mention.code for mention in mentions))
    denied = _NEGATION.search(sentence)
    dates = find_dates(sentence)
    if not dates:
        undated = () if denied else tuple((kind, code) for kind in kinds for code in codes)
        return Duties(undated=undated)
    if denied:
        return Duties(unread=f"it says {denied[0]!r}")
    if not kinds:
        return Duties()
    starts = {day for day, start, _ in dates if _is_beginning(sentence, start)}
    unread = _unread(sentence, dates, starts, mentions)
    if unread:
        return Duties(unread=unread)
    return Duties(
        tuple(
            Duty(
                code=code,
                requirement=kind,
                authority=_authority(sentence, kind),
                list_referenced=_list(sentence),
                effective_from=next(iter(starts)),
                date_semantics=_semantics(sentence, semantics),
            )
            for code in codes
            for kind in kinds
        )
    )


def _unread(
    sentence: str,
    dates: tuple[tuple[date, int, int], ...],
    starts: set[date],
    mentions: tuple[CodeMention, ...],
) -> str | None:
    if not starts:
        return "it does not say that something begins on that day"
    if len(starts) > 1:
        return "it names several days on which something begins"
    if any(_is_an_end(sentence, start) for _, start, _ in dates):
        return "it names a day on which something ends"
    if not mentions:
        return "it names no code that we can read"
    limit = _LIMIT.search(sentence)
    if limit:
        return f"it limits the duty ({limit[0]!r})"
    span = _range_in(sentence, mentions)
    return f"the codes of the range {span!r} are not listed in it" if span else None


def _is_beginning(sentence: str, start: int) -> bool:
    return _BEGINS.search(sentence, max(0, start - _REACH), start) is not None


def _is_an_end(sentence: str, start: int) -> bool:
    stops = _STOPS.search(sentence, max(0, start - _REACH), start)
    return stops is not None and not _is_beginning(sentence, start)


def _range_in(sentence: str, mentions: tuple[CodeMention, ...]) -> str | None:
    for mention in mentions:
        short = _SHORT_RANGE.match(sentence, mention.end)
        if short:
            return sentence[mention.start : short.end()]
    for first, last in pairwise(mentions):
        if _RANGE.fullmatch(sentence[first.end : last.start]):
            return sentence[first.start : last.end]
    return None


def _authority(sentence: str, kind: str) -> str | None:
    if kind == "coding_verification" and _PDAC.search(sentence):
        return "PDAC"
    named = _BY_AUTHORITY.search(sentence)
    return named["who"].removesuffix("s") if named and kind != "modifier" else None


def _list(sentence: str) -> str | None:
    return next((name for name, pattern in _LISTS if pattern.search(sentence)), None)


def _semantics(sentence: str, otherwise: str) -> str:
    service, request = _SERVICE.search(sentence), _REQUEST.search(sentence)
    if bool(service) == bool(request):
        return otherwise if not service else "unknown"
    return "dos" if service else "request"
