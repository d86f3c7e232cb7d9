"""Every curated table, declared once.

The meanings given here are what readers of the Parquet see. How the values are obtained is not
known here.
"""

from __future__ import annotations

from schemas.code_sets import ACTIONS, COVERAGES
from schemas.codes import LICENSES, MODIFIER, MODIFIER_SYSTEMS, PATTERNS, SYSTEMS
from schemas.fields import After, Field, PatternBy, RequiredWhen, Rule, Table
from schemas.statuses import STATUSES

SLUG = r"[a-z0-9]+(?:_[a-z0-9]+)*"
SHA256 = r"[0-9a-f]{64}"
KEY = r"[0-9a-f]{24}"
RELEASE = r"\d{4}-\d{2}"  # the year and month of a code set's release
CODE = "|".join(f"(?:{pattern})" for pattern in PATTERNS.values())

LINES_OF_BUSINESS = (
    "commercial",
    "medicare_advantage",
    "medicare_ffs",
    "medicaid",
    "chip",
    "exchange",
    "dual_special_needs",
    "tricare",
)
# Statuses of a document whose rows are in the release.
PUBLISHED_STATUSES = ("current", "stale")
# Statuses of a document of which nobody has read a word.
UNREAD_STATUSES = ("archived", "missing")
# Kinds of publications whose tables state no PA rule: their rows go to `table_rows`.
REFERENCE_KINDS = ("code_reference", "fee_schedule", "notice_list")
KINDS = (
    "pa_list",
    "bulletin",
    "vendor_article",
    "coverage_policy",
    "code_corrections",
    *REFERENCE_KINDS,
)
CAUSES = ("publication", "reading", "quarantine", "unread", "reference")
# Why a version of a rule ended in known time.
END_BASES = ("changed", "absent_from_list")
DATE_SEMANTICS = ("dos", "request", "unknown")
CONDITION_TYPES = (
    "purchase_only",
    "quantity",
    "amount",
    "age",
    "site_of_service",
    "diagnosis",
    "state",
    "network",
    "step_therapy",
    "other",
)
ROW_FLAGS = {
    "addon_code": "the code is printed with a + before it",
    "category_missing": "the category cell is empty",
    "category_placeholder": "the category cell holds a spreadsheet's placeholder such as #N/A",
    "code_from_number": "the cell holds a number; its leading zeros are those of its format",
    "code_ended": "the code had ended at the document's date, by the code reference",
    "code_lower_case": "the code is printed in lower case",
    "code_not_in_reference": "no code reference of the document's date knows the code",
    "code_not_yet_valid": "the code began after the document's date, by the code reference",
    "code_repaired": "the code was printed with I, L and 1 or O and 0 confused; code_raw has that",
    "code_spaced": "the code is printed with a blank or a hyphen in it",
    "description_withheld": "the description is licensed by the AMA or the ADA and not published",
    "footnote_missing": "the code carries a mark whose footnote was not found",
    "invisible_characters": "characters that cannot be seen were removed from a cell",
    "note_appended": "the note was printed at the end of the description too, and removed there",
    "note_not_interpreted": "the note is published as printed; no rule of the source reads it",
    "range_abbreviated": "the range is printed with a shortened last code, which is completed",
    "reference_engine": "the page was read by the reference engine, the fast one being in doubt",
    "reviewer_not_mapped": "the printed reviewer is published as printed; the source names no one",
    "text_over_border": "a word is printed over the border of its cell",
    "unbalanced_quote": "the description opens a quotation mark and never closes it",
    "word_broken": "a word that a narrow cell broke over lines was put together",
}

_PROVENANCE = (
    Field(
        "row_key",
        "string",
        "Identity of the row: who says it and about which code; stable across releases.",
        required=True,
        pattern=KEY,
        role="derived",
    ),
    Field(
        "row_hash",
        "string",
        "Hash of the content: it changes when any published word of the row changes.",
        required=True,
        pattern=KEY,
        role="derived",
    ),
    Field(
        "source",
        "string",
        "The source file in sources/ that describes the publication.",
        required=True,
        pattern=SLUG,
        role="identity",
    ),
    Field(
        "document",
        "string",
        "The publication within its source.",
        required=True,
        pattern=SLUG,
        role="identity",
    ),
    Field(
        "sha256",
        "string",
        "SHA-256 of the snapshot in raw/ that the row was read from.",
        required=True,
        pattern=SHA256,
        role="place",
    ),
    Field("url", "string", "Address the snapshot came from, where it has one.", role="place"),
    Field(
        "page",
        "integer",
        "Page, from 1; in a text dump of a paged table each repeated header starts one.",
        required=True,
        role="place",
    ),
    Field(
        "line", "integer", "Line in the file or on the page, from 1.", required=True, role="place"
    ),
    Field("raw_text", "string", "The line or lines as printed.", required=True, role="place"),
    Field(
        "bbox",
        "numbers",
        "Place on the page in points (x0, top, x1, bottom), where the format has geometry.",
        role="place",
    ),
)


