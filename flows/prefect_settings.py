"""Prefect's settings, where the user has set none.

Prefect reads its settings from the environment when it is first imported, so they are put there
before, and every process started from here has them too. What is run with them is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from flows.settings import Settings

HOST, PORT = "127.0.0.1", 4200

# Where Prefect knows a setting by two names, this is the one that yields: what the user has set
# under the other name wins.
_SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    # Both matter to a server that runs for months: its history ends after 90 days, and the slot
    # of a run that died with the server comes free, which it never does by default.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
}


def prepare_prefect(
    settings: Settings, host: str = HOST, port: int = PORT, server_log: str = "CRITICAL"
) -> None:
    """Prefect at home in the project, silent, patient, and closed to other sites' pages.

    `host` and `port` are those of a server of our own: only its own pages may read it from a
    browser. The ephemeral server of a single run has no pages, and nothing to say: what fails in
    it fails in the run, and its farewell can be a traceback.
    """
    home = settings.prefect_home
    home.mkdir(parents=True, exist_ok=True)
    ours = {
        "PREFECT_HOME": str(home),
        # By default it copies its pages into its own package, which may not be writable.
        "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(_origins(host, port)),
        "PREFECT_LOGGING_SERVER_LEVEL": server_log,
    }
    for name, value in (ours | _SETTINGS).items():
        os.environ.setdefault(name, value)


def has_server() -> bool:
    """Whether the user named a Prefect server or profile of theirs, where runs are looked at."""
    names = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH")
    return any(os.environ.get(name) for name in names)


def _origins(host: str, port: int) -> Iterator[str]:
    yield f"http://{host}:{port}"
    if host == HOST:
        yield f"http://localhost:{port}"
