"""One coverage policy as its file has it, whatever the shape of the file.

Texts are still HTML here, and dates still printed. What the words say is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One text of a policy: where it is in the file, its HTML and, if it has one, its heading.

    `says_coverage` is set for the text that says what is covered.
    """

    path: str
    html: str
    heading: str | None = None
    says_coverage: bool = False


@dataclass(frozen=True, slots=True)
class ListedCode:
    """One code in a group of a policy's list, with its words."""

    path: str
    code: str
    group: int | None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One entry of a policy's history, as printed."""

    path: str
    changed_on: str
    description: str


@dataclass(slots=True)
class Policy:
    """A policy. `facts` are the printed values that make its row; `path` leads to it in the file.

    `left_out` counts values by the reason for which nothing is made of them. A policy with
    `faults` is not read further.
    """

    path: str
    kind: str
    number: str | None = None
    title: str | None = None
    version: str | None = None
    address: str | None = None
    modifiers: list[str] = field(default_factory=list)
    effective_from: list[str] = field(default_factory=list)
    effective_to: list[str] = field(default_factory=list)
    updated_on: str | None = None
    facts: list[str] = field(default_factory=list)
    texts: list[PolicyText] = field(default_factory=list)
    codes: list[ListedCode] = field(default_factory=list)
    groups: dict[int, PolicyText] = field(default_factory=dict)
    revisions: list[PolicyRevision] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def leave_out(self, rule: str, count: int = 1) -> None:
        """Counts values of which nothing is made."""
        if count:
            self.left_out[rule] = self.left_out.get(rule, 0) + count
