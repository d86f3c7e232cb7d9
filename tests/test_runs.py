"""One refresh at a time, and the ledger of them: who runs, what came of it, and who died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from flows import journey, runs
from flows.cli import main
from flows.lock import RUNNING, AlreadyRunning, Holder, held_by, only_refresh
from flows.runs import LEDGER, LedgerError
from flows.settings import Settings
from tests.conftest import ROOT

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
# Refreshes as the flow does: what it prints and reads in between is given as code.
REFRESH = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from flows import runs
from flows.lock import RUNNING, AlreadyRunning, only_refresh
curated = Path(sys.argv[1])
now = lambda: datetime.now(UTC)
try:
    {before}
    with only_refresh(curated, "a test") as holder, runs.recorded(curated, holder, now) as record:
        {inside}
        record.came_to("", troubled=False)
except AlreadyRunning as error:
    print(error, file=sys.stderr)
    raise SystemExit(RUNNING)
"""
# The refresh itself, which dies where it would begin to work.
KILLED = """
import os, signal, sys
from pathlib import Path
from flows import journey
from flows.settings import Settings
journey.travel = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
journey.run(Settings(*map(Path, sys.argv[1:])), offline=True, prefect=False)
"""
WAIT = "print('held', flush=True); sys.stdin.read()"
DIE = "os.kill(os.getpid(), signal.SIGKILL)"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def start(curated: Path, inside: str = "pass", before: str = "pass") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", REFRESH.format(before=before, inside=inside), str(curated)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )


def refresh(project: Settings) -> subprocess.Popen[str]:
    """`precert refresh` as a user runs it."""
    folders = [f"--{name}={getattr(project, name)}" for name in ("raw", "curated", "sources")]
    words = [*folders, "refresh", "--offline", "--no-prefect"]
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    )


