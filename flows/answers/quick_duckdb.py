"""DuckDB as a reading command opens it: in memory, and without what its package loads beside it.

The package `duckdb` gives its engine, the module `_duckdb`, relations, expressions and links to
other libraries; to load these takes twice as long as the engine and a query. What is queried is
not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from flows.releases import connected, reading_with

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@cache
def _engine() -> ModuleType:
    try:
        return import_module("_duckdb")
    except ImportError:  # a version of the package that has its engine elsewhere
        return import_module("duckdb")


@cache
def _connection() -> DuckDBPyConnection:
    """The one DuckDB of this process; it has no tables, so that nothing has to be closed."""
    # A file is believed for its bytes at each question, not for those that were read before.
    return connected(_engine(), enable_external_file_cache=False)


@contextmanager
def opened() -> Iterator[DuckDBPyConnection]:
    """The DuckDB that the questions of a process share, each of which reads all of its answer.

    Where rows are streamed, `flows.releases.opened` gives a connection of their own.
    """
    with reading_with(_engine()):
        yield _connection()
