"""Scoring: every forecast of everyone, from tonight's features, row by row."""

from collections.abc import Mapping
from functools import partial

import polars as pl

from pipelines.contracts.codes import ForecastModel
from pipelines.enrichment.forecasting.fitted import DECIMALS, FittedModel

Models = Mapping[ForecastModel, FittedModel]


def baseline_of(model: ForecastModel) -> str:
    """Column of the simple forecast."""
    return f"{model.value}_baseline"


def score(features: pl.LazyFrame, models: Models, is_held_out: pl.Expr) -> pl.LazyFrame:
    """`customer_id`, and by model its forecast and `<model>_baseline`; null outside of its population.

    People held out have the baseline in both.
    """
    schema: dict[str, pl.DataType] = {"customer_id": pl.Int64()}
    for model in models:
        schema |= {model.value: pl.Float64(), baseline_of(model): pl.Float64()}
    held = features.with_columns(is_held_out=is_held_out)
    return held.map_batches(partial(_score, models=models), schema=schema)


def _score(rows: pl.DataFrame, models: Models) -> pl.DataFrame:
    forecasts = rows.with_columns(
        pl.Series(f"forecast of {model}", fitted.predict(rows), dtype=pl.Float64)
        for model, fitted in models.items()
    )
    columns: list[pl.Expr] = [pl.col("customer_id")]
    for model, fitted in models.items():
        simple, forecast = fitted.baseline(), pl.col(f"forecast of {model}")
        chosen = pl.when("is_held_out").then(simple).otherwise(forecast)
        for name, answer in ((model.value, chosen), (baseline_of(model), simple)):
            columns.append(pl.when(fitted.target.population).then(answer).round(DECIMALS).alias(name))
    return forecasts.select(columns)
