"""How an address is shown in a message: its scheme, host and path, and nothing else of it.

User info, query, fragment and the number of a session may be secret and are never shown; a secret
in the path is. Any text is taken, also one that is no address; whether it may be asked is not
known here.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flows.web.credentials import hidden_now
from schemas.codes import shortened

MOST_CHARACTERS = 200

SESSION = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(r"(?:[^\s:@\\]+|\[[0-9a-fA-F:.]+\])(?::[0-9]*)?")


def shown(url: str) -> str:
    """`scheme://host[:port]/path` of an address, in one line of at most 200 characters.

    The secrets that are hidden now are so before it is cut, so that no half of one is left.
    Control and other invisible characters are shown as U+FFFD. Of a text that is no address, what
    could be user info is left out.
    """
    url = hidden_now(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        scheme = _SCHEME.match(url)
        return f"{scheme[0][:20]}//…" if scheme else "…"
    host, path = parts.netloc.rpartition("@")[2], parts.path
    if not host:
        path = path.rpartition("@")[2]
    elif not _HOST.fullmatch(host):
        host, path = re.split(r"[:\\\s]", host, maxsplit=1)[0], ""
    scheme_part = f"{parts.scheme}:" if parts.scheme else ""
    text = scheme_part + (f"//{host}" if host else "") + SESSION.sub("", path)
    return shortened(
        "".join(sign if sign.isprintable() else "\ufffd" for sign in text), MOST_CHARACTERS
    )
