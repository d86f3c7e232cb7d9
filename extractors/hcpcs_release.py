"""One release of HCPCS Level II: the files of its archive to one `Extract`.

Knows which files belong to a release and what each is for: the workbook is read, the text with
the same records is held against it (or read, where there is no workbook), the record layout tells
whether the text was cut rightly, and a list says which codes are not otherwise classified. What a
row means `lists.code_rows` knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from extractors.archive import Opened, open_member, open_optional
from extractors.lists.code_rows import CodeRows, code_rows
from extractors.noc_list import noc_list
from extractors.reading import ExtractionError, Problem, Reading
from extractors.record_layout import against_layout
from extractors.record_text import read_records, record_rules
from extractors.records import Extract
from extractors.sheet import read_sheet
from extractors.sniff import TEXT, XLS, XLSX, ZIP, sniff
from extractors.tables import assemble
from extractors.twins import compared
from schemas.source import CodeSet, Source, TableRules

# How files and sheets are named after their release: HCPC2025_OCT_ANWEB, HCPC2019_CONTR_ANWEB.
_RELEASE_NAME = re.compile(r"HCPC(?P<year>20\d\d)(?:_?(?P<month>JAN|APR|JUL|OCT))?", re.IGNORECASE)
_MONTHS = {"JAN": 1, "APR": 4, "JUL": 7, "OCT": 10}


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a release; `name` is empty where the snapshot itself is the file.

    `main` is the workbook, or the text where that is all; `twin` the text beside a workbook.
    """

    main: Opened
    is_text: bool
    twin: Opened | None = None
    layout: Opened | None = None
    noc: Opened | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file says: its rows, what went wrong, and the names that may state the release."""

    rows: CodeRows
    problems: tuple[Problem, ...]
    names: tuple[str, ...]
    pages: int


def extract_release(data: bytes, source: Source) -> Extract:
    """The codes and modifiers of a release, each with its values, and what the files disagree on.

    `effective_on` is the first day of the month of the newest code. Raises `ExtractionError` for an
    archive without workbook and text, and as the readers do.
    """
    rules, code_set = source.table, source.code_set
    assert rules is not None
    assert code_set is not None
    files = _files(data, source.member, code_set)
    problems = list(files.main.problems)
    noc: Collection[str] | None = None
    if files.noc is not None:
        listed = noc_list(files.noc.data, files.noc.name)
        noc = listed.codes
        problems += listed.problems
    main = _read(files.main, rules, code_set, noc, is_text=files.is_text)
    problems += main.problems
    records, names = main.rows.records, main.names
    if files.twin is not None:
        twin = _read(files.twin, rules, code_set, noc, is_text=True)
        problems += [_in(files.twin.name, problem) for problem in twin.problems]
        both = compared(records, files.main.name, twin.rows.records, files.twin.name)
        records, names = both.records, (*names, *twin.names)
        problems += both.problems
    if files.layout is not None and code_set.twin is not None:
        problems += against_layout(files.layout.data, files.layout.name, code_set.twin)
    release = main.rows.release
    problems += _other_releases(names, release)
    read = (files.main, files.twin, files.layout, files.noc)
    return Extract(
        records=records,
        tally=main.rows.tally,
        problems=tuple(problems),
        effective_on=release,
        pages=main.pages,
        member=", ".join(file.name for file in read if file and file.name) or None,
    )


def _files(data: bytes, member: str | None, code_set: CodeSet) -> _Files:
    found = sniff(data)
    if found != ZIP:
        return _Files(Opened("", data), is_text=found == TEXT and code_set.twin is not None)
    text = open_optional(data, code_set.twin.member if code_set.twin else None)
    workbook = open_optional(data, member) if text else open_member(data, member)
    main = workbook or text
    assert main is not None
    return _Files(
        main=main,
        is_text=workbook is None,
        twin=text if workbook else None,
        layout=open_optional(data, code_set.record_layout),
        noc=open_optional(data, code_set.noc),
    )


def _read(
    file: Opened,
    rules: TableRules,
    code_set: CodeSet,
    noc: Collection[str] | None,
    *,
    is_text: bool,
) -> _Read:
    try:
        if is_text:
            assert code_set.twin is not None
            reading = read_records(file.data, code_set.twin, rules)
            rules = record_rules(code_set.twin, rules)
        else:
            reading = _read_workbook(file.data, rules)
    except ExtractionError as error:
        if not file.name:
            raise
        raise ExtractionError(f"{file.name}, in the archive: {error}") from error
    assembly = assemble(reading, rules)
    rows = code_rows(assembly, noc)
    return _Read(rows, assembly.problems, (file.name, *reading.sheets), assembly.pages)


def _read_workbook(data: bytes, rules: TableRules) -> Reading:
    found = sniff(data)
    if found not in (XLSX, XLS):
        what = f"{found.media_type} ({found.name})" if data else "empty"
        raise ExtractionError(
            f"the file is {what}, and a release of a code set is a workbook, a text of records or "
            "an archive of them: check the address of the source"
        )
    return read_sheet(data, rules)


def _in(name: str, problem: Problem) -> Problem:
    return Problem(f"{name}: {problem}", holds=problem.holds)


def _other_releases(names: tuple[str, ...], release: date | None) -> list[Problem]:
    """The names of files and sheets that state another release than their newest code does."""
    if release is None:
        message = "no row has a day on which its code was added or changed: the release is unknown"
        return [Problem(message)]
    found = []
    for name in names:
        stated = _RELEASE_NAME.search(name)
        if stated is None:
            continue
        month = _MONTHS[stated["month"].upper()] if stated["month"] else release.month
        if (int(stated["year"]), month) != (release.year, release.month):
            found.append(
                Problem(
                    f"{name} names another release than {release:%Y-%m}, the month of its newest "
                    "code: look whether the file is what its name says"
                )
            )
    return found
