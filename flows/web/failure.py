"""What a look at a publication can fail with, in words that may be shown and logged."""

from __future__ import annotations

from datetime import datetime
from typing import Any


class FetchError(RuntimeError):
    """A look that brought nothing trustworthy; the message says why and what to do next.

    `passing` says whether the same request may succeed later, `not_before` when the origin wants
    it at the earliest, `status` what it answered, if it did. The message has no secret in it.
    """

    def __init__(
        self,
        message: str,
        *,
        passing: bool = False,
        not_before: datetime | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.passing = passing
        self.not_before = not_before
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), str(self), self.passing, self.not_before, self.status)


class NotAsked(FetchError):
    """A look that ended before anyone was asked, and says nothing of the network."""


class Unresolved(FetchError):
    """A host whose name has no address: it is gone, or this machine has no network."""

    def __init__(self, message: str, *, host: str = "", **said: Any) -> None:
        super().__init__(message, **said)
        self.host = host


def _again(
    kind: type[FetchError],
    message: str,
    passing: bool,
    not_before: datetime | None,
    status: int | None,
) -> FetchError:
    return kind(message, passing=passing, not_before=not_before, status=status)
