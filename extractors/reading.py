"""What a reader hands on: where text is, and nothing about what it means.

A reader turns the bytes of one format into a `Reading`: `Row`s of tables and `Passage`s of prose
in printed order, each with its place and its text as printed. `lines_seen` is counted by the
reader before it builds them, so that what follows can be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.provenance import Place


class ExtractionError(ValueError):
    """A document that cannot be read; the message names the place and the next step."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its cells as printed, and the number of its table in the document.

    `fault` says why a reader of the document could not take the row at its word, such as one
    hidden in a workbook: its facts go to quarantine. `flags` are names of `ROW_FLAGS`. `covered`
    are the cells that are empty since another is spread over them: their column and that of the
    other, from 0, and its text.
    """

    place: Place
    cells: tuple[str, ...]
    raw_text: str
    table: int
    fault: str | None = None
    flags: tuple[str, ...] = ()
    covered: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One line or block of prose. `level` is set (1 is the highest) where it is a heading."""

    place: Place
    text: str
    raw_text: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong at a place, in one sentence with the offending text.

    It `holds` the document back, or it is told beside its rows. `leaves_unread` says that printed
    words with codes were not read for it: what the document seems to lack may stand there.
    """

    message: str
    place: Place | None = None
    holds: bool = True
    leaves_unread: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as a reader sees it.

    `pages` is None for a format without pages, such as a text dump; header logic then counts
    repeated headers as pages. `sheets` are the names of the pages, where the format has names.
    `is_cut` says that the bytes end in the middle of a table.
    """

    lines: tuple[Row | Passage, ...]
    lines_seen: int
    pages: int | None
    is_cut: bool = False
    problems: tuple[Problem, ...] = ()
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """The fate of every line of a document. `ignored` counts lines by the rule that ignores them.

    A blank line is one too. `joined` lines continue the row above them.
    """

    lines_seen: int
    headers: int
    row_lines: int
    ignored: dict[str, int] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """Lines seen less lines explained; anything but 0 stops the publication."""
        return self.lines_seen - self.headers - self.row_lines - sum(self.ignored.values())
