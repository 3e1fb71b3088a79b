"""What a night reads: bounds, ties at the watermark, the future, rows without cursor."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from pipelines.contracts.codes import ReadMode
from pipelines.contracts.settings.connector import SourceSettings
from pipelines.contracts.source_tables import COSTS, CUSTOMERS, ORDER_LINES, ORDERS, PRODUCTS, SOURCE_TABLES
from pipelines.contracts.sources import Cost, Customer, Order
from pipelines.ingestion.reading import plan_read, quarantine_from, select_rows, watermark
from pipelines.ingestion.rules import EVENT_TIMES

AS_OF = datetime(2017, 6, 2, 4, tzinfo=UTC)  # end of 1 June in New York
ZONE = "America/New_York"


def source(**settings):
    return SourceSettings(connection="main", table="t", **settings)


def orders(*times):
    return Order.sample(len(times), overrides={"ordered_at": list(times), "workspace_id": "acme"})


def test_the_first_night_reads_everything_up_to_its_end():
    plan = plan_read(source(cursor="ordered_at", lookback="3d"), table=ORDERS, watermark=None, as_of=AS_OF)
    assert (plan.mode, plan.since, plan.until, plan.time_columns) == (
        ReadMode.FULL, None, AS_OF, ("ordered_at",),
    )  # fmt: skip


def test_a_later_night_reads_from_the_watermark_minus_the_lookback():
    mark = AS_OF - timedelta(days=1)
    plan = plan_read(source(cursor="ordered_at", lookback="3d"), table=ORDERS, watermark=mark, as_of=AS_OF)
    assert (plan.mode, plan.since_of("ordered_at")) == (ReadMode.INCREMENTAL, mark - timedelta(days=3))


def test_without_lookback_the_watermark_itself_is_read_again():
    plan = plan_read(source(cursor="updated_at"), table=ORDERS, watermark=AS_OF, as_of=AS_OF)
    assert plan.since == AS_OF
    assert plan.time_columns == ("updated_at", "ordered_at")
    assert plan.since_of("ordered_at") is None


def test_a_row_is_wrong_a_day_after_the_night_and_the_present():
    plan = plan_read(source(cursor="ordered_at"), table=ORDERS, watermark=None, as_of=AS_OF)
    day = timedelta(hours=24)
    assert quarantine_from(plan, AS_OF - day) == AS_OF + day
    assert quarantine_from(plan, AS_OF + 365 * day) == AS_OF + 366 * day


def test_a_source_without_cursor_is_read_in_full():
    plan = plan_read(source(), table=PRODUCTS, watermark=AS_OF, as_of=AS_OF)
    assert (plan.mode, plan.time_columns) == (ReadMode.FULL, ())
    rows = PRODUCTS.schema.sample(3)
    selected = select_rows(rows, plan, table=PRODUCTS, time_zone=ZONE)
    assert (selected.rows.height, selected.newest_at, selected.null_cursor_count) == (3, None, 0)


def test_the_cut_is_exact_on_both_sides():
    since, second = AS_OF - timedelta(days=1), timedelta(seconds=1)
    rows = orders(since - second, since, since + second, AS_OF - second, AS_OF, AS_OF + second)
    plan = plan_read(source(cursor="ordered_at"), table=ORDERS, watermark=since, as_of=AS_OF)
    selected = select_rows(rows, plan, table=ORDERS, time_zone=ZONE)
    assert sorted(selected.rows.get_column("ordered_at")) == [since, since + second, AS_OF - second]
    assert selected.newest_at == AS_OF - second


def test_a_row_from_the_year_2999_does_not_move_the_watermark():
    rows = orders(AS_OF - timedelta(hours=1), datetime(2999, 1, 1, tzinfo=UTC))
    plan = plan_read(source(cursor="ordered_at"), table=ORDERS, watermark=None, as_of=AS_OF)
    assert select_rows(rows, plan, table=ORDERS, time_zone=ZONE).newest_at == AS_OF - timedelta(hours=1)


@pytest.mark.parametrize(("policy", "kept"), [("include", 2), ("exclude", 1), ("fail", 2)])
def test_rows_without_cursor_follow_the_policy_and_are_counted(policy, kept):
    rows = Order.sample(
        2,
        overrides={"ordered_at": AS_OF - timedelta(days=1), "updated_at": [None, AS_OF - timedelta(hours=1)]},
    )
    plan = plan_read(
        source(cursor="updated_at", null_cursor=policy), table=ORDERS, watermark=None, as_of=AS_OF
    )
    selected = select_rows(rows, plan, table=ORDERS, time_zone=ZONE)
    assert (selected.rows.height, selected.null_cursor_count) == (kept, 1)


def test_a_person_who_comes_tomorrow_is_not_known_tonight():
    rows = Customer.sample(3, overrides={"created_at": [None, AS_OF - timedelta(days=1), AS_OF]})
    plan = plan_read(source(), table=CUSTOMERS, watermark=None, as_of=AS_OF)
    assert select_rows(rows, plan, table=CUSTOMERS, time_zone=ZONE).rows.height == 2


def test_a_date_belongs_to_its_local_day():
    rows = Cost.sample(2, overrides={"date": [date(2017, 6, 1), date(2017, 6, 2)]})
    plan = plan_read(source(), table=COSTS, watermark=None, as_of=AS_OF)
    selected = select_rows(rows, plan, table=COSTS, time_zone=ZONE)
    assert selected.rows.get_column("date").to_list() == [date(2017, 6, 1)]
    assert selected.newest_at == datetime(2017, 6, 1, 4, tzinfo=UTC)


def test_the_watermark_of_an_empty_table_is_nothing():
    empty = Order.create_empty()
    assert empty.select(watermark(ORDERS, "ordered_at", time_zone=ZONE)).item() is None
    assert (
        ORDER_LINES.schema.create_empty().select(watermark(ORDER_LINES, None, time_zone=ZONE)).item() is None
    )


@pytest.mark.parametrize("name", EVENT_TIMES)
def test_event_times_are_columns_of_their_contract(name):
    assert isinstance(SOURCE_TABLES[name].schema.columns()[EVENT_TIMES[name]].dtype, pl.Datetime | pl.Date)


def test_reading_in_steps_gives_what_one_reading_gives():
    """Nights of a day each, with ties at every watermark and a late row inside the lookback."""
    start = datetime(2017, 6, 1, tzinfo=UTC)
    times = [start + timedelta(hours=6 * step) for step in range(12) for _ in range(2)]
    source_rows = orders(*times).with_columns(order_id=pl.int_range(pl.len()).cast(pl.String))
    settings = source(cursor="ordered_at", lookback="1d")
    seen: set[str] = set()
    mark = None
    for night in range(1, 4):
        plan = plan_read(settings, table=ORDERS, watermark=mark, as_of=start + timedelta(days=night))
        late = source_rows.filter(~((pl.col("order_id") == "3") & pl.lit(night == 1)))
        selected = select_rows(late, plan, table=ORDERS, time_zone="UTC")
        seen |= set(selected.rows.get_column("order_id"))
        mark = selected.newest_at
    assert seen == set(source_rows.get_column("order_id"))
