"""Whether a sentence of a coverage policy says that a code is covered, and on which conditions.

Only plain sentences count. One that says anything beside the bare statement, or speaks of a part
or a number of an item, is a condition or says nothing: a policy that is wrongly said to cover a
code is worse than one of which nothing is known. What a policy says in all is put together
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from schemas.codes import CodeMention

COVERED, NOT_COVERED, CONDITIONAL, UNKNOWN = "covered", "not_covered", "conditional", "unknown"

_NECESSARY = r"(?:considered (?:to be )?)?(?:medically |reasonable (?:and|or) )necessary"
_NOT_COVERED = (
    r"(?:is|are|will be|be) (?:also )?(?:denied as (?:statutorily )?"
    rf"(?:not {_NECESSARY}|non-?covered)|not covered|non-?covered|not {_NECESSARY})"
)
_COVERED = rf"(?:is|are|will be) (?:also )?(?:covered|{_NECESSARY}|considered for coverage)"
_PREDICATE = re.compile(rf"\b(?:(?P<no>{_NOT_COVERED})|(?P<yes>{_COVERED}))\b", re.IGNORECASE)
# What makes a statement one of some cases only.
_CONDITION = re.compile(
    r"\b(?:if|when|whenever|where|only|unless|until|once|as long as|provided|in cases?|except"
    r"|for|who|whose|which|that|criteri\w+|documentation|following an?|during|after|before"
    r"|more (?:than|often)|less than|per|otherwise|without|in excess|to)\b",
    re.IGNORECASE,
)
# What the words after it are not the subject of the statement, though named before its verb.
_ASIDE = re.compile(
    r"\b(?:other than|except(?: for)?|instead of|in addition to|rather than|alternative to"
    r"|(?:used?|billed|provided|submitted|ordered|integrated|combined) (?:only )?"
    r"(?:with|for|in|into)|without|to be used|accessor(?:y|ies) (?:for|to|with))\b",
    re.IGNORECASE,
)
# Subjects that are a part, a number or a use of the item that the code is for.
_NOT_PLAIN = re.compile(
    r"\b(?:if|when|more|fewer|additional|addition|replacements?|second|two|three|four|separate"
    r"|usage|use|used|using|billed|billing|billings|upgrade|other|any|duplicate|back-?up|spare"
    r"|continued|coverage|these|those|this|such|for|that|which|who|of|not|no|rental|payment"
    r"|remaining|greater|excess|concurrent\w*|both|n?either|nor|never|cannot|can|may|might"
    r"|whether|unlike|but|was|were|rarely|seldom|hardly|usually|generally|typically|often"
    r"|sometimes|formerly|previously|some|most|many)\b|[;:]",
    re.IGNORECASE,
)
# What belongs to an item is another item: "repairs to an E0840", "E0840 batteries".
_BELONGING = (
    r"(?:purchases?|repairs?|maintenance|servicing|labor|delivery|supplies|parts?|batter(?:y|ies)"
    r"|accessor(?:y|ies))"
)
_NOT_WHOLE = re.compile(
    r"\b(?:to|on|in|with|from|by|under) (?:an? |the |codes? |HCPCS )*\(?[A-Z]\d{4}\b"
    rf"|^\s*(?:the )?{_BELONGING}(?: (?:and|or) {_BELONGING})* (?:to|on|in|with|from)\b"
    rf"|\b[A-Z]\d{{4}}\)? {_BELONGING}\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"\s*(?:if|when|in|for|because|since|therefore|unless|beginning|although|while|with|until"
    r"|after|as|on|however|at|where|except|effective|under|otherwise|before|during|once)\b",
    re.IGNORECASE,
)
_END = re.compile(r"\s*(?:\((?:no benefit|statutory)[^()]*\))?\s*[.;]?\s*", re.IGNORECASE)
# "If an E0840 is ordered, it will be denied": no case, and more than this sentence tells.
_BARE_BILLING = re.compile(
    r"\s*(?:therefore,?\s+)?(?:if|when) (?:an? |the |codes? |HCPCS )*"
    r"(?:[A-Z]\d{4}(?:\s|,|\bor\b|\band\b)+)+(?:is|are) (?:ordered|billed|provided|submitted)"
    r"[,\s]+(?:it|they)\s*",
    re.IGNORECASE,
)
_IMPERSONAL = re.compile(
    r"\bit (?:is|will be) (?:not )?(?:considered )?(?:medically |reasonable (?:and|or) )"
    r"necessary (?:for\b.{1,80}\b)?to\b",
    re.IGNORECASE,
)
# Codes for whatever has no code of its own: a statement is of an item and not of the code.
_CATCH_ALL = re.compile(r"[A-Z][0-9]{2}99|[A-Z]9998|A9270|A4421|A4649|K0108")
_GROUP = re.compile(
    r"(?:the following |these |all |the )?(?:CPT|HCPCS|Level II|procedure|[/ ])*codes?"
    r"(?: listed| below| in this group)*\s*",
    re.IGNORECASE,
)


def stances(sentence: str, mentions: Sequence[CodeMention]) -> dict[str, str]:
    """What a sentence says of the codes that it names: covered, not_covered or conditional.

    A code of which it says nothing with certainty is not in the answer.
    """
    predicate = _PREDICATE.search(sentence)
    if predicate is None or _IMPERSONAL.search(sentence):
        return {}
    subject = sentence[: predicate.start()]
    aside = _ASIDE.search(subject)
    end = aside.start() if aside else len(subject)
    codes = [mention.code for mention in mentions if mention.end <= end]
    if not codes or _BARE_BILLING.fullmatch(subject):
        return {}
    said = _said(sentence, subject, predicate, has_aside=aside is not None)
    if said is None:
        return {}
    if said != CONDITIONAL:
        codes = [code for code in codes if not _CATCH_ALL.fullmatch(code)]
    return dict.fromkeys(codes, said)


def _said(sentence: str, subject: str, predicate: re.Match[str], *, has_aside: bool) -> str | None:
    rest = sentence[predicate.end() :]
    is_plain = not has_aside and not _OPENING.match(subject) and not _not_plain(subject)
    if is_plain and _END.fullmatch(rest):
        return NOT_COVERED if predicate["no"] else COVERED
    if _CONDITION.search(rest) or _OPENING.match(subject) or _CONDITION.search(subject):
        return CONDITIONAL
    return None


def _not_plain(subject: str) -> bool:
    """Whether a subject is not the whole item; "claims for" a code are that."""
    subject = re.sub(r"^\s*claims? for ", "", subject, flags=re.IGNORECASE)
    return any(pattern.search(subject) for pattern in (_NOT_PLAIN, _NOT_WHOLE))


def group_stance(words: str) -> str:
    """What the words above a group of codes say of all of them; unknown unless they say it."""
    predicate = _PREDICATE.search(words)
    if predicate is None or not _GROUP.fullmatch(words[: predicate.start()]):
        return UNKNOWN
    rest = words[predicate.end() :]
    if re.fullmatch(r"\s*[.:]?\s*", rest):
        return NOT_COVERED if predicate["no"] else COVERED
    return CONDITIONAL if _CONDITION.search(rest) else UNKNOWN


def together(said: Iterable[str]) -> str:
    """What several sentences say in all of one code."""
    found = set(said)
    if not found or found == {COVERED, NOT_COVERED}:
        return UNKNOWN
    return found.pop() if len(found) == 1 else CONDITIONAL
