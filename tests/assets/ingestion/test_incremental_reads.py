"""Reading by cursor, night after night: ties, late rows, zones, nulls, the future, crashes."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipelines.contracts.source_tables import CUSTOMERS, ORDERS, REJECTED_ROWS, SOURCE_READS
from pipelines.ingestion.thresholds import IngestionStoppedError

FIRST, SECOND, THIRD = (date(2024, 3, day) for day in (1, 2, 3))
Shop = Any


def test_rows_that_share_the_newest_cursor_are_all_there_once(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    for number in range(5):
        shop.order(f"o{number}", "2024-03-01 12:00")
    shop.run(FIRST)
    for number in range(5, 10):
        shop.order(f"o{number}", "2024-03-01 12:00")
    shop.run(SECOND)
    assert shop.ids(ORDERS, SECOND) == [f"o{number}" for number in range(10)]
    read = shop.read("orders", SECOND)
    assert (read["read_mode"], read["since_at"]) == ("incremental", datetime(2024, 3, 1, 12, tzinfo=UTC))
    counts = ("read_count", "added_count", "changed_count", "unchanged_count", "removed_count", "row_count")
    assert [read[name] for name in counts] == [10, 5, 0, 5, 0, 10]


def test_a_backfill_with_one_cursor_value_is_read_and_named(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(
        orders={"budget": {"bytes": "1MB"}, "on_failure": "last_good", "columns": {}},
        campaigns={"table": "campaigns"},
    )
    shop.sql("CREATE TABLE campaigns AS SELECT 'k1' AS campaign_id, 'Spring' AS name")
    shop.order("o", "2024-03-01 08:00")
    shop.run(FIRST)
    shop.sql(
        "INSERT INTO orders SELECT 'b' || i, 'c1', TIMESTAMPTZ '2024-03-02 09:00:00+00', 1 "
        "FROM range(300000) r(i)",
        "INSERT INTO campaigns VALUES ('k2', 'Summer')",
    )
    shop.run(SECOND)
    # The cap stops this source; its last good rows stand in, and the others are read.
    assert (shop.read("orders", SECOND)["status"], shop.read("campaigns", SECOND)["status"]) == (
        "stale",
        "fresh",
    )
    assert any("[over_budget] orders" in text for text in shop.warnings)
    shop.sources["orders"] |= {"budget": {}}
    shop.warnings.clear()
    shop.run(THIRD)
    assert shop.rows(ORDERS, THIRD).height == 300_001
    assert shop.read("orders", THIRD)["largest_tie_count"] == 300_000
    (warning,) = shop.warnings
    assert "300,000 of 300,001 rows read have the same ordered_at" in warning
    state = shop.home.lake("acme").find(SOURCE_READS, THIRD)
    assert state is not None
    assert sum(file.stat().st_size for file in state.folder.iterdir()) < 1_000_000


def test_a_late_row_inside_lookback_is_picked_up_and_outside_is_counted(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop(orders={"lookback": "6h", "reconcile": "2d"})
    shop.order("o1", "2024-03-01 20:00")
    shop.run(FIRST)
    shop.order("late", "2024-03-01 17:00")  # 3 h before the watermark
    shop.order("too late", "2024-03-01 12:00")  # 8 h before it
    shop.run(SECOND)
    assert shop.ids(ORDERS, SECOND) == ["late", "o1"]
    assert shop.read("orders", SECOND)["missed_count"] is None
    shop.run(THIRD)
    assert shop.ids(ORDERS, THIRD) == ["late", "o1", "too late"]
    read = shop.read("orders", THIRD)
    assert (read["missed_count"], read["deleted_count"], read["read_mode"]) == (1, 0, "full")
    assert read["reconciled_on"] == THIRD
    assert any("1 row came later than lookback" in text for text in shop.warnings)


@pytest.fixture
def host_zone(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland"])
def test_a_naive_cursor_reads_the_same_rows_whatever_the_zone_of_the_machine(
    zone: str, make_shop: Callable[..., Shop], host_zone: Callable[[str], None]
) -> None:
    host_zone(zone)
    # The zone of the data is the source's; that of the session and of the machine must not matter.
    shop = make_shop(orders={"time_zone": "America/New_York"})
    shop.sql(
        "DROP TABLE orders",
        "CREATE TABLE orders AS SELECT 'o' || i AS order_id, 'c0' AS customer_ref, 1 AS net_amount, "
        "TIMESTAMP '2024-03-01 12:00' + INTERVAL (i) HOUR AS ordered_at FROM range(48) r(i)",
    )
    shop.run(FIRST)
    # The night ends at midnight UTC, 19:00 in New York: 12:00 to 18:00 are seven rows.
    assert shop.rows(ORDERS, FIRST).height == 7
    shop.run(SECOND)
    assert shop.rows(ORDERS, SECOND).height == 31
    newest = shop.read("orders", SECOND)["newest_at"]
    assert newest == datetime(2024, 3, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "ids", "count"), [("include", ["null", "o1"], 1), ("exclude", ["o1"], 1), ("fail", None, 1)]
)
def test_rows_without_cursor_are_treated_as_configured_and_counted(
    policy: str, ids: list[str] | None, count: int, make_shop: Callable[..., Shop]
) -> None:
    shop = make_shop(orders={"cursor": "updated_at", "null_cursor": policy})
    shop.sql("ALTER TABLE orders ADD COLUMN updated_at TIMESTAMPTZ")
    shop.sql(
        "INSERT INTO orders VALUES ('o1', 'c0', '2024-03-01 12:00:00+00', 1, '2024-03-01 12:00:00+00')",
        "INSERT INTO orders VALUES ('null', 'c0', '2024-03-01 12:00:00+00', 1, NULL)",
    )
    if ids is None:
        with pytest.raises(IngestionStoppedError, match="1 rows have no updated_at"):
            shop.run(FIRST)
        return
    for night in (FIRST, SECOND):
        shop.run(night)
        assert shop.ids(ORDERS, night) == ids
        assert shop.read("orders", night)["null_cursor_count"] == count
    assert any("1 row without updated_at" in text for text in shop.warnings)


def test_a_row_from_the_year_2999_is_set_aside_and_later_rows_still_load(
    make_shop: Callable[..., Shop], present: Callable[[datetime], None]
) -> None:
    present(datetime(2024, 3, 2, 1, tzinfo=UTC))
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.order("wrong", "2999-01-01 00:00")
    shop.order("early", "2024-03-02 12:00")  # tomorrow's row is early, not wrong
    shop.run(FIRST)
    assert shop.ids(ORDERS, FIRST) == ["o1"]
    assert shop.read("orders", FIRST)["future_count"] == 1
    (line,) = shop.rows(REJECTED_ROWS, FIRST).iter_rows(named=True)
    assert (line["row_key"], line["rule"]) == ('{"order_id": "wrong"}', "ordered_at|not_in_the_future")
    assert any("orders: 1 row more than a day in the future" in text for text in shop.warnings)
    shop.order("o2", "2024-03-02 13:00")
    shop.run(SECOND)
    assert shop.ids(ORDERS, SECOND) == ["early", "o1", "o2"]
    assert shop.read("orders", SECOND)["newest_at"] == datetime(2024, 3, 2, 13, tzinfo=UTC)


def test_a_watermark_from_the_year_2999_does_not_freeze_a_source(
    make_shop: Callable[..., Shop], present: Callable[[datetime], None]
) -> None:
    """It was read by another cursor before, so its rows may have any value of the new one."""
    present(datetime(2024, 3, 2, 1, tzinfo=UTC))
    shop = make_shop()
    shop.sql(
        "ALTER TABLE orders ADD COLUMN updated_at TIMESTAMPTZ",
        "INSERT INTO orders VALUES ('o1', 'c0', '2024-03-01 12:00:00+00', 1, '2024-03-01 12:00:00+00')",
        "INSERT INTO orders VALUES ('wrong', 'c0', '2024-03-01 12:00:00+00', 1, '2999-01-01 00:00:00+00')",
    )
    shop.run(FIRST)
    assert shop.ids(ORDERS, FIRST) == ["o1", "wrong"]
    shop.sources["orders"] |= {"cursor": "updated_at"}
    shop.sql("INSERT INTO orders VALUES ('o2', 'c0', '2024-03-02 12:00:00+00', 1, '2024-03-02 12:00:00+00')")
    shop.warnings.clear()
    shop.run(SECOND)
    assert shop.ids(ORDERS, SECOND) == ["o1", "o2", "wrong"]
    read = shop.read("orders", SECOND)
    assert (read["read_mode"], read["since_at"], read["newest_at"]) == (
        "incremental",
        datetime(2024, 3, 1, 12, tzinfo=UTC),
        datetime(2024, 3, 2, 12, tzinfo=UTC),
    )
    assert read["future_count"] == 1
    (line,) = shop.rows(REJECTED_ROWS, SECOND).iter_rows(named=True)
    assert (line["row_key"], line["rule"]) == ('{"order_id": "wrong"}', "updated_at|not_in_the_future")
    assert any("orders: 1 row more than a day in the future" in text for text in shop.warnings)


def test_a_past_night_that_is_run_today_calls_no_row_wrong(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.order("later", "2024-05-01 12:00")
    shop.run(FIRST)
    assert shop.read("orders", FIRST)["future_count"] == 0
    assert shop.rows(REJECTED_ROWS, FIRST).is_empty()


def test_many_rows_from_the_future_are_one_line(
    make_shop: Callable[..., Shop], present: Callable[[datetime], None]
) -> None:
    present(datetime(2024, 3, 2, 1, tzinfo=UTC))
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.sql("INSERT INTO orders SELECT 'w' || i, 'c1', TIMESTAMPTZ '2999-01-01', 1 FROM range(1500) r(i)")
    shop.run(FIRST)
    assert shop.read("orders", FIRST)["future_count"] == 1_500
    assert shop.rows(REJECTED_ROWS, FIRST)["row_key"].to_list() == ['{"rows": 1500}']


def test_times_as_text_are_quarantined_after_mapping(
    make_shop: Callable[..., Shop], present: Callable[[datetime], None]
) -> None:
    present(datetime(2024, 3, 2, 1, tzinfo=UTC))
    query = "SELECT order_id, customer_ref, strftime(ordered_at, '%Y-%m-%dT%H:%M:%SZ') AS ordered_at, net_amount FROM orders"  # noqa: E501
    shop = make_shop(orders={"table": None, "query": query})
    shop.order("o1", "2024-03-01 12:00")
    shop.order("wrong", "2999-01-01 00:00")
    shop.run(FIRST)
    assert shop.ids(ORDERS, FIRST) == ["o1"]
    read = shop.read("orders", FIRST)
    assert (read["future_count"], read["read_count"], read["is_verified"]) == (1, 2, True)


def test_a_crash_before_the_publish_leaves_nothing_to_undo(make_shop: Callable[..., Shop]) -> None:
    shop, calm = make_shop(), make_shop("calm")
    for one in (shop, calm):
        one.order("o1", "2024-03-01 12:00")
        one.run(FIRST)
        one.order("o2", "2024-03-02 12:00")
        one.order("o3", "2024-03-02 12:00")
    shop.run(SECOND, publishes=False)
    shop.run(SECOND)
    calm.run(SECOND)
    assert shop.rows(ORDERS, SECOND).equals(calm.rows(ORDERS, SECOND))
    assert shop.rows(SOURCE_READS, SECOND).equals(calm.rows(SOURCE_READS, SECOND))
    assert shop.spool == []


def test_a_night_that_is_run_again_publishes_the_same_versions(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(orders={"lookback": "1d"})
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    lake = shop.home.lake("acme")
    versions = [lake.require(table, FIRST) for table in (ORDERS, SOURCE_READS)]
    shop.run(FIRST)
    assert [lake.require(table, FIRST) for table in (ORDERS, SOURCE_READS)] == versions


def test_sentinels_of_the_calendar_do_not_wrap(make_shop: Callable[..., Shop]) -> None:
    # Batches hold 65,536 rows, so the sentinels are in batches of their own.
    shop = make_shop(customers={"cursor": "updated_at"})
    shop.order("o1", "2024-03-01 12:00")
    shop.sql(
        "CREATE OR REPLACE TABLE customers AS "
        "SELECT 'c' || i AS customer_ref, TIMESTAMP '2024-01-01' AS updated_at FROM range(70000) r(i) "
        "UNION ALL SELECT 'first', TIMESTAMP '0001-01-01' UNION ALL SELECT 'last', TIMESTAMP '9999-12-31'"
    )
    shop.run(FIRST)
    customers = shop.rows(CUSTOMERS, FIRST)
    assert customers.height == 70_001
    assert customers["updated_at"].min() == datetime(1, 1, 1, tzinfo=UTC)
    assert customers["updated_at"].max() == datetime(2024, 1, 1, tzinfo=UTC)
    assert shop.read("customers", FIRST)["future_count"] == 1