def _document_table(
    name: str,
    row_is: str,
    fields: tuple[Field, ...],
    *,
    rules: tuple[Rule, ...] = (),
    sort_by: tuple[str, ...] = ("source", "document", "page", "line"),
    identity_repeats: bool = True,
    period: tuple[str, str] | None = None,
) -> Table:
    declared = {field.name for field in fields}
    provenance = tuple(field for field in _PROVENANCE if field.name not in declared)
    identity, places = provenance[:2], provenance[2:]
    return Table(
        name,
        row_is,
        (*identity, *fields, *places),
        rules,
        sort_by,
        key=("row_key",),
        identity_repeats=identity_repeats,
        period=period,
    )


def _code(meaning: str, *, required: bool = True) -> tuple[Field, Field]:
    return (
        Field(
            "code_system",
            "string",
            "Code system of the code.",
            required=required,
            allowed=SYSTEMS,
            role="identity",
        ),
        Field("code", "string", meaning, required=required, pattern=CODE, role="identity"),
    )


# What the dated code reference says of a code, on every table that names codes.
_CODE_STATE = (
    Field(
        "code_active",
        "boolean",
        "Whether the code was valid on code_active_on; empty where no code reference knows it. "
        "Of a range or wildcard: whether any of its codes was.",
        role="derived",
    ),
    Field(
        "code_active_on",
        "date",
        "The day that code_active speaks of: the document's date, or the last day that the code "
        "reference reaches, if that is earlier.",
        role="derived",
    ),
    Field(
        "code_ended_on",
        "date",
        "Last day of validity of a code that had ended by then.",
        role="derived",
    ),
    Field(
        "code_replaced_by",
        "strings",
        "The codes that the reference names in place of one that had ended.",
        pattern=CODE,
        role="derived",
    ),
)
_CODE_MEMBERS = Field(
    "code_members",
    "strings",
    "The codes of a range or wildcard, as the code reference has them on code_active_on; empty for "
    "a single code and beyond the reference.",
    pattern=CODE,
    role="derived",
)
_LICENSE = Field(
    "description_license",
    "string",
    "Whose licence the official words of the code fall under: ama (CPT), ada (CDT); public for "
    "HCPCS Level II. A description is empty unless public.",
    allowed=tuple(dict.fromkeys(LICENSES.values())),
    role="derived",
)
_POLICY = Field(
    "policy",
    "string",
    "Number of the coverage policy, where the document has several.",
    role="context",
)

_CODE_FORMAT = PatternBy(
    "code", "code_system", PATTERNS, "the code has not the form of its code system"
)

PRIOR_AUTHORIZATION = _document_table(
    "prior_authorization",
    "one rule as one payer lists it today",
    (
        Field("payer", "string", "Payer.", required=True, pattern=SLUG, role="identity"),
        Field("payer_name", "string", "Name of the payer.", required=True, role="context"),
        Field(
            "line_of_business",
            "string",
            "Line of business that the list is for.",
            required=True,
            allowed=LINES_OF_BUSINESS,
            role="identity",
        ),
        Field(
            "state",
            "string",
            "State the rule is limited to; empty: not limited to one.",
            pattern="[A-Z]{2}",
            role="identity",
        ),
        Field("list_title", "string", "Title printed above the section.", role="context"),
        Field(
            "section",
            "string",
            "Section of the list; one code may have a rule in several.",
            role="identity",
        ),
        Field("product", "string", "Product as printed."),
        Field("category", "string", "Category in normal form; empty for placeholders."),
        Field("category_raw", "string", "Category as printed."),
        *_code("The code; the first one where code_end is set."),
        Field(
            "code_end",
            "string",
            "Last code of a range, whose members are not enumerated.",
            pattern=CODE,
            role="identity",
        ),
        Field(
            "code_pattern",
            "string",
            "The wildcard as printed, in capitals; code and code_end are then its bounds.",
            role="identity",
        ),
        Field(
            "code_raw",
            "string",
            "The code as printed, with its marks and modifiers.",
            required=True,
        ),
        Field(
            "modifiers",
            "strings",
            "Modifiers printed with the code, all of which the claim has; a row that names "
            "alternatives (26/TC) is a rule of each.",
            pattern=MODIFIER,
            role="identity",
        ),
        Field(
            "description",
            "string",
            "The list's description of the code, without a note repeated at its end.",
        ),
        Field("description_raw", "string", "Description as printed."),
        Field(
            "pa_status",
            "string",
            "What the list says about prior authorization.",
            required=True,
            allowed=tuple(STATUSES),
        ),
        Field(
            "pa_raw",
            "string",
            "The PA value as printed, with the column's label where marks stand under columns; "
            "(empty) for an empty cell that the source gives a meaning, (listed) where to be on "
            "the list is the statement; the words beside the code where these give the status.",
            required=True,
        ),
        Field(
            "crd_pa_needed",
            "string",
            "HL7 Da Vinci CRD 2.2.1 pa-needed code of the status, where HL7 has one.",
            allowed=tuple(
                dict.fromkeys(s.crd_pa_needed for s in STATUSES.values() if s.crd_pa_needed)
            ),
        ),
        Field(
            "conditions",
            "conditions",
            "Structured conditions of a required or conditional rule, each with its printed words.",
            allowed=CONDITION_TYPES,
        ),
        Field("reviewer", "string", "Who reviews the requests."),
        Field("reviewer_raw", "string", "The reviewer or platform as printed."),
        Field(
            "notes",
            "string",
            "The notes as printed: the row's own, those in its code cell, its footnotes; separated "
            "by '; '.",
        ),
        Field("effective_from", "date", "First day on which the rule holds, where one is stated."),
        Field(
            "effective_to", "date", "First day on which it no longer holds, where one is stated."
        ),
        Field(
            "effective_basis",
            "string",
            "What the effective dates rest on.",
            required=True,
            allowed=("stated", "note", "bulletin", "file_name", "none"),
        ),
        Field(
            "date_semantics",
            "string",
            "Whether the dates are dates of service (dos) or of the request.",
            required=True,
            allowed=DATE_SEMANTICS,
        ),
        Field("turnaround", "string", "When to expect a decision, as printed."),
        Field("validity", "string", "How long a decision is valid, as printed."),
        _LICENSE,
        *_CODE_STATE,
        _CODE_MEMBERS,
        Field(
            "flags",
            "strings",
            "What is odd about the row, published all the same.",
            allowed=tuple(ROW_FLAGS),
        ),
        Field(
            "first_seen",
            "instant",
            "When we first saw the rule with this content.",
            role="derived",
        ),
        Field("last_seen", "instant", "When we last saw it.", role="derived"),
    ),
    rules=(
        _CODE_FORMAT,
        RequiredWhen(
            "conditions",
            "pa_status",
            "conditional",
            "a conditional rule has no structured condition",
        ),
        After("effective_to", "effective_from", "the rule ends before it begins"),
        After("code_end", "code", "the range ends before it begins"),
    ),
    sort_by=("payer", "code", "source", "document", "page", "line", "row_key"),
    identity_repeats=False,
    period=("effective_from", "effective_to"),
)

