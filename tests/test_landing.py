"""From a publisher's page to the link that leads on: what is taken, what waits, what is refused."""

from __future__ import annotations

import ast
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.links import Link, LinkedPage, links_of
from flows.confine import clean_environment
from flows.web import landing
from flows.web.landing import Choice, LinkError, PageLinks, choose, links_from, read_links
from flows.web.shown import shown
from schemas.address import Address, LinkRule
from tests.conftest import ROOT

PAGE = "https://www.plan.example/providers/prior-auth/lists"
FILES = "https://www.plan.example/files/"
TODAY = date(2026, 2, 15)


def page_of(*hrefs: str | tuple[str, str], **said: Any) -> PageLinks:
    found = (Link(each, "") if isinstance(each, str) else Link(*each) for each in hrefs)
    return PageLinks("plan", LinkedPage(tuple(found), **said))


def taken(links: PageLinks, rule: LinkRule, url: str = PAGE, **address: Any) -> Choice:
    return choose(links, rule, Address(page=PAGE, links=(rule,), **address), url, TODAY)


def refusal(links: PageLinks, rule: LinkRule, url: str = PAGE, **address: Any) -> str:
    with pytest.raises(LinkError) as caught:
        taken(links, rule, url, **address)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of_html(html: str) -> PageLinks:
    return PageLinks("plan", links_of(b"<!doctype html><html>" + html.encode()))


HCPCS = LinkRule(
    href=r"/files/zip/(?P<month>[a-z]+)-(?P<year>\d{4})-alpha-numeric-hcpcs-file\.zip$"
)
CMS = """
<div class=field><nav><a href="/">Home</a><a href="/medicare/coding-billing">Coding</a></nav>
<table><thead><tr><th>File</th></tr></thead>
<tr><td><a href="/files/zip/april-2026-alpha-numeric-hcpcs-file.zip">April 2026 (ZIP)</a></td></tr>
<tr><td><a href="/files/zip/january-2026-alpha-numeric-hcpcs-file.zip">January 2026</a></td></tr>
<tr><td><a href="/files/zip/october-2025-alpha-numeric-hcpcs-file.zip">October 2025</a></td></tr>
<tr><td><a href="/files/document/2026-hcpcs-corrections.pdf">Corrections</a></td></tr>
</table><a href="/files/zip/january-2026-alpha-numeric-hcpcs-file.zip#top">Newest</a></div>
"""


def test_newest_quarterly_file_up_to_today_is_taken_and_the_next_one_waits() -> None:
    choice = taken(of_html(CMS), HCPCS)
    assert choice.url == f"{FILES}zip/january-2026-alpha-numeric-hcpcs-file.zip"
    assert choice.later == (f"{FILES}zip/april-2026-alpha-numeric-hcpcs-file.zip",)


def test_source_that_looks_ahead_takes_the_newest_of_all() -> None:
    choice = taken(of_html(CMS), HCPCS, ahead=True)
    assert choice == Choice(f"{FILES}zip/april-2026-alpha-numeric-hcpcs-file.zip")


def test_dates_in_american_order_in_file_names() -> None:
    rule = LinkRule(
        href=r"/UHC-Commercial-Advance-Notification-PA-Requirements-"
        r"(?P<month>\d{1,2})-(?P<day>\d{1,2})-(?P<year>\d{4})\.pdf$"
    )
    name = "/content/dam/provider/UHC-Commercial-Advance-Notification-PA-Requirements-{}.pdf"
    dates = ("9-1-2025", "10-1-2025", "1-1-2025", "12-15-2025", "3-1-2026")
    choice = taken(page_of(*(name.format(each) for each in dates)), rule)
    assert choice.url == f"https://www.plan.example{name.format('12-15-2025')}"
    assert choice.later == (f"https://www.plan.example{name.format('3-1-2026')}",)


DMEPOS = LinkRule(href=r"/dme(?P<year>\d\d)(?:-(?P<part>[a-d]))?\.zip$")


def test_parts_of_a_year_are_in_the_order_of_their_letters() -> None:
    files = ("dme26.zip", "dme25-d.zip", "dme26-b.zip", "dme26-a.zip")
    assert taken(page_of(*files), DMEPOS).url.endswith("/dme26-b.zip")
    assert taken(page_of("dme26.zip", "dme25-d.zip"), DMEPOS).url.endswith("/dme26.zip")


