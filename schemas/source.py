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

from pydantic import Field, model_validator

from schemas.address import Address
from schemas.codes import header_key, value_key
from schemas.statuses import STATUSES
from schemas.tables import (
    CONDITION_TYPES,
    DATE_SEMANTICS,
    KINDS,
    LINES_OF_BUSINESS,
    PRIOR_AUTHORIZATION,
    REFERENCE_KINDS,
    SHA256,
    SLUG,
)
from schemas.yaml_values import Pattern, Slug, Strict, one_of

# What a column of a PA list may mean; another publication's columns may have any names.
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
    "turnaround",
    "validity",
)
# A PA column for one scope or one status: pa_medicaid, pa_notification.
PA_COLUMN = re.compile(rf"pa_{SLUG}")
# What a named group in the pattern of a line may carry to the rows below it.
CARRIED = ("list_title", "section", "category", "effective_on", "posted_on", "updated_on")
# The dates that a note may state; a rule ends before the second.
NOTE_DATES = ("effective_from", "effective_to")
# What a note beside codes may name: the codes, the dates, and where the first of these holds.
CELL_NOTE = ("codes", *NOTE_DATES, "states", "elsewhere_from")
# What a line binds to the rows that carry its mark: the mark, and what it says.
FOOTNOTE = ("mark", "footnote")


PaStatus = Annotated[str, one_of(tuple(STATUSES))]
LineOfBusiness = Annotated[str, one_of(LINES_OF_BUSINESS)]


class Payer(Strict):
    """Who makes the rules: a short id and the name that readers know."""

    id: Slug
    name: str


class Terms(Strict):
    """When someone read the publisher's terms of use, and what came of it."""

    reviewed_on: date
    note: str


class LineRule(Strict):
    """A line that is not a row. Named groups carry their text to the rows below.

    The groups `mark` and `footnote` make it a footnote: what it says belongs to the rows of its
    page whose code carries the mark, or of the whole document where `scope` says so.
    """

    rule: Slug
    pattern: Pattern
    scope: Literal["page", "document"] = "page"

    @model_validator(mode="after")
    def _carries_known_names(self) -> LineRule:
        groups = re.compile(self.pattern).groupindex
        for name in groups:
            if name not in (*CARRIED, *FOOTNOTE):
                raise ValueError(f"group {name!r} is not one of {', '.join((*CARRIED, *FOOTNOTE))}")
        if len(set(groups) & set(FOOTNOTE)) == 1:
            raise ValueError("a footnote needs both groups, mark and footnote")
        return self


class ConditionTemplate(Strict):
    """A structured condition; `value` may also come from the group `value` of the pattern."""

    type: Annotated[str, one_of(CONDITION_TYPES)]
    operator: str | None = None
    value: str | None = None
    unit: str | None = None


class NoteRule(Strict):
    """What a printed note says: a condition, dates (groups of `NOTE_DATES`), or neither.

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
        groups = re.compile(self.pattern).groupindex
        return self.condition is not None or not groups.keys().isdisjoint(NOTE_DATES)


class CellNote(Strict):
    """Words beside the codes of one cell that date some of them, in any case and spacing.

    With `applies: below` the words hold for all codes printed after them in the cell, as in
    "Effective August 12, 2024: L0631, L0637". With `applies: named` they hold for the codes in
    their own group `codes`, as in "*L1833 removed from list effective August 12, 2024". With
    `applies: above` they hold for the codes printed before them since the last words or, where a
    mark stands before the words, for the codes of the cell that carry it, as in "E0747*, E0748
    *Suspended effective August 28, 2024".

    The groups `effective_from` and `effective_to` are dates; a rule ends before the latter. With
    the group `states`, `effective_from` holds in the states that it names, and the date in the
    group `elsewhere_from` in all others. With `status` the dates are those between which the codes
    have this status; before and after them they have that of their row.
    """

    pattern: Pattern
    means: str
    applies: Literal["below", "named", "above"]
    status: PaStatus | None = None

    @model_validator(mode="after")
    def _dates_something(self) -> CellNote:
        groups = set(re.compile(self.pattern).groupindex)
        for name in sorted(groups - set(CELL_NOTE)):
            raise ValueError(f"group {name!r} is not one of {', '.join(CELL_NOTE)}")
        if groups.isdisjoint(NOTE_DATES):
            raise ValueError("a cell note needs a group effective_from or effective_to")
        if ("codes" in groups) != (self.applies == "named"):
            raise ValueError("the group codes belongs to a note that applies to named codes")
        if "states" in groups and (self.status or "effective_from" not in groups):
            raise ValueError("the group states needs the group effective_from and no status")
        if "elsewhere_from" in groups and "states" not in groups:
            raise ValueError("the group elsewhere_from needs the group states")
        return self


class HtmlTable(Strict):
    """A table made of other elements than HTML's own, as CSS selectors, each below the one above.

    `region` alone limits the reading of a page to its content.
    """

    region: str | None = None
    row: str | None = None
    cell: str | None = None

    @model_validator(mode="after")
    def _rows_have_cells(self) -> HtmlTable:
        if (self.row is None) != (self.cell is None):
            raise ValueError("row and cell belong together")
        return self


class Scope(Strict):
    """Whom one of several PA columns speaks of, where it differs from the source's own scope."""

    line_of_business: LineOfBusiness | None = None
    state: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None


