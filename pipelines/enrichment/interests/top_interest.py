"""The trait `top_interest`: a person's strongest interest, null below the gate."""

import polars as pl

from pipelines.contracts.codes import TraitName
from pipelines.contracts.enrichment import Trait
from pipelines.contracts.interest_tables import INTERESTS


def top_interest_traits(interests: pl.LazyFrame, *, gate: float) -> pl.LazyFrame:
    """One `Trait` per person with an interest.

    Args:
        interests: `PersonInterest`s.
        gate: Confidence below which the value is null.
    """
    return (
        interests.filter(pl.col("interest_rank") == 1)
        .select(
            "workspace_id",
            "customer_id",
            "confidence",
            "method",
            "model_version",
            trait=pl.lit(TraitName.TOP_INTEREST.value),
            value=pl.when(pl.col("confidence") >= gate).then("interest"),
            source=pl.lit(INTERESTS.name),
            evidence=pl.format("products {}", "evidence"),
        )
        .pipe(Trait.cast)
    )
