"""Preferences: what a person is likely to buy, when and where they answer, and how the relation stands."""

import polars as pl

from assets import plots
from assets.steps import Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.preference_tables import (
    CHANNEL_PREFERENCES,
    ITEM_AFFINITY,
    ITEM_MODELS,
    ITEM_POPULARITY,
    ITEM_SIMILARITIES,
    LIFECYCLE,
    RHYTHMS,
)
from pipelines.contracts.source_tables import MESSAGES, PRODUCTS
from pipelines.contracts.tables import (
    ACTIVITIES,
    CONTACTABILITY,
    CUSTOMER_LINKS,
    PRODUCT_AFFINITY,
    PROFILES,
    PURCHASE_LINES,
    PURCHASES,
    SEND_TIMES,
)
from pipelines.enrichment.affinity import measure_affinity
from pipelines.enrichment.channels import prefer_channels
from pipelines.enrichment.item_affinity import rank_items
from pipelines.enrichment.item_knowledge import ItemKnowledge, learn_items
from pipelines.enrichment.lifecycle import stage_people
from pipelines.enrichment.send_times import choose_send_times, learn_kinds, moments_of, zones_of
from pipelines.expressions.profiling import permitted_rows


def _permitted(night: Night, table: Table) -> pl.LazyFrame:
    purpose = night.config.enrichment.enrichment.models.profiling_purpose
    return permitted_rows(night.read(table), night.read(CONTACTABILITY), purpose=purpose)


def rank_categories(night: Night) -> StepOutput:
    affinity = measure_affinity(
        _permitted(night, PURCHASE_LINES),
        night.read(PRODUCTS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={PRODUCT_AFFINITY: affinity})


def compare_what_is_bought(night: Night) -> StepOutput:
    knowledge = learn_items(
        _permitted(night, PURCHASE_LINES),
        night.read(PRODUCTS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(
        frames={
            ITEM_MODELS: knowledge.models,
            ITEM_POPULARITY: knowledge.popularity,
            ITEM_SIMILARITIES: knowledge.similarities,
        }
    )


def propose_what_to_buy(night: Night) -> StepOutput:
    affinity = rank_items(
        _permitted(night, PURCHASE_LINES),
        night.read(PRODUCTS),
        ItemKnowledge(
            models=night.read(ITEM_MODELS),
            popularity=night.read(ITEM_POPULARITY),
            similarities=night.read(ITEM_SIMILARITIES),
        ),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={ITEM_AFFINITY: affinity})


def _moments(night: Night) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Zones of people, and when they were there; who does not allow profiling has a zone only."""
    zones = zones_of(night.read(CUSTOMER_LINKS), night.read(PROFILES), workspace=night.workspace)
    purchases, activities = _permitted(night, PURCHASES), _permitted(night, ACTIVITIES)
    return zones, moments_of(purchases, activities, zones, as_of=night.as_of)


def compare_rhythms(night: Night) -> StepOutput:
    settings = night.config.enrichment.enrichment
    moments = pl.concat([_moments(one)[1].collect() for one in night.buckets()]).lazy()
    return StepOutput(frames={RHYTHMS: learn_kinds(moments, settings=settings, workspace=night.workspace)})


def find_send_times(night: Night) -> StepOutput:
    zones, moments = _moments(night)
    send_times = choose_send_times(
        zones,
        moments,
        night.read(RHYTHMS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
    )
    return StepOutput(frames={SEND_TIMES: send_times})


def find_channels(night: Night) -> StepOutput:
    preferred = prefer_channels(
        _permitted(night, CUSTOMER_LINKS),
        night.read(MESSAGES),
        night.read(ACTIVITIES),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={CHANNEL_PREFERENCES: preferred})


def find_stages(night: Night) -> StepOutput:
    stages = stage_people(
        _permitted(night, CUSTOMER_LINKS),
        _permitted(night, PURCHASES),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
        as_of=night.as_of,
    )
    return StepOutput(frames={LIFECYCLE: stages})


STEPS = (
    Step(
        name="product_affinity",
        compute=rank_categories,
        reads=(PURCHASE_LINES, PRODUCTS, CONTACTABILITY),
        publishes=(PRODUCT_AFFINITY,),
        plots={PRODUCT_AFFINITY: plots.favourite_categories},
        is_bucketed=True,
    ),
    Step(
        name="item_models",
        compute=compare_what_is_bought,
        reads=(PURCHASE_LINES, PRODUCTS, CONTACTABILITY),
        publishes=(ITEM_MODELS, ITEM_POPULARITY, ITEM_SIMILARITIES),
    ),
    Step(
        name="item_affinity",
        compute=propose_what_to_buy,
        reads=(PURCHASE_LINES, PRODUCTS, CONTACTABILITY, ITEM_MODELS, ITEM_POPULARITY, ITEM_SIMILARITIES),
        publishes=(ITEM_AFFINITY,),
        is_bucketed=True,
    ),
    Step(
        name="rhythms",
        compute=compare_rhythms,
        reads=(CUSTOMER_LINKS, PROFILES, PURCHASES, ACTIVITIES, CONTACTABILITY),
        publishes=(RHYTHMS,),
    ),
    Step(
        name="send_times",
        compute=find_send_times,
        reads=(CUSTOMER_LINKS, PROFILES, PURCHASES, ACTIVITIES, CONTACTABILITY, RHYTHMS),
        publishes=(SEND_TIMES,),
        is_bucketed=True,
        plots={SEND_TIMES: plots.hours_of_day},
    ),
    Step(
        name="channel_preferences",
        compute=find_channels,
        reads=(CUSTOMER_LINKS, MESSAGES, ACTIVITIES, CONTACTABILITY),
        publishes=(CHANNEL_PREFERENCES,),
    ),
    Step(
        name="lifecycle",
        compute=find_stages,
        reads=(CUSTOMER_LINKS, PURCHASES, CONTACTABILITY),
        publishes=(LIFECYCLE,),
        plots={LIFECYCLE: plots.lifecycle_stages},
    ),
)
