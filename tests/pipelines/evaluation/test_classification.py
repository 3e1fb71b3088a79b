import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from pipelines.evaluation.classification import (
    brier_score,
    expected_calibration_error,
    lift_table,
    log_loss,
    quantile_bin,
    reliability_table,
    roc_auc,
)
from pipelines.evaluation.validity import measure

SCORE, OUTCOME = pl.col("score"), pl.col("outcome")
METRICS = {
    "roc_auc": roc_auc(SCORE, OUTCOME),
    "brier": brier_score(SCORE, OUTCOME),
    "log_loss": log_loss(SCORE, OUTCOME),
    "calibration": expected_calibration_error(SCORE, OUTCOME),
}


def _measured(score: list[float | None], outcome: list[float | None]) -> dict[str, float | None]:
    columns = {"score": pl.Series(score, dtype=pl.Float64), "outcome": pl.Series(outcome, dtype=pl.Float64)}
    return measure(columns, **METRICS)


def test_area_counts_pairs_and_ties_half():
    # Positives .8 and .5, negatives .5 and .2: three pairs right, one tie.
    assert _measured([0.8, 0.5, 0.5, 0.2], [1, 1, 0, 0])["roc_auc"] == 3.5 / 4


def test_brier_and_log_loss_by_hand():
    measured = _measured([0.8, 0.3], [1, 0])
    assert measured["brier"] == pytest.approx((0.2**2 + 0.3**2) / 2, abs=1e-9)
    assert measured["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.7)) / 2, abs=1e-9)


def test_a_certain_miss_is_bad_but_not_infinitely():
    assert _measured([1.0, 1.0], [0, 1])["log_loss"] == pytest.approx(-math.log(math.ulp(1.0)) / 2, rel=1e-9)


def test_calibration_error_by_hand():
    # Two bins: {.1, .2} with rate 1/2, {.6, .9} with rate 1.
    columns = {"score": [0.9, 0.1, 0.6, 0.2], "outcome": [1, 0, 1, 1]}
    error = measure(columns, error=expected_calibration_error(SCORE, OUTCOME, bins=2))["error"]
    assert error == pytest.approx((2 * abs(0.15 - 0.5) + 2 * abs(0.75 - 1.0)) / 4, abs=1e-12)


def test_calibration_error_of_a_constant_is_its_distance_from_the_rate():
    assert _measured([0.3] * 8, [1, 0] * 4)["calibration"] == pytest.approx(0.2, abs=1e-12)


def test_calibration_error_is_that_of_the_reliability_table():
    rng = np.random.default_rng(3)
    score = np.round(rng.random(997), 2)
    outcome = rng.random(997) < score**2
    table = reliability_table(
        pl.LazyFrame({"score": score, "outcome": outcome}), probability="score", outcome="outcome"
    ).collect()
    gaps = (table["mean_probability"] - table["outcome_rate"]).abs() * table["row_count"]
    measured = measure({"score": score, "outcome": outcome}, **METRICS)
    assert measured["calibration"] == pytest.approx(gaps.sum() / 997, abs=1e-8)
    assert table["row_count"].sum() == 997
    assert table["row_count"].min() > 85


def test_one_class_has_no_area_but_an_error():
    measured = _measured([0.2, 0.4], [0, 0])
    assert measured["roc_auc"] is None
    assert measured["brier"] == pytest.approx((0.04 + 0.16) / 2)


@pytest.mark.parametrize("broken", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["score", "outcome"])
def test_a_broken_number_makes_every_metric_null(broken, column):
    rows = {"score": [0.1, 0.9, 0.5], "outcome": [0.0, 1.0, 1.0]}
    rows[column] = [*rows[column][:2], broken]
    assert _measured(rows["score"], rows["outcome"]) == dict.fromkeys(METRICS)


def test_nothing_measured_is_null():
    assert _measured([], []) == dict.fromkeys(METRICS)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60).filter(
        lambda rows: len({outcome for _, outcome in rows}) == 2
    )
)
def test_metrics_agree_with_scikit_learn(rows):
    score, outcome = np.array([row[0] / 20 for row in rows]), np.array([row[1] for row in rows])
    measured = measure({"score": score, "outcome": outcome}, **METRICS)
    assert measured["roc_auc"] == pytest.approx(metrics.roc_auc_score(outcome, score), abs=1e-12)
    assert measured["brier"] == pytest.approx(metrics.brier_score_loss(outcome, score), abs=1e-8)
    assert measured["log_loss"] == pytest.approx(metrics.log_loss(outcome, score), abs=1e-8)


@given(st.permutations(range(40)))
def test_shuffled_rows_give_the_same_bytes(order):
    score = np.round(np.sin(np.arange(40.0)) ** 2, 1)
    outcome = np.arange(40) % 3 == 0
    places = np.array(order)
    plain = measure({"score": score, "outcome": outcome}, **METRICS)
    shuffled = measure({"score": score[places], "outcome": outcome[places]}, **METRICS)
    assert plain == shuffled


def test_area_works_within_groups():
    frame = pl.LazyFrame(
        {"model": ["a", "a", "b", "b"], "score": [0.1, 0.9, 0.9, 0.1], "outcome": [0, 1, 0, 1]}
    )
    areas = frame.group_by("model").agg(area=roc_auc(SCORE, OUTCOME)).sort("model").collect()
    assert areas["area"].to_list() == [1.0, 0.0]


def test_bins_hold_equal_counts_and_ties_stay_together():
    frame = pl.DataFrame({"score": [5.0, 1.0, 2.0, 4.0, 3.0, 6.0]})
    assert frame.select(quantile_bin(SCORE, 3)).to_series().to_list() == [2, 0, 0, 1, 1, 2]
    tied = pl.DataFrame({"score": [1.0, 1.0, 1.0, 2.0]})
    assert tied.select(quantile_bin(SCORE, 2)).to_series().to_list() == [0, 0, 0, 1]


def test_reliability_table_by_hand():
    scored = pl.LazyFrame({"p": [0.9, 0.1, 0.6, 0.2, None], "y": [1, 0, 1, 1, 1]})
    table = reliability_table(scored, probability="p", outcome="y", bins=2).collect()
    assert table.rows() == [(1, 2, pytest.approx(0.15), 0.5), (2, 2, pytest.approx(0.75), 1.0)]


def test_lift_table_by_hand():
    scored = pl.LazyFrame({"s": [0.9, 0.8, 0.7, 0.1], "y": [1, 1, 0, 1]})
    table = lift_table(scored, score="s", outcome="y", bins=2).collect()
    assert table["bin_number"].to_list() == [1, 2]
    assert table["row_count"].to_list() == [2, 2]
    assert table["outcome_rate"].to_list() == [1.0, 0.5]
    assert table["lift"].to_list() == pytest.approx([1 / 0.75, 0.5 / 0.75])
    assert table["captured_rate"].to_list() == pytest.approx([2 / 3, 1.0])


def test_lift_without_a_positive_is_null():
    table = lift_table(pl.LazyFrame({"s": [0.9, 0.1], "y": [0, 0]}), score="s", outcome="y", bins=2).collect()
    assert table["lift"].to_list() == [None, None]
    assert table["captured_rate"].to_list() == [None, None]
