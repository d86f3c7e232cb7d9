"""What a file is, judged by its first bytes and never by its name or a server's word."""

from __future__ import annotations

import re
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
ZIP = Format("zip", "application/zip", "zip")
XLS = Format("xls", "application/vnd.ms-excel", "xls")
UNKNOWN = Format("unknown", "application/octet-stream", "bin")

_HTML_START = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|div|h1|p\b)",
    re.IGNORECASE | re.DOTALL,
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WINDOW = 4096


def sniff(data: bytes) -> Format:
    """The format of a file's bytes; UNKNOWN where they are empty or binary of no known kind."""
    head = data[:_WINDOW]
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return XLSX if b"xl/workbook.xml" in data or b"[Content_Types].xml" in head else ZIP
    if head.startswith(_OLE):
        return XLS
    if _HTML_START.match(head.removeprefix(b"\xef\xbb\xbf")):
        return HTML
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return TEXT
    if head and b"\x00" not in data:
        return TEXT
    return UNKNOWN
