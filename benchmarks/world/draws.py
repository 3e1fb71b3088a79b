"""Draws that depend on nothing but their key, so that the same thing happens in every arm that does the same.

A draw is a digest of the world's seed, its purpose and its key (person, day,
action, …): no generator has a state, so what one arm draws moves nothing in
another.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import gamma, poisson

from pipelines.expressions.digest import digest, unit_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Half of the distance between two values of a draw: keeps it away from 0, where quantiles are infinite.
_HALF_STEP = 2.0**-54


def uniforms(seed: int, purpose: str, *key: Ints) -> Floats:
    """One number in (0, 1) per row of the key; scalars and arrays of the key broadcast."""
    columns = np.broadcast_arrays(*key)
    rows = pl.DataFrame({f"key_{number}": column.ravel() for number, column in enumerate(columns)})
    drawn = rows.select(unit_interval(digest(f"world {seed} {purpose}", *map(pl.col, rows.columns))))
    return drawn.to_series().to_numpy().reshape(columns[0].shape) + _HALF_STEP


def normals(seed: int, purpose: str, *key: Ints) -> Floats:
    return np.asarray(ndtri(uniforms(seed, purpose, *key)))


def exponentials(mean: float, uniform: Floats) -> Floats:
    return -mean * np.log1p(-uniform)


def poissons(mean: Floats, uniform: Floats) -> Ints:
    return np.asarray(poisson.ppf(uniform, mean)).astype(np.int64)


def gammas(mean: float, shape: float, uniform: Floats) -> Floats:
    return np.asarray(gamma.ppf(uniform, shape, scale=mean / shape))


def categories_of(weights: Floats, uniform: Floats) -> Ints:
    """Column drawn in proportion to the weights of the row."""
    reached = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    return np.asarray(np.minimum((uniform[:, None] >= reached).sum(axis=1), weights.shape[1] - 1), np.int64)
