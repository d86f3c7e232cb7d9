"""The elements of a page as a tree: which text stands inside which element.

Knows the tags that old pages leave out: a cell ends where the next one begins, a paragraph where
a block does, and no end tag inside a cell ends anything outside it. Nothing is moved and nothing
is lost: text that stands directly in a table stays there, in its place. What an element is for,
whether it is shown, and what a style sheet says of it are not known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from extractors.reading import ExtractionError

MAX_DEPTH = 200  # recursion over the tree must fit into the stack; real pages stay below 100
MAX_ELEMENTS = 1_500_000
MAX_TAG = 2 << 20
MAX_OPEN_TAGS = 1_000

HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "button", "caption", "center"),
    *("dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure"),
    *("footer", "form", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu"),
    *("nav", "ol", "optgroup", "option", "p", "pre", "search", "section", "select", "summary"),
    *("textarea", "ul"),
    *HEADINGS,
}
SILENT = {"script", "style", "template", "noscript", "title", "datalist", "noframes", "noembed"}
SILENT |= {"iframe", "audio", "video"}

_VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
    *("source", "track", "wbr"),
}
# The parts of a table: one that begins ends those of its own and of lower rank before it.
_RANKS = {"td": 1, "th": 1, "tr": 2}
_RANKS |= dict.fromkeys(("thead", "tbody", "tfoot", "caption", "colgroup", "col"), 3)
_CELLS = {"td", "th", "caption"}
_SCOPES = {*_CELLS, "table", "template", "object"}
# What else a start tag ends, and the element beyond which it does not look.
_ENDED_BY = {
    "li": ({"li"}, {"ul", "ol", "menu", "dir"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "option": ({"option"}, {"select", "datalist"}),
    "optgroup": ({"option", "optgroup"}, {"select"}),
    "a": ({"a"}, set[str]()),
    "body": ({"head"}, set[str]()),
}
_ONCE = {"html", "head", "body"}
_FOREIGN = {"svg", "math"}


@dataclass(slots=True, eq=False)
class Text:
    """A run of text, its entities decoded, and the line of the source where it begins."""

    line: int
    text: str


@dataclass(slots=True, eq=False)
class Element:
    """An element with its attributes, the line of its start tag, and what is inside it."""

    name: str
    attributes: dict[str, str]
    line: int
    parent: Element | None = None
    children: list[Element | Text] = field(default_factory=list)

    def ancestors(self) -> Iterator[Element]:
        """The elements that this one stands in, from the nearest on."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def elements(self) -> Iterator[Element]:
        """All elements inside this one, in the order of the page."""
        waiting = [child for child in reversed(self.children) if isinstance(child, Element)]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += [child for child in reversed(element.children) if isinstance(child, Element)]

    def texts(self) -> Iterator[str]:
        """All texts inside this element, in the order of the page."""
        waiting: list[Element | Text] = [self]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Text):
                yield node.text
            else:
                waiting += reversed(node.children)


@dataclass(frozen=True, slots=True)
class Tree:
    """A page: the root of its elements, and those of them that other modules ask for by name."""

    root: Element
    tables: tuple[Element, ...]
    styles: tuple[Element, ...]


def parse_tree(text: str) -> Tree:
    """The tree of a page.

    Raises `ExtractionError`, naming the line, for markup that no browser reads either and for
    elements nested or numbered beyond all measure, before anything grows with them.
    """
    _refuse_costly_tags(text)
    builder = _Builder()
    try:
        builder.feed(text)
        builder.close()
    except AssertionError as error:  # how the parser of the standard library rejects a page
        raise ExtractionError(
            f"line {builder.getpos()[0]}: the page cannot be parsed ({str(error)[:80]}): look at "
            "it by hand"
        ) from error
    return Tree(builder.root, tuple(builder.tables), tuple(builder.styles))


def _refuse_costly_tags(text: str) -> None:
    """Raises for tags that would cost the parser more than any real page does.

    It looks for the end of each tag to the end of the page, and keeps all attributes of one.
    """
    for begin, end in (("<", ">"), ("<!--", "-->"), ("<![", "]>")):
        if text.count(begin, text.rfind(end) + 1) > MAX_OPEN_TAGS:
            raise ExtractionError(
                f"the page has more than {MAX_OPEN_TAGS:,} {begin!r} without {end!r}; look at "
                "it by hand"
            )
    if len(re.findall("<[a-zA-Z]", text)) > MAX_ELEMENTS:
        raise ExtractionError(
            f"the page has more than {MAX_ELEMENTS:,} elements; look at it by hand"
        )
    if re.search(rf"<[a-zA-Z][^<>]{{{MAX_TAG},}}", text):
        raise ExtractionError(
            f"the page has a tag of more than {MAX_TAG >> 20} MiB; look at it by hand"
        )


