"""How much a difference matters: one rule, for Python and in SQL.

`high`: a rule came, went or changed its status, or a dated duty did or differs in what it says;
`medium`: a rule's conditions, dates, reviewer or notes, or that the code of a rule or duty ended or
what replaced it; `low`: anything else. Nothing else is known of changes here.
"""

from __future__ import annotations

from collections.abc import Collection

# The most material first.
MATERIALITIES = ("high", "medium", "low")
_DUTIES, _RULES = "requirements", "prior_authorization"
_STATUS = "pa_status"
_END_OF_CODE = ("code_ended_on", "code_replaced_by")
_MEDIUM = ("conditions", "effective_from", "effective_to", "reviewer", "notes", *_END_OF_CODE)
# What the code reference says and no publication does.
OF_REFERENCE = ("code_active", "code_active_on", *_END_OF_CODE, "code_members")


def materiality_of(table: str, op: str, fields_changed: Collection[str]) -> str:
    """How much one difference matters."""
    if table not in (_DUTIES, _RULES):
        return "low"
    if table == _DUTIES and not (fields_changed and set(fields_changed) <= set(OF_REFERENCE)):
        return "high"
    if op != "modify" or _STATUS in fields_changed:
        return "high"
    return "medium" if set(fields_changed) & set(_MEDIUM) else "low"


# Whether a change is of what the code reference says alone, over the column fields_changed.
IS_OF_REFERENCE = (
    "(len(coalesce(fields_changed, [])) > 0 "
    f"AND list_has_all({list(OF_REFERENCE)}, coalesce(fields_changed, [])))"
)
# The rule over the columns "table", op and fields_changed, as `changes` has them.
MATERIALITY = f"""CASE
    WHEN "table" NOT IN ('{_DUTIES}', '{_RULES}') THEN 'low'
    WHEN "table" = '{_DUTIES}' AND NOT {IS_OF_REFERENCE} THEN 'high'
    WHEN op <> 'modify' OR list_contains(fields_changed, '{_STATUS}') THEN 'high'
    WHEN list_has_any(fields_changed, {list(_MEDIUM)}) THEN 'medium'
    ELSE 'low' END"""
# The rank of a materiality, 0 for the highest.
RANK = f"list_position({list(MATERIALITIES)}, materiality) - 1"
