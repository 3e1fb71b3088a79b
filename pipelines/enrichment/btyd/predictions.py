"""What fitted models expect of each customer: purchases, activity, spend, and when the next purchase comes."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from pipelines.enrichment.btyd.histories import Floats, Histories
from pipelines.enrichment.btyd.lifetime_models import GAMMA_GAMMA, LifetimeModels
from pipelines.enrichment.btyd.summary import HISTORY

HORIZONS = (28, 90, 365)
#: Window of the chance of activity, days.
ACTIVITY_DAYS = 28
#: Purchases of everyone's mean that a customer's own mean is weighed against where
#: Gamma–Gamma is not identified: declared, not fitted. CDNOW's fit would say 0.2 to 0.4, dense retail 1 to 3.
PRIOR_PURCHASES = 2.0
#: A median wait beyond ten years says nothing about the next purchase.
LONGEST_WAIT_DAYS = 3650.0
#: Decimals of an answer; hides the digits in which the functions of two machines may differ.
DECIMALS = 9


def predict(
    models: LifetimeModels,
    summary: pl.LazyFrame,
    horizons: Sequence[int] = HORIZONS,
    *,
    frequency_model: str | None = None,
) -> pl.LazyFrame:
    """One row per row of the summary (of `summarise_purchases`), by `customer_id`.

    Columns: `expected_orders_<h>d` purchase days and `expected_spend_<h>d` major
    units for each horizon; `active_28d_probability`, the chance of a purchase in
    28 days; `alive_probability`, null where dropout is not identified;
    `expected_order_spend` per purchase day; `median_next_purchase_days`, null
    when a next purchase is no likelier than not, or is ten years away.

    Args:
        models: Fitted models.
        summary: Customers to score, as of the night of the summary.
        horizons: Days ahead.
        frequency_model: One of the fitted models instead of the chosen one, for comparisons; P(alive)
            then is given whatever its verdict.
    """
    schema: dict[str, pl.DataType] = {"customer_id": pl.Int64(), **dict.fromkeys(_names(horizons), pl.Float64())}
    score = partial(_score, models=models, horizons=tuple(horizons), frequency_model=frequency_model)
    return summary.map_batches(score, schema=schema)


def _names(horizons: Sequence[int]) -> list[str]:
    return [
        *(f"expected_orders_{days}d" for days in horizons),
        "active_28d_probability",
        "alive_probability",
        "median_next_purchase_days",
        "expected_order_spend",
        *(f"expected_spend_{days}d" for days in horizons),
    ]


def _score(
    summary: pl.DataFrame, models: LifetimeModels, horizons: tuple[int, ...], frequency_model: str | None
) -> pl.DataFrame:
    """Purchases are answered once per distinct history and joined back; spend is one formula per row."""
    distinct = summary.select(HISTORY).unique().sort(HISTORY)
    answers = _purchase_answers(models, Histories.of(distinct, models.unit_days), horizons, frequency_model)
    columns = pl.DataFrame({name: np.round(values, DECIMALS) for name, values in answers.items()})
    answered = distinct.hstack(columns.fill_nan(None))
    spend = np.round(_spend_per_order(models, summary), DECIMALS)
    return (
        summary.select("customer_id", *HISTORY, expected_order_spend=pl.Series(spend, dtype=pl.Float64))
        .join(answered, on=HISTORY, how="left")
        .with_columns(
            (pl.col(f"expected_orders_{days}d") * pl.col("expected_order_spend"))
            .round(DECIMALS)
            .alias(f"expected_spend_{days}d")
            for days in horizons
        )
        .select("customer_id", *_names(horizons))
    )


def _purchase_answers(
    models: LifetimeModels, histories: Histories, horizons: tuple[int, ...], frequency_model: str | None
) -> Mapping[str, Floats]:
    model = models.frequency(frequency_model or models.frequency_model)
    is_alive_known = frequency_model is not None or models.is_dropout_identified
    unknown = np.full(len(histories.repeats), np.nan)
    wait = model.median_wait(histories) * models.unit_days
    return {
        **{
            f"expected_orders_{days}d": model.expected_purchases(histories, days / models.unit_days)
            for days in horizons
        },
        "active_28d_probability": model.chance_active(histories, ACTIVITY_DAYS / models.unit_days),
        "alive_probability": model.chance_alive(histories) if is_alive_known else unknown,
        "median_next_purchase_days": np.where(wait <= LONGEST_WAIT_DAYS, wait, np.nan),
    }


def _spend_per_order(models: LifetimeModels, summary: pl.DataFrame) -> Floats:
    """Expected spend per purchase day, all purchases counted, the first included."""
    days = (summary["repeat_count"] + 1).cast(pl.Float64).to_numpy()
    total = summary["spend_minor"].cast(pl.Float64).to_numpy() / 100
    if models.spend_model == GAMMA_GAMMA:
        return models.gamma_gamma().expected_spend(days, total)
    shrunken: Floats = (total + PRIOR_PURCHASES * models.mean_spend) / (days + PRIOR_PURCHASES)
    return shrunken
