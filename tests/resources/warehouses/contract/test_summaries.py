"""Counts and sums as the engine computes them, and estimates, which never stop a night."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.warehouses.base import Estimate, ReadRequest, Relation, TimeBound
from tests.resources.warehouses.contract.reads import request_of

#: id, instant, wall time, day, amount, weight, units
ROWS = [
    (1, datetime(2024, 5, 31, 23, 59, 59, 999_999, tzinfo=UTC), "0.10", 0.5, 1),
    (2, datetime(2024, 6, 1, tzinfo=UTC), "0.20", None, 2),
    (3, datetime(2024, 6, 1, 12, tzinfo=UTC), "9999999999999999.99", 1.5, None),
    (4, datetime(2024, 6, 1, 23, 59, 59, tzinfo=UTC), "9999999999999999.99", 2.0, -7),
    (5, None, None, 4.0, 9),
]
DAYS = {
    date(2024, 5, 31): (1, Decimal("0.10"), 0.5, 1),
    # 0.20 + 2 × 9999999999999999.99: more digits than the column has, and than a double holds.
    date(2024, 6, 1): (3, Decimal("20000000000000000.18"), 3.5, -5),
    None: (1, None, 4.0, 9),
}


@pytest.fixture(scope="module")
def sales(engine):
    rows = [
        (
            number,
            at,
            at and at.replace(tzinfo=None),
            at and at.date(),
            amount and Decimal(amount),
            weight,
            units,
        )
        for number, at, amount, weight, units in ROWS
    ]
    columns = {
        "id": "integer",
        "instant": "instant",
        "timestamp": "timestamp",
        "date": "date",
        "amount": "money",
        "weight": "float",
        "units": "integer",
    }
    return engine.create(columns, rows)


SUMS = ["amount", "weight", "units"]


def by_day(summary):
    return {row["partition"]: tuple(row.values())[1:] for row in summary.to_pylist()}


@pytest.mark.parametrize("by", ["instant", "timestamp", "date"])
def test_a_summary_has_one_row_a_day_of_utc_with_exact_sums(engine, sales, by):
    summary = engine.source.summarise(request_of(engine.source, sales), by=by, sums=SUMS)
    assert summary.schema.names == ["partition", "row_count", *SUMS]
    assert by_day(summary) == DAYS
    assert summary.num_rows == 3


def test_the_types_of_a_summary_do_not_depend_on_its_rows(engine, sales):
    request = request_of(engine.source, sales)
    nothing = replace(
        request, bounds=(TimeBound("instant", datetime(2999, 1, 1, tzinfo=UTC), None, keeps_nulls=False),)
    )
    full, empty = (engine.source.summarise(one, by="instant", sums=SUMS) for one in (request, nothing))
    assert empty.num_rows == 0
    assert full.schema.types == empty.schema.types
    assert full.schema.types[:2] == [pa.date32(), pa.int64()]
    assert [pa.types.is_decimal128(kind) for kind in full.schema.types[2:]] == [True, False, True]
    assert full.schema.types[3] == pa.float64()
    assert [kind.precision for kind in full.schema.types[2:] if pa.types.is_decimal(kind)] == [38, 38]


def test_a_summary_counts_within_its_bounds(engine, sales):
    bound = TimeBound(
        "instant", datetime(2024, 6, 1, tzinfo=UTC), datetime(2024, 6, 1, 12, tzinfo=UTC), keeps_nulls=True
    )
    summary = engine.source.summarise(request_of(engine.source, sales, bound), by="date", sums=["units"])
    assert by_day(summary) == {date(2024, 6, 1): (1, 2), None: (1, 9)}


def test_a_summary_without_days_is_one_row(engine, sales):
    summary = engine.source.summarise(request_of(engine.source, sales), by=None, sums=["units"])
    assert summary.to_pylist() == [{"partition": None, "row_count": 5, "units": 5}]


def test_a_summary_of_a_query_is_one_of_its_columns(engine, sales):
    query = Relation(query=f"SELECT * FROM {engine.sql_name(sales)}")
    summary = engine.source.summarise(request_of(engine.source, query), by="instant", sums=["amount"])
    assert by_day(summary) == {day: values[:2] for day, values in DAYS.items()}


def test_an_estimate_is_right_where_it_is_given(engine, sales):
    request = request_of(engine.source, sales)
    asked = [request, request_of(engine.source, Relation(query=f"SELECT * FROM {engine.sql_name(sales)}"))]
    for one in asked:
        found = engine.source.estimate(one)
        assert found.row_count in {len(ROWS), None}
        assert found.byte_count is None or found.byte_count > 0
    assert engine.source.estimate(request).row_count == len(ROWS)


def test_an_estimate_within_bounds_is_of_those_rows_or_unknown(engine, sales):
    bound = TimeBound("instant", datetime(2024, 6, 1, tzinfo=UTC), None, keeps_nulls=False)
    found = engine.source.estimate(request_of(engine.source, sales, bound))
    assert found.row_count in {3, None}


def test_an_estimate_of_what_cannot_be_read_knows_nothing(engine, sales):
    columns = request_of(engine.source, sales).columns
    for relation in (
        Relation(table="shop.nowhere"),
        Relation(query="SELECT nothing"),
        Relation(query="SELEC 1"),
    ):
        request = ReadRequest(source="orders", relation=relation, columns=columns)
        assert engine.source.estimate(request) == Estimate()


@pytest.mark.parametrize("is_empty", [True, False])
def test_engines_that_know_bytes_beforehand_say_so(engine, sales, is_empty):
    request = request_of(engine.source, sales)
    is_known = engine.source.estimate(request).byte_count is not None
    assert is_known == engine.source.capabilities.estimates_bytes
