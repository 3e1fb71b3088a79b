import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipelines.evaluation.intervals import (
    bootstrap_interval,
    normal_interval,
    roc_auc_variance,
    wilson_interval,
)
from pipelines.evaluation.validity import measure


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (8, 10), (50, 1000), (7, 7)])
def test_wilson_agrees_with_scipy(successes, trials):
    theirs = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    ours = wilson_interval(successes, trials)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_no_trial_says_nothing():
    assert math.isnan(wilson_interval(0, 0).low)


def test_normal_interval_by_hand_and_cut():
    interval = normal_interval(0.7, 0.01)
    assert (interval.low, interval.high) == pytest.approx(
        (0.7 - 1.959964 * 0.1, 0.7 + 1.959964 * 0.1), abs=1e-6
    )
    assert normal_interval(0.99, 0.01).high == 1
    assert normal_interval(0.01, 0.01).low == 0


def _variance(score: list[float | None], outcome: list[float]) -> float | None:
    columns = {"s": pl.Series(score, dtype=pl.Float64), "y": pl.Series(outcome, dtype=pl.Float64)}
    return measure(columns, variance=roc_auc_variance(pl.col("s"), pl.col("y")))["variance"]


def test_variance_of_the_area_by_hand():
    # Positives 3 and 1, negatives 2 and 0: shares below 1 and 1/2, shares above 1/2 and 1.
    assert _variance([3, 1, 2, 0], [1, 1, 0, 0]) == pytest.approx(2 * ((1 / 4) ** 2 * 2) / 2)


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=30))
def test_variance_agrees_with_all_pairs(rows):
    positives = [score for score, outcome in rows if outcome]
    negatives = [score for score, outcome in rows if not outcome]
    variance = _variance([row[0] for row in rows], [row[1] for row in rows])
    if min(len(positives), len(negatives)) < 2:
        assert variance is None
        return
    wins = np.array([[(p > n) + (p == n) / 2 for n in negatives] for p in positives])
    expected = np.var(wins.mean(axis=1), ddof=1) / len(positives)
    expected += np.var(wins.mean(axis=0), ddof=1) / len(negatives)
    assert variance == pytest.approx(expected, abs=1e-12)


def test_variance_of_broken_or_no_scores_is_null():
    assert _variance([0.1, None, 0.3, 0.9], [1, 0, 1, 0]) is None
    assert _variance([], []) is None


def test_bootstrap_of_a_mean_is_near_the_normal_one():
    values = np.random.default_rng(11).normal(5, 2, 4000)
    interval = bootstrap_interval(values, np.ones(4000), np.arange(4000), salt="test", replicates=400)
    half = 1.96 * values.std() / math.sqrt(4000)
    assert interval.low == pytest.approx(values.mean() - half, abs=half / 4)
    assert interval.high == pytest.approx(values.mean() + half, abs=half / 4)


def test_bootstrap_depends_on_keys_and_salt_but_not_on_row_order():
    values, ones, keys = np.arange(50.0), np.ones(50), [f"row {place}" for place in range(50)]
    plain = bootstrap_interval(values, ones, keys, salt="a", replicates=50)
    assert bootstrap_interval(values[::-1], ones, keys[::-1], salt="a", replicates=50) == plain
    assert bootstrap_interval(values, ones, keys, salt="b", replicates=50) != plain


def test_bootstrap_of_a_ratio_covers_it():
    above, below = np.array([1.0, 0.0, 1.0, 1.0] * 50), np.array([2.0, 1.0, 2.0, 1.0] * 50)
    interval = bootstrap_interval(above, below, np.arange(200), salt="ratio")
    assert interval.low < 0.5 < interval.high


def test_bootstrap_of_nothing_says_nothing():
    assert math.isnan(bootstrap_interval([], [], pl.Series([], dtype=pl.Int64), salt="none").low)


def test_resampling_counts_are_poisson():
    # Of one row each replicate keeps it or not: it is drawn at least once with chance 1 - 1/e.
    kept = [
        not math.isnan(bootstrap_interval([1.0], [1.0], [place], salt="draw", replicates=1).low)
        for place in range(600)
    ]
    assert sum(kept) / 600 == pytest.approx(1 - math.exp(-1), abs=0.05)
