"""What a policy would have brought, from rounds that another one logged.

With weight w = p(action) / propensity, reward r, the model's q of the action and
d = Σ p q over all actions of the round, means over the rounds:

* IPW (Horvitz and Thompson 1952; Strehl et al. 2010): w r
* SNIPW (Swaminathan and Joachims 2015): Σ w r / Σ w
* DR (Dudik, Langford and Li 2011): d + w (r - q)
* SNDR (Thomas and Brunskill 2016): d, plus Σ w (r - q) / Σ w
* Switch-DR (Wang, Agarwal and Dudik 2017): as DR, without the correction where w > τ
* DRos (Su et al. 2020): as DR, with λ w / (w² + λ) in place of w

Each is a sum of ratios of sums, which is all that the bootstrap needs to know.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipelines.evaluation.intervals import (
    REPLICATES,
    Interval,
    percentile_interval,
    resampling_counts,
)
from pipelines.evaluation.off_policy.draws import Misfit
from pipelines.evaluation.off_policy.rounds import LoggedRounds
from pipelines.evaluation.off_policy.weights import (
    WeightSummary,
    importance_weights,
    shrunk,
    summarise_weights,
    sums_by_key,
    switched,
)
from pipelines.evaluation.validity import Floats

#: Weight above which Switch-DR trusts the model alone, and strength of DRos, unless others are asked for.
SWITCH_AT = 20.0
SHRINKAGE = 100.0


class EstimatorName(StrEnum):
    IPW = "IPW"
    SNIPW = "SNIPW"
    DR = "DR"
    SNDR = "SNDR"
    SWITCH_DR = "Switch-DR"
    DROS = "DRos"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two numbers a round, whose sums are divided."""

    numerator: Floats
    denominator: Floats

    @property
    def value(self) -> float:
        below = math.fsum(self.denominator)
        return math.fsum(self.numerator) / below if below != 0 else float("nan")


