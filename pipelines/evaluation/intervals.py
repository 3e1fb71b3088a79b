"""How sure a metric is: analytic where a standard interval exists, else a bootstrap without dice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from pipelines.evaluation.validity import Floats, in_hand, where_measured
from pipelines.expressions.digest import digest, unit_interval

LEVEL = 0.95
REPLICATES = 200
#: Distribution function of a Poisson count of mean 1; beyond the last lie fewer than 1e-10 of draws.
_POISSON = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(13)])


@dataclass(frozen=True, slots=True)
class Interval:
    """Range that covers the true value at the given level; NaN at both ends where nothing is known."""

    low: float
    high: float


UNKNOWN = Interval(float("nan"), float("nan"))


def wilson_interval(successes: float, trials: float, level: float = LEVEL) -> Interval:
    """Of a share (Wilson 1927); stays inside [0, 1] and holds for few trials too."""
    if trials <= 0:
        return UNKNOWN
    z = _z(level)
    share, shrink = successes / trials, 1 + z**2 / trials
    middle = (share + z**2 / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def roc_auc_variance(score: pl.Expr, outcome: pl.Expr) -> pl.Expr:
    """Variance of the area under the curve (DeLong, DeLong and Clarke-Pearson 1988).

    A positive's part is the share of negatives below it, ties half, and likewise
    a negative's. Null with fewer than two rows of a class. Not inside a group.
    """
    return where_measured(in_hand(_variance_of_area, score, outcome).fill_nan(None), score, outcome)


def _variance_of_area(score: Floats, outcome: Floats) -> float:
    positives, negatives = np.sort(score[outcome == 1]), np.sort(score[outcome != 1])
    if min(len(positives), len(negatives)) < 2:  # noqa: PLR2004  one row has no variance
        return float("nan")
    return sum(
        float(np.var(_shares_below(ours, others), ddof=1)) / len(ours)
        for ours, others in ((positives, negatives), (negatives, positives))
    )


def _shares_below(values: Floats, others: Floats) -> Floats:
    below, not_above = np.searchsorted(others, values, "left"), np.searchsorted(others, values, "right")
    return np.asarray((below + not_above) / (2.0 * len(others)), np.float64)


def normal_interval(estimate: float, variance: float, level: float = LEVEL) -> Interval:
    """Of a share-like metric with a known variance, cut to [0, 1]."""
    half = _z(level) * math.sqrt(variance)
    return Interval(max(estimate - half, 0.0), min(estimate + half, 1.0))


def bootstrap_interval(
    numerator: ArrayLike,
    denominator: ArrayLike,
    key: ArrayLike,
    *,
    salt: str,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Interval:
    """Percentile interval of a ratio of sums; with a denominator of ones, of a mean.

    Poisson bootstrap: each row counts a Poisson(1) number of times, drawn from a
    digest of its key, so neither row order nor a generator's state matters.
    Replicates in which nothing was drawn are left out.

    Args:
        numerator: Of each row.
        denominator: Of each row.
        key: Integer or text that names the row.
        salt: Names the use; another one draws again.
        replicates: How often.
        level: Share of replicates inside.
    """
    rows = pl.DataFrame({"key": key, "above": numerator, "below": denominator}).sort("key")
    above, below = (rows[name].cast(pl.Float64).to_numpy() for name in ("above", "below"))
    ratios = []
    for replicate in range(replicates):
        weights = resampling_counts(rows["key"], salt=salt, replicate=replicate)
        total = float((weights * below).sum())
        if total != 0:
            ratios.append(float((weights * above).sum()) / total)
    return percentile_interval(ratios, level)


def resampling_counts(key: pl.Series, *, salt: str, replicate: int) -> NDArray[np.int64]:
    """How often each row counts in one replicate of a Poisson bootstrap; equal keys count equally often."""
    draws = pl.DataFrame({"key": key}).select(unit_interval(digest(f"{salt} {replicate}", pl.col("key"))))
    return np.searchsorted(_POISSON, draws.to_series().to_numpy(), side="right")


def percentile_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Middle part of replicates; unknown without any."""
    if not values:
        return UNKNOWN
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