def test_quarter_in_the_text_of_a_link() -> None:
    rule = LinkRule(text=r"Q(?P<quarter>\d) (?P<year>\d{4}) PA Code Matrix", href=r"\.xlsx$")
    links = of_html(
        "<a href='/-/media/a1b2.xlsx'>Q4 2025 PA&nbsp;Code Matrix</a>"
        "<a href='/-/media/a1b2.pdf'>Q1 2026 PA Code Matrix</a>"
        "<a href='/-/media/c3d4.xlsx'><b>Q1</b> 2026 PA\n Code Matrix (Excel)</a>"
        "<a href='/-/media/e5f6.xlsx'>Q2 2026 PA Code Matrix</a>"
    )
    choice = taken(links, rule)
    assert choice.url == "https://www.plan.example/-/media/c3d4.xlsx"
    assert choice.later == ("https://www.plan.example/-/media/e5f6.xlsx",)


ANY_DATE = LinkRule(
    text=r"^(?:(?P<year>\d*))(?:/Q(?P<quarter>\w*))?(?:/M(?P<month>[^/]*))?"
    r"(?:/D(?P<day>[^/]*))?(?:/P(?P<part>.*))?$"
)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2025", "2026"),
        ("25", "2026"),
        ("1999", "00"),
        ("2026", "2026/M1"),
        ("2026/M1", "2026/M1/D1"),
        ("2025/Q4", "2026/Q1"),
        ("2025/Q2", "2025/M5"),
        ("2025/M9", "2025/M10"),
        ("2025/Maug", "2025/MSEPT."),
        ("2025/MJANUARY", "2025/Mdec"),
        ("2025/M9/D30", "2025/MOct/D2"),
        ("2025/M1/D2/P9", "2025/M1/D2/P10"),
        ("2025/M1/D2", "2025/M1/D2/P0"),
        ("2025/Pa", "2025/PB"),
        ("2025/P2", "2025/Pa"),
        ("2025/Q3/M7", "2025/Q3/M8"),
    ],
)
def test_newer_of_two_dates_is_taken(older: str, newer: str) -> None:
    links = page_of(("old.pdf", older), ("new.pdf", newer))
    assert taken(links, ANY_DATE).url.endswith("new.pdf")


@pytest.mark.parametrize(
    "impossible",
    [
        *("2025/M13", "2025/M0", "2025/M2/D31", "2025/M2/D29", "2025/MFebruar", "2025/M2/D0"),
        *("2025/Q0", "2025/Q5", "2025/QI", "2025/Q1/M4", "2025/D3", "2025/Q1/D3"),
        *("2025/Pfinal", "225", "20266", "", "2155"),
    ],
)
def test_date_that_cannot_be_is_named_where_nothing_else_matches(impossible: str) -> None:
    links = page_of(("odd.pdf", impossible), ("other.pdf", "no list"))
    message = refusal(links, ANY_DATE)
    assert "https://www.plan.example/providers/prior-auth/odd.pdf has a date" in message
    assert "sources/plan.yml" in message
    links = page_of(("odd.pdf", impossible), ("old.pdf", "2001"))
    assert taken(links, ANY_DATE).url.endswith("old.pdf")


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        *(("2026", False), ("2027", True), ("2026/Q1", False), ("2026/Q2", True)),
        *(("2026/M2", False), ("2026/M3", True), ("2026/M2/D15", False), ("2026/M2/D16", True)),
    ],
)
def test_date_waits_from_the_first_day_that_it_can_mean(said: str, waits: bool) -> None:
    choice = taken(page_of(("old.pdf", "2020"), ("new.pdf", said)), ANY_DATE)
    assert choice.url.endswith("old.pdf" if waits else "new.pdf")
    assert len(choice.later) == waits


def test_page_on_which_all_is_dated_after_today_says_so() -> None:
    message = refusal(page_of(("b.pdf", "2028"), ("a.pdf", "2027")), ANY_DATE)
    assert "after 2026-02-15: https://www.plan.example/providers/prior-auth/a.pdf, " in message
    assert "address.ahead" in message


