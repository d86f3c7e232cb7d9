"""The functions of the C library pdfium that we call, with plain integers for its pointers.

A page has thousands of letters, so what a call costs decides what a page costs. `map` over one of
these functions takes about 0.4 microseconds a letter: results go straight to an address in a numpy
array, and no object is made for an argument. They hold Python's lock, as the library allows only
one thread at a time.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from ctypes import PYFUNCTYPE, c_double, c_float, c_int, c_uint, c_ulong, c_void_p
from typing import Any

import numpy as np
import pypdfium2.raw as _library

TEXT, PATH, IMAGE, SHADING, FORM = 1, 2, 3, 4, 5  # kinds of page objects
BEZIER_TO, MOVE_TO = 1, 2  # kinds of path segments; 0 is a line


def _function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    address = ctypes.cast(getattr(_library, name), c_void_p).value
    if address is None:
        raise ImportError(f"pdfium has no function {name}")
    return PYFUNCTYPE(result, *arguments)(address)


last_error = _function("FPDF_GetLastError", c_ulong)
load_document = _function("FPDF_LoadMemDocument", c_void_p, c_void_p, c_int, c_void_p)
close_document = _function("FPDF_CloseDocument", None, c_void_p)
count_pages = _function("FPDF_GetPageCount", c_int, c_void_p)
load_page = _function("FPDF_LoadPage", c_void_p, c_void_p, c_int)
close_page = _function("FPDF_ClosePage", None, c_void_p)

load_text = _function("FPDFText_LoadPage", c_void_p, c_void_p)
close_text = _function("FPDFText_ClosePage", None, c_void_p)
count_chars = _function("FPDFText_CountChars", c_int, c_void_p)
get_text = _function("FPDFText_GetText", c_int, c_void_p, c_int, c_int, c_void_p)
get_unicode = _function("FPDFText_GetUnicode", c_uint, c_void_p, c_int)
is_generated = _function("FPDFText_IsGenerated", c_int, c_void_p, c_int)
has_no_unicode = _function("FPDFText_HasUnicodeMapError", c_int, c_void_p, c_int)
get_char_box = _function("FPDFText_GetLooseCharBox", c_int, c_void_p, c_int, c_void_p)
get_char_origin = _function("FPDFText_GetCharOrigin", c_int, c_void_p, c_int, c_void_p, c_void_p)
get_char_matrix = _function("FPDFText_GetMatrix", c_int, c_void_p, c_int, c_void_p)
get_char_size = _function("FPDFText_GetFontSize", c_double, c_void_p, c_int)
get_char_object = _function("FPDFText_GetTextObject", c_void_p, c_void_p, c_int)

count_objects = _function("FPDFPage_CountObjects", c_int, c_void_p)
get_object = _function("FPDFPage_GetObject", c_void_p, c_void_p, c_int)
count_form_objects = _function("FPDFFormObj_CountObjects", c_int, c_void_p)
get_form_object = _function("FPDFFormObj_GetObject", c_void_p, c_void_p, c_ulong)
get_type = _function("FPDFPageObj_GetType", c_int, c_void_p)
get_matrix = _function("FPDFPageObj_GetMatrix", c_int, c_void_p, c_void_p)
get_fill_colour = _function(
    "FPDFPageObj_GetFillColor", c_int, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
)
count_marks = _function("FPDFPageObj_CountMarks", c_int, c_void_p)
get_mark = _function("FPDFPageObj_GetMark", c_void_p, c_void_p, c_ulong)
count_mark_keys = _function("FPDFPageObjMark_CountParams", c_int, c_void_p)
get_mark_key = _function(
    "FPDFPageObjMark_GetParamKey", c_int, c_void_p, c_ulong, c_void_p, c_ulong, c_void_p
)
get_render_mode = _function("FPDFTextObj_GetTextRenderMode", c_int, c_void_p)
get_glyph_width = _function("FPDFFont_GetGlyphWidth", c_int, c_void_p, c_uint, c_float, c_void_p)
get_font = _function("FPDFTextObj_GetFont", c_void_p, c_void_p)

get_draw_mode = _function("FPDFPath_GetDrawMode", c_int, c_void_p, c_void_p, c_void_p)
count_segments = _function("FPDFPath_CountSegments", c_int, c_void_p)
get_segment = _function("FPDFPath_GetPathSegment", c_void_p, c_void_p, c_int)
get_point = _function("FPDFPathSegment_GetPoint", c_int, c_void_p, c_void_p, c_void_p)
get_segment_type = _function("FPDFPathSegment_GetType", c_int, c_void_p)
closes = _function("FPDFPathSegment_GetClose", c_int, c_void_p)


def addresses(rows: np.ndarray, column: int = 0) -> range:
    """Where the items of a column lie in memory."""
    start = rows.__array_interface__["data"][0] + column * rows.itemsize
    step = rows.shape[1] * rows.itemsize
    return range(start, start + step * len(rows), step)


def each(calls: map[int]) -> None:
    """Makes the calls; what they say of their success is looked at where it matters."""
    deque(calls, maxlen=0)
