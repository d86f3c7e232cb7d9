"""The secrets of a source: filled into its address and headers, and kept out of all else.

A value is loaded once for a look and stays in this process. What servers, libraries and formats
make of it on its way back into a text (`%2B`, `\\u002b`, `&#43;`, Base64) is known here and
found again; where a value goes on the web, and what a body with a value in it means, is not.
"""

from __future__ import annotations

import base64
import functools
import html.entities
import itertools
import logging
import re
import string
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import quote

from schemas.address import Secret
from schemas.source import Source

# Hiding a shorter value would blank ordinary text.
LEAST_CHARACTERS = 8
# Stands for a whole text in which placeholders and their neighbours spell a value again; it is
# too short to hold one.
BLANK = "{...}"


class CredentialError(ValueError):
    """A secret that is not there or cannot be one; says where it should be, never what it is."""


class Kept:
    """A secret's name and value; no repr, copy or pickle shows the value."""

    __slots__ = ("_as_bytes", "_as_text", "name", "value")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value
        spelled = _patterns(value)
        self._as_text = [re.compile(pattern) for pattern in spelled]
        wide = [value.encode(code) for code in ("utf-16-le", "utf-16-be")]
        self._as_bytes = [re.compile(_in_bytes(pattern)) for pattern in spelled]
        self._as_bytes += [re.compile(re.escape(text)) for text in wide]

    def __repr__(self) -> str:
        return f"{{{self.name}}}"

    def __deepcopy__(self, memo: object) -> Kept:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret stays in the process that loaded it; load it there again")

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the text has the value, however it is written: from and to."""
        for pattern in self._as_text:
            found = pattern.search(text)
            while found:
                yield found.span()
                found = pattern.search(text, found.start() + 1)

    def is_in(self, text: str | bytes) -> bool:
        """Whether the text has the value, however it is written."""
        if isinstance(text, str):
            return any(pattern.search(text) for pattern in self._as_text)
        return any(pattern.search(text) for pattern in self._as_bytes)


@dataclass(frozen=True, slots=True, eq=False)
class Credentials:
    """The secrets of a source, and its headers as its YAML has them."""

    secrets: tuple[Kept, ...] = ()
    templates: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials stay in the process that loaded them; load them there again")

    def fill_url(self, template: str) -> str:
        """An address of the source's YAML with its secrets, percent-encoded, for the web only.

        Never fill what came from the web: a link with `{name}` in it would fetch the secret.
        """
        return self._fill(template, functools.partial(quote, safe=""))

    def headers(self) -> dict[str, str]:
        """The source's headers with its secrets as they are, for the source's own origin only."""
        return {name: self._fill(template, str) for name, template in self.templates.items()}

    def hide(self, text: str) -> str:
        """The text with `{name}` for each value in it, however it is written there."""
        return _hide(text, self.secrets)

    def hides(self, text: str | bytes) -> bool:
        """Whether a text or a body has a value in it, however it is written there."""
        return any(secret.is_in(text) for secret in self.secrets)

    def _fill(self, template: str, encode: Callable[[str], str]) -> str:
        values = {f"{{{secret.name}}}": secret.value for secret in self.secrets}
        if not values:
            return template
        # All at once, so that a value with {name} in it stays as it is.
        placeholder = "|".join(map(re.escape, values))
        return re.sub(placeholder, lambda found: encode(values[found[0]]), template)


NO_CREDENTIALS = Credentials()


def credentials_of(
    source: Source, environ: Mapping[str, str], block: Callable[[str], str] | None
) -> Credentials:
    """The secrets of a source from the environment and from Prefect's blocks.

    `block` gives the text of a block and raises `LookupError` where there is none of that name;
    None in a run without Prefect. Raises `CredentialError`.
    """
    if source.address is None:
        return NO_CREDENTIALS
    address, key = source.address, source.source
    loaded = Credentials(
        tuple(
            Kept(name, _checked(_load(key, secret, environ, block), f"{key}: {_place(secret)}"))
            for name, secret in address.secrets.items()
        ),
        address.headers,
    )
    shown = [key, address.start, *itertools.chain(*address.headers.items())]
    for secret in loaded.secrets:
        place = f"{key}: {_place(address.secrets[secret.name])}"
        if any(secret.is_in(text) for text in (*shown, secret.name, place)):
            raise CredentialError(
                f"{place} holds words of the source's own YAML; put the secret itself there"
            )
        is_sent = any(f"{{{secret.name}}}" in template for template in address.headers.values())
        if is_sent and not secret.value.isascii():
            raise CredentialError(
                f"{place} goes into a header and has characters outside ASCII; put there what the "
                "publisher issued, or its encoded form"
            )
    return loaded


def _place(secret: Secret) -> str:
    if secret.env is not None:
        return f"the environment variable {secret.env}"
    return f"the Prefect block secret/{secret.block}"


def _load(
    key: str, secret: Secret, environ: Mapping[str, str], block: Callable[[str], str] | None
) -> str:
    place = _place(secret)
    if secret.env is not None:
        if secret.env not in environ:
            raise CredentialError(f"{key}: {place} is not set; set it and run again")
        return environ[secret.env]
    assert secret.block is not None
    if block is None:
        raise CredentialError(
            f"{key}: {place} needs a run with Prefect; run without --no-prefect, or name an "
            "environment variable with env"
        )
    try:
        return block(secret.block)
    except LookupError:
        raise CredentialError(
            f"{key}: {place} is not there; save a block of the kind Secret under that name"
        ) from None


def _checked(value: str, place: str) -> str:
    if not isinstance(value, str):
        raise CredentialError(f"{place} holds other than text; save the secret as plain text")
    wrong = None
    if not value:
        wrong = "is empty; put the secret there"
    elif not value.isprintable():
        wrong = "has a line break or another character that does not print; save it without"
    elif value != value.strip():
        wrong = "begins or ends with a space; save it without"
    elif len(value) < LEAST_CHARACTERS:
        wrong = (
            f"has fewer than {LEAST_CHARACTERS} characters, too few to be hidden in a text; ask "
            "the publisher for a longer one"
        )
    if wrong:
        raise CredentialError(f"{place} {wrong}")
    return value


# Characters that no encoding needs to change; all others have many spellings.
_PLAIN = frozenset(string.ascii_letters + string.digits)
_ENTITIES = {**html.entities.codepoint2name, ord("'"): "apos"}
# Texts are quoted within quoted texts: JSON in a logged repr, an address in an address. The
# bounds leave room for three levels, and keep the search linear in bodies made to slow it.
_PERCENT = "%(?:25){0,3}"
_BACKSLASH = r"\\\\{0,7}"


def _patterns(value: str) -> list[str]:
    """Patterns of all spellings of a value: plain and escaped, and in Base64."""
    encoded = [value.encode()]
    if not value.isascii() and all(ord(char) < 0x100 for char in value):
        encoded.append(value.encode("latin-1"))
    return [_spelled(value), *itertools.chain.from_iterable(map(_base64, encoded))]


def _spelled(value: str) -> str:
    pattern = ""
    for char, run in itertools.groupby(value):
        count = len(list(run))
        raw = [re.escape(char), re.escape(char.encode().decode("latin-1"))]
        if char == "\\":
            # Each level of quotes doubles them, so a run is counted as a whole.
            ways = [f"(?:{'|'.join(_escapes(char))}){{{count}}}"]
            pattern += _either([*ways, rf"\\\\{{{count - 1},{8 * count - 1}}}"])
        elif char in _PLAIN:
            pattern += _either([*_escapes(char), char]) * count
        else:
            quoted = [_BACKSLASH + way for way in raw]
            pattern += _either([*_escapes(char), *quoted, *raw]) * count
    return pattern


def _escapes(char: str) -> list[str]:
    """Patterns of the ways to write a character other than as itself."""
    code, utf8 = ord(char), char.encode()
    ways = ["".join(_PERCENT + _hex(byte, 2) for byte in utf8)]
    if char in _PLAIN:
        return ways
    if char == " ":
        ways.append(r"\+")
    if code < 0x100:
        ways += [_PERCENT + _hex(code, 2), _BACKSLASH + "x" + _hex(code, 2)]
    wide = char.encode("utf-16-be")
    units = [int.from_bytes(wide[at : at + 2]) for at in range(0, len(wide), 2)]
    ways.append("".join(_BACKSLASH + "u" + _hex(unit, 4) for unit in units))
    ways.append(_BACKSLASH + "U" + _hex(code, 8))
    ways.append("".join(_BACKSLASH + "x" + _hex(byte, 2) for byte in utf8))
    ways += [f"&#0{{0,5}}{code};", f"&#[xX]0{{0,5}}{_hex(code, 1)};"]
    if code in _ENTITIES:
        ways.append(f"&{_ENTITIES[code]};")
    return ways


def _hex(number: int, width: int) -> str:
    """A pattern of the number's digits in either case."""
    digits = f"{number:0{width}x}"
    return re.sub("[a-f]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", digits)


