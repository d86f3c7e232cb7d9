"""Who contradicts whom about a code, both sides with their places: the table `contradictions`.

Brings together what lists say against lists and duties, descriptions that belong to another code,
and claims that the official words deny. Who is right is not known here: `both_may_hold` tells
whether the sides need to exclude each other at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from extractors.reference.known_codes import KnownCodes
from extractors.reference.listed_rules import COLUMNS as RULE
from extractors.reference.official_rows import OfficialRows
from extractors.reference.opposed_statuses import opposed_statuses
from extractors.reference.other_descriptions import COLUMNS as DESCRIBED
from extractors.reference.other_descriptions import OfficialTexts, other_descriptions
from extractors.reference.sides import Contradiction, Side
from schemas.codes import LICENSED
from schemas.fields import nullable_schema
from schemas.tables import (
    CODE_CLAIMS,
    CODES,
    CONTRADICTIONS,
    DOCUMENTS,
    PRIOR_AUTHORIZATION,
    REQUIREMENTS,
)

# The columns that are read of the two tables that may be large.
RULE_COLUMNS = tuple(dict.fromkeys((*RULE, "code_system", "code_members", *DESCRIBED)))
ROW_COLUMNS = (*DESCRIBED, "code_end")
_BATCH = 20_000


def contradictions(
    tables: Mapping[str, pa.Table],
    known: KnownCodes,
    days: Mapping[str, date],
    official: OfficialTexts | None = None,
) -> pa.Table:
    """The table `contradictions`, in its order, whatever order the rows of `tables` have.

    `tables` are those of a release by name: prior_authorization, requirements, code_claims, codes,
    table_rows and coverage_codes; with documents too, the payer of a bulletin is known, without
    it both a list and a duty may hold. `days` has the date of each document by its hash; one
    without a date is read against the newest official words. What is said of a code follows from
    the rows that name it, alone or within a span: the codes may be gone through in parts, with
    `official` made once of all `codes`.
    """
    official = official or OfficialTexts.of(tables[CODES.name])
    rules = tables[PRIOR_AUTHORIZATION.name]
    found: dict[str, Contradiction] = {}
    for kind in (
        opposed_statuses(rules, tables[REQUIREMENTS.name], days, _payers(tables)),
        other_descriptions(tables, known, official, days),
        _claims(tables[CODE_CLAIMS.name], rules, official.rows),
    ):
        # Rows that share a row key, as those of a list that repeats itself, are one side.
        for one in kind:
            found.setdefault(one.key, one)
    return _table(sorted(found.items(), key=_order))


def _order(item: tuple[str, Contradiction]) -> tuple[str, ...]:
    key, one = item
    return (one.kind, one.code, one.left.source, one.right.source, key)


def _table(found: list[tuple[str, Contradiction]]) -> pa.Table:
    schema = nullable_schema(CONTRADICTIONS)
    # In batches, since a row as Python objects takes many times its room in Arrow.
    batches = [
        pa.Table.from_pylist([one.row(key) for key, one in found[start : start + _BATCH]], schema)
        for start in range(0, len(found), _BATCH)
    ]
    return pa.concat_tables([schema.empty_table(), *batches])


def _payers(tables: Mapping[str, pa.Table]) -> dict[str, str | None]:
    if DOCUMENTS.name not in tables:
        return {}
    rows = tables[DOCUMENTS.name].select(["source", "payer"]).to_pylist()
    return {row["source"]: row["payer"] for row in rows}


def _claims(claims: pa.Table, rules: pa.Table, official: OfficialRows) -> Iterator[Contradiction]:
    """`claim`: one for each statement that the official words deny."""
    for row in claims.to_pylist():
        if row["agreement"] != "conflicts" or row["code_system"] in LICENSED:
            continue
        claimed, words = " ".join(row["claimed_text"].split()), row["official_text"]
        right = official.side(row["code"], words) or _listed(rules, row)
        yield Contradiction(
            kind="claim",
            code_system=row["code_system"],
            code=row["code"],
            strength="opposite",
            both_may_hold=False,
            explanation=f'{row["source"]} says that {row["code"]} is "{claimed}", while its '
            f'official words are "{words}"{_terms(row)}.',
            left=Side.of(CODE_CLAIMS.name, row, claimed),
            right=right,
        )


def _listed(rules: pa.Table, claim: dict[str, Any]) -> Side:
    """The side of the list whose description stands for the words of the code reference."""
    source, words = claim["official_source"], claim["official_text"]
    of_list = pc.and_(pc.equal(rules["source"], source), pc.equal(rules["code"], claim["code"]))
    rows = rules.filter(of_list).to_pylist()
    with_words = [row for row in rows if row["description"] == words]
    if not with_words:
        return Side(CODES.name, source, words)
    first = min(with_words, key=lambda row: (row["page"], row["line"], row["row_key"]))
    return Side.of(PRIOR_AUTHORIZATION.name, first, words, payer=first["payer"])


def _terms(row: dict[str, Any]) -> str:
    """The opposed terms of a claim, the claimed one of each pair first."""
    terms = row["terms_in_conflict"] or []
    pairs = zip(terms[::2], terms[1::2], strict=False)
    named = ", ".join(f"{claimed} against {official}" for claimed, official in pairs)
    return f" ({named})" if named else ""
