"""What everyone's purchases say about items: how popular they are, which go together, and whether that helps.

The gate: on the latest days, held back, the compared items must reach at least as
many people with something new as the most popular ones do; otherwise popularity
decides, and the verdict says so.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from pipelines.contracts.codes import ItemLevel, ItemMethod
from pipelines.contracts.preferences import ItemModel, ItemPopularity, ItemSimilarity
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.item_similarity import (
    WEIGHT_STEPS,
    Floats,
    Integers,
    Ownership,
    compare_items,
    propose_items,
)
from pipelines.enrichment.items import bought_products, item_days, popular_items, weighed_items
from pipelines.expressions.digest import digest, unit_interval

MODEL_VERSION = "1"
#: Latest days that the comparison is judged on, and items that are proposed to a person there.
TEST_DAYS, TEST_ITEMS = 28, 10
_DECIMALS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemKnowledge:
    """One row per level; per level and item; per level and pair of items."""

    models: pl.LazyFrame
    popularity: pl.LazyFrame
    similarities: pl.LazyFrame


@dataclass(frozen=True, slots=True)
class _Judgement:
    tested_count: int
    hit_rate: float | None
    baseline_hit_rate: float | None

    @property
    def is_passed(self) -> bool:
        return (
            self.hit_rate is not None
            and self.baseline_hit_rate is not None
            and self.hit_rate >= self.baseline_hit_rate
        )


def learn_items(
    lines: pl.LazyFrame,
    products: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> ItemKnowledge:
    """From the purchases of at most `maximum_people`, drawn by their id.

    Rows in hand: an inverse is of all items at once.
    """
    sampled = _sampled(lines, settings.preferences.items.similarity.maximum_people)
    bought = bought_products(sampled, products, settings=settings, workspace=workspace, as_of=as_of)
    known = bought.collect(engine="streaming").lazy()
    levels = [_learn_level(known, level, settings) for level in settings.preferences.items.levels]
    models, popularity, similarities = zip(*levels, strict=True)
    stamp = pl.lit(workspace.workspace).alias("workspace_id")
    return ItemKnowledge(
        models=pl.concat(models).lazy().with_columns(stamp).pipe(ItemModel.cast),
        popularity=pl.concat(popularity).lazy().with_columns(stamp).pipe(ItemPopularity.cast),
        similarities=pl.concat(similarities).lazy().with_columns(stamp).pipe(ItemSimilarity.cast),
    )


def _sampled(lines: pl.LazyFrame, maximum: int) -> pl.LazyFrame:
    people = lines.select(pl.col("customer_id").n_unique()).collect(engine="streaming").item()
    if people <= maximum:
        return lines
    return lines.filter(
        unit_interval(digest("people whose items are compared", pl.col("customer_id"))) < maximum / people
    )


def _learn_level(
    bought: pl.LazyFrame, level: ItemLevel, settings: EnrichmentSettings
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Model, popularity and similarities of one level."""
    chosen = settings.preferences.items
    days = item_days(bought, level).collect(engine="streaming").lazy()
    popularity = popular_items(days, bought, chosen.popularity_days).collect()
    people_count = days.select(pl.col("customer_id").n_unique()).collect().item()
    judgement, similarities, compared = _Judgement(0, None, None), _no_similarities(), 0
    if level in chosen.similarity.levels:
        compared = min(chosen.similarity.maximum_items, popularity.height)
        if people_count >= chosen.similarity.minimum_people and compared > 1:
            judgement = _judge(days, settings)
            similarities = _compare(days, popularity, settings) if judgement.is_passed else similarities
    model = pl.DataFrame(
        {
            "level": [level.value],
            "method": [(ItemMethod.ITEM_SIMILARITY if judgement.is_passed else ItemMethod.POPULARITY).value],
            "model_version": [MODEL_VERSION],
            "is_used": [judgement.is_passed],
            "people_count": [people_count],
            "item_count": [compared],
            "tested_count": [judgement.tested_count],
            "hit_rate": [judgement.hit_rate],
            "baseline_hit_rate": [judgement.baseline_hit_rate],
            "note": [_verdict(level, people_count, judgement, settings)],
        },
        schema_overrides={"hit_rate": pl.Float64, "baseline_hit_rate": pl.Float64},
    )
    named = pl.lit(level.value).alias("level")
    shares = popularity.with_columns(named, pl.col("visit_rate").round(_DECIMALS))
    return (
        model,
        shares.select("level", "item", "visit_rate", "person_count"),
        similarities.select(named, "item", "bought_item", "weight"),
    )


