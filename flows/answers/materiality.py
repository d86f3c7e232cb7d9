"""How much a difference matters: one rule, for Python and in SQL.

`high`: a rule came, went or changed its status, or a dated duty differs at all; `medium`: its
conditions, dates, reviewer or notes; `low`: anything else. Nothing else is known of changes here.
"""

from __future__ import annotations

from collections.abc import Collection

# The most material first.
MATERIALITIES = ("high", "medium", "low")
_DUTIES, _RULES = "requirements", "prior_authorization"
_STATUS = "pa_status"
_MEDIUM = ("conditions", "effective_from", "effective_to", "reviewer", "notes")


def materiality_of(table: str, op: str, fields_changed: Collection[str]) -> str:
    """How much one difference matters."""
    if table == _DUTIES:
        return "high"
    if table != _RULES:
        return "low"
    if op != "modify" or _STATUS in fields_changed:
        return "high"
    return "medium" if set(fields_changed) & set(_MEDIUM) else "low"


# The same over the columns "table", op and fields_changed, as `changes` has them.
MATERIALITY = f"""CASE
    WHEN "table" = '{_DUTIES}' THEN 'high'
    WHEN "table" <> '{_RULES}' THEN 'low'
    WHEN op <> 'modify' OR list_contains(fields_changed, '{_STATUS}') THEN 'high'
    WHEN list_has_any(fields_changed, {list(_MEDIUM)}) THEN 'medium'
    ELSE 'low' END"""
# The rank of a materiality, 0 for the highest.
RANK = f"list_position({list(MATERIALITIES)}, materiality) - 1"
