"""Which elements of a page its reader cannot see.

Knows the `hidden` attribute, inline styles, and the page's own style sheets as far as their
selectors name elements, classes, ids and attributes, on a wide screen. Not known: style sheets in
other files, selectors by state or position (`:hover`, `:nth-child`), text hidden by colour, size
or place, and what scripts change.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from extractors.markup.tree import Element, Tree

# A gone element takes no room; an unseen one keeps its place, and a seen one inside it is shown.
Look = Literal["gone", "unseen", "seen"]

SCREEN_WIDTH = 1280.0  # CSS pixels
EM = 16.0

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_DECLARATION = re.compile(
    r"(?:^|;)\s*(display|visibility)\s*:\s*([a-z-]+)\s*(!\s*important)?", re.IGNORECASE
)
_COMPOUND = re.compile(
    r"(?P<tag>[a-z][\w-]*|\*)?"
    r"(?P<rest>(?:[#.][\w-]+|\[\s*[\w-]+\s*(?:=\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+)\s*)?\])*)",
    re.IGNORECASE,
)
_SIMPLE = re.compile(
    r"#(?P<id>[\w-]+)|\.(?P<cls>[\w-]+)"
    r"|\[\s*(?P<name>[\w-]+)\s*(?:=\s*[\"']?(?P<value>[^\"'\]]*?)[\"']?\s*)?\]"
)
_FEATURE = re.compile(r"\(\s*(min|max)-width\s*:\s*([0-9.]+)(px|em|rem)\s*\)")
_LINE_THROUGH = re.compile(r"text-decoration[\w-]*\s*:[^;]*line-through", re.IGNORECASE)
_SHOWN_AS_BLOCK = re.compile(
    r"(?:^|;)\s*display\s*:\s*(?:block|flex|grid|table|table-row|list-item)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Compound:
    """One part of a selector: what a single element must have."""

    tag: str | None
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    attributes: tuple[tuple[str, str | None], ...]

    def matches(self, element: Element) -> bool:
        attributes = element.attributes
        if self.tag not in (None, element.name):
            return False
        if any(attributes.get("id") != name for name in self.ids):
            return False
        if self.classes and not set(self.classes) <= set(attributes.get("class", "").split()):
            return False
        return all(
            name in attributes and value in (None, attributes[name])
            for name, value in self.attributes
        )


@dataclass(frozen=True, slots=True)
class _Selector:
    """A selector from its first part to its last; `children` holds the parts of `a > b` form."""

    parts: tuple[_Compound, ...]
    children: frozenset[int]

    @property
    def specificity(self) -> tuple[int, int, int]:
        return (
            sum(len(part.ids) for part in self.parts),
            sum(len(part.classes) + len(part.attributes) for part in self.parts),
            sum(part.tag is not None for part in self.parts),
        )

    @property
    def key(self) -> tuple[str, str]:
        """A kind and a name that every element has which it matches."""
        last = self.parts[-1]
        for kind, names in (("id", last.ids), ("class", last.classes)):
            if names:
                return kind, names[0]
        if last.attributes:
            return "attribute", last.attributes[0][0]
        return "tag", last.tag or ""

    def matches(self, element: Element) -> bool:
        last = len(self.parts) - 1
        if not self.parts[last].matches(element):
            return False
        above: set[int] = set()  # the parts that end at some element above
        parent: set[int] = set()
        for each in (*reversed(list(element.ancestors())), element) if last else (element,):
            here = {
                index
                for index, part in enumerate(self.parts)
                if (not index or index - 1 in (parent if index in self.children else above))
                and part.matches(each)
            }
            parent = here
            above |= here
        return last in parent


@dataclass(frozen=True, slots=True)
class _Style:
    """What one rule says of one property, and its weight against other rules."""

    selector: _Selector
    name: str
    value: str
    weight: tuple[int, ...]


def looks(tree: Tree) -> dict[Element, Look]:
    """How the page's own markup and styles show each element of which they say anything.

    What is inside a gone element is not shown either, whatever is said of it.
    """
    index: defaultdict[tuple[str, str], list[_Style]] = defaultdict(list)
    for style in _styles("\n".join("".join(each.texts()) for each in tree.styles)):
        index[style.selector.key].append(style)
    found: dict[Element, Look] = {}
    for element in tree.root.elements():
        if element.attributes or ("tag", element.name) in index or element.name == "dialog":
            look = _look(element, index)
            if look:
                found[element] = look
    return found


def is_struck(element: Element) -> bool:
    """Whether the text in an element is shown struck through."""
    return element.name in ("s", "strike", "del") or bool(
        _LINE_THROUGH.search(element.attributes.get("style", ""))
    )


def is_shown_as_block(element: Element) -> bool:
    """Whether an element's own style gives it lines of its own."""
    return bool(_SHOWN_AS_BLOCK.search(element.attributes.get("style", "")))


