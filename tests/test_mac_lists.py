"""The lists of Medicare's contractors for equipment, on pages written here in their shape."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from extractors.extract import extract
from extractors.records import Extract, arrange
from flows.facts import contradictions
from flows.registry import load_source
from schemas.source import Source
from schemas.tables import PRIOR_AUTHORIZATION
from tests.conftest import ROOT

SOURCES = ("cgs_jb_dme_pa", "cgs_jc_dme_pa", "noridian_ja_dme_pa", "noridian_jd_dme_pa")
ORTHOSES = """<p>L0648, L0650, L1832,&nbsp;L1851</p>
  <p><strong>Effective August 12, 2024:</strong><br>L0631, L0637, L0639,
     L1843, L1845, L1951</p>
  <p><em>*L1833 removed from list effective August&nbsp;12, 2024</em></p>"""
AUGUST_12, AUGUST_28 = date(2024, 8, 12), date(2024, 8, 28)
NOVEMBER_12 = date(2024, 11, 12)
PHASES = (
    "Phase 1 (California, Florida, Ohio, Pennsylvania) effective August 12, 2024; "
    "all other states effective November 12, 2024"
)

# Code, state, status and the two dates of a rule.
Rule = tuple[str, str | None, str, date | None, date | None]


def page(*rows: str, below: str = "") -> bytes:
    return f"""<!doctype html><html lang="en"><head><title>Programs | A contractor</title></head>
<body>
  <div id="skip"><a href="#top">Skip to the content</a></div>
  <nav><ul><li><a href="/claims">Claims</a></li><li><a href="/fees">Fees</a></li></ul></nav>
  <div class="licence"><h2>Licence for the use of a code set</h2>
    <p>These terms are invented. You shall not remove any notice, 60610 Chicago.</p>
    <button>I accept</button> <button>I decline</button></div>
  <div class="side"><ul><li>Appeals</li><li>Forms</li></ul></div>
  <main id="top"><h1>Programs of prior authorization</h1>
    <p>A request is sent before the item is delivered.</p>
    <table><caption>Programs</caption>
      <thead><tr><th>Program</th><th>HCPCS<br>Codes</th><th>When to expect a decision</th>
        <th>Decision is valid for</th></tr></thead>
      <tbody>{"".join(rows)}</tbody></table>{below}
    <p>Last Updated August 30, 2024</p></main>
  <footer><p>All rights reserved</p></footer>
