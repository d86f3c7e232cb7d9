"""One snapshot to all that it says: the only place that knows which reader reads what.

Takes bytes and a source, gives an `Extract`. Where the bytes came from and what happens to the
rows is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from extractors.archive import open_member
from extractors.dates import parse_date
from extractors.html import read_html
from extractors.lists.prior_authorization import prior_authorization
from extractors.lists.table_rows import table_rows
from extractors.narrative import narrate
from extractors.pdf import read_pdf
from extractors.reading import ExtractionError, Problem, Reading
from extractors.records import Extract
from extractors.sheet import read_sheet
from extractors.sniff import HTML, PDF, TEXT, XLS, XLSX, ZIP, sniff
from extractors.tables import assemble
from extractors.text import read_text
from schemas.source import Source, TableRules

# A reader may use what a source's YAML says of its tables: labels, sheets, selectors. Without it,
# only tables that nobody could mistake (ruled, marked up, delimited) are rows.
Reader = Callable[[bytes, TableRules | None], Reading]
READERS: dict[str, Reader] = {
    PDF.name: read_pdf,
    HTML.name: read_html,
    TEXT.name: read_text,
    XLSX.name: read_sheet,
    XLS.name: read_sheet,
}


def read(data: bytes, rules: TableRules | None = None) -> Reading:
    """The lines of a file in any format that we read.

    Raises `ExtractionError` for bytes that no reader reads: the message says what they are and
    what to do next.
    """
    found = sniff(data)
    reader = READERS.get(found.name)
    if reader is None:
        what = "empty" if not data else f"{found.media_type} ({found.name})"
        raise ExtractionError(
            f"the file is {what}, which no reader reads; known are {', '.join(READERS)}: "
            "check the address of the source"
        )
    return reader(data, rules)


def extract(data: bytes, source: Source) -> Extract:
    """All that a snapshot of `source` says, with the fate of every line.

    Raises `ExtractionError` as `read` does.
    """
    if sniff(data) == ZIP:
        opened = open_member(data, source.member)
        try:
            extracted = _extract(opened.data, source)
        except ExtractionError as error:
            raise ExtractionError(f"{opened.name}, in the archive: {error}") from error
        problems = (*opened.problems, *extracted.problems)
        return replace(extracted, member=opened.name, problems=problems)
    return _extract(data, source)


def _extract(data: bytes, source: Source) -> Extract:
    reading = read(data, source.table)
    if source.table is None:
        return narrate(reading, source)
    return _list(reading, source)


def _list(reading: Reading, source: Source) -> Extract:
    assert source.table is not None
    assembly = assemble(reading, source.table)
    problems = list(assembly.problems)
    if source.kind == "pa_list":
        records, unread = prior_authorization(assembly, source)
        problems += unread
    else:
        records = table_rows(assembly, source)
    dates: dict[str, date | None] = {}
    for name in ("posted_on", "effective_on", "updated_on"):
        printed = assembly.carried.get(name)
        dates[name] = parse_date(printed) if printed else None
        if printed and dates[name] is None:
            problems.append(Problem(f"{printed!r} is not a date that we can read for {name}"))
    return Extract(
        records=tuple(records),
        tally=assembly.tally,
        problems=tuple(problems),
        title=assembly.carried.get("list_title"),
        posted_on=dates["posted_on"],
        effective_on=dates["effective_on"],
        updated_on=dates["updated_on"],
        pages=assembly.pages,
        is_truncated=reading.is_cut,
    )
