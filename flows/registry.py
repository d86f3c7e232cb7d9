"""The registry: one YAML file a source, loaded and checked.

Knows how to name the file and the key of a mistake. What a source may say is declared in
`schemas.source`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.source import Source


class RegistryError(ValueError):
    """A source file that cannot be used; the message names the file, the key and the next step."""


# The parser in C takes a tenth of the time; a PyYAML built without it has only the other one.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_Loader):  # type: ignore[misc,valid-type]
    """Safe YAML in which a key that stands twice is an error, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} stands twice", key.start_mark
                )
            seen.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _in_words(mistake: ErrorDetails) -> str:
    key = ".".join(str(part) for part in mistake["loc"] if part != "[key]") or "(whole file)"
    if mistake["type"] == "extra_forbidden":
        return f"{key}: no such key"
    if mistake["type"] == "missing":
        return f"{key}: missing"
    hint = " (quote it)" if isinstance(mistake["input"], bool | int) else ""
    return (
        f"{key}: {mistake['msg'].removeprefix('Value error, ')}, not {mistake['input']!r:.60}{hint}"
    )


def load_source(path: Path) -> Source:
    """The source that a YAML file describes."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"{path}: {error.strerror}; name an existing source file") from error
    except UnicodeDecodeError as error:
        raise RegistryError(f"{path}: not YAML: {error}; correct the file") from error
    return _source_of(path, text)


# Every stage of a refresh asks for its source by name.
@lru_cache(maxsize=1024)
def _source_of(path: Path, text: str) -> Source:
    try:
        said = yaml.load(text, _UniqueKeys)  # noqa: S506 (a SafeLoader)
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise RegistryError(f"{path}: not YAML: {where}; correct the file") from error
    try:
        return Source.model_validate(said)
    except ValidationError as error:
        raise RegistryError(
            f"{path}: {'; '.join(map(_in_words, error.errors(include_url=False)[:5]))}; "
            "docs/add-a-source.md explains the keys"
        ) from error


def load_sources(folder: Path) -> tuple[Source, ...]:
    """Every source of the registry, in the order of their names."""
    if not folder.is_dir():
        raise RegistryError(f"{folder}: no such folder; run precert where sources/ lies")
    sources = []
    for path in sorted(folder.glob("*.yml")):
        source = load_source(path)
        if source.source != path.stem:
            raise RegistryError(
                f"{path}: source: {source.source!r} is not the file's name; make them the same"
            )
        sources.append(source)
    if not sources:
        raise RegistryError(f"{folder}: no *.yml files; add a source, see docs/add-a-source.md")
    return tuple(sources)


def find_source(folder: Path, name: str) -> Source:
    """One source by its name."""
    path = folder / f"{name}.yml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yml"))) or "none"
        raise RegistryError(f"{name}: no such source in {folder}; known are {known}")
    return load_source(path)
