"""Traits: named statements about people, gathered from everything that enrichment knows."""

import polars as pl

from assets.steps import Night, Step, StepOutput
from pipelines.contracts.columns import Table
from pipelines.contracts.interest_tables import INTERESTS
from pipelines.contracts.model_tables import IMPUTED_TRAITS
from pipelines.contracts.preference_tables import LIFECYCLE
from pipelines.contracts.tables import (
    CONTACTABILITY,
    CUSTOMER_FEATURES,
    CUSTOMER_VALUE,
    PRODUCT_AFFINITY,
    PROFILES,
    TRAITS,
)
from pipelines.enrichment.interests.top_interest import top_interest_traits
from pipelines.enrichment.lifecycle import lifecycle_traits
from pipelines.enrichment.traits import derive_traits
from pipelines.expressions.profiling import permitted_rows


def name_traits(night: Night) -> StepOutput:
    """What a person states themselves stands for everyone; what is concluded, where profiling is allowed."""
    settings = night.config.enrichment.enrichment

    def concluded(table: Table) -> pl.LazyFrame:
        purpose = settings.models.profiling_purpose
        return permitted_rows(night.read(table), night.read(CONTACTABILITY), purpose=purpose)

    traits = derive_traits(
        concluded(CUSTOMER_FEATURES),
        night.read(CUSTOMER_VALUE),
        concluded(PRODUCT_AFFINITY),
        night.read(PROFILES),
        night.read(IMPUTED_TRAITS),
        settings=settings,
        workspace=night.workspace,
    )
    top_interests = top_interest_traits(night.read(INTERESTS), gate=settings.minimum_trait_confidence)
    return StepOutput(
        frames={TRAITS: pl.concat([traits, top_interests, lifecycle_traits(night.read(LIFECYCLE))])}
    )


STEPS = (
    Step(
        name="traits",
        compute=name_traits,
        reads=(
            CUSTOMER_FEATURES,
            CUSTOMER_VALUE,
            PRODUCT_AFFINITY,
            PROFILES,
            IMPUTED_TRAITS,
            INTERESTS,
            LIFECYCLE,
            CONTACTABILITY,
        ),
        publishes=(TRAITS,),
    ),
)
