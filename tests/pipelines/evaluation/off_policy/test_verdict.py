from dataclasses import replace

import pytest

from pipelines.evaluation.intervals import UNKNOWN, Interval
from pipelines.evaluation.off_policy.draws import Misfit
from pipelines.evaluation.off_policy.estimators import Estimate, EstimatorName, PolicyEvaluation
from pipelines.evaluation.off_policy.verdict import Finding, judge_estimate, judge_policy
from pipelines.evaluation.off_policy.weights import WeightSummary

SOUND = WeightSummary(effective_count=400.0, largest=3.0, mean=1.02, standard_error=0.01)
GAIN = Interval(0.1, 0.3)


def _estimate(name=EstimatorName.DR, gain=GAIN, weights=SOUND):
    return Estimate(
        name=name, value=1.2, interval=Interval(1.1, 1.3), gain=0.2, gain_interval=gain, weights=weights
    )


def _evaluation(weights=SOUND, unsupported=0.0, estimate=None):
    return PolicyEvaluation(
        round_count=1000,
        key_count=900,
        logged_value=1.0,
        logged_interval=Interval(0.9, 1.1),
        weights=weights,
        unsupported=unsupported,
        model_loss=0.9,
        estimates=(_estimate() if estimate is None else estimate,),
    )


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (0.1, 0.3, Finding.BETTER),
        (-0.3, -0.1, Finding.WORSE),
        (-0.1, 0.3, Finding.NOT_PROVEN),
        (0.0, 0.3, Finding.NOT_PROVEN),
        (-0.3, 0.0, Finding.NOT_PROVEN),
    ],
)
def test_the_interval_of_the_gain_decides(low, high, finding):
    verdict = judge_policy(_evaluation(estimate=_estimate(gain=Interval(low, high))))
    assert verdict.finding is finding
    assert verdict.reasons == (
        f"the gain over the logged policy by DR lies between {low:+.4g} and {high:+.4g}",
    )
    assert verdict.needed == ()


def test_too_few_effective_rounds_are_refused_with_what_is_needed():
    verdict = judge_policy(_evaluation(weights=replace(SOUND, effective_count=150.0)))
    assert verdict.finding is Finding.REFUSED
    assert verdict.reasons == ("the effective sample size is 150, and at least 200 are needed",)
    assert verdict.needed == (
        "about 1.4 times as many logged people as the 900 of today, or a policy closer to the logged one",
    )


@pytest.mark.parametrize(("count", "finding"), [(199.9, Finding.REFUSED), (200.0, Finding.BETTER)])
def test_two_hundred_effective_rounds_are_enough(count, finding):
    weights = replace(SOUND, effective_count=count)
    evaluation = _evaluation(weights=weights, estimate=_estimate(weights=weights))
    assert judge_policy(evaluation).finding is finding
    assert judge_estimate(evaluation, evaluation.estimates[0]).finding is finding


def test_no_common_action_needs_common_actions():
    verdict = judge_policy(_evaluation(weights=WeightSummary(0.0, 0.0, 0.0, 0.0), unsupported=1.0))
    assert verdict.needed == (
        "decisions in which the logged policy did what this policy would do",
        (
            "exploration: 100.0% of what this policy would do had no chance under the logged one, "
            "so the log says nothing about it"
        ),
    )


@pytest.mark.parametrize(
    ("mean", "finding"),
    [
        (1.0301, Finding.REFUSED),
        (1.0299, Finding.BETTER),
        (0.9701, Finding.BETTER),
        (0.9699, Finding.REFUSED),
    ],
)
def test_a_mean_weight_three_standard_errors_off_is_refused(mean, finding):
    assert judge_policy(_evaluation(weights=replace(SOUND, mean=mean))).finding is finding


def test_a_mean_weight_that_is_off_says_what_may_be_wrong():
    verdict = judge_policy(_evaluation(weights=replace(SOUND, mean=1.2)))
    assert verdict.reasons == ("importance weights average 1.200 where 1 is expected (standard error 0.010)",)
    assert verdict.needed == (
        "propensities that fit what was drawn, or more decisions: those logged do not average out",
    )


def test_an_estimator_that_uses_few_weights_is_refused_alone():
    few = _estimate(EstimatorName.SWITCH_DR, weights=replace(SOUND, effective_count=20.0))
    evaluation = _evaluation()
    assert judge_policy(evaluation).finding is Finding.BETTER
    verdict = judge_estimate(evaluation, few)
    assert verdict.finding is Finding.REFUSED
    assert verdict.needed[0].startswith("about 10.0 times as many")


def test_what_is_refused_for_the_policy_is_refused_for_each_estimator():
    evaluation = _evaluation(weights=replace(SOUND, mean=0.5))
    assert judge_estimate(evaluation, _estimate()).finding is Finding.REFUSED


def test_an_estimate_without_interval_proves_nothing():
    verdict = judge_policy(_evaluation(estimate=_estimate(gain=UNKNOWN)))
    assert verdict.finding is Finding.NOT_PROVEN
    assert verdict.reasons == ("DR has no interval",)


def test_a_log_that_was_selected_is_refused_though_its_weights_average_one():
    misfit = Misfit("sms hello", 120, 400.4, -15.0)
    verdict = judge_policy(replace(_evaluation(), misfit=misfit))
    assert verdict.finding is Finding.REFUSED
    assert verdict.reasons == (
        (
            "sms hello was taken 120 times where 400 were to be expected: "
            "what is left of the log depends on what was drawn"
        ),
    )
    assert verdict.needed == (
        "nights in which limits hardly ever change a draw: with arbitration: value they are priced before it",
    )
