"""Secrets get into an address and its headers, and into nothing else that anybody sees."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, quote_plus

import cloudpickle
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.web.credentials import (
    BLANK,
    NO_CREDENTIALS,
    CredentialError,
    Credentials,
    Kept,
    Redaction,
    credentials_of,
    hidden,
)
from flows.web.failure import FetchError
from schemas.source import Source
from tests.kit import KIT

TOKEN = "k7/Gd+92 h&Q'z\\41"
KEY = 'canary-9f3b"Zu4'


def source(**address: Any) -> Source:
    return Source.model_validate(KIT | {"address": {"url": "https://example.org/list"} | address})


def credentials(**values: str) -> Credentials:
    return Credentials(tuple(Kept(name, value) for name, value in values.items()))


def percent(text: str) -> str:
    """Each byte percent-encoded, also those that need not be."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


def lower(encoded: str) -> str:
    """Percent-encoded in small letters, the text itself as it is."""
    return "%".join(
        part if at == 0 else part[:2].lower() + part[2:]
        for at, part in enumerate(encoded.split("%"))
    )


def within(quoted: Callable[[str], str]) -> Callable[[str], str]:
    """What a text becomes between its quotes, however many they are."""

    def inner(text: str) -> str:
        whole = quoted(f"0{text}0")
        return whole[whole.index("0") + 1 : whole.rindex("0")]

    return inner


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, slash kept": quote,
    "percent in small letters": lambda text: lower(quote(text, safe="")),
    "percent with plus": quote_plus,
    "percent everywhere": percent,
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent of what must be": lambda text: str(httpx.URL("http://h/", params={"q": text}))[12:],
    "JSON": within(json.dumps),
    "JSON with its letters": within(lambda text: json.dumps(text, ensure_ascii=False)),
    "JSON in JSON": within(lambda text: json.dumps(json.dumps(text))),
    "JSON with slashes escaped": within(lambda text: json.dumps(text).replace("/", "\\/")),
    "JSON safe in HTML": within(lambda text: json.dumps(text).replace("&", "\\u0026")),
    "repr": within(repr),
    "ascii": within(ascii),
    "repr of a repr": within(lambda text: repr(repr(text))),
    "repr of bytes": within(lambda text: repr(text.encode())),
    "repr of JSON": within(lambda text: repr(json.dumps(text))),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(
        char if char.isascii() and char.isalnum() else f"&#{ord(char)};" for char in text
    ),
    "read as Latin-1": lambda text: text.encode().decode("latin-1"),
    "Base64": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "Base64 for addresses": lambda text: (
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    ),
    "Base64, percent": lambda text: quote(
        base64.b64encode(text.encode()).decode().rstrip("="), safe=""
    ),
}
PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
VALUES = st.one_of(
    st.text(PRINTABLE, min_size=8, max_size=20),
    st.text("\\\"'/%&+= é€😀{}a0", min_size=8, max_size=12),
)
AROUND = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
    st.text('\\"%&;+{}25token ', max_size=12),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("value", [TOKEN, KEY, "gün €😀 stig/er\\\\x"])
def test_each_spelling_of_a_secret_is_hidden_and_what_is_around_it_stays(
    value: str, spelling: str
) -> None:
    spelled = SPELLINGS[spelling](value)
    found = credentials(token=value).hide(f"<see {spelled}\n and {spelled}>")
    assert found == "<see {token}\n and {token}>"


@settings(max_examples=150, deadline=None)
@given(VALUES, AROUND, st.sampled_from(sorted(SPELLINGS)), AROUND, AROUND)
def test_hide_leaves_no_spelling_of_any_secret_in_any_text(
    value: str, before: str, spelling: str, between: str, after: str
) -> None:
    secrets = credentials(token=value)
    text = before + SPELLINGS[spelling](value) + between + value + after
    assert secrets.hides(text)
    left = secrets.hide(text)
    assert [name for name, spell in SPELLINGS.items() if spell(value) in left] == []
    assert not secrets.hides(left)


