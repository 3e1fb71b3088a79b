"""From the mapping of a source to its request: bounds, and the partition that lets an engine skip."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.source_tables import COSTS, ORDERS
from resources.warehouses.base import (
    Family,
    PartitionBound,
    Relation,
    SourceColumn,
    SourceError,
    TimeBound,
)
from resources.warehouses.requests import build_request

AT = datetime(2017, 6, 1, 12, tzinfo=UTC)


def column(name, family=Family.TEXT):
    return SourceColumn(name, family.value, family)


DECLARED = (
    column("ORDER_ID"),
    column("CUSTOMER_REF"),
    column("ORDERED_AT", Family.INSTANT),
    column("TOTAL", Family.DECIMAL),
    column("LOADED_ON", Family.DATE),
    column("NOISE", Family.OPAQUE),
)


def source(**changes):
    return SourceSettings(
        **({"connection": "main", "table": "orders", "columns": {"net_amount": "TOTAL"}} | changes)
    )


def request(settings, *bounds, declared=DECLARED, **options):
    return build_request(ORDERS, settings, declared, bounds=bounds, **options)


def by_cursor(since):
    return TimeBound("ordered_at", since, None, keeps_nulls=True)


def test_a_request_names_only_columns_of_the_contract():
    found = request(source(time_zone="Asia/Kolkata"), maximum_bytes=10, maximum_seconds=2.5)
    assert {name: column.name for name, column in found.columns.items()} == {
        "order_id": "ORDER_ID",
        "customer_ref": "CUSTOMER_REF",
        "ordered_at": "ORDERED_AT",
        "net_amount": "TOTAL",
    }
    assert (found.source, found.relation, found.time_zone) == (
        "orders",
        Relation(table="orders"),
        "Asia/Kolkata",
    )
    assert (found.maximum_bytes, found.maximum_seconds, found.partition_bound) == (10, 2.5, None)


def test_bounds_on_columns_that_the_source_lacks_are_left_to_the_caller():
    updated = TimeBound("updated_at", AT, None, keeps_nulls=True)
    assert request(source(), by_cursor(AT), updated).bounds == (by_cursor(AT),)


@pytest.mark.parametrize(
    ("partition", "name", "family"),
    [
        ("LOADED_ON", "LOADED_ON", Family.DATE),
        ("loaded_on", "LOADED_ON", Family.DATE),
        ("ORDERED_AT", "ORDERED_AT", Family.INSTANT),
        ("_PARTITIONTIME", "_PARTITIONTIME", Family.INSTANT),
        ("_PARTITIONDATE", "_PARTITIONDATE", Family.DATE),
    ],
)
def test_a_partition_starts_a_day_before_the_cursor(partition, name, family):
    found = request(source(cursor="ordered_at", partition=partition), by_cursor(AT)).partition_bound
    assert isinstance(found, PartitionBound)
    assert (found.column.name, found.column.family, found.since) == (name, family, date(2017, 5, 31))


def test_the_day_of_a_partition_is_one_of_utc():
    at_home = datetime(2017, 6, 1, 1, tzinfo=timezone(timedelta(hours=2)))  # still 31 May in UTC
    found = request(source(cursor="ordered_at", partition="LOADED_ON"), by_cursor(at_home)).partition_bound
    assert found is not None and found.since == date(2017, 5, 30)


def test_the_first_day_of_the_calendar_is_a_partition_too():
    first = by_cursor(datetime.min.replace(tzinfo=UTC))
    found = request(source(cursor="ordered_at", partition="LOADED_ON"), first).partition_bound
    assert found is not None and found.since == date.min


@pytest.mark.parametrize("bounds", [(), (by_cursor(None),)])
def test_a_full_read_skips_no_partition(bounds):
    assert request(source(cursor="ordered_at", partition="LOADED_ON"), *bounds).partition_bound is None


@pytest.mark.parametrize("partition", ["gone", "NOISE", "TOTAL"])
def test_a_partition_must_be_a_column_of_time(partition):
    with pytest.raises(SourceError) as refused:
        request(source(cursor="ordered_at", partition=partition), by_cursor(AT))
    (problem,) = refused.value.problems
    assert (problem.code, problem.column) == ("invalid_partition", partition)


def test_all_mistakes_come_at_once():
    settings = source(cursor="ordered_at", partition="gone", columns={"net_amount": "NOISE"})
    with pytest.raises(SourceError) as refused:
        request(settings, by_cursor(AT), declared=DECLARED[1:])
    assert [problem.code for problem in refused.value.problems] == [
        "missing_column",
        "type_does_not_fit",
        "invalid_partition",
    ]


def test_costs_need_no_campaign():
    declared = (column("date", Family.DATE), column("channel"), column("amount", Family.DECIMAL))
    found = build_request(COSTS, source(table="costs", columns={}), declared)
    assert list(found.columns) == ["date", "channel", "amount"]
