"""A supplier's catalogue: the codes in a file, one a line, and the lines that are no code.

Which codes a payer lists is not known here.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from flows.answers.lookup import AskedCode, CodeError, codes_asked
from schemas.codes import shortened

STDIN = "-"
_BETWEEN_CELLS = re.compile(r"[,;\t]")
_HEADERS = frozenset({"code", "codes", "cpt", "cptcode", "hcpcs", "hcpcscode", "procedurecode"})
_NOT_LETTER = re.compile(r"[^a-z]")
_SHOWN = 60


class Catalogue(NamedTuple):
    """The codes of a file, each once in the order of its lines, and a sentence for each line that
    is no code."""

    codes: tuple[AskedCode, ...]
    mistakes: Sequence[str]


def read_catalogue(name: str) -> Catalogue:
    """The codes in a file, or in what stands on standard input for `-`.

    Of a line with several cells the first one counts. Blank lines, lines that begin with `#` and a
    heading such as `code` or `HCPCS` at the top are passed over. Raises `OSError` for a file that
    cannot be read.
    """
    data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    shown = "standard input" if name == STDIN else name
    codes: dict[AskedCode, None] = {}
    mistakes = []
    is_top = True
    for number, line in enumerate(data.decode(encoding, errors="replace").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cell = _first_cell(line)
        if is_top and _NOT_LETTER.sub("", cell.lower()) in _HEADERS:
            is_top = False
            continue
        is_top = False
        try:
            codes |= dict.fromkeys(codes_asked([cell]))
        except CodeError as error:
            mistakes.append(f"{shown}, line {number}: {error}")
    return Catalogue(tuple(codes), mistakes)


def _first_cell(line: str) -> str:
    if '"' in line:
        delimiter = next((mark for mark in _BETWEEN_CELLS.findall(line)), ",")
        return next(csv.reader([line], delimiter=delimiter))[0].strip()
    return shortened(_BETWEEN_CELLS.split(line, maxsplit=1)[0].strip(), _SHOWN)
