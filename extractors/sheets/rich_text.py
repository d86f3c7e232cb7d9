"""What the look of a workbook's text says: words struck out, and digits raised above the line.

A payer strikes out a code that it takes off a list, and prints the number of a footnote raised
beside a code. Values show neither: a struck code would be listed, a raised digit one more digit.
Other looks (colours, sizes, bold) mean nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pyexpat import ExpatError, ParserCreate

from extractors.reading import ExtractionError
from extractors.sheets.workbook import without_dtd
from extractors.zipped import Archive, Member

_TELLING = re.compile(rb"<(?:\w+:)?strike\b|superscript")
_RAISED = re.compile(r"\s*[0-9]{1,2}(?:\s*,\s*[0-9]{1,2})*\s*")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", " \n")
_NO = ("0", "false")


@dataclass(frozen=True, slots=True)
class Looks:
    """Cell styles that strike out, and shared strings with struck words or raised digits.

    `raised` has such strings with their digits as superscripts.
    """

    styles: frozenset[int] = frozenset()
    struck: frozenset[int] = frozenset()
    raised: dict[int, str] = field(default_factory=dict)


def looks(archive: Archive) -> Looks:
    """What the styles and the shared strings of a workbook say."""
    members = {member.name.casefold(): member for member in archive.members}
    styles, strings = (members.get(f"xl/{name}.xml") for name in ("styles", "sharedstrings"))
    return Looks(
        _struck_styles(archive, styles) if styles and _tells(archive, styles) else frozenset(),
        *(_strings(archive, strings) if strings and _tells(archive, strings) else ()),
    )


def _tells(archive: Archive, member: Member) -> bool:
    before = b""
    for piece in archive.pieces(member):
        if _TELLING.search(before + piece):
            return True
        before = piece[-16:]
    return False


def _struck_styles(archive: Archive, member: Member) -> frozenset[int]:
    fonts: list[bool] = []
    styles: list[int] = []
    path: list[str] = []

    def start(tag: str, said: dict[str, str]) -> None:
        path.append(_local(tag))
        if path[1:] == ["fonts", "font"]:
            fonts.append(False)
        elif path[1:] == ["fonts", "font", "strike"]:
            fonts[-1] = said.get("val") not in _NO
        elif path[1:] == ["cellXfs", "xf"]:
            styles.append(int(said.get("fontId") or 0))

    def end(_: str) -> None:
        path.pop()

    _parse(archive, member, start, end)
    return frozenset(n for n, font in enumerate(styles) if font < len(fonts) and fonts[font])


def _strings(archive: Archive, member: Member) -> tuple[frozenset[int], dict[int, str]]:
    found = _Strings()
    _parse(archive, member, found.start, found.end, found.text)
    return frozenset(found.struck), found.raised


@dataclass(slots=True)
class _Strings:
    """The shared strings as far as they are read: each is a text, or runs that look different."""

    struck: set[int] = field(default_factory=set)
    raised: dict[int, str] = field(default_factory=dict)
    number: int = -1
    whole: list[str] = field(default_factory=list)
    has_raised: bool = False
    run: list[str] = field(default_factory=list)
    is_struck: bool = False
    is_raised: bool = False
    in_text: bool = False
    in_phonetic: bool = False

    def start(self, tag: str, said: dict[str, str]) -> None:
        match _local(tag):
            case "si":
                self.number, self.has_raised = self.number + 1, False
                self.whole.clear()
            case "strike":
                self.is_struck = said.get("val") not in _NO
            case "vertAlign":
                self.is_raised = said.get("val") == "superscript"
            case "rPh":
                self.in_phonetic = True
            case "t":
                self.in_text = not self.in_phonetic
                self.run.clear()

    def text(self, text: str) -> None:
        if self.in_text:
            self.run.append(text)

    def end(self, tag: str) -> None:
        match _local(tag):
            case "t" if self.in_text:
                self.in_text = False
                self._end_text("".join(self.run))
            case "r":
                self.is_struck = self.is_raised = False
            case "rPh":
                self.in_phonetic = False
            case "si" if self.has_raised:
                self.raised[self.number] = "".join(self.whole)

    def _end_text(self, text: str) -> None:
        if self.is_struck and text.strip():
            self.struck.add(self.number)
        if self.is_raised and _RAISED.fullmatch(text):
            text, self.has_raised = text.translate(_SUPERSCRIPTS), True
        self.whole.append(text)


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _parse(
    archive: Archive,
    member: Member,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None] | None = None,
) -> None:
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    try:
        for piece in without_dtd(member, archive.pieces(member)):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except ExpatError as error:
        raise ExtractionError(
            f"the part {member.name} is not XML ({error}): fetch it again"
        ) from error
