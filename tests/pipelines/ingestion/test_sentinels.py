"""Dates that stand for none: kept within the calendar or cleared, and counted either way."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.source_tables import CUSTOMERS, ORDERS
from pipelines.ingestion.mapping import combine_mapped, map_rows
from pipelines.ingestion.reading import plan_read, select_rows

AS_OF = datetime(2024, 3, 2, tzinfo=UTC)
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001  wall times
ORDINARY = datetime(2024, 2, 1)  # noqa: DTZ001


def workspace(zone="UTC"):
    return WorkspaceSettings(version=1, workspace="acme", time_zone=zone, currency="USD")


def mapped(table=CUSTOMERS, *, sentinels="keep", zone="UTC", **columns):
    source = SourceSettings(connection="main", table="t", sentinels=sentinels, time_zone=zone)
    return map_rows(pl.DataFrame(columns), table=table, source=source, workspace=workspace(zone))


def customers(**settings):
    """Three people: two with a sentinel each, as wall times, and one with none."""
    times = {"created_at": [FIRST, ORDINARY, None], "updated_at": [ORDINARY, LAST, ORDINARY]}
    return mapped(customer_ref=["a", "b", "c"], **times, **settings)


def counts(found):
    return (found.kept_sentinel_count, found.cleared_sentinel_count)


def test_sentinels_are_kept_and_counted_unless_told_otherwise():
    found = customers()
    assert counts(found) == (2, 0)
    rows = found.accepted.sort("customer_ref")
    assert rows["created_at"][0] == FIRST.replace(tzinfo=UTC)
    assert rows["updated_at"][1] == LAST.replace(tzinfo=UTC)


def test_a_source_may_clear_them_all():
    found = customers(sentinels="clear")
    assert counts(found) == (0, 2)
    assert found.rejected_count == 0
    rows = found.accepted.sort("customer_ref")
    ordinary = ORDINARY.replace(tzinfo=UTC)
    assert rows["created_at"].to_list() == [None, ordinary, None]
    assert rows["updated_at"].to_list() == [ordinary, None, ordinary]


def test_a_column_may_clear_its_own():
    found = customers(sentinels={"created_at": "clear", "updated_at": "keep"})
    assert counts(found) == (1, 1)
    rows = found.accepted.sort("customer_ref")
    assert (rows["created_at"][0], rows["updated_at"][1]) == (None, LAST.replace(tzinfo=UTC))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_no_zone_moves_a_sentinel_out_of_the_calendar(zone):
    """Midnight of 0001-01-01 in Kolkata is in the year 0 in UTC, and the last one of New York in 10000."""
    found = customers(zone=zone)
    assert counts(found) == (2, 0)
    first, last = found.accepted["created_at"].min(), found.accepted["updated_at"].max()
    assert first.date() == date(1, 1, 1)
    assert last.date() in {date(9999, 12, 30), date(9999, 12, 31)}
    assert counts(customers(zone=zone, sentinels="clear")) == (0, 2)


@pytest.mark.parametrize(
    ("day", "is_sentinel"),
    [
        (date(1, 1, 1), True),
        (date(1, 1, 2), True),
        (date(1, 1, 3), False),
        (date(1816, 3, 29), False),
        (date(9999, 12, 29), False),
        (date(9999, 12, 30), True),
        (date(9999, 12, 31), True),
    ],
)
def test_only_the_ends_of_the_calendar_are_sentinels(day, is_sentinel):
    assert counts(mapped(customer_ref=["a"], birth_date=[day])) == (int(is_sentinel), 0)
    cleared = mapped(customer_ref=["a"], birth_date=[day], sentinels="clear")
    assert cleared.accepted["birth_date"].to_list() == [None if is_sentinel else day]


def test_batches_with_and_without_sentinels_have_one_schema_and_add_up():
    """One batch of 2024, one of 0001 and one of 9999: nothing clashes, and nothing lands in 1816."""
    slices = [
        mapped(customer_ref=[ref], updated_at=[at])
        for ref, at in (("a", ORDINARY), ("b", FIRST), ("c", LAST))
    ]
    found = combine_mapped(slices)
    assert found.accepted.schema == slices[0].accepted.schema
    assert found.accepted.sort("customer_ref")["updated_at"].dt.year().to_list() == [2024, 1, 9999]
    assert counts(found) == (2, 0)


def test_a_required_date_that_is_cleared_rejects_its_row_as_empty():
    order = {"order_id": ["a"], "customer_ref": ["c"], "ordered_at": [FIRST], "net_amount": ["1.00"]}
    kept = mapped(ORDERS, **order)
    assert (kept.rejected_count, counts(kept)) == (0, (1, 0))
    cleared = mapped(ORDERS, sentinels="clear", **order)
    assert cleared.rejected["rule"].to_list() == ["ordered_at|nullability"]
    assert counts(cleared) == (0, 1)


def read_plan(sentinels, **settings):
    source = SourceSettings(connection="main", table="t", sentinels=sentinels, **settings)
    return source, plan_read(source, table=CUSTOMERS, watermark=None, as_of=AS_OF)


def test_a_cleared_sentinel_does_not_put_its_row_into_the_future():
    """What is pushed down must let 9999-12-31 through, or the row would be missing instead of its date."""
    for sentinels, bound, kept in (("keep", AS_OF, ["b"]), ("clear", None, ["a", "b"])):
        source, plan = read_plan(sentinels)
        assert plan.until_of("created_at") == bound
        rows = pl.DataFrame({"customer_ref": ["a", "b"], "created_at": [LAST, ORDINARY]})
        found = map_rows(rows, table=CUSTOMERS, source=source, workspace=workspace()).accepted
        selected = select_rows(found, plan, table=CUSTOMERS, time_zone="UTC").rows
        assert sorted(selected["customer_ref"]) == kept


def test_a_row_that_really_lies_in_the_future_is_still_cut():
    source, plan = read_plan("clear", cursor="updated_at")
    at = [datetime(2999, 1, 1), LAST]  # noqa: DTZ001
    rows = pl.DataFrame({"customer_ref": ["a", "b"], "updated_at": at})
    found = map_rows(rows, table=CUSTOMERS, source=source, workspace=workspace()).accepted
    selected = select_rows(found, plan, table=CUSTOMERS, time_zone="UTC")
    assert (selected.rows["customer_ref"].to_list(), selected.null_cursor_count) == (["b"], 1)


def test_a_watermark_of_the_year_1_has_nothing_before_it():
    source = SourceSettings(connection="main", table="t", cursor="updated_at", lookback="3d")
    start = datetime(1, 1, 1, tzinfo=UTC)
    plan = plan_read(source, table=CUSTOMERS, watermark=start, as_of=AS_OF)
    assert plan.since == start
    later = plan_read(source, table=CUSTOMERS, watermark=datetime(1, 1, 5, tzinfo=UTC), as_of=AS_OF)
    assert later.since == datetime(1, 1, 2, tzinfo=UTC)
