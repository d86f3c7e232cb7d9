"""Header logic: from the rows of any format to rows with named cells.

Finds the header wherever it is repeated, drops the repeats, joins rows that were split, carries
down what is printed once, and accounts for every line. What the columns mean and which lines are
titles or footers comes from the source's `TableRules`; what a cell's value means is not known
here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from extractors.reading import Passage, Problem, Reading, Row, Tally
from schemas.codes import header_key, parse_expression, printable, shortened, value_key
from schemas.provenance import Place
from schemas.source import LineRule, TableRules

BLANK = "blank"
CONTINUATION = "continuation of the row above"
BELOW_BAD_HEADER = "below a header that cannot be read"


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a list: cells by column name, and what the lines above it carry to it.

    `labelled` are all cells beside the printed labels of their columns, those without a name of
    ours too. `footnotes` are the marks and texts of the footnotes that hold where the row is
    printed. `fault` says why the row cannot be taken at its word; its cells may then be unnamed.
    """

    place: Place
    cells: dict[str, str]
    carried: dict[str, str]
    raw_text: str
    printed: tuple[str, ...]
    fault: str | None = None
    flags: tuple[str, ...] = ()
    labelled: tuple[tuple[str, str], ...] = ()
    footnotes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Assembly:
    """The rows of a document's list in order, the fate of every line, and what went wrong."""

    rows: tuple[ListRow, ...]
    tally: Tally
    problems: tuple[Problem, ...]
    pages: int
    headers: tuple[tuple[str, ...], ...]
    carried: dict[str, str]


@dataclass(frozen=True, slots=True)
class Header:
    """A header line: the column each cell names (None: a name that the source does not know)."""

    columns: tuple[str | None, ...]
    printed: tuple[str, ...]
    fault: str | None = None

    @property
    def signature(self) -> tuple[str, ...]:
        return tuple(printable(cell) for cell in self.printed)


