"""Purchase summaries: what a "buy till you die" model needs to know of a customer, in one pass.

Conventions of the literature (Fader, Hardie and Lee 2005, "Counting your
customers the easy way", Marketing Science 24(2), section 3): a transaction is a
day with a purchase, whatever number of baskets it holds; x counts the days
after the first; t_x runs from the first to the last, T from the first to the
end of the observation. Days stay whole numbers here; the models divide them by
their own unit of time.
"""

from datetime import date

import polars as pl

from pipelines.expressions.time import whole_days_between

#: Columns of a summary, and what they are in the literature's notation.
HISTORY = ("repeat_count", "span_days", "tenure_days")


def summarise_purchases(
    purchases: pl.LazyFrame, *, night: date, counts_free_days: bool = False
) -> pl.LazyFrame:
    """One row per customer with a purchase, from `customer_id`, `ordered_on` and `net_minor`.

    `repeat_count` is x, `span_days` t_x, `tenure_days` T (0 on the night's own
    day). `spend_minor` is the net spend of all purchase days and
    `repeat_spend_minor` without the first; `mean_repeat_spend` is the
    literature's monetary value in major units, null when x is 0. Days after the
    night do not count.

    Args:
        purchases: Orders with their local day.
        night: Last local day of the observation.
        counts_free_days: Whether a day whose net spend is exactly zero is a
            purchase, as in the published CDNOW counts. Days of returns never are.
    """
    net = pl.col("net_minor")
    days = purchases.group_by("customer_id", "ordered_on").agg(net.sum())
    return summarise_days(days.filter(net >= 0 if counts_free_days else net > 0), night=night)


def summarise_days(days: pl.LazyFrame, *, night: date) -> pl.LazyFrame:
    """The same of rows that are purchase days already, one per customer and day."""
    first, last, net = pl.col("ordered_on").min(), pl.col("ordered_on").max(), pl.col("net_minor")
    return (
        days.filter(pl.col("ordered_on") <= night)
        .group_by("customer_id")
        .agg(
            repeat_count=pl.len().cast(pl.Int64) - 1,
            span_days=whole_days_between(first, last),
            tenure_days=whole_days_between(first, pl.lit(night)),
            spend_minor=net.sum(),
            repeat_spend_minor=net.filter(pl.col("ordered_on") > first).sum(),
        )
        .with_columns(
            mean_repeat_spend=pl.when(pl.col("repeat_count") > 0).then(
                pl.col("repeat_spend_minor") / pl.col("repeat_count") / 100
            )
        )
    )
