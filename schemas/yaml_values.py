"""What values in a source's YAML may be: short names, patterns, members of a vocabulary."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.tables import SLUG


class Strict(BaseModel):
    """A part of a source file; a key that it does not have is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_of(allowed: tuple[str, ...]) -> AfterValidator:
    """Checks that a value is one of a vocabulary, and names it where it is not."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        return value

    return AfterValidator(check)


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a pattern: {error}") from error
    return value


Slug = Annotated[str, Field(pattern=f"^{SLUG}$")]
Pattern = Annotated[str, AfterValidator(_compiles)]
