"""Text of a page as it is shown: runs of white space are one blank, and lines end where they end.

Knows how pieces of text become lines, and on which line of the source each begins. Where a line
ends is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SPACE = re.compile(r"[ \t\r\n\f]+")


def collapsed(text: str) -> str:
    """Text as shown: white space as one blank, none around it. A no-break space stays inside."""
    return _SPACE.sub(" ", text).strip()


@dataclass(slots=True)
class Gathered:
    """Text that is being gathered, line by line, with the line of the source of each."""

    lines: list[tuple[int, list[str]]] = field(default_factory=lambda: [(0, [])])

    def add(self, text: str, source_line: int) -> None:
        number, parts = self.lines[-1]
        if not number and text.strip():
            leading = text[: len(text) - len(text.lstrip())]
            self.lines[-1] = (source_line + leading.count("\n"), parts)
        parts.append(text)

    def end_line(self) -> None:
        if self.lines[-1][0]:
            self.lines.append((0, []))

    def printed(self) -> list[tuple[int, str]]:
        """The lines that are not empty."""
        shown = ((number, collapsed("".join(parts))) for number, parts in self.lines)
        return [(number, text) for number, text in shown if text]

    def text(self) -> str:
        return "\n".join(line for _, line in self.printed())
