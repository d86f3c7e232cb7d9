"""Header logic: from the rows of any format to rows with named cells.

Walks down a document, finds the header of each table wherever it is repeated, names the cells of
the rows below it, and accounts for every line. What the columns mean and which lines are titles,
footers or footnotes comes from the source's `TableRules`; what a cell's value means is not known
here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

from extractors.lists.body import ListBody
from extractors.lists.duplicates import DUPLICATE
from extractors.lists.headers import (
    Header,
    Labels,
    is_code,
    match_header,
    stacked_fault,
    stacked_header,
)
from extractors.lists.line_rules import ExplainedLines
from extractors.lists.lookahead import Surroundings, places_from, rows_from, whole_label
from extractors.lists.open_tables import OpenTable, OpenTables
from extractors.lists.remarks import Remarks, told
from extractors.lists.rows import ListRow, ListShape, named_cells, shape_of
from extractors.reading import Passage, Problem, Reading, Row, Tally
from schemas.provenance import Place
from schemas.source import TableRules

__all__ = ["BELOW_BAD_HEADER", "BLANK", "CONTINUATION", "Assembly", "ListRow", "assemble"]

BLANK = "blank"
CONTINUATION = "continuation of the row above"
BELOW_BAD_HEADER = "below a header that cannot be read"
# How most cells of codes begin, and no label does.
_CODE = re.compile(r"\s*(?:[A-Za-z][0-9]{4}|[0-9]{4}[0-9A-Za-z])(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Assembly:
    """The rows of a document's list in order, the fate of every line, and what went wrong."""

    rows: tuple[ListRow, ...]
    tally: Tally
    problems: tuple[Problem, ...]
    pages: int
    headers: tuple[tuple[str, ...], ...]
    carried: dict[str, str]


@dataclass(slots=True)
class _State:
    """What has been seen on the way down the document.

    `page` counts headers, which begin the pages of a format that has none; `taken` are lines that
    belong to a header above them. `unheaded` is what the header of a table without one would be.
    """

    reading: Reading
    labels: Labels
    shape: ListShape
    explained: ExplainedLines
    surroundings: Surroundings
    body: ListBody
    unheaded: Header | None = None
    tables: OpenTables = field(default_factory=OpenTables)
    page: int = 0
    sheet: int | None = None
    rows_above: int = 0
    carried_in: dict[str, str] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    headers: list[Header] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)
    ignored: Counter[str] = field(default_factory=Counter)

    def placed(self, line: Row | Passage) -> Place:
        """Where a line is printed, on the page that the headers so far make it."""
        if self.reading.pages is not None:
            return line.place
        return replace(line.place, page=max(self.page, 1))

    def explains(self, text: str, line: Row | Passage) -> bool:
        """Whether a rule of the source explains a line, which is then ignored by its name."""
        rule = self.explained.take(text, self.placed(line).page)
        if rule is not None:
            self.ignored[rule] += 1
        return rule is not None

    def unexplained(self, line: Row | Passage, text: str) -> None:
        self.problems.append(
            Problem(
                f"a line that is no row and that no rule explains: {told(text)}; "
                "add a rule for it under table.lines",
                self.placed(line),
            )
        )