# What a history has beside the columns of a rule.
_KNOWN_TIME = (
    Field(
        "first_seen",
        "instant",
        "First look that found the rule with this content.",
        required=True,
        role="derived",
    ),
    Field(
        "last_seen",
        "instant",
        "Last look that found it so.",
        required=True,
        role="derived",
    ),
    Field(
        "last_sha256",
        "string",
        "SHA-256 of the last snapshot that has it; what is said of its code is as of that one's "
        "day.",
        required=True,
        pattern=SHA256,
        role="derived",
    ),
    Field(
        "known_until",
        "instant",
        "First look that found it otherwise; empty while nothing says that it ended.",
        role="derived",
    ),
    Field(
        "end_basis",
        "string",
        "Why it ended: changed, the list says something else of the same rule; absent_from_list, "
        "a version that was read whole does not have it. Empty while it did not end.",
        allowed=END_BASES,
        role="derived",
    ),
    Field(
        "reappeared",
        "boolean",
        "Whether the rule had been absent from a version that was read whole, and came back.",
        required=True,
        role="derived",
    ),
    Field(
        "unseen_in",
        "strings",
        "SHA-256 of the published versions after first_seen in which it was not seen and which do "
        "not end it: they are cut, or have rows about it that could not be read.",
        pattern=SHA256,
        role="derived",
    ),
)
PRIOR_AUTHORIZATION_HISTORY = Table(
    "prior_authorization_history",
    "one version of one rule, on both axes of time: effective_from to effective_to is what the "
    "publication says (the day effective_to excluded), first_seen to known_until what we knew "
    "(that instant excluded); its place is that in the first snapshot that has it",
    (
        *(f for f in PRIOR_AUTHORIZATION if f.name not in ("first_seen", "last_seen")),
        *_KNOWN_TIME,
    ),
    rules=PRIOR_AUTHORIZATION.rules,
    sort_by=("payer", "code", "source", "document", "row_key", "first_seen"),
    key=("row_key", "first_seen"),
    period=PRIOR_AUTHORIZATION.period,
)

