"""The lists of a release as FHIR R4 value sets: one for each payer, list, status and scope.

What membership in a set means is carried by an extension of our own, `pa-needed`, whose Coding is
of the code system that HL7 Da Vinci CRD 2.2.1 binds `pa-needed` to. CRD's own extension,
coverage-information, is an answer about one order of one patient and stands on orders; a list
answers for nobody, so that extension is not used. Statuses that CRD has no code for have no such
extension.

Rules with a state, modifiers, dates or conditions are in sets of their own, each with the modifier
extension `scope`: a program that does not know it must not use the set. A state is its
jurisdiction too, dates are HL7's resource-effectivePeriod, the line of business is a use context.

Resources are built and validated by the R4B models of fhir.resources: in ValueSet and the types it
uses here R4B (4.3.0) has the elements of R4 (4.0.1), and no other version's are used. No display
is given: descriptions of CPT and CDT are licensed, and those of HCPCS are in the table codes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fhir.resources.R4B.valueset import ValueSet

from flows.answers.payer_lists import Version, gap, read_versions
from flows.export.place import placed_folder
from flows.export.selection import ExportError, Selection
from flows.export.value_sets import CDT, CPT, CodeSet, Scope, code_sets
from flows.files import dump_json
from flows.releases import PARQUET, intact, opened
from flows.table_text import one_line
from schemas.codes import shortened
from schemas.statuses import STATUSES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# An address that leads nowhere by RFC 2606, since the project has no domain.
CANONICAL = "https://precert.invalid/fhir"
CRD_CODES = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/coverage-information-codes"
CRD_VERSION = "2.2.1"
EFFECTIVE = "http://hl7.org/fhir/StructureDefinition/resource-effectivePeriod"
_USAGE = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_COUNTRY = "urn:iso:std:iso:3166"
_SUBDIVISION = "urn:iso:std:iso:3166:-2"
INDEX, ALL_SETS, LEFT_OUT = "index.json", "ValueSet.ndjson", "not-included.ndjson"
# Of codes and reasons a description names so many; the index and the extensions have all.
_NAMED = 20
_LONGEST_ID = 64
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.]+")
_URL = re.compile(r"https?://[^\s/?#]+[^\s?#]*")

_LISTS = f"""
SELECT payer, max(payer_name), source, document FROM {PARQUET}
GROUP BY payer, source, document ORDER BY ALL
"""
_RULES = (
    "pa_status",
    "line_of_business",
    "state",
    "modifiers",
    "effective_from::VARCHAR AS effective_from",
    "effective_to::VARCHAR AS effective_to",
    "date_semantics",
    "conditions",
    "notes",
    "flags",
    "code_system",
    "code",
    "code_end",
    "code_pattern",
    "code_members",
    "page",
    "line",
    "row_key",
)
_RULES_SQL = f"""
SELECT {", ".join(_RULES)}
FROM {PARQUET}
WHERE payer = $payer AND source = $source AND document = $document
ORDER BY code, code_end, page, line, row_key
"""
_COPYRIGHTS = {
    CPT: "CPT is a code set of the American Medical Association, whose licence its use needs; this "
    "set has codes without descriptions.",
    CDT: "CDT is a code set of the American Dental Association, whose licence its use needs; this "
    "set has codes without descriptions.",
}
_PURPOSE = (
    "To look up what a payer's list says about a code. A list speaks for nobody's coverage: rules "
    "of a plan, a provider or a member may differ."
)
_ABSENCE = (
    "A code that is in no value set of this list is not listed, which is not the same as 'no "
    "authorization needed'."
)
_OPEN_ABSENCE = (
    "A code that is in no value set of this list may be listed all the same: {why}. `precert "
    "lookup` says what is known of a code."
)
_QUARANTINED = f"""
SELECT count(*) FROM {PARQUET}
WHERE source = $source AND document = $document AND sha256 = $sha256
"""


@dataclass(frozen=True, slots=True)
class _List:
    """One list of one payer in a release, and the version of it whose rules are published."""

    payer: str
    payer_name: str
    source: str
    document: str
    version: Version | None
    # Of its printed lines, how many are in quarantine; of its codes, how many are in no value set.
    quarantined: int = 0
    left_out: int = 0

    @property
    def title(self) -> str:
        return one_line(self.version.title if self.version else self.document)


def export_fhir(
    selection: Selection, out: Path, canonical: str = CANONICAL, *, force: bool = False
) -> tuple[dict[str, int], list[str]]:
    """Write the value sets into the folder `out`; how many of what, and remarks for the reader.

    The folder has a file for each set, all of them once more in `ValueSet.ndjson`, what is in none
    in `not-included.ndjson`, and `index.json`. The same release gives the same bytes. One list is
    in memory at a time. Raises `ExportError` where something is there already.
    """
    if not _URL.fullmatch(canonical):
        raise ExportError(
            f"{canonical!r} is no address for value sets: give one like https://example.org/fhir"
        )
    base = canonical.rstrip("/")
    index: list[dict[str, Any]] = []
    left_out = rules = 0
    with placed_folder(out, force=force) as folder, opened() as connection:
        versions = read_versions(connection, selection.release)
        sets_file = (folder / ALL_SETS).open("w", encoding="utf-8", newline="\n")
        left_file = (folder / LEFT_OUT).open("w", encoding="utf-8", newline="\n")
        with sets_file, left_file:
            for one, found in _read(connection, selection, versions):
                rules += len(found)
                sets = code_sets(found)
                of_all = replace(one, left_out=sum(len(codes.left_out) for codes in sets))
                for codes in sets:
                    entry = _write(folder, sets_file, selection, base, of_all, codes)
                    index.append(entry)
                    left_out += _name_left_out(left_file, entry, codes)
        _check(selection, rules)
        said = _index(selection, base, index, versions)
        (folder / INDEX).write_bytes(dump_json(said))
    written = {"ValueSet": len(index), "codes": sum(entry["codes"] for entry in index)}
    return {**written, "rules": rules, "not included": left_out}, _remarks(index, left_out)


def _check(selection: Selection, rules: int) -> None:
    published = selection.release.rows("prior_authorization")
    if not selection.payers and rules != published:
        raise ExportError(
            f"the lists gave {rules:,} rules where the manifest says {published}: run `precert "
            "releases verify`"
        )


def _read(
    connection: DuckDBPyConnection, selection: Selection, versions: list[Version]
) -> Iterator[tuple[_List, list[dict[str, Any]]]]:
    """Each list with its rules, by payer and list."""
    path = intact(selection.release, "prior_authorization")
    published = {version.publication: version for version in versions if version.is_published}
    for payer, name, source, document in connection.execute(_LISTS, {"path": path}).fetchall():
        if selection.payers and payer not in selection.payers:
            continue
        version = published.get((source, document))
        held_back = _quarantined(connection, selection, version)
        one = _List(payer, one_line(name), source, document, version, held_back)
        asked = {"path": path, "payer": payer, "source": source, "document": document}
        rows = connection.execute(_RULES_SQL, asked)
        names = [column[0] for column in rows.description or ()]
        yield one, [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def _quarantined(
    connection: DuckDBPyConnection, selection: Selection, version: Version | None
) -> int:
    """The lines in quarantine of a version, by its own count or by the table, whichever is more."""
    if version is None:
        return 0
    asked = {"path": intact(selection.release, "quarantine"), "sha256": version.sha256}
    asked |= {"source": version.source, "document": version.document}
    found = connection.execute(_QUARANTINED, asked).fetchone()
    return max(version.quarantined, found[0] if found else 0)


def _write(
    folder: Path,
    sets_file: IO[str],
    selection: Selection,
    base: str,
    one: _List,
    codes: CodeSet,
) -> dict[str, Any]:
    """Writes one value set, once it is valid; what the index says of it."""
    resource = _resource(selection, base, one, codes)
    text = ValueSet.model_validate(resource).model_dump_json() + "\n"
    name = f"ValueSet-{resource['id']}.json"
    (folder / name).write_text(text, encoding="utf-8", newline="\n")
    sets_file.write(text)
    return {
        "file": name,
        "url": resource["url"],
        "payer": one.payer,
        "source": one.source,
        "document": one.document,
        "line_of_business": codes.line_of_business,
        "pa_status": codes.status,
        "crd_pa_needed": STATUSES[codes.status].crd_pa_needed,
        "scope": str(codes.scope),
        "status": resource["status"],
        "codes": codes.size,
        "not_included": len(codes.left_out),
        "also_in_other_sets": codes.elsewhere,
    }


def _name_left_out(file: IO[str], entry: dict[str, Any], codes: CodeSet) -> int:
    for item in codes.left_out:
        said = {
            "url": entry["url"],
            "source": entry["source"],
            "document": entry["document"],
            "pa_status": codes.status,
            "code": item.code,
            "why": item.why,
            "page": item.page,
            "line": item.line,
            "row_key": item.row_key,
        }
        file.write(json.dumps(said, ensure_ascii=False) + "\n")
    return len(codes.left_out)


def _index(
    selection: Selection, base: str, sets: list[dict[str, Any]], versions: list[Version]
) -> dict[str, Any]:
    there = {(entry["source"], entry["document"]) for entry in sets}
    return {
        "release": selection.release.id,
        "created_at": selection.release.said["created_at"],
        "canonical": base,
        "fhir_version": "4.0.1",
        "rows": selection.whose,
        "sets": sets,
        "lists_without_sets": [
            {
                "payer": version.payer,
                "source": version.source,
                "document": version.document,
                "status": version.status,
                "why": gap(version) if not version.is_whole else "it has no rule",
            }
            for version in versions
            if version.kind == "pa_list"
            and version.publication not in there
            and (not selection.payers or version.payer in selection.payers)
        ],
    }


def _remarks(sets: list[dict[str, Any]], left_out: int) -> list[str]:
    remarks = []
    scoped = sum(1 for entry in sets if entry["scope"])
    if scoped:
        remarks.append(
            f"{scoped} value sets hold only with a state, modifiers, dates or conditions, as their "
            "modifier extension says"
        )
    if left_out:
        remarks.append(f"{left_out} printed codes or ranges are in no value set: see {LEFT_OUT}")
    return remarks


def _resource(selection: Selection, base: str, one: _List, codes: CodeSet) -> dict[str, Any]:
    """One value set as FHIR JSON."""
    identifier = _id(one, codes)
    resource: dict[str, Any] = {
        "resourceType": "ValueSet",
        "id": identifier,
        "extension": _extensions(base, one, codes),
        "url": f"{base}/ValueSet/{identifier}",
        "version": selection.release.id,
        "name": "PA_" + re.sub(r"[^A-Za-z0-9]", "_", identifier),
        "title": _title(one, codes),
        "status": _publication_status(one),
        "experimental": bool(one.version and one.version.is_specimen),
        "date": selection.release.created_at.isoformat(timespec="seconds"),
        "publisher": f"precert, from a publication of {_publisher(one)}",
        "description": _description(one, codes),
        "useContext": [_line_of_business(codes.line_of_business)],
        "jurisdiction": [_jurisdiction(codes.scope.state)],
        "purpose": _PURPOSE,
    }
    if not codes.scope.is_plain:
        resource["modifierExtension"] = [_scope(base, codes.scope)]
    rights = [_COPYRIGHTS[address] for address in sorted(codes.codes) if address in _COPYRIGHTS]
    if rights:
        resource["copyright"] = " ".join(rights)
    if codes.codes:
        resource["compose"] = {
            # A list may name codes that have ended: they belong to the set.
            "inactive": True,
            "include": [_include(base, address, codes) for address in sorted(codes.codes)],
        }
    return resource


def _include(base: str, address: str, codes: CodeSet) -> dict[str, Any]:
    return {
        "system": address,
        "concept": [
            {
                "extension": [
                    {"url": _own(base, "printed-at"), "valueString": one_line(mention)}
                    for mention in mentions
                ],
                "code": code,
            }
            for code, mentions in sorted(codes.codes[address].items())
        ],
    }


def _extensions(base: str, one: _List, codes: CodeSet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"url": _own(base, "pa-status"), "valueCode": codes.status},
    ]
    crd = STATUSES[codes.status].crd_pa_needed
    if crd:
        coding = {"system": CRD_CODES, "version": CRD_VERSION, "code": crd}
        found.insert(0, {"url": _own(base, "pa-needed"), "valueCoding": coding})
    if one.version and one.version.sha256:
        found.append({"url": _own(base, "snapshot-sha256"), "valueString": one.version.sha256})
    if codes.scope.starts or codes.scope.ends:
        period = {"start": codes.scope.starts, "end": codes.scope.last_day}
        said = {name: day for name, day in period.items() if day}
        found.append({"url": EFFECTIVE, "valuePeriod": said})
    found += [
        {"url": _own(base, "not-included"), "valueString": one_line(item)}
        for item in codes.left_out
    ]
    return found


def _scope(base: str, scope: Scope) -> dict[str, Any]:
    """What a program must know to use the set, in parts and in words."""
    parts: list[dict[str, Any]] = [{"url": "text", "valueString": str(scope)}]
    parts += [{"url": "modifier", "valueCode": modifier} for modifier in scope.modifiers]
    if scope.state:
        parts.append({"url": "state", "valueCode": scope.state})
    if scope.starts:
        parts.append({"url": "effectiveFrom", "valueDate": scope.starts})
    if scope.ends:
        parts.append({"url": "effectiveTo", "valueDate": scope.ends})
    if scope.dates_are:
        parts.append({"url": "dateSemantics", "valueCode": scope.dates_are})
    if scope.has_conditions:
        parts.append({"url": "hasConditions", "valueBoolean": True})
    return {"url": _own(base, "scope"), "extension": parts}


def _own(base: str, name: str) -> str:
    return f"{base}/StructureDefinition/{name}"


def _id(one: _List, codes: CodeSet) -> str:
    """An id that is the same in every release: readable, and told apart by a hash."""
    whole = (one.payer, one.source, one.document, codes.status, codes.line_of_business)
    scope = codes.scope
    told = json.dumps(
        [
            *whole,
            scope.state,
            scope.modifiers,
            scope.starts,
            scope.ends,
            scope.dates_are,
            scope.has_conditions,
        ]
    )
    tail = hashlib.sha256(told.encode()).hexdigest()[:12]
    words = _NOT_IN_AN_ID.sub("-", "-".join((one.source, one.document, codes.status)))
    return f"{words[: _LONGEST_ID - len(tail) - 1].rstrip('-')}-{tail}"


def _title(one: _List, codes: CodeSet) -> str:
    scope = f", {codes.scope}" if not codes.scope.is_plain else ""
    return f"{one.payer_name}: {codes.status} on {one.title} ({codes.line_of_business}){scope}"


def _publisher(one: _List) -> str:
    return one_line(one.version.publisher) if one.version else one.payer_name


def _publication_status(one: _List) -> str:
    """Active for the newest version of a publication; a draft where a newer one is held."""
    version = one.version
    is_newest = version is not None and version.status == "current" and not version.is_specimen
    return "active" if is_newest else "draft"


def _description(one: _List, codes: CodeSet) -> str:
    """What it means to be in the set, and what it does not mean."""
    status = STATUSES[codes.status]
    whose = f"{one.payer_name} says {codes.status} on its list {one.title!r}"
    sentences = [f"The codes of which {whose} ({codes.line_of_business}): {status.meaning}."]
    if status.crd_pa_needed is None:
        sentences.append("HL7 CRD has no pa-needed code for this.")
    if not codes.scope.is_plain:
        sentences.append(f"This holds {codes.scope}.")
    version = one.version
    if version:
        sentences += _state(version)
    if one.quarantined:
        sentences.append(
            f"{one.quarantined} of its lines could not be published and are in no value set."
        )
    sentences.append(_absence(one))
    if codes.left_out:
        sentences.append(f"Not included: {_some([one_line(item) for item in codes.left_out])}.")
    if codes.elsewhere:
        sentences.append(
            "The list has some of these codes with another status or scope too, in other value "
            f"sets: {_some(codes.elsewhere)}."
        )
    return " ".join(sentences)


def _state(version: Version) -> Iterator[str]:
    read = f"Read on {version.read_on or 'an unknown day'}"
    yield f"{read}, SHA-256 {version.sha256}." if version.sha256 else f"{read}."
    if version.is_specimen:
        yield "It is a specimen in our own words, not the publication itself."
    if version.status == "stale":
        yield "A newer version of the list is held back; these are the rules of the one before."
    if version.is_truncated is not False:
        yield "The list ends in the middle, or is not known to have been read to its end."


def _absence(one: _List) -> str:
    """What it means that a code is in no value set of the list, as far as it was read and told."""
    reasons = []
    if one.version is None or not one.version.is_whole:
        reasons.append("the list is not known to have been read to its end")
    if one.quarantined:
        reasons.append("lines of it are in quarantine (precert export csv, quarantine.csv)")
    if one.left_out:
        reasons.append(f"codes or ranges of it are in no value set ({LEFT_OUT})")
    return _OPEN_ABSENCE.format(why="; ".join(reasons)) if reasons else _ABSENCE


def _some(items: list[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return "; ".join(shortened(item, 200) for item in items[:_NAMED]) + more


def _line_of_business(name: str) -> dict[str, Any]:
    return {
        "code": {"system": _USAGE, "code": "program"},
        "valueCodeableConcept": {"text": name},
    }


def _jurisdiction(state: str) -> dict[str, Any]:
    system, code = (_SUBDIVISION, f"US-{state}") if state else (_COUNTRY, "US")
    return {"coding": [{"system": system, "code": code}]}
