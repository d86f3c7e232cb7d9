"""The forms of single codes: which systems there are, and which one a code is of.

How lists write codes, with ranges, marks and modifiers, is not known here but in `schemas.codes`.
"""

from __future__ import annotations

import re

# In the order of precedence for a bare five-character string.
PATTERNS: dict[str, str] = {
    "CPT": r"[0-9]{5}",
    "CPT2": r"[0-9]{4}F",
    "CPT3": r"[0-9]{4}T",
    "CPT_PLA": r"[0-9]{4}U",
    "CPT_MAAA": r"[0-9]{4}M",
    "CPT_ADMIN": r"[0-9]{4}A",
    "CDT": r"D[0-9]{4}",
    "HCPCS": r"[A-CEGHJ-MP-V][0-9]{4}",
}
_PLAIN = re.compile("|".join(f"(?P<{system}>{form})" for system, form in PATTERNS.items()))


def system_of(code: str) -> str | None:
    """The code system whose format a code in normal form has, or None."""
    match = _PLAIN.fullmatch(code)
    return match.lastgroup if match else None