TABLE_ROWS = _document_table(
    "table_rows",
    "one row of a published table that states no PA rule: a fee schedule, a code set, a notice "
    "list; for each of its codes where it names several",
    (
        Field("payer", "string", "Payer, where one publishes it.", pattern=SLUG, role="identity"),
        Field("list_title", "string", "Title printed above the section.", role="context"),
        Field("section", "string", "Section of the table.", role="identity"),
        *_code("The code; the first one where code_end is set.", required=False),
        Field("code_end", "string", "Last code of a range.", pattern=CODE, role="identity"),
        Field(
            "code_pattern",
            "string",
            "The wildcard as printed, in capitals; code and code_end are then its bounds.",
            role="identity",
        ),
        Field("code_raw", "string", "The code as printed; the modifier where the row is of one."),
        Field(
            "modifiers",
            "strings",
            "Modifiers that belong to the code; without a code, the modifier the row is about.",
            pattern=MODIFIER,
            role="identity",
        ),
        Field(
            "entry",
            "string",
            "What a row without code and modifier is about: its description, else its first cell.",
            role="identity",
        ),
        Field("description", "string", "Description as printed; empty for licensed words."),
        Field("effective_from", "date", "First day on which the row holds, where one is stated."),
        Field(
            "effective_to", "date", "First day on which it no longer holds, where one is stated."
        ),
        Field(
            "cells",
            "cells",
            "Every cell that is not empty, by the printed label of its column; licensed words "
            "are replaced by an ellipsis, here and in raw_text.",
        ),
        _LICENSE,
        *_CODE_STATE,
        _CODE_MEMBERS,
        Field(
            "flags",
            "strings",
            "What is odd about the row, published all the same.",
            allowed=tuple(ROW_FLAGS),
        ),
    ),
    rules=(
        _CODE_FORMAT,
        After("effective_to", "effective_from", "the row ends before it begins"),
        After("code_end", "code", "the range ends before it begins"),
    ),
)

DOCUMENTS = Table(
    "documents",
    "one version of one publication",
    (
        Field("source", "string", "The source file in sources/.", required=True, pattern=SLUG),
        Field("document", "string", "The publication in its source.", required=True, pattern=SLUG),
        Field("payer", "string", "Payer whose rules it states, if any.", pattern=SLUG),
        Field("line_of_business", "string", "Line of business.", allowed=LINES_OF_BUSINESS),
        Field("title", "string", "Title as printed; of the source where none is.", required=True),
        Field("publisher", "string", "Who publishes it.", required=True),
        Field("kind", "string", "What kind of publication it is.", required=True, allowed=KINDS),
        Field("tier", "integer", "1 official, 2 a payer's vendor, 3 written by an outsider."),
        Field("url", "string", "Address the snapshot came from."),
        Field("sha256", "string", "SHA-256 of the snapshot; empty if missing.", pattern=SHA256),
        Field("media_type", "string", "Media type found in the bytes."),
        Field("member", "string", "File that was read, where the snapshot is an archive."),
        Field("bytes", "integer", "Size of the snapshot."),
        Field("came", "string", "How it came.", allowed=("fetched", "shipped", "added")),
        Field(
            "is_specimen",
            "boolean",
            "Whether it is a specimen in our own words, not the publication itself.",
        ),
        Field("retrieved_at", "instant", "When this snapshot was retrieved."),
        Field("first_seen", "instant", "First look that found it."),
        Field("last_seen", "instant", "Last look that found it before this release."),
        Field("posted_on", "date", "Date of posting that it states."),
        Field("effective_on", "date", "Effective date that it states for all of it."),
        Field("updated_on", "date", "Date of the last update that it states."),
        Field("pages", "integer", "Pages."),
        Field("lines_seen", "integer", "Lines that the reader saw."),
        Field("rows", "integer", "Rows published from it, over all tables.", required=True),
        Field("row_lines", "integer", "Lines that became published rows."),
        Field("quarantined", "integer", "Lines that became quarantined rows.", required=True),
        Field("ignored", "integer", "Lines ignored, each by a named rule."),
        Field("headers", "integer", "Header lines."),
        Field("problems", "strings", "What went wrong, each with its place."),
        Field(
            "is_truncated",
            "boolean",
            "Whether it ends in the middle of something; empty where that is not known, or where "
            "printed words with codes were left unread, which problems name.",
        ),
        Field(
            "newest_code_added_on",
            "date",
            "First day of the newest code in it, by the code reference: how fresh it really is.",
        ),
        Field(
            "same_as",
            "string",
            "The source whose rows stand for it, where both have the same bulletin.",
            pattern=SLUG,
        ),
        Field(
            "status",
            "string",
            "current: newest and published; held: newest, not published; stale: published though "
            "a newer one is held; superseded: an earlier release of a code set, whose rows are "
            "part of the code reference; archived: newest, kept in raw/ and not read, since its "
            "source says so; missing: never retrieved.",
            required=True,
            allowed=("archived", "current", "held", "missing", "stale", "superseded"),
        ),
        Field("held_reason", "string", "Why it is held and what to do."),
    ),
    rules=(RequiredWhen("held_reason", "status", "held", "a held document gives no reason"),),
    sort_by=("source", "document", "status"),
)

