"""How much a difference matters: one rule, in SQL over the columns of a change.

`high`: a rule came, went or changed its status, or a dated duty differs at all; `medium`: its
conditions, dates, reviewer or notes; `low`: anything else. Nothing else is known of changes here.
"""

from __future__ import annotations

# The most material first.
MATERIALITIES = ("high", "medium", "low")
_MEDIUM = ("conditions", "effective_from", "effective_to", "reviewer", "notes")

# Over the columns "table", op and fields_changed, as `changes` has them.
MATERIALITY = f"""CASE
    WHEN "table" = 'requirements' THEN 'high'
    WHEN "table" <> 'prior_authorization' THEN 'low'
    WHEN op <> 'modify' OR list_contains(fields_changed, 'pa_status') THEN 'high'
    WHEN list_has_any(fields_changed, {list(_MEDIUM)}) THEN 'medium'
    ELSE 'low' END"""
# The rank of a materiality, 0 for the highest.
RANK = f"list_position({list(MATERIALITIES)}, materiality) - 1"
