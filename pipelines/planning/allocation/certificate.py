"""How far a choice is from the best one possible, at most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.allocation.dual import Prices
from pipelines.planning.allocation.margins import Rows
from pipelines.planning.allocation.problem import NONE, Bools, ChoiceProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a choice is worth, what no choice exceeds, and what is used of the limits.

    Attributes:
        value: Sum of the values that were chosen.
        bound: Value that no choice within the limits exceeds.
        gap: What is missing to the bound, as a share of it; 0 when both are 0.
        used: Units by limit.
        is_held: By limit, whether it is kept, minimums without any relaxation.
    """

    value: float
    bound: float
    gap: float
    used: NDArray[np.int64]
    is_held: Bools


def certify(problem: ChoiceProblem, prices: Prices, chosen: Rows) -> Certificate:
    """Compare a choice with the bound of the prices; no trust in how the choice was made."""
    rows = chosen[chosen != NONE]
    value = float(problem.values[rows].sum(dtype=np.float64))
    missing = prices.bound - value
    used = units_used(problem, chosen)
    return Certificate(
        value=value,
        bound=prices.bound,
        gap=missing / abs(prices.bound) if prices.bound else missing,
        used=used,
        is_held=np.where(problem.is_minimum, used >= problem.sizes, used <= problem.sizes),
    )


def units_used(problem: ChoiceProblem, chosen: Rows) -> NDArray[np.int64]:
    """Units by limit, in whole numbers."""
    groups = np.flatnonzero(chosen != NONE)
    kinds = problem.kinds[chosen[groups]].astype(np.intp)
    used = np.empty(problem.limit_count, np.int64)
    for limit, units in enumerate(problem.weights.astype(np.int64)):
        of_groups = units[kinds]
        used[limit] = (
            of_groups.sum() if problem.members is None else of_groups[problem.members[limit, groups]].sum()
        )
    return used
