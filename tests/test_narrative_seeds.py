"""The three narrative publications: what each says, as a golden.

Each is read twice: verbatim, where `../shared` lies beside the project, and as the specimen in
raw/, which says the same in other words and with the same defects. The bulletin is read as HTML
and as PDF besides.
"""

from __future__ import annotations

import html
import io
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import yaml
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas

from extractors.html import read_html
from extractors.narrative import narrate
from extractors.pdf import read_pdf
from extractors.prose.claims import judge
from extractors.prose.outline import BLANK, CUT_TABLE
from extractors.reading import Passage, Reading, Row
from extractors.records import Extract
from extractors.text import read_text
from schemas.source import Source
from tests.conftest import ROOT, shared, shipped

SEEDS = {
    "pdac_k1007": "pdac_k1007_exoskeleton_correct_coding.txt",
    "vendor_l1320": "vendor_article_l1320.txt",
    "vendor_l2387": "vendor_summary_l2387_truncated.txt",
}
COPIES = ("verbatim", "specimen")

# Official words: CMS, HCPCS Level II.
K1007 = (
    "Bilateral hip, knee, ankle, foot device, powered, includes pelvic component, single or double "
    "upright(s), knee joints any type, with or without ankle joints any type, includes all "
    "components and accessories, motors, microprocessors, sensors"
)
L2387 = (
    "Addition to lower extremity, polycentric knee joint, for custom fabricated knee ankle foot "
    "orthosis, each joint"
)


@dataclass(frozen=True)
class Said:
    """A publication, its reading and all that was read from it."""

    data: bytes
    reading: Reading
    extract: Extract

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [record.values for record in self.extract.records if record.table == table]

    def values(self, table: str, column: str) -> list[Any]:
        return [row[column] for row in self.rows(table)]

    def entities(self, kind: str) -> set[str]:
        return {row["value"] for row in self.rows("named_entities") if row["kind"] == kind}


def source(name: str) -> Source:
    text = (ROOT / "sources" / f"{name}.yml").read_text(encoding="utf-8")
    return Source.model_validate(yaml.safe_load(text))


def bytes_of(name: str, copy: str) -> bytes:
    if copy == "verbatim":
        return shared("seeds", SEEDS[name]).read_bytes()
    return shipped(name, source(name).document).read_bytes()


def read(name: str, data: bytes, reader: Callable[[bytes], Reading] = read_text) -> Said:
    reading = reader(data)
    return Said(data, reading, narrate(reading, source(name)))


@pytest.fixture(params=COPIES)
def bulletin(request: pytest.FixtureRequest) -> Said:
    """The DME MACs' and PDAC's bulletin on K1007."""
    return read("pdac_k1007", bytes_of("pdac_k1007", request.param))


@pytest.fixture(params=COPIES)
def article(request: pytest.FixtureRequest) -> Said:
    """A vendor's article on L1320, which is wrong about every code it defines."""
    return read("vendor_l1320", bytes_of("vendor_l1320", request.param))


@pytest.fixture(params=COPIES)
def summary(request: pytest.FixtureRequest) -> Said:
    """A vendor's page on L2387, which ends inside a table."""
    return read("vendor_l2387", bytes_of("vendor_l2387", request.param))


# ---------------------------------------------------------------- the bulletin on K1007


def as_html(text: str) -> bytes:
    """The bulletin as a web page: heading, paragraphs, and its history as a table."""
    body = []
    lines = [line for line in text.splitlines() if line]
    title = lines.pop(0)
    body.append(f"<h1>{html.escape(title)}</h1>")
    for line in lines:
        if line == "Publication History":
            body.append(f"<h2>{line}</h2>")
        elif line == "Date of Change Description":
            body.append("<table><tr><th>Date of Change</th><th>Description</th></tr>")
        elif line.startswith("12/28/23 "):
            day, _, what = line.partition(" ")
            body.append(f"<tr><td>{day}</td><td>{what}</td></tr></table>")
        else:
            body.append(f"<p>{html.escape(line)}</p>")
    return "\n".join(["<html><body>", *body, "</body></html>"]).encode()


