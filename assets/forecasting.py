"""Forecasts: models of people are carried on or trained again, applied to everyone, and judged."""

from datetime import timedelta

import polars as pl

from assets import plots
from assets.steps import Night, Step, StepOutput
from pipelines.contracts.source_tables import CAMPAIGN_MEMBERS, CAMPAIGNS, EVENTS, ORDERS
from pipelines.contracts.tables import (
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    MODEL_CARDS,
    PROPENSITIES,
    TRAINED_MODELS,
)
from pipelines.enrichment.forecasting.campaigns import redemptions, targeted_people
from pipelines.enrichment.forecasting.people import (
    forecast_people,
    is_model_holdout,
    list_propensities,
    permitted_people,
    score_people,
)
from pipelines.enrichment.forecasting.snapshots import purchase_days
from pipelines.enrichment.forecasting.state import (
    LIFETIME,
    LIFETIME_FEATURES,
    Past,
    continue_models,
    forecasts_of,
    latest_kind,
    lifetime_of,
)
from pipelines.enrichment.model_cards import assess_models
from pipelines.enrichment.purchases import linked_orders
from pipelines.enrichment.value import estimate_value

BY_BREAKFAST = timedelta(hours=32)


def past_of(night: Night) -> Past:
    """What the models may know: purchase days, campaigns and redemptions before the end of the night."""
    links, workspace = night.read(CUSTOMER_LINKS), night.workspace
    purchases = linked_orders(night.read(ORDERS), links, workspace=workspace, as_of=night.as_of)
    events = night.read(EVENTS).filter(pl.col("occurred_at") < night.as_of)
    return Past(
        days=purchase_days(purchases).collect().lazy(),
        targeted=targeted_people(night.read(CAMPAIGNS), night.read(CAMPAIGN_MEMBERS), links).collect().lazy(),
        redeemed=redemptions(events, links, workspace).collect().lazy(),
        cutoff=night.on + timedelta(days=1),
    )


def train_when_due(night: Night) -> StepOutput:
    models = continue_models(
        night.earlier(TRAINED_MODELS).collect(),
        past_of(night),
        settings=night.config.enrichment.enrichment.models,
        workspace_id=night.workspace.workspace,
    )
    return StepOutput(frames={TRAINED_MODELS: models})


def value_people(night: Night) -> StepOutput:
    settings, workspace = night.config.enrichment.enrichment, night.workspace
    payloads = dict(night.read(TRAINED_MODELS).select("model", "payload").collect().iter_rows())
    models, past = forecasts_of(payloads), past_of(night)
    is_held_out = is_model_holdout(settings.models, workspace)
    features = night.read(CUSTOMER_FEATURES)
    permitted = permitted_people(features, night.read(CONTACTABILITY), settings.models)
    scored = (
        score_people(
            past,
            models,
            lifetime_of(payloads, LIFETIME_FEATURES),
            kind=latest_kind(past),
            is_held_out=is_held_out,
        )
        .collect()
        .lazy()
    )
    forecasts = forecast_people(
        scored, permitted, past, models, lifetime_of(payloads, LIFETIME), is_held_out=is_held_out
    )
    value = estimate_value(
        features,
        night.read(ORDERS),
        night.read(CUSTOMER_LINKS),
        forecasts,
        settings=settings,
        workspace=workspace,
        as_of=night.as_of,
    )
    propensities = list_propensities(scored, permitted, models, is_held_out=is_held_out, workspace=workspace)
    return StepOutput(frames={CUSTOMER_VALUE: value, PROPENSITIES: propensities})


def judge_models(night: Night) -> StepOutput:
    cards = assess_models(
        night.read(CUSTOMER_FEATURES),
        night.read(CUSTOMER_VALUE),
        night.read(TRAINED_MODELS),
        night.read(ORDERS),
        night.read(CUSTOMER_LINKS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={MODEL_CARDS: cards})


STEPS = (
    Step(
        name="trained_models",
        compute=train_when_due,
        reads=(CUSTOMER_LINKS, ORDERS, EVENTS, CAMPAIGNS, CAMPAIGN_MEMBERS),
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
            ORDERS,
            CUSTOMER_LINKS,
            EVENTS,
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
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, TRAINED_MODELS, ORDERS, CUSTOMER_LINKS),
        publishes=(MODEL_CARDS,),
    ),
)
