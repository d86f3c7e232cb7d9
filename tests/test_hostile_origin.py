"""Origins made to mislead a look, to hold it up or to end it: what became of each attempt.

The answers are written byte by byte, since no library of servers writes such ones.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from extractors.sniff import TEXT, ZIP, sniff
from flows import journey, store
from flows.fetch import fetch_document
from flows.settings import Bounds, Settings
from flows.store import FailedLook, Look
from flows.web import patterns
from flows.web.addresses import Refused, addresses_of, is_public, target_of
from flows.web.failure import FetchError, NotAsked, Unresolved
from flows.web.hosts import file_of, leave_alone, left_alone, turn
from flows.web.shown import shown
from tests.origin import QUICK, project, source

LIST = b"Code,PA\n" + b"A1000,Yes\n" * 50
UNFINISHED = LIST[:-1]


def answer(body: bytes = LIST, status: str = "200 OK", **headers: str) -> bytes:
    said = {"Content-Type": "text/plain", "Content-Length": str(len(body))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


NOTHING = answer(b"", "404 Not Found")


@dataclass
class Origin:
    """What is answered at each path, byte by byte, and the requests that came."""

    url: str = ""
    answers: dict[str, bytes | Callable[[str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [request.split()[1] for request in self.asked]


@pytest.fixture
def origin() -> Iterator[Origin]:
    found = Origin()

    def serve(connection: socket.socket) -> None:
        with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                more = connection.recv(65536)
                if not more:
                    return
                request += more
            text = request.decode("latin-1")
            found.asked.append(text)
            said = found.answers.get(text.split()[1], NOTHING)
            connection.sendall(said(text) if callable(said) else said)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=quietly, args=(connection,), daemon=True).start()

    def quietly(connection: socket.socket) -> None:
        try:
            serve(connection)
        except OSError:
            connection.close()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        threading.Thread(target=accept, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        yield found
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def empty(origin: Origin, tmp_path: Path) -> Settings:
    return project(tmp_path, origin.url)


def versions(settings: Settings, name: str = "acme") -> list[bytes]:
    return [store.read(settings.raw, one) for one in store.versions(settings.raw, name, "list")]


def fails(settings: Settings, url: str, reason: str, /, **address: Any) -> FetchError:
    before = versions(settings)
    with pytest.raises(FetchError, match=reason) as caught:
        fetch_document(settings, source(url, **address))
    assert versions(settings) == before
    assert isinstance(store.last_look(settings.raw, "acme", "list"), FailedLook)
    return caught.value


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://xn--0.example/",
        "https://user@xn--0.example/",
        "https://a.example:0/",
        "https://a..example/",
        "https://.a.example/",
        "https://-a.example/",
        "https://a.example%00.b.example/",
        "https://a.example;b.example/",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 150}example/",
        "https://192.0.0.192/opc/v1/",
        "https://168.63.129.16/machine/",
        "https://[3fff::1]/",
    ],
)
def test_redirect_to_no_proper_public_name_is_a_failure_and_no_crash(
    origin: Origin, empty: Settings, url: str
) -> None:
    origin.answers["/list"] = answer(b"", "302 Found", Location=url)
    fails(empty, f"{origin.url}/list", "not an address|no public|is no port|a user|not a public")
    assert list(empty.hosts.glob("*example*")) == []


def test_international_name_is_resolved_and_asked_in_one_spelling() -> None:
    for url in ("https://bücher.example/", "https://xn--bcher-kva.example/"):
        assert target_of(url).host == "xn--bcher-kva.example"


@pytest.mark.parametrize("address", ["192.0.0.192", "168.63.129.16", "192.88.99.1", "3fff::1"])
def test_address_of_a_cloud_or_of_documentation_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_resolver_that_never_answers_does_not_hold_a_look_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    with pytest.raises(Unresolved, match="its resolver said nothing"):
        addresses_of(target_of("https://slow.example/"), seconds=0.05)
    assert not over.is_set()
    over.set()


def test_redirect_with_a_blank_is_followed_as_browsers_do(origin: Origin, empty: Settings) -> None:
    origin.answers["/list"] = answer(b"", "302 Found", Location="/the list")
    origin.answers["/the%20list"] = answer()
    assert fetch_document(empty, source(f"{origin.url}/list")).startswith("new ")


def test_host_that_a_redirect_names_and_nobody_knows_is_no_missing_network(
    origin: Origin, empty: Settings
) -> None:
    origin.answers["/list"] = answer(b"", "302 Found", Location="https://nowhere.example/")
    failure = fails(empty, f"{origin.url}/list", "nowhere.example has no address")
    assert not isinstance(failure, Unresolved)


# Bodies


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"Content-Encoding: identity\r\n\r\n" + UNFINISHED, "end in the middle"),
        (b"\r\n%PDF-1.7\n%%EOF\n" + b"1 0 obj\n" * 1000, "end in the middle"),
        (b"\r\n<!doctype html></html><p>" + b"and so on " * 1000, "end in the middle"),
        (b"\r\n" + b"\n" * 5000 + b"x", "end in the middle"),
    ],
)
def test_body_that_nobody_says_is_whole_is_not_stored_without_its_end(
    origin: Origin, empty: Settings, said: bytes, reason: str
) -> None:
    origin.answers["/list"] = b"HTTP/1.1 200 OK\r\n" + said
    fails(empty, f"{origin.url}/list", reason, format=None)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(UNFINISHED),
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(UNFINISHED), UNFINISHED),
        b"HTTP/1.1 200 OK\n\n\xff\xfe" + LIST.decode().encode("utf-16-le"),
    ],
    ids=["informational answer first", "length beside chunks", "UTF-16 without length"],
)
def test_whole_body_in_a_rare_frame_is_stored(origin: Origin, empty: Settings, said: bytes) -> None:
    origin.answers["/list"] = said
    assert fetch_document(empty, source(f"{origin.url}/list")).startswith("new ")


@pytest.mark.parametrize("is_whole", [True, False])
def test_archive_without_length_is_whole_where_its_end_is(
    origin: Origin, empty: Settings, is_whole: bool
) -> None:
    inner = b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + bytes(18)
    body = inner if is_whole else inner + bytes(100)
    origin.answers["/list"] = b"HTTP/1.1 200 OK\r\n\r\n" + body
    wanted = source(f"{origin.url}/list", format="zip")
    if is_whole:
        assert fetch_document(empty, wanted).startswith("new ")
    else:
        fails(empty, f"{origin.url}/list", "end in the middle", format="zip")


@pytest.mark.parametrize(
    ("body", "wanted", "reason"),
    [
        (b"<title>Access denied</title>\n", "text", "a part of a web page"),
        (b"\xef\xbb\xbf\n<script>location='/login'</script>\n", None, "a part of a web page"),
        (b"Service unavailable\n", "json", "came in place of json"),
        (b"<?xml version='1.0'?><Error>no</Error>\n", None, "application/xml came"),
    ],
)
def test_message_of_an_error_is_no_text_publication(
    origin: Origin, empty: Settings, body: bytes, wanted: str | None, reason: str
) -> None:
    origin.answers["/list"] = answer(body)
    fails(empty, f"{origin.url}/list", reason, format=wanted)


def test_words_are_found_in_a_text_of_two_bytes_a_letter(origin: Origin, empty: Settings) -> None:
    origin.answers["/list"] = answer("Code,PA\nA1000,Yes\n".encode("utf-16"))
    wanted = source(f"{origin.url}/list", contains="A1000")
    assert fetch_document(empty, wanted).startswith("new ")


def test_page_of_comments_is_judged_in_no_time() -> None:
    # One more comment once doubled the time: forty of them would have taken days.
    assert sniff(b"<!---->" * 40 + b"no page") is TEXT


def test_archive_that_is_all_directory_is_not_read() -> None:
    entry = b"PK\x01\x02" + bytes(42)
    count = 60_000
    end = b"PK\x05\x06" + bytes(4) + count.to_bytes(2, "little") * 2
    end += (count * len(entry)).to_bytes(4, "little") + bytes(6)
    calls: list[str] = []
    sys.setprofile(lambda frame, *_: calls.append(frame.f_code.co_name))
    try:
        assert sniff(b"PK\x05\x06" + bytes(18) + entry * count + end) is ZIP
    finally:
        sys.setprofile(None)
    assert "_RealGetContents" not in calls


def test_file_that_was_lost_is_restored_by_the_same_bytes(origin: Origin, empty: Settings) -> None:
    origin.answers["/list"] = lambda asked: (
        answer(b"", "304 Not Modified") if "If-None-Match" in asked else answer(ETag='"1"')
    )
    wanted = source(f"{origin.url}/list")
    fetch_document(empty, wanted)
    (lost,) = empty.raw.rglob("*.txt")
    lost.unlink()
    assert fetch_document(empty, wanted).startswith("restored ")
    assert versions(empty) == [LIST]
    assert fetch_document(empty, wanted) == "unchanged"


def test_publication_that_goes_back_is_a_third_version(origin: Origin, empty: Settings) -> None:
    wanted, other = source(f"{origin.url}/list"), LIST + b"B2000,No\n"
    for body in (LIST, other, LIST):
        origin.answers["/list"] = answer(body, ETag=f'"{len(body)}"')
        assert fetch_document(empty, wanted).startswith("new ")
    assert versions(empty) == [LIST, other, LIST]
    assert len(list(empty.raw.rglob("*.txt"))) == 2


def test_pattern_is_searched_no_longer_than_it_may(
    origin: Origin, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns, "CPU_SECONDS", 1)
    hostile = "priorauthlist" * 250
    page = f'<!doctype html><a href="/{hostile}.csv">list</a></html>'.encode()
    origin.answers |= {"/lists": answer(page), "/list": answer(page)}
    wanted = {"url": None, "page": f"{origin.url}/lists"}
    slow = "(?i)prior.*auth.*list.*20[0-9]{2}.*pdf"
    fails(empty, "", "was not searched for within", links=[{"href": slow}], **wanted)
    fails(empty, f"{origin.url}/list", "searched for", contains=slow, format="html")


def test_pattern_finds_the_same_wherever_it_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern, texts = r"a+(?P<year>\d+)?(?P<part>[a-z])?", ["xaa26b", "a", "none\ud800", "ä"]
    here = patterns.search(pattern, texts)
    assert here == [{"year": "26", "part": "b"}, {"year": None, "part": None}, None, None]
    monkeypatch.setattr(patterns, "_QUICK", -1)
    assert patterns.search(pattern, texts) == here


# Validators


def conditional(body: bytes, tag: str = '"1"') -> Callable[[str], bytes]:
    """A file that is not sent to whoever has its ETag."""
    return lambda asked: (
        answer(b"", "304 Not Modified")
        if f"If-None-Match: {tag}" in asked
        else answer(body, ETag=tag)
    )


def test_validator_is_told_only_to_the_address_that_gave_it(
    origin: Origin, empty: Settings
) -> None:
    newer = LIST + b"B2000,No\n"
    origin.answers |= {"/2026.csv": conditional(LIST), "/2027.csv": conditional(newer)}
    wanted = source(f"{origin.url}/list")
    origin.answers["/list"] = answer(b"", "302 Found", Location="/2026.csv")
    assert fetch_document(empty, wanted).startswith("new ")
    assert fetch_document(empty, wanted) == "unchanged"
    origin.answers["/list"] = answer(b"", "302 Found", Location="/2027.csv")
    assert fetch_document(empty, wanted).startswith("new ")
    assert versions(empty) == [LIST, newer]
    asked = [request for request in origin.asked if "If-None-Match" in request]
    assert [request.split()[1] for request in asked] == ["/2026.csv"]


def test_page_that_moved_is_not_taken_for_the_page_that_was(
    origin: Origin, empty: Settings
) -> None:
    for year in ("2026", "2027"):
        page = f'<!doctype html><a href="/{year}.csv">list</a></html>'.encode()
        origin.answers |= {f"/{year}": conditional(page), f"/{year}.csv": answer(LIST)}
    wanted = source("", url=None, page=f"{origin.url}/lists", links=[{"href": r"\.csv$"}])
    for year in ("2026", "2027"):
        origin.answers["/lists"] = answer(b"", "302 Found", Location=f"/{year}")
        fetch_document(empty, wanted)
    assert [path for path in origin.paths() if path.endswith(".csv")] == ["/2026.csv", "/2027.csv"]


@pytest.mark.parametrize(
    "validator", [{"ETag": '"\xe9"'}, {"Last_Modified": "\xe9"}, {"ETag": f'"{"a" * 9000}"'}]
)
def test_validator_that_fits_no_header_is_not_sent(
    origin: Origin, empty: Settings, validator: dict[str, str]
) -> None:
    origin.answers["/list"] = answer(**validator)
    wanted = source(f"{origin.url}/list")
    assert fetch_document(empty, wanted).startswith("new ")
    assert fetch_document(empty, wanted) == "unchanged"
    assert "If-" not in origin.asked[-1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: [],
        lambda said: dict.fromkeys(said),
        lambda said: {key: {**one, "at": "soon"} for key, one in said.items()},
        lambda said: {key: {**one, "at": one["at"][:19]} for key, one in said.items()},
        lambda said: {key: {**one, "headers": []} for key, one in said.items()},
        lambda said: {key: {**one, "content": {"page": {}}} for key, one in said.items()},
        lambda said: {
            key: {name: part for name, part in one.items() if name != "place"}
            for key, one in said.items()
        },
    ],
)
def test_damaged_memory_of_answers_is_made_anew(
    origin: Origin, empty: Settings, damage: Callable[[Any], Any]
) -> None:
    page = b'<!doctype html><a href="/list.csv">list</a></html>'
    origin.answers |= {"/lists": conditional(page), "/list.csv": conditional(LIST)}
    wanted = source("", url=None, page=f"{origin.url}/lists", links=[{"href": r"\.csv$"}])
    fetch_document(empty, wanted)
    (kept,) = empty.parts.rglob("answers.json")
    kept.write_text(json.dumps(damage(json.loads(kept.read_text()))))
    assert fetch_document(empty, wanted) == "unchanged"
    assert versions(empty) == [LIST]


# Patience


def test_busy_robots_txt_is_not_taken_for_none(origin: Origin, empty: Settings) -> None:
    busy = answer(b"", "429 Too Many Requests", Retry_After="86400")
    origin.answers |= {"/robots.txt": busy, "/list": answer()}
    failure = fails(empty, f"{origin.url}/list", "asked again in 86400 s")
    assert failure.not_before is not None
    assert origin.paths() == ["/robots.txt"]


def test_host_that_wants_a_day_from_one_source_has_it_from_all(
    origin: Origin, empty: Settings
) -> None:
    busy = answer(b"", "503 Service Unavailable", Retry_After="86400")
    origin.answers |= {"/list": busy, "/other": answer()}
    fails(empty, f"{origin.url}/list", "asked again in 86400 s")
    with pytest.raises(NotAsked, match="wants no request before") as caught:
        fetch_document(empty, source(f"{origin.url}/other", "other"))
    assert caught.value.not_before is not None
    assert "/other" not in origin.paths()


def test_host_that_is_left_alone_by_a_wrong_clock_is_asked_again(
    origin: Origin, empty: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(f"{origin.url}/list", empty.web.loopback)
    empty.hosts.mkdir(parents=True)
    leave_alone(empty.hosts, target, 3600)
    assert 3500 < left_alone(empty.hosts, target) <= 3600
    file_of(empty.hosts, target, "away").write_text(f"{time.time() + 10 * 365 * 86400}\n")
    later = store.now() + timedelta(days=3650)
    store.record_look(empty.raw, "acme", "list", FailedLook(store.now(), "no", later))
    origin.answers["/list"] = answer()
    assert fetch_document(empty, source(f"{origin.url}/list")).startswith("new ")


def test_many_sources_of_a_host_ask_for_its_robots_txt_once(
    origin: Origin, empty: Settings
) -> None:
    origin.answers["/robots.txt"] = answer(b"\xef\xbb\xbfUser-agent: *\nDisallow: /\n")
    wanted = [source(f"{origin.url}/list", f"acme_{number}") for number in range(16)]

    def outcome(one: Any) -> str:
        with pytest.raises(FetchError) as caught:
            fetch_document(empty, one)
        return str(caught.value)

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(outcome, wanted))
    assert all("asks us not to come here" in each for each in said)
    assert origin.paths() == ["/robots.txt"]


def test_many_sources_that_wait_for_a_failing_robots_txt_fail_together(
    origin: Origin, tmp_path: Path
) -> None:
    settings = project(tmp_path, origin.url, bounds=replace(QUICK, first_wait=0.2, tries=3))
    origin.answers["/robots.txt"] = answer(b"", "500 Internal Server Error")
    wanted = [source(f"{origin.url}/list", f"acme_{number}") for number in range(8)]

    def outcome(one: Any) -> str:
        with pytest.raises(FetchError) as caught:
            fetch_document(settings, one)
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(outcome, wanted))
    assert all("robots.txt: status 500" in each for each in said)
    assert origin.paths() == ["/robots.txt"] * 3


def test_turn_that_a_stopped_process_keeps_is_waited_for_no_longer_than_a_look(
    origin: Origin, tmp_path: Path
) -> None:
    bounds = Bounds(total_seconds=0.3, first_wait=0.01)
    settings = project(tmp_path, origin.url, bounds=bounds)
    target = target_of(f"{origin.url}/list", settings.web.loopback)
    path = file_of(settings.hosts, target, "turn")
    path.parent.mkdir(parents=True)
    holding = f"import fcntl,sys; f=open({str(path)!r},'a'); fcntl.flock(f,2); print(flush=True)"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{holding}; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGSTOP)
        fails(settings, f"{origin.url}/list", "others kept the turn")
        child.kill()
    assert origin.asked == []
    # The kernel has freed what the killed process kept.
    with turn(settings.hosts, target, 0, time.monotonic() + 5):
        pass


# What is told and remembered


def test_secret_that_a_cut_address_ends_in_is_not_shown_by_half(
    origin: Origin, empty: Settings
) -> None:
    filler = "a" * (200 - len(f"{origin.url}//") - 12)
    canary = "canary-0123456789-abcdef"
    url = f"{origin.url}/{filler}/{{token}}/list"
    failure = ""
    with pytest.raises(FetchError) as caught:
        fetch_document(empty, source(url, secrets={"token": {"env": "T"}}), {"T": canary})
    failure = str(caught.value)
    assert "status 404" in failure
    assert canary[:4] not in failure
    assert canary in origin.paths()[-1]
    assert len(shown(f"https://www.cms.gov/{'a' * 300}")) == 200


@pytest.mark.parametrize(
    ("other", "has_network"),
    [
        (NotAsked("acme: the environment variable T is not set"), False),
        (Refused("http://a.example/: only https is asked"), False),
        (ValueError("seen.jsonl, line 1: not a look"), False),
        ("skipped: its terms are not reviewed", False),
        (FetchError("https://a.example/: status 404", status=404), True),
        ("new 0123456789ab", True),
    ],
)
def test_only_a_host_that_answered_shows_that_there_is_a_network(
    project: Settings, other: Any, has_network: bool
) -> None:
    gone = Unresolved("www.cms.gov has no address", passing=True)
    looks = {"cms_dmepos": gone, "pdac_k1007": other}
    found = journey._without_network(project, looks)
    assert (found["cms_dmepos"] is gone) == has_network


def test_look_that_cannot_be_recorded_harms_no_other(
    project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(28, "No space left on device")

    def record_look(*_: object) -> None:
        raise full

    monkeypatch.setattr(store, "record_look", record_look)
    gone = Unresolved("www.cms.gov has no address", passing=True)
    looks = {"cms_dmepos": gone, "pdac_k1007": "unchanged"}
    assert journey._without_network(project, looks) == {
        "cms_dmepos": full,
        "pdac_k1007": "unchanged",
    }


def test_looks_that_are_recorded_at_once_are_all_kept(tmp_path: Path) -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    looks = [Look(start + timedelta(seconds=number), f"{number:064}") for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda look: store.record_look(tmp_path, "acme", "list", look), looks))
    assert list(store.looks(tmp_path, "acme", "list")) == looks


def test_files_that_a_killed_look_left_are_gone_after_the_next_run(tmp_path: Path) -> None:
    settings = project(tmp_path)
    left = [
        settings.parts / "acme" / "list" / ".answers.json.4711",
        settings.hosts / ".www.cms.gov_443.robots.txt.4711",
        settings.raw / ".look.acme.4711",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    journey._sweep(settings)
    assert not any(path.exists() for path in left)
