"""The release store as its readers see it: which release is the latest, which came before, and
whether a file still is what was published.

The history of a store is the chain of `previous` from `latest.json`; folders outside of it, such
as those of a killed run or of releases that were rolled back, are never read. Order is that of the
sequence, never of a clock. Only the pointer is written here; writing a release, and what its
tables mean, is not known.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.files import dump_json, load_json, replace_file, sha256_of

if TYPE_CHECKING:
    from types import ModuleType

    from duckdb import DuckDBPyConnection

POINTER = "latest.json"
MANIFEST = "release.json"
# Where a release is made, beside the others, until it is whole.
STAGING = ".staging"
# The tables whose rows tell the size of a release at a glance.
MAIN_TABLES = (
    "prior_authorization",
    "bulletins",
    "requirements",
    "changes",
    "quarantine",
)
# A table of a release in a query, for the path that `intact` gives. Folders named like
# `payer=x` are no columns.
PARQUET = "read_parquet($path, hive_partitioning = false)"
# What lies in every release beside its tables, and what else may: words for people, no data. Of
# releases made before the manifest had their hashes only that they are there can be told.
_COMPANIONS = ("datapackage.json", "NOTES.md", "index.html")
_MAY_BE_THERE = re.compile("|".join([*map(re.escape, (MANIFEST, *_COMPANIONS)), "validation/.+"]))
RELEASE_ID = re.compile(r"[0-9]+-[0-9a-f]{8}")
_VERIFY = "run `precert releases verify` to see what is damaged"
_REBUILD = "run `precert refresh --offline` to build it again from raw/"


class ReleaseError(ValueError):
    """A release that cannot be read; the message names the file and the next step."""


# Named tuples, since a lookup has no time for the library of dataclasses.
class ReleaseFile(NamedTuple):
    """What the manifest says about one file of a release; `rows` is None for other than tables."""

    sha256: str
    bytes: int
    rows: int | None


class Release(NamedTuple):
    """One release: its place in the sequence, when it was made (UTC), and its files by name.

    `companions` are the files beside the tables, of which a manifest of an earlier precert says
    nothing; `said` is all that the manifest says.
    """

    id: str
    sequence: int
    previous: str | None
    created_at: datetime
    folder: Path
    files: dict[str, ReleaseFile]
    companions: dict[str, ReleaseFile]
    said: dict[str, Any]

    def __str__(self) -> str:
        return self.id

    def rows(self, table: str) -> int | None:
        """The number of rows that the manifest gives for a table; None where it has none."""
        file = self.files.get(f"{table}.parquet")
        return file.rows if file else None


def latest(curated: Path) -> Release | None:
    """The release that `latest.json` names; None where nothing was published yet."""
    pointer = curated / POINTER
    if not pointer.exists():
        return None
    said = _json(pointer)
    name = said.get("release")
    if not isinstance(name, str) or not RELEASE_ID.fullmatch(name):
        raise ReleaseError(f"{pointer} names no release ({name!r}): {_REBUILD}")
    release = read_release(curated, name)
    if said.get("sequence") != release.sequence:
        raise ReleaseError(
            f"{pointer} gives sequence {said.get('sequence')!r} to release {name}, whose "
            f"{MANIFEST} says {release.sequence}: {_REBUILD}"
        )
    return release


def history(curated: Path) -> Iterator[Release]:
    """The latest release and those before it, newest first, as far back as they are kept."""
    release = latest(curated)
    if release is not None:
        yield from chain(curated, release)


def chain(curated: Path, release: Release) -> Iterator[Release]:
    """A release and those before it, newest first, as far back as they are kept."""
    while True:
        yield release
        before = release.previous
        if before is None or not (curated / "releases" / before).is_dir():
            return
        older = read_release(curated, before)
        if older.sequence >= release.sequence:
            raise ReleaseError(
                f"release {release} calls {older} the one before it, which has no lower "
                f"sequence ({older.sequence}): {_REBUILD}"
            )
        release = older


def folders(curated: Path) -> list[Path]:
    """The folders that releases may lie in, pointed at or not, oldest first by their names."""
    found = (curated / "releases").glob("[!.]*/")
    return sorted(path for path in found if path.is_dir())


def kept(curated: Path) -> list[Release]:
    """Every release in the store that can be read, pointed at or not, newest first."""
    found = []
    for path in (curated / "releases").glob(f"*/{MANIFEST}"):
        with suppress(ReleaseError):
            found.append(read_release(curated, path.parent.name))
    return sorted(found, key=lambda release: release.sequence, reverse=True)


def is_intact(release: Release) -> bool:
    """Whether every table of a release is the one that was published."""
    return not any(_file_problem(release, *file) for file in release.files.items())


def is_whole(release: Release) -> bool:
    """Whether every table of a release, and all that lies beside them, is what was published."""
    return is_intact(release) and not any(
        _file_problem(release, *file) for file in release.companions.items()
    )


def lacking(release: Release) -> list[str]:
    """What a release lacks of the files beside its tables, where its manifest does not say so."""
    if release.companions:
        return []
    return [name for name in _COMPANIONS if not (release.folder / name).is_file()]


def aside(curated: Path) -> list[Release]:
    """The releases outside of the history that can be read, newest first.

    They were rolled back, left by a run that died, or lie behind a gap in the history.
    """
    in_history = {release.id for release in history(curated)}
    return [release for release in kept(curated) if release.id not in in_history]


def gap(curated: Path, oldest: Release) -> str | None:
    """What is missing behind the oldest release of the history, in words; None for nothing.

    A prune removes the oldest first: where older ones are there, something else removed it.
    """
    missing = oldest.previous
    if missing is None or not RELEASE_ID.fullmatch(missing):
        return None
    names = [path.name for path in folders(curated) if RELEASE_ID.fullmatch(path.name)]
    older = [name for name in names if sequence_of(name) < sequence_of(missing)]
    if missing in names or not older:
        return None
    return (
        f"release {missing}, which {oldest} names as the one before it, is missing, though older "
        f"ones are there ({', '.join(older)}): put its folder back from a copy"
    )


def sequence_of(name: str) -> int:
    """The place in the sequence that the id of a release names."""
    return int(name.partition("-")[0])


def read_release(curated: Path, name: str) -> Release:
    """A release by its id, with what its manifest says."""
    folder = curated / "releases" / name
    path = folder / MANIFEST
    if not RELEASE_ID.fullmatch(name) or not path.exists():
        raise ReleaseError(f"there is no release {name} in {curated}: see `precert releases`")
    said = _json(path)
    try:
        created = datetime.fromisoformat(said["created_at"])
        release = Release(
            id=said["release"],
            sequence=int(said["sequence"]),
            previous=said["previous"],
            created_at=created.astimezone(UTC) if created.tzinfo else created.replace(tzinfo=UTC),
            folder=folder,
            files=_files(said["files"]),
            companions=_files(said.get("companions", {})),
            said=said,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReleaseError(f"{path} cannot be understood ({error!r}): {_REBUILD}") from error
    if release.id != name:
        raise ReleaseError(f"{path} is of release {release.id}, not of {name}: {_REBUILD}")
    return release


def _files(said: dict[str, dict[str, Any]]) -> dict[str, ReleaseFile]:
    return {
        name: ReleaseFile(entry["sha256"], entry["bytes"], entry.get("rows"))
        for name, entry in said.items()
    }


def intact(release: Release, table: str) -> str:
    """The path of a table's Parquet for `PARQUET`, once its bytes have the manifest's hash.

    Characters that DuckDB takes for a pattern are escaped, or it would read other files. Raises
    `ReleaseError` for a file that is missing or not the one published: a Parquet file with one
    flipped bit can be read without an error and give another answer.
    """
    name = f"{table}.parquet"
    if name not in release.files:
        raise ReleaseError(f"release {release} has no table {table}: {_REBUILD}")
    wrong = _file_problem(release, name, release.files[name])
    if wrong:
        raise ReleaseError(f"{wrong}: {_VERIFY}")
    return glob.escape(str(release.folder / name))


def point_to(curated: Path, name: str, sequence: int) -> None:
    """Make a release the latest, in one step."""
    replace_file(curated / POINTER, dump_json({"release": name, "sequence": sequence}))


def roll_back(curated: Path, name: str) -> str | None:
    """Make a release that is kept the latest again; the one it takes the place of.

    That is None where the pointer was damaged, and `name` itself where nothing was to be done.
    Raises `ReleaseError` for a release that is unknown or not whole, and `AlreadyRunning` where a
    refresh runs. The next refresh publishes again what the raw store and the sources say then.
    """
    from flows import runs  # noqa: PLC0415 (readers do not pay for what only a change needs)
    from flows.lock import only_refresh  # noqa: PLC0415

    read_release(curated, name)
    with only_refresh(curated, "precert releases rollback") as holder:
        release = read_release(curated, name)
        problems = _release_problems(release)
        if problems:
            more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
            raise ReleaseError(
                f"release {name} is not whole: {problems[0]}{more}; choose another, see "
                "`precert releases`"
            )
        before = None
        with suppress(ReleaseError):
            now = latest(curated)
            before = now.id if now else None
        if before != name:
            point_to(curated, name, release.sequence)
            runs.set_back(curated, holder, name, before)
        return before


def connected(engine: ModuleType, **more: Any) -> DuckDBPyConnection:
    """An empty DuckDB in memory that loads no extension, by its package or its engine alone."""
    connection: DuckDBPyConnection = engine.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            **more,
        }
    )
    # A bar would be in the midst of what is printed.
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def reading_with(engine: ModuleType) -> Iterator[None]:
    """What DuckDB raises while a release is read comes as `ReleaseError`."""
    try:
        yield
    except engine.Error as error:
        said = str(error).splitlines()[0]
        raise ReleaseError(f"a table of the release cannot be read ({said}): {_VERIFY}") from error


@contextmanager
def opened() -> Iterator[DuckDBPyConnection]:
    """An empty DuckDB in memory, closed afterwards; its errors come as `ReleaseError`."""
    import duckdb  # noqa: PLC0415 (half of a start that may not need it)

    with reading_with(duckdb), closing(connected(duckdb)) as connection:
        yield connection


def literal(text: str) -> str:
    """A text as a string in SQL, where no parameter can stand."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def verify(curated: Path, name: str | None = None) -> list[str]:
    """What is wrong with the pointer and with one release (the latest by default), a line each.

    Every file is held against its bytes, SHA-256 and rows in the manifest; a missing and an
    unknown file are wrong too, and so is a release before it that is there and cannot be read, or
    is missing though older ones are there.
    """
    problems, release = _pointer_problems(curated)
    if name and (release is None or release.id != name):
        try:
            release = read_release(curated, name)
        except ReleaseError as error:
            problems.append(str(error))
            release = None
    if release is None:
        return problems
    return [*problems, *_chain_problems(curated, release), *_release_problems(release)]


