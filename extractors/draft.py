"""A first source file for a list that nobody has described yet.

Proposes what can be seen: headers, columns by their names and values, lines that are no rows,
sheets, the number of rows. What a PA value or a mark means is proposed only for words that leave
no doubt; others stand in the draft as a comment, since a guess there would be a wrong answer
later. For the same reason nothing is proposed for a list that has no PA column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from extractors.lists.headers import MOST_LINES, is_code, label_key, stack
from extractors.reading import ExtractionError, Reading, Row
from schemas.codes import printable, value_key

# Words in a header's name that tell its column, the more telling ones first.
_NAMES: tuple[tuple[str, str], ...] = (
    ("pa", r"auth|precert|\bpa\b|\bpar\b|required"),
    ("description", r"descri|narrative|procedure|name"),
    ("modifiers", r"modifier|\bmods?\b"),
    ("effective_from", r"effective|start date"),
    ("effective_to", r"end date|term"),
    ("notes", r"note|comment|notation|remark|criteria|additional"),
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
_MARKS = ("x", "✓", "✔", "•", "●")
_FOOTNOTE = re.compile(r"([*†‡]+)\s*[^*†‡\s].*[^*]")
_MOST_VALUES = 12
_NUMBER = re.compile(r"[0-9]+")
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Header:
    """The labels of a header, and all rows that stand below one of its repeats."""

    cells: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(slots=True)
class _Seen:
    """What a document shows: its headers, its other lines, and the sheets that have codes."""

    headers: dict[tuple[str, ...], _Header] = field(default_factory=dict)
    lines: dict[str, None] = field(default_factory=dict)
    pages: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Columns:
    """The columns of all headers by name, with their labels, and the labels not understood."""

    labels: dict[str, list[str]] = field(default_factory=dict)
    layouts: list[list[str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)
    scoped: dict[str, str] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)


def draft(reading: Reading, name: str) -> str:
    """A source file in YAML for the list that a reading holds, to be completed by hand.

    Raises `ExtractionError` where no row has a code under a header.
    """
    seen = _look(reading)
    if not seen.headers:
        raise ExtractionError(
            "no table with a header and codes below it was found: look at the file, and describe "
            "it by hand as docs/add-a-source.md shows"
        )
    headers = tuple(seen.headers.values())
    columns = _Columns()
    for header in headers:
        _add_columns(header, columns)
    rows = sum(len(header.rows) for header in headers)
    return "\n".join(
        [
            *_top(name),
            *_columns_text(columns),
            *_statuses_text(columns),
            *_sheets_text(reading, seen.pages),
            *_lines_text(seen.lines, headers),
            "",
            "expect:",
            f"  rows: [{max(rows * 8 // 10, 1)}, {rows * 3 // 2}]",
            "",
        ]
    )


def _look(reading: Reading) -> _Seen:
    """The headers of a document: what stands directly above the codes of a table."""
    seen = _Seen()
    above: list[Row] = []
    current: _Header | None = None
    for line in reading.lines:
        if not isinstance(line, Row):
            seen.lines |= dict.fromkeys(_texts(above, reading, seen))
            above = []
            seen.lines |= dict.fromkeys(filter(None, [printable(line.text)]))
        elif not any(cell.strip() for cell in line.cells):
            continue
        elif not any(map(is_code, line.cells)):
            if above and above[-1].table != line.table:
                seen.lines |= dict.fromkeys(_texts(above, reading, seen))
                above = []
            above.append(line)
        else:
            found = _labels(above, line)
            if found is not None:
                labels, count = found
                key = tuple(map(label_key, labels))
                current = seen.headers.setdefault(key, _Header(labels, []))
                above = above[:-count]
            seen.lines |= dict.fromkeys(_texts(above, reading, seen))
            above = []
            if current is not None:
                current.rows.append(line.cells)
                seen.pages.add(line.place.page)
    seen.lines |= dict.fromkeys(_texts(above, reading, seen))
    return seen


def _labels(above: Sequence[Row], row: Row) -> tuple[tuple[str, ...], int] | None:
    """The labels above a row with codes and the number of lines that they take.

    A line belongs to them where it has a label for a column that would have none, or where its
    first cell is empty, which the first cell of a title is not.
    """
    rows = [line.cells for line in above[-MOST_LINES:] if len(line.cells) == len(row.cells)]
    if not rows or above[-1].table != row.table or above[-1].cells is not rows[-1]:
        return None
    if _is_title(rows[-1]):
        return None
    labels, count = rows[-1], 1
    while count < len(rows) and _goes_above(rows[-count - 1], labels, row.cells):
        count += 1
        labels = stack(rows[-count:])
    return labels, count


def _is_title(cells: tuple[str, ...]) -> bool:
    return len(cells) > 1 and bool(cells[0].strip()) and not any(map(str.strip, cells[1:]))


def _goes_above(cells: tuple[str, ...], labels: tuple[str, ...], below: tuple[str, ...]) -> bool:
    if not cells[0].strip():
        return True
    columns = zip(cells, labels, below, strict=True)
    return any(
        cell.strip() and not label.strip() and under.strip() for cell, label, under in columns
    )


def _texts(rows: Iterable[Row], reading: Reading, seen: _Seen) -> Iterable[str]:
    """The titles and notes among rows without codes; those above a sheet's list need no rule."""
    for row in rows:
        filled = [cell for cell in row.cells if cell.strip()]
        is_above = bool(reading.sheets) and row.place.page not in seen.pages
        if len(filled) == 1 and not is_above:
            yield printable(filled[0])