@settings(max_examples=100, deadline=None)
@given(VALUES, st.binary(max_size=20), st.binary(max_size=20), st.booleans())
def test_a_secret_at_any_place_of_a_base64_text_is_hidden(
    value: str, before: bytes, after: bytes, is_urlsafe: bool
) -> None:
    encode = base64.urlsafe_b64encode if is_urlsafe else base64.b64encode
    first, end = len(before), len(before) + len(value.encode())
    text = encode(before + value.encode() + after).decode()
    left = credentials(token=value).hide(f"Basic {text}")
    # Every character that holds a bit of it.
    assert text[8 * first // 6 : -(8 * end // -6)] not in left
    assert left.startswith(f"Basic {text[: 8 * first // 6]}{{token}}")


def test_password_of_basic_credentials_is_hidden_behind_any_user() -> None:
    for user in ("", "a", "ab", "abc", "precert"):
        text = base64.b64encode(f"{user}:{KEY}".encode()).decode()
        left = credentials(password=KEY).hide(f"Authorization: Basic {text}")
        assert re.fullmatch(r"Authorization: Basic [A-Za-z0-9]{1,10}\{password\}=*", left)


def test_text_without_a_secret_is_left_as_it_is() -> None:
    secrets = credentials(token=TOKEN, key=KEY)
    text = f"{TOKEN[:-1]} {KEY[1:]} {TOKEN.lower()} {{token}} 100% \\\\ &amp; {quote(KEY[:7])}"
    assert secrets.hide(text) == text
    assert not secrets.hides(text)
    assert NO_CREDENTIALS.hide(TOKEN) == TOKEN


def test_longer_secret_that_begins_with_another_is_hidden_whole() -> None:
    secrets = credentials(short="abcdefgh", long="abcdefgh-and-more", other="moreover!")
    assert secrets.hide("=abcdefgh-and-more.") == "={long}."
    assert secrets.hide("=abcdefgh-and-moreover!") == "={long}{other}"
    assert secrets.hide("=abcdefgh-") == "={short}-"


def test_text_in_which_a_placeholder_spells_the_secret_again_is_left_out() -> None:
    assert credentials(token="}abcdefg").hide("see }abcdefgabcdefg") == BLANK


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_body_with_a_secret_is_known_in_any_encoding(encoding: str) -> None:
    value = "Süßes-Geheimnis" if encoding == "latin-1" else "Süßes-Geheimnis für 9 €"
    secrets = credentials(token=value)
    body = f"<p>your key {value}, dear reader".encode(encoding)
    assert secrets.hides(body)
    assert not secrets.hides(body.replace("G".encode(encoding)[-2:], "g".encode(encoding)[-2:]))


@pytest.mark.parametrize("spelling", sorted(SPELLINGS.keys() - {"read as Latin-1"}))
def test_body_with_a_secret_is_known_in_any_spelling(spelling: str) -> None:
    value = 'Süßes&"Geheimnis" €'
    secrets = credentials(token=value)
    assert secrets.hides(b"\x00\xff" + SPELLINGS[spelling](value).encode() + b"\x00")
    assert not secrets.hides(b"\x00\xff" + SPELLINGS[spelling](value[1:]).encode() + b"\x00")


# Loading and filling


def test_address_is_percent_encoded_and_headers_are_as_they_are() -> None:
    asked = source(
        url="https://example.org/{key}/list?api={token}&v=1#{token}",
        headers={"Authorization": "Bearer {token}", "Accept": "text/csv"},
        secrets={"token": {"env": "ACME_TOKEN"}, "key": {"block": "acme-key"}},
    )
    assert asked.address is not None
    loaded = credentials_of(
        asked, {"ACME_TOKEN": TOKEN}, {"acme-key": "{token}?x=#/.."}.__getitem__
    )
    token = "k7%2FGd%2B92%20h%26Q%27z%5C41"
    url = loaded.fill_url(asked.address.start)
    assert url == f"https://example.org/%7Btoken%7D%3Fx%3D%23%2F../list?api={token}&v=1#{token}"
    # What httpx makes of it is the same, and still hidden.
    assert str(httpx.URL(url)) == url
    assert loaded.hide(url) == asked.address.start
    assert loaded.headers() == {"Authorization": f"Bearer {TOKEN}", "Accept": "text/csv"}


def test_headers_of_a_source_without_secrets_are_there() -> None:
    loaded = credentials_of(source(headers={"Accept": "text/csv"}), {}, None)
    assert loaded.headers() == {"Accept": "text/csv"}
    assert loaded.fill_url("https://example.org/{x}") == "https://example.org/{x}"


def test_source_without_address_has_no_credentials() -> None:
    assert credentials_of(Source.model_validate(KIT), {}, None) is NO_CREDENTIALS


WRONG = {
    "is empty": "",
    "fewer than 8 characters": "wrong-7",
    "another character that does not print": "two-lines\n",
    "line break": "injected\r\nX-Evil: 1",
    "does not print": "nul\x00-is-a-control",
    "or another": "no-\ufeff-width-of-it",
    "begins or ends with a space": " pasted-with-space",
    "outside ASCII": "geheimnisvoll-ü",
    "of the source's own YAML": "ACME_TOKEN",
    "source's own YAML": "a-pasted-secret",
    "YAML; put": "hostile-",
}


@pytest.mark.parametrize("message", WRONG)
@pytest.mark.parametrize("place", ["env", "block"])
def test_secret_that_cannot_be_one_is_refused_without_showing_it(message: str, place: str) -> None:
    name = {"env": "ACME_TOKEN", "block": "acme-token"}[place]
    value = WRONG[message].replace("ACME_TOKEN", name).replace("hostile-", "hostile/list")
    asked = source(
        url="https://example.org/hostile/list",
        headers={"X-Key": "a-pasted-secret {token}"},
        secrets={"token": {place: name}},
    )
    with pytest.raises(CredentialError, match=message) as caught:
        credentials_of(asked, {name: value}, {name: value}.__getitem__)
    said = str(caught.value)
    assert said.startswith("hostile: ")
    assert name in said
    assert len(value) == 0 or value == name or value not in said


def test_secret_that_is_not_there_is_named_with_the_next_step() -> None:
    asked = source(headers={"X-Key": "{token}"}, secrets={"token": {"env": "ACME_TOKEN"}})
    with pytest.raises(CredentialError, match="variable ACME_TOKEN is not set; set it"):
        credentials_of(asked, {"ACME_TOKEN_": TOKEN}, None)
    asked = source(headers={"X-Key": "{token}"}, secrets={"token": {"block": "acme-token"}})
    with pytest.raises(CredentialError, match="block secret/acme-token needs a run with Prefect"):
        credentials_of(asked, {}, None)
    with pytest.raises(CredentialError, match="secret/acme-token is not there; save"):
        credentials_of(asked, {}, dict[str, str]().__getitem__)


def test_block_that_holds_other_than_text_is_refused() -> None:
    asked = source(headers={"X-Key": "{token}"}, secrets={"token": {"block": "acme-token"}})
    held: dict[str, Any] = {"acme-token": {"user": "someone", "password": TOKEN}}
    with pytest.raises(CredentialError, match="secret/acme-token holds other than text") as caught:
        credentials_of(asked, {}, held.__getitem__)
    assert "someone" not in str(caught.value)


def test_non_ascii_secret_of_an_address_is_taken() -> None:
    asked = source(url="https://example.org/?k={token}", secrets={"token": {"env": "ACME_TOKEN"}})
    loaded = credentials_of(asked, {"ACME_TOKEN": "geheimnisvoll-ü"}, None)
    assert loaded.fill_url("{token}") == "geheimnisvoll-%C3%BC"


def test_no_repr_copy_or_pickle_shows_a_secret() -> None:
    loaded = Credentials((Kept("token", TOKEN),), {"X-Key": "{token}"})
    assert (
        repr(loaded)
        == str(loaded)
        == ("Credentials(secrets=({token},), templates={'X-Key': '{token}'})")
    )
    shown = asdict(loaded)
    assert shown["templates"] == {"X-Key": "{token}"}
    assert not loaded.hides(f"{shown} {loaded.secrets[0]!s} {loaded.secrets[0]!r}")
    for thing in (loaded, shown, loaded.secrets[0]):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="in the process that loaded"):
                pickle.dumps(thing, protocol)
        with pytest.raises(TypeError, match="in the process that loaded"):
            cloudpickle.dumps(thing)
        with pytest.raises(TypeError):
            json.dumps(thing)
    with pytest.raises(TypeError, match="in the process that loaded"):
        copy.deepcopy(loaded)