def verify_all(curated: Path) -> Iterator[tuple[str | None, list[str]]]:
    """What is wrong with each release in the store, oldest first, pointed at or not, by its name.

    What is wrong with the pointer and the order of releases comes first, without a name.
    """
    problems, release = _pointer_problems(curated)
    yield None, problems + (_chain_problems(curated, release) if release else [])
    for folder in folders(curated):
        try:
            yield folder.name, _release_problems(read_release(curated, folder.name))
        except ReleaseError as error:
            yield folder.name, [f"{folder} holds no release that can be read ({error})"]


def _pointer_problems(curated: Path) -> tuple[list[str], Release | None]:
    try:
        release = latest(curated)
    except ReleaseError as error:
        return [str(error)], None
    if release is None:
        return [f"{curated / POINTER} does not exist: run `precert refresh`"], None
    return [], release


def _chain_problems(curated: Path, release: Release) -> list[str]:
    try:
        *_, oldest = chain(curated, release)
    except ReleaseError as error:
        return [str(error)]
    missing = gap(curated, oldest)
    return [missing] if missing else []


def _release_problems(release: Release) -> list[str]:
    problems = []
    for name, file in sorted(release.files.items()):
        problem = _file_problem(release, name, file) or _rows_problem(release, name)
        if problem:
            problems.append(problem)
    beside = (_file_problem(release, *file) for file in sorted(release.companions.items()))
    problems += filter(None, beside)
    for path in sorted(release.folder.rglob("*")):
        name = path.relative_to(release.folder).as_posix()
        if path.is_file() and name not in release.files and not _may_be_there(release, name):
            problems.append(f"{path} is not in the manifest of release {release}")
    return problems


