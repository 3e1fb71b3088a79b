"""The no-harm gate: a campaign chooses for each person only if that beats what it would do otherwise.

Choosing by estimated effects loses to one good action on real randomised
campaigns: the largest of several noisy numbers is mostly noise. So what the
choice adds is measured on people whom neither model nor calibration has seen, and
on both alternatives: the best action for everyone, and the policy of declared priors,
which may carry more taste than the data do.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.personalization.learning.arrays import NO_SEND, Bools, Examples, Floats, Ints
from pipelines.personalization.learning.effects import (
    SMALLEST_ARM,
    Calibration,
    Mean,
    RobustScores,
    calibrate,
    clustered_mean,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What an effect is worth: [rows, actions] or [actions] value per unit, and what the message costs."""

    per_unit: Floats
    cost: Floats

    def net(self, uplift: Floats) -> Floats:
        return np.asarray(uplift * self.per_unit - self.cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What choosing for each person adds to the best single action, and to declared priors.

    Attributes:
        best_single: Number of the action, or `NO_SEND`.
        gain: Over the best single action per decision, out of fold, in net value.
        declared_value: Of what declared priors choose, with `declared_gain` over that.
        policy: [rows] choices out of fold.
        alternative: [rows] choices of the better of the two alternatives.
    """

    best_single: int
    best_single_value: Mean
    policy_value: Mean
    gain: Mean
    declared_value: Mean
    declared_gain: Mean
    policy: Ints
    alternative: Ints

    @property
    def is_open(self) -> bool:
        return self.gain.low > 0 and self.declared_gain.low > 0

    @property
    def smallest_gain(self) -> Mean:
        """Over the alternative of which it is least sure."""
        return min(self.gain, self.declared_gain, key=lambda mean: mean.low)


def choices(net: Floats, eligible: Bools) -> Ints:
    """The eligible action of most net value; none where that is not above 0. Ties go to the first."""
    allowed = np.where(eligible, net, -np.inf)
    best = allowed.argmax(axis=1)
    return np.asarray(np.where(allowed[np.arange(len(net)), best] > 0, best, NO_SEND), np.int64)


def judge(examples: Examples, scores: RobustScores, uplift: Floats, folds: Ints, worth: Worth) -> Verdict:
    """Value of the policy, of every single action and of declared priors, on the same rows.

    Each fold is chosen for with effects calibrated on the others. The best single
    action is the best on all rows, which favours it: the gate errs to the closed side.
    """
    policy = _policy_out_of_fold(examples, scores, uplift, folds, worth)
    declared = choices(examples.declared * examples.declared_worth - worth.cost, examples.eligible)
    values = np.where(examples.eligible, worth.net(scores.uplift), 0.0)
    singles = [clustered_mean(values[:, number], examples.customers) for number in range(values.shape[1])]
    best = max(range(len(singles)), key=lambda number: singles[number].value)
    best = best if singles[best].value > 0 else NO_SEND
    single = np.full(len(policy), best)
    policy_value, single_value, declared_value = (
        _of(values, chosen) for chosen in (policy, single, declared)
    )
    is_declared_better = declared_value.mean() > single_value.mean()
    return Verdict(
        best_single=best,
        best_single_value=clustered_mean(single_value, examples.customers),
        policy_value=clustered_mean(policy_value, examples.customers),
        gain=clustered_mean(policy_value - single_value, examples.customers),
        declared_value=clustered_mean(declared_value, examples.customers),
        declared_gain=clustered_mean(policy_value - declared_value, examples.customers),
        policy=policy,
        alternative=declared if is_declared_better else single,
    )


def _of(values: Floats, chosen: Ints) -> Floats:
    """[rows] value of what is chosen; 0 of nothing."""
    return np.where(chosen >= 0, values[np.arange(len(values)), chosen], 0.0)


def _policy_out_of_fold(
    examples: Examples, scores: RobustScores, uplift: Floats, folds: Ints, worth: Worth
) -> Ints:
    policy = np.full(len(examples), NO_SEND, np.int64)
    # Of an action that was hardly sent a model says something, and nothing contradicts it.
    sent = np.array([(examples.chosen == number).sum() for number in range(uplift.shape[1])])
    told = examples.eligible & (sent >= SMALLEST_ARM)
    per_unit = np.broadcast_to(worth.per_unit, uplift.shape)
    cost = np.broadcast_to(worth.cost, uplift.shape)
    for fold in range(int(folds.max()) + 1):
        inside, outside = folds == fold, folds != fold
        calibration = _calibrated(examples, scores, uplift, outside)
        net = calibration.apply(uplift[inside], is_personal=True) * per_unit[inside] - cost[inside]
        policy[inside] = choices(net, told[inside])
    return policy


def gain_in(scores: RobustScores, verdict: Verdict, examples: Examples, worth: Worth) -> Mean:
    """The same policy's gain over the same alternative in another outcome."""
    values = np.where(examples.eligible, worth.net(scores.uplift), 0.0)
    gained = _of(values, verdict.policy) - _of(values, verdict.alternative)
    return clustered_mean(gained, examples.customers)


def _calibrated(examples: Examples, scores: RobustScores, uplift: Floats, rows: Bools) -> Calibration:
    return calibrate(
        RobustScores(quiet=scores.quiet[rows], treated=scores.treated[rows]),
        uplift[rows],
        examples.eligible[rows],
        examples.chosen[rows],
        examples.customers[rows],
    )
