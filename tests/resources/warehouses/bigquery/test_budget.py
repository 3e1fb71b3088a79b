"""What a read may cost: estimated by a dry run, limited in the job itself, and pruned by literals."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from resources.warehouses.base import (
    Family,
    PartitionBound,
    ReadRequest,
    Relation,
    SourceColumn,
    SourceError,
    TimeBound,
)
from resources.warehouses.bigquery.types import BigQueryDialect
from resources.warehouses.statements import select_rows

DAY_100 = datetime(2024, 4, 10, tzinfo=UTC)  # day 101 of the table starts
MINIMUM = 10 * 2**20


@pytest.fixture(scope="module")
def events(run, shared_dataset):
    """A thousand rows, ten a day from 1 January 2024; every query has to name the partition."""
    run(
        f"CREATE TABLE {shared_dataset}.events (id INT64, seen TIMESTAMP, changed TIMESTAMP, note STRING) "
        "PARTITION BY DATE(seen) OPTIONS (require_partition_filter = TRUE)"
    )
    run(
        f"INSERT INTO {shared_dataset}.events SELECT i, TIMESTAMP_ADD(TIMESTAMP '2024-01-01', INTERVAL "
        "DIV(i, 10) DAY), TIMESTAMP_ADD(TIMESTAMP '2024-01-02', INTERVAL DIV(i, 10) DAY), 'x' "
        "FROM UNNEST(GENERATE_ARRAY(0, 999)) i"
    )
    return f"{shared_dataset}.events"


def bound(column, since, until=None, *, keeps_nulls=False):
    return TimeBound(column, since, until, keeps_nulls)


def read_ids(warehouse, request):
    with warehouse.read(request) as stream:
        return sorted(stream.read_all().column("id").to_pylist())


def sent_since(server, count):
    return [query for query in server.report()["queries"][count:] if not query["is_dry_run"]]


def test_the_estimate_knows_columns_and_partitions(warehouse, events, request_of):
    # 8 bytes a value: 1,000 rows of two columns, then the last 10 of 100 days of the same.
    everything = request_of(
        events, names=["id", "seen"], bounds=(bound("seen", DAY_100 - timedelta(days=100)),)
    )
    recent = replace(everything, bounds=(bound("seen", DAY_100 - timedelta(days=10)),))
    assert warehouse.estimate(everything).byte_count == 1000 * 2 * 8
    assert warehouse.estimate(recent).byte_count == 100 * 2 * 8


def test_every_job_carries_the_limit_and_its_dry_run_stays_below(warehouse, server, events, request_of):
    request = request_of(
        events, bounds=(bound("seen", DAY_100 - timedelta(days=1)),), maximum_bytes=20 * 2**20
    )
    before = len(server.report()["queries"])
    estimated = warehouse.estimate(request).byte_count
    assert read_ids(warehouse, request) == list(range(990, 1000))
    with warehouse.read_keys(request, ["id"]) as stream:
        assert stream.read_all().num_rows == 10
    warehouse.summarise(request, by="seen", sums=["id"])
    sent = sent_since(server, before)
    assert len(sent) == 3
    assert estimated == 10 * 4 * 8
    for query in sent:
        assert query["maximum_bytes_billed"] == request.maximum_bytes
        assert query["scanned_bytes"] <= estimated <= request.maximum_bytes


@pytest.mark.parametrize("maximum_bytes", [0, 1, MINIMUM - 1])
def test_a_job_over_its_limit_is_refused_once(warehouse, server, events, request_of, maximum_bytes):
    request = request_of(events, bounds=(bound("seen", DAY_100),), maximum_bytes=maximum_bytes)
    before = len(server.report()["queries"])
    with pytest.raises(SourceError) as refused, warehouse.read(request) as stream:
        stream.read_all()
    (problem,) = refused.value.problems
    assert (problem.code, problem.source, refused.value.is_transient) == ("over_budget", "orders", False)
    assert len(sent_since(server, before)) == 1


def test_a_read_at_its_limit_is_allowed(warehouse, events, request_of):
    request = request_of(events, bounds=(bound("seen", DAY_100 - timedelta(days=1)),), maximum_bytes=MINIMUM)
    assert read_ids(warehouse, request) == list(range(990, 1000))


@pytest.mark.parametrize("maximum_bytes", [None, 10**12])
def test_an_incremental_read_names_the_partition_in_literals(
    warehouse, server, events, request_of, maximum_bytes
):
    """The table refuses a query without one; the cursor is another column than the partition."""
    cursor = bound("changed", DAY_100, keeps_nulls=True)
    request = request_of(events, bounds=(cursor,), maximum_bytes=maximum_bytes)
    with pytest.raises(SourceError, match="partition elimination"):
        read_ids(warehouse, replace(request, maximum_bytes=10**12))
    partition = request.columns["seen"]
    request = replace(request, partition_bound=PartitionBound(partition, date(2024, 4, 1)))
    # Changed on 10 April or later, a day after they were seen: the ten of 9 April, the last day.
    assert read_ids(warehouse, request) == list(range(990, 1000))
    if maximum_bytes:
        query = server.report()["queries"][-1]
        assert "`seen` >= TIMESTAMP '2024-04-01 00:00:00+00:00'" in query["sql"]
        assert "`changed` >= TIMESTAMP '2024-04-10 00:00:00+00:00'" in query["sql"]
        assert query["scanned_bytes"] == 90 * 4 * 8  # 1 to 9 April


def test_partitions_by_arrival_are_named_too(warehouse, server, run, dataset, request_of):
    run(f"CREATE TABLE {dataset}.arrivals (id INT64, at TIMESTAMP) PARTITION BY _PARTITIONDATE")
    run(f"INSERT INTO {dataset}.arrivals (id, at) VALUES (1, TIMESTAMP '2024-04-10 12:00:00+00:00')")
    arrived = SourceColumn("_PARTITIONTIME", "TIMESTAMP", Family.INSTANT)
    request = request_of(
        f"{dataset}.arrivals",
        bounds=(bound("at", DAY_100),),
        partition_bound=PartitionBound(arrived, date(2024, 4, 9)),
    )
    assert read_ids(warehouse, request) == [1]
    sent = server.report()["queries"][-1]["sql"]
    assert "(`_PARTITIONTIME` >= TIMESTAMP '2024-04-09 00:00:00+00:00' OR `_PARTITIONTIME` IS NULL)" in sent


def test_bounds_are_literals_and_never_functions_or_parameters():
    """BigQuery prunes partitions by constants only."""
    columns = {
        "id": SourceColumn("id", "INT64", Family.INTEGER),
        "at": SourceColumn("at", "DATETIME", Family.TIMESTAMP),
    }
    request = ReadRequest(
        source="orders",
        relation=Relation(table="crm.orders"),
        columns=columns,
        bounds=(bound("at", DAY_100, DAY_100 + timedelta(days=1), keeps_nulls=True),),
        time_zone="Europe/Berlin",
    )
    sql = select_rows(request, ["id"], BigQueryDialect())
    # Berlin is two hours ahead in April, and a wall time gets three hours of slack on both sides.
    assert sql == (
        "SELECT `id` AS `id` FROM `crm`.`orders` WHERE ((`at` >= DATETIME '2024-04-09 23:00:00' "
        "AND `at` < DATETIME '2024-04-11 05:00:00') OR `at` IS NULL)"
    )
    assert not re.search(r"[@?]|CURRENT|SUB\(|CAST", sql)


def test_a_statement_over_its_time_is_cancelled(warehouse, server, request_of):
    request = request_of(query="SELECT 1 AS n", maximum_seconds=1.5)
    before = len(server.report()["requests"])
    server.plan_faults(query_delays=[5])
    with pytest.raises(SourceError) as refused, warehouse.read(request) as stream:
        stream.read_all()
    assert refused.value.problems[0].code == "timeout"
    assert not refused.value.is_transient
    assert [ask for ask in server.report()["requests"][before:] if ask.endswith("/cancel")]
