"""How far a column has moved since a reference: arrays, as the two samples have no rows in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10
#: Rows added to every bin, so that an empty one does not make the index infinite.
_PRIOR_ROWS = 0.5


def population_stability_index(reference: ArrayLike, current: ArrayLike, bins: int = BINS) -> float:
    """Sum of (c - r) log(c / r) over bins; by custom below .1 is stable and above .25 has moved.

    Bins hold equal counts of the reference; what is no number has one of its
    own. Values at an edge belong to the lower bin, and edges that coincide are
    one. NaN without rows on either side.
    """
    before, now = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    if not len(before) or not len(now):
        return float("nan")
    known = before[~np.isnan(before)]
    shares = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(known, shares, method="inverted_cdf")) if len(known) else np.empty(0)
    return stability_of_counts(_counts(before, edges), _counts(now, edges))


def stability_of_counts(reference: ArrayLike, current: ArrayLike) -> float:
    """The same from counts per category, in one order; every category gets half a row more."""
    before, now = (np.asarray(counts, np.float64) + _PRIOR_ROWS for counts in (reference, current))
    before, now = before / before.sum(), now / now.sum()
    return float(((now - before) * np.log(now / before)).sum())


def _counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """NaN sorts behind every edge and would fall into the last bin: it is counted apart."""
    missing = np.isnan(values)
    inside = np.bincount(np.searchsorted(edges, values[~missing], side="left"), minlength=len(edges) + 1)
    return np.append(inside, missing.sum())


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """Largest distance of two distribution functions, and its chance if both samples came from one."""

    distance: float
    p_value: float


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike) -> KolmogorovSmirnov:
    """Two-sample test, NaN left out; the chance is Kolmogorov's limit, for some hundred rows and more.

    NaN in both when a side has no numbers.
    """
    before, now = (np.sort(np.asarray(values, np.float64)) for values in (reference, current))
    before, now = before[~np.isnan(before)], now[~np.isnan(now)]
    if not len(before) or not len(now):
        return KolmogorovSmirnov(float("nan"), float("nan"))
    points = np.concatenate([before, now])
    share_before = np.searchsorted(before, points, side="right") / len(before)
    share_now = np.searchsorted(now, points, side="right") / len(now)
    distance = float(np.abs(share_before - share_now).max())
    rows = len(before) * len(now) / (len(before) + len(now))
    return KolmogorovSmirnov(distance, _kolmogorov(np.sqrt(rows) * distance))


def _kolmogorov(statistic: float) -> float:
    """Chance that the limit exceeds the statistic: 2 sum (-1)^(j-1) exp(-2 j² x²) (Kolmogorov 1933)."""
    if statistic < 0.2:  # noqa: PLR2004  below it the chance is 1 to twelve digits and the series slow
        return 1.0
    terms = np.arange(1, 101)
    signs = np.where(terms % 2 == 1, 1.0, -1.0)
    chance = 2 * float((signs * np.exp(-2 * terms**2 * statistic**2)).sum())
    return min(max(chance, 0.0), 1.0)
