"""The members of a ZIP archive, counted and measured before anyone uses them.

ZIP archives and the workbooks that are ZIP archives are read through here. Knows the directory of
an archive and how to inflate a member piece by piece; what a member says is not known here.
Nothing is ever written, so a name is only a name, but names that could be a path elsewhere are
refused all the same. Only stored and deflated members are read, which is what publishers use.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from extractors.reading import ExtractionError

MAX_MEMBERS = 1_000
MAX_BYTES = 512 << 20
MAX_RATIO = 100
# Below this size a high ratio is no danger, and a short list of one row repeated may have one.
RATIO_FREE = 1 << 20

_PIECE = 1 << 18
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_ENCRYPTED = 0x1
_CRC_ERROR = "the checksum of its content is wrong"
_OUTSIDE = re.compile(r"[/\\]|[A-Za-z]:|.*\\|(?:.*/)?\.\.(?:/|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its name, and where its bytes lie."""

    name: str
    start: int
    packed: int
    size: int
    crc: int
    is_packed: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose directory is in order. `before` counts the bytes printed ahead of it."""

    data: bytes
    members: tuple[Member, ...]
    before: int

    def names(self) -> tuple[str, ...]:
        return tuple(member.name for member in self.members)

    def pieces(self, member: Member, most: int = MAX_BYTES) -> Iterator[bytes]:
        """A member's content piece by piece, at most 256 KiB each.

        Counts the bytes that come out, whatever the directory says. Raises `ExtractionError` as
        soon as there are more than `most`, or more than 100 for each packed one; and at the end,
        where size or checksum are not those of the directory.
        """
        real, crc = 0, 0
        for piece in _inflated(self.data, member):
            real += len(piece)
            if real > most:
                raise _bad(member, f"it has more than {most >> 20} MiB")
            if real > max(RATIO_FREE, MAX_RATIO * member.packed):
                raise _bad(member, f"it grows to more than {MAX_RATIO} times its packed size")
            crc = zlib.crc32(piece, crc)
            yield piece
        if real != member.size:
            raise _bad(member, f"it has {real:,} bytes where the directory says {member.size:,}")
        if crc != member.crc:
            raise _bad(member, _CRC_ERROR)

    def read(self, member: Member) -> bytes:
        """The whole content of a member; errors as in `pieces`."""
        return b"".join(self.pieces(member))

    def head(self, member: Member, length: int) -> bytes:
        """The first bytes of a member, unchecked."""
        found = b""
        for piece in _inflated(self.data, member):
            found += piece
            if len(found) >= length:
                break
        return found[:length]


def open_archive(data: bytes) -> Archive:
    """The archive with its directory read and checked.

    Raises `ExtractionError` for a cut or damaged archive, more than 1,000 members, more than
    512 MiB by its own account, names that are absolute, climb, use a backslash or differ in case
    only, links, encrypted members, and members that overlap.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            infos = opened.infolist()
            directory = opened.start_dir
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise ExtractionError(
            f"the archive is cut or damaged ({error}): fetch it again, or ask the publisher"
        ) from error
    if len(infos) > MAX_MEMBERS:
        raise ExtractionError(
            f"the archive has {len(infos):,} members, more than {MAX_MEMBERS:,}: look at it by hand"
        )
    _check_names(infos)
    total = sum(info.file_size for info in infos)
    if total > MAX_BYTES:
        raise ExtractionError(
            f"the archive unpacks to {total >> 20:,} MiB, more than {MAX_BYTES >> 20} MiB: "
            "look at it by hand"
        )
    members = [_member(data, info) for info in infos]
    _check_overlap(members, infos, directory)
    before = min((info.header_offset for info in infos), default=0)
    return Archive(data, tuple(m for m in members if not m.name.endswith("/")), before)


def _check_names(infos: list[zipfile.ZipInfo]) -> None:
    seen: dict[str, str] = {}
    for info in infos:
        name = info.orig_filename
        if not name or "\x00" in name or _OUTSIDE.match(name):
            raise ExtractionError(
                f"the archive has a member with the path {name[:80]!r}, which leads out of it: "
                "look at it by hand"
            )
        other = seen.setdefault(name.casefold(), name)
        if other is not name:
            raise ExtractionError(
                f"the archive has two members {other[:80]!r} and {name[:80]!r}: ask the publisher "
                "which one is meant"
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ExtractionError(f"the member {name[:80]!r} is a link: look at it by hand")


def _member(data: bytes, info: zipfile.ZipInfo) -> Member:
    name = info.orig_filename
    header = data[info.header_offset : info.header_offset + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise ExtractionError(f"the member {name[:80]!r} is not where the archive says: it is cut")
    fields = _LOCAL_HEADER.unpack(header)
    name_length, extra_length = fields[9], fields[10]
    start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    member = Member(
        name,
        start,
        info.compress_size,
        info.file_size,
        info.CRC,
        info.compress_type == zipfile.ZIP_DEFLATED,
    )
    if info.flag_bits & _ENCRYPTED:
        raise _bad(member, "it is encrypted, and no password is published")
    if info.compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        raise _bad(member, f"it is packed by method {info.compress_type}, which is not read")
    return member


def _check_overlap(members: list[Member], infos: list[zipfile.ZipInfo], directory: int) -> None:
    """Members that share bytes are how a small archive unpacks to a huge one."""
    ordered = sorted(zip(infos, members, strict=True), key=lambda pair: pair[0].header_offset)
    ends = [*(info.header_offset for info, _ in ordered[1:]), directory]
    for (_, member), end in zip(ordered, ends, strict=False):
        if member.start + member.packed > end:
            raise _bad(member, "its bytes overlap those of the next")


def _inflated(data: bytes, member: Member) -> Iterator[bytes]:
    """The bytes of a member as they come out, at most a piece ahead of whoever counts them."""
    view = memoryview(data)[member.start : member.start + member.packed]
    if not member.is_packed:
        for at in range(0, len(view), _PIECE):
            yield bytes(view[at : at + _PIECE])
        return
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(view), _PIECE):
            piece = engine.decompress(view[at : at + _PIECE], _PIECE)
            while piece:
                yield piece
                piece = engine.decompress(engine.unconsumed_tail, _PIECE)
        if rest := engine.flush():
            yield rest
    except zlib.error as error:
        raise _bad(member, f"it cannot be unpacked ({error})") from error
    if not engine.eof:
        raise _bad(member, "its end is missing")


def _bad(member: Member, why: str) -> ExtractionError:
    return ExtractionError(f"the member {member.name[:80]!r} of the archive: {why}")
