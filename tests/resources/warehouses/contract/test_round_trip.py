"""What is written is what is read, for every contract type up to its ends."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from resources.warehouses.base import Load, WriteMode
from tests.resources.warehouses.contract.reads import read_rows, request_of

VALUES = {
    pl.String(): [
        *("", " ", "  padded  ", "null", "NULL", "\\N", "it's", 'say "hi"', "a,b;c|d", "C:\\temp\\n", "\\"),
        *("two\nlines", "tab\there", "carriage\rreturn", "Ünïcödé", "日本語", "😀👩‍👩‍👧", "{}", "a" * 10_000),
    ],
    pl.Int64(): [0, 1, -1, 2**53 + 1, 2**63 - 1, -(2**63)],
    pl.Float64(): [0.0, 0.1, -1.5, 1.7e308, 2.0**-1000, 1 / 3],
    pl.Boolean(): [True, False],
    pl.Date(): [date(1, 1, 1), date(1582, 10, 10), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31)],
    pl.Datetime("us", "UTC"): [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1582, 10, 10, 12, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2024, 3, 10, 7, 30, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    pl.Decimal(18, 2): [
        Decimal("0.00"),
        Decimal("-0.01"),
        Decimal("9999999999999999.99"),
        Decimal("-9999999999999999.99"),
    ],
    pl.Decimal(38, 9): [Decimal("12345678901234567890123456789.123456789"), Decimal("-0.000000001")],
}


@pytest.fixture(scope="module")
def written(engine):
    """One table with a column of each type, as many rows as the longest list of values, and one of nulls."""
    height = max(map(len, VALUES.values()))
    columns = {"id": pl.Int64()} | {f"c{i}": dtype for i, dtype in enumerate(VALUES)}
    content = {"id": list(range(height + 1))} | {
        f"c{i}": [values[row % len(values)] for row in range(height)] + [None]
        for i, values in enumerate(VALUES.values())
    }
    name = engine.fresh_name("round_trip")
    rows = pl.LazyFrame(content, schema=columns)
    load = Load(table=name, columns=columns, rows=rows, mode=WriteMode.REPLACE, load_id="a")
    (receipt,) = engine.target.write([load])
    assert receipt.table_row_count == height + 1
    return name, content


@pytest.mark.parametrize("position", range(len(VALUES)), ids=[str(dtype) for dtype in VALUES])
def test_values_of_each_contract_type_come_back(engine, written, position):
    name, content = written
    request = request_of(engine.target, f"onward.{name}")
    with engine.target.read(request) as stream:
        rows = stream.read_all().sort_by("id")
    assert rows["id"].to_pylist() == content["id"]
    assert rows[f"c{position}"].to_pylist() == content[f"c{position}"]


def test_a_merge_of_every_type_updates_every_type(engine, written):
    _, content = written
    columns = {"id": pl.Int64()} | {f"c{i}": dtype for i, dtype in enumerate(VALUES)}
    rows = pl.LazyFrame(
        {"id": [0, 500]} | {f"c{i}": [values[-1], values[0]] for i, values in enumerate(VALUES.values())},
        schema=columns,
    )
    fresh = engine.fresh_name("round_trip")
    for load_id, mode, content_rows in (
        ("a", WriteMode.REPLACE, pl.LazyFrame(content, schema=columns)),
        ("b", WriteMode.MERGE, rows),
    ):
        load = Load(table=fresh, columns=columns, rows=content_rows, mode=mode, load_id=load_id, keys=("id",))
        engine.target.write([load])
    found = {row[0]: row[1:] for row in read_rows(engine.target, f"onward.{fresh}")}
    assert found[0] == tuple(values[-1] for values in VALUES.values())
    assert found[500] == tuple(values[0] for values in VALUES.values())
    assert len(found) == len(content["id"]) + 1


def test_numbers_that_are_none_are_kept_apart_from_missing_ones(engine):
    name = engine.fresh_name("round_trip")
    columns = {"x": pl.Float64()}
    rows = pl.LazyFrame({"x": [float("nan"), float("inf"), float("-inf"), None]}, schema=columns)
    engine.target.write([Load(table=name, columns=columns, rows=rows, mode=WriteMode.APPEND, load_id="a")])
    arrived = sorted(str(row[0]) for row in read_rows(engine.target, f"onward.{name}"))
    assert arrived == ["-inf", "None", "inf", "nan"]


def test_more_rows_than_one_batch_are_written(engine):
    name = engine.fresh_name("round_trip")
    columns = {"i": pl.Int64(), "x": pl.String()}
    rows = pl.LazyFrame({"i": range(120_000)}).with_columns(x=pl.format("row {}", "i"))
    (receipt,) = engine.target.write(
        [Load(table=name, columns=columns, rows=rows, mode=WriteMode.APPEND, load_id="a")]
    )
    assert receipt.table_row_count == 120_000
    summary = engine.target.summarise(request_of(engine.target, f"onward.{name}"), by=None, sums=["i"])
    assert summary.to_pylist() == [{"partition": None, "row_count": 120_000, "i": 119_999 * 120_000 // 2}]
