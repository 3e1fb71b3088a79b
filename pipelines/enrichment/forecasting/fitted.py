"""A fitted forecast: the winner of two kinds of model, its calibration, and how it is applied to rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.contracts.codes import ForecastModel
from pipelines.enrichment.forecasting.boosting import fit_trees, predict_trees, tree_importance
from pipelines.enrichment.forecasting.calibration import calibrate
from pipelines.enrichment.forecasting.linear import fit_linear, linear_importance, predict_linear
from pipelines.enrichment.forecasting.targets import TARGETS, Loss, Target

Floats = NDArray[np.float64]
TREES, LINEAR, BASELINE = "boosted_trees", "linear", "baseline"
#: Decimals of a forecast; hides the digits in which the functions of two machines may differ.
DECIMALS = 9
_FIT = {TREES: fit_trees, LINEAR: fit_linear}
_PREDICT = {TREES: predict_trees, LINEAR: predict_linear}
_IMPORTANCE = {TREES: tree_importance, LINEAR: linear_importance}


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedModel:
    """A forecast as it is scored; `record` is plain JSON, and `of_record` its inverse.

    Attributes:
        method: Kind of model, or `baseline` where none passed the gate.
        parameters: The fitted model, as its kind wrote it.
        curve: Calibration of a chance; empty where the chance needs none.
        base_rate: Mean outcome of the training rows: the baseline of a chance without a formula.
        reliability: Reliability and lift on the last fold, by column; empty for amounts.
        reference: Quantiles of every feature in training, by which drift is told.
    """

    model: ForecastModel
    method: str
    base_rate: float
    parameters: dict[str, Any] = field(default_factory=dict)
    curve: dict[str, list[float]] = field(default_factory=dict)
    reliability: dict[str, list[float]] = field(default_factory=dict)
    reference: dict[str, list[float]] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        return TARGETS[self.model]

    def record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        return cls(**{**record, "model": ForecastModel(record["model"])})

    def baseline(self) -> pl.Expr:
        """The simple forecast of a row of features."""
        formula = self.target.baseline
        return (pl.lit(self.base_rate) if formula is None else formula).cast(pl.Float64)

    def predict(self, rows: pl.DataFrame) -> Floats:
        """One forecast per row; of the baseline where no model is used."""
        if self.method == BASELINE:
            return rows.with_columns(forecast=self.baseline())["forecast"].to_numpy()
        raw = predict_raw(self.target, self.method, self.parameters, matrix(self.target, rows))
        return np.round(calibrate(self.curve, raw) if self.curve else raw, DECIMALS)


def matrix(target: Target, rows: pl.DataFrame) -> Floats:
    """Features of the target, a column each; NaN where unknown."""
    return rows.select(
        pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in target.features
    ).to_numpy()


def importance(fitted: FittedModel) -> dict[str, float]:
    """Share of every feature in what the model goes by; empty for a baseline."""
    if fitted.method == BASELINE:
        return {}
    weights = _IMPORTANCE[fitted.method](fitted.parameters)
    shares = weights / max(float(weights.sum()), np.finfo(float).tiny)
    return dict(zip(fitted.target.features, shares.tolist(), strict=True))


def fit_raw(target: Target, method: str, rows: Floats, outcome: Floats) -> dict[str, Any]:
    return _FIT[method](rows, outcome, target.loss)


def predict_raw(target: Target, method: str, parameters: dict[str, Any], rows: Floats) -> Floats:
    """Before calibration; amounts are never negative, chances never certain."""
    if not len(rows):
        return np.empty(0)
    answer = _PREDICT[method](parameters, rows)
    if target.loss is Loss.CHANCE:
        return np.asarray(np.clip(answer, 0.0, 1.0))
    return np.asarray(np.clip(answer, 0.0, target.most))
