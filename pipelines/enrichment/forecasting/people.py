"""Tonight's forecasts of people from the trained models: for customer value, and as propensities."""

import polars as pl

from pipelines.contracts.codes import ForecastModel, Propensity
from pipelines.contracts.enrichment import PersonPropensity
from pipelines.contracts.settings.models import ModelSettings
from pipelines.contracts.settings.workspace import WorkspaceSettings
from pipelines.enrichment.btyd.lifetime_models import POOLED_RATE, LifetimeModels
from pipelines.enrichment.btyd.predictions import predict
from pipelines.enrichment.btyd.summary import summarise_days
from pipelines.enrichment.forecasting.campaigns import (
    answers,
    rate_of_kind,
    response_features,
    with_response_features,
)
from pipelines.enrichment.forecasting.features import snapshot_features
from pipelines.enrichment.forecasting.fitted import BASELINE
from pipelines.enrichment.forecasting.scoring import Models, baseline_of, score
from pipelines.enrichment.forecasting.state import MODEL_VERSION, Past, latest_kind
from pipelines.expressions.digest import digest, unit_interval
from pipelines.expressions.profiling import permitted_rows

HORIZON_DAYS = 28
PROPENSITIES = {
    ForecastModel.ACTIVITY: Propensity.ACTIVE_28D,
    ForecastModel.SOFT_CHURN: Propensity.SOFT_CHURN_28D,
    ForecastModel.CAMPAIGN_RESPONSE: Propensity.CAMPAIGN_RESPONSE,
}
_LIFETIME_COLUMNS = {
    f"lifetime_{kind}_{days}d": f"expected_{kind}_{days}d"
    for kind in ("orders", "spend")
    for days in (28, 90, 365)
}


def is_model_holdout(settings: ModelSettings, workspace: WorkspaceSettings) -> pl.Expr:
    """Person who is scored by the baselines only, the same on every night."""
    drawn = unit_interval(digest(f"model holdout of {workspace.workspace}", pl.col("customer_id")))
    return drawn < settings.holdout_share


def permitted_people(
    people: pl.LazyFrame, contactability: pl.LazyFrame, settings: ModelSettings
) -> pl.LazyFrame:
    """`customer_id, is_scored`: whether the person allows profiling on any channel, if a purpose is named."""
    everyone = people.select("customer_id")
    permitted = permitted_rows(everyone, contactability, purpose=settings.profiling_purpose)
    return everyone.join(
        permitted.with_columns(is_scored=pl.lit(value=True)), on="customer_id", how="left"
    ).with_columns(pl.col("is_scored").fill_null(value=False))


def rate_of_latest_kind(everyone: Past) -> pl.LazyFrame:
    """`rate_of_kind` for the kind of campaign whose response is forecast: that of the latest one."""
    answered = answers(everyone.targeted, everyone.redeemed)
    return rate_of_kind(answered, everyone.cutoff, latest_kind(everyone))


def score_people(
    past: Past,
    models: Models,
    lifetime: LifetimeModels,
    *,
    kind_rate: pl.LazyFrame,
    is_held_out: pl.Expr,
) -> pl.LazyFrame:
    """One row per person with a purchase: the columns of `score`. A function of one bucket of people.

    Args:
        past: What happened before the cutoff.
        models: Trained forecasts.
        lifetime: The models that features come from.
        kind_rate: Of `rate_of_latest_kind`, from everyone.
        is_held_out: People who get the baselines.
    """
    features = snapshot_features(past.days, past.cutoff, lifetime)
    if ForecastModel.CAMPAIGN_RESPONSE in models:
        answered = answers(past.targeted, past.redeemed)
        response = response_features(answered, past.redeemed, past.cutoff)
        features = with_response_features(features, response, kind_rate)
    return score(features, models, is_held_out)


