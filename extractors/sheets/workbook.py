"""The parts of an XLSX that speak of the whole workbook: its sheets, and its number formats.

An XLSX is an archive of XML parts. Every part is measured as it is unpacked, and one that declares
a document type is refused before any tree is built: no workbook needs it, and it is how a small
file becomes a huge one. What stands in a sheet is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pyexpat import ExpatError, ParserCreate

from extractors.reading import ExtractionError
from extractors.zipped import Archive, Member

_DTD = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
# Zeros that pad a number, alone or beside letters that belong to it: 00000, "E"0000, 00000"T".
_LITERAL = r"(?:\"[^\"]*\"|\\.)*"
_PADDED = re.compile(rf"({_LITERAL})(0[0#]+)({_LITERAL})")
_QUOTING = re.compile(r"\"([^\"]*)\"|\\(.)")


@dataclass(frozen=True, slots=True)
class Padding:
    """A number format that pads a whole number with zeros."""

    before: str
    digits: int
    after: str

    def shown(self, value: int) -> str:
        return f"{self.before}{value:0{self.digits}d}{self.after}"


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet by its name in the workbook, and the part of the archive that holds it."""

    name: str
    is_hidden: bool
    part: Member | None


def check_parts(archive: Archive) -> None:
    """Inflate every part but the sheets once: sizes, checksums, and no document type.

    Sheets are looked at by `survey`, so that none is inflated more often than needed.
    """
    for member in archive.members:
        pieces = archive.pieces(member)
        if member.name.casefold().endswith((".xml", ".rels", ".vml")):
            if not _is_sheet(member):
                pieces = without_dtd(member, pieces)
            else:
                continue
        for _ in pieces:
            pass


def _is_sheet(member: Member) -> bool:
    return member.name.casefold().startswith("xl/worksheets/") and "_rels/" not in member.name


def sheets(archive: Archive) -> tuple[tuple[SheetPart, ...], bool]:
    """The sheets in the order of their tabs, and whether dates count from 1904."""
    targets = {
        said["Id"]: said["Target"]
        for tag, said in _elements(archive, "xl/_rels/workbook.xml.rels")
        if tag == "Relationship" and "Id" in said and "Target" in said
    }
    found = []
    is_1904 = False
    for tag, said in _elements(archive, "xl/workbook.xml"):
        if tag == "workbookPr":
            is_1904 = said.get("date1904") in ("1", "true")
        elif tag == "sheet":
            target = targets.get(said.get("id", ""), "")
            path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            is_hidden = said.get("state", "visible") != "visible"
            found.append(SheetPart(said.get("name", ""), is_hidden, _part(archive, path)))
    return tuple(found), is_1904


def paddings(archive: Archive) -> dict[int, Padding]:
    """The cell styles that pad numbers with zeros, by the number that cells name them by."""
    if _part(archive, "xl/styles.xml") is None:
        return {}
    formats: dict[str, str] = {}
    styles: list[str] = []
    group = ""
    for tag, said in _elements(archive, "xl/styles.xml"):
        if tag == "numFmt":
            formats[said.get("numFmtId", "")] = said.get("formatCode", "")
        elif tag == "xf" and group == "cellXfs":
            styles.append(said.get("numFmtId", ""))
        elif tag != "xf" and tag.endswith(("Xfs", "dxfs", "cellStyles")):
            group = tag
    found = {number: padding_of(formats.get(style, "")) for number, style in enumerate(styles)}
    return {number: padding for number, padding in found.items() if padding}


def padding_of(format_code: str) -> Padding | None:
    """How a number format pads whole numbers with zeros; None where it does not."""
    match = _PADDED.fullmatch(format_code.split(";", maxsplit=1)[0])
    if match is None:
        return None
    before, after = (_QUOTING.sub(r"\1\2", literal) for literal in match.group(1, 3))
    return Padding(before, len(match[2]), after)


def _part(archive: Archive, path: str) -> Member | None:
    wanted = path.casefold()
    return next((m for m in archive.members if m.name.casefold() == wanted), None)


def without_dtd(member: Member, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of an XML part; an `ExtractionError` where it declares a document type."""
    before = b""
    for number, piece in enumerate(pieces):
        if number == 0 and piece.startswith(_WIDE):
            raise ExtractionError(f"the part {member.name!r} is in UTF-16: look at it by hand")
        if _DTD.search(before + piece):
            raise ExtractionError(
                f"the part {member.name!r} declares a document type or entities, which no "
                "workbook needs: look at it by hand"
            )
        before = piece[-16:]
        yield piece


def _elements(archive: Archive, path: str) -> list[tuple[str, dict[str, str]]]:
    """The elements of a small part in order: local names, and attributes by local names."""
    member = _part(archive, path)
    if member is None:
        raise ExtractionError(
            f"the workbook has no {path}: it is damaged, or of a kind that is not read (xlsb)"
        )
    found: list[tuple[str, dict[str, str]]] = []

    def start(tag: str, said: dict[str, str]) -> None:
        local = {name.rpartition(":")[2]: value for name, value in said.items()}
        found.append((tag.rpartition(":")[2], local))

    parser = ParserCreate()
    parser.StartElementHandler = start
    try:
        for piece in without_dtd(member, archive.pieces(member)):
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except ExpatError as error:
        raise ExtractionError(f"the part {path} is not XML ({error}): fetch it again") from error
    return found
