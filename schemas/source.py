"""The YAML model of a source: one publication of one publisher, described without code.

Everything that is peculiar to a payer is here: which columns its table has, how it prints a PA
status, which lines are not rows, how many rows to expect. An unknown key is an error, because a
misspelt one would otherwise be a rule that silently does not apply. Where the bytes lie and how
they are read is not known here.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.codes import header_key, value_key
from schemas.statuses import STATUSES
from schemas.tables import (
    CONDITION_TYPES,
    DATE_SEMANTICS,
    KINDS,
    LINES_OF_BUSINESS,
    PRIOR_AUTHORIZATION,
    SHA256,
    SLUG,
)

# What a column of a printed table may mean.
COLUMNS = (
    "code",
    "pa",
    "description",
    "product",
    "category",
    "reviewer",
    "notes",
    "modifiers",
    "effective_from",
    "effective_to",
)
# What a named group in the pattern of a line may carry to the rows below it.
CARRIED = ("list_title", "section", "category", "effective_on", "posted_on", "updated_on")


def _one_of(allowed: tuple[str, ...]) -> AfterValidator:
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
PaStatus = Annotated[str, _one_of(tuple(STATUSES))]
LineOfBusiness = Annotated[str, _one_of(LINES_OF_BUSINESS)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Payer(_Strict):
    """Who makes the rules: a short id and the name that readers know."""

    id: Slug
    name: str


class Address(_Strict):
    """Where the publication is on the web: a fixed address."""

    url: Annotated[str, Field(pattern=r"^https?://")]


class Terms(_Strict):
    """When someone read the publisher's terms of use, and what came of it."""

    reviewed_on: date
    note: str


class LineRule(_Strict):
    """A line that is not a row. Named groups carry their text to the rows below."""

    rule: Slug
    pattern: Pattern

    @model_validator(mode="after")
    def _carries_known_names(self) -> LineRule:
        for name in re.compile(self.pattern).groupindex:
            if name not in CARRIED:
                raise ValueError(f"group {name!r} is not one of {', '.join(CARRIED)}")
        return self


class ConditionTemplate(_Strict):
    """A structured condition; `value` may also come from the group `value` of the pattern."""

    type: Annotated[str, _one_of(CONDITION_TYPES)]
    operator: str | None = None
    value: str | None = None
    unit: str | None = None


class NoteRule(_Strict):
    """What a printed note says: a condition, a date (group `effective_from`), or neither.

    A condition or a date belongs to rows that ask for something (required or conditional). On a
    row that says that nothing is needed it would contradict the row, which goes to quarantine; on
    others the note is published and means nothing more.
    """

    pattern: Pattern
    means: str
    condition: ConditionTemplate | None = None

    @property
    def asks(self) -> bool:
        """Whether the note limits or dates a demand."""
        return self.condition is not None or "(?P<effective_from>" in self.pattern


class TableRules(_Strict):
    """How to read the tables of a list."""

    columns: dict[Annotated[str, _one_of(COLUMNS)], tuple[str, ...]]
    layouts: tuple[tuple[str, ...], ...]
    statuses: dict[str, PaStatus]
    reviewers: dict[str, str] = {}
    placeholders: dict[str, tuple[str, ...]] = {}
    same_category: dict[str, str] = {}
    notes: tuple[NoteRule, ...] = ()
    lines: tuple[LineRule, ...] = ()
    carry_down: tuple[str, ...] = ()
    wrapped_rows: Literal["never", "page_break", "anywhere"] = "never"

    @model_validator(mode="after")
    def _names_differ(self) -> TableRules:
        aliases = [alias for spellings in self.columns.values() for alias in spellings]
        for what, names, key in (
            ("columns", aliases, header_key),
            ("statuses", list(self.statuses), value_key),
        ):
            for first, second in combinations(names, 2):
                if key(first) == key(second):
                    raise ValueError(f"{what} has {first!r} and {second!r}, which are the same")
        return self

    @model_validator(mode="after")
    def _layouts_are_complete(self) -> TableRules:
        for layout in self.layouts:
            unknown = [name for name in layout if name not in self.columns]
            if unknown:
                raise ValueError(f"a layout names {unknown[0]!r}, which columns does not define")
            for needed in ("code", "pa"):
                if needed not in layout:
                    raise ValueError(f"a layout has no column {needed!r}")
        for name in (*self.carry_down, *self.placeholders):
            if name not in self.columns:
                raise ValueError(f"{name!r} is not one of this source's columns")
        return self


class NarrativeRules(_Strict):
    """How to read a narrative publication; Markdown and HTML headings need no list."""

    headings: tuple[str, ...] = ()
    title: Pattern | None = None
    lines: tuple[LineRule, ...] = ()


class Expect(_Strict):
    """What must hold before the document may be published.

    `rows` bounds the published rows; `least_share_of_last` and `most_share_of_last` compare with
    the last good version; `quarantined_share` is the most that may be in quarantine; `overlap`
    is the least share of the last version's rules that must come back, `flipped_share` the most
    that may change their status, `unknown_share` the most that may have the status unknown.
    `sections_may_differ` allows one code different statuses in different sections.
    `accepted_versions` are SHA-256 of versions that someone looked at and found right, however
    much they differ from the version before.
    """

    rows: tuple[int, int]
    least_share_of_last: float = 0.85
    most_share_of_last: float = 1.5
    quarantined_share: float = 0.01
    overlap: float = 0.9
    flipped_share: float = 0.2
    unknown_share: float = 0.005
    sections_may_differ: bool = False
    accepted_versions: tuple[Annotated[str, Field(pattern=f"^{SHA256}$")], ...] = ()

    @model_validator(mode="after")
    def _zero_rows_never_pass(self) -> Expect:
        if self.rows[0] < 1 or self.rows[1] < self.rows[0]:
            raise ValueError("rows must be [least, most] with least at 1 or more")
        return self


class Source(_Strict):
    """One source file."""

    source: Slug
    document: Slug
    title: str
    publisher: str
    kind: Annotated[str, _one_of(KINDS)]
    tier: Literal[1, 2, 3]
    payer: Payer | None = None
    line_of_business: LineOfBusiness | None = None
    state: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    date_semantics: Annotated[str, _one_of(DATE_SEMANTICS)] = "unknown"
    address: Address | None = None
    terms: Literal["unreviewed"] | Terms = "unreviewed"
    cadence: Literal["weekly", "monthly", "quarterly", "yearly", "irregular"]
    table: TableRules | None = None
    narrative: NarrativeRules | None = None
    expect: Expect

    @model_validator(mode="after")
    def _is_complete(self) -> Source:
        names = (self.title, self.publisher, self.payer.name if self.payer else "")
        if any(name.strip().casefold() == "todo" for name in names):
            raise ValueError("title, publisher or payer still says TODO")
        return self

    @model_validator(mode="after")
    def _kind_has_its_rules(self) -> Source:
        if self.kind == "pa_list":
            if self.table is None or self.payer is None or self.line_of_business is None:
                raise ValueError("a pa_list needs table, payer and line_of_business")
        elif self.narrative is None:
            raise ValueError(f"a {self.kind} needs narrative")
        return self

    @property
    def main_table(self) -> str:
        """The table whose rows `expect` counts."""
        return PRIOR_AUTHORIZATION.name if self.table is not None else "bulletin_sections"

    def fingerprint(self) -> str:
        """A hash of all that the YAML says, the same for any order or spacing of its keys."""
        said: dict[str, Any] = self.model_dump(mode="json")
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
