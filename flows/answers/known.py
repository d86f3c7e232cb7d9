"""Which version of each publication we had at the end of a day, from the history of a release.

A release has the whole history, so that a day is answered whether or not the release of that day
is kept. What the versions say is not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from flows.answers.payer_lists import VERSION, Version, instant, read_versions, version_of
from flows.releases import PARQUET, Release, ReleaseError, intact

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RULES = "prior_authorization_history"
_PUBLICATIONS = "document_history"
_RUNS = f"""
SELECT {VERSION.replace("status", "outcome")}, is_whole
FROM {PARQUET}
WHERE epoch_us(first_seen) <= $limit
ORDER BY source, document, first_seen
"""
_EPOCH = date(1970, 1, 1)
_MICROSECONDS = 86_400_000_000


def has_history(release: Release) -> bool:
    """Whether the release tells what was known when; those made before 1.1.0 do not."""
    return f"{RULES}.parquet" in release.files and f"{_PUBLICATIONS}.parquet" in release.files


def last_instant(day: date) -> int:
    """The last microsecond of a day (UTC), counted from the epoch."""
    return ((day - _EPOCH).days + 1) * _MICROSECONDS - 1


def knew_codes(versions: Iterable[Version]) -> bool:
    """Whether a release of the code reference is among versions that are published."""
    return any(version.kind == "code_reference" and version.is_published for version in versions)


def versions_known(
    connection: DuckDBPyConnection, release: Release, day: date | None
) -> list[Version]:
    """Every version of every publication as things stood at the end of a day, today for None.

    Of a publication of which nothing had come by then there is one with the status `missing`.
    Raises `ReleaseError` for a release without history.
    """
    if day is None:
        return read_versions(connection, release)
    if not has_history(release):
        raise ReleaseError(
            f"release {release} was made before releases had a history, so that it cannot tell "
            "what was known on an earlier day: run `precert refresh`"
        )
    limit = last_instant(day)
    parameters = {"path": intact(release, _PUBLICATIONS), "limit": limit}
    runs: dict[tuple[str, str], list[Version]] = defaultdict(list)
    for *cells, is_whole in connection.execute(_RUNS, parameters).fetchall():
        run = _as_seen_by(version_of(cells), is_whole, instant(limit))
        runs[run.publication].append(run)
    found = [version for of_one in runs.values() for version in _standing(of_one)]
    absent = {
        version.publication: version
        for version in read_versions(connection, release)
        if version.publication not in runs
    }
    found += [_not_yet_there(version, day) for version in absent.values()]
    if not knew_codes(found):
        # When a code was added only the reference tells, which came later.
        found = [version._replace(newest_code_added_on=None) for version in found]
    return sorted(found, key=lambda version: (*version.publication, version.status))


def _as_seen_by(run: Version, is_whole: bool, limit: datetime) -> Version:
    """A run of looks as it was known by an instant; of its later looks nothing is said.

    What is not whole, though neither cut nor with a row that could not be read, is not known to
    have been read to its end.
    """
    is_unexplained = not (is_whole or run.is_truncated or run.quarantined)
    seen_later = run.last_seen is None or run.last_seen > limit
    return run._replace(
        last_seen=None if seen_later else run.last_seen,
        is_truncated=None if is_unexplained else run.is_truncated,
    )


def _standing(runs: Sequence[Version]) -> Iterator[Version]:
    """The newest version, and the accepted one that is published where that is another."""
    newest = runs[-1]
    accepted = next((run for run in reversed(runs) if run.status == "accepted"), None)
    if newest is not accepted:
        yield newest
    if accepted:
        yield accepted._replace(status="current" if newest is accepted else "stale")


def _not_yet_there(version: Version, day: date) -> Version:
    if version.status == "missing":
        return version
    return version._replace(
        status="missing",
        sha256=None,
        rows=0,
        quarantined=0,
        is_truncated=None,
        is_specimen=None,
        posted_on=None,
        effective_on=None,
        updated_on=None,
        newest_code_added_on=None,
        held_reason=None,
        retrieved_at=None,
        first_seen=None,
        last_seen=None,
        known_by=day,
    )
