"""The HTML reader, held against pages that were written for it and so are known exactly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.html import read_html
from extractors.reading import ExtractionError, Passage, Reading, Row
from tests.conftest import shared
from tests.drawing import (
    PrintedList,
    Section,
    bulletin_from_dump,
    draw_bulletin_html,
    draw_html,
    list_from_dump,
    paged,
)

SIGNS = "ABCabc0123456789 &<>|\"'.,;:()/-+*%$#@!?=_[]{}~^`\\®™é§–’“”•…\u00a0\u4e00"


def read(body: str) -> Reading:
    return read_html(f"<html><body>{body}</body></html>".encode())


def cells_of(reading: Reading) -> list[tuple[str, ...]]:
    return [line.cells for line in reading.lines if isinstance(line, Row)]


def passages_of(reading: Reading) -> list[tuple[int | None, str]]:
    return [(line.level, line.text) for line in reading.lines if isinstance(line, Passage)]


def texts_of(reading: Reading) -> list[str]:
    return [text for _, text in passages_of(reading)]


def faults_of(reading: Reading) -> dict[str, str]:
    """The rows at fault by their first cell."""
    rows = [line for line in reading.lines if isinstance(line, Row)]
    return {row.cells[0]: row.fault for row in rows if row.fault}


def only_problem(reading: Reading) -> str:
    (problem,) = reading.problems
    return f"{'held' if problem.holds else 'told'}: {problem}"


# ---------------------------------------------------------------- whole documents


def test_list_written_as_html_gives_its_rows_and_headers() -> None:
    printed = list_from_dump(shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt"))
    expected = [
        row
        for section in printed.sections
        for rows in section.pages
        for row in (section.header, *rows)
    ]
    assert len(expected) == 643 + 42
    reading = read_html(draw_html(printed))
    assert cells_of(reading) == [tuple(" ".join(cell.split()) for cell in row) for row in expected]
    titles = [(1, line) for section in printed.sections for line in section.title]
    assert passages_of(reading) == [*titles, (None, printed.footer)]
    assert reading.lines_seen == len(reading.lines) == 643 + 42 + len(titles) + 1
    assert (reading.pages, reading.is_cut, reading.problems) == (1, False, ())
    assert {row.table for row in reading.lines if isinstance(row, Row)} == {1, 2}


def test_bulletin_written_as_html_gives_its_paragraphs_headings_and_history() -> None:
    bulletin = bulletin_from_dump(shared("seeds", "pdac_k1007_exoskeleton_correct_coding.txt"))
    reading = read_html(draw_bulletin_html(bulletin))
    assert texts_of(reading) == bulletin.paragraphs
    headings = [(level, text) for level, text in passages_of(reading) if level]
    assert headings == [(1, bulletin.title), (2, "Publication History")]
    assert tuple(cells_of(reading)) == bulletin.history


@st.composite
def printed_lists(draw: st.DrawFn) -> PrintedList:
    """Small lists of any cells, with pages of a few rows."""
    cells = st.text(SIGNS, max_size=30)
    sections = []
    for number in range(draw(st.integers(1, 3))):
        width = draw(st.integers(1, 6))
        header = tuple(f"Column {column}" for column in range(width))
        rows = draw(st.lists(st.tuples(*[cells] * width), max_size=8))
        sections.append(Section((f"Part {number}",), header, paged(rows, draw(st.integers(2, 6)))))
    return PrintedList(tuple(sections), draw(st.sampled_from(["", "Copyright © 2026"])))


@given(printed=printed_lists())
@settings(deadline=None)
def test_any_written_list_is_read_back_whole(printed: PrintedList) -> None:
    reading = read_html(draw_html(printed))
    expected = [
        tuple(re.sub(" +", " ", cell).strip() for cell in row)
        for section in printed.sections
        for rows in section.pages
        for row in (section.header, *rows)
    ]
    assert cells_of(reading) == expected
    assert reading.lines_seen == len(reading.lines)
    assert not reading.is_cut


# ---------------------------------------------------------------- tables


def test_lines_and_blocks_in_a_cell_are_parted_by_line_breaks() -> None:
    reading = read("<table><tr><td>K0800<br>K0801<p>K0802</p>K0803<td><ul><li>a<li>b</ul></table>")
    assert cells_of(reading) == [("K0800\nK0801\nK0802\nK0803", "a\nb")]


def test_cells_without_end_tags_are_told_apart() -> None:
    reading = read("<table><tr><th>Code<th>PA<tr><td>A1000<td>Yes<tr><td>E0601<td>No</table>end")
    assert cells_of(reading) == [("Code", "PA"), ("A1000", "Yes"), ("E0601", "No")]
    assert texts_of(reading) == ["end"]


def test_cells_without_a_row_are_a_row() -> None:
    assert cells_of(read("<table><td>A1000</td><td>Yes</td></table>")) == [("A1000", "Yes")]


def test_spanned_cell_stands_in_each_of_its_rows_and_in_the_first_of_its_columns() -> None:
    reading = read(
        "<table><tr><td rowspan=2>Beds<td>E0250<td>Yes"
        "<tr><td>E0251<td>No"
        "<tr><td colspan=2>Lifts<td>Yes</table>"
    )
    assert cells_of(reading) == [
        ("Beds", "E0250", "Yes"),
        ("Beds", "E0251", "No"),
        ("Lifts", "", "Yes"),
    ]


def test_spanned_cell_of_the_last_column_is_reached_over_a_gap() -> None:
    reading = read("<table><tr><td>a<td>b<td rowspan=2>c<tr><td>d</table>")
    assert cells_of(reading) == [("a", "b", "c"), ("d", "", "c")]


def test_span_ends_with_its_group_of_rows() -> None:
    reading = read(
        "<table><thead><tr><th rowspan=9>Code<th>PA</thead><tbody><tr><td>A1000<td>Yes</table>"
    )
    assert cells_of(reading) == [("Code", "PA"), ("A1000", "Yes")]


def test_span_of_no_rows_reaches_to_the_end_of_its_group() -> None:
    reading = read("<table><tr><td rowspan=0>Beds<td>1<tr><td>2<tr><td>3</table>")
    assert cells_of(reading) == [("Beds", "1"), ("Beds", "2"), ("Beds", "3")]


def test_span_beyond_measure_is_an_error_that_names_the_line() -> None:
    with pytest.raises(ExtractionError, match="line 2: a cell with colspan=1001"):
        read("<table>\n<tr><td colspan=1001>x</table>")


def test_spans_that_spread_to_too_many_cells_are_an_error() -> None:
    row = "<tr>" + "<td colspan=1000>x</td>" * 20 + "</tr>"
    with pytest.raises(ExtractionError, match="more than 3,000,000 cells"):
        read("<table>" + row * 160 + "</table>")


def test_inner_table_is_text_of_its_cell_and_adds_no_row() -> None:
    reading = read(
        "<table><tr><td>K1111<td>before<table><tr><td>inner<td>cell<tr><td>2</table>after<td>No"
        "</table>"
    )
    assert cells_of(reading) == [("K1111", "before\ninner cell\n2\nafter", "No")]
    assert only_problem(reading).startswith("told: page 1, line 1: a table stands inside a cell")


def test_text_between_the_rows_of_a_table_is_a_passage() -> None:
    reading = read(
        "<table><caption>Part 1</caption><tr><td>A1000</td></tr>stray<tr><td>E0601</table>"
    )
    assert [line.raw_text for line in reading.lines] == ["Part 1", "A1000", "stray", "E0601"]


def test_no_break_space_alone_is_an_empty_cell() -> None:
    assert cells_of(read("<table><tr><td>A1000<td>&nbsp;</table>")) == [("A1000", "")]


# ---------------------------------------------------------------- passages


def test_each_block_is_a_passage_and_a_heading_has_its_level() -> None:
    reading = read(
        "<h1>Title</h1><div>intro<p>one <b>bold</b> word<p>two<h3>Part</h3></div>"
        "<dl><dt>term<dd>meaning</dl><b>Heading</b>"
    )
    assert passages_of(reading) == [
        (1, "Title"),
        (None, "intro"),
        (None, "one bold word"),
        (None, "two"),
        (3, "Part"),
        (None, "term"),
        (None, "meaning"),
        (None, "Heading"),
    ]


def test_line_break_parts_a_block_into_passages_but_not_a_heading() -> None:
    reading = read("<h1>Long<br>title</h1><p>Joint publication<br>Posted December 28, 2023</p>")
    assert passages_of(reading) == [
        (1, "Long\ntitle"),
        (None, "Joint publication"),
        (None, "Posted December 28, 2023"),
    ]


def test_lines_of_preformatted_text_are_passages() -> None:
    assert texts_of(read("<pre>A1000  Yes\nE0601  No</pre>")) == ["A1000 Yes", "E0601 No"]


def test_scripts_styles_and_comments_are_not_read() -> None:
    reading = read(
        "<script>var a = '<p>x</p>'</script><style>p {}</style><!-- <p>c</p> -->"
        "<template><p>t</p></template><noscript><p>n</p></noscript><p>shown</p>"
    )
    assert texts_of(reading) == ["shown"]
    assert reading.problems == ()


def test_title_of_the_page_is_its_heading_where_it_has_no_other() -> None:
    page = b"<html><head><title> A &amp; B </title><body><h2>Part</h2></body></html>"
    assert passages_of(read_html(page)) == [(1, "A & B"), (2, "Part")]
    assert read_html(page).lines_seen == 2
    with_heading = page.replace(b"h2", b"h1")
    assert passages_of(read_html(with_heading)) == [(1, "Part")]


def test_line_is_the_line_of_the_source() -> None:
    reading = read(
        "\n<h1>Title</h1>\n<p>\n  text\n</p>\n<table>\n<tr>\n<td>A1000</td></tr></table>"
    )
    assert [(line.place.line, line.raw_text) for line in reading.lines] == [
        (2, "Title"),
        (4, "text"),
        (7, "A1000"),
    ]


# ---------------------------------------------------------------- hidden text


@pytest.mark.parametrize(
    "mark", ["hidden", 'style="color: red; display:none"', "style='visibility: hidden'"]
)
def test_hidden_row_is_a_row_at_fault(mark: str) -> None:
    reading = read(
        f"<table><tr><td>A1000</td></tr>\n<tr {mark}><td>E9999</td><td>No</td></tr></table>"
    )
    assert cells_of(reading) == [("A1000",), ("E9999", "No")]
    assert faults_of(reading) == {"E9999": "the row is hidden on the page"}
    assert reading.problems == ()


def test_hidden_row_without_end_tag_hides_no_other_row() -> None:
    reading = read("<table><tr hidden><td>E9999<td>No<tr><td>A1000<td>Yes</table>")
    assert list(faults_of(reading)) == ["E9999"]


def test_hidden_block_is_counted_by_its_lines_and_its_rows_are_at_fault() -> None:
    reading = read(
        "<div hidden><p>one</p><p>two<br>three</p><table><tr><td>4<td>4</table></div><p>x"
    )
    assert texts_of(reading) == ["x"]
    assert list(faults_of(reading)) == ["4"]
    assert only_problem(reading) == (
        "told: page 1, line 1: 3 lines are hidden on the page, and not read, from 'one' on"
    )


def test_cell_that_is_not_seen_keeps_its_place_and_one_that_is_gone_does_not() -> None:
    reading = read(
        "<table><tr><td style='visibility:hidden'>x</td><td>Yes</td></tr>"
        "<tr><td style='display:none'>x</td><td>Yes</td></tr></table>"
    )
    assert cells_of(reading) == [("", "Yes"), ("Yes",)]
    assert "2 lines are hidden" in only_problem(reading)


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("<p>Rewalk™ §".encode(), "Rewalk™ §"),
        ("\ufeff<p>Rewalk™ §".encode(), "Rewalk™ §"),
        ("<p>Rewalk™ §".encode("utf-16"), "Rewalk™ §"),
        (b"<meta charset='iso-8859-1'><p>Rewalk\x99 \xa7", "Rewalk™ §"),
        (b'<meta http-equiv=x content="text/html; charset=windows-1252"><p>Rewalk\x99', "Rewalk™"),
        (b"<p>Rewalk&trade; &#167; &#153;", "Rewalk™ § ™"),
    ],
)
def test_text_is_decoded_as_it_declares_itself(data: bytes, text: str) -> None:
    reading = read_html(data)
    assert texts_of(reading) == [text]
    assert reading.problems == ()


def test_text_that_is_not_what_it_declares_is_read_as_windows_text_and_told() -> None:
    reading = read_html(b"<meta charset=utf-8><p>Rewalk\x99")
    assert texts_of(reading) == ["Rewalk™"]
    assert only_problem(reading).startswith("told: the page is not in utf-8, as it says")


def test_bytes_of_no_encoding_hold_the_document() -> None:
    assert only_problem(read_html(b"<p>Re\x81walk\x99")).startswith("held: ")


def test_page_that_forwards_holds_the_document() -> None:
    reading = read_html(shared("hostile", "html_meta_refresh.html").read_bytes())
    assert only_problem(reading).startswith(
        "held: page 1, line 1: the page forwards to 'http://169.254.169.254/'"
    )


@pytest.mark.parametrize("data", [b"", b"Code\tPA\nA1000\tYes", b"%PDF-1.4\n1 0 obj\n<< /P 1 >>"])
def test_file_that_is_no_html_is_an_error_that_shows_how_it_begins(data: bytes) -> None:
    with pytest.raises(ExtractionError, match="not HTML, it begins with"):
        read_html(data)


def test_markup_that_the_parser_rejects_is_an_error() -> None:
    with pytest.raises(ExtractionError, match="cannot be parsed"):
        read("<p>A1000<![foo")


def test_markers_of_word_processors_are_not_read() -> None:
    reading = read(
        "<p><![if !supportLists]>1.<![endif]> A1000<o:p></o:p><!--[if gte mso 9]>x<![endif]-->"
    )
    assert texts_of(reading) == ["1. A1000"]


def test_page_without_text_is_an_error() -> None:
    with pytest.raises(ExtractionError, match="shows no text"):
        read_html(
            b"<html><head><title>PA list</title></head><body><div id=app></div></body></html>"
        )


def test_page_that_hides_all_its_text_is_an_error_that_says_so() -> None:
    with pytest.raises(ExtractionError, match="1 line is hidden"):
        read("<p hidden>E9999</p>")


@pytest.mark.parametrize(
    "data",
    [
        "<html><body><table><tr><td>A1000</td></tr>",
        "<table><tr><td>A1000</td></tr>",
        "<html><body><p>A1000</p>",
        "<p>A1000</p><p cla",
        "<html><body><p>A1000</p><!-- </body></html>",
    ],
)
def test_page_that_ends_early_is_cut(data: str) -> None:
    assert read_html(data.encode()).is_cut


@pytest.mark.parametrize(
    "data",
    [
        "<html><body><table><tr><td>A1000</td></tr></table></body></html>\n",
        "<p>A1000",
        "<HTML><!-- <table> --><script>'<table>'</script><p>a < b</p></HTML>",
    ],
)
def test_whole_page_is_not_cut(data: str) -> None:
    assert not read_html(data.encode()).is_cut


def test_list_cut_anywhere_in_its_table_is_cut() -> None:
    data = shared("hostile", "html_ok_baseline.html").read_bytes()
    for end in range(data.index(b"A1000"), data.rindex(b"</table>"), 97):
        assert read_html(data[:end]).is_cut


@pytest.mark.parametrize("name", ["html_100k_unclosed_tags", "html_deep_tables_5k"])
def test_page_nested_beyond_measure_is_an_error(name: str) -> None:
    with pytest.raises(ExtractionError, match="more than 200 elements inside each other"):
        read_html(shared("hostile", f"{name}.html").read_bytes())


def test_long_table_without_end_tags_is_not_nested_beyond_measure() -> None:
    reading = read("<table>" + "<tr><td>A1000<td>Yes" * 3000 + "</table>")
    assert len(cells_of(reading)) == 3000


SHOWN = """<table> </table> <tr> </tr> <td> </td> <th> <tbody> </thead> <caption> <p> </p> <div>
    </div> <br> <li> </ul> <h1> </h1> <h2> <b> </b> <pre> </pre> <select> <option> <font> <hr>"""
HIDING = """<tr/hidden> <p/hidden> <script> </script> <template> </template> <td/rowspan=2>
    <td/colspan=2> <!-- --> </html> A1000 Yes &amp; < >"""


@given(parts=st.lists(st.sampled_from((SHOWN + HIDING).split()), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_tag_soup_ends_in_an_error_or_a_balanced_reading(parts: list[str]) -> None:
    try:
        reading = read_html(f"<p>{''.join(parts)}".encode())
    except ExtractionError:
        return
    assert reading.lines_seen == len(reading.lines) > 0


@given(tags=st.lists(st.sampled_from(SHOWN.split()), max_size=40))
@settings(max_examples=300, deadline=None)
def test_every_word_between_any_tags_is_read_exactly_once(tags: list[str]) -> None:
    words = [f"w{number}w" for number in range(len(tags) + 1)]
    body = words[0] + "".join(f"{tag}{word}" for tag, word in zip(tags, words[1:], strict=True))
    reading = read_html(f"<body>{body}".encode())
    assert sorted(
        re.findall(r"w\d+w", " ".join(line.raw_text for line in reading.lines))
    ) == sorted(words)