# What a version of a publication and a row of `documents` have in common.
_VERSION_COLUMNS = (
    "source",
    "document",
    "payer",
    "line_of_business",
    "title",
    "publisher",
    "kind",
    "tier",
    "url",
    "sha256",
    "came",
    "is_specimen",
    "retrieved_at",
    "first_seen",
    "last_seen",
    "posted_on",
    "effective_on",
    "updated_on",
    "quarantined",
    "is_truncated",
    "newest_code_added_on",
)
DOCUMENT_HISTORY = Table(
    "document_history",
    "one run of looks that found the same bytes of one publication: what we had of it, and when",
    (
        *(DOCUMENTS[name] for name in _VERSION_COLUMNS),
        Field("rows", "integer", "Rows that passed, over all tables.", required=True),
        Field(
            "known_until",
            "instant",
            "First look that found other bytes; empty for the newest version.",
        ),
        Field(
            "outcome",
            "string",
            "accepted: read, judged and good, as we read it now; held: not published, held_reason "
            "says why; archived: kept and not read.",
            required=True,
            allowed=("accepted", "held", "archived"),
        ),
        Field(
            "is_whole",
            "boolean",
            "Whether absence from it means something: accepted, read to its end with nothing left "
            "unread, and without a row whose code could not be read.",
            required=True,
        ),
        Field("held_reason", "string", "Why it is held."),
    ),
    sort_by=("source", "document", "first_seen"),
    key=("source", "document", "first_seen"),
)

BULLETINS = _document_table(
    "bulletins",
    "one narrative publication",
    (
        Field("title", "string", "Title as printed.", required=True),
        Field("publisher", "string", "Who publishes it.", required=True),
        Field("issuers", "strings", "Who issues it, as its byline says."),
        Field("kind", "string", "What kind of publication it is.", required=True, allowed=KINDS),
        Field("posted_on", "date", "Date of posting."),
        Field("updated_on", "date", "Date of the last update."),
        Field("codes", "strings", "Every code it mentions, in order.", pattern=CODE),
        Field("is_truncated", "boolean", "Whether it ends in the middle.", required=True),
        Field(
            "text_key",
            "string",
            "Hash of its words alone; one bulletin has the same at every address.",
            pattern=KEY,
            role="derived",
        ),
        Field(
            "addresses",
            "strings",
            "Every address at which the same bulletin was found.",
            role="derived",
        ),
    ),
)

BULLETIN_SECTIONS = _document_table(
    "bulletin_sections",
    "one headed section of a narrative publication",
    (
        Field("ordinal", "integer", "Place among the sections, from 1.", required=True),
        Field(
            "level", "integer", "Level of the heading, from 1; 0 before the first.", required=True
        ),
        Field("heading", "string", "Heading; empty before the first.", role="identity"),
        Field("text", "string", "Its text, paragraphs separated by a blank line."),
        _POLICY,
    ),
)

REQUIREMENTS = _document_table(
    "requirements",
    "one dated duty in a bulletin",
    (
        *_code("The code the duty is about."),
        Field(
            "requirement",
            "string",
            "What is required.",
            required=True,
            allowed=(
                "coding_verification",
                "prior_authorization",
                "face_to_face_encounter",
                "written_order",
                "modifier",
            ),
            role="identity",
        ),
        Field("authority", "string", "Who verifies or decides."),
        Field("list_referenced", "string", "List on which the product must stand."),
        Field("effective_from", "date", "First day of the duty.", required=True),
        Field(
            "date_semantics",
            "string",
            "Whether the date is a date of service (dos) or of the request.",
            required=True,
            allowed=DATE_SEMANTICS,
        ),
        Field("sentence", "string", "The sentence that says so.", required=True),
        _POLICY,
        *_CODE_STATE,
    ),
    rules=(_CODE_FORMAT,),
)

CODE_MENTIONS = _document_table(
    "code_mentions",
    "one code in prose",
    (
        *_code("The code."),
        Field("code_raw", "string", "The code as printed.", required=True),
        Field(
            "role",
            "string",
            "What the code is to the text; empty where the text does not say.",
            allowed=("subject", "similar", "base", "addon", "replacement", "example"),
        ),
        Field("section", "string", "Heading of the section.", role="identity"),
        Field("sentence", "string", "The sentence.", required=True),
        _POLICY,
        *_CODE_STATE,
    ),
    rules=(_CODE_FORMAT,),
)

CODE_CLAIMS = _document_table(
    "code_claims",
    "one statement of what a code means, and whether the official words agree",
    (
        *_code("The code."),
        Field("claimed_text", "string", "What the publication says it is.", required=True),
        Field("official_text", "string", "The words it is held against.", role="derived"),
        Field("official_source", "string", "Source of those words.", role="derived"),
        Field(
            "agreement",
            "string",
            "Verdict; unknown without official words.",
            required=True,
            allowed=("agrees", "compatible", "conflicts", "unknown"),
            role="derived",
        ),
        Field(
            "score",
            "number",
            "Share of the claim's content words that the official words have.",
            role="derived",
        ),
        Field(
            "terms_in_conflict",
            "strings",
            "Opposed terms, claimed and official.",
            role="derived",
        ),
        _POLICY,
        *_CODE_STATE,
    ),
    rules=(
        _CODE_FORMAT,
        RequiredWhen("terms_in_conflict", "agreement", "conflicts", "a conflict names no terms"),
        RequiredWhen("official_text", "agreement", "agrees", "agreement without official words"),
    ),
)

