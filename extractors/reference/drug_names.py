"""The names of a table of drugs, each with the code it is billed with or the name it refers to.

Reads rows of `table_rows` that were accepted. Names are as printed: that "Amphocin" and
"Amphotericin B" are one drug is what the table says with "see", and no more is known here.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from extractors.lists.amounts import labels_named
from extractors.lists.references import split_reference
from extractors.reference.hashes import Values, with_hashes
from schemas.codes import printable
from schemas.fields import ARROW_TYPES
from schemas.source import TableRules
from schemas.tables import DRUG_NAMES

_COLUMNS = ("dosage", "route")


def names_drugs(rules: TableRules) -> bool:
    """Whether the tables of a source say in what dosage and by what route drugs are billed."""
    return set(_COLUMNS) <= rules.columns.keys()


def drug_names(rows: pa.Table, rules: TableRules) -> pa.Table:
    """One row of `drug_names` for each accepted row of `table_rows` that names a drug, in order.

    A name printed once above several dosages is the name of each. A row without a name is left
    out: its code is in `table_rows`.
    """
    found = rows.filter(rows["description"].is_valid())
    described: Values = found["description"]
    split = [split_reference(text) for text in described.to_pylist()]
    columns: dict[str, Values] = {
        "name": pa.array([name for name, _ in split], pa.string()),
        "see": pa.array([see for _, see in split], pa.string()),
    }
    printed = found.select(["code_raw", "cells", "raw_text"]).to_pylist()
    labels = {cell["column"] for row in printed for cell in row["cells"] or ()}
    for name in _COLUMNS:
        chosen = labels_named(labels, rules, name)
        columns[name] = pa.array([_cell(row, chosen) for row in printed], pa.string())
    made = {*columns, "row_key", "row_hash"}
    kept = [field for field in DRUG_NAMES if field.name not in made]
    columns |= {field.name: found[field.name].cast(ARROW_TYPES[field.kind]) for field in kept}
    return with_hashes(DRUG_NAMES, pa.table(columns))


def _cell(row: dict[str, Any], labels: frozenset[str]) -> str | None:
    """What a row prints under some labels for its own code.

    Where a cell has as many lines as the cell of codes, each line is of the code beside it.
    """
    value = next((cell["value"] for cell in row["cells"] or () if cell["column"] in labels), None)
    printed = [
        [printable(line) for line in cell.split("\n")] for cell in row["raw_text"].split("\t")
    ]
    codes = next((lines for lines in printed if row["code_raw"] in lines), [])
    for lines in printed:
        if value is not None and len(lines) == len(codes) and " ".join(lines) == printable(value):
            return lines[codes.index(row["code_raw"])]
    return value
