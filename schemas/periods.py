"""Periods of days, half-open: the first day on which a rule holds, the first on which it no longer
does, each None where it is not stated.

Whether two rules say the same is not known here.
"""

from __future__ import annotations

from datetime import date

Period = tuple[date | None, date | None]


def follows(later: Period, earlier: Period) -> bool:
    """Whether a period begins, by a stated day, when another has ended by a stated day."""
    begins, ended = later[0], earlier[1]
    return begins is not None and ended is not None and begins >= ended
