"""Declared types: one Arrow type each, whatever the values, and the SQL that makes them travel."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from resources.warehouses.base import Family, Relation
from resources.warehouses.snowflake.types import (
    SnowflakeDialect,
    column_type,
    declare_column,
    literal,
    quoted,
)

AT = datetime(2017, 6, 1, 12, 30, 0, 123456, tzinfo=UTC)
WALL = AT.replace(tzinfo=None)
INSTANT = pa.timestamp("us", "UTC")
#: Declared type → a literal, its family, its Arrow type, and the value that has to arrive.
TYPES = {
    "NUMBER(18,0)": ("5", Family.INTEGER, pa.int64(), 5),
    "NUMBER(19,0)": (str(2**63), Family.DECIMAL, pa.decimal128(19, 0), Decimal(2**63)),
    "NUMBER(38,0)": ("9" * 38, Family.DECIMAL, pa.decimal128(38, 0), Decimal("9" * 38)),
    "INT": ("-7", Family.DECIMAL, pa.decimal128(38, 0), Decimal(-7)),
    "NUMBER(12,2)": ("1234567890.12", Family.DECIMAL, pa.decimal128(12, 2), Decimal("1234567890.12")),
    "NUMBER(38,37)": (
        "1.0000000000000000000000000000000000001",
        Family.DECIMAL,
        pa.decimal128(38, 37),
        Decimal("1.0000000000000000000000000000000000001"),
    ),
    "FLOAT": ("0.1", Family.FLOAT, pa.float64(), 0.1),
    "VARCHAR": ("'Zoë ''x'' \U0001f600'", Family.TEXT, pa.string(), "Zoë 'x' \U0001f600"),
    "BOOLEAN": ("TRUE", Family.BOOLEAN, pa.bool_(), True),
    "DATE": ("'2017-06-01'", Family.DATE, pa.date32(), date(2017, 6, 1)),
    "TIME(0)": ("'10:20:30'", Family.TIME, pa.time64("us"), time(10, 20, 30)),
    "TIME(3)": ("'10:20:30.123'", Family.TIME, pa.time64("us"), time(10, 20, 30, 123000)),
    "TIME": ("'10:20:30.123456'", Family.TIME, pa.time64("us"), time(10, 20, 30, 123456)),
    "TIMESTAMP_NTZ(0)": (
        "'2017-06-01 12:30:00'",
        Family.TIMESTAMP,
        pa.timestamp("us"),
        WALL.replace(microsecond=0),
    ),
    "TIMESTAMP_NTZ(6)": ("'2017-06-01 12:30:00.123456'", Family.TIMESTAMP, pa.timestamp("us"), WALL),
    # The client, asked for microseconds, is wrong by a factor of 1000 here.
    "TIMESTAMP_NTZ(7)": ("'2017-06-01 12:30:00.123456'", Family.TIMESTAMP, pa.timestamp("us"), WALL),
    "TIMESTAMP_NTZ": ("'2017-06-01 12:30:00.123456'", Family.TIMESTAMP, pa.timestamp("us"), WALL),
    "TIMESTAMP_LTZ(3)": (
        "'2017-06-01 14:30:00.123+02:00'",
        Family.INSTANT,
        INSTANT,
        AT.replace(microsecond=123000),
    ),
    "TIMESTAMP_LTZ": (
        "'2017-06-01 14:30:00.123456+02:00'",
        Family.INSTANT,
        INSTANT,
        AT,
    ),
    "TIMESTAMP_TZ(3)": (
        "'2017-06-01 07:00:00.123-05:30'",
        Family.INSTANT,
        INSTANT,
        AT.replace(microsecond=123000),
    ),
    "TIMESTAMP_TZ": ("'2017-06-01 07:00:00.123456-05:30'", Family.INSTANT, INSTANT, AT),
    "VARIANT": (
        """PARSE_JSON('{"a":9007199254740993}')""",
        Family.NESTED,
        pa.string(),
        '{"a":9007199254740993}',
    ),
    "OBJECT": ("OBJECT_CONSTRUCT('a', 1)", Family.NESTED, pa.string(), '{"a":1}'),
    "ARRAY": ("ARRAY_CONSTRUCT(1, 2)", Family.NESTED, pa.string(), "[1,2]"),
    "VECTOR(FLOAT, 2)": ("ARRAY_CONSTRUCT(0.5, 2)", Family.NESTED, pa.string(), "[0.5,2]"),
    "BINARY": ("CAST('ab' AS BINARY)", Family.BINARY, pa.binary(), b"ab"),
    "GEOGRAPHY": ("'POINT(13.4 52.5)'", Family.TEXT, pa.string(), "POINT(13.4 52.5)"),
    "DECFLOAT": ("'1.25E+100'", Family.TEXT, pa.string(), "1.25E+100"),
}


@pytest.mark.parametrize("declared", TYPES)
def test_each_declared_type_travels_as_one_arrow_type(run, connect, read, declared):
    written, family, arrow, expected = TYPES[declared]
    run(f"CREATE TABLE T (X {declared})", f"INSERT INTO T SELECT {written}", "INSERT INTO T VALUES (NULL)")
    warehouse = connect()
    assert warehouse.describe("orders", Relation(table="T"))[0].family is family
    full = read(warehouse, Relation(table="T"))
    assert full.schema.field("x").type == arrow
    assert sorted(full.column("x").to_pylist(), key=lambda value: value is None) == [expected, None]


def test_an_empty_result_has_the_types_of_a_full_one(run, connect, read):
    columns = {f"x{position}": declared for position, declared in enumerate(TYPES)}
    run(f"CREATE TABLE T ({', '.join(f'{name} {declared}' for name, declared in columns.items())})")
    warehouse = connect()
    of_table = read(warehouse, Relation(table="T"))
    of_query = read(warehouse, Relation(query="SELECT * FROM T WHERE FALSE"))
    assert of_table.num_rows == of_query.num_rows == 0
    expected = pa.schema([(name, TYPES[declared][2]) for name, declared in columns.items()])
    assert of_table.schema == of_query.schema == expected


def test_whole_numbers_keep_one_type_when_chunks_differ(server, run, connect, read):
    # The server sends 100 small numbers as 8-bit integers and the rest as decimals.
    run(
        "CREATE TABLE T (X NUMBER(38,0))",
        "INSERT INTO T SELECT RANGE FROM RANGE(100)",
        f"INSERT INTO T SELECT {2**63} + RANGE FROM RANGE(100)",
    )
    server.cut_results(100)
    rows = read(connect(), Relation(table="T"))
    assert rows.schema.field("x").type == pa.decimal128(38, 0)
    expected = [Decimal(number) for number in (*range(100), *range(2**63, 2**63 + 100))]
    assert sorted(rows.column("x").to_pylist()) == expected


def test_sentinels_of_the_calendar_keep_their_year_beside_usual_times(server, run, connect, read):
    run(
        "CREATE TABLE T (A TIMESTAMP_NTZ, B TIMESTAMP_TZ, C TIMESTAMP_LTZ(6), D DATE)",
        *(
            f"INSERT INTO T SELECT '{day}', '{day} 00:00:00+00:00', '{day} 00:00:00+00:00', '{day}' "
            "FROM RANGE(10)"
            for day in ("2024-02-29", "0001-01-01", "9999-12-31")
        ),
    )
    server.cut_results(10)
    rows = pl.from_arrow(read(connect(), Relation(table="T")))
    for column in ("a", "b", "c", "d"):
        years = rows.get_column(column).dt.year().value_counts(sort=False).sort(column)
        assert years.rows() == [(1, 10), (2024, 10), (9999, 10)]


def test_not_a_number_and_infinities_are_no_nulls(run, connect, read):
    run("CREATE TABLE T (X FLOAT)", "INSERT INTO T SELECT 'nan'::FLOAT UNION ALL SELECT '-inf'::FLOAT")
    values = read(connect(), Relation(table="T")).column("x").to_pylist()
    assert [str(value) for value in sorted(values, key=str)] == ["-inf", "nan"]


def test_json_null_is_not_null(run, connect, read):
    run(
        "CREATE TABLE T (X VARIANT)", "INSERT INTO T SELECT PARSE_JSON('null')", "INSERT INTO T VALUES (NULL)"
    )
    assert sorted(read(connect(), Relation(table="T")).column("x").to_pylist(), key=str) == [None, "null"]


@pytest.mark.parametrize(
    ("kind", "family", "sql"),
    [
        ("MAP", Family.NESTED, 'TO_JSON(CAST("X" AS OBJECT))'),
        ("OBJECT", Family.NESTED, 'TO_JSON(CAST("X" AS OBJECT))'),
        ("GEOMETRY", Family.TEXT, 'ST_ASWKT("X")'),
        ("INTERVAL DAY TO SECOND", Family.TEXT, 'CAST("X" AS VARCHAR)'),
        ("INTERVAL_YEAR_MONTH", Family.TEXT, 'CAST("X" AS VARCHAR)'),
        ("UUID", Family.TEXT, 'CAST("X" AS VARCHAR)'),
        ("FILE", Family.OPAQUE, 'CAST("X" AS VARCHAR)'),
        ("TIMESTAMP_LTZ", Family.INSTANT, '"X"'),
    ],
)
def test_types_that_the_emulator_lacks_are_cast_on_the_server(kind, family, sql):
    column = declare_column("X", kind)
    assert column.family is family
    assert SnowflakeDialect(str).travelling(column) == sql


def test_a_number_without_scale_is_a_decimal_float():
    # The client knows no DECFLOAT: it calls it FIXED, which always has a scale.
    assert declare_column("X", "FIXED", precision=38) == declare_column("X", "DECFLOAT")


@pytest.mark.parametrize("kind", ["TIMESTAMP_NTZ", "TIMESTAMP_LTZ"])
@pytest.mark.parametrize("scale", [7, 8])
def test_scales_that_the_client_misreads_are_sent_in_full(kind, scale):
    column = declare_column("X", kind, scale=scale)
    assert SnowflakeDialect(str).travelling(column) == f'CAST("X" AS {kind}(9))'


def test_times_without_a_length_say_nothing_of_it():
    assert declare_column("X", "TEXT", length=10).declared_type == "VARCHAR(10)"
    assert declare_column("X", "TEXT", length=16_777_216).declared_type == "VARCHAR"
    assert declare_column("X", "TEXT", length=134_217_728).declared_type == "VARCHAR"


def test_contract_types_have_a_column_type():
    assert {
        name: column_type(dtype)
        for name, dtype in {
            "text": pl.String(),
            "count": pl.Int64(),
            "rate": pl.Float64(),
            "flag": pl.Boolean(),
            "day": pl.Date(),
            "instant": pl.Datetime("us", "UTC"),
            "money": pl.Decimal(18, 2),
            "list": pl.List(pl.Int64()),
        }.items()
    } == {
        "text": "VARCHAR",
        "count": "NUMBER(38,0)",
        "rate": "FLOAT",
        "flag": "BOOLEAN",
        "day": "DATE",
        "instant": "TIMESTAMP_TZ(6)",
        "money": "NUMBER(18,2)",
        "list": None,
    }


def test_names_and_texts_cannot_leave_their_quotes():
    assert quoted('a"b') == '"a""b"'
    assert literal("it's \\' -- x") == r"'it''s \\'' -- x'"


def test_days_and_totals_are_taken_in_utc_and_exactly():
    dialect = SnowflakeDialect(str)
    instant = declare_column("AT", "TIMESTAMP_TZ", scale=9)
    assert dialect.utc_day(instant) == """CAST(CONVERT_TIMEZONE('UTC', "AT") AS DATE)"""
    assert dialect.utc_day(declare_column("AT", "TIMESTAMP_NTZ")) == 'CAST("AT" AS DATE)'
    money = declare_column("M", "NUMBER", precision=18, scale=2)
    assert dialect.total(money) == 'CAST(SUM("M") AS NUMBER(38, 2))'
    assert dialect.total(declare_column("R", "FLOAT")) == 'SUM("R")'


def test_time_literals_carry_their_kind():
    dialect = SnowflakeDialect(str)
    at = datetime(2017, 6, 1, 12, tzinfo=UTC)
    assert dialect.time_literal(at, Family.INSTANT) == "CAST('2017-06-01 12:00:00+00:00' AS TIMESTAMP_TZ)"
    naive = at.replace(tzinfo=None)
    assert dialect.time_literal(naive, Family.TIMESTAMP) == "CAST('2017-06-01 12:00:00' AS TIMESTAMP_NTZ)"
    assert dialect.time_literal(naive.date(), Family.DATE) == "CAST('2017-06-01' AS DATE)"
