"""The source that describes the well-formed files of the kit of hostile documents."""

from __future__ import annotations

from typing import Any

from schemas.source import Source

KIT: dict[str, Any] = {
    "source": "hostile",
    "document": "list",
    "title": "A list made to break readers",
    "publisher": "Invented Health Plan",
    "kind": "pa_list",
    "tier": 3,
    "payer": {"id": "invented", "name": "Invented Health Plan"},
    "line_of_business": "commercial",
    "cadence": "irregular",
    "table": {
        "columns": {
            "code": ["Code"],
            "description": ["Description"],
            "pa": ["PA Required"],
            "effective_from": ["Effective Date"],
        },
        "layouts": [["code", "description", "pa", "effective_from"]],
        "statuses": {"Yes": "required", "No": "not_required"},
    },
    "expect": {"rows": [1, 200_000]},
}
SOURCE = Source.model_validate(KIT)
