"""Drift: how far features have moved since a model was trained."""

import polars as pl

from pipelines.enrichment.forecasting.fitted import FittedModel
from pipelines.evaluation.drift import population_stability_index

#: Features of behaviour. Tenure and lifetime counts grow by themselves, and are no sign of change.
WATCHED = (
    "recency_days",
    "spend_28d",
    "spend_84d",
    "visits_28d",
    "visits_84d",
    "spend_rate_56d",
    "visit_rate_56d",
)
_DECIMALS = 6


def feature_drift(fitted: FittedModel, features: pl.DataFrame) -> dict[str, float]:
    """Population stability index of every watched feature of which the model keeps a reference."""
    watched = [name for name in WATCHED if name in fitted.reference]
    rows = features.filter(fitted.target.population) if watched else features
    if rows.is_empty():
        return {}
    return {
        name: round(population_stability_index(fitted.reference[name], rows[name].to_numpy()), _DECIMALS)
        for name in watched
    }
