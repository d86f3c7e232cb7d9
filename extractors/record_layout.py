"""A publisher's own description of the places of columns in a text of records.

Reads the items of a CMS record layout (a number and a name, then length, first and last character)
and holds a source's positions against them. What the items say besides is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from extractors.reading import Problem
from extractors.text import read_text
from schemas.source import Twin

_NAME = re.compile(r"\s*\d+\.\s+(?P<name>\S.*?)\s*")
_PLACES = re.compile(r"\s+(?P<length>\d+)\s+(?P<first>\d+)\s+(?P<last>\d+)\s+(?:CHAR|NUM|GRP)\s*")
_OCCURS = re.compile(r".*\bOCCURS\s+MAX:\s*(?P<most>\d+).*")
# How the layout names the columns, at the end of an item's name and without the case of letters.
_ITEMS = {
    "code": "healthcare common procedure coding system code",
    "sequence": "sequence number",
    "record": "record identification code",
    "long_description": "long description",
    "short_description": "short description",
    "pricing": "hcpcs pricing indicator code",
    "cross_reference": "cross reference code",
    "coverage": "coverage code",
    "betos": "berenson-eggers type of service code",
    "added_on": "added date",
    "effective_from": "action effective date",
    "terminated_on": "termination date",
    "action": "action code",
}


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a layout: its name, and the first and last character of each occurrence."""

    name: str
    spans: tuple[tuple[int, int], ...]


def layout_items(data: bytes) -> tuple[Item, ...]:
    """The items of a record layout in order; raises `ExtractionError` as `read_text` does."""
    items: list[Item] = []
    name = None
    for line in read_text(data).lines:
        if places := _PLACES.fullmatch(line.raw_text):
            if name is not None:
                items.append(Item(name, ((int(places["first"]), int(places["last"])),)))
            name = None
        elif named := _NAME.fullmatch(line.raw_text):
            name = named["name"]
        elif items and (occurs := _OCCURS.fullmatch(line.raw_text)):
            items[-1] = _repeated(items[-1], int(occurs["most"]))
    return tuple(items)


def _repeated(item: Item, times: int) -> Item:
    """An item that occurs several times, each right behind the one before."""
    first, last = item.spans[0]
    step = last - first + 1
    # An item occurs at most a few times: more would be misread.
    spans = tuple((first + n * step, last + n * step) for n in range(min(times, 100)))
    return Item(item.name, spans)


def against_layout(data: bytes, name: str, twin: Twin) -> tuple[Problem, ...]:
    """The differences between a source's positions and the layout in the file `name`; they hold."""
    items = layout_items(data)
    if not items:
        message = f"{name} has no item with its places that we can read: look at its format"
        return (Problem(message),)
    return tuple(
        Problem(
            f"{name} does not have {column!r} at characters {first} to {last}, but {_told(named)}; "
            "change code_set.twin.positions to what it says"
        )
        for column, (first, last) in twin.positions.items()
        if (first, last) not in _spans(named := _named(column, items))
    )


def _named(column: str, items: tuple[Item, ...]) -> list[Item]:
    """The items that a column may be: those of its name, or all where none has that name."""
    stem, _, number = column.rpartition("_")
    wanted = _ITEMS.get(stem if number.isdecimal() else column)
    found = [item for item in items if wanted and item.name.casefold().endswith(wanted)]
    return found or list(items)


def _spans(items: list[Item]) -> set[tuple[int, int]]:
    return {span for item in items for span in item.spans}


def _told(items: list[Item]) -> str:
    if len(items) != 1:
        return f"no item there among {len(items)}"
    (first, _), (_, last) = items[0].spans[0], items[0].spans[-1]
    return f"{items[0].name!r} at {first} to {last}"