def _look(element: Element, index: dict[tuple[str, str], list[_Style]]) -> Look | None:
    said: dict[str, tuple[tuple[int, ...], str]] = {}
    attributes = element.attributes
    if "hidden" in attributes or (element.name == "dialog" and "open" not in attributes):
        said["display"] = ((-1,), "none")
    for key in _keys(element) if index else ():
        for style in index.get(key, ()):
            weightier = style.name not in said or style.weight >= said[style.name][0]
            if weightier and style.selector.matches(element):
                said[style.name] = (style.weight, style.value)
    for name, value, is_important in _declarations(attributes.get("style", "")):
        weight = (int(is_important), 1)
        if name not in said or weight >= said[name][0]:
            said[name] = (weight, value)
    if said.get("display", ((), ""))[1] == "none":
        return "gone"
    seen = said.get("visibility", ((), ""))[1]
    if seen in ("hidden", "collapse"):
        return "unseen"
    return "seen" if seen == "visible" else None


def _keys(element: Element) -> Iterator[tuple[str, str]]:
    yield "tag", element.name
    for name, value in element.attributes.items():
        yield "attribute", name
        if name == "id":
            yield "id", value
        elif name == "class":
            yield from (("class", each) for each in value.split())


def _declarations(text: str) -> Iterator[tuple[str, str, bool]]:
    for match in _DECLARATION.finditer(text):
        yield match[1].lower(), match[2].lower(), match[3] is not None


def _styles(css: str) -> Iterator[_Style]:
    """What a style sheet says of display and visibility, rule by rule, in order."""
    if "display" not in css.lower() and "visibility" not in css.lower():
        return
    for order, (selectors, body) in enumerate(_rules(_COMMENT.sub("", css))):
        declarations = list(_declarations(body))
        for selector in map(_selector, selectors.split(",") if declarations else ()):
            if selector is None:
                continue
            for name, value, is_important in declarations:
                weight = (int(is_important), 0, *selector.specificity, order)
                yield _Style(selector, name, value, weight)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """The rules that hold on a wide screen: selectors and declarations."""
    for prelude, body in _blocks(css):
        if not prelude.startswith("@"):
            yield prelude, body
        elif prelude.startswith("@media") and _holds_on_screen(prelude.removeprefix("@media")):
            yield from _blocks(body)


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """What stands before each pair of outermost braces, and in it."""
    depth, start, opened = 0, 0, 0
    for match in re.finditer(r"[{};]", css):
        if match[0] == "{":
            depth += 1
            if depth == 1:
                opened = match.start()
        elif match[0] == "}":
            depth = max(0, depth - 1)
            if depth == 0:
                if opened >= start:
                    yield css[start:opened].strip(), css[opened + 1 : match.start()]
                start = match.end()
        elif depth == 0:
            start = match.end()


def _holds_on_screen(condition: str) -> bool:
    return any(map(_query_holds, condition.lower().split(",")))


def _query_holds(query: str) -> bool:
    for bound, number, unit in _FEATURE.findall(query):
        try:
            width = float(number) * (1.0 if unit == "px" else EM)
        except ValueError:
            return False
        if (width > SCREEN_WIDTH) if bound == "min" else (width < SCREEN_WIDTH):
            return False
    words = set(_FEATURE.sub(" ", query).split())
    return words <= {"all", "screen", "only", "and"}


def _selector(text: str) -> _Selector | None:
    """A selector of elements, classes, ids and attributes; None for any other."""
    parts: list[_Compound] = []
    children: set[int] = set()
    for word in re.sub(r"\s*>\s*", " > ", text.strip()).split():
        if word == ">":
            children.add(len(parts))
            continue
        compound = _compound(word)
        if compound is None:
            return None
        parts.append(compound)
    is_whole = bool(parts) and 0 not in children and len(parts) not in children
    return _Selector(tuple(parts), frozenset(children)) if is_whole else None


def _compound(word: str) -> _Compound | None:
    match = _COMPOUND.fullmatch(word)
    if match is None:
        return None
    simple = list(_SIMPLE.finditer(match["rest"]))
    tag = (match["tag"] or "*").lower()
    return _Compound(
        tag=None if tag == "*" else tag,
        ids=tuple(each["id"] for each in simple if each["id"]),
        classes=tuple(each["cls"] for each in simple if each["cls"]),
        attributes=tuple((each["name"].lower(), each["value"]) for each in simple if each["name"]),
    )