def _add_columns(header: _Header, columns: _Columns) -> None:
    named = _named(header, columns)
    layout = [column for column in named if column]
    columns.layouts += [layout] if layout not in columns.layouts else []
    for cell, column in zip(header.cells, named, strict=True):
        if column is not None:
            known = columns.labels.setdefault(column, [])
            if label_key(cell) not in map(label_key, known):
                known.append(printable(cell))
        elif printable(cell):
            columns.unknown.append(printable(cell))
    if "pa" in layout:
        columns.values.update(printable(cell) for cell in _column(header, named.index("pa")))


def _named(header: _Header, columns: _Columns) -> list[str | None]:
    """The column that each header cell seems to name; None where nothing tells."""
    named: list[str | None] = [None] * len(header.cells)
    codes = [sum(map(is_code, _column(header, at))) for at in range(len(header.cells))]
    named[codes.index(max(codes))] = "code"
    flags = [at for at, name in enumerate(named) if name is None and _is_flag(header, at)]
    if len(flags) > 1:
        for at in flags:
            slug = _NOT_SLUG.sub("_", printable(header.cells[at]).casefold()).strip("_")
            column = f"pa_{slug or at}"
            named[at] = column
            columns.scoped[column] = printable(header.cells[at])
            columns.marks |= {printable(cell) for cell in _column(header, at) if cell.strip()}
    for column, pattern in _NAMES:
        if column == "pa" and len(flags) > 1:
            continue
        for at, cell in enumerate(header.cells):
            free = named[at] is None and column not in named
            if free and re.search(pattern, printable(cell), re.IGNORECASE):
                named[at] = column
    return named


def _is_flag(header: _Header, at: int) -> bool:
    """Whether a column has nothing but one mark and blanks, or words for a status."""
    values = {value_key(cell) for cell in _column(header, at)} - {""}
    words = values <= _STATUS.keys()
    return bool(values and header.cells[at].strip()) and (words or values <= set(_MARKS))


def _column(header: _Header, at: int) -> list[str]:
    return [row[at] for row in header.rows if len(row) > at]


def _top(name: str) -> list[str]:
    return [
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
    ]


def _columns_text(columns: _Columns) -> Iterable[str]:
    yield "  columns:"
    for column, labels in columns.labels.items():
        yield f"    {column}: [{', '.join(map(_quoted, labels))}]"
    for label in dict.fromkeys(columns.unknown):
        yield f"  # TODO, a column not understood: {_quoted(label)}"
    yield "  layouts:"
    for layout in columns.layouts:
        yield f"    - [{', '.join(layout)}]"


def _statuses_text(columns: _Columns) -> Iterable[str]:
    if columns.scoped:
        yield "  # TODO: several columns state it. If each is for a scope, name the scopes, and"
        yield "  # what the values mean under statuses; if each is for a status, say which:"
        yield f"  # scopes: {{{', '.join(f'{name}: {{}}' for name in columns.scoped)}}}"
        yield f"  # marked: {{{', '.join(f'{name}: TODO' for name in columns.scoped)}}}"
        yield f"  # marks: [{', '.join(map(_quoted, sorted(columns.marks)))}]"
        return
    if not columns.values:
        yield "  # TODO: no column of PA values was recognised. If being listed says it, say what:"
        yield "  # listed_means: TODO"
        return
    yield "  statuses:"
    for value, times in columns.values.most_common(_MOST_VALUES):
        status = _STATUS.get(value_key(value))
        shown = f"{_quoted(value)}: {status or 'TODO'}  # {times} rows"
        yield f"    {shown}" if status else f"    # {shown}"
    if len(columns.values) > _MOST_VALUES:
        others = len(columns.values) - _MOST_VALUES
        yield f"    # and {others} other values: is this the right column?"


def _sheets_text(reading: Reading, pages: set[int]) -> Iterable[str]:
    if len(reading.sheets) < 2:
        return
    with_codes = [name for page, name in enumerate(reading.sheets, start=1) if page in pages]
    yield f"  # Sheets: {', '.join(map(_quoted, reading.sheets))}; these have codes under a header:"
    yield f"  sheets: [{', '.join(_quoted(_escaped(name)) for name in with_codes)}]"


def _lines_text(texts: Iterable[str], headers: Sequence[_Header]) -> Iterable[str]:
    """A rule for each line of prose; lines that differ in numbers alone share one."""
    found: list[str] = []
    cells = (cell for header in headers for row in header.rows for cell in row)
    marked = any(mark in cell for cell in cells for mark in "*†‡")
    alike = Counter(_NUMBER.sub("0", text) for text in texts)
    for text in texts:
        if marked and _FOOTNOTE.fullmatch(text):
            found.append(r"(?P<mark>[*†‡]+)\s*(?P<footnote>[^*†‡\s].*)")
            continue
        shared = alike[_NUMBER.sub("0", text)] > 1
        found.append(_NUMBER.sub(r"\\d+", _escaped(text)) if shared else _escaped(text))
    if not found:
        return
    yield "  # In a title that names a section, write (?P<section>.+) for the section's name."
    yield "  lines:"
    for number, pattern in enumerate(dict.fromkeys(found), start=1):
        yield f"    - rule: line_{number}"
        yield f"      pattern: {_quoted(pattern)}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
