"""Keeping the words of licensed code systems out of what is published.

The descriptions of CPT codes are the AMA's and those of CDT codes the ADA's; that a payer lists
the code, and what it says of it, are facts. Which columns hold descriptions is for the source to
say; a column without a name of ours whose label says so is one too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from extractors.tables import ListRow
from schemas.codes import LICENSED, CodeSpan, header_key, visible

WITHHELD = "…"
# In a row whose cells have no names, a cell of so many words may be a description.
_WORDS_OF_A_DESCRIPTION = 2
_LICENSED_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9]{4}[0-9AFMTU]|D[0-9]{4})(?![0-9])", re.IGNORECASE
)
_WORDS = re.compile(r"[^\W\d_]{3,}(?:\W+[^\W\d_]+)*")
_OF_DESCRIPTIONS = re.compile(r"desc|definition|narrative|nomenclature|(?:long|short|code)name")


def is_licensed(row: ListRow, spans: Iterable[CodeSpan]) -> bool:
    """Whether a row may describe a code whose words are licensed.

    Where its code could not be read, one that begins as such codes do is taken for one of them.
    """
    systems = {span.system for span in spans}
    if systems:
        return not systems.isdisjoint(LICENSED)
    if not row.cells:
        return any(map(_LICENSED_CODE.search, row.printed))
    code = visible(row.cells.get("code", ""))
    return code[:1] in tuple("0123456789Dd") or _LICENSED_CODE.search(code) is not None


def without_words(code_cell: str) -> str:
    """A cell of licensed codes that was not read, an ellipsis for its words."""
    return _WORDS.sub(WITHHELD, code_cell)


def without_descriptions(
    row: ListRow, columns: Collection[str] = ("description",)
) -> tuple[str, ...]:
    """The cells of a row as printed, those that describe its code replaced by an ellipsis."""
    if not row.cells:
        return tuple(
            WITHHELD if len(cell.split()) >= _WORDS_OF_A_DESCRIPTION else cell
            for cell in row.printed
        )
    described = [row.cells.get(name, "") for name in columns]
    described += [
        cell for label, cell in row.labelled if _OF_DESCRIPTIONS.search(header_key(label))
    ]
    others = {visible(cell) for name, cell in row.cells.items() if name not in columns}
    return tuple(
        WITHHELD if visible(cell) not in others and _is_of(cell, described) else cell
        for cell in row.printed
    )


def _is_of(cell: str, described: Collection[str]) -> bool:
    """Whether a cell is one of some descriptions, or a line or several words of it."""
    text = visible(cell)
    wholes = list(map(visible, described))
    lines = {visible(line) for whole in described for line in whole.split("\n")}
    is_several = " " in text
    return bool(text) and (
        text in wholes or text in lines or (is_several and any(text in whole for whole in wholes))
    )
