"""A small curated and raw store, made by hand: four payers, two bulletins, two releases.

The second release has a history. Acme's list was another one twice before: at first A4253 was
required and E0748 listed, then E0260-RR was missing, and now E0470 is there too. Cobalt's list was
whole once, and named E0424. Borealis' newest version is held.

    acme      a text list read whole, in two sections, with one row held back; no other list
    borealis  a PDF list whose newest version is held, and an exchange list never retrieved
    cobalt    a list that ends in the middle
    dune      a list never retrieved
    pdac      an HTML specimen of a bulletin with a dated duty (no payer); acme's own bulletin
              with another

The codes, notes and words are of the kinds that real lists print; every payer is invented. The
snapshots hold the very lines that the rows name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from reportlab.pdfgen.canvas import Canvas

from schemas.fields import Table, arrow_schema
from schemas.provenance import digest
from schemas.statuses import crd_code
from schemas.tables import TABLES

FIRST, SECOND = "000001-0a0a0a0a", "000002-0b0b0b0b"
FIRST_MADE = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
SECOND_MADE = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
RETRIEVED = datetime(2026, 10, 30, 5, 0, tzinfo=UTC)
HELD_SINCE = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
# The looks that found the versions before those of `RETRIEVED`.
ACME_FIRST = datetime(2026, 9, 1, 5, 0, tzinfo=UTC)
ACME_SECOND = datetime(2026, 10, 5, 5, 0, tzinfo=UTC)
COBALT_FIRST = datetime(2026, 10, 10, 5, 0, tzinfo=UTC)
# The snapshots of these versions, which are not kept in the raw store.
ACME_FIRST_SHA256, ACME_SECOND_SHA256, COBALT_FIRST_SHA256 = "1" * 64, "2" * 64, "c" * 64
HELD_REASON = "61 rows where the version before has 400; look at the file and widen expect.rows"

ACME_LIST = """\
Acme Health
Prior Authorization List: Durable Medical Equipment

Category\tCode\tDescription\tPrior Authorization Required?\tReviewer\tNote
SLEEP\tE0601\tContinuous positive airway pressure device\tYes\tSleepCo\t
SLEEP\tE0470\tRespiratory assist device\tOut Of Scope\tSleepCo\tPart of sleep DME
WHEELCHAIRS\tK0848\tPower wheelchair, group 3 standard\tYes\tCareCore National\tPurchase only
GLUCOSE\tA4253\tBlood glucose test strips, per 50\tNo\tCareCore National\t
SYRINGES\tA4206-A4210\tSyringes and needles\tYes\tCareCore National\t
BEDS\tE0260-RR\tHospital bed, semi-electric\tYes\tCareCore National\t
VESTS\tE0483\tHigh frequency chest wall oscillation\tAsk us\tCareCore National\t
Orthotics
Category\tCode\tDescription\tPrior Authorization Required?\tReviewer\tNote
SPINE\tL0648\tLumbar orthosis, effective 8/12/2024\tYes\t\t
KNEE\tL1833\tKnee orthosis, until 8/12/2024\tYes\t\t
SLEEP\tE0601\tCpap device\tYes\t\tsee also page 1
"""
COBALT_LIST = """\
| Code | PA |
|---|---|
| E0601 | Yes |
| E04
"""
BULLETIN = """\
<html><body>
<h1>Powered exoskeletons</h1>
<p>Suppliers must have the product verified before billing K1007
for dates of service on or after April 1, 2024.</p>
<p>Ask the contractor.</p>
<h2>Publication History</h2>
<p>Last Updated April 2, 2024</p>
</body></html>
"""
ACME_BULLETIN = """\
# Sleep bulletin

