"""How sure a metric is: analytic where a standard interval exists, else a bootstrap without dice."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from pipelines.evaluation.validity import as_number, where_measured
from pipelines.expressions.digest import digest, unit_interval
from pipelines.expressions.sums import stable_sum

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

    By ranks instead of pairs (Sun and Xu 2014): a positive's rank among all less
    that among positives counts the negatives below it. Null with fewer than two
    rows of a class.
    """
    number, positive = as_number(score), as_number(outcome)
    positives = positive.sum()
    negatives = pl.len() - positives
    among_all = number.rank("average")
    # Nulls have no rank, so that the rows of one class are ranked among themselves.
    below = among_all - pl.when(positive == 1).then(number).rank("average")
    above = among_all - pl.when(positive == 0).then(number).rank("average")
    variance = _variance_of_mean(below / negatives) + _variance_of_mean(above / positives)
    return where_measured(variance, score, outcome)


def _variance_of_mean(values: pl.Expr) -> pl.Expr:
    count = values.count()
    spread = stable_sum(values**2) - stable_sum(values) ** 2 / count
    return pl.when(count > 1).then(spread.clip(lower_bound=0.0) / (count - 1) / count)


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
        draws = rows.select(unit_interval(digest(f"{salt} {replicate}", pl.col("key"))))
        weights = np.searchsorted(_POISSON, draws.to_series().to_numpy(), side="right")
        total = float((weights * below).sum())
        if total != 0:
            ratios.append(float((weights * above).sum()) / total)
    if not ratios:
        return UNKNOWN
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
