"""The accuracy that must hold on the sample's households: means of three folds."""

from functools import cache

import numpy as np
import pytest

from tests.pipelines.enrichment.forecasting.sample_accuracy import (
    FOLDS,
    Sample,
    measure_campaign,
    measure_fold,
    read_sample,
)

pytestmark = pytest.mark.slow


@cache
def _sample() -> Sample:
    return read_sample()


@cache
def _folds() -> tuple[dict[str, float], ...]:
    return tuple(measure_fold(_sample(), cutoff) for cutoff in FOLDS)


def _mean(metric: str) -> float:
    return float(np.mean([fold[metric] for fold in _folds()]))


def test_the_simple_forecasts_are_those_that_are_known():
    assert _mean("last_28_mae") == pytest.approx(76.33, abs=0.005)
    assert _mean("visits_84_auc") == pytest.approx(0.862, abs=0.0005)


@pytest.mark.parametrize(
    ("metric", "least", "most"),
    [
        ("spend_mae_ratio", 0.0, 1.0),
        ("spend_rmse", 0.0, 104.0),
        ("spend_total_ratio", 0.90, 1.10),
        ("active_auc", 0.870, 1.0),
        ("active_brier", 0.0, 0.104),
        ("churn_auc", 0.69, 1.0),
        ("next_mae", 0.0, 5.85),
    ],
)
def test_forecasts_of_28_days_keep_what_is_promised(metric, least, most):
    assert least <= _mean(metric) <= most


def test_the_chance_of_activity_is_calibrated_on_every_fold():
    assert max(fold["active_ece"] for fold in _folds()) <= 0.03


def test_models_beat_their_baselines():
    assert _mean("spend_rmse") < _mean("ewma_rmse")
    assert _mean("active_brier") < _mean("active_brier_baseline")
    assert _mean("next_mae") < _mean("next_lifetime_mae")


def test_redeemers_of_a_campaign_are_found_before_it_starts():
    measured = measure_campaign(_sample())
    assert measured["redeemers"] == 214
    assert measured["response_auc"] >= 0.84
    assert measured["response_auc"] > measured["past_redemptions_auc"]
    assert measured["response_auc_targeted"] > measured["past_redemptions_auc_targeted"]