Claims for E0601 need a written order from 2025-01-01 on.
"""
BOREALIS_ROW = "A4253   Blood glucose test strips   Yes"
BOREALIS_BOX = (72.0, 82.0, 300.0, 96.0)


@dataclass(frozen=True, slots=True)
class Store:
    """The folders of the store, and the snapshots in it by source."""

    raw: Path
    curated: Path
    sha256: dict[str, str]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def options(self) -> list[str]:
        """The options that make the command line use this store."""
        return ["--raw", str(self.raw), "--curated", str(self.curated)]

    def key(self, table: str, code: str, nth: int = 0) -> str:
        """The row key of the nth row about a code in the second release."""
        found = [row["row_key"] for row in self.rows[table] if row["code"] == code]
        return str(found[nth])


def build_store(folder: Path) -> Store:
    """The store in `folder`, with both releases; the second one is the latest."""
    store = Store(folder / "raw", folder / "curated", {})
    _put(store, "acme_dme", "txt", ACME_LIST.encode())
    _put(store, "cobalt_dme", "txt", COBALT_LIST.encode())
    _put(store, "pdac_k1007", "html", BULLETIN.encode())
    _put(store, "acme_bulletin", "txt", ACME_BULLETIN.encode())
    _put(store, "borealis_medicaid", "pdf", _pdf(folder / "borealis.pdf"))
    write_release(store, FIRST, 1, None, FIRST_MADE, _first_tables(store))
    store.rows.update(_tables(store))
    write_release(store, SECOND, 2, FIRST, SECOND_MADE, store.rows)
    return store


def write_release(
    store: Store,
    name: str,
    sequence: int,
    previous: str | None,
    created_at: datetime,
    tables: dict[str, list[dict[str, Any]]],
    *,
    only: bool = False,
) -> None:
    """Write a release and make it the latest.

    Tables that are not given are there without rows, unless `only` those given are wanted.
    """
    folder = store.curated / "releases" / name
    folder.mkdir(parents=True)
    files = {}
    for table in (TABLES[name] for name in (tables if only else TABLES)):
        path = folder / f"{table.name}.parquet"
        rows = tables.get(table.name, [])
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(table)), path)
        files[path.name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            "rows": len(rows),
        }
    manifest = {
        "release": name,
        "sequence": sequence,
        "previous": previous,
        "created_at": created_at.isoformat(),
        "files": files,
    }
    (folder / "release.json").write_text(json.dumps(manifest), encoding="utf-8")
    pointer = {"release": name, "sequence": sequence}
    (store.curated / "latest.json").write_text(json.dumps(pointer), encoding="utf-8")


def rule(store: Store, source: str, line: int, code: str, **given: Any) -> dict[str, Any]:
    """A row of `prior_authorization` printed at a line of a source's snapshot."""
    payer = source.partition("_")[0]
    values = {
        "payer": payer,
        "payer_name": f"{payer.title()} Health",
        "line_of_business": "commercial",
        "list_title": "Prior Authorization List: Durable Medical Equipment",
        "section": "Durable Medical Equipment",
        "code_system": "HCPCS",
        "code": code,
        "code_raw": code,
        "pa_status": "required",
        "pa_raw": "Yes",
        "effective_basis": "none",
        "date_semantics": "unknown",
        "page": 1,
        "line": line,
        "raw_text": ACME_LIST.split("\n")[line - 1],
        "first_seen": RETRIEVED,
        "last_seen": SECOND_MADE,
        **given,
    }
    values["crd_pa_needed"] = crd_code(values["pa_status"])
    return _row(store, TABLES["prior_authorization"], source, values)


def document(store: Store, source: str, payer: str | None, **given: Any) -> dict[str, Any]:
    """A row of `documents`: a current list read whole, unless given otherwise."""
    values = {
        "source": source,
        "document": "list",
        "payer": payer,
        "line_of_business": "commercial",
        "title": f"{source} list",
        "publisher": f"{source.partition('_')[0].title()} Health",
        "kind": "pa_list",
        "tier": 1,
        "sha256": store.sha256.get(source),
        "rows": 10,
        "quarantined": 0,
        "retrieved_at": RETRIEVED,
        "first_seen": RETRIEVED,
        "last_seen": SECOND_MADE,
        "is_truncated": False,
        "is_specimen": False,
        "status": "current",
        **given,
    }
    return {**dict.fromkeys(TABLES["documents"].names), **values}


