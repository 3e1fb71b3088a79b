import numpy as np
import pytest

from pipelines.enrichment.forecasting.calibration import (
    SMALLEST_BLOCK,
    calibrate,
    fit_calibration,
    helpful_calibration,
)


def test_blocks_become_their_rates_by_hand():
    # Two blocks of 25: scores .2 with a rate of 5/25, scores .6 with 20/25.
    score = np.repeat([0.2, 0.6], SMALLEST_BLOCK)
    outcome = np.concatenate([np.repeat([0.0, 1.0], [20, 5]), np.repeat([0.0, 1.0], [5, 20])])
    curve = fit_calibration(score, outcome)
    assert curve == {"scores": pytest.approx([0.2, 0.6]), "rates": pytest.approx([0.2, 0.8])}
    assert calibrate(curve, np.array([0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])) == pytest.approx(
        [0.0, 0.1, 0.2, 0.5, 0.8, 0.9, 1.0]
    )


def test_violators_are_pooled():
    score = np.repeat([0.2, 0.6], SMALLEST_BLOCK)
    outcome = np.concatenate([np.repeat([0.0, 1.0], [5, 20]), np.repeat([0.0, 1.0], [20, 5])])
    assert fit_calibration(score, outcome) == {"scores": pytest.approx([0.4]), "rates": pytest.approx([0.5])}


def test_different_scores_stay_different_and_in_order():
    dice = np.random.default_rng(3)
    score = dice.uniform(size=3000)
    outcome = (dice.uniform(size=3000) < score**2).astype(float)
    curve = fit_calibration(score, outcome)
    points = np.linspace(0.01, 0.99, 500)
    calibrated = calibrate(curve, points)
    assert (np.diff(calibrated) > 0).all()
    assert np.abs(calibrated - points**2).max() < 0.15


def test_shuffled_rows_give_the_same_curve():
    dice = np.random.default_rng(4)
    score = np.round(dice.uniform(size=400), 1)
    outcome = (dice.uniform(size=400) < score).astype(float)
    order = dice.permutation(400)
    curve, again = fit_calibration(score, outcome), fit_calibration(score[order], outcome[order])
    assert curve["rates"] == pytest.approx(again["rates"])


def test_a_curve_must_help_people_left_out_of_its_fit():
    dice = np.random.default_rng(6)
    score = dice.uniform(size=2000)
    assert helpful_calibration(score, (dice.uniform(size=2000) < score).astype(float)) == {}
    wrong = (dice.uniform(size=2000) < score**3).astype(float)
    assert helpful_calibration(score, wrong) == fit_calibration(score, wrong)
