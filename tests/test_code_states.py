"""Columns that say whether a row's code was valid, and codes repaired by the reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from extractors.lists.cell_notes import no_code
from extractors.records import Record, arrange
from extractors.reference.code_states import newest_code_added_on, with_code_states
from extractors.reference.dated_codes import dated_codes
from extractors.reference.known_codes import KnownCodes
from extractors.reference.repairs import repaired_rows
from schemas.fields import Table, nullable_schema
from schemas.provenance import Place
from schemas.tables import CITATIONS, FEES, PRIOR_AUTHORIZATION, TABLE_ROWS
from tests.code_releases import ADDED, code, corrections, printed

DAY = date(2020, 8, 1)
FIRST, SECOND = "1" * 64, "2" * 64
REFERENCE = printed(
    "2020-07",
    code("L0454"),
    code("L6692"),
    code("E0601"),
    code("K0800"),
    code("K0802"),
    code("K0900", terminated_on=date(2020, 6, 30)),
    code(
        "K0553",
        terminated_on=date(2020, 6, 30),
        cross_references=["A4239", "see the list"],
    ),
    code("L1320", added_on=date(2020, 9, 1)),
)


@pytest.fixture(scope="module")
def known() -> KnownCodes:
    return KnownCodes.of(dated_codes(REFERENCE, corrections()))


def rows_of(table: Table, *rows: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"sha256": FIRST, **row} for row in rows], schema=nullable_schema(table)
    )


def states(rows: pa.Table, known: KnownCodes, day: date = DAY) -> list[dict[str, Any]]:
    given = with_code_states(rows, {FIRST: day}, known)
    assert given.schema.equals(rows.schema, check_metadata=True)
    assert with_code_states(given, {FIRST: day}, known).equals(given)
    names = [name for name in given.schema.names if name.startswith("code_")]
    return given.select([*names, *({"flags"} & set(given.schema.names))]).to_pylist()


def test_code_that_ended_says_when_and_what_is_in_its_place(known: KnownCodes) -> None:
    (row,) = states(rows_of(PRIOR_AUTHORIZATION, {"code": "K0553", "flags": ["addon_code"]}), known)
    assert (row["code_active"], row["code_active_on"]) == (False, DAY)
    assert row["code_ended_on"] == date(2020, 6, 30)
    assert row["code_replaced_by"] == ["A4239"]  # only what is a code
    assert row["code_members"] is None
    assert row["flags"] == ["addon_code", "code_ended"]


@pytest.mark.parametrize(
    ("printed_code", "day", "active", "flags"),
    [
        ("L0454", DAY, True, None),
        ("L1320", DAY, False, ["code_not_yet_valid"]),
        ("L1320", date(2020, 9, 1), True, None),
        ("L9999", DAY, None, ["code_not_in_reference"]),
        ("L9999", date(2020, 6, 30), None, None),  # before the first release
        ("L9999", date(2020, 10, 1), None, None),  # after the last
        ("99213", DAY, None, None),  # no reference has the codes of the AMA
        (None, DAY, None, None),
    ],
)
def test_code_is_judged_by_the_day_of_its_document(
    printed_code: str | None,
    day: date,
    active: bool | None,
    flags: list[str] | None,
    known: KnownCodes,
) -> None:
    (row,) = states(rows_of(PRIOR_AUTHORIZATION, {"code": printed_code}), known, day)
    assert (row["code_active"], row["flags"]) == (active, flags)
    assert (row["code_active_on"] is None) == (active is None)


def test_range_has_the_codes_that_were_valid(known: KnownCodes) -> None:
    rows = rows_of(
        TABLE_ROWS,
        {"code": "K0800", "code_end": "K0899"},
        {"code": "K0890", "code_end": "K0999"},  # its only code has ended
        {"code": "L1300", "code_end": "L1399"},  # its only code begins later
        {"code": "A4200", "code_end": "A4299"},
        {"code": "99213", "code_end": "99215"},
    )
    assert [
        (row["code_active"], row["code_members"], row["flags"]) for row in states(rows, known)
    ] == [
        (True, ["K0800", "K0802"], None),
        (False, None, ["code_ended"]),
        (False, None, ["code_not_yet_valid"]),
        (None, None, ["code_not_in_reference"]),
        (None, None, None),
    ]


def test_each_document_has_its_own_day_and_one_without_says_nothing(known: KnownCodes) -> None:
    rows = rows_of(
        PRIOR_AUTHORIZATION,
        {"code": "K0553"},
        {"code": "K0553", "sha256": SECOND},
        {"code": "K0553", "sha256": "3" * 64},
    )
    given = with_code_states(rows, {FIRST: DAY, SECOND: date(2020, 6, 30)}, known)
    assert given["code_active"].to_pylist() == [False, True, None]
    assert given["flags"].to_pylist() == [["code_ended"], None, None]


def test_without_a_reference_what_one_said_before_is_gone(known: KnownCodes) -> None:
    rows = rows_of(PRIOR_AUTHORIZATION, {"code": "K0553", "flags": ["addon_code"]})
    said = with_code_states(rows, {FIRST: DAY}, known)
    assert said["code_active"].to_pylist() == [False]
    assert with_code_states(said, {FIRST: DAY}, KnownCodes()).equals(rows)


def test_table_without_these_columns_or_without_rows_stays_as_it_is(known: KnownCodes) -> None:
    for rows in (rows_of(CITATIONS, {"raw": "42 CFR 410.2"}), rows_of(FEES)):
        assert with_code_states(rows, {FIRST: DAY}, known).equals(rows)
    (fee,) = states(rows_of(FEES, {"code": "K0553"}), known)
    assert fee["code_active"] is False


def test_rows_in_several_chunks_are_judged_as_in_one(known: KnownCodes) -> None:
    one = rows_of(PRIOR_AUTHORIZATION, {"code": "K0553"}, {"code": "L0454", "flags": ["x"]})
    two = rows_of(PRIOR_AUTHORIZATION, {"code": "L1320"}, {"code": None})
    together = with_code_states(pa.concat_tables([one, two]), {FIRST: DAY}, known)
    apart = [with_code_states(rows, {FIRST: DAY}, known) for rows in (one, two)]
    assert together.equals(pa.concat_tables(apart))


def test_newest_code_is_the_newest_that_had_begun(known: KnownCodes) -> None:
    codes = ["L0454", "L1320", "99213"]
    assert newest_code_added_on(codes, known, DAY) == ADDED
    assert newest_code_added_on(codes, known, date(2020, 9, 1)) == date(2020, 9, 1)
    assert newest_code_added_on(["99213"], known, DAY) is None


def damaged(table: Table, *codes: str, **values: Any) -> pa.Table:
    """Candidate rows as extraction leaves them where the code is none."""
    return arrange(
        table,
        (
            Record(
                table.name,
                {"code_raw": raw, **values},
                Place(1, line),
                raw,
                (raw,),
                (no_code(raw),),
            )
            for line, raw in enumerate(codes, start=1)
        ),
        {"source": "s", "document": "d", "sha256": FIRST, "url": None},
    )


def sound(table: Table, name: str, **values: Any) -> dict[str, Any]:
    """The row as it would be if the code had been printed right."""
    record = Record(table.name, {"code": name, "code_system": "HCPCS", **values}, Place(1, 1), name)
    origin = {"source": "s", "document": "d", "sha256": FIRST, "url": None}
    (row,) = arrange(table, [record], origin).to_pylist()
    return row


@pytest.mark.parametrize("table", [PRIOR_AUTHORIZATION, TABLE_ROWS], ids=lambda table: table.name)
def test_damaged_code_is_repaired_where_one_code_can_be_meant(
    table: Table, known: KnownCodes
) -> None:
    failed = damaged(table, "I6692", "EO6O1")
    rows = repaired_rows(table, failed, known, DAY, taken=()).to_pylist()
    assert [(row["code_system"], row["code"], row["code_raw"]) for row in rows] == [
        ("HCPCS", "L6692", "I6692"),
        ("HCPCS", "E0601", "EO6O1"),
    ]
    for row in rows:
        as_printed_right = sound(
            table, row["code"], code_raw=row["code_raw"], flags=["code_repaired"]
        )
        assert row["flags"] == ["code_repaired"]
        assert row["faults"] is None
        assert (row["row_key"], row["row_hash"]) == (
            as_printed_right["row_key"],
            as_printed_right["row_hash"],
        )


def test_entry_of_a_table_is_its_code_once_it_is_known(known: KnownCodes) -> None:
    failed = damaged(TABLE_ROWS, "I6692", entry="words of the row")
    (row,) = repaired_rows(TABLE_ROWS, failed, known, DAY, taken=()).to_pylist()
    assert row["entry"] is None
    assert row["row_key"] == sound(TABLE_ROWS, "L6692")["row_key"]


@pytest.mark.parametrize(
    "raw",
    [
        "I9999",  # no code that it may be exists
        "KO553",  # the one that it may be had ended
        "I6692*",  # its footnote was not read
        "see above",
    ],
)
def test_code_that_nothing_tells_is_left_as_printed(raw: str, known: KnownCodes) -> None:
    failed = damaged(PRIOR_AUTHORIZATION, raw)
    assert repaired_rows(PRIOR_AUTHORIZATION, failed, known, DAY, taken=()).num_rows == 0


def test_code_that_may_be_two_is_not_repaired() -> None:
    both = printed("2020-07", code("L6692"), code("16692"))
    known = KnownCodes.of(dated_codes(both, corrections()))
    failed = damaged(PRIOR_AUTHORIZATION, "I6692")
    assert repaired_rows(PRIOR_AUTHORIZATION, failed, known, DAY, taken=()).num_rows == 0


def test_row_that_failed_for_something_else_is_not_repaired(known: KnownCodes) -> None:
    failed = damaged(PRIOR_AUTHORIZATION, "I6692")
    faults = pa.array([[no_code("I6692"), "'maybe' is not a status"]], pa.list_(pa.string()))
    failed = failed.set_column(failed.schema.get_field_index("faults"), "faults", faults)
    assert repaired_rows(PRIOR_AUTHORIZATION, failed, known, DAY, taken=()).num_rows == 0


def test_code_that_another_row_has_is_not_repaired(known: KnownCodes) -> None:
    failed = damaged(PRIOR_AUTHORIZATION, "I6692")
    for taken, repaired in ({"L6692", "L0454"}, 0), ({"L0454"}, 1):
        rows = repaired_rows(PRIOR_AUTHORIZATION, failed, known, DAY, taken)
        assert rows.num_rows == repaired


def test_two_rows_that_would_become_one_are_both_left(known: KnownCodes) -> None:
    failed = damaged(PRIOR_AUTHORIZATION, "I6692", "l669Z", "I6692")
    assert repaired_rows(PRIOR_AUTHORIZATION, failed, known, DAY, taken=()).num_rows == 0


def test_nothing_is_repaired_without_a_reference() -> None:
    failed = damaged(PRIOR_AUTHORIZATION, "I6692")
    repaired = repaired_rows(PRIOR_AUTHORIZATION, failed, KnownCodes(), DAY, taken=())
    assert repaired.num_rows == 0
    assert repaired.schema.equals(failed.schema)
