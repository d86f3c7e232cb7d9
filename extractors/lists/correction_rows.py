"""Rows of lists of corrections to a code set: one candidate row of `code_corrections` each.

Knows how such a list says what is corrected: by a printed action, by the columns that a row fills,
or by both. Whether a correction was made in a later release is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extractors.lists.code_rows import WORDS, day, meaning, no_code, of_code, text, withheld
from extractors.lists.licensed import WITHHELD, is_licensed
from extractors.records import Record
from extractors.tables import Assembly, ListRow
from schemas.code_sets import COVERAGE_CODES
from schemas.codes import LICENSES, printable
from schemas.source import Corrections
from schemas.tables import CODE_CORRECTIONS

# The columns of the table that a correction may fill, and how an action names those it changes.
_CHANGED: Mapping[str, str] = {
    "short_description": r"short desc(?:ription)?",
    "long_description": r"long desc(?:ription)?",
    "cross_references": r"x-?ref(?: codes?)?",
    "coverage": r"cov(?:erage)?(?: code)?",
    "betos": r"betos",
    "pricing": r"pric(?:e|ing)(?: indicator)?",
}
# "Change Cov to C and Price to 39": each value ends where the next column is named.
_CHANGE = re.compile(r"change\s+(?P<what>.+)", re.IGNORECASE)
_TO = re.compile(r"(?P<column>.+?) to (?P<value>.+)", re.IGNORECASE)
_AND = re.compile(
    rf"(?:,\s*(?:and\s+)?|\s+and\s+)(?=(?:{'|'.join(_CHANGED.values())}) to )", re.IGNORECASE
)
_LISTED = re.compile(r"[\s,;/]+")
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")


def correction_rows(assembly: Assembly, rules: Corrections) -> list[Record]:
    """The corrections of a list in printed order.

    Values come from the filled columns and from words such as "Change xref code to J7203"; where
    the two disagree the row has a fault. A list corrects the release of January of the year that
    its title names.
    """
    patterns = {
        name: re.compile(getattr(rules, name), re.IGNORECASE) for name in ("add", "discontinue")
    }
    return [_record(row, patterns) for row in assembly.rows]


def _record(row: ListRow, patterns: Mapping[str, re.Pattern[str]]) -> Record:
    faults = [row.fault] if row.fault else []
    system, code = of_code(row.cells.get("code", ""))
    if system is None and not row.fault:
        faults.append(no_code(row, code))
    action = text(row, "action")
    if action is None and not row.fault:
        faults.append("the row does not say what is corrected")
    changed = _changed(row, action or "", faults)
    values: dict[str, Any] = {
        "code_system": system,
        "code": code if system else None,
        "correction": _kind(action, changed, patterns),
        "correction_raw": action,
        "effective_from": day(row, "effective_from", faults),
        "release": _release(row, faults),
        "coverage": meaning(changed.get("coverage"), COVERAGE_CODES, "coverage", faults),
        "betos": changed.get("betos"),
        "pricing": _listed(changed.get("pricing")),
        "cross_references": _listed(changed.get("cross_references")),
        "comments": text(row, "comments"),
    }
    license_ = LICENSES.get(system or "")
    raw_text, printed = row.raw_text, row.printed
    if license_ == "public":
        values |= {name: changed.get(name) for name in WORDS}
    elif license_ or is_licensed(row, ()):
        # Comments may quote a description, and so may an action in words of its own.
        quoting = [*WORDS, "comments"]
        values["comments"] = None
        if values["correction"] in ("change", "other"):
            quoting.append("action")
            values["correction_raw"] = WITHHELD
        raw_text, printed = withheld(row, quoting)
    return Record(CODE_CORRECTIONS.name, values, row.place, raw_text, printed, tuple(faults))


def _kind(
    action: str | None, changed: Mapping[str, str], patterns: Mapping[str, re.Pattern[str]]
) -> str | None:
    if action is None:
        return None
    named = next((kind for kind, form in patterns.items() if form.fullmatch(action)), None)
    return named or ("change" if changed else "other")


def _changed(row: ListRow, action: str, faults: list[str]) -> dict[str, str]:
    """What the columns of the table become, by the row's own columns and by its action's words."""
    found = {name: said for name in _CHANGED if (said := text(row, name))}
    for name, said in _by_words(action).items():
        other = found.setdefault(name, said)
        if other != said and name in WORDS:
            faults.append(f"the action says something else for {name} than its column")
        elif other != said:
            faults.append(f"the action says {said!r} for {name}, and its column {other!r}")
    return found


def _by_words(action: str) -> dict[str, str]:
    change = _CHANGE.fullmatch(action)
    if change is None:
        return {}
    found = {}
    for part in _AND.split(change["what"]):
        to = _TO.fullmatch(part)
        name = _column(to["column"]) if to else None
        if to and name:
            found[name] = printable(to["value"]).rstrip(".").strip("\"'“”")
    return found


def _column(printed: str) -> str | None:
    """The column of the table that an action names."""
    forms = _CHANGED.items()
    return next((name for name, form in forms if re.fullmatch(form, printed, re.IGNORECASE)), None)


def _listed(printed: str | None) -> list[str] | None:
    return _LISTED.split(printed) if printed else None


def _release(row: ListRow, faults: list[str]) -> str | None:
    title = row.carried.get("list_title", "")
    years = _YEAR.findall(title)
    if len(years) != 1:
        faults.append(f"the title of the list, {title!r}, does not name one year")
        return None
    return f"{years[0]}-01"
