"""The files of a ZIP archive that are the publication, mostly one.

Knows which members a source means and which could be meant. An archive in an archive is
not opened, and nothing that runs is read. A workbook is a ZIP archive too, but a document here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from extractors.reading import ExtractionError, Problem
from extractors.sniff import EXECUTABLE, HTML, JSON, PDF, TEXT, XLS, XLSX, ZIP, sniff
from extractors.zipped import Archive, Member, open_archive

READABLE = (PDF, HTML, JSON, TEXT, XLSX, XLS)

_HEAD = 4096
_SHOWN = 10
# By old custom the file that speaks of the others.
_ABOUT = re.compile(r"read[ _-]?me.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """The member that was opened: its name in the archive, its bytes, and what was odd."""

    name: str
    data: bytes
    problems: tuple[Problem, ...] = ()


def open_member(data: bytes, pattern: str | None = None) -> Opened:
    """The member whose whole name matches `pattern`, or the only one that a reader could read.

    Without a pattern a file called README does not count. Raises `ExtractionError` where none or
    several remain, for an archive or a program in the archive, and as `open_archive` does.
    """
    archive = open_archive(data)
    return _opened(archive, _chosen(archive, pattern))


def open_members(data: bytes, pattern: str) -> tuple[Opened, ...]:
    """All members whose whole names match `pattern`, in the archive's order; there may be none.

    Raises `ExtractionError` for an archive or a program among them, and as `open_archive` does.
    """
    archive = open_archive(data)
    return tuple(_opened(archive, m) for m in archive.members if re.fullmatch(pattern, m.name))


def open_optional(data: bytes, pattern: str | None) -> Opened | None:
    """The member whose whole name matches `pattern`, None without one or without a pattern.

    Raises `ExtractionError` where there are several, and as `open_members` does.
    """
    archive = open_archive(data)
    if pattern is None or not any(re.fullmatch(pattern, name) for name in archive.names()):
        return None
    return _opened(archive, _chosen(archive, pattern))


def _opened(archive: Archive, member: Member) -> Opened:
    content = archive.read(member)
    found = sniff(content)
    if found in (ZIP, EXECUTABLE):
        raise ExtractionError(
            f"the member {member.name!r} is {found.media_type} ({found.name}): an archive or a "
            "program in an archive is never opened; look at it by hand"
        )
    problems: tuple[Problem, ...] = ()
    if archive.before:
        message = f"{archive.before:,} bytes stand before the archive; they were not read"
        problems = (Problem(message, holds=False),)
    return Opened(member.name, content, problems)


def _chosen(archive: Archive, pattern: str | None) -> Member:
    if not archive.members:
        raise ExtractionError("the archive is empty: look at what the publisher serves")
    if pattern is not None:
        matching = [member for member in archive.members if re.fullmatch(pattern, member.name)]
        return _only(matching, archive, f"matches the pattern {pattern!r} of member")
    if len(archive.members) == 1:
        return archive.members[0]
    readable = [member for member in archive.members if _is_readable(archive, member)]
    lists = [m for m in readable if not _ABOUT.fullmatch(PurePosixPath(m.name).name)]
    return _only(lists, archive, "is of a kind that we read")


def _is_readable(archive: Archive, member: Member) -> bool:
    head = archive.head(member, _HEAD)
    if head.startswith(b"PK\x03\x04"):
        # A workbook is told from an archive by its directory, which is at its end.
        return sniff(archive.read(member)) in READABLE
    return sniff(head) in READABLE


def _only(found: list[Member], archive: Archive, what: str) -> Member:
    if len(found) == 1:
        return found[0]
    shown = found or archive.members
    names = ", ".join(repr(member.name[:80]) for member in shown[:_SHOWN])
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    how_many = f"{len(found)} members" if found else "no member"
    raise ExtractionError(
        f"{how_many} of the archive {what}: {names}{more}; name one by the source's key `member`"
    )
