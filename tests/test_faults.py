"""Every fault of the fault server ends as its docstring says, and never in half a snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows import store
from flows.fetch import fetch_document
from flows.settings import Settings
from flows.store import FailedLook
from flows.web.failure import FetchError
from schemas.provenance import Snapshot
from schemas.source import Source
from tests.origin import connections, faults, origin_of, project, source


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with faults().FaultServer() as server:
        yield server


@pytest.fixture
def server(running: Any) -> Any:
    """The fault server, which counts requests anew for each test."""
    with running.lock:
        running.hits.clear()
        running.requests.clear()
    return running


@pytest.fixture
def empty(server: Any, tmp_path: Path) -> Settings:
    return project(tmp_path, server.url)


def versions(settings: Settings, name: str = "acme") -> tuple[Snapshot, ...]:
    return store.versions(settings.raw, name, "list")


def body() -> bytes:
    whole: bytes = faults().BODY
    return whole


def asked(server: Any, path: str) -> list[dict[str, Any]]:
    return [one for one in server.requests if one["path"].split("?")[0] == path]


def fails(settings: Settings, wanted: Source, reason: str) -> FetchError:
    """The failure of a look, which left no snapshot, nothing aside, and its reason on record."""
    before = versions(settings)
    with pytest.raises(FetchError, match=reason) as caught:
        fetch_document(settings, wanted)
    assert versions(settings) == before
    left = [path for path in settings.raw.rglob("*") if path.is_file()]
    assert {path.name for path in left} <= {
        "seen.jsonl",
        *(f"{version.sha256}.{ending}" for version in before for ending in ("txt", "json")),
    }
    last = store.last_look(settings.raw, "acme", "list")
    assert isinstance(last, FailedLook)
    assert last.reason == str(caught.value)
    return caught.value


def test_every_fault_has_a_test_here() -> None:
    handler = faults().Handler
    names = {name[3:].replace("_", "-") for name in dir(handler) if name.startswith("ep_")}
    mentioned = set(re.findall(r"/([a-z0-9]+(?:[-.][a-z0-9]+)*)", Path(__file__).read_text()))
    untested = {name for name in names if name not in mentioned | {"soft404-pdf", "robots-txt"}}
    assert len(names) > 35
    assert untested == {"echo-auth"} - mentioned
    assert {"soft404.pdf", "private"} <= mentioned


def test_unchanged_publication_is_stored_once_and_asked_for_conditionally(
    server: Any, empty: Settings
) -> None:
    wanted = source(f"{server.url}/ok")
    assert fetch_document(empty, wanted).startswith("new ")
    assert fetch_document(empty, wanted) == "unchanged"
    first, second = asked(server, "/ok")
    assert "If-None-Match" not in first["headers"]
    assert second["headers"]["If-None-Match"] == faults().ETAG
    (version,) = versions(empty)
    assert store.read(empty.raw, version) == body()
    assert [look.by for look in store.looks(empty.raw, "acme", "list")] == ["body", "validator"]


def test_not_modified_where_nothing_is_known_is_an_error(server: Any, empty: Settings) -> None:
    fails(empty, source(f"{server.url}/304-always"), "status 304")


def test_same_bytes_under_a_weak_etag_are_the_same_version(server: Any, empty: Settings) -> None:
    wanted = source(f"{server.url}/etag-weak")
    fetch_document(empty, wanted)
    assert fetch_document(empty, wanted) == "unchanged"
    assert len(versions(empty)) == 1


def test_etag_that_lies_is_found_out_by_the_full_look(server: Any, empty: Settings) -> None:
    wanted = source(f"{server.url}/etag-lies")
    fetch_document(empty, wanted)
    assert fetch_document(empty, wanted) == "unchanged"
    due = replace(empty, web=replace(empty.web, full_days=0))
    assert fetch_document(due, wanted).startswith("new ")
    assert len(versions(empty)) == 2


def test_body_that_changes_without_validators_is_a_new_version(
    server: Any, empty: Settings
) -> None:
    wanted = source(f"{server.url}/changing")
    assert [fetch_document(empty, wanted)[:4] for _ in range(2)] == ["new ", "new "]
    assert len(versions(empty)) == 2


@pytest.mark.parametrize(
    ("fault", "wait"), [("/429?n=2", 1.0), ("/429-date?n=1", 1.0), ("/503?n=2", 0.0)]
)
def test_busy_origin_is_waited_for_as_long_as_it_asks(
    server: Any, empty: Settings, fault: str, wait: float
) -> None:
    assert fetch_document(empty, source(server.url + fault)).startswith("new ")
    times = [one["t"] for one in asked(server, fault.split("?", maxsplit=1)[0])]
    assert len(times) == int(fault[-1]) + 1
    # A date has whole seconds, so up to one of the two that it promises may be over.
    assert all(later - earlier >= wait for earlier, later in pairwise(times))
    assert len(versions(empty)) == 1


def test_origin_that_wants_a_day_is_left_alone_for_a_day(server: Any, empty: Settings) -> None:
    wanted = source(f"{server.url}/429-forever")
    failure = fails(empty, wanted, "asked again in 86400 s and not before")
    assert failure.not_before is not None
    with pytest.raises(FetchError, match="wants no request before"):
        fetch_document(empty, wanted)
    assert len(asked(server, "/429-forever")) == 1


@pytest.mark.parametrize(
    ("fault", "reason", "tries"),
    [
        ("/500-forever", "status 500", 5),
        ("/404", "/404: status 404", 1),
        ("/401", "status 401", 1),
        ("/403", "status 403", 1),
        ("/410", "status 410", 1),
        ("/drip?bps=20", "slower than is waited for|ReadTimeout", 5),
        ("/hang-headers", "ReadTimeout", 5),
        ("/reset", "Read|Remote", 5),
        ("/short", "RemoteProtocolError", 5),
        ("/chunked-cut", "RemoteProtocolError", 5),
        ("/gzip-bad", "the body is not gzip", 2),
        ("/long", "1000 bytes more came than announced", 1),
        ("/no-length", "no length was announced, and the file seems to end in the middle", 1),
        ("/gzip-bomb", "more than 4194304 bytes", 1),
        ("/huge?mb=64", "more than 4194304 bytes", 1),
        ("/huge-declared", "10000000000000 bytes announced", 1),
        ("/huge-headers", "headers of more than 65536 bytes", 1),
        ("/soft404", "text/html came in place of pdf", 1),
        ("/soft404.pdf", "text/html came in place of pdf", 1),
        ("/html-as-xlsx", "text/html came in place of xlsx", 1),
        ("/empty", "empty came", 1),
        ("/redirect-loop", "more than 5 redirects", 6),
        ("/redirect-chain?n=30", "more than 5 redirects", 6),
    ],
)
def test_fault_ends_in_one_failure_within_its_tries(
    server: Any, empty: Settings, fault: str, reason: str, tries: int
) -> None:
    formats = {"/soft404": "pdf", "/soft404.pdf": "pdf", "/html-as-xlsx": "xlsx"}
    address = {"most_megabytes": 4, "format": formats.get(fault, "text")}
    fails(empty, source(server.url + fault, **address), reason)
    assert len(asked(server, fault.split("?", maxsplit=1)[0])) == tries


@pytest.mark.parametrize("came", ["application/pdf", "text/html"])
def test_login_page_is_no_publication_whatever_its_label(
    server: Any, empty: Settings, came: str
) -> None:
    path = "/soft404.pdf" if came == "application/pdf" else "/soft404"
    wanted = source(server.url + path, format="html")
    fails(empty, wanted, "a page that asks for a password came")


def test_failed_look_keeps_the_version_before(server: Any, empty: Settings) -> None:
    fetch_document(empty, source(f"{server.url}/ok"))
    fails(empty, source(f"{server.url}/soft404", format=None), "came where text/plain was before")
    fails(empty, source(f"{server.url}/404"), "status 404")
    assert fetch_document(empty, source(f"{server.url}/ok")) == "unchanged"
    assert store.failed_looks(empty.raw, "acme", "list") == ()


def test_redirect_is_followed_and_its_end_recorded(server: Any, empty: Settings) -> None:
    fetch_document(empty, source(f"{server.url}/redirect-ok"))
    (version,) = versions(empty)
    assert (version.url, version.final_url) == (f"{server.url}/redirect-ok", f"{server.url}/ok")


INWARD = [
    "/redirect-file",
    "/redirect-metadata",
    *(f"/redirect-private?i={i}" for i in range(4)),
    *(f"/redirect-odd?i={i}" for i in range(8)),
    "/redirect-userinfo",
]


@pytest.mark.parametrize("fault", INWARD)
def test_redirect_inward_is_refused_before_anything_is_connected_to(
    server: Any, empty: Settings, fault: str
) -> None:
    with connections() as watched:
        fails(
            empty,
            source(server.url + fault),
            "only https|not a public|names a user|no public|not an address",
        )
    host, port = origin_of(server.url).split(":")
    assert set(watched.tried) == {(host, int(port))}


def test_credentials_do_not_cross_to_another_origin(server: Any, tmp_path: Path) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    settings = project(tmp_path, server.url, other)
    secret = {"headers": {"Authorization": "Bearer {token}"}, "secrets": {"token": {"env": "T"}}}
    wanted = source(f"{server.url}/redirect-crosshost-auth", **secret)
    fetch_document(settings, wanted, {"T": "canary-0123456789"})
    (first,), (second,) = asked(server, "/redirect-crosshost-auth"), asked(server, "/echo-auth")
    assert first["headers"]["Authorization"] == "Bearer canary-0123456789"
    assert "Authorization" not in second["headers"]
    assert store.read(settings.raw, versions(settings)[0]) == b"none"


def test_body_that_repeats_a_secret_is_not_kept(server: Any, empty: Settings) -> None:
    secret = {"headers": {"Authorization": "Bearer {token}"}, "secrets": {"token": {"env": "T"}}}
    wanted = source(f"{server.url}/echo-auth", **secret)
    with pytest.raises(FetchError, match="repeats our secret"):
        fetch_document(empty, wanted, {"T": "canary-0123456789"})
    assert versions(empty) == ()


def test_name_that_the_origin_gives_the_file_is_not_used(server: Any, empty: Settings) -> None:
    fetch_document(empty, source(f"{server.url}/bad-disposition"))
    (version,) = versions(empty)
    names = {path.name for path in empty.raw.rglob("*") if path.is_file()}
    assert names == {f"{version.sha256}.txt", f"{version.sha256}.json", "seen.jsonl"}
    assert not list(empty.raw.parents[1].glob("evil*"))


def test_cookies_are_neither_kept_nor_sent(server: Any, empty: Settings) -> None:
    wanted = source(f"{server.url}/set-cookie-bomb")
    assert fetch_document(empty, wanted).startswith("new ")
    assert fetch_document(empty, wanted) == "unchanged"
    assert all("Cookie" not in one["headers"] for one in asked(server, "/set-cookie-bomb"))


def test_robots_txt_is_kept_and_asked_for_once_a_day(server: Any, empty: Settings) -> None:
    for _ in range(2):
        fails(empty, source(f"{server.url}/private/list.csv"), "robots.txt of 127.0.0.1 asks us")
    assert asked(server, "/private/list.csv") == []
    assert len(asked(server, "/robots.txt")) == 1


def test_many_sources_of_a_flaky_origin_finish_or_fail_loudly(server: Any, empty: Settings) -> None:
    wanted = [source(f"{server.url}/flaky?p=0.3&seed={n}", f"acme_{n}") for n in range(20)]

    def outcome(one: Source) -> str:
        try:
            return fetch_document(empty, one)
        except FetchError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(outcome, wanted))
    whole = [one for one in wanted if versions(empty, one.source)]
    assert len(whole) == sum(line.startswith("new ") for line in said)
    assert len(whole) >= 18
    assert all(store.read(empty.raw, versions(empty, one.source)[0]) == body() for one in whole)


def test_host_is_asked_one_request_at_a_time_with_its_pause(server: Any, tmp_path: Path) -> None:
    settings = project(tmp_path, server.url, pause=0.2)
    wanted = [source(f"{server.url}/ok", f"acme_{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: fetch_document(settings, one), wanted))
    times = sorted(one["t"] for one in server.requests)
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(times))
