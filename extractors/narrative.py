"""A narrative publication to rows: bulletins, sections, duties, codes, claims, citations.

Puts together what the outline, the sentences and the finders of facts know, and gives each fact
the place of the line it is printed on. Whether a claim agrees with the official words is judged
later, where those words are known; here every claim is `unknown`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from extractors.prose.citations import find_citations
from extractors.prose.definitions import find_definitions, table_definition
from extractors.prose.entities import Entity, find_modifiers, find_payers
from extractors.prose.mentions import find_mentions, role, subjects
from extractors.prose.outline import Outline, outline
from extractors.prose.paragraphs import Paragraph, plain
from extractors.prose.products import find_products
from extractors.prose.requirements import Doubt, Duty, read_duties
from extractors.prose.same_text import text_key
from extractors.prose.sentences import split_sentences
from extractors.reading import Problem, Reading
from extractors.records import Extract, Record
from schemas.codes import MODIFIER, CodeMention
from schemas.provenance import Place
from schemas.source import NarrativeRules, Source

SYSTEM = "HCPCS"
SENTENCE = "sentence"
# Characters of a sentence that a problem quotes.
LONGEST_SHOWN = 400

_MODIFIER_COLUMN = ("modifier", "modifiers")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One sentence of a paragraph with the codes it mentions."""

    paragraph: Paragraph
    start: int
    end: int
    mentions: tuple[CodeMention, ...]

    @property
    def text(self) -> str:
        return self.paragraph.text[self.start : self.end]

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class _Statement:
    """Words that may state a duty or take one back: a sentence, heading, table row or revision.

    Duties are published only from sentences; `form` says what the words are.
    """

    text: str
    mentions: tuple[CodeMention, ...]
    printed: tuple[Place, str]
    form: str = SENTENCE

    @property
    def place(self) -> Place:
        return self.printed[0]


def narrate(reading: Reading, source: Source) -> Extract:
    """All that a narrative publication says, with the fate of every line.

    Rows are in printed order in each table. A dated duty that cannot be read with certainty is a
    problem that does not hold the document; its words are in the text of its section all the same.
    A duty that other words of the publication deny, limit or delay has them for its faults.
    """
    shape = outline(reading, source.narrative or NarrativeRules())
    sentences = tuple(_sentences(shape))
    claims = list(_claims(sentences))
    duties, problems = _requirements(tuple(_statements(sentences, shape)), source)
    records = [
        *_bulletin(shape, source, sentences, reading),
        *_sections(shape),
        *duties,
        *_mentions(sentences, claims, shape),
        *claims,
        *_citations(sentences),
        *_revisions(shape),
        *_products(sentences, shape),
        *_entities(sentences),
    ]
    return Extract(
        records=tuple(records),
        tally=shape.tally(reading.lines_seen),
        problems=(*reading.problems, *shape.problems, *problems),
        title=shape.title,
        posted_on=shape.dates.get("posted_on"),
        effective_on=shape.dates.get("effective_on"),
        updated_on=shape.dates.get("updated_on"),
        pages=reading.pages,
        is_truncated=reading.is_cut,
    )


def _sentences(shape: Outline) -> Iterator[_Sentence]:
    """Every sentence in printed order; a heading and a table row are one each."""
    if shape.title_paragraph is not None:
        yield _whole(shape.title_paragraph)
    for section in shape.sections:
        if section.printed is not None:
            yield _whole(section.printed)
        for paragraph in section.paragraphs:
            if paragraph.row is not None:
                yield _whole(paragraph)
                continue
            mentions = find_mentions(paragraph.text)
            starts = [mention.start for mention in mentions]
            for start, end in split_sentences(paragraph.text):
                inside = mentions[bisect_left(starts, start) : bisect_left(starts, end)]
                yield _Sentence(paragraph, start, end, inside)


def _whole(paragraph: Paragraph) -> _Sentence:
    text = paragraph.text
    return _Sentence(paragraph, 0, len(text), find_mentions(text))


def _record(table: str, values: dict[str, Any], printed: tuple[Place, str]) -> Record:
    place, raw_text = printed
    return Record(table, values, place, raw_text)


def _bulletin(
    shape: Outline, source: Source, sentences: Iterable[_Sentence], reading: Reading
) -> Iterator[Record]:
    first = next((line for line in reading.lines if plain(line.raw_text)), None)
    if first is None:
        return
    if shape.title_paragraph is not None:
        printed = shape.title_paragraph.printed(0, len(shape.title_paragraph.text))
    else:
        printed = first.place, first.raw_text
    codes = dict.fromkeys(mention.code for sentence in sentences for mention in sentence.mentions)
    yield _record(
        "bulletins",
        {
            "title": shape.title or source.title,
            "publisher": source.publisher,
            "issuers": list(shape.issuers) or None,
            "kind": source.kind,
            "posted_on": shape.dates.get("posted_on"),
            "updated_on": shape.dates.get("updated_on"),
            "codes": list(codes) or None,
            "is_truncated": reading.is_cut,
            # Of words that end in the middle, nobody knows whether the rest is the same.
            "text_key": None if reading.is_cut else text_key(shape),
        },
        printed,
    )