</body></html>""".encode()


def program(name: str, codes: str) -> str:
    return (
        f"<tr><td>{name}</td><td>{codes}</td>"
        "<td>5 business days<br>(not to exceed 7 calendar days)</td><td>60 calendar days</td></tr>"
    )


WHOLE = page(
    program("Power Mobility Devices", "K0800-K0802, K0813&ndash;K0829,<br>K0856-K0864, K0890"),
    program("Support Surfaces", "E0193, E0277, E0371, E0372, E0373"),
    program("Lower Limb Prostheses", "<ul><li>L5856</li><li>L5857, L5858</li><li>L5973</li></ul>"),
    program("Osteogenesis Stimulators", "E0747, E0748, E0760 suspended effective August 28, 2024"),
    program("Orthoses", ORTHOSES),
)


@pytest.fixture(scope="module")
def source() -> Source:
    return load_source(ROOT / "sources" / "cgs_jc_dme_pa.yml")


def rules(found: Extract) -> list[Rule]:
    assert not [record.faults for record in found.records if record.faults]
    names = ("code", "state", "pa_status", "effective_from", "effective_to")
    return [tuple(map(record.values.get, names)) for record in found.records]  # type: ignore[misc]


def orthoses(codes: str, source: Source) -> list[Rule]:
    return rules(extract(page(program("Orthoses", codes)), source))


def held(found: Extract) -> list[str]:
    return [problem.message for problem in found.problems if problem.holds]


def required(code: str, start: date | None = None, end: date | None = None) -> Rule:
    return (code, None, "required", start, end)


def suspended(code: str, start: date | None, end: date | None = None) -> Rule:
    return (code, None, "suspended", start, end)


@pytest.mark.parametrize("name", SOURCES)
def test_four_contractors_are_read_alike(name: str, source: Source) -> None:
    other = load_source(ROOT / "sources" / f"{name}.yml")
    assert (other.table, other.expect) == (source.table, source.expect)
    assert (other.extract, other.line_of_business, other.tier) == (True, "medicare_ffs", 1)


def test_orthoses_are_four_open_six_dated_and_one_closed_rule(source: Source) -> None:
    found = extract(page(program("Orthoses", ORTHOSES)), source)
    assert held(found) == []
    assert rules(found) == [
        *map(required, ("L0648", "L0650", "L1832", "L1851")),
        *(required(c, AUGUST_12) for c in ("L0631", "L0637", "L0639", "L1843", "L1845", "L1951")),
        required("L1833", None, AUGUST_12),
    ]
    for record in found.records:
        values = record.values
        assert values["turnaround"] == "5 business days (not to exceed 7 calendar days)"
        assert values["validity"] == "60 calendar days"
        assert (values["payer"], values["line_of_business"]) == ("medicare", "medicare_ffs")
        assert (values["pa_raw"], values["description_license"]) == ("(listed)", "public")
        assert values["category_raw"] == "Orthoses"


def test_orthoses_printed_on_one_line_are_the_same_rules(source: Source) -> None:
    flat = (
        "L0648, L0650, L1832, L1851 Effective August 12, 2024: L0631, L0637, L0639, L1843, L1845, "
        "L1951 *L1833 removed from list effective August 12, 2024"
    )
    assert orthoses(flat, source) == orthoses(ORTHOSES, source)


def test_whole_page_is_read_and_its_menus_and_licence_are_not(source: Source) -> None:
    found = extract(WHOLE, source)
    assert held(found) == []
    assert found.tally.unaccounted == 0
    assert found.updated_on == date(2024, 8, 30)
    ranges = {r.values["code"]: r.values["code_end"] for r in found.records[:4]}
    assert ranges == {"K0800": "K0802", "K0813": "K0829", "K0856": "K0864", "K0890": None}
    assert len(rules(found)) == 4 + 5 + 4 + 6 + 11
    gate = arranged(found)
    assert len(set(gate["row_key"].to_pylist())) == 30
    assert contradictions(gate, source) == []


def test_suspended_codes_are_required_until_then_and_suspended_since(source: Source) -> None:
    codes = ("E0747", "E0748", "E0760")
    expected = [
        rule
        for code in codes
        for rule in (required(code, None, AUGUST_28), suspended(code, AUGUST_28))
    ]
    words = "suspended effective August 28, 2024"
    for cell in (
        f"E0747, E0748, E0760 {words}",
        f"E0747, E0748 and E0760<br>{words.capitalize()}.",
        f"{words.capitalize()}:<br>E0747, E0748, E0760",
        f"E0747*, E0748*, E0760*<p>* {words.capitalize()}</p>",
        f"E0747, E0748, E0760<br>*E0747, E0748, E0760 {words}",
    ):
        assert orthoses(cell, source) == expected, cell


def test_suspended_rule_shows_its_words_and_its_hl7_code(source: Source) -> None:
    found = extract(page(program("x", "E0747 suspended effective August 28, 2024")), source)
    before, since = (record.values for record in found.records)
    assert (before["pa_raw"], before["crd_pa_needed"]) == ("(listed)", "auth-needed")
    assert since["pa_raw"] == "E0747 suspended effective August 28, 2024"
    assert (since["crd_pa_needed"], since["effective_basis"]) == ("no-auth", "note")


@pytest.mark.parametrize(
    "end",
    [
        " until January 6, 2025",
        "; resumes January 6, 2025",
        ". Prior authorization resumes effective January 6, 2025.",
        "; E0747 resumed on January 6, 2025",
    ],
)
def test_suspension_that_is_lifted_ends_and_the_code_is_required_again(
    end: str, source: Source
) -> None:
    lifted = date(2025, 1, 6)
    assert orthoses(f"E0747 suspended effective August 28, 2024{end}", source) == [
        required("E0747", None, AUGUST_28),
        suspended("E0747", AUGUST_28, lifted),
        required("E0747", lifted),
    ]


def test_code_removed_while_it_is_suspended_ends_that_day(source: Source) -> None:
    cell = (
        "*E0747 suspended effective August 28, 2024 "
        "*E0747 removed from list effective November 12, 2024"
    )
    assert orthoses(cell, source) == [
        required("E0747", None, AUGUST_28),
        suspended("E0747", AUGUST_28, NOVEMBER_12),
    ]


def test_phase_begins_in_its_states_and_later_everywhere(source: Source) -> None:
    expected = [
        *(("L0651", state, "required", AUGUST_12, None) for state in ("CA", "FL", "OH", "PA")),
        ("L0651", None, "required", NOVEMBER_12, None),
    ]
    assert orthoses(f"L0648<br>{PHASES}: L0651", source) == [required("L0648"), *expected]
    assert orthoses(f"L0651<br>{PHASES}.", source) == expected
    short = PHASES.replace("California, Florida, Ohio, Pennsylvania", "CA, FL, OH &amp; PA")
    assert orthoses(f"{short}: L0651", source) == expected


def test_suspension_holds_in_every_phase_that_had_begun_and_from_the_first_day_of_others(
    source: Source,
) -> None:
    cell = f"{PHASES}: L0651 *L0651 suspended effective August 28, 2024"
    found = orthoses(cell, source)
    assert found[:2] == [
        ("L0651", "CA", "required", AUGUST_12, AUGUST_28),
        ("L0651", "CA", "suspended", AUGUST_28, None),
    ]
    assert found[8:] == [suspended("L0651", NOVEMBER_12)]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (f"{PHASES.replace('Ohio', 'Ohia')}: L0651", "'Ohia' among the states of L0651"),
        ("L0648, L0650 under review", "'L0648, L0650 under review' is not a code"),
        ("L0648 new<br>Effective August 12, 2024: L0631", "'L0648 new' in the code cell is neit"),
        (
            "L0648, L0650 L1833 removed from list effective August 12, 2024",
            "it cannot be told of which codes 'L1833 removed from list",
        ),
        (
            "L0648,<br>L1833 removed from list effective August 12, 2024",
            "it cannot be told of which codes 'L0648, L1833 removed",
        ),
        (
            "L0648, L0650<br>E0747, E0748<br>suspended effective August 28, 2024",
            "it cannot be told of which codes 'E0747, E0748 suspended",
        ),
        (f"L0648<br>L0651*<br>{PHASES}", "it cannot be told of which codes 'Phase 1"),
        ("L0648 *Suspended effective August 28, 2024", "dates no code"),
        ("E0747 suspended effective August 28, 2024 through May 1, 2025", "'through May 1, 2025'"),
        ("E0747 suspended effective May 1, 2025 until May 1, 2024", "is suspended from 'May 1,"),
        (
            "E0747 suspended effective May 1, 2025; E0747 suspended effective May 2, 2025",
            "date E0747 'May 1, 2025' and 'May 2, 2025'",
        ),
        ("E0747 suspended effective June 31, 2024", "'June 31, 2024' is not a date"),
        (
            "K0800-K0808 *K0805 removed from list effective August 12, 2024",
            "say of 'K0805' what they do not say of 'K0800-K0808'",
        ),
        (
            "K08xx *K0805 suspended effective August 28, 2024",
            "say of 'K0805' what they do not say of 'K08xx'",
        ),
        (
            "K0801, K0802 *K0800-K0802 suspended effective August 28, 2024",
            "say of 'K0801' what they do not say of 'K0800-K0802'",
        ),
        (
            f"L0651, L0648<br>{PHASES}: L0651",
            "say of 'L0651' what they do not say of 'L0651'",
        ),
        ("L0648, L1833*", "the footnote of its mark '*' was not found"),
    ],
)
def test_cell_that_is_not_understood_is_at_fault_and_never_guessed(
    cell: str, said: str, source: Source
) -> None:
    found = extract(page(program("Orthoses", cell)), source)
    assert any(said in fault for record in found.records for fault in record.faults)


@pytest.mark.parametrize(
    "line",
    [
        "<p>Prior authorization of E0747 is suspended.</p>",
        "<nav><a href='/new'>New: E0747 is no longer listed</a></nav>",
        "<p>The program is suspended until further notice.</p>",
        "<p>Prior authorization of stimulators is not required until further notice.</p>",
        "<p>The requirement is waived in a disaster.</p>",
        "<p>The program of orthoses is on hold.</p>",
        "<p>Effective for dates of service on or after January 6, 2026, all states.</p>",
        "<p>Phones: beginning January 6, 2026</p>",
        "<p>* Removed from the list</p>",
        "<p>The program of orthoses is effective November 12, 2024 in all states.</p>",
        "<table><tr><th>Program<th>HCPCS Codes<th>Fax</tr><tr><td>x<td>L0648<td>1</table>",
    ],
)
def test_line_outside_the_table_that_may_change_a_rule_holds_the_page(
    line: str, source: Source
) -> None:
    assert held(extract(page(program("Orthoses", ORTHOSES), below=line), source))


def test_row_of_another_table_is_no_rule(source: Source) -> None:
    fax = "<table><tr><th>Item<th>Codes<th>Phone<th>Fax</tr><tr><td>Braces<td>L0999<td>1<td>2"
    found = extract(page(program("Orthoses", ORTHOSES), below=f"{fax}</table>"), source)
    assert found.records[-1].faults == ("'1' is no time in which to expect a decision",)


def test_page_without_its_table_or_with_another_column_is_held(source: Source) -> None:
    assert held(extract(WHOLE.replace(b"Decision is valid for", b"Number"), source))
    assert held(extract(b"<html><body><h1>Licence</h1><p>Accept.</p></body></html>", source))


def arranged(found: Extract) -> pa.Table:
    origin = {"source": "s", "document": "d", "sha256": "0" * 64, "url": None}
    return arrange(PRIOR_AUTHORIZATION, found.records, origin)


def record_rows(*spells: tuple[str, date | None, date | None]) -> pa.Table:
    """Rules of one code with their statuses and dates, as the document gate sees them."""
    row: dict[str, Any] = dict.fromkeys(PRIOR_AUTHORIZATION.names)
    names = ("pa_status", "effective_from", "effective_to")
    rows = [{**row, "code": "E0747", **dict(zip(names, each, strict=True))} for each in spells]
    return pa.Table.from_pylist(rows)


def test_rules_that_follow_each_other_keep_the_first_key(source: Source) -> None:
    alone = arranged(extract(page(program("x", "E0747")), source))
    cell = "E0747 suspended effective August 28, 2024 until January 6, 2025"
    three = arranged(extract(page(program("x", cell)), source))
    keys = three["row_key"].to_pylist()
    assert keys[0] == alone["row_key"][0].as_py()
    assert len(set(keys)) == 3
    twice = arranged(extract(page(program("x", "E0747"), program("y", "E0747")), source))
    assert len(set(twice["row_key"].to_pylist())) == 1


@pytest.mark.parametrize(
    ("end", "start", "contradict"),
    [(AUGUST_28, AUGUST_28, []), (None, AUGUST_28, ["E0747"]), (NOVEMBER_12, None, ["E0747"])],
)
def test_two_statuses_contradict_each_other_only_on_one_day(
    end: date | None, start: date | None, contradict: list[str], source: Source
) -> None:
    rows = record_rows(("suspended", start, None), ("required", None, end))
    assert contradictions(rows, source) == contradict