def test_what_waits_is_in_the_order_of_its_dates() -> None:
    links = page_of(("z.pdf", "2027"), ("a.pdf", "2028"), ("old.pdf", "2020"))
    assert [url[-5:] for url in taken(links, ANY_DATE).later] == ["z.pdf", "a.pdf"]


def test_one_target_under_two_dates_has_the_newer_and_does_not_wait_for_itself() -> None:
    links = page_of(("a.pdf", "2020"), ("b.pdf", "2025"), ("a.pdf", "2026"), ("a.pdf", "2030"))
    assert taken(links, ANY_DATE) == Choice("https://www.plan.example/providers/prior-auth/a.pdf")


def test_two_targets_equally_new_are_an_error_that_names_both() -> None:
    message = refusal(page_of(("a.pdf", "2026"), ("b.pdf", "26"), ("c.pdf", "2025")), ANY_DATE)
    assert "2 links are equally new" in message
    assert "a.pdf, https://www.plan.example/providers/prior-auth/b.pdf;" in message


LIST = LinkRule(href=r"/list[^/]*\.pdf")


def test_rule_without_dates_wants_one_target() -> None:
    links = page_of("/list.pdf", "/other.pdf", "https://www.plan.example/list.pdf#page=2")
    assert taken(links, LIST) == Choice("https://www.plan.example/list.pdf")


def test_rule_without_dates_that_matches_several_names_five() -> None:
    message = refusal(page_of(*(f"/list{number}.pdf?key=abc" for number in range(8))), LIST)
    assert "8 links are what href '/list[^/]*\\.pdf' wants" in message
    assert [f"/list{number}.pdf" in message for number in range(8)] == [True] * 5 + [False] * 3
    assert "and 3 more" in message
    assert "abc" not in message


def test_targets_that_differ_after_the_question_mark_are_several() -> None:
    message = refusal(page_of("/list.pdf?v=1", "/list.pdf?v=2"), LIST)
    assert "2 links" in message
    assert "with several queries" in message
    assert "v=" not in message


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/list.pdf", "https://www.plan.example/list.pdf"),
        ("list.pdf", "https://www.plan.example/providers/prior-auth/list.pdf"),
        ("../../list.pdf?a=b&c=d", "https://www.plan.example/list.pdf?a=b&c=d"),
        ("//www.plan.example/list.pdf", "https://www.plan.example/list.pdf"),
        ("HTTPS://WWW.Plan.Example:443/list.pdf", "https://www.plan.example/list.pdf"),
        ("http://www.plan.example/list.pdf", "https://www.plan.example/list.pdf"),
        ("/list.pdf;jsessionid=0A1B2C.node3?a=b", "https://www.plan.example/list.pdf?a=b"),
        ("/list 2026 é.pdf", "https://www.plan.example/list%202026%20%C3%A9.pdf"),
        ("/list%20%232026.pdf", "https://www.plan.example/list%20%232026.pdf"),
        ("/list100%.pdf", "https://www.plan.example/list100%25.pdf"),
        (" \n/li\tst.pdf ", "https://www.plan.example/list.pdf"),
        ("\\list.pdf", "https://www.plan.example/list.pdf"),
    ],
)
def test_address_is_made_as_a_browser_makes_it(href: str, url: str) -> None:
    assert taken(page_of(href), LIST).url == url


def test_entities_in_an_address_are_decoded_once() -> None:
    links = of_html("<a href='&#47;list&#x2e;pdf?a=1&amp;b=2&amp;amp;c'>list</a>")
    assert taken(links, LIST).url == "https://www.plan.example/list.pdf?a=1&b=2&amp;c"


def test_two_spellings_of_one_address_are_one_target() -> None:
    hrefs = ("/list%2D1.pdf", "/list-1.pdf", "http://www.plan.example/list-1.pdf")
    choice = Choice("https://www.plan.example/list%2D1.pdf")
    assert taken(page_of(*hrefs), LIST) == taken(page_of(*reversed(hrefs)), LIST) == choice


def test_pattern_is_searched_in_the_address_without_its_percent_signs() -> None:
    rule = LinkRule(href=r"/PA List \(2026\)\.pdf$")
    assert taken(page_of("/PA%20List%20%282026%29.pdf"), rule).url.endswith("%282026%29.pdf")


