"""What the environment says on our manners on the web: the variables and their meaning, once.

PRECERT_CONTACT     an address or page for those who read our name in a server's log
PRECERT_PAUSE       seconds between two requests to one host
PRECERT_FULL_DAYS   after how many days a publication is asked for without conditions
PRECERT_LOOPBACK    origins on this machine that may be asked, as host:port; for tests only
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from flows.settings import Web

_PLAIN = re.compile(r"[\x20-\x7e]+")
_ORIGIN = re.compile(r"(?:127\.0\.0\.\d{1,3}|localhost|::1):\d{1,5}")


class EnvironmentValueError(ValueError):
    """A variable whose value cannot be used; the message names it and says what it should be."""


def web_settings(environ: Mapping[str, str] = os.environ) -> Web:
    """Our manners on the web as the environment wants them."""
    contact = environ.get("PRECERT_CONTACT") or None
    if contact is not None and not _PLAIN.fullmatch(contact):
        raise EnvironmentValueError("PRECERT_CONTACT must be plain text: an address or a page")
    loopback = frozenset(environ.get("PRECERT_LOOPBACK", "").split())
    for origin in sorted(loopback):
        if not _ORIGIN.fullmatch(origin):
            raise EnvironmentValueError(
                f"PRECERT_LOOPBACK: {origin!r} is no origin of this machine such as 127.0.0.1:8000"
            )
    default = Web()
    return Web(
        contact=contact,
        pause=_number(environ, "PRECERT_PAUSE", default.pause, 3600),
        full_days=_number(environ, "PRECERT_FULL_DAYS", default.full_days, 366),
        loopback=loopback,
    )


def _number(environ: Mapping[str, str], name: str, default: float, most: float) -> float:
    said = environ.get(name)
    if not said:
        return default
    try:
        number = float(said)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise EnvironmentValueError(f"{name} must be a number from 0 to {most:g}, not {said!r}")
    return number