def _either(ways: list[str]) -> str:
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(dict.fromkeys(ways))})"


def _base64(value: bytes) -> Iterator[str]:
    """Patterns of the value within any Base64, where it may begin at each third of a group.

    A character that holds some of its bits, beside those of a neighbour, is one of a few.
    """
    for before in range(3):
        texts = [
            base64.b64encode(bytes([byte]) * before + value + bytes([byte]) * 2).decode()
            for byte in range(256)
        ]
        first, end = 8 * before // 6, -(8 * (before + len(value)) // -6)
        places = [sorted({text[at] for text in texts}) for at in range(first, end)]
        yield "".join(_either([_digit(char) for char in chars]) for chars in places)


def _digit(char: str) -> str:
    """A pattern of a digit of Base64 in both alphabets, also percent-encoded or escaped."""
    if char == "+":
        return _either([*_escapes("+"), r"\+", "-"])
    if char == "/":
        return _either([*_escapes("/"), _BACKSLASH + "/", "/", "_"])
    return char


def _in_bytes(pattern: str) -> bytes:
    # A character that no byte is has its UTF-8 beside it, as the characters of the same numbers.
    return re.sub(r"[^\x00-\xff]", lambda char: char[0].encode().decode("latin-1"), pattern).encode(
        "latin-1"
    )


