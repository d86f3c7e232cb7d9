"""The raw store: bytes written once, every look recorded, nothing trusted unread."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import store
from flows.registry import RegistryError
from flows.settings import Settings
from flows.store import StoreError

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def put(raw: Path, data: bytes, days: int = 0) -> str:
    at = DAY + timedelta(days=days)
    return store.put(raw, "acme", "list", data, came="fetched", at=at, facts={"url": "https://a"})


def test_bytes_are_stored_once_read_only_under_their_hash(tmp_path: Path) -> None:
    sha256 = put(tmp_path, b"one")
    path = tmp_path / "acme" / "list" / f"{sha256}.txt"
    assert path.read_bytes() == b"one"
    assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    before = path.stat().st_mtime_ns
    assert put(tmp_path, b"one", days=1) == sha256
    assert path.stat().st_mtime_ns == before
    assert len(store.looks(tmp_path, "acme", "list")) == 2


def test_version_spans_the_looks_that_found_the_same_bytes(tmp_path: Path) -> None:
    for days, data in enumerate([b"one", b"one", b"two", b"one"]):
        put(tmp_path, data, days)
    found = store.versions(tmp_path, "acme", "list")
    spans = [((v.first_seen - DAY).days, (v.last_seen - DAY).days) for v in found]
    assert spans == [(0, 1), (2, 2), (3, 3)]
    assert found[0].sha256 == found[2].sha256
    assert found[0].url == "https://a"


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(5)))
def test_order_in_which_looks_are_recorded_does_not_matter(order: list[int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for days in order:
            put(Path(folder), b"even" if days % 2 == 0 else b"odd", days)
        found = store.versions(Path(folder), "acme", "list")
    assert [(v.first_seen - DAY).days for v in found] == [0, 1, 2, 3, 4]


def test_last_look_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, b"one")
    path = tmp_path / "acme" / "list" / "seen.jsonl"
    path.write_text(path.read_text() + '{"at": "2026-01-0')
    assert len(store.looks(tmp_path, "acme", "list")) == 1


def test_damaged_look_names_its_line(tmp_path: Path) -> None:
    put(tmp_path, b"one")
    path = tmp_path / "acme" / "list" / "seen.jsonl"
    path.write_text("not a look\n" + path.read_text())
    with pytest.raises(StoreError, match=r"seen\.jsonl, line 1: not a look"):
        store.looks(tmp_path, "acme", "list")


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"x" + d[1:], lambda _: b""])
def test_damaged_bytes_are_never_handed_out(tmp_path: Path, damage: object) -> None:
    sha256 = put(tmp_path, b"one")
    path = tmp_path / "acme" / "list" / f"{sha256}.txt"
    path.chmod(0o640)
    path.write_bytes(damage(b"one"))  # type: ignore[operator]
    (snapshot,) = store.versions(tmp_path, "acme", "list")
    with pytest.raises(StoreError, match="not those it is named by"):
        store.read(tmp_path, snapshot)


def test_missing_bytes_and_descriptions_name_the_file(tmp_path: Path) -> None:
    sha256 = put(tmp_path, b"one")
    (snapshot,) = store.versions(tmp_path, "acme", "list")
    (tmp_path / "acme" / "list" / f"{sha256}.txt").unlink()
    with pytest.raises(StoreError, match=sha256):
        store.read(tmp_path, snapshot)
    (tmp_path / "acme" / "list" / f"{sha256}.json").unlink()
    with pytest.raises(StoreError, match=sha256):
        store.versions(tmp_path, "acme", "list")


def test_file_added_by_hand_becomes_the_newest_version(project: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("a newer list")
    said = store.add_file(project, "cigna_commercial_dme", path)
    newest = store.versions(project.raw, "cigna_commercial_dme", "prior_authorization_list")[-1]
    assert newest.came == "added"
    assert newest.sha256 in said
    with pytest.raises(RegistryError, match="no such source"):
        store.add_file(project, "cigna", path)
