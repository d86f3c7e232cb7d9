"""The codes of a policy's own lists and of its words on coverage, as rows of coverage_codes.

A list of the policy comes in groups, of which the words above them speak. Where the policy has no
list, the codes are those that its words on coverage name, each with what they say in all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from extractors.policies.passages import words_of
from extractors.policies.policy import ListedCode, Policy
from extractors.policies.stances import COVERED, UNKNOWN, group_stance, stances, together
from extractors.prose.mentions import find_mentions
from extractors.records import Record
from schemas.codes import LICENSED, LICENSES, CodeMention, system_of
from schemas.provenance import Place

TABLE = "coverage_codes"

_RANGE = re.compile(r"\s*(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\bthrough\b|\bthru\b|\bto\b)\s*")
_Range = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence that names codes: its words, the printed lines, and the line before them."""

    sentence: str
    place: Place
    raw_text: str
    before: str


@dataclass(slots=True)
class _Named:
    """A code or range in the words of a policy: where first, and which sentences speak of it."""

    first: Said
    speaking: list[tuple[str, Said]] = field(default_factory=list)


def named_codes(policy: Policy, sentences: Iterable[Said]) -> Iterator[Record]:
    """A row for each code and range that sentences name, in the order in which they come.

    Its place and words are those of the first sentence that decides; where none does, those of
    the first that names it.
    """
    found: dict[_Range, _Named] = {}
    for said in sentences:
        mentions = find_mentions(said.sentence)
        told = _told(said, mentions)
        for code, code_end in _ranges(said.sentence, mentions):
            named = found.setdefault((code, code_end), _Named(said))
            if code in told and (code_end is None or code_end in told):
                named.speaking.append((told[code], said))
    for (code, code_end), named in found.items():
        coverage = together(what for what, _ in named.speaking)
        deciding = next((said for what, said in named.speaking if what == coverage), named.first)
        values = {
            "policy": policy.number,
            "code_system": "HCPCS",
            "code": code,
            "code_end": code_end,
            "group_text": None if coverage == UNKNOWN else deciding.sentence,
            "coverage": coverage,
        }
        yield Record(TABLE, values, deciding.place, deciding.raw_text)


def listed_code(policy: Policy, listed: ListedCode, place: Place) -> Record:
    """The row of one code of a policy's own list. Licensed words are left out of it."""
    system = system_of(listed.code)
    group = policy.groups.get(listed.group) if listed.group is not None else None
    text = words_of(group.html) if group else None
    is_public = system is not None and system not in LICENSED
    values = {
        "policy": policy.number,
        "code_system": system,
        "code": listed.code if system else None,
        "group": listed.group,
        "group_text": text,
        "coverage": group_stance(text) if text else UNKNOWN,
        "description": listed.description if is_public else None,
        "description_license": LICENSES[system] if system else None,
    }
    faults = () if system else (f"{listed.path}: {listed.code!r} is no procedure code",)
    return Record(TABLE, values, place, printed_code(listed), faults=faults)


def printed_code(listed: ListedCode) -> str:
    """The line of a code as we show it: its group, the code, and its words if they are public."""
    system = system_of(listed.code)
    words = listed.description if system is not None and system not in LICENSED else None
    group = "" if listed.group is None else str(listed.group)
    return "\t".join(filter(None, (group, listed.code, words)))


def _told(said: Said, mentions: Sequence[CodeMention]) -> dict[str, str]:
    """What a sentence says of its codes, given what stands before it.

    Below words that introduce it, or within a paragraph that says more, a plain statement may be
    one of some cases only.
    """
    told = stances(said.sentence, mentions)
    if said.before.rstrip().endswith(":"):
        return {code: what for code, what in told.items() if what == "conditional"}
    if not said.raw_text.strip().startswith(said.sentence[:20]):
        return {code: what for code, what in told.items() if what != COVERED}
    return told


def _ranges(sentence: str, mentions: Sequence[CodeMention]) -> Iterator[_Range]:
    """The codes of a sentence; two with a dash between them are the ends of a range."""
    index = 0
    while index < len(mentions):
        first = mentions[index]
        after = mentions[index + 1] if index + 1 < len(mentions) else None
        if (
            after is not None
            and _RANGE.fullmatch(sentence[first.end : after.start])
            and first.code[0] == after.code[0]
            and first.code < after.code
        ):
            yield first.code, after.code
            index += 2
        else:
            yield first.code, None
            index += 1
