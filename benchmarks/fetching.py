"""What looking at publications costs, and how each fault of an origin ends.

Run as `make bench`. Serves 50 lists from 50 addresses of this machine and refreshes a project of
50 sources twice, with Prefect as a user does; then starts ten refreshes at once; then asks each
endpoint of the fault server beside the project, where it lies. Every connection is recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from benchmarks.results import ROOT, write

LISTS = 50
PRECERT = [sys.executable, "-m", "flows.cli"]
CIGNA = ROOT / "raw" / "cigna_commercial_dme" / "prior_authorization_list"


class Origin:
    """50 hosts, each with one list; counts what it is asked, and how it answered."""

    def __init__(self) -> None:
        (path,) = CIGNA.glob("*.txt")
        lists = path.read_bytes()
        self.asked: Counter[str] = Counter()
        self.hold = threading.Event()
        self.hold.set()
        origin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = lists
                tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                if self.path == "/robots.txt":
                    origin.asked["robots.txt"] += 1
                    self.send_error(404)
                    return
                origin.hold.wait()
                if self.headers.get("If-None-Match") == tag:
                    origin.asked["304 to a conditional request"] += 1
                    self.send_response(304)
                    self.end_headers()
                    return
                origin.asked["200 with a body"] += 1
                self.send_response(200)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        # All of 127.0.0.0/8 is this machine, so one server is 50 hosts.
        self.server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104
        self.port = self.server.server_port

    @property
    def hosts(self) -> list[str]:
        return [f"127.0.0.{number}:{self.port}" for number in range(2, LISTS + 2)]


@contextmanager
def running() -> Iterator[Origin]:
    origin = Origin()
    threading.Thread(target=origin.server.serve_forever, daemon=True).start()
    try:
        yield origin
    finally:
        origin.hold.set()
        origin.server.shutdown()


def project(folder: Path, origin: Origin) -> dict[str, str]:
    """A project of 50 sources in a folder; the environment in which it may ask them."""
    said = yaml.safe_load((ROOT / "sources" / "cigna_commercial_dme.yml").read_text())
    (folder / "sources").mkdir()
    for number, host in enumerate(origin.hosts):
        source = said | {
            "source": f"payer_{number:02d}",
            "payer": {"id": f"payer_{number:02d}", "name": f"Payer {number}"},
            "address": {"url": f"http://{host}/list.txt"},
            "terms": {"reviewed_on": "2026-11-22", "note": "our own server"},
        }
        path = folder / "sources" / f"payer_{number:02d}.yml"
        path.write_text(yaml.safe_dump(source), encoding="utf-8")
    return os.environ | {
        "PRECERT_LOOPBACK": " ".join(origin.hosts),
        "PYTHONPATH": str(ROOT),
    }


def refresh(folder: Path, environment: dict[str, str], *more: str) -> tuple[float, int, dict]:
    """Seconds, exit status and summary of one refresh."""
    start = time.monotonic()
    done = subprocess.run(
        [*PRECERT, "refresh", "--json", *more],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 5):
        raise SystemExit(done.stderr[-2000:])
    return time.monotonic() - start, done.returncode, json.loads(done.stdout)


def parts_of(folder: Path) -> set[tuple[str, float]]:
    """Every part and verdict there is, with when it was made."""
    parts = (folder / "curated" / "parts").glob("*/*/*.*/")
    return {(str(path), path.stat().st_mtime) for path in parts}


def unchanged(folder: Path, origin: Origin, environment: dict[str, str], *more: str) -> list[str]:
    """Refresh twice, and say what each took and asked."""
    rows = []
    times = []
    for what in ("first refresh", "second refresh, nothing changed"):
        origin.asked.clear()
        before = parts_of(folder) if (folder / "curated").exists() else set()
        seconds, _, said = refresh(folder, environment, *more)
        times.append(seconds)
        read = len(parts_of(folder) - before)
        asked = ", ".join(f"{count} {kind}" for kind, count in sorted(origin.asked.items()))
        outcome = f"release {said['release']}" if said["published"] else "nothing published"
        rows.append(f"| {what} | {seconds:.1f} s | {asked} | {read} | {outcome} |")
    rows.append(f"| second by first | {times[1] / times[0]:.3f} | | | |")
    return rows


def at_once(folder: Path, origin: Origin, environment: dict[str, str]) -> list[str]:
    """Ten refreshes started together, while the origin keeps the one that runs waiting."""
    origin.hold.clear()
    runs = [
        subprocess.Popen(
            [*PRECERT, "refresh", "--no-prefect"],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(10)
    ]
    deadline = time.monotonic() + 120
    while sum(run.poll() is not None for run in runs) < 9 and time.monotonic() < deadline:
        time.sleep(0.1)
    over = [run for run in runs if run.poll() is not None]
    waiting = [run for run in runs if run.poll() is None]
    origin.hold.set()
    said = [(run.stderr.read() if run.stderr else "") for run in over]
    named = sum(f"process {run.pid}" in line for run in waiting for line in said)
    ends = Counter(run.wait() for run in runs)
    return [
        f"| exit status 5 at once | {ends[5]} |",
        f"| of them naming the process that runs | {named} |",
        f"| ran to its end (exit status 0) | {ends[0]} |",
    ]


def faults() -> list[str]:
    """How a look ends at each endpoint of the fault server: outcome, requests, snapshots."""
    from flows import store
    from flows.fetch import fetch_document
    from flows.web.failure import FetchError
    from tests import origin as asking

    formats = {"/soft404": "pdf", "/soft404.pdf": "pdf", "/html-as-xlsx": "xlsx"}
    module = asking.faults()
    names = sorted(
        "/" + name[3:].replace("_", "-") for name in dir(module.Handler) if name.startswith("ep_")
    )
    paths = [
        *(n for n in names if n not in ("/soft404-pdf", "/robots-txt", "/echo-auth", "/ok")),
        *("/soft404.pdf", "/private/list.csv", "/ok", "/401", "/403", "/404", "/410"),
        *(f"/redirect-private?i={number}" for number in range(1, 4)),
        *(f"/redirect-odd?i={number}" for number in range(1, 8)),
    ]
    rows = []
    partial = 0
    with module.FaultServer() as server, asking.connections() as watched:
        for path in sorted(paths):
            server.hits.clear()
            with tempfile.TemporaryDirectory() as aside:
                settings = asking.project(
                    Path(aside), server.url, server.url.replace("127.0.0.1", "localhost")
                )
                wanted = asking.source(
                    server.url + path, format=formats.get(path, "text"), most_megabytes=8
                )
                try:
                    ended = fetch_document(settings, wanted)
                except FetchError as error:
                    ended = str(error).replace(server.url, "")
                kept = store.versions(settings.raw, "acme", "list")
                for version in kept:
                    data = store.read(settings.raw, version)
                    is_whole = data == b"none" or data.startswith(module.BODY)
                    partial += not is_whole
            tries = sum(count for name, count in server.hits.items() if name != "/robots.txt")
            shown = ended.replace("|", "\\|").replace(str(server.httpd.server_port), "PORT")
            rows.append(f"| `{path}` | {tries} | {len(kept)} | {shown} |")
    allowed = {("127.0.0.1", server.httpd.server_port), ("localhost", server.httpd.server_port)}
    others = [address for address in watched.tried if address not in allowed]
    summary = (
        f"{len(paths)} looks, {partial} partial snapshots, {len(watched.tried)} connections, "
        f"{len(others)} of them to another address than the fault server's."
    )
    return [
        summary,
        "",
        "| fault | requests | snapshots | how the look ended |",
        "| --- | ---: | ---: | --- |",
        *rows,
    ]


def main() -> None:
    lines = []
    for how, more in (("with Prefect", ()), ("without Prefect", ("--no-prefect",))):
        with tempfile.TemporaryDirectory() as aside, running() as origin:
            environment = project(Path(aside), origin)
            lines += [
                f"{LISTS} sources on {LISTS} hosts, {how}:",
                "",
                "| run | time | the origin was asked | parts and verdicts made | outcome |",
                "| --- | ---: | --- | ---: | --- |",
                *unchanged(Path(aside), origin, environment, *more),
                "",
            ]
            if more:
                lines += ["Ten refreshes at once:", "", "| | runs |", "| --- | ---: |"]
                lines += at_once(Path(aside), origin, environment)
    write("fetching", lines)
    if (ROOT.parent / "shared" / "fault_server.py").exists():
        write("faults", faults())


if __name__ == "__main__":
    main()
