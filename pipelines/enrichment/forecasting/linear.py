"""The regularised linear challenger: it wins on small data, and reads like a formula.

Each feature enters twice, standardised as it is and on a signed logarithmic
scale; what is missing counts as the median. The fitted model is plain numbers,
so that scoring needs no more than a matrix product.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.enrichment.forecasting.targets import Loss

Floats = NDArray[np.float64]
#: Rows that a fit is made on at most: a hundred coefficients do not need more.
LARGEST_FIT = 20_000
RIDGE = 30.0
#: Inverse strength of the logistic model's penalty.
LOGISTIC = 0.05
#: Steps of reweighting that a median needs, and the smallest distance that is told apart, as a share of
#: the mean outcome.
MEDIAN_STEPS = 12
MEDIAN_RESOLUTION = 0.05
#: Standard deviations beyond which a feature says no more.
CLIP = 6.0


def _log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _design(rows: Floats, scaling: Mapping[str, Any]) -> Floats:
    filled = np.where(np.isnan(rows), np.asarray(scaling["medians"]), rows)
    doubled = np.hstack([filled, _log(filled)])
    scaled = (doubled - np.asarray(scaling["centres"])) / np.asarray(scaling["scales"])
    return np.asarray(np.clip(scaled, -CLIP, CLIP), np.float64)


def _scaling(rows: Floats) -> dict[str, list[float]]:
    known = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
    medians = np.nanmedian(known, axis=0)
    filled = np.where(np.isnan(rows), medians, rows)
    doubled = np.hstack([filled, _log(filled)])
    scales = doubled.std(axis=0)
    return {
        "medians": medians.tolist(),
        "centres": doubled.mean(axis=0).tolist(),
        "scales": np.where(scales > 0, scales, 1.0).tolist(),
    }


def fit_linear(rows: Floats, outcome: Floats, loss: Loss) -> dict[str, Any]:
    """Coefficients, intercept and scaling; a chance is the logistic function of the line."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  slow to import

    taken = systematic(len(rows), LARGEST_FIT)
    known, answers = rows[taken], outcome[taken]
    scaling = _scaling(known)
    # BLAS adds differently on one thread and on two.
    with threadpool_limits(1, "blas"):
        design = _design(known, scaling)
        fit = _fit_chance if loss is Loss.CHANCE else _fit_median if loss is Loss.MEDIAN else _fit_mean
        coefficients, intercept = fit(design, answers)
    return {**scaling, "coefficients": coefficients.tolist(), "intercept": intercept, "loss": loss.value}


def systematic(count: int, most: int) -> NDArray[np.int64]:
    """Places of at most so many rows, evenly spread; of all rows where they are not more."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _fit_chance(design: Floats, outcome: Floats) -> tuple[Floats, float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  slow to import

    fitted = LogisticRegression(C=LOGISTIC, solver="newton-cholesky").fit(design, outcome)
    return np.asarray(fitted.coef_[0], np.float64), float(fitted.intercept_[0])


def _fit_mean(design: Floats, outcome: Floats, weight: Floats | None = None) -> tuple[Floats, float]:
    """Ridge regression by its normal equations; the intercept is not penalised."""
    weights = np.ones(len(design)) if weight is None else weight
    extended = np.hstack([design, np.ones((len(design), 1))])
    penalty = np.append(np.full(design.shape[1], RIDGE), 0.0)
    weighted = extended * weights[:, None]
    solved = np.linalg.solve(weighted.T @ extended + np.diag(penalty), weighted.T @ outcome)
    return np.asarray(solved[:-1], np.float64), float(solved[-1])


def _fit_median(design: Floats, outcome: Floats) -> tuple[Floats, float]:
    """Least absolute deviations by reweighting (Schlossmacher 1973)."""
    coefficients, intercept = _fit_mean(design, outcome)
    resolution = MEDIAN_RESOLUTION * max(float(np.abs(outcome).mean()), 1e-9)
    for _ in range(MEDIAN_STEPS):
        distance = np.abs(design @ coefficients + intercept - outcome)
        weight = 1 / np.maximum(distance, resolution)
        coefficients, intercept = _fit_mean(design, outcome, weight / weight.mean())
    return coefficients, intercept


def linear_importance(model: Mapping[str, Any]) -> Floats:
    """Size of every feature's standardised coefficients, both scales together."""
    return np.asarray(np.abs(model["coefficients"]).reshape(2, -1).sum(axis=0), np.float64)


def predict_linear(model: Mapping[str, Any], rows: Floats) -> Floats:
    # Column by column, not by BLAS, whose sums depend on the number of threads; and columns fit a cache.
    count = rows.shape[1]
    line = np.full(len(rows), float(model["intercept"]))
    for place in range(count):
        known = rows[:, place]
        filled = np.where(np.isnan(known), model["medians"][place], known)
        for scale, values in ((place, filled), (count + place, _log(filled))):
            scaled = (values - model["centres"][scale]) / model["scales"][scale]
            line += model["coefficients"][scale] * np.clip(scaled, -CLIP, CLIP)
    if model["loss"] == Loss.CHANCE:
        return np.asarray(1 / (1 + np.exp(-line)))
    return line
