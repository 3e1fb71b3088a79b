"""Features of a person before a cutoff, from their purchase days: recency, frequency, money, rhythm, trend.

Sums are of integers, so that shuffled rows give the same bytes: spend in minor
units, decay as millionths.
"""

from datetime import date, timedelta

import polars as pl

from pipelines.enrichment.btyd.lifetime_models import LifetimeModels
from pipelines.enrichment.btyd.predictions import predict
from pipelines.enrichment.purchases import decay
from pipelines.expressions.time import whole_days_between

WINDOWS = (7, 14, 28, 56, 84, 168)
HALF_LIVES = (7, 14, 28, 56, 112)
#: Steps of a decay weight; sums of them stay exact.
_STEPS = 1_000_000
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


def _summary() -> dict[str, pl.Expr]:
    """Aggregates of one person; amounts in minor units."""
    age, net, gap = pl.col("age_days"), pl.col("net_minor"), pl.col("gap_days")
    major = net // 100
    return {
        "recency_days": age.min(),
        "tenure_days": age.max(),
        "visit_count": pl.len().cast(pl.Int64),
        "spend": net.sum(),
        "spend_minor": pl.col("whole_minor").sum(),
        "major": major.sum(),
        "major_squares": (major**2).sum(),
        "largest_spend": net.max(),
        "last_spend": net.filter(age == age.min()).sum(),
        "largest_28d": net.filter(_within(28)).max().fill_null(0),
        "largest_84d": net.filter(_within(84)).max().fill_null(0),
        "orders_28d": pl.col("order_count").filter(_within(28)).sum(),
        "orders_84d": pl.col("order_count").filter(_within(84)).sum(),
        **{f"weeks_{days}d": (age.filter(_within(days)) // 7).n_unique() for days in (28, 84, 182)},
        "last_gap_days": gap.filter(age == age.min()).sum(),
        "gap_squares": (gap**2).sum(),
        "gap_count": gap.count(),
        "longest_gap_84d": gap.filter(_within(84)).max(),
        **{
            f"spend_{days}d_before": net.filter(age.is_between(days, days + 27)).sum()
            for days in (28, 56, 84)
        },
        **{f"spend_{days}d": net.filter(_within(days)).sum() for days in WINDOWS},
        **{f"visits_{days}d": _within(days).sum().cast(pl.Int64) for days in WINDOWS},
        **{f"spend_rate_{days}d": (net * pl.col(f"weight_{days}d")).sum() for days in HALF_LIVES},
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
    """Purchase days before the cutoff with age, gap to the one before, and decay weights."""
    earlier = pl.col("ordered_on").shift(1).over("customer_id", order_by="ordered_on")
    age = pl.col("age_days")
    weights = {f"weight_{days}d": (decay(age, days) * _STEPS).round().cast(pl.Int64) for days in HALF_LIVES}
    return (
        days.filter(pl.col("ordered_on") < cutoff)
        .with_columns(
            whole_minor=pl.col("net_minor"),
            net_minor=pl.col("net_minor").clip(upper_bound=_LARGEST_MINOR),
            age_days=whole_days_between(pl.col("ordered_on"), pl.lit(cutoff - timedelta(days=1))),
            gap_days=whole_days_between(earlier, pl.col("ordered_on")),
        )
        .with_columns(**weights)
    )


def _history(summary: pl.LazyFrame) -> pl.LazyFrame:
    """What `summarise_purchases` says, from the same days."""
    return summary.select(
        "customer_id",
        "tenure_days",
        "spend_minor",
        repeat_count=pl.col("visit_count") - 1,
        span_days=pl.col("tenure_days") - pl.col("recency_days"),
    )


def snapshot_features(days: pl.LazyFrame, cutoff: date, lifetime: LifetimeModels) -> pl.LazyFrame:
    """One row per person with a purchase day before the cutoff: `customer_id` and `FEATURES`, Float64."""
    summary = _aged(days, cutoff).group_by("customer_id").agg(**_summary())
    expected = predict(lifetime, _history(summary), horizons=(28,)).select(
        "customer_id", **{name: pl.col(column) for name, column in LIFETIME.items()}
    )
    return (
        summary.with_columns(**_derived())
        .with_columns(
            relative_recency=(pl.col("recency_days") + 1) * pl.col("visit_rate_56d") / 28,
            spend_trend=pl.col("spend_28d") / (pl.col("spend_rate_112d") + 1),
        )
        .join(expected, on="customer_id", how="left")
        .select("customer_id", pl.col(*FEATURES).cast(pl.Float64))
    )
