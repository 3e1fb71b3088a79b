"""Integrals of the models as sums of positive terms, stable where the hypergeometric forms cancel.

Both models publish their integrals as Gauss hypergeometric functions, which lose
all digits for many purchases, and whose derivatives by their parameters have no
closed form. The integrals behind them are smooth and positive, and derivatives
go under the integral.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipelines.enrichment.btyd.histories import Floats
from pipelines.enrichment.btyd.special import tridiagonal_eigen

#: Nodes of an integral over time: relative errors below 1e-7 (checked against adaptive quadrature).
_TIME_NODES = 32
#: Decay of the integrand, as a power of e, after which nothing is left to add.
_NEGLIGIBLE = 30.0
#: A chance that can still be divided by.
_SMALLEST = 1e-200


@dataclass(frozen=True, slots=True)
class PowerIntegral:
    """Integral of (p + u)^-k (q + u)^-m over times u from `start` to `end`, one row each.

    Attributes:
        log_value: Logarithm of the integral relative to its integrand at `start`;
            minus infinity for an empty range.
        times: Nodes, one column each.
        weights: Share of the integral at each node; rows add up to 1.
    """

    log_value: Floats
    times: Floats
    weights: Floats

    def mean(self, values: Floats) -> Floats:
        """Mean of a function of time under the integrand, from its values at the nodes."""
        return np.asarray(np.einsum("ij,ij->i", self.weights, values), np.float64)


def power_integral(
    p: Floats, k: Floats, q: Floats, m: Floats, bounds: tuple[Floats, Floats]
) -> PowerIntegral:
    """Gauss–Legendre on v = log((o + u) / (o + start)), where o is the smaller of p and q.

    In v the integrand is analytic and log-concave, so it decays at least as fast
    as at the start, and the range can end where nothing is left of it.
    """
    start, end = bounds
    origin = np.minimum(p, q)
    at_start = origin + start
    decay = k * at_start / (p + start) + m * at_start / (q + start) - 1
    width = np.minimum(
        np.log((origin + end) / at_start), _NEGLIGIBLE / np.maximum(decay, _NEGLIGIBLE / np.finfo(float).max)
    )
    nodes, node_weights = _legendre()
    # From start to end: growth is (o + u) / (o + start).
    growth = np.exp(width[:, None] * (nodes + 1) / 2)
    elapsed = at_start[:, None] * (growth - 1)
    log_height = -k[:, None] * np.log1p(elapsed / (p + start)[:, None])
    log_height -= m[:, None] * np.log1p(elapsed / (q + start)[:, None])
    mass = node_weights / 2 * np.exp(log_height) * growth
    total = mass.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_value = np.log(total * at_start * width)
    return PowerIntegral(log_value, elapsed + start[:, None], mass / total[:, None])


@cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_TIME_NODES)
    return nodes, weights


def beta_nodes(left: float, right: Floats, count: int) -> tuple[Floats, Floats]:
    """Nodes and weights of a mean under Beta(left, right), one row per `right`.

    Gauss–Jacobi by the eigenvalues of the recurrence (Golub and Welsch 1969).
    Weights come normalised, so that no Beta function can over- or underflow.
    """
    nodes, weights = np.empty((len(right), count)), np.empty((len(right), count))
    for row, one in enumerate(right):
        diagonal, beside = _jacobi_recurrence(one - 1, left - 1, count)
        eigenvalues, vectors = tridiagonal_eigen(diagonal, beside)
        nodes[row] = np.clip((eigenvalues + 1) / 2, _SMALLEST, 1.0)
        weights[row] = vectors[0] ** 2
    return nodes, weights


def _jacobi_recurrence(a: float, b: float, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the orthonormal polynomials under (1 - z)^a (1 + z)^b on [-1, 1] (Gautschi 2004, table 1.1)."""
    n = np.arange(1.0, count)
    double = 2 * n + a + b
    diagonal = np.concatenate([[(b - a) / (a + b + 2)], (b - a) * (b + a) / (double * (double + 2))])
    first = 4 * (a + 1) * (b + 1) / ((a + b + 2) ** 2 * (a + b + 3))
    n, double = n[1:], double[1:]
    rest = 4 * n * (n + a) * (n + b) * (n + a + b) / (double**2 * (double + 1) * (double - 1))
    return diagonal, np.sqrt(np.concatenate([[first], rest]))