def _may_be_there(release: Release, name: str) -> bool:
    if release.companions:
        return name in (MANIFEST, *release.companions)
    return _MAY_BE_THERE.fullmatch(name) is not None


def _file_problem(release: Release, name: str, said: ReleaseFile) -> str | None:
    path = release.folder / name
    try:
        size = path.stat().st_size
        if size != said.bytes:
            return f"{path} has {size:,} bytes where the manifest says {said.bytes:,}"
        found = sha256_of(path)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    if found != said.sha256:
        return f"{path} has sha256 {found[:12]} where the manifest says {said.sha256[:12]}"
    return None


def _rows_problem(release: Release, name: str) -> str | None:
    said = release.files[name].rows
    if said is None or not name.endswith(".parquet"):
        return None
    path = release.folder / name
    try:
        with opened() as connection:
            found = connection.execute(
                f"SELECT count(*) FROM {PARQUET}", {"path": glob.escape(str(path))}
            ).fetchone()
    except ReleaseError as error:
        return f"{path}: {error}"
    if found is None or found[0] != said:
        return f"{path} has {found[0] if found else 0:,} rows where the manifest says {said:,}"
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        said = load_json(path)
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read ({error.strerror}): {_REBUILD}") from error
    except ValueError as error:
        raise ReleaseError(f"{path} is not JSON ({error}): {_REBUILD}") from error
    if not isinstance(said, dict):
        raise ReleaseError(f"{path} holds no JSON object: {_REBUILD}")
    return said
