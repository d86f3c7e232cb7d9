"""Code systems, the normal form of a code, and the expressions in which lists write codes.

Formats follow 45 CFR 162.1002 and the publishers' own layouts. Whether a code exists on a date
is not known here: a well-formed code that nobody ever assigned still parses. Nothing is repaired
and no range is expanded: both need a dated code table.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# In the order of precedence for a bare five-character string.
PATTERNS: dict[str, str] = {
    "CPT": r"[0-9]{5}",
    "CPT2": r"[0-9]{4}F",
    "CPT3": r"[0-9]{4}T",
    "CPT_PLA": r"[0-9]{4}U",
    "CPT_MAAA": r"[0-9]{4}M",
    "CPT_ADMIN": r"[0-9]{4}A",
    "CDT": r"D[0-9]{4}",
    "HCPCS": r"[A-CEGHJ-MP-V][0-9]{4}",
}
SYSTEMS = tuple(PATTERNS)
# Systems whose descriptors may not be published: CPT is the AMA's, CDT the ADA's.
LICENSED = tuple(system for system in PATTERNS if system.startswith(("CPT", "CDT")))
MODIFIER = r"[A-Z0-9]{2}"
# A modifier beside a code starts with a letter and is no word: `K0835-43` is an abbreviated range,
# and `K0800 or K0801` a list. Numeric modifiers are read from a column of their own.
_SUFFIX = r"(?!(?:TO|OR|AND|IF|NO|BY|OF|IN|ON|AT|AS|IS|WE)\b)[A-Z][A-Z0-9](?![A-Z0-9])"

_COMPILED = {system: re.compile(pattern) for system, pattern in PATTERNS.items()}
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_MARKS = re.compile(r"[®™©*†‡]")
_NOT_WORD = re.compile(r"[\W_]+")
_DASH = r"\s*(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\u2212|\bTO\b|\bTHROUGH\b|\bTHRU\b)\s*"
_CODE = r"(?:[A-Z]-?\s?[0-9]{4}|[0-9]{5}|[0-9]{4}[A-Z])"
_RANGE = re.compile(rf"(?P<start>{_CODE}){_DASH}(?P<end>{_CODE})")
_SINGLE = re.compile(
    rf"(?P<addon>\+\s*)?(?P<code>{_CODE})(?P<modifiers>(?:[\s-]*{_SUFFIX})*)(?![A-Z0-9])"
)
_SEPARATOR = re.compile(r"[,;/\n]+")
_PROSE = re.compile(r"(?<![A-Za-z0-9])([A-CEGHJ-MP-Va-ceghj-mp-v])(-?)([0-9]{4})(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class CodeSpan:
    """One code, or one range of codes, as a list writes it.

    `code_end` is set for a range, whose members are not enumerated; `raw` is the printed form.
    """

    system: str
    code: str
    raw: str
    code_end: str | None = None
    modifiers: tuple[str, ...] = ()
    is_addon: bool = False


@dataclass(frozen=True, slots=True)
class CodeMention:
    """A HCPCS Level II code found in prose at characters `start` to `end`."""

    code: str
    raw: str
    start: int
    end: int


def printable(text: str) -> str:
    """NFKC text with invisible characters removed and every run of white space as one blank."""
    folded = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
    return " ".join(folded.split())


def shortened(text: str, width: int) -> str:
    """The text, or its beginning with an ellipsis where it is longer than `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def header_key(cell: str) -> str:
    """A label without marks, case, spacing and punctuation, for comparison."""
    return _NOT_WORD.sub("", printable(_MARKS.sub("", cell)).casefold())


def value_key(cell: str) -> str:
    """A cell's value without case and spacing, for comparison; marks may change its meaning."""
    return printable(cell).casefold()


def system_of(code: str) -> str | None:
    """The code system whose format a code in normal form has, or None."""
    for system, pattern in _COMPILED.items():
        if pattern.fullmatch(code):
            return system
    return None


def parse_expression(text: str) -> tuple[CodeSpan, ...] | None:
    """The codes that a cell names, in order; None where any part of it is not a code.

    Understands single codes, ranges with any dash or word, lists separated by commas, slashes,
    semicolons, line breaks or blanks, `+` prefixes, suffixed modifiers that start with a letter,
    lower case and a hyphen or blank after the letter. A cell is read as a whole or not at all.
    """
    spans: list[CodeSpan] = []
    for part in _SEPARATOR.split(text):
        printed = printable(part)
        if not printed:
            continue
        found = _parse_part(printed)
        if found is None:
            return None
        spans += found
    return tuple(spans) or None


def _parse_part(printed: str) -> list[CodeSpan] | None:
    upper = printed.upper()
    bounds = _RANGE.fullmatch(upper)
    if bounds:
        span = _range(bounds["start"], bounds["end"], printed)
        return [span] if span else None
    spans: list[CodeSpan] = []
    position = 0
    while position < len(upper):
        match = _SINGLE.match(upper, position)
        if match is None:
            return None
        code = _normal(match["code"])
        system = system_of(code)
        if system is None:
            return None
        spans.append(
            CodeSpan(
                system=system,
                code=code,
                raw=printed[match.start() : match.end()].strip(),
                modifiers=tuple(re.findall(MODIFIER, match["modifiers"])),
                is_addon=match["addon"] is not None,
            )
        )
        position = match.end()
        rest = upper[position:]
        blank = len(rest) - len(rest.lstrip())
        if rest and not blank:
            return None
        position += blank
    return spans


def _range(start: str, end: str, printed: str) -> CodeSpan | None:
    first, last = _normal(start), _normal(end)
    system = system_of(first)
    if system is None or system_of(last) != system or not first < last:
        return None
    if re.sub(r"[0-9]", "", first) != re.sub(r"[0-9]", "", last):
        return None
    return CodeSpan(system=system, code=first, code_end=last, raw=printed)


def _normal(text: str) -> str:
    return re.sub(r"[\s-]", "", text)


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
