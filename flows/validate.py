"""The two gates: which rows of a document go to quarantine, and whether it may be published.

Works on parts. A verdict is cached beside its part under a name that holds all it depends on:
the part, the last good version it was compared with, and this code. Great Expectations is
imported only where a verdict has to be made.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from flows import expectations, facts
from flows.expectations import ROW, Failure, GateBroken
from flows.facts import Measured, measure
from flows.files import dump_json, flush_tree, is_json, load_json
from flows.parts import Part, code_of
from schemas.fields import PatternBy, Table
from schemas.source import Source
from schemas.suites import (
    COMPARISONS,
    LIST_SEPARATOR,
    Check,
    Facts,
    document_checks,
    paired,
    row_checks,
)
from schemas.tables import DOCUMENT_TABLES, TABLES

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gates said of a part.

    `failed` maps table and row to the expectations that the row failed, each with its reason.
    """

    part: Part
    folder: Path
    accepted: bool
    held_reason: str | None
    failed: dict[str, dict[int, list[tuple[str, str]]]]

    @property
    def name(self) -> str:
        return self.folder.name

    def accepted_rows(self, table: Table, columns: Sequence[str] | None = None) -> pa.Table:
        """The candidate rows of one table that passed the row gate, in some columns or all."""
        rows = self.part.table(table, columns)
        failed = self.failed.get(table.name)
        if not failed:
            return rows
        return rows.filter(pa.array([number not in failed for number in range(rows.num_rows)]))

    def count(self, table: Table) -> int:
        """How many rows of one table passed the row gate."""
        return self.part.count(table) - len(self.failed.get(table.name, ()))

    def failed_rows(self, table: Table) -> pa.Table:
        """The candidate rows of one table that did not, in the order of `failed`."""
        return _take(self.part.table(table), list(self.failed.get(table.name, {})))

    def rejections(self) -> Iterator[dict[str, Any]]:
        """Every row that did not pass, as read, with its `table`, `reasons` and `expectations`."""
        for name, failed in self.failed.items():
            rows = self.failed_rows(TABLES[name]).to_pylist()
            for row, why in zip(rows, failed.values(), strict=True):
                yield row | {
                    "table": name,
                    "cells": row["printed"],
                    "reasons": list(dict.fromkeys(reason for _, reason in why)),
                    "expectations": list(dict.fromkeys(expectation for expectation, _ in why)),
                }


def _take(rows: pa.Table, numbers: list[int]) -> pa.Table:
    return rows.take(pa.array(numbers, pa.int64()))


@cache
def _gate_code() -> str:
    libraries = [f"{name}={importlib.metadata.version(name)}" for name in ("great_expectations",)]
    here = [code_of(Path(module)) for module in (__file__, expectations.__file__, facts.__file__)]
    return "\n".join([*here, *libraries])


def verdict_folder(part: Part, last_good: Verdict | None) -> Path:
    """Where the verdict on a part is, or will be."""
    depends = "\n".join([part.name, last_good.name if last_good else "", _gate_code()])
    key = hashlib.sha256(depends.encode()).hexdigest()[:16]
    return part.folder.with_name(f"{part.name}.{key}")


def is_judged(part: Part, last_good: Verdict | None) -> bool:
    """Whether a part is there, and the verdict on it too."""
    verdict = verdict_folder(part, last_good) / "verdict.json"
    return is_json(part.folder / "outline.json") and is_json(verdict)


def judge(part: Part, source: Source, last_good: Verdict | None) -> Verdict:
    """The verdict on a part, from the cache or made now.

    A gate that breaks (an expectation raises or gives no whole answer) holds the document and is
    not cached.
    """
    folder = verdict_folder(part, last_good)
    if not is_json(folder / "verdict.json"):
        try:
            _make(folder, part, source, last_good)
        except GateBroken as error:
            reason = f"the validation itself failed: {error}"
            return Verdict(part, folder, False, reason, {})
    said = load_json(folder / "verdict.json")
    return Verdict(
        part=part,
        folder=folder,
        accepted=said["accepted"],
        held_reason=said["held_reason"],
        failed={
            table: {
                int(row): [(name, why) for name, why in reasons] for row, reasons in rows.items()
            }
            for table, rows in said["failed"].items()
        },
    )


