"""One look at a publication, against a real server on this machine.

What a look does at each fault of an origin is in test_faults.py, how it finds a link here.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows import journey, store
from flows.fetch import fetch_document
from flows.settings import Settings
from flows.stages import Stage
from flows.store import FailedLook
from flows.web.failure import FetchError, Unresolved
from flows.web.patience import retry_after
from schemas.source import Source
from tests import origin as asking


@dataclass
class Origin:
    """What the server answers next, and what it was asked; `pages` answer for their paths."""

    status: int = 200
    body: bytes = b"Code\tPA\nA1000\tYes\n"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain"})
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def origin() -> Iterator[Origin]:
    now = Origin()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/robots.txt":
                self.send_error(404)
                return
            now.asked.append(dict(self.headers))
            now.paths.append(self.path)
            if self.headers.get("If-None-Match") == now.headers.get("ETag", "none"):
                self.send_response(304)
                self.end_headers()
                return
            body = now.pages.get(self.path, now.body)
            self.send_response(now.status)
            headers = now.headers if body is now.body else {"Content-Type": "text/html"}
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    now.url = f"http://127.0.0.1:{server.server_port}/list"
    yield now
    server.shutdown()
    server.server_close()


def source(origin: Origin, **address: Any) -> Source:
    return asking.source(origin.url, **{"format": None} | address)


@pytest.fixture
def empty(origin: Origin, tmp_path: Path) -> Settings:
    return asking.project(tmp_path, origin.url, contact="precert@example.org")


def test_new_body_is_stored_with_where_it_came_from(origin: Origin, empty: Settings) -> None:
    origin.headers["ETag"] = '"1"'
    assert fetch_document(empty, source(origin)).startswith("new ")
    (snapshot,) = store.versions(empty.raw, "acme", "list")
    assert store.read(empty.raw, snapshot) == origin.body
    assert (snapshot.url, snapshot.came) == (origin.url, "fetched")
    assert store.description(empty.raw, snapshot)["headers"]["etag"] == '"1"'
    name = origin.asked[0]["User-Agent"]
    assert name.startswith("precert/")
    assert "precert@example.org" in name


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


def test_web_page_in_place_of_a_document_is_never_stored(origin: Origin, empty: Settings) -> None:
    origin.headers["Content-Type"] = "application/pdf"
    origin.body = b"<!doctype html><title>Sign in</title>"
    with pytest.raises(FetchError, match=r"a web page came in place of 'application/pdf'"):
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


def test_body_of_less_than_its_share_is_never_stored(origin: Origin, empty: Settings) -> None:
    origin.body = b"Code\tPA\n" + b"A1000\tYes\n" * 100
    fetch_document(empty, source(origin))
    origin.body = b"Code\tPA\n" + b"A1000\tYes\n" * 40
    with pytest.raises(FetchError, match=r"408 bytes came where 1008 were before") as caught:
        fetch_document(empty, source(origin))
    assert len(store.versions(empty.raw, "acme", "list")) == 1
    sha256 = str(caught.value).split(" into ")[0].rpartition(" ")[2]
    looked_at = source(origin).model_dump(mode="json")
    looked_at["expect"]["accepted_versions"] = [sha256]
    assert fetch_document(empty, Source.model_validate(looked_at)).startswith("new ")


def test_body_without_what_it_must_contain_is_never_stored(origin: Origin, empty: Settings) -> None:
    wanted = source(origin, contains="Prior Authorization List")
    with pytest.raises(FetchError, match=r"correct address.contains in sources/acme.yml"):
        fetch_document(empty, wanted)
    origin.body += b"Prior Authorization List\n"
    assert fetch_document(empty, wanted).startswith("new ")


def test_newest_file_of_a_page_is_found_and_a_later_one_waits(
    origin: Origin, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "now", lambda: datetime(2026, 11, 22, tzinfo=UTC))
    origin.pages["/lists"] = b"""<!doctype html><a href="/files/list-1-1-2026.txt">old</a>
      <a href="/files/list-10-1-2026.txt">new</a> <a href="/files/list-1-1-2027.txt">next</a>"""
    rule = {"href": r"list-(?P<month>\d+)-(?P<day>\d+)-(?P<year>\d+)\.txt$"}
    page = origin.url + "s"
    wanted = source(origin, url=None, page=page, links=[rule])
    said = fetch_document(empty, wanted)
    assert said.startswith("new ")
    assert said.endswith(
        "dated later, and not taken yet: " + page[:-6] + "/files/list-1-1-2027.txt"
    )
    (version,) = store.versions(empty.raw, "acme", "list")
    assert version.url == page[:-6] + "/files/list-10-1-2026.txt"
    assert origin.paths == ["/lists", "/files/list-10-1-2026.txt"]


def test_page_without_the_link_is_a_failure_that_names_the_pattern(
    origin: Origin, empty: Settings
) -> None:
    origin.pages["/lists"] = b'<!doctype html><a href="/files/other.pdf">other</a>'
    wanted = source(origin, url=None, page=origin.url + "s", links=[{"href": r"list-\d+\.pdf"}])
    with pytest.raises(FetchError, match=r"list-\\d\+.*correct address.links in sources/acme.yml"):
        fetch_document(empty, wanted)
    assert isinstance(store.last_look(empty.raw, "acme", "list"), FailedLook)


def test_failure_survives_the_way_between_processes() -> None:
    failure = Unresolved("gone", passing=True, status=503)
    again = pickle.loads(pickle.dumps(failure))
    assert (type(again), str(again), again.passing, again.status) == (Unresolved, "gone", True, 503)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        (" 120 ", 120.0),
        ("-5", None),
        ("soon", None),
        ("9" * 400, 999_999_999_999.0),
        ("Sun, 22 Nov 2026 00:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 00:00:00 GMT", 0.0),
        ("Sun, 22 Nov 99999 00:00:00 GMT", None),
    ],
)
def test_wished_wait_is_read_in_both_its_forms(said: str | None, seconds: float | None) -> None:
    assert retry_after(said, datetime(2026, 11, 22, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("is_alone", [True, False])
def test_host_without_address_is_skipped_only_where_there_is_no_network_at_all(
    project: Settings, is_alone: bool
) -> None:
    gone = Unresolved("www.cms.gov has no address", passing=True)
    looks: dict[str, Any] = {"cms_dmepos": gone}
    if not is_alone:
        looks["pdac_k1007"] = "unchanged"
    found = journey._without_network(project, looks)
    if is_alone:
        assert found["cms_dmepos"].startswith("skipped: there is no network")
        assert store.last_look(project.raw, "cms_dmepos", "fee_schedule") is None
    else:
        assert found["cms_dmepos"] is gone
        last = store.last_look(project.raw, "cms_dmepos", "fee_schedule")
        assert isinstance(last, FailedLook)


def test_stage_runs_as_many_documents_at_once_as_it_says() -> None:
    running, most = 0, 0
    guard = threading.Lock()
    gate = threading.Barrier(3, timeout=10)

    def run(_name: str) -> str:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        gate.wait()
        with guard:
            running -= 1
        return "done"

    names = [str(number) for number in range(6)]
    conductor = journey.Threads(lambda *_: None)
    results = conductor.each(Stage("look", run, at_once=3), {name: (name,) for name in names})
    assert (most, list(results)) == (3, names)
