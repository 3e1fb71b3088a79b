"""Customer value: what a person is expected to spend, from how they spent lately.

The rate of a person is a decayed mean per local day,

    rate = sum of amount * 2^(-age / h)  /  sum over observed days of 2^(-age / h),

with half-life h. For a long tenure the denominator tends to h / ln 2 days. A
day is observed from the first order on, and at least one half-life is taken as
observed: the first order is why a person is known at all, so without the floor
someone who ordered today would be expected to do so every day.

Biases, known and accepted in this version: no one is ever lost for good (the
rate of a silent person halves every h days but never ends), season and trend
are not seen, and an occasional buyer who ordered once is expected to spend some
1.4 times that order within 28 days (with h = 28).
"""

import math
from datetime import datetime

import polars as pl

from pipelines.contracts.enrichment import CustomerValue
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import decay, linked_orders
from pipelines.expressions.sums import stable_sum

METHOD = "decayed_rate"
MODEL_VERSION = "1"
HORIZON_DAYS = 28
#: Age of a forecast at which its rate has halved. Declared, not fitted: beyond
#: the next weeks some people leave, and the rate itself cannot see that.
FADE_HALF_LIFE_DAYS = 365.0
#: Decimals of a published estimate; hides the last digits in which the
#: exponential functions of two machines may differ.
DECIMALS = 6


def effective_days(horizon_days: int) -> float:
    """Days at today's rate that a horizon is worth: the first 28 count in full, later ones fade."""
    fading = max(horizon_days - HORIZON_DAYS, 0)
    mean_life = FADE_HALF_LIFE_DAYS / math.log(2)
    return min(horizon_days, HORIZON_DAYS) + mean_life * (1 - math.exp2(-fading / FADE_HALF_LIFE_DAYS))


def _observed_days(tenure_days: pl.Expr, half_life_days: float) -> pl.Expr:
    """Decayed number of days since the first order, a geometric series from age 0 to the tenure."""
    oldest = pl.max_horizontal(tenure_days, pl.lit(half_life_days))
    return (1 - decay(oldest + 1, half_life_days)) / (1 - math.exp2(-1 / half_life_days))


def purchase_rates(
    orders: pl.LazyFrame,
    customer_links: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """Rates per day of everyone with an order: `spend_rate`, `order_rate` and `visit_rate`.

    Spend is in major units and never negative, whatever was returned. A visit is
    a local day with an order: several baskets on one day say no more about the
    next day than one does.
    """
    half_life = settings.value_half_life_days
    weight = decay(pl.col("age_days"), half_life)
    observed = _observed_days(pl.col("tenure_days"), half_life)
    return (
        linked_orders(orders, customer_links, workspace=workspace, as_of=as_of)
        .group_by("customer_id", "age_days")
        .agg(pl.col("net_minor").sum(), order_count=pl.len())
        .group_by("customer_id")
        .agg(
            tenure_days=pl.col("age_days").max(),
            spend=stable_sum(pl.col("net_minor") * weight) / 100,
            orders=stable_sum(pl.col("order_count") * weight),
            visits=stable_sum(weight),
        )
        .select(
            "customer_id",
            spend_rate=(pl.col("spend") / observed).clip(lower_bound=0.0),
            order_rate=pl.col("orders") / observed,
            visit_rate=pl.col("visits") / observed,
        )
    )


def expected_spend(horizon_days: int) -> pl.Expr:
    return (pl.col("spend_rate") * effective_days(horizon_days)).round(DECIMALS)


def chance_of_activity() -> pl.Expr:
    """Chance of at least one visit in 28 days if visits come at random at the person's rate (Poisson)."""
    return (1 - (-pl.col("visit_rate") * HORIZON_DAYS).exp()).round(DECIMALS)


def estimate_value(
    features: pl.LazyFrame,
    orders: pl.LazyFrame,
    customer_links: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
    as_of: datetime,
) -> pl.LazyFrame:
    """One row per person of the features; without an order everything expected is 0, as nothing is known."""
    rates = purchase_rates(orders, customer_links, settings=settings, workspace=workspace, as_of=as_of)
    return (
        features.select("customer_id", spend_to_date_amount="spend_amount")
        .join(rates, on="customer_id", how="left")
        .with_columns(pl.col("spend_rate", "order_rate", "visit_rate").fill_null(0.0))
        .with_columns(
            workspace_id=pl.lit(workspace.workspace),
            expected_spend_28d=expected_spend(28),
            expected_spend_90d=expected_spend(90),
            expected_spend_365d=expected_spend(365),
            expected_orders_28d=(pl.col("order_rate") * HORIZON_DAYS).round(DECIMALS),
            active_28d_probability=chance_of_activity(),
            method=pl.lit(METHOD),
            model_version=pl.lit(MODEL_VERSION),
        )
        .with_columns(value_rank_rate=pl.col("expected_spend_28d").rank("max") / pl.len())
        .pipe(CustomerValue.cast)
    )
