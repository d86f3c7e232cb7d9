"""The prior-authorization statuses, what each one means, and its HL7 code.

The HL7 codes are those of `pa-needed` in the Da Vinci CRD 2.2.1 coverage-information extension.
How a payer prints a status is not known here: that is in the payer's source file.
"""

from __future__ import annotations

from typing import NamedTuple


# A named tuple, since a lookup has no time for the library of dataclasses.
class Status(NamedTuple):
    """One PA status: what it tells a reader, and the CRD `pa-needed` code (None: HL7 has none)."""

    name: str
    crd_pa_needed: str | None
    meaning: str


STATUSES: dict[str, Status] = {
    status.name: status
    for status in (
        Status("required", "auth-needed", "the list demands prior authorization"),
        Status(
            "required_performer",
            "performpa",
            "prior authorization is needed and the performing supplier must start it",
        ),
        Status("not_required", "no-auth", "the list says that none is needed"),
        Status("conditional", "conditional", "it depends on the conditions beside it"),
        Status("notification", None, "the payer wants a notice and approves or denies nothing"),
        Status(
            "out_of_scope",
            None,
            "the list's reviewer does not manage the code, which says nothing about PA elsewhere",
        ),
        Status("not_covered", None, "the payer does not cover the code"),
        Status("voluntary", None, "the provider may ask for a decision in advance"),
        Status("suspended", "no-auth", "a requirement is suspended; no-auth while that lasts"),
        Status("unknown", "indeterminate", "the list itself leaves it open"),
    )
}


def crd_code(pa_status: str | None) -> str | None:
    """The CRD `pa-needed` code of a status; None for None and where HL7 has no code."""
    if pa_status is None:
        return None
    return STATUSES[pa_status].crd_pa_needed
