"""The printed place of one row: from its key back to the line in the snapshot.

The snapshot is held against the hash it is named by before anything is shown. Lines are those of
the reader that extracted the row, so that a line number means the same here and there. Nothing is
known of what the row says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from extractors.lists.licensed import WITHHELD
from extractors.reading import Passage, Row
from flows.files import sha256_of
from flows.releases import PARQUET, Release, intact, opened
from flows.table_text import labelled, one_line
from schemas.codes import printable
from schemas.source import Source

# The tables whose rows have no place of their own.
_WITHOUT_PLACE = ("contradictions", "documents", "document_history", "changes", "quarantine")
# Rules that are no longer there have their place in the history alone.
_HISTORY = "prior_authorization_history"
_ROW_KEY = re.compile(r"[0-9a-f]{24}")
_COLUMNS = "source, document, sha256, url, page, line, raw_text, bbox"
_SEEN = "epoch_us(first_seen)"
_CONTEXT = 2
_PNG_RESOLUTION = 150
_PNG_MARGIN = 36.0


class ShowError(ValueError):
    """A row that cannot be shown; the message names the place and the next step."""


@dataclass(frozen=True, slots=True)
class PrintedPlace:
    """Where a row of a table is printed. `bbox` is x0, top, x1, bottom in points."""

    table: str
    source: str
    document: str
    sha256: str
    url: str | None
    page: int
    line: int
    raw_text: str
    bbox: tuple[float, float, float, float] | None

    def __str__(self) -> str:
        return f"{self.source}/{self.document}, page {self.page}, line {self.line}"


def is_row_key(text: str) -> bool:
    """Whether a text has the form of a row key: 24 hexadecimal digits."""
    return _ROW_KEY.fullmatch(text) is not None


def find_place(release: Release, row_key: str) -> PrintedPlace:
    """The place of the row with this key, whichever table of the release it is in.

    Of a rule that is gone, the place of its last version.
    """
    names = [name.removesuffix(".parquet") for name in release.files if name.endswith(".parquet")]
    tables = sorted(set(names).difference(_WITHOUT_PLACE))
    query = "\nUNION ALL ".join(
        f"SELECT '{table}', {_COLUMNS}, {_SEEN if table == _HISTORY else 'NULL'} AS seen "
        f"FROM {PARQUET.replace('path', table)} WHERE row_key = $row_key"
        for table in tables
    )
    query = f"SELECT * EXCLUDE (seen) FROM ({query}) ORDER BY seen DESC NULLS FIRST LIMIT 1"
    paths = {table: intact(release, table) for table in tables}
    with opened() as connection:
        row = connection.execute(query, {**paths, "row_key": row_key}).fetchone()
    if row is None:
        raise ShowError(
            f"release {release} has no row {row_key}: take a key from `precert lookup --json`, or "
            "see `precert changes` for a row that was removed"
        )
    table, source, document, sha256, url, page, line, raw_text, bbox = row
    box = tuple(bbox) if bbox else None
    return PrintedPlace(table, source, document, sha256, url, page, line, raw_text, box)


def snapshot_path(raw: Path, place: PrintedPlace) -> Path:
    """The file that the row was read from, once its bytes have the hash it is named by."""
    folder = raw / place.source / place.document
    found = [path for path in folder.glob(f"{place.sha256}.*") if path.suffix != ".json"]
    if not found:
        raise ShowError(
            f"{place}: there is no snapshot {place.sha256} in {folder}; "
            "restore it from a copy or fetch it with `precert refresh`"
        )
    path = found[0]
    if sha256_of(path) != place.sha256:
        raise ShowError(
            f"{place}: the bytes of {path} are not those it is named by; restore it from a copy"
        )
    return path


def text(place: PrintedPlace, path: Path, source: Source | None) -> str:
    """The place in words, with the printed lines around it where the format has lines.

    `source` says how its file is read; None where the registry has it no longer.

    Raises `ShowError` where the snapshot does not have the row's words at its line.
    """
    facts = [
        ("table", place.table),
        ("source", place.source),
        ("document", place.document),
        ("snapshot", path),
        ("sha256", place.sha256),
        ("url", place.url),
        ("page", place.page),
        ("line", place.line),
    ]
    if place.bbox:
        box = ", ".join(f"{edge:.1f}" for edge in place.bbox)
        facts.append(("box", f"{box} (x0, top, x1, bottom in points)"))
    lines = _lines(path, source)
    if lines is None:
        printed = [f"> {one_line(line)}" for line in place.raw_text.split("\n")]
    else:
        printed = _in_context(lines, place, path)
    return "\n".join([*labelled(facts), "", *printed])


def write_png(place: PrintedPlace, path: Path, png: Path) -> None:
    """A picture of the page around the row, with the row's box drawn; for a PDF only."""
    if path.suffix != ".pdf":
        raise ShowError(f"{place}: {path.name} is no PDF, so there is no picture: leave out --png")
    if place.bbox is None:
        raise ShowError(f"{place}: the row has no box on its page: leave out --png")
    import pdfplumber  # noqa: PLC0415 (slow to start, for pictures only)

    x0, top, x1, bottom = place.bbox
    with pdfplumber.open(path) as pdf:
        if place.page > len(pdf.pages):
            raise ShowError(
                f"{place}: {path.name} has {len(pdf.pages)} pages; run `precert refresh`"
            )
        page = pdf.pages[place.page - 1]
        # A box counts from the corner of what is shown of the page.
        across, down = page.cropbox[:2]
        x0, top, x1, bottom = x0 + across, top + down, x1 + across, bottom + down
        left, above, right, below = page.bbox
        around = (
            left,
            max(above, top - _PNG_MARGIN),
            right,
            min(below, bottom + _PNG_MARGIN),
        )
        picture = page.crop(around).to_image(resolution=_PNG_RESOLUTION)
        picture.draw_rect((x0, top, x1, bottom))
        picture.save(png, format="PNG")