# Logging


class Collector(logging.Handler):
    """Keeps all that a handler can get out of a record: its text, its parts, its error."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [self.format(record), repr(vars(record))]
        if record.exc_info and record.exc_info[1]:
            frames = traceback.TracebackException.from_exception(
                record.exc_info[1], capture_locals=True
            )
            self.texts.append("".join(frames.format()))

    @property
    def all(self) -> str:
        return "\n".join(self.texts)


@pytest.fixture
def log() -> Iterator[Collector]:
    """What any handler of the process gets to see at DEBUG, on the root and on httpx itself."""
    collector = Collector()
    loggers = [logging.getLogger(name) for name in (None, "httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(collector)
        logger.setLevel(logging.DEBUG)
    yield collector
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(collector)
        logger.setLevel(level)


class Echo(BaseHTTPRequestHandler):
    """Sends back what it was asked, in headers, as origins do."""

    def do_GET(self) -> None:
        self.send_response(302, "Gone to " + self.headers["X-Key"])
        self.send_header("Location", self.path)
        self.send_header("Set-Cookie", "key=" + self.headers["X-Key"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_request_logged_at_debug_shows_no_secret(
    log: Collector, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Our own connections let no header of an answer be logged at all.
    monkeypatch.setattr(logging.getLogger("httpcore.http11"), "filters", [])
    template = f"{origin}/list?token={{token}}"
    loaded = Credentials((Kept("token", TOKEN), Kept("key", KEY)), {"X-Key": "{key}"})

    def ask() -> None:
        with httpx.Client(trust_env=False) as client:
            client.get(loaded.fill_url(template), headers=loaded.headers())

    ask()
    assert quote(TOKEN, safe="") in log.all, "httpx logs no address, so this test sees nothing"
    assert KEY in log.all, "httpcore logs no header, so this test sees nothing"
    log.texts.clear()
    with hidden(loaded):
        ask()
    assert not loaded.hides(log.all)
    assert f"GET {template}" in log.all
    assert "key={key}" in log.all


class Odd:
    """An object of somebody else's in a log call."""

    def __init__(self, said: str) -> None:
        self.said = said

    def __repr__(self) -> str:
        return self.said


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


