"""The links of a page, in order, as the page writes them.

Knows which elements are links, and what else says where a page leads: its base, a forwarding, a
field for a password. A link that a style hides is a link, since pages fold their lists away.
Nothing is resolved against an address, and what a link is good for is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from extractors.markup.encoding import decode
from extractors.markup.tree import BLOCKS, SILENT, Element, Text, parse_tree
from extractors.reading import ExtractionError
from extractors.sniff import HTML, TEXT, XML, sniff
from schemas.codes import visible

MAX_BYTES = 8 << 20
MAX_LINKS = 20_000  # the longest real pages have some 3,000
MAX_HREF = 4096
MAX_TEXT = 1000
MAX_CHARACTERS = 4 << 20

_NO_CONTENT = {*SILENT, "textarea", "select"}
_LINE_ENDS = {*BLOCKS, "br", "table", "tr", "td", "th", "caption"}
_LINE_END = Text(0, " ")
# Every link begins so; counted before anything is built of them.
_LINK = re.compile(r"<a(?:rea)?[\s/>\0]", re.IGNORECASE)
# Seconds, then the address, with or without `url=`; seconds alone load the page again.
_FORWARD = re.compile(r"\s*[0-9.]+[\s;,]+(?:url\s*=\s*)?[\"']?([^\"']+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A link: its `href` as written, entities decoded, and the text that one sees of it."""

    href: str
    text: str


@dataclass(frozen=True, slots=True)
class LinkedPage:
    """What a page says of where it leads; every address as written.

    `left_out` counts the links whose address is longer than any real one. `forwards_to` is where
    the page sends its reader by itself; `asks_password` says that it has a field for one.
    """

    links: tuple[Link, ...]
    base: str | None = None
    forwards_to: str | None = None
    asks_password: bool = False
    left_out: int = 0


def links_of(data: bytes) -> LinkedPage:
    """The links of a page: every `a` and `area` with an address, in the order of the page.

    What stands in comments, scripts and templates is none. A text is in one line, invisible
    characters left out and blanks as one, and cut at a word where it is longer than 1,000
    characters; of an `area` it is what stands for it.

    Raises `ExtractionError` for a file that is no page, and for one beyond all measure: a part of
    its links would not tell which is the newest.
    """
    if len(data) > MAX_BYTES:
        raise ExtractionError(f"the page has more than {MAX_BYTES >> 20} MiB: look at it by hand")
    found = sniff(data)
    if found not in (HTML, TEXT, XML):
        raise ExtractionError(
            f"the file is not HTML but {found.media_type}, it begins with {data[:20]!r}: check "
            "what its address serves"
        )
    text, _ = decode(data)
    if sum(1 for _ in _LINK.finditer(text)) > MAX_LINKS:
        raise ExtractionError(f"the page has more than {MAX_LINKS:,} links: look at it by hand")
    finder = _Finder()
    finder.walk(parse_tree(text).root)
    return finder.page()


class _Finder:
    """Gathers links, and what else says where the page leads, in one walk over its elements."""

    def __init__(self) -> None:
        self._links: list[tuple[str, list[str]]] = []
        self._base: str | None = None
        self._forwards_to: str | None = None
        self._asks_password = False
        self._left_out = 0

    def walk(self, root: Element) -> None:
        waiting: list[tuple[Element | Text, list[str] | None]] = [(root, None)]
        while waiting:
            node, shown_in = waiting.pop()
            if isinstance(node, Text):
                if shown_in is not None:
                    shown_in.append(node.text)
                continue
            if node.name in _NO_CONTENT:
                continue
            own = self._note(node)
            shown_in = shown_in if own is None else own
            ends_line = shown_in is not None and node.name in _LINE_ENDS
            if ends_line:
                waiting.append((_LINE_END, shown_in))
            waiting += [(child, shown_in) for child in reversed(node.children)]
            if ends_line:
                waiting.append((_LINE_END, shown_in))

    def _note(self, element: Element) -> list[str] | None:
        """Notes what an element says; for a link, the list that takes the texts inside it."""
        said = element.attributes
        href = said.get("href")
        if element.name in ("a", "area") and href is not None:
            return self._add(href, [said.get("alt", "")] if element.name == "area" else [])
        if element.name == "base" and href is not None and self._base is None:
            self._set_base(href)
        elif element.name == "meta" and said.get("http-equiv", "").strip().lower() == "refresh":
            forward = _FORWARD.match(said.get("content", "")[:MAX_HREF])
            if forward and self._forwards_to is None:
                self._forwards_to = forward[1].strip()
        elif element.name == "input" and said.get("type", "").strip().lower() == "password":
            self._asks_password = True
        return None

    def _add(self, href: str, shown_in: list[str]) -> list[str]:
        if len(href) > MAX_HREF:
            self._left_out += 1
        else:
            self._links.append((href, shown_in))
        return shown_in

    def _set_base(self, href: str) -> None:
        if len(href) > MAX_HREF:
            raise ExtractionError(
                f"the base address of the page has more than {MAX_HREF:,} characters and begins "
                f"with {href[:40]!r}: look at it by hand"
            )
        self._base = href

    def page(self) -> LinkedPage:
        links = tuple(Link(href, _cut(visible("".join(text)))) for href, text in self._links)
        if sum(len(link.href) + len(link.text) for link in links) > MAX_CHARACTERS:
            raise ExtractionError(
                f"the links of the page have more than {MAX_CHARACTERS:,} characters: look at it "
                "by hand"
            )
        return LinkedPage(links, self._base, self._forwards_to, self._asks_password, self._left_out)


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return text[: MAX_TEXT + 1].rpartition(" ")[0] or text[:MAX_TEXT]
