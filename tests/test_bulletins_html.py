"""Bulletins of the DME MACs and PDAC as web pages: three sites, one bulletin, no furniture.

The sites' pages were never seen. Each is drawn here from the text of a bulletin, with menus,
licence, page foot and telephone numbers in our own words. The licence and the menus speak of
codes, duties and regulations, so that nothing can be taken from them unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from extractors.extract import extract
from extractors.reading import ExtractionError
from extractors.records import Extract, arrange
from extractors.reference.same_bulletins import FILLED, merged
from flows.registry import load_source
from schemas.source import Source
from schemas.tables import BULLETINS, TABLES
from tests.conftest import ROOT, shared, shipped

INVENTED = """\
Wearable Gait Trainers - Correct Coding

Joint DME MAC Publication
Posted March 3, 2025

A wearable gait trainer is a frame with straps that steadies a walker's trunk. It is a brace as 42 CFR 410.2 has it.

E8000(GAIT TRAINER, PEDIATRIC SIZE) describes a frame for children. These codes are for its parts:

* E8001 is coded with the frame
* E8002 is not

Effective for claims with dates of service on or after July 1, 2025, the only products that may be billed using HCPCS code E8000 are those that have received mandatory code verification review and are listed on the Product Classification List (PCL) of the Pricing, Data Analysis, and Coding (PDAC) contractor website.

Publication History

Date of Change Description
03/03/25 Originally Published
04/10/25 The date of the review was moved
Last Updated April 10, 2025
"""  # noqa: E501

# Words of a site that would be facts if they were the bulletin's.
HARM = (
    "Effective for claims with dates of service on or after January 1, 2020, prior authorization "
    "is required for HCPCS code E0470, see 42 CFR 414.234."
)
LICENCE = (
    "Licence to use the five-digit codes",
    "Before the page is shown you agree to use the words of these codes inside your house only. "
    "E0601 describes nothing here. " + HARM,
    "Nobody promises that they are right. Questions: (800) 555-0101.",
    "Accept",
    "Do not accept",
)
MENU = ("Home", "Articles for E0470", "KX modifier", "Contact us (800) 555-0102")
FOOT = ("Call (800) 555-0103 on weekdays.", HARM, "Last reviewed by the web team, Aetna Street 1")


@dataclass(frozen=True)
class Printed:
    """The text of a bulletin in its parts, as one line each."""

    title: str
    head: tuple[str, ...]
    body: tuple[str, ...]
    history: tuple[tuple[str, str], ...]
    last: str


def printed(text: str) -> Printed:
    title, *lines = [line for line in text.splitlines() if line]
    body = lines[2 : lines.index("Publication History")]
    history = lines[lines.index("Date of Change Description") + 1 : -1]
    rows = tuple((day, what) for day, _, what in (line.partition(" ") for line in history))
    return Printed(title, tuple(lines[:2]), tuple(body), rows, lines[-1])


def items(texts: Sequence[str]) -> str:
    return "".join(f"<li><a href='/x'>{escape(text)}</a></li>" for text in texts)


def paragraphs(texts: Sequence[str]) -> str:
    """The paragraphs; lines that begin with a star are the items of a list."""
    html = "".join(
        f"<li>{escape(text[2:])}</li>" if text.startswith("* ") else f"<p>{escape(text)}</p>\n"
        for text in texts
    )
    return html.replace("</p>\n<li>", "</p>\n<ul><li>").replace("</li><p>", "</li></ul>\n<p>")


def history(rows: Sequence[tuple[str, str]], head: str) -> str:
    """The history as a table whose header has `head` for its cells."""
    table = [f"<tr><{head}>Date of Change</{head}><{head}>Description</{head}></tr>"]
    table += [f"<tr><td>{day}</td><td><p>{escape(what)}</p></td></tr>" for day, what in rows]
    return f"<table>{''.join(table)}</table>"


def noridian(bulletin: Printed) -> str:
    """Elements with names, breadcrumbs that repeat the title, a column of links beside the text."""
    return (
        f"<header><img alt='Site' src='/l.png'><nav><ul>{items(MENU)}</ul></nav></header>"
        f"<div class='crumbs'><ol>{items(['Home', 'Articles', bulletin.title])}</ol></div>"
        f"<div class='columns'><div class='links'><h2>See also</h2><ul>{items(MENU)}</ul></div>"
        f"<div class='article'>\n<h1>{escape(bulletin.title)}</h1>\n"
        f"<nav><a href='/p'>Print E0470</a></nav>"
        f"<p><strong>{escape(bulletin.head[0])}</strong><br>{escape(bulletin.head[1])}</p>\n"
        f"{paragraphs(bulletin.body)}<h2>Publication History</h2>{history(bulletin.history, 'th')}"
        f"<p><em>{escape(bulletin.last)}</em></p>\n</div></div>"
        f"<footer>{paragraphs(FOOT)}</footer>"
    )


def cgs(bulletin: Printed) -> str:
    """Everything in one element, below a long licence; the history's heading is its caption."""
    caption = "<table><caption>Publication History</caption>"
    licence = f"<h2>{LICENCE[0]}</h2>{paragraphs(LICENCE[1:] * 20)}"
    return (
        f"<div id='all'><ul>{items(MENU)}</ul>{licence}"
        f"<div>{escape(' > '.join(['Home', 'News', bulletin.title]))}</div>"
        f"<h1>{escape(bulletin.title)}</h1><p>{bulletin.head[0]} | {bulletin.head[1]}</p>"
        f"{paragraphs(bulletin.body)}"
        f"{history(bulletin.history, 'th').replace('<table>', caption)}"
        f"<div>{escape(bulletin.last)}</div>{paragraphs(FOOT)}</div>"
    )


