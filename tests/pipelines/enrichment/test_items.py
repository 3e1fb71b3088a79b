"""Ten days of a small shop: what counts as bought, and how it is weighed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.codes import ItemLevel
from pipelines.contracts.histories import PurchaseLine
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import ItemSettings, PreferenceSettings
from pipelines.contracts.sources import CatalogueProduct
from pipelines.enrichment.items import (
    STEPS,
    bought_products,
    item_days,
    popular_items,
    weighed_items,
    weighed_visits,
)

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NOON = datetime(2024, 3, 10, 16, tzinfo=UTC)
PRODUCTS = (
    {"product_id": "1", "category": "bread", "name": "loaf", "department": "food"},
    {"product_id": "2", "category": "bread", "name": "roll", "department": "food"},
    {"product_id": "3", "category": "petrol", "name": "regular", "department": "fuel"},
    {"product_id": "4", "category": "", "name": None, "department": None},
)


@pytest.fixture
def bought_of(rows_of, workspace):
    """Products bought, from (person, days ago, product) or with quantity and amount."""

    def build(*purchases: tuple, ignored: tuple[str, ...] = ()) -> pl.LazyFrame:
        lines = [
            {
                "customer_id": person,
                "order_id": f"{number}",
                "line_number": 0,
                "ordered_at": NOON - timedelta(days=days_ago),
                "product_id": product,
                "quantity": (more or (1.0,))[0],
                "net_amount": Decimal((more or (1.0, 1))[1]),
            }
            for number, (person, days_ago, product, *more) in enumerate(purchases)
        ]
        items = ItemSettings(ignored_departments=ignored)
        return bought_products(
            rows_of(PurchaseLine, *lines),
            rows_of(CatalogueProduct, *PRODUCTS),
            settings=EnrichmentSettings(preferences=PreferenceSettings(items=items)),
            workspace=workspace,
            as_of=AS_OF,
        )

    return build


def _rows(frame: pl.LazyFrame, *columns: str) -> list[tuple]:
    return sorted(frame.select(columns).collect().rows())


def test_a_day_counts_once_and_nothing_from_the_cutoff_on(bought_of):
    bought = bought_of((1, 0, "1"), (1, 0, "1"), (1, 3, "1"), (1, -1, "2"))
    assert _rows(bought, "customer_id", "age_days", "product_id") == [(1, 0, "1"), (1, 3, "1")]


def test_returns_and_corrections_are_no_purchases(bought_of):
    bought = bought_of((1, 0, "1", 0.0, 1), (1, 1, "1", -1.0, -2), (1, 2, "1", 1.0, -2), (1, 3, "1", 2.0, 0))
    assert _rows(bought, "age_days") == [(3,)]


def test_ignored_departments_are_left_out_and_unknown_products_stay(bought_of):
    bought = bought_of((1, 0, "1"), (1, 0, "3"), (1, 0, "4"), (1, 0, "unknown"), ignored=("fuel",))
    assert _rows(bought, "product_id") == [("1",), ("4",), ("unknown",)]
    assert _rows(bought_of((1, 0, "3")), "category") == [("petrol",)]


def test_levels_tell_items_apart_and_leave_out_what_has_no_name(bought_of):
    bought = bought_of((1, 0, "1"), (1, 0, "2"), (1, 0, "4"))
    assert _rows(item_days(bought, ItemLevel.CATEGORY), "item") == [("bread",)]
    assert _rows(item_days(bought, ItemLevel.PRODUCT_NAME), "item") == [("loaf",), ("roll",)]
    assert _rows(item_days(bought, ItemLevel.PRODUCT), "item") == [("1",), ("2",), ("4",)]


def test_weight_halves_with_every_half_life(bought_of):
    bought = bought_of((1, 0, "1"), (1, 10, "1"), (1, 20, "2"), (2, 10, "2"))
    weighed = weighed_items(item_days(bought, ItemLevel.PRODUCT), 10.0)
    columns = ("customer_id", "item", "weight_steps", "visit_count", "last_age_days")
    assert _rows(weighed, *columns) == [
        (1, "1", STEPS + STEPS // 2, 2, 0),
        (1, "2", STEPS // 4, 1, 20),
        (2, "2", STEPS // 2, 1, 10),
    ]
    assert _rows(weighed_visits(bought, 10.0), "customer_id", "person_steps") == [
        (1, STEPS + STEPS // 2 + STEPS // 4),
        (2, STEPS // 2),
    ]


def test_popularity_is_the_share_of_the_latest_visits(bought_of):
    # Of the three visits in ten days, two hold product 1; product 2 was bought before only.
    bought = bought_of((1, 0, "1"), (1, 5, "1"), (2, 9, "4"), (2, 10, "2"), (1, 10, "2"))
    popular = popular_items(item_days(bought, ItemLevel.PRODUCT), bought, 10)
    assert _rows(popular, "item", "visit_rate", "person_count") == [
        ("1", 2 / 3, 1),
        ("2", 0.0, 2),
        ("4", 1 / 3, 1),
    ]


def test_without_recent_visits_nothing_is_popular(bought_of):
    bought = bought_of((1, 40, "1"))
    popular = popular_items(item_days(bought, ItemLevel.PRODUCT), bought, 10)
    assert _rows(popular, "item", "visit_rate") == [("1", 0.0)]