LOG_CALLS: dict[str, Callable[[logging.Logger], None]] = {
    "message": lambda log: log.info("asked " + TOKEN),
    "argument": lambda log: log.info("asked %s", TOKEN),
    "argument not shown": lambda log: log.info("asked %.3s", TOKEN),
    "mapping": lambda log: log.info("asked %(url)s", {"url": "x", "token": TOKEN}),
    "bytes": lambda log: log.info("sent %r", [(b"X-Key", TOKEN.encode())]),
    "object": lambda log: log.info(Odd(TOKEN)),
    "arguments that do not fit": lambda log: log.info("asked %d", TOKEN),
    "too many arguments": lambda log: log.info("asked", *(TOKEN, 1)),
    "an argument without repr": lambda log: log.info("%s asked %s", Broken(), TOKEN),
    "extra": lambda log: log.info("asked", extra={"url": f"/?{quote(TOKEN)}"}),
    "extra object": lambda log: log.info("asked", extra={"request": Odd(TOKEN)}),
    "a record made elsewhere": lambda log: log.handle(
        logging.makeLogRecord({"levelno": 20, "msg": "asked %s", "args": (TOKEN,)})
    ),
    "thread": lambda log: log.handle(logging.makeLogRecord({"levelno": 20, "threadName": TOKEN})),
}


@pytest.mark.parametrize("call", LOG_CALLS)
def test_any_part_of_a_record_is_hidden_in_any_logger(call: str, log: Collector) -> None:
    secrets = credentials(token=TOKEN)
    with hidden(secrets):
        LOG_CALLS[call](logging.getLogger("httpx.some.child"))
    assert log.texts
    assert not secrets.hides(log.all)


def test_record_without_a_secret_keeps_its_message_and_arguments(log: Collector) -> None:
    with hidden(credentials(token=TOKEN)):
        logging.getLogger("others").info("%s of %d", "3", 7, extra={"rows": (1, 2)})
    assert "3 of 7" in log.texts
    assert "'args': ('3', 7)" in log.all
    assert "'rows': (1, 2)" in log.all


def fail_with_a_secret() -> None:
    url = f"https://example.org/?token={quote(TOKEN)}"
    try:
        raise ValueError(f"no such header {TOKEN.encode()!r}")
    except ValueError as error:
        raise RuntimeError(f"cannot ask {url}") from error


def test_logged_traceback_shows_no_secret_nor_the_variables_of_its_frames(log: Collector) -> None:
    secrets = credentials(token=TOKEN)
    with hidden(secrets):
        try:
            fail_with_a_secret()
        except RuntimeError:
            logging.getLogger("others").exception("failed", stack_info=True)
    assert not secrets.hides(log.all)
    assert 'no such header b"{token}"' in log.all
    assert "cannot ask https://example.org/?token={token}" in log.all
    assert "Stack (most recent call last)" in log.all


def test_error_that_leaves_is_hidden_when_it_is_logged_later(log: Collector) -> None:
    secrets = credentials(token=TOKEN)

    def look() -> None:
        try:
            fail_with_a_secret()
        except RuntimeError as error:
            error.add_note(f"asked with {TOKEN}")
            raise FetchError(f"cannot look with {TOKEN}", passing=True, status=503) from error

    with pytest.raises(FetchError) as caught, hidden(secrets):
        look()
    assert caught.value.passing
    assert caught.value.status == 503
    said = "".join(traceback.format_exception(caught.value))
    assert not secrets.hides(said)
    assert "cannot look with {token}" in said
    assert "cannot ask https://example.org/?token={token}" in said
    assert "asked with {token}" in said


