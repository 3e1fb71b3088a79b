"""Customer features: recency, frequency, money, and what the RFM quintiles say.

`summarise_people` is a function of one bucket of people; quintiles compare
everyone, so `rank_people` adds them to the summaries of all buckets.
"""

from datetime import date, datetime

import polars as pl

from pipelines.contracts.enrichment import CustomerFeatures
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import before, categories_of, dated, night_of
from pipelines.expressions.money import to_amount
from pipelines.expressions.time import whole_days_between

#: Event that the redemption of a coupon is known by.
REDEMPTION = "coupon_redeemed"
QUINTILES = 5
#: Score → what people are ordered by.
_QUINTILES = {
    "rfm_recency_score": "last_order_on",
    "rfm_frequency_score": "order_count",
    "rfm_monetary_score": "spend_amount",
}


def _within(days: int) -> pl.Expr:
    """Orders of the last so many local days, the night's own included."""
    return pl.col("age_days") < days


def _purchase_summary(purchases: pl.LazyFrame) -> pl.LazyFrame:
    """Orders, money and days in one pass over the orders."""
    net, discount = pl.col("net_minor"), pl.col("discount_minor")
    return purchases.group_by("customer_id").agg(
        order_count=pl.len(),
        order_count_28d=_within(28).sum(),
        order_count_84d=_within(84).sum(),
        spend_minor=net.sum(),
        spend_28d_minor=net.filter(_within(28)).sum(),
        spend_84d_minor=net.filter(_within(84)).sum(),
        first_order_on=pl.col("ordered_on").min(),
        last_order_on=pl.col("ordered_on").max(),
        order_day_count=pl.col("ordered_on").n_unique(),
        stated_discount_count=discount.count(),
        discount_minor=discount.sum(),
        discounted_net_minor=net.filter(discount.is_not_null()).sum(),
    )


def _redemptions(activities: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    return (
        activities.filter(pl.col("event_type") == REDEMPTION, before("occurred_at", as_of))
        .group_by("customer_id")
        .agg(redemption_count=pl.len())
    )


def _categories(lines: pl.LazyFrame, products: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """Distinct categories; products without one, or that the catalogue does not know, count for none."""
    catalogue = categories_of(products).drop_nulls("category")
    return (
        lines.filter(before("ordered_at", as_of))
        .select("customer_id", "product_id")
        .join(catalogue, on="product_id", how="inner")
        .group_by("customer_id")
        .agg(category_count=pl.col("category").n_unique())
    )


def _discount_rate() -> pl.Expr:
    """Discount over gross spend of the orders that state one; null when nothing was spent or stated."""
    gross = pl.col("discounted_net_minor") + pl.col("discount_minor")
    is_known = (pl.col("stated_discount_count") > 0) & (gross > 0)
    return pl.when(is_known).then((pl.col("discount_minor") / gross).clip(0.0, 1.0))


def _mean_gap_days() -> pl.Expr:
    """Between days with an order, so that two baskets on one day are one visit."""
    gap_count = pl.col("order_day_count") - 1
    span = whole_days_between(pl.col("first_order_on"), pl.col("last_order_on"))
    return pl.when(gap_count > 0).then(span / gap_count)


def _quintile(measure: str) -> pl.Expr:
    """1 to 5 among people with an order, exactly a fifth of them each; ties go by `customer_id`.

    Shares of one that five does not divide differ by one person.
    """
    has_order = pl.col("order_count") > 0
    position = pl.int_range(pl.len()).over(has_order, order_by=[measure, "customer_id"])
    people = pl.len().over(has_order)
    return pl.when(has_order).then(position * QUINTILES // people + 1)


def _amounts() -> dict[str, pl.Expr]:
    mean_minor = (pl.col("spend_minor") / pl.col("order_count")).round().cast(pl.Int64)
    return {
        "spend_amount": to_amount(pl.col("spend_minor")),
        "spend_28d_amount": to_amount(pl.col("spend_28d_minor")),
        "spend_84d_amount": to_amount(pl.col("spend_84d_minor")),
        "mean_order_amount": pl.when(pl.col("order_count") > 0).then(to_amount(mean_minor)),
    }


def _days(night: date) -> dict[str, pl.Expr]:
    return {
        "recency_days": whole_days_between(pl.col("last_order_on"), pl.lit(night)),
        "tenure_days": whole_days_between(pl.col("first_order_on"), pl.lit(night)),
        "mean_gap_days": _mean_gap_days(),
    }


_ZERO_WITHOUT_ORDERS = (
    "order_count",
    "order_count_28d",
    "order_count_84d",
    "spend_minor",
    "spend_28d_minor",
    "spend_84d_minor",
    "category_count",
    "redemption_count",
)


def summarise_people(
    customer_links: pl.LazyFrame,
    purchases: pl.LazyFrame,
    purchase_lines: pl.LazyFrame,
    products: pl.LazyFrame,
    activities: pl.LazyFrame,
    *,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person, with or without an order, from what happened before `as_of`."""
    orders = dated(purchases, workspace=workspace, as_of=as_of)
    return (
        customer_links.select("customer_id")
        .unique()
        .join(_purchase_summary(orders), on="customer_id", how="left")
        .join(_categories(purchase_lines, products, as_of), on="customer_id", how="left")
        .join(_redemptions(activities, as_of), on="customer_id", how="left")
        .with_columns(pl.col(*_ZERO_WITHOUT_ORDERS).fill_null(0).cast(pl.Int64))
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            discount_rate=_discount_rate(),
            **_amounts(),
            **_days(night_of(as_of, workspace)),
        )
        .select(*(name for name in CustomerFeatures.column_names() if name not in _QUINTILES))
    )


def rank_people(summaries: pl.LazyFrame) -> pl.LazyFrame:
    """The features of everyone, from the rows of `summarise_people` of all people."""
    return summaries.with_columns(
        **{score: _quintile(measure) for score, measure in _QUINTILES.items()}
    ).pipe(CustomerFeatures.cast)
