"""Made-up rules in the real schema and order, as many as are asked for, the same every time.

A hundred payers, the largest with nine times the rules of the smallest, five lists each; 20,000
codes of the HCPCS form, so that a payer has some five rules for a code. Texts are as long and as
often alike as in real lists; most columns that real lists leave empty are empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.fields import arrow_schema
from schemas.statuses import STATUSES
from schemas.tables import CONDITION_TYPES, LINES_OF_BUSINESS, PRIOR_AUTHORIZATION

PAYERS, LISTS, CODES = 100, 5, 20_000
SCHEMA = arrow_schema(PRIOR_AUTHORIZATION)
_LETTERS = "ABCEGHJKLMPQSTUV"
_LIKELY = {"required": 20.0, "not_required": 8.0, "out_of_scope": 8.0}

Numbers = npt.NDArray[np.int64]


def rules(count: int) -> Iterator[pa.Table]:
    """All rules in the order of the table, a payer at a time."""
    words = Words()
    weights = [20 + 160 * number // (PAYERS - 1) for number in range(PAYERS)]
    sizes = [count * weight // sum(weights) for weight in weights]
    sizes[-1] += count - sum(sizes)
    for number, size in enumerate(sizes):
        yield rules_of(number, size, words)


class Words:
    """The texts that rules are made of; those of a code by the code's number."""

    def __init__(self) -> None:
        chance = np.random.default_rng(7)
        numbers = np.sort(chance.choice(len(_LETTERS) * 10_000, CODES, replace=False))
        self.codes = pa.array([f"{_LETTERS[n // 10_000]}{n % 10_000:04}" for n in numbers])
        letters = "abcdefghijklmnopqrstuvwxyz"
        vocabulary = [
            "".join(letters[n] for n in chance.integers(0, 26, chance.integers(3, 12)))
            for _ in range(3000)
        ]

        def phrase(words: int) -> str:
            return " ".join(vocabulary[n] for n in chance.integers(0, len(vocabulary), words))

        self.descriptions = pa.array(
            [phrase(5 * int(chance.integers(1, 4))).capitalize() for _ in range(CODES)]
        )
        self.categories = pa.array([phrase(3).upper() for _ in range(40)])
        self.notes = pa.array([*(phrase(6).capitalize() for _ in range(60)), None])


