"""The release as a Data Package v2 (https://datapackage.org): datapackage.json.

Computed from the release's manifest, its documents and the declared tables; no row is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.fields import Table, frictionless_schema
from schemas.tables import (
    DOCUMENT_HISTORY,
    DOCUMENTS,
    PRIOR_AUTHORIZATION_HISTORY,
    QUARANTINE,
    TABLES,
)
from schemas.version import SCHEMA_VERSION

DATA_PACKAGE = "https://datapackage.org/profiles/2.0/datapackage.json"
TABLE_SCHEMA = "https://datapackage.org/profiles/2.0/tableschema.json"
PARQUET = "application/vnd.apache.parquet"
# The columns that name one version of one publication.
_VERSION = ("source", "document", "sha256")
_DESCRIPTION = """\
Prior-authorization rules and coding guidance of US payers and CMS. Every row names the snapshot,
page and line it was read from.

No licence is declared, since the contents are not ours to license. HCPCS Level II is public. CPT is
© American Medical Association and CDT © American Dental Association: their codes stand here as
facts, and the columns for their descriptions are empty. The payers' and CMS's publications remain
their publishers'; `sources` says where each came from.
"""


def data_package(said: dict[str, Any], states: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The release as a Data Package v2.

    `said` is the release's manifest, `states` are the rows of its `documents`. Paths are relative
    to the release's folder. `version` counts releases as the standard advises: its major number is
    that of the schema, the next the release's place in the sequence.
    """
    major = SCHEMA_VERSION.partition(".")[0]
    return {
        "$schema": DATA_PACKAGE,
        "name": "precert",
        "title": "Prior-authorization rules and coding bulletins, as payers and CMS publish them",
        "description": _DESCRIPTION,
        "version": f"{major}.{said['sequence']}.0",
        "release": said["release"],
        "schema_version": SCHEMA_VERSION,
        "created": said["created_at"],
        "keywords": ["prior authorization", "HCPCS", "DMEPOS", "payers", "CMS"],
        "sources": [_source(state) for state in states],
        "resources": [_resource(name, file) for name, file in said["files"].items()],
    }


def _source(state: dict[str, Any]) -> dict[str, Any]:
    """A publication; its version is the SHA-256 of the snapshot."""
    source = {"title": f"{state['title']} ({state['publisher']})"}
    if state["url"]:
        source["path"] = state["url"]
    if state["sha256"]:
        source["version"] = f"sha256:{state['sha256']}"
    return source | {"source": state["source"], "status": state["status"]}


def _resource(name: str, file: dict[str, Any]) -> dict[str, Any]:
    table = TABLES[name.removesuffix(".parquet")]
    schema = {"$schema": TABLE_SCHEMA, **frictionless_schema(table)}
    keys = _foreign_keys(table)
    if keys:
        schema["foreignKeys"] = keys
    return {
        "name": table.name,
        "path": name,
        "type": "table",
        "format": "parquet",
        "mediatype": PARQUET,
        "bytes": file["bytes"],
        "hash": f"sha256:{file['sha256']}",
        "rows": file["rows"],
        "description": f"One row is {table.row_is}.",
        "schema": schema,
    }


def _foreign_keys(table: Table) -> list[dict[str, Any]]:
    """The publication that a row comes from; earlier versions of it are in `document_history`."""
    if table in (DOCUMENTS, DOCUMENT_HISTORY) or not {*_VERSION} <= {*table.names}:
        return []
    earlier = table in (PRIOR_AUTHORIZATION_HISTORY, QUARANTINE)
    resource = DOCUMENT_HISTORY if earlier else DOCUMENTS
    reference = {"resource": resource.name, "fields": list(_VERSION)}
    return [{"fields": list(_VERSION), "reference": reference}]
