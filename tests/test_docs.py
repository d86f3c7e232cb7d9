"""What the documents promise: the README's queries run, the guide's example is read, and the
generated page is the one that the code generates.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from extractors.extract import extract
from flows import trial
from flows.cli import COMMANDS, main
from flows.registry import load_source
from flows.settings import Settings
from schemas.dictionary import data_dictionary
from tests.conftest import ROOT

# Made up for this test: the list that docs/add-a-source.md describes.
ACME = (
    ["Prior Authorization List: Supplies"]
    + ["HCPCS Code\tDescription\tPA Required?\tComments"]
    + [f"A{4200 + n}\tSupply {n}\t{'Y' if n % 3 else 'N'}\t" for n in range(60)]
    + ["Page 1 of 2"]
    + ["Procedure Code\tDescription\tPA  Required\tComments"]
    + [f"E{600 + n:04}\tDevice {n}\tY\t" for n in range(10)]
    + ["Page 2 of 2"]
)


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def test_data_dictionary_is_the_one_the_tables_give() -> None:
    page = ROOT / "docs" / "data-dictionary.md"
    assert page.read_text(encoding="utf-8") == data_dictionary(), "run make docs"


def test_queries_of_the_readme_run_and_answer(released: Settings) -> None:
    queries = blocks(ROOT / "README.md", "python")
    folder = released.curated.parent
    answers = [
        subprocess.run(
            [sys.executable, "-c", query], cwd=folder, capture_output=True, text=True, check=True
        ).stdout
        for query in queries
    ]
    assert len(answers) == 3
    assert "E0466" in answers[0]
    assert "required" in answers[0]
    assert "402" in answers[1]
    assert "L1832" in answers[2]


def test_guide_leads_an_ordinary_list_to_a_clean_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yaml, *_more_keys = blocks(ROOT / "docs" / "add-a-source.md", "yaml")
    path = tmp_path / "acme_commercial_dme.yml"
    path.write_text(yaml)
    document = tmp_path / "acme.txt"
    document.write_text("\n".join(ACME))
    found = extract(document.read_bytes(), load_source(path))
    assert len(found.records) == 70
    settings = Settings(tmp_path / "raw", tmp_path / "curated", tmp_path)
    assert trial.run(settings, path, document, as_json=False) == trial.CLEAN
    assert "would be published" in capsys.readouterr().out
    document.write_text("\n".join(ACME).replace("\tN\t", "\tPerhaps\t", 1))
    assert trial.run(settings, path, document, as_json=False) == trial.PROBLEMS
    assert "'Perhaps'" in capsys.readouterr().out


def test_design_page_names_every_module() -> None:
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(\w+\.py)\b", page))
    for package in ("schemas", "extractors", "flows"):
        missing = {path.name for path in (ROOT / package).rglob("*.py")} - named - {"__init__.py"}
        assert not missing, f"docs/design.md does not place {missing}"


def test_every_command_has_help() -> None:
    context = click.Context(main)
    assert set(COMMANDS) == set(main.list_commands(context))
    assert all(main.get_command(context, name).help for name in COMMANDS)
