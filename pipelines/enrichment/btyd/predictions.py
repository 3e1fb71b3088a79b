"""What fitted models expect of each customer: purchases, activity, spend, and the next purchase."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.enrichment.btyd.frequency import half_of
from pipelines.enrichment.btyd.histories import Floats, in_units, pack, packed_histories, unpack
from pipelines.enrichment.btyd.lifetime_models import GAMMA_GAMMA, LifetimeModels
from pipelines.enrichment.btyd.summary import HISTORY

HORIZONS = (28, 90, 365)
#: Window of the chance of activity, days.
ACTIVITY_DAYS = 28
#: Purchases at everyone's mean that are added to a customer's own where Gamma–Gamma is not
#: identified: declared, not fitted. Gamma–Gamma's own weight is (q - 1) / p, a quarter of a purchase on
#: CDNOW; where nothing was learnt about spend, a customer's own past is trusted less.
PRIOR_PURCHASES = 1.0
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
        frequency_model: One of the fitted models instead of the chosen one, for comparisons.
    """
    schema: dict[str, pl.DataType] = {
        "customer_id": pl.Int64(),
        **dict.fromkeys(_names(horizons), pl.Float64()),
    }
    score = partial(predict_rows, models=models, horizons=tuple(horizons), frequency_model=frequency_model)
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


def predict_rows(
    summary: pl.DataFrame,
    models: LifetimeModels,
    horizons: tuple[int, ...],
    frequency_model: str | None = None,
) -> pl.DataFrame:
    """`predict` of rows in hand.

    Purchases are answered once per distinct history and looked up; spend is one formula per row.
    """
    packed, of_row = np.unique(packed_histories(summary), return_inverse=True)
    answers = _purchase_answers(models, packed, horizons, frequency_model)
    spend = _spend_per_order(models, summary)
    columns = {name: values[of_row] for name, values in answers.items()}
    columns["expected_order_spend"] = spend
    for days in horizons:
        columns[f"expected_spend_{days}d"] = columns[f"expected_orders_{days}d"] * spend
    return pl.DataFrame(
        {
            "customer_id": summary["customer_id"],
            **{
                name: pl.Series(np.round(columns[name], DECIMALS)).fill_nan(None) for name in _names(horizons)
            },
        },
        schema_overrides=dict.fromkeys(_names(horizons), pl.Float64),
    )


def _purchase_answers(
    models: LifetimeModels, packed: NDArray[np.int64], horizons: tuple[int, ...], frequency_model: str | None
) -> dict[str, Floats]:
    """One answer per history; what the living do is taken once per distinct (x, T), whatever their t_x."""
    name = frequency_model or models.frequency_model
    model, unit = models.frequency(name), models.unit_days
    histories = in_units(packed, np.ones_like(packed), unit)
    alive = model.chance_alive(histories)
    repeats, _, tenure = unpack(packed, len(HISTORY))
    pairs, of_pair = np.unique(pack(repeats, tenure), return_inverse=True)
    x, age = (one.astype(np.float64) for one in unpack(pairs, 2))
    answers = {
        f"expected_orders_{days}d": alive * model.purchases_of_living(x, age / unit, days / unit)[of_pair]
        for days in horizons
    }
    active = model.activity_of_living(x, age / unit, ACTIVITY_DAYS / unit)[of_pair]
    wait = model.wait_of_living(histories.repeats, histories.tenure, half_of(alive)) * unit
    return {
        **answers,
        "active_28d_probability": alive * active,
        "alive_probability": alive if models.knows_dropout(name) else np.full(len(alive), np.nan),
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
