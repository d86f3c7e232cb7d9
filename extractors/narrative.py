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

from extractors.citations import find_citations
from extractors.definitions import find_definitions, table_definition
from extractors.entities import Entity, find_modifiers, find_payers
from extractors.mentions import find_mentions, role, subjects
from extractors.outline import Outline, outline
from extractors.paragraphs import Paragraph, plain
from extractors.products import find_products
from extractors.reading import Problem, Reading
from extractors.records import Extract, Record
from extractors.requirements import Duties, read_duties
from extractors.sentences import split_sentences
from schemas.codes import MODIFIER, CodeMention
from schemas.provenance import Place
from schemas.source import NarrativeRules, Source

SYSTEM = "HCPCS"
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


def narrate(reading: Reading, source: Source) -> Extract:
    """All that a narrative publication says, with the fate of every line.

    Rows are in printed order in each table. A dated duty that cannot be read with certainty is a
    problem that does not hold the document; its words are in the text of its section all the same.
    """
    shape = outline(reading, source.narrative or NarrativeRules())
    sentences = tuple(_sentences(shape))
    claims = list(_claims(sentences))
    duties, problems = _requirements(sentences, source)
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


def _requirements(
    sentences: Iterable[_Sentence], source: Source
) -> tuple[list[Record], list[Problem]]:
    records: list[Record] = []
    problems: list[Problem] = []
    undated: dict[tuple[str, str], _Sentence] = {}
    for sentence in sentences:
        if sentence.paragraph.is_heading or sentence.paragraph.row is not None:
            continue
        duties = _duties(sentence, source)
        printed = sentence.paragraph.printed(*sentence.span)
        for duty in duties.found:
            values = {
                "code_system": SYSTEM,
                "code": duty.code,
                "requirement": duty.requirement,
                "authority": duty.authority,
                "list_referenced": duty.list_referenced,
                "effective_from": duty.effective_from,
                "date_semantics": duty.date_semantics,
                "sentence": sentence.text,
            }
            records.append(_record("requirements", values, printed))
        if duties.unread:
            message = f"a dated duty is not published because {duties.unread}: {_shown(sentence)}"
            problems.append(Problem(message, printed[0], holds=False))
        for key in duties.undated:
            undated.setdefault(key, sentence)
    dated = {(record.values["requirement"], record.values["code"]) for record in records}
    for (requirement, code), sentence in undated.items():
        if (requirement, code) not in dated:
            message = (
                f"a duty ({requirement} for {code}) is not published because it gives no day on "
                f"which it begins: {_shown(sentence)}"
            )
            place = sentence.paragraph.printed(*sentence.span)[0]
            problems.append(Problem(message, place, holds=False))
    return records, problems


def _shown(sentence: _Sentence) -> str:
    text = sentence.text
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def _duties(sentence: _Sentence, source: Source) -> Duties:
    offset = sentence.start
    mentions = tuple(
        CodeMention(m.code, m.raw, m.start - offset, m.end - offset) for m in sentence.mentions
    )
    return read_duties(sentence.text, mentions, source.date_semantics)


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
