"""The choice of a night as arrays: groups that take at most one of their rows, under limits that all share.

Knows nothing of tables, people or channels. Rows of a group stand together, so a
group is a pair of offsets; what a row uses of the limits depends on its kind alone,
and whether a limit looks at it on its group alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]
Numbers = NDArray[Any]

#: Row of a group that takes none.
NONE = -1
#: Beyond it a float no longer tells whole numbers apart.
_LARGEST_WHOLE = 2.0**53
_NAMED_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceProblem:
    """Groups that choose at most one of their rows, under limits that all share.

    Attributes:
        values: Expected net value by row; 32 bits halve the memory, sums are of 64 either way.
        offsets: Rows of group i are offsets[i]:offsets[i + 1]; a group may be empty.
        kinds: Column of `weights` by row; bytes are enough for a hundred kinds.
        weights: Units of a limit that a row of the kind uses, [limits, kinds]: one message, minor units of
            money; whole and not negative, so that what is used can be summed exactly.
        sizes: Units by limit, not negative.
        is_minimum: By limit, whether at least the size is to be used instead of at most.
        members: Groups that a limit looks at, [limits, groups]; null when all limits look at all.
    """

    values: Floats
    offsets: Ints
    kinds: Ints
    weights: Floats
    sizes: Floats
    is_minimum: Bools
    members: Bools | None = None

    def __post_init__(self) -> None:
        self._refuse_other_shapes()
        _refuse_rows(~np.isfinite(self.values), "have a value that is not a finite number")
        _refuse_rows((self.kinds < 0) | (self.kinds >= self.weights.shape[1]), "are of no known kind")
        if not _are_whole(self.weights):
            raise ValueError("weights are whole units and not negative; money comes in minor units")
        if not (np.isfinite(self.sizes).all() and (self.sizes >= 0).all()):
            raise ValueError("sizes of limits are finite and not negative; what is used up has size 0")

    def _refuse_other_shapes(self) -> None:
        counts = np.diff(self.offsets)
        if len(self.offsets) < 1 or self.offsets[0] != 0 or (counts < 0).any():
            raise ValueError("offsets begin at 0 and never fall")
        if not len(self.values) == len(self.kinds) == self.offsets[-1]:
            raise ValueError("values and kinds have as many rows as the offsets say")
        limits = len(self.sizes)
        if self.weights.shape[:1] != (limits,) or self.is_minimum.shape != (limits,):
            raise ValueError("every limit has a row of weights, a size and a direction")
        if self.members is not None and self.members.shape != (limits, len(counts)):
            raise ValueError("members are limits by groups")

    @property
    def group_count(self) -> int:
        return len(self.offsets) - 1

    @property
    def limit_count(self) -> int:
        return len(self.sizes)

    @property
    def signs(self) -> Floats:
        """1 for a maximum, -1 for a minimum: minimums are maximums of the negative."""
        return np.where(self.is_minimum, -1.0, 1.0)


def group_of_rows(problem: ChoiceProblem) -> NDArray[np.int64]:
    return np.repeat(np.arange(problem.group_count), np.diff(problem.offsets))


def mean_positive_value(problem: ChoiceProblem) -> float:
    """Mean of the values above 0, the unit of temperatures; 1 without any, as every scale will do then."""
    is_positive = problem.values > 0
    count = int(np.count_nonzero(is_positive))
    if count == 0:
        return 1.0
    return float(np.sum(problem.values, dtype=np.float64, where=is_positive)) / count


def _are_whole(weights: Floats) -> bool:
    is_whole = (weights >= 0) & (weights < _LARGEST_WHOLE) & (weights == np.floor(weights))
    return bool(is_whole.all())


def _refuse_rows(is_bad: Bools, what: str) -> None:
    if is_bad.any():
        bad = np.flatnonzero(is_bad)
        named = ", ".join(str(row) for row in bad[:_NAMED_ROWS])
        more = "" if len(bad) <= _NAMED_ROWS else f" and {len(bad) - _NAMED_ROWS} more"
        raise ValueError(f"rows {named}{more} {what}")
