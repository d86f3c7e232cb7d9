"""Plain text for people: aligned tables, labelled lines, and words that cannot drive a terminal.

What the columns mean is not known here. There is no color and no wrapping, so that the output of a
command reads the same in a terminal, a file and a diff.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def one_line(value: object) -> str:
    """A value on one line: blanks as one blank, None as nothing, unseen characters spelled out.

    A publication may hold escape sequences or text of reversed direction; printed as such they
    would let it rewrite the lines around it.
    """
    if value is None:
        return ""
    text = " ".join(str(value).split())
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode("ascii")


def aligned(
    header: Sequence[str], rows: Iterable[Sequence[object]], right: Collection[str] = ()
) -> str:
    """A table with one line a row and its columns aligned, those named in `right` to the right."""
    printed = [[one_line(cell) for cell in row] for row in rows]
    columns = list(zip(header, *printed, strict=True))
    widths = [max(map(len, column)) for column in columns]
    rule = ["-" * width for width in widths]
    lines = []
    for cells in (list(header), rule, *printed):
        padded = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header, cells, widths, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def labelled(pairs: Iterable[tuple[str, object]], indent: str = "") -> list[str]:
    """Lines of a label and a value each, the values aligned; empty values are left out."""
    shown = [(label, one_line(value)) for label, value in pairs]
    shown = [(label, text) for label, text in shown if text]
    width = max((len(label) for label, _ in shown), default=0)
    return [f"{indent}{label.ljust(width)}  {text}" for label, text in shown]
