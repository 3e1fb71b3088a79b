"""Importance weights: how much more often than the logged policy another one would have done what was done.

The weights of a policy that the log supports average 1. What is known of a
policy comes from as many rounds as the effective sample size says (Kish 1965),
however many were logged.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.evaluation.off_policy.rounds import LoggedRounds
from pipelines.evaluation.validity import Floats


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """Weights of one estimator.

    Attributes:
        effective_count: (Σ W)² / Σ W², W being the weights of one key together; 0 when all are 0. With one
            round a key that is Kish's number; a person who was logged on many nights counts once.
        standard_error: Of the mean, with the rounds of one key taken together.
    """

    effective_count: float
    largest: float
    mean: float
    standard_error: float


def importance_weights(rounds: LoggedRounds) -> Floats:
    return np.asarray(rounds.probabilities / rounds.propensities, np.float64)


def switched(weights: Floats, threshold: float) -> Floats:
    """Zero above the threshold: there the model alone speaks (Wang, Agarwal and Dudik 2017, eq. 8)."""
    return np.where(weights <= threshold, weights, 0.0)


def shrunk(weights: Floats, strength: float) -> Floats:
    """λ w / (w² + λ): optimistic shrinkage of Su, Dimakopoulou, Krishnamurthy and Dudik (2020, eq. 9).

    0 leaves the model alone, infinity leaves the weights as they are.
    """
    if math.isinf(strength):
        return weights
    if strength == 0:
        return np.zeros_like(weights)
    return np.asarray(strength * weights / (weights**2 + strength), np.float64)


def summarise_weights(weights: Floats, keys: pl.Series) -> WeightSummary:
    """Sums are exact, so the order of rounds makes no difference."""
    count, mean = len(weights), math.fsum(weights) / len(weights)
    by_key = sums_by_key(weights, keys)
    squares = math.fsum(by_key**2)
    deviations = by_key - mean * sums_by_key(np.ones(count), keys)
    key_count = len(by_key)
    correction = key_count / (key_count - 1) if key_count > 1 else 0.0
    return WeightSummary(
        effective_count=math.fsum(by_key) ** 2 / squares if squares > 0 else 0.0,
        largest=float(weights.max()),
        mean=mean,
        standard_error=math.sqrt(correction * math.fsum(deviations**2)) / count,
    )


def sums_by_key(values: Floats, keys: pl.Series) -> Floats:
    """Sum of each key, in ascending order of the keys."""
    rows = pl.DataFrame({"key": keys, "value": values}).sort("key", "value")
    starts = np.flatnonzero(rows["key"].ne_missing(rows["key"].shift()).to_numpy())
    return np.asarray(np.add.reduceat(rows["value"].to_numpy(), starts), np.float64)