def assemble(reading: Reading, rules: TableRules) -> Assembly:
    """The list that a reading holds.

    Every line is a header, a row, or ignored by a named rule; a line that is none of these stays
    unaccounted in the tally and is a problem. A header with an unknown or a missing column is a
    problem that names the line, and the rows below it are not read. A line on which lists stand
    side by side becomes a row of each.
    """
    labels, shape = Labels(rules), shape_of(rules)
    state = _State(
        reading=reading,
        labels=labels,
        shape=shape,
        explained=ExplainedLines(rules.lines),
        surroundings=Surroundings(reading.lines, labels, has_sheets=bool(reading.sheets)),
        body=ListBody(shape, has_sheets=bool(reading.sheets)),
        unheaded=_unheaded(rules, labels),
    )
    for at, line in enumerate(reading.lines):
        if at in state.taken:
            continue
        if reading.sheets and line.place.page != state.sheet:
            _begin_sheet(line.place.page, state)
        if isinstance(line, Row):
            _take_row(at, line, state)
        elif not line.text.strip():
            state.ignored[BLANK] += 1
        elif not state.explains(line.text, line) and not _take_entry(at, line, state):
            state.unexplained(line, line.text)
    rows = state.body.finish(state.explained.footnotes)
    if state.body.left_out:
        state.ignored[DUPLICATE] = state.body.left_out
    if not state.headers and state.unheaded is None:
        expected = ", ".join(repr(rules.columns[name][0]) for name in next(iter(rules.layouts), ()))
        state.problems.append(
            Problem(f"no header line found: expected {expected}; compare the file with the YAML")
        )
    return Assembly(
        rows=rows,
        tally=Tally(
            lines_seen=reading.lines_seen,
            headers=sum(header.lines for header in state.headers),
            row_lines=state.body.lines,
            ignored=dict(state.ignored),
        ),
        problems=(
            *reading.problems,
            *state.problems,
            *state.body.remarks,
            *state.remarks.problems(),
        ),
        pages=reading.pages if reading.pages is not None else max(state.page, 1),
        headers=tuple(dict.fromkeys(header.signature for header in state.headers)),
        carried=state.explained.first_carried,
    )


def _begin_sheet(page: int, state: _State) -> None:
    """Ends what the lines of the sheet above carry, unless it had no rows, as a cover has none."""
    if len(state.body.rows) > state.rows_above:
        state.explained.carried = state.carried_in
    state.sheet, state.rows_above = page, len(state.body.rows)
    state.carried_in = state.explained.carried


def _unheaded(rules: TableRules, labels: Labels) -> Header | None:
    """What the header of a table that prints none would be."""
    return match_header(tuple(rules.columns[name][0] for name in rules.unheaded), labels)


def _take_row(at: int, row: Row, state: _State) -> None:
    filled = [cell for cell in row.cells if cell.strip()]
    if not filled:
        state.ignored[BLANK] += 1
        return
    table = state.tables.of(row)
    has_code = table is not None and _begins_with_code(row.cells, table.header)
    header = None if has_code else match_header(row.cells, state.labels)
    if header is None or header.fault:
        if state.explains(" ".join(filled), row):
            return
        if not has_code:
            header = _stacked(at, header, state)
    if header is not None:
        _take_header(at, header, row, state)
        return
    if table is None and _pass_over(at, " ".join(filled), row, state):
        return
    table = table or _opened(at, row, state)
    if table is None or table.header.fault:
        state.ignored[BELOW_BAD_HEADER] += 1
        return
    _take_data(at, row, table, state, has_code=has_code)


def _take_entry(at: int, passage: Passage, state: _State) -> bool:
    """Whether a line outside any table is a whole row of the last one, as the source's rules say.

    A page may have nothing but such lines, which then look like prose.
    """
    table = state.tables.latest
    if table is None or table.header.fault or not state.shape.is_entry(passage.text):
        return False
    cells = (passage.text, *[""] * (table.width - 1))
    row = Row(passage.place, cells, passage.raw_text, table=-1)
    _take_data(at, row, table, state, has_code=False)
    return True


def _begins_with_code(cells: tuple[str, ...], header: Header) -> bool:
    """Whether a cell of a code column begins with a code, so that the row is no header."""
    return any(
        part.code is not None and part.code < len(cells) and _CODE.match(cells[part.code])
        for part in header.parts
    )


def _stacked(at: int, single: Header | None, state: _State) -> Header | None:
    """The header that a row is with the rows below it, or else what it is alone."""
    line = state.reading.lines[at]
    if not isinstance(line, Row) or not state.labels.may_begin(line.cells):
        return single
    rows = rows_from(state.reading.lines, at)
    found = stacked_header(rows, state.labels)
    if found is None and single is None:
        found = stacked_fault(rows, state.labels)
    return found or single


def _take_header(at: int, header: Header, row: Row, state: _State) -> None:
    state.page += 1
    place = state.placed(row)
    state.taken.update(places_from(state.reading.lines, at, header.lines))
    state.headers.append(header)
    state.tables.open(row, header)
    if header.fault:
        printed = told(" | ".join(header.signature))
        message = f"header with {header.fault}: {printed}; {_advice(at, state)}"
        state.problems.append(Problem(message, place))
    elif header.names not in state.labels.layouts:
        state.remarks.ordered(place, header)