def pdac(bulletin: Printed) -> str:
    """A page arranged by a table; its heading stands in a header, its last line in a footer."""
    broken = escape(bulletin.last).replace(" ", "\n")
    return (
        f"<table><tr><td><ul>{items(MENU)}</ul>{paragraphs(FOOT)}</td><td>"
        f"<div><header><h1>{escape(bulletin.title.upper())}</h1>"
        f"<div>{bulletin.head[0]}</div><div>{bulletin.head[1]}</div></header>"
        f"{paragraphs(bulletin.body)}<p><b>Publication&nbsp;History</b></p>"
        f"{history(bulletin.history, 'td')}<footer>{broken}</footer>"
        f"<p>Was this page of use? Write to us about E0470.</p></div></td></tr></table>"
    )


SITES: dict[str, Callable[[Printed], str]] = {
    "noridian_k1007": noridian,
    "cgs_k1007": cgs,
    "pdac_k1007": pdac,
}
URLS = {name: f"https://{name}.example/1" for name in SITES}
TEXTS = ("verbatim", "specimen", "invented")


def source(name: str) -> Source:
    return load_source(ROOT / "sources" / f"{name}.yml")


def text_of(which: str) -> str:
    """The bulletin on K1007 verbatim or in our own words, or the one made up here."""
    if which == "invented":
        return INVENTED
    if which == "verbatim":
        path: Path = shared("seeds", "pdac_k1007_exoskeleton_correct_coding.txt")
    else:
        path = shipped("pdac_k1007", "correct_coding_bulletin")
    return path.read_text(encoding="utf-8")


def page(site: str, text: str) -> bytes:
    bulletin = printed(text)
    title = escape(f"{bulletin.title} | {site}")
    body = SITES[site](bulletin)
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return f"{head}<body>{body}</body></html>".encode()


def on_site(site: str, text: str) -> Extract:
    return extract(page(site, text), source(site))


def facts(found: Extract) -> list[tuple[str, Any]]:
    """All that is said but for whose page it is, and how deep headings are, which no text tells."""
    return [
        (record.table, {k: v for k, v in record.values.items() if k not in ("publisher", "level")})
        for record in found.records
    ]


def values(found: Extract, table: str) -> list[dict[str, Any]]:
    return [record.values for record in found.records if record.table == table]


def key(found: Extract) -> str | None:
    (bulletin,) = values(found, "bulletins")
    words: str | None = bulletin["text_key"]
    return words


