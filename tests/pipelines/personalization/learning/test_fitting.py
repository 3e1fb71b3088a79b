import numpy as np
import pytest
from scipy.optimize import minimize

from pipelines.personalization.learning import fitting
from pipelines.personalization.learning.fitting import Link, Regression, fit, loss, mean_of, one_fold


def _rows(count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    design = np.column_stack([np.ones(count), generator.normal(size=(count, 2))])
    outcome = (generator.random(count) < 1 / (1 + np.exp(-design @ [-1.0, 0.8, 0.0]))).astype(np.float64)
    return design, outcome, generator.uniform(0.5, 1.5, count)


def test_intercept_alone_is_the_logit_of_the_share():
    fitted = fit(
        one_fold(np.ones((4, 1)), np.array([1.0, 0, 0, 0]), np.ones(4), Link.LOGIT), np.array([1e-9])
    )
    assert fitted.coefficients == pytest.approx([np.log(1 / 3)], abs=1e-5)
    assert fitted.covariance == pytest.approx(np.array([[1 / (4 * 1 / 4 * 3 / 4)]]), rel=1e-4)
    assert fitted.left_out == ()


def test_chance_is_where_a_general_optimiser_ends():
    design, outcome, weight = _rows()
    penalty = np.array([0.1, 2.0, 5.0])

    def height(at):
        line = design @ at
        return -(weight @ (outcome * line - np.log1p(np.exp(line))) - penalty @ at**2 / 2)

    expected = minimize(height, np.zeros(3), tol=1e-12).x
    assert fit(one_fold(design, outcome, weight, Link.LOGIT), penalty).coefficients == pytest.approx(
        expected, abs=1e-4
    )


def test_amount_is_ridge_in_units_of_its_deviation():
    design, outcome, weight = _rows()
    amount, penalty = 50 * outcome + design[:, 1], np.array([0.1, 2.0, 5.0])
    expected = np.linalg.solve(
        (design * weight[:, None]).T @ design + np.diag(penalty), design.T @ (weight * amount)
    )
    fitted = fit(one_fold(design, amount, weight, Link.IDENTITY), penalty)
    assert fitted.coefficients == pytest.approx(expected, rel=1e-6)


def test_amount_that_never_differs_has_no_scale():
    fitted = fit(one_fold(np.ones((5, 1)), np.full(5, 3.0), np.ones(5), Link.IDENTITY), np.array([1e-9]))
    assert fitted.coefficients == pytest.approx([3.0])


@pytest.mark.parametrize("link", list(Link))
def test_a_left_out_fold_is_as_if_it_had_never_been(link):
    design, outcome, weight = _rows()
    penalty, offsets = np.array([0.1, 2.0, 5.0]), np.array([0, 130, 270, 400])
    whole = Regression(design=design, outcome=outcome, weight=weight, link=link, offsets=offsets)
    fitted = fit(whole, penalty)
    for fold, coefficients in enumerate(fitted.left_out):
        kept = np.ones(len(design), np.bool_)
        kept[offsets[fold] : offsets[fold + 1]] = False
        alone = fit(one_fold(design[kept], outcome[kept], weight[kept], link), penalty)
        assert coefficients == pytest.approx(alone.coefficients, abs=2e-3)
        assert coefficients != pytest.approx(fitted.coefficients, abs=1e-4)


def test_corrected_outcomes_above_one_do_not_run_away():
    fitted = fit(
        one_fold(np.ones((3, 1)), np.array([4.0, 4.0, 4.0]), np.ones(3), Link.LOGIT), np.array([1.0])
    )
    # The gradient 3 (4 - p) = b has its root beyond p = 1.
    assert fitted.coefficients == pytest.approx([9.0], abs=0.01)


def test_a_start_beyond_the_top_is_climbed_back_from():
    design, outcome, weight = _rows()
    penalty = np.array([0.1, 2.0, 5.0])
    rows = one_fold(design, outcome, weight, Link.LOGIT)
    far = fit(rows, penalty, start=np.array([8.0, -8.0, 8.0]))
    assert far.coefficients == pytest.approx(fit(rows, penalty).coefficients, abs=1e-4)


def test_a_fit_that_does_not_converge_ends(monkeypatch):
    design, outcome, weight = _rows()
    rows = Regression(
        design=design, outcome=outcome, weight=weight, link=Link.LOGIT, offsets=np.array([0, 200, 400])
    )
    penalty, start = np.array([0.1, 2.0, 5.0]), np.array([3.0, -3.0, 3.0])
    whole = fit(rows, penalty, start=start)
    monkeypatch.setattr(fitting, "STEPS", 1)
    stopped = fit(rows, penalty, start=start)
    assert np.isfinite(stopped.coefficients).all()
    assert stopped.coefficients != pytest.approx(whole.coefficients, abs=1e-2)


def test_losses_by_hand():
    predicted, outcome, weight = np.array([0.5, 0.25]), np.array([1.0, 0.0]), np.array([1.0, 3.0])
    assert loss(predicted, outcome, weight, link=Link.IDENTITY) == pytest.approx((0.25 + 3 * 0.0625) / 4)
    deviance = (-np.log(0.5) - 3 * np.log(0.75)) / 4
    assert loss(predicted, outcome, weight, link=Link.LOGIT) == pytest.approx(deviance)


def test_mean_of_a_line():
    line = np.array([0.0, -800.0])
    assert mean_of(line, Link.IDENTITY) is line
    assert mean_of(line, Link.LOGIT) == pytest.approx([0.5, 0.0])