def _tables(store: Store) -> dict[str, list[dict[str, Any]]]:
    purchase_only = {
        "type": "purchase_only",
        "operator": None,
        "value": None,
        "unit": None,
        "raw": "Purchase only",
    }
    orthotics = {"section": "Orthotics", "page": 2}
    stated = {"effective_basis": "stated", "date_semantics": "dos"}
    rules = [
        rule(store, "acme_dme", 5, "E0601", reviewer="SleepCo", reviewer_raw="SleepCo"),
        rule(
            store,
            "acme_dme",
            6,
            "E0470",
            pa_status="out_of_scope",
            pa_raw="Out Of Scope",
            reviewer="SleepCo",
            reviewer_raw="SleepCo",
            notes="Part of sleep DME",
        ),
        rule(
            store,
            "acme_dme",
            7,
            "K0848",
            conditions=[purchase_only],
            notes="Purchase only",
            reviewer="eviCore",
            reviewer_raw="CareCore National",
        ),
        rule(store, "acme_dme", 8, "A4253", pa_status="not_required", pa_raw="No"),
        rule(store, "acme_dme", 9, "A4206", code_end="A4210", code_raw="A4206-A4210"),
        rule(store, "acme_dme", 10, "E0260", modifiers=["RR"], code_raw="E0260-RR"),
        rule(
            store,
            "acme_dme",
            14,
            "L0648",
            effective_from=date(2024, 8, 12),
            **orthotics,
            **stated,
        ),
        rule(
            store,
            "acme_dme",
            15,
            "L1833",
            effective_to=date(2024, 8, 12),
            **orthotics,
            **stated,
        ),
        rule(store, "acme_dme", 16, "E0601", notes="see also page 1", **orthotics),
        rule(
            store,
            "borealis_medicaid",
            1,
            "A4253",
            payer_name="Borealis Health Plan",
            line_of_business="medicaid",
            state="AK",
            raw_text=BOREALIS_ROW,
            bbox=list(BOREALIS_BOX),
        ),
        rule(store, "cobalt_dme", 3, "E0601", raw_text="| E0601 | Yes |"),
    ]
    for row in rules:
        row["first_seen"] = _first_seen(row)
    return {
        "prior_authorization": rules,
        "documents": _documents(store),
        "requirements": _requirements(store),
        "quarantine": [_ask_us(store)],
        "changes": _changes(rules),
        "contradictions": _contradictions(rules),
        "prior_authorization_history": _rule_history(store, rules),
        "document_history": _document_history(store),
    }


def _first_seen(row: dict[str, Any]) -> datetime:
    if row["payer"] == "cobalt":
        return COBALT_FIRST
    if row["payer"] == "borealis" or row["code"] in ("E0260", "E0470"):
        return RETRIEVED
    return ACME_SECOND if row["code"] == "A4253" else ACME_FIRST


def _first_tables(store: Store) -> dict[str, list[dict[str, Any]]]:
    """The first release: only acme's list, without E0470 and with A4253 still required."""
    tables = _tables(store)
    rules = [
        {**row, "pa_status": "required", "pa_raw": "Yes"} if row["code"] == "A4253" else row
        for row in tables["prior_authorization"]
        if row["payer"] == "acme" and row["code"] != "E0470"
    ]
    documents = [row for row in tables["documents"] if row["payer"] == "acme"]
    return {"prior_authorization": rules, "documents": documents}


