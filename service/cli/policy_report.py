"""An off-policy evaluation in words and numbers: what it rests on, every estimator, and the verdict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.contracts.off_policy import LeftOut, Reward
from pipelines.contracts.texts import counted
from pipelines.evaluation.intervals import Interval
from pipelines.evaluation.off_policy.estimators import PolicyEvaluation
from pipelines.evaluation.off_policy.verdict import Finding, judge_estimate, judge_policy

_LEFT_OUT: Mapping[LeftOut, str] = {
    LeftOut.OVERRIDDEN: "a person decided",
    LeftOut.REPAIRED: "a limit changed what was drawn",
    LeftOut.OTHER_PROGRAMME: "they are of other programmes",
    LeftOut.UNSENT: "their message never left",
    LeftOut.NOT_CLOSED: "the outcome is not known yet",
}
_FINDINGS: Mapping[Finding, str] = {
    Finding.REFUSED: "refused",
    Finding.BETTER: "better than the logged policy",
    Finding.WORSE: "worse than the logged policy",
    Finding.NOT_PROVEN: "no difference is proven",
}
_COLUMNS = (
    "estimator",
    "per choice",
    "95 % interval",
    "gain",
    "95 % interval",
    "effective",
    "mean weight",
    "largest",
    "verdict",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedLog:
    """What was asked of the log, and what of it cannot be used.

    Attributes:
        left_out: Choices by reason.
        undrawn: Decision points in which nothing was drawn.
        usable: Choices that could be used, before people are sampled and the policy is asked.
    """

    first_night: date
    last_night: date
    reward: Reward
    window_days: int
    currency: str
    left_out: Mapping[str, int]
    undrawn: int
    usable: int


def describe_log(log: EvaluatedLog, compared: pl.DataFrame, *, sampled: int) -> Iterator[str]:
    """What is compared, of the choices that were sampled."""
    used = compared["choice_id"].n_unique()
    yield (
        f"Reward: {_reward(log)}. Nights {log.first_night} to {log.last_night}: "
        f"{counted(used, 'choice')} of {counted(compared['customer_id'].n_unique(), 'person', 'people')}"
    )
    for line in _unused(log):
        yield f"  left out: {line}"
    if log.usable > sampled:
        yield f"  left out: {counted(log.usable - sampled, 'choice')} of people who are not in the sample"
    if sampled > used:
        yield f"  left out: {counted(sampled - used, 'choice')} that the file does not speak of"


def _reward(log: EvaluatedLog) -> str:
    days = f"within {counted(log.window_days, 'day')}"
    return {
        Reward.SPEND: f"spend {days}, in {log.currency}",
        Reward.CONVERSION: f"whether there was an order {days}",
        Reward.ORDERS: f"orders {days}",
        Reward.CLICKS: f"whether the message was answered {days}",
    }[log.reward]


def _unused(log: EvaluatedLog) -> Iterator[str]:
    for reason, words in _LEFT_OUT.items():
        if count := log.left_out.get(reason.value, 0):
            yield f"{counted(count, 'choice')}, since {words}"
    if log.undrawn:
        yield f"{counted(log.undrawn, 'decision')} in which nothing was drawn"


def why_nothing_is_left(log: EvaluatedLog, *, is_unnamed: bool) -> list[str]:
    """Why there is nothing to compare; unnamed choices are usable, but the file has none of them."""
    if is_unnamed:
        return ["the file speaks of none of them"]
    return list(_unused(log)) or ["nothing was decided"]


def describe_evaluation(evaluation: PolicyEvaluation) -> Iterator[str]:
    yield (
        f"Logged policy: {_number(evaluation.logged_value)} per choice "
        f"({_interval(evaluation.logged_interval)})"
    )
    rows = [_COLUMNS, *_rows(evaluation)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells, row[-1]])
    yield from _foundation(evaluation)
    verdict = judge_policy(evaluation)
    yield f"Verdict: {_FINDINGS[verdict.finding]}"
    yield from (f"  {reason}" for reason in verdict.reasons)
    yield from (f"  needed: {what}" for what in verdict.needed)


def _rows(evaluation: PolicyEvaluation) -> Iterator[tuple[str, ...]]:
    for estimate in evaluation.estimates:
        weights = estimate.weights
        yield (
            estimate.name.value,
            _number(estimate.value),
            _interval(estimate.interval),
            f"{estimate.gain:+,.4f}",
            _interval(estimate.gain_interval),
            f"{weights.effective_count:,.0f}",
            f"{weights.mean:.3f}",
            f"{weights.largest:,.1f}",
            judge_estimate(evaluation, estimate).finding.value.replace("_", " "),
        )


def _foundation(evaluation: PolicyEvaluation) -> Iterator[str]:
    weights = evaluation.weights
    yield (
        f"Importance weights: effective sample size {weights.effective_count:,.0f} of "
        f"{counted(evaluation.key_count, 'person', 'people')}; mean {weights.mean:.3f} "
        f"(standard error {weights.standard_error:.3f}), largest {weights.largest:,.1f}"
    )
    if evaluation.unsupported > 0:
        yield f"{evaluation.unsupported:.1%} of what the policy would do never had a chance"
    if evaluation.model_loss is not None:
        yield (
            f"Model of rewards: squared error {evaluation.model_loss:.3f} of that of the mean, out of fold"
        )


def _number(value: float) -> str:
    return f"{value:,.4f}"


def _interval(interval: Interval) -> str:
    return f"{interval.low:,.4f} to {interval.high:,.4f}"
