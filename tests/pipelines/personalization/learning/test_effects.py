import math

import numpy as np
import pytest

from pipelines.personalization.learning.arrays import ELSEWHERE, NO_SEND
from pipelines.personalization.learning.effects import (
    LARGEST_SLOPE,
    Calibration,
    Mean,
    RobustScores,
    Shape,
    calibrate,
    clustered_mean,
    declared_shape,
    fit_weights,
    robust_scores,
    row_weights,
    shrunk_effects,
    toward_declared,
)


def test_weights_are_clipped():
    assert row_weights(np.array([1.0, 0.5, 0.001, 0.0])).tolist() == [1, 2, 50, 50]


def test_robust_scores_by_hand():
    scores = robust_scores(
        quiet=np.array([0.1, 0.1, 0.1]),
        uplift=np.array([[0.2], [0.2], [0.2]]),
        chosen=np.array([0, NO_SEND, ELSEWHERE]),
        outcome=np.array([1.0, 0.0, 1.0]),
        propensity=np.array([0.25, 0.5, 1.0]),
    )
    assert scores.treated[:, 0] == pytest.approx([0.3 + 4 * (1 - 0.3), 0.3, 0.3])
    assert scores.quiet == pytest.approx([0.1, 0.1 + 2 * (0 - 0.1), 0.1])
    assert scores.uplift[:, 0] == pytest.approx(scores.treated[:, 0] - scores.quiet)


def test_error_of_a_mean_counts_a_person_once():
    values = np.array([1.0, 1.0, 3.0, 3.0])
    assert clustered_mean(values, np.arange(4)) == Mean(2.0, np.sqrt(4) / 4)
    assert clustered_mean(values, np.array([1, 1, 2, 2])) == Mean(2.0, np.sqrt(2**2 + 2**2) / 4)
    assert clustered_mean(np.array([]), np.array([])) == Mean(0.0, np.inf)


def test_interval_of_a_mean():
    mean = Mean(1.0, 0.5)
    assert (mean.low, mean.high) == pytest.approx((1 - 0.98, 1 + 0.98), abs=1e-4)


def test_effects_that_do_not_differ_beyond_their_errors_are_one():
    effect, error, common, spread = shrunk_effects(np.array([1.0, 1.2]), np.array([0.2, 0.2]))
    assert effect == pytest.approx([1.1, 1.1])
    assert error == pytest.approx([0.2 / np.sqrt(2)] * 2)
    assert (common, spread) == pytest.approx((1.1, 0.2 / np.sqrt(2)))


def test_effects_that_differ_by_hand():
    # Q = 2 * 25 * 0.5^2 = 12.5, less 1; scale 50 - 25 = 25: variance between actions 11.5 / 25.
    between = 11.5 / 25
    share = between / (between + 0.04)
    effect, error, common, spread = shrunk_effects(np.array([1.0, 2.0]), np.array([0.2, 0.2]))
    common_variance = (between + 0.04) / 2
    assert effect == pytest.approx([1.5 - share / 2, 1.5 + share / 2])
    assert error == pytest.approx([np.sqrt(share * 0.04 + (1 - share) ** 2 * common_variance)] * 2)
    assert (common, spread) == pytest.approx((1.5, np.sqrt(between + common_variance)))


def test_an_unknown_action_has_what_the_others_have_in_common():
    effect, error, common, spread = shrunk_effects(np.array([1.0, 0.0]), np.array([0.2, np.inf]))
    assert effect.tolist() == [1.0, 1.0]
    assert error == pytest.approx([0.2, 0.2])
    assert (common, spread) == pytest.approx((1.0, 0.2))


def test_without_any_known_action_nothing_is_known():
    effect, error, common, spread = shrunk_effects(np.zeros(2), np.full(2, np.inf))
    assert effect.tolist() == [0, 0]
    assert not np.isfinite(error).any()
    assert (common, spread) == (0.0, np.inf)


def _calibration(slope: float, slope_error: float) -> Calibration:
    return Calibration(
        effect=np.array([1.0]), error=np.array([0.1]), centre=np.array([0.4]), slope=slope,
        slope_error=slope_error, common=1.0, spread=0.1,
    )  # fmt: skip


def test_slope_is_shrunk_by_its_noise_and_bounded():
    assert _calibration(0.5, 0.5).used_slope == pytest.approx(0.25)
    assert _calibration(-0.5, 0.1).used_slope == 0
    assert _calibration(0.0, 0.0).used_slope == 0
    assert _calibration(9.0, 0.1).used_slope == LARGEST_SLOPE


def test_calibrated_effects():
    calibration = _calibration(0.5, 0.0)
    uplift = np.array([[0.4], [0.8]])
    assert calibration.apply(uplift, is_personal=True)[:, 0] == pytest.approx([1.0, 1.2])
    assert calibration.apply(uplift, is_personal=False)[:, 0].tolist() == [1.0, 1.0]
    assert Calibration.of_record(calibration.record()).record() == calibration.record()