class TableRules(Strict):
    """How to read the tables of a list.

    `statuses` says what each printed PA value means; the value "" is an empty cell, which means
    nothing unless it is there. `listed_means` is for a list without PA column, where to be on it
    is the statement. `scopes` gives PA columns for several scopes (`pa_medicaid`): a row is then
    a rule of each. `marked` gives PA columns in one of which each row has one of `marks`.

    `sheets` are patterns of the names of the sheets to read, all visible ones unless given.
    `delimiter` is for a text file whose cells are kept apart by neither tabs nor commas, and
    `positions` for one without header whose columns stand at fixed places: the first and the last
    character of each, from 1.
    `extra_columns` are patterns of labels that need no name of ours. `unheaded` are the columns,
    from left to right, of tables that print no header; a label given for them is a name only.
    `amounts` is a pattern of the labels of columns that hold amounts of money, with the groups
    `state` and, where there are two, `rural`; the table is then one of fees too.
    `entries` are patterns of lines that are whole rows with words in their first column alone,
    such as "Actemra, see Tocilizumab".
    """

    columns: dict[Slug, tuple[str, ...]]
    layouts: tuple[tuple[str, ...], ...]
    statuses: dict[str, PaStatus] = {}
    listed_means: PaStatus | None = None
    scopes: dict[Slug, Scope] = {}
    marked: dict[Slug, PaStatus] = {}
    marks: tuple[str, ...] = ("X",)
    sheets: tuple[Pattern, ...] = ()
    extra_columns: tuple[Pattern, ...] = ()
    unheaded: tuple[Slug, ...] = ()
    entries: tuple[Pattern, ...] = ()
    amounts: Pattern | None = None
    delimiter: Literal[";", "|"] | None = None
    positions: dict[Slug, tuple[int, int]] = {}
    html: HtmlTable | None = None
    cell_notes: tuple[CellNote, ...] = ()
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
        named = (*self.carry_down, *self.placeholders, *self.scopes, *self.marked, *self.unheaded)
        for name in named:
            if name not in self.columns:
                raise ValueError(f"{name!r} is not one of this source's columns")
        return self

    @model_validator(mode="after")
    def _positions_follow_each_other(self) -> TableRules:
        last = 0
        for name, (first, end) in self.positions.items():
            if first <= last or end < first:
                raise ValueError(f"positions of {name!r} must lie behind those before it")
            last = end
        return self

    @property
    def pa_columns(self) -> tuple[str, ...]:
        """The columns whose cells say whether prior authorization is needed; none in some lists."""
        if self.listed_means:
            return ()
        return tuple(self.scopes) or tuple(self.marked) or ("pa",)

    def ways_to_say_it(self) -> int:
        """How many ways of stating a status the rules name; a PA list has exactly one."""
        plain = "pa" in self.columns
        return sum(map(bool, (plain, self.listed_means, self.scopes, self.marked)))


class Twin(Strict):
    """The same records in another file of the archive, which must say the same.

    `positions` are the first and the last character of each column, from 1.
    """

    member: Pattern
    positions: dict[Slug, tuple[int, int]]
    lines: tuple[LineRule, ...] = ()


class CodeSet(Strict):
    """What else belongs to a release of a code set, as patterns of names in its archive.

    `record_layout` is the publisher's own description of the twin's positions, which are held
    against it; `noc` is the list of codes that are not otherwise classified. Both are read where
    the archive has them.
    """

    twin: Twin | None = None
    record_layout: Pattern | None = None
    noc: Pattern | None = None


class Corrections(Strict):
    """What the printed actions of a list of corrections mean, as patterns in any case.

    An action that none of these matches changes the columns that its row fills, if any.
    """

    add: Pattern
    discontinue: Pattern


class WebPage(Strict):
    """What of a web page is the publication; menus, licences and page feet are none of it.

    `region` is a CSS selector of the part to read; of elements inside each other it means the
    innermost. There the publication begins with the heading of the first level, of which there is
    one, and ends with the line that matches the whole of `last`, of which there is one too.
    """

    region: str
    last: Pattern


class NarrativeRules(Strict):
    """How to read a narrative publication; Markdown and HTML headings need no list.

    `page` is for a web page of it; a copy in another format is read whole.
    """

    headings: tuple[str, ...] = ()
    title: Pattern | None = None
    lines: tuple[LineRule, ...] = ()
    page: WebPage | None = None


