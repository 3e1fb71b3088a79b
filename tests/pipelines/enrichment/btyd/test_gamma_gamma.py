import numpy as np
import polars as pl
import pytest
from scipy import special

from pipelines.enrichment.btyd.gamma_gamma import GammaGamma, GammaGammaLikelihood, Spends, distinct_spends

#: As published for the CDNOW sample.
CDNOW = GammaGamma(p=6.250, q=3.744, gamma=15.444)


def _spends(*rows: tuple[float, float, float]) -> Spends:
    return Spends(*np.array(rows, dtype=np.float64).reshape(-1, 3).T)


def test_likelihood_is_the_published_equation():
    rows, (p, q, gamma) = [(1, 22.35, 1), (3, 90.0, 2), (1, 300.0, 1)], (6.0, 3.5, 14.0)
    expected = 0.0
    for days, total, customers in rows:
        mean = total / days
        # Equation 1a as printed.
        density = 1 / (mean * special.beta(p * days, q))
        density *= (gamma / (gamma + days * mean)) ** q * (days * mean / (gamma + days * mean)) ** (p * days)
        expected += customers * np.log(density)
    value, slope = GammaGammaLikelihood(_spends(*rows))(np.log([p, q, gamma]))
    assert value == pytest.approx(expected)
    likelihood, at, steps = GammaGammaLikelihood(_spends(*rows)), np.log([p, q, gamma]), 1e-5 * np.eye(3)
    numeric = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in steps]
    assert slope == pytest.approx(numeric, rel=1e-6)


def test_expected_spend_lies_between_everyones_and_ones_own():
    assert CDNOW.mean == pytest.approx(6.250 * 15.444 / 2.744)
    nothing, once, often = CDNOW.expected_spend(np.array([0.0, 1.0, 100.0]), np.array([0.0, 50.0, 5000.0]))
    assert nothing == pytest.approx(CDNOW.mean)
    # (q - 1) / p purchases at everyone's mean.
    weight = 2.744 / 6.250
    assert once == pytest.approx((weight * CDNOW.mean + 50) / (weight + 1))
    assert CDNOW.mean < once < often < 50


def test_there_is_no_mean_without_a_tail_that_ends():
    assert GammaGamma(p=6.0, q=1.0, gamma=10.0).mean == float("inf")


def test_spends_of_a_summary_with_and_without_the_first():
    summary = pl.LazyFrame(
        {
            "repeat_count": [0, 1, 1, 2],
            "spend_minor": [500, 300, 300, 0],
            "repeat_spend_minor": [0, 100, 100, 0],
        }
    )
    everyone = distinct_spends(summary, includes_first=True)
    assert (everyone.days.tolist(), everyone.total.tolist(), everyone.customers.tolist()) == (
        [1, 2], [5, 3], [1, 2],
    )  # fmt: skip
    repeats = distinct_spends(summary, includes_first=False)
    assert (repeats.days.tolist(), repeats.total.tolist(), repeats.customers.tolist()) == ([1], [1], [2])
    assert everyone.mean == (5 + 2 * 3) / (1 + 2 * 2)


def test_correlation_of_days_and_spend_by_hand():
    rows = [(1, 10.0, 1), (2, 40.0, 1), (3, 90.0, 1)]
    assert _spends(*rows).correlation == pytest.approx(1)
    rng = np.random.default_rng(2)
    days, spend = rng.integers(1, 9, 200).astype(float), rng.gamma(3.0, size=200)
    found = Spends(days, spend * days, np.ones(200)).correlation
    assert found == pytest.approx(np.corrcoef(days, spend)[0, 1])


@pytest.mark.parametrize(
    "rows", [[], [(2, 5.0, 3)], [(1, 5.0, 3), (1, 6.0, 1)]], ids=["none", "one", "same days"]
)
def test_nothing_varies_nothing_correlates(rows):
    assert _spends(*rows).correlation == 0
