"""The reference engine: pages of a PDF as pdfplumber's parser draws them.

Written in Python throughout, so that nothing a file holds can do more than raise an error, and
slow for the same reason. It knows each character code that a page shows, also where the font does
not say which letter it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LTChar
from pdfminer.pdfinterp import PDFGraphicState, PDFPageInterpreter
from pdfminer.pdfpage import PDFPage
from pdfminer.utils import apply_matrix_pt
from pdfplumber.pdf import PDF

from extractors.pages.document import MAX_OBJECTS, too_much_drawn
from extractors.pages.drawn import Drawn, Letters, Paths
from extractors.pages.ink import Box, Floats

_Colour = tuple[float, float, float]
_Point = tuple[float, float]

_BY_STROKE = (1, 2, 5, 6)  # text render modes that draw outlines, in a colour we do not look at
_INVISIBLE = (3, 7)
_UNKNOWN: _Colour = (np.nan, np.nan, np.nan)
# In other colour spaces, numbers are of an ink that only its own description knows.
_PLAIN_COLOURS = frozenset(
    {"DeviceGray", "DeviceRGB", "DeviceCMYK", "CalGray", "CalRGB", "ICCBased"}
)


def drawn_by_plumber(pdf: PDF, page: PDFPage, number: int, view: Box) -> Drawn:
    """What a page draws. Raises whatever the parser does, and where it draws beyond all measure."""
    canvas = _Canvas(pdf.rsrcmgr, pageno=number)
    # What is drawn is wanted in the page's own coordinates, whichever way it is to be turned.
    asked, page.rotate = page.rotate, 0
    try:
        PDFPageInterpreter(pdf.rsrcmgr, canvas).process_page(page)
    finally:
        page.rotate = asked
    # The parser counts from the corner of the page, wherever that is.
    shift = np.array(page.mediabox[:2], dtype=float)
    return Drawn(
        number=number,
        view=view,
        turn=asked // 90 % 4,
        letters=_letters(canvas.letters, shift),
        paths=_paths(canvas.paths, shift),
        pictures=_floats(canvas.pictures, 4) + np.tile(shift, 2),
    )


@dataclass(frozen=True, slots=True)
class _Letter:
    char: LTChar
    size: float
    rise: float
    run: int
    inked: bool
    colour: _Colour
    order: int


@dataclass(frozen=True, slots=True)
class _Path:
    corners: list[_Point]
    bent: list[bool]
    stroked: bool
    filled: bool
    colour: _Colour
    order: int


class _Canvas(PDFPageAggregator):
    """Collects what a page draws, and stops where it draws beyond all measure."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.letters: list[_Letter] = []
        self.paths: list[_Path] = []
        self.pictures: list[Box] = []
        self._drawn = 0
        self._run = -1
        self._inked = True
        self._colour = _UNKNOWN

    def _count(self) -> int:
        self._drawn += 1
        if self._drawn > MAX_OBJECTS:
            raise too_much_drawn(self.pageno)
        return self._drawn

    def begin_figure(self, *args: Any, **kwargs: Any) -> None:
        self._count()
        super().begin_figure(*args, **kwargs)

    def render_image(self, name: str, stream: Any) -> None:  # noqa: ARG002
        self.pictures.append(self.cur_item.bbox)

    def paint_path(
        self,
        graphicstate: PDFGraphicState,
        stroke: bool,
        fill: bool,
        evenodd: bool,  # noqa: ARG002
        path: Sequence[tuple[Any, ...]],
    ) -> None:
        order = self._count()
        colour = _colour(graphicstate)
        piece: _Path | None = None
        for kind, *numbers in path:
            if kind == "m":
                self._count()
                piece = _Path([], [], bool(stroke), bool(fill), colour, order)
                self.paths.append(piece)
            if piece is None:
                continue  # a path begins with a move, what comes before it is not drawn
            corner = (
                piece.corners[0]
                if kind == "h"
                else apply_matrix_pt(self.ctm, (float(numbers[-2]), float(numbers[-1])))
            )
            if kind != "h" or corner != piece.corners[-1]:
                piece.corners.append(corner)
                piece.bent.append(kind in "cvy")

    def render_string(
        self, textstate: Any, seq: Any, ncs: Any, graphicstate: PDFGraphicState
    ) -> None:
        self._run += 1
        self._inked = textstate.render not in _INVISIBLE
        self._colour = _UNKNOWN if textstate.render in _BY_STROKE else _colour(graphicstate)
        super().render_string(textstate, seq, ncs, graphicstate)

    def render_char(
        self,
        matrix: Any,
        font: Any,
        fontsize: float,
        scaling: float,
        rise: float,
        *args: Any,
        **kwargs: Any,
    ) -> float:
        order = self._count()
        advance = super().render_char(matrix, font, fontsize, scaling, rise, *args, **kwargs)
        char = self.cur_item._objs.pop()
        if isinstance(char, LTChar):
            self.letters.append(
                _Letter(char, fontsize, rise, self._run, self._inked, self._colour, order)
            )
        return advance


def _letters(found: list[_Letter], shift: Floats) -> Letters:
    matrices = _floats([letter.char.matrix for letter in found], 6)
    rises = _floats([letter.rise for letter in found], 1)
    along, up = matrices[:, 0:2], matrices[:, 2:4]
    return Letters(
        text=tuple(letter.char.get_text() for letter in found),
        origins=matrices[:, 4:6] + up * rises + shift,
        advances=along * _floats([letter.char.adv for letter in found], 1),
        ups=up * _floats([letter.size for letter in found], 1),
        runs=np.array([letter.run for letter in found], dtype=np.int64),
        inked=np.array([letter.inked for letter in found], dtype=bool),
        colours=_floats([letter.colour for letter in found], 3),
        order=np.array([letter.order for letter in found], dtype=np.int64),
    )


def _paths(found: list[_Path], shift: Floats) -> Paths:
    lengths = np.array([len(path.corners) for path in found], dtype=np.int64)
    return Paths(
        corners=_floats([corner for path in found for corner in path.corners], 2) + shift,
        bent=np.array([bent for path in found for bent in path.bent], dtype=bool),
        starts=np.cumsum(lengths) - lengths,
        stroked=np.array([path.stroked for path in found], dtype=bool),
        filled=np.array([path.filled for path in found], dtype=bool),
        colours=_floats([path.colour for path in found], 3),
        order=np.array([path.order for path in found], dtype=np.int64),
    )


def _floats(values: list[Any], width: int) -> Floats:
    return np.array(values, dtype=float).reshape(-1, width)


def _colour(state: PDFGraphicState) -> _Colour:
    """Red, green and blue of what fills; NaN for patterns and what else there is."""
    value: Any = state.ncolor
    parts = value if isinstance(value, (tuple, list)) else (value,)
    if state.ncs.name not in _PLAIN_COLOURS or not all(
        isinstance(part, (int, float)) for part in parts
    ):
        return _UNKNOWN
    match [float(part) for part in parts]:
        case [gray]:
            return (gray, gray, gray)
        case [red, green, blue]:
            return (red, green, blue)
        case [cyan, magenta, yellow, black]:
            red, green, blue = (1 - min(1.0, ink + black) for ink in (cyan, magenta, yellow))
            return (red, green, blue)
    return _UNKNOWN
