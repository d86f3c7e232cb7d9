"""Text for cells of a spreadsheet, which must not take what a publisher printed for a formula.

Which cells there are, and of which format, is not known here.
"""

from __future__ import annotations

import re

# What begins a formula: the signs, their full-width forms, and blanks that a program may skip.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


def neutral(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet might compute it."""
    return f"'{text}" if _FORMULA.match(text) else text
