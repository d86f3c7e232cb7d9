"""A project with one short list of an invented payer, and a code set of invented codes beside it.

For tests of whole releases that need many of them: a refresh of it takes a moment. In the code set
E9901 ended in 2020; L0454, E0466 and K0903 are not in it.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from click.testing import CliRunner

from flows import journey, store
from flows.cli import main
from flows.releases import latest
from flows.settings import Settings
from tests.conftest import ROOT
from tests.kit import KIT
from tests.test_code_rows import CHAIR, MODIFIER, workbook

LIST = ("hostile", "list")
CODE_SET = ("cms_hcpcs_alphanumeric", "quarterly_file")
HEADER = ("Code", "Description", "PA Required", "Effective Date")
# The sizes of a list of a few rows; what else the gates look for is as ever.
EXPECT = {
    "rows": [1, 50],
    "quarantined_share": 0.5,
    "least_share_of_last": 0.5,
    "overlap": 0.5,
    "flipped_share": 0.4,
}
CODES = (
    MODIFIER,
    CHAIR | {"terminated_on": "20200331"},
    CHAIR | {"code": "E0601", "cross_reference_1": ""},
    CHAIR | {"code": "E9905", "added_on": "20200701", "effective_from": "20200701"},
)

# Once, since a workbook has the time of its making in it.
_CODE_BOOK = workbook(CODES)


def small_project(folder: Path, *, codes: bool = False) -> Settings:
    """The project, of which nothing came yet but the code set where it is wanted."""
    project = Settings(folder / "raw", folder / "curated", folder / "sources")
    for path in (project.raw, project.sources):
        path.mkdir(parents=True)
    describe(project)
    if codes:
        name = f"{CODE_SET[0]}.yml"
        text = (ROOT / "sources" / name).read_text(encoding="utf-8")
        few = text.replace("rows: [6000, 12000]", "rows: [1, 9]")
        assert few != text
        (project.sources / name).write_text(few, encoding="utf-8")
        add(project, _CODE_BOOK, date(2026, 1, 1), CODE_SET)
    return project


def copy_of(project: Settings, folder: Path) -> Settings:
    """The project with its releases, to change."""
    for name in ("raw", "sources", "curated"):
        shutil.copytree(getattr(project, name), folder / name)
    return Settings(folder / "raw", folder / "curated", folder / "sources")


def describe(project: Settings, **said: Any) -> None:
    """Write the YAML of the list, with some keys said otherwise."""
    described = KIT | {"expect": EXPECT} | said
    path = project.sources / f"{LIST[0]}.yml"
    path.write_text(yaml.safe_dump(described), encoding="utf-8")


def read_as(**statuses: str) -> dict[str, Any]:
    """The `table` of the YAML with other statuses."""
    table: dict[str, Any] = KIT["table"]
    return table | {"statuses": table["statuses"] | statuses}


def printed(**rules: str) -> bytes:
    """The list with the words of each code's rule."""
    lines = [f"{code},Invented words,{said}," for code, said in rules.items()]
    return "\n".join((",".join(HEADER), *lines, "")).encode()


def add(project: Settings, data: bytes, day: date, source: tuple[str, str] = LIST) -> str:
    """A version as found by a look at noon of a day."""
    at = datetime.combine(day, time(12), UTC)
    return store.put(project.raw, *source, data, came="added", at=at)


def add_by_hand(project: Settings, data: bytes, day: date, aside: Path) -> str:
    """Someone adds a copy that was seen on a day; what is said of it."""
    path = aside / "copy.csv"
    path.write_bytes(data)
    return store.add_file(project, LIST[0], path, seen_on=day)


def refresh(project: Settings, *accept: str) -> int:
    return journey.run(project, offline=True, prefect=False, accept=accept)


def table(project: Settings, name: str, source: str | None = LIST[0]) -> list[dict[str, Any]]:
    """The rows of a table in the latest release, of one source or of all."""
    release = latest(project.curated)
    assert release is not None
    rows = pq.read_table(release.folder / f"{name}.parquet").to_pylist()
    return [row for row in rows if source is None or row["source"] == source]


def changes(project: Settings) -> Counter[tuple[Any, ...]]:
    """The changes of the latest release, as (cause, op, code, fields)."""
    return Counter(
        (row["cause"], row["op"], row["code"], tuple(row["fields_changed"] or ()))
        for row in table(project, "changes", None)
    )


def answer(project: Settings, code: str, *words: str) -> dict[str, Any]:
    """What `precert lookup --json` says of a code, without the name of the release."""
    options = ["--raw", str(project.raw), "--curated", str(project.curated)]
    done = CliRunner().invoke(
        main, [*options, "lookup", code, "--payer", "invented", "--json", *words]
    )
    (said,) = json.loads(done.stdout)
    del said["release"]
    return dict(said)


def forget_history(project: Settings) -> None:
    """Make the latest release one from before releases had a history."""
    release = latest(project.curated)
    assert release is not None
    said = release.said
    for name in ("prior_authorization_history", "document_history"):
        (release.folder / f"{name}.parquet").unlink()
        del said["files"][f"{name}.parquet"]
    said["schema_version"] = "1.0.0"
    (release.folder / "release.json").write_text(json.dumps(said), encoding="utf-8")
