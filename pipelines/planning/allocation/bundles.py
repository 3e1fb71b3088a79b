"""At most two rows a group, as a choice of one: every pair that may meet becomes a row of its own."""

from dataclasses import dataclass

import numpy as np

from pipelines.planning.allocation.margins import Rows
from pipelines.planning.allocation.problem import NONE, Bools, ChoiceProblem, Floats, group_of_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """A problem whose rows are one or two rows of another.

    Attributes:
        problem: The choice among bundles; rows of a group are its single rows, then pairs, in their order.
        first: Row of the other problem, by bundle.
        second: The other row of a pair, which stands behind the first; NONE for a single row.
    """

    problem: ChoiceProblem
    first: Rows
    second: Rows

    def rows_of(self, chosen: Rows) -> tuple[Rows, Rows]:
        """First and second row by group, given the bundle that was chosen by group."""
        has_bundle = chosen != NONE
        return (
            np.where(has_bundle, self.first[chosen], NONE),
            np.where(has_bundle, self.second[chosen], NONE),
        )


def bundle_pairs(problem: ChoiceProblem, may_meet: Bools | None = None) -> Bundles:
    """Expand to single rows and pairs; a pair is worth, and uses, what its rows do together.

    Rows grow with the square of a group's rows.

    Args:
        problem: Groups that may take two of their rows.
        may_meet: Kinds of which a group may have both, [kinds, kinds], symmetric; null when all may meet.
    """
    kind_count = problem.weights.shape[1]
    allowed = np.ones((kind_count, kind_count), np.bool_) if may_meet is None else may_meet
    first, second = _pairs(problem)
    meets = allowed[problem.kinds[first], problem.kinds[second]]
    rows = np.arange(len(problem.values))
    first = np.concatenate([rows, first[meets]])
    second = np.concatenate([np.full(len(rows), NONE), second[meets]])
    group = group_of_rows(problem)[first]
    order = np.argsort(group, kind="stable")
    first, second, group = first[order], second[order], group[order]
    kinds, weights = _kinds(problem, first, second)
    is_pair = second != NONE
    bundled = ChoiceProblem(
        values=problem.values[first] + np.where(is_pair, problem.values[second], 0),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(group, minlength=problem.group_count))]),
        kinds=kinds,
        weights=weights,
        sizes=problem.sizes,
        is_minimum=problem.is_minimum,
        members=problem.members,
    )
    return Bundles(problem=bundled, first=first, second=second)


def _pairs(problem: ChoiceProblem) -> tuple[Rows, Rows]:
    """Both rows of every pair within a group: groups of one size at a time, then by first and second row."""
    counts = np.diff(problem.offsets)
    first, second = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for count in np.unique(counts).tolist():
        begins = problem.offsets[:-1][counts == count]
        left, right = np.triu_indices(count, 1)
        first.append((begins[:, None] + left).ravel())
        second.append((begins[:, None] + right).ravel())
    return np.concatenate(first).astype(np.int64), np.concatenate(second).astype(np.int64)


def _kinds(problem: ChoiceProblem, first: Rows, second: Rows) -> tuple[np.ndarray, Floats]:
    """Kinds of bundles and what they use; a kind is a kind of before, or two that occur together."""
    kind_count = problem.weights.shape[1]
    # One column more for no second row.
    other = np.where(second == NONE, kind_count, problem.kinds[second].astype(np.int64))
    codes, kinds = np.unique(problem.kinds[first] * np.int64(kind_count + 1) + other, return_inverse=True)
    padded = np.append(problem.weights, np.zeros((problem.limit_count, 1)), axis=1)
    return kinds, padded[:, codes // (kind_count + 1)] + padded[:, codes % (kind_count + 1)]
