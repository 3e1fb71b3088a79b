"""Declared types of BigQuery: their families, the SQL that makes them travel, and the way back."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from google.cloud.bigquery import SchemaField

from resources.warehouses.base import Family
from resources.warehouses.bigquery.types import (
    BigQueryDialect,
    column_type,
    declare_column,
    is_plain,
    literal,
    quoted,
    type_text,
)

DIALECT = BigQueryDialect()
INTEGER = SchemaField("a", "INTEGER")
RANGE = (
    "IF(`c` IS NULL, NULL, CONCAT('[', IFNULL(CAST(RANGE_START(`c`) AS STRING), 'UNBOUNDED'), ', ', "
    "IFNULL(CAST(RANGE_END(`c`) AS STRING), 'UNBOUNDED'), ')'))"
)


@pytest.mark.parametrize(
    ("declared", "family"),
    [
        ("BOOL", Family.BOOLEAN),
        ("INT64", Family.INTEGER),
        ("FLOAT64", Family.FLOAT),
        ("STRING", Family.TEXT),
        ("STRING(30)", Family.TEXT),
        ("BYTES", Family.BINARY),
        ("DATE", Family.DATE),
        ("TIME", Family.TIME),
        ("DATETIME", Family.TIMESTAMP),
        ("TIMESTAMP", Family.INSTANT),
        ("JSON", Family.NESTED),
        ("STRUCT<a INT64, b STRING>", Family.NESTED),
        ("ARRAY<STRING>", Family.NESTED),
        ("ARRAY<STRUCT<a INT64>>", Family.NESTED),
        ("GEOGRAPHY", Family.TEXT),
        ("INTERVAL", Family.TEXT),
        ("RANGE<DATE>", Family.TEXT),
        ("TOKENLIST", Family.OPAQUE),
    ],
)
def test_a_declared_type_has_a_family(declared, family):
    column = declare_column("c", declared)
    assert (column.name, column.declared_type, column.family) == ("c", declared, family)
    assert (column.precision, column.scale) == (None, None)


@pytest.mark.parametrize(
    ("declared", "family", "precision", "scale"),
    [
        ("NUMERIC", Family.DECIMAL, 38, 9),
        ("NUMERIC(10, 2)", Family.DECIMAL, 10, 2),
        ("NUMERIC(12)", Family.DECIMAL, 12, 0),
        # 29 digits before the point and 9 behind it are what a NUMERIC holds.
        ("BIGNUMERIC(38, 9)", Family.DECIMAL, 38, 9),
        ("BIGNUMERIC(20, 4)", Family.DECIMAL, 20, 4),
        ("BIGNUMERIC(29)", Family.DECIMAL, 29, 0),
        ("BIGNUMERIC(30)", Family.WIDE_INTEGER, None, None),
        ("BIGNUMERIC(38, 10)", Family.TEXT, None, None),
        ("BIGNUMERIC", Family.TEXT, None, None),
    ],
)
def test_decimals_keep_the_digits_that_fit_and_are_text_otherwise(declared, family, precision, scale):
    column = declare_column("c", declared)
    assert (column.family, column.precision, column.scale) == (family, precision, scale)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (SchemaField("c", "INTEGER"), "INT64"),
        (SchemaField("c", "FLOAT"), "FLOAT64"),
        (SchemaField("c", "BOOLEAN"), "BOOL"),
        (SchemaField("c", "NUMERIC", precision=10, scale=2), "NUMERIC(10, 2)"),
        (SchemaField("c", "STRING", max_length=30), "STRING(30)"),
        (SchemaField("c", "INTEGER", mode="REPEATED"), "ARRAY<INT64>"),
        (
            SchemaField(
                "c",
                "RECORD",
                mode="REPEATED",
                fields=[
                    SchemaField("a", "INTEGER"),
                    SchemaField("b", "RECORD", fields=[SchemaField("x", "DATE")]),
                ],
            ),
            "ARRAY<STRUCT<a INT64, b STRUCT<x DATE>>>",
        ),
        (SchemaField("c", "RANGE", range_element_type="DATETIME"), "RANGE<DATETIME>"),
    ],
)
def test_types_of_the_api_read_as_in_the_catalogue(field, text):
    assert type_text(field) == text


@pytest.mark.parametrize(
    ("declared", "sql"),
    [
        *((kind, "`c`") for kind in ("INT64", "NUMERIC", "NUMERIC(10, 2)", "STRING", "BYTES", "TIMESTAMP")),
        *((kind, "`c`") for kind in ("BOOL", "FLOAT64", "DATE", "TIME", "DATETIME")),
        ("BIGNUMERIC", "CAST(`c` AS STRING)"),
        ("BIGNUMERIC(20, 4)", "CAST(`c` AS NUMERIC)"),
        ("BIGNUMERIC(38)", "CAST(`c` AS STRING)"),
        # The text null is a JSON null, and SQL's NULL stays one.
        ("JSON", "IF(`c` IS NULL, NULL, TO_JSON_STRING(`c`))"),
        ("STRUCT<a INT64>", "IF(`c` IS NULL, NULL, TO_JSON_STRING(`c`))"),
        ("ARRAY<INT64>", "IF(`c` IS NULL, NULL, TO_JSON_STRING(`c`))"),
        ("GEOGRAPHY", "ST_ASTEXT(`c`)"),
        ("INTERVAL", "CAST(`c` AS STRING)"),
        ("RANGE<DATE>", RANGE),
    ],
)
def test_what_arrow_and_polars_do_not_agree_on_is_cast_by_bigquery(declared, sql):
    column = declare_column("c", declared)
    assert DIALECT.travelling(column) == sql
    assert is_plain(column) == (sql == "`c`")


def test_no_column_ever_leaves_with_256_bits():
    for precision in range(1, 77):
        for scale in range(max(0, precision - 38), min(precision, 38) + 1):
            column = declare_column("c", f"BIGNUMERIC({precision}, {scale})")
            cast = DIALECT.travelling(column)
            assert cast == (
                "CAST(`c` AS NUMERIC)" if column.family is Family.DECIMAL else "CAST(`c` AS STRING)"
            )
            if column.family is Family.DECIMAL:
                assert precision - scale <= 29 and scale <= 9


def test_names_and_literals_cannot_end_early():
    assert quoted("order`s") == "`order\\`s`"
    assert literal("O'Neil \\ two\nlines") == "'O\\'Neil \\\\ two\\nlines'"
    assert literal(date(2024, 2, 29)) == "DATE '2024-02-29'"
    assert literal(17) == "17"
    assert DIALECT.table("my-project.crm.orders") == "`my-project`.`crm`.`orders`"


def test_times_are_literals_of_their_own_type():
    instant = datetime(2024, 1, 1, 12, tzinfo=UTC)
    wall = datetime(2024, 1, 1, 12, 0, 0, 1)  # noqa: DTZ001  a wall time
    assert DIALECT.time_literal(instant, Family.INSTANT) == "TIMESTAMP '2024-01-01 12:00:00+00:00'"
    assert DIALECT.time_literal(wall, Family.TIMESTAMP) == "DATETIME '2024-01-01 12:00:00.000001'"
    assert DIALECT.time_literal(date(2024, 1, 1), Family.DATE) == "DATE '2024-01-01'"


@pytest.mark.parametrize(
    ("declared", "day", "total"),
    [
        ("TIMESTAMP", "DATE(`c`, 'UTC')", None),
        ("DATETIME", "DATE(`c`)", None),
        ("DATE", "`c`", None),
        ("INT64", None, "SUM(CAST(`c` AS NUMERIC))"),
        ("NUMERIC(10, 2)", None, "SUM(`c`)"),
        ("BIGNUMERIC(20, 4)", None, "SUM(CAST(`c` AS NUMERIC))"),
        ("FLOAT64", None, "SUM(`c`)"),
    ],
)
def test_days_and_totals_are_computed_by_bigquery(declared, day, total):
    column = declare_column("c", declared)
    assert DIALECT.utc_day(column) == day if day else DIALECT.total(column) == total


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (pl.String(), "STRING"),
        (pl.Int64(), "INT64"),
        (pl.Float64(), "FLOAT64"),
        (pl.Boolean(), "BOOL"),
        (pl.Date(), "DATE"),
        (pl.Datetime("us", "UTC"), "TIMESTAMP"),
        (pl.Decimal(18, 2), "NUMERIC"),
        (pl.Decimal(38, 9), "NUMERIC"),
        (pl.Decimal(38, 10), "BIGNUMERIC"),
        (pl.Decimal(38, 0), "BIGNUMERIC"),
        (pl.Datetime("us"), None),
        (pl.List(pl.Int64()), None),
    ],
)
def test_contract_types_have_a_column_type_that_loses_nothing(dtype, name):
    assert column_type(dtype) == name
