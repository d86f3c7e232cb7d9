"""Bodies that an origin sends compressed, unpacked piece by piece within a bound."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_PIECE = 1 << 20
# gzip or zlib, whichever the first bytes are.
_EITHER = zlib.MAX_WBITS | 32


class DecodingError(RuntimeError):
    """A body that is not encoded as its header says, or that ends in the middle."""


def is_encoded(encoding: str) -> bool:
    """Whether a Content-Encoding changes the bytes, and so gives them an end of their own."""
    return encoding.strip().lower() not in ("", "identity")


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces of a body without their Content-Encoding, none longer than 1 MiB.

    Raises `DecodingError` for an encoding other than gzip and deflate, for a body that is not what
    it says, and for one that ends before its own end.
    """
    if not is_encoded(encoding):
        yield from pieces
        return
    name = encoding.strip().lower()
    if name not in ("gzip", "x-gzip", "deflate"):
        raise DecodingError(f"the body is encoded as {name[:40]!r}, which was not asked for")
    unpacker = zlib.decompressobj(_EITHER)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_EITHER)
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise DecodingError(f"the body is not {name}: {error}") from error
    if not unpacker.eof:
        raise DecodingError(f"the {name} body ends in the middle")
