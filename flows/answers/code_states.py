"""What the code reference of a release says of codes that no shown rule speaks of.

A rule carries the state of its code; of a code on no list only the table `codes` tells. One pass
for all codes. Where that table does not tell for a day, nothing is said: the lives of a code that
came back are told apart in `extractors.reference.known_codes`, which needs libraries that a lookup
has no time for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from flows.answers.printed_facts import CodesAsked, among
from flows.releases import PARQUET, Release, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TABLE = "codes"
_VERSIONS = f"""
SELECT code, added_on, terminated_on, replaced_by, source_release, newest,
    last_day((newest || '-01')::DATE + INTERVAL 2 MONTH) AS reaches
FROM {PARQUET}
JOIN (SELECT code_system, max(source_release) AS newest FROM {PARQUET} GROUP BY code_system)
    USING (code_system)
WHERE {{condition}}
ORDER BY effective_from
"""


# A named tuple, since the library of dataclasses is a tenth of the time that a lookup takes.
class CodeState(NamedTuple):
    """Whether a code was valid on a day; the last day of one that had ended, and what replaced it.

    `active` is None where the code reference does not tell. `on` is the day asked for; of a code
    without a stated end the last day of the newest release's quarter, if that is earlier.
    """

    active: bool | None = None
    on: date | None = None
    ended_on: date | None = None
    replaced_by: tuple[str, ...] = ()


class _Version(NamedTuple):
    added_on: date | None
    terminated_on: date | None
    replaced_by: list[str] | None
    source_release: str
    newest: str
    reaches: date


UNTOLD = CodeState()


def read_code_states(
    connection: DuckDBPyConnection, release: Release, codes: CodesAsked, day: date
) -> Mapping[str, CodeState]:
    """The state on a day of each code that the reference tells of; nothing without a reference."""
    if not release.rows(_TABLE):
        return {}
    sql = _VERSIONS.format(condition=among(codes))
    parameters = {"codes": codes.text, "path": intact(release, _TABLE)}
    versions: dict[str, list[_Version]] = defaultdict(list)
    for code, *cells in connection.execute(sql, parameters).fetchall():
        versions[code].append(_Version(*cells))
    states = ((code, _state(of_one, day)) for code, of_one in versions.items())
    return {code: state for code, state in states if state.active is not None}


def _state(versions: list[_Version], day: date) -> CodeState:
    last = versions[-1]
    if last.terminated_on and last.terminated_on < day:
        replaced = tuple(last.replaced_by or ())
        return CodeState(False, day, last.terminated_on, replaced)
    begins = {version.added_on for version in versions}
    ends = {version.terminated_on for version in versions} - {None, last.terminated_on}
    if len(begins) > 1 or ends:
        return UNTOLD
    if last.added_on and day < last.added_on:
        return CodeState(False, min(day, last.reaches))
    # Later releases that lack a code do not say that it ended.
    is_told = last.terminated_on is not None or last.source_release == last.newest
    return CodeState(True, min(day, last.reaches)) if is_told else UNTOLD
