"""The text of a page's bytes, as browsers decode them.

By byte order mark, by the charset that the page declares, as UTF-8, or as Windows-1252. What a
server said of the charset is not known here.
"""

from __future__ import annotations

import codecs
import re

from extractors.reading import Problem

_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)


def decode(data: bytes) -> tuple[str, list[Problem]]:
    """The text without null characters, and a problem where the page is not what it declares."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), []
    found = _CHARSET.search(data, 0, 4096)
    declared = found[1].decode("ascii").lower() if found else "utf-8"
    for name in (_codec(declared), "utf-8"):
        try:
            return data.decode("utf-8-sig" if name == "utf-8" else name).replace("\0", ""), []
        except UnicodeDecodeError:
            continue
    text = data.decode("cp1252", errors="replace")
    message = f"the page is not in {declared}, as it says, and was read as Windows-1252"
    if "\ufffd" in text:
        message += f"; {text.count(chr(0xFFFD))} bytes are in neither"
    return text, [Problem(message, holds="\ufffd" in text)]


def _codec(declared: str) -> str:
    """The codec for a declared charset, as browsers choose it."""
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        return "utf-8"
    if name in ("ascii", "iso8859-1"):
        return "cp1252"
    return name if name.startswith(("cp125", "iso8859-")) else "utf-8"
