"""Which codes of one list stand together in a value set, and which can stand in none.

A value set says one thing of all its codes. So the rules of a list are parted by status and by
whatever narrows them: line of business, state, modifiers, dates, and whether conditions are
attached or a note that nobody interpreted (a conditional rule has them by its nature). The members
of a range are those that the code reference has; a range without any, and a code whose system has
no address in HL7 Terminology, are named as not included. What a FHIR resource looks like is not
known here.

The addresses are those of the code systems CPT, CDT and hcpcs-Level-II at terminology.hl7.org; to
CPT belong all codes of the AMA. HCPCS-all-codes, which some guides use, is not what HL7 Terminology
has for Level II.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from schemas.codes import SYSTEMS

CPT = "http://www.ama-assn.org/go/cpt"
CDT = "http://www.ada.org/cdt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ADDRESSES = {
    **{system: CPT for system in SYSTEMS if system.startswith("CPT")},
    "CDT": CDT,
    "HCPCS": HCPCS,
}
_NOT_READ = "note_not_interpreted"


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """To what the rules of a set are narrowed; empty: to nothing.

    `starts` is the first day and `ends` the first day after, as ISO text.
    """

    state: str = ""
    modifiers: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    dates_are: str = ""
    has_conditions: bool = False

    @property
    def is_plain(self) -> bool:
        return self == Scope()

    @property
    def last_day(self) -> str:
        """The last day on which the rules hold, empty if none is stated."""
        return (date.fromisoformat(self.ends) - timedelta(days=1)).isoformat() if self.ends else ""

    def __str__(self) -> str:
        """The scope in words; empty for a plain one."""
        dates = {"dos": "dates of service", "request": "dates of the request"}.get(
            self.dates_are, "not said whether dates of service or of the request"
        )
        parts = (
            f"only in {self.state}" if self.state else "",
            f"only with modifier {' and '.join(self.modifiers)}" if self.modifiers else "",
            f"only from {self.starts} on" if self.starts else "",
            f"only until {self.last_day}" if self.ends else "",
            dates if self.starts or self.ends else "",
            "only under the conditions and notes printed with each code"
            if self.has_conditions
            else "",
        )
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Mention:
    """Where a code of a set is printed, and how: `listed_as` for a member of a range.

    `beside` are its conditions as printed, else its notes.
    """

    page: int
    line: int
    listed_as: str = ""
    beside: str = ""

    def __str__(self) -> str:
        within = f"within {self.listed_as}, " if self.listed_as else ""
        told = f": {self.beside}" if self.beside else ""
        return f"{within}page {self.page}, line {self.line}{told}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A printed code or range that is in no value set, and why."""

    code: str
    why: str
    page: int
    line: int
    row_key: str

    def __str__(self) -> str:
        return f"{self.code} (page {self.page}, line {self.line}): {self.why}"


@dataclass(slots=True)
class CodeSet:
    """The codes of one list with one status and scope, by the address of their system.

    `elsewhere` are those of its codes that the list has with another status or scope too.
    """

    status: str
    line_of_business: str
    scope: Scope
    codes: dict[str, dict[str, list[Mention]]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(map(len, self.codes.values()))


def code_sets(rules: Iterable[dict[str, Any]]) -> list[CodeSet]:
    """The sets of one list from its rules, in the order of status and scope."""
    sets: dict[tuple[str, str, Scope], CodeSet] = {}
    for rule in rules:
        scope = _scope(rule)
        key = rule["pa_status"], rule["line_of_business"], scope
        found = sets.setdefault(key, CodeSet(*key))
        _add(found, rule)
    ordered = [sets[key] for key in sorted(sets)]
    _mark_elsewhere(ordered)
    return ordered


def _scope(rule: dict[str, Any]) -> Scope:
    starts, ends = rule["effective_from"] or "", rule["effective_to"] or ""
    is_narrowed = rule["conditions"] or (rule["notes"] and _NOT_READ in (rule["flags"] or ()))
    return Scope(
        state=rule["state"] or "",
        modifiers=tuple(sorted(rule["modifiers"] or ())),
        starts=starts,
        ends=ends,
        dates_are=rule["date_semantics"] if starts or ends else "",
        has_conditions=bool(is_narrowed) and rule["pa_status"] != "conditional",
    )


def _add(found: CodeSet, rule: dict[str, Any]) -> None:
    printed = _printed(rule)
    address = ADDRESSES.get(rule["code_system"])
    codes = _codes(rule)
    if address is None or not codes:
        why = (
            "no code reference says which codes it has"
            if address
            else f"the code system {rule['code_system']} has no address in HL7 Terminology"
        )
        place = rule["page"], rule["line"], rule["row_key"]
        found.left_out.append(LeftOut(printed, why, *place))
        return
    conditions = (condition["raw"] or condition["type"] for condition in rule["conditions"] or ())
    mention = Mention(
        rule["page"],
        rule["line"],
        printed if rule["code_end"] else "",
        "; ".join(conditions) or rule["notes"] or "",
    )
    mentions = found.codes.setdefault(address, defaultdict(list))
    for code in codes:
        mentions[code].append(mention)


def _codes(rule: dict[str, Any]) -> list[str]:
    if rule["code_end"]:
        return list(rule["code_members"] or ())
    return [rule["code"]]


def _printed(rule: dict[str, Any]) -> str:
    if rule["code_pattern"]:
        return str(rule["code_pattern"])
    return f"{rule['code']}-{rule['code_end']}" if rule["code_end"] else str(rule["code"])


def _mark_elsewhere(sets: list[CodeSet]) -> None:
    times: dict[tuple[str, str], int] = defaultdict(int)
    for one in sets:
        for named in _named(one):
            times[named] += 1
    for one in sets:
        one.elsewhere = sorted(code for address, code in _named(one) if times[address, code] > 1)


def _named(one: CodeSet) -> Iterator[tuple[str, str]]:
    for address, codes in one.codes.items():
        for code in codes:
            yield address, code
