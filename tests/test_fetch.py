"""One look at a publication, against a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows import journey, stages, store
from flows.fetch import FetchError, fetch_document
from flows.registry import load_source
from flows.settings import Settings
from flows.stages import Stage
from schemas.source import Source
from tests.conftest import ROOT


@dataclass
class Origin:
    """What the server answers next, and what it was asked."""

    status: int = 200
    body: bytes = b"Code\tPA\nA1000\tYes\n"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})
    claims: int | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def origin() -> Iterator[Origin]:
    now = Origin()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            now.asked.append(dict(self.headers))
            if self.headers.get("If-None-Match") == now.headers.get("ETag", "none"):
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(now.status)
            for name, value in now.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(now.claims or len(now.body)))
            self.end_headers()
            self.wfile.write(now.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    now.url = f"http://127.0.0.1:{server.server_port}/list"
    yield now
    server.shutdown()
    server.server_close()


def source(origin: Origin) -> Source:
    said = load_source(ROOT / "sources" / "cigna_commercial_dme.yml").model_dump(mode="json")
    said |= {
        "source": "acme",
        "document": "list",
        "address": {"url": origin.url},
        "terms": {"reviewed_on": "2026-11-21", "note": "for a test"},
    }
    return Source.model_validate(said)


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")


def test_new_body_is_stored_with_where_it_came_from(origin: Origin, empty: Settings) -> None:
    origin.headers["ETag"] = '"1"'
    assert fetch_document(empty, source(origin)).startswith("new ")
    (snapshot,) = store.versions(empty.raw, "acme", "list")
    assert store.read(empty.raw, snapshot) == origin.body
    assert (snapshot.url, snapshot.came) == (origin.url, "fetched")
    assert store.description(empty.raw, snapshot)["headers"]["etag"] == '"1"'
    assert origin.asked[0]["User-Agent"].startswith("precert")


def test_unchanged_publication_is_asked_for_conditionally(origin: Origin, empty: Settings) -> None:
    origin.headers["ETag"] = '"1"'
    fetch_document(empty, source(origin))
    assert fetch_document(empty, source(origin)) == "unchanged"
    assert origin.asked[1]["If-None-Match"] == '"1"'
    assert len(store.looks(empty.raw, "acme", "list")) == 2
    assert len(store.versions(empty.raw, "acme", "list")) == 1


def test_same_body_under_a_new_etag_is_no_new_version(origin: Origin, empty: Settings) -> None:
    origin.headers["ETag"] = '"1"'
    fetch_document(empty, source(origin))
    origin.headers["ETag"] = '"2"'
    assert fetch_document(empty, source(origin)) == "unchanged"
    assert len(store.versions(empty.raw, "acme", "list")) == 1


@pytest.mark.parametrize(
    ("status", "passing"), [(404, False), (403, False), (429, True), (503, True)]
)
def test_error_status_stores_nothing_and_says_whether_it_may_pass(
    origin: Origin, empty: Settings, status: int, passing: bool
) -> None:
    origin.status = status
    with pytest.raises(FetchError, match=f"status {status}") as caught:
        fetch_document(empty, source(origin))
    assert caught.value.passing is passing
    assert store.versions(empty.raw, "acme", "list") == ()


def test_body_shorter_than_promised_is_never_stored(origin: Origin, empty: Settings) -> None:
    origin.claims = 10_000
    with pytest.raises(FetchError) as caught:
        fetch_document(empty, source(origin))
    assert caught.value.passing
    assert store.versions(empty.raw, "acme", "list") == ()


def test_web_page_in_place_of_a_document_is_never_stored(origin: Origin, empty: Settings) -> None:
    origin.headers["Content-Type"] = "application/pdf"
    origin.body = b"<!doctype html><title>Sign in</title>"
    with pytest.raises(FetchError, match=r"a web page came in place of application/pdf"):
        fetch_document(empty, source(origin))
    assert store.versions(empty.raw, "acme", "list") == ()


def test_other_format_than_before_is_never_stored(origin: Origin, empty: Settings) -> None:
    fetch_document(empty, source(origin))
    origin.body = b"%PDF-1.7 ..."
    with pytest.raises(FetchError, match=r"application/pdf came where text/plain was"):
        fetch_document(empty, source(origin))
    assert len(store.versions(empty.raw, "acme", "list")) == 1


def test_empty_body_is_never_stored(origin: Origin, empty: Settings) -> None:
    origin.body = b""
    with pytest.raises(FetchError, match="empty"):
        fetch_document(empty, source(origin))


def test_source_without_address_or_reviewed_terms_is_not_asked(
    origin: Origin, empty: Settings
) -> None:
    said = source(origin).model_dump(mode="json")
    unreviewed = Source.model_validate(said | {"terms": "unreviewed"})
    homeless = Source.model_validate(said | {"address": None})
    assert fetch_document(empty, unreviewed) == "skipped: its terms are not reviewed"
    assert fetch_document(empty, homeless) == "skipped: no public address is known"
    assert origin.asked == []


def test_only_failures_that_may_pass_are_tried_again() -> None:
    tries: list[str] = []

    def fail(name: str) -> str:
        tries.append(name)
        raise FetchError("no", passing=name == "busy")

    conductor = journey.Threads(lambda *_: None)
    stage = Stage("fetch", fail, delays=(0.0, 0.0))
    results = conductor.each(stage, {"busy": ("busy",), "gone": ("gone",)})
    assert (tries.count("busy"), tries.count("gone")) == (3, 1)
    assert all(isinstance(result, FetchError) for result in results.values())
    assert stages.FETCH.delays
