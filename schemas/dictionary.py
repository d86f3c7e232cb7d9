"""The data dictionary, computed from the tables: docs/data-dictionary.md is what it returns."""

from __future__ import annotations

from schemas.fields import markdown
from schemas.statuses import STATUSES
from schemas.tables import ROW_FLAGS, TABLES

_HEAD = """# Data dictionary

Generated from `schemas/tables.py` by `make docs`; do not edit.

Codes are text. Dates are days, instants are UTC. What is empty is null, never an empty string. A
cleaned value and its printed form (`..._raw`) stand side by side.
"""


def data_dictionary() -> str:
    """Every table with its columns, then the statuses and flags, as Markdown."""
    parts = [_HEAD, *(markdown(table) for table in TABLES.values())]
    statuses = ["## PA statuses", ""]
    statuses += ["| status | CRD `pa-needed` | meaning |", "| --- | --- | --- |"]
    statuses += [
        f"| `{status.name}` | {status.crd_pa_needed or ''} | {status.meaning} |"
        for status in STATUSES.values()
    ]
    flags = ["## Row flags", "", "| flag | meaning |", "| --- | --- |"]
    flags += [f"| `{name}` | {meaning} |" for name, meaning in ROW_FLAGS.items()]
    return "\n".join([*parts, *statuses, "", *flags]) + "\n"