def test_slope_finds_how_far_predictions_are_stretched():
    generator = np.random.default_rng(5)
    count = 30_000
    predicted = generator.normal(0, 0.2, (count, 1))
    chosen = generator.integers(-1, 1, count)
    outcome = np.where(chosen == 0, 0.5 + 0.5 * predicted[:, 0], 0.0) + generator.normal(0, 0.1, count)
    scores = robust_scores(np.zeros(count), predicted, chosen, outcome, np.full(count, 0.5))
    eligible = np.ones((count, 1), np.bool_)
    found = calibrate(scores, predicted, eligible, chosen, np.arange(count))
    assert found.slope == pytest.approx(0.5, abs=4 * found.slope_error)
    assert found.slope_error < 0.05
    assert found.effect == pytest.approx([0.5], abs=0.02)


def test_an_action_sent_a_few_times_is_not_told():
    count = 100
    chosen = np.full(count, NO_SEND)
    chosen[:5] = 0
    scores = robust_scores(
        np.zeros(count), np.zeros((count, 2)), chosen, np.zeros(count), np.full(count, 0.5)
    )
    eligible = np.tile([True, False], (count, 1))
    found = calibrate(scores, np.zeros((count, 2)), eligible, chosen, np.arange(count))
    assert found.spread == np.inf
    assert (found.slope, found.slope_error) == (0.0, 0.0)
    assert found.centre.tolist() == [0.0, 0.0]


def _measured(effect: float, error: float) -> Calibration:
    return Calibration(
        effect=np.array([effect, effect]), error=np.array([error, error]), centre=np.zeros(2), slope=1.0,
        slope_error=0.0, common=effect, spread=error,
    )  # fmt: skip


def test_noise_stays_at_what_was_declared():
    drawn = toward_declared(_measured(-0.30, 0.30), np.array([0.02, 0.04]))
    # A prior of .02 ± .02 weighs 225 times as much as -.30 ± .30.
    assert drawn.effect[0] == pytest.approx((0.02 * 225 - 0.30) / 226)
    assert drawn.error[0] == pytest.approx(0.30 / math.sqrt(226))
    assert drawn.common == pytest.approx((0.03 * 100 - 0.30) / 101)


def test_an_unknown_effect_is_the_declared_one():
    drawn = toward_declared(_measured(0.0, math.inf), np.array([0.02, 0.04]))
    assert drawn.effect.tolist() == [0.02, 0.04]
    assert drawn.error.tolist() == [0.02, 0.04]


def test_what_data_contradict_gives_way():
    drawn = toward_declared(_measured(0.30, 0.01), np.array([0.01, 0.01]))
    assert drawn.effect == pytest.approx([0.30, 0.30], abs=0.001)
    assert drawn.error == pytest.approx([0.01, 0.01], rel=0.01)


@pytest.mark.parametrize("truth", [0.0, 1.0, 1.4])
def test_slope_of_declared_differences_is_found(truth):
    generator = np.random.default_rng(4)
    declared = generator.uniform(0.0, 0.4, (20_000, 2))
    treated = 0.5 + truth * declared + generator.normal(0, 0.5, (20_000, 2))
    shape = declared_shape(
        RobustScores(quiet=np.zeros(20_000), treated=treated), declared, np.ones((20_000, 2), np.bool_),
        np.tile([0, 1], 10_000), np.arange(20_000), unit=1.0,
    )  # fmt: skip
    assert shape.slope == pytest.approx(truth, abs=0.06)
    assert 0.0 < shape.error < 0.05
    assert shape.centre == pytest.approx([0.2, 0.2], abs=0.01)
    assert Shape.of_record(shape.record()).record() == shape.record()


def test_without_anything_measured_declared_differences_stand():
    scores = RobustScores(quiet=np.zeros(40), treated=np.zeros((40, 1)))
    eligible, people = np.ones((40, 1), np.bool_), np.arange(40)
    same = declared_shape(scores, np.full((40, 1), 0.1), eligible, np.zeros(40, np.int64), people, unit=2.0)
    assert (same.slope, same.error) == (2.0, 1.0)
    differ = np.linspace(0, 1, 40)[:, None]
    unsent = declared_shape(scores, differ, ~eligible, np.full(40, NO_SEND), people, unit=2.0)
    assert (unsent.slope, unsent.error, unsent.centre.tolist()) == (2.0, 1.0, [0.0])


def test_fits_are_weighed_less_than_means():
    propensity = np.array([1.0, 0.5, 0.001])
    assert fit_weights(propensity).tolist() == [1, 2, 5]