@dataclass(slots=True)
class _State:
    """What has been seen on the way down the document.

    `counts_pages` says that the format has none, and that headers begin them.
    """

    counts_pages: bool
    header: Header | None = None
    page: int = 0
    after_header: bool = False
    carried: dict[str, str] = field(default_factory=dict)
    above: dict[str, str] = field(default_factory=dict)
    rows: list[ListRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    first_carried: dict[str, str] = field(default_factory=dict)

    def placed(self, line: Row | Passage) -> Place:
        """Where a line is printed, on the page that the headers so far make it."""
        return replace(line.place, page=max(self.page, 1)) if self.counts_pages else line.place


def match_header(cells: tuple[str, ...], rules: TableRules) -> Header | None:
    """The header that a row of cells is, with its fault if it has one; None for other rows.

    A row is taken for a header where two of its cells name columns of the source and none holds
    a code. It must then have the columns of one of the source's layouts, in any order.
    """
    names = {
        header_key(alias): name for name, aliases in rules.columns.items() for alias in aliases
    }
    columns = tuple(names.get(header_key(cell)) for cell in cells)
    known = [name for name in columns if name is not None]
    if len(known) < 2 or any(parse_expression(cell) for cell in cells):
        return None
    return Header(columns, cells, _header_fault(columns, cells, known, rules))


def _header_fault(
    columns: tuple[str | None, ...], cells: tuple[str, ...], known: list[str], rules: TableRules
) -> str | None:
    for column, cell in zip(columns, cells, strict=True):
        if column is None:
            return f"unknown column {printable(cell)!r}"
    doubled = [name for name, times in Counter(known).items() if times > 1]
    if doubled:
        return f"column {doubled[0]!r} twice"
    if any(set(known) == set(layout) for layout in rules.layouts):
        return None
    closest = min(rules.layouts, key=lambda layout: len(set(layout) ^ set(known)))
    missing = [name for name in closest if name not in known]
    if missing:
        printed = rules.columns[missing[0]][0]
        return f"column {missing[0]!r} ({printed!r}) is missing"
    extra = [name for name in known if name not in closest]
    return f"column {extra[0]!r} is in no layout together with the others"


def assemble(reading: Reading, rules: TableRules) -> Assembly:
    """The list that a reading holds.

    Every line is a header, a row, or ignored by a named rule; a line that is none of these stays
    unaccounted in the tally and is a problem. A header with an unknown or a missing column is a
    problem that names the line, and the rows below it are not read.
    """
    state = _State(counts_pages=reading.pages is None)
    for line in reading.lines:
        if isinstance(line, Row):
            _take_row(line, rules, state)
        else:
            _take_passage(line, rules.lines, state)
    if not state.headers:
        expected = ", ".join(repr(rules.columns[name][0]) for name in rules.layouts[0])
        state.problems.append(
            Problem(f"no header line found: expected {expected}; compare the file with the YAML")
        )
    return Assembly(
        rows=tuple(state.rows),
        tally=Tally(
            lines_seen=reading.lines_seen,
            headers=len(state.headers),
            row_lines=len(state.rows),
            ignored=dict(state.ignored),
        ),
        problems=(*reading.problems, *state.problems),
        pages=reading.pages if reading.pages is not None else max(state.page, 1),
        headers=tuple(dict.fromkeys(header.signature for header in state.headers)),
        carried=state.first_carried,
    )


def _take_row(row: Row, rules: TableRules, state: _State) -> None:
    if not any(cell.strip() for cell in row.cells):
        state.ignored[BLANK] += 1
        return
    header = match_header(row.cells, rules)
    if header is not None:
        state.page += 1
    place = state.placed(row)
    if header is not None:
        _take_header(header, place, state)
        return
    if _ignore(" ".join(cell for cell in row.cells if cell.strip()), rules.lines, state):
        return
    if state.header is None or state.header.fault:
        if state.header is None:
            state.problems.append(
                Problem(f"a row before any header: {_shortened(row.raw_text)}", place)
            )
        state.ignored[BELOW_BAD_HEADER] += 1
        return
    cells, fault = _named(row.cells, state.header)
    if fault is None and _looks_like_a_header(cells, rules):
        state.page += 1
        unknown = Header((), row.cells, "columns that the source does not know")
        _take_header(unknown, state.placed(row), state)
        return
    continues = fault is None and _continues(cells, rules, state)
    state.after_header = False
    if continues:
        _join(cells, row.raw_text, state)
        return
    if fault is None:
        cells = _carried_down(cells, rules.carry_down, state)
    state.rows.append(ListRow(place, cells, dict(state.carried), row.raw_text, row.cells, fault))


def _looks_like_a_header(cells: dict[str, str], rules: TableRules) -> bool:
    """Whether a row has words where a code and a PA value belong, and nowhere a code.

    It may be a header whose columns were all renamed, under which the cells would be misread.
    """
    code, pa = cells["code"].strip(), value_key(cells["pa"])
    known = {value_key(value) for value in rules.statuses}
    return bool(code and pa and pa not in known) and not any(map(parse_expression, cells.values()))


def _take_header(header: Header, place: Place, state: _State) -> None:
    state.header = header
    state.headers.append(header)
    state.after_header = True
    state.above = {}
    if header.fault:
        state.problems.append(
            Problem(
                f"header with {header.fault}: {_shortened(' | '.join(header.signature))}; "
                "add what is new to the source's YAML, or a rule for the line",
                place,
            )
        )


def _take_passage(passage: Passage, lines: tuple[LineRule, ...], state: _State) -> None:
    if not passage.text.strip():
        state.ignored[BLANK] += 1
        return
    if _ignore(passage.text, lines, state):
        return
    state.problems.append(
        Problem(
            f"a line that is no row and that no rule explains: {_shortened(passage.text)}; "
            "add a rule for it under table.lines",
            state.placed(passage),
        )
    )


def _ignore(text: str, lines: tuple[LineRule, ...], state: _State) -> bool:
    wanted = printable(text)
    for rule in lines:
        match = re.fullmatch(rule.pattern, wanted)
        if match:
            state.ignored[rule.rule] += 1
            found = {name: value for name, value in match.groupdict().items() if value}
            state.carried |= found
            state.first_carried = found | state.first_carried
            return True
    return False


def _named(cells: tuple[str, ...], header: Header) -> tuple[dict[str, str], str | None]:
    width = len(header.columns)
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        return {}, f"the row has {len(cells)} cells where its header has {width}"
    pairs = zip(header.columns, cells[:width], strict=True)
    return {name: cell for name, cell in pairs if name is not None}, None


def _continues(cells: dict[str, str], rules: TableRules, state: _State) -> bool:
    if rules.wrapped_rows == "never" or not state.rows or state.rows[-1].fault:
        return False
    if rules.wrapped_rows == "page_break" and not state.after_header:
        return False
    return not cells["code"].strip() and not cells["pa"].strip()


def _join(cells: dict[str, str], raw_text: str, state: _State) -> None:
    last = state.rows[-1]
    joined = {
        name: "\n".join(filter(None, (text, cells.get(name, "").strip())))
        for name, text in last.cells.items()
    }
    state.rows[-1] = replace(last, cells=joined, raw_text=f"{last.raw_text}\n{raw_text}")
    state.ignored[CONTINUATION] += 1


def _carried_down(cells: dict[str, str], names: Iterable[str], state: _State) -> dict[str, str]:
    for name in names:
        if name not in cells:
            continue
        if cells[name].strip():
            state.above[name] = cells[name]
        elif name in state.above:
            cells = {**cells, name: state.above[name]}
    return cells


def _shortened(text: str, width: int = 160) -> str:
    return repr(shortened(printable(text), width))