def test_both_patterns_of_a_rule_must_match() -> None:
    rule = LinkRule(href=r"\.pdf$", text="Prior authorization list")
    links = page_of(
        ("/a.pdf", "Prior authorization form"),
        ("/b.htm", "Prior authorization list"),
        ("/c.pdf", "Prior authorization list"),
    )
    assert taken(links, rule).url.endswith("/c.pdf")


def test_link_back_to_the_page_itself_is_no_way_on() -> None:
    rule = LinkRule(text="2026 list")
    links = page_of(("#2026", "2026 list"), ("", "2026 list"), ("/list.pdf", "2026 list"))
    assert taken(links, rule).url.endswith("/list.pdf")


@pytest.mark.parametrize(
    ("href", "why"),
    [
        ("//evil.example/list.pdf", "is on the host 'evil.example'"),
        ("/\\evil.example/list.pdf", "is on the host 'evil.example'"),
        ("https:\\\\evil.example/list.pdf", "is on the host 'evil.example'"),
        ("https://www.plan.example.evil.example/list.pdf", "is on the host"),
        ("https://www.plan.example%2eevil.example/list.pdf", "is on the host"),
        ("https://www.plan.example@evil.example/list.pdf", "names a user before its host"),
        ("http://user:secret@www.plan.example/list.pdf", "names a user before its host"),
        ("https://@www.plan.example/list.pdf", "names a user before its host"),
        ("https://www.plan.example\u3002evil.example/list.pdf", "is on the host"),
        ("https://www.plan.example:99999/list.pdf", "is no address"),
        ("https://[::1/list.pdf", "is no address"),
        ("javascript:open('/list.pdf')", "is no address of the web"),
        ("data:application/pdf,/list.pdf", "is no address of the web"),
        ("file:///list.pdf", "is no address of the web"),
        ("ftp://www.plan.example/list.pdf", "is no address of the web"),
        ("mailto:a@plan.example?body=/list.pdf", "is no address of the web"),
    ],
)
def test_link_that_may_not_be_followed_is_refused_and_named(href: str, why: str) -> None:
    message = refusal(page_of(href, "/other.pdf"), LIST)
    assert why in message
    assert "secret" not in message
    assert taken(page_of(href, "/list-1.pdf"), LIST).url == "https://www.plan.example/list-1.pdf"


def test_link_on_another_host_says_which_key_would_allow_it() -> None:
    links = page_of("https://cdn.plan-files.example/list.pdf?sig=abc")
    message = refusal(links, LIST)
    assert "'cdn.plan-files.example', which address.hosts does not name" in message
    assert "abc" not in message
    choice = taken(links, LIST, hosts=("cdn.plan-files.example",))
    assert choice.url == "https://cdn.plan-files.example/list.pdf?sig=abc"


def test_own_host_is_that_of_the_page_after_its_redirects() -> None:
    links = page_of("https://www.plan.example/list.pdf")
    assert "address.hosts" in refusal(links, LIST, url="https://new.example/")
    assert taken(links, LIST, url="https://www.plan.example/moved").url.endswith("/list.pdf")


@pytest.mark.parametrize("base", ["file:///", "javascript:x", "data:,", "https://[", ""])
def test_base_that_is_not_on_the_web_is_ignored(base: str) -> None:
    assert taken(page_of("list.pdf", base=base), LIST).url.endswith("/prior-auth/list.pdf")


def test_base_on_the_pages_host_is_kept() -> None:
    links = page_of("list.pdf", base="/files/current/")
    assert taken(links, LIST).url == f"{FILES}current/list.pdf"


def test_base_on_another_host_has_its_links_refused() -> None:
    message = refusal(page_of("list.pdf", base="https://evil.example/"), LIST)
    assert "'evil.example', which address.hosts does not name" in message


