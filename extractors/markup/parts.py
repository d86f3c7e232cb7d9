"""What an element of a page is: a table, its parts, a margin of the page, a picture in a cell.

Knows HTML's own names and the roles that pages give to other elements. A table that only arranges
the page is no table. What an element shows is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from extractors.markup.text import collapsed
from extractors.markup.tree import HEADINGS, Element, Tree
from extractors.markup.visibility import Look
from schemas.codes import find_codes

PICTURE = "a cell shows a picture and no text"


_PARTS = {
    "table": "table",
    "thead": "group",
    "tbody": "group",
    "tfoot": "group",
    "tr": "row",
    "td": "cell",
    "th": "cell",
}
_ROLES = {
    **dict.fromkeys(("table", "grid", "treegrid"), "table"),
    "rowgroup": "group",
    "row": "row",
    **dict.fromkeys(("cell", "gridcell", "columnheader", "rowheader"), "cell"),
}
_MARGIN_ROLES = {
    *("navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alertdialog"),
}
CONTENT = {"main", "article", "section"}
# Elements that change something for what is inside them even without an attribute.
CHANGING = CONTENT | HEADINGS.keys()
CHANGING |= {"nav", "search", "header", "footer", "aside"}
CHANGING |= {"s", "strike", "del", "sup", "pre", "textarea"}
_ICON = re.compile(r"\b(?:fa[srb]?|icon|glyphicon|bi|check|tick)\b", re.IGNORECASE)


def role_of(element: Element) -> str:
    """The first role that an element is said to have."""
    said = element.attributes.get("role")
    return said.split()[0].lower() if said and said.strip() else ""


def part_of(element: Element) -> str | None:
    """Which part of a table an element is by its name or role: table, group, row or cell."""
    return _PARTS.get(element.name) or (
        _ROLES.get(role_of(element)) if element.attributes else None
    )


def is_margin(name: str, role: str, *, in_content: bool) -> bool:
    """Whether an element holds what every page of a site has: menus, banners, header, footer."""
    if role:
        return role in _MARGIN_ROLES
    if name in ("nav", "search"):
        return True
    return name in ("header", "footer", "aside") and not in_content


def words_of_pictures(cell: Element, looks: dict[Element, Look]) -> tuple[str, str | None]:
    """The words that stand for the pictures of a cell without text, or what is wrong there.

    A picture that its page calls empty (`alt=""`) shows nothing.
    """
    words: list[str] = []
    fault: str | None = None
    for element in cell.elements():
        attributes = element.attributes
        if looks.get(element) == "gone":
            continue
        if element.name == "img" and "alt" in attributes:
            words.append(collapsed(attributes["alt"]))
        elif (
            element.name in ("img", "svg", "canvas", "object", "embed")
            or (element.name == "input" and attributes.get("type") in ("checkbox", "radio"))
            or (element.name in ("i", "span") and _ICON.search(attributes.get("class", "")))
        ):
            fault = PICTURE
    text = " ".join(filter(None, words))
    return (text, None) if text else ("", fault)


def arranging_tables(tree: Tree, chosen: dict[Element, str]) -> set[Element]:
    """The tables that only arrange the page: their cells are blocks of text.

    A table that shows something has a header and a row below it, or a code in its one row. One
    that holds other tables and has neither shows nothing itself.
    """
    holding = {cell for cell in map(_cell_around, tree.tables) if cell is not None}
    outer = {above for cell in holding for above in cell.ancestors() if above.name == "table"}
    around = {above for element in chosen for above in element.ancestors()}
    return {
        table
        for table in tree.tables
        if table.attributes.get("role") in ("presentation", "none")
        or table in around
        or (table in outer and not _shows_something(table, holding))
    }


def _cell_around(table: Element) -> Element | None:
    return next((each for each in table.ancestors() if each.name in ("td", "th")), None)


def _shows_something(table: Element, holding: set[Element]) -> bool:
    """Whether a table has text of its own; `holding` are the cells that hold other tables."""
    filled_rows = [cells for cells in map(_filled_cells, _rows_of(table)) if len(cells) > 1]
    if len(filled_rows) != 1:
        return bool(filled_rows)
    plain = (cell for cell in filled_rows[0] if cell not in holding)
    return any(find_codes(" ".join(cell.texts())) for cell in plain)


def _rows_of(table: Element) -> Iterator[Element]:
    """The rows of a table itself; those of tables in its cells are not among them."""
    waiting = [table]
    while waiting:
        for child in waiting.pop().children:
            if isinstance(child, Element) and child.name == "tr":
                yield child
            elif isinstance(child, Element) and child.name not in ("td", "th", "table"):
                waiting.append(child)


def _filled_cells(row: Element) -> list[Element]:
    cells = (each for each in row.children if isinstance(each, Element))
    return [cell for cell in cells if any(text.strip() for text in cell.texts())]
