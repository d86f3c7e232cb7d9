"""The rows of a list: cells by the names of their columns.

Says what a list's source declares about its rows (`ListShape`) and names the cells of a row by
its header. A row that cannot be named, or in which a code stands where none belongs, is kept with
its fault. What a cell's value means is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from extractors.lists.headers import Part, is_code
from schemas.codes import printable, value_key
from schemas.provenance import Place
from schemas.source import TableRules

# Columns of words, in which a code alone is one that a grid or a shifted cell put there.
_OF_WORDS = ("category", "description", "product", "reviewer")


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
class ListShape:
    """What a source says of its rows.

    `pa` are the columns that state whether prior authorization is needed, none where presence
    states it or where the list states something else. `known` are the values that such a cell
    may have, and `blank_means` says that an empty one is among them. `entries` are patterns of
    rows that are whole without a code.
    """

    pa: tuple[str, ...]
    known: frozenset[str]
    blank_means: bool
    is_pa_list: bool
    carry_down: tuple[str, ...]
    wrapped: str
    entries: tuple[re.Pattern[str], ...] = ()

    def is_entry(self, text: str) -> bool:
        """Whether a text in the first column is a whole row by itself."""
        return any(pattern.fullmatch(printable(text)) for pattern in self.entries)

    def says_pa(self, cells: dict[str, str]) -> bool:
        """Whether a row says anything about prior authorization."""
        return any(cells.get(name, "").strip() for name in self.pa)

    def is_whole(self, cells: dict[str, str]) -> bool:
        """Whether a row has a code and says something about it, or is an entry by itself."""
        if self.entries and self.is_entry("".join(cells.values())):
            return True
        return bool(cells.get("code", "").strip()) and self.says_pa(cells)

    def looks_like_a_header(self, cells: dict[str, str]) -> bool:
        """Whether a row has words where a code and PA values belong, and nowhere a code.

        It may be a header whose columns were all renamed, under which the cells would be misread.
        In a list without PA column such rows stay rows: no value can be misread as another.
        """
        if not self.is_pa_list or not self.pa or not cells["code"].strip():
            return False
        values = [value_key(cells[name]) for name in self.pa]
        if not all(value and value not in self.known for value in values):
            return False
        return not any(map(is_code, cells.values()))


def shape_of(rules: TableRules) -> ListShape:
    """What the rules of a source say of its rows."""
    known = rules.marks if rules.marked else rules.statuses
    return ListShape(
        pa=tuple(name for name in rules.pa_columns if name in rules.columns),
        known=frozenset(map(value_key, known)),
        blank_means=not rules.marked and "" in map(value_key, rules.statuses),
        is_pa_list=rules.ways_to_say_it() == 1,
        carry_down=rules.carry_down,
        wrapped=rules.wrapped_rows,
        entries=tuple(map(re.compile, rules.entries)),
    )


def named_cells(
    cells: tuple[str, ...],
    part: Part,
    shape: ListShape,
    covered: tuple[tuple[int, int, str], ...] = (),
) -> tuple[dict[str, str], tuple[tuple[str, str], ...], str | None]:
    """The cells of one list in a row by column and by printed label, and what is wrong with them.

    A cell that is merged with the one above has its text, and so have PA values that are merged
    with each other; an empty PA cell under anything else is a fault, as it states nothing itself.
    Codes that spread over the cells to the right of the code are one cell, a line each.
    """
    wrong = None
    if covered:
        cells, wrong = _uncovered(cells, dict(part.named), shape, covered)
    named = {name: cells[at] for at, name in part.named}
    labelled = tuple([(label, cells[at]) for at, label in part.labels])
    spilt = [cells[at] for at in part.spill if cells[at].strip()]
    if spilt:
        named["code"] = "\n".join(filter(str.strip, (named["code"], *spilt)))
        labelled = tuple(
            (label, named["code"] if at == part.code else cells[at]) for at, label in part.labels
        )
    return named, labelled, wrong or _fault(cells, named, part, shape)


def _uncovered(
    cells: tuple[str, ...],
    names: dict[int, str],
    shape: ListShape,
    covered: tuple[tuple[int, int, str], ...],
) -> tuple[tuple[str, ...], str | None]:
    """The cells with the text of those that are spread over them, and what is wrong with that."""
    filled, fault = list(cells), None
    for at, first, text in covered:
        if at not in names or cells[at].strip() or not text.strip():
            continue
        if at == first or {names[at], names.get(first)} <= set(shape.pa):
            filled[at] = text
        elif names[at] in shape.pa:
            fault = f"{printable(text)!r} in another column covers the PA value"
    return tuple(filled), fault


def _fault(
    cells: tuple[str, ...], named: dict[str, str], part: Part, shape: ListShape
) -> str | None:
    for at in part.unlabelled:
        if cells[at].strip():
            return f"{printable(cells[at])!r} stands in a column without a label"
    if not shape.is_pa_list:
        return None
    for name in _OF_WORDS:
        if name in named and is_code(named[name]):
            return f"{printable(named[name])!r} is a code, but stands in the column {name!r}"
    return None