def _next_purchase_days() -> pl.Expr:
    """The model's below its bound; beyond it the lifetime model's, which then says at least as much."""
    within = pl.col("next_purchase")
    later = pl.max_horizontal(pl.col("lifetime_wait_days"), pl.lit(float(HORIZON_DAYS)))
    beyond = pl.when(pl.col("lifetime_wait_days").is_not_null()).then(later)
    return (
        pl.when(within < HORIZON_DAYS)
        .then(within)
        .when(within.is_not_null())
        .then(beyond)
        .otherwise("lifetime_wait_days")
    )


def _lifetime_forecasts(past: Past, lifetime: LifetimeModels) -> pl.LazyFrame:
    return predict(lifetime, summarise_days(past.days, night=past.night)).select(
        "customer_id",
        "alive_probability",
        lifetime_wait_days="median_next_purchase_days",
        **{name: pl.col(column) for name, column in _LIFETIME_COLUMNS.items()},
    )


def forecast_people(
    scored: pl.LazyFrame,
    permitted: pl.LazyFrame,
    past: Past,
    models: Models,
    lifetime: LifetimeModels,
    *,
    is_held_out: pl.Expr,
) -> pl.LazyFrame:
    """One row per person: what `estimate_value` reads; null where the decayed rate is to be used.

    The lifetime model gives the shape over time and the wait; with too few
    customers for one, its columns are null.
    """
    expected = _lifetime_forecasts(past, lifetime)
    names = [ForecastModel.SPEND_MEAN, ForecastModel.SPEND_MEDIAN, ForecastModel.ACTIVITY]
    missing = {
        model.value: pl.lit(None, pl.Float64)
        for model in (*names, ForecastModel.NEXT_PURCHASE)
        if model not in models or models[model].method == BASELINE
    }
    spend = models.get(ForecastModel.SPEND_MEAN)
    of_lifetime = ["alive_probability", "lifetime_wait_days", *_LIFETIME_COLUMNS]
    is_modelled = pl.col("is_scored") & ~is_held_out
    has_lifetime = is_modelled & pl.lit(lifetime.frequency_model != POOLED_RATE)
    return (
        permitted.join(scored, on="customer_id", how="left")
        .join(expected, on="customer_id", how="left")
        .with_columns(**missing)
        .with_columns(pl.when(has_lifetime).then(pl.col(of_lifetime)))
        .with_columns(pl.when(is_modelled).then(pl.col(*names, ForecastModel.NEXT_PURCHASE)))
        .select(
            "customer_id",
            "is_scored",
            *names,
            "alive_probability",
            *_LIFETIME_COLUMNS,
            next_purchase_days=_next_purchase_days(),
            spend_method=pl.lit(spend.method if spend else BASELINE),
            spend_version=pl.lit(MODEL_VERSION),
        )
    )


def list_propensities(
    scored: pl.LazyFrame,
    permitted: pl.LazyFrame,
    models: Models,
    *,
    is_held_out: pl.Expr,
    workspace: WorkspaceSettings,
) -> pl.LazyFrame:
    """One row per scored person and propensity; a baseline that nothing was learnt for is not published."""
    allowed = permitted.filter("is_scored").select("customer_id")
    parts = [
        scored.select(
            "customer_id",
            propensity=pl.lit(propensity.value),
            probability=pl.col(model.value).clip(0.0, 1.0),
            baseline_probability=pl.col(baseline_of(model)).clip(0.0, 1.0),
            method=pl.when(is_held_out).then(pl.lit(BASELINE)).otherwise(pl.lit(models[model].method)),
        ).drop_nulls("probability")
        for model, propensity in PROPENSITIES.items()
        if model in models and (models[model].target.baseline is not None or models[model].base_rate > 0)
    ]
    empty = pl.LazyFrame(
        schema={
            "customer_id": pl.Int64,
            "propensity": pl.String,
            "probability": pl.Float64,
            "baseline_probability": pl.Float64,
            "method": pl.String,
        }
    )
    return (
        pl.concat([empty, *parts])
        .join(allowed, on="customer_id", how="semi")
        .with_columns(workspace_id=pl.lit(workspace.workspace), model_version=pl.lit(MODEL_VERSION))
        .pipe(PersonPropensity.cast)
    )
