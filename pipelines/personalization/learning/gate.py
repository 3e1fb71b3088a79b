"""The no-harm gate: a campaign chooses for each person only if that beats its best action for everyone.

Choosing by estimated effects loses to one good action on real randomised
campaigns: the largest of several noisy numbers is mostly noise. So what the
choice adds is measured on people whom neither model nor calibration has seen.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.personalization.learning.arrays import NO_SEND, Bools, Examples, Floats, Ints
from pipelines.personalization.learning.effects import (
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
    """What choosing for each person adds to the best single action.

    Attributes:
        best_single: Number of the action, or `NO_SEND`.
        gain: Per decision, out of fold, in net value.
        policy: [rows] choices out of fold.
    """

    best_single: int
    best_single_value: Mean
    policy_value: Mean
    gain: Mean
    policy: Ints

    @property
    def is_open(self) -> bool:
        return self.gain.low > 0


def choices(net: Floats, eligible: Bools) -> Ints:
    """The eligible action of most net value; none where that is not above 0. Ties go to the first."""
    allowed = np.where(eligible, net, -np.inf)
    best = allowed.argmax(axis=1)
    return np.asarray(np.where(allowed[np.arange(len(net)), best] > 0, best, NO_SEND), np.int64)


def judge(examples: Examples, scores: RobustScores, uplift: Floats, folds: Ints, worth: Worth) -> Verdict:
    """Value of the policy and of every single action, on the same rows.

    Each fold is chosen for with effects calibrated on the others. The best single
    action is the best on all rows, which favours it: the gate errs to the closed side.
    """
    policy = np.full(len(examples), NO_SEND, np.int64)
    per_unit = np.broadcast_to(worth.per_unit, uplift.shape)
    cost = np.broadcast_to(worth.cost, uplift.shape)
    for fold in range(int(folds.max()) + 1):
        inside, outside = folds == fold, folds != fold
        calibration = _calibrated(examples, scores, uplift, outside)
        net = calibration.apply(uplift[inside], is_personal=True) * per_unit[inside] - cost[inside]
        policy[inside] = choices(net, examples.eligible[inside])
    values = np.where(examples.eligible, worth.net(scores.uplift), 0.0)
    singles = [clustered_mean(values[:, number], examples.customers) for number in range(values.shape[1])]
    best = max(range(len(singles)), key=lambda number: singles[number].value)
    is_sent = singles[best].value > 0
    rows = np.arange(len(policy))
    chosen_value = np.where(policy >= 0, values[rows, policy], 0.0)
    single_value = values[:, best] if is_sent else np.zeros(len(policy))
    return Verdict(
        best_single=best if is_sent else NO_SEND,
        best_single_value=clustered_mean(single_value, examples.customers),
        policy_value=clustered_mean(chosen_value, examples.customers),
        gain=clustered_mean(chosen_value - single_value, examples.customers),
        policy=policy,
    )


def gain_in(scores: RobustScores, verdict: Verdict, examples: Examples, worth: Worth) -> Mean:
    """The same policy's gain over the same single action in another outcome."""
    values = np.where(examples.eligible, worth.net(scores.uplift), 0.0)
    rows = np.arange(len(values))
    chosen = np.where(verdict.policy >= 0, values[rows, verdict.policy], 0.0)
    single = values[:, verdict.best_single] if verdict.best_single >= 0 else np.zeros(len(values))
    return clustered_mean(chosen - single, examples.customers)


def _calibrated(examples: Examples, scores: RobustScores, uplift: Floats, rows: Bools) -> Calibration:
    return calibrate(
        RobustScores(quiet=scores.quiet[rows], treated=scores.treated[rows]),
        uplift[rows],
        examples.eligible[rows],
        examples.chosen[rows],
        examples.customers[rows],
    )
