"""Code systems, the normal form of a code, and the expressions in which lists write codes.

Formats follow 45 CFR 162.1002 and the publishers' own layouts. Whether a code exists on a date
is not known here: a well-formed code that nobody ever assigned still parses. Nothing is repaired
and no range or wildcard is expanded: both need a dated code table.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

# What a lookup needs of codes is in a module of its own, which compiles one pattern.
from schemas.code_forms import PATTERNS as PATTERNS  # noqa: PLC0414
from schemas.code_forms import system_of as system_of  # noqa: PLC0414

SYSTEMS = tuple(PATTERNS)
MODIFIER = r"[A-Z0-9]{2}"
# A modifier of digits is one of CPT, any other one of HCPCS.
MODIFIER_SYSTEMS = ("CPT_MOD", "HCPCS_MOD")
# Whose the official words of a system are: CPT's the AMA's, CDT's the ADA's.
LICENSES = {
    system: "ama" if system.startswith("CPT") else "ada" if system == "CDT" else "public"
    for system in (*PATTERNS, *MODIFIER_SYSTEMS)
}
# Systems whose descriptors may not be published.
LICENSED = tuple(system for system in PATTERNS if LICENSES[system] != "public")
# The numeric modifiers of CPT, with which the end of an abbreviated range may be confused.
_NUMERIC_MODIFIERS = (
    "22 23 24 25 26 27 29 32 33 47 50 51 52 53 54 55 56 57 58 59 62 63 66 73 74 76 77 78 79 80 81 "
    "82 90 91 92 93 95 96 97 99"
)
NUMERIC_MODIFIERS = frozenset(_NUMERIC_MODIFIERS.split())
# A range that names more codes than this is a mistake.
MOST_IN_RANGE = 10_000

# Characters that cannot be seen and stand for nothing.
_INVISIBLE_CHARACTERS = "\u00ad\u034f\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff"
_INVISIBLE = dict.fromkeys(map(ord, _INVISIBLE_CHARACTERS))
INVISIBLE = re.compile(f"[{_INVISIBLE_CHARACTERS}]")
_TRADE_MARKS = re.compile(r"[®™©*†‡]")
_NOT_WORD = re.compile(r"[\W_]+")
_NOT_WORD_ASCII = {
    ord(character): None
    for character in map(chr, range(128))
    if character not in string.ascii_letters + string.digits
}

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_MARK = rf"(?:\*+|\u2217+|†+|‡+|\^+|§+|¶+|#+|[{_SUPERSCRIPTS}]+,?(?:(?<!,)|(?=[{_SUPERSCRIPTS}])))"
_MARKS = re.compile(_MARK)
_MARKED = re.compile(rf"(?P<before>{_MARK}*)(?P<text>.*?)(?P<after>(?:\s?{_MARK})*)", re.DOTALL)
# All that an expression is printed with: what only looks like a letter or a digit is not here.
_ALPHABET = re.compile(rf"[\n -~†‡§¶•\u2217{_DASHES}{_SUPERSCRIPTS}]*")
_TO_HYPHEN = str.maketrans(dict.fromkeys(_DASHES, "-"))

# An expression is read in capitals, entry by entry: a code with marks, then what follows it.
_CODE = r"(?:[A-EGHJ-MP-V][- ]?[0-9]{4}|[0-9]{5}|[0-9]{4}[AFMTU])"
_APART = r"(?![A-Z0-9_])"
# Two letters may be a word; `AS` and `AT` are one only where they stand apart from the code.
_SUFFIX = r"(?!(?:BY|IF|IN|IS|NO|OF|ON|OR|TO|WE|(?<= )AS|(?<= )AT)\b)[A-Z][A-Z0-9](?![A-Z0-9_])"
_BEGINNING = re.compile(
    rf"(?P<before>{_MARK}*)(?P<addon>\+ ?)?(?P<code>{_CODE})(?:{_APART}|(?={_SUFFIX}))"
    rf"(?P<marks>{_MARK}*)"
)
_DASH = r"(?P<dash>\s*--?\s*|\s+(?:TO|THROUGH|THRU)\s+)"
_END = re.compile(rf"{_DASH}(?P<end>{_CODE}){_APART}")
_SHORT_END = re.compile(rf"{_DASH}(?P<letter>[A-Z]?)(?P<digits>[0-9]{{2,4}}){_APART}")
_MODIFIERS = re.compile(rf"(?:[ -]*{_SUFFIX})*")
_WILDCARD = re.compile(
    r"(?P<addon>\+ ?)?(?P<stem>[A-EGHJ-MP-V][0-9]{0,3}|[0-9]{1,4})"
    r"(?P<tail>X{1,4}|_{1,4}|\*{1,4}(?!\*)|#{1,4}(?!#))(?![A-Z0-9_])"
)
_MARKS_AFTER = re.compile(rf"{_MARK}*(?: {_MARK}+(?=\n|\s*(?:[,;/]|\Z)))?")
_GAP = re.compile(r"\s*(?:(?:[,;/•&]|\b(?:AND|OR)\b)\s*)+|\s+")
_OPEN_GAP = re.compile(r"[\s,;/•]*")
# A text in ASCII that begins otherwise is no expression, as most cells of a table are none.
_MAY_BEGIN = re.compile(
    r"[\s,;/*^#+]*(?:[A-Za-z](?:[- ]?[0-9]|[Xx*_#]{4})|[0-9]{2}|[0-9][Xx*_#]{3})"
)
_MAY_BE_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z][ -]?[0-9OIL]{4}|[a-z][0-9oil]{4}|[0-9]{4}[A-Za-z]|[0-9]{5})"
    r"(?:-?[A-Za-z0-9]{2})?(?![A-Za-z0-9]|-[0-9])"
)
_PROSE = re.compile(r"(?<![A-Za-z0-9])([A-CEGHJ-MP-Va-ceghj-mp-v])(-?)([0-9]{4})(?![A-Za-z0-9])")

_CODE_LENGTH = 5
_WORTH_KEEPING = 200
_NOT_DIGIT = re.compile(r"[^0-9]")

# Characters that are taken for one another, in print and by typists.
_CONFUSED = ("I1L", "O0")


@dataclass(frozen=True, slots=True)
class CodeSpan:
    """One code, or one range or wildcard of codes, as a list writes it.

    `code_end` is set for a range and for a wildcard, whose members are not enumerated; `pattern`
    is the wildcard in capitals. `marks` are the footnote marks printed beside the code, `flags`
    names of `ROW_FLAGS`, and `raw` is the printed form with all of these.
    """

    system: str
    code: str
    raw: str
    code_end: str | None = None
    modifiers: tuple[str, ...] = ()
    pattern: str | None = None
    marks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def is_addon(self) -> bool:
        return "addon_code" in self.flags


@dataclass(frozen=True, slots=True)
class _Tail:
    """What is printed after a code: the end of a range or modifiers, up to `position`.

    `printed_end` are the bounds of the last code as printed.
    """

    position: int
    code_end: str | None = None
    modifiers: tuple[str, ...] = ()
    is_abbreviated: bool = False
    printed_end: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class CodeMention:
    """A HCPCS Level II code found in prose at characters `start` to `end`."""

    code: str
    raw: str
    start: int
    end: int


def printable(text: str) -> str:
    """NFKC text with invisible characters removed and every run of white space as one blank."""
    if text.isascii():
        return " ".join(text.split())
    return " ".join(unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).split())


def visible(text: str) -> str:
    """As `printable`, but every character that one sees stays as printed: `¹` is no 1."""
    return " ".join(text.translate(_INVISIBLE).split())


def shortened(text: str, width: int) -> str:
    """The text, or its beginning with an ellipsis where it is longer than `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def header_key(cell: str) -> str:
    """A label without marks, case, spacing and punctuation, for comparison."""
    if cell.isascii():
        return cell.translate(_NOT_WORD_ASCII).lower()
    return _NOT_WORD.sub("", printable(_TRADE_MARKS.sub("", cell)).casefold())


def value_key(cell: str) -> str:
    """A cell's value without case and spacing, for comparison; marks may change its meaning."""
    return printable(cell).casefold()


def mark_key(mark: str) -> str:
    """A footnote mark for comparison: a superscript is the number that it prints."""
    return printable(mark).replace("\u2217", "*")


def split_marks(text: str) -> tuple[str, tuple[str, ...]]:
    """A text as one sees it without the footnote marks around it, and these in order."""
    match = _MARKED.fullmatch(visible(text))
    assert match is not None  # its middle takes any text
    return match["text"], marks_in(match["before"] + match["after"])


def marks_in(text: str) -> tuple[str, ...]:
    """The footnote marks in a text: runs of one symbol, or superscript digits of one number."""
    return tuple(mark.rstrip(",") for mark in _MARKS.findall(text))


def parse_expression(text: str) -> tuple[CodeSpan, ...] | None:
    """The codes that a cell names, in order; None where any part of it is not a code.

    Understands single codes, ranges with any dash or word, abbreviated ranges (`K0835-43`) and
    wildcards at the end of a code (`A42xx`, `J9***`, `A42*`); lists separated by commas, slashes,
    semicolons, bullets, line breaks, blanks, `and`, `or` or `&`; `+` prefixes, footnote marks,
    modifiers, lower case, and a hyphen or blank after the letter. A cell is read as a whole or
    not at all: not at all, too, where two readings are possible, as with `K0813-29`, a range or
    a modifier.
    """
    system = system_of(text)
    if system:
        return (CodeSpan(system, text, text),)
    if text.isascii() and not _MAY_BEGIN.match(text):
        return None
    # Header logic and the step to rules read the same cells; a long one is not worth keeping.
    return _known(text) if len(text) <= _WORTH_KEEPING else _read(text)


def _read(text: str) -> tuple[CodeSpan, ...] | None:
    lines = text.translate(_INVISIBLE).splitlines()
    printed = "\n".join(" ".join(line.split()) for line in lines)
    if not _ALPHABET.fullmatch(printed):
        return None
    return _entries(printed, printed.translate(_TO_HYPHEN).upper())


_known = lru_cache(maxsize=4096)(_read)


def _entries(printed: str, upper: str) -> tuple[CodeSpan, ...] | None:
    spans: list[CodeSpan] = []
    position = _end_of(_OPEN_GAP, upper, 0)
    while True:
        found = _code(printed, upper, position) or _wildcard(printed, upper, position)
        if found is None:
            return None
        span, position = found
        spans.append(span)
        if _end_of(_OPEN_GAP, upper, position) == len(upper):
            return tuple(spans)
        gap = _GAP.match(upper, position)
        if gap is None:
            return None
        position = gap.end()


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


def _code(printed: str, upper: str, start: int) -> tuple[CodeSpan, int] | None:
    """The code or range that begins at `start`, with all that belongs to it, and its end."""
    head = _BEGINNING.match(upper, start)
    if head is None:
        return None
    code = _normal(head["code"])
    tail = _tail(upper, code, head.end())
    if tail is None or (tail.code_end and not _is_range(code, tail.code_end)):
        return None
    end = _end_of(_MARKS_AFTER, upper, tail.position)
    system = system_of(code)
    assert system is not None  # the forms of _BEGINNING are those of PATTERNS
    codes = (printed[slice(*head.span("code"))], printed[slice(*tail.printed_end)])
    flags = {
        "addon_code": head["addon"] is not None,
        "code_lower_case": any(part != part.upper() for part in codes),
        "code_spaced": any(" " in part or "-" in part for part in codes),
        "range_abbreviated": tail.is_abbreviated,
    }
    span = CodeSpan(
        system=system,
        code=code,
        raw=" ".join(printed[start:end].split()),
        code_end=tail.code_end,
        modifiers=tail.modifiers,
        marks=marks_in(head["before"] + head["marks"] + upper[tail.position : end]),
        flags=tuple(flag for flag, holds in flags.items() if holds),
    )
    return span, end


def _tail(upper: str, code: str, position: int) -> _Tail | None:
    """What follows a code; None for a dash and a number that cannot be told what they are."""
    if end := _END.match(upper, position):
        return _Tail(end.end(), code_end=_normal(end["end"]), printed_end=end.span("end"))
    short = _SHORT_END.match(upper, position)
    if short is None:
        return _with_modifiers(upper, position, ())
    last = _completed(code, short["letter"], short["digits"])
    is_range = last is not None and _is_range(code, last)
    numeric = short["letter"] + short["digits"] in NUMERIC_MODIFIERS
    if numeric and short["dash"] == "-" and not is_range:
        return _with_modifiers(upper, short.end(), (short["digits"],))
    if not is_range or (numeric and "-" in short["dash"]):
        return None
    bounds = short.start("letter"), short.end()
    return _Tail(short.end(), code_end=last, is_abbreviated=True, printed_end=bounds)


def _with_modifiers(upper: str, position: int, modifiers: tuple[str, ...]) -> _Tail:
    end = _end_of(_MODIFIERS, upper, position)
    return _Tail(end, modifiers=(*modifiers, *re.findall(MODIFIER, upper[position:end])))


def _completed(code: str, letter: str, digits: str) -> str | None:
    """The last code of a range that prints only the end of it.

    It replaces the last two digits, and what it prints before them must be as in the first code;
    only the four digits of a code that begins with a letter may all differ.
    """
    number = code[1:] if code[0].isalpha() else code
    if not number.isdecimal() or (letter and letter != code[0]):
        return None
    if len(digits) == len(number):
        return code[0] + digits
    if digits[:-2] != number[-len(digits) : -2]:
        return None
    return code[:-2] + digits[-2:]


def _is_range(first: str, last: str) -> bool:
    """Whether two codes of one shape bound a range that is not too large to be meant."""
    if system_of(first) != system_of(last) or _NOT_DIGIT.findall(first) != _NOT_DIGIT.findall(last):
        return False
    return 0 < int(_NOT_DIGIT.sub("", last)) - int(_NOT_DIGIT.sub("", first)) < MOST_IN_RANGE


def _wildcard(printed: str, upper: str, start: int) -> tuple[CodeSpan, int] | None:
    """The wildcard that begins at `start`, and its end.

    It stands for whole codes, one sign a digit; a single asterisk stands for all that is missing.
    """
    match = _WILDCARD.match(upper, start)
    if match is None:
        return None
    stem, tail = match["stem"], match["tail"]
    if len(stem + tail) != _CODE_LENGTH and (tail != "*" or len(stem) == 1):
        return None
    code, code_end = stem.ljust(_CODE_LENGTH, "0"), stem.ljust(_CODE_LENGTH, "9")
    system = system_of(code)
    if system is None:
        return None
    end = _end_of(_MARKS_AFTER, upper, match.end())
    flags = {
        "addon_code": match["addon"] is not None,
        "code_lower_case": printed[match.start("stem")].islower(),
    }
    span = CodeSpan(
        system=system,
        code=code,
        raw=printed[start:end],
        code_end=code_end,
        pattern=stem + tail,
        marks=marks_in(upper[match.end() : end]),
        flags=tuple(flag for flag, holds in flags.items() if holds),
    )
    return span, end


def _normal(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def repairs(text: str) -> tuple[str, ...]:
    """The codes that a printed code may be if I, L and 1, or else O and 0, were confused in it.

    In order, without the printed code itself; which of them exist is for a dated code table to
    say. Letters that merely look alike in another alphabet are not confused but wrong.
    """
    upper = visible(text).upper()
    if len(upper) != _CODE_LENGTH:
        return ()
    found = set()
    for confused in _CONFUSED:
        choices = [confused if character in confused else character for character in upper]
        found |= {"".join(characters) for characters in product(*choices)}
    return tuple(sorted(code for code in found - {upper} if system_of(code)))


def repaired(text: str, valid: Container[str]) -> str | None:
    """The one repair of a printed code that is `valid`; None where none or several are.

    None, too, for a code that is valid as printed: then nothing says that it is damaged.
    """
    if visible(text).upper() in valid:
        return None
    found = [code for code in repairs(text) if code in valid]
    return found[0] if len(found) == 1 else None


def may_name_code(text: str) -> bool:
    """Whether a word of a text may be a code, of any system, misprinted or with a modifier."""
    return _MAY_BE_CODE.search(text) is not None


def find_codes(text: str) -> tuple[CodeMention, ...]:
    """Every HCPCS Level II code in prose, guarded against longer identifiers and numbers.

    The caller masks telephone numbers, citations and dates first. Bare five-digit CPT codes are
    not looked for: in prose they cannot be told from other numbers.
    """
    return tuple(
        CodeMention(
            code=(match[1] + match[3]).upper(), raw=match[0], start=match.start(), end=match.end()
        )
        for match in _PROSE.finditer(text)
    )
