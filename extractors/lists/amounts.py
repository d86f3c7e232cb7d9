"""Amounts of money in tables: which columns hold them, and what a printed amount is.

An amount is a number and nothing else. What it is an amount of, and whether a zero is a fee, is
for the table of fees to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from schemas.codes import header_key, printable
from schemas.source import TableRules

# Columns with names of ours that bound the amounts of a row; any source may have them.
BOUNDS = ("ceiling", "floor")

_AMOUNT = re.compile(r"\$? ?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)")
# NR and R are the publisher's words for areas that are not rural and that are.
_RURAL = {None: None, "NR": False, "R": True}


@dataclass(frozen=True, slots=True)
class AmountColumn:
    """Whose amounts a column holds: a state's; `is_rural` is None where its label does not say."""

    state: str
    is_rural: bool | None


def amount_columns(labels: Iterable[str], rules: TableRules) -> dict[str, AmountColumn]:
    """The columns of amounts among printed labels, by the pattern `amounts` of a source.

    Raises `ValueError` for a pattern that finds something else than NR or R as `rural`.
    """
    if rules.amounts is None:
        return {}
    pattern = re.compile(rules.amounts)
    found = {}
    for label in dict.fromkeys(labels):
        match = pattern.fullmatch(printable(label))
        if match is None:
            continue
        said = match.groupdict()
        rural = said.get("rural") or None
        if rural not in _RURAL:
            raise ValueError(
                f"amounts of the source finds {rural!r} as rural in the column {label!r}; "
                "known are NR and R: correct the pattern"
            )
        found[label] = AmountColumn(said["state"], _RURAL[rural])
    return found


def labels_named(labels: Iterable[str], rules: TableRules, name: str) -> frozenset[str]:
    """The printed labels that a source gives a name of ours."""
    keys = set(map(header_key, rules.columns.get(name, ())))
    return frozenset(label for label in labels if header_key(label) in keys)


@lru_cache(maxsize=32_768)
def read_amount(printed: str) -> float | None:
    """The amount that a cell prints, or None where it is no number and nothing else.

    A dollar sign and commas between thousands do not count. Of more than 15 digits, which only a
    spreadsheet's binary number has (0.57999999999999996), the first 15 are meant. Digits beyond
    all numbers are no amount.
    """
    match = _AMOUNT.fullmatch(printable(printed))
    amount = float(f"{float(match[1].replace(',', '')):.15g}") if match else math.inf
    return amount if math.isfinite(amount) else None
