"""The states of the United States as publications name them, and their postal abbreviations.

The District of Columbia and the territories count as states, since rules are made for them too.
Which payer rules where is not known here.
"""

from __future__ import annotations

import re

from schemas.codes import printable

STATES: dict[str, str] = {
    "AK": "Alaska",
    "AL": "Alabama",
    "AR": "Arkansas",
    "AS": "American Samoa",
    "AZ": "Arizona",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DC": "District of Columbia",
    "DE": "Delaware",
    "FL": "Florida",
    "GA": "Georgia",
    "GU": "Guam",
    "HI": "Hawaii",
    "IA": "Iowa",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "MA": "Massachusetts",
    "MD": "Maryland",
    "ME": "Maine",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MO": "Missouri",
    "MP": "Northern Mariana Islands",
    "MS": "Mississippi",
    "MT": "Montana",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "NE": "Nebraska",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NV": "Nevada",
    "NY": "New York",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "PR": "Puerto Rico",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VA": "Virginia",
    "VI": "Virgin Islands",
    "VT": "Vermont",
    "WA": "Washington",
    "WI": "Wisconsin",
    "WV": "West Virginia",
    "WY": "Wyoming",
}
_BY_NAME = {name.casefold(): short for short, name in STATES.items()}
_BETWEEN = re.compile(r"(?:\s*(?:[,;/&]|\band\b))+\s*", re.IGNORECASE)


def states_in(text: str) -> tuple[str, ...]:
    """The abbreviations of the states that a list such as "CA, Florida and Ohio" names, in order.

    Abbreviations are in capitals, names in any case. Raises `ValueError` with the first part of
    the list that names no state.
    """
    found = []
    for name in _BETWEEN.split(printable(text)):
        short = name if name in STATES else _BY_NAME.get(name.casefold())
        if short is None:
            raise ValueError(name)
        found.append(short)
    return tuple(dict.fromkeys(found))
