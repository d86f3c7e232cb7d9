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
from typing import TYPE_CHECKING, Any

from flows.releases import ReleaseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CONFIG: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # A file is believed for its bytes at each question, not for those that were read before.
    "enable_external_file_cache": False,
}


@cache
def _engine() -> ModuleType:
    try:
        return import_module("_duckdb")
    except ImportError:  # a version of the package that has its engine elsewhere
        return import_module("duckdb")


@cache
def _connection() -> DuckDBPyConnection:
    """The one DuckDB of this process; it has no tables, so that nothing has to be closed."""
    connection: DuckDBPyConnection = _engine().connect(config=_CONFIG)
    # A bar would be in the midst of what is printed.
    connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def opened() -> Iterator[DuckDBPyConnection]:
    """An empty DuckDB in memory that loads no extension; its errors come as `ReleaseError`."""
    try:
        yield _connection()
    except _engine().Error as error:
        said = str(error).splitlines()[0]
        raise ReleaseError(
            f"a table of the release cannot be read ({said}): run `precert releases verify` to see "
            "what is damaged"
        ) from error
