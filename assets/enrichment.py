"""Enrichment: what is known and expected about a person."""

import polars as pl

from assets.steps import CheckOutcome, Expectation, Night, Step, StepOutput
from pipelines.contracts.source_tables import PRODUCTS
from pipelines.contracts.tables import (
    ACTIVITIES,
    CUSTOMER_FEATURES,
    CUSTOMER_LINKS,
    PURCHASE_LINES,
    PURCHASES,
)
from pipelines.enrichment.features import rank_people, summarise_people

SPEND_IS_PRESERVED = Expectation(
    name="spend_is_preserved",
    table=CUSTOMER_FEATURES,
    description="The spend of all people is the amount of all purchases, to the cent.",
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
                is_held=(ordered or 0) == (spent or 0),
                facts={"purchases": str(ordered), "features": str(spent)},
            )
        },
    )


STEPS = (
    Step(
        name="customer_features",
        compute=describe_behaviour,
        reads=(CUSTOMER_LINKS, PURCHASES, PURCHASE_LINES, PRODUCTS, ACTIVITIES),
        publishes=(CUSTOMER_FEATURES,),
        expectations=(SPEND_IS_PRESERVED,),
    ),
)
