import numpy as np
import polars as pl
import pytest

from pipelines.enrichment.btyd.fitting import fit_bg_nbd, fit_gamma_gamma, fit_pareto_nbd
from pipelines.enrichment.btyd.gamma_gamma import Spends, distinct_spends
from pipelines.enrichment.btyd.histories import Histories, distinct_histories


@pytest.fixture(scope="module")
def published(cdnow_summary: pl.LazyFrame) -> Histories:
    """Times as the published summary holds them: weeks, rounded to two decimals."""
    exact = distinct_histories(cdnow_summary, 7.0)
    return Histories(exact.repeats, exact.span.round(2), exact.tenure.round(2), exact.customers)


def test_bg_nbd_of_cdnow_is_the_published_one(published):
    fit = fit_bg_nbd(published)
    assert {name: round(value, 4) for name, value in fit.parameters.items()} == {
        "r": 0.2426, "alpha": 4.4135, "a": 0.7929, "b": 2.4258,
    }  # fmt: skip
    assert fit.log_likelihood == pytest.approx(-9582.426, abs=0.01)
    assert fit.is_converged and not fit.at_bounds
    assert fit.customers == 2357


def test_pareto_nbd_of_cdnow_is_the_published_one(published):
    fit = fit_pareto_nbd(published)
    assert round(fit.parameters["r"], 4) == 0.5533
    assert [round(fit.parameters[name], 3) for name in ("alpha", "beta")] == [10.578, 11.668]
    assert round(fit.parameters["s"], 4) == 0.6062
    assert fit.log_likelihood == pytest.approx(-9594.98, abs=0.01)


def test_gamma_gamma_of_cdnow_is_the_published_one(cdnow_summary):
    fit = fit_gamma_gamma(distinct_spends(cdnow_summary, includes_first=False))
    assert {name: round(value, 3) for name, value in fit.parameters.items()} == {
        "p": 6.25, "q": 3.744, "gamma": 15.444,
    }  # fmt: skip
    assert fit.customers == 946
    assert fit.is_converged


def test_a_sample_fits_nearly_the_same_and_is_judged_on_everyone(published):
    everyone, sample = fit_pareto_nbd(published), fit_pareto_nbd(published, maximum_customers=1000)
    assert sample.customers == 1000
    assert sample.log_likelihood == pytest.approx(everyone.log_likelihood, abs=1.0)
    assert sample.log_likelihood < everyone.log_likelihood
    assert sample.parameters["r"] == pytest.approx(everyone.parameters["r"], rel=0.1)


def test_days_and_weeks_are_the_same_fit(cdnow_summary):
    weeks, days = (fit_bg_nbd(distinct_histories(cdnow_summary, unit)) for unit in (7.0, 1.0))
    assert days.parameters["alpha"] == pytest.approx(7 * weeks.parameters["alpha"], rel=1e-6)
    assert days.parameters["a"] == pytest.approx(weeks.parameters["a"], rel=1e-6)
    repeats = cdnow_summary.select(pl.col("repeat_count").sum()).collect().item()
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - repeats * np.log(7))


def test_cents_and_dollars_are_the_same_fit(cdnow_summary):
    dollars = distinct_spends(cdnow_summary, includes_first=False)
    cents = fit_gamma_gamma(dollars.scaled(100.0)).parameters
    assert cents["gamma"] == pytest.approx(100 * fit_gamma_gamma(dollars).parameters["gamma"], rel=1e-6)


def test_parameters_of_simulated_customers_come_back():
    """Purchases of a Pareto/NBD, drawn as the model is told."""
    dice = np.random.default_rng(8)
    count, tenure = 20_000, 100.0
    pace, death = (
        dice.gamma(0.8, 1 / 12.0, count),
        dice.exponential(1, count) / dice.gamma(0.7, 1 / 25.0, count),
    )
    observed = np.minimum(death, tenure)
    repeats = dice.poisson(pace * observed)
    last = observed * dice.random(count) ** (1 / np.maximum(repeats, 1))
    span = np.where(repeats > 0, last, 0.0)
    histories = Histories(repeats.astype(float), span, np.full(count, tenure), np.ones(count))
    fit = fit_pareto_nbd(histories)
    assert fit.parameters == pytest.approx({"r": 0.8, "alpha": 12.0, "s": 0.7, "beta": 25.0}, rel=0.12)


def test_purchases_without_dropout_run_a_to_its_bound():
    dice = np.random.default_rng(9)
    count, tenure = 3000, 100.0
    repeats = dice.poisson(dice.gamma(2.0, 0.1, count) * tenure)
    last = tenure * dice.random(count) ** (1 / np.maximum(repeats, 1))
    span = np.where(repeats > 0, last, 0.0)
    fit = fit_bg_nbd(Histories(repeats.astype(float), span, np.full(count, tenure), np.ones(count)))
    assert fit.is_converged
    assert fit.parameters["a"] / (fit.parameters["a"] + fit.parameters["b"]) < 0.005
    assert (fit.parameters["r"], fit.parameters["alpha"]) == pytest.approx((2.0, 10.0), rel=0.1)


def test_spend_that_never_varies_runs_into_bounds():
    fit = fit_gamma_gamma(Spends(np.array([2.0, 3.0]), np.array([20.0, 30.0]), np.array([40.0, 60.0])))
    assert fit.at_bounds
