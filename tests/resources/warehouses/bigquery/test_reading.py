"""Rows out of BigQuery: from the table, through a job or over REST, always the same rows."""

import logging
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from resources.warehouses.base import SourceError, TimeBound

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def orders(run, shared_dataset):
    """Ten orders, one a day from 1 January 2024, 1.50 each, and one without a date."""
    run(f"CREATE TABLE {shared_dataset}.orders (id INT64, Customer STRING, placed TIMESTAMP, total NUMERIC)")
    run(
        f"INSERT INTO {shared_dataset}.orders SELECT i, CONCAT('c', CAST(i AS STRING)), "
        "TIMESTAMP_ADD(TIMESTAMP '2024-01-01', INTERVAL i - 1 DAY), NUMERIC '1.5' "
        "FROM UNNEST(GENERATE_ARRAY(1, 10)) i"
    )
    run(f"INSERT INTO {shared_dataset}.orders (id, total) VALUES (11, NUMERIC '0.25')")
    run(f"CREATE VIEW {shared_dataset}.seen AS SELECT * FROM {shared_dataset}.orders")
    run(f"CREATE TABLE {shared_dataset}.many AS SELECT i AS id FROM UNNEST(GENERATE_ARRAY(1, 300000)) i")
    return f"{shared_dataset}.orders"


def ids(warehouse, request):
    with warehouse.read(request) as stream:
        return sorted(stream.read_all().column("id").to_pylist())


def bound(since=None, until=None, *, keeps_nulls=False):
    return TimeBound("placed", since, until, keeps_nulls)


@pytest.mark.parametrize("way", ["table", "job", "rest"])
def test_two_reads_are_equal(connect, server, orders, request_of, way):
    request = request_of(orders, maximum_bytes=10**12 if way == "job" else None)
    server.plan_faults(denies_storage=way == "rest")
    warehouse = connect()
    expected = [(i, f"c{i}", START + timedelta(days=i - 1), Decimal("1.5")) for i in range(1, 11)]
    expected.append((11, None, None, Decimal("0.25")))
    for _ in range(2):
        with warehouse.read(request) as stream:
            rows = stream.read_all().sort_by("id").to_pylist()
        assert [tuple(row.values()) for row in rows] == expected


def test_a_plain_table_needs_no_query(warehouse, server, orders, request_of):
    request = request_of(orders)
    before = len(server.report()["queries"])
    with warehouse.read(request) as stream:
        assert stream.read_all().num_rows == 11
    assert len(server.report()["queries"]) == before
    # Eleven rows of four columns, at the emulator's eight bytes each.
    assert (stream.usage.row_count, stream.usage.scanned_bytes) == (11, 11 * 4 * 8)


@pytest.mark.parametrize("relation", ["view", "query"])
def test_views_and_queries_go_through_a_job(warehouse, server, orders, request_of, relation):
    view = orders.replace("orders", "seen")
    request = request_of(view) if relation == "view" else request_of(query=f"SELECT id FROM {orders} -- all")
    before = len(server.report()["queries"])
    assert ids(warehouse, request) == list(range(1, 12))
    assert len(server.report()["queries"]) == before + 1


def test_a_job_says_what_it_has_cost(warehouse, orders, request_of):
    with warehouse.read(request_of(orders, maximum_bytes=10**9, names=["id"])) as stream:
        stream.read_all()
    usage = stream.usage
    assert (usage.row_count, usage.scanned_bytes) == (11, 11 * 8)
    assert usage.billed_bytes == 10 * 2**20  # the least that a table costs
    assert usage.query_id.startswith("onward_")