def _hide(text: str, secrets: Iterable[Kept]) -> str:
    # Of those that begin at one place, the longest comes first and covers the others.
    places = sorted(
        (start, -end, secret.name) for secret in secrets for start, end in secret.places(text)
    )
    if not places:
        return text
    pieces, at = [], 0
    for start, end, name in places:
        if -end > at:
            pieces += [text[at:start], f"{{{name}}}"]
            at = -end
    hidden = "".join([*pieces, text[at:]])
    return BLANK if any(secret.is_in(hidden) for secret in secrets) else hidden


class Redaction(logging.Filter):
    """Takes all values that are `hidden` now out of a record: words, arguments, errors, extras.

    Every record passes. An error becomes its text, so that no handler shows a frame's variables.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if secrets := _HIDING.secrets:
            _redact(record, secrets)
        return True


def _redact(record: logging.LogRecord, secrets: tuple[Kept, ...]) -> None:
    try:
        message, arguments = record.getMessage(), repr(record.args)
        is_clear = not any(secret.is_in(f"{message}\n{arguments}") for secret in secrets)
    except Exception:  # noqa: BLE001 (logging would print words and arguments that do not fit)
        message, is_clear = f"{_shown(record.msg)} % {_shown(record.args)}", False
    if not is_clear:
        record.msg, record.args = message, ()
    if record.exc_info:
        record.exc_text = record.exc_text or logging.Formatter().formatException(record.exc_info)
        record.exc_info = None
    said = vars(record)
    for name, value in list(said.items()):
        if isinstance(value, str):
            said[name] = _hide(value, secrets)
        elif any(secret.is_in(_shown(value)) for secret in secrets):
            said[name] = _hide(_shown(value), secrets)


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (a broken repr of another's object may not end a look)
        return f"<{type(value).__name__}>"


_Handle = Callable[[logging.Logger, logging.LogRecord], None]


class _Hiding:
    """The credentials that are hidden in this process now, by whichever thread.

    Filters of a logger do not see the records of its children, and a record factory does not see
    `extra`; what each logger does with each of its records, before any handler, is `handle`.
    """

    def __init__(self) -> None:
        self.secrets: tuple[Kept, ...] = ()
        self._active: list[Credentials] = []
        self._lock = threading.Lock()
        self._before: _Handle = logging.Logger.handle
        self._ours: _Handle | None = None

    def add(self, credentials: Credentials) -> None:
        with self._lock:
            if not self._active:
                self._hook()
            self._active.append(credentials)
            self._count()

    def remove(self, credentials: Credentials) -> None:
        with self._lock:
            self._active.remove(credentials)
            self._count()
            # Whoever wrapped ours in the meantime keeps it, and it does nothing.
            if not self._active and logging.Logger.handle is self._ours:
                logging.Logger.handle = self._before  # type: ignore[method-assign, assignment]

    def _count(self) -> None:
        self.secrets = tuple(secret for each in self._active for secret in each.secrets)

    def _hook(self) -> None:
        before, redaction = logging.Logger.handle, Redaction()

        def handle(logger: logging.Logger, record: logging.LogRecord) -> None:
            redaction.filter(record)
            before(logger, record)

        self._before, self._ours = before, handle
        logging.Logger.handle = handle  # type: ignore[method-assign, assignment]


_HIDING = _Hiding()


def hidden_now(text: str) -> str:
    """The text without the values that are hidden in this process now."""
    return _hide(text, _HIDING.secrets)


@contextmanager
def hidden(credentials: Credentials) -> Iterator[None]:
    """While it lasts, no value is in anything that this process logs, whichever thread logs it.

    An error that leaves is logged later, so its words, and those of the errors behind it, are
    hidden too; one that shows a value nevertheless is raised as a `RuntimeError` with its words.
    """
    if not credentials.secrets:
        yield
        return
    _HIDING.add(credentials)
    try:
        yield
    except BaseException as error:
        _clean(error, credentials)
        if credentials.hides(_printed(error)):
            error.__cause__ = error.__context__ = None
        if credentials.hides(_printed(error)):
            said = credentials.hide(f"{type(error).__name__}: {error}")
            raise RuntimeError(said) from None
        raise
    finally:
        _HIDING.remove(credentials)


def _clean(error: BaseException, credentials: Credentials) -> None:
    seen: list[BaseException] = []
    ahead: list[BaseException | None] = [error]
    while ahead:
        each = ahead.pop()
        if each is None or any(each is other for other in seen):
            continue
        seen.append(each)
        each.args = tuple(_cleaned(argument, credentials) for argument in each.args)
        if hasattr(each, "__notes__"):
            each.__notes__ = [credentials.hide(str(note)) for note in each.__notes__]
        ahead += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            ahead += each.exceptions


def _printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _cleaned(value: object, credentials: Credentials) -> object:
    if isinstance(value, str):
        return credentials.hide(value)
    return credentials.hide(_shown(value)) if credentials.hides(_shown(value)) else value