CITATIONS = _document_table(
    "citations",
    "one legal or manual citation",
    (
        Field(
            "kind",
            "string",
            "What is cited.",
            required=True,
            allowed=(
                "cfr",
                "federal_register",
                "cms_rule",
                "iom",
                "lcd",
                "article",
                "quality_standards",
            ),
        ),
        Field("raw", "string", "As printed.", required=True),
        Field("normalized", "string", "In normal form.", required=True, role="identity"),
        _POLICY,
    ),
)

REVISIONS = _document_table(
    "revisions",
    "one line of a publication history",
    (
        Field("changed_on", "date", "Date of the change.", required=True, role="identity"),
        Field("description", "string", "What changed, as printed.", required=True),
        _POLICY,
    ),
)

PRODUCTS = _document_table(
    "products",
    "one product tied to a code",
    (
        *_code("The code.")[1:],
        Field("product", "string", "Product, without trade marks.", required=True, role="identity"),
        Field("manufacturer", "string", "Manufacturer as printed."),
        Field("relation", "string", "How they are tied.", required=True, allowed=("coded_as",)),
        Field("stated_on", "date", "Date of the statement, where the publication has one."),
        *_CODE_STATE,
    ),
)

NAMED_ENTITIES = _document_table(
    "named_entities",
    "one modifier or payer named in prose",
    (
        Field(
            "kind",
            "string",
            "Modifier or payer.",
            required=True,
            allowed=("modifier", "payer"),
            role="identity",
        ),
        Field(
            "value", "string", "The modifier, or the payer's name.", required=True, role="identity"
        ),
        Field("value_raw", "string", "As printed.", required=True),
        Field("sentence", "string", "The sentence.", required=True),
        _POLICY,
    ),
)

_CODE_OR_MODIFIER = (
    Field(
        "code_system",
        "string",
        "Code system of the code; modifiers are systems of their own.",
        required=True,
        allowed=(*SYSTEMS, *MODIFIER_SYSTEMS),
        role="identity",
    ),
    Field(
        "code",
        "string",
        "The code, or the modifier.",
        required=True,
        pattern=f"{CODE}|(?:{MODIFIER})",
        role="identity",
    ),
)

CODES = _document_table(
    "codes",
    "one dated version of one code in an official code set",
    (
        *_CODE_OR_MODIFIER,
        Field(
            "effective_from",
            "date",
            "First day of this version, as the code set states it; else the first day of the "
            "first release that has it.",
            role="identity",
        ),
        Field(
            "effective_to",
            "date",
            "First day of the next version; empty for the newest.",
            role="derived",
        ),
        Field(
            "effective_basis",
            "string",
            "Whether effective_from is stated, or is that of the release.",
            allowed=("stated", "release"),
            role="derived",
        ),
        Field("added_on", "date", "First day on which the code was valid."),
        Field("terminated_on", "date", "Last day on which the code was valid, for one that ended."),
        Field("action", "string", "What the release did to the code.", allowed=ACTIONS),
        Field("short_description", "string", "Short words; empty where they are licensed."),
        Field("long_description", "string", "Long words; empty where they are licensed."),
        _LICENSE,
        Field(
            "cross_references", "strings", "Codes that the code set refers to, whatever the reason."
        ),
        Field(
            "replaced_by",
            "strings",
            "The cross references of a code that has ended.",
            role="derived",
        ),
        Field("coverage", "string", "What Medicare says of coverage.", allowed=COVERAGES),
        Field("betos", "string", "BETOS type of service."),
        Field("pricing", "strings", "Pricing indicators."),
        Field(
            "is_noc",
            "boolean",
            "Whether the release's list of codes not otherwise classified has it; empty without "
            "such a list.",
        ),
        Field(
            "is_corrected", "boolean", "Whether a list of corrections changed it.", role="derived"
        ),
        Field(
            "first_release",
            "string",
            "The first release that has this version, by the month of its codes.",
            pattern=RELEASE,
            role="derived",
        ),
        Field(
            "source_release",
            "string",
            "The last release that has this version; its place is given here.",
            pattern=RELEASE,
            role="derived",
        ),
    ),
    rules=(
        PatternBy(
            "code",
            "code_system",
            {**PATTERNS, **dict.fromkeys(MODIFIER_SYSTEMS, MODIFIER)},
            "the code has not the form of its code system",
        ),
    ),
    sort_by=("code_system", "code", "effective_from", "source_release"),
)

CODE_CORRECTIONS = _document_table(
    "code_corrections",
    "one correction of a release of a code set",
    (
        *_CODE_OR_MODIFIER,
        Field(
            "correction",
            "string",
            "What is corrected: the code is added, it ends, single columns are other than printed, "
            "or something that the table codes does not have.",
            required=True,
            allowed=("add", "discontinue", "change", "other"),
        ),
        Field("correction_raw", "string", "What is corrected, as printed.", required=True),
        Field("effective_from", "date", "First day of the correction."),
        Field("release", "string", "The release that is corrected.", pattern=RELEASE),
        Field("short_description", "string", "Corrected short words."),
        Field("long_description", "string", "Corrected long words."),
        Field("cross_references", "strings", "Corrected cross references."),
        Field("coverage", "string", "Corrected coverage.", allowed=COVERAGES),
        Field("betos", "string", "Corrected BETOS type of service."),
        Field("pricing", "strings", "Corrected pricing indicators."),
        Field("comments", "string", "Comments as printed."),
    ),
)