def _lines(path: Path, source: Source | None) -> tuple[Row | Passage, ...] | None:
    """The lines of a snapshot as its reader sees them; None for PDF, which has a picture."""
    data, extension = path.read_bytes(), path.suffix
    if extension != ".zip":
        return _lines_of(data, extension, source)
    from extractors.archive import open_member, open_members  # noqa: PLC0415 (for this format only)
    from extractors.sniff import sniff  # noqa: PLC0415

    pattern = source.member if source else None
    # Of the lists of an archive of corrections, the pages of one follow those of the one before.
    several = source is not None and source.corrections is not None and pattern is not None
    members = open_members(data, pattern or "") if several else (open_member(data, pattern),)
    lines: list[Row | Passage] = []
    for member in members:
        found = _lines_of(member.data, f".{sniff(member.data).extension}", source) or ()
        before = max((line.place.page for line in lines), default=0)
        lines += [
            replace(line, place=replace(line.place, page=before + line.place.page))
            for line in found
        ]
    return tuple(lines)


def _lines_of(
    data: bytes, extension: str, source: Source | None
) -> tuple[Row | Passage, ...] | None:
    rules = source.table if source else None
    if extension in (".txt", ".csv"):
        from extractors.text import read_text  # noqa: PLC0415 (for this format only)

        return read_text(data, rules).lines
    if extension == ".html":
        from extractors.html import read_html  # noqa: PLC0415 (slow to start)

        page = source.narrative.page if source and source.narrative else None
        return read_html(data, rules, page).lines
    if extension in (".xlsx", ".xls"):
        from extractors.sheet import read_sheet  # noqa: PLC0415 (for this format only)

        return read_sheet(data, rules).lines
    if extension == ".jsn" and source is not None and source.kind == "coverage_policy":
        from extractors.policies.read import read_policies  # noqa: PLC0415 (for this format only)

        return read_policies(data).lines
    return None


def _in_context(lines: Sequence[Row | Passage], place: PrintedPlace, path: Path) -> list[str]:
    marked = _marked(lines, place)
    if not marked:
        raise ShowError(
            f"{place}: {path} does not have {one_line(place.raw_text)[:80]!r} at that line; "
            "run `precert refresh` and tell the maintainers"
        )
    first, last = max(0, min(marked) - _CONTEXT), max(marked) + _CONTEXT
    width = len(str(lines[min(last, len(lines) - 1)].place.line))
    return [
        f"{'>' if index in marked else ' '} {line.place.line:>{width}}  {_as_one(line)}".rstrip()
        for index, line in enumerate(lines[: last + 1])
        if index >= first
    ]


def _as_one(line: Row | Passage) -> str:
    """A line as printed, its tabs as bars, so that one sees where its cells end."""
    return one_line(line.raw_text.replace("\t", " | "))


def _marked(lines: Sequence[Row | Passage], place: PrintedPlace) -> set[int]:
    """The lines on which the row is printed: its line, and those below it that continue it.

    Several lines of a page may begin on one line of its source; empty where none has the words.
    """
    wanted = printable(place.raw_text)
    # A text without pages is all on the first one here; its pages are what headers make of it.
    paged = any(line.place.page > 1 for line in lines)
    starts = (
        index
        for index, line in enumerate(lines)
        if line.place.line == place.line and (line.place.page == place.page or not paged)
    )
    return next(filter(None, (_printed_from(lines, start, wanted) for start in starts)), set())


def _printed_from(lines: Sequence[Row | Passage], start: int, wanted: str) -> set[int]:
    found: set[int] = set()
    for index in range(start, len(lines)):
        said = printable(lines[index].raw_text)
        if _stands_in(wanted, said):
            return found | {index}
        if said and wanted.startswith(said):
            found.add(index)
            wanted = wanted[len(said) :].lstrip()
        elif not found:
            break
    return set()


def _stands_in(wanted: str, said: str) -> bool:
    """Whether a line says what is wanted, words that are withheld ("…") aside."""
    at = 0
    for piece in wanted.split(WITHHELD):
        at = said.find(piece.strip(), at)
        if at < 0:
            return False
        at += len(piece.strip())
    return True
