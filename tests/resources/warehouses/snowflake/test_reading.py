"""Reading: pushed down, in small batches, complete, and within a budget."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.warehouses.base import (
    Estimate,
    PartitionBound,
    ReadRequest,
    Relation,
    SourceError,
    TimeBound,
)
from resources.warehouses.snowflake import costs, reading
from resources.warehouses.snowflake.failures import Place
from resources.warehouses.streams import Usage

AT = datetime(2017, 6, 1, 12, tzinfo=UTC)
PLACE = Place("orders", "CRM.ORDERS")
HOURLY = "SELECT {} AS SEEN FROM RANGE(48) AS hours (i)"


def test_chunks_arrive_complete_and_in_small_batches(server, run, connect, request_all, monkeypatch):
    monkeypatch.setattr(reading, "BATCH_ROWS", 64)
    run("CREATE TABLE T (ID NUMBER(18,0), NAME VARCHAR)", "INSERT INTO T SELECT RANGE, 'n' FROM RANGE(1000)")
    server.cut_results(150)
    warehouse = connect()
    with warehouse.read(request_all(warehouse, Relation(table="T"))) as stream:
        batches = list(stream)
    assert max(batch.num_rows for batch in batches) == 64
    assert sorted(pa.Table.from_batches(batches).column("id").to_pylist()) == list(range(1000))
    assert {batch.schema for batch in batches} == {stream.schema}
    assert stream.usage.row_count == 1000
    assert stream.usage.byte_count > 1000 * 8


def test_memory_ahead_is_bounded_by_bytes(server, run, connect, request_all, monkeypatch):
    # With room for one chunk there is never a second one on its way.
    monkeypatch.setattr(reading, "_AHEAD_BYTES", 1)
    run("CREATE TABLE T (ID NUMBER(18,0))", "INSERT INTO T SELECT RANGE FROM RANGE(500)")
    server.cut_results(100)
    warehouse = connect()
    with warehouse.read(request_all(warehouse, Relation(table="T"))) as stream:
        assert stream.read_all().num_rows == 500


def test_a_reader_may_stop_early(server, run, connect, request_all):
    run("CREATE TABLE T (ID NUMBER(18,0))", "INSERT INTO T SELECT RANGE FROM RANGE(500)")
    server.cut_results(50)
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    with warehouse.read(request) as stream:
        assert next(iter(stream)).num_rows == 50
    with warehouse.read(request) as stream:
        assert stream.read_all().num_rows == 500


def test_columns_are_matched_by_name_never_by_position(run, connect):
    run('CREATE TABLE T (ADDED VARCHAR, "b" INT, "Weird ""name" INT)', "INSERT INTO T VALUES ('x', 2, 1)")
    warehouse = connect()
    declared = {column.name: column for column in warehouse.describe("orders", Relation(table="T"))}
    renamed = {"first": declared['Weird "name'], "second": declared["b"]}
    request = ReadRequest(source="orders", relation=Relation(table="T"), columns=renamed)
    with warehouse.read(request) as stream:
        assert stream.read_all().to_pylist() == [{"first": Decimal(1), "second": Decimal(2)}]


def test_two_full_reads_are_equal(run, connect, read):
    run("CREATE TABLE T (ID INT, NAME VARCHAR)", "INSERT INTO T VALUES (1, 'a'), (2, NULL)")
    warehouse = connect()
    first, second = (read(warehouse, Relation(table="t")).sort_by("id") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("column", "zone_and_slack"),
    [
        ("DATEADD(HOUR, i, '2017-06-01 00:00:00+00:00'::TIMESTAMP_TZ)", ("UTC", 0)),
        ("DATEADD(HOUR, i, '2017-06-01 00:00:00'::TIMESTAMP_NTZ)", ("UTC", 0)),
        ("DATEADD(HOUR, i, '2017-05-31 20:00:00'::TIMESTAMP_NTZ)", ("America/New_York", 3)),
    ],
)
def test_bounds_are_pushed_down_and_lose_nothing(run, connect, read, column, zone_and_slack):
    zone, slack = zone_and_slack
    run(f"CREATE TABLE T AS {HOURLY.format(column)}")
    bound = TimeBound("seen", AT, AT + timedelta(hours=6), keeps_nulls=False)
    rows = read(connect(), Relation(table="T"), bounds=(bound,), time_zone=zone)
    assert rows.num_rows == 6 + 2 * slack


def test_bounds_are_literals_in_the_statement(server, run, connect, read):
    run("CREATE TABLE T (SEEN TIMESTAMP_TZ, D DATE)")
    warehouse = connect()
    server.behave()
    (day,) = (column for column in warehouse.describe("orders", Relation(table="T")) if column.name == "D")
    read(
        warehouse,
        Relation(table="T"),
        bounds=(TimeBound("seen", AT, None, keeps_nulls=True),),
        partition_bound=PartitionBound(day, date(2017, 5, 1)),
    )
    seen = """(("SEEN" >= CAST('2017-06-01 12:00:00+00:00' AS TIMESTAMP_TZ)) OR "SEEN" IS NULL)"""
    partition = """("D" >= CAST('2017-05-01' AS DATE) OR "D" IS NULL)"""
    assert server.statements()[-1].endswith(f'"PUBLIC"."T" WHERE {seen} AND {partition}')


def test_rows_without_a_time_are_kept_or_not(run, connect, read):
    run(
        "CREATE TABLE T (SEEN TIMESTAMP_TZ)",
        "INSERT INTO T VALUES ('2017-06-01 12:00:00+00:00'), (NULL)",
    )
    warehouse = connect()
    counts = [
        read(
            warehouse, Relation(table="T"), bounds=(TimeBound("seen", AT, None, keeps_nulls=keeps),)
        ).num_rows
        for keeps in (True, False)
    ]
    assert counts == [2, 1]


def test_keys_are_read_alone(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT, NAME VARCHAR)", "INSERT INTO T VALUES (1, 'a'), (2, 'b')")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    server.behave()
    with warehouse.read_keys(request, ["id", "source"]) as stream:
        assert stream.read_all().sort_by("id").to_pydict() == {"id": [Decimal(1), Decimal(2)]}
    assert '"NAME"' not in server.statements()[0]


def test_summaries_are_by_day_in_utc_and_exact(run, connect, request_all):
    run(
        "CREATE TABLE T (SEEN TIMESTAMP_TZ, AMOUNT NUMBER(18,2), RATE FLOAT)",
        # One minute before and after midnight in UTC, told by the clock of Auckland.
        "INSERT INTO T VALUES ('2017-06-02 11:59:00+12:00', 0.10, 0.5)",
        "INSERT INTO T VALUES ('2017-06-02 12:01:00+12:00', 0.20, 1)",
        "INSERT INTO T VALUES ('2017-06-02 20:00:00+00:00', 9999999999999999.99, NULL), (NULL, -1, 2)",
    )
    warehouse = connect()
    found = warehouse.summarise(
        request_all(warehouse, Relation(table="T")), by="seen", sums=["amount", "rate"]
    )
    assert found.schema == pa.schema(
        [
            ("partition", pa.date32()),
            ("row_count", pa.int64()),
            ("amount", pa.decimal128(38, 2)),
            ("rate", pa.float64()),
        ]
    )
    rows = {row.pop("partition"): tuple(row.values()) for row in found.to_pylist()}
    assert rows == {
        date(2017, 6, 1): (1, Decimal("0.10"), 0.5),
        date(2017, 6, 2): (2, Decimal("10000000000000000.19"), 1.0),
        None: (1, Decimal("-1.00"), 2.0),
    }


def test_a_summary_without_days_is_one_row_and_of_nothing_none(run, connect, request_all):
    run("CREATE TABLE T (N INT)", "INSERT INTO T VALUES (1), (2)")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    assert warehouse.summarise(request, by=None, sums=["n"]).to_pylist() == [
        {"partition": None, "row_count": 2, "n": Decimal(3)}
    ]
    run("DELETE FROM T")
    empty = warehouse.summarise(request, by=None, sums=["n"])
    assert empty.num_rows == 0
    assert empty.schema.field("n").type == pa.decimal128(38, 0)


def test_an_estimate_tells_rows_of_tables_and_bytes_of_the_plan(run, connect, request_all):
    run("CREATE TABLE T (ID INT, NAME VARCHAR)", "INSERT INTO T SELECT RANGE, 'n' FROM RANGE(100)")
    warehouse = connect()
    # 8 bytes a value is the emulator's rule, not Snowflake's.
    assert warehouse.estimate(request_all(warehouse, Relation(table="T"))) == Estimate(
        row_count=100, byte_count=100 * 2 * 8
    )
    of_query = request_all(warehouse, Relation(query="SELECT ID FROM T"))
    assert warehouse.estimate(of_query) == Estimate(row_count=None, byte_count=100 * 1 * 8)


def test_the_plan_is_asked_for_exactly_the_statement_that_reads(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    server.behave()
    warehouse.estimate(request)
    with warehouse.read(request) as stream:
        stream.read_all()
    plan, count, select = server.statements()
    assert plan == f"EXPLAIN USING JSON {select}"
    assert count.startswith("SELECT COUNT(*) FROM ")


def test_an_estimate_without_explain_still_counts(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)", "INSERT INTO T VALUES (1)")
    warehouse = connect()
    server.misbehave(contains="EXPLAIN", code="000002", message="Unsupported feature 'EXPLAIN'.")
    assert warehouse.estimate(request_all(warehouse, Relation(table="T"))) == Estimate(row_count=1)


def test_an_estimate_never_fails_and_the_read_says_why(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    server.misbehave(contains="EXPLAIN", code="003001", message="Insufficient privileges on T.", times=2)
    assert warehouse.estimate(request) == Estimate()
    # Only the plain word that there are no plans makes bytes unknown.
    with pytest.raises(SourceError, match=r"not_allowed.*Insufficient privileges"):
        warehouse.read(replace(request, maximum_bytes=10**9)).__enter__()


def test_a_byte_budget_stops_a_read_before_it_starts(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)", "INSERT INTO T SELECT RANGE FROM RANGE(100)")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    with warehouse.read(replace(request, maximum_bytes=800)) as stream:
        assert stream.read_all().num_rows == 100
    server.behave()
    with pytest.raises(SourceError, match=r"over_budget.*800 bytes, and 799 are left"):
        warehouse.read(replace(request, maximum_bytes=799)).__enter__()
    assert [text.split()[0] for text in server.statements()] == ["EXPLAIN"]


def test_a_byte_budget_that_cannot_be_checked_stops_too(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)")
    warehouse = connect()
    request = replace(request_all(warehouse, Relation(table="T")), maximum_bytes=10**9)
    server.misbehave(contains="EXPLAIN", code="000002", message="Unsupported feature 'EXPLAIN'.")
    with pytest.raises(SourceError, match=r"over_budget.*does not tell them beforehand"):
        warehouse.read(request).__enter__()


def test_the_time_of_a_read_is_limited_on_the_server(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)")
    warehouse = connect(seconds=60)
    request = request_all(warehouse, Relation(table="T"))
    server.behave()
    with warehouse.read(replace(request, maximum_seconds=7.5)) as stream:
        stream.read_all()
    (entry,) = server.log()
    assert entry["parameters"] == {"STATEMENT_TIMEOUT_IN_SECONDS": "8"}


def test_usage_comes_from_the_history_when_it_is_asked_for(server, run, connect, request_all):
    run("CREATE TABLE T (ID INT)", "INSERT INTO T SELECT RANGE FROM RANGE(100)")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    server.behave()
    with warehouse.read(request) as stream:
        stream.read_all()
    assert len(server.statements()) == 1
    usage = stream.usage
    assert (usage.row_count, usage.scanned_bytes, usage.billed_bytes) == (100, 100 * 8, None)
    assert usage.query_id
    # An X-Small warehouse costs one credit an hour.
    assert 0 <= usage.credit_count < 60 / 3600
    assert stream.usage == usage
    assert len(server.statements()) == 2


def test_a_query_that_the_history_does_not_know_costs_nobody_knows_what(connect):
    warehouse = connect()

    class Cursor:
        sfqid = "01b2-nothing"
        connection = warehouse._client._session

    assert costs.usage_of(warehouse._client, Cursor, PLACE)() == Usage(query_id="01b2-nothing")
    Cursor.sfqid = None
    assert costs.usage_of(warehouse._client, Cursor, PLACE)() == Usage()


@pytest.mark.parametrize(
    ("size", "milliseconds", "credit_count"),
    [("X-Small", 3_600_000, 1.0), ("2X-Large", 900_000, 8.0), ("Gen 9", 1_000, None), ("Small", None, None)],
)
def test_credits_follow_from_size_and_time(size, milliseconds, credit_count):
    assert costs._credits(size, milliseconds) == credit_count


def test_a_plan_without_bytes_tells_nothing():
    assert costs._assigned_bytes('{"GlobalStats": {"partitionsTotal": 1}}') is None


def test_rows_that_are_no_arrow_are_refused(connect):
    class Chunk:
        rowcount = 1
        uncompressed_size = None

    found = reading.read_batches([Chunk], None, pa.schema([]), place=PLACE, patience=timedelta(seconds=5))
    with pytest.raises(SourceError, match="read_failed"):
        list(found)


def test_a_decoder_that_gives_up_is_no_crash(run, connect, read, monkeypatch):
    def give_up(*_, **__):
        raise IndexError("ada@example.com")

    run("CREATE TABLE T (ID INT)", "INSERT INTO T VALUES (1)")
    monkeypatch.setattr(reading.ArrowResultBatch, "to_arrow", give_up)
    with pytest.raises(SourceError, match=r"read_failed.*ArrowInvalid") as refused:
        read(connect(), Relation(table="T"))
    assert "ada" not in str(refused.value)


def test_a_value_that_does_not_fit_names_its_column(run, connect, request_all):
    run("CREATE TABLE T (ID INT, N NUMBER(20,0))", "INSERT INTO T VALUES (1, 12345678901234567890)")
    warehouse = connect()
    request = request_all(warehouse, Relation(table="T"))
    narrow = replace(request.columns["n"], precision=19)
    changed = replace(request, columns={**request.columns, "n": narrow})
    with warehouse.read(changed) as stream, pytest.raises(SourceError, match="cannot_decode") as refused:
        stream.read_all()
    assert refused.value.problems[0].column == "n"
    assert "1234567" not in str(refused.value)
