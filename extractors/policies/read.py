"""A file of coverage policies to rows: each policy with its sections, codes and history.

Knows where everything stands: `page` is the place of a policy in the file, from 1, and `line` the
line of the policy, from 1: its title, then the values that make its row, then its texts as a
reader of the page sees them, then its listed codes, groups and history. What prose says is told
by the readers of narrative publications.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any

from extractors.dates import is_open_end, parse_date
from extractors.narrative import narrate
from extractors.policies.answers import answered_policies, is_answers
from extractors.policies.collected import UNREAD, collected_policies, is_collected
from extractors.policies.coverage_codes import Said, listed_code, named_codes, printed_code
from extractors.policies.json_text import kind_of, load_json
from extractors.policies.passages import SECTION_LEVEL, read_passages, words_of
from extractors.policies.policy import Policy
from extractors.reading import ExtractionError, Passage, Problem, Reading, Row, Tally
from extractors.records import Extract, Record
from schemas.codes import system_of
from schemas.provenance import Place
from schemas.source import Source
from schemas.tables import TABLES

MOST_POLICIES = 20_000

# What narration makes of a publication as a whole: of a policy, coverage_policies has it.
_OF_THE_WHOLE = "bulletins"


@dataclass(slots=True)
class _Printed:
    """The lines of a policy: its title, values of its row, prose, and lines of its lists.

    `spans` are the lines of the texts that say what is covered, from the first to the last.
    """

    title: Passage
    facts: list[Passage]
    prose: list[Row | Passage] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    codes: list[Passage] = field(default_factory=list)
    groups: list[Passage] = field(default_factory=list)
    revisions: list[Passage] = field(default_factory=list)
    # Counted by the readers before anything was made of it.
    seen: int = 0

    def lines(self) -> tuple[Row | Passage, ...]:
        return (
            self.title,
            *self.facts,
            *self.prose,
            *self.groups,
            *self.codes,
            *self.revisions,
        )


@dataclass(slots=True)
class _Found:
    """What the policies of a file give, and the fates of its lines."""

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: int = 0
    headers: int = 0
    row_lines: int = 0
    ignored: Counter[str] = field(default_factory=Counter)


def read_policies(data: bytes) -> Reading:
    """The lines of all policies of a file. Raises `ExtractionError` as `extract_policies` does."""
    policies, _, problems = _policies(data)
    lines = [
        line
        for page, policy in enumerate(policies, start=1)
        for line in _printed(policy, page).lines()
    ]
    return Reading(tuple(lines), len(lines), len(policies), problems=tuple(problems))


def extract_policies(data: bytes, source: Source) -> Extract:
    """All that the policies of a file say, with the fate of every line.

    A policy that cannot be read is a row with its faults, and nothing is made of its texts.

    Raises `ExtractionError` for a file that is no JSON, that holds no policies or more than
    `MOST_POLICIES`, and for a text whose HTML cannot be read; the message has the JSON path.
    """
    policies, left_out, problems = _policies(data)
    found = _Found(problems=problems)
    found.ignored.update(left_out)
    found.seen = sum(left_out.values())
    for page, policy in enumerate(policies, start=1):
        _take(policy, page, source, found)
    found.problems += _repeated(policies)
    return Extract(
        records=tuple(found.records),
        tally=Tally(found.seen, found.headers, found.row_lines, dict(found.ignored)),
        problems=tuple(found.problems),
        title=source.title,
        pages=len(policies),
    )


def _policies(data: bytes) -> tuple[list[Policy], dict[str, int], list[Problem]]:
    value = load_json(data)
    left_out: dict[str, int] = {}
    problems: list[Problem] = []
    if is_collected(value):
        policies = collected_policies(value)
    elif is_answers(value):
        answers = answered_policies(value)
        policies, problems = answers.policies, answers.problems
        left_out = {rule: count for rule, count in answers.left_out.items() if count}
    else:
        raise ExtractionError(
            f"the JSON is {_shape(value)}, and no coverage policies that we know: check the "
            "address of the source"
        )
    if len(policies) > MOST_POLICIES:
        raise ExtractionError(
            f"the JSON has {len(policies)} policies, more than {MOST_POLICIES}: look at it by hand"
        )
    return policies, left_out, problems


def _shape(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)} values, the first of which is " + (
            kind_of(value[0]) if value else "missing"
        )
    keys = ", ".join(map(repr, list(value)[:5])) if isinstance(value, dict) else ""
    return f"an object with the keys {keys}" if keys else kind_of(value)


def _printed(policy: Policy, page: int) -> _Printed:
    """The lines of a policy, with their places; of an unread one, its title and facts."""
    title = words_of(policy.title or "") or policy.path
    printed = _Printed(Passage(Place(page, 1), title, policy.title or policy.path, level=1), [])
    line = _Lines(page, 2)
    printed.facts = [line.passage(fact) for fact in policy.facts]
    printed.seen = 1 + len(policy.facts) + sum(policy.left_out.values())
    if policy.faults:
        printed.seen += len(policy.texts)
        return printed
    tables = 0
    for text in policy.texts:
        if text.heading:
            heading = replace(line.passage(text.path.rpartition(".")[2]), text=text.heading)
            printed.prose.append(replace(heading, level=SECTION_LEVEL))
            printed.seen += 1
        passages = read_passages(text.path, text.html, line.place, tables)
        printed.prose += passages.lines
        printed.seen += passages.lines_seen
        printed.problems += passages.problems
        tables = max([tables, *(each.table for each in passages.lines if isinstance(each, Row))])
        if text.says_coverage:
            printed.spans.append((line.number, line.number + len(passages.lines) - 1))
        line.number += len(passages.lines)
    printed.groups = [line.passage(words_of(group.html)) for group in policy.groups.values()]
    printed.codes = [line.passage(printed_code(listed)) for listed in policy.codes]
    printed.revisions = [
        line.passage(f"{each.changed_on}\t{words_of(each.description)}")
        for each in policy.revisions
    ]
    printed.seen += len(policy.groups) + len(policy.codes) + len(policy.revisions)
    return printed


@dataclass(slots=True)
class _Lines:
    """The next line of a policy."""

    page: int
    number: int

    @property
    def place(self) -> Place:
        return Place(self.page, self.number)

    def passage(self, text: str) -> Passage:
        place = self.place
        self.number += 1
        return Passage(place, text, text)


def _take(policy: Policy, page: int, source: Source, found: _Found) -> None:
    printed = _printed(policy, page)
    found.seen += printed.seen
    found.headers += 1
    found.row_lines += len(printed.facts)
    found.ignored.update(policy.left_out)
    if policy.faults:
        found.ignored.update({UNREAD: len(policy.texts)} if policy.texts else {})
        found.records.append(_policy_row(policy, printed, [], _Dates()))
        return
    lines = (printed.title, *printed.prose)
    told = narrate(Reading(lines, len(lines), 1), source)
    found.headers += told.tally.headers - 1
    found.row_lines += told.tally.row_lines
    found.ignored.update(told.tally.ignored)
    found.problems += [*printed.problems, *told.problems]
    prose = [_of_policy(record, policy) for record in told.records]
    dates = _dates(policy, told)
    found.records.append(_policy_row(policy, printed, prose, dates))
    found.records += [record for record in prose if record.table != _OF_THE_WHOLE]
    found.records += _history(policy, printed)
    if policy.codes:
        rows = zip(policy.codes, printed.codes, strict=True)
        found.records += [listed_code(policy, code, line.place) for code, line in rows]
    else:
        found.records += named_codes(policy, _sentences(prose, printed))
    found.row_lines += len(printed.codes) + len(printed.groups) + len(printed.revisions)


def _of_policy(record: Record, policy: Policy) -> Record:
    if "policy" not in TABLES[record.table].names:
        return record
    return replace(record, values={**record.values, "policy": policy.number})


@dataclass(slots=True)
class _Dates:
    """The days of a policy, and which of its printed dates cannot be read."""

    effective_from: date | None = None
    effective_to: date | None = None
    updated_on: date | None = None
    faults: list[str] = field(default_factory=list)


def _dates(policy: Policy, told: Extract) -> _Dates:
    """The days that a policy states: the first it names of its beginning, the earliest end."""
    dates = _Dates()
    begins = _days(policy, policy.effective_from, dates)
    ends = _days(policy, policy.effective_to, dates)
    updated = _days(policy, [policy.updated_on] if policy.updated_on else [], dates)
    dates.effective_from = next(iter(begins), told.effective_on)
    dates.effective_to = min(ends, default=None)
    dates.updated_on = next(iter(updated), told.updated_on)
    return dates


def _days(policy: Policy, printed: list[str], dates: _Dates) -> list[date]:
    days = []
    for text in printed:
        day = parse_date(text)
        if day is not None and not is_open_end(text):
            days.append(day)
        elif day is None and text.upper() != "N/A":
            dates.faults.append(f"{policy.path}: {text!r} is not a date that we can read")
    return days


def _policy_row(policy: Policy, printed: _Printed, prose: list[Record], dates: _Dates) -> Record:
    mentioned = [record.values["code"] for record in prose if record.table == "code_mentions"]
    listed = [each.code for each in policy.codes if system_of(each.code)]
    codes = dict.fromkeys([*mentioned, *listed])
    values = {
        "policy": policy.number,
        "kind": policy.kind,
        "version": policy.version,
        "title": words_of(policy.title or "") or None,
        "address": policy.address,
        "effective_from": dates.effective_from,
        "effective_to": dates.effective_to,
        "updated_on": dates.updated_on,
        "modifiers": policy.modifiers or None,
        "codes": list(codes) or None,
    }
    faults = (*policy.faults, *dates.faults)
    title = printed.title
    return Record("coverage_policies", values, title.place, title.raw_text, faults=faults)


def _sentences(prose: list[Record], printed: _Printed) -> Iterator[Said]:
    """The sentences with codes in the texts that say what is covered, each once."""
    before = {below.place.line: above.raw_text for above, below in pairwise(printed.lines())}
    seen: set[tuple[Place, str]] = set()
    for record in prose:
        if record.table != "code_mentions":
            continue
        place, sentence = record.place, record.values["sentence"]
        in_span = any(first <= place.line <= last for first, last in printed.spans)
        if in_span and (place, sentence) not in seen:
            seen.add((place, sentence))
            yield Said(sentence, place, record.raw_text, before.get(place.line, ""))


def _history(policy: Policy, printed: _Printed) -> Iterator[Record]:
    for revision, line in zip(policy.revisions, printed.revisions, strict=True):
        day = parse_date(revision.changed_on)
        values = {
            "changed_on": day,
            "description": words_of(revision.description) or None,
            "policy": policy.number,
        }
        wrong = f"{revision.path}.rev_hist_date: {revision.changed_on!r} is not a date"
        faults = () if day else (wrong,)
        yield Record("revisions", values, line.place, line.raw_text, faults=faults)


def _repeated(policies: list[Policy]) -> Iterator[Problem]:
    """A policy that the file has twice, which would be two rules of one name."""
    seen: dict[tuple[str, str | None], str] = {}
    for page, policy in enumerate(policies, start=1):
        if policy.number is None:
            continue
        key = policy.number, policy.version
        if key in seen:
            message = f"{policy.path} is policy {policy.number} again, as {seen[key]} is: keep one"
            yield Problem(message, Place(page, 1))
        seen.setdefault(key, policy.path)
