import math

import numpy as np
import polars as pl
import pytest

from pipelines.evaluation.off_policy.weights import shrunk, summarise_weights, sums_by_key, switched

WEIGHTS = np.array([1, 2, 0.5])


def test_summary_by_hand():
    found = summarise_weights(WEIGHTS, pl.Series(["a", "b", "c"]))
    assert found.effective_count == pytest.approx(3.5**2 / (1 + 4 + 0.25))
    assert (found.largest, found.mean) == (2, pytest.approx(7 / 6))
    # Deviations -1/6, 5/6 and -4/6; variance of the mean with n - 1.
    assert found.standard_error == pytest.approx(math.sqrt(42 / 36 / 2 / 3))


def test_summary_by_hand_where_two_rounds_have_one_key():
    found = summarise_weights(WEIGHTS, pl.Series(["a", "a", "c"]))
    assert found.effective_count == pytest.approx(3.5**2 / (3**2 + 0.5**2))
    # Sums of deviations 4/6 and -4/6.
    assert found.standard_error == pytest.approx(math.sqrt(2 * 2 * (4 / 6) ** 2) / 3)


def test_of_one_key_nothing_varies_and_without_weight_nothing_counts():
    found = summarise_weights(np.array([0.0, 0.0]), pl.Series([1, 1]))
    assert (found.effective_count, found.mean, found.standard_error) == (0, 0, 0)


def test_standard_error_covers_the_mean_weight():
    """In 300 repetitions the mean weight misses 1 by more than two standard errors in about 5 %."""
    dice = np.random.default_rng(5)
    misses = 0
    for _ in range(300):
        is_first = dice.uniform(size=400) < 0.3
        weights = np.where(is_first, 0.6 / 0.3, 0.4 / 0.7)
        found = summarise_weights(weights, pl.Series(range(400)))
        misses += abs(found.mean - 1) > 2 * found.standard_error
    assert 4 <= misses <= 30


def test_switching_by_hand():
    assert switched(WEIGHTS, 1).tolist() == [1, 0, 0.5]


@pytest.mark.parametrize(
    ("strength", "by_hand"), [(0, [0, 0, 0]), (2, [2 / 3, 2 / 3, 4 / 9]), (math.inf, [1, 2, 0.5])]
)
def test_shrinkage_by_hand(strength, by_hand):
    assert shrunk(WEIGHTS, strength).tolist() == pytest.approx(by_hand)


def test_sums_by_key_are_in_the_order_of_the_keys():
    assert sums_by_key(np.array([1.0, 2.0, 4.0]), pl.Series(["b", "a", "b"])).tolist() == [2, 5]
