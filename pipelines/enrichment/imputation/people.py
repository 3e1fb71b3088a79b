"""Imputed statements about people: what a source states always wins, the rest is guessed by the model."""

import polars as pl

from pipelines.contracts.enrichment import Trait
from pipelines.contracts.settings.imputations import ImputationSettings
from pipelines.enrichment.imputation.behaviour import share_matrix
from pipelines.enrichment.imputation.models import METHOD, MODEL_VERSION, Imputation

YES, NO = "yes", "no"
_SCHEMA = {name: column.dtype for name, column in Trait.columns().items()}


def stated_answers(profiles: pl.LazyFrame, settings: ImputationSettings) -> pl.LazyFrame:
    """`customer_id`, `is_positive` of people whose sources state the attribute."""
    stated = pl.col("attributes").str.json_path_match(f"$.{settings.attribute}").str.strip_chars()
    return (
        profiles.select("customer_id", stated=pl.when(stated != "").then(stated))
        .drop_nulls("stated")
        .select("customer_id", is_positive=pl.col("stated").is_in(list(settings.positive_values)))
    )


def impute(
    name: str,
    model: Imputation,
    spends: pl.DataFrame,
    stated: pl.DataFrame,
    *,
    gate: float,
    workspace_id: str,
) -> pl.DataFrame:
    """Rows of traits of the people of `spends` and of `stated`: a guess below the gate has no value.

    A function of one bucket of people.
    """
    people = (
        spends.select("customer_id").unique().join(stated, on="customer_id", how="anti").sort("customer_id")
    )
    chance = pl.Series(
        model.chance(share_matrix(spends, people["customer_id"], model.items)), dtype=pl.Float64
    )
    confidence = pl.max_horizontal("chance", 1 - pl.col("chance"))
    answer = pl.when(pl.col("chance") >= 0.5).then(pl.lit(YES)).otherwise(pl.lit(NO))  # noqa: PLR2004
    guessed = people.with_columns(chance=chance).select(
        "customer_id",
        value=pl.when(confidence >= gate).then(answer),
        confidence=confidence,
        method=pl.lit(METHOD),
        source=pl.lit("purchase_lines"),
        evidence=pl.format("chance {} by shares of spend", pl.col("chance").round(3)),
    )
    return (
        pl.concat([guessed, _told(stated)])
        .with_columns(
            workspace_id=pl.lit(workspace_id), trait=pl.lit(name), model_version=pl.lit(MODEL_VERSION)
        )
        .select(pl.col(column).cast(dtype) for column, dtype in _SCHEMA.items())
    )


def _told(stated: pl.DataFrame) -> pl.DataFrame:
    """What a source states is taken as it is."""
    return stated.select(
        "customer_id",
        value=pl.when("is_positive").then(pl.lit(YES)).otherwise(pl.lit(NO)),
        confidence=pl.lit(1.0),
        method=pl.lit("declared"),
        source=pl.lit("profiles"),
        evidence=pl.lit("stated by the source"),
    )
