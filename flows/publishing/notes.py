"""NOTES.md of a release: what it brings, in words, in the form of Keep a Changelog.

    Attention    what is held, cut or in quarantine
    each payer   Added, Changed and Removed by the publications, the most material first; then
                 what is our own doing, by its cause; rows that differ in no more than what the
                 code reference says of their codes are counted, and told where a code ended
    Balance      what became of every line of each document

It is written from the release's Parquet by counting and by reading the first changes of each
heading, so that it costs no more memory for a million changes than for a hundred.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.answers.change_words import OUR_CAUSES, differences, subject
from flows.answers.materiality import RANK
from flows.publishing.attention import attention_in
from flows.releases import opened
from flows.table_text import one_line

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Lines under one heading.
LISTED = 100
_WIDTH = 80
# What tells apart the rules of one code that a payer has on several lists.
_SCOPE = ("line_of_business", "state", "section")
_PUBLICATION = "publication"
_NO_PAYER = "publications"
_HEADINGS = {"add": "Added", "modify": "Changed", "remove": "Removed"}
# What would be read as markup, should a publisher print it.
_MARKUP = re.compile(r"[\\`*<\[]")
_FROM = "read_parquet($path, hive_partitioning = false, file_row_number = true)"
# What the code reference says of a code, without that it ended or what replaced it.
_QUIET_COLUMNS = ["code_active", "code_active_on", "code_members"]
_IS_QUIET = f"""(
    op = 'modify' AND len(fields_changed) > 0
    AND list_has_all({_QUIET_COLUMNS}, fields_changed)
    AND NOT (
        list_contains(fields_changed, 'code_active')
        AND coalesce(json_extract_string(after, '$.code_active'), '') = 'false'
    )
)"""
_COUNTED = f"""
SELECT payer, cause, op, "table", count(*), count_if(materiality = 'high'), count_if({_IS_QUIET})
FROM {_FROM} GROUP BY ALL ORDER BY ALL NULLS LAST
"""
# The file is in the order of table, payer and code, so that its row numbers are.
_FIRST = f"""
WITH first AS (
    SELECT unnest(min((({RANK})::BIGINT << 40) + file_row_number, {LISTED})) AS place
    FROM {_FROM} WHERE NOT coalesce({_IS_QUIET}, false) GROUP BY payer, cause, op
)
SELECT payer, cause, op, "table", code, row_key, fields_changed, before, after
FROM {_FROM} JOIN first ON file_row_number = place & ((1::BIGINT << 40) - 1)
ORDER BY payer, cause, op, place
"""


@dataclass(frozen=True, slots=True)
class _Group:
    """Changes of one payer with one cause and operation: the first in words, and their numbers.

    `quiet` are those that are only counted.
    """

    payer: str | None
    cause: str
    op: str
    by_table: Mapping[str, int]
    high: int
    quiet: int
    lines: Sequence[str]

    @property
    def total(self) -> int:
        return sum(self.by_table.values())


def release_notes(said: Mapping[str, Any], folder: Path) -> str:
    """The notes of the release in `folder`, of which its manifest says `said`, as Markdown."""
    with opened() as connection:
        groups = _groups(connection, folder)
    lines = [f"# Release {said['release']}", "", said["created_at"][:10], ""]
    amiss, more = attention_in(folder, LISTED)
    if amiss:
        lines += ["## Attention", "", *(f"- {_plain(line)}" for line in amiss)]
        lines += [f"- and {more:,} more; see documents.parquet and quarantine.parquet"] * bool(more)
        lines.append("")
    if said["previous"] is None:
        lines += ["The first release: there is nothing to compare it with.", ""]
    elif not groups:
        lines += [f"No row differs from {said['previous']}.", ""]
    for payer, of in groupby(groups, key=lambda group: group.payer):
        lines += _payer_section(payer, tuple(of))
    lines += ["## Balance", ""]
    lines += [f"- {b['source']}: {balance_words(b)}; {b['rows']} rows" for b in said["balance"]]
    return "\n".join(lines) + "\n"


def balance_words(balance: Mapping[str, Any]) -> str:
    """The balance of one document in words, e.g. "738 lines = 42 headers + 643 published + ..."."""
    ignored = balance["ignored"]
    rules = ", ".join(f"{rule} {lines}" for rule, lines in ignored.items())
    shown = f" ({rules})" if rules else ""
    return (
        f"{balance['lines_seen']} lines = {balance['headers']} headers + "
        f"{balance['row_lines']} published + {balance['quarantined']} quarantined + "
        f"{sum(ignored.values())} ignored{shown}"
    )


def _groups(connection: DuckDBPyConnection, folder: Path) -> list[_Group]:
    """The changes of a release by payer, cause and operation; those of no payer last."""
    of = {"path": glob.escape(str(folder / "changes.parquet"))}
    counted = connection.execute(_COUNTED, of).fetchall()
    listed: dict[tuple[str | None, str, str], list[str]] = {}
    found = connection.execute(_FIRST, of)
    while row := found.fetchone():
        listed.setdefault((row[0], row[1], row[2]), []).append(_in_words(*row[2:]))
    groups = []
    for (payer, cause, op), rows in groupby(counted, key=lambda row: (row[0], row[1], row[2])):
        tables = list(rows)
        by_table = {table: times for *_, table, times, _high, _quiet in tables}
        high, quiet = sum(row[-2] for row in tables), sum(row[-1] for row in tables)
        told = listed.get((payer, cause, op), [])
        groups.append(_Group(payer, cause, op, by_table, high, quiet, told))
    return groups


def _payer_section(payer: str | None, groups: Sequence[_Group]) -> list[str]:
    theirs = [group for group in groups if group.cause == _PUBLICATION]
    ours = [group for group in groups if group.cause != _PUBLICATION]
    lines = [f"## {payer or _NO_PAYER}", ""]
    if theirs:
        lines += [f"{_tally(theirs)}.", ""]
    else:
        lines += ["No publication changed.", ""]
    for group in theirs:
        lines += [f"### {_HEADINGS[group.op]}", "", *_listed(group), ""]
    if ours:
        lines += ["### Our own doing, not the publication's", ""]
    for cause, of in groupby(ours, key=lambda group: group.cause):
        same = tuple(of)
        meaning = OUR_CAUSES.get(cause, cause)
        lines += [f"{meaning[0].upper()}{meaning[1:]}. {_tally(same)}:", ""]
        for group in same:
            lines += _listed(group, f"{_HEADINGS[group.op]}: ")
        lines.append("")
    return lines


def _tally(groups: Iterable[_Group]) -> str:
    """How many were added, changed and removed, and how many of these matter most."""
    groups = tuple(groups)
    told = ", ".join(f"{group.total:,} {_HEADINGS[group.op].lower()}" for group in groups)
    high = sum(group.high for group in groups)
    return f"{told[0].upper()}{told[1:]}; {high:,} of high materiality"


def _listed(group: _Group, before: str = "") -> Iterator[str]:
    yield from (f"- {before}{line}" for line in group.lines)
    if group.quiet:
        rows = "row differs" if group.quiet == 1 else "rows differ"
        yield (
            f"- {before}{group.quiet:,} {rows} only in what the code reference says of the code "
            "(valid, as of a day, members of a range); see changes.parquet"
        )
    more = group.total - group.quiet - len(group.lines)
    if more:
        tables = ", ".join(f"{table} {times:,}" for table, times in group.by_table.items())
        yield f"- {before}and {more:,} more (in all: {tables}); see changes.parquet"


def _in_words(
    op: str,
    table: str,
    code: str | None,
    row_key: str,
    fields: Sequence[str] | None,
    before: str | None,
    after: str | None,
) -> str:
    old, new = json.loads(before or "{}"), json.loads(after or "{}")
    content = new or old
    what = f"{table}: {_plain(subject(code, content, row_key))}"
    scope = [content[name] for name in _SCOPE if content.get(name)]
    where = f"{what} in {_plain(', '.join(scope))}" if scope else what
    if op != "modify":
        status = content.get("pa_status")
        return f"{where}, {status}" if status else where
    pairs = (
        f"{differs.column} from {_plain(differs.before)} to {_plain(differs.after)}"
        for differs in differences(fields or (), old, new, _WIDTH)
    )
    return f"{where}: {'; '.join(pairs)}"


def _plain(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    return _MARKUP.sub(r"\\\g<0>", one_line(text))