FEES = _document_table(
    "fees",
    "one amount of a fee schedule: of a code with its modifiers, in one state",
    (
        *_code("The code."),
        Field(
            "modifiers",
            "strings",
            "Modifiers of the row, which are part of its key.",
            pattern=MODIFIER,
            role="identity",
        ),
        Field("state", "string", "State or territory.", pattern="[A-Z]{2}", role="identity"),
        Field(
            "is_rural",
            "boolean",
            "Whether the amount is for rural areas; empty where the schedule does not tell.",
            role="identity",
        ),
        Field("amount", "number", "Amount in US dollars, a printed zero included.", required=True),
        Field("amount_raw", "string", "The amount as printed.", required=True),
        Field(
            "has_fee",
            "boolean",
            "Whether the amount is a fee: a zero is how the schedule prints that there is none.",
            required=True,
        ),
        Field(
            "ceiling", "number", "Ceiling in US dollars; empty for a printed zero, which is none."
        ),
        Field("floor", "number", "Floor in US dollars; empty for a printed zero, which is none."),
        Field("jurisdiction", "string", "Jurisdiction as printed."),
        Field("category", "string", "Category as printed."),
        Field("effective_from", "date", "First day of the schedule."),
        Field("column", "string", "Label of the column that it is printed in.", required=True),
        *_CODE_STATE,
    ),
    rules=(_CODE_FORMAT,),
    sort_by=("code", "source", "page", "line", "state", "is_rural"),
)

DRUG_NAMES = _document_table(
    "drug_names",
    "one name of a drug and the code it is billed with, or the name it refers to",
    (
        Field("name", "string", "Name as printed.", required=True, role="identity"),
        Field("dosage", "string", "Dosage that the code is for, as printed.", role="identity"),
        Field("route", "string", "Ways of administration, as printed.", role="identity"),
        *_code("The code; the first one where code_end is set.", required=False),
        Field("code_end", "string", "Last code of a range.", pattern=CODE, role="identity"),
        Field("see", "string", "The name that this one refers to.", role="identity"),
        *_CODE_STATE,
        _CODE_MEMBERS,
    ),
    rules=(_CODE_FORMAT, After("code_end", "code", "the range ends before it begins")),
    sort_by=("name", "source", "document", "page", "line"),
)

COVERAGE_POLICIES = _document_table(
    "coverage_policies",
    "one local coverage determination or article",
    (
        Field(
            "policy",
            "string",
            "Its number: L33686, A52457.",
            required=True,
            pattern=r"[LA]\d{4,6}",
            role="identity",
        ),
        Field(
            "kind", "string", "Determination or article.", required=True, allowed=("lcd", "article")
        ),
        Field("version", "string", "Its version, where one is stated."),
        Field("title", "string", "Title as printed.", required=True),
        Field("address", "string", "Its own address."),
        Field("contractors", "strings", "The contractors that issue it."),
        Field("effective_from", "date", "First day on which it holds, where one is stated."),
        Field("effective_to", "date", "First day on which it no longer holds."),
        Field("updated_on", "date", "Date of the last update."),
        Field("modifiers", "strings", "Modifiers that it lists.", pattern=MODIFIER),
        Field("codes", "strings", "Every code it mentions, in order.", pattern=CODE),
    ),
)

COVERAGE_CODES = _document_table(
    "coverage_codes",
    "one code in a list of a coverage policy",
    (
        Field("policy", "string", "Number of the policy.", required=True, role="identity"),
        *_code("The code; the first one where code_end is set."),
        Field("code_end", "string", "Last code of a range.", pattern=CODE, role="identity"),
        Field("group", "integer", "Number of its group in the policy.", role="identity"),
        Field("group_text", "string", "What the policy says of the group."),
        Field(
            "coverage",
            "string",
            "Whether the policy covers the code; unknown where it lists the code and says neither.",
            required=True,
            allowed=("covered", "not_covered", "conditional", "unknown"),
        ),
        Field("description", "string", "Its words in the list; empty where they are licensed."),
        _LICENSE,
        *_CODE_STATE,
    ),
    rules=(_CODE_FORMAT,),
)


def _side(name: str, which: str) -> tuple[Field, ...]:
    return (
        Field(f"{name}_source", "string", f"Source of the {which}.", required=True, pattern=SLUG),
        Field(f"{name}_document", "string", f"Document of the {which}.", pattern=SLUG),
        Field(f"{name}_row_key", "string", f"Row of the {which}.", pattern=KEY),
        Field(f"{name}_table", "string", f"Table of the {which}.", required=True),
        Field(f"{name}_payer", "string", f"Payer of the {which}.", pattern=SLUG),
        Field(
            f"{name}_scope",
            "string",
            f"Whom the {which} is for: line of business, state, section, modifiers, dates.",
        ),
        Field(f"{name}_says", "string", f"What the {which} says.", required=True),
        Field(f"{name}_sha256", "string", f"Snapshot of the {which}.", pattern=SHA256),
        Field(f"{name}_url", "string", f"Address of the {which}."),
        Field(f"{name}_page", "integer", f"Page of the {which}."),
        Field(f"{name}_line", "integer", f"Line of the {which}."),
    )


