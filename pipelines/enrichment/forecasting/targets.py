"""What is forecast: of whom, which outcome, against which baseline, and by which loss it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import polars as pl

from pipelines.contracts.codes import ForecastModel
from pipelines.enrichment.forecasting.features import FEATURES
from pipelines.evaluation.classification import brier_score
from pipelines.evaluation.regression import mean_absolute_error, root_mean_squared_error

HORIZON = 28
#: A rhythm shows from the third visit on, and not in someone who was away for three months.
RHYTHM_VISITS, RHYTHM_RECENCY_DAYS = 3, 84
#: Spend has halved: a soft churn.
HALF = 0.5
RESPONSE_FEATURES = (
    *FEATURES,
    "redemption_count",
    "redemption_recency_days",
    "campaign_count",
    "response_rate",
    "kind_rate",
)


class Loss(StrEnum):
    """What a model is least wrong by."""

    MEAN = "mean"
    MEDIAN = "median"
    CHANCE = "chance"

    @property
    def metric(self) -> str:
        names = {Loss.MEAN: "root_mean_squared_error", Loss.MEDIAN: "mean_absolute_error"}
        return names.get(self, "brier_score")

    def error(self, predicted: pl.Expr, actual: pl.Expr) -> pl.Expr:
        metrics = {Loss.MEAN: root_mean_squared_error, Loss.MEDIAN: mean_absolute_error}
        return metrics.get(self, brier_score)(predicted, actual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One forecast.

    Attributes:
        population: Rows that it is about.
        outcome: What came.
        baseline: The simple forecast; None is the share of the training rows.
        most: Upper bound of a forecast; None for no bound.
    """

    model: ForecastModel
    loss: Loss
    outcome: pl.Expr
    baseline: pl.Expr | None
    population: pl.Expr
    features: tuple[str, ...] = FEATURES
    most: float | None = None


EVERYONE = pl.lit(value=True)
_BOUGHT = pl.col("next_spend") > 0
_TARGETS = (
    Target(
        model=ForecastModel.SPEND_MEAN,
        loss=Loss.MEAN,
        outcome=pl.col("next_spend"),
        baseline=pl.col("spend_rate_28d"),
        population=EVERYONE,
    ),
    Target(
        model=ForecastModel.SPEND_MEDIAN,
        loss=Loss.MEDIAN,
        outcome=pl.col("next_spend"),
        baseline=pl.col("spend_rate_28d"),
        population=EVERYONE,
    ),
    Target(
        model=ForecastModel.ACTIVITY,
        loss=Loss.CHANCE,
        outcome=_BOUGHT.cast(pl.Float64),
        baseline=1 - (-pl.col("visit_rate_28d")).exp(),
        population=EVERYONE,
    ),
    Target(
        model=ForecastModel.SOFT_CHURN,
        loss=Loss.CHANCE,
        outcome=(pl.col("next_spend") < HALF * pl.col("spend_28d")).cast(pl.Float64),
        baseline=None,
        population=pl.col("spend_28d") > 0,
    ),
    Target(
        model=ForecastModel.NEXT_PURCHASE,
        loss=Loss.MEDIAN,
        outcome=pl.col("next_purchase_in"),
        baseline=pl.col("lifetime_wait_days").fill_null(HORIZON).clip(1, HORIZON),
        population=(pl.col("visit_count") >= RHYTHM_VISITS) & (pl.col("recency_days") <= RHYTHM_RECENCY_DAYS),
        most=float(HORIZON),
    ),
    Target(
        model=ForecastModel.CAMPAIGN_RESPONSE,
        loss=Loss.CHANCE,
        outcome=pl.col("is_redeemed"),
        baseline=None,
        population=EVERYONE,
        features=RESPONSE_FEATURES,
    ),
)
TARGETS: Mapping[ForecastModel, Target] = MappingProxyType({target.model: target for target in _TARGETS})
