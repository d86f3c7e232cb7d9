"""Policies in answers of the coverage interface of CMS: objects with the keys meta and data.

One answer has records of one sort: determinations, articles, their codes, groups of codes,
modifiers or history. A file holds one answer or a list of several; records that belong to one
policy find each other by its number and version. The interface says of no procedure code whether
it is covered, so that only the words of its group can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from extractors.policies.json_text import kind_of
from extractors.policies.policy import ListedCode, Policy, PolicyRevision, PolicyText
from extractors.reading import ExtractionError, Problem
from schemas.codes import MODIFIER

META = "meta of an answer"
OTHER_RECORD = "record of another sort"
OTHER_KEY = "value of which no column is made"
OF_NO_POLICY = "record of a policy that is not in the file"

# The texts of a determination and of an article, in the order of their pages, and the one that
# says what is covered.
_LCD_TEXTS = {
    "cms_cov_policy": "CMS National Coverage Policy",
    "indication": "Coverage Indications, Limitations, and/or Medical Necessity",
    "summary_of_evidence": "Summary of Evidence",
    "analysis_of_evidence": "Analysis of Evidence",
    "coding_guidelines": "Coding Guidelines",
    "doc_reqs": "Documentation Requirements",
    "util_guide": "Utilization Guidelines",
    "appendices": "Appendices",
    "associated_info": "Associated Information",
    "source_info": "Sources of Information",
    "bibliography": "Bibliography",
}
_ARTICLE_TEXTS = {
    "cms_cov_policy": "CMS National Coverage Policy",
    "description": "Article Text",
    "other_comments": "Other Comments",
}
_SAYS_COVERAGE = ("indication", "description")


@dataclass(frozen=True, slots=True)
class _Sort:
    """A sort of policy: its letter, and the keys in which its record has its facts."""

    letter: str
    kind: str
    id_key: str
    version_key: str
    told_by: str
    texts: dict[str, str]
    begins: tuple[str, ...]
    ends: tuple[str, ...]


_SORTS = (
    _Sort(
        "L",
        "lcd",
        "lcd_id",
        "lcd_version",
        "indication",
        _LCD_TEXTS,
        ("rev_eff_date", "orig_det_eff_date"),
        ("rev_end_date", "ent_det_end_date", "date_retired"),
    ),
    _Sort(
        "A",
        "article",
        "article_id",
        "article_version",
        "article_eff_date",
        _ARTICLE_TEXTS,
        ("article_eff_date",),
        ("article_rev_end_Date", "article_end_date", "date_retired"),
    ),
)
_Key = tuple[str, str, str | None]


@dataclass(slots=True)
class Answers:
    """The policies of a file, what is left out beside them by its reason, and problems."""

    policies: list[Policy]
    left_out: dict[str, int]
    problems: list[Problem]


def is_answers(value: Any) -> bool:
    """Whether a file is an answer or a list of answers."""
    answers = value if isinstance(value, list) else [value]
    return bool(answers) and all(
        isinstance(answer, dict) and "data" in answer for answer in answers
    )


def answered_policies(value: Any) -> Answers:
    """The policies of the answers in their order, each with its codes, groups and history.

    Raises `ExtractionError` for an answer without a list of records, and for a file in which no
    record is a policy.
    """
    records = list(_records(value))
    found = Answers([], {META: sum(bool(each.get("meta")) for each in _listed(value))}, [])
    by_key: dict[_Key, Policy] = {}
    sides: list[tuple[str, dict[str, Any]]] = []
    for path, record in records:
        sort = next((each for each in _SORTS if each.id_key in record), None)
        if sort is None or "title" not in record or sort.told_by not in record:
            sides.append((path, record))
            continue
        policy = _policy(path, record, sort)
        by_key[_key(record, sort)] = policy
        found.policies.append(policy)
    if not found.policies:
        raise ExtractionError(
            f"none of the {len(records)} records of the answer is a policy: put the answers of "
            "the policy itself and of its codes into one list"
        )
    for path, record in sides:
        _add_side(path, record, by_key, found)
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _records(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, answer in enumerate(_listed(value)):
        path = f"$[{number}].data" if isinstance(value, list) else "$.data"
        data = answer["data"]
        if not isinstance(data, list):
            raise ExtractionError(f"{path} is {kind_of(data)} and no list of records")
        for index, record in enumerate(data):
            if not isinstance(record, dict):
                raise ExtractionError(f"{path}[{index}] is {kind_of(record)} and no record")
            yield f"{path}[{index}]", record


def _key(record: dict[str, Any], sort: _Sort) -> _Key:
    version = record.get(sort.version_key)
    return sort.letter, str(record[sort.id_key]), None if version is None else str(version)


def _policy(path: str, record: dict[str, Any], sort: _Sort) -> Policy:
    policy = Policy(path, sort.kind)
    used = {"title", sort.id_key, sort.version_key, "display_id", "last_updated"}
    used |= {*sort.begins, *sort.ends, *sort.texts}
    said = {key: _printed(policy, path, record, key) for key in used}
    number = said["display_id"]
    policy.number = number if re.fullmatch(r"[A-Z]+\d+", number) else None
    if policy.number is None and said[sort.id_key].isdecimal():
        policy.number = f"{sort.letter}{said[sort.id_key]}"
    if policy.number is None:
        policy.faults.append(f"{path}.{sort.id_key}: {said[sort.id_key]!r} is no number")
    policy.title = said["title"] or None
    if policy.title is None:
        policy.faults.append(f"{path}.title is empty")
    policy.version = said[sort.version_key] or None
    policy.effective_from = [said[key] for key in sort.begins if said[key]]
    policy.effective_to = [said[key] for key in sort.ends if said[key]]
    policy.updated_on = said["last_updated"] or None
    facts = (sort.id_key, sort.version_key, "display_id", *sort.begins, *sort.ends, "last_updated")
    policy.facts = [said[key] for key in facts if said[key]]
    policy.texts = [
        PolicyText(f"{path}.{key}", said[key], heading, key in _SAYS_COVERAGE)
        for key, heading in sort.texts.items()
        if said[key]
    ]
    policy.leave_out(OTHER_KEY, sum(record[key] not in (None, "") for key in record.keys() - used))
    return policy


def _printed(policy: Policy, path: str, record: dict[str, Any], key: str) -> str:
    """The value of a key as text; empty where there is none."""
    value = record.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        policy.faults.append(f"{path}.{key} is {kind_of(value)} and no text")
        return ""
    return str(value).strip()


def _add_side(
    path: str, record: dict[str, Any], by_key: dict[_Key, Policy], found: Answers
) -> None:
    """Gives a record to its policy, or counts it as left out."""
    sort = next((each for each in _SORTS if each.id_key in record), None)
    read = _reader(record)
    if sort is None or read is None:
        found.left_out[OTHER_RECORD] = found.left_out.get(OTHER_RECORD, 0) + 1
        return
    letter, number, version = _key(record, sort)
    policy = by_key.get((letter, number, version)) or by_key.get((letter, number, None))
    if policy is None:
        found.left_out[OF_NO_POLICY] = found.left_out.get(OF_NO_POLICY, 0) + 1
        message = (
            f"{path} belongs to {letter}{number} version {version}, which is not in the file: add "
            "the answer of that policy"
        )
        found.problems.append(Problem(message))
        return
    read(policy, path, record)


def _reader(record: dict[str, Any]) -> Callable[[Policy, str, dict[str, Any]], None] | None:
    if "code_table_row" in record:
        return None
    if "hcpc_code_id" in record:
        return _add_code
    if "hcpc_code_group" in record and "paragraph" in record:
        return _add_group
    if "hcpc_modifier_code_id" in record:
        return _add_modifier
    return _add_revision if "rev_hist_date" in record else None


def _group(policy: Policy, path: str, record: dict[str, Any]) -> int | None:
    printed = _printed(policy, path, record, "hcpc_code_group")
    if printed and not re.fullmatch(r"\d{1,9}", printed):
        policy.faults.append(f"{path}.hcpc_code_group: {printed!r} is no number of a group")
        return None
    return int(printed) if printed else None


def _add_code(policy: Policy, path: str, record: dict[str, Any]) -> None:
    code = _printed(policy, path, record, "hcpc_code_id").upper()
    words = _printed(policy, path, record, "long_description")
    words = words or _printed(policy, path, record, "short_description")
    group = _group(policy, path, record)
    policy.codes.append(ListedCode(path, code, group, words or None))


def _add_group(policy: Policy, path: str, record: dict[str, Any]) -> None:
    group = _group(policy, path, record)
    text = _printed(policy, path, record, "paragraph")
    if group is None or not text:
        policy.leave_out("group without words")
    elif group in policy.groups:
        policy.faults.append(f"{path} has group {group} again")
    else:
        policy.groups[group] = PolicyText(f"{path}.paragraph", text)


def _add_modifier(policy: Policy, path: str, record: dict[str, Any]) -> None:
    modifier = _printed(policy, path, record, "hcpc_modifier_code_id").upper()
    if not re.fullmatch(MODIFIER, modifier):
        policy.faults.append(f"{path}.hcpc_modifier_code_id: {modifier!r} is no modifier")
    elif modifier not in policy.modifiers:
        policy.modifiers.append(modifier)
    policy.facts.append(modifier)


def _add_revision(policy: Policy, path: str, record: dict[str, Any]) -> None:
    changed_on = _printed(policy, path, record, "rev_hist_date")
    policy.revisions.append(
        PolicyRevision(path, changed_on, _printed(policy, path, record, "rev_hist_exp"))
    )
