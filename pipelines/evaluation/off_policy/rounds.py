"""What off-policy estimators look at: logged rounds as arrays, and how they are taken from actions in rows.

A round is one decision: an action was drawn from the logged policy, and its
reward was seen. The rewards of all other actions are unknown.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.evaluation.validity import Floats

Ints = NDArray[np.int64]
#: By how much probabilities of one round may miss 1: they are published with nine decimals.
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRounds:
    """One entry per round.

    Attributes:
        keys: What is independent of each other: the person, as what one person does on several nights goes
            together. A bootstrap draws keys, and sums of errors are taken per key.
        rewards: Of the action that was taken.
        propensities: Probability of that action under the policy that logged; above 0.
        probabilities: The same under the policy that is evaluated.
        predicted: Reward that a model expects of that action, from a fit that did not see the round.
        direct: The model's expected reward under the policy that is evaluated, over all actions of the round.
        unsupported: Probability that the policy gives to actions which the logged policy never took.
    """

    keys: pl.Series
    rewards: Floats
    propensities: Floats
    probabilities: Floats
    predicted: Floats
    direct: Floats
    unsupported: Floats

    def __post_init__(self) -> None:
        columns = {
            name: getattr(self, name)
            for name in ("rewards", "propensities", "probabilities", "predicted", "direct", "unsupported")
        }
        if len(self.keys) == 0:
            raise ValueError("there is no logged round")
        for name, column in columns.items():
            if column.shape != (len(self.keys),) or not np.isfinite(column).all():
                raise ValueError(f"{name} must be one finite number a round")
        if not ((columns["propensities"] > 0) & (columns["propensities"] <= 1 + TOLERANCE)).all():
            raise ValueError("an action that was taken has a propensity above 0, and at most 1")
        if not ((columns["probabilities"] >= 0) & (columns["probabilities"] <= 1 + TOLERANCE)).all():
            raise ValueError("a probability lies between 0 and 1")

    def __len__(self) -> int:
        return len(self.keys)


def rounds_from_actions(actions: pl.DataFrame, predicted: Floats) -> LoggedRounds:
    """Rounds of frames with one row per action, `no send` being one of them.

    Args:
        actions: `decision_id`, `customer_id`, `propensity` and `probability` of every action under the two
            policies, `is_taken` for exactly one of each decision, and `reward` of the decision.
        predicted: Expected reward of each row.

    Raises:
        ValueError: A decision has no action that was taken, more than one, or probabilities that are not 1.
    """
    # In one order within a decision, so that sums of floats are the same however the rows come.
    rows = actions.select(
        "decision_id", "customer_id", "propensity", "probability", "is_taken", "reward", predicted=predicted
    ).sort("decision_id", "predicted", "propensity", "probability")
    is_taken = pl.col("is_taken")
    never_taken = pl.col("propensity") <= 0
    expected = (pl.col("probability") * pl.col("predicted")).sum()
    rounds = rows.group_by("decision_id", maintain_order=True).agg(
        pl.col("customer_id").first(),
        pl.col("reward", "propensity", "probability", "predicted").filter(is_taken).first(),
        taken_count=is_taken.sum(),
        total=pl.col("probability").sum(),
        logged_total=pl.col("propensity").sum(),
        direct=expected,
        unsupported=pl.col("probability").filter(never_taken).sum(),
    )
    _require_whole(rounds)
    return LoggedRounds(
        keys=rounds["customer_id"],
        rewards=rounds["reward"].cast(pl.Float64).to_numpy(),
        propensities=rounds["propensity"].to_numpy(),
        probabilities=rounds["probability"].to_numpy(),
        predicted=rounds["predicted"].to_numpy(),
        direct=rounds["direct"].to_numpy(),
        unsupported=rounds["unsupported"].to_numpy(),
    )


def _require_whole(rounds: pl.DataFrame) -> None:
    problems = {
        "an action that was taken, and only one": pl.col("taken_count") != 1,
        "probabilities of the evaluated policy that sum to 1": (pl.col("total") - 1).abs() > TOLERANCE,
        "propensities that sum to 1": (pl.col("logged_total") - 1).abs() > TOLERANCE,
    }
    for what, is_broken in problems.items():
        broken = rounds.filter(is_broken)["decision_id"]
        if len(broken):
            raise ValueError(f"{len(broken)} decisions lack {what}; the first is {broken[0]}")
