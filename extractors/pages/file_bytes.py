"""The bytes of a PDF file before any parser sees them: is it one, is it whole, does it burst.

Parsers repair a damaged file as well as they can and say nothing, so what is missing would be
missing without a word.
"""

from __future__ import annotations

import re
import zlib
from base64 import a85decode
from itertools import takewhile

import numpy as np

from extractors.reading import ExtractionError, Problem

MAX_INFLATED = 64 << 20  # bytes of one stream; the longest known page takes under 2 MiB
MAX_INFLATED_IN_ALL = 256 << 20

_SIGNATURE = re.compile(rb"%PDF-\d")
_END = b"%%EOF"
_OBJECT = re.compile(rb"\d+\s+\d+\s+obj\b")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+)")
_NAME = re.compile(rb"/(\w+)")
_PICTURE = re.compile(rb"/Subtype\s*/Image\b")
_STEP = 1 << 20
_PLACES = np.array([85**4, 85**3, 85**2, 85, 1], dtype=np.uint64)


def check_bytes(data: bytes) -> list[Problem]:
    """Refuses what is no whole PDF before a parser repairs it silently."""
    if not _SIGNATURE.search(data, 0, 1024):
        raise ExtractionError(
            f"the file is not a PDF, it begins with {data[:20]!r}: check what its address serves"
        )
    end = data.rfind(_END)
    rest = data[end + len(_END) :] if end >= 0 else data
    if end < 0 or _OBJECT.search(rest):
        raise ExtractionError(
            "the PDF is cut off: its end mark %%EOF is missing, so nobody can say what else is; "
            "fetch it again"
        )
    _check_streams(data)
    if rest.strip(b"\0\r\n\t "):
        return [Problem(f"{len(rest)} bytes stand after the end of the PDF", holds=False)]
    return []


def _check_streams(data: bytes) -> None:
    """Refuses compressed streams that are damaged or inflate beyond all measure.

    A parser goes on with what it could inflate of a damaged stream, and the rest of a page is
    gone. Pictures are not looked at, nor streams that are encrypted or packed in rarer ways.
    """
    is_encrypted = b"/Encrypt" in data
    total = 0
    for match in _STREAM.finditer(data):
        start = max(data.rfind(b"obj", max(match.start() - 4096, 0), match.start()), 0)
        dictionary = data[start : match.start()]
        named = _FILTERS.search(dictionary)
        filters = _NAME.findall(named[1]) if named else []
        if b"FlateDecode" not in filters or _PICTURE.search(dictionary):
            continue
        end = data.find(b"endstream", match.end())
        try:
            total += _inflated_size(data[match.end() : end if end >= 0 else None], filters)
        except ExtractionError:
            raise
        except (zlib.error, ValueError) as error:  # of zlib and of the other filter
            if not is_encrypted:
                raise ExtractionError(
                    f"the stream at byte {match.end()} of the PDF is damaged ({error}): "
                    "fetch it again"
                ) from error
        if total > MAX_INFLATED_IN_ALL:
            raise ExtractionError(
                f"the streams of the PDF inflate to more than {MAX_INFLATED_IN_ALL >> 20} MiB: "
                "look at it by hand before it is read"
            )


def _inflated_size(packed: bytes, filters: list[bytes]) -> int:
    """Bytes that a stream inflates to; 0 where another filter comes before."""
    if filters[0] == b"ASCII85Decode":
        packed = _decoded(b"".join(packed.split()).removeprefix(b"<~").removesuffix(b"~>"))
        filters = filters[1:]
    stages = [zlib.decompressobj() for _ in takewhile(b"FlateDecode".__eq__, filters)]
    size = 0
    pending = [(0, packed)] if stages else []
    while pending:
        number, chunk = pending.pop()
        stage = stages[number]
        inflated = stage.decompress(chunk, _STEP)
        if not stage.eof and (stage.unconsumed_tail or len(inflated) == _STEP):
            pending.append((number, stage.unconsumed_tail))
        if number + 1 < len(stages):
            pending.append((number + 1, inflated))
            continue
        size += len(inflated)
        if size > MAX_INFLATED:
            raise ExtractionError(
                f"a stream of the PDF inflates to more than {MAX_INFLATED >> 20} MiB: "
                "look at it by hand before it is read"
            )
    if not all(stage.eof for stage in stages):
        raise zlib.error("it ends too early")
    return size


def _decoded(packed: bytes) -> bytes:
    """Ascii85 as bytes. Python's own decoder would take longer than all the rest of a page."""
    if b"z" in packed:
        return a85decode(packed)
    padding = -len(packed) % 5
    digits = np.frombuffer(packed + b"u" * padding, np.uint8).reshape(-1, 5) - np.uint8(33)
    words = digits.astype(np.uint64) @ _PLACES
    if (digits > 84).any() or (words >> np.uint64(32)).any():
        raise ValueError("it has other signs than those of Ascii85")
    decoded = words.astype(">u4").tobytes()
    return decoded[: len(decoded) - padding]
