"""Where the tests find their documents, and how they make a project of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from flows import journey
from flows.settings import Settings

# Properties repeat the same examples, so that a run says something about the change alone;
# HYPOTHESIS_PROFILE=explore looks for new ones.
hypothesis_settings.register_profile("repeat", derandomize=True, deadline=None)
hypothesis_settings.register_profile("explore", deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

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


def copy_of_project(folder: Path) -> Settings:
    """The shipped sources and publications in a folder of their own, without releases."""
    shutil.copytree(ROOT / "raw", folder / "raw")
    shutil.copytree(ROOT / "sources", folder / "sources")
    return Settings(folder / "raw", folder / "curated", folder / "sources")


@pytest.fixture
def project(tmp_path: Path) -> Settings:
    """A project to change."""
    return copy_of_project(tmp_path)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shipped publications, released once for all tests that only look."""
    project = copy_of_project(tmp_path_factory.mktemp("released"))
    assert journey.run(project, offline=True, prefect=False) == journey.PUBLISHED
    return project
