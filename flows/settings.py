"""Where a run finds its sources, its raw store and its releases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The three folders of a project."""

    raw: Path = Path("raw")
    curated: Path = Path("curated")
    sources: Path = Path("sources")

    @property
    def parts(self) -> Path:
        """The cache of extracted and validated documents; safe to delete."""
        return self.curated / "parts"

    @property
    def releases(self) -> Path:
        return self.curated / "releases"

    @property
    def prefect_home(self) -> Path:
        """Prefect's database stays with the project, so that only its first start is slow."""
        return self.curated.absolute().parent / ".prefect"
