"""The values of a JSON file, with bounds, and nothing of what they mean.

A key that an object has twice is refused: one of its values would be lost. A number that is no
JSON (`NaN`) is refused too.
"""

from __future__ import annotations

import json
from typing import Any

from extractors.reading import ExtractionError

MAX_BYTES = 64 << 20
_SHOWN = 40


def load_json(data: bytes) -> Any:
    """What a JSON file holds, as dictionaries, lists, texts, numbers, booleans and None.

    Raises `ExtractionError` for bytes that are no whole JSON, not in UTF-8, too large, or that
    nest beyond all measure; the message says at which line and column.
    """
    if len(data) > MAX_BYTES:
        raise ExtractionError(f"the JSON has more than {MAX_BYTES >> 20} MiB: look at it by hand")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExtractionError(
            f"the JSON is not in UTF-8 at byte {error.start}: fetch it again"
        ) from error
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        near = text[max(error.pos - _SHOWN, 0) : error.pos]
        raise ExtractionError(
            f"the file is not whole JSON: {error.msg} at line {error.lineno}, column "
            f"{error.colno}, after {near!r}: fetch it again"
        ) from error
    except RecursionError as error:
        raise ExtractionError("the JSON nests beyond all measure: look at it by hand") from error
    except ValueError as error:
        raise ExtractionError(f"the JSON cannot be read: {error}: look at it by hand") from error


def kind_of(value: Any) -> str:
    """What a value is, in words for a message."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    return "null" if value is None else names.get(type(value), "a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")
