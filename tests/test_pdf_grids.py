"""Ruled tables on pages that were drawn for it: which cells lines enclose, and what is in them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfplumber.table import (
    cells_to_tables,
    edges_to_intersections,
    intersections_to_cells,
    merge_edges,
    snap_edges,
)
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from extractors.pages.breaks import Breaks, mended, possible_breaks
from extractors.pages.cells import MEET, enclosed_cells
from extractors.pages.document import leaves, opened
from extractors.pages.drawn import ink_of
from extractors.pages.grids import RuledTables, ruled_tables
from extractors.pages.ink import Ink
from extractors.pages.plumber import drawn_by_plumber
from extractors.pages.rules import JOIN, SHORTEST_RULE, SNAP, rules_of
from extractors.pages.words import cell_texts, printed_lines, set_in_cells
from extractors.reading import Passage, Row
from schemas.provenance import Place
from tests import drawing
from tests.conftest import shared
from tests.drawing import LETTER, SIZE, PrintedList, draw_pdf, list_from_dump, wrap

Cells = tuple[str, ...]


def pages(data: bytes) -> Iterator[Ink]:
    pdf = opened(data)
    for leaf in leaves(pdf):
        yield ink_of(drawn_by_plumber(pdf, leaf.page, leaf.number, leaf.view))


def page(draw: Callable[[Canvas], None]) -> Ink:
    """The first page of what `draw` draws."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1)
    canvas.setFont("Helvetica", 10)
    draw(canvas)
    canvas.save()
    return next(pages(out.getvalue()))


def texts_of(ink: Ink, tables: RuledTables) -> list[list[Cells]]:
    """The tables of a page as rows of cells; a covered place is empty."""
    found = []
    for grid in tables.grids:
        cells = [[""] * grid.shape[1] for _ in range(grid.shape[0])]
        for row, column, text in zip(
            grid.rows.tolist(), grid.columns.tolist(), cell_texts(ink, grid), strict=True
        ):
            cells[row][column] = text
        found.append([tuple(row) for row in cells])
    return found


def read(draw: Callable[[Canvas], None]) -> tuple[list[list[Cells]], RuledTables]:
    ink = page(draw)
    tables = ruled_tables(ink)
    return texts_of(ink, tables), tables


def over(tables: RuledTables) -> int:
    return sum(len(cells) for cells in tables.over)


def doubts(tables: RuledTables) -> list[str]:
    said = (*tables.doubts, *tables.doubtful_rows.values())
    return [message.split(" in '")[0].split(":")[0] for message, _ in said]


def rule_grid(canvas: Canvas, xs: list[float], ys: list[float]) -> None:
    """A grid of lines, `ys` downwards from the top of the page."""
    canvas.grid(xs, [LETTER[1] - y for y in ys])


def put(canvas: Canvas, x: float, y: float, text: str) -> None:
    """A text that begins at x on a baseline y below the top of the page."""
    canvas.drawString(x, LETTER[1] - y, text)


# ---------------------------------------------------------------- cells


@dataclass(frozen=True)
class Ruled:
    """A table to draw: where its lines are, and its cells with the places they span."""

    xs: tuple[int, ...]
    ys: tuple[int, ...]
    cells: tuple[tuple[tuple[int, int, int, int], str], ...]  # left, top, right, bottom


WORDS = st.text("ABCXYZabcxyz0123456789&()-+*%®§", min_size=1, max_size=6)


@st.composite
def ruled_tables_to_draw(draw: st.DrawFn) -> Ruled:
    """Grids of any widths, some of their cells merged, with words in most."""
    widths = draw(st.lists(st.integers(42, 90), min_size=2, max_size=5))
    heights = draw(st.lists(st.integers(62, 80), min_size=1, max_size=6))
    xs = tuple(np.cumsum([40, *widths]).tolist())
    ys = tuple(np.cumsum([60, *heights]).tolist())
    free = {(row, column) for row in range(len(heights)) for column in range(len(widths))}
    cells = []
    for row, column in sorted(free):
        if (row, column) not in free:
            continue
        right = draw(st.sampled_from([1, 1, 1, 2])) + column
        bottom = draw(st.sampled_from([1, 1, 1, 2])) + row
        covered = {(y, x) for y in range(row, bottom) for x in range(column, right)}
        if not covered <= free:
            right, bottom, covered = column + 1, row + 1, {(row, column)}
        free -= covered
        words = draw(st.lists(WORDS, max_size=3))
        cells.append(((column, row, right, bottom), " ".join(words)))
    return Ruled(xs, ys, tuple(cells))


