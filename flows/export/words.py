"""What a reader of an export must know and the rows do not say: answers, statuses, columns.

Only words; the columns and statuses are those of schemas/.
"""

from __future__ import annotations

from collections.abc import Iterator

from flows.export.selection import Selection
from schemas.fields import ARROW_TYPES, Field
from schemas.statuses import STATUSES
from schemas.tables import ROW_FLAGS, TABLES

ANSWERS = (
    (
        "not required",
        "a row says so: its pa_status is not_required",
    ),
    (
        "not listed",
        "no row has the code, and the list was read whole: not the same as no authorization needed",
    ),
    (
        "not ingested",
        (
            "no row has the code, and the list was never retrieved, is held and no version of it "
            "is published, ends in the middle or has rows in quarantine: nothing is known; see "
            "documents and quarantine"
        ),
    ),
)


def about(selection: Selection) -> Iterator[tuple[str, str]]:
    """Label and text, line by line: which release, whose rows, and how to read their absence."""
    release = selection.release
    yield "release", release.id
    yield "created", f"{release.created_at:%Y-%m-%d %H:%M} UTC"
    yield "previous release", release.previous or "none"
    yield "rows", selection.whose
    yield "", ""
    yield "A code has one of three answers, which never mean the same:", ""
    yield from ANSWERS
    yield "", ""
    yield "What pa_status means, and the HL7 CRD pa-needed code where HL7 has one:", ""
    for status in STATUSES.values():
        code = f" ({status.crd_pa_needed})" if status.crd_pa_needed else ""
        yield status.name, status.meaning + code
    yield "", ""
    yield "Rules of a range of codes have code_end, of a code with modifiers modifiers.", ""
    yield "effective_to is the first day on which a rule no longer holds.", ""
    yield "source, document, sha256, page, line and raw_text are the printed place of a row.", ""


def dictionary(tables: tuple[str, ...]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Table, column, type, whether it may be empty, meaning and allowed values of each column."""
    for table in tables:
        for field in TABLES[table]:
            yield (
                table,
                field.name,
                str(ARROW_TYPES[field.kind]),
                "no" if field.required else "yes",
                field.meaning,
                _allowed(field),
            )


def _allowed(field: Field) -> str:
    if field.name == "flags":
        return "\n".join(f"{name}: {meaning}" for name, meaning in ROW_FLAGS.items())
    return "; ".join(field.allowed)