def as_pdf(text: str) -> bytes:
    """The bulletin printed: paragraphs wrapped at 90 characters, a gap between them, two pages."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=letter)
    top = letter[1] - 72
    for line in text.splitlines():
        for printed in textwrap.wrap(line, 90, break_on_hyphens=False):
            if top < 380:
                canvas.showPage()
                top = letter[1] - 72
            canvas.setFont("Helvetica", 10)
            canvas.drawString(72, top, printed)
            top -= 14
        top -= 7
    canvas.save()
    return buffer.getvalue()


@pytest.fixture(params=[f"{form}-{copy}" for form in ("text", "html", "pdf") for copy in COPIES])
def bulletin_in_any_format(request: pytest.FixtureRequest) -> Said:
    """The bulletin as text, as a web page and as a PDF."""
    form, copy = request.param.split("-")
    data = bytes_of("pdac_k1007", copy)
    if form == "html":
        return read("pdac_k1007", as_html(data.decode()), read_html)
    if form == "pdf":
        return read("pdac_k1007", as_pdf(data.decode()), read_pdf)
    return read("pdac_k1007", data)


def test_bulletin_says_the_same_in_every_format(bulletin_in_any_format: Said) -> None:
    said = bulletin_in_any_format
    extract = said.extract
    assert extract.title == "Powered Lower Extremity Exoskeleton - Correct Coding"
    assert extract.posted_on == extract.updated_on == date(2023, 12, 28)
    assert extract.effective_on is None
    assert not extract.is_truncated
    assert not [problem for problem in extract.problems if problem not in said.reading.problems]
    (row,) = said.rows("bulletins")
    assert row["title"] == extract.title
    assert row["issuers"] == ["DME MAC", "PDAC"]
    assert row["kind"] == "bulletin"
    assert row["posted_on"] == row["updated_on"] == date(2023, 12, 28)
    assert row["codes"] == ["K1007"]
    assert row["is_truncated"] is False

    assert said.values("bulletin_sections", "heading") == [None, "Publication History"]
    assert said.rows("revisions") == [
        {"changed_on": date(2023, 12, 28), "description": "Originally Published"}
    ]
    assert set(said.values("citations", "normalized")) == {
        "CMS-1780-F",
        "42 CFR 410.2",
        "42 CFR 414.40",
        "45 CFR 162.1002",
        "IOM 100-08 ch3 s3.3.B",
        "IOM 100-08 ch3 s3.6.2.4",
        "DMEPOS Quality Standards, Appendix C",
    }
    assert said.rows("products") == [
        {
            "code": "K1007",
            "product": "Rewalk",
            "manufacturer": "Argo Technologies",
            "relation": "coded_as",
            "stated_on": date(2023, 12, 28),
        }
    ]
    assert extract.tally.unaccounted == 0


def test_bulletin_states_one_duty(bulletin_in_any_format: Said) -> None:
    (duty,) = bulletin_in_any_format.rows("requirements")
    sentence = duty.pop("sentence")
    assert duty == {
        "code_system": "HCPCS",
        "code": "K1007",
        "requirement": "coding_verification",
        "authority": "PDAC",
        "list_referenced": "Product Classification List (PCL)",
        "effective_from": date(2024, 6, 1),
        "date_semantics": "dos",
    }
    assert sentence.startswith("Effective for claims with dates of service on or after June 1 2024")
    assert sentence.endswith(".")


def test_bulletin_mentions_k1007_and_no_other_code(bulletin_in_any_format: Said) -> None:
    mentions = bulletin_in_any_format.rows("code_mentions")
    assert len(mentions) == 4
    assert {(row["code"], row["code_raw"], row["role"]) for row in mentions} == {
        ("K1007", "K1007", "subject")
    }


def test_bulletin_claims_the_official_words_for_k1007(bulletin_in_any_format: Said) -> None:
    (claim,) = bulletin_in_any_format.rows("code_claims")
    assert claim == {
        "code_system": "HCPCS",
        "code": "K1007",
        "claimed_text": K1007.upper(),
        "agreement": "unknown",
    }
    verdict = judge(claim["claimed_text"], K1007)
    assert (verdict.agreement, verdict.score) == ("agrees", 1.0)


def test_lines_of_the_bulletin_are_accounted_for(bulletin: Said) -> None:
    tally = bulletin.extract.tally
    assert tally.lines_seen == len(bulletin.data.decode().split("\n")) == 25
    assert tally.headers == 3  # title, Publication History, Date of Change Description
    assert tally.ignored == {BLANK: 10}
    assert tally.row_lines == 12


# ---------------------------------------------------------------- the article on L1320


def test_article_is_about_l1320(article: Said) -> None:
    (row,) = article.rows("bulletins")
    assert row["title"].startswith("HCPCS Code L1320: ")
    assert row["codes"] == ["L1320", "L0627", "L0454", "L1832"]
    assert row["kind"] == "vendor_article"
    assert row["is_truncated"] is False
    assert row["posted_on"] is None
    assert article.rows("requirements") == []
    assert article.rows("citations") == []
    assert article.extract.problems == ()


def test_article_has_the_sections_of_its_markdown_headings(article: Said) -> None:
    sections = article.rows("bulletin_sections")
    assert [row["level"] for row in sections] == [1, 2, 2, 2, 2, 2, 2, 2]
    headings = [row["heading"] for row in sections]
    assert headings[:2] == ["HCPCS Code L1320", "Definition"]
    assert headings[-1] == "Similar Codes"
    assert [row["text"] is None for row in sections] == [True] + [False] * 7
    assert [row["ordinal"] for row in sections] == list(range(1, 9))


def test_article_names_similar_codes(article: Said) -> None:
    roles = {(row["code"], row["role"]) for row in article.rows("code_mentions")}
    assert roles == {
        ("L1320", "subject"),
        ("L0627", "similar"),
        ("L0454", "similar"),
        ("L1832", "similar"),
    }


def test_article_claims_are_its_own_words(article: Said) -> None:
    claims = {row["code"]: row["claimed_text"] for row in article.rows("code_claims")}
    assert list(claims) == ["L1320", "L0627", "L0454", "L1832"]
    assert claims["L1320"] == (
        "Cervical, thoracic, or lumbosacral orthosis, flexible, provides trunk support"
    )
    assert re.fullmatch(r"a lumbar-sacral \w+ with flexible support", claims["L0627"])
    assert re.fullmatch(
        r"a thoracic-lumbar-sacral .*\bboth rigid and flexible \w+", claims["L0454"]
    )
    assert re.match(r"a soft \w+ for the knee\b", claims["L1832"])
    assert set(article.values("code_claims", "agreement")) == {"unknown"}


def test_article_is_wrong_where_its_words_are_opposite_to_the_official_ones(article: Said) -> None:
    path = shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    official = {row[2]: row[3] for row in rows if len(row) == 7}
    official["L0454"] = "TLSO, flexible, provides trunk support, with rigid stays or panel(s)"
    claims = {row["code"]: row["claimed_text"] for row in article.rows("code_claims")}
    verdicts = {code: judge(claims[code], official[code]) for code in ("L0627", "L1832", "L0454")}
    assert verdicts["L0627"].agreement == "conflicts"
    assert verdicts["L0627"].terms_in_conflict == ("flexible", "rigid")
    assert verdicts["L1832"].agreement == "conflicts"
    assert verdicts["L1832"].terms_in_conflict == ("soft", "rigid")
    assert verdicts["L0454"].agreement in ("agrees", "compatible")


def test_article_names_modifiers_and_payers(article: Said) -> None:
    assert article.entities("modifier") == {"RT", "LT", "KX", "99"}
    assert article.entities("payer") == {"Medicare", "Medicaid"}


def test_boilerplate_of_the_site_is_ignored_by_its_rule(article: Said) -> None:
    tally = article.extract.tally
    assert tally.unaccounted == 0
    assert tally.ignored["site_boilerplate"] == 1
    assert not any(
        "cannot copy" in (text or "") for text in article.values("bulletin_sections", "text")
    )


# ---------------------------------------------------------------- the summary on L2387


def test_summary_is_about_l2387(summary: Said) -> None:
    (row,) = summary.rows("bulletins")
    assert row["title"] == "HCPCS L2387: Addition, Polycentric Knee Joint for Custom KAFO"
    assert row["codes"] == ["L2387"]
    mentions = {(row["code"], row["role"]) for row in summary.rows("code_mentions")}
    assert mentions == {("L2387", "subject")}


def test_summary_has_the_sections_that_its_source_lists(summary: Said) -> None:
    assert summary.values("bulletin_sections", "heading") == [
        "Summary & Overview",
        "Billing Code Overview",
        "Clinical & Coding Specifications",
        "Clinical Context",
        "Coding Specifications",
    ]


def test_summary_claims_agree_with_the_official_words(summary: Said) -> None:
    claims = summary.values("code_claims", "claimed_text")
    assert len(claims) == 2
    assert claims[0].endswith(", billed per joint")
    assert {judge(claim, L2387).agreement for claim in claims} == {"agrees"}


def test_summary_names_payers_and_modifiers(summary: Said) -> None:
    assert summary.entities("payer") == {
        "Aetna",
        "Blue Cross Blue Shield",
        "Cigna",
        "UnitedHealthcare",
        "Medicare",
    }
    assert summary.entities("modifier") == {"RT", "LT"}
    printed = {row["value"]: row["value_raw"] for row in summary.rows("named_entities")}
    assert printed["Cigna"] == "Cigna Health"


def test_cut_table_of_the_summary_gives_no_rows_and_is_reported(summary: Said) -> None:
    extract = summary.extract
    assert extract.is_truncated
    assert summary.values("bulletins", "is_truncated") == [True]
    assert extract.tally.unaccounted == 0
    assert extract.tally.ignored == {CUT_TABLE: 2}
    (problem,) = extract.problems
    assert not problem.holds
    assert "Modifier | Description | When to Use" in problem.message
    assert problem.place is not None
    assert problem.place.line == 14
    assert not any(
        "When to Use" in (text or "") for text in summary.values("bulletin_sections", "text")
    )


# ---------------------------------------------------------------- every one of them


def _printed(reading: Reading) -> Iterator[tuple[tuple[int, int], Passage | Row]]:
    return (((line.place.page, line.place.line), line) for line in reading.lines)


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("name", SEEDS)
def test_every_fact_leads_back_to_its_printed_line(name: str, copy: str) -> None:
    said = read(name, bytes_of(name, copy))
    lines = dict(_printed(said.reading))
    assert said.extract.records
    for record in said.extract.records:
        line = lines[(record.place.page, record.place.line)]
        assert record.raw_text == line.raw_text
        for column in ("code_raw", "raw", "value_raw", "claimed_text"):
            if column in record.values:
                assert record.values[column] in record.raw_text


@pytest.mark.parametrize("name", SEEDS)
def test_specimen_has_the_defects_of_the_publication(name: str) -> None:
    verbatim = shared("seeds", SEEDS[name]).read_text(encoding="utf-8")
    text = shipped(name, source(name).document).read_text(encoding="utf-8")
    defects = {
        "pdac_k1007": (
            "K1007(B",
            "June 1 2024",
            "Dec 28 , 2023",
            "12/28/23 ",
            "codes K1007",
            "\nDate of Change Description\n",
        ),
        "vendor_l1320": ("\nYou cannot copy content of this page", "“99,”"),
        "vendor_l2387": (
            "\n| Modifier | Description | When to Use |\n|---|",
            "Data not available in the input",
        ),
    }
    for defect in defects[name]:
        assert defect in verbatim
        assert defect in text
    assert not text.endswith("\n")


@pytest.mark.parametrize("name", SEEDS)
def test_specimen_is_not_a_copy(name: str) -> None:
    """No 15 words in a row are the publication's own, official descriptors aside."""
    verbatim = shared("seeds", SEEDS[name]).read_text(encoding="utf-8")
    text = shipped(name, source(name).document).read_text(encoding="utf-8")
    quoted = re.compile(r"K1007\([A-Z ,()]+\)|“Cervical[^”]+”|polycentric knee joint")
    ours = " ".join(quoted.sub("#", text).split())
    for line in quoted.sub("#", verbatim).splitlines():
        words = line.split()
        runs = [" ".join(words[start : start + 15]) for start in range(len(words) - 14)]
        assert [run for run in runs if run in ours] == []
