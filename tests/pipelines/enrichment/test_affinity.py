from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from pipelines.contracts.enrichment import ProductAffinity
from pipelines.contracts.histories import PurchaseLine
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.sources import CatalogueProduct
from pipelines.enrichment.affinity import measure_affinity

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NOON = datetime(2024, 3, 10, 16, tzinfo=UTC)
HALF = 112


@pytest.fixture
def affinity_of(rows_of, workspace):
    """Affinity of purchases (customer, days ago, category, amount); each day of a customer is one order."""

    def measure(*purchases: tuple[str, int, str | None, str], kept: int = 10) -> pl.DataFrame:
        lines = [
            {
                "customer_id": "abc".index(customer) + 1,
                "order_id": f"{customer}-{days_ago}",
                "line_number": number,
                "ordered_at": NOON - timedelta(days=days_ago),
                "product_id": f"some {category}",
                "net_amount": Decimal(amount),
            }
            for number, (customer, days_ago, category, amount) in enumerate(purchases)
        ]
        categories = sorted({category for _, _, category, _ in purchases if category is not None})
        products = [{"product_id": f"some {category}", "category": category} for category in categories]
        measured = measure_affinity(
            rows_of(PurchaseLine, *lines),
            rows_of(CatalogueProduct, *products),
            settings=EnrichmentSettings(affinities_per_person=kept),
            workspace=workspace,
            as_of=AS_OF,
        )
        return ProductAffinity.validate(measured.collect()).sort("customer_id", "affinity_rank")

    return measure


def test_score_is_the_share_of_decayed_spend(affinity_of):
    affinity = affinity_of(("a", 0, "bread", "3.00"), ("a", HALF, "bread", "2.00"), ("a", 0, "milk", "12.00"))
    assert affinity.drop("workspace_id").rows() == [
        (1, "milk", 12 / (3 + 1 + 12), 1, 1, date(2024, 3, 10)),
        (1, "bread", (3 + 1) / (3 + 1 + 12), 2, 2, date(2024, 3, 10)),
    ]


def test_products_without_category_have_no_row_but_stay_in_the_whole(affinity_of):
    affinity = affinity_of(("a", 0, "bread", "1.00"), ("a", 0, None, "3.00"))
    assert affinity.select("category", "affinity_score").rows() == [("bread", 0.25)]


def test_returned_categories_count_as_nothing(affinity_of):
    affinity = affinity_of(
        ("a", 0, "bread", "4.00"),
        ("a", 0, "shoes", "5.00"),
        ("a", 0, "shoes", "-9.00"),
        ("b", 0, "shoes", "0.00"),
    )
    assert affinity.select("customer_id", "category", "affinity_score").rows() == [(1, "bread", 1.0)]


def test_ties_go_by_category_and_only_the_strongest_stay(affinity_of):
    affinity = affinity_of(*(("a", 0, category, "1.00") for category in ("d", "b", "c", "a")), kept=3)
    assert affinity.select("category", "affinity_rank").rows() == [("a", 1), ("b", 2), ("c", 3)]
    assert affinity["affinity_score"].to_list() == [0.25] * 3


def test_purchases_are_orders_not_lines(affinity_of):
    affinity = affinity_of(
        ("a", 9, "bread", "1.00"),
        ("a", 9, "bread", "1.00"),
        ("a", 4, "bread", "1.00"),
        ("b", 7, "bread", "1.00"),
    )
    assert affinity.select("customer_id", "purchase_count", "last_bought_on").rows() == [
        (1, 2, date(2024, 3, 6)),
        (2, 1, date(2024, 3, 3)),
    ]


def test_lines_at_the_cutoff_are_ignored(affinity_of):
    assert affinity_of(("a", -1, "bread", "1.00")).is_empty()


def test_shuffled_lines_give_the_same_bytes(affinity_of):
    purchases = [("abc"[n % 3], n % 31, f"category {n % 7}", f"{n}.37") for n in range(400)]
    assert affinity_of(*purchases).equals(affinity_of(*reversed(purchases)))
