import numpy as np
import pytest
from scipy import special

from pipelines.enrichment.btyd.bg_nbd import BgNbd, BgNbdLikelihood
from pipelines.enrichment.btyd.frequency import chance_active, expected_purchases, median_wait
from pipelines.enrichment.btyd.histories import Histories

#: As published for the CDNOW sample.
CDNOW = BgNbd(r=0.2426, alpha=4.4135, a=0.7929, b=2.4258)
ROWS = [
    (0, 0.0, 38.86),
    (1, 1.71, 38.86),
    (2, 30.43, 38.86),
    (7, 29.43, 38.86),
    (29, 38.0, 38.7),
    (0, 0.0, 0.0),
]


def _published_likelihood(row, parameters):
    """Equation 6 as printed."""
    (x, t_x, T), (r, alpha, a, b) = row, parameters  # noqa: N806  the paper's T
    shape = special.gamma(r + x) / special.gamma(r) * alpha**r
    alive = special.beta(a, b + x) / special.beta(a, b) / (alpha + T) ** (r + x)
    dead = special.beta(a + 1, b + x - 1) / special.beta(a, b) / (alpha + t_x) ** (r + x) if x else 0
    return shape * (alive + dead)


def _published_expectation(row, t, model):
    """Equation 10 as printed."""
    (x, t_x, T), r, alpha, a, b = row, model.r, model.alpha, model.a, model.b  # noqa: N806  the paper's T
    series = special.hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
    above = (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * series)
    return above / (1 + (a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x else 0))


@pytest.mark.parametrize("parameters", [(0.2426, 4.4135, 0.7929, 2.4258), (1.7, 12.0, 0.02, 3.0)])
def test_likelihood_is_the_published_equation(histories_of, parameters):
    value, _ = BgNbdLikelihood(histories_of(*ROWS))(np.log(parameters))
    assert value == pytest.approx(sum(np.log(_published_likelihood(row, parameters)) for row in ROWS))


def test_slope_is_that_of_the_likelihood(histories_of):
    likelihood, at = BgNbdLikelihood(histories_of(*ROWS)), np.log([0.6, 5.0, 0.7, 3.0])
    _, slope = likelihood(at)
    steps = 1e-5 * np.eye(4)
    numeric = [(likelihood(at + step)[0] - likelihood(at - step)[0]) / 2e-5 for step in steps]
    assert slope == pytest.approx(numeric, rel=1e-6)


def test_customers_who_share_a_history_count_each(histories_of):
    at = np.log([0.6, 5.0, 0.7, 3.0])
    once = BgNbdLikelihood(histories_of(*ROWS))(at)
    columns = [np.array(column) for column in zip(*ROWS, strict=True)]
    thrice = BgNbdLikelihood(Histories(*columns, np.full(len(ROWS), 3.0)))(at)
    assert thrice[0] == pytest.approx(3 * once[0])
    assert thrice[1] == pytest.approx(3 * once[1])


def test_nobody_came_back(histories_of):
    value, slope = BgNbdLikelihood(histories_of((0, 0, 10)))(np.log([0.5, 4.0, 0.7, 2.0]))
    assert value == pytest.approx(0.5 * np.log(4 / 14))
    assert slope[2:] == pytest.approx([0, 0])


def test_likelihood_stays_finite_for_very_many_purchases(histories_of):
    value, slope = BgNbdLikelihood(histories_of((5000, 10.0, 3650.0)))(np.log([0.5, 0.01, 0.7, 2.0]))
    assert np.isfinite(value) and np.isfinite(slope).all()


@pytest.mark.parametrize("row", [row for row in ROWS if row[2] > 0], ids=str)
@pytest.mark.parametrize("horizon", [4.0, 39.0, 200.0])
def test_expectation_is_the_published_equation(histories_of, row, horizon):
    found = expected_purchases(CDNOW, histories_of(row), horizon)[0]
    expected = _published_expectation(row, horizon, CDNOW)
    assert found == pytest.approx(expected, rel=1e-9)


def test_published_example(histories_of):
    assert expected_purchases(CDNOW, histories_of((2, 30.43, 38.86)), 39.0)[0] == pytest.approx(
        1.2259, abs=5e-5
    )


def test_expectation_passes_smoothly_through_a_of_one(histories_of):
    histories = histories_of((3, 20.0, 30.0))
    below, at, above = (
        expected_purchases(BgNbd(0.5, 6.0, a, 2.0), histories, 10.0)[0] for a in (0.999, 1.0, 1.001)
    )
    assert at == pytest.approx((below + above) / 2, rel=1e-6)
    assert above < at < below


def test_without_dropout_the_model_is_the_plain_one(histories_of):
    model, histories = BgNbd(0.5, 6.0, 1e-9, 2.0), histories_of((0, 0, 30), (40, 25, 30))
    assert expected_purchases(model, histories, 10.0) == pytest.approx(
        [0.5 / 36 * 10, 40.5 / 36 * 10], rel=1e-5
    )
    assert model.chance_alive(histories) == pytest.approx([1, 1], abs=1e-6)


def test_chance_alive_by_hand(histories_of):
    alive = CDNOW.chance_alive(histories_of((0, 0.0, 38.86), (2, 30.43, 38.86)))
    odds = CDNOW.a / (CDNOW.b + 1) * ((CDNOW.alpha + 38.86) / (CDNOW.alpha + 30.43)) ** (CDNOW.r + 2)
    assert alive == pytest.approx([1, 1 / (1 + odds)])


def test_a_long_silent_heavy_buyer_is_dead_without_a_warning(histories_of):
    histories = histories_of((3000, 10.0, 3650.0))
    assert CDNOW.chance_alive(histories)[0] == 0
    assert expected_purchases(CDNOW, histories, 52.0)[0] == 0
    assert np.isnan(median_wait(CDNOW, histories)[0])


def test_activity_and_wait_fit_together(histories_of):
    histories = histories_of((2, 30.43, 38.86), (7, 29.43, 38.86))
    wait = median_wait(CDNOW, histories)
    for place, time in enumerate(wait):
        assert chance_active(CDNOW, histories, float(time))[place] == pytest.approx(0.5)


def test_mean_dropout_is_that_of_the_beta():
    assert CDNOW.mean_dropout == pytest.approx(0.7929 / (0.7929 + 2.4258))
