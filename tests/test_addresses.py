"""What may be asked on the web: public hosts by https, and the very address that was judged."""

from __future__ import annotations

import ipaddress
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.settings import Bounds, Web
from flows.web.addresses import Refused, addresses_of, is_public, target_of
from flows.web.asking import ask
from flows.web.failure import FetchError, Unresolved
from tests.origin import connections

PUBLIC, PRIVATE = "93.184.216.34", "10.1.2.3"
HERE = frozenset({"127.0.0.1:8000", "localhost:8000"})


@pytest.mark.parametrize(
    "url",
    [
        "http://www.cms.gov/",
        "ftp://www.cms.gov/list.pdf",
        "file:///etc/passwd",
        "gopher://127.0.0.1:9/_x",
        "//www.cms.gov/list.pdf",
        "www.cms.gov/list.pdf",
        "https:///list.pdf",
        "https://",
        "",
        "https://user@www.cms.gov/",
        "https://user:word@www.cms.gov/",
        "https://www.cms.gov\\@127.0.0.1/",
        "https://www.cms.gov/a b",
        "https://www.cms.gov/a\r\nHost: evil",
        "https://www.cms.gov:99999/",
        "https://intranet/",
        "https://localhost/",
        "https://precert.localhost/",
        "https://db.internal/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://1.0.0.127.in-addr.arpa/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        # Allowed on its own port only, and by its plain spelling only.
        "http://127.0.0.1:8001/",
        "http://127.1:8000/",
        "http://[::1]:8000/",
        "http://user@127.0.0.1:8000/",
    ],
)
def test_address_that_is_not_plainly_public_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        target_of(url, HERE)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.cms.gov/files/zip/january-2026-alpha-numeric-hcpcs-file.zip",
        "https://WWW.CMS.GOV/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://example.org:8443/list?id=1#page=2",
        "http://127.0.0.1:8000/list",
        "http://localhost:8000/list",
    ],
)
def test_public_address_and_named_origin_of_this_machine_may_be_asked(url: str) -> None:
    target = target_of(url, HERE)
    assert target.host == target.host.lower()
    assert "#" not in target.url


@given(st.ip_addresses(v=4))
def test_address_is_public_only_if_the_registry_of_addresses_says_so(
    address: ipaddress.IPv4Address,
) -> None:
    assert is_public(str(address)) <= address.is_global
    assert not is_public(f"::ffff:{address}")
    wrapped = ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80))
    assert is_public(str(wrapped)) <= is_public(str(address))
    translated = ipaddress.IPv6Address((0x64FF9B << 96) | int(address))
    assert is_public(str(translated)) <= is_public(str(address))


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A resolver that gives other addresses each time it is asked; the names it was asked."""
    names: list[str] = []
    waiting = list(answers)

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            names.append(host)
            found = waiting.pop(0)
        else:
            found = [host]
        kind = socket.SOCK_STREAM
        return [(socket.AF_INET, kind, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


@pytest.mark.parametrize(
    "found", [[PRIVATE], [PUBLIC, PRIVATE], ["127.0.0.1"], ["169.254.169.254"]]
)
def test_name_with_one_address_inside_is_refused_before_connecting(
    monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    resolving(monkeypatch, found)
    with pytest.raises(Refused, match=r"rebind\.example resolves to"):
        addresses_of(target_of("https://rebind.example/"))


def test_named_origin_of_this_machine_must_resolve_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, [PRIVATE])
    with pytest.raises(Refused, match="localhost resolves to"):
        addresses_of(target_of("http://localhost:8000/", HERE), HERE)


def test_name_that_resolves_otherwise_a_moment_later_is_asked_where_it_was_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = resolving(monkeypatch, [PUBLIC], [PRIVATE], [PRIVATE])
    web = Web(bounds=Bounds(connect_seconds=0.2))
    with connections() as watched, pytest.raises(FetchError):
        ask(
            target_of("https://rebind.example/list.pdf"),
            {},
            tmp_path / "aside",
            web=web,
            deadline=time.monotonic() + 5,
            most_bytes=1000,
        )
    assert names == ["rebind.example"]
    assert watched.tried == [(PUBLIC, 443)]


def test_name_without_an_address_is_told_apart() -> None:
    with pytest.raises(Unresolved, match=r"nowhere\.example has no address"):
        addresses_of(target_of("https://nowhere.example/"))