def _documents(store: Store) -> list[dict[str, Any]]:
    medicaid = {"line_of_business": "medicaid", "title": "Borealis Medicaid list"}
    return [
        document(store, "acme_bulletin", "acme", kind="bulletin", line_of_business=None),
        document(store, "acme_dme", "acme", quarantined=1, title="Acme DME list"),
        document(
            store,
            "borealis_exchange",
            "borealis",
            status="missing",
            rows=0,
            retrieved_at=None,
            is_specimen=None,
            line_of_business="exchange",
        ),
        document(
            store,
            "borealis_medicaid",
            "borealis",
            status="held",
            rows=0,
            sha256="e" * 64,
            held_reason=HELD_REASON,
            retrieved_at=HELD_SINCE,
            first_seen=HELD_SINCE,
            **medicaid,
        ),
        document(store, "borealis_medicaid", "borealis", status="stale", **medicaid),
        document(store, "cobalt_dme", "cobalt", is_truncated=True),
        document(store, "dune_dme", "dune", status="missing", rows=0, retrieved_at=None),
        document(store, "pdac_k1007", None, kind="bulletin", publisher="PDAC", is_specimen=True),
    ]


def code_version(
    code: str, ended_on: date | None = None, replaced_by: list[str] | None = None, **given: Any
) -> dict[str, Any]:
    """A row of `codes`: the newest version of a code of an invented code set, valid since 1988."""
    values = {
        **dict.fromkeys(TABLES["codes"].names),
        "code_system": "HCPCS",
        "code": code,
        "effective_from": date(1988, 1, 1) if ended_on is None else ended_on,
        "effective_basis": "stated",
        "added_on": date(1988, 1, 1),
        "terminated_on": ended_on,
        "cross_references": replaced_by,
        "replaced_by": replaced_by,
        "first_release": "2025-10",
        "source_release": "2025-10",
        "source": "code_set",
        "document": "list",
        "sha256": "f" * 64,
        "page": 1,
        "line": 1,
        "raw_text": code,
        **given,
    }
    values["row_key"] = digest(["codes", code, str(values["effective_from"])])
    values["row_hash"] = digest([values["row_key"], str(ended_on)])
    return values


def rule_version(row: dict[str, Any], first_seen: datetime, **given: Any) -> dict[str, Any]:
    """A row of `prior_authorization_history`: a rule since a look, and still so unless given."""
    values = {
        **row,
        "first_seen": first_seen,
        "last_sha256": given.get("sha256", row["sha256"]),
        "reappeared": False,
        **given,
    }
    return {name: values.get(name) for name in TABLES["prior_authorization_history"].names}


def run_of_looks(row: dict[str, Any], outcome: str = "accepted", **given: Any) -> dict[str, Any]:
    """A row of `document_history`, of a version as `document` makes one, unless given otherwise."""
    is_whole = outcome == "accepted" and not given.get("is_truncated", row["is_truncated"])
    values = {**row, "outcome": outcome, "is_whole": is_whole, **given}
    return {name: values.get(name) for name in TABLES["document_history"].names}


