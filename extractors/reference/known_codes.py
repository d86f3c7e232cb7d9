"""What the dated code reference says of a code on a day.

Reads the table `codes`, whatever releases it was made of. Which day a document speaks of, and what
becomes of a row whose code has ended, is not known here. A code that the reference does not have
is not called invalid: no reference has every code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class CodeState:
    """Whether a code was valid on a day.

    `on` is the day asked for, or the last day that the reference reaches if that is earlier.
    `is_active` is None for a code that the reference does not have. `ended_on` is the last day of
    a code that had ended, `replaced_by` what the reference then names in its place; `began_later`
    says that the code was added after `on`.
    """

    on: date
    is_active: bool | None
    ended_on: date | None = None
    replaced_by: tuple[str, ...] = ()
    began_later: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """The official words of a code on a day; `release` is the one that has them (2025-10)."""

    long: str | None
    short: str | None
    source: str
    release: str


@dataclass(frozen=True, slots=True)
class KnownCodes:
    """The code reference in memory."""

    @classmethod
    def of(cls, codes: pa.Table) -> KnownCodes:
        """The reference made of the rows of the table `codes`, in any order."""
        raise NotImplementedError

    @property
    def reaches(self) -> date | None:
        """The last day that the newest release speaks of; None without a release.

        A release of a quarter holds until the next one: to the end of its third month.
        """
        raise NotImplementedError

    def state(self, code: str, on: date) -> CodeState | None:
        """The state of a code; None where the reference is empty."""
        raise NotImplementedError

    def members(self, first: str, last: str, on: date) -> tuple[str, ...] | None:
        """The codes from `first` to `last` that were valid on a day, in order.

        None where the reference has no code at all of that system.
        """
        raise NotImplementedError

    def words(self, code: str, on: date) -> Words | None:
        """The official words of a code on a day; the oldest known ones for an earlier day."""
        raise NotImplementedError

    def added_on(self, code: str) -> date | None:
        """The first day of a code."""
        raise NotImplementedError

    def has(self, code: str, on: date) -> bool:
        """Whether a code was valid on a day."""
        raise NotImplementedError
