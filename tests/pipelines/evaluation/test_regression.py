import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation.regression import (
    mean_absolute_error,
    median_absolute_error,
    ratio_of_sums,
    root_mean_squared_error,
)
from pipelines.evaluation.validity import measure

PREDICTED, ACTUAL = pl.col("predicted"), pl.col("actual")
METRICS = {
    "mae": mean_absolute_error(PREDICTED, ACTUAL),
    "rmse": root_mean_squared_error(PREDICTED, ACTUAL),
    "median": median_absolute_error(PREDICTED, ACTUAL),
    "ratio": ratio_of_sums(PREDICTED, ACTUAL),
}
AMOUNTS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6)), min_size=1, max_size=40)


def test_errors_by_hand():
    measured = measure({"predicted": [10.0, 20.0, 30.0, 5.0], "actual": [10.0, 23.0, 26.0, 5.0]}, **METRICS)
    assert measured["mae"] == 7 / 4
    assert measured["rmse"] == math.sqrt(25 / 4)
    assert measured["median"] == 3 / 2
    assert measured["ratio"] == pytest.approx(65 / 64)


def test_a_ratio_to_nothing_is_null():
    measured = measure({"predicted": [1.0, 2.0], "actual": [0.0, 0.0]}, **METRICS)
    assert measured["ratio"] is None
    assert measured["mae"] == 1.5


@pytest.mark.parametrize("broken", [None, float("nan")])
def test_a_broken_number_makes_every_metric_null(broken):
    assert measure({"predicted": [1.0, broken], "actual": [1.0, 2.0]}, **METRICS) == dict.fromkeys(METRICS)


def test_nothing_measured_is_null():
    nothing = pl.Series([], dtype=pl.Float64)
    assert measure({"predicted": nothing, "actual": nothing}, **METRICS) == dict.fromkeys(METRICS)


@given(AMOUNTS)
def test_errors_agree_with_scikit_learn(rows):
    predicted, actual = ([row[side] / 100 for row in rows] for side in (0, 1))
    measured = measure({"predicted": predicted, "actual": actual}, **METRICS)
    assert measured["mae"] == pytest.approx(
        metrics.mean_absolute_error(actual, predicted), rel=1e-9, abs=1e-9
    )
    assert measured["rmse"] == pytest.approx(metrics.root_mean_squared_error(actual, predicted), rel=1e-9)
    assert measured["median"] == pytest.approx(metrics.median_absolute_error(actual, predicted), rel=1e-9)
