"""Whether actions were taken as often as their propensities say: else what is left of the log was selected.

Rounds that were changed after the draw are left out, and which ones those are
depends on what was drawn: where a full channel sends its draws away, hardly any
of them is left. Weights may average 1 all the same, since losses of one action
and the surplus of another cancel; the counts of each kind do not.
"""

import math
from dataclasses import dataclass

import polars as pl

#: Standard errors by which a kind may miss: with 50 kinds, one in 300 sound logs has such a kind.
LARGEST_MISS = 4.0


@dataclass(frozen=True, slots=True)
class Misfit:
    """A kind of action that was taken too often or too seldom."""

    kind: str
    taken_count: int
    expected_count: float
    standard_errors: float


def worst_misfit(actions: pl.DataFrame) -> Misfit | None:
    """The kind that misses most, if any misses by more than draws explain.

    Draws of different rounds are independent, so the count of a kind has the
    variance Σ p (1 - p).

    Args:
        actions: `kind`, `propensity` and `is_taken`, one row per action of a round.
    """
    chance = pl.col("propensity")
    counts = (
        actions.group_by("kind")
        .agg(
            taken=pl.col("is_taken").sum(),
            expected=chance.sort().sum(),
            variance=(chance * (1 - chance)).sort().sum(),
        )
        .sort("kind")
    )
    misfits = [
        Misfit(kind, taken, expected, (taken - expected) / math.sqrt(variance))
        for kind, taken, expected, variance in counts.iter_rows()
        if variance > 0
    ]
    worst = max(misfits, key=lambda one: abs(one.standard_errors), default=None)
    return worst if worst is not None and abs(worst.standard_errors) > LARGEST_MISS else None
