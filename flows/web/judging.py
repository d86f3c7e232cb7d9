"""Whether what came is what the source expects, judged by the bytes and not by their label.

A login page at the address of a PDF, an empty body, one that ends in the middle, another format
than before or half of the file: none of them may become a version of the publication. What a
sound file says is for the readers.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from extractors.archive import READABLE
from extractors.sniff import HTML, JSON, PDF, TEXT, XLS, XLSX, ZIP, Format, sniff
from flows.web.asking import Answer
from flows.web.credentials import Credentials
from flows.web.failure import FetchError
from flows.web.patterns import search
from flows.web.shown import shown
from schemas.provenance import Snapshot
from schemas.source import Source

_FORMATS = {
    "pdf": PDF,
    "html": HTML,
    "xlsx": XLSX,
    "xls": XLS,
    "zip": ZIP,
    "text": TEXT,
    "json": JSON,
}
_ENDINGS = {"htm": "html", "csv": "text", "tsv": "text", "txt": "text", "xlsm": "xlsx"}
_LOGIN = re.compile(rb"<input\b[^>]{0,400}\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_MARKUP = re.compile(rb"\s*<[a-z!/?]", re.IGNORECASE)
_BOMS = (b"\xff\xfe", b"\xfe\xff")
# What the last bytes of a whole file have. A PDF that was changed has marks of earlier ends too.
_ENDS = {PDF: re.compile(rb"%%EOF"), HTML: re.compile(rb"</html\s*>", re.IGNORECASE)}
_END_WINDOW = 2048
_ARCHIVE_END, _ARCHIVE_END_SIZE = b"PK\x05\x06", 22
_BLANKS = b"\0\t\n\v\f\r "
_SEARCHED = 4 << 20
# A page that asks for a password is short, and the search is slow in one made to slow it.
_LOGIN_SEARCHED = 1 << 20


def judge(
    source: Source, data: bytes, answer: Answer, last: Snapshot | None, credentials: Credentials
) -> None:
    """Raise `FetchError` where a body must not become a version of the publication.

    `last` is the version before. A version that the source accepts by its hash may be smaller.
    """
    assert source.address is not None
    assert answer.body is not None
    where = f"{source.source}: {shown(answer.url)}"
    found = sniff(data)
    if found not in (*READABLE, ZIP):
        raise FetchError(f"{where}: {'empty' if not data else found.media_type} came")
    _expect_format(source, where, answer, found, last, credentials)
    if found is TEXT:
        _expect_text(source, where, data)
    if found is HTML and _LOGIN.search(data, 0, _LOGIN_SEARCHED):
        raise FetchError(f"{where}: a page that asks for a password came")
    if credentials.hides(data):
        raise FetchError(f"{where}: the body repeats our secret, and is not kept")
    pattern = source.address.contains
    if pattern and search(pattern, [_text(data)]) == [None]:
        raise FetchError(
            f"{where}: {pattern!r} is not in it; look at it, and correct address.contains in "
            f"sources/{source.source}.yml where it is right"
        )
    if not answer.body.is_whole:
        _expect_end(where, data, found, answer.body.surplus)
    if last is not None and answer.body.sha256 not in source.expect.accepted_versions:
        _expect_size(source, where, answer, last)


def _expect_format(
    source: Source,
    where: str,
    answer: Answer,
    found: Format,
    last: Snapshot | None,
    credentials: Credentials,
) -> None:
    assert source.address is not None
    name = source.address.format or _by_ending(answer.url) or _by_ending(source.address.start)
    promised = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if name is not None:
        if found is not _FORMATS[name]:
            raise FetchError(f"{where}: {found.media_type} came in place of {name}")
    elif found is HTML and promised not in ("", HTML.media_type, "application/xhtml+xml"):
        what = credentials.hide(promised)[:60]
        raise FetchError(f"{where}: a web page came in place of {what!r}")
    if last is not None and last.came == "fetched" and found.media_type != last.media_type:
        raise FetchError(
            f"{where}: {found.media_type} came where {last.media_type} was before; look at it and "
            f"accept it with precert add {source.source} FILE"
        )


def _expect_text(source: Source, where: str, data: bytes) -> None:
    """A page of an error may begin with a title or a script, and is told by its first sign."""
    assert source.address is not None
    start = data[:1024].removeprefix(b"\xef\xbb\xbf")
    if _MARKUP.match(start):
        raise FetchError(f"{where}: a part of a web page came in place of text: {start[:20]!r}")


def _text(data: bytes) -> str:
    """The beginning of a text or web page, as far as it is searched."""
    code = "utf-16" if data.startswith(_BOMS) else "utf-8"
    return data[:_SEARCHED].decode(code, errors="replace")


def _by_ending(url: str) -> str | None:
    ending = urlsplit(url).path.rpartition(".")[2].lower()
    name = _ENDINGS.get(ending, ending)
    return name if name in _FORMATS else None


def _expect_end(where: str, data: bytes, found: Format, surplus: int) -> None:
    """A body whose length nobody vouches for must have the end that its format has."""
    if _has_end(data, found):
        return
    why = f"{surplus} bytes more came than announced" if surplus else "no length was announced"
    raise FetchError(f"{where}: {why}, and the file seems to end in the middle", passing=True)


def _has_end(data: bytes, found: Format) -> bool:
    tail = data[-_END_WINDOW:]
    kept = tail.rstrip(_BLANKS)
    if found is JSON:
        return kept.endswith((b"}", b"]"))
    if found is TEXT:
        return bool({*b"\r\n"} & {*tail[len(kept) :]})
    if found in (ZIP, XLSX):
        # The record of its end says how long the comment is that follows it.
        at = data.rfind(_ARCHIVE_END)
        comment = int.from_bytes(
            data[at + _ARCHIVE_END_SIZE - 2 : at + _ARCHIVE_END_SIZE], "little"
        )
        return at >= 0 and at + _ARCHIVE_END_SIZE + comment == len(data)
    end = _ENDS.get(found)
    return end is not None and end.search(tail) is not None


def _expect_size(source: Source, where: str, answer: Answer, last: Snapshot) -> None:
    assert source.address is not None
    assert answer.body is not None
    least = source.address.least_share
    if answer.body.size < least * last.size:
        raise FetchError(
            f"{where}: {answer.body.size} bytes came where {last.size} were before, less than the "
            f"share of {least:g}; look at it, then use precert add {source.source} FILE or put "
            f"{answer.body.sha256} into expect.accepted_versions"
        )
