"""Dated duties in sentences: from when a code needs a verification, an authorization, an order.

A duty is read only from one sentence that names what is required, says that it is, names the code
and gives one day on which the duty begins. A sentence with a negation, an exception, a limit, an
end or several days is not read but reported, because otherwise more or the opposite of what it
says would be published. Such a sentence, dated or not, casts doubt on what others say of the same
duty. Lists that follow a sentence, and tables, are not read here.
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
# What a sentence speaks of when it takes a duty back: no word of duty need be near.
_THINGS = {
    "coding_verification": re.compile(
        rf"{_VERIFICATION}|\bverif(?:y|ied|ications?)\b", re.IGNORECASE
    ),
    "prior_authorization": re.compile(rf"{_AUTHORIZATION}|\bauthorizations?\b", re.IGNORECASE),
    "face_to_face_encounter": re.compile(r"\bface[- ]to[- ]face\b", re.IGNORECASE),
    "written_order": re.compile(rf"{_ORDER}|\bwritten orders?\b", re.IGNORECASE),
    "modifier": re.compile(r"\bmodifiers?\b", re.IGNORECASE),
}
_DUTY_WORD = re.compile(
    r"\b(?:must|shall|requir(?:e|es|ed|ing)|mandat(?:ory|es|ed|ing)|needs|necessary|subject to"
    r"|conditions? of payment)\b",
    re.IGNORECASE,
)
_TOPIC = re.compile("|".join((_AUTHORIZATION, _VERIFICATION, _ENCOUNTER, _ORDER)), re.IGNORECASE)
_NEGATION = re.compile(
    r"\b(?:no longer|not(?! limited to)|never|(?<!or )without|no(?! later than)|neither|nor"
    r"|\w+n[’']t|except|excluding|exclud(?:es|ed)|other than|exempt(?:ed|s)?|waive[ds]?|unless"
    r"|until|removed?|removing|suspend(?:ed|s|ing)?|suspension|discontinu(?:e|es|ed|ing)|rescind(?:ed|s|ing)?"
    r"|withdrawn|eliminat(?:e|es|ed|ing)|delay(?:ed|s|ing)?|postpon(?:e|es|ed|ing)|voluntary"
    r"|optional|may require|ends?|ended|ending|expir(?:e|es|ed|ing)|replac(?:e|es|ed|ing))\b",
    re.IGNORECASE,
)
# What stops a duty, whatever else the sentence says of its code.
_HALT = re.compile(
    r"\b(?:delay(?:s|ed|ing)?(?! (?:union|healing|development|onset))|postpon(?:e|es|ed|ing)"
    r"|postponement|defer(?:s|red|ring)?|reschedul(?:e|es|ed|ing)|paus(?:e|es|ed|ing)"
    r"|suspend(?:s|ed|ing)?|rescind(?:s|ed|ing)?|rescission|revok(?:e|es|ed|ing)"
    r"|repeal(?:s|ed|ing)?|retract(?:s|ed|ing)?|withdr(?:aw|aws|awn|awing|ew)|waiv(?:es?|ed|ing)"
    r"|removed|remov(?:e|es|ing|al)(?=.{0,80}\b(?:lists?|PCL|requirements?)\b)"
    r"|discontinu(?:e|es|ed|ing|ation)|cancel(?:s|l?ed|l?ing|lation)?|halt(?:s|ed|ing)?|vacated"
    r"|superseded|retired|pushed back|(?:on|in)(?: \w+)? (?:hold|abeyance)|until further notice"
    r"|(?:not|never|n[’']t)(?: \w+){0,2}? enforced?|non-?enforcement|enforcement discretion"
    r"|(?:new|revised|later) (?:effective|start|implementation|compliance) date"
    r"|date (?:is|has been|was|will be) (?:now|moved|changed|revised|extended|reset)"
    r"|no longer (?:\w+ ){0,2}?(?:requir(?:e|es|ed|ing)|need(?:s|ed)?|mandatory|necessary"
    r"|subject to|enforced?|appl(?:y|ies|icable)|in (?:effect|force)|effective))\b",
    re.IGNORECASE,
)
# What does so only beside the name of the duty: elsewhere these are words of many uses.
_DENIAL = re.compile(
    r"\b(?:suspension|withdrawal|removal|removing|lifted|stayed|eliminat(?:e|es|ed|ing)|ended"
    r"|expired|terminat(?:e|es|ed|ing)|sunset|voluntary|optional|exempt(?:ed|s)?|no longer|void"
    r"|reversed|moved to|need not"
    r"|(?:not|never|\w+n[’']t)(?:\s+\w+){0,3}?\s+(?:requir(?:e|es|ed)|need(?:ed)?"
    r"|mandatory|(?<!reasonable and )necessary|subject to|in effect|appl(?:y|ies|icable)"
    r"|implement(?:ed)?|take effect"
    r"|begin|start))\b",
    re.IGNORECASE,
)
# Before a word that stops something, these leave open whether it does.
_OPEN = re.compile(
    r"\b(?:may|might|could|can|avoid|prevent|cause|causing|result in|unnecessary)"
    r"(?:\s+(?:be|a|an|any|further|the|also|\w+ly))*\s+$",
    re.IGNORECASE,
)
_OPEN_REACH = 40
# A duty, or the publication that states it, named without its code.
_REFERENCE = re.compile(
    r"\b(?<!refill )(?<!signature )(?:requirements?|mandates?|obligations?|edits?"
    r"|implementation|enforcement|(?:effective|start) date)\b"
    r"|\bmandatory (?:\w+ ){0,3}?(?:reviews?|verification)\b|\b(?:the|PDAC) (?:\w+ )?reviews?\b"
    r"|\b(?:this|that) (?:date|deadline)\b|\bdate (?:will|is|was|has|no longer)\b"
    r"|\b(?:this|these|such) (?:[\w-]+ ){0,3}?(?:bulletin|article|notice|publication|announcement"
    r"|guidance|instructions?|policy|rule)\b"
    r"|^\W*(?:this|that|it|these|they)(?:\s+(?:is|are|was|were|has|have|been|will|be|now"
    r"|being|\w+ly))+\s+(?:delayed|postponed|deferred|suspended|rescinded|paused|withdrawn|waived"
    r"|cancell?ed|(?:on|in)\b)",
    re.IGNORECASE,
)
_NOW = re.compile(r"\bnow\b", re.IGNORECASE)
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
class Doubt:
    """What a sentence that was not read leaves uncertain of the duties that others state.

    It is about the requirements `kinds`, which are all where the sentence tells none, and about
    the `codes` it names from first to last, or about every code where it names none. `is_of_duty`
    is false where only a code and a word such as "removed" make it one, or where it names no code:
    then it matters only if there is a duty that it concerns.
    """

    reason: str
    kinds: frozenset[str]
    codes: tuple[tuple[str, str], ...]
    is_of_duty: bool

    def concerns(self, duty: Duty) -> bool:
        """Whether the duty may not stand because of this."""
        return duty.requirement in self.kinds and (
            not self.codes or any(first <= duty.code <= last for first, last in self.codes)
        )


@dataclass(frozen=True, slots=True)
class Duties:
    """The duties of one sentence.

    `unread` says why a sentence that speaks of a dated duty was not read. `undated` has the
    requirement and code of each duty that begins on no stated day. `doubt` is there where the
    sentence denies, limits, delays or ends a duty.
    """

    found: tuple[Duty, ...] = ()
    unread: str | None = None
    undated: tuple[tuple[str, str], ...] = ()
    doubt: Doubt | None = None


def read_duties(sentence: str, mentions: tuple[CodeMention, ...], semantics: str) -> Duties:
    """The duties that a sentence states about the codes it mentions.

    `semantics` is what dates mean where the sentence does not say.
    """
    kinds = [kind for kind, pattern in _KINDS.items() if pattern.search(sentence)]
    told = frozenset(kinds).union(k for k, pattern in _THINGS.items() if pattern.search(sentence))
    codes = tuple(dict.fromkeys(mention.code for mention in mentions))
    dates = find_dates(sentence)
    stop = _stop(sentence, bool(told), bool(codes))
    doubt = _doubt(f"it says {stop!r}", told, sentence, mentions) if stop else None
    is_topical = bool(kinds) or _TOPIC.search(sentence) is not None
    denied = _NEGATION.search(sentence)
    denial = stop or (denied[0] if denied else None)
    if not dates:
        undated = () if denial else tuple((kind, code) for kind in kinds for code in codes)
        return Duties(undated=undated, doubt=doubt)
    if not is_topical and not (codes and (told or _DUTY_WORD.search(sentence))):
        return Duties(doubt=doubt)
    if denial:
        reason = f"it says {denial!r}"
        if doubt is None and codes and told:
            doubt = _doubt(reason, told, sentence, mentions)
        return Duties(unread=reason, doubt=doubt)
    if not kinds:
        unread = "it does not say what is required in words that we read" if codes else None
        return Duties(unread=unread)
    starts = {day for day, start, _ in dates if _is_beginning(sentence, start)}
    unread = _unread(sentence, dates, starts, mentions)
    if unread:
        limits = _LIMIT.search(sentence) or _NOW.search(sentence)
        changes = limits or len(starts) > 1 or _ends(sentence, dates)
        doubt = _doubt(unread, told, sentence, mentions) if codes and changes else None
        return Duties(unread=unread, doubt=doubt)
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


def _stop(sentence: str, is_told: bool, has_code: bool) -> str | None:
    """The words that deny or delay a duty, where the sentence is about one or about a code."""
    refers = _REFERENCE.search(sentence) is not None
    if not (is_told or has_code or refers):
        return None
    for halt in _HALT.finditer(sentence):
        if not _OPEN.search(sentence, max(0, halt.start() - _OPEN_REACH), halt.start()):
            return halt[0]
    if not (refers or (is_told and has_code)):
        return None
    denial = _DENIAL.search(sentence)
    return denial[0] if denial else None


def _doubt(
    reason: str, told: frozenset[str], sentence: str, mentions: tuple[CodeMention, ...]
) -> Doubt:
    is_of_duty = bool(mentions) and (bool(told) or _REFERENCE.search(sentence) is not None)
    return Doubt(reason, told or frozenset(_KINDS), _reach(sentence, mentions), is_of_duty)


def _reach(sentence: str, mentions: tuple[CodeMention, ...]) -> tuple[tuple[str, str], ...]:
    """The codes and ranges of codes that a sentence names, each by its first and last."""
    reach = []
    for mention in mentions:
        short = _SHORT_RANGE.match(sentence, mention.end)
        digits = short[0].lstrip(" -–—") if short else ""
        reach.append((mention.code, mention.code[: len(mention.code) - len(digits)] + digits))
    for first, last in pairwise(mentions):
        if _RANGE.fullmatch(sentence[first.end : last.start]):
            reach.append((first.code, last.code))
    return tuple(reach)


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
    if _ends(sentence, dates):
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


def _ends(sentence: str, dates: tuple[tuple[date, int, int], ...]) -> bool:
    return any(_is_an_end(sentence, start) for _, start, _ in dates)


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
