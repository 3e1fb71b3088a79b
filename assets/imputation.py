"""Imputation: what some sources state of people, guessed for the others where that goes well enough."""

from datetime import date
from typing import Any

import polars as pl

from assets.steps import Night, Step, StepOutput
from pipelines.contracts.enrichment import Trait
from pipelines.contracts.model_tables import (
    IMPUTATION_MODELS,
    IMPUTED_TRAITS,
)
from pipelines.contracts.settings.imputations import ImputationSettings
from pipelines.contracts.source_tables import PRODUCTS
from pipelines.contracts.tables import (
    CONTACTABILITY,
    CUSTOMER_LINKS,
    PROFILES,
    PURCHASE_LINES,
)
from pipelines.enrichment.forecasting.people import is_model_holdout
from pipelines.enrichment.forecasting.snapshots import sampled
from pipelines.enrichment.imputation.behaviour import item_spend
from pipelines.enrichment.imputation.models import (
    MAXIMUM_PEOPLE,
    PREFIX,
    Imputation,
    is_made_by,
    models_frame,
    published_models,
    train_imputation,
)
from pipelines.enrichment.imputation.people import impute, stated_answers
from pipelines.expressions.profiling import permitted_rows


def impute_attributes(night: Night) -> StepOutput:
    """Models are carried on until they are due; people are guessed at bucket by bucket."""
    settings = night.config.enrichment.enrichment
    wanted = {} if night.config.is_enrichment_paused else settings.imputations
    earlier = night.earlier(IMPUTATION_MODELS).collect()
    models = models_frame([_continued(night, earlier, name, one) for name, one in sorted(wanted.items())])
    published = published_models(models)
    rows = [impute_bucket(one, published) for one in night.buckets()] if published else []
    empty = pl.DataFrame(schema={name: column.dtype for name, column in Trait.columns().items()})
    return StepOutput(frames={IMPUTATION_MODELS: models, IMPUTED_TRAITS: pl.concat([empty, *rows])})


def _continued(
    night: Night, earlier: pl.DataFrame, name: str, settings: ImputationSettings
) -> dict[str, Any]:
    """The model of the night before while it is young and was made by the same settings, or a new one."""
    found = earlier.filter(pl.col("model") == f"{PREFIX}{name}").to_dicts()
    if found and is_made_by(found[0], settings):
        trained_on: date = found[0]["trained_on"]
        if (night.on - trained_on).days < night.config.enrichment.enrichment.models.retrain_after_days:
            return found[0]
    scored = _scored_people(night)
    stated = (
        stated_answers(night.read(PROFILES), settings).join(scored, on="customer_id", how="semi").collect()
    )
    taken = sampled(stated.lazy(), MAXIMUM_PEOPLE / max(stated.height, 1)).collect()
    return train_imputation(
        name,
        _spends(night, taken.lazy()),
        taken,
        settings,
        night=night.on,
        workspace_id=night.workspace.workspace,
    )


def impute_bucket(night: Night, models: dict[str, Imputation]) -> pl.DataFrame:
    settings, workspace = night.config.enrichment.enrichment, night.workspace
    people = _scored_people(night).filter(~is_model_holdout(settings.models, workspace))
    spends = _spends(night, people)
    return pl.concat(
        impute(
            name,
            model,
            spends,
            stated_answers(night.read(PROFILES), settings.imputations[name])
            .join(people, on="customer_id", how="semi")
            .collect(),
            gate=settings.minimum_trait_confidence,
            workspace_id=workspace.workspace,
        )
        for name, model in models.items()
    )


def _scored_people(night: Night) -> pl.LazyFrame:
    """Who has not objected to profiling."""
    people = night.read(CUSTOMER_LINKS).select("customer_id").unique()
    purpose = night.config.enrichment.enrichment.models.profiling_purpose
    return permitted_rows(people, night.read(CONTACTABILITY), purpose=purpose)


def _spends(night: Night, people: pl.LazyFrame) -> pl.DataFrame:
    return item_spend(night.read(PURCHASE_LINES), night.read(PRODUCTS), people, as_of=night.as_of).collect()


STEPS = (
    Step(
        name="imputed_traits",
        compute=impute_attributes,
        reads=(CUSTOMER_LINKS, PROFILES, CONTACTABILITY, PURCHASE_LINES, PRODUCTS),
        continues=(IMPUTATION_MODELS,),
        publishes=(IMPUTATION_MODELS, IMPUTED_TRAITS),
    ),
)
