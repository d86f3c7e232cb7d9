"""Secrets: ten canaries go through a refresh as a user runs it, and none is found anywhere after.

The origin does its worst with them: it repeats them in headers, redirects, pages and errors. All
that the run wrote is searched: files, Prefect's database, logs at their most talkative, output.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import yaml

from tests.conftest import ROOT

LIST = b"Code\tPA\nA1000\tYes\n"
CANARIES = {
    "CANARY_HEADER": "canary-header-1+a/b=",
    "CANARY_BASIC": "canary-user-2:canary-word",
    "CANARY_QUERY": "canary query&3%",
    "CANARY_PATH": "canary-path-4",
    "CANARY_PAGE": "canary-page-5",
    "CANARY_ECHO": "canary-echo-6",
    "CANARY_HOOK": "canary-hook-7",
}
BLOCK, SIGNED, USERINFO = "canary-block-8", "canary-signed-9", "canary-userinfo-10"
EVERY = (*CANARIES.values(), BLOCK, SIGNED, USERINFO)

# Prefect must know the block before the run that reads it; both in one process, on one server.
RUN = f"""
import sys
from pathlib import Path
from flows.prefect_settings import prepare_prefect
from flows.settings import Settings
prepare_prefect(Settings())
import logging
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from prefect.blocks.system import Secret
Secret(value={BLOCK!r}).save("acme-token")
from flows.cli import main
main(["refresh"])
"""


@dataclass
class Origin:
    """What was asked with which secret in it."""

    asked: dict[str, str] = field(default_factory=dict)
    posted: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    now = Origin()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            name = url.path.strip("/").split("/")[0]
            secret = self.headers.get("Authorization") or url.query or url.path
            now.asked[name] = secret
            here = f"http://127.0.0.1:{now.port}"
            if name == "header":
                self.answer(200, LIST, ETag=f'"{secret}"', Date=secret)
            elif name == "query":
                token = parse_qs(url.query)["key"][0]
                where = f"{here}/final/list.txt?key={quote(token, safe='')}&signature={SIGNED}"
                self.answer(302, b"", Location=where)
            elif name == "final":
                self.answer(200, LIST)
            elif name == "page":
                link = f'<a href="/linked/list.txt?{url.query}">{url.query}</a>'
                self.answer(200, b"<!doctype html>" + link.encode(), ETag='"1"')
            elif name == "linked":
                self.answer(200, LIST)
            elif name == "userinfo":
                self.answer(302, b"", Location=f"http://user:{USERINFO}@127.0.0.1:{now.port}/")
            elif name == "echo":
                self.answer(200, LIST + secret.encode())
            elif name == "robots.txt":
                self.answer(404, b"")
            else:
                self.answer(403, secret.encode(), Retry_After=secret)

        def do_POST(self) -> None:
            now.posted.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(500, self.path.encode())

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    now.port = server.server_port
    yield now
    server.shutdown()
    server.server_close()


def addresses(port: int) -> dict[str, dict[str, object]]:
    """Each source's address, by the way in which its secret travels."""
    here = f"http://127.0.0.1:{port}"

    def env(variable: str) -> dict[str, dict[str, str]]:
        return {"token": {"env": variable}}

    bearer = {"headers": {"Authorization": "Bearer {token}"}}
    return {
        "header": {"url": f"{here}/header/list.txt", **bearer, "secrets": env("CANARY_HEADER")},
        "basic": {
            "url": f"{here}/basic/list.txt",
            "headers": {"Authorization": "Basic {token}"},
            "secrets": env("CANARY_BASIC"),
        },
        "query": {"url": f"{here}/query/list.txt?key={{token}}", "secrets": env("CANARY_QUERY")},
        "path": {"url": f"{here}/path/{{token}}/list.txt", "secrets": env("CANARY_PATH")},
        "page": {
            "page": f"{here}/page/?key={{token}}",
            "links": [{"href": "list.txt"}],
            "secrets": env("CANARY_PAGE"),
        },
        "echo": {"url": f"{here}/echo/list.txt", **bearer, "secrets": env("CANARY_ECHO")},
        "block": {
            "url": f"{here}/block/list.txt",
            **bearer,
            "secrets": {"token": {"block": "acme-token"}},
        },
        "userinfo": {"url": f"{here}/userinfo/list.txt"},
        "absent": {"url": f"{here}/absent/list.txt", **bearer, "secrets": env("CANARY_ABSENT")},
    }


@dataclass(frozen=True, slots=True)
class Run:
    folder: Path
    done: subprocess.CompletedProcess[bytes]

    @property
    def output(self) -> str:
        return (self.done.stdout + self.done.stderr).decode()


@pytest.fixture(scope="module")
def run(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "sources").mkdir()
    said = yaml.safe_load((ROOT / "sources" / "cigna_commercial_dme.yml").read_text())
    for name, address in addresses(origin.port).items():
        source = said | {
            "source": name,
            "address": address | {"format": "text"},
            "terms": {"reviewed_on": "2026-11-22", "note": "for a test"},
            "extract": False,
        }
        (folder / "sources" / f"{name}.yml").write_text(yaml.safe_dump(source))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")} | {
        **CANARIES,
        "PRECERT_LOOPBACK": f"127.0.0.1:{origin.port}",
        "PRECERT_PAUSE": "0",
        "PRECERT_WEBHOOK": f"http://127.0.0.1:{origin.port}/hook/{CANARIES['CANARY_HOOK']}",
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", RUN], cwd=folder, env=environment, capture_output=True
    )
    return Run(folder, done)


def forms(secret: str) -> set[bytes]:
    """A secret as it may have been written: plain, percent-encoded, in Base64."""
    whole = {secret, quote(secret, safe=""), quote(secret), quote(secret, safe="").lower()}
    encoded = {base64.b64encode(secret.encode()).decode().rstrip("="), repr(secret)[1:-1]}
    return {form.encode() for form in whole | encoded}


def test_every_secret_reached_the_origin_it_is_for(run: Run, origin: Origin) -> None:
    for name in ("header", "echo"):
        assert origin.asked[name] == f"Bearer {CANARIES[f'CANARY_{name.upper()}']}", run.output
    assert origin.asked["block"] == f"Bearer {BLOCK}", run.output
    assert origin.asked["basic"] == f"Basic {CANARIES['CANARY_BASIC']}"
    assert parse_qs(origin.asked["query"])["key"] == [CANARIES["CANARY_QUERY"]]
    assert CANARIES["CANARY_PATH"] in origin.asked["path"]
    assert SIGNED in origin.asked["final"]
    assert CANARIES["CANARY_PAGE"] in origin.asked["linked"]


def test_no_secret_is_in_anything_that_the_run_wrote(run: Run) -> None:
    written = [path for path in run.folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in written)
    assert any(path.name == "seen.jsonl" for path in written)
    found = [
        (path.relative_to(run.folder).as_posix(), secret)
        for path in written
        for data in [path.read_bytes()]
        for secret in EVERY
        if any(form in data for form in forms(secret))
    ]
    assert found == []


def test_no_secret_is_in_the_output_or_the_logs_at_their_most_talkative(run: Run) -> None:
    assert "DEBUG" in run.output, "the logs were not talkative"
    found = [s for s in EVERY if any(form in run.output.encode() for form in forms(s))]
    assert found == []


def test_failures_name_source_and_variable_and_no_value(run: Run) -> None:
    assert "CANARY_ABSENT" in run.output
    assert "repeats our secret" in run.output
    assert "/path/{token}/list.txt: status 403" in run.output