def _rule_history(store: Store, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    of = {(row["payer"], row["code"]): row for row in rules}
    strips, bed = of["acme", "A4253"], of["acme", "E0260"]
    in_first = {"sha256": ACME_FIRST_SHA256}
    until_second = {**in_first, "last_seen": ACME_FIRST, "known_until": ACME_SECOND}
    required = {"pa_status": "required", "pa_raw": "Yes", "crd_pa_needed": "auth-needed"}
    removed = rule(store, "acme_dme", 5, "E0748")
    cut_off = rule(store, "cobalt_dme", 4, "E0424", raw_text="| E0424 | Yes |")
    special = (strips, bed, of["acme", "E0470"], of["cobalt", "E0601"])
    return [
        *(
            rule_version(row, ACME_FIRST, **in_first)
            for row in rules
            if row["payer"] == "acme" and row not in special
        ),
        rule_version(strips, ACME_FIRST, end_basis="changed", **required, **until_second),
        rule_version(strips, ACME_SECOND, sha256=ACME_SECOND_SHA256),
        rule_version(bed, ACME_FIRST, end_basis="absent_from_list", **until_second),
        rule_version(bed, RETRIEVED, reappeared=True),
        rule_version(removed, ACME_FIRST, end_basis="absent_from_list", **until_second),
        rule_version(of["acme", "E0470"], RETRIEVED),
        rule_version(of["borealis", "A4253"], RETRIEVED),
        rule_version(of["cobalt", "E0601"], COBALT_FIRST, sha256=COBALT_FIRST_SHA256),
        rule_version(
            cut_off,
            COBALT_FIRST,
            sha256=COBALT_FIRST_SHA256,
            last_seen=COBALT_FIRST,
            unseen_in=[store.sha256["cobalt_dme"]],
        ),
    ]


def _document_history(store: Store) -> list[dict[str, Any]]:
    every = {(row["source"], row["status"]): row for row in _documents(store)}
    acme, cobalt = every["acme_dme", "current"], every["cobalt_dme", "current"]
    first = {"retrieved_at": ACME_FIRST, "first_seen": ACME_FIRST, "last_seen": ACME_FIRST}
    second = {"retrieved_at": ACME_SECOND, "first_seen": ACME_SECOND, "last_seen": ACME_SECOND}
    whole = {"retrieved_at": COBALT_FIRST, "first_seen": COBALT_FIRST, "last_seen": COBALT_FIRST}
    return [
        run_of_looks(every["acme_bulletin", "current"]),
        run_of_looks(
            acme, sha256=ACME_FIRST_SHA256, quarantined=0, known_until=ACME_SECOND, **first
        ),
        run_of_looks(
            acme, sha256=ACME_SECOND_SHA256, quarantined=0, known_until=RETRIEVED, **second
        ),
        run_of_looks(acme),
        run_of_looks(every["borealis_medicaid", "stale"], known_until=HELD_SINCE),
        run_of_looks(every["borealis_medicaid", "held"], "held"),
        run_of_looks(
            cobalt,
            sha256=COBALT_FIRST_SHA256,
            is_truncated=False,
            known_until=RETRIEVED,
            **whole,
        ),
        run_of_looks(cobalt),
        run_of_looks(every["pdac_k1007", "current"]),
    ]


def _contradictions(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    of = {(row["payer"], row["code"]): row for row in rules}
    orthosis = of["acme", "L1833"]
    reference = {"right_source": "code_set", "right_table": "codes", "right_says": "Knee brace"}
    return [
        _contradiction(
            {**_side("left", of["acme", "A4253"]), **_side("right", of["borealis", "A4253"])},
            kind="payers_differ",
            code="A4253",
            strength="opposite",
            both_may_hold=True,
            explanation="acme does not require authorization of A4253, borealis does",
        ),
        _contradiction(
            {**_side("left", orthosis), **reference},
            kind="other_description",
            code="L1833",
            strength="different",
            both_may_hold=False,
            explanation="acme describes L1833 in the official words of another code",
        ),
    ]


def _contradiction(sides: dict[str, Any], **values: Any) -> dict[str, Any]:
    row = {**dict.fromkeys(TABLES["contradictions"].names), **sides, **values}
    row["code_system"] = "HCPCS"
    row["contradiction_key"] = digest([row["kind"], row["code"]])
    return row


def _side(which: str, row: dict[str, Any]) -> dict[str, Any]:
    told = ("source", "document", "row_key", "payer", "sha256", "url", "page", "line")
    return {
        f"{which}_table": "prior_authorization",
        f"{which}_says": row["pa_status"],
        f"{which}_scope": row["line_of_business"],
        **{f"{which}_{name}": row[name] for name in told},
    }


def _requirements(store: Store) -> list[dict[str, Any]]:
    return [
        _row(
            store,
            TABLES["requirements"],
            "acme_bulletin",
            {
                "code_system": "HCPCS",
                "code": "E0601",
                "requirement": "written_order",
                "effective_from": date(2025, 1, 1),
                "date_semantics": "unknown",
                "sentence": "Claims for E0601 need a written order from 2025-01-01 on.",
                "page": 1,
                "line": 3,
                "raw_text": "Claims for E0601 need a written order from 2025-01-01 on.",
            },
        ),
        _row(
            store,
            TABLES["requirements"],
            "pdac_k1007",
            {
                "code_system": "HCPCS",
                "code": "K1007",
                "requirement": "coding_verification",
                "authority": "PDAC",
                "list_referenced": "Product Classification List",
                "effective_from": date(2024, 4, 1),
                "date_semantics": "dos",
                "sentence": "Suppliers must have the product verified before billing K1007.",
                "page": 1,
                "line": 3,
                "raw_text": "Suppliers must have the product verified before billing K1007",
            },
        ),
    ]


def held_back(
    store: Store, source: str, line: int, code: str | None, printed: str, **given: Any
) -> dict[str, Any]:
    """A row of `quarantine` printed at a line of a source's snapshot, for no readable code."""
    table = "prior_authorization"
    return {
        **dict.fromkeys(TABLES["quarantine"].names),
        "table": table,
        "reasons": ["its code cell cannot be read"],
        "expectations": ["code not null"],
        "cells": printed.split("\t"),
        "code": code,
        "row_key": digest([table, source, line, code]),
        "source": source,
        "document": "list",
        "sha256": store.sha256[source],
        "page": 1,
        "line": line,
        "raw_text": printed,
        **given,
    }


def _ask_us(store: Store) -> dict[str, Any]:
    return held_back(
        store,
        "acme_dme",
        11,
        "E0483",
        ACME_LIST.split("\n")[10],
        reasons=["the PA value is 'Ask us', which table.statuses does not map"],
        expectations=["pa_status not null"],
    )


def _changes(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    of = {(row["payer"], row["code"]): row for row in rules}
    strips, assist = of["acme", "A4253"], of["acme", "E0470"]
    return [
        _change("modify", strips, ["pa_status"], {"pa_status": "required"}, "high"),
        _change("add", assist, None, None, "high"),
        _change("add", of["borealis", "A4253"], None, None, "high"),
    ]


def _change(
    op: str,
    row: dict[str, Any],
    fields: list[str] | None,
    before: dict[str, Any] | None,
    materiality: str,
) -> dict[str, Any]:
    return {
        "op": op,
        "cause": "publication",
        "table": "prior_authorization",
        "row_key": row["row_key"],
        "payer": row["payer"],
        "code": row["code"],
        "fields_changed": fields,
        "before": json.dumps(before) if before else None,
        "after": json.dumps({"code": row["code"], "pa_status": row["pa_status"]}),
        "materiality": materiality,
    }


def _row(store: Store, table: Table, source: str, values: dict[str, Any]) -> dict[str, Any]:
    row = {
        **dict.fromkeys(table.names),
        "source": source,
        "document": "list",
        "sha256": store.sha256[source],
        **values,
    }
    row["row_key"] = digest([table.name, *(row[name] for name in table.names_of("identity"))])
    row["row_hash"] = digest([row[name] for name in table.names_of("content")])
    return row


def _put(store: Store, source: str, extension: str, data: bytes) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    folder = store.raw / source / "list"
    folder.mkdir(parents=True)
    (folder / f"{sha256}.{extension}").write_bytes(data)
    (folder / f"{sha256}.json").write_text("{}", encoding="utf-8")
    store.sha256[source] = sha256


def _pdf(path: Path) -> bytes:
    canvas = Canvas(str(path), pagesize=(612, 792), invariant=True)
    canvas.drawString(BOREALIS_BOX[0], 792 - BOREALIS_BOX[3] + 3, BOREALIS_ROW)
    canvas.save()
    return path.read_bytes()
