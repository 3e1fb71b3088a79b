"""Features of a person before a cutoff, from their purchase days: recency, frequency, money, rhythm, trend.

Sums are of integers, so that shuffled rows give the same bytes: spend in minor
units, decay as millionths.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pipelines.enrichment.btyd.lifetime_models import LifetimeModels
from pipelines.enrichment.btyd.predictions import predict_rows
from pipelines.enrichment.purchases import decay
from pipelines.expressions.time import whole_days_between

WINDOWS = (7, 14, 28, 56, 84, 168)
HALF_LIVES = (7, 14, 28, 56, 112)
#: Steps of a decay weight; sums of them stay exact.
_STEPS = 1_000_000
_DECIMALS = 9
#: A day's spend beyond a hundred million says no more, and its weighted sums stay within 63 bits.
_LARGEST_MINOR = 10**10
LIFETIME = {
    "lifetime_orders": "expected_orders_28d",
    "lifetime_spend": "expected_spend_28d",
    "lifetime_activity": "active_28d_probability",
    "lifetime_wait_days": "median_next_purchase_days",
    "lifetime_order_spend": "expected_order_spend",
}
FEATURES = (
    "recency_days", "tenure_days", "visit_count", "mean_spend", "largest_spend", "last_spend",
    "spend_deviation", "largest_28d", "largest_84d", "orders_28d", "orders_84d", "weeks_28d", "weeks_84d",
    "weeks_182d",
    "last_gap_days", "mean_gap_days", "longest_gap_84d", "gap_deviation", "spend_28d_before",
    "spend_56d_before", "spend_84d_before", "relative_recency", "spend_trend",
    *(f"spend_{days}d" for days in WINDOWS), *(f"visits_{days}d" for days in WINDOWS),
    *(f"spend_rate_{days}d" for days in HALF_LIVES), *(f"visit_rate_{days}d" for days in HALF_LIVES),
    *LIFETIME,
)  # fmt: skip


def _within(days: int) -> pl.Expr:
    return pl.col("age_days") < days


def _deviation(total: pl.Expr, squares: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Standard deviation from sums; 0 for one value."""
    variance = squares / count - (total / count) ** 2
    return variance.clip(lower_bound=0.0).sqrt()


