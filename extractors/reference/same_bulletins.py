"""One bulletin that several publishers have is one bulletin, with the addresses of all of them.

Looks at the tables of a release as they are put together, by the key that each bulletin has of
its words. Which source comes first, and what `documents` says of the others, is for the caller.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

# The tables that a bulletin fills.
FILLED = (
    "bulletins",
    "bulletin_sections",
    "requirements",
    "code_mentions",
    "code_claims",
    "citations",
    "revisions",
    "products",
    "named_entities",
)


def merged(
    tables: Mapping[str, pa.Table], order: Sequence[str]
) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """The tables with each bulletin once, and which source stands for each one that was left out.

    Of the sources with the same words, the first one by `order` keeps its rows; those of the
    others are in no table that a bulletin fills. Every bulletin has its `addresses`, sorted. A
    source with several bulletins keeps all its rows. Tables of other names come back as they are.

    Raises `ValueError` for a bulletin of a source that `order` does not have.
    """
    bulletins = tables["bulletins"]
    stands_for = _same(bulletins, order)
    addresses: defaultdict[str, set[str]] = defaultdict(set)
    shared = set(stands_for.values())
    columns = (bulletins[name].to_pylist() for name in ("source", "url", "addresses"))
    for source, url, known in zip(*columns, strict=True):
        kept = stands_for.get(source, source)
        if kept in shared:
            addresses[kept] |= {*filter(None, [url]), *(known or ())}
    found = {name: _without(table, name, stands_for) for name, table in tables.items()}
    found["bulletins"] = _with_addresses(found["bulletins"], addresses)
    return found, stands_for


def _same(bulletins: pa.Table, order: Sequence[str]) -> dict[str, str]:
    """Each source that is left out, and the one that stands for it."""
    place = {source: number for number, source in enumerate(order)}
    sources = [str(source) for source in bulletins["source"].to_pylist()]
    for source in sources:
        if source not in place:
            raise ValueError(
                f"the bulletins of {source!r} cannot be compared with others, since the order of "
                "sources does not name it: add it there"
            )
    count = Counter(sources)
    by_words: defaultdict[str, list[str]] = defaultdict(list)
    for source, words in zip(sources, bulletins["text_key"].to_pylist(), strict=True):
        if words is not None and count[source] == 1:
            by_words[words].append(source)
    stands_for: dict[str, str] = {}
    for same in by_words.values():
        first, *others = sorted(same, key=lambda source: place[source])
        stands_for |= dict.fromkeys(others, first)
    return dict(sorted(stands_for.items()))


def _without(table: pa.Table, name: str, left_out: Mapping[str, str]) -> pa.Table:
    if name not in FILLED or not left_out:
        return table
    names = pa.array(list(left_out), pa.string())
    return table.filter(pc.invert(pc.is_in(table["source"], value_set=names)))


def _with_addresses(bulletins: pa.Table, addresses: Mapping[str, set[str]]) -> pa.Table:
    said: list[list[str] | None] = []
    columns = (bulletins[name].to_pylist() for name in ("source", "url", "addresses"))
    for source, url, known in zip(*columns, strict=True):
        own = {*filter(None, [url]), *(known or ())}
        said.append(sorted(addresses.get(source, own)) or None)
    place = bulletins.schema.get_field_index("addresses")
    field = bulletins.schema.field(place)
    return bulletins.set_column(place, field, pa.array(said, field.type))