@dataclass(frozen=True, slots=True)
class Estimator:
    """The value is the sum of the ratios; `weights` are those that it multiplies rewards by."""

    name: EstimatorName
    ratios: tuple[Ratio, ...]
    weights: Floats

    @property
    def value(self) -> float:
        """NaN where no round has a weight."""
        return sum(ratio.value for ratio in self.ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value per round with its interval.

    Attributes:
        gain: Value less that of the logged policy, in the same rounds.
    """

    name: EstimatorName
    value: float
    interval: Interval
    gain: float
    gain_interval: Interval
    weights: WeightSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEvaluation:
    """A policy against the one that logged.

    Attributes:
        logged_value: Mean reward of what was done.
        weights: Importance weights before anything is clipped.
        unsupported: Mean probability that the policy gives to actions which the logged policy never took.
        model_loss: Mean squared error of the model on the rounds, over that of their mean; null when all
            rewards are the same.
        misfit: Kind of action that was taken too often or too seldom for its propensities.
    """

    round_count: int
    key_count: int
    logged_value: float
    logged_interval: Interval
    weights: WeightSummary
    unsupported: float
    model_loss: float | None
    estimates: tuple[Estimate, ...]
    misfit: Misfit | None = None

    def estimate(self, name: EstimatorName) -> Estimate:
        return next(one for one in self.estimates if one.name is name)


def logged_mean(rounds: LoggedRounds) -> Ratio:
    return Ratio(rounds.rewards, np.ones(len(rounds)))


def estimators(rounds: LoggedRounds, *, switch_at: float, shrinkage: float) -> tuple[Estimator, ...]:
    """All of them, on the same rounds.

    Args:
        rounds: Logged rounds.
        switch_at: τ of Switch-DR; infinity for DR, 0 for the model alone.
        shrinkage: λ of DRos; infinity for DR, 0 for the model alone.
    """
    ones, weights = np.ones(len(rounds)), importance_weights(rounds)
    missed, weighted = rounds.rewards - rounds.predicted, weights * rounds.rewards
    model = Ratio(rounds.direct, ones)

    def corrected(used: Floats) -> tuple[Ratio, ...]:
        return (Ratio(rounds.direct + used * missed, ones),)

    below, damped = switched(weights, switch_at), shrunk(weights, shrinkage)
    return (
        Estimator(EstimatorName.IPW, (Ratio(weighted, ones),), weights),
        Estimator(EstimatorName.SNIPW, (Ratio(weighted, weights),), weights),
        Estimator(EstimatorName.DR, corrected(weights), weights),
        Estimator(EstimatorName.SNDR, (model, Ratio(weights * missed, weights)), weights),
        Estimator(EstimatorName.SWITCH_DR, corrected(below), below),
        Estimator(EstimatorName.DROS, corrected(damped), damped),
    )


def evaluate_policy(
    rounds: LoggedRounds,
    *,
    salt: str,
    switch_at: float = SWITCH_AT,
    shrinkage: float = SHRINKAGE,
    replicates: int = REPLICATES,
    misfit: Misfit | None = None,
) -> PolicyEvaluation:
    """Every estimator with its interval, and the gain over the logged policy.

    Args:
        rounds: Logged rounds.
        salt: Names the use; another one draws the bootstrap again.
        switch_at: τ of Switch-DR.
        shrinkage: λ of DRos.
        replicates: Of the bootstrap.
        misfit: What `worst_misfit` finds in the actions of the rounds.
    """
    found = estimators(rounds, switch_at=switch_at, shrinkage=shrinkage)
    logged = logged_mean(rounds)
    resampled = _resampled([(logged,), *(one.ratios for one in found)], rounds, salt, replicates)
    logged_draws = resampled[:, 0]
    return PolicyEvaluation(
        round_count=len(rounds),
        key_count=rounds.keys.n_unique(),
        logged_value=logged.value,
        logged_interval=_interval(logged_draws),
        weights=summarise_weights(importance_weights(rounds), rounds.keys),
        unsupported=math.fsum(rounds.unsupported) / len(rounds),
        model_loss=_model_loss(rounds),
        estimates=tuple(
            Estimate(
                name=one.name,
                value=one.value,
                interval=_interval(draws),
                gain=one.value - logged.value,
                gain_interval=_interval(draws - logged_draws),
                weights=summarise_weights(one.weights, rounds.keys),
            )
            for one, draws in zip(found, resampled.T[1:], strict=True)
        ),
        misfit=misfit,
    )


def _model_loss(rounds: LoggedRounds) -> float | None:
    mean = math.fsum(rounds.rewards) / len(rounds)
    spread = math.fsum((rounds.rewards - mean) ** 2)
    return math.fsum((rounds.rewards - rounds.predicted) ** 2) / spread if spread > 0 else None


def _resampled(
    sums_of_ratios: Sequence[tuple[Ratio, ...]], rounds: LoggedRounds, salt: str, replicates: int
) -> Floats:
    """Value of each sum of ratios in each replicate; NaN where a denominator is 0."""
    sides = [
        side for ratios in sums_of_ratios for ratio in ratios for side in (ratio.numerator, ratio.denominator)
    ]
    # Many ratios share a side, which is summed once.
    distinct = {id(side): side for side in sides}
    places = [list(distinct).index(id(side)) for side in sides]
    by_key = np.vstack([sums_by_key(side, rounds.keys) for side in distinct.values()])
    keys = rounds.keys.unique().sort()
    totals = np.vstack(
        [
            # Not a matrix product: how its parts are added depends on the number of threads.
            np.einsum(
                "ck,k->c", by_key, resampling_counts(keys, salt=salt, replicate=replicate).astype(np.float64)
            )
            for replicate in range(replicates)
        ]
    )
    above, below = totals[:, places[::2]], totals[:, places[1::2]]
    divided = np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)
    starts = np.cumsum([0, *(len(ratios) for ratios in sums_of_ratios[:-1])])
    return np.asarray(np.add.reduceat(divided, starts, axis=1), np.float64)


def _interval(draws: Floats) -> Interval:
    return percentile_interval(draws[np.isfinite(draws)].tolist())