def _advice(at: int, state: _State) -> str:
    """What to do about a header that cannot be read."""
    whole = whole_label(rows_from(state.reading.lines, at), state.labels)
    if whole is not None:
        return f"name labels that stand on two lines whole in the source's YAML, as {told(whole)}"
    advice = "add what is new to the source's YAML, or a rule for the line"
    if len(state.reading.sheets) > 1:
        advice += ", or name the sheets that are the list under table.sheets"
    return advice


def _pass_over(at: int, text: str, row: Row, state: _State) -> bool:
    """Whether a row is passed over by a named rule, since it stands outside the list."""
    if state.unheaded is not None:
        return False
    before_any_header = state.tables.latest is None
    rule = state.surroundings.passed_over(at, row, before_any_header=before_any_header)
    if rule is None:
        return False
    state.ignored[rule] += 1
    state.remarks.passed_over(rule, state.placed(row), text)
    return True


def _opened(at: int, row: Row, state: _State) -> OpenTable | None:
    """The table of a row that has no header of its own, or none so far."""
    if state.unheaded is not None:
        state.tables.open(row, state.unheaded)
        return state.tables.of(row)
    table = None
    if not state.surroundings.is_above_list(at, row):
        table = state.tables.borrow(row, state.body.rows)
    if table is None:
        state.remarks.headless(state.placed(row), row.raw_text)
    elif table.is_borrowed and state.reading.sheets and state.surroundings.has_no_header(row):
        state.problems.append(
            Problem(
                "a sheet without a header of its own; its rows were read under that of another "
                "sheet: name the sheets that are the list under table.sheets",
                row.place,
            )
        )
    elif table.is_borrowed and not table.header.fault and state.reading.pages is not None:
        state.remarks.borrowed(row.place)
    return table


def _take_data(at: int, row: Row, table: OpenTable, state: _State, *, has_code: bool) -> None:
    pieces = _pieces(row, table, state)
    first = pieces[0][1]
    if not (has_code or first.fault) and state.shape.looks_like_a_header(first.cells):
        unknown = Header((), row.cells, "columns that the source does not know")
        _take_header(at, unknown, row, state)
        return
    goes_on = [state.body.goes_on(number, piece, table) for number, piece in pieces]
    is_entry = state.shape.is_entry("".join(row.cells))
    if not (has_code or row.fault or is_entry or any(goes_on)) and _is_title(row.cells):
        state.unexplained(row, row.raw_text)
        return
    for (number, piece), is_more in zip(pieces, goes_on, strict=True):
        if is_more:
            state.body.join(number, piece, table)
        else:
            state.body.add(at, number, piece, table)
    table.opens, table.page = False, first.place.page
    if all(goes_on):
        state.ignored[CONTINUATION] += 1


def _pieces(row: Row, table: OpenTable, state: _State) -> list[tuple[int, ListRow]]:
    """What a row says in each of the lists that stand side by side, by their number."""
    place, cells, width = state.placed(row), row.cells, table.width
    if state.reading.sheets and not table.is_borrowed:
        cells += ("",) * (width - len(cells))
    carried = state.explained.carried
    if len(cells) < width or any(map(str.strip, cells[width:])):
        fault = row.fault or f"the row has {len(cells)} cells where its header has {width}"
        return [(0, ListRow(place, {}, carried, row.raw_text, row.cells, fault, row.flags))]
    found = []
    parts = table.header.parts
    for number, part in enumerate(parts):
        printed = row.cells if len(parts) == 1 else cells[part.start : part.end]
        if len(parts) == 1 or any(map(str.strip, printed)):
            named, labelled, wrong = named_cells(cells, part, state.shape, row.covered)
            piece = ListRow(
                place=place,
                cells=named,
                carried=carried,
                raw_text=row.raw_text,
                printed=printed,
                fault=row.fault or wrong,
                flags=row.flags,
                labelled=labelled,
            )
            found.append((number, piece))
    return found


def _is_title(cells: tuple[str, ...]) -> bool:
    """Whether nothing but words in the first cell is printed, as a title over the whole width."""
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) == 1 < len(cells) and filled[0] == cells[0] and not is_code(cells[0])