def _sections(shape: Outline) -> Iterator[Record]:
    for ordinal, section in enumerate(shape.sections, start=1):
        values = {
            "ordinal": ordinal,
            "level": section.level,
            "heading": section.heading,
            "text": section.text,
        }
        yield _record("bulletin_sections", values, (section.place, section.raw_text))


def _statements(sentences: Iterable[_Sentence], shape: Outline) -> Iterator[_Statement]:
    for sentence in sentences:
        paragraph = sentence.paragraph
        mentions = tuple(
            CodeMention(m.code, m.raw, m.start - sentence.start, m.end - sentence.start)
            for m in sentence.mentions
        )
        form = "table row" if paragraph.row else "heading" if paragraph.is_heading else SENTENCE
        printed = paragraph.printed(*sentence.span)
        yield _Statement(sentence.text, mentions, printed, form)
    for revision in shape.revisions:
        text = plain(revision.description)
        yield _Statement(text, find_mentions(text), (revision.place, revision.raw_text), "revision")


def _requirements(
    statements: Iterable[_Statement], source: Source
) -> tuple[list[Record], list[Problem]]:
    stated: list[tuple[Duty, _Statement]] = []
    elsewhere: list[tuple[Duty, _Statement]] = []
    doubts: list[tuple[Doubt, _Statement]] = []
    unread: list[tuple[str, _Statement]] = []
    undated: dict[tuple[str, str], _Statement] = {}
    for statement in statements:
        duties = read_duties(statement.text, statement.mentions, source.date_semantics)
        is_sentence = statement.form == SENTENCE
        (stated if is_sentence else elsewhere).extend((duty, statement) for duty in duties.found)
        if duties.doubt:
            doubts.append((duties.doubt, statement))
        if duties.unread and (is_sentence or statement.mentions):
            unread.append((duties.unread, statement))
        for key in duties.undated if is_sentence else ():
            undated.setdefault(key, statement)
    records = [_requirement(duty, statement, doubts) for duty, statement in stated]
    problems = [_unpublished(reason, statement) for reason, statement in unread]
    problems += _denials([duty for duty, _ in stated], doubts, {id(words) for _, words in unread})
    problems += _stray(elsewhere, [duty for duty, _ in stated])
    dated = {(duty.requirement, duty.code) for duty, _ in stated}
    for (requirement, code), statement in undated.items():
        if (requirement, code) not in dated:
            message = (
                f"a duty ({requirement} for {code}) is not published because it gives no day on "
                f"which it begins: {_shown(statement)}"
            )
            problems.append(Problem(message, statement.place, holds=False))
    return records, problems


def _requirement(
    duty: Duty, statement: _Statement, doubts: Iterable[tuple[Doubt, _Statement]]
) -> Record:
    values = {
        "code_system": SYSTEM,
        "code": duty.code,
        "requirement": duty.requirement,
        "authority": duty.authority,
        "list_referenced": duty.list_referenced,
        "effective_from": duty.effective_from,
        "date_semantics": duty.date_semantics,
        "sentence": statement.text,
    }
    faults = tuple(
        f"the duty may not stand as printed because of the {words.form} on {words.place}, of "
        f"which we know only that {doubt.reason}; read both: {_shown(words)}"
        for doubt, words in doubts
        if doubt.concerns(duty)
    )
    return Record("requirements", values, *statement.printed, faults=faults)


def _unpublished(reason: str, statement: _Statement) -> Problem:
    message = f"a dated duty is not published because {reason}: {_shown(statement)}"
    return Problem(message, statement.place, holds=False)


def _denials(
    duties: Iterable[Duty], doubts: Iterable[tuple[Doubt, _Statement]], reported: set[int]
) -> Iterator[Problem]:
    """What takes a duty back without a day, and is about a duty that is named or stated here."""
    duties = tuple(duties)
    for doubt, statement in doubts:
        if id(statement) in reported:
            continue
        if doubt.is_of_duty or any(doubt.concerns(duty) for duty in duties):
            message = f"the end or delay of a duty is not published ({doubt.reason})"
            yield Problem(f"{message}: {_shown(statement)}", statement.place, holds=False)


