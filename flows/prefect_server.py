"""A Prefect server of our own on this machine, for as long as we run.

Knows who may reach it, how to start it, and that it ends with us, however we end. What is run on
it is not known here. Prefect reads its settings when this module is imported, so
`flows.prefect_settings` comes first.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import httpx
from prefect.context import refresh_global_settings_context
from prefect.settings import get_current_settings

_PATIENCE = 300.0
_FAREWELL = 30.0
# PR_SET_PDEATHSIG of Linux.
_SIGNAL_AT_DEATH_OF_PARENT = 1
# Addresses that listen everywhere, and where such a server is found from here.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class OpenHostError(ValueError):
    """An address that others can reach, for a server that wants no password."""


class ServerError(RuntimeError):
    """A server that would not start, did not stay, or cannot be reached."""


def check_host(host: str) -> None:
    """Raises `OpenHostError` for a host that others can reach, where nobody needs a password."""
    if not _is_loopback(host) and not _password():
        raise OpenHostError(
            f"--host {host} lets others reach Prefect's server: set PREFECT_SERVER_API_AUTH_STRING "
            "to user:password, or serve on 127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _password() -> str | None:
    secret = get_current_settings().server.api.auth_string
    return secret.get_secret_value() if secret else None


@contextmanager
def own_server(host: str, port: int) -> Iterator[None]:
    """A server while the context lasts; Prefect here and in processes started from here uses it.

    When it ends by itself we are sent SIGTERM. Raises `ServerError`.
    """
    _require_free(host, port)
    _point_at(host, port)
    signal.signal(signal.SIGTERM, _end)
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Ctrl-C at a terminal is for us: what runs must be able to tell the server of its end.
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    ending = threading.Event()
    try:
        _await(server)
        threading.Thread(target=_watch, args=(server, ending), daemon=True).start()
        yield
    except Exception as error:
        _require_alive(server, error)
        raise
    else:
        _require_alive(server)
    finally:
        ending.set()
        _stop(server)


def _require_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ServerError(
            f"no server can listen on {host}, port {port} ({error.strerror}): end what does, give "
            "another --port, or set PREFECT_API_URL to use the server there"
        ) from error


def _point_at(host: str, port: int) -> None:
    known = _EVERYWHERE.get(host, host)
    place = f"[{known}]" if ":" in known else known
    os.environ["PREFECT_API_URL"] = f"http://{place}:{port}/api"
    password = _password()
    if password:
        os.environ.setdefault("PREFECT_API_AUTH_STRING", password)
    refresh_global_settings_context()


def _die_with_parent() -> None:
    """Runs in the server's process: the kernel ends it when we are killed without a word."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SIGNAL_AT_DEATH_OF_PARENT, signal.SIGTERM)


def _await(server: subprocess.Popen[bytes]) -> None:
    url = f"{os.environ['PREFECT_API_URL']}/health"
    until = time.monotonic() + _PATIENCE
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < until:
            _require_alive(server)
            try:
                if client.get(url).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
    raise ServerError(f"Prefect's server does not answer at {url} after {_PATIENCE:g} s")


def _watch(server: subprocess.Popen[bytes], ending: threading.Event) -> None:
    """End our own work when the server ends: what started us can start both again."""
    server.wait()
    if not ending.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def _require_alive(server: subprocess.Popen[bytes], error: Exception | None = None) -> None:
    if server.poll() is not None:
        raise ServerError(f"Prefect's server ended with status {server.returncode}") from error


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_FAREWELL)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