def test_page_without_the_link_names_pattern_count_and_the_nearest() -> None:
    links = page_of(
        "/", "/about", "/files/zip/2026-alphanumeric-hcpcs.zip?token=abc", "/contact", "/news"
    )
    message = refusal(links, HCPCS, url=f"{PAGE}?session=abc")
    assert message.startswith(f"{PAGE}: none of its 5 links can be taken for href '/files/zip/")
    assert (
        "the nearest are https://www.plan.example/files/zip/2026-alphanumeric-hcpcs.zip" in message
    )
    assert message.count("https://") == 4
    assert "correct address.links in sources/plan.yml" in message
    assert "abc" not in message


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (page_of(), "a script may fill it"),
        (page_of(forwards_to="/new/lists?x=y"), "it forwards to /new/lists;"),
        (page_of("/help", asks_password=True), "it asks for a password"),
        (page_of("/help", left_out=3), "3 more have addresses longer than any real one"),
    ],
    ids=["script", "forward", "login", "long"],
)
def test_page_without_the_link_says_what_else_is_odd(links: PageLinks, said: str) -> None:
    assert said in refusal(links, LIST)


@pytest.mark.parametrize(
    ("href", "text", "rule"),
    [
        ("//e\u202evil.example/a\x1b[31m/list.pdf", "", LIST),
        ("javascript:\u2028\x85/list.pdf", "", LIST),
        ("/list.pdf", "2026/M\x1b\u2028", ANY_DATE),
        ("/\u200b\x9b/other.pdf", "", LIST),
    ],
)
def test_words_of_a_page_cannot_break_the_line_of_a_message(
    href: str, text: str, rule: LinkRule
) -> None:
    assert refusal(page_of((href, text)), rule).isprintable()


DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(st.lists(st.tuples(DATES, st.sampled_from("abc")), min_size=1, max_size=8), st.data(), DATES)
def test_newest_up_to_today_is_taken_in_whatever_order_links_stand(
    files: list[tuple[date, str]], data: st.DataObject, today: date
) -> None:
    rule = LinkRule(href=r"/(?P<month>[A-Z]\w+)-(?P<day>\d+)-(?P<year>\d+)-(?P<part>\w)\.pdf$")
    address = Address(page=PAGE, links=(rule,))
    names = {each: f"/{each[0]:%B-%d-%y}-{each[1]}.pdf" for each in files}
    order = data.draw(st.permutations(list(names.values())))
    current = [each for each in names if each[0] <= today]
    if not current:
        with pytest.raises(LinkError, match="dated after"):
            choose(page_of(*order), rule, address, PAGE, today)
        return
    choice = choose(page_of(*order), rule, address, PAGE, today)
    assert urlsplit(choice.url).path == names[max(current)]
    waiting = sorted(each for each in names if each[0] > today)
    assert [urlsplit(url).path for url in choice.later] == [names[each] for each in waiting]


ODD = st.text(st.sampled_from("/\\:@.?#%;[]&=\0\n\t -a1é\u202e"), max_size=12) | st.sampled_from(
    ["https://", "//", "http://www.plan.example", "javascript:", "list.pdf", "file:///", "@"]
)


@given(st.lists(ODD, max_size=4).map("".join), st.lists(ODD, max_size=3).map("".join))
def test_whatever_a_page_says_only_its_own_host_is_ever_chosen(href: str, base: str) -> None:
    rule = LinkRule(href="")
    links = page_of(href, base=base)
    try:
        choice = taken(links, rule, hosts=("files.plan.example",))
    except LinkError:
        assert refusal(links, rule).isprintable()
        return
    parts = urlsplit(choice.url)
    assert parts.scheme == "https"
    assert parts.hostname in ("www.plan.example", "files.plan.example")
    assert "@" not in parts.netloc
    assert not parts.fragment
    assert choice.url.isascii()
    assert choice.url.isprintable()
    assert " " not in choice.url
    assert "\\" not in choice.url


def written(folder: Path, html: str | bytes) -> Path:
    path = folder / "page"
    path.write_bytes(html if isinstance(html, bytes) else html.encode())
    return path


def test_page_in_a_file_is_read_by_a_worker(tmp_path: Path) -> None:
    html = (
        "<!doctype html><html><base href=/a/><meta http-equiv=refresh content='9;url=b'>"
        "<input type=password><a href='é\x00.pdf'>Liste 😀</a>" + CMS
    )
    links = read_links(written(tmp_path, html), "plan")
    assert links == PageLinks("plan", links_of(html.encode()))
    assert links.page.links[0] == Link("é.pdf", "Liste 😀")
    assert links.page.asks_password
    assert links_from(links.content, "plan") == links


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7", "plan: the file is not HTML but application/pdf"),
        (b"<!doctype html>" + b"<a href=x>x</a>" * 100_000, "plan: the page has more than 20,000"),
        (b"<!doctype html>" + b" " * (8 << 20), "plan: the page has more than 8 MiB"),
    ],
    ids=["pdf", "links", "bytes"],
)
def test_page_that_cannot_be_read_is_an_error_of_its_source(
    tmp_path: Path, data: bytes, said: str
) -> None:
    with pytest.raises(LinkError, match=said):
        read_links(written(tmp_path, data), "plan")


