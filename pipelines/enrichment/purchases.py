"""Orders of people on their local days, and what was in them."""

import math
from datetime import date, datetime, timedelta

import polars as pl

from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.expressions.money import to_minor
from pipelines.expressions.time import INSTANT, local_date, whole_days_between

#: What a source record and an order have in common.
REFERENCE = ("source", "customer_ref")


def night_of(as_of: datetime, workspace: WorkspaceSettings) -> date:
    """The local day that ends at `as_of`."""
    return (as_of - timedelta(microseconds=1)).astimezone(workspace.zone).date()


def before(instant: str, as_of: datetime) -> pl.Expr:
    """Rows that the night may know of."""
    return pl.col(instant) < pl.lit(as_of, INSTANT)


def decay(age_days: pl.Expr, half_life_days: float) -> pl.Expr:
    """Weight of something that old: 1 today, 0.5 one half-life ago."""
    return (age_days * (-math.log(2) / half_life_days)).exp()


def dated(purchases: pl.LazyFrame, *, workspace: WorkspaceSettings, as_of: datetime) -> pl.LazyFrame:
    """One row per order before `as_of`.

    Columns: `customer_id`, `order_id`, `ordered_on` (local day), `age_days`
    (0 on the night's own day), `net_minor`, `discount_minor` (null when the
    source states none).
    """
    ordered_on = local_date(pl.col("ordered_at"), workspace.time_zone)
    return purchases.filter(before("ordered_at", as_of)).select(
        "customer_id",
        "order_id",
        ordered_on=ordered_on,
        age_days=whole_days_between(ordered_on, pl.lit(night_of(as_of, workspace))),
        net_minor=to_minor(pl.col("net_amount")),
        discount_minor=to_minor(pl.col("discount_amount")),
    )


def day_totals(purchases: pl.LazyFrame, *, workspace: WorkspaceSettings, as_of: datetime) -> pl.LazyFrame:
    """One row per person and local day with an order before `as_of`: `age_days`, `net_minor`, `order_count`.

    Returns count with their sign, so a day's net spend may be negative.
    """
    return (
        dated(purchases, workspace=workspace, as_of=as_of)
        .group_by("customer_id", "ordered_on")
        .agg(
            # The same in all rows of a day; a third key would cost as much as the two.
            pl.col("age_days").min(),
            pl.col("net_minor").sum(),
            order_count=pl.len().cast(pl.Int64),
        )
    )


def categories_of(products: pl.LazyFrame) -> pl.LazyFrame:
    """`product_id, category`, null for none; categorical, so that millions of lines group as integers."""
    return products.select("product_id", category=pl.col("category").replace("", None).cast(pl.Categorical))


def bought_categories(
    lines: pl.LazyFrame, products: pl.LazyFrame, *, workspace: WorkspaceSettings, as_of: datetime
) -> pl.LazyFrame:
    """One row per order and category: `customer_id`, `order_id`, `ordered_on`, `category`, `line_minor`.

    Lines of products that the catalogue does not know stay, with a null category.
    """
    return (
        lines.filter(before("ordered_at", as_of))
        .select(
            "customer_id",
            "order_id",
            "product_id",
            ordered_on=local_date(pl.col("ordered_at"), workspace.time_zone),
            line_minor=to_minor(pl.col("net_amount")),
        )
        .join(categories_of(products), on="product_id", how="left")
        .group_by("customer_id", "order_id", "ordered_on", "category")
        .agg(pl.col("line_minor").sum())
    )
