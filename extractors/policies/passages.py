"""The lines of a policy's HTML: rows of its tables, headings and other blocks of text.

A heading is no element of its own here: it is a line that is all in bold or underlined, in a span
that the publisher calls a header, or in capitals. Text that was escaped once too often is read
as what it was. Rows of tables that begin with a licensed code lose their words. What the lines say
is not known here.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace

from extractors.html import read_html
from extractors.lists.licensed import WITHHELD
from extractors.markup.tree import parse_tree
from extractors.prose.paragraphs import plain
from extractors.reading import ExtractionError, Passage, Problem, Row
from schemas.codes import LICENSED, system_of
from schemas.provenance import Place

# Levels of headings: that of the title is 1.
SECTION_LEVEL, PART_LEVEL = 2, 3
LONGEST_HEADING = 120

_MARKED = ("strong", "b", "u")
_HEADER_CLASS = re.compile(r"\bsubheader\b", re.IGNORECASE)
_TAG = re.compile(r"<[a-zA-Z/!][^>]*>")
_ESCAPED_TAG = re.compile(r"&lt;/?[a-zA-Z]")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_LETTERS = re.compile(r"[^\W\d_]")
_FEWEST_CAPITALS = 5


@dataclass(frozen=True, slots=True)
class Passages:
    """The lines of one text, how many its reader saw, and what went wrong."""

    lines: tuple[Row | Passage, ...]
    lines_seen: int
    problems: tuple[Problem, ...] = ()


def read_passages(path: str, text: str, first: Place, tables: int) -> Passages:
    """The lines of a text, numbered from `first` on, its tables from `tables` on.

    Raises `ExtractionError` with the JSON path of the text for one that cannot be read.
    """
    text = unescaped(text)
    if not plain(html.unescape(_without_tags(text, ""))):
        return Passages((), 0)
    try:
        reading = read_html(f"<div>{_encodable(text)}</div>".encode())
        headings = _headings(text)
    except ExtractionError as error:
        raise ExtractionError(f"{path}: {error}") from error
    lines: list[Row | Passage] = []
    for line in reading.lines:
        place = Place(first.page, first.line + len(lines))
        if isinstance(line, Row):
            row = _without_licensed_words(line)
            lines.append(replace(row, place=place, table=line.table + tables))
        else:
            lines.append(replace(line, place=place, level=_level(line, headings)))
    problems = [
        replace(each, place=first, message=f"{path}: {each.message}") for each in reading.problems
    ]
    if reading.is_cut:
        problems.append(Problem(f"{path} ends with a tag or a table still open", first))
    return Passages(tuple(lines), reading.lines_seen, tuple(problems))


def _without_licensed_words(row: Row) -> Row:
    """A row that begins with a code of the AMA's or the ADA's, an ellipsis for its words."""
    first = next(filter(None, map(plain, row.cells)), "")
    if system_of(first) not in LICENSED:
        return row
    cells = tuple(WITHHELD if " " in plain(cell) else cell for cell in row.cells)
    return row if cells == row.cells else replace(row, cells=cells, raw_text="\t".join(cells))


def unescaped(text: str) -> str:
    """HTML that is printed with its tags escaped, as it was before."""
    has_tags = _TAG.search(text, 0, _end_of_tags(text)) is not None
    return html.unescape(text) if _ESCAPED_TAG.search(text) and not has_tags else text


def words_of(text: str) -> str:
    """The words of a text in HTML, in one line."""
    return plain(html.unescape(_without_tags(unescaped(text), " ")))


def _without_tags(text: str, between: str) -> str:
    end = _end_of_tags(text)
    return _TAG.sub(between, text[:end]) + text[end:]


def _end_of_tags(text: str) -> int:
    """Behind the last `>`: beyond it, each `<` would be followed to the end of the text."""
    return text.rfind(">") + 1


def _encodable(text: str) -> str:
    """The text without halves of characters, which no file can hold."""
    return text.encode("utf-8", errors="replace").decode()


def _headings(text: str) -> dict[str, int]:
    """The texts of all elements that a heading may be in, with their levels."""
    found: dict[str, int] = {}
    for element in parse_tree(text).root.elements():
        is_header = _HEADER_CLASS.search(element.attributes.get("class", ""))
        if is_header or element.name in _MARKED:
            words = plain("".join(element.texts()))
            level = SECTION_LEVEL if is_header else PART_LEVEL
            found[words] = min(level, found.get(words, level))
    return found


def _level(line: Passage, headings: dict[str, int]) -> int | None:
    if line.level is not None:
        return line.level + 1
    text = plain(line.text)
    bare = _IN_BRACKETS.sub("", text).strip()
    if len(bare) > LONGEST_HEADING or bare.endswith((".", ",", ";")):
        return None
    if text in headings:
        return headings[text]
    in_capitals = bare == bare.upper() and len(_LETTERS.findall(bare)) >= _FEWEST_CAPITALS
    return PART_LEVEL if in_capitals else None
