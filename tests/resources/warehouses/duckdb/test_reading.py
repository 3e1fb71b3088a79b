"""Reading from DuckDB: declared types, bounds, the lock-down, and errors without values."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from resources.warehouses.base import Estimate, Family, ReadRequest, Relation, SourceError, TimeBound
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse

AT = datetime(2017, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def build(tmp_path):
    """Runs statements against a new file and opens it as a source."""
    opened = []

    def run(*statements):
        path = tmp_path / f"source{len(opened)}.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for statement in statements:
                connection.execute(statement)
        opened.append(DuckDBWarehouse(path))
        return opened[-1]

    yield run
    for warehouse in opened:
        warehouse.__exit__(None, None, None)


def request_all(warehouse, relation, *bounds, time_zone="UTC"):
    declared = warehouse.describe("orders", relation)
    columns = {column.name: column for column in declared}
    return ReadRequest(
        source="orders", relation=relation, columns=columns, bounds=bounds, time_zone=time_zone
    )


def read_frame(warehouse, request):
    with warehouse.read(request) as stream:
        return pl.from_arrow(stream.read_all())


def read(warehouse, relation, *bounds, time_zone="UTC"):
    return read_frame(warehouse, request_all(warehouse, relation, *bounds, time_zone=time_zone))


TYPES = {
    "BOOLEAN": ("true", Family.BOOLEAN, True),
    "TINYINT": ("1", Family.INTEGER, 1),
    "UINTEGER": ("1", Family.INTEGER, 1),
    "HUGEINT": (str(2**100), Family.WIDE_INTEGER, str(2**100)),
    "UBIGINT": (str(2**64 - 1), Family.WIDE_INTEGER, str(2**64 - 1)),
    "DECIMAL(38,9)": ("1.5", Family.DECIMAL, Decimal("1.500000000")),
    "FLOAT": ("0.5", Family.FLOAT, 0.5),
    "DOUBLE": ("0.1", Family.FLOAT, 0.1),
    "VARCHAR": ("'a'", Family.TEXT, "a"),
    "ENUM('a', 'b')": ("'a'", Family.TEXT, "a"),
    "UUID": ("'00000000-0000-0000-0000-000000000001'", Family.TEXT, "00000000-0000-0000-0000-000000000001"),
    "TIME": ("'10:00:00.000001'", Family.TIME, time(10, 0, 0, 1)),
    "TIME_NS": ("'10:00:00.000001'", Family.TIME, time(10, 0, 0, 1)),
    "TIMETZ": ("'10:00:00+02'", Family.TEXT, "10:00:00+02"),
    "BIGNUM": (str(2**200), Family.WIDE_INTEGER, str(2**200)),
    "BIT": ("'101'", Family.TEXT, "101"),
    "GEOMETRY": ("'POINT (1 2)'", Family.TEXT, "POINT (1 2)"),
    "INTERVAL": ("INTERVAL 1 DAY", Family.TEXT, "1 day"),
    "DATE": ("'2017-06-01'", Family.DATE, date(2017, 6, 1)),
    "TIMESTAMP": ("'2017-06-01 12:00'", Family.TIMESTAMP, AT.replace(tzinfo=None)),
    "TIMESTAMP_NS": ("'2017-06-01 12:00'", Family.TIMESTAMP, AT.replace(tzinfo=None)),
    "TIMESTAMP_S": ("'2017-06-01 12:00'", Family.TIMESTAMP, AT.replace(tzinfo=None)),
    "TIMESTAMPTZ": ("'2017-06-01 14:00:00+02'", Family.INSTANT, AT),
    "JSON": ("""'{"a": 1}'""", Family.NESTED, '{"a": 1}'),
    "STRUCT(a INTEGER)": ("{'a': 1}", Family.NESTED, '{"a":1}'),
    "INTEGER[]": ("[1, 2]", Family.NESTED, "[1,2]"),
    "MAP(VARCHAR, INTEGER)": ("MAP {'a': 1}", Family.NESTED, '{"a":1}'),
    "UNION(a INTEGER, b VARCHAR)": ("1", Family.NESTED, '{"a":1}'),
    "BLOB": (r"'a\xAA\x00'::BLOB", Family.BINARY, b"a\xaa\x00"),
}


@pytest.mark.parametrize("declared", TYPES)
def test_each_declared_type_travels_as_one_stable_type(build, declared):
    literal, family, expected = TYPES[declared]
    warehouse = build(f"CREATE TABLE t (x {declared})", f"INSERT INTO t VALUES ({literal}), (NULL)")
    assert warehouse.describe("orders", Relation(table="t"))[0].family is family
    full = read(warehouse, Relation(table="t"))
    empty = read(warehouse, Relation(query="SELECT * FROM t WHERE false"))
    assert full.schema == empty.schema
    assert full.drop_nulls().to_series().to_list() == [expected]


def test_a_column_of_nulls_and_an_infinity_are_readable(build):
    warehouse = build()
    query = (
        "SELECT NULL AS n, 'infinity'::TIMESTAMP AS t, '-infinity'::DATE AS d, 'infinity'::TIMESTAMPTZ AS z"
    )
    rows = read(warehouse, Relation(query=query))
    assert rows.row(0) == (None, None, None, None)


def test_sentinels_of_the_calendar_keep_their_year(build):
    warehouse = build()
    query = "SELECT unnest([TIMESTAMP '0001-01-01', TIMESTAMP '9999-12-31', TIMESTAMP '2024-01-01']) AS t"
    rows = read(warehouse, Relation(query=query))
    assert sorted(rows.to_series().dt.year()) == [1, 2024, 9999]


def test_columns_are_matched_by_name_never_by_position(build):
    warehouse = build(
        "CREATE TABLE t (added VARCHAR, b INTEGER, a INTEGER)", "INSERT INTO t VALUES ('x', 2, 1)"
    )
    request = request_all(warehouse, Relation(table="t"))
    renamed = {"first": request.columns["a"], "second": request.columns["b"]}
    rows = read_frame(warehouse, ReadRequest(source="orders", relation=request.relation, columns=renamed))
    assert rows.to_dicts() == [{"first": 1, "second": 2}]


def test_quoted_and_mixed_names_are_found(build):
    warehouse = build('CREATE SCHEMA "My shop"', 'CREATE TABLE "My shop".t ("Weird ""name" INTEGER)')
    assert read(warehouse, Relation(table="My shop.t")).columns == ['Weird "name']


HOURLY = "CREATE TABLE t AS SELECT {} AS at FROM range(48) r(i)"


@pytest.mark.parametrize(
    ("column", "zone", "slack"),
    [
        ("TIMESTAMPTZ '2017-06-01 00:00:00+00' + INTERVAL (i) HOUR", "UTC", 0),
        ("TIMESTAMP '2017-06-01 00:00' + INTERVAL (i) HOUR", "UTC", 0),
        ("TIMESTAMP '2017-05-31 20:00' + INTERVAL (i) HOUR", "America/New_York", 3),
    ],
)
def test_bounds_are_pushed_down_and_lose_nothing(build, column, zone, slack):
    warehouse = build(HOURLY.format(column))
    bound = TimeBound("at", AT, AT + timedelta(hours=6), keeps_nulls=False)
    request = request_all(warehouse, Relation(table="t"), bound, time_zone=zone)
    assert read_frame(warehouse, request).height == 6 + 2 * slack
    assert warehouse.estimate(request).row_count == 6 + 2 * slack


def test_bounds_on_dates_cover_whole_days(build):
    warehouse = build(
        "CREATE TABLE t AS SELECT DATE '2017-05-01' + CAST(i AS INTEGER) AS at FROM range(60) r(i)"
    )
    rows = read(
        warehouse, Relation(table="t"), TimeBound("at", AT, AT + timedelta(days=2), keeps_nulls=False)
    )
    assert set(rows.to_series()) >= {date(2017, 6, 1), date(2017, 6, 2)}
    assert rows.height <= 5


@pytest.mark.parametrize(
    ("since", "until", "keeps_nulls", "expected"),
    [
        (AT, None, False, [AT]),
        (AT, None, True, [AT, None]),
        (None, AT, True, [None]),
        (None, None, True, [AT, None]),
        (None, None, False, [AT]),
    ],
)
def test_rows_without_time_are_kept_when_asked_for(build, since, until, keeps_nulls, expected):
    warehouse = build("CREATE TABLE t AS SELECT unnest([TIMESTAMPTZ '2017-06-01 12:00:00+00', NULL]) AS at")
    rows = read(warehouse, Relation(table="t"), TimeBound("at", since, until, keeps_nulls))
    assert rows.sort("at", nulls_last=True).to_series().to_list() == expected


def test_times_as_text_are_left_to_the_exact_cut(build):
    warehouse = build("CREATE TABLE t AS SELECT '2999-01-01' AS at")
    assert read(warehouse, Relation(table="t"), TimeBound("at", None, AT, keeps_nulls=False)).height == 1


def test_reading_twice_gives_the_same_rows(build):
    warehouse = build("CREATE TABLE t AS SELECT i FROM range(200000) r(i)")
    first, second = (read(warehouse, Relation(table="t")).sort("i") for _ in range(2))
    assert first.equals(second)
    assert first.height == 200_000


def test_a_read_comes_in_bounded_batches(build):
    warehouse = build("CREATE TABLE t AS SELECT i FROM range(200000) r(i)")
    with warehouse.read(request_all(warehouse, Relation(table="t"))) as reader:
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 65_536


def test_only_keys_are_read_for_reconciliation(build):
    warehouse = build("CREATE TABLE t AS SELECT 1 AS id, 'x' AS other")
    request = request_all(warehouse, Relation(table="t"))
    with warehouse.read_keys(request, ["id", "source"]) as reader:
        assert reader.read_all().to_pylist() == [{"id": 1}]


def test_discovery_is_stable_and_names_every_column(build):
    warehouse = build("CREATE SCHEMA shop", "CREATE TABLE shop.t (b INTEGER, a DECIMAL(10, 2))")
    found = warehouse.discover()
    assert found == warehouse.discover()
    assert [(column.name, column.precision) for column in found["shop.t"]] == [("b", None), ("a", 10)]
    assert warehouse.check().startswith("duckdb ")
    assert warehouse.capabilities.kind == "duckdb"


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("SELECT * FROM nowhere", "missing_table", "nowhere"),
        ("SELECT nothing FROM t", "invalid_query", "nothing"),
        ("SELEC 1", "invalid_query", "single SELECT"),
        ("SELECT 1; SELECT 2", "invalid_query", "single SELECT"),
        ("SELECT 1; DROP TABLE t", "invalid_query", "single SELECT"),
        ("DROP TABLE t", "invalid_query", "single SELECT"),
        ("SELECT 1) AS a, (SELECT 2", "invalid_query", "single SELECT"),
        ("SELECT 1 FROM", "invalid_query", "syntax error"),
        ("SELECT * FROM read_csv('/etc/hostname')", "not_allowed", "outside"),
        ("SELECT * FROM '/etc/hostname'", "missing_table", "hostname"),
    ],
)
def test_a_query_is_one_select_inside_its_warehouse(build, query, code, words):
    warehouse = build("CREATE TABLE t (x INTEGER)")
    with pytest.raises(SourceError) as refused:
        warehouse.describe("orders", Relation(query=query))
    problem = refused.value.problems[0]
    assert (problem.code, problem.source) == (code, "orders")
    assert words in problem.what


def test_comments_and_semicolons_at_the_end_of_a_query_are_harmless(build):
    assert read(build(), Relation(query="SELECT 1 AS x -- all of it;\n;")).height == 1


def test_settings_cannot_be_opened_again(build):
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        build()._connection.execute("SET enable_external_access = true")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT CAST(mail AS INTEGER) AS x FROM t",
        "SELECT IF(mail = 'ana@example.com', error(mail), mail) AS x FROM t",
    ],
)
def test_no_value_of_a_row_is_in_an_error(build, query):
    warehouse = build("CREATE TABLE t AS SELECT 'ana@example.com' AS mail")
    with pytest.raises(SourceError) as failed:
        read(warehouse, Relation(query=query))
    assert failed.value.problems[0].code == "read_failed"
    assert "ana" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_an_interrupt_is_no_source_error(build, monkeypatch):
    def interrupt(_table):
        raise KeyboardInterrupt

    warehouse = build("CREATE TABLE t (x INTEGER)")
    monkeypatch.setattr(pl, "from_arrow", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read(warehouse, Relation(table="t"))


def test_the_zone_of_the_host_changes_nothing(build, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    warehouse = build("CREATE TABLE t AS SELECT TIMESTAMPTZ '2017-06-01 12:00:00+00' AS at")
    assert read(warehouse, Relation(table="t")).item() == AT


def test_a_variant_is_opaque(build):
    (column,) = build().describe("orders", Relation(query="SELECT 1::VARIANT AS x"))
    assert column.family is Family.OPAQUE


def test_a_stream_counts_what_passes(build):
    warehouse = build("CREATE TABLE t AS SELECT i FROM range(100) r(i)")
    with warehouse.read(request_all(warehouse, Relation(table="t"))) as stream:
        assert (stream.usage.row_count, stream.usage.byte_count) == (0, 0)
        stream.read_all()
    assert stream.usage.row_count == 100
    assert stream.usage.byte_count >= 100 * 8  # eight bytes an integer
    assert (stream.usage.scanned_bytes, stream.usage.billed_bytes, stream.usage.query_id) == (
        None,
        None,
        None,
    )


def test_an_error_of_the_caller_stays_its_own(build):
    warehouse = build("CREATE TABLE t AS SELECT 1 AS i")
    disk_full = OSError("no space left on device")
    with (
        pytest.raises(OSError, match="no space left"),
        warehouse.read(request_all(warehouse, Relation(table="t"))),
    ):
        raise disk_full


def test_a_value_that_breaks_in_the_middle_is_a_read_that_failed(build):
    texts = "CASE WHEN i = 2900000 THEN 'ana' ELSE i::VARCHAR END AS i"
    warehouse = build(f"CREATE TABLE t AS SELECT {texts} FROM range(3000000) r(i)")
    request = request_all(warehouse, Relation(query="SELECT CAST(i AS BIGINT) AS i FROM t"))
    with warehouse.read(request) as stream, pytest.raises(SourceError, match="read_failed") as failed:
        for _ in stream:
            pass
    assert 0 < stream.usage.row_count < 2_900_001
    assert "ana" not in str(failed.value)
    assert not failed.value.is_transient


def test_a_read_ends_when_its_time_is_up(build):
    warehouse = build()
    endless = Relation(query="SELECT i FROM range(1000000000000) r(i)")
    request = replace(request_all(warehouse, endless), maximum_seconds=0.2)
    with warehouse.read(request) as stream, pytest.raises(SourceError, match=r"\[timeout\]"):
        for _ in stream:
            pass
    heavy = Relation(
        query="SELECT a.i FROM range(10000000) a(i), range(10000000) b(i) WHERE a.i * b.i % 7 = 3"
    )
    request = replace(request_all(warehouse, heavy), maximum_seconds=0.2)
    with pytest.raises(SourceError, match=r"\[timeout\]"):
        warehouse.summarise(request, by=None, sums=["i"])


def test_a_read_within_its_time_is_complete(build):
    warehouse = build("CREATE TABLE t AS SELECT i FROM range(100) r(i)")
    request = replace(request_all(warehouse, Relation(table="t")), maximum_seconds=60)
    assert read_frame(warehouse, request).height == 100


def test_an_estimate_of_what_cannot_be_read_knows_nothing(build):
    warehouse = build("CREATE TABLE t AS SELECT 'x' AS i")
    request = ReadRequest(source="orders", relation=Relation(table="gone"), columns={})
    assert warehouse.estimate(request) == Estimate()


def test_a_summary_counts_and_adds_by_day_of_utc(build):
    warehouse = build(
        "CREATE TABLE t (sold TIMESTAMPTZ, amount DECIMAL(18, 2), weight DOUBLE, units INTEGER)",
        "INSERT INTO t VALUES ('2017-06-01 01:00:00+02', 0.10, 0.5, 1), "  # the day before, in UTC
        "('2017-06-01 00:00:00+00', 0.20, NULL, 2), ('2017-06-01 23:59:59+00', 0.30, 1.5, 3), "
        "(NULL, 1, 1, 1)",
    )
    request = request_all(warehouse, Relation(table="t"))
    summary = warehouse.summarise(request, by="sold", sums=["amount", "weight", "units"])
    assert summary.schema.names == ["partition", "row_count", "amount", "weight", "units"]
    assert [str(field.type) for field in summary.schema] == [
        "date32[day]",
        "int64",
        "decimal128(38, 2)",
        "double",
        "decimal128(38, 0)",
    ]
    rows = sorted(summary.to_pylist(), key=lambda row: (row["partition"] is None, row["partition"]))
    assert [tuple(row.values()) for row in rows] == [
        (date(2017, 5, 31), 1, Decimal("0.10"), 0.5, Decimal(1)),
        (date(2017, 6, 1), 2, Decimal("0.50"), 1.5, Decimal(5)),
        (None, 1, Decimal("1.00"), 1.0, Decimal(1)),
    ]


def test_a_summary_without_days_is_one_row(build):
    warehouse = build("CREATE TABLE t AS SELECT i FROM range(10) r(i)")
    summary = warehouse.summarise(request_all(warehouse, Relation(table="t")), by=None, sums=["i"])
    assert summary.to_pylist() == [{"partition": None, "row_count": 10, "i": Decimal(45)}]
