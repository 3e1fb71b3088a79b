from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.contracts.sources import CatalogueProduct, Order, OrderLine
from pipelines.enrichment.purchases import bought_categories, dated, decay, night_of
from pipelines.identity.histories import assign_lines, assign_people

#: Midnight in New York after 10 March 2024, the day on which clocks went forward.
AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)


def _order(order_id: str, ordered_at: datetime, **columns: object) -> dict[str, object]:
    return {
        "order_id": order_id,
        "customer_ref": "a",
        "ordered_at": ordered_at,
        "net_amount": Decimal("1.00"),
        **columns,
    }


def _dated(orders: pl.LazyFrame, links: pl.LazyFrame, workspace: WorkspaceSettings) -> pl.LazyFrame:
    return dated(assign_people(orders, links), workspace=workspace, as_of=AS_OF)


def test_night_is_the_local_day_that_ends_at_as_of(workspace):
    assert night_of(AS_OF, workspace) == date(2024, 3, 10)
    assert night_of(datetime(2024, 3, 10, 5, tzinfo=UTC), workspace) == date(2024, 3, 9)


def test_night_of_a_zone_without_midnight_is_the_day_before():
    # Clocks in São Paulo went from 00:00 to 01:00 on 4 November 2018.
    workspace = WorkspaceSettings(version=1, workspace="loja", time_zone="America/Sao_Paulo", currency="BRL")
    assert night_of(datetime(2018, 11, 4, 3, tzinfo=UTC), workspace) == date(2018, 11, 3)


def test_orders_fall_on_their_local_day(workspace, rows_of, links_of):
    orders = rows_of(
        Order,
        _order("late_evening", datetime(2024, 3, 10, 3, 30, tzinfo=UTC)),
        _order("last_moment", datetime(2024, 3, 11, 3, 59, 59, 999_999, tzinfo=UTC)),
    )
    linked = _dated(orders, links_of({1: ["a"]}), workspace).sort("ordered_on")
    assert linked.select("order_id", "ordered_on", "age_days").collect().rows() == [
        ("late_evening", date(2024, 3, 9), 1),
        ("last_moment", date(2024, 3, 10), 0),
    ]


def test_orders_at_the_cutoff_are_ignored(workspace, rows_of, links_of):
    orders = rows_of(Order, _order("future", AS_OF))
    assert _dated(orders, links_of({1: ["a"]}), workspace).collect().is_empty()


def test_orders_of_two_records_belong_to_one_person(workspace, rows_of, links_of):
    before = datetime(2024, 1, 1, tzinfo=UTC)
    orders = rows_of(
        Order,
        _order("1", before),
        _order("2", before, customer_ref="b"),
        _order("3", before, customer_ref="stranger"),
        _order("4", before, source="another"),
    )
    linked = _dated(orders, links_of({7: ["a", "b"]}), workspace).collect()
    assert sorted(linked.select("order_id", "customer_id").rows()) == [("1", 7), ("2", 7)]


def test_lines_of_unknown_products_survive(workspace, rows_of, links_of):
    orders = rows_of(Order, _order("1", datetime(2024, 1, 1, tzinfo=UTC)))
    amounts = {"known": "2.50", "unknown": "4.00", "uncategorised": "1.25", "blank": "0.25"}
    lines = rows_of(
        OrderLine,
        *(
            {"order_id": "1", "line_number": number, "product_id": product, "net_amount": Decimal(amount)}
            for number, (product, amount) in enumerate(amounts.items())
        ),
    )
    products = rows_of(
        CatalogueProduct,
        {"product_id": "known", "category": "bread"},
        {"product_id": "uncategorised"},
        {"product_id": "blank", "category": ""},
    )
    bought_lines = assign_lines(lines, assign_people(orders, links_of({1: ["a"]})))
    bought = bought_categories(bought_lines, products, workspace=workspace, as_of=AS_OF).collect()
    by_category = dict(bought.select(pl.col("category").cast(pl.String), "line_minor").rows())
    assert by_category == {"bread": 250, None: 400 + 125 + 25}


def test_decay_halves_after_each_half_life():
    ages = pl.DataFrame({"age": [0, 28, 56]})
    assert ages.select(decay(pl.col("age"), 28.0)).to_series().round(12).to_list() == [1.0, 0.5, 0.25]