class Expect(Strict):
    """What must hold before the document may be published.

    `rows` bounds the published rows; `least_share_of_last` and `most_share_of_last` compare with
    the last good version; `quarantined_share` is the most that may be in quarantine; `overlap`
    is the least share of the last version's rules that must come back, `flipped_share` the most
    that may change their status, `unknown_share` the most that may have the status unknown.
    `sections_may_differ` allows one code different statuses in different sections.
    `accepted_versions` are SHA-256 of versions that someone looked at and found right, however
    much they differ from the version before.
    """

    rows: tuple[int, int] = (1, 10_000_000)
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


# What a source says beside what its bytes mean: a change of these reads nothing anew.
_NOT_READING = {"address", "cadence", "extract", "terms"}


class Source(Strict):
    """One source file.

    `member` is a pattern of the name of the file to read in an archive; of corrections there may be
    several. With `extract: false` the publication is only kept in the raw store, until someone
    settles how it is read; nothing needs to be said of its tables, its prose or its size, but of a
    PA list still whose it is.
    """

    source: Slug
    document: Slug
    title: str
    publisher: str
    kind: Annotated[str, one_of(KINDS)]
    tier: Literal[1, 2, 3]
    payer: Payer | None = None
    line_of_business: LineOfBusiness | None = None
    state: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    date_semantics: Annotated[str, one_of(DATE_SEMANTICS)] = "unknown"
    address: Address | None = None
    terms: Literal["unreviewed"] | Terms = "unreviewed"
    cadence: Literal["weekly", "monthly", "quarterly", "yearly", "irregular"]
    member: Pattern | None = None
    table: TableRules | None = None
    code_set: CodeSet | None = None
    corrections: Corrections | None = None
    narrative: NarrativeRules | None = None
    extract: bool = True
    expect: Expect = Expect()

    @model_validator(mode="after")
    def _is_complete(self) -> Source:
        names = (self.title, self.publisher, self.payer.name if self.payer else "")
        if any(name.strip().casefold() == "todo" for name in names):
            raise ValueError("title, publisher or payer still says TODO")
        return self

    @model_validator(mode="after")
    def _kind_has_its_rules(self) -> Source:
        if not self.extract:
            if self.kind == "pa_list" and (self.payer is None or self.line_of_business is None):
                raise ValueError("a pa_list needs payer and line_of_business, read or not")
            return self
        if "rows" not in self.expect.model_fields_set:
            raise ValueError("expect must say how many rows to expect")
        if self.kind == "pa_list":
            if self.table is None or self.payer is None or self.line_of_business is None:
                raise ValueError("a pa_list needs table, payer and line_of_business")
            self._check_pa_list(self.table)
        elif self.kind in (*REFERENCE_KINDS, "code_corrections"):
            if self.table is None:
                raise ValueError(f"a {self.kind} needs table")
            self._check_twin(self.table)
            if (self.kind == "code_corrections") != (self.corrections is not None):
                raise ValueError("corrections belongs to a code_corrections and to no other kind")
        elif self.narrative is None and self.kind != "coverage_policy":
            raise ValueError(f"a {self.kind} needs narrative")
        return self

    def _check_twin(self, table: TableRules) -> None:
        twin = self.code_set.twin if self.code_set else None
        for name in twin.positions if twin else ():
            if name not in table.columns:
                raise ValueError(
                    f"twin.positions has {name!r}, which table.columns does not define"
                )

    @staticmethod
    def _check_pa_list(table: TableRules) -> None:
        for name in table.columns:
            if name not in COLUMNS and not PA_COLUMN.fullmatch(name):
                raise ValueError(f"{name!r} is neither one of {', '.join(COLUMNS)} nor pa_<name>")
        if table.ways_to_say_it() != 1:
            raise ValueError(
                "a pa_list states its statuses in exactly one way: a column pa, listed_means, "
                "scopes or marked"
            )
        for layout in table.layouts:
            for needed in ("code", *table.pa_columns):
                if needed not in layout:
                    raise ValueError(f"a layout has no column {needed!r}")
        if table.listed_means is None and not table.statuses and not table.marked:
            raise ValueError("statuses must say what the printed PA values mean")

    @property
    def main_table(self) -> str:
        """The table whose rows `expect` counts."""
        if self.kind == "pa_list":
            return PRIOR_AUTHORIZATION.name
        if self.kind == "code_reference" and self.code_set is not None:
            return "codes"
        if self.kind == "code_corrections":
            return "code_corrections"
        if self.kind == "coverage_policy":
            return "coverage_policies"
        if self.kind in REFERENCE_KINDS or self.table is not None:
            return "table_rows"
        return "bulletin_sections"

    def fingerprint(self) -> str:
        """A hash of what the YAML says on reading, the same for any order or spacing of keys."""
        said: dict[str, Any] = self.model_dump(mode="json", exclude=_NOT_READING)
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
