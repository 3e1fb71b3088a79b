"""Declarations and SQL texts, each against the manual of Redshift."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from resources.warehouses.base import Family, SourceColumn
from resources.warehouses.redshift.types import (
    RedshiftDialect,
    column_type,
    declare_named,
    declare_numbered,
    literal,
)

DIALECT = RedshiftDialect("shop")


@pytest.mark.parametrize(
    ("words", "sizes", "numbers", "declared", "family"),
    [
        ("boolean", {}, (16, -1), "BOOLEAN", Family.BOOLEAN),
        ("smallint", {}, (21, -1), "SMALLINT", Family.INTEGER),
        ("integer", {}, (23, -1), "INTEGER", Family.INTEGER),
        ("bigint", {}, (20, -1), "BIGINT", Family.INTEGER),
        ("real", {}, (700, -1), "REAL", Family.FLOAT),
        ("double precision", {}, (701, -1), "DOUBLE PRECISION", Family.FLOAT),
        ("character varying", {"length": 256}, (1043, 260), "VARCHAR(256)", Family.TEXT),
        ("character", {"length": 5}, (1042, 9), "CHAR(5)", Family.TEXT),
        ("date", {}, (1082, -1), "DATE", Family.DATE),
        ("time without time zone", {}, (1083, -1), "TIME", Family.TIME),
        ("time with time zone", {}, (1266, -1), "TIMETZ", Family.TIME),
        ("timestamp without time zone", {}, (1114, -1), "TIMESTAMP", Family.TIMESTAMP),
        ("timestamp with time zone", {}, (1184, -1), "TIMESTAMPTZ", Family.INSTANT),
        ("interval year to month", {}, (1188, -1), "INTERVAL YEAR TO MONTH", Family.TEXT),
        ("interval day to second", {}, (1190, -1), "INTERVAL DAY TO SECOND", Family.TEXT),
        ("super", {}, (4000, -1), "SUPER", Family.NESTED),
        ("binary varying", {"length": 64000}, (6551, 64004), "VARBYTE", Family.BINARY),
        ("geometry", {}, (3000, -1), "GEOMETRY", Family.TEXT),
        ("geography", {}, (3001, -1), "GEOGRAPHY", Family.TEXT),
        ("hllsketch", {}, (2935, -1), "HLLSKETCH", Family.OPAQUE),
    ],
)
def test_catalogue_and_cursor_declare_the_same(words, sizes, numbers, declared, family):
    expected = SourceColumn("x", declared, family)
    assert declare_named("x", words, **sizes) == expected
    assert declare_numbered("x", *numbers) == expected


def test_decimals_keep_precision_and_scale():
    # 38 * 65536 + 37 + 4
    assert declare_numbered("x", 1700, 2490409) == declare_named("x", "numeric", precision=38, scale=37)
    assert declare_named("x", "numeric(38,37)").scale == 37
    assert declare_named("x", "decimal(12)") == SourceColumn("x", "DECIMAL(12,0)", Family.DECIMAL, 12, 0)


def test_a_decimal_without_scale_is_exact_text():
    column = declare_numbered("x", 1700, -1)
    assert column == declare_named("x", "numeric") == SourceColumn("x", "DECIMAL", Family.TEXT)
    assert DIALECT.travelling(column) == 'CAST("x" AS VARCHAR(128))'


@pytest.mark.parametrize(
    ("words", "declared"),
    [
        ("varchar(20)", "VARCHAR(20)"),
        ("string", "VARCHAR"),
        ("double", "DOUBLE PRECISION"),
        ("int", "INTEGER"),
    ],
)
def test_words_of_external_tables_are_known(words, declared):
    assert declare_named("x", words).declared_type == declared


@pytest.mark.parametrize("words", ["array<struct<a:int>>", "uuid", "oidvector"])
def test_unknown_types_are_opaque(words):
    assert declare_named("x", words).family is Family.OPAQUE


def test_an_unknown_number_is_opaque_and_told():
    assert declare_numbered("x", 2950, -1) == SourceColumn("x", "TYPE 2950", Family.OPAQUE)


def test_a_literal_null_fits_everything():
    assert declare_numbered("x", 705, -2).family is Family.UNTYPED


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bigint", '"x"'),
        ("super", '"x"'),
        ("character", 'RTRIM("x")'),
        ("varbyte", 'TO_HEX("x")'),
        ("geometry", 'ST_AsEWKT("x")'),
        ("geography", 'ST_AsText("x")'),
        ("timetz", 'CAST("x" AS VARCHAR(32))'),
        ("interval year to month", 'CAST("x" AS VARCHAR(64))'),
        ("date", """CASE WHEN "x" BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN "x" END"""),
        (
            "timestamp",
            """CASE WHEN "x" BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP """  # noqa: ISC004
            """'9999-12-31 23:59:59.999999' THEN "x" END""",
        ),
    ],
)
def test_each_type_travels_in_a_form_that_parquet_and_wire_share(words, expected):
    assert DIALECT.travelling(declare_named("x", words)) == expected


def test_totals_are_exact_and_doubles_stay_doubles():
    assert DIALECT.total(declare_named("x", "numeric(12,2)")) == 'CAST(SUM("x") AS DECIMAL(38,2))'
    assert DIALECT.total(declare_named("x", "bigint")) == 'CAST(SUM("x") AS DECIMAL(38,0))'
    assert DIALECT.total(declare_named("x", "real")) == 'SUM(CAST("x" AS DOUBLE PRECISION))'


def test_names_without_a_schema_are_those_of_the_connection():
    assert DIALECT.table("orders") == '"shop"."orders"'
    assert DIALECT.table('crm.or"ders') == '"crm"."or""ders"'


def test_bounds_are_typed_literals():
    at = datetime(2017, 6, 1, 12, tzinfo=UTC)
    assert DIALECT.time_literal(at, Family.INSTANT) == "TIMESTAMPTZ '2017-06-01 12:00:00+00:00'"
    assert (
        DIALECT.time_literal(at.replace(tzinfo=None), Family.TIMESTAMP) == "TIMESTAMP '2017-06-01 12:00:00'"
    )
    assert DIALECT.time_literal(date(2017, 6, 1), Family.DATE) == "DATE '2017-06-01'"


def test_backslashes_and_quotes_end_no_literal():
    assert literal("a\\' OR 1=1 --") == "'a\\\\'' OR 1=1 --'"


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (pl.String(), "VARCHAR(65535)"),
        (pl.Int64(), "BIGINT"),
        (pl.Float64(), "DOUBLE PRECISION"),
        (pl.Boolean(), "BOOLEAN"),
        (pl.Date(), "DATE"),
        (pl.Datetime("us", "UTC"), "TIMESTAMPTZ"),
        (pl.Decimal(18, 2), "DECIMAL(18,2)"),
        (pl.Time(), None),
    ],
)
def test_contract_types_have_a_column_type(dtype, expected):
    assert column_type(dtype) == expected
