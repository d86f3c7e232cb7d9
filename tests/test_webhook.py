"""What a webhook is told, against real servers on this machine, and what is said when it fails."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flows.report import Summary
from flows.webhook import notify, notify_unpublished

TOKEN = "T0KEN-8f31"


def row(source: str, status: str, reason: str | None = None) -> dict[str, Any]:
    since = datetime(2026, 11, 20, 5, tzinfo=UTC)
    return {"source": source, "status": status, "since": since, "look": None, "reason": reason}


WELL = Summary("000002-0b0b0b0b", True, (row("acme_dme", "current"),), {}, {})
HELD = Summary(
    "000002-0b0b0b0b",
    True,
    (
        row("acme_dme", "held", "61 rows where 400 were; <!channel> look at it"),
        row("acme_dme", "stale"),
        row("borealis_dme", "current"),
        row("cobalt_dme", "missing"),
        row("dune_dme", "missing"),
    ),
    {"dune_dme": "fetch: status 404"},
    {"acme_dme": "new 0a0a", "cobalt_dme": "skipped: no public address is known"},
    ("acme_dme: held: 61 rows",),
)


@dataclass(slots=True)
class Receiver:
    """A server that answers every request with one status, and keeps what it was told."""

    status: int = 200
    location: str | None = None
    heard: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/{TOKEN}?key={TOKEN}"


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 (the name that http.server wants)

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def test_nothing_is_posted_when_all_is_well() -> None:
    with receiving(Receiver()) as receiver:
        assert notify(receiver.url, WELL) is None
    assert receiver.heard == []


def test_what_is_amiss_is_posted_once_with_its_reasons() -> None:
    with receiving(Receiver()) as receiver:
        assert notify(receiver.url, HELD) is None
    ((path, headers, said),) = receiver.heard
    assert path == f"/services/{TOKEN}?key={TOKEN}"
    assert headers["Content-Type"] == "application/json"
    assert (said["release"], said["published"]) == ("000002-0b0b0b0b", True)
    # cobalt_dme was not looked for, so that it is missing is no news.
    assert [(item["source"], item["status"]) for item in said["amiss"]] == [
        ("acme_dme", "held"),
        ("acme_dme", "stale"),
    ]
    assert said["amiss"][0]["reason"].startswith("61 rows where 400 were")
    assert {item["since"] for item in said["amiss"]} == {"2026-11-20T05:00:00+00:00"}
    assert said["failed"] == [{"source": "dune_dme", "reason": "fetch: status 404"}]
    assert said["attention"] == ["acme_dme: held: 61 rows"]
    assert said["left_out"] == 0


def test_source_that_was_looked_for_and_not_found_is_amiss() -> None:
    lost = Summary("000002-0b0b0b0b", False, (row("acme_dme", "missing"),), {}, {"acme_dme": "new"})
    with receiving(Receiver()) as receiver:
        assert notify(receiver.url, lost) is None
    ((_, _, said),) = receiver.heard
    assert said["text"] == (
        "precert: release 000002-0b0b0b0b stays, with something amiss: missing: acme_dme"
    )


def test_text_is_one_line_without_words_of_a_publisher() -> None:
    with receiving(Receiver()) as receiver:
        notify(receiver.url, HELD)
    text = receiver.heard[0][2]["text"]
    assert text == (
        "precert: release 000002-0b0b0b0b published with something amiss: "
        "held: acme_dme; stale: acme_dme; failed: dune_dme"
    )
    assert "\n" not in text
    assert "<!channel>" not in text


def test_long_lists_are_cut_and_counted() -> None:
    many = tuple(row(f"source_{number}", "held", "x" * 10_000) for number in range(80))
    lines = tuple(f"line {number}" for number in range(60))
    with receiving(Receiver()) as receiver:
        notify(receiver.url, Summary("000001-0a0a0a0a", False, many, {}, {}, lines))
    ((_, _, said),) = receiver.heard
    assert (len(said["amiss"]), len(said["attention"])) == (50, 50)
    assert said["left_out"] == 30 + 10
    assert len(json.dumps(said)) < 40_000


def test_run_that_published_nothing_is_told_with_why() -> None:
    with receiving(Receiver()) as receiver:
        assert notify_unpublished(receiver.url, "acme_dme does not balance:\n 3 lines") is None
    ((_, _, said),) = receiver.heard
    assert said["text"] == (
        "precert: nothing could be published: acme_dme does not balance: 3 lines"
    )
    assert said["published"] is False


@pytest.fixture
def every_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.mark.parametrize("status", [500, 404, 302])
def test_other_answer_is_told_in_one_sentence_without_the_token(
    status: int, every_log: pytest.LogCaptureFixture
) -> None:
    with receiving(Receiver()) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/"
        with receiving(Receiver(status, location if status == 302 else None)) as receiver:
            said = notify(receiver.url, HELD)
    assert said == (
        f"the webhook at http://127.0.0.1:{receiver.port} was not told: "
        f"it answered with status {status}"
    )
    assert len(receiver.heard) == 1
    assert elsewhere.heard == []
    assert TOKEN not in every_log.text


def test_refused_connection_is_told_in_one_sentence_without_the_token(
    every_log: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = notify(f"http://user:{TOKEN}@127.0.0.1:{port}/{TOKEN}", HELD)
    assert said == (
        f"the webhook at http://127.0.0.1:{port} was not told: it cannot be reached (ConnectError)"
    )
    assert TOKEN not in every_log.text


def test_server_that_never_answers_is_left_after_the_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = notify(f"http://127.0.0.1:{port}/{TOKEN}", HELD, 0.2)
    assert said == (
        f"the webhook at http://127.0.0.1:{port} was not told: it did not answer within 0.2 s"
    )


def test_server_that_drips_its_answer_is_left_after_the_bound() -> None:
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not done.wait(0.02):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        port = server.getsockname()[1]
        said = notify(f"http://127.0.0.1:{port}/{TOKEN}", HELD, 0.3)
        done.set()
        thread.join()
    assert said is not None
    assert said.startswith(f"the webhook at http://127.0.0.1:{port} was not told: it ")
    assert TOKEN not in said


@pytest.mark.parametrize(
    "url",
    [
        TOKEN,
        f"ftp://host/{TOKEN}",
        f"file:///{TOKEN}",
        f"https:///{TOKEN}",
        f"http://host:port/{TOKEN}",
    ],
)
def test_what_is_no_address_is_told_without_repeating_it(url: str) -> None:
    said = notify(url, HELD)
    assert said == "PRECERT_WEBHOOK is no address: give one that begins with https://"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(Receiver()) as proxy, receiving(Receiver()) as receiver:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert notify(receiver.url, HELD) is None
    assert len(receiver.heard) == 1
    assert proxy.heard == []


def test_password_in_the_address_is_sent_as_such() -> None:
    with receiving(Receiver()) as receiver:
        assert notify(f"http://me:{TOKEN}@127.0.0.1:{receiver.port}/", HELD) is None
    ((_, headers, _),) = receiver.heard
    assert headers["Authorization"].startswith("Basic ")