def _verdict(level: ItemLevel, people: int, judgement: _Judgement, settings: EnrichmentSettings) -> str:
    similarity = settings.preferences.items.similarity
    if level not in similarity.levels:
        return "not asked for: items of this level are not compared"
    if people < similarity.minimum_people:
        return f"{people} people with a purchase, {similarity.minimum_people} are needed: popularity decides"
    if judgement.hit_rate is None:
        return "nobody bought anything new on the days held back: popularity decides"
    found = f"{judgement.hit_rate:.3f} against {judgement.baseline_hit_rate:.3f} of popularity"
    if judgement.is_passed:
        return f"used: new items hit {found}"
    return f"not used: new items hit {found}, so popularity decides"


def _no_similarities() -> pl.DataFrame:
    return pl.DataFrame(schema={"item": pl.String, "bought_item": pl.String, "weight": pl.Float64})


def chosen_items(popularity: pl.DataFrame, maximum: int) -> pl.Series:
    """The items that the most people bought, by name."""
    order = popularity.sort(["person_count", "item"], descending=[True, False])
    return order.head(maximum)["item"].sort()


def places_of(items: pl.Series, popularity: pl.DataFrame) -> Integers:
    """Place of each item among all by popularity, 0 first; ties by name."""
    order = popularity.filter(pl.col("item").is_in(items.implode())).sort(
        ["visit_rate", "person_count", "item"], descending=[True, True, False]
    )
    places = order.select("item").with_row_index("place").sort("item")["place"]
    return places.cast(pl.Int64).to_numpy()


def ownership_of(weighed: pl.DataFrame, items: pl.Series) -> tuple[pl.Series, Ownership]:
    """The people, by id, and who of them bought which of the items."""
    positions = pl.DataFrame({"item": items, "position": np.arange(len(items))})
    owned = weighed.join(positions, on="item", how="inner").sort("customer_id", "position")
    people = owned["customer_id"].unique().sort()
    codes = owned["customer_id"].rle_id().cast(pl.Int64).to_numpy()
    ownership = Ownership(
        people=codes, items=owned["position"].to_numpy(), weight_steps=owned["weight_steps"].to_numpy()
    )
    return people, ownership


def _weights(
    days: pl.LazyFrame, items: pl.Series, settings: EnrichmentSettings
) -> tuple[pl.Series, Ownership, Floats]:
    weighed = weighed_items(days, settings.affinity_half_life_days).collect(engine="streaming")
    people, ownership = ownership_of(weighed, items)
    regularisation = settings.preferences.items.similarity.regularisation
    return people, ownership, compare_items(ownership, len(items), regularisation)


def _compare(days: pl.LazyFrame, popularity: pl.DataFrame, settings: EnrichmentSettings) -> pl.DataFrame:
    items = chosen_items(popularity, settings.preferences.items.similarity.maximum_items)
    _, _, weights = _weights(days, items, settings)
    bought, wanted = np.nonzero(weights)
    return pl.DataFrame(
        {
            "item": items.gather(wanted),
            "bought_item": items.gather(bought),
            "weight": weights[bought, wanted] / WEIGHT_STEPS,
        }
    )


def _judge(days: pl.LazyFrame, settings: EnrichmentSettings) -> _Judgement:
    """Compare on what lies before the latest days, and count whom the proposals reach on them."""
    age = pl.col("age_days")
    earlier = days.filter(age >= TEST_DAYS).with_columns(age - TEST_DAYS).collect().lazy()
    chosen = settings.preferences.items
    popularity = popular_items(earlier, earlier, chosen.popularity_days).collect()
    items = chosen_items(popularity, chosen.similarity.maximum_items)
    if len(items) < 2:  # noqa: PLR2004  one item goes with nothing
        return _Judgement(0, None, None)
    people, ownership, weights = _weights(earlier, items, settings)
    latest = days.filter(age < TEST_DAYS).select("customer_id", "item").unique()
    news = latest.join(earlier, on=("customer_id", "item"), how="anti").collect()
    news = news.filter(pl.col("customer_id").is_in(people.implode()))
    tested = news["customer_id"].n_unique()
    if tested == 0:
        return _Judgement(0, None, None)
    places = places_of(items, popularity)
    rates = []
    for tried in (weights, np.zeros_like(weights)):
        proposals = propose_items(ownership, tried, places, TEST_ITEMS)
        proposed = pl.DataFrame(
            {"customer_id": people.gather(proposals.people), "item": items.gather(proposals.items)}
        )
        hits = news.join(proposed, on=("customer_id", "item"), how="semi")["customer_id"].n_unique()
        rates.append(round(hits / tested, _DECIMALS))
    return _Judgement(tested, *rates)