def in_one_case(rows: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The facts with the title in small letters, where a site prints it in capitals."""
    title = next(values["title"] for table, values in rows if table == "bulletins")
    return [
        (
            table,
            {k: v.lower() if isinstance(v, str) and v == title else v for k, v in said.items()},
        )
        for table, said in rows
    ]


# ---------------------------------------------------------------- one bulletin on three sites


@pytest.mark.parametrize("which", ["verbatim", "specimen"])
@pytest.mark.parametrize("site", SITES)
def test_page_of_each_site_says_what_the_text_says_and_nothing_more(site: str, which: str) -> None:
    text = text_of(which)
    plain = extract(text.encode(), source("pdac_k1007"))
    found = on_site(site, text)
    assert in_one_case(facts(found)) == in_one_case(facts(plain))
    assert (found.posted_on, found.updated_on) == (plain.posted_on, plain.updated_on)
    assert found.effective_on is None
    assert not [problem for problem in found.problems if problem.holds]
    assert found.tally.unaccounted == 0


@pytest.mark.parametrize("site", SITES)
def test_list_and_history_of_a_page_are_read(site: str) -> None:
    found = on_site(site, INVENTED)
    assert in_one_case(facts(found)) == in_one_case(facts(on_site("cgs_k1007", INVENTED)))
    (bulletin,) = values(found, "bulletins")
    assert bulletin["issuers"] == ["DME MAC"]
    assert bulletin["codes"] == ["E8000", "E8001", "E8002"]
    assert (bulletin["posted_on"], bulletin["updated_on"]) == (date(2025, 3, 3), date(2025, 4, 10))
    assert [row["heading"] for row in values(found, "bulletin_sections")] == [
        None,
        "Publication History",
    ]
    assert values(found, "revisions") == [
        {"changed_on": date(2025, 3, 3), "description": "Originally Published"},
        {"changed_on": date(2025, 4, 10), "description": "The date of the review was moved"},
    ]
    (duty,) = values(found, "requirements")
    assert (duty["code"], duty["effective_from"]) == ("E8000", date(2025, 7, 1))
    assert [row["normalized"] for row in values(found, "citations")] == ["42 CFR 410.2"]
    assert values(found, "named_entities") == []


@pytest.mark.parametrize("site", SITES)
def test_lines_around_the_bulletin_are_counted_in_a_problem(site: str) -> None:
    found = on_site(site, INVENTED)
    told = " ".join(problem.message for problem in found.problems)
    assert "around the publication" in told or "outside of narrative.page.region" in told
    assert "E0470" not in repr(found.records)
    assert "555-01" not in repr(found.records)


# ---------------------------------------------------------------- pages that are none


def test_licence_page_in_place_of_the_bulletin_says_so() -> None:
    body = f"<h1>{LICENCE[0]}</h1>{paragraphs(LICENCE[1:])}"
    data = f"<html><body>{body}</body></html>".encode()
    with pytest.raises(ExtractionError, match="may ask to accept a licence"):
        extract(data, source("cgs_k1007"))


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        ("<h1>", "<h1>Licence</h1><h1>", r"has 2 headings of level 1.*'Licence'"),
        ("</body>", "<p>Last updated May 1, 2025</p></body>", "has 2 lines like narrative.page"),
        ("Last Updated April 10, 2025", "Last Updated", "has no lines like narrative.page.last"),
        ("<h1>", "<h1 style='display:none'>", "has no headings of level 1"),
    ],
)
def test_page_whose_bounds_are_not_certain_is_not_read(found: str, put: str, message: str) -> None:
    data = page("cgs_k1007", INVENTED).decode().replace("<div id='all'>", "").replace(found, put)
    with pytest.raises(ExtractionError, match=message):
        extract(data.encode(), source("cgs_k1007"))


def test_two_bulletins_on_one_page_are_not_read_as_one() -> None:
    one = noridian(printed(INVENTED))
    data = f"<html><body><div>{one}</div><div>{one}</div></body></html>".encode()
    with pytest.raises(ExtractionError, match="finds 2 parts of the page instead of one"):
        extract(data, source("noridian_k1007"))


# ---------------------------------------------------------------- the key of the words


@pytest.mark.parametrize("which", TEXTS)
def test_key_is_the_same_on_all_sites_and_in_the_text(which: str) -> None:
    text = text_of(which)
    keys = {key(on_site(site, text)) for site in SITES}
    keys.add(key(extract(text.encode(), source("pdac_k1007"))))
    assert len(keys) == 1
    assert None not in keys


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ("steadies", "steadied", False),
        ("Gait Trainers -", "Gait Trainer -", False),
        ("was moved", "was kept", False),
        ("03/03/25", "03/04/25", False),
        ("410.2", "4102", False),
        ("July 1, 2025", "July 1,  2025", True),
        ("03/03/25", "3/3/2025", True),
        ("Joint DME MAC Publication", "Joint DME MAC and PDAC Publication", True),
        ("Posted March 3, 2025", "Posted March 4, 2025", True),
        ("Last Updated April 10, 2025", "Last Updated April 11, 2025", True),
        ("walker's", "walker\u2019s", True),
        ("Trainers - Correct", "Trainers \u2013 Correct", True),
    ],
)
def test_key_differs_with_the_words_alone(old: str, new: str, is_same: bool) -> None:
    assert old in INVENTED
    changed = on_site("cgs_k1007", INVENTED.replace(old, new, 1))
    assert (key(changed) == key(on_site("noridian_k1007", INVENTED))) == is_same


def test_publication_without_text_or_without_its_end_has_no_key() -> None:
    assert key(extract(b"Only A Title", source("pdac_k1007"))) is None
    cut = b"A Title\n\nSome text.\n\n| Code | Fee |\n|---|---|\n| L1111 | 5 |\n| L2222"
    assert key(extract(cut, source("pdac_k1007"))) is None


# ---------------------------------------------------------------- the tables of a release


def of_release(*bulletins: tuple[str, Extract]) -> dict[str, pa.Table]:
    """The tables that a release would have of these bulletins, and one of another kind."""
    tables = {}
    for name in FILLED:
        parts = [
            arrange(
                TABLES[name],
                [record for record in found.records if record.table == name],
                {"source": each, "document": "d", "sha256": "0" * 64, "url": URLS.get(each)},
            )
            for each, found in bulletins
        ]
        tables[name] = pa.concat_tables(parts)
    tables["prior_authorization"] = pa.table({"source": [each for each, _ in bulletins]})
    return tables


def all_sites(text: str) -> list[tuple[str, Extract]]:
    return [(site, on_site(site, text)) for site in SITES]


def test_bulletin_at_three_addresses_is_one_with_all_of_them() -> None:
    tables = of_release(*all_sites(INVENTED))
    order = ["cigna", "pdac_k1007", "cgs_k1007", "noridian_k1007"]
    found, stands_for = merged(tables, order)
    assert stands_for == {"cgs_k1007": "pdac_k1007", "noridian_k1007": "pdac_k1007"}
    for name in FILLED:
        rows = tables[name].to_pylist()
        kept = [row for row in rows if row["source"] == "pdac_k1007"]
        if name == "bulletins":
            kept = [row | {"addresses": sorted(URLS.values())} for row in kept]
        assert found[name].to_pylist() == kept
        assert found[name].schema == tables[name].schema
    assert found["prior_authorization"] is tables["prior_authorization"]
    assert merged(found, order)[0]["bulletins"] == found["bulletins"]


def test_bulletins_with_other_words_stay_as_they_are_with_their_own_address() -> None:
    other = on_site("cgs_k1007", INVENTED.replace("children", "pupils"))
    tables = of_release(("cgs_k1007", other), *all_sites(INVENTED)[::2])
    found, stands_for = merged(tables, list(SITES))
    assert stands_for == {"pdac_k1007": "noridian_k1007"}
    addresses = {row["source"]: row["addresses"] for row in found["bulletins"].to_pylist()}
    assert addresses == {
        "cgs_k1007": [URLS["cgs_k1007"]],
        "noridian_k1007": sorted([URLS["noridian_k1007"], URLS["pdac_k1007"]]),
    }


def test_source_with_several_bulletins_is_never_merged() -> None:
    other = on_site("cgs_k1007", INVENTED.replace("children", "pupils"))
    same = all_sites(INVENTED)[:2]
    tables = of_release(*same, ("cgs_k1007", other))
    found, stands_for = merged(tables, list(SITES))
    assert stands_for == {}
    assert {name: found[name].num_rows for name in FILLED} == {
        name: tables[name].num_rows for name in FILLED
    }


def test_bulletins_without_key_or_address_are_never_the_same() -> None:
    empty = extract(b"Only A Title", source("pdac_k1007"))
    found, stands_for = merged(of_release(("a", empty), ("b", empty)), ["a", "b"])
    assert stands_for == {}
    assert found["bulletins"]["addresses"].to_pylist() == [None, None]


def test_source_that_the_order_does_not_have_is_named() -> None:
    with pytest.raises(ValueError, match="'cgs_k1007' cannot be compared"):
        merged(of_release(*all_sites(INVENTED)), ["pdac_k1007", "noridian_k1007"])


def test_key_and_addresses_change_nothing_of_what_a_row_says() -> None:
    assert {"text_key", "addresses"} <= set(BULLETINS.names_of("derived"))