def rules_of(number: int, rows: int, words: Words) -> pa.Table:
    """The rules of one payer, in order."""
    chance = np.random.default_rng(1000 + number)
    code = chance.integers(0, CODES, rows)
    which = chance.integers(0, LISTS, rows)
    order = np.lexsort((which, code))
    code, which = code[order], which[order]

    def few(share: float, kinds: int) -> Numbers:
        """Zero for most rows, else a number below `kinds`."""
        return np.where(chance.random(rows) < share, chance.integers(1, kinds, rows), 0)

    def one_of(name: str, values: Sequence[Any], place: Numbers) -> pa.Array[Any]:
        return pa.array(values, SCHEMA.field(name).type).take(pa.array(place))

    def same(name: str, value: Any) -> pa.Array[Any]:
        return pa.repeat(pa.scalar(value, SCHEMA.field(name).type), rows)

    payer = f"payer_{number:03}"
    lists = [f"{payer}_list_{place}" for place in range(LISTS)]
    statuses = list(STATUSES.values())
    likely = np.array([_LIKELY.get(status.name, 1.0) for status in statuses])
    status = chance.choice(len(statuses), rows, p=likely / likely.sum())
    printed = one_of("pa_raw", [s.name.replace("_", " ").title() for s in statuses], status)
    category = words.categories.take(pa.array(code // 500 % 40))
    note = words.notes.take(pa.array(np.where(few(0.1, 2) > 0, chance.integers(0, 60, rows), 60)))
    reviewers = ["CareCore National", "Carelon", "Cohere", None]
    reviewer = one_of("reviewer", reviewers, (code // 100 + number) % 4)
    codes, texts = words.codes.take(pa.array(code)), words.descriptions.take(pa.array(code))
    begins, ends = few(0.2, 2000), few(0.02, 2000)
    conditions = [
        [{"type": kind, "operator": None, "value": None, "unit": None, "raw": kind}]
        for kind in CONDITION_TYPES
    ]
    line = chance.integers(1, 61, rows)
    columns: dict[str, pa.Array[Any]] = {
        "row_key": _keys(chance, rows),
        "row_hash": _keys(chance, rows),
        "payer": same("payer", payer),
        "payer_name": same("payer_name", f"Health Plan {number}"),
        "line_of_business": one_of("line_of_business", LINES_OF_BUSINESS[:LISTS], which),
        "state": one_of("state", [None, None, "TX", "NC", None], which),
        "list_title": one_of("list_title", [f"List {n}" for n in range(LISTS)], which),
        "section": one_of("section", ["Equipment", "Orthotics", "Drugs", "Surgery"], code // 5000),
        "product": same("product", "Durable Medical Equipment"),
        "category": category,
        "category_raw": category,
        "code_system": same("code_system", "HCPCS"),
        "code": codes,
        "code_raw": codes,
        "modifiers": one_of("modifiers", [None, ["RR"], ["NU"], ["KX", "RT"]], few(0.05, 4)),
        "description": texts,
        "description_raw": texts,
        "pa_status": one_of("pa_status", [status.name for status in statuses], status),
        "pa_raw": printed,
        "crd_pa_needed": one_of("crd_pa_needed", [s.crd_pa_needed for s in statuses], status),
        "conditions": one_of("conditions", [None, *conditions], few(0.03, 1 + len(conditions))),
        "reviewer": reviewer,
        "reviewer_raw": reviewer,
        "notes": note,
        "effective_from": _days(date(2020, 1, 1), begins),
        "effective_to": _days(date(2027, 1, 1), ends),
        "effective_basis": one_of("effective_basis", ["none", "stated"], np.minimum(begins, 1)),
        "date_semantics": one_of("date_semantics", ["unknown", "dos"], np.minimum(begins, 1)),
        "description_license": same("description_license", "public"),
        "code_active": pa.array(code % 50 != 0),
        "code_active_on": same("code_active_on", date(2026, 1, 1)),
        "flags": one_of("flags", [None, ["code_ended"], ["note_appended"]], few(0.02, 3)),
        "first_seen": one_of(
            "first_seen",
            [datetime(2024, 1 + n % 12, 1 + n, 6, tzinfo=UTC) for n in range(20)],
            chance.integers(0, 20, rows),
        ),
        "last_seen": same("last_seen", datetime(2026, 11, 22, 6, tzinfo=UTC)),
        "source": one_of("source", lists, which),
        "document": same("document", "prior_authorization_list"),
        "sha256": one_of("sha256", [_sha256(name) for name in lists], which),
        "url": one_of("url", [f"https://lists.example.org/{name}.pdf" for name in lists], which),
        "page": pa.array(code // 40 + 1),
        "line": pa.array(line),
        "raw_text": pc.binary_join_element_wise(
            category, codes, texts, printed, reviewer, note, "\t", null_handling="replace"
        ),
        "bbox": _boxes(line, which < 3),
    }
    return pa.Table.from_arrays(
        [
            columns[name] if name in columns else pa.nulls(rows, SCHEMA.field(name).type)
            for name in SCHEMA.names
        ],
        schema=SCHEMA,
    )


def _keys(chance: np.random.Generator, rows: int) -> pa.Array[Any]:
    """Keys of 24 hexadecimal digits without a pattern."""
    digits = chance.bytes(rows * 12).hex().encode()
    offsets = np.arange(rows + 1, dtype=np.int32) * 24
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(digits))


def _sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _days(first: date, later: Numbers) -> pa.Array[Any]:
    """Days after the first one; none where the number is zero."""
    days = np.datetime64(first) + later
    return pa.array(days, pa.date32(), mask=later == 0)


def _boxes(line: Numbers, has: npt.NDArray[np.bool_]) -> pa.Array[Any]:
    """The box of a printed line, for lists that have any."""
    top = 72.0 + 11.5 * line
    sides = [np.full(len(line), 36.0), top, np.full(len(line), 576.0), top + 11.5]
    offsets = np.concatenate(([0], np.cumsum(has * 4))).astype(np.int32)
    values = pa.array(np.stack(sides, axis=1)[has].ravel())
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~has))