def draw_ruled(canvas: Canvas, table: Ruled, way: str, padding: float) -> None:
    canvas.setFont(drawing.FONT, SIZE)
    for (left, top, right, bottom), text in table.cells:
        x0, y0, x1, y1 = table.xs[left], table.ys[top], table.xs[right], table.ys[bottom]
        draw_frame(canvas, x0, LETTER[1] - y1, x1, LETTER[1] - y0, way)
        for number, line in enumerate(wrap(text, x1 - x0 - 2 * padding)):
            put(canvas, x0 + padding, y0 + SIZE + number * drawing.LEADING, line)


def draw_frame(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, way: str) -> None:
    corners = [(x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)]
    if way == "boxes":
        canvas.rect(x0, y0, x1 - x0, y1 - y0)
    elif way == "lines":
        for corner in corners:
            canvas.line(*corner)
    elif way == "thin fills":
        for ax, ay, bx, by in corners:
            canvas.rect(ax - 0.3, ay - 0.3, bx - ax + 0.6, by - ay + 0.6, stroke=0, fill=1)
    elif way == "dots":
        canvas.setDash(1, 2)
        for corner in corners:
            canvas.line(*corner)
        canvas.setDash()
    else:  # in pieces, doubled
        for ax, ay, bx, by in corners:
            mx, my = (ax + bx) / 2, (ay + by) / 2
            canvas.line(ax, ay, mx, my)
            canvas.line(mx, my, bx, by)
            canvas.line(ax + 0.6, ay + 0.6, bx + 0.6, by + 0.6)


def tight(text: str) -> str:
    return "".join(text.split())


@given(
    table=ruled_tables_to_draw(),
    way=st.sampled_from(["boxes", "lines", "thin fills", "dots", "pieces"]),
    padding=st.sampled_from([0.0, 2.0, 5.0]),
)
@settings(max_examples=150, deadline=None)
def test_any_ruled_table_has_its_cells_where_they_were_drawn(
    table: Ruled, way: str, padding: float
) -> None:
    ink = page(lambda canvas: draw_ruled(canvas, table, way, padding))
    tables = ruled_tables(ink)
    if len(table.cells) < 2 or not any(text for _, text in table.cells):
        assert tables.grids == ()
        return
    (grid,) = tables.grids
    found = {
        tuple(cell): tight(text)
        for cell, text in zip(grid.cells.round().tolist(), cell_texts(ink, grid), strict=True)
    }
    expected = {
        (table.xs[left], table.ys[top], table.xs[right], table.ys[bottom]): tight(text)
        for (left, top, right, bottom), text in table.cells
    }
    if way == "pieces":
        assert sorted(found.values()) == sorted(expected.values())
    else:
        assert found == expected
    lefts = sorted({left for (left, _, _, _), _ in table.cells})
    tops = sorted({top for (_, top, _, _), _ in table.cells})
    assert grid.shape == (len(tops), len(lefts))
    assert tables.doubts == ()


def empty_page(rules: list[tuple[float, float, float, float]]) -> Ink:
    none = np.zeros(0)
    boxes = np.zeros((0, 4))
    return Ink(
        number=1,
        width=200,
        height=200,
        text=(),
        boxes=boxes,
        sizes=none,
        runs=none.astype(np.int64),
        upright=none.astype(np.bool_),
        hidden=none.astype(np.bool_),
        rules=np.array(rules, float).reshape(-1, 4),
        frames=boxes,
        fills=boxes,
        shades=np.zeros((0, 3)),
        pictures=boxes,
        curves=0,
    )


@st.composite
def loose_rules(draw: st.DrawFn) -> list[tuple[float, float, float, float]]:
    """Lines near a lattice, of any extent: closed cells, open ones, crossings and near misses."""
    spot = st.integers(0, 6).map(lambda place: 25.0 * place)
    nudge = st.sampled_from([0.0, 0.0, 0.0, 0.7, -0.7, 1.5, 2.5, 4.0])
    rules = []
    for _ in range(draw(st.integers(4, 24))):
        at, one, other = draw(spot) + draw(nudge), draw(spot) + draw(nudge), draw(spot)
        low, high = min(one, other), max(one, other)
        rules.append((low, at, high, at) if draw(st.booleans()) else (at, low, at, high))
    return rules


