"""Footnotes: marks, what they say, and where they hold.

A mark such as `*` may say one thing on one page and another on the next, so a footnote holds for
the rows of its page, wherever on it it is printed, or for the whole document where the source
says so. Whether a row carries a mark, and what a footnote means for it, is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# A mark and what it says.
Footnote = tuple[str, str]


@dataclass(slots=True)
class Footnotes:
    """The footnotes of a document in printed order, by the page on which they hold."""

    _everywhere: list[Footnote] = field(default_factory=list)
    _pages: dict[int, list[Footnote]] = field(default_factory=dict)

    def add(self, mark: str, text: str, page: int, *, everywhere: bool) -> None:
        """Keep a footnote that is printed on `page`; one that is printed again is kept once."""
        found = self._everywhere if everywhere else self._pages.setdefault(page, [])
        if (mark, text) not in found:
            found.append((mark, text))

    def on(self, page: int) -> tuple[Footnote, ...]:
        """The footnotes that hold on a page: its own, then those of the whole document."""
        return (*self._pages.get(page, ()), *self._everywhere)

    def __bool__(self) -> bool:
        return bool(self._everywhere or self._pages)