def _make(folder: Path, part: Part, source: Source, last_good: Verdict | None) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".verdict-", dir=folder.parent))
    try:
        failed, pages = _row_gate(part)
        for name, page in pages.items():
            (aside / f"{name}.html").write_text(page, encoding="utf-8")
        verdict = Verdict(part, folder, True, None, failed)
        main = TABLES[source.main_table]
        is_accepted = part.snapshot.sha256 in source.expect.accepted_versions
        measured = measure(
            source,
            part.outline(),
            candidates=part.table(main).num_rows,
            rows=verdict.accepted_rows(main),
            before=None if last_good is None or is_accepted else last_good.accepted_rows(main),
            reasons=[why for rows in failed.values() for all_ in rows.values() for _, why in all_],
        )
        report = expectations.run_checks(
            f"{source.source}.document",
            _frame_of_facts(measured.facts),
            document_checks(source.expect),
        )
        (aside / "document.html").write_text(report.page, encoding="utf-8")
        said = {
            "accepted": not report.failures,
            "held_reason": _held_reason(report.failures, measured, part) or None,
            "facts": asdict(measured.facts),
            "failed": failed,
        }
        (aside / "verdict.json").write_bytes(dump_json(said))
        flush_tree(aside)
        aside.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _row_gate(part: Part) -> tuple[dict[str, dict[int, list[tuple[str, str]]]], dict[str, str]]:
    failed: dict[str, dict[int, list[tuple[str, str]]]] = {}
    pages = {}
    for table in DOCUMENT_TABLES:
        rows = part.table(table)
        if not rows.num_rows:
            continue
        source = part.snapshot.source
        report = expectations.run_checks(
            f"{source}.{table.name}", projection(rows, table), row_checks(table)
        )
        pages[table.name] = report.page
        found = _reasons(report.failures, rows)
        if found:
            failed[table.name] = found
    return failed, pages


def _reasons(failures: Iterable[Failure], rows: pa.Table) -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for failure in failures:
        for number in failure.rows:
            found[number] += _words(failure.check, rows, number)
    return dict(sorted(found.items()))


def _words(check: Check, rows: pa.Table, number: int) -> list[tuple[str, str]]:
    if check.arguments.get("column") == "faults":
        return [(check.expectation, fault) for fault in rows["faults"][number].as_py()]
    return [(check.expectation, check.reason)]


def projection(rows: pa.Table, table: Table) -> pd.DataFrame:
    """Rows as text, for the row gate: dates in ISO form, lists joined, and the column `row`.

    Text only, so that no library can turn a code into a number on the way; and only the columns
    that the gate looks at.
    """
    import pandas as pd  # noqa: PLC0415

    wanted = {name for check in row_checks(table) for name in check.columns}
    pairs = [rule for rule in table.rules if isinstance(rule, PatternBy)]
    wanted |= {name for rule in pairs for name in (rule.by, rule.column)}
    columns: dict[str, Any] = {ROW: range(rows.num_rows)}
    for field in rows.schema:
        if field.name in wanted:
            columns[field.name] = _as_text(rows[field.name], field.type)
    for rule in pairs:
        both = zip(columns[rule.by], columns[rule.column], strict=True)
        columns[paired(rule)] = [None if None in pair else " ".join(pair) for pair in both]
    return pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})


def _as_text(column: pa.ChunkedArray[Any], kind: pa.DataType) -> list[str | None]:
    if pa.types.is_string(kind):
        return column.to_pylist()
    if pa.types.is_list(kind):
        return [_joined(value) for value in column.to_pylist()]
    return pc.cast(column, pa.string()).to_pylist()


def _joined(values: list[Any] | None) -> str | None:
    if not values:
        return None
    return LIST_SEPARATOR.join(str(v["type"] if isinstance(v, dict) else v) for v in values)


def _frame_of_facts(facts: Facts) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    values = {name: [value] for name, value in asdict(facts).items()}
    return pd.DataFrame({ROW: [0]} | values).astype(dict.fromkeys(values, float))


def _held_reason(failures: Sequence[Failure], measured: Measured, part: Part) -> str:
    words = []
    steps = []
    for failure in failures:
        fact = failure.check.arguments["column"]
        words.append(f"{failure.check.reason} ({_shown(getattr(measured.facts, fact))})")
        words += measured.evidence.get(fact, ())[:3]
        if fact == "rows":
            steps.append("change expect.rows of its source")
        elif fact in COMPARISONS:
            steps.append(f"add {part.snapshot.sha256} to expect.accepted_versions of its source")
    if steps:
        steps = list(dict.fromkeys(steps))
        words.append(f"if the publication did change that much, {' and '.join(steps)}")
    return "; ".join(dict.fromkeys(words))


def _shown(value: float) -> str:
    return f"{value:.1%}" if isinstance(value, float) else str(value)
