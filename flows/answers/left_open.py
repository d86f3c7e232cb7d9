"""What an answer of a lookup rests on, and what it leaves open, in clauses.

Only words: which answer it is, is decided in `flows.answers.lookup`.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.answers.held_back import HeldBack
from flows.answers.payer_lists import Lists, gap
from flows.answers.printed_facts import Fact

# Of the rows without a readable code, which may be thousands, an answer shows and names so many.
SHOWN_ROWS = 5


def explanation(
    lists: Lists,
    held_back: HeldBack,
    *,
    kind: str,
    earlier: Sequence[Fact],
    naming: Sequence[Fact],
    unread: Sequence[Fact],
) -> str | None:
    """What the answer rests on where that is not a printed rule, and what it leaves open.

    `earlier` are rules of an earlier version, `naming` the rows held back that name the code,
    `unread` those without a readable code.
    """
    clauses = []
    if kind == "not_listed":
        clauses.append(f"read whole: {', '.join(map(str, lists.whole))}")
    clauses += [_of_earlier(rule, lists) for rule in earlier]
    clauses += [
        f"{_at(fact)} names the code, but that row was not published ({'; '.join(fact['reasons'])})"
        for fact in naming
    ]
    clauses += _unread_rows(unread, is_listed=kind == "listed")
    if kind == "not_listed":
        for version in lists.published:
            rows = held_back.rows(version)
            if rows:
                clauses.append(f"{rows} of the rows of {version} could not be published")
    clauses += untold_rows(lists, held_back)
    return "; ".join([*clauses, *map(gap, lists.unread)]) or None


def untold_rows(lists: Lists, held_back: HeldBack) -> list[str]:
    """A clause for each list with more lines held back than the quarantine table has rows of."""
    clauses = []
    for version in lists.published:
        left = version.quarantined - held_back.rows(version)
        if left > 0:
            clauses.append(
                f"{left} of the rows of {version} could not be published and the release does not "
                "show them: run `precert refresh`"
            )
    return clauses


def _of_earlier(rule: Fact, lists: Lists) -> str:
    place = rule["place"]
    publication = place["source"], place["document"]
    is_cut = any(v.is_truncated for v in lists.published if v.publication == publication)
    why = "is cut before it" if is_cut else "has rows that could not be read and may name it"
    said = rule["pa_status"].replace("_", " ").upper()
    return (
        f"an earlier version, first seen on {rule['first_seen'][:10]}, listed it as {said} "
        f"({_at(rule)}); the newer one {why}"
    )


def _unread_rows(unread: Sequence[Fact], *, is_listed: bool) -> list[str]:
    """What the rows without a readable code leave open."""
    if not unread:
        return []
    count = f"{len(unread)} printed row{'s have' if len(unread) > 1 else ' has'}"
    if is_listed:
        return [f"{count} no code that could be read: another rule of this code may be there"]
    shown = [f"{_at(fact)} ({'; '.join(fact['reasons'])})" for fact in unread[:SHOWN_ROWS]]
    more = len(unread) - len(shown)
    said = "no row that was read names the code, but"
    where = f"{', '.join(shown)}{f' and {more} more' if more else ''}"
    return [f"{said} {count} no code that could be read and may be about it: {where}"]


def _at(fact: Fact) -> str:
    place = fact["place"]
    return f"{place['source']}/{place['document']} page {place['page']}, line {place['line']}"
