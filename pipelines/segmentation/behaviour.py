"""People as points: what they do, on scales on which distances mean something.

Counts, amounts and days go on a signed logarithmic scale (ten against twenty
orders is as far as one against two), shares stay as they are, and all are
standardised by the people that were fitted on. What is not known of a person
counts as the median, so that it tells nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.expressions.digest import digest

Floats = NDArray[np.float64]
#: Columns that are shares already.
_SHARES = ("_rate", "_probability")
#: Decimals of what is published and of what later work depends on.
DECIMALS = 9
#: Standard deviations beyond which a feature says no more.
CLIP = 5.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How one feature becomes a coordinate; `typical` is its median on the logarithmic scale."""

    typical: float
    centre: float
    spread: float


def is_share(feature: str) -> bool:
    return feature.endswith(_SHARES)


def natural(feature: str, coordinate: float) -> float:
    """The value behind a coordinate."""
    return coordinate if is_share(feature) else float(np.sign(coordinate) * np.expm1(abs(coordinate)))


def coordinates(people: pl.DataFrame, features: Sequence[str]) -> Floats:
    """One row per person; nan where nothing is known."""
    # A feature after the other, not a person after the other: every step goes over one feature.
    points = np.empty((people.height, len(features)), order="F")
    for place, feature in enumerate(features):
        values, column = people[feature].cast(pl.Float64).to_numpy(), points[:, place]
        if is_share(feature):
            column[:] = values
        else:
            np.copysign(np.log1p(np.abs(values, out=column), out=column), values, out=column)
    return points


def scales(points: Floats) -> list[Scale]:
    """From the people that are fitted on, in the order of their ids."""
    found = []
    for column in points.T:
        known = column[~np.isnan(column)]
        typical = float(np.median(known)) if len(known) else 0.0
        filled = np.where(np.isnan(column), typical, column)
        spread = float(filled.std())
        found.append(Scale(typical, float(filled.mean()), spread if spread > 0 else 1.0))
    return found


def standardise(points: Floats, by: Sequence[Scale]) -> Floats:
    """Distances from everyone's mean in standard deviations; overwrites the points."""
    for place, scale in enumerate(by):
        column = points[:, place]
        np.copyto(column, scale.typical, where=np.isnan(column))
        column -= scale.centre
        column /= scale.spread
        np.clip(column, -CLIP, CLIP, out=column)
    return points


def sampled(people: pl.DataFrame, size: int, salt: str) -> NDArray[np.bool_]:
    """Who is fitted on: everyone, or the so many people whose digests are smallest."""
    if people.height <= size:
        return np.ones(people.height, dtype=bool)
    drawn = people.select(digest(salt, pl.col("customer_id"))).to_series().to_numpy()
    return np.asarray(drawn < np.partition(drawn, size)[size])
