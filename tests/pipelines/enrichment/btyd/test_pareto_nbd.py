import numpy as np
import pytest
from scipy import integrate, special

from pipelines.enrichment.btyd.frequency import chance_active, expected_purchases, median_wait
from pipelines.enrichment.btyd.pareto_nbd import ParetoNbd, ParetoNbdLikelihood

#: As published for the CDNOW sample.
CDNOW = ParetoNbd(r=0.5533, alpha=10.578, s=0.6062, beta=11.668)
#: Alpha above and below beta.
MODELS = [CDNOW, ParetoNbd(r=1.4, alpha=30.0, s=0.9, beta=8.0)]
ROWS = [
    (0, 0.0, 38.86),
    (1, 1.71, 38.86),
    (2, 30.43, 38.86),
    (7, 29.43, 38.86),
    (3, 39.0, 39.0),
    (0, 0.0, 0.0),
]


def _hypergeometric_part(x, t_x, T, model):  # noqa: N803
    """A_0 of equations 19 and 20 as printed."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    larger, third = (alpha, s + 1) if alpha >= beta else (beta, r + x)
    total, gap = r + s + x, abs(alpha - beta)

    def term(time: float) -> float:
        series = special.hyp2f1(total, third, total + 1, gap / (larger + time))
        return series / (larger + time) ** total

    return term(t_x) - term(T)


def _published_likelihood(x, t_x, T, model):  # noqa: N803
    """Equation 18 as printed."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    alive = 1 / ((alpha + T) ** (r + x) * (beta + T) ** s)
    dead = s / (r + s + x) * _hypergeometric_part(x, t_x, T, model)
    return special.gamma(r + x) * alpha**r * beta**s / special.gamma(r) * (alive + dead)


@pytest.mark.parametrize("model", MODELS, ids=["alpha below beta", "alpha above beta"])
def test_likelihood_is_the_published_equation(histories_of, model):
    at = np.log([model.r, model.alpha, model.s, model.beta])
    value, _ = ParetoNbdLikelihood(histories_of(*ROWS))(at)
    assert value == pytest.approx(sum(np.log(_published_likelihood(*row, model)) for row in ROWS), rel=1e-9)


@pytest.mark.parametrize("at", [[0.6, 5.0, 0.7, 30.0], [1.6, 50.0, 0.4, 3.0]])
def test_slope_is_that_of_the_likelihood(histories_of, at):
    likelihood = ParetoNbdLikelihood(histories_of(*ROWS))
    _, slope = likelihood(np.log(at))
    steps = 1e-5 * np.eye(4)
    numeric = [(likelihood(np.log(at) + step)[0] - likelihood(np.log(at) - step)[0]) / 2e-5 for step in steps]
    assert slope == pytest.approx(numeric, rel=1e-6)


def test_likelihood_stays_finite_for_very_many_purchases(histories_of):
    likelihood = ParetoNbdLikelihood(histories_of((5000, 10.0, 3650.0), (5000, 3650.0, 3650.0)))
    value, slope = likelihood(np.log([0.5, 0.01, 0.7, 200.0]))
    assert np.isfinite(value) and np.isfinite(slope).all()


@pytest.mark.parametrize("model", MODELS, ids=["alpha below beta", "alpha above beta"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_chance_alive_is_the_published_equation(histories_of, model, row):
    x, _, tenure = row
    factor = model.s / (model.r + model.s + x) * (model.alpha + tenure) ** (model.r + x)
    odds = factor * (model.beta + tenure) ** model.s * _hypergeometric_part(*row, model)
    assert model.chance_alive(histories_of(row))[0] == pytest.approx(1 / (1 + odds), rel=1e-9)


def test_who_bought_last_on_the_last_day_is_alive(histories_of):
    assert CDNOW.chance_alive(histories_of((3, 39.0, 39.0)))[0] == 1


@pytest.mark.parametrize("model", MODELS, ids=["alpha below beta", "alpha above beta"])
def test_expectation_is_pace_times_time_lived(histories_of, model):
    row, horizon = (2, 30.43, 38.86), 39.0

    def still_alive(u: float) -> float:
        return ((model.beta + row[2]) / (model.beta + row[2] + u)) ** model.s

    lived, _ = integrate.quad(still_alive, 0, horizon, epsrel=1e-12)
    pace = (model.r + row[0]) / (model.alpha + row[2])
    alive = model.chance_alive(histories_of(row))[0]
    assert expected_purchases(model, histories_of(row), horizon)[0] == pytest.approx(alive * pace * lived)


def test_expectation_passes_smoothly_through_s_of_one(histories_of):
    histories = histories_of((3, 20.0, 30.0))
    below, at, above = (
        expected_purchases(ParetoNbd(0.5, 6.0, s, 9.0), histories, 10.0)[0] for s in (0.999, 1.0, 1.001)
    )
    assert at == pytest.approx((below + above) / 2, rel=1e-6)
    assert above < at < below


@pytest.mark.parametrize("row", [(0, 0.0, 38.86), (7, 29.43, 38.86)], ids=str)
def test_activity_is_a_first_purchase_before_death(histories_of, row):
    shape, rate, age = CDNOW.r + row[0], CDNOW.alpha + row[2], CDNOW.beta + row[2]

    def first_purchase(u: float) -> float:
        return shape * rate**shape / (rate + u) ** (shape + 1) * (age / (age + u)) ** CDNOW.s

    living, _ = integrate.quad(first_purchase, 0, 13.0, epsrel=1e-12)
    histories = histories_of(row)
    expected = CDNOW.chance_alive(histories)[0] * living
    assert chance_active(CDNOW, histories, 13.0)[0] == pytest.approx(expected, rel=1e-9)


def test_wait_is_where_activity_reaches_one_half(histories_of):
    rows = [(2, 30.43, 38.86), (7, 36.0, 38.86), (60, 38.8, 38.86), (1, 38.0, 38.86)]
    for row in rows:
        histories = histories_of(row)
        wait = float(median_wait(CDNOW, histories)[0])
        assert chance_active(CDNOW, histories, wait)[0] == pytest.approx(0.5, abs=1e-9)


def test_no_wait_where_death_comes_first(histories_of):
    # Hardly alive; and alive but so slow that half of them die before they buy.
    mortal = ParetoNbd(r=0.3, alpha=300.0, s=5.0, beta=10.0)
    wait = median_wait(CDNOW, histories_of((7, 5.0, 38.86)))
    assert np.isnan(wait[0])
    alive = mortal.chance_alive(histories_of((0, 0.0, 0.5)))[0]
    assert alive > 0.5
    assert np.isnan(median_wait(mortal, histories_of((0, 0.0, 0.5)))[0])


def test_mean_dropout_is_the_share_dead_after_a_time():
    assert CDNOW.mean_dropout(20.0) == pytest.approx(1 - (11.668 / 31.668) ** 0.6062)