@contextmanager
def held_elsewhere(curated: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that refreshes until this ends."""
    holder = start(curated, WAIT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield holder
    finally:
        holder.send_signal(signal.SIGCONT)
        holder.communicate()


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """A project with nothing to publish, whose refresh is over at once."""
    shutil.copytree(ROOT / "sources", tmp_path / "sources")
    return Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")


def by(process: int = 7, seconds: int = 0, host: str | None = None) -> Holder:
    since = AT + timedelta(seconds=seconds)
    return Holder(process, host or socket.gethostname(), "precert refresh", since)


def lines(curated: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (curated / LEDGER).read_text().splitlines()]


def sources(curated: Path) -> str:
    options = ["--curated", str(curated), "--sources", str(ROOT / "sources")]
    result = CliRunner().invoke(main, [*options, "--raw", str(curated / "raw"), "sources"])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_lock_says_process_label_and_since_when(tmp_path: Path) -> None:
    with only_refresh(tmp_path, "precert refresh") as holder:
        assert held_by(tmp_path) == holder
        assert str(holder) == (
            f"process {os.getpid()}, precert refresh, since {holder.since:%Y-%m-%dT%H:%M:%SZ}"
        )
        with only_refresh(tmp_path, "a Prefect flow run") as inner:
            assert inner is holder
        assert held_by(tmp_path) == holder
    assert held_by(tmp_path) is None


def test_holder_on_another_machine_is_named_with_it() -> None:
    assert str(by(host="db2")) == "process 7 on db2, precert refresh, since 2026-11-22T01:02:03Z"


def test_lock_of_no_store_is_free_and_makes_no_folder(tmp_path: Path) -> None:
    assert held_by(tmp_path / "nowhere") is None
    assert runs.read(tmp_path / "nowhere").runs == ()
    assert list(tmp_path.iterdir()) == []


def test_asking_who_holds_the_lock_never_keeps_a_refresh_from_it(tmp_path: Path) -> None:
    with only_refresh(tmp_path, "the first"):
        pass
    done = threading.Event()
    asked = [0, 0]

    def ask(place: int) -> None:
        while not done.is_set():
            held_by(tmp_path)
            asked[place] += 1

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            with only_refresh(tmp_path, "again"):
                pass
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert min(asked) > 0


def assert_no_two_together(curated: Path) -> list[runs.Run]:
    """The runs that ended, each of which began when the one before it had."""
    ended = [run for run in runs.read(curated).runs if run.end]
    spans = sorted((run.holder.since, run.end.at) for run in ended if run.end)
    for (_, before), (began, _) in pairwise(spans):
        assert before <= began
    return ended


def test_nine_refreshes_beside_a_running_one_exit_5_and_name_it(empty: Settings) -> None:
    with held_elsewhere(empty.curated) as holder:
        refused = [refresh(empty) for _ in range(9)]
        said = [process.communicate()[1] for process in refused]
        assert [process.returncode for process in refused] == [RUNNING] * 9
        assert holder.poll() is None
        for line in said:
            assert f"another refresh is running (process {holder.pid}, a test, since 20" in line
    assert holder.returncode == 0
    assert [run.holder.process for run in runs.read(empty.curated).runs] == [holder.pid]


def test_of_ten_that_start_at_once_no_two_hold_the_lock_together(tmp_path: Path) -> None:
    # Each has said that it is up before the first is let go.
    wait = "print('up', flush=True); sys.stdin.readline()"
    racers = [start(tmp_path, before=wait) for _ in range(10)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "up\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    said = {racer.pid: racer.communicate()[1] for racer in racers}
    statuses = {racer.pid: racer.returncode for racer in racers}
    assert set(statuses.values()) <= {0, RUNNING}, said
    ran = [run for run in runs.read(tmp_path).runs if run.end]
    assert (
        {run.holder.process for run in ran} == {p for p, s in statuses.items() if s == 0} != set()
    )
    spans = sorted((run.holder.since, run.end.at) for run in ran if run.end)
    for (_, ended), (began, _) in pairwise(spans):
        assert ended <= began
    for process, status in statuses.items():
        if status == RUNNING:
            (named,) = [run for run in ran if f"(process {run.holder.process}," in said[process]]
            assert named.holder.process != process


def test_of_refreshes_that_start_at_once_no_two_run_together(empty: Settings) -> None:
    racers = [refresh(empty) for _ in range(4)]
    said = {racer.pid: racer.communicate()[1] for racer in racers}
    statuses = {racer.pid: racer.returncode for racer in racers}
    assert set(statuses.values()) <= {journey.NOTHING, RUNNING}, said
    ran = {run.holder.process for run in assert_no_two_together(empty.curated)}
    assert ran
    assert ran == {process for process, status in statuses.items() if status == journey.NOTHING}
    for process in statuses.keys() - ran:
        assert any(f"(process {other}, precert refresh, since" in said[process] for other in ran)


def test_refresh_after_a_killed_one_says_that_it_died(empty: Settings) -> None:
    folders = map(str, (empty.raw, empty.curated, empty.sources))
    done = subprocess.run([sys.executable, "-c", KILLED, *folders], env=ENVIRONMENT, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    (dead,) = runs.died(empty.curated)
    for is_next in (True, False):
        after = refresh(empty)
        said = after.communicate()[1]
        assert after.returncode == journey.NOTHING
        assert (f"precert: {runs.death(dead)}" in said) is is_next
    last = runs.read(empty.curated).runs[-1].end
    assert last is not None
    assert last.outcome == "nothing_publishable"


def test_stopped_refresh_is_reported_and_keeps_its_lock(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        holder.send_signal(signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        with (
            pytest.raises(AlreadyRunning, match=rf"it is stopped: .* kill -CONT {holder.pid}"),
            only_refresh(tmp_path, "precert refresh"),
        ):
            pass
        said = sources(tmp_path).splitlines()[0]
        assert f"A refresh is running (process {holder.pid}, a test, since" in said
        assert said.endswith("but its process is stopped.")
    assert holder.returncode == 0
    (run,) = runs.read(tmp_path).runs
    assert run.end is not None
    assert run.end.outcome == "nothing_new"


def test_killed_refresh_has_died_and_the_next_one_says_so_once(tmp_path: Path) -> None:
    killed = start(tmp_path, DIE)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert held_by(tmp_path) is None
    (dead,) = runs.died(tmp_path)
    assert dead.holder.process == killed.pid
    assert "The last refresh died before its end" in sources(tmp_path).splitlines()[0]
    assert runs.died(tmp_path) == (dead,)
    with (
        only_refresh(tmp_path, "precert refresh") as holder,
        runs.recorded(tmp_path, holder, lambda: AT) as record,
    ):
        assert record.died == (dead,)
        assert f"process {killed.pid}" in runs.death(dead)
        assert runs.died(tmp_path) == ()
    with (
        only_refresh(tmp_path, "precert refresh") as holder,
        runs.recorded(tmp_path, holder, lambda: AT) as record,
    ):
        assert record.died == ()
    events = [(line["event"], line.get("run")) for line in lines(tmp_path)]
    assert events.count(("died", dead.id)) == 1


def test_run_that_holds_the_lock_has_not_died(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        ledger = runs.read(tmp_path)
        assert ledger.died == ()
        assert ledger.running is not None
        assert ledger.running.holder.process == holder.pid
        assert ledger.running.end is None
    assert runs.read(tmp_path).running is None


def test_run_that_died_is_dead_though_something_else_holds_the_lock(tmp_path: Path) -> None:
    run = runs.begin(tmp_path, by(os.getpid()))
    with only_refresh(tmp_path, "precert add") as holder:
        ledger = runs.read(tmp_path)
        assert [dead.id for dead in ledger.died] == [run.id]
        assert ledger.running is None
        assert f"the lock is held ({holder})" in runs.story(ledger)


@pytest.mark.parametrize(
    ("release", "troubled", "outcome", "told"),
    [
        ("000002-0b0b0b0b", False, "published", "published release 000002-0b0b0b0b"),
        ("", False, "nothing_new", "found nothing new"),
        ("000002-0b0b0b0b", True, "troubled", "published release 000002-0b0b0b0b with something"),
        ("", True, "troubled", "ended with something amiss"),
    ],
)
def test_end_says_what_came_of_the_run(
    tmp_path: Path, release: str, troubled: bool, outcome: str, told: str
) -> None:
    amiss = ["acme_dme: held:\n 61 rows"] if troubled else []
    with runs.recorded(tmp_path, by(), lambda: AT) as record:
        record.came_to(release, troubled=troubled, amiss=amiss)
    began, ended = lines(tmp_path)
    assert began == {
        "event": "began",
        "run": "20261122T010203000000Z-7",
        "at": "2026-11-22T01:02:03+00:00",
        "process": 7,
        "host": socket.gethostname(),
        "asked_by": "precert refresh",
    }
    assert ended == {
        "event": "ended",
        "run": began["run"],
        "at": "2026-11-22T01:02:03+00:00",
        "outcome": outcome,
        "release": release or None,
        "amiss": ["acme_dme: held: 61 rows"] if troubled else [],
    }
    assert f"the last refresh {told}" in runs.story(runs.read(tmp_path))[0]


class NothingToPublish(Exception):
    pass


def leave(curated: Path, holder: Holder, error: BaseException) -> None:
    """A run that is left with an error once it has published."""
    errors = (NothingToPublish,)
    with runs.recorded(curated, holder, lambda: AT, unpublishable=errors) as record:
        record.came_to("000001-0a0a0a0a", troubled=False)
        raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NothingToPublish("no rows"), "nothing_publishable"),
        (ZeroDivisionError("a mistake of ours"), "failed"),
        (KeyboardInterrupt("^C"), "failed"),
    ],
)
def test_run_left_with_an_error_is_recorded_with_it(
    tmp_path: Path, error: BaseException, outcome: str
) -> None:
    good = runs.begin(tmp_path, by())
    runs.end(tmp_path, good, "nothing_new", AT)
    with pytest.raises(type(error)):
        leave(tmp_path, by(seconds=9), error)
    end = runs.read(tmp_path).runs[-1].end
    assert end is not None
    assert (end.outcome, end.release) == (outcome, None)
    assert end.amiss == (f"{type(error).__name__}: {error}",)
    last, came_through = runs.story(runs.read(tmp_path))
    assert last.endswith(f": {type(error).__name__}: {error}")
    assert came_through == "the last refresh that came through: 2026-11-22T01:02:03Z"


def test_flow_within_a_refresh_is_one_run_with_its_flow_run(tmp_path: Path) -> None:
    with (
        only_refresh(tmp_path, "precert refresh") as outer,
        runs.recorded(tmp_path, outer, lambda: AT) as record,
    ):
        with (
            only_refresh(tmp_path, "a Prefect flow run") as inner,
            runs.recorded(tmp_path, inner, lambda: AT, flow_run_id="f-1") as same,
        ):
            assert same is record
            same.came_to("000001-0a0a0a0a", troubled=False)
        assert runs.read(tmp_path).running is not None
    (run,) = runs.read(tmp_path).runs
    assert run.flow_run_id == "f-1"
    assert run.end is not None
    assert (run.end.outcome, run.end.release) == ("published", "000001-0a0a0a0a")


def test_flow_on_its_own_begins_with_its_flow_run(tmp_path: Path) -> None:
    with runs.recorded(tmp_path, by(), lambda: AT, flow_run_id="f-1") as record:
        assert record.run.flow_run_id == "f-1"
        assert runs.read(tmp_path).runs[0].flow_run_id == "f-1"


def test_last_line_that_a_crash_cut_is_left_out_and_written_over(tmp_path: Path) -> None:
    run = runs.begin(tmp_path, by())
    with (tmp_path / LEDGER).open("a") as file:
        file.write('{"event": "ended", "run": "20261')
    ledger = runs.read(tmp_path)
    assert (ledger.runs, ledger.unreadable) == ((run,), 0)
    runs.end(tmp_path, run, "nothing_new", AT)
    assert [line["event"] for line in lines(tmp_path)] == ["began", "ended"]


@pytest.mark.parametrize(
    "damage", [b"nonsense\n", b"\xff\xfe\n", b"[]\n", b'{"event": "ended"}\n', b"\n"]
)
def test_damaged_line_is_passed_over_and_told_of(tmp_path: Path, damage: bytes) -> None:
    run = runs.begin(tmp_path, by())
    path = tmp_path / LEDGER
    path.write_bytes(damage + path.read_bytes())
    ledger = runs.read(tmp_path)
    assert (ledger.runs, ledger.unreadable) == ((run,), 1)
    assert any("1 lines of runs.jsonl cannot be read" in line for line in runs.story(ledger))


def test_only_the_newest_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    made = [replace(by(), process=number) for number in range(runs.KEPT_LINES // 2)]
    first = runs.begin(tmp_path, made[0])
    runs.end(tmp_path, first, "nothing_new", AT)
    text = path.read_text()
    path.write_text("".join(text.replace("Z-0", f"Z-{holder.process}") for holder in made))
    assert len(lines(tmp_path)) == runs.KEPT_LINES
    for seconds in (1, 2):
        run = runs.begin(tmp_path, by(seconds=seconds))
        runs.end(tmp_path, run, "published", AT, "000001-0a0a0a0a")
        assert len(lines(tmp_path)) == runs.KEPT_LINES
    ledger = runs.read(tmp_path)
    assert ledger.runs[-1].id == run.id
    assert first.id not in {run.id for run in ledger.runs}
    assert ledger.unreadable == 0
    assert [path.name for path in tmp_path.iterdir()] == [LEDGER]


def test_what_was_amiss_is_kept_short(tmp_path: Path) -> None:
    run = runs.begin(tmp_path, by())
    runs.end(tmp_path, run, "troubled", AT, None, ["x" * 10_000] * 30)
    end = runs.read(tmp_path).runs[0].end
    assert end is not None
    assert end.amiss[-1] == "and 10 more"
    assert max(map(len, end.amiss)) == 300


def spoil(curated: Path, error: BaseException | None = None) -> None:
    """A run whose ledger cannot be written any more once it has published."""
    with runs.recorded(curated, by(), lambda: AT) as record:
        record.came_to("000001-0a0a0a0a", troubled=False)
        (curated / LEDGER).unlink()
        (curated / LEDGER).mkdir()
        if error:
            raise error


def test_end_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"published release 000001-.*runs\.jsonl cannot say"):
        spoil(tmp_path)


def test_end_that_cannot_be_written_hides_no_other_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        spoil(tmp_path, ZeroDivisionError())
    assert any("runs.jsonl cannot say so" in note for note in raised.value.__notes__)


def test_begin_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    (tmp_path / LEDGER).mkdir()
    with pytest.raises(OSError, match=rf"{LEDGER}"):
        runs.begin(tmp_path, by())
