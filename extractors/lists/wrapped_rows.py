"""Rows that are printed in pieces: wrapped rows, rows cut by a page break, cells printed once.

Joins pieces only where the source says that its rows wrap, carries down only the columns that it
names. Where a page break may have cut a row and the pieces cannot be told from whole rows, both
are named as doubtful: half a row is never taken for one.
"""

from __future__ import annotations

import re
from dataclasses import replace

from extractors.lists.headers import is_code
from extractors.lists.rows import ListRow, ListShape
from schemas.codes import parse_expression, printable, value_key

_IN_BRACKETS = re.compile(
    r"[\s,:–—-]*[(\[]\s*(?:cont\.?|cont['’]?d\.?|continued)\s*[)\]]$", re.IGNORECASE
)
_BARE = re.compile(r"[\s,:–—-]+(?:cont\.|cont['’]d\.?|continued)$", re.IGNORECASE)
_GOES_ON = re.compile(r"[,;/–—-]\s*$")


def continues(cells: dict[str, str], above: ListRow, shape: ListShape, *, at_break: bool) -> bool:
    """Whether a row is more of the row above it.

    It then has no code and no PA value; after a page break it may have the PA value that the row
    above lacks. A row of codes alone continues the codes of a row that has a PA value, unless an
    empty PA cell is itself a statement.
    """
    if shape.wrapped == "never" or (shape.wrapped == "page_break" and not at_break):
        return False
    if above.fault or not above.cells:
        return False
    key = "code" if "code" in cells else next(iter(cells))
    says, said = shape.says_pa(cells), shape.says_pa(above.cells)
    if not cells[key].strip():
        return not says or (at_break and not said)
    if key != "code" or says or not said or shape.blank_means or "pa" in shape.carry_down:
        return False
    filled = [cell for cell in cells.values() if cell.strip()]
    return len(cells) > len(filled) and all(map(is_code, filled))


def doubt(cells: dict[str, str], above: ListRow, shape: ListShape, *, at_break: bool) -> str | None:
    """Why a row and the row above it may be two halves of one, though they are not joined."""
    if not shape.is_pa_list or not above.cells:
        return None
    says, has_code = shape.says_pa(cells), bool(cells["code"].strip())
    if not has_code and shape.is_whole(cells):
        return None
    if not has_code and (at_break or (shape.pa and not says)):
        return "the lower has no code"
    if not has_code and shape.pa and not shape.says_pa(above.cells):
        return "the lower has a PA value and no code, the upper none"
    if not at_break or not has_code:
        return None
    if shape.pa and not shape.blank_means and not shape.says_pa(above.cells):
        return "the upper has no PA value"
    if _GOES_ON.search(above.cells.get("code", "")):
        return f"the codes of the upper end with {printable(above.cells['code'])[-1:]!r}"
    return "the lower has nothing but a code" if is_code_alone(cells, shape) else None


def is_code_alone(cells: dict[str, str], shape: ListShape) -> bool:
    """Whether a row of a list with words beside its codes has a code and nothing else."""
    others = [name for name in cells if name not in ("code", *shape.pa, *shape.carry_down)]
    if not others or shape.says_pa(cells) or not cells["code"].strip():
        return False
    return not any(cells[name].strip() for name in others)


def may_be_a_title(cells: dict[str, str], shape: ListShape) -> bool:
    """Whether a row of codes alone may say nothing, or something else than a row would.

    Codes alone in the first column may be the title of a section, and where an empty PA cell is
    a statement, they may be what is left of a row.
    """
    if not shape.is_pa_list or not is_code_alone(cells, shape):
        return False
    spans = parse_expression(cells["code"]) or ()
    is_first = next(iter(cells)) == "code"
    return shape.blank_means or (is_first and (len(spans) > 1 or any(s.code_end for s in spans)))


def joined(above: ListRow, below: ListRow) -> ListRow:
    """A row and what continues it, cell by cell, at the place of the row."""
    more = dict(below.labelled)
    return replace(
        above,
        cells={name: _lines(text, below.cells.get(name, "")) for name, text in above.cells.items()},
        raw_text=f"{above.raw_text}\n{below.raw_text}",
        fault=above.fault or below.fault,
        flags=tuple(dict.fromkeys((*above.flags, *below.flags))),
        labelled=tuple(
            (label, _lines(text, more.get(label, ""))) for label, text in above.labelled
        ),
    )


def carried_down(
    cells: dict[str, str], above: dict[str, str], names: tuple[str, ...]
) -> dict[str, str]:
    """The cells of a row with what is printed once above it; `above` then holds what it prints.

    A label such as "Orthoses (cont.)" is the value that it continues. Where it names another
    value than the one above, it is taken at its own word.
    """
    for name in names:
        if name not in cells:
            continue
        if cells[name].strip():
            value = without_continued(cells[name], above.get(name))
            above[name] = value
            if value != cells[name]:
                cells = {**cells, name: value}
        elif name in above:
            cells = {**cells, name: above[name]}
    return cells


def without_continued(text: str, above: str | None) -> str:
    """A label without "(cont.)", "(continued)", "cont'd" and the like at its end.

    Without brackets the word is left out only where the rest is the value above: it may be part
    of a name.
    """
    if "cont" not in text.casefold():
        return text
    printed = printable(text)
    is_same = above is not None and value_key(_BARE.sub("", printed)) == value_key(above)
    stripped = _IN_BRACKETS.sub("", printed) or printed
    if stripped == printed and is_same:
        stripped = _BARE.sub("", printed)
    if stripped == printed:
        return text
    return above if above is not None and value_key(stripped) == value_key(above) else stripped


def _lines(text: str, more: str) -> str:
    return "\n".join(filter(None, (text, more.strip())))
