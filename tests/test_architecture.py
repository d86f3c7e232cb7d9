"""Who may import whom, and what a cheap command may not pay for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

OURS = ("schemas", "extractors", "flows", "tests")
SIDE_EFFECTS = {
    "asyncio", "great_expectations", "httpx", "locale", "os", "prefect", "random", "requests",
    "resource", "secrets", "socket", "subprocess", "tempfile", "threading", "time", "urllib",
}  # fmt: skip


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"no modules in {package}"
    return found


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", modules("schemas"), ids=lambda path: path.stem)
def test_schemas_import_nothing_of_ours_but_schemas(path: Path) -> None:
    assert roots(path) & set(OURS) <= {"schemas"}


@pytest.mark.parametrize("path", modules("extractors"), ids=lambda path: path.stem)
def test_extractors_import_only_schemas_of_ours(path: Path) -> None:
    assert roots(path) & set(OURS) <= {"extractors", "schemas"}


@pytest.mark.parametrize(
    "path", [*modules("schemas"), *modules("extractors")], ids=lambda path: path.stem
)
def test_pure_packages_import_nothing_with_side_effects(path: Path) -> None:
    assert not roots(path) & SIDE_EFFECTS


@pytest.mark.parametrize(
    "path", [*modules("schemas"), *modules("extractors")], ids=lambda path: path.stem
)
def test_pure_packages_ask_no_clock_and_open_no_file(path: Path) -> None:
    calls = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert not calls & {"open", "datetime.now", "date.today", "datetime.today", "datetime.utcnow"}


def test_only_one_module_imports_great_expectations_and_three_prefect() -> None:
    users: dict[str, set[str]] = {"great_expectations": set(), "prefect": set()}
    for path in modules("flows"):
        for name in users.keys() & roots(path):
            users[name].add(path.stem)
    assert users == {
        "great_expectations": {"expectations"},
        "prefect": {"prefect_server", "refresh", "serve"},
    }


def top_level(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_great_expectations_is_imported_only_when_something_is_validated() -> None:
    assert "great_expectations" not in set(top_level(ROOT / "flows" / "expectations.py"))


@pytest.mark.parametrize(
    "path",
    [path for name in OURS[:3] for path in modules(name)],
    ids=lambda path: f"{path.parent.name}.{path.stem}",
)
def test_module_opens_with_what_it_knows(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