@given(rules=loose_rules())
@settings(max_examples=300, deadline=None)
def test_cells_are_those_that_the_reference_finds(
    rules: list[tuple[float, float, float, float]],
) -> None:
    edges = [
        {
            "x0": x0,
            "top": top,
            "x1": x1,
            "bottom": bottom,
            "orientation": "h" if top == bottom else "v",
            "width": x1 - x0,
            "height": bottom - top,
            "object_type": "line",
        }
        for x0, top, x1, bottom in rules
        if (x1 - x0) + (bottom - top) >= 0.5
    ]
    # Lines snapped to one place differ there by their rounding, which would keep them apart.
    snapped = [
        {
            side: round(value, 6) if isinstance(value, float) else value
            for side, value in edge.items()
        }
        for edge in snap_edges(edges, SNAP, SNAP)
    ]
    merged = [
        edge
        for edge in merge_edges(snapped, 0, 0, JOIN, JOIN)
        if edge["x1"] - edge["x0"] + edge["bottom"] - edge["top"] >= SHORTEST_RULE
    ]
    reference = cells_to_tables(intersections_to_cells(edges_to_intersections(merged, MEET, MEET)))
    cells = enclosed_cells(rules_of(empty_page(rules)), 1)
    found = [cells.boxes[cells.tables == table] for table in range(cells.count)]
    assert sorted(rounded(table) for table in found) == sorted(map(rounded, reference))


def rounded(cells: object) -> list[tuple[float, ...]]:
    return sorted(map(tuple, np.array(cells).round(4).tolist()))


def test_frame_inside_a_cell_is_a_table_of_its_own_only_if_it_has_cells() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 272, 372], [100, 200])
        canvas.rect(90, LETTER[1] - 180, 30, 30)
        put(canvas, 95, 170, "in")
        put(canvas, 150, 170, "Code")
        put(canvas, 280, 170, "Yes")

    assert read(draw)[0] == [[("in Code", "Yes")]]


def test_table_inside_a_cell_keeps_its_text_from_the_cell() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 272, 372], [100, 200])
        rule_grid(canvas, [90, 130, 170], [140, 160, 180])
        put(canvas, 95, 155, "one")
        put(canvas, 80, 120, "Code")
        put(canvas, 280, 120, "Yes")

    assert read(draw)[0] == [[("Code", "Yes")], [("one", ""), ("", "")]]


# ---------------------------------------------------------------- words over borders


