"""Where the tests find their documents, and how they make a project of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.settings import Settings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def shared(*parts: str) -> Path:
    """A file that lies beside the project in development and CI, and not in a user's clone."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs ../shared/{'/'.join(parts)}, which is not beside this clone")
    return path


def shipped(source: str, document: str) -> Path:
    """The publication of a source that ships in raw/."""
    (path,) = (ROOT / "raw" / source / document).glob("*.txt")
    return path


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A copy of the shipped sources and publications, without releases."""
    shutil.copytree(ROOT / "raw", tmp_path / "raw")
    shutil.copytree(ROOT / "sources", tmp_path / "sources")
    return Settings(tmp_path / "raw", tmp_path / "curated", tmp_path / "sources")
