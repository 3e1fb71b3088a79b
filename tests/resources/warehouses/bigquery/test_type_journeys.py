"""Every declared type from a table to Arrow: exact values, NULL, no rows, on every way that rows can come."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest

from resources.warehouses.base import Family, ReadRequest, Relation, SourceError
from resources.warehouses.bigquery.types import declare_column, is_plain

#: Declared type, literal, Arrow type of the column, value as it must arrive.
TYPES = [
    ("BOOL", "TRUE", pa.bool_(), True),
    ("INT64", "-9223372036854775808", pa.int64(), -(2**63)),
    ("FLOAT64", "CAST('-inf' AS FLOAT64)", pa.float64(), float("-inf")),
    ("STRING", "'Zoë 😀'", pa.string(), "Zoë 😀"),
    ("BYTES", "FROM_HEX('00ff')", pa.binary(), b"\x00\xff"),
    ("DATE", "DATE '9999-12-31'", pa.date32(), date(9999, 12, 31)),
    ("TIME", "TIME '23:59:59.999999'", pa.time64("us"), time(23, 59, 59, 999999)),
    (
        "DATETIME",
        "DATETIME '0001-01-01 00:00:00.000001'",
        pa.timestamp("us"),
        datetime(1, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001  DATETIME has no zone
    ),
    (
        "TIMESTAMP",
        "TIMESTAMP '2024-06-01 02:00:00.000001+02:00'",
        pa.timestamp("us", "UTC"),
        datetime(2024, 6, 1, 0, 0, 0, 1, tzinfo=UTC),
    ),
    (
        "NUMERIC",
        "NUMERIC '12345678901234567890123456789.123456789'",
        pa.decimal128(38, 9),
        Decimal("12345678901234567890123456789.123456789"),
    ),
    ("NUMERIC(10, 2)", "NUMERIC '-12345678.25'", pa.decimal128(10, 2), Decimal("-12345678.25")),
    ("BIGNUMERIC", "BIGNUMERIC '1.000000000000000001'", pa.string(), "1.000000000000000001"),
    ("JSON", """JSON '{"a":9007199254740993,"b":null}'""", pa.string(), '{"a":9007199254740993,"b":null}'),
    ("STRUCT<a INT64, b STRING>", "STRUCT(1 AS a, 'x' AS b)", pa.string(), '{"a":1,"b":"x"}'),
    ("ARRAY<INT64>", "[1, 2]", pa.string(), "[1,2]"),
    ("ARRAY<STRUCT<x DATE>>", "[STRUCT(DATE '2024-02-29' AS x)]", pa.string(), '[{"x":"2024-02-29"}]'),
    ("GEOGRAPHY", "ST_GEOGPOINT(1, 2)", pa.string(), "POINT(1 2)"),
    (
        "RANGE<DATE>",
        "RANGE(DATE '2024-01-01', DATE '2024-02-01')",
        pa.string(),
        "[2024-01-01, 2024-02-01)",
    ),
    ("RANGE<DATE>", "RANGE(DATE '2024-01-01', NULL)", pa.string(), "[2024-01-01, UNBOUNDED)"),
]
INTERVAL = ("INTERVAL", "INTERVAL '1-2 3 4:5:6' YEAR TO SECOND", pa.string(), None)
OTHERS = [
    ("FLOAT64", "CAST('nan' AS FLOAT64)", pa.float64(), None),
    ("JSON", "JSON 'null'", pa.string(), "null"),
    INTERVAL,
]
EVERYTHING = [*TYPES, *OTHERS]
WAYS = ("table", "job", "rest")


def column_of(case):
    return f"c{EVERYTHING.index(case)}"


def identifier(case):
    return f"{case[0]}={case[1]}"


def read(warehouse, request):
    with warehouse.read(request) as stream:
        return stream.read_all()


@pytest.fixture(scope="module")
def everything(bigquery_server, open_warehouse, run, shared_dataset):
    """Table and way → its rows: one table with a row of values and one of NULLs, one without rows."""
    declared = ", ".join(f"{column_of(case)} {case[0]}" for case in EVERYTHING)
    values = ", ".join(case[1] for case in EVERYTHING)
    run(f"CREATE TABLE {shared_dataset}.full ({declared})")
    run(f"CREATE TABLE {shared_dataset}.empty ({declared})")
    run(f"INSERT INTO {shared_dataset}.full SELECT {values}")
    run(f"INSERT INTO {shared_dataset}.full ({column_of(EVERYTHING[0])}) VALUES (NULL)")
    return {
        (table, way): _read_by(way, f"{shared_dataset}.{table}", bigquery_server, open_warehouse)
        for table in ("full", "empty")
        for way in WAYS
    }


def _read_by(way, table, server, open_warehouse):
    """Plain columns from the table itself, all columns through a job, or through a job and REST."""
    with open_warehouse() as warehouse:
        relation = Relation(table=table)
        columns = {
            column.name: column
            for column in warehouse.describe("orders", relation)
            if way != "table" or is_plain(column)
        }
        limit = 10**12 if way == "job" else None
        request = ReadRequest(source="orders", relation=relation, columns=columns, maximum_bytes=limit)
        server.plan_faults(denies_storage=way == "rest")
        rows = read(warehouse, request)
        server.forget_faults()
        return rows


@pytest.mark.parametrize("case", TYPES, ids=identifier)
@pytest.mark.parametrize("way", WAYS)
def test_a_value_arrives_exactly_by_every_way(everything, case, way):
    declared, _, arrow_type, expected = case
    rows = everything["full", way]
    if way == "table" and column_of(case) not in rows.column_names:
        assert not is_plain(declare_column("c", declared))
        return
    column = rows.select([column_of(case)])
    assert column.schema.types == [arrow_type]
    assert set(column.column(0).to_pylist()) == {expected, None}
    assert pl.from_arrow(column).height == 2


@pytest.mark.parametrize("case", EVERYTHING, ids=identifier)
@pytest.mark.parametrize("way", WAYS)
def test_an_empty_table_has_the_same_types_as_a_full_one(everything, case, way):
    full, empty = everything["full", way], everything["empty", way]
    assert empty.schema.equals(full.schema)
    assert empty.num_rows == 0 and pl.from_arrow(empty).height == 0
    if column_of(case) in empty.column_names:
        assert empty.schema.field(column_of(case)).type == case[2]


@pytest.mark.parametrize("way", WAYS)
def test_not_a_number_is_no_null(everything, way):
    (value,) = everything["full", way].column(column_of(OTHERS[0])).drop_null().to_pylist()
    assert math.isnan(value)


def test_a_null_of_json_is_text_and_a_null_of_sql_is_none(everything):
    assert set(everything["full", "job"].column(column_of(OTHERS[1])).to_pylist()) == {"null", None}


def test_an_interval_arrives_as_text(everything):
    (value,) = everything["full", "job"].column(column_of(INTERVAL)).drop_null().to_pylist()
    assert value  # its wording is the engine's own: 1-2 3 4:5:6 on BigQuery


def test_a_declared_decimal_is_refused_by_name_where_its_value_does_not_fit(
    warehouse, run, dataset, request_of
):
    run(f"CREATE TABLE {dataset}.wide (amount NUMERIC)")
    run(f"INSERT INTO {dataset}.wide SELECT NUMERIC '0.001'")
    request = request_of(f"{dataset}.wide")
    narrow = replace(request.columns["amount"], declared_type="NUMERIC(10, 2)", precision=10, scale=2)
    with pytest.raises(SourceError) as refused:
        read(warehouse, replace(request, columns={"net_amount": narrow}))
    (problem,) = refused.value.problems
    assert (problem.code, problem.column) == ("cannot_decode", "net_amount")
    assert "NUMERIC(10, 2)" in problem.what and "0.001" not in str(problem)


def test_types_of_a_query_are_declared_without_reading_it(warehouse):
    query = "SELECT 1 AS i, 1.5 AS f, NUMERIC '1.5' AS n, 'x' AS s, CURRENT_TIMESTAMP() AS t, [1] AS a"
    declared = warehouse.describe("orders", Relation(query=query))
    assert [(column.name, column.family) for column in declared] == [
        ("i", Family.INTEGER),
        ("f", Family.FLOAT),
        ("n", Family.DECIMAL),
        ("s", Family.TEXT),
        ("t", Family.INSTANT),
        ("a", Family.NESTED),
    ]
