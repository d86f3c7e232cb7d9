"""Text for cells of a spreadsheet, which must not take what a publisher printed for a formula.

Which cells there are, and of which format, is not known here.
"""

from __future__ import annotations

import re

# What begins a formula: the signs, their full-width forms, and blanks that a program may skip. A
# printed apostrophe gets another one, so that what begins with one is read back without it.
_MARKED = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n']")


def neutral(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet might compute it.

    So has a text that begins with an apostrophe itself: no two texts come out alike.
    """
    return f"'{text}" if _MARKED.match(text) else text
