"""The shapes in which pages print their lists, each as a small page with its expected rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.extract import extract
from extractors.html import read_html
from extractors.markup.tree import Element, parse_tree
from extractors.markup.visibility import looks
from extractors.reading import ExtractionError, Reading, Row
from extractors.records import Extract
from schemas.source import Source, TableRules
from tests.kit import KIT
from tests.test_html import cells_of, faults_of, only_problem, read, texts_of

HEADER = "<tr><th>Code<th>Description<th>PA Required<th>Effective Date</tr>"
ROW = "<tr><td>A1000<td>Walker<td>Yes<td>01/01/2026</tr>"


def source(**table: Any) -> Source:
    return Source.model_validate(KIT | {"table": KIT["table"] | table})


def listed(body: str, **table: Any) -> Reading:
    """A page as the reader of a list sees it."""
    rules = source(**table).table
    assert isinstance(rules, TableRules)
    return read_html(f"<html><body>{body}</body></html>".encode(), rules)


def extracted(body: str, **table: Any) -> Extract:
    return extract(f"<!doctype html><html><body>{body}</body></html>".encode(), source(**table))


def published(found: Extract) -> list[tuple[str, str]]:
    """Codes and statuses of the rows without fault."""
    rows = [record.values for record in found.records if not record.faults]
    return [(values["code"], values["pa_status"]) for values in rows]


def held(reading: Reading | Extract) -> list[str]:
    return [problem.message for problem in reading.problems if problem.holds]


# ---------------------------------------------------------------- spans


def test_label_over_several_columns_and_labels_over_two_rows_are_printed_once() -> None:
    reading = read(
        "<table><thead><tr><th rowspan=2>Code<th colspan=2>PA<tr><th>Medicaid<th>Medicare</thead>"
        "<tr><td>A1000<td>Yes<td>No</table>"
    )
    assert cells_of(reading) == [
        ("Code", "PA", ""),
        ("", "Medicaid", "Medicare"),
        ("A1000", "Yes", "No"),
    ]
    assert faults_of(reading) == {}


def test_row_header_reaches_down_into_its_rows() -> None:
    reading = read(
        "<table><tr><th>Service<th>Code<th>PA"
        "<tr><th scope=row rowspan=2>Beds<td>E0250<td>Yes<tr><td>E0251<td>No</table>"
    )
    assert cells_of(reading)[1:] == [("Beds", "E0250", "Yes"), ("Beds", "E0251", "No")]


@pytest.mark.parametrize(
    ("rows", "at_fault", "why"),
    [
        (
            "<tr><td>A1000<td rowspan=2>Yes<tr><td>E0250<td>Yes<tr><td>E0251<td>No",
            ["E0250"],
            "3 columns wide where its table has 2",
        ),
        ("<tr><td>A1000<td colspan=2>Yes<tr><td>E0250<td>No", ["A1000"], "3 columns wide"),
        ("<tr><td>A1000<td>No<tr><td>E0250<td rowspan=3>Yes", ["E0250"], "3 rows where 1"),
        (
            "<tr><td rowspan=2>A1000<td rowspan=3>Yes<tr><tr><td>E0251",
            [],
            "",
        ),
    ],
)
def test_row_whose_spans_do_not_fit_is_at_fault(rows: str, at_fault: list[str], why: str) -> None:
    reading = read(f"<table><tr><th>Code<th>PA{rows}</table>")
    faults = faults_of(reading)
    assert list(faults) == at_fault
    assert all(why in fault for fault in faults.values())


def test_cell_over_one_that_reaches_down_is_at_fault() -> None:
    reading = read(
        "<table><tr><th>a<th>b<th>c<tr><td>1<td rowspan=2>2<td>3<tr><td colspan=2>4<td>5</table>"
    )
    assert faults_of(reading) == {"4": "two cells of the row overlap"}


def test_title_over_the_whole_width_is_one_cell_and_no_fault() -> None:
    reading = read(f"<table><tr><td colspan=9>Part A</td></tr>{HEADER}{ROW}</table>")
    assert [cell for cell in cells_of(reading)[0] if cell] == ["Part A"]
    assert faults_of(reading) == {}


@st.composite
def spanned_tables(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """A grid that is cut into rectangles, as cells by column and as a table with spans."""
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    owner: dict[tuple[int, int], str] = {}
    grid = [[""] * width for _ in range(height)]
    body = ""
    for row in range(height):
        body += "<tr>"
        for column in range(width):
            if (row, column) in owner:
                continue
            most = next(
                (w for w in range(1, width - column) if (row, column + w) in owner), width - column
            )
            columns, rows = draw(st.integers(1, most)), draw(st.integers(1, height - row))
            name = f"c{row}{column}"
            for y in range(row, row + rows):
                grid[y][column] = name
                owner |= {(y, x): name for x in range(column, column + columns)}
            body += f"<td colspan={columns} rowspan={rows}>{name}"
    return grid, f"<table>{body}</table>"


@given(table=spanned_tables())
@settings(deadline=None)
def test_any_grid_cut_into_cells_is_put_together_again(
    table: tuple[list[list[str]], str],
) -> None:
    grid, markup = table
    # A row in which no cell begins is not printed with cells of its own, and stays a row.
    assert [list(cells) for cells in cells_of(read(markup))] == [
        row for row, line in zip(grid, markup.split("<tr>")[1:], strict=True) if "<td" in line
    ]


# ---------------------------------------------------------------- tables in tables


def test_table_that_only_arranges_the_page_is_no_table() -> None:
    reading = read(
        "<table><tr><td><a>Home</a><td><h1>List</h1>"
        f"<table>{HEADER}{ROW}</table></td></tr><tr><td colspan=2>Footer</table>"
    )
    assert len(cells_of(reading)) == 2
    assert texts_of(reading) == ["Home", "List", "Footer"]
    assert reading.problems == ()


def test_table_inside_a_cell_of_a_list_is_told_and_adds_no_row() -> None:
    found = extracted(
        f"<table>{HEADER}{ROW}<tr><td>E0250<td><table><tr><th>a<tr><td>b</table><td>No<td></table>"
    )
    assert published(found) == [("A1000", "required"), ("E0250", "not_required")]
    assert found.records[1].values["description"] == "a b"
    assert [problem.holds for problem in found.problems] == [False]


# ---------------------------------------------------------------- cells


def test_blocks_of_a_cell_are_its_lines_in_order() -> None:
    reading = read(
        "<table><tr><td>L0648,<br>L0650<p><em>Effective</em> August 12, 2024:</p>"
        "<ul><li>L0631<li>L0637</ul><span style='display:block'>L1851</span>*<b>L1833</b> removed"
        "</table>"
    )
    assert cells_of(reading) == [
        ("L0648,\nL0650\nEffective August 12, 2024:\nL0631\nL0637\nL1851\n*L1833 removed",)
    ]


def test_entities_whole_and_broken_are_the_characters_they_stand_for() -> None:
    reading = read("<table><tr><td>A &amp; B<td>&#8482;&#150;&reg<td>&nosuch; &<td>a&lt b</table>")
    assert cells_of(reading) == [("A & B", "™–®", "&nosuch; &", "a< b")]


def test_text_that_would_be_markup_is_told_and_kept() -> None:
    reading = read("<table><tr><td>A1000<td>&lt;script src=x&gt;<td>R&amp;amp;D</table>")
    assert cells_of(reading) == [("A1000", "<script src=x>", "R&amp;D")]
    assert "2 cells show markup as their text, from '<script src=x>' on" in only_problem(reading)


@pytest.mark.parametrize("mark", ["&shy;", "&#8203;", "&zwj;", "\ufeff", "&nbsp;"])
def test_characters_that_cannot_be_seen_are_flagged(mark: str) -> None:
    found = extracted(f"<table>{HEADER}<tr><td>A1000<td>Wal{mark}ker<td>Yes<td></table>")
    (record,) = found.records
    assert record.values["flags"] == ["invisible_characters"]
    assert record.values["code"] == "A1000"


def test_words_of_a_picture_stand_for_it_and_a_picture_without_words_is_at_fault() -> None:
    reading = read(
        "<table><tr><th>Code<th>PA<tr><td>A1000<td><img src=y.png alt=Yes>"
        "<tr><td>E0250<td><img src=y.png><tr><td>E0251<td><img src=space.gif alt=''>"
        "<tr><td>E0252<td><i class='fa fa-check'></i></table>"
    )
    assert cells_of(reading)[1:] == [("A1000", "Yes"), ("E0250", ""), ("E0251", ""), ("E0252", "")]
    assert set(faults_of(reading)) == {"E0250", "E0252"}


@pytest.mark.parametrize("start", ["<s>", "<del>", "<span style='text-decoration: line-through'>"])
def test_row_with_words_struck_out_is_at_fault(start: str) -> None:
    reading = read(f"<table><tr><td>L1832<td>Yes<tr><td>{start}L1833</td><td>Yes</table>")
    assert faults_of(reading) == {"L1833": "'L1833' is struck out"}


def test_orthoses_with_dated_codes_in_one_cell_become_eleven_rules() -> None:
    body = """
      <h2>Orthoses</h2>
      <table>
        <thead><tr><th>Service</th><th>Codes</th><th>Decision</th><th>Valid</th></tr></thead>
        <tbody><tr>
          <th scope="row">Orthoses</th>
          <td><p>L0648, L0650, L1832,&nbsp;L1851</p>
              <p><strong>Effective August 12, 2024:</strong><br>
                 L0631, L0637, L0639,
                 L1843, L1845, L1951</p>
              <p><em>*L1833 removed from list effective August&nbsp;12, 2024</em></p></td>
          <td>5 business days<br>(not to exceed 7 calendar days)</td>
          <td>60 calendar days</td>
        </tr></tbody>
      </table>"""
    reading = read(body)
    assert cells_of(reading)[1] == (
        "Orthoses",
        (
            "L0648, L0650, L1832,\u00a0L1851\nEffective August 12, 2024:\n"
            "L0631, L0637, L0639, L1843, L1845, L1951\n"
            "*L1833 removed from list effective August\u00a012, 2024"
        ),
        "5 business days\n(not to exceed 7 calendar days)",
        "60 calendar days",
    )
    rules = {
        "extra_columns": ["Decision", "Valid"],
        "columns": {"category": ["Service"], "code": ["Codes"]},
        "layouts": [["category", "code"]],
        "statuses": {},
        "listed_means": "required",
        "lines": [{"rule": "title", "pattern": "Orthoses"}],
        "cell_notes": [
            {
                "pattern": r"Effective (?P<effective_from>\w+ \d+, \d{4}):",
                "means": "the codes below joined the list on that day",
                "applies": "below",
            },
            {
                "pattern": r"(?P<codes>[A-Z]\d{4}) removed from list effective "
                r"(?P<effective_to>\w+ \d+, \d{4})",
                "means": "the code left the list on that day",
                "applies": "named",
            },
        ],
    }
    found = extracted(body, **rules)
    assert held(found) == []
    dated = {
        record.values["code"]: (
            record.values.get("effective_from"),
            record.values.get("effective_to"),
            record.faults,
        )
        for record in found.records
    }
    changed = date(2024, 8, 12)  # the first day that the last rule no longer holds
    assert dated == {
        **dict.fromkeys(("L0648", "L0650", "L1832", "L1851"), (None, None, ())),
        **dict.fromkeys(
            ("L0631", "L0637", "L0639", "L1843", "L1845", "L1951"), (changed, None, ())
        ),
        "L1833": (None, changed, ()),
    }


def test_digit_raised_beside_a_code_is_no_digit_of_it() -> None:
    raised = "<tr><td>A100<sup>1</sup><td>x<td>No<td><tr><td>A1000<sup>2</sup><td>x<td>Yes<td>"
    first, second = extracted(f"<table>{HEADER}{raised}</table>").records
    assert first.faults == ("'A100¹' is not a code",)
    assert (second.values["code"], second.values["flags"]) == ("A1000", ["footnote_missing"])


def test_empty_pa_cell_under_other_words_spread_over_it_is_a_fault() -> None:
    rows = "<tr><td>A1000<td colspan=2>see the policy<td>" + ROW.replace("A1000", "A1001")
    found = extracted(
        f"<table>{HEADER}{rows}</table>", statuses={"Yes": "required", "": "not_required"}
    )
    assert published(found) == [("A1001", "required")]
    assert found.records[0].faults == ("'see the policy' in another column covers the PA value",)


# ---------------------------------------------------------------- broken markup


def test_text_directly_in_a_table_does_not_vanish() -> None:
    reading = read("<table>loose<tr>between<td>A1000<td>Yes</tr>after</table>")
    assert cells_of(reading) == [("A1000", "Yes")]
    assert sorted(texts_of(reading)) == ["after", "between", "loose"]


def test_end_tag_inside_a_cell_ends_nothing_outside_it() -> None:
    reading = read("<div><table><tr><td>A1000</div></p><td>Yes</table></div>")
    assert cells_of(reading) == [("A1000", "Yes")]


def test_table_that_begins_before_the_last_one_ended_is_a_table_of_its_own() -> None:
    reading = read("<table><tr><td>A1000</td></tr><table><tr><td>E0250</td></tr></table>")
    assert [(row.table, row.cells) for row in reading.lines if isinstance(row, Row)] == [
        (1, ("A1000",)),
        (2, ("E0250",)),
    ]


def test_list_that_ends_in_the_middle_is_held() -> None:
    page = f"<!doctype html><html><body><table>{HEADER}{ROW * 40}</table></body></html>"
    for end in range(page.index("Walker"), page.index("</table>"), 211):
        found = extract(page[:end].encode(), source())
        assert found.is_truncated
        assert held(found)


# ---------------------------------------------------------------- what cannot be seen

HIDING = [
    ".gone {display:none}",
    "table tr.gone{color:red;display : none !important}",
    "#x > tbody > .gone { visibility: hidden }",
    "tr[class=gone]{display:none}",
    "@media screen and (min-width: 600px) { tr.gone { display: none } }",
    "/* { */ .other{display:none} .gone{display:none}",
]


@pytest.mark.parametrize("css", HIDING)
def test_row_hidden_by_a_style_of_the_page_is_at_fault(css: str) -> None:
    reading = read(
        f"<style>{css}</style><table id=x><tbody>{ROW}<tr class=gone><td>E9999<td>No</table>"
    )
    assert list(faults_of(reading)) == ["E9999"]


@pytest.mark.parametrize(
    "css",
    [
        "@media print { .gone { display: none } }",
        "@media (max-width: 600px) { .gone { display: none } }",
        ".gone {display:none} #x .gone {display: table-row}",
        ".gone {display:none} @media (min-width: 600px) { .gone { display: table-row } }",
        "div > .gone, .gone:hover, .gone::before {display:none}",
        ".gone .gone {display:none}",
    ],
)
def test_row_that_the_styles_of_a_wide_screen_show_is_read(css: str) -> None:
    reading = read(
        f"<style>{css}</style><table id=x><tbody><tr class=gone><td>E0250<td>No</tbody></table>"
    )
    assert faults_of(reading) == {}


def test_seen_part_of_an_unseen_element_is_read() -> None:
    reading = read("<p style='visibility:hidden'>no <b style='visibility:visible'>yes</b>")
    assert texts_of(reading) == ["yes"]


def test_hidden_row_keeps_the_words_of_a_seen_cell() -> None:
    reading = read(
        "<table><tr style='visibility:hidden'><td style='visibility:visible'>E9999<td>No</table>"
    )
    assert cells_of(reading) == [("E9999", "No")]
    assert list(faults_of(reading)) == ["E9999"]


def test_what_is_hidden_from_screen_readers_alone_is_read() -> None:
    assert texts_of(read("<p aria-hidden=true>shown</p>")) == ["shown"]


def test_row_whose_cells_are_all_hidden_is_at_fault() -> None:
    reading = read(f"<table>{ROW}<tr><td hidden>E9999<td hidden>No</table>")
    assert faults_of(reading) == {"E9999": "the row is hidden on the page"}


def test_hidden_words_in_a_seen_cell_are_left_out_and_told() -> None:
    reading = read("<table><tr><td><span hidden>Code:</span> A1000<td>Yes</table>")
    assert cells_of(reading) == [("A1000", "Yes")]
    assert "1 line is hidden on the page, and not read, from 'Code:' on" in only_problem(reading)


def test_list_that_is_there_twice_and_once_hidden_is_read_once() -> None:
    table = f"<table>{HEADER}{ROW}</table>"
    found = extracted(f"{table}<div style='display:none'>{table}<p>A1000: Yes</p></div>")
    assert published(found) == [("A1000", "required")]
    assert held(found) == []
    (problem,) = found.problems
    assert "3 lines are hidden on the page, and not read (1 codes in them)" in problem.message


# ---------------------------------------------------------------- menus and margins

CHROME = """<header><a href=/>Acme Health</a><nav><ul><li>Home<li>Providers</ul></nav></header>
  <div role=search>Find a doctor</div><aside>News</aside>"""
FOOTER = "<footer>© 2026 Acme · Questions about E0250? Call us<p>Privacy</footer>"


def test_menus_and_margins_of_a_list_are_counted_and_left_out() -> None:
    found = extracted(f"{CHROME}<main><table>{HEADER}{ROW}</table></main>")
    assert published(found) == [("A1000", "required")]
    assert held(found) == []
    (problem,) = found.problems
    assert problem.message.startswith("5 lines are in the page's menus")


def test_line_of_a_margin_that_names_a_code_or_that_a_rule_reads_stays() -> None:
    lines = [{"rule": "banner", "pattern": "News"}]
    reading = listed(f"{CHROME}<table>{HEADER}{ROW}</table>{FOOTER}", lines=lines)
    assert texts_of(reading) == ["News", "© 2026 Acme · Questions about E0250? Call us"]


def test_margins_of_a_page_that_has_nothing_else_stay() -> None:
    assert texts_of(listed("<header>Page not found</header>")) == ["Page not found"]


def test_margins_of_a_narrative_stay() -> None:
    assert len(texts_of(read(f"{CHROME}<main><p>text</p></main>"))) == 6


def test_header_of_an_article_is_none_of_the_margins() -> None:
    reading = listed(f"<article><header>Part A</header><table>{HEADER}{ROW}</table></article>")
    assert texts_of(reading) == ["Part A"]


# ---------------------------------------------------------------- selectors

CARDS = """
  <div class=legend>Codes of 2026</div>
  <div class=list>
    <div class=head><span>Code</span><span>Description</span><span>PA Required</span>
      <span>Effective Date</span></div>
    <div class=item><span>A1000</span><span>Walker<br>wheeled</span><span>Yes</span><span></div>
    <div class=item hidden><span>E9999</span><span>Ghost</span><span>No</span><span></span></div>
    <div class=note>Changed in May</div>
    <div class=item><span>E0250</span><span>Bed</span><span>No</span><span></span></div>
  </div>
  <p>Call E0251 for help</p>"""
DIVS = {"region": "div.list", "row": ".head, .item", "cell": ":scope > span"}


def test_table_made_of_divs_is_read_by_selectors() -> None:
    reading = listed(CARDS, html=DIVS)
    assert cells_of(reading) == [
        ("Code", "Description", "PA Required", "Effective Date"),
        ("A1000", "Walker\nwheeled", "Yes", ""),
        ("E9999", "Ghost", "No", ""),
        ("E0250", "Bed", "No", ""),
    ]
    assert {row.table for row in reading.lines if isinstance(row, Row)} == {1}
    assert list(faults_of(reading)) == ["E9999"]
    assert texts_of(reading) == ["Changed in May"]
    assert reading.lines_seen == len(reading.lines)
    assert "2 lines are outside of table.html.region 'div.list'" in only_problem(reading)
    assert "(1 codes in them), from 'Codes of 2026' on" in only_problem(reading)


def test_region_alone_limits_what_is_read() -> None:
    body = f"<p>Menu</p><table id=a>{HEADER}{ROW}</table><table id=b>{HEADER}{ROW}{ROW}</table>"
    reading = listed(body, html={"region": "#a"})
    assert len(cells_of(reading)) == 2
    assert "4 lines are outside" in only_problem(reading)


@pytest.mark.parametrize("region", ["table", "tbody", "main"])
def test_region_may_be_a_table_or_a_part_of_one(region: str) -> None:
    reading = listed(f"<main><table><tbody>{ROW}</tbody></table></main>", html={"region": region})
    assert cells_of(reading) == [("A1000", "Walker", "Yes", "01/01/2026")]


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ({"region": "#none"}, "region '#none' finds 0 elements"),
        ({"region": "div"}, "region 'div' finds 3 elements"),
        ({"region": "div["}, "region 'div\\[' is no selector"),
        ({"row": ".none", "cell": "span"}, "row '.none' with .* finds no row"),
    ],
)
def test_selector_that_does_not_find_what_it_should_is_an_error(
    html: dict[str, str], said: str
) -> None:
    with pytest.raises(ExtractionError, match=said):
        listed("<div>a</div><div>b</div><div>c</div>", html=html)


def test_row_in_a_row_and_table_in_a_cell_are_parts_of_it() -> None:
    reading = listed(
        "<div class=r><i>A1000</i><i>Yes<div class=r><i>E0250</i></div><table><tr><td>x</table>",
        html={"row": ".r", "cell": "i"},
    )
    assert cells_of(reading) == [("A1000", "Yes\nE0250\nx")]


def test_table_by_roles_is_a_table_without_selectors() -> None:
    reading = read(
        "<div role=table><div role=rowgroup><div role=row><span role=columnheader>Code</span>"
        "<span role=columnheader>PA</span></div></div><div role=rowgroup>"
        "<div role=row><span role=cell>A1000</span><span role=cell>Yes</span></div></div></div>"
    )
    assert cells_of(reading) == [("Code", "PA"), ("A1000", "Yes")]


def test_title_of_the_page_is_a_line_of_a_list_only_where_a_rule_reads_it() -> None:
    page = f"<html><head><title>List of May</title></head><body><table>{ROW}</table></html>"
    for lines, expected in (
        ([], []),
        ([{"rule": "title", "pattern": "(?P<list_title>List of .*)"}], ["List of May"]),
    ):
        reading = read_html(page.encode(), source(lines=lines).table)
        assert texts_of(reading) == expected
        assert reading.lines_seen == len(reading.lines)


# ---------------------------------------------------------------- several tables


def test_header_again_in_the_middle_and_a_footer_are_rows_as_printed() -> None:
    reading = read(
        f"<table><thead>{HEADER}</thead>{ROW}{HEADER}<tbody>{ROW}</tbody>"
        "<tfoot><tr><td colspan=4>* see notes</tfoot></table>"
    )
    assert [cells[0] for cells in cells_of(reading)] == [
        *("Code", "A1000", "Code", "A1000", "* see notes"),
    ]


def test_styles_and_tree_hold_every_element_once() -> None:
    tree = parse_tree("<p>a<p>b<table><td>c</table><svg><path/><path/></svg>")
    names = [element.name for element in tree.root.elements()]
    assert names == ["p", "p", "table", "tr", "td", "svg", "path", "path"]
    assert all(isinstance(element, Element) for element in tree.root.elements())
    assert looks(tree) == {}
