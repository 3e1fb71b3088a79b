"""Expected rewards of actions, each from a fit that did not see the person, for doubly robust estimates.

Folds are of people, by a digest, so that the nights of one person are never on
both sides. The fit is a ridge regression: a doubly robust estimate is right even
when the model is not, so it has to be quick and steady rather than best.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.evaluation.validity import Floats
from pipelines.expressions.digest import digest

FOLDS = 5
#: Ridge penalty on standardised features: as if so many more rewards had been seen that say nothing.
PENALTY = 10.0


def fold_of(keys: pl.Series, *, folds: int, salt: str) -> NDArray[np.int64]:
    """Fold of each row, 0 to `folds` - 1; equal keys are in one fold, whatever else is in the log."""
    drawn = pl.DataFrame({"key": keys}).select(digest(salt, pl.col("key")) % folds)
    return drawn.to_series().cast(pl.Int64).to_numpy()


def action_features(actions: pl.DataFrame, *, numbers: Sequence[str], kinds: str) -> Floats:
    """Standardised numbers, and one indicator per kind of action in the order of their names."""
    columns = [actions[name].cast(pl.Float64).to_numpy() for name in numbers]
    names = actions[kinds]
    columns += [(names == kind).cast(pl.Float64).to_numpy() for kind in sorted(names.unique())]
    return np.column_stack([_standardised(column) for column in columns])


def _standardised(column: Floats) -> Floats:
    spread = float(column.std())
    return (column - column.mean()) / spread if spread > 0 else np.zeros_like(column)


def cross_fitted_rewards(
    features: Floats,
    rewards: Floats,
    is_taken: NDArray[np.bool_],
    fold: NDArray[np.int64],
    *,
    penalty: float = PENALTY,
) -> Floats:
    """Expected reward of every action, from the actions taken in the other folds.

    Args:
        features: One row per action.
        rewards: Reward of the decision that the action belongs to.
        is_taken: Actions whose reward was seen; only these are learnt from.
        fold: Of each action's person.
        penalty: Strength of the ridge.
    """
    predicted = np.zeros(len(rewards))
    for one in np.unique(fold):
        is_seen, is_held_out = is_taken & (fold != one), fold == one
        if is_seen.any():
            slopes, mean = _ridge(features[is_seen], rewards[is_seen], penalty)
            predicted[is_held_out] = mean + features[is_held_out] @ slopes
    return predicted


def _ridge(features: Floats, rewards: Floats, penalty: float) -> tuple[Floats, float]:
    """Slopes and intercept; the intercept is not shrunk (Hoerl and Kennard 1970)."""
    centre, mean = features.mean(axis=0), float(rewards.mean())
    centred = features - centre
    gram = centred.T @ centred + penalty * np.eye(features.shape[1])
    slopes = np.asarray(np.linalg.solve(gram, centred.T @ (rewards - mean)), np.float64)
    return slopes, mean - float(centre @ slopes)
