"""Reading: every declared column with its declared type, the same rows each time, or none at all."""

import json
from collections import Counter
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.warehouses.base import Family, ReadRequest, Relation
from tests.resources.warehouses.contract.reads import read_rows, request_of


def wall(*parts):
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


#: Meaning → Arrow type that arrives, family, and values that must arrive as they were written.
TYPES = {
    "integer": ("int64", Family.INTEGER, [0, -1, 2**53 + 1, -(10**17), 10**18 - 1]),
    "small": ("int64", Family.INTEGER, [0, -32768, 32767]),
    "text": (
        "string",
        Family.TEXT,
        [
            "",
            " ",
            "it's",
            'say "hi"',
            "C:\\temp\\",
            "line\nbreak",
            "a\tb",
            "Ünïcödé",
            "😀👩‍👩‍👧",
            "null",
            "%_--;",
        ],
    ),
    "money": (
        "decimal128(18, 2)",
        Family.DECIMAL,
        [Decimal("0.00"), Decimal("0.01"), Decimal("9999999999999999.99"), Decimal("-9999999999999999.99")],
    ),
    "precise": (
        "decimal128(38, 9)",
        Family.DECIMAL,
        [Decimal("12345678901234567890123456789.123456789"), Decimal("-0.000000001")],
    ),
    "float": ("double", Family.FLOAT, [0.0, 0.1, -1.5, 1e300, 2.0**-1000]),
    "boolean": ("bool", Family.BOOLEAN, [True, False]),
    "date": (
        "date32[day]",
        Family.DATE,
        [date(1, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31)],
    ),
    "time": ("time64[us]", Family.TIME, [time(0), time(12, 30, 15, 1), time(23, 59, 59, 999_999)]),
    "timestamp": (
        "timestamp[us]",
        Family.TIMESTAMP,
        [wall(1, 1, 1), wall(2024, 3, 10, 2, 30, 0, 1), wall(9999, 12, 31, 23, 59, 59, 999_999)],
    ),
    "instant": (
        "timestamp[us, tz=UTC]",
        Family.INSTANT,
        [
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
            datetime(2024, 3, 10, 7, 30, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
    ),
    "binary": ("binary", Family.BINARY, [b"", b"\x00\xff", b"'\\"]),
}


HEIGHT = max(len(values) for _, _, values in TYPES.values())


@pytest.fixture(scope="module")
def typed(engine):
    """One column of each type and a last row of nulls: the declared columns, and what arrives."""
    rows = [
        (number, *(values[number % len(values)] for _, _, values in TYPES.values()))
        for number in range(HEIGHT)
    ]
    columns = {"id": "integer"} | {f"a_{meaning}": meaning for meaning in TYPES}
    table = engine.create(columns, [*rows, (HEIGHT, *[None] * len(TYPES))])
    request = request_of(engine.source, table)
    with engine.source.read(request) as stream:
        return request, stream.read_all().sort_by("id")


@pytest.mark.parametrize("meaning", TYPES)
def test_values_of_each_type_arrive_as_they_were_written(typed, meaning):
    request, arrived = typed
    arrow_type, family, values = TYPES[meaning]
    assert request.columns[f"a_{meaning}"].family is family
    assert str(arrived.schema.field(f"a_{meaning}").type) == arrow_type
    expected = [values[number % len(values)] for number in range(HEIGHT)]
    assert arrived[f"a_{meaning}"].to_pylist() == [*expected, None]


def test_numbers_that_are_none_are_not_missing(engine):
    table = engine.create({"x": "float"}, [(float("nan"),), (float("inf"),), (float("-inf"),), (None,)])
    arrived = sorted(str(row[0]) for row in read_rows(engine.source, table))
    assert arrived == ["-inf", "None", "inf", "nan"]


DOCUMENTS = ['{"a": 1, "b": [true, null], "c": "it\'s"}', "[1, 2]", '"text"', "17", "9007199254740993", "{}"]


def test_nested_values_arrive_as_json_text(engine):
    table = engine.create(
        {"id": "integer", "x": "nested"}, [(i, x) for i, x in enumerate([*DOCUMENTS, "null", None])]
    )
    request = request_of(engine.source, table)
    assert request.columns["x"].family is Family.NESTED
    arrived = dict(read_rows(engine.source, table))
    for number, document in enumerate([*DOCUMENTS, "null"]):
        assert json.loads(arrived[number]) == json.loads(document)
    assert arrived[len(DOCUMENTS) + 1] is None  # and not the text of a JSON null


MANY = 300


@pytest.fixture(scope="module")
def many(engine):
    """Rows of every kind of value, some of them twice."""
    rows = [
        (i // 2, f"row {i // 2}", Decimal(i // 2) / 100, None if i % 3 else i / 8, i % 2 == 0)
        for i in range(MANY)
    ]
    columns = {"id": "integer", "x": "text", "amount": "money", "weight": "float", "is_on": "boolean"}
    return engine.create(columns, rows), rows


def test_two_full_reads_are_equal_and_complete(engine, many):
    table, rows = many
    first, second = Counter(read_rows(engine.source, table)), Counter(read_rows(engine.source, table))
    assert first == second == Counter(rows)


def test_a_table_and_a_query_of_it_give_the_same_rows(engine, many):
    table, rows = many
    query = Relation(query=f"SELECT * FROM {engine.sql_name(table)} -- all of them;\n;")
    assert Counter(read_rows(engine.source, query)) == Counter(rows)


def test_every_batch_has_the_schema_of_the_stream_and_is_counted(engine, many):
    table, rows = many
    request = request_of(engine.source, table)
    with engine.source.read(request) as stream:
        batches = list(stream)
        usage = stream.usage
    assert stream.schema.names == list(request.columns)
    assert all(batch.schema == stream.schema for batch in batches)
    assert usage.row_count == len(rows) == sum(batch.num_rows for batch in batches)
    assert usage.byte_count >= len(rows) * 8


def test_only_the_asked_columns_come_under_their_output_names(engine, many):
    table, rows = many
    whole = request_of(engine.source, table)
    # Crossed names would show a match by position, or an alias taken for a column.
    crossed = {"x": whole.columns["id"], "id": whole.columns["x"]}
    request = ReadRequest(source="orders", relation=whole.relation, columns=crossed)
    with engine.source.read(request) as stream:
        arrived = stream.read_all()
    assert arrived.schema == pa.schema([("x", pa.int64()), ("id", pa.string())])
    assert Counter(zip(*arrived.to_pydict().values(), strict=True)) == Counter(row[:2] for row in rows)


def test_only_keys_are_read_for_reconciliation(engine, many):
    table, rows = many
    with engine.source.read_keys(request_of(engine.source, table), ["id", "source"]) as stream:
        keys = stream.read_all()
    assert keys.schema == pa.schema([("id", pa.int64())])
    assert Counter(keys["id"].to_pylist()) == Counter(row[0] for row in rows)


def test_a_read_that_is_left_early_disturbs_no_other(engine, many):
    table, rows = many
    with engine.source.read(request_of(engine.source, table)) as stream:
        next(iter(stream))
    assert len(read_rows(engine.source, table)) == len(rows)


def test_two_reads_can_be_open_at_once(engine, many):
    table, rows = many
    request = request_of(engine.source, table)
    with engine.source.read(request) as first, engine.source.read(request) as second:
        counts = [sum(batch.num_rows for batch in stream) for stream in (first, second)]
    assert counts == [len(rows), len(rows)]


def test_more_rows_than_one_batch_arrive_all(engine):
    query = Relation(query=f"SELECT i FROM {engine.sequence(150_000)}")
    request = request_of(engine.source, query)
    with engine.source.read(request) as stream:
        numbers = [number for batch in stream for number in batch.column(0).to_pylist()]
    assert sorted(map(int, numbers)) == list(range(150_000))


def test_an_empty_table_has_the_types_of_a_full_one(engine):
    columns = {f"a_{meaning}": meaning for meaning in (*TYPES, "nested")}
    table = engine.create(columns)
    request = request_of(engine.source, table)
    with engine.source.read(request) as stream:
        empty = stream.read_all()
    assert empty.num_rows == 0
    assert [str(field.type) for field in empty.schema] == [one[0] for one in TYPES.values()] + ["string"]


def test_every_other_type_arrives_as_one_stable_type(engine):
    columns = {f"c{number}": declared for number, declared in enumerate(engine.more_types)}
    schemas = []
    for rows in ([], [[None] * len(columns)]):
        table = engine.create(columns, rows, declared=True)
        request = request_of(engine.source, table)
        assert list(request.columns) == list(columns)
        assert Family.OPAQUE not in {column.family for column in request.columns.values()}
        with engine.source.read(request) as stream:
            arrived = stream.read_all()
        assert arrived.num_rows == len(rows)
        schemas.append(arrived.schema)
    assert schemas[0] == schemas[1]


def test_a_column_of_nulls_is_readable(engine):
    request = request_of(engine.source, Relation(query="SELECT 1 AS one, NULL AS nothing"))
    with engine.source.read(request) as stream:
        assert [tuple(row.values()) for row in stream.read_all().to_pylist()] in (
            [(1, None)],
            [(Decimal(1), None)],
        )


def test_column_names_of_every_kind_are_read(engine):
    names = engine.awkward_names
    table = engine.create(dict.fromkeys(names, "integer"), [range(len(names))], spelled=str)
    declared = engine.source.describe("orders", Relation(table=table))
    assert [column.name for column in declared] == list(names)
    columns = {f"c{number}": column for number, column in enumerate(declared)}
    with engine.source.read(
        ReadRequest(source="orders", relation=Relation(table=table), columns=columns)
    ) as stream:
        assert stream.read_all().to_pylist() == [{f"c{i}": i for i in range(len(names))}]