@pytest.mark.parametrize("maximum_bytes", [None, 10**12])
def test_columns_leave_under_their_output_names_in_their_order(warehouse, orders, request_of, maximum_bytes):
    declared = request_of(orders).columns
    request = request_of(orders, maximum_bytes=maximum_bytes)
    columns = {"amount": declared["total"], "customer_ref": declared["Customer"], "again": declared["total"]}
    with warehouse.read(replace(request, columns=columns)) as stream:
        rows = stream.read_all()
    assert rows.column_names == ["amount", "customer_ref", "again"]
    assert rows.column("amount").equals(rows.column("again"))
    assert rows.column("customer_ref").null_count == 1


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((), range(1, 12)),
        ((bound(START + timedelta(days=8)),), [9, 10]),
        ((bound(START + timedelta(days=8), keeps_nulls=True),), [9, 10, 11]),
        ((bound(None, START + timedelta(days=2)),), [1, 2]),
        ((bound(START + timedelta(days=1), START + timedelta(days=3)),), [2, 3]),
        ((bound(),), range(1, 11)),
        ((bound(START + timedelta(days=50)),), []),
    ],
)
def test_bounds_are_cut_by_the_service(warehouse, orders, request_of, bounds, expected):
    for maximum_bytes in (None, 10**12):
        request = request_of(orders, bounds=bounds, maximum_bytes=maximum_bytes)
        assert ids(warehouse, request) == list(expected)


def test_keys_are_read_alone(warehouse, orders, request_of):
    with warehouse.read_keys(request_of(orders), ["id", "source"]) as stream:
        rows = stream.read_all()
    assert rows.schema == pa.schema([("id", pa.int64())])
    assert sorted(rows.column("id").to_pylist()) == list(range(1, 12))


def test_sums_and_counts_are_those_of_the_service(warehouse, orders, request_of):
    until = START + timedelta(days=2)
    request = request_of(orders, bounds=(bound(None, until, keeps_nulls=True),))
    totals = warehouse.summarise(request, by="placed", sums=["total", "id"])
    assert totals.schema.names == ["partition", "row_count", "total", "id"]
    assert totals.schema.field("partition").type == pa.date32()
    assert sorted(map(tuple, (row.values() for row in totals.to_pylist())), key=repr) == sorted(
        [
            (date(2024, 1, 1), 1, Decimal("1.5"), Decimal(1)),
            (date(2024, 1, 2), 1, Decimal("1.5"), Decimal(2)),
            (None, 1, Decimal("0.25"), Decimal(11)),
        ],
        key=repr,
    )


def test_a_sum_without_rows_has_no_rows(warehouse, orders, request_of):
    request = request_of(orders, bounds=(bound(START + timedelta(days=50)),))
    totals = warehouse.summarise(request, by=None, sums=["total"])
    assert totals.num_rows == 0 and totals.schema.field("row_count").type == pa.int64()


def test_many_streams_lose_and_double_nothing(warehouse, orders, request_of):
    many = request_of(orders.replace("orders", "many"))
    assert ids(warehouse, many) == list(range(1, 300_001))
    assert ids(warehouse, replace(many, maximum_bytes=10**12)) == list(range(1, 300_001))


def test_who_leaves_early_leaves_no_thread_behind(warehouse, orders, request_of):
    before = set(threading.enumerate())
    with warehouse.read(request_of(orders.replace("orders", "many"))) as stream:
        assert next(iter(stream)).num_rows > 0
    left = [thread for thread in set(threading.enumerate()) - before if "_work" in thread.name]
    assert left == []


def test_a_denied_storage_api_is_said_once_and_rest_is_used(connect, server, orders, request_of, caplog):
    server.plan_faults(denies_storage=True)
    warehouse = connect()
    with caplog.at_level(logging.WARNING, logger="resources.warehouses.bigquery"):
        assert "over REST" in warehouse.check()
        assert ids(warehouse, request_of(orders)) == list(range(1, 12))
    (record,) = caplog.records
    assert record.message.startswith("lake: the BigQuery Storage API is denied; rows come over REST")


def test_an_estimate_has_rows_only_where_the_catalogue_counts_them(warehouse, orders, request_of):
    assert warehouse.estimate(request_of(orders)).row_count == 11
    assert warehouse.estimate(request_of(orders, bounds=(bound(START),))).row_count is None
    assert warehouse.estimate(request_of(orders.replace("orders", "seen"))).row_count is None
    assert warehouse.estimate(request_of(query=f"SELECT id FROM {orders}")).row_count is None


def test_an_error_in_a_row_names_the_source_and_withholds_the_value(warehouse, orders, request_of):
    request = request_of(query=f"SELECT CAST(Customer AS INT64) AS id FROM {orders}")
    with pytest.raises(SourceError) as refused, warehouse.read(request) as stream:
        stream.read_all()
    (problem,) = refused.value.problems
    assert (problem.source, problem.table) == ("orders", "query")
    assert "c1" not in str(problem)
