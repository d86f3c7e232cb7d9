"""What a text says that a code means.

Finds a definition in brackets after its code, after a verb such as `describes`, after a dash or
colon where a line begins with the code, and in a table with a code and a description column.
Whether the definition is right is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.codes import CodeMention, find_codes, parse_expression

_VERB = re.compile(
    r"(?P<aside>\s*,\s*(?:for (?:example|instance)|however|in turn|by contrast|also)\s*,)?"
    r"\s*,?\s*(?:which |that |also )?(?:describes?|denotes?|designates?|identif(?:y|ies)"
    r"|represents?|refers? to|pertains? to|(?:is|are) (?:defined|described) as|stands? for"
    r"|(?:is|are) the (?:HCPCS )?codes? for|covers?)\s+",
    re.IGNORECASE,
)
_OPENING_QUOTE = re.compile(r"(?:an? |the )?[“\"]")
_CLOSING_QUOTE = re.compile(r"[”\"]")
# Where the definition stops and the text goes on about something else.
_TURN = re.compile(
    r",?\s+(?:which|but|although|though|while|whereas|because|since|whose|when|where|if|unless)\b"
    r"|;|\s[–—]\s"
    r"|,?\s+and (?:is|are|may|should|can|must|was|were|has|have|reflects?|does|do|will)\b",
    re.IGNORECASE,
)
_DASH = re.compile(r"\s*(?::|–|—|\s-)\s+(?=\S)")
_NOT_A_DEFINITION = re.compile(
    r"\b(?:see|refer|effective|formerly|replaced|when|if|unless|e\.g|i\.e|billed|below|above"
    r"|modifiers?|payment|claims?|covered|denied|only|must)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]{3,}")
_LISTED_BEFORE = re.compile(r"(?:\b(?:and|or|and/or)\s+|[,/]\s*(?:and\s+|or\s+)?)$", re.IGNORECASE)
_COMBINED = re.compile(r"(?:\bplus|\bwith|\+|\bcombination of)\s*(?:HCPCS |code )*$", re.IGNORECASE)
# Characters that a definition may have; the longest official one has 1,200.
_LONGEST = 2_000
_COMBINED_REACH = 60

_CODE_COLUMN = re.compile(r"(?:\w+ )?(?:HCPCS|CPT|procedure)?[\s/®]*codes?", re.IGNORECASE)
_DESCRIPTION_COLUMN = re.compile(
    r"(?:\w+ )?(?:description|descriptor|narrative|definition)s?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Definition:
    """What the text at characters `start` to `end` says that a code means."""

    code: str
    text: str
    start: int
    end: int


def find_definitions(
    text: str, sentence: tuple[int, int], mentions: tuple[CodeMention, ...]
) -> tuple[Definition, ...]:
    """The definitions in one sentence of a text, whose code mentions are given.

    Where one definition follows several codes joined by `and` or `or`, it is said of each; of a
    combination of codes it is said of none.
    """
    start, end = sentence
    inside = [mention for mention in mentions if start <= mention.start < end]
    found: list[Definition] = []
    for index, mention in enumerate(inside):
        span = _definition(text, mention, sentence)
        if span is None:
            continue
        if _COMBINED.search(text, max(start, mention.start - _COMBINED_REACH), mention.start):
            continue
        words = text[span[0] : span[1]]
        found += [
            Definition(named.code, words, named.start, span[1])
            for named in (*_listed_with(text, inside[:index], mention), mention)
        ]
    return tuple(sorted(found, key=lambda definition: definition.start))


def table_definition(header: tuple[str, ...], cells: tuple[str, ...]) -> tuple[str, str] | None:
    """The code and its definition in a table row whose header names a column for each."""
    if len(header) != len(cells):
        return None
    codes = [cell for name, cell in zip(header, cells, strict=True) if _CODE_COLUMN.fullmatch(name)]
    texts = [
        cell
        for name, cell in zip(header, cells, strict=True)
        if _DESCRIPTION_COLUMN.fullmatch(name)
    ]
    if len(codes) != 1 or len(texts) != 1 or not _WORD.search(texts[0]):
        return None
    spans = parse_expression(codes[0])
    if spans is None or len(spans) != 1 or spans[0].code_end or spans[0].system != "HCPCS":
        return None
    return spans[0].code, texts[0]


def _definition(
    text: str, mention: CodeMention, sentence: tuple[int, int]
) -> tuple[int, int] | None:
    end = min(sentence[1], mention.end + _LONGEST)
    return (
        _in_brackets(text, mention, end)
        or _after_verb(text, mention, end)
        or _after_dash(text, mention, sentence)
    )


def _in_brackets(text: str, mention: CodeMention, end: int) -> tuple[int, int] | None:
    opening = mention.end + (text[mention.end : mention.end + 1] == " ")
    if text[opening : opening + 1] != "(":
        return None
    depth = 0
    for position in range(opening, end):
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            break
    else:
        return None
    words = text[opening + 1 : position]
    if len(_WORD.findall(words)) < 3 or not words[0].isupper():
        return None
    if not words.isupper() and (_NOT_A_DEFINITION.search(words) or find_codes(words)):
        return None
    return opening + 1, position


def _after_verb(text: str, mention: CodeMention, end: int) -> tuple[int, int] | None:
    verb = _VERB.match(text, mention.end, end)
    if verb is None:
        return None
    start = verb.end()
    quote = _OPENING_QUOTE.match(text, start, end)
    if quote:
        closing = _CLOSING_QUOTE.search(text, quote.end(), end)
        if closing:
            return quote.end(), _trimmed(text, quote.end(), closing.start())
    turn = _TURN.search(text, start, end)
    stop = _trimmed(text, start, turn.start() if turn else end)
    return (start, stop) if len(_WORD.findall(text, start, stop)) >= 2 else None


def _after_dash(
    text: str, mention: CodeMention, sentence: tuple[int, int]
) -> tuple[int, int] | None:
    if mention.start != 0 or sentence[0] != 0:
        return None
    dash = _DASH.match(text, mention.end, sentence[1])
    if dash is None:
        return None
    words = text[dash.end() : sentence[1]]
    if len(_WORD.findall(words)) < 3 or find_codes(words):
        return None
    if not words.isupper() and _NOT_A_DEFINITION.search(words):
        return None
    return dash.end(), _trimmed(text, dash.end(), sentence[1])


def _trimmed(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip(" .,;:"))


def _listed_with(text: str, before: list[CodeMention], mention: CodeMention) -> list[CodeMention]:
    """The codes that are joined to this one, nearest first in the text."""
    listed: list[CodeMention] = []
    following = mention
    for candidate in reversed(before):
        between = text[candidate.end : following.start]
        if not _LISTED_BEFORE.fullmatch(between.lstrip()):
            break
        listed.insert(0, candidate)
        following = candidate
    return listed
