"""The Arrow types in which rows leave every warehouse, decided by the declaration alone."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from resources.warehouses.arrow_types import arrow_schema, arrow_type, fit_batch
from resources.warehouses.base import Family, SourceColumn

TYPES = {
    Family.BOOLEAN: "bool",
    Family.INTEGER: "int64",
    Family.WIDE_INTEGER: "string",
    Family.DECIMAL: "decimal128(12, 3)",
    Family.FLOAT: "double",
    Family.TEXT: "string",
    Family.DATE: "date32[day]",
    Family.TIME: "time64[us]",
    Family.TIMESTAMP: "timestamp[us]",
    Family.INSTANT: "timestamp[us, tz=UTC]",
    Family.NESTED: "string",
    Family.BINARY: "binary",
    Family.UNTYPED: "string",
    Family.OPAQUE: "string",
}


@pytest.mark.parametrize("family", Family)
def test_each_family_has_one_type_that_polars_reads(family):
    column = SourceColumn("x", "declared", family, 12, 3)
    assert str(arrow_type(column)) == TYPES[family]
    schema = arrow_schema({"x": column})
    assert pl.from_arrow(schema.empty_table()).columns == ["x"]


def test_a_decimal_without_digits_is_as_wide_as_can_be():
    assert arrow_type(SourceColumn("x", "NUMERIC", Family.DECIMAL)) == pa.decimal128(38, 0)


SCHEMA = pa.schema([("amount", pa.decimal128(18, 2)), ("at", pa.timestamp("us", "UTC"))])


def test_a_batch_that_fits_is_not_copied():
    batch = pa.RecordBatch.from_pylist([{"amount": Decimal("1.50"), "at": None}], schema=SCHEMA)
    assert fit_batch(batch, SCHEMA) is batch


def test_columns_are_cast_by_position_and_renamed():
    at = datetime(2017, 6, 1, tzinfo=UTC)
    batch = pa.record_batch(
        {"AMOUNT": pa.array([7], pa.int16()), "AT": pa.array([at], pa.timestamp("s", "UTC"))}
    )
    fitted = fit_batch(batch, SCHEMA)
    assert fitted.schema == SCHEMA
    assert fitted.to_pylist() == [{"amount": Decimal("7.00"), "at": at}]


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (pa.array([Decimal("1.005")]), pa.decimal128(18, 2)),
        (pa.array([2**63 - 1]), pa.decimal128(18, 2)),
        (pa.array([2**40]), pa.int32()),
        (pa.array([1], pa.timestamp("ns")), pa.timestamp("us")),
        (pa.array(["x"]), pa.int64()),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_and_never_cut(values, target):
    batch = pa.record_batch({"x": values})
    with pytest.raises(pa.ArrowInvalid):
        fit_batch(batch, pa.schema([("x", target)]))


def test_a_batch_with_other_columns_is_an_error():
    with pytest.raises(ValueError, match="longer"):
        fit_batch(pa.record_batch({"amount": pa.array([7], pa.int16())}), SCHEMA)
