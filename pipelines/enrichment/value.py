"""Customer value: what a person is expected to spend, by trained models or from how they spent lately.

Forecasts of trained models go first. Where there is none, the decayed rate of
this module is used. The rate of a person is a decayed mean per local day,

    rate = sum of amount * 2^(-age / h)  /  sum over observed days of 2^(-age / h),

with half-life h. For a long tenure the denominator tends to h / ln 2 days. A
day is observed from the first order on, and at least one half-life is taken as
observed: the first order is why a person is known at all, so without the floor
someone who ordered today would be expected to do so every day.

Biases of it, known and accepted: no one is ever lost for good (the
rate of a silent person halves every h days but never ends), season and trend
are not seen, and an occasional buyer who ordered once is expected to spend some
1.4 times that order within 28 days (with h = 28).

`estimate_value` is a function of one bucket of people; `rank_value` compares everyone.
"""

import math

import polars as pl

from pipelines.contracts.enrichment import CustomerValue
from pipelines.contracts.settings.enrichment import EnrichmentSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.purchases import decay
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


def purchase_rates(totals: pl.LazyFrame, settings: EnrichmentSettings) -> pl.LazyFrame:
    """Rates per day of everyone with an order: `spend_rate`, `order_rate` and `visit_rate`.

    From the rows of `day_totals`, whose ages say as of when.

    Spend is in major units and never negative, whatever was returned. A visit is
    a local day with an order: several baskets on one day say no more about the
    next day than one does.
    """
    half_life = settings.value_half_life_days
    weight = decay(pl.col("age_days"), half_life)
    observed = _observed_days(pl.col("tenure_days"), half_life)
    return (
        totals.group_by("customer_id")
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


def _forecast(name: str, otherwise: pl.Expr) -> pl.Expr:
    """A model's forecast where there is one."""
    return pl.coalesce(pl.col(name), otherwise).round(DECIMALS)


def _beyond(kind: str, rate: str, horizon_days: int) -> pl.Expr:
    """The 28-day forecast carried on: by the lifetime model's shape, else by the declared fade."""
    start, later = pl.col(f"lifetime_{kind}_28d"), pl.col(f"lifetime_{kind}_{horizon_days}d")
    faded = effective_days(horizon_days) / HORIZON_DAYS
    growth = pl.when(start > 0).then(later / start).fill_null(faded)
    return (pl.col(f"{rate}_28d") * growth).round(DECIMALS)


def _orders() -> pl.Expr:
    """Purchase days of the lifetime model at the person's own orders per purchase day."""
    per_visit = pl.when(pl.col("visit_rate") > 0).then(pl.col("order_rate") / pl.col("visit_rate"))
    expected = pl.col("lifetime_orders_28d") * per_visit
    return pl.coalesce(expected, pl.col("order_rate") * HORIZON_DAYS).round(DECIMALS)


def estimate_value(
    features: pl.LazyFrame,
    totals: pl.LazyFrame,
    forecasts: pl.LazyFrame,
    *,
    settings: EnrichmentSettings,
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """One row per person of the features, without their rank.

    Without an order everything expected is 0, as nothing is known.

    The decayed rate is what is used where a forecast is null: too little history,
    a model that did not pass its gate, a person held out from models. Who must
    not be scored (`is_scored` false) is treated as one of whom nothing is known.

    Args:
        features: Of the night.
        totals: Of `day_totals`, as of the night.
        forecasts: Of `forecast_people`.
        settings: Half-life of the decayed rate.
        workspace: Whose people they are.
    """
    rates = purchase_rates(totals, settings)
    is_scored = pl.col("is_scored").fill_null(value=True)
    return (
        features.select("customer_id", spend_to_date_amount="spend_amount")
        .join(rates, on="customer_id", how="left")
        .join(forecasts, on="customer_id", how="left")
        .with_columns(pl.when(is_scored).then(pl.col(_RATES)).fill_null(0.0))
        .with_columns(
            expected_spend_28d=_forecast("spend_mean", expected_spend(28)), expected_orders_28d=_orders()
        )
        .with_columns(workspace_id=pl.lit(workspace.workspace), **_published())
        .select(*(name for name in CustomerValue.column_names() if name != "value_rank_rate"))
    )


def rank_value(estimates: pl.LazyFrame) -> pl.LazyFrame:
    """The values of everyone, from the rows of `estimate_value` of all people."""
    rank = pl.col("expected_spend_28d").rank("max") / pl.len()
    return estimates.with_columns(value_rank_rate=rank).pipe(CustomerValue.cast)


_RATES = ("spend_rate", "order_rate", "visit_rate")


def _published() -> dict[str, pl.Expr]:
    """What follows from the 28-day forecasts, and what is passed on."""
    has_forecast = pl.col("spend_mean").is_not_null() & (pl.col("spend_method") != METHOD)
    return {
        "expected_spend_90d": _beyond("spend", "expected_spend", 90),
        "expected_spend_365d": _beyond("spend", "expected_spend", 365),
        "expected_orders_90d": _beyond("orders", "expected_orders", 90),
        "expected_orders_365d": _beyond("orders", "expected_orders", 365),
        "typical_spend_28d": pl.col("spend_median").round(DECIMALS),
        "active_28d_probability": _forecast("activity", chance_of_activity()),
        "next_purchase_days": pl.col("next_purchase_days").round().cast(pl.Int64),
        "alive_probability": pl.col("alive_probability").round(DECIMALS),
        "method": pl.when(has_forecast).then("spend_method").otherwise(pl.lit(METHOD)),
        "model_version": pl.when(has_forecast).then("spend_version").otherwise(pl.lit(MODEL_VERSION)),
    }
