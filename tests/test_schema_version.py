"""The schema's version: no column changes without an entry in docs/schema-changelog.md, and what
is taken from a reader raises the major number.

`tests/golden/columns-<version>.txt` has the contract of each version. For a new version: raise
`schemas/version.py`, run `python -m tests.test_schema_version`, which writes its file and prints
the heading for the changelog, and write the entry.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from itertools import pairwise

import pytest

from schemas.contract import changed_names, contract, fingerprint, step_needed
from schemas.fields import Field, Table
from schemas.tables import PRIOR_AUTHORIZATION, TABLES
from schemas.version import SCHEMA_VERSION
from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden"
CHANGELOG = ROOT / "docs" / "schema-changelog.md"
HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2}) \(columns ([0-9a-f]{12})\)$")
STEPS = ("patch", "minor", "major")

Number = tuple[int, ...]


def number(version: str) -> Number:
    return tuple(map(int, version.split(".")))


def lines_of(version: str) -> list[str]:
    return (GOLDEN / f"columns-{version}.txt").read_text(encoding="utf-8").splitlines()


def versions() -> list[str]:
    """The versions that have a file, from the oldest on."""
    names = (path.stem.removeprefix("columns-") for path in GOLDEN.glob("columns-*.txt"))
    return sorted(names, key=number)


def entries() -> dict[str, tuple[str, str]]:
    """The fingerprint and the text of each version's entry, the newest first."""
    found: dict[str, tuple[str, str]] = {}
    version = None
    for line in CHANGELOG.read_text(encoding="utf-8").splitlines():
        heading = HEADING.match(line)
        if line.startswith("## "):
            assert heading, (
                f"{line!r} has not the form '## [1.1.0] - 2026-11-23 (columns <12 hex>)'"
            )
            version = heading[1]
            found[version] = (heading[3], "")
        elif version:
            mark, text = found[version]
            found[version] = (mark, f"{text}{line}\n")
    return found


def step_taken(before: str, after: str) -> str:
    """The number that rises from one version to the next, and that the next numbers begin anew."""
    old, new = number(before), number(after)
    place = next(place for place in range(3) if old[place] != new[place])
    assert new[place] == old[place] + 1, f"{after} does not follow {before}"
    assert not any(new[place + 1 :]), f"{after} does not follow {before}"
    return ("major", "minor", "patch")[place]


def test_columns_are_those_of_the_version() -> None:
    assert SCHEMA_VERSION in versions(), (
        f"schema version {SCHEMA_VERSION} has no file: run python -m tests.test_schema_version"
    )
    written, now = lines_of(SCHEMA_VERSION), contract(TABLES.values())
    names = ", ".join(sorted(changed_names(written, now)))
    assert written == now, (
        f"{names} differ from those of schema version {SCHEMA_VERSION}, which asks for a new "
        f"{step_needed(written, now)} version: raise SCHEMA_VERSION, run "
        "python -m tests.test_schema_version, and say in docs/schema-changelog.md what it is for "
        "readers"
    )


def test_changelog_has_an_entry_for_each_version_and_its_columns() -> None:
    found = entries()
    assert list(found) == versions()[::-1]
    assert next(iter(found)) == SCHEMA_VERSION
    for version, (mark, _text) in found.items():
        assert mark == fingerprint(lines_of(version)), f"the heading of {version} is another's"


def test_entry_names_what_changed() -> None:
    found, known = entries(), versions()
    for before, after in pairwise(known):
        text = found[after][1]
        for name in changed_names(lines_of(before), lines_of(after)):
            assert f"`{name}`" in text, f"the entry of {after} does not name `{name}`"


def test_each_version_rises_by_what_it_takes_from_readers() -> None:
    known = versions()
    assert known[0] == "1.0.0"
    for before, after in pairwise(known):
        needed = step_needed(lines_of(before), lines_of(after))
        assert STEPS.index(step_taken(before, after)) >= STEPS.index(needed), (before, after)


CODE = PRIOR_AUTHORIZATION["code"]
STATUS = PRIOR_AUTHORIZATION["pa_status"]
NOTES = PRIOR_AUTHORIZATION["notes"]
ADDED = Field("added", "string", "New.")


def with_field(old: Field, *new: Field) -> Table:
    """The rules' table with other columns in place of one."""
    fields: list[Field] = []
    for field in PRIOR_AUTHORIZATION:
        fields += new if field is old else (field,)
    return replace(PRIOR_AUTHORIZATION, fields=tuple(fields), key=("row_key",))


@pytest.mark.parametrize(
    ("after", "step"),
    [
        (PRIOR_AUTHORIZATION, "patch"),
        (with_field(NOTES, replace(NOTES, meaning="Other words.")), "patch"),
        (replace(PRIOR_AUTHORIZATION, row_is="another sentence"), "patch"),
        (replace(PRIOR_AUTHORIZATION, fields=PRIOR_AUTHORIZATION.fields[::-1]), "patch"),
        (with_field(NOTES, NOTES, ADDED), "minor"),
        (with_field(STATUS, replace(STATUS, allowed=(*STATUS.allowed, "maybe"))), "minor"),
        (with_field(NOTES, replace(NOTES, required=True)), "minor"),
        (with_field(NOTES, replace(NOTES, pattern="[a-z]+")), "minor"),
        (with_field(NOTES), "major"),
        (with_field(NOTES, replace(NOTES, name="remarks")), "major"),
        (with_field(NOTES, replace(NOTES, kind="strings")), "major"),
        (with_field(CODE, replace(CODE, required=False)), "major"),
        (with_field(CODE, replace(CODE, pattern=r"\w+")), "major"),
        (with_field(STATUS, replace(STATUS, allowed=STATUS.allowed[1:])), "major"),
        (replace(PRIOR_AUTHORIZATION, key=("row_key", "page")), "major"),
        (replace(PRIOR_AUTHORIZATION, name="rules"), "major"),
    ],
)
def test_step_is_what_a_reader_loses(after: Table, step: str) -> None:
    assert step_needed(contract([PRIOR_AUTHORIZATION]), contract([after])) == step


def test_change_of_any_table_is_seen() -> None:
    now = contract(TABLES.values())
    for table in TABLES.values():
        for field in table:
            fields = tuple(one for one in table if one is not field)
            tables = {**TABLES, table.name: replace(table, fields=fields)}
            then = contract(tables.values())
            assert changed_names(now, then) == {f"{table.name}.{field.name}"}
            assert fingerprint(then) != fingerprint(now)
        without = [other for other in TABLES.values() if other is not table]
        assert changed_names(now, contract(without)) == {table.name}
        assert step_needed(now, contract(without)) == "major"


def main() -> None:
    """Write the columns of a new version, and say how its entry in the changelog begins."""
    now = contract(TABLES.values())
    path = GOLDEN / f"columns-{SCHEMA_VERSION}.txt"
    if path.exists() and lines_of(SCHEMA_VERSION) != now:
        sys.exit(
            f"{path.name} has other columns: raise SCHEMA_VERSION in schemas/version.py, or "
            "delete the file if no release was ever made with them"
        )
    path.write_text("\n".join(now) + "\n", encoding="utf-8")
    print(f"## [{SCHEMA_VERSION}] - <date> (columns {fingerprint(now)})")


if __name__ == "__main__":
    main()
