"""Who allows profiling: only their rows say anything about taste, times, channels and rhythm."""

import polars as pl

from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.forecasting.people import permitted_people


def permitted_rows(rows: pl.LazyFrame, contactability: pl.LazyFrame, settings: ModelSettings) -> pl.LazyFrame:
    """Rows of people who allow profiling on any channel; all of them when no purpose is named for it."""
    if settings.profiling_purpose is None:
        return rows
    people = permitted_people(rows.select("customer_id").unique(), contactability, settings)
    return rows.join(people.filter("is_scored"), on="customer_id", how="semi")
