"""What people bought on which days, as items of one level: categories, product names or products."""

from datetime import datetime

import polars as pl

from pipelines.contracts.codes import ItemLevel
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import before, decay, night_of
from pipelines.expressions.time import local_date

#: Column of the catalogue that names an item.
COLUMN_OF = {
    ItemLevel.CATEGORY: "category",
    ItemLevel.PRODUCT_NAME: "name",
    ItemLevel.PRODUCT: "product_id",
}
#: Weights are whole steps, so that their sums do not depend on the order of the rows.
STEPS = 2**20


def bought_products(
    lines: pl.LazyFrame,
    products: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person, local day and product: `customer_id`, `age_days`, `product_id`, `category`, `name`.

    A return is no purchase. What belongs to an ignored department is left out;
    what the catalogue does not know stays, as a product without category and name.
    """
    ignored = list(settings.preferences.items.ignored_departments)
    catalogue = products.select(
        "product_id",
        is_ignored=pl.col("department").is_in(ignored),
        **{name: pl.col(name).replace("", None) for name in ("category", "name")},
    )
    age = (pl.lit(night_of(as_of, workspace)) - local_date(pl.col("ordered_at"), workspace.time_zone)).dt
    return (
        lines.filter(before("ordered_at", as_of), pl.col("quantity") > 0, pl.col("net_amount") >= 0)
        .select("customer_id", "product_id", age_days=age.total_days().cast(pl.Int32))
        .unique()
        .join(catalogue, on="product_id", how="left")
        .filter(~pl.col("is_ignored").fill_null(value=False))
        .drop("is_ignored")
    )


def item_days(bought: pl.LazyFrame, level: ItemLevel) -> pl.LazyFrame:
    """One row per person, local day and item."""
    named = bought.select("customer_id", "age_days", item=COLUMN_OF[level])
    return named.filter(pl.col("item").is_not_null()).unique()


def weighed_items(days: pl.LazyFrame, half_life_days: float) -> pl.LazyFrame:
    """One row per person and item: `weight_steps`, `visit_count`, `last_age_days`."""
    return days.group_by("customer_id", "item").agg(
        weight_steps=_steps(half_life_days).sum(),
        visit_count=pl.len().cast(pl.Int64),
        last_age_days=pl.col("age_days").min(),
    )


def weighed_visits(bought: pl.LazyFrame, half_life_days: float) -> pl.LazyFrame:
    """One row per person: `person_steps`, the decayed days with a purchase."""
    days = bought.select("customer_id", "age_days").unique()
    return days.group_by("customer_id").agg(person_steps=_steps(half_life_days).sum())


def popular_items(days: pl.LazyFrame, bought: pl.LazyFrame, popularity_days: int) -> pl.LazyFrame:
    """One row per item: `visit_rate`, its share of everyone's latest visits, and `person_count`."""
    is_latest = pl.col("age_days") < popularity_days
    visits = bought.filter(is_latest).select("customer_id", "age_days").unique().select(all_visits=pl.len())
    rate = pl.col("latest_visits") / pl.col("all_visits")
    return (
        days.group_by("item")
        .agg(latest_visits=is_latest.sum(), person_count=pl.col("customer_id").n_unique().cast(pl.Int64))
        .join(visits, how="cross")
        .select(
            "item", "person_count", visit_rate=pl.when(pl.col("all_visits") > 0).then(rate).otherwise(0.0)
        )
    )


def _steps(half_life_days: float) -> pl.Expr:
    return (decay(pl.col("age_days"), half_life_days) * STEPS).round().cast(pl.Int64)
