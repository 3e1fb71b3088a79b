"""Whether a policy may be called better than the logged one, in plain words, or why nothing can be said."""

import math
from dataclasses import dataclass
from enum import StrEnum

from pipelines.evaluation.off_policy.estimators import Estimate, EstimatorName, PolicyEvaluation

#: Below so many effective rounds a bootstrap interval covers too little.
SMALLEST_EFFECTIVE_COUNT = 200
#: Standard errors by which the mean weight may miss 1.
LARGEST_MISS = 3.0
#: The estimator whose interval decides; the others show whether it stands alone.
DECIDING = EstimatorName.DR
_ROUNDING = 1e-9


class Finding(StrEnum):
    REFUSED = "refused"
    BETTER = "better"
    WORSE = "worse"
    NOT_PROVEN = "not_proven"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding with its reasons, as sentences.

    Attributes:
        needed: What a refused verdict would need.
    """

    finding: Finding
    reasons: tuple[str, ...]
    needed: tuple[str, ...] = ()


def judge_policy(evaluation: PolicyEvaluation) -> Verdict:
    """Of a policy: by the lower bound of the doubly robust gain, once the weights can be trusted."""
    refusal = _refusal(evaluation)
    return refusal or _compare(evaluation.estimate(DECIDING))


def judge_estimate(evaluation: PolicyEvaluation, estimate: Estimate) -> Verdict:
    """Of one estimator; one that sets most weights to zero can be refused where the others are not."""
    refusal = _refusal(evaluation)
    if refusal is not None:
        return refusal
    count = estimate.weights.effective_count
    if count < SMALLEST_EFFECTIVE_COUNT:
        return Verdict(Finding.REFUSED, (_too_few(count),), (_more_of(count, evaluation),))
    return _compare(estimate)


def _refusal(evaluation: PolicyEvaluation) -> Verdict | None:
    weights = evaluation.weights
    reasons, needed = [], []
    if weights.effective_count < SMALLEST_EFFECTIVE_COUNT:
        reasons.append(_too_few(weights.effective_count))
        needed.append(_more_of(weights.effective_count, evaluation))
    if abs(weights.mean - 1) > LARGEST_MISS * weights.standard_error + _ROUNDING:
        reasons.append(
            f"importance weights average {weights.mean:.3f} where 1 is expected "
            f"(standard error {weights.standard_error:.3f})"
        )
        needed.append(_support(evaluation))
    if evaluation.misfit is not None:
        missed = evaluation.misfit
        reasons.append(
            f"{missed.kind} was taken {missed.taken_count:,} times where {missed.expected_count:,.0f} were "
            "to be expected: what is left of the log depends on what was drawn"
        )
        needed.append(
            "nights in which limits hardly ever change a draw: with arbitration: value they are priced "
            "before it"
        )
    return Verdict(Finding.REFUSED, tuple(reasons), tuple(needed)) if reasons else None


def _too_few(count: float) -> str:
    return f"the effective sample size is {count:,.0f}, and at least {SMALLEST_EFFECTIVE_COUNT} are needed"


def _more_of(effective_count: float, evaluation: PolicyEvaluation) -> str:
    if effective_count == 0:
        return "decisions in which the logged policy did what this policy would do"
    times = math.ceil(SMALLEST_EFFECTIVE_COUNT / effective_count * 10) / 10
    return (
        f"about {times:,.1f} times as many logged people as the {evaluation.key_count:,} of today, "
        "or a policy closer to the logged one"
    )


def _support(evaluation: PolicyEvaluation) -> str:
    if evaluation.unsupported > _ROUNDING:
        return (
            f"exploration: {evaluation.unsupported:.1%} of what this policy would do had no chance under the "
            "logged one, so the log says nothing about it"
        )
    return "propensities that fit what was drawn, or more decisions: those logged do not average out"


def _compare(estimate: Estimate) -> Verdict:
    interval = estimate.gain_interval
    words = f"the gain over the logged policy by {estimate.name.value} lies between {{low}} and {{high}}"
    if math.isnan(interval.low):
        return Verdict(Finding.NOT_PROVEN, (f"{estimate.name.value} has no interval",))
    sentence = words.format(low=f"{interval.low:+.4g}", high=f"{interval.high:+.4g}")
    if interval.low > 0:
        return Verdict(Finding.BETTER, (sentence,))
    return Verdict(Finding.WORSE if interval.high < 0 else Finding.NOT_PROVEN, (sentence,))
