"""ZIP archives: which member is the publication, and what is never opened."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.archive import open_member
from extractors.reading import ExtractionError
from extractors.sniff import EXECUTABLE, GZIP, HTML, TEXT, XLSX, XML, ZIP, Format, sniff
from extractors.zipped import MAX_MEMBERS, open_archive
from tests.sheets import Sheet, draw_xlsx

LIST = b"Code,Description,PA Required\nE0601,Device,Yes\n"
PROGRAM = b"MZ\x90\x00" + bytes(200)


def draw_zip(*members: tuple[str | zipfile.ZipInfo, bytes], packed: bool = True) -> bytes:
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in members:
            archive.writestr(name, content, compress_type=method)
    return buffer.getvalue()


def refused(data: bytes, reason: str, pattern: str | None = None) -> None:
    with pytest.raises(ExtractionError, match=reason):
        open_member(data, pattern)


@pytest.mark.parametrize("packed", [True, False])
def test_the_only_member_is_opened(packed: bool) -> None:
    opened = open_member(draw_zip(("folder/list.csv", LIST), packed=packed))
    assert (opened.name, opened.data, opened.problems) == ("folder/list.csv", LIST, ())


def test_the_only_member_of_a_kind_that_we_read_is_opened_readme_aside() -> None:
    data = draw_zip(("README.txt", b"words"), ("logo.png", b"\x89PNG\x00"), ("list.csv", LIST))
    assert open_member(data).name == "list.csv"


def test_a_workbook_in_an_archive_is_a_member_and_not_an_archive() -> None:
    data = draw_zip(("list.xlsx", draw_xlsx(Sheet("List", [("E0601",)]))), packed=False)
    assert sniff(data) == ZIP
    assert sniff(open_member(data).data) == XLSX


def test_a_pattern_chooses_by_the_whole_name() -> None:
    data = draw_zip(("2026/list.csv", LIST), ("2026/list.csv.txt", b"words"), ("readme.txt", b"x"))
    assert open_member(data, r"2026/.*\.csv").name == "2026/list.csv"
    assert open_member(data, r"readme\.txt").data == b"x"


def test_several_members_are_named_with_the_key_that_chooses() -> None:
    data = draw_zip(("a.csv", LIST), ("b.csv", LIST))
    refused(data, r"2 members of the archive is of a kind that we read: 'a.csv', 'b.csv'.*`member`")
    refused(data, r"2 members of the archive matches the pattern", ".*")


def test_no_member_of_the_pattern_names_those_there_are() -> None:
    refused(draw_zip(("a.csv", LIST)), r"no member of the archive matches .*: 'a.csv'", r"b\.csv")


def test_bytes_before_the_archive_are_reported() -> None:
    data = b"junk " * 10 + draw_zip(("list.csv", LIST))
    opened = open_member(data)
    assert opened.data == LIST
    (problem,) = opened.problems
    assert (str(problem), problem.holds) == (
        "50 bytes stand before the archive; they were not read",
        False,
    )


# ---------------------------------------------------------------- what is refused


def test_archives_and_programs_inside_are_refused() -> None:
    refused(draw_zip(("inner.zip", draw_zip(("list.csv", LIST)))), "an archive or a program")
    refused(draw_zip(("list.csv", PROGRAM)), r"application/x-executable")
    refused(draw_zip(("list.csv", b"\x7fELF" + bytes(60))), r"application/x-executable")


@pytest.mark.parametrize(
    "name", ["/etc/x.csv", "../x.csv", "a/../../x.csv", "a\\x.csv", "C:x.csv", "\\x.csv", "a/.."]
)
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    refused(draw_zip(("list.csv", LIST), (name, b"x")), "leads out of it")


@pytest.mark.parametrize("other", ["list.csv", "LIST.csv"])
def test_two_members_of_one_name_are_refused(other: str) -> None:
    refused(draw_zip(("list.csv", LIST), (other, b"x")), "two members")


def test_a_link_is_refused() -> None:
    link = zipfile.ZipInfo("list.csv")
    link.external_attr = 0o120777 << 16
    refused(draw_zip((link, b"/etc/passwd")), "is a link")


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(draw_zip(("list.csv", LIST)))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    refused(bytes(data), "it is encrypted")


def test_too_many_members_are_refused() -> None:
    data = draw_zip(*((f"{number}.csv", b"") for number in range(MAX_MEMBERS + 1)))
    refused(data, "1,001 members, more than 1,000")


def test_an_empty_archive_is_refused() -> None:
    refused(draw_zip(), "the archive is empty")


def test_a_member_that_grows_beyond_measure_is_refused_whatever_its_size_says() -> None:
    data = draw_zip(("list.csv", bytes(8 << 20)))
    refused(data, "more than 100 times its packed size")
    lie = data.replace(struct.pack("<L", 8 << 20), struct.pack("<L", 1_000))
    assert lie != data
    refused(lie, "more than 100 times its packed size")


def test_counting_stops_soon_after_the_cap() -> None:
    archive = open_archive(draw_zip(("list.csv", bytes(64 << 20))))
    (member,) = archive.members
    taken: list[int] = []
    with pytest.raises(ExtractionError):
        taken.extend(len(piece) for piece in archive.pieces(member))
    assert sum(taken) <= (1 << 20) + 100 * member.packed


def test_members_that_overlap_are_refused() -> None:
    data = bytearray(draw_zip(("a.csv", LIST), ("b.csv", LIST)))
    # The directory's second entry is made to point at the first member's bytes.
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<L", 0)
    refused(bytes(data), "overlap", r"a\.csv")


def test_a_changed_byte_in_a_member_is_seen() -> None:
    data = draw_zip(("list.csv", LIST), packed=False)
    refused(data.replace(b"E0601", b"E5601"), "checksum")


@settings(max_examples=150)
@given(st.data())
def test_damage_is_refused_or_harmless(draw: st.DataObject) -> None:
    data = bytearray(draw_zip(("list.csv", LIST)))
    if draw.draw(st.booleans()):
        del data[draw.draw(st.integers(0, len(data) - 1)) :]
    else:
        data[draw.draw(st.integers(0, len(data) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    try:
        opened = open_member(bytes(data))
    except ExtractionError:
        return
    assert opened.data == LIST


# ---------------------------------------------------------------- what a file is


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (draw_zip(("list.csv", LIST)), ZIP),
        (b"junk" + draw_zip(("list.csv", LIST)), ZIP),
        (draw_zip(("list.pdf", b"%PDF-1.7\n"), packed=False), ZIP),
        (draw_xlsx(Sheet("List", [("x",)])), XLSX),
        (draw_xlsx(Sheet("List", [("x",)]))[:200], XLSX),
        (b"\x1f\x8b\x08\x00", GZIP),
        (PROGRAM, EXECUTABLE),
        (b"MZ is a text", TEXT),
        (b"<?xml version='1.0'?><!DOCTYPE lolz [", XML),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html><html>", HTML),
        (LIST, TEXT),
    ],
)
def test_a_file_is_what_its_bytes_say(data: bytes, found: Format) -> None:
    assert sniff(data) == found
