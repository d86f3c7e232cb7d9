"""Policies in a list of objects with the keys lcdName, lcdUrl, hcpcsModifiers and two texts.

The number of a policy is in its address. What the texts say is not known here.
"""

from __future__ import annotations

import re
from typing import Any

from extractors.policies.json_text import kind_of
from extractors.policies.policy import Policy, PolicyText
from schemas.codes import MODIFIER

NAME, ADDRESS, MODIFIERS = "lcdName", "lcdUrl", "hcpcsModifiers"
DOCUMENTATION, GUIDANCE = "documentationRequirements", "coverageGuidance"
KEYS = (NAME, ADDRESS, MODIFIERS, DOCUMENTATION, GUIDANCE)
OTHER_KEY = "value under a key that is not known"
UNREAD = "text of a policy that cannot be read"

_NUMBER = re.compile(r"[?&](?P<kind>LCD|Article)Id=(?P<number>\d+)(?!\d)", re.IGNORECASE)


def is_collected(value: Any) -> bool:
    """Whether a file is such a list."""
    return isinstance(value, list) and any(
        isinstance(each, dict) and (NAME in each or ADDRESS in each) for each in value
    )


def collected_policies(value: list[Any]) -> list[Policy]:
    """The policies of the list, in its order. What is wrong with one is in its `faults`."""
    return [_policy(each, f"$[{index}]") for index, each in enumerate(value)]


def _policy(value: Any, path: str) -> Policy:
    policy = Policy(path, "lcd")
    if not isinstance(value, dict):
        policy.faults.append(f"{path} is {kind_of(value)} and no policy")
        return policy
    texts = {key: _text(policy, value, key) for key in KEYS}
    policy.title = texts[NAME].strip() or None
    policy.address = texts[ADDRESS].strip() or None
    _set_number(policy)
    _set_modifiers(policy, texts[MODIFIERS])
    policy.facts += [texts[key] for key in (ADDRESS, MODIFIERS) if texts[key].strip()]
    for key in (DOCUMENTATION, GUIDANCE):
        if texts[key].strip():
            text = PolicyText(f"{path}.{key}", texts[key], says_coverage=key == GUIDANCE)
            policy.texts.append(text)
    policy.leave_out(OTHER_KEY, sum(bool(value[key]) for key in value if key not in KEYS))
    return policy


def _text(policy: Policy, value: dict[str, Any], key: str) -> str:
    if key not in value:
        policy.faults.append(f"{policy.path} has no key {key!r}")
        return ""
    text = value[key]
    if not isinstance(text, str):
        policy.faults.append(f"{policy.path}.{key} is {kind_of(text)} and no text")
        return ""
    return text


def _set_number(policy: Policy) -> None:
    found = _NUMBER.search(policy.address or "")
    if found:
        is_lcd = found["kind"].upper() == "LCD"
        policy.kind = "lcd" if is_lcd else "article"
        policy.number = f"{'L' if is_lcd else 'A'}{found['number']}"
    elif policy.address:
        policy.faults.append(
            f"{policy.path}.{ADDRESS}: {policy.address!r} has no LCDId, which is its number"
        )


def _set_modifiers(policy: Policy, printed: str) -> None:
    for modifier in filter(None, (each.strip() for each in printed.split(","))):
        if re.fullmatch(MODIFIER, modifier):
            policy.modifiers.append(modifier)
        else:
            policy.faults.append(f"{policy.path}.{MODIFIERS}: {modifier!r} is no modifier")
