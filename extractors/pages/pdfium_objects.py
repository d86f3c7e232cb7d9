"""What a page draws as the C library pdfium tells it: its objects, paths and pictures.

Forms, which a page may draw within one another, are unfolded, and all is in the page's own
coordinates.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from extractors.pages import pdfium_calls as pdfium
from extractors.pages.document import MAX_OBJECTS, too_much_drawn
from extractors.pages.drawn import Paths
from extractors.pages.ink import Bools, Floats, Ints

MAX_FORMS = 40  # one within the other

_WORDS_BEHIND = "ActualText"
_IDENTITY = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])


class Unsure(Exception):
    """What the fast engine cannot say of a page for sure, in words."""


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """All a page draws, in order, forms unfolded; `frames` gives the matrix of their form."""

    handles: list[int]
    kinds: Ints
    forms: Ints  # which of the matrices an object is under
    matrices: list[Floats]  # (3, 2) each

    def of(self, *kinds: int) -> Ints:
        wanted = np.zeros(len(self.kinds), dtype=bool)
        for kind in kinds:
            wanted |= self.kinds == kind
        return np.flatnonzero(wanted)

    def handles_of(self, indices: Ints) -> list[int]:
        return list(map(self.handles.__getitem__, indices.tolist()))


def objects_of(page: int, number: int) -> Objects:
    count = pdfium.count_objects(page)
    if count > MAX_OBJECTS:
        raise too_much_drawn(number)
    handles = list(map(pdfium.get_object, repeat(page), range(count)))
    kinds = list(map(pdfium.get_type, handles))
    if pdfium.FORM not in kinds:
        return Objects(handles, np.array(kinds, dtype=np.int64), np.zeros(count, int), [_IDENTITY])
    found: list[int] = []
    under: list[int] = []
    matrices = [_IDENTITY]
    sorts: list[int] = []
    pending = [(handle, kind, 0, 0) for handle, kind in zip(handles, kinds, strict=True)][::-1]
    while pending:
        handle, kind, form, depth = pending.pop()
        if kind != pdfium.FORM or depth >= MAX_FORMS:
            found.append(handle)
            sorts.append(kind)
            under.append(form)
            if len(found) > MAX_OBJECTS:
                raise too_much_drawn(number)
            continue
        count = pdfium.count_form_objects(handle)
        if len(found) + len(pending) + count > MAX_OBJECTS:
            raise too_much_drawn(number)
        matrices.append(_joined(_matrices([handle])[0], matrices[form]))
        inner = list(map(pdfium.get_form_object, repeat(handle), range(count)))
        form = len(matrices) - 1
        pending += [
            (each, sort, form, depth + 1)
            for each, sort in zip(inner, map(pdfium.get_type, inner), strict=True)
        ][::-1]
    return Objects(found, np.array(sorts, dtype=np.int64), np.array(under), matrices)


def _joined(inner: Floats, outer: Floats) -> Floats:
    """The matrix that does first what the one does and then what the other does."""
    matrix = inner @ outer[:2]
    matrix[2] += outer[2]
    return matrix


def _matrices(handles: list[int]) -> Floats:
    """(n, 3, 2)"""
    found = np.zeros((len(handles), 6), dtype=np.float32)
    pdfium.each(map(pdfium.get_matrix, handles, pdfium.addresses(found)))
    return found.astype(float).reshape(-1, 3, 2)


def check_words_behind(objects: Objects) -> None:
    """Stops where text is marked to be taken for other words than it shows."""
    handles = objects.handles_of(objects.of(pdfium.TEXT))
    counts = list(map(pdfium.count_marks, handles))
    if not any(counts):
        return
    key = ctypes.create_string_buffer(64)
    length = ctypes.c_ulong()
    for handle, count in zip(handles, counts, strict=True):
        for number in range(max(count, 0)):
            mark = pdfium.get_mark(handle, number)
            for index in range(max(pdfium.count_mark_keys(mark), 0)):
                pdfium.get_mark_key(
                    mark, index, ctypes.addressof(key), len(key), ctypes.addressof(length)
                )
                name = key.raw[: max(length.value - 2, 0)].decode("utf-16-le", "replace")
                if name == _WORDS_BEHIND:
                    raise Unsure("text of the page is marked to be read as other words")


def paths_of(objects: Objects) -> Paths:
    indices = objects.of(pdfium.PATH, pdfium.SHADING)
    handles = objects.handles_of(indices)
    if not handles:
        none = np.zeros(0, dtype=bool)
        return Paths(
            np.empty((0, 2)), none, np.empty(0, int), none, none, np.empty((0, 3)),
            np.empty(0, int),
        )  # fmt: skip
    is_path = objects.kinds[indices] == pdfium.PATH
    modes = np.zeros((len(handles), 2), dtype=np.int32)
    pdfium.each(
        map(pdfium.get_draw_mode, handles, pdfium.addresses(modes), pdfium.addresses(modes, 1))
    )
    filled, stroked = modes[:, 0] != 0, modes[:, 1] != 0
    asked = np.flatnonzero(filled)
    colours = np.full((len(handles), 3), np.nan)
    colours[asked], alphas = fill_colours([handles[index] for index in asked.tolist()])
    filled[asked] = alphas > 0
    filled |= ~is_path
    colours[~is_path] = np.nan
    counts = np.fromiter(map(pdfium.count_segments, handles), np.int64, len(handles))
    counts = np.where(is_path, np.maximum(counts, 0), 0)
    owners = np.repeat(np.arange(len(handles)), counts)
    firsts = np.cumsum(counts) - counts
    numbers = np.arange(len(owners)) - firsts[owners]
    holders = map(handles.__getitem__, owners.tolist())
    segments = list(map(pdfium.get_segment, holders, numbers.tolist()))
    points = np.zeros((len(segments), 2), dtype=np.float32)
    pdfium.each(
        map(pdfium.get_point, segments, pdfium.addresses(points), pdfium.addresses(points, 1))
    )
    kinds = np.fromiter(map(pdfium.get_segment_type, segments), np.int64, len(segments))
    matrices = _matrices(handles)
    forms = objects.forms[indices]
    for form in np.unique(forms) if forms.any() else ():
        if form:
            under = np.flatnonzero(forms == form)
            matrices[under] = [_joined(matrices[each], objects.matrices[form]) for each in under]
    corners = points.astype(float)
    if (matrices != _IDENTITY).any():
        corners = np.einsum("pi,pij->pj", corners, matrices[owners, :2]) + matrices[owners, 2]
    return _cut(indices, owners, kinds, segments, corners, filled, stroked, colours)


def _cut(
    indices: Ints,
    owners: Ints,
    kinds: Ints,
    segments: list[int],
    corners: Floats,
    filled: Bools,
    stroked: Bools,
    colours: Floats,
) -> Paths:
    """Paths in one piece each, closed ones back at their first corner."""
    begins = kinds == pdfium.MOVE_TO
    begins[1:] |= owners[1:] != owners[:-1]
    starts = np.flatnonzero(begins)
    owner = owners[starts]
    lasts = np.append(starts[1:], len(begins)) - 1
    closed = (corners.take(lasts, axis=0) != corners.take(starts, axis=0)).any(axis=1)
    open_ends = lasts[closed].tolist()
    closed[closed] = [pdfium.closes(segments[last]) == 1 for last in open_ends]
    bent = kinds == pdfium.BEZIER_TO
    if closed.any():
        at = lasts[closed] + 1
        corners = np.insert(corners, at, corners[starts[closed]], axis=0)
        bent = np.insert(bent, at, False)
        starts = starts + np.cumsum(closed) - closed
    return Paths(
        corners=corners,
        bent=bent,
        starts=starts,
        stroked=stroked[owner],
        filled=filled[owner],
        colours=colours[owner],
        order=indices[owner],
    )


def fill_colours(handles: list[int]) -> tuple[Floats, Floats]:
    """The colours that objects are filled with, NaN where unknown, and how opaque they are."""
    values = np.zeros((len(handles), 4), dtype=np.uint32)
    known = list(
        map(pdfium.get_fill_colour, handles, *(pdfium.addresses(values, part) for part in range(4)))
    )
    parts = values / 255.0
    if 0 in known:
        parts[np.array(known, dtype=np.int64) == 0] = (np.nan, np.nan, np.nan, 1.0)
    return parts[:, :3], parts[:, 3]


def pictures_of(objects: Objects) -> Floats:
    indices = objects.of(pdfium.IMAGE)
    handles = objects.handles_of(indices)
    # A picture is the unit square under its matrix.
    square = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    boxes = np.empty((len(handles), 4))
    if not handles:
        return boxes
    for number, matrix in enumerate(_matrices(handles)):
        matrix = _joined(matrix, objects.matrices[objects.forms[indices[number]]])
        corners = square @ matrix[:2] + matrix[2]
        boxes[number] = (*corners.min(axis=0), *corners.max(axis=0))
    return boxes
