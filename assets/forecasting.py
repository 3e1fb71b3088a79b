"""Forecasts: models of people are carried on or trained again, applied to everyone, and judged."""

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from assets import plots
from assets.steps import Night, Step, StepOutput, row_count
from pipelines.contracts.model_tables import (
    IMPUTATION_MODELS,
    MODEL_CARDS,
    PROPENSITIES,
    TRAINED_MODELS,
)
from pipelines.contracts.source_tables import CAMPAIGN_MEMBERS, CAMPAIGNS
from pipelines.contracts.tables import (
    ACTIVITIES,
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    PURCHASES,
)
from pipelines.enrichment.forecasting.campaigns import redemptions, targeted_people
from pipelines.enrichment.forecasting.people import (
    forecast_people,
    is_model_holdout,
    list_propensities,
    permitted_people,
    rate_of_latest_kind,
    score_people,
)
from pipelines.enrichment.forecasting.snapshots import purchase_days, sampled
from pipelines.enrichment.forecasting.state import (
    DRIFT_PEOPLE,
    LIFETIME,
    LIFETIME_FEATURES,
    Past,
    continue_models,
    forecasts_of,
    lifetime_of,
)
from pipelines.enrichment.model_cards import MEASURED_PEOPLE, assess_models, score_past
from pipelines.enrichment.purchases import day_totals
from pipelines.enrichment.value import estimate_value, rank_value

BY_BREAKFAST = timedelta(hours=32)


def totals_of(night: Night, *, share: float = 1.0) -> pl.LazyFrame:
    """Purchases by person and day, of a share of people."""
    purchases = sampled(night.read(PURCHASES), share)
    return day_totals(purchases, workspace=night.workspace, as_of=night.as_of)


def past_of(night: Night, totals: pl.LazyFrame) -> Past:
    """What the models may know: purchase days, campaigns and redemptions before the end of the night."""
    members = targeted_people(night.read(CAMPAIGNS), night.read(CAMPAIGN_MEMBERS), night.read(CUSTOMER_LINKS))
    redeemed = redemptions(night.read(ACTIVITIES), workspace=night.workspace, as_of=night.as_of)
    return Past(
        days=purchase_days(totals),
        targeted=members.collect().lazy(),
        redeemed=redeemed.collect().lazy(),
        cutoff=night.on + timedelta(days=1),
    )


def train_when_due(night: Night) -> StepOutput:
    earlier = night.earlier(TRAINED_MODELS).collect()
    if night.config.is_enrichment_paused and earlier.height:
        return StepOutput(frames={TRAINED_MODELS: earlier})
    people = row_count(night.read(CUSTOMER_LINKS).select("customer_id").unique())
    models = continue_models(
        earlier,
        past_of(night, totals_of(night)),
        watched_days=purchase_days(totals_of(night, share=DRIFT_PEOPLE / max(people, 1))),
        settings=night.config.enrichment.enrichment.models,
        workspace_id=night.workspace.workspace,
    )
    return StepOutput(frames={TRAINED_MODELS: models})


def value_people(night: Night) -> StepOutput:
    """Everyone's estimates bucket by bucket; the campaign's rate and the rank compare everyone."""
    payloads = dict(night.read(TRAINED_MODELS).select("model", "payload").collect().iter_rows())
    kind_rate = rate_of_latest_kind(past_of(night, totals_of(night))).collect().lazy()
    parts = [value_bucket(one, payloads, kind_rate) for one in night.buckets()]
    value = rank_value(pl.concat([estimates for estimates, _ in parts]).lazy())
    propensities = pl.concat([propensities for _, propensities in parts])
    return StepOutput(frames={CUSTOMER_VALUE: value, PROPENSITIES: propensities})


def value_bucket(
    night: Night, payloads: Mapping[str, str], kind_rate: pl.LazyFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Estimates and propensities of the people whom the night sees."""
    settings, workspace = night.config.enrichment.enrichment, night.workspace
    models, is_held_out = forecasts_of(payloads), is_model_holdout(settings.models, workspace)
    if night.config.is_enrichment_paused:
        is_held_out = pl.lit(value=True)
    totals = totals_of(night).collect().lazy()
    past, features = past_of(night, totals), night.read(CUSTOMER_FEATURES)
    permitted = permitted_people(features, night.read(CONTACTABILITY), settings.models)
    of_features = lifetime_of(payloads, LIFETIME_FEATURES)
    scored = score_people(past, models, of_features, kind_rate=kind_rate, is_held_out=is_held_out)
    scored = scored.collect().lazy()
    forecasts = forecast_people(
        scored, permitted, past, models, lifetime_of(payloads, LIFETIME), is_held_out=is_held_out
    )
    estimates = estimate_value(features, totals, forecasts, settings=settings, workspace=workspace)
    propensities = list_propensities(scored, permitted, models, is_held_out=is_held_out, workspace=workspace)
    return estimates.collect(), propensities.collect()


def judge_models(night: Night) -> StepOutput:
    """Past scores bucket by bucket; the cards measure everyone."""
    share = MEASURED_PEOPLE / max(row_count(night.read(CUSTOMER_FEATURES)), 1)
    scored_past = pl.concat(
        [
            score_past(
                one.read(CUSTOMER_FEATURES),
                totals_of(one, share=share),
                settings=night.config.enrichment.enrichment,
                night=night.on,
            ).collect()
            for one in night.buckets()
        ]
    )
    cards = assess_models(
        night.read(CUSTOMER_FEATURES),
        night.read(CUSTOMER_VALUE),
        pl.concat([night.read(TRAINED_MODELS), night.read(IMPUTATION_MODELS)]),
        scored_past.lazy(),
        workspace=night.workspace,
        is_paused=night.config.is_enrichment_paused,
    )
    return StepOutput(frames={MODEL_CARDS: cards})


STEPS = (
    Step(
        name="trained_models",
        compute=train_when_due,
        reads=(CUSTOMER_LINKS, PURCHASES, ACTIVITIES, CAMPAIGNS, CAMPAIGN_MEMBERS),
        continues=(TRAINED_MODELS,),
        publishes=(TRAINED_MODELS,),
        plots={TRAINED_MODELS: plots.reliability},
    ),
    Step(
        name="customer_value",
        compute=value_people,
        reads=(
            CUSTOMER_FEATURES,
            TRAINED_MODELS,
            CONTACTABILITY,
            PURCHASES,
            CUSTOMER_LINKS,
            ACTIVITIES,
            CAMPAIGNS,
            CAMPAIGN_MEMBERS,
        ),
        publishes=(CUSTOMER_VALUE, PROPENSITIES),
        plots={CUSTOMER_VALUE: plots.value_distribution, PROPENSITIES: plots.propensity_distribution},
        freshness=BY_BREAKFAST,
    ),
    Step(
        name="model_cards",
        compute=judge_models,
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, TRAINED_MODELS, IMPUTATION_MODELS, PURCHASES),
        publishes=(MODEL_CARDS,),
    ),
)
