"""A shop where tea goes with honey and coffee with milk, as everyone before shows."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.histories import PurchaseLine
from pipelines.contracts.preferences import ItemAffinity, ItemModel, ItemPopularity, ItemSimilarity
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import ItemSettings, PreferenceSettings, SimilaritySettings
from pipelines.contracts.sources import CatalogueProduct
from pipelines.enrichment import item_knowledge
from pipelines.enrichment.item_affinity import rank_items
from pipelines.enrichment.item_knowledge import learn_items
from pipelines.enrichment.item_similarity import WEIGHT_STEPS

AS_OF = datetime(2024, 3, 11, 4, tzinfo=UTC)
NOON = datetime(2024, 3, 10, 16, tzinfo=UTC)
CATEGORIES = ("coffee", "honey", "milk", "tea")
#: A purchase is (person, days ago, category); categories have one product each.
Purchase = tuple[int, int, str]


def _settings(**chosen: object) -> EnrichmentSettings:
    similarity = {"regularisation": 1.0, "minimum_people": 2} | chosen.pop("similarity", {})
    items = {"levels": ("category",), "prior_visits": 2.0, **chosen}
    return EnrichmentSettings(
        affinity_half_life_days=10,
        preferences=PreferenceSettings(
            items=ItemSettings(similarity=SimilaritySettings(**similarity), **items)
        ),
    )


@pytest.fixture
def world(rows_of, workspace):
    """What is learnt, and the ranking, of purchases."""

    def build(
        purchases: list[Purchase], settings: EnrichmentSettings, people: set[int] | None = None
    ) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
        lines = rows_of(
            PurchaseLine,
            *(
                {
                    "customer_id": person,
                    "order_id": f"{person}-{days_ago}",
                    "line_number": CATEGORIES.index(category),
                    "ordered_at": NOON - timedelta(days=days_ago),
                    "product_id": category[0],
                    "quantity": 1.0,
                    "net_amount": Decimal(1),
                }
                for person, days_ago, category in purchases
            ),
        )
        catalogue = rows_of(CatalogueProduct, *({"product_id": c[0], "category": c} for c in CATEGORIES))
        known = {"settings": settings, "workspace": workspace, "as_of": AS_OF}
        knowledge = learn_items(lines, catalogue, **known)
        scored = lines if people is None else lines.filter(pl.col("customer_id").is_in(people))
        ranked = rank_items(scored, catalogue, knowledge, **known).collect()
        learnt = {
            "models": ItemModel.validate(knowledge.models.collect()),
            "popularity": ItemPopularity.validate(knowledge.popularity.collect()),
            "similarities": ItemSimilarity.validate(knowledge.similarities.collect()),
        }
        order = ("customer_id", "level", "is_new", "affinity_rank")
        return learnt, ItemAffinity.validate(ranked).sort(order)

    return build


def _pairs(count: int = 40) -> list[Purchase]:
    """Half of the people drink tea with honey, half coffee with milk; the second item comes late."""
    drinks = [("tea", "honey") if person % 2 else ("coffee", "milk") for person in range(count)]
    early = [(person, 60 + person, first) for person, (first, _) in enumerate(drinks)]
    second = [
        (person, 10 if person % 4 < 2 else 50, second)
        for person, (_, second) in enumerate(drinks)
        if person < count - 4
    ]
    return early + second


def test_bought_items_are_ranked_by_the_shrunk_share_of_decayed_visits(world):
    # Person 1: visits today and 10 days ago, weight 1 + 1/2; tea on both, milk today.
    # Everyone: 4 visits, tea on 2, milk on 2, coffee on 1. Prior of two visits.
    purchases = [(1, 0, "tea"), (1, 0, "milk"), (1, 10, "tea"), (2, 0, "milk"), (3, 0, "coffee")]
    _, ranked = world(purchases, _settings(new_items_per_person=1))
    first = ranked.filter(pl.col("customer_id") == 1, ~pl.col("is_new"))
    scores = [round((1.5 + 2 * 2 / 4) / (1.5 + 2), 9), round((1 + 2 * 2 / 4) / (1.5 + 2), 9)]
    assert first.select(
        "item", "affinity_rank", "affinity_score", "visit_count", "last_bought_on"
    ).rows() == [
        ("tea", 1, scores[0], 2, date(2024, 3, 10)),
        ("milk", 2, scores[1], 1, date(2024, 3, 10)),
    ]
    assert first["confidence"].to_list() == [round(1.5 / 3.5, 9)] * 2
    assert first["method"].unique().to_list() == ["decayed_frequency"]


def test_equal_scores_go_by_popularity_and_then_by_name(world):
    purchases = [(1, 0, "tea"), (1, 0, "milk"), (1, 0, "honey"), (2, 0, "milk")]
    _, ranked = world(purchases, _settings(prior_visits=1e-9))
    assert ranked.filter(pl.col("customer_id") == 1, ~pl.col("is_new"))["item"].to_list() == [
        "milk",
        "honey",
        "tea",
    ]


def test_new_items_go_with_what_was_bought(world):
    purchases = [*_pairs(), (100, 0, "tea"), (101, 0, "coffee")]
    learnt, ranked = world(purchases, _settings(new_items_per_person=1))
    assert learnt["models"].select("method", "is_used").row(0) == ("item_similarity", True)
    new = ranked.filter(pl.col("customer_id") >= 100, pl.col("is_new"))
    assert new.select("item", "because_of", "method", "visit_count", "last_bought_on").rows() == [
        ("honey", "tea", "item_similarity", 0, None),
        ("milk", "coffee", "item_similarity", 0, None),
    ]
    assert (new["affinity_score"] > 0).all()


def test_the_verdict_compares_with_popularity(world):
    learnt, _ = world(_pairs(), _settings())
    model = learnt["models"].row(0, named=True)
    # The second item of 18 people lies within 28 days; all four categories are proposed to everyone.
    assert (model["people_count"], model["item_count"], model["tested_count"]) == (40, 4, 18)
    assert (model["hit_rate"], model["baseline_hit_rate"]) == (1.0, 1.0)
    assert model["note"] == "used: new items hit 1.000 against 1.000 of popularity"


def test_with_few_people_popularity_decides_and_says_so(world):
    learnt, ranked = world([*_pairs(), (100, 0, "tea")], _settings(similarity={"minimum_people": 50}))
    assert learnt["models"]["note"].item() == "41 people with a purchase, 50 are needed: popularity decides"
    assert learnt["similarities"].is_empty()
    new = ranked.filter(pl.col("customer_id") == 100, pl.col("is_new"))
    # Nine of the latest visits each hold honey and milk, none coffee.
    assert new["item"].to_list() == ["honey", "milk", "coffee"]
    assert new.select("affinity_score", "because_of", "method").unique().rows() == [(0.0, None, "popularity")]


def test_without_anything_new_on_the_latest_days_nothing_is_judged(world):
    learnt, _ = world([(person, 60, "tea") for person in range(5)] + [(1, 60, "milk")], _settings())
    model = learnt["models"].row(0, named=True)
    assert (model["is_used"], model["hit_rate"], model["tested_count"]) == (False, None, 0)
    assert model["note"] == "nobody bought anything new on the days held back: popularity decides"


@pytest.mark.parametrize(
    "purchases", [[(1, 60, "tea"), (2, 60, "tea"), (2, 5, "milk")], [(1, 5, "tea"), (2, 5, "milk")]]
)
def test_too_few_items_before_the_latest_days_are_not_judged(world, purchases):
    learnt, _ = world(purchases, _settings())
    assert learnt["models"].select("is_used", "tested_count").row(0) == (False, 0)


def test_one_item_alone_is_compared_with_nothing(world):
    learnt, ranked = world([(1, 5, "tea"), (2, 60, "tea")], _settings())
    assert learnt["models"].select("is_used", "item_count").row(0) == (False, 1)
    assert not ranked["is_new"].any()


def test_what_loses_to_popularity_is_not_used(world, monkeypatch):
    # Weights that speak against milk, which is what people buy next and the most popular.
    against_milk = np.array([[0.0, 0.0, -1.0, 0.0]] * 4) * WEIGHT_STEPS
    monkeypatch.setattr(item_knowledge, "TEST_ITEMS", 1)
    monkeypatch.setattr(item_knowledge, "compare_items", lambda *_: against_milk)
    purchases = [(person, 60, "tea") for person in range(9)] + [(9, 40, "honey"), (10, 40, "coffee")]
    purchases += [(8, 40, "milk"), (7, 41, "milk"), *((person, 5, "milk") for person in range(5))]
    learnt, _ = world(purchases, _settings())
    model = learnt["models"].row(0, named=True)
    assert (model["is_used"], model["hit_rate"], model["baseline_hit_rate"]) == (False, 0.0, 1.0)
    assert model["note"] == "not used: new items hit 0.000 against 1.000 of popularity, so popularity decides"


def test_levels_that_are_not_compared_say_so_and_have_no_new_items(world):
    settings = _settings(levels=("category", "product"), new_items_per_person=1)
    learnt, ranked = world(_pairs(), settings)
    product = learnt["models"].filter(pl.col("level") == "product").row(0, named=True)
    assert product["note"] == "not asked for: items of this level are not compared"
    assert (product["method"], product["item_count"]) == ("popularity", 0)
    assert ranked.filter(pl.col("level") == "product", pl.col("is_new")).is_empty()
    assert ranked.filter(pl.col("level") == "product")["item"].unique().sort().to_list() == [
        "c",
        "h",
        "m",
        "t",
    ]


def test_only_the_strongest_items_stay(world):
    purchases = [(1, days_ago, category) for days_ago, category in enumerate(CATEGORIES)]
    _, ranked = world([*purchases, *_pairs()], _settings(items_per_person=2, new_items_per_person=1))
    mine = ranked.filter(pl.col("customer_id") == 1, ~pl.col("is_new"))
    assert (mine.height, mine["affinity_rank"].to_list()) == (2, [1, 2])


def test_only_so_many_people_and_items_are_compared(world):
    purchases = [(person, 60 + person % 5, CATEGORIES[person % 4]) for person in range(400)]
    settings = _settings(similarity={"maximum_people": 100, "maximum_items": 2, "minimum_people": 2})
    learnt, ranked = world([*purchases, *_pairs()], settings)
    model = learnt["models"].row(0, named=True)
    assert 60 < model["people_count"] < 140
    assert model["item_count"] == 2
    assert ranked["customer_id"].n_unique() == 400
    assert ranked.filter("is_new")["item"].n_unique() == 2


def test_a_bucket_of_people_gets_what_everyone_gets(world):
    purchases = [*_pairs(), (100, 0, "tea"), (101, 0, "coffee")]
    _, ranked = world(purchases, _settings())
    _, alone = world(purchases, _settings(), people={100, 3})
    assert alone.equals(ranked.filter(pl.col("customer_id").is_in([100, 3])))


def test_nobody_with_a_purchase_gives_empty_tables(world):
    learnt, ranked = world([], _settings())
    assert learnt["models"].select("people_count", "is_used").row(0) == (0, False)
    assert ranked.is_empty()


def test_shuffled_lines_and_the_future_leave_the_same_bytes(world):
    purchases = [*_pairs(), (100, 0, "tea"), (101, 0, "coffee")]
    learnt, ranked = world(purchases, _settings())
    future = [(person * 37 % 60, -1 - person % 9, CATEGORIES[person % 3]) for person in range(60)]
    for others in (purchases[::-1], purchases + future, (future + purchases)[::-1]):
        learnt_again, ranked_again = world(others, _settings())
        assert ranked_again.equals(ranked)
        for name, frame in learnt.items():
            assert learnt_again[name].sort(frame.columns).equals(frame.sort(frame.columns)), name
