"""datapackage.json of a release: valid by `frictionless`, and true of the files beside it.

`frictionless` reads Parquet by way of pandas, which has no list and no empty integer, so the rows
are handed to it as Python values; the bytes and hashes of the files are checked here.
"""

from __future__ import annotations

import hashlib
import json
import re
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frictionless import Package, Schema

from flows.releases import latest
from flows.settings import Settings
from schemas.fields import FRICTIONLESS_TYPES, frictionless_schema
from schemas.tables import CODE, DOCUMENT_TABLES, TABLES
from schemas.version import SCHEMA_VERSION

# What a type of the standard is in Arrow.
ARROW = {
    "string": pa.types.is_string,
    "date": pa.types.is_date32,
    "datetime": pa.types.is_timestamp,
    "integer": pa.types.is_int64,
    "number": pa.types.is_float64,
    "boolean": pa.types.is_boolean,
    "list": pa.types.is_list,
    "array": pa.types.is_list,
}


@pytest.fixture(scope="module")
def folder(released: Settings) -> Path:
    release = latest(released.curated)
    assert release is not None
    return release.folder


@pytest.fixture(scope="module")
def package(folder: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    return said


def with_rows(package: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The package with the rows of its files in it."""
    resources = []
    for resource in package["resources"]:
        rows = pq.read_table(folder / resource["path"])
        cells = [list(row.values()) for row in rows.to_pylist()]
        resources.append(
            {
                "name": resource["name"],
                "type": "table",
                "data": [rows.column_names, *cells],
                "schema": resource["schema"],
            }
        )
    return {"$schema": package["$schema"], "resources": resources}


def table_of(package: dict[str, Any], name: str) -> dict[str, Any]:
    (resource,) = [one for one in package["resources"] if one["name"] == name]
    return dict(resource)


def problems(package: dict[str, Any]) -> list[Any]:
    return list(Package.from_descriptor(package).validate().flatten(["title", "message"]))


def test_descriptor_is_valid_and_names_the_standard(package: dict[str, Any]) -> None:
    assert not list(Package.metadata_validate(package))
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    for resource in package["resources"]:
        assert not list(Schema.metadata_validate(resource["schema"])), resource["name"]


def test_package_says_what_it_is_of(package: dict[str, Any], folder: Path) -> None:
    said = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert package["release"] == said["release"] == folder.name
    assert package["schema_version"] == said["schema_version"] == SCHEMA_VERSION
    assert package["version"] == f"{SCHEMA_VERSION.split('.')[0]}.{said['sequence']}.0"
    assert datetime.fromisoformat(package["created"]).tzinfo is not None
    assert "licenses" not in package
    assert "American Medical Association" in package["description"]


def test_sources_are_the_snapshots_by_hash(package: dict[str, Any], folder: Path) -> None:
    states = pq.read_table(folder / "documents.parquet").to_pylist()
    assert len(package["sources"]) == len(states) == 47
    named = {source["version"] for source in package["sources"] if "version" in source}
    assert named == {f"sha256:{state['sha256']}" for state in states if state["sha256"]}
    assert len(named) == 4
    assert all(
        source.get("path", "https://").startswith("https://") for source in package["sources"]
    )


def test_resources_are_the_files_byte_for_byte(package: dict[str, Any], folder: Path) -> None:
    named = {resource["path"] for resource in package["resources"]}
    assert (
        named
        == {path.name for path in folder.glob("*.parquet")}
        == {f"{t}.parquet" for t in TABLES}
    )
    for resource in package["resources"]:
        data = (folder / resource["path"]).read_bytes()
        assert resource["bytes"] == len(data)
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert resource["rows"] == pq.read_metadata(folder / resource["path"]).num_rows
        assert (resource["type"], resource["format"]) == ("table", "parquet")


def test_declared_columns_are_those_of_the_files(package: dict[str, Any], folder: Path) -> None:
    for resource in package["resources"]:
        schema = pq.read_schema(folder / resource["path"])
        declared = resource["schema"]["fields"]
        assert [field["name"] for field in declared] == schema.names
        for field in declared:
            column = schema.field(field["name"])
            assert ARROW[field["type"]](column.type), (resource["name"], field)
            assert field.get("constraints", {}).get("required", False) is not column.nullable
            assert field["description"] == column.metadata[b"description"].decode()


def test_rows_are_valid_by_their_declaration(package: dict[str, Any], folder: Path) -> None:
    filled = with_rows(package, folder)
    assert len(table_of(filled, "prior_authorization")["data"]) == 644
    assert problems(filled) == []


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("code", "E046", "pattern"),
        ("code", None, "required"),
        ("pa_status", "perhaps", "enum"),
        ("page", "one", "integer"),
        ("effective_from", "soon", "date"),
        ("flags", 1, "list"),
        ("sha256", "0" * 64, "documents"),
    ],
)
def test_row_that_breaks_the_declaration_is_found(
    package: dict[str, Any], folder: Path, column: str, value: Any, said: str
) -> None:
    filled = with_rows(package, folder)
    rows = table_of(filled, "prior_authorization")["data"]
    rows[5][rows[0].index(column)] = value
    assert any(said in message for _title, message in problems(filled))


def test_key_that_comes_twice_is_found(package: dict[str, Any], folder: Path) -> None:
    filled = with_rows(package, folder)
    rows = table_of(filled, "prior_authorization")["data"]
    rows.append(deepcopy(rows[1]))
    assert any("Primary" in title for title, _message in problems(filled))


def test_rows_of_documents_refer_to_the_version_they_were_read_from(
    package: dict[str, Any],
) -> None:
    for table in DOCUMENT_TABLES:
        (key,) = table_of(package, table.name)["schema"]["foreignKeys"]
        assert key["fields"] == key["reference"]["fields"] == ["source", "document", "sha256"]
        assert key["reference"]["resource"] == "documents"
    for name in ("prior_authorization_history", "quarantine"):
        (key,) = table_of(package, name)["schema"]["foreignKeys"]
        assert key["reference"]["resource"] == "document_history"
    assert "foreignKeys" not in table_of(package, "documents")["schema"]


def test_pattern_is_written_without_python_groups_and_means_the_same() -> None:
    fields = frictionless_schema(TABLES["prior_authorization"])["fields"]
    (pattern,) = [field["constraints"]["pattern"] for field in fields if field["name"] == "code"]
    assert "(?" not in pattern
    examples = ["E0466", "99213", "0042T", "D0120", "E04661", "e0466", "", "0042X", "I0001"]
    for text in examples:
        assert bool(re.fullmatch(pattern, text)) is bool(re.fullmatch(CODE, text)), text
    assert sum(bool(re.fullmatch(pattern, text)) for text in examples) == 4


def test_vocabulary_of_a_list_is_that_of_its_items() -> None:
    fields = frictionless_schema(TABLES["prior_authorization"])["fields"]
    (flags,) = [field for field in fields if field["name"] == "flags"]
    assert flags["type"] == FRICTIONLESS_TYPES["strings"]
    assert "note_appended" in flags["itemConstraints"]["enum"]
    assert "constraints" not in flags
