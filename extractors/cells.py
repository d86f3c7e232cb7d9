"""What is odd about a printed cell, whatever the format of its table.

Knows characters that deceive the eye and cells that are too long to be one. What a cell means is
not known here, and nothing is removed: that is done where text is made printable.
"""

from __future__ import annotations

import re

from extractors.reading import Row
from schemas.codes import shortened
from schemas.provenance import Place

MAX_CELL = 64 << 10
MAX_COLUMNS = 1_000

_CUT_TO = 200
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200d\u2060\ufeff]")


def tabular_row(
    place: Place,
    cells: tuple[str, ...],
    raw_text: str,
    table: int,
    fault: str | None = None,
    flags: tuple[str, ...] = (),
    covered: tuple[tuple[int, int, str], ...] = (),
) -> Row:
    """A row with the fault or flag that its characters and lengths ask for.

    The text of a cell longer than 65,536 characters is cut to its beginning.
    """
    if len(raw_text) > MAX_CELL and any(len(cell) > MAX_CELL for cell in cells):
        longest = max(map(len, cells))
        fault = fault or f"a cell has {longest:,} characters, more than {MAX_CELL:,}"
        cells = tuple(shortened(cell, _CUT_TO) if len(cell) > MAX_CELL else cell for cell in cells)
        raw_text = "\t".join(cells)
    if not raw_text.isascii():
        if found := _REORDERING.search(raw_text):
            fault = fault or f"a cell has the character U+{ord(found[0]):04X}, which reorders text"
        if _INVISIBLE.search(raw_text):
            flags = (*flags, "invisible_characters")
    return Row(place, cells, raw_text, table, fault, flags, covered)
