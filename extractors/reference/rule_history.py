"""The versions of each rule of one list in known time: when we saw it, and what ended it.

Looks at the published editions of a list in the order of their looks, at keys and hashes alone. An
edition that was not read whole ends nothing by what it lacks; nor does one with a row about the
rule that could not be read. Whether an edition was published, and which rows it has, is the
caller's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

EndBasis = Literal["changed", "absent_from_list"]


@dataclass(frozen=True, slots=True)
class Edition:
    """One published version of a list: when looks found it, and its rules, row by row.

    `keys` and `hashes` are identity and content of its rules, `codes` their codes. `is_whole` says
    that what it lacks is absent: it was read to its end, and every row has a code. `unread` are the
    first and last codes of the rows that could not be published.
    """

    sha256: str
    first_seen: datetime
    last_seen: datetime
    keys: Sequence[str]
    hashes: Sequence[str]
    codes: Sequence[str]
    is_whole: bool = True
    unread: Sequence[tuple[str, str]] = ()

    def may_have(self, code: str) -> bool:
        """Whether a rule of the code may stand in it, though none was read."""
        return not self.is_whole or any(first <= code <= last for first, last in self.unread)


@dataclass(slots=True)
class Spell:
    """A rule with one content, from the first look that found it so to the first that did not.

    `edition` and `row` are where it was first printed: numbers from 0; `last_sha256` is the last
    edition that has it. `unseen_in` are editions after its first that neither have it nor end it.
    """

    key: str
    content: str
    code: str
    edition: int
    row: int
    first_seen: datetime
    last_seen: datetime
    last_sha256: str
    known_until: datetime | None = None
    end_basis: EndBasis | None = None
    reappeared: bool = False
    unseen_in: tuple[str, ...] = ()

    def end(self, at: datetime, basis: EndBasis) -> None:
        """It was found otherwise at a look."""
        self.known_until, self.end_basis = at, basis


def spells(editions: Iterable[Edition]) -> list[Spell]:
    """Every version of every rule, by the first look that found it.

    `editions` come in the order of their looks, each once for an unbroken run of looks that found
    it. A rule that comes back after an edition without it has `reappeared`.
    """
    every: list[Spell] = []
    open_: dict[str, Spell] = {}
    absent: set[str] = set()
    for number, edition in enumerate(editions):
        rows = zip(edition.keys, edition.hashes, edition.codes, strict=True)
        here: dict[str, Spell] = {}
        for row, (key, content, code) in enumerate(rows):
            before = open_.get(key)
            if before is not None and before.content == content:
                before.last_seen, before.last_sha256 = edition.last_seen, edition.sha256
                here[key] = before
                continue
            if before is not None:
                before.end(edition.first_seen, "changed")
            here[key] = Spell(
                key=key,
                content=content,
                code=code,
                edition=number,
                row=row,
                first_seen=edition.first_seen,
                last_seen=edition.last_seen,
                last_sha256=edition.sha256,
                reappeared=key in absent,
            )
            every.append(here[key])
        open_ = here | _without_a_word(open_, here, edition, absent)
    return every


def _without_a_word(
    known: Mapping[str, Spell], here: Mapping[str, Spell], edition: Edition, absent: set[str]
) -> dict[str, Spell]:
    """The rules that an edition does not have and does not end; it ends the others."""
    left = {}
    for key in known.keys() - here.keys():
        spell = known[key]
        if edition.may_have(spell.code):
            # The same bytes may come again.
            spell.unseen_in = tuple(dict.fromkeys((*spell.unseen_in, edition.sha256)))
            left[key] = spell
        else:
            spell.end(edition.first_seen, "absent_from_list")
            absent.add(key)
    return left
