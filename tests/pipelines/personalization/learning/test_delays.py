import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.personalization.learning.delays import seen_shares, share_at_age

NONE = float("nan")


def test_shares_by_hand():
    # Four decisions: one outcome on night 1, one on night 3, one decision seen for 2 nights only, one for 4.
    delays, ages = np.array([1.0, 3.0, NONE, NONE]), np.array([4, 4, 2, 4])
    # S(1) = 1 - 1/4; on night 3 two are left: S(3) = 3/4 * (1 - 1/2); S(4) is the same.
    at_end = 1 - 3 / 8
    expected = [0, (1 / 4) / at_end, (1 / 4) / at_end, (5 / 8) / at_end, (5 / 8) / at_end]
    assert seen_shares(delays, ages, window_days=4) == pytest.approx(expected)


def test_what_happened_after_the_window_is_no_outcome():
    shares = seen_shares(np.array([1.0, 5.0]), np.array([9, 9]), window_days=3)
    assert shares == pytest.approx([0, 1, 1, 1])


def test_without_outcomes_nothing_is_corrected():
    shares = seen_shares(np.array([NONE, NONE]), np.array([1, 7]), window_days=2)
    assert shares.tolist() == [0, 1, 1]


def test_without_decisions_nothing_is_corrected():
    assert seen_shares(np.array([]), np.array([], np.int64), window_days=1).tolist() == [0, 1]


def test_a_closed_window_has_shown_all():
    assert share_at_age(np.array([0.0, 0.4, 1.0]), np.array([0, 1, 2, 50])).tolist() == [0, 0.4, 1, 1]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=30), st.integers(1, 9))
def test_shares_rise_to_one(cases, window_days):
    ages = np.array([age for age, _ in cases])
    delays = np.array([float(delay) if delay <= age else NONE for age, delay in cases])
    shares = seen_shares(delays, ages, window_days=window_days)
    assert shares[0] == 0
    assert (np.diff(shares) >= -1e-12).all()
    assert shares[-1] == pytest.approx(1)


def test_young_decisions_count_in_full_on_average():
    generator = np.random.default_rng(1)
    count, window_days = 40_000, 10
    ages = generator.integers(1, 20, count)
    happens = generator.random(count) < 0.3
    delay = generator.geometric(0.4, count).clip(max=window_days).astype(np.float64)
    delays = np.where(happens & (delay <= ages), delay, NONE)
    share = share_at_age(seen_shares(delays, ages, window_days=window_days), ages)
    is_seen = delays <= np.minimum(ages, window_days)
    assert is_seen.mean() < 0.28
    assert (is_seen / share).mean() == pytest.approx(0.3, abs=0.01)
