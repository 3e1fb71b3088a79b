"""Enrichment: what is known and expected about a person."""

from datetime import timedelta

import polars as pl

from assets import plots
from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.source_tables import (
    CAMPAIGN_MEMBERS,
    CAMPAIGNS,
    EVENTS,
    ORDER_LINES,
    ORDERS,
    PRODUCTS,
)
from pipelines.contracts.tables import (
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    MODEL_CARDS,
    PRODUCT_AFFINITY,
    PROFILES,
    PROPENSITIES,
    SEND_TIMES,
    TRAINED_MODELS,
    TRAITS,
)
from pipelines.enrichment.affinity import measure_affinity
from pipelines.enrichment.features import compute_features
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
from pipelines.enrichment.send_times import choose_send_times
from pipelines.enrichment.traits import derive_traits
from pipelines.enrichment.value import estimate_value

BY_BREAKFAST = timedelta(hours=32)

SPEND_IS_PRESERVED = Expectation(
    name="spend_is_preserved",
    table=CUSTOMER_FEATURES,
    description="The spend of all people is the amount of all orders, to the cent.",
)


def describe_behaviour(night: Night) -> StepOutput:
    orders, links = night.read(ORDERS), night.read(CUSTOMER_LINKS)
    features = compute_features(
        links,
        orders,
        night.read(ORDER_LINES),
        night.read(PRODUCTS),
        night.read(EVENTS),
        workspace=night.workspace,
        as_of=night.as_of,
    ).collect()
    linked = orders.filter(pl.col("ordered_at") < night.as_of).join(
        links, on=["source", "customer_ref"], how="semi"
    )
    ordered = linked.select(pl.col("net_amount").sum()).collect().item()
    spent = features["spend_amount"].sum()
    return StepOutput(
        frames={CUSTOMER_FEATURES: features},
        verdicts={
            SPEND_IS_PRESERVED.name: CheckOutcome(
                is_held=(ordered or 0) == (spent or 0), facts={"orders": str(ordered), "features": str(spent)}
            )
        },
    )


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


def rank_categories(night: Night) -> StepOutput:
    affinity = measure_affinity(
        night.read(CUSTOMER_LINKS),
        night.read(ORDERS),
        night.read(ORDER_LINES),
        night.read(PRODUCTS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={PRODUCT_AFFINITY: affinity})


def find_send_times(night: Night) -> StepOutput:
    send_times = choose_send_times(
        night.read(CUSTOMER_LINKS),
        night.read(PROFILES),
        night.read(ORDERS),
        night.read(EVENTS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={SEND_TIMES: send_times})


def name_traits(night: Night) -> StepOutput:
    traits = derive_traits(
        night.read(CUSTOMER_FEATURES),
        night.read(CUSTOMER_VALUE),
        night.read(PRODUCT_AFFINITY),
        night.read(PROFILES),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
    )
    return StepOutput(frames={TRAITS: traits})


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
        name="customer_features",
        compute=describe_behaviour,
        reads=(CUSTOMER_LINKS, ORDERS, ORDER_LINES, PRODUCTS, EVENTS),
        publishes=(CUSTOMER_FEATURES,),
        expectations=(SPEND_IS_PRESERVED,),
    ),
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
        name="product_affinity",
        compute=rank_categories,
        reads=(CUSTOMER_LINKS, ORDERS, ORDER_LINES, PRODUCTS),
        publishes=(PRODUCT_AFFINITY,),
        plots={PRODUCT_AFFINITY: plots.favourite_categories},
    ),
    Step(
        name="send_times",
        compute=find_send_times,
        reads=(CUSTOMER_LINKS, PROFILES, ORDERS, EVENTS),
        publishes=(SEND_TIMES,),
        plots={SEND_TIMES: plots.hours_of_day},
    ),
    Step(
        name="traits",
        compute=name_traits,
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, PRODUCT_AFFINITY, PROFILES),
        publishes=(TRAITS,),
    ),
    Step(
        name="model_cards",
        compute=judge_models,
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, TRAINED_MODELS, ORDERS, CUSTOMER_LINKS),
        publishes=(MODEL_CARDS,),
    ),
)