def _stray(elsewhere: Iterable[tuple[Duty, _Statement]], duties: list[Duty]) -> Iterator[Problem]:
    """Dated duties of headings, table rows and revisions that no sentence states as well."""
    known = {(duty.requirement, duty.code, duty.effective_from) for duty in duties}
    for duty, statement in elsewhere:
        if (duty.requirement, duty.code, duty.effective_from) not in known:
            reason = f"duties are not read from a {statement.form}"
            yield _unpublished(reason, statement)


def _shown(statement: _Statement) -> str:
    text = statement.text
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def _mentions(
    sentences: Iterable[_Sentence], claims: Iterable[Record], shape: Outline
) -> Iterator[Record]:
    sentences = tuple(sentences)
    titled = {
        mention.code
        for sentence in sentences
        if sentence.paragraph is shape.title_paragraph
        for mention in sentence.mentions
    }
    named = [mention.code for sentence in sentences for mention in sentence.mentions]
    about = subjects(titled, named, {claim.values["code"] for claim in claims})
    for sentence in sentences:
        paragraph = sentence.paragraph
        for mention in sentence.mentions:
            if mention.code in about:
                what: str | None = "subject"
            else:
                what = role(paragraph.text, mention, paragraph.section)
            values = {
                "code_system": SYSTEM,
                "code": mention.code,
                "code_raw": mention.raw,
                "role": what,
                "section": paragraph.section,
                "sentence": sentence.text,
            }
            yield _record("code_mentions", values, paragraph.printed(mention.start, mention.end))


def _claims(sentences: Iterable[_Sentence]) -> Iterator[Record]:
    for sentence in sentences:
        paragraph = sentence.paragraph
        row = paragraph.row
        if paragraph.is_heading:
            continue
        if row is not None:
            if paragraph.header is not None:
                header = tuple(plain(cell) for cell in paragraph.header.cells)
                said = table_definition(header, tuple(plain(cell) for cell in row.cells))
                if said is not None:
                    yield _claim(*said, paragraph.printed(0, len(paragraph.text)))
            continue
        for found in find_definitions(paragraph.text, sentence.span, sentence.mentions):
            yield _claim(found.code, found.text, paragraph.printed(found.start, found.end))


def _claim(code: str, claimed: str, printed: tuple[Place, str]) -> Record:
    values = {
        "code_system": SYSTEM,
        "code": code,
        "claimed_text": claimed,
        "agreement": "unknown",
    }
    return _record("code_claims", values, printed)


def _citations(sentences: Iterable[_Sentence]) -> Iterator[Record]:
    """Citations are looked for in whole paragraphs, for a sentence may seem to end inside one."""
    seen: set[int] = set()
    for sentence in sentences:
        paragraph = sentence.paragraph
        if id(paragraph) in seen:
            continue
        seen.add(id(paragraph))
        for citation in find_citations(paragraph.text):
            values = {
                "kind": citation.kind,
                "raw": citation.raw,
                "normalized": citation.normalized,
            }
            yield _record("citations", values, paragraph.printed(citation.start, citation.end))


def _revisions(shape: Outline) -> Iterator[Record]:
    for revision in shape.revisions:
        values = {"changed_on": revision.changed_on, "description": revision.description or None}
        yield _record("revisions", values, (revision.place, revision.raw_text))


def _products(sentences: Iterable[_Sentence], shape: Outline) -> Iterator[Record]:
    stated_on = shape.dates.get("posted_on") or shape.dates.get("updated_on")
    for sentence in sentences:
        paragraph = sentence.paragraph
        for found in find_products(paragraph.text, sentence.span, sentence.mentions):
            values = {
                "code": found.code,
                "product": found.product,
                "manufacturer": found.manufacturer,
                "relation": "coded_as",
                "stated_on": stated_on,
            }
            yield _record("products", values, paragraph.printed(found.start, found.end))


def _entities(sentences: Iterable[_Sentence]) -> Iterator[Record]:
    for sentence in sentences:
        paragraph = sentence.paragraph
        text = sentence.text
        found = [*find_modifiers(text), *_listed_modifiers(paragraph), *find_payers(text)]
        for entity in sorted(found, key=lambda entity: entity.start):
            values = {
                "kind": entity.kind,
                "value": entity.value,
                "value_raw": entity.raw,
                "sentence": text,
            }
            start = sentence.start + entity.start
            printed = paragraph.printed(start, start + len(entity.raw))
            yield _record("named_entities", values, printed)


def _listed_modifiers(paragraph: Paragraph) -> Iterator[Entity]:
    """The modifier of a row in a table that has a column of modifiers."""
    row = paragraph.row
    if row is None or paragraph.header is None:
        return
    for name, cell in zip(paragraph.header.cells, row.cells, strict=False):
        value = plain(cell).upper()
        if plain(name).casefold() in _MODIFIER_COLUMN and re.fullmatch(MODIFIER, value):
            yield Entity("modifier", value, plain(cell), 0, 0)
