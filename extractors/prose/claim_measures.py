"""Numbers with units in descriptors, as intervals: `10 mg`, `up to 3 ml`, `more than 16 sq in`.

Knows units and bounds. A number without a unit is not a measure, for it may count anything.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

# What a unit measures, and how many of that measure's smallest unit it is.
_UNITS = {
    "mass": {"mcg|microgram": 1.0, "mg|milligram": 1e3, "g|gm|gram": 1e6},
    "volume": {"ml|cc|milliliter": 1.0, "liter": 1e3},
    "area in": {r"sq\.? ?in\.?|square inche?": 1.0},
    "area cm": {"sq cm|square centimeter": 1.0},
    "length in": {"in|inche?": 1.0},
    "mm": {"mm|millimeter": 1.0},
    "cm": {"cm|centimeter": 1.0},
    "weight": {"lb|pound": 1.0},
    "pressure": {"mm ?hg": 1.0},
    "activity": {"mci|millicurie": 1e3, "uci|microcurie": 1.0},
    "minutes": {"min|minute": 1.0},
    "units": {"units?": 1.0, "international units?|iu": 1.0},
    "pieces": {"pc|piece": 1.0},
    "ply": {"ply": 1.0},
    "channels": {"channel": 1.0},
    "leads": {"lead": 1.0},
}
_DIMENSIONS = [
    (dimension, re.compile(rf"(?:{printed})s?\.?"), scale)
    for dimension, units in _UNITS.items()
    for printed, scale in units.items()
]
_ANY_UNIT = "|".join(
    sorted((printed for units in _UNITS.values() for printed in units), key=len, reverse=True)
)
_BELOW = (
    r"up to and including|up to|less than or equal to|less than|no more than|at most|<=|<|under"
)
_ABOVE = r"more than|greater than or equal to|greater than|at least|over|>=|>|minimum of"
_NUMBER = r"\d*\.?\d+"
_UNIT = rf"(?:{_ANY_UNIT})s?(?![a-z])\.?"
_MEASURE = re.compile(
    rf"(?<![\w.])(?:(?P<bound>{_BELOW}|{_ABOVE}) ?)?(?P<number>{_NUMBER}) ?(?P<unit>{_UNIT})?"
    rf"(?:,? ?(?P<joint>to|but|and|through) (?:(?P<bound2>{_BELOW}) ?)?(?P<number2>{_NUMBER})"
    rf" ?(?P<unit2>{_UNIT}))?"
    r"(?P<after> or less| or fewer| or smaller| or more| or greater| or over| and over)?"
)
_IS_BELOW = re.compile(_BELOW)


@dataclass(frozen=True, slots=True)
class Measure:
    """An amount, or all amounts between two bounds, of one dimension."""

    dimension: str
    least: float
    most: float
    printed: str

    def excludes(self, other: Measure) -> bool:
        """Whether no amount is in both; bounds that only touch do not exclude each other's ends."""
        if self.least == self.most or other.least == other.most:
            return self.most < other.least or other.most < self.least
        return self.most <= other.least or other.most <= self.least


def measures(text: str) -> list[Measure]:
    """Every measure of a normal text, in its order."""
    found = []
    for match in _MEASURE.finditer(text):
        unit = match["unit"] or match["unit2"]
        if not unit:
            continue
        dimension, scale = _dimension(unit)
        number = float(match["number"]) * scale
        second = match["number2"]
        least = most = number
        bound = match["bound"]
        if second:
            most = float(second) * scale
        elif bound:
            least, most = (0.0, number) if _IS_BELOW.fullmatch(bound) else (number, math.inf)
        elif match["after"]:
            is_most = match["after"].split()[-1] in ("less", "fewer", "smaller")
            least, most = (0.0, number) if is_most else (number, math.inf)
        found.append(Measure(dimension, least, most, match[0].strip(" .,")))
    return found


def _dimension(unit: str) -> tuple[str, float]:
    for dimension, pattern, scale in _DIMENSIONS:
        if pattern.fullmatch(unit):
            return dimension, scale
    raise ValueError(f"{unit!r} is no unit that descriptors are measured in; add it to _UNITS")