def test_error_behind_the_one_that_leaves_is_hidden_and_still_told() -> None:
    secrets = credentials(token=TOKEN)
    with pytest.raises(FetchError) as caught, hidden(secrets):
        raise FetchError("cannot look") from ValueError(TOKEN)
    assert "ValueError: {token}" in "".join(traceback.format_exception(caught.value))


def test_errors_of_a_group_that_leaves_are_hidden() -> None:
    secrets = credentials(token=TOKEN)
    with pytest.raises(ExceptionGroup) as caught, hidden(secrets):
        raise ExceptionGroup("two looks", [ValueError(TOKEN), KeyError(TOKEN)])
    said = "".join(traceback.format_exception(caught.value))
    assert not secrets.hides(said)
    assert said.count("{token}") == 2


class Stubborn(Exception):
    """An error whose words are not its arguments."""

    def __str__(self) -> str:
        return f"stubborn {TOKEN}"


def test_error_whose_words_cannot_be_changed_is_replaced_or_cut_off() -> None:
    secrets = credentials(token=TOKEN)
    with (
        pytest.raises(RuntimeError, match=r"Stubborn: stubborn \{token\}") as replaced,
        hidden(secrets),
    ):
        raise Stubborn
    assert not secrets.hides("".join(traceback.format_exception(replaced.value)))
    with pytest.raises(FetchError, match="cannot look") as cut, hidden(secrets):
        raise FetchError("cannot look") from Stubborn()
    assert not secrets.hides("".join(traceback.format_exception(cut.value)))


def test_nested_looks_hide_until_the_last_is_over_and_logging_is_then_as_before(
    log: Collector,
) -> None:
    before = logging.Logger.handle
    others = logging.getLogger("others")
    first, second = credentials(token=TOKEN), credentials(key=KEY)
    with hidden(first):
        with hidden(second), hidden(first):
            others.info("%s %s", TOKEN, KEY)
        others.info("%s %s", TOKEN, KEY)
    others.info("%s %s", TOKEN, KEY)
    assert log.texts[::2] == ["{token} {key}", f"{{token}} {KEY}", f"{TOKEN} {KEY}"]
    assert logging.Logger.handle is before
    with hidden(NO_CREDENTIALS):
        assert logging.Logger.handle is before


def test_threads_hide_each_others_secrets_as_long_as_one_of_them_looks(log: Collector) -> None:
    others = logging.getLogger("others")
    both, one_is_over = threading.Barrier(2, timeout=30), threading.Event()

    def first() -> None:
        with hidden(credentials(token=TOKEN)):
            both.wait()
            others.info("first %s %s", TOKEN, KEY)
            both.wait()
        one_is_over.set()

    def second() -> None:
        with hidden(credentials(key=KEY)):
            both.wait()
            both.wait()
            assert one_is_over.wait(30)
            others.info("second %s", KEY)

    threads = [threading.Thread(target=run) for run in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.texts[::2] == ["first {token} {key}", "second {key}"]


def test_another_hook_set_in_the_meantime_stays(
    log: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = logging.getLogger("others")
    seen = []
    with hidden(credentials(token=TOKEN)):
        ours = logging.Logger.handle

        def theirs(self: logging.Logger, record: logging.LogRecord) -> None:
            seen.append(record.name)
            ours(self, record)

        logging.Logger.handle = theirs  # type: ignore[assignment,method-assign]
    try:
        assert logging.Logger.handle is theirs
        others.info("after %s", TOKEN)
        with hidden(credentials(token=TOKEN)):
            others.info("again %s", TOKEN)
        assert logging.Logger.handle is theirs
    finally:
        # Ours is left in the chain below theirs, and has nothing to do.
        logging.Logger.handle = ours  # type: ignore[method-assign]
    assert seen == ["others", "others"]
    assert log.texts[::2] == [f"after {TOKEN}", "again {token}"]


def test_redaction_can_filter_a_handler_of_ones_own() -> None:
    record = logging.makeLogRecord({"msg": TOKEN})
    assert Redaction().filter(record)
    assert record.msg == TOKEN
    with hidden(credentials(token=TOKEN)):
        assert Redaction().filter(record)
    assert record.msg == "{token}"
