"""row_key and row_hash of rows that are columns already, many at a time.

Gives the same hashes as `extractors.records.arrange` gives of single records, but makes no Python
object of a value that it has seen: the text under each hash is put together by columns. Where the
rows come from is not known here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.fields import Table, nullable_schema
from schemas.provenance import KEY_LENGTH, digest

_ROWS_AT_ONCE = 65_536
# The stubs of Arrow are narrower than its functions, which take all kinds of arrays.
Values = Any


def with_hashes(table: Table, rows: pa.Table) -> pa.Table:
    """The rows in the schema of `table`, every column nullable, with row_key and row_hash.

    Columns that `rows` does not have are empty. Rows that share an identity are told apart by
    their order where the table says that identities repeat. Raises `ValueError` for a table whose
    identities have periods.
    """
    if table.period is not None:
        raise ValueError(f"{table.name} has periods, which are not counted by columns: use arrange")
    schema = nullable_schema(table)
    identity = table.names_of("identity")
    content = table.names_of("content")
    seen: Counter[str] = Counter()
    parts = [schema.empty_table()]
    # In parts, since the texts under the hashes take more room than the rows themselves.
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        part = _complete(schema, rows.slice(start, _ROWS_AT_ONCE))
        written = {name: _written(part[name]) for name in (*identity, *content)}
        # The name of the table is part of an identity, and of a content not.
        name = pa.scalar(json.dumps(table.name, ensure_ascii=False))
        keys = _digests([name, *(written[column] for column in identity)])
        if table.identity_repeats:
            keys = [_counted(key, seen) for key in keys]
        hashes = _digests([written[column] for column in (*identity, *content)])
        for column, values in (("row_key", keys), ("row_hash", hashes)):
            at = schema.get_field_index(column)
            part = part.set_column(at, schema.field(at), pa.array(values, pa.string()))
        parts.append(part)
    return pa.concat_tables(parts)


def _complete(schema: pa.Schema, rows: pa.Table) -> pa.Table:
    """Some rows with every column of a schema, in its order, each in one piece."""
    columns = [
        rows[field.name].combine_chunks().cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _counted(key: str, seen: Counter[str]) -> str:
    seen[key] += 1
    return key if seen[key] == 1 else digest([key, seen[key]])


def _digests(columns: Sequence[Values]) -> list[str]:
    """`digest` of the values of each row, given their columns in JSON."""
    joined = pc.binary_join_element_wise(*columns, ",")
    texts = pc.binary_join_element_wise("[", joined, "]", "")
    return [sha256(text).hexdigest()[:KEY_LENGTH] for text in texts.cast(pa.binary()).to_pylist()]


def _written(column: Values) -> Values:
    """Each value of a column as `digest` writes it in JSON."""
    values = column.combine_chunks()
    if not pa.types.is_list(values.type):
        return _written_values(values)
    items = _written_values(values.flatten())
    lengths = pc.fill_null(pc.list_value_length(values), 0)
    ends = pc.cumulative_sum(lengths).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined: Values = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    lists: Values = pc.binary_join_element_wise("[", joined, "]", "")
    written: Values = pc.if_else(values.is_valid(), lists, "null")
    return written


def _written_values(values: Values) -> Values:
    if pa.types.is_nested(values.type):
        raise TypeError(f"hashes of columns cannot hold {values.type}")
    encoded = values.dictionary_encode()
    words: Values = pa.array(
        [_json(value) for value in encoded.dictionary.to_pylist()], pa.string()
    )
    return pc.fill_null(words.take(encoded.indices), "null")


def _json(value: Any) -> str:
    plain = value.isoformat() if isinstance(value, date) else value
    return json.dumps(plain, ensure_ascii=False)
