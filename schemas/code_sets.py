"""The indicators of the HCPCS Level II files in words.

From the record layout that CMS publishes with the files (items 16 and 30 of that of 2019).
How the files are laid out is not known here.
"""

from __future__ import annotations

# What a release does to a code: the action code as printed, and its meaning.
ACTION_CODES = {
    "A": "added",
    "B": "data_and_long_description_changed",
    "C": "long_description_changed",
    "D": "discontinued",
    "F": "data_changed",
    "N": "unchanged",
    "P": "payment_changed",
    "R": "reactivated",
    "S": "short_description_changed",
    "T": "other_change",
}
# Whether Medicare covers a code: the coverage code as printed, and its meaning.
COVERAGE_CODES = {
    "C": "carrier_judgment",
    "D": "special_instructions",
    "I": "not_payable",
    "M": "not_covered",
    "S": "not_covered_by_statute",
}
ACTIONS = tuple(ACTION_CODES.values())
COVERAGES = tuple(COVERAGE_CODES.values())
