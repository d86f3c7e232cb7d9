"""What somebody should look at once: many lines of one kind, told in one sentence.

Lines passed over, tables read under another's header, columns in another order hold nothing up.
Rows before any header do, and only the first of many are told one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extractors.lists.headers import Header
from extractors.reading import Problem
from schemas.codes import printable, shortened
from schemas.provenance import Place

_MOST_TOLD = 20


@dataclass(slots=True)
class Remarks:
    """The remarks on a document so far, each kind with the place of its first line."""

    _passed_over: dict[str, list[tuple[Place, str]]] = field(default_factory=dict)
    _borrowed: list[Place] = field(default_factory=list)
    _headless: list[tuple[Place, str]] = field(default_factory=list)
    _orders: dict[tuple[str, ...], tuple[Place, Header]] = field(default_factory=dict)

    def passed_over(self, rule: str, place: Place, text: str) -> None:
        """A line outside the list was ignored by a rule that is not the source's."""
        self._passed_over.setdefault(rule, []).append((place, text))

    def borrowed(self, place: Place) -> None:
        """A table begins that has no header of its own."""
        self._borrowed.append(place)

    def headless(self, place: Place, text: str) -> None:
        """A row stands where no header was found yet."""
        self._headless.append((place, text))

    def ordered(self, place: Place, header: Header) -> None:
        """A header has its columns in an order that is none of the source's layouts."""
        self._orders.setdefault(header.names, (place, header))

    def problems(self) -> list[Problem]:
        """All of them, those that hold the document first."""
        found = [
            Problem(f"a row before any header: {told(text)}", place)
            for place, text in self._headless[:_MOST_TOLD]
        ]
        if len(self._headless) > _MOST_TOLD:
            message = f"{len(self._headless)} rows stand before any header; the last"
            found.append(Problem(message, self._headless[-1][0]))
        for place, header in self._orders.values():
            labels = told(" | ".join(header.signature))
            message = f"the columns stand in another order than in the source's layouts: {labels}"
            found.append(Problem(message, place, holds=False))
        for rule, lines in self._passed_over.items():
            texts = told(" / ".join(text for _, text in lines), 400)
            message = f"{len(lines)} lines were passed over as {rule}: {texts}"
            found.append(Problem(message, lines[0][0], holds=False))
        if self._borrowed:
            message = (
                f"{len(self._borrowed)} tables without a header of their own were read under the "
                "last header of as many columns; the first"
            )
            found.append(Problem(message, self._borrowed[0], holds=False))
        return found


def told(text: str, width: int = 160) -> str:
    """A text as it stands in a message: on one line, shortened, in quotation marks."""
    return repr(shortened(printable(text), width))