def lines_let_over(
    text: str, width: float, font: str = drawing.FONT, size: float = SIZE
) -> list[str]:
    """The lines of a text set in a width; a word wider than that runs over it."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and stringWidth(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def plain(cells: Cells) -> Cells:
    return tuple(" ".join(cell.split()) for cell in cells)


@pytest.fixture(scope="module")
def cigna() -> PrintedList:
    return list_from_dump(shared("seeds", "cigna_commercial_dme_prior_authorization_list.txt"))


def printed_rows(printed: PrintedList) -> list[Cells]:
    return [plain(row) for section in printed.sections for row in section.rows]


def without_headers(printed: PrintedList, rows: list[Cells]) -> list[Cells]:
    headers = {plain(section.header) for section in printed.sections}
    return [row for row in rows if row not in headers]


@pytest.mark.parametrize("padding", [0.0, 2.0])
@pytest.mark.parametrize("paper", [drawing.LETTER_LANDSCAPE, (500, 792)])
def test_list_whose_long_words_run_over_their_cells_is_read_whole(
    cigna: PrintedList,
    monkeypatch: pytest.MonkeyPatch,
    paper: tuple[float, float],
    padding: float,
) -> None:
    monkeypatch.setattr(drawing, "wrap", lines_let_over)
    rows: list[Cells] = []
    crossed = 0
    for ink in pages(draw_pdf(cigna, paper, padding)):
        tables = ruled_tables(ink)
        assert tables.doubts == ()
        rows += [plain(row) for table in texts_of(ink, tables) for row in table]
        crossed += over(tables)
    assert without_headers(cigna, rows) == printed_rows(cigna)
    assert crossed >= 2


def test_wide_word_belongs_to_the_cell_it_begins_in() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192, 252], [100, 120, 140])
        put(canvas, 75, 114, "Neuromuscular")
        put(canvas, 195, 114, "Yes")
        put(canvas, 75, 134, "Bed")
        put(canvas, 135, 134, "E0250")
        put(canvas, 195, 134, "No")

    texts, tables = read(draw)
    assert texts == [[("Neuromuscular", "", "Yes"), ("Bed", "E0250", "No")]]
    assert tables.over == (frozenset({0}),)
    assert tables.doubts == ()


def test_wide_word_printed_over_the_text_beside_it_is_told_apart_from_it() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192], [100, 120])
        put(canvas, 75, 114, "Neuromuscular")
        put(canvas, 135, 114, "E0770")

    texts, tables = read(draw)
    assert texts == [[("Neuromuscular", "E0770")]]
    assert (over(tables), tables.doubts) == (1, ())


def test_wide_word_that_runs_out_of_the_table_stays_in_it() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192], [100, 120])
        put(canvas, 75, 114, "E0770")
        put(canvas, 135, 114, "Precertification")

    texts, tables = read(draw)
    assert texts == [[("E0770", "Precertification")]]
    assert (over(tables), tables.doubts) == (1, ())


def test_wide_words_of_a_column_set_to_the_right_belong_to_it() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192], [100, 120, 140, 160])
        for row, word in enumerate(["12", "135", "Neuromuscular"]):
            canvas.drawRightString(189, LETTER[1] - 114 - 20 * row, word)

    texts, tables = read(draw)
    assert texts == [[("", "12"), ("", "135"), ("", "Neuromuscular")]]
    assert (over(tables), tables.doubts) == (1, ())


def test_wide_word_set_around_the_middle_of_its_cell_belongs_to_it() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 162, 222], [100, 120])
        canvas.drawCentredString(147, LETTER[1] - 114, "Neuromuscular")

    texts, tables = read(draw)
    assert texts == [[("", "Neuromuscular", "")]]
    assert (over(tables), tables.doubts) == (1, ())


def test_word_that_two_cells_may_have_is_a_doubt() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192], [100, 120])
        put(canvas, 110, 114, "E0770-Yes")

    assert doubts(read(draw)[1]) == ["text runs over the border of its cell"]


@pytest.mark.parametrize(
    "phrase", ["Synthetic item with a long name", "Synthetic item of a long name"]
)
def test_phrase_that_runs_over_its_border_is_a_doubt(phrase: str) -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 192, 312], [100, 120])
        put(canvas, 75, 114, phrase)

    assert doubts(read(draw)[1]) == ["text runs over the border of its cell"]


def test_line_drawn_as_one_text_over_its_cells_is_parted_at_its_blanks() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Courier", 10)
        rule_grid(canvas, [72, 132, 192, 252], [100, 120, 140, 160, 180])
        for row, line in enumerate(["E0250     Bed       No", "E0770     Device    Yes"]):
            put(canvas, 75, 114 + 20 * row, line)

    texts, tables = read(draw)
    assert texts[0][:2] == [("E0250", "Bed", "No"), ("E0770", "Device", "Yes")]
    assert (over(tables), tables.doubts) == (0, ())


def test_texts_that_fill_their_cells_and_touch_at_the_border_stay_apart() -> None:
    width = stringWidth("E0250E0251", "Helvetica", 10)

    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 72 + width, 72 + 2 * width], [100, 120])
        put(canvas, 72, 114, "E0250E0251")
        put(canvas, 72 + width, 114, "Yes")

    texts, tables = read(draw)
    assert texts == [[("E0250E0251", "Yes")]]
    assert (over(tables), tables.doubts) == (0, ())


# ---------------------------------------------------------------- broken words


def read_document(data: bytes) -> list[Row | Passage]:
    """All rows and prose of a document, its broken words put together."""
    lines: list[Row | Passage] = []
    breaks: dict[int, dict[int, list[int]]] = {}
    place = Place(1, 1)
    for ink in pages(data):
        tables = ruled_tables(ink)
        loose = np.ones(len(ink.text), np.bool_)
        for grid, rows in zip(tables.grids, texts_of(ink, tables), strict=True):
            loose &= grid.homes < 0
            for cell, after in possible_breaks(ink, grid, set_in_cells(ink, grid)).items():
                row, column = int(grid.rows[cell]), int(grid.columns[cell])
                breaks.setdefault(len(lines) + row, {})[column] = after
            lines += [Row(place, row, "\t".join(row), 1) for row in rows]
        lines += [
            Passage(place, line.text, line.text)
            for line in printed_lines(ink, np.flatnonzero(loose))
        ]
    return list(mended(lines, breaks))


@pytest.mark.parametrize("padding", [0.0, 2.0])
def test_list_whose_long_words_are_broken_is_read_whole(cigna: PrintedList, padding: float) -> None:
    found = read_document(draw_pdf(cigna, padding=padding))
    rows = [line for line in found if isinstance(line, Row)]
    assert without_headers(cigna, [plain(row.cells) for row in rows]) == printed_rows(cigna)
    assert sum("word_broken" in row.flags for row in rows) >= 2


def mend(cell: str, elsewhere: str, breaks: Breaks) -> Row:
    place = Place(1, 1)
    row = Row(place, ("E0250", cell), f"E0250\t{cell}", 1)
    found = list(mended([row, Passage(place, elsewhere, elsewhere)], {0: breaks}))
    assert isinstance(found[0], Row)
    return found[0]


@pytest.mark.parametrize(
    ("cell", "elsewhere", "whole"),
    [
        ("TRANSCUTANE\nOUS nerve", "transcutaneous stimulators", "TRANSCUTANEOUS nerve"),
        ("Requires\nprecertificati\non through", "", "Requires\nprecertification through"),
        ("HUMIDIFIER/COMPR\nESSORS", "one compressor", "HUMIDIFIER/COMPRESSORS"),
        ("component\n, purchase", "", "component, purchase"),
        ("call 555-010-00\n13 or write", "", "call 555-010-0013 or write"),
    ],
)
def test_word_broken_in_a_full_line_is_put_together_and_flagged(
    cell: str, elsewhere: str, whole: str
) -> None:
    row = mend(cell, elsewhere, {1: range(cell.count("\n"))})
    assert row.cells == ("E0250", whole)
    assert row.flags == ("word_broken",)
    assert row.raw_text == f"E0250\t{cell}"


@pytest.mark.parametrize(
    ("cell", "elsewhere"),
    [
        ("WHEELCHAIR\nACCESSORIES", "wheelchair accessories"),  # two words
        ("E02\n50", "E0250"),  # a code
        ("1234-00\n13", "1234-0013"),  # a number
        ("888-454-0013\n(fax)", ""),  # a whole telephone number
        ("A42\n39", ""),
        ("No\nt covered", "not covered"),  # an answer
        ("Yes\nterday", "yesterday"),
        ("non-\nadjunctive", "non-adjunctive"),  # a printed hyphen
        ("Hospital\nBed", "HospitalBed"),  # a new word by its capital
        ("TYPE\nS", "type one"),
    ],
)
def test_line_break_stays_where_one_word_is_not_proven(cell: str, elsewhere: str) -> None:
    row = mend(cell, elsewhere, {1: (0,)})
    assert row.cells == ("E0250", cell)
    assert row.flags == ()


def test_line_with_room_for_more_is_not_full() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192], [100, 140])
        put(canvas, 75, 114, "trans")
        put(canvas, 75, 126, "cutaneous")
        put(canvas, 135, 114, "Yes")

    ink = page(draw)
    (grid,) = ruled_tables(ink).grids
    assert possible_breaks(ink, grid, set_in_cells(ink, grid)) == {}


# ---------------------------------------------------------------- words


def test_cell_filled_up_with_blanks_under_its_text_is_read_without_them() -> None:
    def draw(canvas: Canvas) -> None:
        put(canvas, 72, 100, "03/25/2016")
        put(canvas, 72, 100, " " * 20)

    assert [line.text for line in printed_lines(*all_of(page(draw)))] == ["03/25/2016"]


def all_of(ink: Ink) -> tuple[Ink, np.ndarray]:
    return ink, np.arange(len(ink.text))


def test_printed_lines_come_from_the_top_with_their_boxes() -> None:
    def draw(canvas: Canvas) -> None:
        put(canvas, 72, 120, "E0250 No")
        put(canvas, 72, 100, "Code  PA")

    ink = page(draw)
    lines = printed_lines(*all_of(ink))
    assert [line.text for line in lines] == ["Code PA", "E0250 No"]
    assert [line.box[0] for line in lines] == [ink.boxes[:, 0].min()] * 2


def test_struck_text_and_open_cells_are_doubts() -> None:
    def draw(canvas: Canvas) -> None:
        rule_grid(canvas, [72, 132, 192], [100, 120])
        put(canvas, 75, 114, "E0250")
        canvas.line(75, LETTER[1] - 110.5, 105, LETTER[1] - 110.5)
        for x in (72, 132, 192):
            canvas.line(x, LETTER[1] - 120, x, LETTER[1] - 140)
        put(canvas, 75, 134, "E0601")

    assert doubts(read(draw)[1]) == [
        "text stands between the ruling lines of a table in no closed cell",
        "text is struck through",
    ]
