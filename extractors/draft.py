"""A first source file for a list that nobody has described yet.

Proposes what can be seen: headers, columns by their names and values, lines that are no rows,
the number of rows. What a PA value means is proposed only for words that leave no doubt; others
stand in the draft as a comment, since a guess there would be a wrong answer later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractors.reading import ExtractionError, Passage, Reading, Row
from schemas.codes import header_key, parse_expression, printable, value_key

# Words in a header's name that tell its column, the more telling ones first.
_NAMES: tuple[tuple[str, str], ...] = (
    ("pa", r"auth|precert|\bpa\b|required"),
    ("description", r"descri|narrative"),
    ("code", r"\bcodes?\b|hcpcs|cpt"),
    ("modifiers", r"modifier|\bmods?\b"),
    ("effective_from", r"effective|start date"),
    ("effective_to", r"end date|term"),
    ("notes", r"note|comment|notation|remark|criteria"),
    ("reviewer", r"platform|review|vendor|submit"),
    ("category", r"categor|service|group"),
    ("product", r"product"),
)
_PLAIN = {
    "required": ("yes", "y", "required", "pa required", "prior authorization required"),
    "not_required": ("no", "n", "not required", "no pa required", "no auth required"),
    "out_of_scope": ("out of scope",),
    "notification": ("notification", "notification only"),
    "not_covered": ("not covered", "non-covered"),
}  # fmt: skip
_STATUS = {value: status for status, values in _PLAIN.items() for value in values}
_MOST_VALUES = 12
_NUMBER = re.compile(r"[0-9]+")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


@dataclass(frozen=True, slots=True)
class _Header:
    cells: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def draft(reading: Reading, name: str) -> str:
    """A source file in YAML for the list that a reading holds, to be completed by hand.

    Raises `ExtractionError` where no row has a code under a header.
    """
    headers = _headers(reading)
    if not headers:
        raise ExtractionError(
            "no table with a header and codes below it was found: look at the file, and describe "
            "it by hand as docs/add-a-source.md shows"
        )
    columns: dict[str, list[str]] = {}
    layouts: list[list[str]] = []
    unknown: list[str] = []
    values: Counter[str] = Counter()
    for header in headers:
        named = _columns(header)
        layout = [column for column in named if column]
        layouts += [layout] if layout not in layouts else []
        for cell, column in zip(header.cells, named, strict=True):
            if column is None:
                unknown.append(printable(cell))
            elif header_key(cell) not in map(header_key, columns.setdefault(column, [])):
                columns[column].append(printable(cell))
        if "pa" in layout:
            at = named.index("pa")
            values.update(printable(row[at]) for row in header.rows if len(row) > at)
    rows = sum(len(header.rows) for header in headers)
    return "\n".join(_yaml(name, columns, layouts, unknown, values, _other_lines(reading), rows))


def _headers(reading: Reading) -> list[_Header]:
    """The distinct headers in order, each with all rows that stand below one of its repeats."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    printed: dict[tuple[str, ...], tuple[str, ...]] = {}
    current: tuple[str, ...] | None = None
    above: Row | None = None
    for line in reading.lines:
        if not isinstance(line, Row) or not any(cell.strip() for cell in line.cells):
            continue
        if not any(parse_expression(cell) for cell in line.cells):
            above = line
            continue
        if above is not None and len(above.cells) == len(line.cells):
            current = tuple(map(header_key, above.cells))
            printed.setdefault(current, above.cells)
        above = None
        if current is not None:
            found.setdefault(current, []).append(line.cells)
    return [_Header(printed[key], tuple(rows)) for key, rows in found.items()]


def _columns(header: _Header) -> list[str | None]:
    """The column that each header cell seems to name; None where nothing tells."""
    columns: list[str | None] = [None] * len(header.cells)
    codes = [_share_of_codes(header.rows, at) for at in range(len(header.cells))]
    columns[codes.index(max(codes))] = "code"
    for column, pattern in _NAMES:
        for at, cell in enumerate(header.cells):
            free = columns[at] is None and column not in columns
            if free and re.search(pattern, printable(cell), re.IGNORECASE):
                columns[at] = column
    return columns


def _share_of_codes(rows: Sequence[tuple[str, ...]], at: int) -> float:
    cells = [row[at] for row in rows if len(row) > at]
    return sum(parse_expression(cell) is not None for cell in cells) / max(len(rows), 1)


def _other_lines(reading: Reading) -> Iterable[str]:
    """A pattern for each line of prose; lines that differ in numbers alone share one."""
    texts = (printable(line.text) for line in reading.lines if isinstance(line, Passage))
    distinct = dict.fromkeys(text for text in texts if text)
    alike = Counter(_NUMBER.sub("0", text) for text in distinct)
    for text in distinct:
        escaped = _SPECIAL.sub(r"\\\g<0>", text)
        yield _NUMBER.sub(r"\\d+", escaped) if alike[_NUMBER.sub("0", text)] > 1 else escaped


def _yaml(
    name: str,
    columns: dict[str, list[str]],
    layouts: list[list[str]],
    unknown: list[str],
    values: Counter[str],
    others: Iterable[str],
    rows: int,
) -> list[str]:
    lines = [
        "# A draft: complete what says TODO, then run precert try.",
        f"source: {name}",
        "document: prior_authorization_list",
        "title: TODO",
        "publisher: TODO",
        "kind: pa_list",
        "tier: TODO",
        "payer: {id: todo, name: TODO}",
        "line_of_business: TODO",
        "cadence: TODO",
        "",
        "table:",
        "  columns:",
    ]
    lines += [f"    {column}: [{', '.join(map(_quoted, a))}]" for column, a in columns.items()]
    lines += [f"  # TODO, a column not understood: {_quoted(cell)}" for cell in unknown]
    lines += ["  layouts:", *(f"    - [{', '.join(layout)}]" for layout in layouts), "  statuses:"]
    lines += list(_statuses(values))
    lines.append(
        "  # In a title that names a section, write (?P<section>.+) for the section's name."
    )
    lines.append("  lines:")
    for number, pattern in enumerate(dict.fromkeys(others), start=1):
        lines += [f"    - rule: line_{number}", f"      pattern: {_quoted(pattern)}"]
    if lines[-1] == "  lines:":
        del lines[-2:]
    lines += ["", "expect:", f"  rows: [{max(rows * 8 // 10, 1)}, {rows * 3 // 2}]", ""]
    return lines


def _statuses(values: Counter[str]) -> Iterable[str]:
    if not values:
        yield "    # TODO: no column of PA values was recognised"
    for value, times in values.most_common(_MOST_VALUES):
        status = _STATUS.get(value_key(value))
        shown = f"{_quoted(value)}: {status or 'TODO'}  # {times} rows"
        yield f"    {shown}" if status else f"    # {shown}"
    if len(values) > _MOST_VALUES:
        yield f"    # and {len(values) - _MOST_VALUES} other values: is this the right column?"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
