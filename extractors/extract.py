"""One snapshot to all that it says: the only place that knows which reader reads what.

Takes bytes and a source, gives an `Extract`. Where the bytes came from and what happens to the
rows is not known here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from extractors.archive import Opened, open_member, open_members
from extractors.dates import parse_date, parse_first_day
from extractors.hcpcs_release import extract_release
from extractors.html import read_html
from extractors.lists.correction_rows import correction_rows
from extractors.lists.prior_authorization import prior_authorization
from extractors.lists.table_rows import table_rows
from extractors.narrative import narrate
from extractors.pdf import read_pdf
from extractors.policies.read import extract_policies
from extractors.reading import ExtractionError, Problem, Reading, Tally
from extractors.records import Extract, Record
from extractors.sheet import read_sheet
from extractors.sniff import HTML, PDF, TEXT, XLS, XLSX, ZIP, sniff
from extractors.tables import Assembly, assemble
from extractors.text import read_text
from schemas.provenance import Place
from schemas.source import Source, TableRules, WebPage

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


def read(data: bytes, rules: TableRules | None = None, page: WebPage | None = None) -> Reading:
    """The lines of a file in any format that we read; `page` says what of a web page is prose.

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
    if found == HTML:
        return read_html(data, rules, page)
    return reader(data, rules)


def extract(data: bytes, source: Source) -> Extract:
    """All that a snapshot of `source` says, with the fate of every line.

    Raises `ExtractionError` as `read` does.
    """
    if source.code_set is not None:
        return extract_release(data, source)
    if sniff(data) != ZIP:
        return _extract(data, source)
    if source.corrections is not None and source.member is not None:
        return _lists_of_corrections(open_members(data, source.member), source)
    return _extract_member(open_member(data, source.member), source)


def _extract_member(opened: Opened, source: Source) -> Extract:
    try:
        extracted = _extract(opened.data, source)
    except ExtractionError as error:
        raise ExtractionError(f"{opened.name}, in the archive: {error}") from error
    problems = (*opened.problems, *extracted.problems)
    return replace(extracted, member=opened.name, problems=problems)


def _extract(data: bytes, source: Source) -> Extract:
    if source.kind == "coverage_policy":
        return extract_policies(data, source)
    if source.table is None:
        page = source.narrative.page if source.narrative else None
        return narrate(read(data, page=page), source)
    return _list(read(data, source.table), source)


def _list(reading: Reading, source: Source) -> Extract:
    assert source.table is not None
    assembly = assemble(reading, source.table)
    records, unread = _records(assembly, source)
    problems = [*assembly.problems, *unread]
    dates: dict[str, date | None] = {}
    for name in ("posted_on", "effective_on", "updated_on"):
        printed = assembly.carried.get(name)
        # A schedule is titled by its month; that a rule of a payer begins with one is no given.
        by_month = name == "effective_on" and source.kind != "pa_list"
        parse = parse_first_day if by_month else parse_date
        dates[name] = parse(printed) if printed else None
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


def _records(assembly: Assembly, source: Source) -> tuple[list[Record], Sequence[Problem]]:
    """The candidate rows of the source's main table, and notes that none of its rules reads."""
    if source.kind == "pa_list":
        return prior_authorization(assembly, source)
    if source.corrections is not None:
        return correction_rows(assembly, source.corrections), ()
    return table_rows(assembly, source), ()


def _lists_of_corrections(members: tuple[Opened, ...], source: Source) -> Extract:
    """What all lists of an archive say, as if they were one, the first version first.

    The pages of a list follow those of the one before.
    """
    if not members:
        raise ExtractionError(
            f"no member of the archive matches the pattern {source.member!r} of member: look at "
            "what the publisher serves"
        )
    extracts: list[Extract] = []
    pages = 0
    for member in sorted(members, key=_version):
        extracts.append(_from_page(pages, _extract_member(member, source)))
        pages += extracts[-1].pages or 1
    return replace(
        extracts[0],
        records=tuple(record for each in extracts for record in each.records),
        tally=_sum([each.tally for each in extracts]),
        problems=tuple(dict.fromkeys(p for each in extracts for p in each.problems)),
        pages=pages,
        is_truncated=any(each.is_truncated for each in extracts),
        member=", ".join(each.member or "" for each in extracts),
    )


def _version(member: Opened) -> tuple[int, str]:
    """Which version of a list a member is; the first one does not say so."""
    stated = re.search(r"[ _-]v(\d+)\.\w+$", member.name, re.IGNORECASE)
    return (int(stated[1]) if stated else 1, member.name)


def _from_page(pages: int, extracted: Extract) -> Extract:
    """An extract whose pages stand behind others."""

    def behind(place: Place) -> Place:
        return replace(place, page=place.page + pages)

    return replace(
        extracted,
        records=tuple(replace(each, place=behind(each.place)) for each in extracted.records),
        problems=tuple(
            replace(each, place=each.place and behind(each.place)) for each in extracted.problems
        ),
    )


def _sum(tallies: Sequence[Tally]) -> Tally:
    ignored: Counter[str] = Counter()
    for tally in tallies:
        ignored.update(tally.ignored)
    return Tally(
        lines_seen=sum(tally.lines_seen for tally in tallies),
        headers=sum(tally.headers for tally in tallies),
        row_lines=sum(tally.row_lines for tally in tallies),
        ignored=dict(ignored),
    )
