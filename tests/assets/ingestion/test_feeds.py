"""Two warehouses hold the same customers: each is read by itself, and all rows say where they are from."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from pydantic import TypeAdapter

from assets.identity import link_people
from assets.ingestion import pull_sources
from assets.source_report import describe_stale_sources, stale_sources
from pipelines.contracts.settings.connections import RESOLVED, Connection
from pipelines.contracts.source_tables import (
    COSTS,
    CUSTOMERS,
    ORDER_LINES,
    ORDERS,
    REJECTED_ROWS,
    REMOVED_ROWS,
    SUPPRESSIONS,
)
from pipelines.contracts.tables import CUSTOMER_LINKS, LINK_EVIDENCE, PROFILES
from pipelines.ingestion.thresholds import IngestionStoppedError
from resources.warehouses.base import Load, SourceError, WriteMode
from resources.warehouses.open import open_warehouse

FIRST, SECOND, THIRD = (date(2024, 3, day) for day in (1, 2, 3))
Shop = Any
CRM, WEB = "crm.duckdb", "web.duckdb"
PEOPLE = "CREATE TABLE people (id VARCHAR, mail VARCHAR, changed TIMESTAMPTZ)"
SALES = "CREATE TABLE sales (nr VARCHAR, who VARCHAR, placed TIMESTAMPTZ, total DECIMAL(18, 2))"
MAPPED = {"order_id": "nr", "customer_ref": "who", "ordered_at": "placed", "net_amount": "total"}
LINES = "CREATE TABLE lines (nr VARCHAR, pos BIGINT, product VARCHAR, qty DOUBLE, total DECIMAL(18, 2))"


def feed(label: str, connection: str, table: str, **settings: object) -> dict[str, Any]:
    return {"source": label, "connection": connection, "table": table, **settings}


def customers(label: str, connection: str, **settings: object) -> dict[str, Any]:
    columns = {"customer_ref": "id", "email": "mail", "updated_at": "changed"}
    return feed(label, connection, "people", columns=columns, cursor="updated_at", **settings)


def orders(label: str, connection: str, **settings: object) -> dict[str, Any]:
    return feed(label, connection, "sales", columns=MAPPED, cursor="ordered_at", **settings)


def person(shop: Shop, file: str, ref: str, mail: str, at: str = "2024-01-01 00:00") -> None:
    shop.sql(f"INSERT INTO people VALUES ('{ref}', '{mail}', TIMESTAMPTZ '{at}:00+00')", file=file)


def sale(shop: Shop, file: str, nr: str, at: str, *, who: str, total: str = "1.00") -> None:
    shop.sql(f"INSERT INTO sales VALUES ('{nr}', '{who}', TIMESTAMPTZ '{at}:00+00', {total})", file=file)


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """Ana is `7` in the CRM and `a7` in the web shop; customer `1` of each system is somebody else."""
    shop = make_shop()
    shop.connections |= {
        "crm": {"kind": "duckdb", "path": CRM},
        "web": {"kind": "duckdb", "path": WEB},
    }
    shop.sources["customers"] = [customers("crm", "crm"), customers("web", "web", reconcile="1d")]
    shop.sources["orders"] = [orders("crm", "crm"), orders("web", "web", prefixes={"order_id": "web-"})]
    for file in (CRM, WEB):
        shop.sql(PEOPLE, SALES, LINES, file=file)
    person(shop, CRM, "7", "ana@example.com")
    person(shop, CRM, "1", "ben@example.com")
    person(shop, WEB, "a7", "Ana@Example.com ")
    person(shop, WEB, "1", "cleo@example.com")
    sale(shop, CRM, "1001", "2024-02-29 10:00", who="7")
    sale(shop, WEB, "1001", "2024-03-01 09:00", who="a7", total="5.00")
    return shop


def keys(shop: Shop, on: date) -> list[tuple[str, str]]:
    return shop.rows(CUSTOMERS, on).select("source", "customer_ref").rows()


def test_the_rows_of_all_feeds_are_one_table_that_says_where_they_are_from(shop: Shop) -> None:
    shop.run(FIRST)
    assert keys(shop, FIRST) == [("crm", "1"), ("crm", "7"), ("web", "1"), ("web", "a7")]
    found = shop.rows(ORDERS, FIRST).select("order_id", "source", "customer_ref", "net_amount").rows()
    assert [(order, source, who, str(total)) for order, source, who, total in found] == [
        ("1001", "crm", "7", "1.00"),
        ("web-1001", "web", "a7", "5.00"),
    ]
    for label in ("crm", "web"):
        read = shop.read("customers", FIRST, feed=label)
        assert (read["connection"], read["read_count"], read["row_count"]) == (label, 2, 2)


def test_each_feed_goes_on_from_its_own_watermark(shop: Shop) -> None:
    """The web shop is a day ahead: its watermark must not hide a row that the CRM changes meanwhile."""
    shop.run(FIRST)
    person(shop, CRM, "8", "dan@example.com", "2024-03-01 12:00")
    person(shop, WEB, "a8", "eve@example.com", "2024-03-02 12:00")
    shop.run(SECOND)
    person(shop, CRM, "9", "fay@example.com", "2024-03-02 06:00")
    shop.run(THIRD)
    assert ("crm", "9") in keys(shop, THIRD)
    newest = {label: shop.read("customers", SECOND, feed=label)["newest_at"].day for label in ("crm", "web")}
    assert newest == {"crm": 1, "web": 2}
    since = {label: shop.read("customers", THIRD, feed=label)["since_at"].day for label in ("crm", "web")}
    assert since == {"crm": 1, "web": 2}


def test_what_a_night_adds_to_feeds_is_appended(shop: Shop) -> None:
    shop.run(FIRST)
    person(shop, WEB, "a8", "eve@example.com", "2024-03-02 12:00")
    (added, earlier) = pull_sources(shop.night(SECOND)).appended[CUSTOMERS]
    assert added.lazy().collect().select("source", "customer_ref").rows() == [("web", "a8")]
    assert earlier == shop.home.lake("acme").require(CUSTOMERS, FIRST)
    shop.run(SECOND)
    counts = [shop.read("customers", SECOND, feed=label)["added_count"] for label in ("crm", "web")]
    assert counts == [0, 1]
    assert keys(shop, SECOND)[-1] == ("web", "a8")


def test_a_row_that_one_feed_lost_stays_in_the_other(shop: Shop) -> None:
    """Only the web shop compares its keys each night; the customer `1` of the CRM is somebody else."""
    shop.workspace = {"maximum_shrink_rate": 0.5}
    shop.run(FIRST)
    shop.sql("DELETE FROM people WHERE id = '1'", file=WEB)
    shop.run(SECOND)
    assert keys(shop, SECOND) == [("crm", "1"), ("crm", "7"), ("web", "a7")]
    assert shop.rows(REMOVED_ROWS, SECOND).select("row_key", "reason").rows() == [
        ('{"source": "web", "customer_ref": "1"}', "key_reconciliation")
    ]
    assert shop.read("customers", SECOND, feed="web")["deleted_count"] == 1
    assert shop.read("customers", SECOND, feed="crm")["deleted_count"] is None


def test_ids_that_two_feeds_hold_stop_the_night(shop: Shop) -> None:
    shop.sources["orders"] = [orders("crm", "crm"), orders("web", "web")]
    with pytest.raises(SourceError) as stopped:
        shop.run(FIRST)
    (problem,) = stopped.value.problems
    assert (problem.code, problem.source, problem.column) == ("shared_keys", "orders/web", "order_id")
    assert "1 values of order_id come from more than one of orders/crm, orders/web" in problem.what
    assert "prefixes: {order_id: web-} for orders/web" in problem.remedy
    assert "1001" not in str(stopped.value)
    assert shop.home.lake("acme").find(ORDERS, FIRST) is None


def test_lines_follow_the_orders_of_their_system(shop: Shop) -> None:
    prefixes = {"order_id": "web-"}
    columns = {"order_id": "nr", "line_number": "pos", "product_id": "product", "quantity": "qty"}
    shop.sources["order_lines"] = [
        feed("crm", "crm", "lines", columns=columns | {"net_amount": "total"}),
        feed("web", "web", "lines", columns=columns | {"net_amount": "total"}, prefixes=prefixes),
    ]
    for file, total in ((CRM, "1.00"), (WEB, "5.00")):
        shop.sql(f"INSERT INTO lines VALUES ('1001', 1, 'p', 1, {total})", file=file)
    shop.sql("INSERT INTO lines VALUES ('1002', 1, 'p', 1, 1)", file=WEB)
    shop.run(FIRST)
    assert shop.rows(ORDER_LINES, FIRST).select("order_id", "source", "net_amount").rows() == [
        ("1001", "crm", pytest.approx(1)),
        ("web-1001", "web", pytest.approx(5)),
    ]


def test_what_both_feeds_refuse_or_cost_counts_for_both(shop: Shop) -> None:
    """The label is part of the key where nothing refers to it: no refusal and no cost is lost."""
    shop.sources["suppressions"] = [feed("crm", "crm", "blocked"), feed("web", "web", "blocked")]
    shop.sources["costs"] = [feed("crm", "crm", "spent"), feed("web", "web", "spent")]
    for file, amount in ((CRM, "2.00"), (WEB, "3.50")):
        shop.sql(
            "CREATE TABLE blocked AS SELECT 'ana@example.com' AS address, 'email' AS channel, 'x' AS reason",
            f"CREATE TABLE spent AS SELECT DATE '2024-02-29' AS date, 'email' AS channel, "
            f"CAST({amount} AS DECIMAL(18, 2)) AS amount",
            file=file,
        )
    shop.run(FIRST)
    assert shop.rows(SUPPRESSIONS, FIRST)["source"].to_list() == ["crm", "web"]
    assert str(shop.rows(COSTS, FIRST)["amount"].sum()) == "5.50"
    shop.sql("DELETE FROM blocked", file=CRM)
    shop.workspace = {"maximum_shrink_rate": 1.0}
    shop.run(SECOND)
    assert shop.rows(SUPPRESSIONS, SECOND)["source"].to_list() == ["web"]


def test_a_row_that_both_feeds_spoil_is_rejected_twice(shop: Shop) -> None:
    for number, settings in enumerate(shop.sources["orders"]):
        shop.sources["orders"][number] = settings | {"maximum_rejected_rate": 1.0}
    for file in (CRM, WEB):
        shop.sql("INSERT INTO sales VALUES ('bad', NULL, TIMESTAMPTZ '2024-03-01 01:00:00+00', 1)", file=file)
    shop.run(FIRST)
    assert shop.rows(REJECTED_ROWS, FIRST)["row_key"].to_list() == [
        '{"order_id": "bad", "source": "crm"}',
        '{"order_id": "bad", "source": "web"}',
    ]


def test_a_feed_that_cannot_be_read_stands_in_by_itself(shop: Shop) -> None:
    shop.sources["customers"][1] |= {"on_failure": "last_good"}
    shop.sources["orders"] = orders("crm", "crm")
    shop.run(FIRST)
    (shop.folder / WEB).rename(shop.folder / "elsewhere")
    person(shop, CRM, "8", "dan@example.com", "2024-03-02 12:00")
    shop.run(SECOND)
    assert keys(shop, SECOND) == [("crm", "1"), ("crm", "7"), ("crm", "8"), ("web", "1"), ("web", "a7")]
    night = shop.night(SECOND)
    assert stale_sources(night) == ["customers/web"]
    assert describe_stale_sources(night) == [
        "customers/web: could not be read, rows of 2024-03-01 (1 day old) stand in"
    ]
    assert shop.read("customers", SECOND, feed="crm")["status"] == "fresh"


def test_an_error_names_the_feed(shop: Shop) -> None:
    shop.sql("ALTER TABLE people RENAME mail TO address", file=WEB)
    with pytest.raises(SourceError) as stopped:
        shop.run(FIRST)
    (problem,) = stopped.value.problems
    assert (problem.code, problem.source, problem.column) == ("missing_column", "customers/web", "email")


def test_each_feed_has_a_budget_of_its_own(shop: Shop) -> None:
    """A budget of ten bytes stops the web shop; the CRM has none."""
    shop.sources["customers"][1] |= {"budget": {"bytes": 10}}
    with pytest.raises(SourceError) as stopped:
        shop.run(FIRST)
    assert {(problem.code, problem.source) for problem in stopped.value.problems} == {
        ("over_budget", "customers/web")
    }


def test_rows_leave_with_a_feed_that_is_no_longer_read(shop: Shop) -> None:
    shop.run(FIRST)
    shop.sources["customers"] = [customers("crm", "crm")]
    with pytest.raises(IngestionStoppedError, match="customers: 4 rows on the night before, 2 now"):
        shop.run(SECOND)
    shop.workspace = {"maximum_shrink_rate": 0.5}
    shop.run(SECOND)
    assert keys(shop, SECOND) == [("crm", "1"), ("crm", "7")]
    removed = shop.rows(REMOVED_ROWS, SECOND)
    assert removed["reason"].unique().to_list() == ["feed_removed"]
    assert removed.height == 2


def test_a_mapping_that_becomes_a_feed_keeps_its_rows_under_its_label(shop: Shop) -> None:
    both = shop.sources["customers"]
    shop.sources["customers"] = customers("crm", "crm") | {"source": None}
    shop.run(FIRST)
    assert keys(shop, FIRST) == [("main", "1"), ("main", "7")]
    shop.sources["customers"] = [customers("main", "crm"), both[1]]
    shop.run(SECOND)
    assert keys(shop, SECOND) == [("main", "1"), ("main", "7"), ("web", "1"), ("web", "a7")]
    assert shop.read("customers", SECOND)["read_mode"] == "incremental"
    assert shop.read("customers", SECOND, feed="web")["read_mode"] == "full"
    assert shop.rows(REMOVED_ROWS, SECOND).is_empty()


def test_feeds_that_become_one_mapping_are_read_anew(shop: Shop) -> None:
    """The watermark of the web shop says nothing about the older rows of the CRM."""
    shop.run(FIRST)
    shop.workspace = {"maximum_shrink_rate": 0.5}
    shop.sources["customers"] = customers("crm", "crm") | {"source": None}
    shop.run(SECOND)
    assert keys(shop, SECOND) == [("main", "1"), ("main", "7")]
    assert shop.read("customers", SECOND)["read_mode"] == "full"
    assert shop.rows(REMOVED_ROWS, SECOND).height == 4


def test_the_night_gives_the_same_whatever_the_order_of_feeds_and_when_run_again(shop: Shop) -> None:
    shop.run(FIRST)
    lake = shop.home.lake("acme")
    before = {table: lake.require(table, FIRST) for table in (CUSTOMERS, ORDERS)}
    shop.run(FIRST)
    assert {table: lake.require(table, FIRST) for table in before} == before
    shop.sources = {name: found[::-1] for name, found in shop.sources.items()}
    shop.run(FIRST)
    hashes = {table: lake.require(table, FIRST).content_hash for table in before}
    assert hashes == {table: version.content_hash for table, version in before.items()}


def identify(shop: Shop, on: date) -> dict[Any, pl.DataFrame]:
    frames = link_people(shop.night(on)).frames
    return {table: frame.lazy().collect() for table, frame in frames.items()}


def test_one_person_of_two_warehouses_is_one_customer_with_both_records(shop: Shop) -> None:
    shop.run(FIRST)
    tables = identify(shop, FIRST)
    links = tables[CUSTOMER_LINKS].sort("source", "customer_ref")
    by_record = {(row["source"], row["customer_ref"]): row["customer_id"] for row in links.to_dicts()}
    assert by_record["crm", "7"] == by_record["web", "a7"]
    assert by_record["crm", "1"] != by_record["web", "1"]
    assert len(set(by_record.values())) == 3
    assert tables[PROFILES].height == 3
    assert not tables[LINK_EVIDENCE].is_empty()


def test_people_are_merged_alike_whatever_the_order_of_feeds(shop: Shop) -> None:
    shop.run(FIRST)
    first = identify(shop, FIRST)
    shop.sources = {name: found[::-1] for name, found in shop.sources.items()}
    shop.run(FIRST)
    again = identify(shop, FIRST)
    for table, frame in first.items():
        order = frame.columns
        assert again[table].sort(order).equals(frame.sort(order)), table.name


def fill(settings: dict[str, Any], shop: Shop, people: list[tuple[str, str]], load_id: str) -> None:
    """Table `crm_feeds.people` of a warehouse behind a wire, as another system would have written it."""
    connection: Connection = TypeAdapter(Connection).validate_python(settings, context=RESOLVED)
    schema = {"id": pl.String(), "mail": pl.String(), "changed": pl.Datetime("us", "UTC")}
    rows = pl.LazyFrame(
        [(*one, datetime(2024, 1, 1, tzinfo=UTC)) for one in people], schema=schema, orient="row"
    )
    load = Load(
        table="people",
        schema_name="crm_feeds",
        columns=schema,
        rows=rows,
        mode=WriteMode.REPLACE,
        load_id=load_id,
    )
    with open_warehouse(
        connection, name="lake", workspace_folder=shop.folder, is_read_only=False
    ) as warehouse:
        warehouse.write([load])


@pytest.mark.filterwarnings("ignore:urllib3 .* doesn't match a supported version")
def test_feeds_of_two_kinds_of_warehouses_are_one_table(shop: Shop, snowflake_server: Any) -> None:
    """Ana is in the CRM, a DuckDB file, and in Snowflake: one person, whose records keep their sources."""
    shop.connections["lake"] = snowflake_server.settings()
    fill(shop.connections["lake"], shop, [("s7", "ana@example.com"), ("1", "dan@example.com")], "1")
    lake = customers("lake", "lake", reconcile="1d") | {"table": "crm_feeds.people"}
    shop.sources["customers"] = [customers("crm", "crm"), lake]
    shop.workspace = {"maximum_shrink_rate": 0.5}
    shop.run(FIRST)
    assert keys(shop, FIRST) == [("crm", "1"), ("crm", "7"), ("lake", "1"), ("lake", "s7")]
    kinds = [shop.read("customers", FIRST, feed=label)["kind"] for label in ("crm", "lake")]
    assert kinds == ["duckdb", "snowflake"]
    links = identify(shop, FIRST)[CUSTOMER_LINKS].to_dicts()
    people = {(row["source"], row["customer_ref"]): row["customer_id"] for row in links}
    assert people["crm", "7"] == people["lake", "s7"]
    assert len(set(people.values())) == 3
    fill(shop.connections["lake"], shop, [("s7", "ana@example.com")], "2")
    shop.run(SECOND)
    assert keys(shop, SECOND) == [("crm", "1"), ("crm", "7"), ("lake", "s7")]
    assert shop.read("customers", SECOND, feed="lake")["read_mode"] == "incremental"