def test_page_that_takes_too_much_time_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "CPU_SECONDS", 1)
    page = b"<!doctype html><table>" + b"<tr><td><table>" * 60 + b"</b><p></b>" * 700_000
    with pytest.raises(LinkError, match="plan: the reader of its page ended with status -"):
        read_links(written(tmp_path, page), "plan")


def test_page_that_never_ends_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "CPU_SECONDS", -14.99)
    with pytest.raises(LinkError, match="plan: its page was not read within"):
        read_links(written(tmp_path, "<html>"), "plan")


CONFINED = """
from flows.web import page_worker
def links_of(data):
    {}
page_worker.links_of = links_of
page_worker.main()
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("bytearray(2 << 30)", "MemoryError"),
        ("import socket; socket.socket()", "a document's reader attempted socket"),
        ("import os; os.system('true')", "a document's reader attempted os.system"),
        ("import pathlib; pathlib.Path({path!r}).write_bytes(b'x')", "File too large"),
    ],
    ids=["memory", "connection", "program", "file"],
)
def test_reader_of_pages_is_confined(tmp_path: Path, code: str, said: str) -> None:
    page = written(tmp_path, "<html>")
    script = CONFINED.format(code.format(path=str(tmp_path / "other")))
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        input=f'{{"path": "{page}", "cpu_seconds": 20}}',
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert said in done.stderr


def test_worker_of_pages_has_nothing_of_its_parents_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # with which no Python begins
    assert read_links(written(tmp_path, "<html><a href=x>x</a>"), "plan").page.links
    monkeypatch.setenv("PLAN_TOKEN", "secret")
    assert "PLAN_TOKEN" not in clean_environment()


def test_worker_of_pages_begins_without_the_heavy_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, flows.web.page_worker; print([*sys.modules])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    roots = {name.split(".")[0] for name in ast.literal_eval(done.stdout)}
    assert roots.isdisjoint(
        {"bs4", "httpx", "numpy", "pandas", "pdfplumber", "prefect", "pyarrow", "pydantic"}
    )


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://plan.example/a/b.pdf", "https://plan.example/a/b.pdf"),
        ("https://u:secret@plan.example:8443/a?k=secret#secret", "https://plan.example:8443/a"),
        ("https://plan.example?secret", "https://plan.example"),
        ("https://plan.example/a;jsessionid=secret?b", "https://plan.example/a"),
        ("https://u:secret@[::1]:80/a", "https://[::1]:80/a"),
        ("https://[u:secret]@plan.example/", "https://…"),
        ("https://u:secret/more@plan.example/", "https://u"),
        ("https://u:secret#more@plan.example/", "https://u"),
        ("https:u:secret@plan.example/a", "https:plan.example/a"),
        ("https:///u:secret@plan.example/a", "https:plan.example/a"),
        ("//plan.example/a?secret", "//plan.example/a"),
        ("/a/b?secret", "/a/b"),
        ("https://plan.example/a\x00\x1b[31m\u202eb\u2028", "https://plan.example/a��[31m�b�"),
        ("https://plan.example/" + "a" * 500, "https://plan.example/" + "a" * 178 + "…"),
        ("", ""),
    ],
)
def test_address_is_shown_without_what_may_be_secret(url: str, text: str) -> None:
    assert shown(url) == text


@given(st.text(max_size=300))
def test_any_text_is_shown_in_one_short_line(url: str) -> None:
    text = shown(url)
    assert text == "" or text.isprintable()
    assert len(text) <= 200


@given(st.text(max_size=20), st.text(st.characters(categories=["L", "N"]), max_size=20))
def test_query_is_never_shown(secret: str, path: str) -> None:
    assert shown(f"https://plan.example/{path}?{secret}") == shown(f"https://plan.example/{path}")
