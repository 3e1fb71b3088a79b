"""Special functions and algebra from scipy, imported when a model is fitted or asked, not before."""

import numpy as np

from pipelines.enrichment.btyd.histories import Floats


def log_gamma(values: Floats | float) -> Floats:
    from scipy.special import gammaln  # noqa: PLC0415

    return np.asarray(gammaln(values), np.float64)


def digamma(values: Floats | float) -> Floats:
    from scipy.special import psi  # noqa: PLC0415

    return np.asarray(psi(values), np.float64)


def tridiagonal_eigen(diagonal: Floats, beside: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues, ascending, and eigenvectors as columns."""
    from scipy.linalg import eigh_tridiagonal  # noqa: PLC0415

    values, vectors = eigh_tridiagonal(diagonal, beside)
    return values, vectors


def logistic(values: Floats) -> Floats:
    """1 / (1 + e^-x) without overflow."""
    return np.exp(-np.logaddexp(0.0, -values))
