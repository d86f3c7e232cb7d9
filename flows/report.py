"""What a refresh shows: progress while it runs, and a summary of what came of it.

Progress goes to standard error, and only there; the summary goes to standard output, as a table
or as one JSON document.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

import pyarrow.parquet as pq

from flows.fetch import SKIPPED
from flows.publishing.attention import attention_in
from flows.publishing.notes import balance_words
from flows.releases import PARQUET, Release, intact, opened
from schemas.tables import PUBLISHED_STATUSES

_LISTED = 20
# How many lines of what is amiss a summary has at most.
_TOLD = 1000
_WORDS = ("source", "status")
_COUNTS = ("rows", "quarantined", "new", "changed", "removed")


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a refresh, a row for each version of each document that matters now.

    `release` is the latest release; `published` says whether this run made it.
    """

    release: str
    published: bool
    rows: tuple[dict[str, Any], ...]
    failures: Mapping[str, str]
    looks: Mapping[str, str]
    attention: tuple[str, ...] = ()

    @property
    def troubled(self) -> bool:
        """Whether something was held, failed, or looked for and not found."""
        held = any(row["status"] in ("held", "stale") for row in self.rows)
        missing = any(row["status"] == "missing" and not self.is_waiting(row) for row in self.rows)
        return held or missing or bool(self.failures)

    @property
    def made(self) -> str:
        """The release that this run made, or ""."""
        return self.release if self.published else ""

    @property
    def amiss(self) -> tuple[str, ...]:
        """What makes the run troubled, a line each."""
        held = (f"{row['source']}: {row['reason']}" for row in self.rows if row["reason"])
        failed = (f"{name}: {message}" for name, message in self.failures.items())
        return (*held, *failed)

    def is_waiting(self, row: Mapping[str, Any]) -> bool:
        """Whether nothing is there of a source because nobody looked for it."""
        was_skipped = self.looks.get(row["source"], SKIPPED).startswith(SKIPPED)
        return row["status"] == "missing" and was_skipped


def summarise(
    latest: Release, made: str, looks: Mapping[str, str], failures: Mapping[str, str]
) -> Summary:
    """The summary of a run that left `latest` as the latest release.

    `made` is its id where the run made it, and "" where nothing was new.
    """
    states = pq.read_table(latest.folder / "documents.parquet").to_pylist()
    counted = _changes_by_source(latest) if made else Counter()
    balances = {balance["source"]: balance for balance in latest.said["balance"]}
    # A stale version is stale since the newer one came that is held.
    held = {state["source"]: state["first_seen"] for state in states if state["status"] == "held"}
    rows = []
    for state in states:
        if state["status"] == "superseded":
            continue
        source = state["source"]
        is_published = state["status"] in PUBLISHED_STATUSES
        since = held.get(source, state["first_seen"])
        rows.append(
            {
                "source": source,
                "status": state["status"],
                "since": since and since.isoformat(),
                "look": looks.get(source),
                "rows": state["rows"],
                "quarantined": state["quarantined"],
                "new": counted[source, "add"] if is_published else 0,
                "changed": counted[source, "modify"] if is_published else 0,
                "removed": counted[source, "remove"] if is_published else 0,
                "balance": balance_words(balances[source]) if is_published else None,
                "reason": state["held_reason"],
            }
        )
    lines, more = attention_in(latest.folder, _TOLD)
    amiss = (*lines, *([f"{more} lines more: see quarantine.parquet"] if more else ()))
    return Summary(latest.id, bool(made), tuple(rows), dict(failures), dict(looks), amiss)


def _changes_by_source(release: Release) -> Counter[tuple[str, str]]:
    with opened() as connection:
        rows = connection.execute(
            "SELECT json_extract_string(coalesce(after, before), 'source') AS source, op, count(*) "
            f"FROM {PARQUET} GROUP BY ALL",
            {"path": intact(release, "changes")},
        ).fetchall()
    return Counter({(source, op): count for source, op, count in rows})


def print_summary(summary: Summary, as_json: bool) -> None:
    """Print a summary to standard output."""
    if as_json:
        said = asdict(summary) | {"troubled": summary.troubled}
        print(json.dumps(said, indent=1, ensure_ascii=False, default=str))
        return
    from rich.console import Console  # noqa: PLC0415

    console = Console(highlight=False)
    console.print(_table(summary))
    for line in _lines(summary):
        console.print(line, markup=False, soft_wrap=True)


def _table(summary: Summary) -> Any:
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in _WORDS:
        table.add_column(name, no_wrap=True)
    for name in _COUNTS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in summary.rows:
        if summary.is_waiting(row):
            continue
        table.add_row(*(escape(str(row[name])) for name in (*_WORDS, *_COUNTS)))
    return table


def _lines(summary: Summary) -> Iterator[str]:
    for row in summary.rows:
        if row["balance"]:
            yield f"{row['source']}: {row['balance']}"
    yield from (f"Attention: {line}" for line in summary.attention[:_LISTED])
    if len(summary.attention) > _LISTED:
        rest = len(summary.attention) - _LISTED
        yield f"Attention: {rest} lines more in NOTES.md of the release"
    yield from (f"{name}: failed: {message}" for name, message in summary.failures.items())
    yield from (f"{name}: {look}" for name, look in summary.looks.items())
    if summary.published:
        yield f"Published release {summary.release}."
    else:
        yield f"Nothing new; the latest release is {summary.release}."


class Progress:
    """Progress of the stages on standard error: bars on a terminal, lines elsewhere, or nothing."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Any = None
        self._stages: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415
            from rich.progress import Progress as Bars  # noqa: PLC0415

            self._bars = Bars(console=Console(stderr=True), transient=True)
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def watch(self, stage: str, done: int, total: int) -> None:
        """Note that `done` of `total` documents are through a stage."""
        if self._bars is not None:
            if stage not in self._stages:
                self._stages[stage] = self._bars.add_task(stage, total=total)
            self._bars.update(self._stages[stage], completed=done, total=total)
        elif not self._quiet and done == total:
            print(f"precert: {stage}: {done} of {total}", file=sys.stderr, flush=True)