def _masked() -> dict[str, pl.Expr]:
    """What sums and maxima go over, row by row: much faster than a filter inside of every group.

    Weeks end with the cutoff, so that each lies in a window as a whole or not at all, and rows lie by
    person and day: a week is counted at its first day.
    """
    age, net, week = pl.col("age_days"), pl.col("net_minor"), pl.col("age_days") // 7
    person = pl.col("customer_id")
    is_last = (person != person.shift(-1)).fill_null(value=True)
    begins_week = ((person != person.shift(1)) | (week != week.shift(1))).fill_null(value=True)
    orders = pl.col("order_count")
    return {
        "major": net // 100,
        "major_squares": (net // 100) ** 2,
        "gap_squares": pl.col("gap_days") ** 2,
        "last_spend": pl.when(is_last).then(net).otherwise(0),
        "last_gap_days": pl.when(is_last).then("gap_days").otherwise(0),
        "longest_gap_84d": pl.when(_within(84)).then("gap_days"),
        **{f"largest_{days}d": pl.when(_within(days)).then(net) for days in (28, 84)},
        **{f"orders_{days}d": pl.when(_within(days)).then(orders).otherwise(0) for days in (28, 84)},
        **{f"weeks_{days}d": begins_week & _within(days) for days in (28, 84, 182)},
        **{
            f"spend_{days}d_before": pl.when(age.is_between(days, days + 27)).then(net).otherwise(0)
            for days in (28, 56, 84)
        },
        **{f"spend_{days}d": pl.when(_within(days)).then(net).otherwise(0) for days in WINDOWS},
        **{f"visits_{days}d": _within(days) for days in WINDOWS},
        **{f"spend_rate_{days}d": net * pl.col(f"weight_{days}d") for days in HALF_LIVES},
    }


def _summary() -> dict[str, pl.Expr]:
    """Aggregates of one person over the columns of `_masked`; amounts in minor units."""
    age, net = pl.col("age_days"), pl.col("net_minor")
    added = (
        "major", "major_squares", "gap_squares", "last_spend", "last_gap_days", "orders_28d", "orders_84d",
        *(f"spend_{days}d_before" for days in (28, 56, 84)),
        *(f"spend_{days}d" for days in WINDOWS), *(f"spend_rate_{days}d" for days in HALF_LIVES),
    )  # fmt: skip
    counted = (*(f"weeks_{days}d" for days in (28, 84, 182)), *(f"visits_{days}d" for days in WINDOWS))
    return {
        "recency_days": age.min(),
        "tenure_days": age.max(),
        "visit_count": pl.len().cast(pl.Int64),
        "spend": net.sum(),
        "spend_minor": pl.col("whole_minor").sum(),
        "largest_spend": net.max(),
        **{name: pl.col(name).max().fill_null(0) for name in ("largest_28d", "largest_84d")},
        "gap_count": pl.col("gap_days").count(),
        "longest_gap_84d": pl.col("longest_gap_84d").max(),
        **{name: pl.col(name).sum() for name in added},
        **{name: pl.col(name).sum().cast(pl.Int64) for name in counted},
        **{f"visit_rate_{days}d": pl.col(f"weight_{days}d").sum() for days in HALF_LIVES},
    }


def _per_horizon(total: str, half_life: int) -> pl.Expr:
    """A decayed sum as what 28 days at this pace bring; at least a half-life counts as observed."""
    oldest = pl.max_horizontal(pl.col("tenure_days"), pl.lit(half_life)) + 1
    observed = (1 - decay(oldest, half_life)) / (1 - 2 ** (-1 / half_life))
    return pl.col(total) / _STEPS / observed * 28


def _derived() -> dict[str, pl.Expr]:
    """Money in major units, rates per 28 days."""
    in_minor = (
        "largest_spend", "last_spend", "largest_28d", "largest_84d", "spend_28d_before", "spend_56d_before",
        "spend_84d_before", *(f"spend_{days}d" for days in WINDOWS),
    )  # fmt: skip
    span = pl.col("tenure_days") - pl.col("recency_days")
    gap_count = pl.when(pl.col("gap_count") > 0).then(pl.col("gap_count"))
    return {
        **{name: pl.col(name) / 100 for name in in_minor},
        "mean_spend": pl.col("spend") / pl.col("visit_count") / 100,
        "spend_deviation": _deviation(pl.col("major"), pl.col("major_squares"), pl.col("visit_count")),
        "mean_gap_days": span / gap_count,
        "gap_deviation": _deviation(span, pl.col("gap_squares"), gap_count),
        **{f"spend_rate_{days}d": _per_horizon(f"spend_rate_{days}d", days) / 100 for days in HALF_LIVES},
        **{f"visit_rate_{days}d": _per_horizon(f"visit_rate_{days}d", days) for days in HALF_LIVES},
    }


def _aged(days: pl.LazyFrame, cutoff: date) -> pl.LazyFrame:
    """Purchase days before the cutoff with age, gap to the one before, and decay weights.

    Sorted by person and day: the gap is then the row before's, and sums of a person's rows, which lie
    together, take a third of the time.
    """
    on, age = pl.col("ordered_on"), pl.col("age_days")
    earlier = pl.when(pl.col("customer_id") == pl.col("customer_id").shift(1)).then(on.shift(1))
    weights = {f"weight_{days}d": (decay(age, days) * _STEPS).round().cast(pl.Int64) for days in HALF_LIVES}
    return (
        days.filter(on < cutoff)
        .sort("customer_id", "ordered_on")
        .with_columns(
            whole_minor=pl.col("net_minor"),
            net_minor=pl.col("net_minor").clip(upper_bound=_LARGEST_MINOR),
            age_days=whole_days_between(on, pl.lit(cutoff - timedelta(days=1))),
            gap_days=whole_days_between(earlier, on),
        )
        .with_columns(**weights)
        .with_columns(**_masked())
    )


def _expected(lifetime: LifetimeModels) -> pl.Expr:
    """A struct of `LIFETIME`: what lifetime models expect of the same summary, row by row."""
    history = [
        pl.col("customer_id"),
        (pl.col("visit_count") - 1).alias("repeat_count"),
        (pl.col("tenure_days") - pl.col("recency_days")).alias("span_days"),
        pl.col("tenure_days"),
        pl.col("spend_minor"),
    ]

    def predicted(columns: Sequence[pl.Series]) -> pl.Series:
        expected = predict_rows(pl.DataFrame(list(columns)), lifetime, (28,))
        return expected.select(**LIFETIME).to_struct()

    return pl.map_batches(history, predicted, return_dtype=pl.Struct(dict.fromkeys(LIFETIME, pl.Float64)))


def snapshot_features(days: pl.LazyFrame, cutoff: date, lifetime: LifetimeModels) -> pl.LazyFrame:
    """One row per person with a purchase day before the cutoff: `customer_id` and `FEATURES`, Float64."""
    return (
        _aged(days, cutoff)
        .group_by("customer_id")
        .agg(**_summary())
        .with_columns(expected=_expected(lifetime))
        .unnest("expected")
        .with_columns(**_derived())
        .with_columns(
            relative_recency=(pl.col("recency_days") + 1) * pl.col("visit_rate_56d") / 28,
            spend_trend=pl.col("spend_28d") / (pl.col("spend_rate_112d") + 1),
        )
        # A division by a constant may differ in the last digit with the place of a row among the others.
        .select("customer_id", pl.col(*FEATURES).cast(pl.Float64).round(_DECIMALS))
    )
