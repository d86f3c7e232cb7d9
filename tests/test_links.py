"""The links of a page: which there are, as what they are written, and what bounds them."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors import links
from extractors.html import read_html
from extractors.links import Link, links_of
from extractors.reading import ExtractionError
from schemas.codes import visible


def hrefs(page: str | bytes) -> list[str]:
    data = page.encode() if isinstance(page, str) else page
    return [link.href for link in links_of(b"<!doctype html>" + data).links]


def texts(page: str) -> list[str]:
    return [link.text for link in links_of(b"<!doctype html>" + page.encode()).links]


def test_links_come_in_the_order_of_the_page_as_they_are_written() -> None:
    page = links_of(
        b"<html><head><link href=style.css><base href='/files/'></head><body>"
        b"<a HREF=' list.pdf '>The <b>list</b></a>"
        b"<map><area href=../map.html alt='A map'></map>"
        b"<A name=here>no link</A><a href=''>itself</a>"
    )
    assert page.links == (
        Link(" list.pdf ", "The list"),
        Link("../map.html", "A map"),
        Link("", "itself"),
    )
    assert page.base == "/files/"


@pytest.mark.parametrize(
    "page",
    [
        "<!-- <a href=x>x</a> -->",
        "<script>document.write('<a href=x>x</a>')</script>",
        "<template><a href=x>x</a></template>",
        "<noscript><a href=x>x</a></noscript>",
        "<style>a { content: '<a href=x>' }</style>",
        "<textarea><a href=x>x</a></textarea>",
        "<iframe><a href=x>x</a></iframe>",
        "<link href=x><form action=x><img src=x><div href=x><button formaction=x>",
        "&lt;a href=x&gt;x&lt;/a&gt;",
    ],
)
def test_what_no_reader_of_a_page_can_follow_is_no_link(page: str) -> None:
    assert hrefs(f"{page}<a href=y>y</a>") == ["y"]


@pytest.mark.parametrize("hidden", ["style='display:none'", "hidden", "aria-hidden=true"])
def test_link_in_a_folded_list_is_a_link(hidden: str) -> None:
    assert hrefs(f"<ul {hidden}><li><a href=y>y</a></ul>") == ["y"]


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("Q1\n  2026&nbsp;PA\tCode\u200b Matrix ", "Q1 2026 PA Code Matrix"),
        ("<div>Q1 2026</div><div>PA Code Matrix</div>", "Q1 2026 PA Code Matrix"),
        ("Q1<br>2026 <svg><title>icon</title></svg>PA Code Matrix", "Q1 2026 PA Code Matrix"),
        ("Q1 2026 PA Code Matri<b>x</b>", "Q1 2026 PA Code Matrix"),
        ("<script>track()</script><style>b{}</style>2026", "2026"),
        ("<img src=icon.png alt=PDF>", ""),
    ],
)
def test_text_of_a_link_is_what_one_sees_of_it(inside: str, text: str) -> None:
    assert texts(f"<a href=x>{inside}</a>beside<a href=y>other</a>") == [text, "other"]


def test_link_that_never_ends_is_ended_by_the_next() -> None:
    assert texts("<div><a href=x>first<div>and<a href=y>second") == ["first and", "second"]


def test_link_in_a_table_in_a_link_keeps_its_text_to_itself() -> None:
    page = "<a href=x>outer<table><tr><td><a href=y>inner</a></td></tr></table>"
    assert texts(page) == ["outer", "inner"]


PRINTED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(PRINTED, PRINTED)
def test_any_address_comes_back_from_its_entities(href: str, text: str) -> None:
    page = f"<!doctype html><a href='{escape(href)}'>{escape(text)}</a><a href='&#x2f;z'>z</a>"
    first, second = links_of(page.encode()).links
    assert first == Link(href, visible(text))
    assert second == Link("/z", "z")


def test_first_base_with_an_address_counts() -> None:
    page = b"<html><base target=_blank><base href=a><base href=b><a href=x>x</a>"
    assert links_of(page).base == "a"


@pytest.mark.parametrize(
    ("content", "address"),
    [
        ("0; url=/new.html", "/new.html"),
        ("5;URL='https://example.org/a?b=c'", "https://example.org/a?b=c"),
        ("0 , /new.html", "/new.html"),
        (".5;url = /new.html ", "/new.html"),
        ("300", None),
        ("0;", None),
        ("", None),
    ],
)
def test_page_that_forwards_says_where_to(content: str, address: str | None) -> None:
    page = f'<html><meta http-equiv="Refresh" content="{content}"><p>Moved.'
    assert links_of(page.encode()).forwards_to == address


def test_forwarding_for_readers_without_scripts_is_none() -> None:
    page = b"<html><noscript><meta http-equiv=refresh content='0;url=/enable'></noscript>"
    assert links_of(page).forwards_to is None


@pytest.mark.parametrize(
    ("field", "asks"),
    [("<input type=PassWord name=p>", True), ("<input type=text name=password>", False)],
)
def test_login_page_is_told_by_its_field(field: str, asks: bool) -> None:
    assert links_of(f"<html><form>{field}".encode()).asks_password is asks


@pytest.mark.parametrize(
    "data",
    [
        "<html><meta charset=utf-8><p>x<a href='liste-é.pdf'>Prüfliste “2026”</a>".encode(),
        "<html><p>x<a href='liste-é.pdf'>Prüfliste “2026”</a>".encode(),
        "<html><meta charset=iso-8859-1><p>x<a href='liste-é.pdf'>Prüfliste “2026”</a>".encode(
            "cp1252"
        ),
        "<html><p>x<a href='liste-é.pdf'>Prüfliste “2026”</a>".encode("cp1252"),
        "<html><p>x<a href='liste-é.pdf'>Prüfliste “2026”</a>".encode("utf-16"),
        "\ufeff<html><p>x<a href='liste-é.pdf'>Prüfliste “2026”</a>".encode(),
    ],
    ids=["declared", "undeclared", "latin", "undeclared-windows", "utf-16", "bom"],
)
def test_page_is_decoded_as_the_reader_of_html_does(data: bytes) -> None:
    (link,) = links_of(data).links
    assert link == Link("liste-é.pdf", "Prüfliste “2026”")
    assert link.text in " ".join(line.raw_text for line in read_html(data).lines)


def test_null_bytes_do_not_hide_a_link() -> None:
    assert hrefs(b"<a h\0ref=li\0st.pdf>x</a>") == ["list.pdf"]


def test_long_text_is_cut_at_a_word() -> None:
    (text,) = texts(f"<a href=x>{'word ' * 1000}")
    assert text == " ".join(["word"] * 200)
    (text,) = texts(f"<a href=x>{'w' * 2000}")
    assert text == "w" * links.MAX_TEXT


def test_address_longer_than_any_real_one_is_left_out_and_counted() -> None:
    page = links_of(
        f"<html><a href='data:,{'x' * 1_000_000}'>x</a><a href='{'y' * 4096}'>y</a>".encode()
    )
    assert [link.text for link in page.links] == ["y"]
    assert page.left_out == 1


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<a href=x>" * 100_000, "more than 20,000 links"),
        (b"<a href='%s'>x</a>" % (b"x" * 4000) * 1100, "more than 4,194,304 characters"),
        (b"<base href='%s'>" % (b"x" * 5000), "base address of the page has more than 4,096"),
        (b"<div>" * 300, "more than 200 elements inside each other"),
        (b"<a " + b"a=b " * 600_000 + b">", "a tag of more than 2 MiB"),
        (b"<a href='" * 1_500, "without '>'"),
        (b" " * (links.MAX_BYTES + 1), "more than 8 MiB"),
    ],
    ids=["links", "characters", "base", "depth", "attributes", "open", "bytes"],
)
def test_page_beyond_measure_is_an_error(page: bytes, said: str) -> None:
    with pytest.raises(ExtractionError, match=said):
        links_of(b"<!doctype html><html>" + page)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "application/pdf"),
        (b"PK\x03\x04<html><a href=x>", "application/zip"),
        (b"\x1f\x8b\x08\x00", "application/gzip"),
        (b"", "octet-stream"),
    ],
)
def test_file_that_is_no_page_is_an_error_that_says_what_it_is(data: bytes, said: str) -> None:
    with pytest.raises(ExtractionError, match=said):
        links_of(data)


def test_page_that_a_script_fills_has_no_links() -> None:
    assert links_of(b"<html><div id=app></div><script src=app.js></script>").links == ()
