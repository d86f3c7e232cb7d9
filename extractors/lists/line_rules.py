"""Lines that are no rows: titles, footers and footnotes, and what they carry to the rows.

A source's YAML names each of them by a pattern. What a line carries holds from there on, until
another line of its kind; a footnote holds for its page. Whether a line is a row is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.lists.footnotes import Footnotes
from extractors.lists.wrapped_rows import without_continued
from schemas.codes import printable
from schemas.source import FOOTNOTE, LineRule


class ExplainedLines:
    """The lines of a document that its source explains.

    `carried` is what holds at the line last taken, `first_carried` what each kind of line said
    first, `footnotes` all that was found so far.
    """

    def __init__(self, rules: Sequence[LineRule]) -> None:
        self.carried: dict[str, str] = {}
        self.first_carried: dict[str, str] = {}
        self.footnotes = Footnotes()
        self._rules = tuple((rule, re.compile(rule.pattern)) for rule in rules)

    def take(self, text: str, page: int) -> str | None:
        """The name of the rule that explains a line on a page, or None where none does."""
        wanted = printable(text) if self._rules else ""
        for rule, pattern in self._rules:
            match = pattern.fullmatch(wanted)
            if match is not None:
                said = {name: value for name, value in match.groupdict().items() if value}
                self._keep(rule, said, page)
                return rule.rule
        return None

    def _keep(self, rule: LineRule, said: dict[str, str], page: int) -> None:
        mark, note = (said.pop(name, "") for name in FOOTNOTE)
        if mark and note:
            self.footnotes.add(mark, note, page, everywhere=rule.scope == "document")
        for name in said.keys() & {"section", "category"}:
            said[name] = without_continued(said[name], self.carried.get(name))
        if said:
            # A new dictionary, since the rows above keep the one that held for them.
            self.carried = self.carried | said
            self.first_carried = said | self.first_carried
