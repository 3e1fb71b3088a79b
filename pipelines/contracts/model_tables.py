"""The register's tables of models: as fitted, judged, and what they say of people."""

from pipelines.contracts import enrichment
from pipelines.contracts.columns import Table
from pipelines.contracts.declaring import numbers, numbers_reported, people, people_reported

PROPENSITIES = people_reported(
    "enrichment",
    "propensities",
    enrichment.PersonPropensity,
    "One row per person and propensity: its calibrated chance.",
)
TRAINED_MODELS = numbers(
    "enrichment",
    "trained_models",
    enrichment.TrainedModel,
    "One row per model: as fitted, with what scoring needs.",
)
IMPUTATION_MODELS = numbers(
    "enrichment",
    "imputation_models",
    enrichment.TrainedModel,
    "One row per imputed statement: its model, as fitted, and whether it passed its gate.",
)
IMPUTED_TRAITS = people(
    "enrichment",
    "imputed_traits",
    enrichment.Trait,
    "One row per person and imputed statement; traits hold the same rows.",
)
MODEL_CARDS = numbers_reported(
    "enrichment", "model_cards", enrichment.ModelCard, "One row per model and metric, parameter or verdict."
)

MODEL_TABLES: tuple[Table, ...] = (
    TRAINED_MODELS,
    IMPUTATION_MODELS,
    PROPENSITIES,
    IMPUTED_TRAITS,
    MODEL_CARDS,
)
