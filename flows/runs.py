"""The ledger of refreshes: when each began, who asked for it, and what came of it.

    curated/runs.jsonl   one line when a refresh begins and one when it ends; one more for its
                         flow run, for a run that died, and for a release set back by hand

It is for people and monitors, and keeps its newest lines. No release depends on it, and a line
that cannot be read is passed over. Whether a refresh is running is known from the lock alone: a
run that began, did not end and does not hold the lock has died.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flows.files import flush_folder, replace_file
from flows.lock import Holder, held_by, utc

Outcome = Literal["published", "nothing_new", "troubled", "nothing_publishable", "failed"]

LEDGER = "runs.jsonl"
KEPT_LINES = 1000
_SAID_AMISS = 20
_LONGEST = 300
_READS = 10
_WORDS: dict[Outcome, str] = {
    "published": "published release {release}",
    "nothing_new": "found nothing new",
    "troubled": "ended with something amiss",
    "nothing_publishable": "found nothing that could be published",
    "failed": "failed",
}


class LedgerError(RuntimeError):
    """A refresh that ended, and whose end could not be written down."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended (UTC): `release` is the one it made, `amiss` what was wrong, in short."""

    at: datetime
    outcome: Outcome
    release: str | None = None
    amiss: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One refresh: who ran it and since when, its Prefect flow run if any, and its end.

    `died_by` is when a later run found that it had died.
    """

    id: str
    holder: Holder
    flow_run_id: str | None = None
    end: End | None = None
    died_by: datetime | None = None

    def __str__(self) -> str:
        flow = f", flow run {self.flow_run_id}" if self.flow_run_id else ""
        return f"{self.holder}{flow}"


@dataclass(frozen=True, slots=True)
class SetBack:
    """A release made the latest by hand, in place of `before` (None where none could be read)."""

    release: str
    before: str | None
    holder: Holder


@dataclass(frozen=True, slots=True)
class Ledger:
    """The runs and the releases set back by hand, oldest first, and who holds the lock.

    `unreadable` counts the lines that say nothing.
    """

    runs: tuple[Run, ...] = ()
    set_back: tuple[SetBack, ...] = ()
    unreadable: int = 0
    holder: Holder | None = None

    @property
    def running(self) -> Run | None:
        """The refresh that runs now."""
        return next((run for run in self.runs if not run.end and run.holder == self.holder), None)

    @property
    def died(self) -> tuple[Run, ...]:
        """The runs that neither ended nor run, and that no later run has recorded as dead."""
        open_runs = (run for run in self.runs if not run.end and not run.died_by)
        return tuple(run for run in open_runs if run.holder != self.holder)


@dataclass(slots=True)
class Record:
    """What a run in progress will be recorded as; `died` are the dead runs found at its start."""

    run: Run
    died: tuple[Run, ...] = ()
    outcome: Outcome = "failed"
    release: str | None = None
    amiss: tuple[str, ...] = ("it ended without a word on what came of it",)

    def came_to(self, release: str, *, troubled: bool, amiss: Iterable[str] = ()) -> None:
        """Note what came of the run: the release it made or "", and what was amiss."""
        self.outcome = "troubled" if troubled else "published" if release else "nothing_new"
        self.release = release or None
        self.amiss = tuple(amiss)


_open: dict[Holder, Record] = {}


@contextmanager
def recorded(
    curated: Path,
    holder: Holder,
    clock: Callable[[], datetime],
    *,
    flow_run_id: str | None = None,
    unpublishable: tuple[type[BaseException], ...] = (),
) -> Iterator[Record]:
    """Record a refresh from its begin to its end, however it ends.

    Errors named in `unpublishable` mean that nothing could be published; any other that it is
    left with, that it failed. Within a run of the same holder (a flow that the command line
    starts) it is the same record, and only the flow run is added. Raises `OSError` where the
    begin cannot be written, and `LedgerError` where the end of a run that came to its end cannot.
    """
    if holder in _open:
        if flow_run_id:
            _append(curated, _flow(_open[holder].run, flow_run_id))
        yield _open[holder]
        return
    dead = died(curated)
    record = _open[holder] = Record(begin(curated, holder, flow_run_id), dead)
    try:
        yield record
    except BaseException as error:
        outcome: Outcome = "nothing_publishable" if isinstance(error, unpublishable) else "failed"
        amiss = (f"{type(error).__name__}: {error}",)
        try:
            end(curated, record.run, outcome, clock(), None, amiss)
        except OSError as other:
            error.add_note(f"and {curated / LEDGER} cannot say so: {other}")
        raise
    else:
        try:
            end(curated, record.run, record.outcome, clock(), record.release, record.amiss)
        except OSError as error:
            raise LedgerError(
                f"the refresh {_in_words(record.outcome, record.release)}, which "
                f"{curated / LEDGER} cannot say ({error.strerror}): make room or give access; the "
                "next run takes this one for one that died"
            ) from error
    finally:
        del _open[holder]


def begin(curated: Path, holder: Holder, flow_run_id: str | None = None) -> Run:
    """Record that the holder of the lock begins a refresh, and that those before it died."""
    run = Run(f"{holder.since.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{holder.process}", holder)
    dead = [
        {"event": "died", "run": gone.id, "at": holder.since.isoformat(), "found_by": run.id}
        for gone in died(curated)
    ]
    began = {"event": "began", "run": run.id, **_said(holder)}
    flow = _flow(run, flow_run_id) if flow_run_id else []
    _append(curated, [*dead, began, *flow])
    return replace(run, flow_run_id=flow_run_id)


def end(
    curated: Path,
    run: Run,
    outcome: Outcome,
    at: datetime,
    release: str | None = None,
    amiss: Sequence[str] = (),
) -> None:
    """Record that a run ended, what it published, and what was amiss (cut to what is short)."""
    told = [_cut(line) for line in amiss[:_SAID_AMISS]]
    if len(amiss) > _SAID_AMISS:
        told.append(f"and {len(amiss) - _SAID_AMISS} more")
    line = {
        "event": "ended",
        "run": run.id,
        "at": at.isoformat(),
        "outcome": outcome,
        "release": release,
        "amiss": told,
    }
    _append(curated, [line])


def set_back(curated: Path, holder: Holder, release: str, before: str | None) -> None:
    """Record that someone made a release of before the latest."""
    line = {"event": "set_back", "release": release, "before": before, **_said(holder)}
    _append(curated, [line])


def read(curated: Path) -> Ledger:
    """The ledger as it is now; an empty one where nothing was ever recorded."""
    for _ in range(_READS):
        text = _text(curated)
        holder = held_by(curated)
        if _text(curated) == text:
            # Nothing began or ended while the lock was looked at, so the two agree.
            break
    return _parsed(text, holder)


def died(curated: Path) -> tuple[Run, ...]:
    """The runs that neither ended nor run, oldest first; told until the next run begins."""
    return read(curated).died


def story(ledger: Ledger) -> list[str]:
    """What an operator reads first: one sentence on the last refresh, and what else matters."""
    said = [_last(ledger)]
    if ledger.holder and not ledger.running:
        said.append(f"the lock is held ({ledger.holder})")
    last = ledger.runs[-1] if ledger.runs else None
    if last and last is not ledger.running and not _is_good(last):
        good = next((run for run in reversed(ledger.runs) if _is_good(run)), None)
        since = f"{utc(good.end.at)}" if good and good.end else "never, as far back as is kept"
        said.append(f"the last refresh that came through: {since}")
    if ledger.set_back and (last is None or ledger.set_back[-1].holder.since > last.holder.since):
        back = ledger.set_back[-1]
        said.append(
            f"release {back.release} was made the latest by hand at {utc(back.holder.since)}, in "
            f"place of {back.before or 'one that could not be read'}"
        )
    if ledger.unreadable:
        said.append(f"{ledger.unreadable} lines of {LEDGER} cannot be read and are passed over")
    return said


def death(run: Run) -> str:
    """One sentence on a run that died."""
    return (
        f"the refresh before this one died before its end ({run}): what it left half-made is done "
        "again"
    )


def _last(ledger: Ledger) -> str:
    if ledger.running:
        stopped = ", but its process is stopped" if ledger.running.holder.is_stopped else ""
        return f"a refresh is running ({ledger.running}){stopped}"
    if not ledger.runs:
        return f"no refresh is recorded in {LEDGER}"
    run = ledger.runs[-1]
    if run.end is None:
        return f"the last refresh died before its end ({run}): run precert refresh"
    words = _in_words(run.end.outcome, run.end.release)
    more = f": {'; '.join(run.end.amiss)}" if run.end.amiss and not _is_good(run) else ""
    return f"the last refresh {words} at {utc(run.end.at)} ({run}){more}"


def _is_good(run: Run) -> bool:
    return run.end is not None and run.end.outcome in ("published", "nothing_new", "troubled")


def _in_words(outcome: Outcome, release: str | None) -> str:
    if outcome == "troubled" and release:
        return f"published release {release} with something amiss"
    return _WORDS[outcome].format(release=release)


def _said(holder: Holder) -> dict[str, Any]:
    return {
        "at": holder.since.isoformat(),
        "process": holder.process,
        "host": holder.host,
        "asked_by": holder.label,
    }


def _flow(run: Run, flow_run_id: str) -> list[dict[str, Any]]:
    return [{"event": "flow", "run": run.id, "flow_run": flow_run_id}]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _append(curated: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Add lines durably, in place of one that a crash cut; the oldest beyond the bound go."""
    path = curated / LEDGER
    more = [json.dumps(line).encode() + b"\n" for line in lines]
    before = _text(curated).splitlines(keepends=True)
    kept = [*before, *more][-KEPT_LINES:]
    try:
        if len(before) + len(more) > KEPT_LINES:
            replace_file(path, b"".join(kept))
            return
        with path.open("a+b") as file:
            file.truncate(sum(map(len, before)))
            file.write(b"".join(more))
            file.flush()
            os.fsync(file.fileno())
        flush_folder(curated)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _text(curated: Path) -> bytes:
    """The whole lines of the ledger."""
    try:
        text = (curated / LEDGER).read_bytes()
    except FileNotFoundError:
        return b""
    return text[: text.rfind(b"\n") + 1]


def _parsed(text: bytes, holder: Holder | None) -> Ledger:
    runs: dict[str, Run] = {}
    back = []
    unreadable = 0
    for line in text.splitlines():
        try:
            said = json.loads(line)
            if said["event"] == "set_back":
                back.append(SetBack(said["release"], said["before"], _holder(said)))
            elif said["event"] == "began":
                runs[said["run"]] = Run(said["run"], _holder(said))
            elif said["run"] in runs:
                runs[said["run"]] = _told_more(runs[said["run"]], said)
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return Ledger(tuple(runs.values()), tuple(back), unreadable, holder)


def _told_more(run: Run, said: dict[str, Any]) -> Run:
    if said["event"] == "flow":
        return replace(run, flow_run_id=said["flow_run"])
    at = datetime.fromisoformat(said["at"])
    if said["event"] == "died":
        return replace(run, died_by=at)
    if said["event"] == "ended" and said["outcome"] in _WORDS:
        return replace(run, end=End(at, said["outcome"], said["release"], tuple(said["amiss"])))
    raise ValueError(said["event"])


def _holder(said: dict[str, Any]) -> Holder:
    since = datetime.fromisoformat(said["at"])
    return Holder(int(said["process"]), said["host"], said["asked_by"], since)
