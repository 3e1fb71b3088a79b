"""Enrichment: what is known and expected about a person."""

import polars as pl

from assets import plots
from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.source_tables import EVENTS, ORDER_LINES, ORDERS, PRODUCTS
from pipelines.contracts.tables import (
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    PRODUCT_AFFINITY,
    PROFILES,
    SEND_TIMES,
    TRAITS,
)
from pipelines.enrichment.affinity import measure_affinity
from pipelines.enrichment.features import compute_features
from pipelines.enrichment.send_times import choose_send_times
from pipelines.enrichment.traits import derive_traits

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


STEPS = (
    Step(
        name="customer_features",
        compute=describe_behaviour,
        reads=(CUSTOMER_LINKS, ORDERS, ORDER_LINES, PRODUCTS, EVENTS),
        publishes=(CUSTOMER_FEATURES,),
        expectations=(SPEND_IS_PRESERVED,),
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
)
