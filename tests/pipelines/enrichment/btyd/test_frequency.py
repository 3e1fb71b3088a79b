import math

import numpy as np
import pytest

from pipelines.enrichment.btyd.frequency import (
    PooledNbd,
    chance_active,
    chance_of_purchase,
    expected_purchases,
    half_of,
    median_wait,
    wait_for_chance,
)


def test_a_customers_own_purchases_move_the_common_rate(histories_of):
    model, histories = PooledNbd(alpha=20.0), histories_of((0, 0, 0), (3, 10, 20))
    assert expected_purchases(model, histories, 10.0).tolist() == [1 / 20 * 10, 4 / 40 * 10]
    assert model.chance_alive(histories).tolist() == [1, 1]
    assert chance_active(model, histories, 10.0) == pytest.approx([1 - 20 / 30, 1 - (40 / 50) ** 4])
    assert median_wait(model, histories) == pytest.approx([20 * (2 - 1), 40 * (2 ** (1 / 4) - 1)])


def test_common_rate_by_hand(histories_of):
    # Two repeats and a half in 100 days and half a year.
    pooled = PooledNbd.of(histories_of((2, 3, 4), (0, 0, 6)), unit_days=10.0)
    assert pooled.alpha == pytest.approx((10 + 18.25) / 2.5)


def test_common_rate_exists_without_anyone(histories_of):
    assert PooledNbd.of(histories_of(), unit_days=1.0).alpha == pytest.approx(182.5 / 0.5)


def test_wait_is_the_inverse_of_the_chance():
    shape, rate = np.array([0.3, 5.0]), np.array([4.0, 40.0])
    chance = chance_of_purchase(shape, rate, 6.0)
    assert wait_for_chance(shape, rate, chance) == pytest.approx([6.0, 6.0])
    assert np.isnan(wait_for_chance(shape, rate, np.array([1.0, 1.7]))).all()


def test_half_of_a_chance_that_is_almost_nothing_is_out_of_reach():
    assert half_of(np.array([1.0, 0.5, 0.0])).tolist()[:2] == [0.5, 1.0]
    assert math.isfinite(half_of(np.array([0.0]))[0])
