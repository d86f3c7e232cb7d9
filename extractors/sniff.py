"""What a file is, judged by its bytes and never by its name or a server's word."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: our short name for it, its media type and its extension."""

    name: str
    media_type: str
    extension: str


PDF = Format("pdf", "application/pdf", "pdf")
HTML = Format("html", "text/html", "html")
TEXT = Format("text", "text/plain", "txt")
XLSX = Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
# Not .json, which beside a file of the raw store is what we say of it.
JSON = Format("json", "application/json", "jsn")
ZIP = Format("zip", "application/zip", "zip")
XLS = Format("xls", "application/vnd.ms-excel", "xls")
# Known by name only, so that a message can say what came instead of a list.
GZIP = Format("gzip", "application/gzip", "gz")
XML = Format("xml", "application/xml", "xml")
EXECUTABLE = Format("executable", "application/x-executable", "bin")
UNKNOWN = Format("unknown", "application/octet-stream", "bin")

_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--(?:[^-]|-(?!->))*-->\s*)*"
    rb"<(?:!doctype\s+html|html|head|body|table|div|h1|p\b)",
    re.IGNORECASE | re.DOTALL,
)
# How no text begins that people write: an object with a key, or a list of objects.
_JSON_START = re.compile(rb"\s*(?:\[\s*)*\{\s*(?:\"|\}\s*[],]?\s*\Z)|\s*\[\s*\]\s*\Z")
_BOM = b"\xef\xbb\xbf"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WINDOW = 4096
# How far from its end an archive's directory may be pointed to: a comment may follow.
_END_WINDOW = (1 << 16) + 22
# The names of an archive's directory take five times their space in memory: one made of nothing
# else would fill it. No workbook has a hundredth of so many.
_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = 50_000


def sniff(data: bytes) -> Format:
    """The format of a file's bytes; UNKNOWN where they are empty or binary of no known kind."""
    head = data[:_WINDOW]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        # Before all else: a PDF may lie in an archive as it is, its mark near the beginning.
        return _archive(data) or (XLSX if b"[Content_Types].xml" in head else ZIP)
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(_OLE):
        return XLS
    if head.startswith(b"\x1f\x8b"):
        return GZIP
    if b"PK\x05\x06" in data[-_END_WINDOW:] and (found := _archive(data)):
        return found
    if head.startswith(b"\x7fELF") or (head.startswith(b"MZ") and b"\x00" in head):
        return EXECUTABLE
    if _HTML_START.match(head.removeprefix(_BOM)):
        return HTML
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return TEXT
    if head and b"\x00" not in data:
        return _text(head.removeprefix(_BOM))
    return UNKNOWN


def _text(head: bytes) -> Format:
    """What a text is by its beginning."""
    if _JSON_START.match(head):
        return JSON
    return XML if head.lstrip().startswith(b"<?xml") else TEXT


def _archive(data: bytes) -> Format | None:
    """What a ZIP archive is by the names in its directory; None where it has no directory that
    can be read, or one beyond all measure."""
    if data.count(_ENTRY) > _MOST_ENTRIES:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    is_workbook = "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)
    return XLSX if is_workbook else ZIP
