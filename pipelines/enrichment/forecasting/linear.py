"""The regularised linear challenger: it wins on small data, and reads like a formula.

Each feature enters twice, standardised as it is and on a signed logarithmic
scale; what is missing counts as the median. scikit-learn fits, and the fitted
model is plain numbers, so that scoring needs no more than a matrix product.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.enrichment.forecasting.targets import Loss

Floats = NDArray[np.float64]
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
    from sklearn.linear_model import LogisticRegression, Ridge  # noqa: PLC0415  slow to import

    scaling = _scaling(rows)
    design = _design(rows, scaling)
    if loss is Loss.CHANCE:
        fitted = LogisticRegression(C=LOGISTIC, max_iter=1000).fit(design, outcome)
        coefficients, intercept = fitted.coef_[0], float(fitted.intercept_[0])
    else:
        fitted = Ridge(alpha=RIDGE, solver="cholesky").fit(design, outcome)
        resolution = MEDIAN_RESOLUTION * max(float(np.abs(outcome).mean()), 1e-9)
        for _ in range(MEDIAN_STEPS if loss is Loss.MEDIAN else 0):
            distance = np.abs(fitted.predict(design) - outcome)
            weight = 1 / np.maximum(distance, resolution)
            fitted = Ridge(alpha=RIDGE, solver="cholesky").fit(
                design, outcome, sample_weight=weight / weight.mean()
            )
        coefficients, intercept = fitted.coef_, float(fitted.intercept_)
    return {**scaling, "coefficients": coefficients.tolist(), "intercept": intercept, "loss": loss.value}


def predict_linear(model: Mapping[str, Any], rows: Floats) -> Floats:
    # Column by column, not by BLAS, whose sums depend on the number of threads.
    design = _design(rows, model)
    line = np.full(len(rows), float(model["intercept"]))
    for place, coefficient in enumerate(model["coefficients"]):
        line += coefficient * design[:, place]
    if model["loss"] == Loss.CHANCE:
        return np.asarray(1 / (1 + np.exp(-line)))
    return line
