"""Every declared type on both ways, with values worked out by hand."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.warehouses.base import Family, Relation, SourceError
from tests.resources.warehouses.redshift.conftest import read, request_of

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
#: Declared type → literal, type on arrival, value on arrival.
JOURNEYS = {
    "SMALLINT": ("-32768", pa.int64(), -32768),
    "INTEGER": ("2147483647", pa.int64(), 2147483647),
    # 2^53 + 1, which no double holds.
    "BIGINT": ("9007199254740993", pa.int64(), 9007199254740993),
    "DECIMAL(38,37)": ("9.0000000000000000000000000000000000001", pa.decimal128(38, 37), None),
    "DECIMAL(38,0)": ("-99999999999999999999999999999999999999", pa.decimal128(38, 0), None),
    "DECIMAL(12,2)": ("1.5", pa.decimal128(12, 2), Decimal("1.50")),
    # The nearest float of 32 bits to 0.1, as a double: nothing is lost by widening.
    "REAL": ("0.1", pa.float64(), 0.10000000149011612),
    "DOUBLE PRECISION": ("0.1", pa.float64(), 0.1),
    "BOOLEAN": ("true", pa.bool_(), True),
    "VARCHAR(20)": ("'Zoë 🎉 '", pa.string(), "Zoë 🎉 "),
    "CHAR(6)": ("'ab'", pa.string(), "ab"),
    "DATE": ("'2017-06-01'", pa.date32(), date(2017, 6, 1)),
    "TIME": ("'23:59:59.999999'", pa.time64("us"), time(23, 59, 59, 999999)),
    # 01:00 five and a half hours east of UTC is 19:30 of the day before.
    "TIMETZ": ("'01:00:00.25+05:30'", pa.time64("us"), time(19, 30, 0, 250000)),
    "TIMESTAMP": ("'2024-01-01 00:00:00'", pa.timestamp("us"), NEW_YEAR.replace(tzinfo=None)),
    # 02:00 two hours east of UTC is midnight.
    "TIMESTAMPTZ": ("'2024-01-01 02:00:00+02'", pa.timestamp("us", "UTC"), NEW_YEAR),
    "INTERVAL YEAR TO MONTH": ("'1-2'", pa.string(), "1 year 2 mons"),
    "INTERVAL DAY TO SECOND": ("'3 04:05:06'", pa.string(), "3 days 04:05:06"),
    "SUPER": ("""JSON_PARSE('{"a":[1,null]}')""", pa.string(), '{"a":[1,null]}'),
    "VARBYTE(10)": ("FROM_HEX('00ff61')", pa.binary(), b"\x00\xffa"),
    "GEOMETRY": ("'SRID=4326;POINT(1 2)'", pa.string(), "SRID=4326;POINT(1 2)"),
    "GEOGRAPHY": ("'POINT(3 4)'", pa.string(), "POINT(3 4)"),
}


@pytest.fixture(params=["by_s3", "by_wire"])
def warehouse(request, run):
    return request.getfixturevalue(request.param)


def test_each_type_arrives_as_declared(run, warehouse):
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(JOURNEYS))
    values = ", ".join(value for value, _, _ in JOURNEYS.values())
    nulls = ", ".join("NULL" for _ in JOURNEYS)
    run(f"CREATE TABLE t ({columns})", f"INSERT INTO t VALUES ({values}), ({nulls})")
    found = read(warehouse, "t")
    assert [field.type for field in found.schema] == [kind for _, kind, _ in JOURNEYS.values()]
    by_first = sorted(found.to_pylist(), key=lambda row: row["c0"] is None)
    expected = [Decimal(value) if arrived is None else arrived for value, _, arrived in JOURNEYS.values()]
    assert list(by_first[0].values()) == expected
    assert set(by_first[1].values()) == {None}


def test_an_empty_result_is_typed_as_a_full_one(run, warehouse):
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(JOURNEYS))
    run(f"CREATE TABLE t ({columns})")
    empty = read(warehouse, "t")
    assert empty.num_rows == 0
    assert [field.type for field in empty.schema] == [kind for _, kind, _ in JOURNEYS.values()]


def test_infinity_and_years_beyond_the_calendar_are_no_other_year(run, warehouse):
    run(
        "CREATE TABLE t (id INTEGER, ts TIMESTAMP, tz TIMESTAMPTZ, d DATE)",
        "INSERT INTO t VALUES (1, 'infinity', '-infinity', 'infinity'), "
        "(2, '0044-03-15 BC', '20000-01-01', '0001-01-01 BC'), "
        "(3, '0001-01-01', '9999-12-31 23:59:59.999999+00', '9999-12-31')",
    )
    rows = {row.pop("id"): row for row in read(warehouse, "t").to_pylist()}
    nothing = {"ts": None, "tz": None, "d": None}
    assert rows[1] == rows[2] == nothing
    assert rows[3] == {
        "ts": datetime(1, 1, 1),  # noqa: DTZ001
        "tz": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        "d": date(9999, 12, 31),
    }


def test_a_time_of_24_hours_is_refused_by_name(run, warehouse):
    run("CREATE TABLE t (opens TIME)", "INSERT INTO t VALUES ('24:00:00')")
    with pytest.raises(SourceError, match=r"cannot_decode.*opens, declared as TIME") as refused:
        read(warehouse, "t")
    assert "24:00" not in str(refused.value)


def test_a_sketch_is_refused_by_name_and_its_number_can_be_asked(run, warehouse):
    run("CREATE TABLE t (id INTEGER, visitors HLLSKETCH)", "INSERT INTO t VALUES (1, NULL)")
    assert [column.family for column in warehouse.describe("orders", Relation(table="t"))] == [
        Family.INTEGER,
        Family.OPAQUE,
    ]
    with pytest.raises(SourceError, match=r"unreadable_type.*visitors is HLLSKETCH.*HLL_CARDINALITY"):
        read(warehouse, "t")
    assert read(warehouse, "t", "id").to_pylist() == [{"id": 1}]


def test_a_sum_without_scale_is_exact_text(run, warehouse):
    run("CREATE TABLE t (x DECIMAL(18,2))", "INSERT INTO t VALUES (0.10), (0.20)")
    found = read(warehouse, Relation(query="SELECT SUM(x) AS x FROM t".replace(" t", f" {schema_of(run)}.t")))
    assert found.to_pylist() == [{"x": "0.30"}]


def schema_of(run):
    ((name,),) = run("SELECT current_schema()")
    return name


JSON_TEXTS = {
    "null": "null",
    "beyond 2^53": '{"id":9007199254740993}',
    "a key twice": '{"a":1,"a":2}',
    "200 deep": "[" * 200 + "]" * 200,
    "half a character": '"\\ud800"',
    "10 MB": '"' + "x" * 10_000_000 + '"',
}


@pytest.mark.parametrize("name", JSON_TEXTS)
def test_json_text_is_kept_as_it_is(run, warehouse, name):
    text = JSON_TEXTS[name]
    escaped = text.replace("\\", "\\\\")
    run(
        "CREATE TABLE t (x SUPER)",
        f"INSERT INTO t VALUES (JSON_PARSE('{escaped}'))",
        "INSERT INTO t VALUES (NULL)",
    )
    assert sorted(read(warehouse, "t")["x"].to_pylist(), key=str) == sorted([text, None], key=str)


def test_only_the_columns_that_are_asked_for_travel(run, server, warehouse):
    run("CREATE TABLE t (id INTEGER, mail VARCHAR(20))", "INSERT INTO t VALUES (1, 'ana@example.com')")
    request = request_of(warehouse, "t")
    server.heal()
    with warehouse.read_keys(request, ["id", "source"]) as stream:
        assert stream.read_all().to_pylist() == [{"id": 1}]
    assert not [text for text in server.statements() if "mail" in text]
