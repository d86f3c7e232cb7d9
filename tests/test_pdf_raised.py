"""Raised digits on pages that were drawn for it: marks behind codes."""

from __future__ import annotations

import pytest
from reportlab.pdfgen.canvas import Canvas

from extractors.pdf import read_pdf
from tests.test_pdf import cells_of, draw_grid, drawn


def marked(canvas: Canvas, text: str, mark: str, size: float, rise: float) -> None:
    """A grid of two rows; in its first cell, a text with a mark behind it."""
    draw_grid(canvas, [["", "Yes"], ["E0602", "No"]])
    line = canvas.beginText(75, 686)
    line.textOut(text)
    line.setFont("Helvetica", size)
    line.setRise(rise)
    line.textOut(mark)
    canvas.drawText(line)


@pytest.mark.parametrize(
    ("size", "rise", "read"),
    [
        pytest.param(6.5, 3.5, "E0601¹²", id="as word processors set it"),
        pytest.param(8.3, 3.5, "E0601¹²", id="as browsers set it"),
        pytest.param(6.5, 0, "E060112", id="small and not raised"),
        pytest.param(10, 3.5, "E060112", id="raised and not small"),
    ],
)
def test_small_raised_digits_are_read_as_superscripts(size: float, rise: float, read: str) -> None:
    reading = read_pdf(drawn(lambda canvas: marked(canvas, "E0601", "12", size, rise)))
    assert cells_of(reading) == [(read, "Yes"), ("E0602", "No")]
    assert reading.problems == ()


def test_small_raised_digits_with_a_gap_before_them_stay_as_they_are() -> None:
    reading = read_pdf(drawn(lambda canvas: marked(canvas, "E0601  ", "1", 6.5, 3.5)))
    assert cells_of(reading) == [("E0601 1", "Yes"), ("E0602", "No")]
