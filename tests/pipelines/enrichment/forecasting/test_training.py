from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.contracts.codes import ForecastModel
from pipelines.contracts.settings.models import ModelSettings
from pipelines.enrichment.forecasting.fitted import BASELINE, LINEAR, TREES, FittedModel
from pipelines.enrichment.forecasting.targets import FEATURES, TARGETS
from pipelines.enrichment.forecasting.training import split_last_fold, train

SETTINGS = ModelSettings(minimum_snapshots=500)
FIRST = date(2024, 1, 1)


def _snapshots(people: int = 200, weeks: int = 8, *, says: float = 1.0) -> pl.DataFrame:
    """Spend follows one feature, as far as it says something; the baseline knows nothing."""
    dice = np.random.default_rng(9)
    rows = people * weeks
    features = {name: dice.normal(size=rows) for name in FEATURES}
    signal = dice.uniform(0, 100, size=rows)
    spend = np.maximum(says * signal + dice.normal(size=rows) * 10, 0) * (dice.uniform(size=rows) < 0.8)
    cutoffs = [FIRST + timedelta(days=7 * (row // people)) for row in range(rows)]
    return pl.DataFrame({**features, "customer_id": np.arange(rows) % people}).with_columns(
        last_spend=pl.Series(signal),
        spend_rate_28d=pl.lit(0.0),
        spend_28d=pl.lit(1.0),
        visit_rate_28d=pl.lit(0.0),
        visit_count=pl.lit(3.0),
        recency_days=pl.lit(3.0),
        next_spend=pl.Series(spend),
        next_purchase_in=pl.Series(spend / 5).clip(1, 28),
        cutoff=pl.Series(cutoffs),
        closed_on=pl.Series(cutoffs) + pl.duration(days=27),
    )


def test_the_last_fold_is_judged_by_what_had_closed_before_it():
    earlier, fold = split_last_fold(_snapshots().with_columns(outcome=pl.lit(1.0)), None)
    assert fold["cutoff"].unique().to_list() == [FIRST + timedelta(days=49)]
    assert earlier["closed_on"].max() < FIRST + timedelta(days=49)
    assert earlier["cutoff"].max() == FIRST + timedelta(days=21)


def test_folds_are_joined_until_both_outcomes_are_there():
    rows = _snapshots().with_columns(
        outcome=(pl.col("cutoff") <= FIRST + timedelta(days=35)).cast(pl.Float64)
    )
    _, fold = split_last_fold(rows, 10)
    assert fold["cutoff"].min() == FIRST + timedelta(days=35)
    _, never = split_last_fold(rows.with_columns(outcome=pl.lit(0.0)), 10)
    assert never.height == rows.height


@pytest.mark.parametrize(
    "model", [ForecastModel.SPEND_MEAN, ForecastModel.SPEND_MEDIAN, ForecastModel.NEXT_PURCHASE]
)
def test_a_model_that_sees_the_signal_is_used(model):
    trained = train(TARGETS[ForecastModel(model)], _snapshots(), SETTINGS)
    error, baseline = trained.metrics[trained.fitted.target.loss.metric]
    assert trained.verdict.is_used
    assert error < 0.8 * baseline
    assert trained.fitted.method in {LINEAR, TREES}
    assert LINEAR in trained.verdict.note and TREES in trained.verdict.note


def test_a_model_that_loses_to_its_baseline_is_not_used_and_says_so():
    rows = _snapshots(says=0.0).with_columns(spend_rate_28d=pl.col("next_spend"))
    trained = train(TARGETS[ForecastModel.SPEND_MEAN], rows, SETTINGS)
    assert not trained.verdict.is_used
    assert trained.verdict.note.startswith("not better than its baseline, which is used")
    assert trained.fitted.method == BASELINE
    assert trained.fitted.predict(rows).tolist() == rows["spend_rate_28d"].to_list()


def test_too_few_outcomes_of_one_kind_are_refused():
    rows = _snapshots().with_columns(next_spend=pl.lit(5.0))
    trained = train(TARGETS[ForecastModel.ACTIVITY], rows, SETTINGS)
    assert not trained.verdict.is_used
    assert "too little history" in trained.verdict.note or "too few outcomes" in trained.verdict.note


def test_small_histories_get_the_linear_model_only():
    trained = train(TARGETS[ForecastModel.SPEND_MEAN], _snapshots(), ModelSettings())
    assert trained.fitted.method == LINEAR
    assert TREES not in trained.verdict.note


def test_forecasts_keep_their_bounds_and_survive_their_record():
    rows = _snapshots()
    bounds = {ForecastModel.NEXT_PURCHASE: 28, ForecastModel.ACTIVITY: 1, ForecastModel.SPEND_MEDIAN: np.inf}
    for model, most in bounds.items():
        fitted = train(TARGETS[model], rows, SETTINGS).fitted
        again = FittedModel.of_record(fitted.record())
        forecast = again.predict(rows)
        assert (forecast == fitted.predict(rows)).all()
        assert forecast.min() >= 0
        assert forecast.max() <= most
        assert again.predict(rows.clear()).tolist() == []
