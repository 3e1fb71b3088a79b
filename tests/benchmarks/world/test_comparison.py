import numpy as np
import pytest

from benchmarks.world.comparison import paired_difference, paired_lift

Z = 1.959963984540054


def test_a_difference_is_judged_by_the_spread_of_pairs() -> None:
    interval = paired_difference(np.array([3.0, 5.0, 4.0]), np.array([1.0, 2.0, 3.0]))
    # Differences 2, 3, 1: mean 2, standard deviation 1.
    assert interval.estimate == 2.0
    assert interval.upper - 2.0 == pytest.approx(Z / np.sqrt(3))
    assert 2.0 - interval.lower == pytest.approx(Z / np.sqrt(3))


def test_a_lift_has_the_log_ratio_interval_of_pairs() -> None:
    treated, control = np.array([2.0, 6.0, 4.0]), np.array([1.0, 2.0, 3.0])
    interval = paired_lift(treated, control)
    # Means 4 and 2; y/4 - x/2 is 0, 0.5, -0.5 with a standard deviation of 0.5.
    error = 0.5 / np.sqrt(3)
    assert interval.estimate == pytest.approx(1.0)
    assert interval.lower == pytest.approx(2 * np.exp(-Z * error) - 1)
    assert interval.upper == pytest.approx(2 * np.exp(Z * error) - 1)


def test_proportional_arms_have_no_uncertainty() -> None:
    control = np.array([1.0, 5.0, 0.0, 2.0])
    interval = paired_lift(1.5 * control, control)
    assert (interval.estimate, interval.lower, interval.upper) == pytest.approx((0.5, 0.5, 0.5))


def test_a_ratio_of_what_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="positive means"):
        paired_lift(np.array([1.0, 2.0]), np.array([1.0, -1.0]))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        shared = generator.gamma(0.5, 1.0, 300)
        control, treated = generator.poisson(shared), generator.poisson(1.6 * shared)
        interval = paired_lift(treated.astype(float), control.astype(float))
        held += interval.lower <= 0.6 <= interval.upper
    assert 0.92 <= held / 400 <= 0.975