CONTRADICTIONS = Table(
    "contradictions",
    "one disagreement between two publications about one code",
    (
        Field(
            "contradiction_key",
            "string",
            "Identity of the disagreement.",
            required=True,
            pattern=KEY,
        ),
        Field(
            "kind",
            "string",
            "payers_differ: two payers' statuses; lists_differ: two lists or sections of one "
            "payer; list_against_duty: a list and a dated duty of a bulletin; other_description: a "
            "list gives the code the official words of another one; claim: a publication's words "
            "for the code conflict with the official ones.",
            required=True,
            allowed=(
                "payers_differ",
                "lists_differ",
                "list_against_duty",
                "other_description",
                "claim",
            ),
        ),
        *_code("The code."),
        Field(
            "strength",
            "string",
            "opposite: one side excludes the other; different: the sides differ, and one may say "
            "nothing of what the other says.",
            required=True,
            allowed=("opposite", "different"),
        ),
        Field(
            "both_may_hold",
            "boolean",
            "Whether the sides speak of different scopes, so that both may be right.",
            required=True,
        ),
        Field("explanation", "string", "The disagreement in one sentence.", required=True),
        *_side("left", "first side"),
        *_side("right", "second side"),
    ),
    rules=(_CODE_FORMAT,),
    sort_by=("kind", "code", "left_source", "right_source", "contradiction_key"),
    key=("contradiction_key",),
)

CHANGES = Table(
    "changes",
    "one difference from the release before",
    (
        Field("op", "string", "What happened.", required=True, allowed=("add", "modify", "remove")),
        Field("table", "string", "Table of the row.", required=True),
        Field("row_key", "string", "Identity of the row.", required=True, pattern=KEY),
        Field(
            "cause",
            "string",
            "publication: the publication changed; reading: we read the same one otherwise, or "
            "began or ceased to read it; quarantine: the row went to quarantine or came back from "
            "it; unread: a newer version may have it, being cut or having rows that could not be "
            "read; reference: the code reference says something else of its code. Where a "
            "publication changed and we read it otherwise, a row may have a change of each, our "
            "own first.",
            required=True,
            allowed=CAUSES,
        ),
        Field("payer", "string", "Payer, where the row has one."),
        Field("code", "string", "Code, where the row has one."),
        Field("fields_changed", "strings", "Columns that differ, for a modification."),
        Field("before", "string", "The row's content before, as JSON."),
        Field("after", "string", "The row's content after, as JSON."),
        Field(
            "materiality",
            "string",
            "high: a rule came, went or changed its status, or a dated duty says something else; "
            "medium: conditions, dates, reviewer or notes, or the code ended or was replaced; low: "
            "anything else.",
            required=True,
            allowed=("high", "medium", "low"),
        ),
    ),
    rules=(
        RequiredWhen("after", "op", "add", "an addition without the row"),
        RequiredWhen("before", "op", "remove", "a removal without the row"),
    ),
    sort_by=("table", "payer", "code", "row_key"),
)

QUARANTINE = Table(
    "quarantine",
    "one row not published, as printed",
    (
        Field("table", "string", "Table the row was meant for.", required=True),
        Field("reasons", "strings", "What is wrong with it, in words.", required=True),
        Field("expectations", "strings", "The expectations it failed.", required=True),
        Field("cells", "strings", "Its cells as printed."),
        Field("code", "string", "Its code, where one could be read."),
        Field("row_key", "string", "Identity that it would have.", required=True, pattern=KEY),
        *_PROVENANCE[2:],
    ),
    sort_by=("source", "document", "page", "line"),
)

# Tables whose rows come out of documents and pass the row gate.
DOCUMENT_TABLES: tuple[Table, ...] = (
    PRIOR_AUTHORIZATION,
    TABLE_ROWS,
    BULLETINS,
    BULLETIN_SECTIONS,
    REQUIREMENTS,
    CODE_MENTIONS,
    CODE_CLAIMS,
    CITATIONS,
    REVISIONS,
    PRODUCTS,
    NAMED_ENTITIES,
    CODES,
    CODE_CORRECTIONS,
    COVERAGE_POLICIES,
    COVERAGE_CODES,
)
# Tables worked out from the rows of others when a release is made.
DERIVED_TABLES: tuple[Table, ...] = (
    PRIOR_AUTHORIZATION_HISTORY,
    DOCUMENT_HISTORY,
    FEES,
    DRUG_NAMES,
    CONTRADICTIONS,
)
TABLES: dict[str, Table] = {
    table.name: table
    for table in (*DOCUMENT_TABLES, *DERIVED_TABLES, DOCUMENTS, CHANGES, QUARANTINE)
}
