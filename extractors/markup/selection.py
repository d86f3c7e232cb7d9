"""The elements of a page that a source's YAML names by CSS selectors.

Knows the part of the page to read, and which of its elements are rows and cells although HTML has
other names for them. A selector that finds nothing, or several parts where one is to be read, is
an error, because the page is then no longer what the YAML was written for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag
from soupsieve import SelectorSyntaxError

from extractors.markup.tree import Element, Text, Tree
from extractors.reading import ExtractionError
from schemas.source import HtmlTable

_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of the page to read, and its rows and cells as far as the YAML names them.

    `selector` is the one that names the region, with its key in the YAML; None where that is the
    whole page.
    """

    region: Element
    parts: dict[Element, str]
    selector: str | None = None


def select(tree: Tree, rules: HtmlTable | None) -> Selection:
    """What the rules name on a page; all of it without rules.

    A row inside another row is part of that row, and so is a cell in a cell. Raises
    `ExtractionError`, naming the selector, where it is none or does not find what it should.
    """
    if rules is None or (rules.region is None and rules.row is None):
        return Selection(tree.root, {})
    soup, elements = _mirrored(tree.root)
    region: Tag = soup
    if rules.region is not None:
        found = _select(soup, "table.html.region", rules.region)
        if len(found) != 1:
            raise ExtractionError(
                f"table.html.region {rules.region!r} finds {len(found)} elements on the page "
                "instead of one: compare the page with the YAML"
            )
        region = found[0]
    parts: dict[Element, str] = {}
    if rules.row is not None and rules.cell is not None:
        for row in _outermost(_select(region, "table.html.row", rules.row), region):
            cells = _outermost(_select(row, "table.html.cell", rules.cell), row)
            if cells:
                parts[elements[id(row)]] = "row"
                parts |= dict.fromkeys((elements[id(cell)] for cell in cells), "cell")
        if not parts:
            raise ExtractionError(
                f"table.html.row {rules.row!r} with table.html.cell {rules.cell!r} finds no row: "
                "compare the page with the YAML"
            )
    named = f"table.html.region {rules.region!r}" if rules.region is not None else None
    return Selection(elements[id(region)], parts, named)


def select_innermost(tree: Tree, selector: str) -> Selection:
    """The innermost element of a page that a narrative's selector finds.

    Raises `ExtractionError` where it finds none, or several that are not inside each other.
    """
    soup, elements = _mirrored(tree.root)
    named = f"narrative.page.region {selector!r}"
    found = _select(soup, "narrative.page.region", selector)
    around = {id(above) for tag in found for above in tag.parents}
    innermost = [tag for tag in found if id(tag) not in around]
    if not innermost:
        raise ExtractionError(
            f"{named} finds nothing: the page may ask to accept a licence, or be another one, in "
            "place of the publication; look at it, and get the publication by hand"
        )
    if len(innermost) > 1:
        raise ExtractionError(
            f"{named} finds {len(innermost)} parts of the page instead of one: compare the page "
            "with the YAML"
        )
    return Selection(elements[id(innermost[0])], {}, named)


def _select(within: Tag, key: str, selector: str) -> list[Tag]:
    try:
        return list(within.select(selector))
    except SelectorSyntaxError as error:
        reason = str(error).splitlines()[0]
        raise ExtractionError(f"{key} {selector!r} is no selector: {reason}") from error


def _outermost(tags: Iterable[Tag], within: Tag) -> list[Tag]:
    """Those of the tags, in the order of the page, that are in no other of them."""
    chosen: list[Tag] = []
    seen: set[int] = set()
    for tag in tags:
        above = tag.parent
        while above is not None and above is not within and id(above) not in seen:
            above = above.parent
        if above is None or above is within:
            chosen.append(tag)
            seen.add(id(tag))
    return chosen


def _mirrored(root: Element) -> tuple[BeautifulSoup, dict[int, Element]]:
    """The tree as the selectors' own library wants it, and what each of its tags stands for."""
    soup = BeautifulSoup("", "html.parser")
    elements: dict[int, Element] = {id(soup): root}
    waiting: list[tuple[Element, Tag]] = [(root, soup)]
    while waiting:
        element, tag = waiting.pop()
        for child in element.children:
            if isinstance(child, Text):
                # As a reader sees them, so that a selector by words finds them however broken.
                tag.append(soup.new_string(_BLANKS.sub(" ", child.text)))
            else:
                mirror = soup.new_tag(child.name, attrs=dict(child.attributes))
                tag.append(mirror)
                elements[id(mirror)] = child
                waiting.append((child, mirror))
    return soup, elements
