"""The reader of a text whose lines are records of one length, without a header.

Knows which lines are records and cuts them where the source says that its columns stand, with no
blanks between them. Other lines are passages, for the source's rules to explain. What a column
means is not known here.
"""

from __future__ import annotations

import re

from extractors.cells import tabular_row
from extractors.reading import Passage, Reading, Row
from extractors.text import read_text
from schemas.provenance import Place
from schemas.source import TableRules, Twin

# A text with one column that is as wide as any line: the text reader then keeps lines whole.
_WHOLE = TableRules(
    columns={"line": ("line",)}, layouts=(("line",),), positions={"line": (1, 4096)}
)
# Five characters, blanks before those of a modifier; the number of the line; the kind of record.
_RECORD = re.compile(r"(?:[A-Z0-9]{5}| {3}[A-Z0-9]{2})\d{5}\d")


def record_rules(twin: Twin, rules: TableRules) -> TableRules:
    """How header logic names the cells of `read_records`: by the labels of the workbook."""
    changes = {"layouts": (tuple(twin.positions),), "lines": twin.lines, "extra_columns": ()}
    return rules.model_copy(update=changes)


def read_records(data: bytes, twin: Twin, rules: TableRules) -> Reading:
    """The lines of a text of records; first, as the row of a header, the labels of its columns.

    That row is not printed, and is counted in `lines_seen` all the same. Cells are stripped.
    Raises `ExtractionError` as `read_text` does.
    """
    reading = read_text(data, _WHOLE)
    spans = [(first - 1, last) for first, last in twin.positions.values()]
    lines: list[Row | Passage] = [
        tabular_row(Place(1, 1), tuple(rules.columns[name][0] for name in twin.positions), "", 1)
    ]
    for line in reading.lines[1:]:
        printed = line.raw_text
        if _RECORD.match(printed):
            cells = tuple([printed[start:end].strip() for start, end in spans])
            lines.append(tabular_row(line.place, cells, printed.rstrip(), 1))
        else:
            lines.append(Passage(line.place, printed, printed))
    return Reading(tuple(lines), reading.lines_seen, reading.pages, problems=reading.problems)
