import pytest

from pipelines.enrichment.btyd.fitting import Fit
from pipelines.enrichment.btyd.identification import Verdict, judge_frequency, judge_spend, too_few


def _fit(**changes: object) -> Fit:
    fields = {
        "parameters": {"p": 6.0, "q": 3.0, "gamma": 15.0},
        "log_likelihood": -1.0,
        "customers": 100,
        "steps": 9,
        "slope": 1e-9,
        "is_converged": True,
        "at_bounds": [],
    }
    return Fit(**{**fields, **changes})


@pytest.mark.parametrize(
    ("fit", "dropout", "verdict"),
    [
        (_fit(), 0.25, Verdict.IDENTIFIED),
        (_fit(), 0.005, Verdict.IDENTIFIED),
        (_fit(), 0.0049, Verdict.DROPOUT_NOT_IDENTIFIED),
        (_fit(at_bounds=["b"]), 0.25, Verdict.DROPOUT_NOT_IDENTIFIED),
        (_fit(is_converged=False, slope=0.3, at_bounds=["b"]), 0.25, Verdict.NOT_CONVERGED),
    ],
)
def test_verdict_on_a_model_of_purchases(fit, dropout, verdict):
    assert judge_frequency(fit, dropout).verdict is verdict


@pytest.mark.parametrize(
    ("fit", "correlation", "verdict"),
    [
        (_fit(), 0.11, Verdict.IDENTIFIED),
        (_fit(), -0.31, Verdict.SPEND_DEPENDS_ON_FREQUENCY),
        (_fit(at_bounds=["p"]), 0.0, Verdict.SPEND_NOT_IDENTIFIED),
        (_fit(parameters={"p": 6.0, "q": 1.0, "gamma": 15.0}), 0.0, Verdict.SPEND_NOT_IDENTIFIED),
        (_fit(is_converged=False, slope=0.3), 0.0, Verdict.NOT_CONVERGED),
    ],
)
def test_verdict_on_a_model_of_spend(fit, correlation, verdict):
    assert judge_spend(fit, correlation).verdict is verdict


def test_verdicts_say_why():
    assert "b ran into a bound" in judge_frequency(_fit(at_bounds=["b"]), 0.2).note
    assert "0.0012" in judge_frequency(_fit(), 0.0012).note
    assert "3.0e-01" in judge_frequency(_fit(is_converged=False, slope=0.3), 0.2).note
    assert "0.45" in judge_spend(_fit(), 0.45).note


def test_too_few_customers_who_came_back():
    assert too_few(50, 50) is None
    refusal = too_few(49, 50)
    assert refusal.verdict is Verdict.TOO_FEW_REPEAT_CUSTOMERS
    assert "49 customers" in refusal.note