class _Builder(HTMLParser):
    """Puts each tag and text where it belongs, as the parser meets them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, 1)
        self.tables: list[Element] = []
        self.styles: list[Element] = []
        self._open: list[Element] = [self.root]
        self._open_names: defaultdict[str, int] = defaultdict(int)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ONCE and self._open_names[tag]:
            return
        self._end_before(tag)
        if tag in ("td", "th") and self._is_without_row():
            self._add("tr", {})
        self._add(tag, {name: value or "" for name, value in attrs} if attrs else {})
        if tag in _VOID:
            self._end_from(len(self._open) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        # In HTML the slash means nothing; but a script without end would swallow the page.
        is_alone = ":" in tag or tag in SILENT or any(self._open_names[name] for name in _FOREIGN)
        if is_alone and self._open[-1].name == tag:
            self._end_from(len(self._open) - 1)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("html", "body"):
            return  # what follows still belongs to the page
        if self._open[-1].name == tag:
            self._end_from(len(self._open) - 1)
            return
        if tag in HEADINGS:
            found = self._nearest(set(HEADINGS), _SCOPES)
        elif tag == "table":
            found = self._nearest({tag}, set())
        else:
            found = self._nearest({tag}, {"table"} if tag in _RANKS else _SCOPES)
        if found:
            self._end_from(found)
        elif tag in ("p", "br"):
            self.handle_starttag(tag, [])
            if tag == "p":
                self._end_from(len(self._open) - 1)

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(Text(self.getpos()[0], data))

    def _add(self, name: str, attributes: dict[str, str]) -> None:
        line = self.getpos()[0]
        if len(self._open) > MAX_DEPTH:
            raise ExtractionError(
                f"line {line}: the page has more than {MAX_DEPTH} elements inside each other; "
                "look at it by hand before it is read"
            )
        parent = self._open[-1]
        element = Element(name, attributes, line, parent)
        parent.children.append(element)
        self._open.append(element)
        self._open_names[name] += 1
        if name == "table":
            self.tables.append(element)
        elif name == "style":
            self.styles.append(element)

    def _end_from(self, index: int) -> None:
        for element in self._open[index:]:
            self._open_names[element.name] -= 1
        del self._open[index:]

    def _nearest(self, names: set[str], limits: set[str]) -> int:
        """Where the nearest open element of these names is, within the limits; 0 for none."""
        if not any(self._open_names[name] for name in names):
            return 0
        for index in range(len(self._open) - 1, 0, -1):
            name = self._open[index].name
            if name in names:
                return index
            if name in limits:
                return 0
        return 0

    def _end_before(self, tag: str) -> None:
        """Ends what a start tag ends, its end tag having been left out."""
        if tag in _RANKS:
            self._end_parts_of_table(_RANKS[tag])
            return
        if tag == "table":
            above = self._nearest({"table"}, _CELLS)
            if above:
                self._end_from(above)
        if tag in _ENDED_BY:
            names, limits = _ENDED_BY[tag]
            found = self._nearest(names, _SCOPES | limits)
            if found:
                self._end_from(found)
        if (tag in BLOCKS or tag == "table") and self._open_names["p"]:
            found = self._nearest({"p"}, _SCOPES | {"button"})
            if found:
                self._end_from(found)
        if tag in HEADINGS and self._open[-1].name in HEADINGS:
            self._end_from(len(self._open) - 1)

    def _end_parts_of_table(self, rank: int) -> None:
        if not self._open_names["table"]:
            return
        last = 0
        for index in range(len(self._open) - 1, 0, -1):
            name = self._open[index].name
            if name == "table":
                break
            if _RANKS.get(name, rank + 1) <= rank:
                last = index
        if last:
            self._end_from(last)

    def _is_without_row(self) -> bool:
        for element in reversed(self._open):
            if element.name in ("tr", "table"):
                return element.name == "table"
        return False
