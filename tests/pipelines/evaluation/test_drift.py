import math

import numpy as np
import pytest
from scipy import special, stats

from pipelines.evaluation.drift import kolmogorov_smirnov, population_stability_index, stability_of_counts


def test_index_of_counts_by_hand():
    # Half a row more in each: 1.5 and 2.5 of 4, 2.5 and 1.5 of 4.
    expected = 2 * (2.5 - 1.5) / 4 * math.log(2.5 / 1.5)
    assert stability_of_counts([1, 2], [2, 1]) == pytest.approx(expected)


def test_an_empty_category_stays_finite():
    assert math.isfinite(stability_of_counts([100, 0], [0, 100]))


def test_index_of_two_bins_by_hand():
    # The reference's median 2 closes the lower bin: 2 and 2 before, 1 and 3 now, nothing missing.
    index = population_stability_index([1, 2, 3, 4], [2, 3, 4, 5], bins=2)
    assert index == pytest.approx(stability_of_counts([2, 2, 0], [1, 3, 0]))


def test_the_same_sample_has_not_moved_and_another_has():
    rng = np.random.default_rng(5)
    sample = rng.normal(size=5000)
    assert population_stability_index(sample, sample) == 0
    assert population_stability_index(sample, rng.normal(size=5000)) < 0.02
    assert population_stability_index(sample, sample + 1) > 0.25


def test_missing_numbers_are_a_bin_of_their_own():
    before, now = [1.0, 2.0, float("nan")], [1.0, float("nan"), float("nan")]
    expected = stability_of_counts([1, 1, 1], [1, 0, 2])
    assert population_stability_index(before, now, bins=2) == pytest.approx(expected)
    assert population_stability_index([float("nan")], [float("nan")]) == 0


def test_a_column_of_one_value_has_one_edge():
    assert population_stability_index([3.0] * 10, [3.0] * 10) == 0
    assert population_stability_index([3.0] * 10, [4.0] * 10) > 1


@pytest.mark.parametrize(("before", "now"), [([], [1.0]), ([1.0], [])], ids=["before", "now"])
def test_nothing_to_compare_is_nan(before, now):
    assert math.isnan(population_stability_index(before, now))
    assert math.isnan(kolmogorov_smirnov(before, now).distance)
    assert math.isnan(kolmogorov_smirnov(before, now).p_value)


def test_distance_by_hand():
    # After 2: both of the reference, one of four of the current.
    assert kolmogorov_smirnov([1, 2], [2, 3, 4, 5]).distance == 3 / 4


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.1])
def test_test_agrees_with_scipy(shift):
    rng = np.random.default_rng(7)
    before, now = rng.normal(size=4000), np.append(rng.normal(shift, size=3000), np.nan)
    found, theirs = kolmogorov_smirnov(before, now), stats.ks_2samp(before, now[:-1], method="asymp")
    assert found.distance == pytest.approx(theirs.statistic, abs=1e-12)
    limit = special.kolmogorov(math.sqrt(4000 * 3000 / 7000) * theirs.statistic)
    assert found.p_value == pytest.approx(limit, abs=1e-12)


def test_equal_samples_are_no_evidence():
    assert kolmogorov_smirnov([1, 2, 3], [1, 2, 3]).p_value == 1
