"""The release as a Data Package v2 (https://datapackage.org): datapackage.json.

Computed from the release's manifest, its documents and the declared tables; no row is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.fields import frictionless_schema
from schemas.tables import TABLES

DATA_PACKAGE = "https://datapackage.org/profiles/2.0/datapackage.json"
PARQUET = "application/vnd.apache.parquet"


def data_package(said: dict[str, Any], states: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The release as a Data Package v2."""
    return {
        "$schema": DATA_PACKAGE,
        "name": "precert",
        "title": "Prior-authorization rules and coding bulletins, as payers and CMS publish them",
        "description": "Every row names the snapshot, page and line it was read from.",
        "version": said["release"],
        "created": said["created_at"],
        "sources": [
            {"title": f"{state['title']} ({state['publisher']})"}
            | ({"path": state["url"]} if state["url"] else {})
            | ({"version": state["sha256"]} if state["sha256"] else {})
            for state in states
        ],
        "resources": [
            {
                "name": name.removesuffix(".parquet"),
                "path": name,
                "type": "table",
                "format": "parquet",
                "mediatype": PARQUET,
                "bytes": file["bytes"],
                "hash": f"sha256:{file['sha256']}",
                "description": f"One row is {TABLES[name.removesuffix('.parquet')].row_is}.",
                "schema": frictionless_schema(TABLES[name.removesuffix(".parquet")]),
            }
            for name, file in said["files"].items()
        ],
    }
