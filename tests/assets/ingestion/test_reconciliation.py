"""Keys that left the source, and what is recorded of them."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from pipelines.contracts.source_tables import CUSTOMERS, ORDERS, REMOVED_ROWS, SUPPRESSIONS
from pipelines.ingestion.thresholds import IngestionStoppedError

FIRST, SECOND, THIRD, FOURTH = (date(2024, 3, day) for day in (1, 2, 3, 4))
Shop = Any


def with_cursor(make_shop: Callable[..., Shop], **customers: object) -> Shop:
    shop = make_shop(customers={"cursor": "updated_at", "reconcile": "2d", **customers})
    shop.sql(
        "CREATE OR REPLACE TABLE customers AS SELECT 'c' || i AS customer_ref, "
        "TIMESTAMPTZ '2024-01-01 00:00:00+00' AS updated_at FROM range(10) r(i)"
    )
    shop.order("o1", "2024-03-01 12:00")
    return shop


def test_a_deleted_customer_is_gone_by_the_next_comparison_of_keys(make_shop: Callable[..., Shop]) -> None:
    shop = with_cursor(make_shop)
    shop.run(FIRST)
    assert shop.read("customers", FIRST)["reconciled_on"] == FIRST
    shop.sql("DELETE FROM customers WHERE customer_ref = 'c3'")
    shop.run(SECOND)
    assert "c3" in shop.ids(CUSTOMERS, SECOND)
    read = shop.read("customers", SECOND)
    assert (read["reconciled_on"], read["deleted_count"]) == (FIRST, None)
    shop.run(THIRD)
    assert shop.ids(CUSTOMERS, THIRD) == [f"c{number}" for number in range(10) if number != 3]
    read = shop.read("customers", THIRD)
    counts = ("missed_count", "deleted_count", "removed_count", "row_count")
    assert [read[name] for name in counts] == [0, 1, 1, 9]
    assert (read["reconciled_on"], read["read_mode"]) == (THIRD, "incremental")
    assert shop.rows(REMOVED_ROWS, THIRD).rows() == [
        ("acme", "customers", '{"source": "main", "customer_ref": "c3"}', "key_reconciliation")
    ]
    shop.run(FOURTH)
    assert shop.rows(REMOVED_ROWS, FOURTH).is_empty()
    assert shop.read("customers", FOURTH)["reconciled_on"] == THIRD


def test_a_night_that_compares_keys_gives_the_same_when_it_runs_again(make_shop: Callable[..., Shop]) -> None:
    shop = with_cursor(make_shop)
    shop.run(FIRST)
    shop.sql("DELETE FROM customers WHERE customer_ref = 'c3'")
    shop.run(THIRD)
    lake = shop.home.lake("acme")
    tables = (CUSTOMERS, REMOVED_ROWS)
    versions = [lake.require(table, THIRD) for table in tables]
    shop.run(THIRD)
    assert [lake.require(table, THIRD) for table in tables] == versions


def test_a_mass_delete_stops_the_night(make_shop: Callable[..., Shop]) -> None:
    shop = with_cursor(make_shop)
    shop.run(FIRST)
    shop.sql("DELETE FROM customers WHERE customer_ref >= 'c7'")
    with pytest.raises(IngestionStoppedError, match="10 rows on the night before, 7 now"):
        shop.run(THIRD)
    assert shop.home.lake("acme").find(CUSTOMERS, THIRD) is None


def test_a_changed_and_a_deleted_row_are_told_apart(make_shop: Callable[..., Shop]) -> None:
    shop = with_cursor(make_shop)
    shop.run(FIRST)
    shop.sql(
        "DELETE FROM customers WHERE customer_ref = 'c3'",
        "UPDATE customers SET updated_at = TIMESTAMPTZ '2024-03-02 00:00:00+00' WHERE customer_ref = 'c4'",
        "INSERT INTO customers VALUES ('c10', TIMESTAMPTZ '2024-03-02 00:00:00+00')",
    )
    shop.run(THIRD)
    read = shop.read("customers", THIRD)
    counts = ("added_count", "changed_count", "unchanged_count", "removed_count", "row_count")
    # Read are c4 and c10, and the nine others that share the watermark, but for c3.
    assert [read[name] for name in counts] == [1, 1, 8, 1, 10]


def test_a_row_that_is_rejected_is_not_taken_for_recovered(make_shop: Callable[..., Shop]) -> None:
    """It is missing in the table, so the source is read in full; but nothing was missed."""
    shop = make_shop(orders={"reconcile": "2d", "maximum_rejected_rate": 0.5})
    shop.order("o1", "2024-03-01 12:00")
    shop.sql("INSERT INTO orders VALUES ('bad', NULL, '2024-03-01 12:00:00+00', 1)")
    shop.run(FIRST)
    shop.run(THIRD)
    read = shop.read("orders", THIRD)
    assert (read["missed_count"], read["read_mode"]) == (0, "full")
    assert shop.ids(ORDERS, THIRD) == ["o1"]


def test_keys_beyond_the_night_are_not_missed(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(orders={"reconcile": "1d", "time_zone": "America/New_York"})
    shop.sql(
        "DROP TABLE orders",
        "CREATE TABLE orders AS SELECT 'o' || i AS order_id, 'c0' AS customer_ref, 1 AS net_amount, "
        "TIMESTAMP '2024-03-01 12:00' + INTERVAL (i) HOUR AS ordered_at FROM range(60) r(i)",
    )
    shop.run(FIRST)
    shop.run(SECOND)
    read = shop.read("orders", SECOND)
    assert (read["missed_count"], read["deleted_count"], read["read_mode"]) == (0, 0, "incremental")


def test_rows_that_a_full_read_no_longer_holds_are_recorded_without_addresses(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop(suppressions={})
    shop.workspace = {"maximum_shrink_rate": 0.6}
    shop.order("o1", "2024-03-01 12:00")
    shop.sql(
        "CREATE TABLE suppressions AS SELECT 'ana@example.com' AS address, 'email' AS channel, 'x' AS reason",
        "INSERT INTO suppressions VALUES ('ben@example.com', 'email', 'x')",
    )
    shop.run(FIRST)
    shop.sql("DELETE FROM suppressions WHERE address = 'ana@example.com'")
    shop.run(SECOND)
    assert shop.ids(SUPPRESSIONS, SECOND) == ["email"]
    (row,) = shop.rows(REMOVED_ROWS, SECOND).iter_rows(named=True)
    assert (row["table"], row["reason"]) == ("suppressions", "full_read")
    assert "example.com" not in row["row_key"]
    assert '"channel": "email"' in row["row_key"]
