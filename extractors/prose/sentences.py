"""Where the sentences of a paragraph begin and end.

Knows the abbreviations and numbers of US coverage publications, whose full stops end nothing.
Does not know what a sentence says.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A full stop after these never ends a sentence, because something follows that belongs to it.
_OPEN = _words(
    "pub publ no nos sec secs sect ch chap art ref refs fig figs vol pp p pg par para cf vs v ver"
    " dr mr mrs ms prof st ste bldg approx e.g eg i.e ie viz fed reg stat subpt app attn ext"
    " jan feb mar apr jun jul aug sep sept oct nov dec tel"
)
# After these it does, where the next word is one that sentences start with.
_EITHER = _words(
    "a.m p.m am pm etc inc ltd corp co llc u.s u.s.c c.f.r s.d al dept jr sr ph.d m.d d.o"
)
_STARTERS = _words(
    "a all an any as at before beginning both by claims coverage do each effective failure for from"
    " however if in it items medicare no not note on only payers prior products providers refer"
    " several some suppliers that the their there these they this those to we when where while"
    " with you your"
)
_STOP = re.compile(r"[.?!][\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9•§])")
_LAST_WORD = re.compile(r"[A-Za-z0-9.]+$")
_INITIAL = re.compile(
    r"(?<![A-Za-z0-9.])(?<!Appendix )(?<!Attachment )(?<!Category )(?<!Class )(?<!Criterion )"
    r"(?<!Exhibit )(?<!Group )(?<!Indication )(?<!Part )(?<!Section )(?<!Type )[B-HJ-Z]$"
)
_NEXT_WORD = re.compile(r"[\"'“‘(\[]*([A-Za-z]+)")
_ENDS = re.compile(r"([.?!:;])[\"'”’)\]]*$")


def split_sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of a paragraph as pairs of first character and the one after the last.

    Together they cover the paragraph but for the blanks between them.
    """
    spans = []
    start = 0
    for match in _STOP.finditer(text):
        if match[0][0] == "." and _runs_on(text, start, match.start(), match.end()):
            continue
        spans.append((start, match.start() + len(match[0].rstrip())))
        start = match.end()
    if start < len(text):
        spans.append((start, len(text)))
    return tuple(spans)


def ends_sentence(text: str) -> bool:
    """Whether a printed line ends a sentence or introduces a list, so that no line continues it."""
    match = _ENDS.search(text.rstrip())
    if match is None:
        return False
    if match[1] != ".":
        return True
    stop = match.start()
    return _word_before(text, 0, stop) not in _OPEN and not _is_initial(text, 0, stop)


def _runs_on(text: str, start: int, stop: int, following: int) -> bool:
    word = _word_before(text, start, stop)
    if text[stop:following].rstrip() != "." and word not in _EITHER:
        return False  # the stop stands before a closing bracket or quotation mark
    if word in _OPEN:
        return True
    if _is_initial(text, start, stop):
        return not _starts_sentence(text, following)
    if word.isdecimal() and not text[start:stop].strip(" (").removesuffix(word):
        return True  # the number of a list item
    if word in _EITHER:
        return not _starts_sentence(text, following)
    return False


def _word_before(text: str, start: int, stop: int) -> str:
    match = _LAST_WORD.search(text, max(start, stop - 20), stop)
    return match[0].lower() if match else ""


def _starts_sentence(text: str, following: int) -> bool:
    word = _NEXT_WORD.match(text, following)
    return word is not None and word[1].lower() in _STARTERS


def _is_initial(text: str, start: int, stop: int) -> bool:
    """Whether a single letter is the initial of a name, and not that of an appendix."""
    return _INITIAL.search(text, max(start, stop - 20), stop) is not None
