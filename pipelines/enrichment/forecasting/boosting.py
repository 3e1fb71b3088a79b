"""Boosted trees (LightGBM), the same on every run: one thread, fixed seed, rows in a fixed order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.enrichment.forecasting.targets import Loss

Floats = NDArray[np.float64]
ROUNDS, LEARNING_RATE = 75, 0.1
#: Up to so many rows a fit can afford twice the steps at half the rate, which loses less to noise.
FEW_ROWS = 20_000
#: Of predictions; a row's forecast does not depend on it.
SCORING_THREADS = 2
_OBJECTIVES = {Loss.MEAN: "regression", Loss.MEDIAN: "regression_l1", Loss.CHANCE: "binary"}
#: Small trees with many rows a leaf: some 70,000 rows of 2,500 people are not 70,000 independent ones.
_PARAMETERS = {
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "bin_construct_sample_cnt": 20_000,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    # Sums over rows are split by threads, so that another number of them gives other last digits.
    "num_threads": 1,
    "verbosity": -1,
}


def fit_trees(rows: Floats, outcome: Floats, loss: Loss) -> dict[str, Any]:
    """The model as the text that LightGBM reads back."""
    import lightgbm  # noqa: PLC0415  slow to import

    steps = 2 if len(rows) <= FEW_ROWS else 1
    parameters = {**_PARAMETERS, "objective": _OBJECTIVES[loss], "learning_rate": LEARNING_RATE / steps}
    trained = lightgbm.train(parameters, lightgbm.Dataset(rows, outcome, params=parameters), ROUNDS * steps)
    return {"trees": trained.model_to_string()}


def predict_trees(model: dict[str, Any], rows: Floats) -> Floats:
    import lightgbm  # noqa: PLC0415  slow to import

    booster = lightgbm.Booster(model_str=model["trees"])
    return np.asarray(booster.predict(rows, num_threads=SCORING_THREADS), np.float64)


def tree_importance(model: dict[str, Any]) -> Floats:
    """Gain of every feature over all splits."""
    import lightgbm  # noqa: PLC0415  slow to import

    booster = lightgbm.Booster(model_str=model["trees"])
    return np.asarray(booster.feature_importance("gain"), np.float64)
