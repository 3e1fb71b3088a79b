"""Warehouses that are down, change, move or cost too much: what stands in, what stops, and what it says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from assets.source_report import stale_sources
from pipelines.contracts.source_tables import CAMPAIGNS, CUSTOMERS, ORDERS, SOURCE_READS
from resources.control.metrics import Metrics
from resources.warehouses.base import ReadRequest, SourceError
from resources.warehouses.duckdb.warehouse import DuckDBWarehouse
from resources.warehouses.measurements import read_spending
from resources.warehouses.streams import RowStream

FIRST, SECOND, THIRD, FOURTH, FIFTH = (date(2024, 3, day) for day in (1, 2, 3, 4, 5))
Shop = Any


def codes(error: pytest.ExceptionInfo[SourceError]) -> list[tuple[str, str]]:
    return [(problem.code, problem.source) for problem in error.value.problems]


def with_spare(make_shop: Callable[..., Shop], **orders: object) -> Shop:
    """Orders on a warehouse of their own, which can be taken away."""
    shop = make_shop(orders={"connection": "spare", **orders})
    shop.connections["spare"] = {"kind": "duckdb", "path": "spare.duckdb"}
    shop.sql(
        "CREATE TABLE orders AS SELECT 'o1' AS order_id, 'c0' AS customer_ref, "
        "TIMESTAMPTZ '2024-03-01 12:00:00+00' AS ordered_at, 1 AS net_amount",
        file="spare.duckdb",
    )
    return shop


def test_a_warehouse_that_is_down_is_stood_in_for_until_its_rows_are_too_old(
    make_shop: Callable[..., Shop],
) -> None:
    shop = with_spare(make_shop, on_failure="last_good", maximum_age="2d")
    shop.run(FIRST)
    (shop.folder / "spare.duckdb").rename(shop.folder / "away.duckdb")
    for night, age in ((SECOND, "1 day"), (THIRD, "2 days")):
        shop.warnings.clear()
        shop.run(night)
        read = shop.read("orders", night)
        assert (read["status"], read["data_on"], read["read_mode"]) == ("stale", FIRST, None)
        assert (read["read_count"], read["row_count"], read["is_verified"]) == (0, 1, False)
        assert shop.ids(ORDERS, night) == ["o1"]
        assert shop.read("customers", night)["status"] == "fresh"
        assert stale_sources(shop.night(night)) == ["orders"]
        assert any(f"those of 2024-03-01, {age} old" in text for text in shop.warnings)
    with pytest.raises(SourceError) as stopped:
        shop.run(FOURTH)
    assert codes(stopped) == [("no_last_good", "orders"), ("missing_file", "connection")]
    assert "3 days old, older than maximum_age" in str(stopped.value)
    lake = shop.home.lake("acme")
    assert lake.find(SOURCE_READS, FOURTH) is None
    assert lake.find(ORDERS, THIRD) is not None
    (shop.folder / "away.duckdb").rename(shop.folder / "spare.duckdb")
    shop.sql(
        "INSERT INTO orders VALUES ('o2', 'c1', TIMESTAMPTZ '2024-03-04 09:00:00+00', 2)", file="spare.duckdb"
    )
    shop.run(FIFTH)
    assert (shop.read("orders", FIFTH)["data_on"], shop.ids(ORDERS, FIFTH)) == (FIFTH, ["o1", "o2"])


def test_without_leave_to_fall_back_no_night_starts_and_all_problems_come_at_once(
    make_shop: Callable[..., Shop],
) -> None:
    shop = with_spare(make_shop)
    shop.run(FIRST)
    (shop.folder / "spare.duckdb").unlink()
    shop.sql("DROP TABLE customers")
    with pytest.raises(SourceError) as stopped:
        shop.run(SECOND)
    assert codes(stopped) == [("missing_table", "customers"), ("missing_file", "connection")]


def test_a_first_night_has_nothing_to_fall_back_on(make_shop: Callable[..., Shop]) -> None:
    shop = with_spare(make_shop, on_failure="last_good")
    (shop.folder / "spare.duckdb").unlink()
    with pytest.raises(SourceError) as stopped:
        shop.run(FIRST)
    assert codes(stopped) == [("no_last_good", "orders"), ("missing_file", "connection")]


def test_a_source_that_was_not_configured_before_has_no_good_version(make_shop: Callable[..., Shop]) -> None:
    """Its table was published, but empty: suppressions would otherwise be taken for none."""
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    shop.connections["spare"] = {"kind": "duckdb", "path": "spare.duckdb"}
    shop.sources["suppressions"] = {"connection": "spare", "table": "t", "on_failure": "last_good"}
    with pytest.raises(SourceError) as stopped:
        shop.run(SECOND)
    assert codes(stopped) == [("no_last_good", "suppressions"), ("missing_file", "connection")]


def test_a_mistake_is_never_covered_by_an_earlier_version(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(orders={"on_failure": "last_good"})
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    shop.sql("ALTER TABLE orders RENAME net_amount TO total")
    with pytest.raises(SourceError) as stopped:
        shop.run(SECOND)
    assert codes(stopped) == [("missing_column", "orders")]
    (problem,) = stopped.value.problems
    assert problem.column == "net_amount"
    assert "enrichment (features, value), journeys, sequencing and measurement depend on it" in problem.what
    assert shop.home.lake("acme").find(ORDERS, SECOND) is None


def test_a_column_that_is_added_in_front_shifts_nothing(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00", amount="5.00")
    shop.run(FIRST)
    shop.sql(
        "CREATE OR REPLACE TABLE orders AS SELECT 7 AS added, 'x' AS currency_of_old, * FROM orders",
        "INSERT INTO orders VALUES (8, 'y', 'o2', 'c1', '2024-03-02 12:00:00+00', 6)",
    )
    shop.run(SECOND)
    orders = shop.rows(ORDERS, SECOND).select("order_id", "customer_ref", "net_amount", "currency")
    assert [(row[0], row[1], str(row[2]), row[3]) for row in orders.iter_rows()] == [
        ("o1", "c0", "5.00", None),
        ("o2", "c1", "6.00", None),
    ]


def test_a_column_of_the_contract_that_appears_upstream_is_read_from_then_on(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    shop.sql(
        "ALTER TABLE orders ADD COLUMN channel VARCHAR",
        "INSERT INTO orders VALUES ('o2', 'c1', '2024-03-02 12:00:00+00', 6, 'web')",
    )
    shop.run(SECOND)
    orders = shop.rows(ORDERS, SECOND).select("order_id", "net_amount", "channel")
    assert [(row[0], str(row[1]), row[2]) for row in orders.iter_rows()] == [
        ("o1", "1.00", None),
        ("o2", "6.00", "web"),
    ]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("ALTER TABLE orders DROP COLUMN net_amount", "missing_column"),
        ("ALTER TABLE orders ALTER net_amount TYPE BOOLEAN USING true", "type_does_not_fit"),
    ],
)
def test_a_column_that_is_lost_or_changes_its_type_stops_before_anything_is_read(
    statement: str, code: str, make_shop: Callable[..., Shop]
) -> None:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    shop.sql(statement)
    with pytest.raises(SourceError) as stopped:
        shop.run(SECOND)
    assert codes(stopped) == [(code, "orders")]


class LossyWarehouse(DuckDBWarehouse):
    """Loses the last row of a read, as often as it is told to."""

    losses = 0

    @contextmanager
    def read(self, request: ReadRequest) -> Iterator[RowStream]:
        with super().read(request) as stream:
            if request.source != "orders" or LossyWarehouse.losses == 0:
                yield stream
                return
            LossyWarehouse.losses -= 1
            rows = stream.read_all()
            batches: list[pa.RecordBatch] = rows.slice(0, rows.num_rows - 1).to_batches()
            yield RowStream(stream.schema, iter(batches))


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def lose(times: int) -> None:
        monkeypatch.setattr(LossyWarehouse, "losses", times)
        monkeypatch.setattr("resources.warehouses.open.DuckDBWarehouse", LossyWarehouse)

    return lose


def test_a_row_that_did_not_arrive_stops_the_night_with_day_and_numbers(
    make_shop: Callable[..., Shop], lossy: Callable[[int], None]
) -> None:
    shop = make_shop(orders={"on_failure": "last_good"})
    shop.order("o1", "2024-03-01 12:00", amount="5.00")
    shop.run(FIRST)
    shop.order("o2", "2024-03-02 12:00", amount="7.50")
    lossy(2)
    with pytest.raises(SourceError) as stopped:
        shop.run(SECOND)
    assert codes(stopped) == [("rows_differ", "orders")]
    (problem,) = stopped.value.problems
    assert problem.table == "orders"
    assert "2024-03-02: 1 rows in the source, 0 arrived" in problem.what
    assert "2024-03-02: net_amount sums to 7.50 in the source, to 0 in what arrived" in problem.what
    assert shop.home.lake("acme").find(ORDERS, SECOND) is None


def test_a_table_that_moved_while_it_was_read_is_read_once_more(
    make_shop: Callable[..., Shop], lossy: Callable[[int], None]
) -> None:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    lossy(1)
    shop.run(FIRST)
    assert shop.ids(ORDERS, FIRST) == ["o1"]


def test_verification_can_be_switched_off(
    make_shop: Callable[..., Shop], lossy: Callable[[int], None]
) -> None:
    shop = make_shop(orders={"is_verified": False})
    shop.order("o1", "2024-03-01 12:00")
    shop.order("o2", "2024-03-01 13:00")
    lossy(1)
    shop.run(FIRST)
    assert len(shop.ids(ORDERS, FIRST)) == 1
    assert shop.read("orders", FIRST)["is_verified"] is False


def test_a_budget_of_a_connection_stops_the_night_and_names_the_biggest(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop()
    shop.connections["main"] |= {"budget": {"bytes": "2KB"}, "concurrency": 1}
    shop.sql(
        "INSERT INTO orders SELECT 'o' || i, 'c0', TIMESTAMPTZ '2024-03-01 12:00:00+00', 1 "
        "FROM range(1000) r(i)"
    )
    with pytest.raises(SourceError, match=r"over_budget.*were left of the budget"):
        shop.run(FIRST)
    assert shop.spool == []


def test_what_reading_cost_is_noted_even_when_the_night_stops(
    make_shop: Callable[..., Shop], lossy: Callable[[int], None]
) -> None:
    shop = make_shop()
    store = shop.home.configs("acme")
    store.apply({"connector": ("data-warehouse-connector", {"a": 1})}, author="a", reason="b")
    config_id = store.as_of(FIRST)["connector"].config_id
    shop.order("o1", "2024-03-01 12:00")
    shop.order("o2", "2024-03-01 13:00")
    lossy(2)
    with pytest.raises(SourceError):
        shop.run(FIRST)
    spent = read_spending(Metrics(shop.home.control, "acme"), config_id, since=FIRST, until=SECOND)
    orders = spent.row(by_predicate=pl.col("source") == "orders", named=True)
    # Twice one of two rows arrived: 2 characters of id, 2 of customer, 8 bytes of time, 16 of money.
    assert (orders["read_on"], orders["row_count"], orders["received_bytes"]) == (FIRST, 2, 56)
    assert orders["seconds"] > 0


def test_two_warehouses_with_the_same_customer_are_merged_with_their_origin(
    make_shop: Callable[..., Shop],
) -> None:
    """Provenance is the column `source`: the same reference in two systems is two records."""
    shop = make_shop(
        customers={
            "table": None,
            "query": "SELECT customer_ref, 'shop' AS source FROM customers "
            "UNION ALL SELECT customer_ref, 'app' FROM app_customers",
        }
    )
    shop.sql("CREATE TABLE app_customers AS SELECT 'c0' AS customer_ref")
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    found = shop.rows(CUSTOMERS, FIRST).select("source", "customer_ref").rows()
    assert found == [("app", "c0"), ("shop", "c0"), ("shop", "c1"), ("shop", "c2")]


def test_empty_optional_tables_are_typed_and_the_night_goes_on(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(campaigns={})
    shop.sql("CREATE TABLE campaigns (campaign_id VARCHAR, name VARCHAR, budget DECIMAL(10, 2))")
    shop.order("o1", "2024-03-01 12:00")
    shop.run(FIRST)
    assert shop.rows(CAMPAIGNS, FIRST).schema == CAMPAIGNS.schema.create_empty().schema
    read = shop.read("campaigns", FIRST)
    assert (read["read_count"], read["newest_at"], read["is_verified"]) == (0, None, True)


def test_tables_are_read_side_by_side_with_the_same_result(make_shop: Callable[..., Shop]) -> None:
    def results(concurrency: int) -> list[Any]:
        shop = make_shop(f"shop{concurrency}", order_lines={}, products={})
        shop.connections["main"] |= {"concurrency": concurrency}
        shop.sql(
            "CREATE TABLE order_lines AS SELECT 'o' || (i // 2) AS order_id, i % 2 AS line_number, "
            "'p' || i % 3 AS product_id, 1.0 AS quantity, 0.5 AS net_amount FROM range(20) r(i)",
            "CREATE TABLE products AS SELECT 'p' || i AS product_id FROM range(3) r(i)",
        )
        for number in range(5):
            shop.order(f"o{number}", "2024-03-01 12:00")
        shop.run(FIRST)
        lake = shop.home.lake("acme")
        return [lake.require(table, FIRST).content_hash for table in (ORDERS, SOURCE_READS)]

    assert results(1) == results(8)


def test_no_row_of_the_future_reaches_a_night_in_the_past(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    shop.order("o1", "2024-03-01 12:00")
    shop.order("o2", "2024-03-02 12:00")
    shop.run(FIRST)
    assert shop.read("orders", FIRST)["newest_at"] == datetime(2024, 3, 1, 12, tzinfo=UTC)
