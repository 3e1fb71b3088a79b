"""Enrichment: what is known and expected about a person."""

import polars as pl

from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.interest_tables import INTERESTS
from pipelines.contracts.model_tables import (
    IMPUTED_TRAITS,
)
from pipelines.contracts.source_tables import PRODUCTS
from pipelines.contracts.tables import (
    ACTIVITIES,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    CUSTOMER_VALUE,
    PRODUCT_AFFINITY,
    PROFILES,
    PURCHASE_LINES,
    PURCHASES,
    TRAITS,
)
from pipelines.enrichment.features import rank_people, summarise_people
from pipelines.enrichment.interests.top_interest import top_interest_traits
from pipelines.enrichment.traits import derive_traits

SPEND_IS_PRESERVED = Expectation(
    name="spend_is_preserved",
    table=CUSTOMER_FEATURES,
    description="The spend of all people is the amount of all orders, to the cent.",
)


def describe_behaviour(night: Night) -> StepOutput:
    """Summaries bucket by bucket; quintiles compare everyone."""
    summaries = pl.concat(
        [
            summarise_people(
                one.read(CUSTOMER_LINKS),
                one.read(PURCHASES),
                one.read(PURCHASE_LINES),
                night.read(PRODUCTS),
                one.read(ACTIVITIES),
                workspace=night.workspace,
                as_of=night.as_of,
            ).collect()
            for one in night.buckets()
        ]
    )
    before_end = night.read(PURCHASES).filter(pl.col("ordered_at") < night.as_of)
    ordered = before_end.select(pl.col("net_amount").sum()).collect().item()
    spent = summaries["spend_amount"].sum()
    return StepOutput(
        frames={CUSTOMER_FEATURES: rank_people(summaries.lazy())},
        verdicts={
            SPEND_IS_PRESERVED.name: CheckOutcome(
                is_held=(ordered or 0) == (spent or 0), facts={"orders": str(ordered), "features": str(spent)}
            )
        },
    )


def name_traits(night: Night) -> StepOutput:
    traits = derive_traits(
        night.read(CUSTOMER_FEATURES),
        night.read(CUSTOMER_VALUE),
        night.read(PRODUCT_AFFINITY),
        night.read(PROFILES),
        night.read(IMPUTED_TRAITS),
        settings=night.config.enrichment.enrichment,
        workspace=night.workspace,
    )
    gate = night.config.enrichment.enrichment.minimum_trait_confidence
    top_interests = top_interest_traits(night.read(INTERESTS), gate=gate)
    return StepOutput(frames={TRAITS: pl.concat([traits, top_interests])})


STEPS = (
    Step(
        name="customer_features",
        compute=describe_behaviour,
        reads=(CUSTOMER_LINKS, PURCHASES, PURCHASE_LINES, PRODUCTS, ACTIVITIES),
        publishes=(CUSTOMER_FEATURES,),
        expectations=(SPEND_IS_PRESERVED,),
    ),
    Step(
        name="traits",
        compute=name_traits,
        reads=(CUSTOMER_FEATURES, CUSTOMER_VALUE, PRODUCT_AFFINITY, PROFILES, IMPUTED_TRAITS, INTERESTS),
        publishes=(TRAITS,),
    ),
)
